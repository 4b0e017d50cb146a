# SPDX-License-Identifier: ISC
"""PROXY and XCLIENT from our own proxies: doc/threat-model a.8, Y01 to Y04."""
import socket
import struct
import time

import pytest

from harness import Closed, Smtp, base_config, rows, simple

V2 = b"\r\n\r\n\0\r\nQUIT\n"
PP2_TYPE_SSL = 0x20


def v1(client="192.0.2.7", port=4711):
    return b"PROXY TCP4 %s 192.0.2.2 %d 25\r\n" % (client.encode(), port)


def v2(client="192.0.2.7", tlv=b"", command=0x21, length=None):
    body = socket.inet_aton(client) + socket.inet_aton("192.0.2.2") + \
        struct.pack(">HH", 4711, 25) + tlv
    return V2 + bytes([command, 0x11]) + struct.pack(
        ">H", len(body) if length is None else length) + body


def ssl_tlv():
    """A verified certificate, says the proxy, of the trusted name."""
    name = b"mail.protection.outlook.com"
    inner = b"\x07" + struct.pack(">I", 0) + b"\x22" + struct.pack(">H", len(name)) + name
    return bytes([PP2_TYPE_SSL]) + struct.pack(">H", len(inner)) + inner


@pytest.fixture
def listed(gateway, pki, hop):
    """127.0.0.5 has the right `proxy`, 127.0.0.6 the right `xclient`."""
    one = hop()
    config = base_config(pki, one, one)
    config["peers"]["balancer"] = {"networks": ["127.0.0.5/32"], "rights": ["proxy"]}
    config["peers"]["filter"] = {"networks": ["127.0.0.6/32"], "rights": ["xclient"]}
    config.set("listeners.in.peers", ["exchange-online", "balancer", "filter"])
    return gateway(config), one


def _received(message):
    return " ".join(message.fields("Received")[0].split())


@pytest.mark.parametrize("id, header", rows(
    ("v1", v1()), ("v2", v2()), ("v2-tlv", v2(tlv=b"\x04\0\x03abc"))))
def test_listed(listed, id, header):
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=header) as c:
        c.ehlo()
        c.deliver(simple())
    assert "192.0.2.7" in _received(one.one())
    assert gw.event()["client"].startswith("192.0.2.7")


@pytest.mark.parametrize("id, header", rows(("v1", v1()), ("v2", v2())))
def test_listed_octet_by_octet(listed, id, header):
    gw, one = listed
    s = Smtp(gw.port(), source="127.0.0.5", banner=False)
    with s as c:
        for octet in header:
            c.send(bytes([octet]))
        assert c.reply().code == 220
        c.ehlo()
        c.deliver(simple())
    assert "192.0.2.7" in _received(one.one())


@pytest.mark.parametrize("id, header", rows(("v1", v1()), ("v2", v2())))
def test_Y01_unlisted(listed, id, header):
    """From everybody else it is no header: an error, and the address stays."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.9", preface=header, banner=False) as c:
        try:
            assert c.reply().code in (220, 554, 500)
            c.ehlo()
            c.deliver(simple())
        except (Closed, OSError, AssertionError):
            pass
    assert not any("192.0.2.7" in _received(m) for m in one.messages)
    assert "192.0.2.7" not in "".join(x["client"] for x in gw.events("session"))


# What a listed proxy must not send: the connection is closed without a banner.
BAD = rows(
    ("no-header", b"EHLO client.example\r\n"),
    ("v1-108", b"PROXY TCP4 " + b"1" * 97 + b"\r\n"),
    ("v1-address", b"PROXY TCP4 192.0.2.300 192.0.2.2 1 25\r\n"),
    ("v1-port", b"PROXY TCP4 192.0.2.7 192.0.2.2 99999 25\r\n"),
    ("v1-lf", b"PROXY TCP4 192.0.2.7 192.0.2.2 1 25\n"),
    ("v1-case", b"proxy TCP4 192.0.2.7 192.0.2.2 1 25\r\n"),
    ("v1-nul", b"PROXY TCP4 192.0.2.7\0 192.0.2.2 1 25\r\n"),
    ("v2-65535", v2(length=65535)),
    ("v2-short", v2(length=4)),
    ("v2-version", v2(command=0x31)),
    ("v2-command", v2(command=0x2f)),
)


@pytest.mark.parametrize("id, header", BAD)
def test_Y02_bad(listed, id, header):
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=header, banner=False) as c:
        start = time.monotonic()
        assert not c.expect_close(8).startswith(b"220")
        assert time.monotonic() - start < 6
    assert one.tries == []


@pytest.mark.parametrize("id, header", rows(("v1", v1()[:20]), ("v2", v2()[:14]),
                                            ("nothing", b"")))
def test_Y02_half_and_silence(listed, id, header):
    gw, _ = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=header, banner=False) as c:
        start = time.monotonic()
        assert not c.expect_close(9).startswith(b"220")
        assert time.monotonic() - start < 7


@pytest.mark.parametrize("id, first, second", rows(
    ("v1-v1", v1(), v1("192.0.2.8")), ("v2-v1", v2(), v1("192.0.2.8")),
    ("v1-v2", v1(), v2("192.0.2.8"))))
def test_Y02_two(listed, id, first, second):
    """The second is a command, and none that we know."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=first, banner=False) as c:
        assert c.reply().code == 220
        c.send(second)
        try:
            assert c.reply().cls == 5
            c.ehlo()
            c.deliver(simple())
        except (Closed, OSError, AssertionError):	# version 2 is several lines
            pass
    assert not any("192.0.2.8" in _received(m) for m in one.messages)


