# SPDX-License-Identifier: ISC
"""Which next hop: hosts in order, their addresses, MX, what is remembered, what it
costs at most. Names come from a server of our own (the setting `resolver`)."""
import random
import socket
import time

import pytest

from dns import Dns
from harness import (CAPS, Do, Hop, Smtp, base_config, check_config, expect, free_port, rows,
                     out_config, server_context, simple, wait_until)
from net import has_ipv6

LIMITS = {"connect_timeout": 1, "greeting_timeout": 1, "mail_timeout": 3, "data_timeout": 2,
          "final_timeout": 2}
NO_CHUNKING = [x for x in CAPS if x != "CHUNKING"]


@pytest.fixture
def dns():
    started = []

    def make(rows_, **how):
        started.append(Dns(rows_, **how))
        return started[-1]

    yield make
    for one in started:
        one.stop()


@pytest.fixture
def to(gateway, pki, hop):
    """A gateway whose one upstream is given by `hosts` or `mx`; nothing is kept, so
    each message looks for its own connection."""
    def make(hosts=None, mx=None, dns=None, limits=None, **upstream):
        config = base_config(pki, hop())
        upstream = dict({"max_idle": 0}, **upstream)
        if mx:
            upstream["mx"] = mx
        else:
            upstream["hosts"] = [getattr(x, "address", x) for x in hosts]
        config["upstreams"] = {"main": upstream}
        config.set("listeners.in.demote_to", "main").set("listeners.in.peers", [])
        config["limits"] = dict(LIMITS, **(limits or {}))
        if dns:
            config["resolver"] = dns.address
        return gateway(config)
    return make


def send(gw, want=250, chunked=False):
    """One message; the reply that ended it."""
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        got = c.cmd("RCPT TO:<r@contoso.com>")
        if got.code == 250:
            got = c.cmd("DATA")
            if got.code == 354:
                c.send(simple() + b".\r\n")
                got = c.reply()
        return expect(got, want)


def tries(one):
    """Connections but those that only asked what it can do."""
    return [s for s in one.sessions if any(x.startswith(b"MAIL") for x in s.lines)]


def port25():
    """A loopback address whose port 25 is free: MX names no port."""
    for _ in range(20):
        host = "127.53.%d.%d" % (random.randrange(1, 255), random.randrange(1, 255))
        with socket.socket() as s:
            try:
                s.bind((host, 25))
                return host
            except PermissionError:
                pytest.skip("port 25 cannot be bound")
            except OSError:
                continue
    return pytest.skip("no free port 25 on the loopback")


@pytest.fixture
def at25(hop):
    """A factory of hops on port 25; their addresses in .host."""
    return lambda **how: hop(host=port25(), port=25, **how)


# --- hosts -----------------------------------------------------------------------------

def test_in_order(to, hop):
    first, second = hop(), hop()
    gw = to([first, second])
    for _ in range(3):
        send(gw)
    assert len(first.messages) == 3 and tries(second) == []


@pytest.mark.parametrize("id, script", rows(
    ("banner-554", {"banner": "554 5.3.2 no"}), ("banner-421", {"banner": "421 4.3.2 no"}),
    ("banner-fin", {"banner": Do.fin}), ("banner-rst", {"banner": Do.rst}),
    ("banner-stall", {"banner": Do.stall}), ("banner-garbage", {"banner": b"\xff\0\r\n"}),
    ("ehlo-421", {"ehlo": "421 4.3.2 no"}), ("ehlo-fin", {"ehlo": Do.fin}),
    ("ehlo-stall", {"ehlo": Do.stall}), ("both-5xx", {"ehlo": "500 no", "helo": "500 no"})))
def test_failover(to, hop, id, script):
    first, second = hop(script=script), hop()
    gw = to([first, second], limits={"mail_timeout": 30})
    start = time.monotonic()
    send(gw)
    assert time.monotonic() - start < 15	# each wait has a bound of its own
    second.one()
    assert first.tries == []


