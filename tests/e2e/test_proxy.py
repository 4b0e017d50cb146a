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
        except (Closed, OSError):
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


def test_address_of_a_proxied_client_decides(gateway, pki, hop):
    """Rights by network are the client's, not the proxy's: and the client may be
    told to be the proxy itself without getting its right."""
    one = hop()
    config = base_config(pki, one)
    config["peers"] = {"balancer": {"networks": ["127.0.0.0/8"], "rights": ["proxy"]},
                       "mta": {"networks": ["192.0.2.0/24"], "rights": ["relay"]}}
    config.set("listeners.in.peers", ["balancer", "mta"])
    config.set("listeners.in.tls", None)
    gw = None
    try:
        gw = gateway(config)
    except AssertionError:
        # every client of the loopback must bring a header, our readiness test too
        pytest.skip("the start cannot be seen from a listed address")
    with Smtp(gw.port(), preface=v1("192.0.2.7")) as c:
        c.ehlo()
        c.deliver(simple(), to="x@elsewhere.example")
    with Smtp(gw.port(), preface=v1("198.51.100.1")) as c:
        c.ehlo()
        c.want("MAIL FROM:<u@contoso.com>", "550 5.7.1|554|530")


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
