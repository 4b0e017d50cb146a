# SPDX-License-Identifier: ISC
"""The header wall: doc/protocol (b.3) H1 to H13; doc/threat-model a.7."""
import re
from random import Random

import pytest

from standard import Standard
from harness import Hop, Smtp, base_config, expect, rows, simple
from oracle import ALWAYS, CUTS, PROTECTED, VIEWS, has_bare_newline, seen_in, without_stamps
from reaction import settled

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


@pytest.fixture(scope="module")
def _strict(pki):
    env = Standard(pki, listeners__in__malformed_header="refuse")
    yield env
    env.close()


@pytest.fixture
def strict(_strict):
    _strict.clear()
    yield _strict
    _strict.gw.check()


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
O = ORG.encode()
AR = b"Authentication-Results: gw.contoso.test; x-xoorg=pass"
DROPPED, BARE, NUL, SYNTAX = (
    ("250", None), ("550 5.6.11", "header-bare-newline"), ("550 5.6.11", "content-nul"),
    ("554 5.6.0", "header-syntax"))

# id, octets put between two ordinary fields, what happens. DROPPED: the message goes
# on without its protected fields, and all else as it was.
WALL = rows(
    ("H01", P, DROPPED),
    ("H02", b"x-Ms-eXCHANGE-oRGANIZATION-aUTHaS: Internal\r\n", DROPPED),
    ("H03", O + b" : Internal\r\n", DROPPED),
    ("H04", O + b"\t: Internal\r\n", DROPPED),
    ("H05", O + b":\r\n Internal\r\n", DROPPED),
    ("H06", O + b"\r\n : Internal\r\n", DROPPED),
    ("H07", O + b":Internal\r\n", DROPPED),
    ("H10", b"X-A: b\n" + P, BARE),
    ("H11", b"X-A: b\r" + P, BARE),
    ("H12", b"X-A: b\r\r\n" + P, BARE),
    ("H13", b"\0" + P, NUL),
    ("H14", b"X-MS-Exchange-\0Organization-AuthAs: Internal\r\n", NUL),
    ("H15", O + b"\0: Internal\r\n", NUL),
    ("H16", O + b"\xa0: Internal\r\n", SYNTAX),
    ("H17", b"no colon here\r\n" + P, SYNTAX),
    ("H18", b"From u@contoso.com Mon Jan  1 00:00:00 2024\r\n" + P, SYNTAX),
    ("H19", b"X-A: b\r\n " + P, DROPPED),
    ("H20", b"--b\r\n" + P, SYNTAX),
    ("H21", b"X-A: b\r\n\t\r\n" + P, DROPPED),
    ("H22", b"=?utf-8?q?" + O + b"?=: Internal\r\n", DROPPED),
    ("H24", O + b"\x80: Internal\r\n", SYNTAX),
    ("H25", b"\xef\xbb\xbf" + P, SYNTAX),
    ("H26", P + b"X-Between: 1\r\n" + P, DROPPED),
    ("H28", b"\x0b" + P, SYNTAX),
    ("H29", O + b"\x0c: Internal\r\n", SYNTAX),
    ("H30", O + b"\x85: Internal\r\n", SYNTAX),
    ("H31a", b"X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n", DROPPED),
    ("H31b", b"X-MS-Exchange-CrossTenant-Id: x\r\n", DROPPED),
    ("H31c", b"X-MS-Exchange-Forest-RulesExecuted: x\r\n", DROPPED),
    ("H31d", b"X-OriginatorOrg: contoso.com\r\n", DROPPED),
    ("H31e", b"X-OriginatorOrganization: contoso.com\r\n", DROPPED),
    ("H32", O + b";: Internal\r\n", DROPPED),
    ("H33", b"X-A: b\n\r" + P, BARE),
    ("H34", b"X-A: b\x85 " + P, DROPPED),
    ("H35", b"X-A: b\x0b" + P, SYNTAX),
    ("H36", O + b"(comment): Internal\r\n", SYNTAX),
    ("H36b", O + b" (comment): Internal\r\n", SYNTAX),
    ("H36c", b"X-OriginatorOrg(comment): contoso.com\r\n", SYNTAX),
    ("H37", b"X-A: b\r\n \r\n\t\r\n" + P, DROPPED),
    ("H39", O + b":\r\n \r\n\tInternal\r\n", DROPPED),
    ("H40", b": empty name\r\n" + P, SYNTAX),
    ("H41", b"X-\xc3\xa9: b\r\n" + P, SYNTAX),
    ("H42", b"X-A B: c\r\n" + P, SYNTAX),
    ("H43", b"X-Long: " + b"a" * 980 + b"\r\n" + P, DROPPED),
    ("H44", b"X-MS-Exchange-Organization-: x\r\n", DROPPED),
    ("H45", O + b" \0 : Internal\r\n", NUL),
    ("H47", b"X-A: " + b"a" * 993 + P, SYNTAX),
    ("H47b", b"X-A: " + b"a" * 2043 + P, SYNTAX),
) + rows(*[("H47-ours-%d" % n, b"X-Z: " + b"b" * (n - 5) + AR + b"\r\n", SYNTAX)
           for n in CUTS]) \
  + rows(*[("H47-trace-%d" % n, b"X-Z: " + b"b" * (n - 5) + b"X-CrossPremisesHeadersPromoted: "
            b"gw.contoso.test\r\n", SYNTAX) for n in CUTS]) \
  + rows(("H49", AR + b"\r\n", DROPPED),
         ("H49-Q", AR.replace(b"gw.", b"=?utf-8?q?gw?=.") + b"\r\n", DROPPED),
         ("H49-B", b"Authentication-Results: =?utf-8?b?Z3cuY29udG9zby50ZXN0?=; x-xoorg=pass\r\n",
          DROPPED),
         ("H50", b"X-CrossPremisesHeadersPromoted: gw.contoso.test\r\n"
                 b"X-CrossPremisesHeadersFiltered: gw.contoso.test\r\n"
                 b"X-OrganizationHeadersPreserved: gw.contoso.test\r\n"
                 b"X-CrossPremiseHeadersBlocked: gw.contoso.test\r\n"
                 b"X-CrossPremisesHeadersFilteredBySendConnector: gw.contoso.test\r\n", DROPPED))
