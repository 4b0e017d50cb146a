# SPDX-License-Identifier: ISC
"""XCLIENT both ways (Postfix XCLIENT_README): to the next hop with all that it
asks for, and from our own proxies, whom it never gives a right."""
import re

import pytest

from dns import Dns, reverse
from harness import Do, Smtp, base_config, expect, rows, simple, wait_until
from net import set_reset_on_close

ALL = "NAME ADDR PORT PROTO HELO REVERSE_NAME LOGIN DESTADDR DESTPORT"


def values(line):
    words = line.decode("latin-1").split(" ")
    assert words[0] == "XCLIENT"
    return dict(x.split("=", 1) for x in words[1:])


@pytest.fixture
def out(gateway, pki, hop):
    """Handover by XCLIENT; 127.0.0.6 has the right xclient on the way in."""
    def make(attributes=ALL, limits=None, changes=None, **how):
        one = hop(xclient=attributes, **how)
        config = base_config(pki, one, one)
        config.set("upstreams.main.handover", "xclient")
        config.set("upstreams.inbound.handover", "xclient")
        config["peers"]["filter"] = {"networks": ["127.0.0.6/32"], "rights": ["xclient"]}
        config["peers"]["mta"] = {"networks": ["127.0.0.7/32"], "rights": ["relay"]}
        config.set("listeners.in.peers", ["exchange-online", "filter", "mta"])
        if limits:
            config["limits"] = limits
        for path, value in (changes or {}).items():
            config.set(path, value)
        return gateway(config), one
    return make


# --- out -------------------------------------------------------------------------------

def test_all_attributes(out):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.77") as c:
        port = c.wire.sock.getsockname()[1]
        c.ehlo("mail.client.example")
        c.deliver(simple())
    line, = one.one().session.xclient
    assert values(line) == {
        "NAME": "[UNAVAILABLE]", "REVERSE_NAME": "[UNAVAILABLE]", "LOGIN": "[UNAVAILABLE]",
        "ADDR": "127.0.0.77", "PORT": str(port), "PROTO": "ESMTP",
        "HELO": "mail.client.example", "DESTADDR": "127.0.0.1", "DESTPORT": str(gw.port())}


@pytest.mark.parametrize("id, attributes", rows(
    ("postfix-2", "NAME ADDR PROTO HELO"), ("address", "ADDR"), ("lower", "addr helo"),
    ("unknown", "ADDR FOO BAR"), ("dest", "ADDR DESTADDR"), ("many-blanks", "NAME  ADDR")))
def test_only_what_is_announced(out, id, attributes):
    gw, one = out(attributes)
    with Smtp(gw.port(), source="127.0.0.77") as c:
        c.ehlo()
        c.deliver(simple())
    got = values(one.one().session.xclient[0])
    known = set(ALL.split()) & set(attributes.upper().split())
    assert set(got) == known and got["ADDR"] == "127.0.0.77"


@pytest.mark.parametrize("id, attributes", rows(
    ("none", "FOO"), ("without-address", "NAME HELO PROTO"), ("like-it", "ADDRESS HELO")))
def test_no_address_no_mail(out, id, attributes):
    """A next hop that would take our address for the client's gets no mail."""
    gw, one = out(attributes)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451 4.3.0")
    assert one.tries == []
    assert not any(x.startswith(b"MAIL") for x in one.lines())


def test_not_announced(out):
    gw, one = out()
    one.xclient = False
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451 4.3.0")
    assert one.tries == []


@pytest.mark.parametrize("id, answer", rows(
    ("501", "501 5.5.4 no"), ("550", "550 5.7.1 no"), ("421", "421 4.3.2 no"),
    ("250", "250 ok"), ("354", "354 what"), ("two", b"220 a\r\n220 b\r\n"),
    ("fin", Do.fin), ("garbage", b"\xff\r\n")))
def test_refused(out, id, answer):
    gw, one = out(script={"xclient": answer}, limits={"greeting_timeout": 1})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451")
    assert not any(x.startswith(b"MAIL") for x in one.lines())


def test_helo(out):
    gw, one = out()
    with Smtp(gw.port()) as c:
        c.want("HELO old.example", 250)
        c.deliver(simple())
    got = values(one.one().session.xclient[0])
    assert (got["PROTO"], got["HELO"]) == ("SMTP", "old.example")


