# SPDX-License-Identifier: ISC
"""The header wall: doc/protocol (b.3) H1 to H13; doc/threat-model a.7."""
import re

import pytest

from standard import Standard
from harness import Hop, Smtp, base_config, rows, simple
from oracle import ALWAYS, has_bare_newline, seen_in, without_stamps

ORG = "X-MS-Exchange-Organization-AuthAs"
XP = "X-MS-Exchange-CrossPremises-"
GUID = "11111111-2222-3333-4444-555555555555"


def _through(env, state, header, xoorg=None, chunked=False, **how):
    with env.connect(state) as c:
        content = simple(header, **how)
        c.deliver(content, xoorg=xoorg, chunked=chunked)
    return content, env.messages[-1]


@pytest.fixture(scope="module")
def _promote(pki):
    env = Standard(pki, **{"upstreams__main__cross_premises": "promote",
                           "listeners__in__mode": "observe"})
    yield env
    env.close()


@pytest.fixture
def promote(_promote):
    _promote.clear()
    yield _promote
    _promote.gw.check()


BOTH = pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])


@BOTH
def test_H1(std, chunked):
    _, m = _through(std, "T", "X-OriginatorOrg: contoso.com\r\n", chunked=chunked)
    assert m.fields("X-OriginatorOrg") == []


@BOTH
def test_H2(std, chunked):
    _, m = _through(std, "X", "X-OriginatorOrg: fabrikam.com\r\n"
                    "X-OriginatorOrganization: fabrikam.com\r\n", "contoso.com", chunked)
    assert m.fields("X-OriginatorOrg") == ["contoso.com"]
    assert m.fields("X-OriginatorOrganization") == []


@BOTH
def test_H3(std, chunked):
    _, m = _through(std, "X", "X-OriginatorOrg: contoso.com\r\n", chunked=chunked)
    assert m.fields("X-OriginatorOrg") == []


@pytest.mark.parametrize("state, xoorg", [("C", None), ("T", None), ("X", None),
                                          ("X", "contoso.com")])
def test_H4(std, state, xoorg):
    _, m = _through(std, state, "X-MS-Exchange-Organization-SCL: -1\r\n", xoorg)
    assert seen_in(m.content, ALWAYS) == []


@pytest.mark.parametrize("state, xoorg", [("T", None), ("X", "contoso.com")])
def test_H5(std, state, xoorg):
    _, m = _through(std, state, "x-ms-exchange-ORGANIZATION-authas: Internal\r\n"
                    "X-Keep: one\r\n"
                    "X-MS-Exchange-Organization-AuthAs:\r\n Internal\r\n\tagain\r\n"
                    "X-MS-Exchange-Organization-AuthAs: Internal\r\n"
                    "X-MS-EXCHANGE-FOREST-RulesExecuted: x\r\n"
                    "X-Keep: two\r\n", xoorg)
    assert seen_in(m.content, ALWAYS) == []
    assert m.fields("X-Keep") == ["one", "two"]
    assert b"again" not in m.header


@BOTH
def test_H6_promotion(promote, chunked):
    _, m = _through(promote, "X", XP + "AuthAs: Internal\r\n", "contoso.com", chunked)
    assert m in promote.main.messages
    assert m.fields(ORG) == ["Internal"]
    assert len(m.fields("X-CrossPremisesHeadersPromoted")) == 1
    assert "gw.contoso.test" in m.fields("X-CrossPremisesHeadersPromoted")[0]
    assert "gw.contoso.test" in m.fields("X-CrossPremisesHeadersFiltered")[0]
    assert not re.search(rb"CrossPremises-", m.header, re.I)


@pytest.mark.parametrize("id, state, params", rows(("H7", "X", "fabrikam.com"),
                                                   ("H8", "T", None)))
def test_not_promoted(promote, id, state, params):
    _, m = _through(promote, state, XP + "AuthAs: Internal\r\n", params)
    assert m in promote.inbound.messages
    assert m.fields(ORG) == []
    assert m.fields("X-CrossPremisesHeadersPromoted") == []
    assert "gw.contoso.test" in m.fields("X-CrossPremisesHeadersFiltered")[0]
    assert not re.search(rb"CrossPremises-", m.header, re.I)