KEPT = rows(
    ("empty", b"Authentication-Results:\r\n"),
    ("quoted", b"Authentication-Results: \"other.example\"; dkim=pass\r\n"),
    ("Q", b"Authentication-Results: =?utf-8?q?spf=3Dpass_=28sender_IP_is_192.0.2.1=29?=\r\n"
          b" =?utf-8?q?_smtp.mailfrom=3Dcontoso.com=3B_dkim=3Dnone?=\r\n"),
    ("B", b"Authentication-Results: =?utf-8?B?c3BmPXBhc3MgKHNlbmRlciBJUCk=?=\r\n"))
FIRST = rows(("H08", P, DROPPED), ("H09", b" " + P, SYNTAX), ("H09t", b"\t" + P, SYNTAX),
             ("H09b", b" \r\n" + P, SYNTAX))
BODY = b"Body.\r\n"


def _send(c, content, chunked):
    """The content as it stands (stuffed, for DATA); the reply."""
    c.mail()
    c.rcpt()
    if chunked:
        c.send(b"BDAT %d LAST\r\n" % len(content) + content)
    else:
        c.want("DATA", 354)
        c.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return c.reply()


def _wall(env, content, want, chunked):
    """Sends it, and looks at everything: reply, connection, log, next hop, views."""
    code, why = want
    with env.connect("T") as c:
        expect(_send(c, content, chunked), code)
        if why in ("header-bare-newline", "content-nul"):
            assert c.expect_close() == b""
        else:
            assert c.is_open()
    settled(env, *([why] if why else []), n=0 if why else 1)
    for m in env.messages:
        assert seen_in(m.content) == []
        assert not has_bare_newline(m.content)
    return env.messages