@pytest.mark.parametrize("code", ("300", "350", "355", "399"))
def test_no_content_behind_another_code(to, hop, code):
    """It would run as commands there."""
    one = hop(caps=[x for x in CAPS if x != "CHUNKING"], script={"data": code + " go on"})
    send(to([one]), "451")
    assert one.messages == [] and not [x for x in one.lines() if x.startswith(b"Subject")]


def test_failover_from_a_closed_port(to, hop):
    second = hop()
    gw = to(["127.0.0.1:%d" % free_port(), second])
    send(gw)
    assert len(second.messages) == 1


def test_failover_from_a_black_hole(to, hop):
    """No answer to SYN: the next after connect_timeout."""
    hole, second = socket.socket(), hop()
    hole.bind(("127.0.0.1", 0))
    hole.listen(0)
    full = [socket.socket() for _ in range(4)]
    for s in full:
        s.setblocking(False)
        s.connect_ex(hole.getsockname())
    try:
        gw = to(["127.0.0.1:%d" % hole.getsockname()[1], second])
        start = time.monotonic()
        send(gw)
        assert time.monotonic() - start < 3
        start = time.monotonic()
        send(gw)			# remembered
        assert time.monotonic() - start < 0.8
    finally:
        for s in full + [hole]:
            s.close()
    assert len(second.messages) == 2


# The first host breaks off in the envelope: nothing is committed, so the second gets
# it all, and the client sees none of it.
@pytest.mark.parametrize("id, script", rows(
    ("mail-fin", {"mail": Do.fin}), ("mail-rst", {"mail": Do.rst}),
    ("mail-421", {"mail": "421 4.3.2 no"}), ("rcpt-fin", {"rcpt": Do.fin}),
    ("rcpt-421", {"rcpt": "421 4.3.2 no"}), ("second-rcpt", {"rcpt": [None, Do.fin]})))
@pytest.mark.parametrize("kept", (False, True))
def test_failover_in_the_envelope(to, hop, id, script, kept):
    first, second = hop(script=script), hop()
    gw = to([first, second], max_idle=1 if kept else 0)
    for n in (1, 2):
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.deliver(simple(), to=["a@contoso.com", "b@contoso.com"])
        assert [m.recipients for m in second.messages] == \
            [["a@contoso.com", "b@contoso.com"]] * n
    assert first.messages == []
    # Remembered; where it was kept since it had been asked, it breaks off twice.
    assert len(tries(first)) == (2 if kept else 1)


def test_failover_between_rcpt_and_data(to, hop):
    first, second = hop(), hop()
    gw = to([first, second])
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        first.cut_all()
        assert wait_until(lambda: tries(second))
        c.data(simple())
    assert len(second.messages) == 1 and first.messages == []


def test_failover_is_bounded(to, hop):
    """All break off: two more are asked, then 451."""
    hops = [hop(script={"mail": Do.fin}) for _ in range(4)]
    gw = to(hops)
    send(gw, "451")
    assert [len(tries(x)) for x in hops] == [1, 1, 1, 0]


def test_a_refusal_is_no_loss(to, hop):
    """451 to the sender or a recipient is an answer."""
    for phase in ("mail", "rcpt"):
        first, second = hop(script={phase: "451 4.7.1 greylisted"}), hop()
        gw = to([first, second])
        send(gw, "451")
        assert tries(second) == []


# The first host fails here: the second must not be asked.
AFTER = rows(
    ("data", {"data": Do.fin}, NO_CHUNKING), ("data-421", {"data": "421 4.3.2 no"}, NO_CHUNKING),
    ("content", {"content": Do.after(0, Do.rst)}, NO_CHUNKING),
    ("dot", {"final": Do.fin}, CAPS), ("dot-451", {"final": "451 4.3.0 no"}, CAPS),
    ("dot-421", {"final": "421 4.3.0 no"}, CAPS), ("dot-stall", {"final": Do.stall}, CAPS),
    ("gap", {"committed": Do.fin}, CAPS), ("gap-rst", {"committed": Do.rst}, CAPS),
    ("gap-half", {"committed": b"250"}, CAPS),
)


