# SPDX-License-Identifier: ISC
"""Messages of real shape, sent directly and through the gateway: what arrives
differs in the edits of the list below and in nothing else, octet by octet.

    added     at the top: one Authentication-Results, X-OriginatorOrg (verified
              mail), one Received, in this order; X-CrossPremisesHeadersFiltered
              at the end of the header if CrossPremises fields went
    removed   X-OriginatorOrg, X-OriginatorOrganization, X-MS-Exchange-Organization-*,
              X-MS-Exchange-Forest-*, X-CrossPremisesHeadersPromoted and -Filtered, an
              Authentication-Results in our name; from strangers' mail the
              CrossPremises and CrossTenant families and the traces of either, too
    changed   blanks between a name and its colon go; content that came by BDAT
              without a newline at its end gets one if it must go on by DATA
"""
import base64
import functools
import os
import random
import re

import pytest

from harness import CAPS, Config, Gateway, Hop, Smtp, base_config

HOST = b"gw.contoso.test"
MESSAGES = int(os.environ.get("XO_MESSAGES", "200"))

ALWAYS = re.compile(rb"X-OriginatorOrg(anization)?$|X-MS-Exchange-(Organization|Forest)-"
                    rb"|X-CrossPremisesHeaders(Filtered|Promoted)$", re.I)
STRANGERS = re.compile(rb"X-MS-Exchange-(CrossPremises|CrossTenant)-"
                       rb"|X-MS-Exchange-Transport-CrossTenantHeaders"
                       rb"|X-OrganizationHeadersPreserved$", re.I)


# --- messages ------------------------------------------------------------------------

WORDS = ("Bericht quarterly invoice Straße réunion 会議 the of and to attached please "
         "find regards schedule 2024 = . .. -- >From").split()


def _words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n)).encode()


def _ascii(rng, n):
    return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyzABCDEFG0123456789+/=") for _ in range(n))


def _folded(rng, name, value, width=70):
    """`value` folded in one of the ways one meets."""
    parts = [value[i:i + width] for i in range(0, len(value), width)] or [b""]
    fold = rng.choice([b"\r\n ", b"\r\n\t", b"\r\n        ", b"\r\n \t "])
    first = rng.choice([b" ", b" ", b"", b"  ", b"\t", fold])
    return name + b":" + first + fold.join(parts)


def _odd_fields(rng):
    """Legal all of them, and all seen in the wild."""
    return [
        b"X-Empty:", b"X-Empty-Blank: ", b"x-trailing: value  \t ", b"X-Only-Fold:\r\n value",
        b"X-Blank-Fold: a\r\n \t\r\n\tb", b"X-No-Blank:value", b"SUBJECT: again",
        b"sUbJeCt:third", b"X-Blank-Before : value", b"X-Tab-Before\t \t: value",
        b"X-!#$%&'*+-.^_`{|}~: odd name", b"X-Colons: a: b:c::", b"1: digit",
        b"X-Raw-8bit: Gr\xc3\xbc\xc3\x9fe \xe4\xbc\x9a\xe8\xad\xb0", b"X-Latin: Gr\xfc\xdfe",
        b"X-Long: " + _ascii(rng, 990),
        b"X-Longer: " + _ascii(rng, rng.choice([1500, 4000, 12000])),
        b"X-Dot: .\r\n .\r\n ..", b"X-Quoted: \"a\\\"b\" (comment (nested))",
        b"Bcc:", b"Resent-From: x@example.org", b"X-Header-Like: X-OriginatorOrg: contoso.com",
        b"X-MS-Has-Attach: yes", b"X-MS-Exchange-Other: stays", b"X-OriginatorOrgs: stays",
        b"Authentication-Results: mx.example.net; spf=pass smtp.mailfrom=example.org",
        b"X-Originating-IP: [192.0.2.1]",
        _folded(rng, b"References", b" ".join(b"<%d.%s@example.org>" % (i, _ascii(rng, 20))
                                              for i in range(rng.randrange(1, 30)))),
        _folded(rng, b"To", b", ".join(b"\"R %d\" <r%d@contoso.com>" % (i, i)
                                       for i in range(rng.randrange(1, 60)))),
    ]