def test_pooled_connection_is_told_anew(out):
    gw, one = out()
    for i in (71, 72, 73):
        with Smtp(gw.port(), source="127.0.0.%d" % i) as c:
            c.ehlo("c%d.example" % i)
            c.deliver(simple())
    session, = {m.session for m in one.messages}
    got = [values(x) for x in session.xclient]
    assert [x["ADDR"] for x in got] == ["127.0.0.71", "127.0.0.72", "127.0.0.73"]
    assert [x["HELO"] for x in got] == ["c71.example", "c72.example", "c73.example"]
    # between XCLIENT and the next MAIL: EHLO, nothing else
    verbs = [x for x in session.verbs() if x in ("XCLIENT", "MAIL", "EHLO", "RSET")]
    assert re.fullmatch("(EHLO )?(XCLIENT EHLO MAIL ?){3}", " ".join(verbs)), verbs


@pytest.mark.parametrize("end", ("QUIT", "fin", "rst"))
def test_one_client_s_connection_goes_with_it(out, end):
    """A next hop that takes no second XCLIENT: what is kept serves its client alone,
    and is closed when that has gone, not after idle_timeout."""
    gw, one = out(changes={"upstreams.inbound.idle_timeout": 600})
    one.script["ehlo"] = lambda session, line: \
        "250-hop.example\r\n250 SIZE 50000" if session.xclient else None
    with Smtp(gw.port(), source="127.0.0.71") as c:
        c.ehlo()
        c.deliver(simple())
        c.deliver(simple())			# by the same
        m, again = one.wait(2)
        session = m.session
        assert again.session is session and session.closed is None
        with Smtp(gw.port(), source="127.0.0.72") as d:
            d.ehlo()
            d.deliver(simple())
        # Only its own has gone with the other one.
        assert wait_until(lambda: one.messages[2].session.closed)
        assert session.closed is None
        if end == "QUIT":
            c.quit()
        elif end == "rst":
            set_reset_on_close(c.wire.sock)
    assert wait_until(lambda: session.closed, 5)
    assert session.lines[-1] == b"QUIT"


def test_two_messages_of_one_session(out):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.71") as c:
        c.ehlo()
        c.deliver(simple())
        c.deliver(simple())
    assert len(one.messages) == 2
    assert all(values(x)["ADDR"] == "127.0.0.71"
               for s in one.sessions for x in s.xclient)