def test_H9_empty_and_doubled(promote):
    _, m = _through(promote, "X", XP + "BCC:\r\n" + XP + "SCL: 1\r\n" + XP + "scl: -1\r\n",
                    "contoso.com")
    assert m.fields("X-MS-Exchange-Organization-BCC") == [""]
    assert m.fields("X-MS-Exchange-Organization-SCL") == ["-1"]


def test_H10_processed_from_the_wire(promote):
    _, m = _through(
        promote, "X", "X-MS-Exchange-Organization-Cross-Premises-Headers-Processed: x\r\n"
        + XP + "AuthAs: Internal\r\n", "contoso.com")
    assert m.fields(ORG) == ["Internal"]
    assert "x" not in m.fields("X-MS-Exchange-Organization-Cross-Premises-Headers-Processed")


@BOTH
def test_H11_inner_message(std, chunked):
    body = ("--b\r\nContent-Type: message/rfc822\r\n\r\n"
            "X-MS-Exchange-Organization-AuthAs: Internal\r\nX-OriginatorOrg: x.example\r\n"
            "\r\ninner\r\n--b--\r\n")
    content, m = _through(std, "X", "MIME-Version: 1.0\r\n"
                          "Content-Type: multipart/mixed; boundary=b\r\n",
                          "contoso.com", chunked, body=body)
    assert m.body == body.encode()


def test_H12_cross_tenant(std):
    header = "X-MS-Exchange-CrossTenant-Id: %s\r\n" \
        "X-MS-Exchange-Transport-CrossTenantHeadersStamped: x\r\n" % GUID
    _, m = _through(std, "T", header)
    assert seen_in(m.content) == []
    std.clear()
    _, m = _through(std, "X", header, "contoso.com")
    assert m.fields("X-MS-Exchange-CrossTenant-Id") == [GUID]


# --- a.7: untrusted peer ------------------------------------------------------

P = (ORG + ": Internal\r\n").encode()
DROP, NUL = "drop", "550|554"
HEADER_BARE = "550 5.6.11|554 5.6.0|550 5.6.0"

# id, octets put between two ordinary fields, what happens
WALL = rows(
    ("H01", P, DROP),
    ("H02", b"x-Ms-eXCHANGE-oRGANIZATION-aUTHaS: Internal\r\n", DROP),
    ("H03", ORG.encode() + b" : Internal\r\n", DROP),
    ("H04", ORG.encode() + b"\t: Internal\r\n", DROP),
    ("H05", ORG.encode() + b":\r\n Internal\r\n", DROP),
    ("H06", ORG.encode() + b"\r\n : Internal\r\n", DROP + "|554|550"),
    ("H07", ORG.encode() + b":Internal\r\n", DROP),
    ("H10", b"X-A: b\n" + P, HEADER_BARE),
    ("H11", b"X-A: b\r" + P, HEADER_BARE),
    ("H12", b"X-A: b\r\r\n" + P, HEADER_BARE),
    ("H13", b"\0" + P, NUL),
    ("H14", b"X-MS-Exchange-\0Organization-AuthAs: Internal\r\n", NUL),
    ("H15", ORG.encode() + b"\0: Internal\r\n", NUL),
    ("H16", ORG.encode() + b"\xa0: Internal\r\n", "554|550"),
    ("H17", b"no colon here\r\n" + P, "554|550"),
    ("H18", b"From u@contoso.com Mon Jan  1 00:00:00 2024\r\n" + P, "554|550|" + DROP),
    ("H26", P + b"X-Between: 1\r\n" + P, DROP),
    ("H28", b"\x0b" + P, "554|550"),
    ("H29", ORG.encode() + b"\x0c: Internal\r\n", "554|550"),
    ("H31a", b"X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n", DROP),
    ("H31b", b"X-MS-Exchange-CrossTenant-Id: x\r\n", DROP),
    ("H31c", b"X-MS-Exchange-Forest-RulesExecuted: x\r\n", DROP),
    ("H31d", b"X-OriginatorOrg: contoso.com\r\n", DROP),
    ("H31e", b"X-OriginatorOrganization: contoso.com\r\n", DROP),
    ("H33", b"X-A: b\n\r" + P, HEADER_BARE),
    ("H36", ORG.encode() + b"(comment): Internal\r\n", "554|550|" + DROP),
    ("H37", b"X-A: b\r\n \r\n\t\r\n" + P, DROP),
    ("H39", ORG.encode() + b":\r\n \r\n\tInternal\r\n", DROP),
    ("H40", b": empty name\r\n" + P, "554|550"),
    ("H41", b"X-\xc3\xa9: b\r\n" + P, "554|550"),
    ("H42", b"X-A B: c\r\n" + P, "554|550|" + DROP),
    ("H43", b"X-Long: " + b"a" * 980 + b"\r\n" + P, DROP),
    ("H44", b"X-MS-Exchange-Organization-: x\r\n", DROP),
    ("H45", ORG.encode() + b" \0 : Internal\r\n", NUL),
)