@pytest.mark.parametrize("id, script, caps", AFTER)
def test_no_failover(to, hop, id, script, caps):
    first, second = hop(script=script, caps=caps), hop()
    gw = to([first, second])
    send(gw, "4xx")
    assert second.tries == [] and tries(second) == []


def test_5xx_is_final(to, hop):
    first, second = hop(script={"rcpt": "550 5.1.1 no"}), hop()
    gw = to([first, second])
    send(gw, "550")
    assert tries(second) == []


@pytest.mark.parametrize("id, script, how", rows(
    ("banner-554", {"banner": "554 5.3.2 no mail here"}, {}),
    ("banner-521", {"banner": "521 5.3.2 no mail here"}, {}),
    ("banner-530", {"banner": "530 5.7.0 no"}, {}),
    ("ehlo-504", {"ehlo": "504 5.5.2 no", "helo": "504 5.5.2 no"}, {}),
    ("ehlo-530", {"ehlo": "530 5.7.0 no", "helo": "530 5.7.0 no"}, {}),
    ("ehlo-550", {"ehlo": "550 5.7.1 no", "helo": "550 5.7.1 no"}, {}),
    ("lhlo-504", {"ehlo": "504 5.5.2 no"}, {"lmtp": True}),
    ("lhlo-550", {"ehlo": "550 5.7.1 no"}, {"lmtp": True}),
    ("xclient-550", {"xclient": "550 5.7.0 no"}, {"xclient": True}),
    ("xclient-501", {"xclient": "501 5.5.4 no"}, {"xclient": True}),
    ("xclient-503", {"xclient": "503 5.5.1 no"}, {"xclient": True}),
    ("proxy", {"banner": "554 5.7.0 no PROXY for you"}, {"proxy": True}),
    ("mail-530", {"mail": "530 5.7.0 Must issue a STARTTLS command first"}, {}),
    ("mail-530-auth", {"mail": "530 5.7.57 Client not authenticated"}, {}),
    ("helo-then-mail-503", {"ehlo": "502 5.5.1 what", "mail": "503 5.5.1 EHLO first"}, {}),
    ("rcpt-530", {"rcpt": "530 5.7.1 Authentication required"}, {}),
    ("data-502", {"data": "502 5.5.1 what"}, {"caps": NO_CHUNKING}),
    ("bdat-502", {"final": "502 5.5.1 what"}, {}),
    ("final-530", {"final": "530 5.7.0 no"}, {"caps": NO_CHUNKING})))
def test_words_about_itself(gateway, pki, hop, id, script, how):
    """Nobody's mail bounces for what the next hop wants of the gateway."""
    one = hop(script=script, **how)
    config = base_config(pki, one, one)
    for upstream in config["upstreams"].values():
        upstream["protocol"] = "lmtp" if "lmtp" in how else "smtp"
        upstream["handover"] = "xclient" if "xclient" in how else \
            "proxy" if "proxy" in how else "none"
    config["limits"] = dict(LIMITS)
    gw = gateway(config)
    assert send(gw, 451).code == 451
    assert one.messages == []


def test_dead_host_is_remembered(to, hop):
    first, second = hop(script={"banner": "554 5.3.2 no"}), hop()
    gw = to([first, second])
    send(gw)
    before = len(first.sessions)
    for _ in range(5):
        send(gw)
    assert len(first.sessions) == before
    assert len(second.messages) == 6


def test_dead_host_is_the_last_resort(to, hop):
    """All others fail, too: then it is its turn all the same."""
    first, second = hop(script={"banner": ["554 no", "554 no", None]}), hop()
    gw = to([first, second])
    wait_until(lambda: first.sessions and second.sessions)
    send(gw)
    second.script["banner"] = "554 no"
    first.turn = {}
    first.script = {}
    send(gw)
    assert len(first.messages) + len(second.messages) == 2