def test_abandoned_then_another(out):
    """RSET and XCLIENT before the next client's MAIL."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.71") as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("RSET", 250)
        with Smtp(gw.port(), source="127.0.0.72") as d:
            d.ehlo()
            d.deliver(simple())
    m = one.one()
    assert values(m.session.xclient[-1])["ADDR"] == "127.0.0.72"


def test_caps_behind_xclient_count(out):
    """A next hop may announce less once it knows the client."""
    gw, one = out()
    ehlos = []

    def ehlo(session, line):
        ehlos.append(line)
        if session.xclient:
            return "250-hop.example\r\n250-XCLIENT %s\r\n250 SIZE 5000" % ALL
        return None

    one.script["ehlo"] = ehlo
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("DSN") is not None
        c.mail("u@contoso.com", "RET=HDRS")
        c.rcpt(want="250|451")
    if one.tries:
        assert b"RET" not in one.tries[0].mail


# Y04: EHLO names. What is one arrives as one word of xtext, what is none as the address.
@pytest.mark.parametrize("id, name", rows(
    ("blank", b"x DESTADDR=1.2.3.4"), ("xtext", b"x+20DESTADDR=1.2.3.4"), ("plus", b"x+0D+0A"),
    ("equals", b"x=y"), ("crlf", b"x\rMAIL"), ("nul", b"x\0y"), ("8-bit", b"x\xff"),
    ("literal", b"[127.0.0.1]"), ("ipv6", b"[IPv6:::1]"), ("unavailable", b"[UNAVAILABLE]"),
    ("long", b"a" * 63 + b"." + b"b" * 63 + b"." + b"c" * 63 + b"." + b"d" * 60),
    ("underscore", b"win_pc"), ("tab", b"x\ty"), ("brackets", b"<x>"), ("quote", b'"x y"')))
def test_Y04_hello(out, id, name):
    gw, one = out()
    with Smtp(gw.port()) as c:
        try:
            if c.cmd(b"EHLO " + name).code != 250:
                return
        except Exception:
            return
        c.deliver(simple())
    line = one.one().session.xclient[0]
    got = values(line)
    assert got["DESTADDR"] == "127.0.0.1"
    is_name = re.fullmatch(rb"[\w.-]+|\[[\w.:]+\]", name, re.A)
    assert got["HELO"] == (name.decode() if is_name else "[127.0.0.1]")
    assert all(33 <= x < 127 or x == 32 for x in line)


# --- names -----------------------------------------------------------------------------

def tell(c, address, name="c.example"):
    expect(c.cmd("XCLIENT ADDR=%s HELO=%s" % (address, name)), 220)
    c.ehlo(name)


@pytest.fixture
def named(out):
    """client_names, and a name server; clients are told by XCLIENT."""
    servers = []

    def make(rows_, **how):
        servers.append(Dns(rows_, **how))
        gw, one = out(changes={"upstreams.main.client_names": True,
                               "upstreams.inbound.client_names": True,
                               "resolver": servers[-1].address})
        return gw, one, servers[-1]
    yield make
    for one in servers:
        one.stop()


FOUR, SIX = "192.0.2.7", "2001:db8::7"
PTR4, PTR6 = (reverse(FOUR), "PTR"), (reverse(SIX), "PTR")
NONE, LATER = "[UNAVAILABLE]", "[TEMPUNAVAIL]"


@pytest.mark.parametrize("id, address, dns, bad, name, reverse_name", rows(
    ("both", FOUR, {PTR4: ["mail.c.test"], ("mail.c.test", "A"): ["192.0.2.6", FOUR]}, [],
     "mail.c.test", "mail.c.test"),
    ("ipv6", SIX, {PTR6: ["six.c.test"], ("six.c.test", "AAAA"): [SIX]}, [],
     "six.c.test", "six.c.test"),
    ("none", FOUR, {("x.test", "A"): [FOUR]}, [], NONE, NONE),
    ("forged", FOUR, {PTR4: ["outlook.test"], ("outlook.test", "A"): ["192.0.2.6"]}, [],
     NONE, "outlook.test"),
    ("other-family", FOUR, {PTR4: ["six.c.test"], ("six.c.test", "AAAA"): [SIX]}, [],
     NONE, "six.c.test"),
    ("no-address", FOUR, {PTR4: ["lost.test"], ("lost.test", "MX"): [(1, "x.test")]}, [],
     NONE, "lost.test"),
    ("ptr-fails", FOUR, {PTR4: ["mail.c.test"]}, [PTR4[0]], LATER, LATER),
    ("a-fails", FOUR, {PTR4: ["mail.c.test"]}, ["mail.c.test"], LATER, "mail.c.test"),
    ("not-a-name", FOUR, {PTR4: ["a/b.test"]}, [], NONE, NONE),
    # domains, but Postfix would say 501 to them
    ("hyphen", FOUR, {PTR4: ["-c.test"], ("-c.test", "A"): [FOUR]}, [], NONE, NONE),
    ("number", FOUR, {PTR4: [FOUR]}, [], NONE, NONE)))
def test_names(named, id, address, dns, bad, name, reverse_name):
    """Believed only if it leads back to the address."""
    gw, one, _ = named(dns, manner={x: "servfail" for x in bad})
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        tell(c, ("IPV6:" if ":" in address else "") + address)
        c.deliver(simple())
    got = values(one.one().session.xclient[0])
    assert (got["NAME"], got["REVERSE_NAME"]) == (name, reverse_name)


def test_name_is_each_client_s(named):
    """Asked once a session; another client's on the same connection."""
    gw, one, dns = named({PTR4: ["mail.c.test"], ("mail.c.test", "A"): [FOUR]})
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        tell(c, FOUR)
        for _ in range(3):
            c.deliver(simple())
        tell(c, "192.0.2.8", "d.example")
        c.deliver(simple())
    assert dns.count(PTR4[0]) == 1
    session, = {m.session for m in one.messages}
    assert [values(x)["NAME"] for x in session.xclient] == ["mail.c.test", NONE]


def test_loopback_is_not_asked_for(named):
    gw, one, dns = named({})
    with Smtp(gw.port(), source="127.0.0.77") as c:
        c.ehlo()
        c.deliver(simple())
    assert values(one.one().session.xclient[0])["NAME"] == NONE and dns.asked == []