def test_Y03_certificate_in_a_tlv(listed):
    """What a header says of TLS raises nobody's trust."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=v2(tlv=ssl_tlv())) as c:
        assert c.ehlo().count("XOORG") == 0
        c.mail("u@contoso.com", "XOORG=contoso.com", want="501")
        c.deliver(simple())
    assert one.one().fields("X-OriginatorOrg") == []
    assert gw.event()["verdict"] == "unauthenticated"


def test_told_address_gives_no_right(gateway, pki, hop):
    """xoorgd.conf(5), rights: an address that is told never gives one. A client of
    that network itself has it."""
    one = hop()
    config = base_config(pki, one)
    config["peers"] = {"balancer": {"networks": ["127.0.0.5/32"], "rights": ["proxy"]},
                       "mta": {"networks": ["127.0.0.7/32"], "rights": ["relay"]}}
    config.set("listeners.in.peers", ["balancer", "mta"])
    config.set("listeners.in.tls", None)
    gw = gateway(config)
    with Smtp(gw.port(), source="127.0.0.7") as c:
        c.ehlo()
        c.deliver(simple(), to="x@elsewhere.example")
    for told in ("127.0.0.7", "198.51.100.1"):
        with Smtp(gw.port(), source="127.0.0.5", preface=v1(told)) as c:
            c.ehlo()
            c.want("MAIL FROM:<u@contoso.com>", "550 5.7.1|554|530")
    one.wait(1)


# --- XCLIENT ---------------------------------------------------------------------------

def test_xclient_listed(listed):
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.6") as c:
        assert c.ehlo().count("XCLIENT") == 1
        c.want("XCLIENT ADDR=192.0.2.7 HELO=told.example", "220|250")
        c.ehlo("said.example")
        c.deliver(simple())
    assert "192.0.2.7" in _received(one.one())


@pytest.mark.parametrize("id, line", rows(
    ("address", "XCLIENT ADDR=192.0.2.300"), ("none", "XCLIENT"),
    ("no-value", "XCLIENT ADDR"), ("injected", "XCLIENT HELO=a+0D+0AMAIL"),
    ("nul", "XCLIENT HELO=a+00b")))
def test_xclient_bad(listed, id, line):
    gw, _ = listed
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        assert c.cmd(line).cls == 5


def test_xclient_gives_no_right(listed):
    """Telling a trusted name or address gives nothing."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.cmd("XCLIENT ADDR=127.0.0.5 NAME=mail.protection.outlook.com "
              "CCERT=mail.protection.outlook.com")
        assert c.ehlo().count("XOORG") == 0
        c.mail("u@contoso.com", "XOORG=contoso.com", want="501|503")
    assert one.tries == []


def test_xclient_in_a_transaction(listed):
    gw, _ = listed
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.mail()
        got = c.cmd("XCLIENT ADDR=192.0.2.7")
        if got.code == 503:
            c.rcpt()
        else:
            c.want("RCPT TO:<r@contoso.com>", 503)


# --- PROXY in, more --------------------------------------------------------------------

ADDRESSES6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + \
    socket.inet_pton(socket.AF_INET6, "2001:db8::2") + struct.pack(">HH", 4711, 25)

