# SPDX-License-Identifier: ISC
"""Connections to the next hop are kept and used again: for the same upstream, client
certificate and handover only, within bounds, and never at a message's cost."""
import re
import threading
import time
import urllib.request

import pytest

from harness import (CAPS, Do, Smtp, base_config, expect, out_config, rows, server_context,
                     simple, wait_until)
from net import free_port

LIMITS = {"connect_timeout": 1, "greeting_timeout": 1, "mail_timeout": 2, "data_timeout": 2,
          "final_timeout": 2}


@pytest.fixture
def pool(gateway, pki, hop):
    def make(upstream=None, **how):
        one = hop(**how)
        config = base_config(pki, one, one)
        config["upstreams"]["inbound"].update(upstream or {})
        config["limits"] = dict(LIMITS)
        return gateway(config), one
    return make


def send(gw, want=250, **how):
    with Smtp(gw.port()) as c:
        c.ehlo()
        return c.deliver(simple(), want=want, **how)


def used(one):
    """Sessions of the hop that had a message, tried or done."""
    return [s for s in one.sessions if any(x.startswith(b"MAIL") for x in s.lines)]


def test_one_for_all(pool):
    gw, one = pool()
    for _ in range(10):
        send(gw)
    with Smtp(gw.port()) as c:
        c.ehlo()
        for _ in range(10):
            c.deliver(simple())
    assert len(one.messages) == 20 and len(used(one)) == 1


def test_envelopes_do_not_mix(pool):
    gw, one = pool()
    for i in range(20):
        send(gw, sender="s%d@contoso.com" % i, to=["r%d@contoso.com" % i])
    assert [(m.sender, m.recipients) for m in one.messages] == \
        [("s%d@contoso.com" % i, ["r%d@contoso.com" % i]) for i in range(20)]


def test_side_by_side(pool):
    """Two clients at a time never share a connection."""
    gw, one = pool()
    with Smtp(gw.port()) as c, Smtp(gw.port()) as d:
        for x in (c, d):
            x.ehlo()
            x.mail()
            x.rcpt()
        assert len(used(one)) == 2
        for x in (c, d):
            x.data(simple())
    send(gw)
    assert len(one.messages) == 3 and len(used(one)) == 2


def test_max_idle_none(pool):
    gw, one = pool({"max_idle": 0})
    for _ in range(3):
        send(gw)
    assert len(used(one)) == 3
    assert wait_until(lambda: all(s.closed for s in used(one)))
    assert all(s.lines[-1] == b"QUIT" for s in used(one))


def test_max_idle_one(pool):
    gw, one = pool({"max_idle": 1})
    clients = [Smtp(gw.port()) for _ in range(4)]
    for c in clients:
        c.ehlo()
        c.mail()
        c.rcpt()
    for c in clients:
        c.data(simple())
        c.quit()
    assert wait_until(lambda: sum(s.closed is None for s in used(one)) == 1)


def test_idle_timeout(pool):
    gw, one = pool({"idle_timeout": 1})
    send(gw)
    session, = used(one)
    assert session.closed is None
    assert wait_until(lambda: session.closed, 5)
    assert session.lines[-1] == b"QUIT"
    send(gw)
    assert len(used(one)) == 2


def test_max_connections(pool):
    gw, one = pool({"max_connections": 1})
    with Smtp(gw.port()) as c, Smtp(gw.port()) as d:
        for x in (c, d):
            x.ehlo()
            x.mail()
        c.rcpt()
        start = time.monotonic()
        d.rcpt(want="4xx")
        assert time.monotonic() - start < 2
        c.data(simple())
        d.want("RSET", 250)
        d.deliver(simple())
    assert len(one.messages) == 2
    assert len([s for s in one.sessions]) >= 1 and len(used(one)) == 1


def tenants(gateway, pki, hop, **upstream):
    ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=CAPS + ("XOORG",))
    return gateway(out_config(pki, ex, client_certificate="tenant", client_key=None,
                              xoorg="tenant", **upstream)), ex


def as_tenant(gw, name):
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple(), sender="u@" + name, to="r@elsewhere.example")


@pytest.mark.parametrize("bound", (0, 1))
def test_certificates_do_not_mix(gateway, pki, hop, bound):
    """A connection belongs to the tenant whose certificate it showed; with room for
    one connection alone, the one that is kept for the other gives way."""
    gw, ex = tenants(gateway, pki, hop, max_connections=bound)
    order = ["contoso.com", "fabrikam.com", "contoso.com", "fabrikam.com", "fabrikam.com"]
    for name in order:
        as_tenant(gw, name)
    shown = [m.session.certificate for m in ex.messages]
    assert shown[0] == shown[2] != shown[1] == shown[3] == shown[4]
    assert ["XOORG=" + x in m.params() for x, m in zip(order, ex.messages)] == [True] * 5
    if bound == 0:
        assert len(used(ex)) == 2