def test_only_who_brings_mail_is_asked_for(named):
    gw, _, dns = named({})
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        tell(c, FOUR)
        c.mail()
    assert dns.asked == []


@pytest.mark.parametrize("end", ("RSET", "QUIT", "gone"))
def test_client_leaves_meanwhile(named, end):
    """The name server is silent: nothing is kept of the question."""
    gw, one, dns = named({PTR4: ["mail.c.test"]}, manner={PTR4[0]: "silent"})
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        tell(c, FOUR)
        c.mail()
        c.send(b"RCPT TO:<r@contoso.com>\r\n")
        assert wait_until(lambda: dns.asked)
        if end != "gone":
            c.send(end.encode() + b"\r\n")
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    assert len(one.messages) == 1
    gw.check()


# --- in --------------------------------------------------------------------------------

def received(message):
    return " ".join(message.fields("Received")[0].split())


def test_right_only(out):
    gw, one = out()
    for source in ("127.0.0.1", "127.0.0.7"):
        with Smtp(gw.port(), source=source) as c:
            assert c.ehlo().count("XCLIENT") == 0
            expect(c.cmd("XCLIENT ADDR=192.0.2.7"), "500|550|502")
            c.deliver(simple())
    assert not any("192.0.2.7" in received(m) for m in one.messages)
    assert all(values(m.session.xclient[-1])["ADDR"] != "192.0.2.7" for m in one.messages)


@pytest.mark.parametrize("id, told, shown, handed", rows(
    ("ipv4", "192.0.2.7", "[192.0.2.7]", "192.0.2.7"),
    ("ipv6", "IPV6:2001:db8::7", "[IPv6:2001:db8::7]", "IPV6:2001:db8::7"),
    ("ipv6-case", "IPv6:2001:DB8::7", "[IPv6:2001:db8::7]", "IPV6:2001:db8::7"),
    ("mapped", "IPV6:::ffff:192.0.2.7", "[192.0.2.7]", "192.0.2.7"),
    ("xtext", "192+2E0.2.7", "[192.0.2.7]", "192.0.2.7")))
def test_told_address(out, id, told, shown, handed):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=%s PORT=4711 HELO=told.example NAME=n.example PROTO=ESMTP" % told,
               220)
        c.ehlo("proxy.example")
        c.deliver(simple())
    m = one.one()
    assert shown in received(m) and "told.example" in received(m), received(m)
    assert gw.event()["client"] == shown.strip("[]").replace("IPv6:", "")
    got = values(m.session.xclient[0])
    assert (got["ADDR"], got["PORT"], got["HELO"]) == (handed, "4711", "told.example")


def test_told_is_handed_on(out):
    """What a proxy of ours knows is not lost; but no login, which would be a right."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=192.0.2.7 PORT=4711 HELO=h.example NAME=n.example "
               "REVERSE_NAME=r.example PROTO=ESMTP DESTADDR=IPV6:2001:db8::1 DESTPORT=587 "
               "LOGIN=admin", 220)
        c.ehlo()
        c.deliver(simple())
        # another client, of whom less is known
        c.want("XCLIENT ADDR=192.0.2.8 NAME=[UNAVAILABLE] REVERSE_NAME=a+2Bb", 220)
        c.ehlo()
        c.deliver(simple())
    first, second = [values(x) for x in one.messages[0].session.xclient]
    assert first == {
        "ADDR": "192.0.2.7", "PORT": "4711", "HELO": "h.example", "NAME": "n.example",
        "REVERSE_NAME": "r.example", "PROTO": "ESMTP", "DESTADDR": "IPV6:2001:db8::1",
        "DESTPORT": "587", "LOGIN": "[UNAVAILABLE]"}
    assert (second["ADDR"], second["NAME"], second["REVERSE_NAME"]) == (
        "192.0.2.8", NONE, NONE)
    assert (second["DESTADDR"], second["DESTPORT"]) == ("127.0.0.1", str(gw.port()))


def test_unavailable_forgets_the_client_before(out):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=192.0.2.7 PORT=4711 HELO=first.example", 220)
        c.ehlo()
        c.deliver(simple())
        c.want("XCLIENT ADDR=[UNAVAILABLE] PORT=[TEMPUNAVAIL] HELO=[UNAVAILABLE]", 220)
        c.ehlo("second.example")
        c.deliver(simple())
    second = one.messages[1]
    assert "192.0.2.7" not in received(second) and "first" not in received(second)
    got = values(second.session.xclient[-1])
    assert (got["ADDR"], got["PORT"]) == ("[UNAVAILABLE]", "[UNAVAILABLE]")


@pytest.mark.parametrize("address", ("127.0.0.7", "127.0.0.1", "IPV6:::ffff:127.0.0.7",
                                     "IPV6:::1"))
def test_no_relay(out, address):
    """The network of our MTA, told, is not our MTA."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.7") as c:	# the control
        c.ehlo()
        c.deliver(simple(), to="x@elsewhere.example")
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=" + address, 220)
        c.ehlo()
        c.deliver(simple(b"X-OriginatorOrg: contoso.com\r\n"), to="r@contoso.com")
    assert gw.wait_events(2)[1]["verdict"] == "unauthenticated"
    assert gw.wait_events(2)[1]["action"] == "demote"
    assert one.messages[-1].fields("X-OriginatorOrg") == []


