# SPDX-License-Identifier: ISC
"""What the gateway adds: Received, Authentication-Results, X-OriginatorOrg."""
import email.utils
import re
import time

import pytest

from harness import simple

BOTH = pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])


def _received(m):
    got = [x for x in m.fields("Received") if "by gw.contoso.test" in " ".join(x.split())]
    assert len(got) == 1
    return " ".join(got[0].split())


@BOTH
@pytest.mark.parametrize("state, proto", [("C", "ESMTP"), ("T", "ESMTPS"), ("X", "ESMTPS")])
def test_received(std, chunked, state, proto):
    with std.connect(state) as c:
        c.deliver(simple(), chunked=chunked, xoorg="contoso.com" if state == "X" else None)
    m = std.messages[-1]
    text = _received(m)
    assert "from client.example" in text and "127.0.0.1" in text
    assert " with %s" % proto in text
    date = email.utils.parsedate_to_datetime(text.rpartition(";")[2].strip())
    assert abs(date.timestamp() - time.time()) < 120
    if state != "C":
        assert "TLSv1." in text
    assert std.gw.event()["session"] in text


def test_received_is_added_once_to_others(std):
    with std.connect("X") as c:
        c.deliver(simple("Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n"),
                  xoorg="contoso.com")
    assert len(std.main.one().fields("Received")) == 2


@BOTH
def test_verified(std, chunked):
    with std.connect("X") as c:
        c.deliver(simple("Authentication-Results: GW.contoso.test; x-xoorg=pass\r\n"
                         "Authentication-Results: gw.contoso.test 1; x-xoorg=pass\r\n"
                         "Authentication-Results: (c) gw.contoso.test ; x-xoorg=pass\r\n"
                         "Authentication-Results:\r\n gw.contoso.test; x-xoorg=pass\r\n"
                         "Authentication-Results: \"gw.contoso.test\"; x-xoorg=pass\r\n"
                         "Authentication-Results: gw.contoso.test.example; dkim=pass\r\n"),
                  xoorg="contoso.com", chunked=chunked)
    m = std.main.one()
    results = [" ".join(x.split()) for x in m.fields("Authentication-Results")]
    assert len(results) == 2
    ours = [x for x in results if x.startswith("gw.contoso.test;")]
    assert len(ours) == 1 and "x-xoorg=pass" in ours[0] and "contoso" in ours[0]
    assert "gw.contoso.test.example; dkim=pass" in results
    assert m.fields("X-OriginatorOrg") == ["contoso.com"]


def test_stamp_lines_are_short(std):
    with std.connect("X") as c:
        c.deliver(simple(), xoorg="contoso.com")
    for line in std.main.one().header.split(b"\r\n"):
        assert len(line) <= 100


@pytest.mark.parametrize("name", ["a" * 200 + ".example", "[192.0.2.1]", "[IPv6:2001:db8::1]",
                                  "under_score", "x.y.z.example"])
def test_hello_names(std, name):
    with std.connect("B") as c:
        c.ehlo(name)
        c.deliver(simple())
    m = std.inbound.one()
    assert len(m.fields("Received")) == 1
    assert re.search(r"from \S", _received(m))


def test_empty_message(std):
    """No header, no body: what we add must not run into it."""
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b".\r\n")
        reply = c.reply()
        assert reply.code in (250, 554)
    for m in std.messages:
        assert len(m.fields("Received")) == 1 and m.body in (b"", b"\r\n")


@BOTH
def test_body_only(std, chunked):
    """An empty header section: the body stays a body."""
    with std.connect("T") as c:
        c.deliver(b"\r\nX-OriginatorOrg: contoso.com\r\n", chunked=chunked)
    m = std.inbound.one()
    assert m.body == b"X-OriginatorOrg: contoso.com\r\n"
    assert m.fields("X-OriginatorOrg") == []