def test_single_host_is_always_tried(to, hop):
    one = hop(script={"banner": "421 4.3.2 no"})
    gw = to([one])
    send(gw, 451)
    one.script = {}
    send(gw)


def test_all_down(to):
    gw = to(["127.0.0.1:%d" % free_port() for _ in range(3)])
    start = time.monotonic()
    send(gw, "451 4.4.1")
    assert time.monotonic() - start < 3
    gw.check()


def test_attempts_are_bounded(to, hop):
    """Thirty hosts that refuse, and one that would not: ten tries a message."""
    hops = [hop(script={"banner": "421 4.3.2 no"}) for _ in range(30)] + [hop()]
    gw = to(hops)
    def n_tried():
        return sum(len(x.sessions) for x in hops)
    assert wait_until(lambda: n_tried() >= 10)
    # The question is over once nobody else is asked.
    assert not wait_until(lambda: n_tried() > 10, 0.3)
    # Those ten are left out at first, and ten others asked.
    for n in (20, 30):
        send(gw, "451")
        assert n_tried() == n
    send(gw, "250")
    assert len(hops[-1].messages) == 1 and n_tried() == 31


# --- names -----------------------------------------------------------------------------

def test_a(to, hop, dns):
    one = hop()
    gw = to(["hop.test:%d" % one.port], dns=dns({("hop.test", "A"): ["127.0.0.1"]}))
    send(gw)
    one.one()


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_aaaa(to, hop, dns):
    one = hop(host="::1")
    gw = to(["hop.test:%d" % one.port], dns=dns({("hop.test", "AAAA"): ["::1"]}))
    send(gw)
    one.one()


def test_aaaa_is_down(to, hop, dns):
    """IPv6 first, then IPv4."""
    one = hop()
    gw = to(["hop.test:%d" % one.port], dns=dns({
        ("hop.test", "AAAA"): ["::1"], ("hop.test", "A"): ["127.0.0.1"]}))
    send(gw)
    one.one()


def test_several_addresses(to, hop, dns):
    one = hop(host="127.0.0.9")
    gw = to(["hop.test:%d" % one.port], dns=dns({
        ("hop.test", "A"): ["127.0.0.7", "127.0.0.8", "127.0.0.9"]}))
    send(gw)
    one.one()


def test_cname(to, hop, dns):
    one = hop()
    gw = to(["www.hop.test:%d" % one.port], dns=dns({
        ("www.hop.test", "CNAME"): ["hop.test"], ("hop.test", "A"): ["127.0.0.1"]}))
    send(gw)
    one.one()


@pytest.mark.parametrize("id, manner", rows(("nxdomain", {}), ("servfail", {"hop.test": "servfail"})))
def test_no_address(to, dns, id, manner):
    gw = to(["hop.test:25"], dns=dns({}, manner=manner))
    send(gw, "451 4.4.1")


def test_unknown_name_then_a_known_one(to, hop, dns):
    one = hop()
    gw = to(["no.test:25", "hop.test:%d" % one.port],
            dns=dns({("hop.test", "A"): ["127.0.0.1"]}))
    send(gw)
    one.one()


def test_silent_server(to, dns):
    """EHLO does not wait for DNS: within 6 s."""
    gw = to(["hop.test:25"], dns=dns({}, manner={"hop.test": "silent"}))
    with Smtp(gw.port()) as c:
        start = time.monotonic()
        c.ehlo()
        assert time.monotonic() - start < 6
        assert c.is_open()


def test_asked_once_within_the_ttl(to, hop, dns):
    one = hop()
    server = dns({("hop.test", "A"): ["127.0.0.1"]})
    gw = to(["hop.test:%d" % one.port], dns=server)
    for _ in range(5):
        send(gw)
    assert len(one.messages) == 5
    assert server.count("hop.test", "A") == 1 and server.count("hop.test", "AAAA") <= 1