def test_no_xoorg_by_login_or_name(out, pki):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.hello(None)
        c.want("XCLIENT ADDR=192.0.2.7 NAME=mail.protection.outlook.com "
               "LOGIN=mail.protection.outlook.com", 220)
        assert c.ehlo().count("XOORG") == 0
        c.mail("u@contoso.com", "XOORG=contoso.com", want=501)


def test_certificate_of_the_proxy_is_not_the_client_s(out, pki):
    """XCLIENT in a session with the trusted certificate: the one that is spoken for
    did not show it."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        assert c.hello(pki.exo).count("XOORG") == 1
        c.want("XCLIENT ADDR=192.0.2.7", 220)
        assert c.ehlo().count("XOORG") == 0
        c.mail("u@contoso.com", "XOORG=contoso.com", want=501)


def test_hello_is_needed_again(out):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=192.0.2.7", 220)
        c.want("MAIL FROM:<u@contoso.com>", 503)
        c.ehlo()
        c.deliver(simple())


BAD = rows(
    ("nothing", "XCLIENT"), ("blank", "XCLIENT "), ("no-equals", "XCLIENT ADDR"),
    ("no-value", "XCLIENT ADDR="), ("no-name", "XCLIENT =192.0.2.7"),
    ("unknown", "XCLIENT CCERT=x"), ("two-blanks", "XCLIENT ADDR=192.0.2.7  PORT=1"),
    ("octet", "XCLIENT ADDR=192.0.2.256"), ("name", "XCLIENT ADDR=client.example"),
    ("brackets", "XCLIENT ADDR=[192.0.2.7]"), ("ipv6-plain", "XCLIENT ADDR=IPV6:"),
    ("zone", "XCLIENT ADDR=IPV6:fe80::1%eth0"), ("port", "XCLIENT ADDR=192.0.2.7 PORT=65536"),
    ("port-sign", "XCLIENT PORT=-1"), ("port-word", "XCLIENT PORT=smtp"),
    ("crlf", "XCLIENT HELO=a+0D+0AMAIL"), ("nul", "XCLIENT HELO=a+00"),
    ("xtext", "XCLIENT HELO=a+ZZ"), ("cut", "XCLIENT HELO=a+2"), ("equals", "XCLIENT HELO=a=b"),
    ("server", "XCLIENT DESTADDR=x.example DESTPORT=25"), ("server-port", "XCLIENT DESTPORT=x"),
    ("hello", "XCLIENT HELO=a+20b"), ("long", "XCLIENT HELO=" + "a" * 300),
)


@pytest.mark.parametrize("id, line", BAD)
def test_bad(out, id, line):
    """Refused, and nothing of it is believed."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo("said.example")
        expect(c.cmd(line), "501")
        c.deliver(simple())
    assert "[127.0.0.6]" in received(one.one()) and "said.example" in received(one.one())


def test_in_a_transaction(out):
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.mail()
        c.want("XCLIENT ADDR=192.0.2.7", 503)
        c.rcpt()
        c.data(simple())
    assert "192.0.2.7" not in received(one.one())


def test_pipelined_behind(out):
    """What stands behind it came before the client changed."""
    gw, one = out()
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.send(b"XCLIENT ADDR=192.0.2.7\r\nMAIL FROM:<u@contoso.com>\r\n")
        assert [x.code for x in c.last_words()] == [554]
    assert not one.tries