@BOTH
@pytest.mark.parametrize("id, odd, want", WALL)
def test_wall(strict, id, odd, want, chunked):
    head, tail = b"From: a@b.example\r\nX-Keep: 1\r\n", b"Subject: s\r\nX-Last: 2\r\n"
    got = _wall(strict, head + odd + tail + b"\r\n" + BODY, want, chunked)
    if want == DROPPED:
        header, body = without_stamps(got[0])
        rest = re.sub(rb"(?im)^(?:X-(?:MS-Exchange-|Or|Cross)|Authentication-Re)[^:\n]*(?:\n[ \t]+)?:"
                      rb"[^\n]*\n(?:[ \t][^\n]*\n)*", b"", odd)
        assert header == head + rest + tail
        assert body == BODY


@BOTH
@pytest.mark.parametrize("state, xoorg", [("T", None), ("X", "contoso.com")])
@pytest.mark.parametrize("id, field", KEPT)
def test_results_of_others(std, id, field, state, xoorg, chunked):
    content, m = _through(std, state, field.decode(), xoorg, chunked)
    assert field in m.header


@BOTH
@pytest.mark.parametrize("id, head, want", FIRST)
def test_wall_first_line(strict, id, head, want, chunked):
    got = _wall(strict, head + b"Subject: s\r\n\r\n" + BODY, want, chunked)
    if want == DROPPED:
        assert without_stamps(got[0]) == (b"Subject: s\r\n", BODY)


MALFORMED = [x for x in WALL if x.values[2] == SYNTAX and not x.values[0].startswith("H47")]
# What each of them is called, and what becomes of the line; None: it is body.
KINDS = {"H18": "mbox-from", "H25": "byte-order-mark", "H35": "control", "H09": "leading-blank",
         "H09t": "leading-blank", "H09b": "leading-blank"}


@BOTH
@pytest.mark.parametrize("state, xoorg", [("T", None), ("X", "contoso.com")])
@pytest.mark.parametrize("id, odd, want", MALFORMED)
def test_repaired(std, id, odd, want, state, xoorg, chunked):
    """The section ends before the first line that is no field; what was there is body."""
    head, tail = b"From: a@b.example\r\nX-Keep: 1\r\n", b"Subject: s\r\nX-Last: 2\r\n"
    content = head + odd + tail + b"\r\n" + BODY
    with std.connect(state) as c:
        c.deliver(content, xoorg=xoorg, chunked=chunked)
    settled(std, n=1)
    m, = std.messages
    allowed = [b"X-OriginatorOrg: contoso.com"] if xoorg else []
    assert seen_in(m.content, allowed=allowed) == []
    header, body = without_stamps(m)
    repaired, stamped = std.gw.event()["repaired"], std.gw.event()["stamped"]
    if id == "H35":
        assert repaired == "control:1" and body == BODY
        assert header == head + b"X-A: b " + P + tail
    else:
        assert re.fullmatch("(no-colon|name|empty-name):1", repaired)
        assert (header, body) == (head, odd + tail + b"\r\n" + BODY)
    assert stamped == ("3" if xoorg else "2")


FIRST_LINES = rows(
    ("H18", b"From u@contoso.com Mon Jan  1 00:00:00 2024\r\n" + P,
     b"X-Mailbox-Line: From u@contoso.com Mon Jan  1 00:00:00 2024\r\n"),
    ("H18-quoted", b">From u\r\n", b"X-Mailbox-Line: >From u\r\n"),
    ("H25", b"\xef\xbb\xbf" + P, b""), ("H09", b" " + P, b""), ("H09t", b"\t" + P, b""),
    ("H09b", b" \r\n" + P, b""), ("H06", O + b"\r\n : a\r\n", b""),
    ("folded", b"X-A\r\n : b\r\n", b"X-A: b\r\n"))


@BOTH
@pytest.mark.parametrize("id, head, want", FIRST_LINES)
def test_repaired_first_line(std, id, head, want, chunked):
    with std.connect("T") as c:
        c.deliver(head + b"Subject: s\r\n\r\n" + BODY, chunked=chunked)
    m = std.inbound.one()
    assert seen_in(m.content) == []
    assert without_stamps(m) == (want + b"Subject: s\r\n", BODY)
    assert ("repaired" in std.gw.event()) == (id != "H06")