def test_asked_again_behind_the_ttl(to, hop, dns):
    first, second = hop(), None
    server = dns({("hop.test", "A"): ["127.0.0.1"]}, ttl=1)
    gw = to(["hop.test:%d" % first.port], dns=server)
    send(gw)
    second = hop(host="127.0.0.9", port=first.port)
    server.rows["hop.test", "A"] = ["127.0.0.9"]
    asked = server.count("hop.test", "A")
    wait_until(lambda: not send(gw) or second.messages, 4, 0.2)
    assert len(second.messages) == 1 and server.count("hop.test", "A") > asked


def test_ttl_of_nothing(to, hop, dns):
    one = hop()
    server = dns({("hop.test", "A"): ["127.0.0.1"]}, ttl=0)
    gw = to(["hop.test:%d" % one.port], dns=server)
    for _ in range(3):
        send(gw)
    assert server.count("hop.test", "A") >= 3


def test_ttl_of_the_alias_counts(to, hop, dns):
    one = hop()
    server = dns({("www.hop.test", "CNAME"): ["hop.test"], ("hop.test", "A"): ["127.0.0.1"]},
                 ttl={"CNAME": 0, "A": 300})
    gw = to(["www.hop.test:%d" % one.port], dns=server)
    for _ in range(3):
        send(gw)
    assert server.count("www.hop.test") >= 3


# --- MX --------------------------------------------------------------------------------

def test_preference(to, at25, dns):
    first, second, third = at25(), at25(), at25()
    gw = to(mx="contoso.test", dns=dns({
        ("contoso.test", "MX"): [(30, "c.test"), (10, "a.test"), (20, "b.test")],
        ("a.test", "A"): [first.host], ("b.test", "A"): [second.host],
        ("c.test", "A"): [third.host]}))
    send(gw)
    first.one()
    first.script["banner"] = "554 no"
    send(gw)
    second.one()
    second.script["banner"] = Do.fin
    send(gw)
    third.one()
    sessions = len(first.sessions)
    send(gw)				# both are known to be dead
    assert len(third.messages) == 2 and len(first.sessions) == sessions


def test_equal_preference(to, at25, dns):
    hops = [at25(), at25()]
    gw = to(mx="contoso.test", dns=dns({
        ("contoso.test", "MX"): [(10, "a.test"), (10, "b.test")],
        ("a.test", "A"): [hops[0].host], ("b.test", "A"): [hops[1].host]}))
    # Remembered for an hour, and yet each has its share: 1 in 2^23 that not.
    for _ in range(24):
        send(gw)
    assert sum(len(x.messages) for x in hops) == 24
    assert all(x.messages for x in hops)


def test_equal_preference_among_others(to, at25, dns):
    """The order of preferences stays."""
    first, third = at25(), at25()
    second = [at25() for _ in range(2)]
    gw = to(mx="contoso.test", dns=dns({
        ("contoso.test", "MX"): [(20, "b.test"), (10, "a.test"), (20, "c.test"),
                                 (30, "d.test")],
        ("a.test", "A"): [first.host], ("b.test", "A"): [second[0].host],
        ("c.test", "A"): [second[1].host], ("d.test", "A"): [third.host]}))
    send(gw)
    first.one()
    first.script["banner"] = "554 no"
    for _ in range(24):
        send(gw)
    assert all(x.messages for x in second) and third.messages == []


def test_no_mx(to, at25, dns):
    """The domain itself (RFC 5321 5.1)."""
    one = at25()
    gw = to(mx="contoso.test", dns=dns({("contoso.test", "A"): [one.host]}))
    send(gw)
    one.one()


# Whose certificate the exchanger has, what DNS says of contoso.test, tls_name, want.
EVIL = {("contoso.test", "MX"): [(10, "mx.evil.test")], ("mx.evil.test", "A"): None}
OWN = {("contoso.test", "MX"): [(10, "mx.contoso.test")], ("mx.contoso.test", "A"): None}
ALIAS = {("contoso.test", "MX"): [(10, "mx.contoso.test")],
         ("mx.contoso.test", "CNAME"): ["mx.evil.test"], ("mx.evil.test", "A"): None}
NONE = {("contoso.test", "A"): None}