GOOD = rows(
    ("v1-6", b"PROXY TCP6 2001:db8::7 2001:db8::2 4711 25\r\n", "[IPv6:2001:db8::7]"),
    ("v1-mapped", b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.2 4711 25\r\n", "[192.0.2.7]"),
    ("v1-unknown", b"PROXY UNKNOWN\r\n", "[127.0.0.5]"),
    ("v1-unknown-words", b"PROXY UNKNOWN 192.0.2.7 x y z\r\n", "[127.0.0.5]"),
    ("v2-6", V2 + b"\x21\x21\0\x24" + ADDRESSES6, "[IPv6:2001:db8::7]"),
    ("v2-local", V2 + b"\x20\0\0\0", "[127.0.0.5]"),
    ("v2-local-address", v2(command=0x20), "[127.0.0.5]"),
    ("v2-unspecified", V2 + b"\x21\0\0\0", "[127.0.0.5]"),
    ("v2-noop-tlv", v2(tlv=b"\x04\0\x40" + b"\0" * 64), "[192.0.2.7]"),
    ("v2-largest", v2(tlv=b"\x04\x01\xf9" + b"\0" * 505), "[192.0.2.7]"),
    ("v2-tlv-that-lies", v2(tlv=b"\x20\xff\xff"), "[192.0.2.7]"),
)


@pytest.mark.parametrize("id, header, shown", GOOD)
def test_forms(listed, id, header, shown):
    """With the EHLO in the same segment: what follows the header is SMTP."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=header) as c:
        c.ehlo()
        c.deliver(simple())
    assert shown in _received(one.one())


@pytest.mark.parametrize("id, header, shown", GOOD)
def test_forms_split(listed, id, header, shown):
    """Cut once at every octet."""
    gw, one = listed
    for cut in range(1, len(header), max(1, len(header) // 60)):
        with Smtp(gw.port(), source="127.0.0.5", banner=False) as c:
            c.send(header[:cut])
            time.sleep(0.002)
            c.send(header[cut:])
            assert c.reply().code == 220
            shown_now = c.ehlo().lines[0]
            assert shown.strip("[]").replace("IPv6:", "") in shown_now
    gw.check()


BAD_MORE = rows(
    ("v1-blank-behind", b"PROXY TCP4 192.0.2.7 192.0.2.2 1 25 \r\n"),
    ("v1-family", b"PROXY TCP6 192.0.2.7 192.0.2.2 1 25\r\n"),
    ("v1-mixed", b"PROXY TCP6 2001:db8::7 192.0.2.2 1 25\r\n"),
    ("v1-udp", b"PROXY UDP4 192.0.2.7 192.0.2.2 1 25\r\n"),
    ("v1-cr", b"PROXY TCP4 192.0.2.7 192.0.2.2 1 25\r\r\n"),
    ("v1-endless", b"PROXY UNKNOWN " + b"x" * 4000),
    ("v2-537", v2(length=521)),
    ("v2-family", V2 + b"\x21\x21\0\x0c" + b"\xc0\0\2\7\xc0\0\2\2\x12\x67\0\x19"),
    ("v2-empty", V2 + b"\x21\x11\0\0"),
    ("v2-signature", V2[:-1] + b"\r\x21\x11\0\x0c" + b"x" * 12),
    ("blank-first", b" PROXY TCP4 192.0.2.7 192.0.2.2 1 25\r\n"),
    ("empty-line-first", b"\r\nPROXY TCP4 192.0.2.7 192.0.2.2 1 25\r\n"),
    ("tls", b"\x16\x03\x01\0\x05\x01\0\0\x01\x03"),
)


@pytest.mark.parametrize("id, header", BAD_MORE)
def test_Y02_bad_more(listed, id, header):
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=header, banner=False) as c:
        start = time.monotonic()
        try:
            assert not c.expect_close(8).startswith(b"220")
        except OSError:
            pass
        assert time.monotonic() - start < 6
    assert one.tries == []


def test_Y02_one_octet_a_second(listed):
    """The limit is for the header, not for each octet."""
    gw, _ = listed
    with Smtp(gw.port(), source="127.0.0.5", banner=False) as c:
        start = time.monotonic()
        with pytest.raises((Closed, OSError)):
            for octet in b"PROXY TCP4 192.0.2.7 192.0.2.2 1 25\r\n":
                c.send(bytes([octet]))
                time.sleep(0.5)
        assert time.monotonic() - start < 8


def test_unlisted_v1_closes(listed):
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.9", preface=v1()) as c:
        words = c.last_words()
        assert words and words[-1].cls in (4, 5)


def test_client_s_own_certificate_counts(listed, pki):
    """TLS passes through the proxy: the certificate is the client's."""
    gw, one = listed
    with Smtp(gw.port(), source="127.0.0.5", preface=v2()) as c:
        assert c.hello(pki.exo).count("XOORG") == 1
        c.deliver(simple(), xoorg="contoso.com")
    assert one.one().fields("X-OriginatorOrg") == ["contoso.com"]
    assert gw.event()["verdict"] == "verified" and gw.event()["client"] == "192.0.2.7"


@pytest.mark.parametrize("id, header", rows(
    ("v1-unknown", b"PROXY UNKNOWN\r\n"), ("v2-local", V2 + b"\x20\0\0\0"),
    ("v2-unspecified", V2 + b"\x21\0\0\0")))
def test_nobody_in_particular_has_no_right(gateway, pki, hop, id, header):
    """A client that the proxy does not name is not the proxy's network."""
    one = hop()
    config = base_config(pki, one, one)
    config["peers"]["balancer"] = {"networks": ["127.0.0.5/32"], "rights": ["proxy"]}
    config["peers"]["mta"] = {"networks": ["127.0.0.4/30"], "rights": ["relay", "xclient"]}
    config.set("listeners.in.peers", ["balancer", "mta"])
    gw = gateway(config)
    with Smtp(gw.port(), source="127.0.0.5", preface=header) as c:
        assert c.ehlo().count("XCLIENT") == 0
        c.deliver(simple())
    assert gw.event()["action"] == "demote"


# --- PROXY out -------------------------------------------------------------------------

@pytest.fixture
def out(gateway, pki, hop):
    def make(handover, listen=None, **how):
        one = hop(proxy=True, **how)
        config = base_config(pki, one, one)
        config.set("upstreams.main.handover", handover)
        config.set("upstreams.inbound.handover", handover)
        config["peers"]["balancer"] = {"networks": ["127.0.0.5/32"], "rights": ["proxy"]}
        config["peers"]["filter"] = {"networks": ["127.0.0.6/32"], "rights": ["xclient"]}
        config.set("listeners.in.peers", ["exchange-online", "balancer", "filter"])
        return gateway(config), one
    return make


def test_out_v1(out):
    gw, one = out("proxy")
    with Smtp(gw.port(), source="127.0.0.77") as c:
        port = c.wire.sock.getsockname()[1]
        c.ehlo()
        c.deliver(simple())
    assert one.one().session.proxy == \
        b"PROXY TCP4 127.0.0.77 127.0.0.1 %d %d\r\n" % (port, gw.port())


def test_out_v2(out):
    gw, one = out("proxy-v2")
    with Smtp(gw.port(), source="127.0.0.77") as c:
        port = c.wire.sock.getsockname()[1]
        c.ehlo()
        c.deliver(simple())
    assert one.one().session.proxy == V2 + b"\x21\x11\0\x0c" + bytes(
        [127, 0, 0, 77, 127, 0, 0, 1]) + struct.pack(">HH", port, gw.port())


@pytest.mark.parametrize("handover", ("proxy", "proxy-v2"))
def test_out_of_what_came_in(out, handover):
    gw, one = out(handover)
    with Smtp(gw.port(), source="127.0.0.5",
              preface=V2 + b"\x21\x21\0\x24" + ADDRESSES6) as c:
        c.ehlo()
        c.deliver(simple())
    got = one.one().session.proxy
    if handover == "proxy":
        assert got == b"PROXY TCP6 2001:db8::7 2001:db8::2 4711 25\r\n"
    else:
        assert got == V2 + b"\x21\x21\0\x24" + ADDRESSES6


@pytest.mark.parametrize("handover", ("proxy", "proxy-v2"))
def test_out_of_two_families(out, handover):
    """An IPv6 client told by XCLIENT over IPv4: never UNKNOWN or LOCAL, which would
    make us the client, whom the next hop may trust."""
    gw, one = out(handover)
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=IPV6:2001:db8::7 PORT=4711", 220)
        c.ehlo()
        c.deliver(simple())
    got = one.one().session.proxy
    if handover == "proxy":
        assert got == b"PROXY TCP6 2001:db8::7 ::ffff:127.0.0.1 4711 %d\r\n" % gw.port()
    else:
        assert got[12:14] == b"\x21\x21" and got[16:32] == ADDRESSES6[:16]


@pytest.mark.parametrize("handover", ("proxy", "proxy-v2"))
def test_out_serves_one_session(out, handover):
    """The header holds for the connection, so nobody else may use it."""
    gw, one = out(handover)
    for i in (71, 72):
        with Smtp(gw.port(), source="127.0.0.%d" % i) as c:
            c.ehlo()
            c.deliver(simple())
    first, second = (m.session for m in one.messages)
    assert first is not second
    assert first.proxy != second.proxy


def test_question_is_local(out):
    """What we ask for ourselves is in nobody's name."""
    gw, one = out("proxy-v2")
    with Smtp(gw.port()) as c:
        c.ehlo()
    asked = [s.proxy for s in one.sessions if s.proxy]
    assert asked and all(x == V2 + b"\x20\0\0\0" for x in asked)