PROTECTED = [
    b"X-OriginatorOrg: evil.example", b"x-originatororg : evil.example",
    b"X-OriginatorOrganization: evil.example", b"X-ORIGINATORORG:\r\n\tevil.example",
    b"X-MS-Exchange-Organization-AuthAs: Internal", b"X-MS-Exchange-Organization-SCL:-1",
    b"x-ms-exchange-forest-rulesexecuted: host\r\n more\r\n\tand more",
    b"X-MS-Exchange-CrossPremises-AuthAs: Internal", b"X-MS-Exchange-CrossPremises-BCC:",
    b"X-MS-Exchange-CrossTenant-Id: 11111111-2222-3333-4444-555555555555",
    b"X-MS-Exchange-Transport-CrossTenantHeadersStamped: HOST",
    b"X-CrossPremisesHeadersPromoted: evil.example", b"X-OrganizationHeadersPreserved: ex",
    b"Authentication-Results: gw.contoso.test; x-xoorg=pass",
    b"Authentication-Results: GW.contoso.test;\r\n\tspf=pass",
]


def _trace(rng):
    for i in range(rng.randrange(1, 6)):
        yield (b"Received: from h%d.example.org (h%d.example.org [192.0.2.%d])\r\n"
               b"\tby h%d.example.net (Postfix) with ESMTPS id %s\r\n"
               b"\tfor <r@contoso.com>; Mon, 15 Jan 2024 10:%02d:00 +0100 (CET)" % (
                   i, i, i + 1, i + 1, _ascii(rng, 12), i))


def _header(rng, i, mime):
    fields = list(_trace(rng))
    fields.append(_folded(rng, b"DKIM-Signature", b"v=1; a=rsa-sha256; c=relaxed/relaxed; "
                          b"d=example.org; s=s1; h=from:to:subject; bh=" + _ascii(rng, 43) +
                          b"; b=" + _ascii(rng, 340)))
    fields += [b"From: Somebody <u@contoso.com>", b"Date: Mon, 15 Jan 2024 10:00:00 +0100",
               b"Message-ID: <shape-%d@e2e.example>" % i,
               _folded(rng, b"Subject", b"=?utf-8?B?" + base64.b64encode(_words(rng, 6)) + b"?=")]
    odd = _odd_fields(rng)
    fields += rng.sample(odd, rng.randrange(3, len(odd)))
    for one in rng.sample(PROTECTED, rng.randrange(0, 5)):
        fields.insert(rng.randrange(len(fields) + 1), one)
    return fields + mime


def _text(rng):
    lines = []
    for _ in range(rng.randrange(1, 40)):
        lines.append(rng.choice([
            b"", b".", b"..", b". x", b".X-OriginatorOrg: x", b"From the start", b"  ",
            b"X-OriginatorOrg: in the body", b"end with blank ", b"\ttab",
            _words(rng, rng.randrange(1, 12)), _ascii(rng, 998), b"-- "]))
    return b"\r\n".join(lines) + b"\r\n"