TEXTS = (
    ("dot", b"Hello\r\n.\r\n..a\r\n", b"Hello\r\n.\r\n..a\r\n"),
    ("blank-dot", b" .\r\nMAIL FROM:<evil@b.example>\r\n",
     b".\r\nMAIL FROM:<evil@b.example>\r\n"),
    ("mark-dot", b"\xef\xbb\xbf.\r\nQUIT\r\n", b".\r\nQUIT\r\n"))
LONG = b"Text without an end of the header.\r\n" * 9000


@BOTH
@pytest.mark.parametrize("id, text, want, n", rows(
    *[("%s-%d" % (id, n), text, want, n) for id, text, want in TEXTS for n in (1, 3, 4, 7, 99)],
    ("long", LONG, LONG, 65536)))
def test_text_without_header(gateway, pki, id, text, want, n, chunked):
    """A text that begins without any field is body, stuffed as a body is; by DATA to the
    next hop, where a dot counts. It comes in pieces of n octets."""
    with Hop() as main, Hop(caps=("PIPELINING", "SIZE 1000000", "8BITMIME")) as hop, \
            Smtp(gateway(base_config(pki, main, hop)).port("in")) as c:
        c.ehlo()
        c.mail("a@b.example")
        c.rcpt()
        if chunked:
            data = text
            c.send(b"BDAT %d LAST\r\n" % len(text))
        else:
            data = (b"\r\n" + text).replace(b"\r\n.", b"\r\n..")[2:] + b".\r\n"
            c.want("DATA", 354)
        for i in range(0, len(data), n):
            c.send(data[i:i + n])
        expect(c.reply(), 250)
        assert hop.one().body == want


@pytest.mark.parametrize("mode, setting, want", [
    ("enforce", "refuse", "554 5.6.0"), ("enforce", "repair", "250"),
    ("observe", "refuse", "250"), ("observe", "repair", "250")])
@pytest.mark.parametrize("state, xoorg", [("T", None), ("X", "contoso.com")])
def test_malformed_header_setting(gateway, pki, mode, setting, want, state, xoorg):
    """Observe mode refuses nothing that can be passed on with one reading; what has two is
    refused in any case."""
    env = Standard(pki, listeners__in__mode=mode, listeners__in__malformed_header=setting)
    try:
        with env.connect(state) as c:
            for content, code in ((b"garbage\r\n" + P + b"\r\nx\r\n", want),
                                  (b"X-A: " + b"a" * 993 + P + b"\r\nx\r\n", "554 5.6.0"),
                                  (b"X-A: a\n" + P + b"\r\nx\r\n", "550 5.6.11")):
                c.mail("u@contoso.com", "XOORG=" + xoorg if xoorg else "")
                c.rcpt()
                c.data(content, code)
        for m in env.messages:
            assert seen_in(m.content, ALWAYS) == []
        assert len(env.messages) == (want == "250")
    finally:
        env.close()


def test_header_without_end(std):
    """It is refused when it has become too long, not at its end: that much is held."""
    chunk = (b"X-A: " + b"a" * 993 + b"\r\n") * 263
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        expect(c.reply(), "552 5.3.4")
    settled(std, "header-limit")


REASONS = rows(
    ("no-colon", b"Subject: s\r\ngar bage\r\n", "554 5.6.0", "line 2: no colon", "gar bage"),
    ("name", b"X\xa0: y\r\n", "554 5.6.0", "line 1: octet not allowed in a name", "X?"),
    ("empty-name", b": y\r\n", "554 5.6.0", "line 1: colon without a name", ""),
    ("leading-dot", b"A: b\r\n.C: d\r\n", "554 5.6.0", "line 2: dot before a name", ".C"),
    ("leading-blank", b" a: y\r\n", "554 5.6.0", "line 1: blank before the first field", " a"),
    ("mbox-from", b"From a b\r\n", "554 5.6.0", "line 1: mbox From line", "From a b"),
    ("byte-order-mark", b"\xef\xbb\xbfA: b\r\n", "554 5.6.0", "line 1: byte order mark", "???A"),
    ("control", b"A: b\r\n c\x0cd\r\n", "554 5.6.0", "line 2: control character", "?d"),
    ("folded-name", b"A\r\n : b\r\n", "554 5.6.0", "line 1: line break before the colon", "A"),
    ("hidden-name", b"A: b\r\nX-Z: " + b"a" * 993 + P, "554 5.6.0",
     "line 2: protected name in a line of more than 990 octets", "X-Z"),
    ("bare-newline", b"A: b\r\nC: d\ne\r\n", "550 5.6.11", "line 2: bare CR or LF", ""),
    ("nul", b"A: b\r\nC: d\0e\r\n", "550 5.6.11", "line 2: NUL", ""),
    ("fields", b"A: b\r\n" * 10001, "552 5.3.4", "more than 10000 fields", "A"),
    ("octets", b"A: " + b"b" * 262144 + b"\r\n", "552 5.3.4", "more than 262144 octets", ""),
    ("hops", b"Received: b\r\n" * 101, "554 5.4.6", "more than 100 Received fields", "Received"))