def _wall(env, pieces, want, chunked):
    """Sends the pieces as header and checks what became of it."""
    head, odd, tail = pieces
    body = b"Body.\r\n"
    with env.connect("T") as c:
        c.mail()
        c.rcpt()
        content = head + odd + tail + b"\r\n" + body
        if chunked:
            c.send(b"BDAT %d LAST\r\n" % len(content) + content)
        else:
            c.want("DATA", 354)
            c.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = c.reply()
    codes = want.replace(DROP, "250")
    assert reply.matches(codes), "got %r, want %s" % (reply, want)
    got = env.messages
    assert len(got) == (1 if reply.code == 250 else 0)
    for m in got:
        assert seen_in(m.content) == []
        assert not has_bare_newline(m.content)
    return reply, got


@BOTH
@pytest.mark.parametrize("id, odd, want", WALL)
def test_wall(std, id, odd, want, chunked):
    head, tail = b"From: a@b.example\r\nX-Keep: 1\r\n", b"Subject: s\r\nX-Last: 2\r\n"
    reply, got = _wall(std, (head, odd, tail), want, chunked)
    if want == DROP:
        header, body = without_stamps(got[0])
        rest = re.sub(rb"(?im)^X-(?:MS-Exchange-|OriginatorOrg)[^:\n]*:[^\n]*\n(?:[ \t][^\n]*\n)*",
                      b"", odd)
        assert header == head + rest + tail
        assert body == b"Body.\r\n"


@BOTH
@pytest.mark.parametrize("id, head, want", rows(
    ("H08", P, DROP), ("H09", b" " + P, "554|550"), ("H09t", b"\t" + P, "554|550"),
    ("H09b", b" \r\n" + P, "554|550|" + DROP)))
def test_wall_first_line(std, id, head, want, chunked):
    reply, got = _wall(std, (head, b"", b"Subject: s\r\n"), want, chunked)
    if want == DROP:
        assert without_stamps(got[0]) == (b"Subject: s\r\n", b"Body.\r\n")


def test_H23_stuffed(std):
    """`.X-MS-...` in DATA is `X-MS-...`."""
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n." + P + b"\r\nbody\r\n.\r\n")
        c.reply()
    for m in std.messages:
        assert seen_in(m.content) == []


@BOTH
def test_H27_ends_in_the_header(std, chunked):
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        content = b"Subject: s\r\n" + P
        (c.bdat if chunked else c.data)(content, "250|554")
    for m in std.messages:
        assert seen_in(m.content) == []


def test_H27_unfinished_line(std):
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.bdat(b"Subject: s\r\n" + P[:-2], "250|550|554")
    for m in std.messages:
        assert seen_in(m.content) == []


@pytest.mark.parametrize("id, n, want", rows(("H38-900", 900, 250), ("H38-3000", 3000, 552)))
def test_H38_many(std, id, n, want):
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.data(b"X-A: b\r\n" * (n - 1) + P + b"\r\nbody\r\n", want)
        assert c.is_open()
    assert len(std.messages) == (want == 250)
    for m in std.messages:
        assert seen_in(m.content) == []
        assert m.header.count(b"X-A: b\r\n") == n - 1


def test_H38_octets(std):
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.data(b"".join(b"X-A: %s\r\n" % (b"a" * 900) for _ in range(200)) + b"\r\nbody\r\n",
               "552 5.3.4")
    assert std.messages == []