def _part(rng, depth):
    """(MIME fields, body) of one part."""
    kind = rng.randrange(6 if depth else 4)
    if kind == 0:
        return ([b"Content-Type: text/plain; charset=utf-8",
                 b"Content-Transfer-Encoding: 8bit"], _text(rng))
    if kind == 1:
        raw = base64.encodebytes(rng.randbytes(rng.randrange(1, 3000))).replace(b"\n", b"\r\n")
        return ([b"Content-Type: application/octet-stream;\r\n\tname*=utf-8''Stra%C3%9Fe.bin",
                 b"Content-Transfer-Encoding: base64"], raw)
    if kind == 2:
        return ([b"content-type: TEXT/HTML; charset=\"iso-8859-1\"",
                 b"Content-Transfer-Encoding: quoted-printable"],
                b"<p>Gr=FC=DFe =\r\n.=20</p>\r\n=2E\r\n")
    if kind == 3:
        return [], _text(rng)
    if kind == 4:
        fields, body = _part(rng, depth - 1)
        inner = [b"X-MS-Exchange-Organization-AuthAs: Internal", b"X-OriginatorOrg: inner",
                 b"Subject : inner"] + fields
        return ([b"Content-Type: message/rfc822"], b"\r\n".join(inner) + b"\r\n\r\n" + body)
    border = b"=_" + _ascii(rng, 20).replace(b"=", b"x")
    out = b"preamble\r\n" if rng.random() < 0.5 else b""
    for _ in range(rng.randrange(1, 4)):
        fields, body = _part(rng, depth - 1)
        out += b"--" + border + b"\r\n" + b"".join(x + b"\r\n" for x in fields) + b"\r\n" + \
            body + b"\r\n"
    return ([b"MIME-Version: 1.0", b"Content-Type: multipart/mixed;\r\n boundary=\"%s\"" % border],
            out + b"--" + border + b"--\r\n" + (b"epilogue\r\n" if rng.random() < 0.3 else b""))


@functools.lru_cache(None)
def message(i):
    """(how it is sent, content): the same for the same i."""
    rng = random.Random(1000 + i)
    how = ("data", "bdat", "binary")[i % 10 % 3 if i % 10 else 0]
    mime, body = _part(rng, 3)
    if i % 17 == 5:
        body = b""
    elif how != "data" and i % 3:
        body = body[:-2]			# no newline at the end
    if how == "binary":
        mime = [b"MIME-Version: 1.0", b"Content-Type: application/octet-stream",
                b"Content-Transfer-Encoding: binary"]
        body = rng.randbytes(rng.randrange(1, 5000)) + b"a\nb\rc\0d\r\n.\r\n\n.\n" + \
            rng.randbytes(20)
    fields = _header(rng, i, mime)
    return how, b"".join(x + b"\r\n" for x in fields) + b"\r\n" + body


# --- what must become of it -------------------------------------------------------------

def _fields(section):
    """The raw fields of a header section, their CRLF included."""
    return re.findall(rb"[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", section)


def expected(content, is_verified):
    """The header fields and the body that are to arrive below the stamps."""
    section, _, body = content.partition(b"\r\n\r\n")
    out, filtered = [], False
    for field in _fields(section + b"\r\n"):
        name, _, value = field.partition(b":")
        bare = name.rstrip(b" \t")
        if ALWAYS.match(bare) or (not is_verified and STRANGERS.match(bare)):
            filtered |= b"crosspremises-" in bare.lower()
            continue
        if bare.lower() == b"authentication-results" and \
                value.strip().lower().startswith(HOST + b";"):
            continue
        out.append(bare + b":" + value)
    if filtered:
        out.append(b"X-CrossPremisesHeadersFiltered: " + HOST + b"\r\n")
    return out, body


def split_stamps(content, is_verified):
    section, _, body = content.partition(b"\r\n\r\n")
    fields = _fields(section + b"\r\n")
    want = [b"authentication-results"] + ([b"x-originatororg"] if is_verified else []) + \
        [b"received"]
    stamps, rest = fields[:len(want)], fields[len(want):]
    assert [x.partition(b":")[0].lower() for x in stamps] == want
    if is_verified:
        assert stamps[1] == b"X-OriginatorOrg: contoso.com\r\n"
    assert HOST + b";" in stamps[0] and b"by " + HOST in stamps[-1]
    assert (b"x-xoorg=pass" in stamps[0]) == is_verified
    return rest, body


# --- sending -------------------------------------------------------------------------------