@BOTH
@pytest.mark.parametrize("id, head, code, text, place", REASONS)
def test_why(strict, id, head, code, text, place, chunked):
    """A refusal says what is wrong and where: in the reply, and with what stands there in
    the log, which has the reply as the client had it."""
    with strict.connect("T") as c:
        c.mail()
        c.rcpt()
        reply = c.bdat(head + b"\r\n" + BODY, code) if chunked else \
            c.data(head + b"\r\n" + BODY, code)
    assert reply.text.endswith(", " + text)
    event = strict.gw.event()
    assert event["reply"] == "%d %s" % (reply.code, reply.text)
    assert event["reply"].startswith(code)
    if not chunked or id not in ("bare-newline", "nul"):
        assert event["because"] == text + (": " + place if place else "")
    assert strict.messages == []


def test_limits_of_the_neighbour(std):
    """A To field of 150 kB, folded and in one line, and 1,500 fields."""
    to = b", ".join(b"user%d@contoso.com" % i for i in range(7500))
    for head in (b"To: " + to + b"\r\n", b"To: " + to.replace(b", ", b",\r\n ") + b"\r\n",
                 b"X-A: b\r\n" * 1500):
        std.clear()
        with std.connect("T") as c:
            c.deliver(head + b"\r\n" + BODY)
        assert without_stamps(std.inbound.one()) == (head, BODY)


def test_H23_stuffed(std):
    """`.X-MS-...` in DATA is `X-MS-...`."""
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n." + P + b"\r\nbody\r\n.\r\n")
        expect(c.reply(), 250)
    settled(std, n=1)
    assert seen_in(std.messages[0].content) == []
    assert without_stamps(std.messages[0]) == (b"Subject: s\r\n", b"body\r\n")


@BOTH
@pytest.mark.parametrize("id, content", rows(
    ("H27", b"Subject: s\r\n" + P), ("H27-unfinished", b"Subject: s\r\n" + P[:-2]),
    ("H27-name", b"Subject: s\r\n" + O + b":")))
def test_ends_in_the_header(std, id, content, chunked):
    if not chunked and not content.endswith(b"\r\n"):
        content += b"\r\n"			# DATA ends with a line
    _wall(std, content, DROPPED, chunked)


@pytest.mark.parametrize("id, n, want", rows(
    ("H38-3000", 3000, DROPPED), ("H38-11000", 11000, ("552 5.3.4", "header-limit"))))
def test_H38_many(std, id, n, want):
    got = _wall(std, b"X-A: b\r\n" * (n - 1) + P + b"\r\n" + BODY, want, False)
    for m in got:
        assert m.header.count(b"X-A: b\r\n") == n - 1


def _forms():
    """One content for each of H01 to H50, and the state it is sent in."""
    forms = {}
    for row in WALL:
        id, odd, _ = row.values
        forms.setdefault(id[:3], ("T", b"From: a@b.example\r\n" + odd + b"Subject: s\r\n\r\n"
                                  + BODY))
    for row in FIRST:
        forms.setdefault(row.values[0][:3], ("T", row.values[1] + b"Subject: s\r\n\r\n" + BODY))
    forms["H23"] = ("T", b"Subject: s\r\n." + P + b"\r\n" + BODY)
    forms["H27"] = ("T", b"Subject: s\r\n" + P)
    forms["H38"] = ("T", b"X-A: b\r\n" * 990 + P + b"\r\n" + BODY)
    forms["H46"] = ("X", b"Subject: s\r\n" + P + b"\r\n" + BODY)
    forms["H48"] = ("T", b"DKIM-Signature: v=1;\r\n b=A\r\nSubject: s\r\n\r\n" + BODY)
    return forms