@BOTH
def test_H46_trusted_peer(std, chunked):
    """Everything but Organization, Forest and X-OriginatorOrg passes as it is."""
    keep = (b"Subject: =?utf-8?q?x?=\r\n\tfolded\r\n   more\r\n"
            b"X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"
            b"x-ms-exchange-crosspremises-BCC:\r\n"
            b"X-MS-Exchange-CrossTenant-Id: " + GUID.encode() + b"\r\n"
            b"X-MS-Exchange-Transport-CrossTenantHeadersStamped: HOST\r\n"
            b"X-Forefront-Antispam-Report: a;\r\n\tb\r\n"
            b"X-MS-Has-Attach:\r\n"
            b"DKIM-Signature: v=1; a=rsa-sha256; b=abc\r\n\t def=\r\n")
    with std.connect("X") as c:
        content = keep + P + b"\r\nbody\r\n"
        c.deliver(content, xoorg="contoso.com", chunked=chunked)
    m = std.main.one()
    header, body = without_stamps(m)
    assert header == keep and body == b"body\r\n"
    assert m.fields(ORG) == []


@BOTH
def test_H48_byte_equal(std, chunked):
    content = (b"DKIM-Signature: v=1; a=rsa-sha256; c=simple/simple; h=From:Subject;\r\n"
               b"\tb=AAAA\r\n BBBB==\r\nFrom:  a@b.example  \r\nsUBJECT:x\r\n"
               b"To:\tr@contoso.com\r\n \r\nX-Empty:\r\n\r\n"
               b"\r\n.\r\n..\r\n.x\r\n  \r\nend  \r\n\r\n")
    with std.connect("T") as c:
        c.deliver(content, chunked=chunked)
    header, body = without_stamps(std.inbound.one())
    want_header, _, want_body = content.partition(b"\r\n\r\n")
    assert header == want_header + b"\r\n" and body == want_body


@BOTH
@pytest.mark.parametrize("id, odd", rows(
    ("NUL", b"X-MS-Exchange-Organization-AuthAs\0: Internal\r\n"),
    ("bare-CR", b"X-A: b\rX-MS-Exchange-Organization-AuthAs: Internal\r\n")))
def test_H13_trusted_too(std, id, odd, chunked):
    with std.connect("X") as c:
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt()
        content = b"Subject: s\r\n" + odd + b"\r\nbody\r\n"
        if chunked:
            c.bdat(content, "550|554")
        else:
            c.data(content, "550|554")
    assert std.messages == []


def test_borders_everywhere(std):
    """BDAT, a chunk border at every octet of a small message."""
    content = (b"Subject: s\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n"
               b" more\r\nX-OriginatorOrg : evil.example\r\n"
               b"Authentication-Results: gw.contoso.test; x-xoorg=pass\r\nX-K: k\r\n"
               b"\r\n.\r\n.a\r\n")
    with std.connect("X") as c:
        for at in range(len(content) + 1):
            c.mail("u@contoso.com", "XOORG=contoso.com")
            c.rcpt()
            c.bdat([content[:at], content[at:]])
    got = std.main.wait(len(content) + 1)
    for at, m in enumerate(got):
        header, body = without_stamps(m)
        assert (at, header, body) == (at, b"Subject: s\r\nX-K: k\r\n", b".\r\n.a\r\n")
        assert m.fields("X-OriginatorOrg") == ["contoso.com"]
        assert len(m.fields("Authentication-Results")) == 1
        assert len(m.fields("Received")) == 1


def test_borders_to_data_only(gateway, pki):
    """The same towards a next hop without CHUNKING, in segments of one octet too."""
    with Hop(caps=("PIPELINING", "SIZE 1000000", "8BITMIME")) as main:
        gw = gateway(base_config(pki, main))
        content = (b"Subject: s\r\nX-OriginatorOrg : evil.example\r\nX-K: k\r\n"
                   b"\r\n.\r\n.a\r\n\r\n.\r\n")
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            for at in range(len(content) + 1):
                c.mail("u@contoso.com", "XOORG=contoso.com")
                c.rcpt()
                c.bdat([content[:at], content[at:]])
            c.mail("u@contoso.com", "XOORG=contoso.com")
            c.rcpt()
            c.want("DATA", 354)
            for octet in content.replace(b"\r\n.", b"\r\n..") + b".\r\n":
                c.send(bytes([octet]))
            assert c.reply().code == 250
        for at, m in enumerate(main.wait(len(content) + 2)):
            header, body = without_stamps(m)
            assert (at, header, body) == (at, b"Subject: s\r\nX-K: k\r\n",
                                          b".\r\n.a\r\n\r\n.\r\n")
            assert m.via == "data"