def _send(c, how, content, xoorg, seed):
    params = {"data": "BODY=8BITMIME", "bdat": "BODY=8BITMIME",
              "binary": "BODY=BINARYMIME"}[how]
    if how == "data":
        c.deliver(content, xoorg=xoorg, params=params)
        return
    rng = random.Random(seed)
    cuts = sorted(rng.randrange(len(content) + 1) for _ in range(rng.randrange(4)))
    chunks = [content[a:b] for a, b in zip([0] + cuts, cuts + [len(content)])]
    chunks = [x for x in chunks[:-1] if x] + chunks[-1:]
    c.deliver(chunks, xoorg=xoorg, params=params, chunked=True)


@pytest.mark.parametrize("to_data", [False, True], ids=["to-BDAT", "to-DATA"])
@pytest.mark.parametrize("is_verified", [True, False], ids=["verified", "ordinary"])
def test_real_shape(pki, tmp_path, is_verified, to_data):
    caps = CAPS + ("BINARYMIME",)
    behind = [x for x in caps if not to_data or x not in ("BINARYMIME", "CHUNKING")]
    numbers = [i for i in range(MESSAGES) if not to_data or message(i)[0] != "binary"]
    with Hop(caps=caps) as direct, Hop(caps=behind) as main, Hop(caps=behind) as inbound:
        gw = Gateway(Config(base_config(pki, main, inbound)), folder=str(tmp_path))
        try:
            with Smtp(direct.port) as plain, Smtp(gw.port()) as through:
                plain.ehlo()
                through.hello(pki.exo if is_verified else None)
                for i in numbers:
                    how, content = message(i)
                    _send(plain, how, content, None, i)
                    _send(through, how, content, "contoso.com" if is_verified else None, i)
            gw.check()
            gw.stop()
        finally:
            gw.kill()
        there = (main if is_verified else inbound).wait(len(numbers))
        assert (inbound if is_verified else main).messages == []
        for i, a, b in zip(numbers, direct.wait(len(numbers)), there):
            _compare(i, a, b, is_verified, to_data)


def _compare(i, direct, there, is_verified, to_data):
    how, content = message(i)
    assert direct.content == content, i
    header, body = split_stamps(there.content, is_verified)
    want_header, want_body = expected(direct.content, is_verified)
    if to_data and not direct.content.endswith(b"\r\n"):
        want_body += b"\r\n"
    assert (i, header) == (i, want_header)
    assert (i, body) == (i, want_body)
    assert there.via == "data" if to_data else how == "data" or there.via == "bdat"
    assert [x for x in there.params() if x.startswith("BODY=")] == \
        [x for x in direct.params() if x.startswith("BODY=")]


def test_generator():
    """It brings what it promises."""
    got = [message(i) for i in range(MESSAGES)]
    message.cache_clear()
    assert got == [message(i) for i in range(MESSAGES)]
    # So many shapes, not one in as many dresses: the fields' order and the parts differ.
    shapes = {tuple(re.findall(rb"(?m)^([!-9;-~]+)[ \t]*:", c)) for _, c in got}
    assert len({c for _, c in got}) == MESSAGES and len(shapes) == MESSAGES
    kinds = [how for how, _ in got]
    assert min(kinds.count(x) for x in ("data", "bdat", "binary")) > MESSAGES // 10
    text = [c for how, c in got if how != "binary"]
    assert any(not c.endswith(b"\r\n") for c in text)
    assert any(c.endswith(b"\r\n\r\n") and c.count(b"\r\n\r\n") == 1 for c in text)
    assert any(b"\r\n.\r\n" in c for how, c in got if how == "data")
    assert any(max(map(len, c.partition(b"\r\n\r\n")[0].split(b"\r\n"))) > 4000 for c in text)
    assert all(not re.search(rb"\r(?!\n)|(?<!\r)\n|\0", c) for c in text)