def test_50_forms_in_all_views(std, record_property):
    """Promise 4: every form, by DATA and by BDAT, read in every way: 0 visible."""
    forms = _forms()
    assert sorted(forms) == ["H%02d" % (i + 1) for i in range(50)]
    sent = passed = visible = 0
    for state, content in forms.values():
        for chunked in (False, True):
            std.main.clear()
            std.inbound.clear()
            with std.connect(state) as c:
                reply = _send(c, content, chunked)
            sent += 1
            assert len(std.messages) == (reply.code == 250)
            for m in std.messages:
                passed += 1
                seen = seen_in(m.content, ALWAYS if state == "X" else PROTECTED)
                visible += len(seen)
                assert seen == [], content
    result = "%d forms x %d views, DATA and BDAT: %d sent, %d passed on, %d visible" % (
        len(forms), len(VIEWS), sent, passed, visible)
    print(result)
    record_property("views", result)
    assert len(VIEWS) >= 9 and passed >= 30 and visible == 0


PIECES = [AR, b"a" * 998 + AR, b"\r\n", b"\r\n", b"\r\n", b": ", b":", b" ", b"\t", b"\r\n ", b"\r\n\t", b"\r", b"\n",
          b"\0", b"\x0b", b"\x0c", b"\x85", b"\xa0", b"\x1b", b"\x7f", b"(", b")", b".", b"..",
          b"\r\n.\r\n", b"Subject: s\r\n", b"X-A: b\r\n", b"From x\r\n", b"--b\r\n", O, P, P, P,
          b"x-originatororg", b"X-MS-Exchange-Forest-A", b"X-MS-Exchange-CrossPremises-B",
          b"a" * 990, b"X-MS-Exchange-", b"Organization-AuthAs"]


@pytest.mark.parametrize("seed", range(4))
def test_random_headers(std, seed):
    """Pieces of the same classes in any order. Whatever passes shows no protected
    name in any view, and leaves no bare CR or LF on the wire but inside BDAT's body."""
    random = Random(seed)
    passed = 0
    for _ in range(60):
        std.main.clear()
        std.inbound.clear()
        pieces = random.choices(PIECES, k=random.randrange(1, 12))
        if random.random() < 0.7:	# else most are refused for the same octet
            pieces = [x for x in pieces if x not in (b"\r", b"\n", b"\0")]
        content = b"Subject: s\r\n" + b"".join(pieces) + \
            random.choice([b"", b"\r\n\r\n"]) + BODY
        chunked = random.random() < 0.5
        with std.connect("T") as c:
            c.mail()
            c.rcpt()
            if chunked:
                cut = random.randrange(len(content))
                c.send(b"BDAT %d\r\n" % cut + content[:cut])
                reply = c.reply()
                if reply.code == 250:
                    c.send(b"BDAT %d LAST\r\n" % (len(content) - cut) + content[cut:])
                    reply = c.reply()
            else:
                c.want("DATA", 354)
                c.send(content.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n")
                reply = c.reply()
        assert reply.code in (250, 550, 552, 554), (seed, content, reply)
        assert len(std.messages) == (reply.code == 250), (seed, content, reply)
        for m in std.messages:
            passed += 1
            assert seen_in(m.content) == [], (seed, content)
            assert not has_bare_newline(m.header), (seed, content)
            assert m.via == "bdat" or not has_bare_newline(m.raw), (seed, content)
    assert passed > 5


def test_H38_octets(std):
    with std.connect("T") as c:
        c.mail()
        c.rcpt()
        c.data(b"".join(b"X-A: %s\r\n" % (b"a" * 900) for _ in range(300)) + b"\r\nbody\r\n",
               "552 5.3.4")
        assert c.is_open()
    settled(std, "header-limit")


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