@pytest.mark.parametrize("id, names, records, tls_name, want", rows(
    ("evil", ["mx.evil.test"], EVIL, None, 451),
    ("evil-alias", ["mx.evil.test"], ALIAS, None, 451),
    ("evil-neighbour", ["mx.xcontoso.test"], {
        ("contoso.test", "MX"): [(10, "mx.xcontoso.test")],
        ("mx.xcontoso.test", "A"): None}, None, 451),
    ("evil-for-tls-name", ["mx.evil.test"], EVIL, "mail.contoso.test", 451),
    ("evil-wildcard-above", ["*.test"], EVIL, None, 451),
    ("own", ["mx.contoso.test"], OWN, None, 250),
    ("own-by-alias", ["mx.contoso.test"], ALIAS, None, 250),
    ("own-wildcard", ["*.contoso.test"], OWN, None, 250),
    ("domain-itself", ["contoso.test"], NONE, None, 250),
    ("elsewhere-for-the-domain", ["contoso.test"], EVIL, None, 250),
    ("elsewhere-by-tls-name", ["mx.evil.test"], EVIL, "mx.evil.test", 250)))
def test_mx_is_no_identity(gateway, pki, hop, dns, id, names, records, tls_name, want):
    """An MX of unsigned DNS: neither XOORG nor our certificate for whoever it names."""
    cert = pki.make("mx-" + id, names[0], san=names, cn=None)
    one = hop(host=port25(), port=25, caps_tls=CAPS + ("XOORG",),
              tls=server_context(cert, client_ca=pki.ca))
    records = {k: [one.host] if v is None else v for k, v in records.items()}
    config = out_config(pki, one, xoorg="contoso.com")
    upstream = config["upstreams"]["exchange"]
    del upstream["hosts"], upstream["tls_name"]
    upstream["mx"] = "contoso.test"
    if tls_name:
        upstream["tls_name"] = tls_name
    config["resolver"] = dns(records).address
    gw = gateway(config)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        got = c.cmd("RCPT TO:<r@contoso.com>")
    assert got.code == want
    assert all(s.certificate is None for s in one.sessions) == (want != 250)
    assert any(b"XOORG=" in x for x in one.lines()) == (want == 250)


@pytest.mark.parametrize("id, san, san_ip, want", rows(
    ("address", [], ["127.0.0.1"], 250),
    ("name-alike", ["127.0.0.1"], [], 451),
    ("another", [], ["127.0.0.2"], 451),
    ("of-the-name", ["mail.contoso.test"], [], 451)))
def test_address_is_its_own_identity(gateway, pki, hop, id, san, san_ip, want):
    """An address among `hosts` without a tls_name: a SAN of addresses, no other."""
    cert = pki.make("ip-" + id, "mail.contoso.test", cn=None, san=san, san_ip=san_ip)
    one = hop(caps_tls=CAPS + ("XOORG",), tls=server_context(cert, client_ca=pki.ca))
    config = out_config(pki, one, xoorg="contoso.com")
    del config["upstreams"]["exchange"]["tls_name"]
    gw = gateway(config)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        assert c.cmd("RCPT TO:<r@contoso.com>").code == want


@pytest.mark.parametrize("id, names, want", rows(
    ("as-configured", ["mail.contoso.test"], 250), ("the-alias", ["mx.evil.test"], 451)))
def test_alias_is_no_identity(gateway, pki, hop, dns, id, names, want):
    """A host's CNAME says where it is, not who."""
    cert = pki.make("alias-" + id, names[0], san=names, cn=None)
    one = hop(caps_tls=CAPS + ("XOORG",), tls=server_context(cert, client_ca=pki.ca))
    config = out_config(pki, one, xoorg="contoso.com")
    upstream = config["upstreams"]["exchange"]
    del upstream["tls_name"]
    upstream["hosts"] = ["mail.contoso.test:%d" % one.port]
    config["resolver"] = dns({("mail.contoso.test", "CNAME"): ["mx.evil.test"],
                              ("mx.evil.test", "A"): ["127.0.0.1"]}).address
    gw = gateway(config)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        assert c.cmd("RCPT TO:<r@contoso.com>").code == want