def test_C10_value_is_the_message_s(gateway, pki, hop):
    """A connection used again carries no value of the message before."""
    ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=CAPS + ("XOORG",))
    gw = gateway(out_config(pki, ex, xoorg="tenant"))
    for sender in ("u@contoso.com", "u@nobody.example", "u@fabrikam.com"):
        with Smtp(gw.port("out")) as c:
            c.ehlo()
            c.deliver(simple(), sender=sender, to="r@elsewhere.example")
    got = [[x for x in m.params() if x.startswith("XOORG")] for m in ex.messages]
    assert got == [["XOORG=contoso.com"], [], ["XOORG=fabrikam.com"]]
    assert len(used(ex)) == 1


def test_tls_connection_is_kept(gateway, pki, hop):
    """Tickets and what else TLS says to itself are no reason to close it."""
    ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=CAPS + ("XOORG",))
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    for _ in range(20):
        with Smtp(gw.port("out")) as c:
            c.ehlo()
            c.deliver(simple())
    assert len(ex.messages) == 20 and len(used(ex)) == 1


# What may happen to a connection that is used again. Before the content the client
# must not notice; the message goes out over a new one.
LOST = rows(
    ("mail-421", {"mail": [None, "421 4.4.2 idle too long", None]}),
    ("mail-fin", {"mail": [None, Do.fin, None]}),
    ("mail-rst", {"mail": [None, Do.rst, None]}),
    ("rcpt-421", {"rcpt": [None, "421 4.3.2 restarting", None]}),
    ("rcpt-fin", {"rcpt": [None, Do.fin, None]}),
    ("rcpt-rst", {"rcpt": [None, Do.rst, None]}),
)


@pytest.mark.parametrize("pipelining", (True, False))
@pytest.mark.parametrize("id, script", LOST)
def test_replaced_silently(pool, id, script, pipelining):
    gw, one = pool(script=script,
                   caps=CAPS if pipelining else [x for x in CAPS if x != "PIPELINING"])
    send(gw)
    send(gw)
    assert len(one.messages) == 2 and len(used(one)) == 2
    assert len({m.id for m in one.messages}) == 2


def test_replaced_by_a_new_one(pool):
    """All that is kept is dead, and looks alive: a new one, not the next of them."""
    def answer(session, line):
        return Do.rst if sum(x.startswith(b"MAIL") for x in session.lines) > 1 else None
    gw, one = pool(script={"mail": answer})
    clients = [Smtp(gw.port()) for _ in range(4)]
    for c in clients:
        c.ehlo()
        c.mail()
        c.rcpt()
    for c in clients:
        c.data(simple())
        c.quit()
    assert len(used(one)) == 4
    send(gw)
    assert len(one.messages) == 5 and len(used(one)) == 5
    assert sum(x.startswith(b"MAIL") for x in one.lines()) == 6


@pytest.mark.parametrize("reset", (True, False))
def test_closed_while_idle(pool, reset):
    gw, one = pool()
    send(gw)
    one.cut_all(reset)
    assert wait_until(lambda: all(s.closed for s in used(one)))
    send(gw)
    assert len(one.messages) == 2


def test_idle_end_is_seen(gateway, pki, hop):
    """Not only when it is wanted again: nothing is left half closed until then."""
    one = hop()
    config = base_config(pki, one, one)
    config["status"] = "127.0.0.1:%d" % free_port()
    gw = gateway(config)

    def kept():
        with urllib.request.urlopen("http://%s/metrics" % config["status"], timeout=5) as f:
            return sum(int(float(x)) for x in re.findall(
                r"(?m)^xoorg_upstream_connections\{.*\} (\S+)$", f.read().decode()))
    send(gw)
    assert wait_until(lambda: kept() > 0)
    one.cut_all()
    assert wait_until(lambda: kept() == 0)


def test_421_while_idle(pool):
    gw, one = pool()
    send(gw)
    session, = used(one)
    session.wire.send(b"421 4.4.2 idle too long\r\n")
    send(gw)
    assert len(one.messages) == 2 and len(used(one)) == 2


def test_unasked_while_idle(pool):
    """250 for nothing must not answer the next message."""
    gw, one = pool()
    send(gw)
    session, = used(one)
    session.wire.send(b"250 2.0.0 what you want\r\n")
    wait_until(lambda: session.closed, 2)
    one.script["final"] = "451 4.3.0 no"
    send(gw, want="451")
    assert len(one.messages) == 1


def test_some_recipients_were_answered(pool):
    """Lost between two recipients: the first is said again, unseen."""
    gw, one = pool()
    send(gw)
    one.turn = {}
    one.script["rcpt"] = [None, Do.rst, None]
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt("a@contoso.com")
        c.rcpt("b@contoso.com")
        c.data(simple())
    assert one.messages[1].recipients == ["a@contoso.com", "b@contoso.com"]


def test_the_new_one_says_no(pool):
    """The client has its yes; the new connection refuses: 4xx, and nothing delivered."""
    gw, one = pool()
    send(gw)
    one.script["rcpt"] = [None, Do.rst, "550 5.1.1 no"]
    one.turn = {}
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt("a@contoso.com")
        got = c.cmd("RCPT TO:<b@contoso.com>")
        assert got.cls in (4, 5)
        if c.cmd("DATA").code == 354:
            c.send(b"x\r\n.\r\n")
            expect(c.reply(), "4xx")
    assert len(one.messages) == 1


def test_only_once(pool):
    """Lost again on the new connection: 451."""
    gw, one = pool()
    send(gw)
    one.script["mail"] = Do.rst
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451")
    assert len(used(one)) == 2


@pytest.mark.parametrize("id, script", rows(
    ("data-fin", {"data": [None, Do.fin, None]}),
    ("final-fin", {"final": [None, Do.fin, None]}),
    ("final-421", {"final": [None, "421 4.3.2 no", None]}),
    ("committed-rst", {"committed": [None, Do.rst, None]}),
    ("committed-half", {"committed": [None, b"250", None]})))
def test_never_after_the_content(pool, id, script):
    """It may have been taken: the client decides, not we."""
    gw, one = pool(script=script, caps=[x for x in CAPS if x != "CHUNKING"])
    send(gw)
    send(gw, want="451")
    content = [m for m in one.tries]
    assert len(content) <= 2 and len(used(one)) == 1


def test_abandoned(pool):
    """RSET by the client, QUIT by the client, client lost: RSET before the next."""
    gw, one = pool()
    for end in ("RSET", "QUIT", None):
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.mail("old@contoso.com")
            c.rcpt("old@contoso.com")
            if end:
                c.cmd(end)
        gw.wait_quiet() if hasattr(gw, "wait_quiet") else time.sleep(0.05)
    send(gw, sender="new@contoso.com", to=["new@contoso.com"])
    m = one.one()
    assert (m.sender, m.recipients) == ("new@contoso.com", ["new@contoso.com"])
    verbs = m.session.verbs()
    for i, verb in enumerate(verbs):
        if verb == "MAIL" and "MAIL" in verbs[:i]:
            assert verbs[i - 1] == "RSET", verbs


@pytest.mark.parametrize("id, answer", rows(
    ("421", "421 4.3.2 no"), ("500", "500 5.5.2 what"), ("354", "354 go"),
    ("fin", Do.fin), ("stall", Do.stall), ("two", b"250 ok\r\n250 ok\r\n")))
def test_rset_fails(pool, id, answer):
    """Then another connection: the old one is nobody's."""
    gw, one = pool(script={"rset": answer})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail("old@contoso.com")
        c.rcpt("old@contoso.com")
        c.want("RSET", 250)
        c.deliver(simple(), sender="new@contoso.com", to=["new@contoso.com"])
    m = one.one()
    assert (m.sender, m.recipients) == ("new@contoso.com", ["new@contoso.com"])


@pytest.mark.parametrize("second", (b"250 2.0.0 twice\r\n", b"451 4.3.0 no\r\n", b"2"))
def test_two_replies_to_the_dot(pool, second):
    gw, one = pool(script={"committed": [b"250 2.0.0 ok\r\n" + second, None]})
    send(gw)
    send(gw)
    assert len(one.messages) == 2 and len(used(one)) == 2


def test_second_reply_a_moment_later(pool):
    """It comes while the connection is kept, or is read before MAIL's own."""
    gw, one = pool()

    def committed(session, line):
        session.wire.send(b"250 2.0.0 ok\r\n")
        threading.Timer(0.05, lambda: session.wire.send(b"250 2.0.0 twice\r\n")).start()
        return b""

    one.script["committed"] = [committed, None]
    send(gw)
    time.sleep(0.15)
    send(gw)
    assert len(used(one)) == 2


@pytest.mark.parametrize("final", ("554 5.6.0 no", "451 4.3.0 no"))
def test_refused_message_keeps_the_connection(pool, final):
    gw, one = pool(script={"final": [final, None]})
    send(gw, want=final[:3])
    send(gw)
    assert len(used(one)) == 1


def test_many_at_once(pool):
    gw, one = pool({"max_idle": 5})
    errors = []

    def work(i):
        try:
            for k in range(5):
                send(gw, to=["t%d-%d@contoso.com" % (i, k)])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(10)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert errors == []
    got = sorted(x for m in one.messages for x in m.recipients)
    assert got == sorted("t%d-%d@contoso.com" % (i, k) for i in range(10) for k in range(5))
    assert wait_until(lambda: sum(s.closed is None for s in used(one)) <= 5)


def test_reload_closes_what_is_kept(pool):
    gw, one = pool()
    send(gw)
    session, = used(one)
    gw.crashes_allowed = 1		# the workers change
    gw.signal(1)
    assert wait_until(lambda: session.closed, 8)
    gw.first_workers = gw.workers()
    send(gw)