def test_null_mx(to, at25, dns):
    """RFC 7505; never the domain's own address."""
    one = at25()
    gw = to(mx="contoso.test", dns=dns({("contoso.test", "MX"): [(0, "")],
                                        ("contoso.test", "A"): [one.host]}))
    send(gw, "4xx|5xx")
    assert one.sessions == []
    assert wait_until(lambda: any("null MX" in x["said"] for x in gw.events("upstream")))


@pytest.mark.parametrize("manner", ("servfail",))
def test_mx_cannot_be_had(to, at25, dns, manner):
    """Not known is not none: the domain's own address is not tried."""
    one = at25()
    gw = to(mx="contoso.test", dns=dns({("contoso.test", "A"): [one.host]},
                                       manner={"contoso.test": manner}))
    send(gw, "451")
    assert one.sessions == []


def test_mx_without_address(to, at25, dns):
    one = at25()
    gw = to(mx="contoso.test", dns=dns({
        ("contoso.test", "MX"): [(10, "a.test"), (20, "b.test")], ("b.test", "A"): [one.host]}))
    send(gw)
    one.one()


def test_mx_is_an_alias(to, at25, dns):
    one = at25()
    gw = to(mx="contoso.test", dns=dns({
        ("contoso.test", "MX"): [(10, "a.test")], ("a.test", "CNAME"): ["b.test"],
        ("b.test", "A"): [one.host]}))
    send(gw)
    one.one()


@pytest.mark.parametrize("id, ttl, most", rows(
    ("both", 300, 1), ("none", 0, 99), ("addresses-only", {"MX": 0, "A": 300}, 99)))
def test_mx_ttl(to, at25, dns, id, ttl, most):
    one = at25()
    server = dns({("contoso.test", "MX"): [(10, "a.test")], ("a.test", "A"): [one.host]},
                 ttl=ttl)
    gw = to(mx="contoso.test", dns=server)
    for _ in range(4):
        send(gw)
    assert len(one.messages) == 4
    asked = server.count("contoso.test", "MX")
    assert asked <= most and (most == 1 or asked >= 4)
    assert server.count("a.test", "A") == 1 or ttl == 0


def test_no_mx_is_not_asked_each_time(to, at25, dns):
    one = at25()
    server = dns({("contoso.test", "A"): [one.host]})
    gw = to(mx="contoso.test", dns=server)
    for _ in range(4):
        send(gw)
    assert server.count("contoso.test", "MX") == 1 and server.count("contoso.test", "A") == 1


# --- the setting -----------------------------------------------------------------------

@pytest.mark.parametrize("id, value, is_fine", rows(
    ("address", "127.0.0.1:5353", True), ("no-port", "127.0.0.1", True),
    ("ipv6", "[::1]:53", True), ("system", "", True), ("name", "ns.example:53", False),
    ("port", "127.0.0.1:99999", False), ("list", "127.0.0.1,127.0.0.2", False)))
def test_setting(pki, hop, tmp_path, id, value, is_fine):
    config = base_config(pki, hop())
    config["resolver"] = value
    file = tmp_path / "xoorgd.conf"
    file.write_text(config.text())
    code, said = check_config(str(file))
    assert (code == 0) == is_fine, said
    if not is_fine:
        assert "resolver" in said


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_over_ipv6(pki):
    """A resolver on [::1]: the address is written with brackets for c-ares."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s:
        s.bind(("::1", 0))
        s.settimeout(5)
        with Hop() as one:
            config = base_config(pki, one)
            config.set("upstreams.main.hosts", ["hop.test:25"])
            config["resolver"] = "[::1]:%d" % s.getsockname()[1]
            from harness import Gateway
            gw = Gateway(config)
            try:
                question, _ = s.recvfrom(512)
                assert b"\3hop\4test" in question
                gw.stop()
            finally:
                gw.kill()
