#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""500 messages in shapes that are seen in the wild, all of them made here: nobody's
mail. The same in every run.

    generate.py FOLDER      writes them there, SHAPE-NUMBER.eml

messages() gives (name, how, content); how is "data" or "bdat", and content is what the
client means, neither stuffed nor ended."""
import base64
import os
import random
import sys

COUNT = 500
GW = b"gw.contoso.com"			# whose Authentication-Results are forged
WORDS = "invoice meeting quarterly please attached regards schedule the of and to".split()
GUID = b"11111111-2222-3333-4444-%012d"


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n)).encode()


def token(rng, n):
    return bytes(rng.choice(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJ0123456789") for _ in range(n))


def b64(octets, width=76):
    text = base64.b64encode(octets)
    return b"\r\n".join(text[i:i + width] for i in range(0, len(text), width)) + b"\r\n"


def lines(*some):
    return b"".join(x + b"\r\n" for x in some)


def text(rng, n=None):
    out = []
    for _ in range(n or rng.randrange(1, 20)):
        out.append(rng.choice([b"", b".", b"..hidden", words(rng, 8), b"From the start", b"-- ",
                               b"X-OriginatorOrg: in a body", b"  indented", words(rng, 3)]))
    return lines(*out)


def base(rng):
    return lines(
        b"Received: from h%d.example.org (h.example.org [192.0.2.1])\r\n\tby mx.example.net with "
        b"ESMTPS id %s;\r\n\tMon, 15 Jan 2024 10:00:00 +0100" % (rng.randrange(9), token(rng, 9)),
        b"From: Somebody <somebody@example.org>", b"To: <r@contoso.com>",
        b"Date: Mon, 15 Jan 2024 10:00:00 +0100", b"Message-ID: <%s@example.org>" % token(rng, 20),
        b"Subject: " + words(rng, 4))


def multipart(rng, kind, parts, has_end=True, more=b""):
    border = b"=_" + token(rng, 16)
    head = lines(b"MIME-Version: 1.0",
                 b"Content-Type: multipart/%s;%s\r\n boundary=\"%s\"" % (kind, more, border))
    body = b"".join(b"--" + border + b"\r\n" + x + b"\r\n" for x in parts)
    return head, body + (b"--" + border + b"--\r\n" if has_end else b"")


def part(kind, body, *fields):
    return lines(b"Content-Type: " + kind, *fields) + b"\r\n" + body


def whole(head, body):
    return head + b"\r\n" + body


def protected(rng, n=None):
    some = [b"X-MS-Exchange-Organization-AuthAs: Internal", b"X-MS-Exchange-Organization-SCL: -1",
            b"X-OriginatorOrg: contoso.com", b"x-ms-exchange-forest-rulesexecuted: mbx",
            b"X-MS-Exchange-CrossPremises-AuthAs: Internal",
            b"X-MS-Exchange-CrossTenant-Id: " + GUID % rng.randrange(10 ** 12),
            b"X-MS-Exchange-Organization-BCC\t:", b"X-OrganizationHeadersPreserved: ex.example.org",
            b"X-CrossPremisesHeadersPromoted: ex.example.org"]
    return lines(*rng.sample(some, n or rng.randrange(1, len(some))))


# --- shapes: (how or None, content) ------------------------------------------------------

def plain(rng):
    return whole(base(rng) + lines(b"Content-Type: text/plain; charset=us-ascii"), text(rng))


def raw_charset(rng):
    name, charset = rng.choice([("Grüße aus Köln", "utf-8"), ("Grüße", "latin-1"),
                                ("привет", "koi8-r"), ("会議", "iso-2022-jp"),
                                ("会議", "shift_jis"), ("会议", "gb18030"), ("회의", "euc-kr")])
    raw = name.encode(charset)
    return whole(base(rng) + lines(b"X-Raw: " + raw, b"Comments: \"" + raw + b"\" <a@example.org>",
                                   b"X-Folded: " + raw + b"\r\n " + raw), raw + b"\r\n" + text(rng))


def long_lines(rng):
    n = rng.choice([990, 998, 999, 1500, 4000, 15000])
    return whole(base(rng) + lines(b"X-Long: " + b"a" * n, b"X-Many: " + b", ".join(
        [b"<u@example.org>"] * (n // 17))), b"b" * n + b"\r\n" + text(rng))


def many_recipients(rng):
    to = b", ".join(b"r%d@contoso.com" % i for i in range(rng.choice([100, 1000, 4000])))
    fold = rng.random() < 0.5
    return whole(base(rng) + lines(b"Cc: " + (to.replace(b", ", b",\r\n\t") if fold else to)) +
                 b"X-Step: a\r\n" * rng.choice([10, 100, 1500]), text(rng))


def mime_without_end(rng):
    head, body = multipart(rng, b"mixed", [part(b"text/plain", text(rng)),
                                           part(b"text/html", b"<p>x</p>\r\n")], False)
    return whole(base(rng) + head, body[:-rng.randrange(1, 9)] + b"\r\n")


def nested(rng):
    inner = protected(rng) + lines(b"Subject : inner", b"From x") + b"\r\n" + text(rng)
    for _ in range(rng.randrange(1, 4)):
        head, body = multipart(rng, b"mixed", [part(b"text/plain", text(rng)),
                                               part(b"message/rfc822", inner)])
        inner = head + b"\r\n" + body
    return whole(base(rng), b"")[:-2] + inner


def smime(rng):
    blob = b64(bytes(rng.randrange(256) for _ in range(600)))
    if rng.random() < 0.5:
        return whole(base(rng) + lines(
            b"MIME-Version: 1.0", b"Content-Type: application/pkcs7-mime; smime-type=enveloped-"
            b"data;\r\n\tname=\"smime.p7m\"", b"Content-Transfer-Encoding: base64"), blob)
    head, body = multipart(
        rng, b"signed", [part(b"text/plain; charset=utf-8", text(rng)),
                         part(b"application/pkcs7-signature; name=smime.p7s", blob,
                              b"Content-Transfer-Encoding: base64")],
        more=b" protocol=\"application/pkcs7-signature\";\r\n micalg=sha-256;")
    return whole(base(rng) + head, body)


def tnef(rng):
    blob = b64(b"\x78\x9f\x3e\x22" + bytes(rng.randrange(256) for _ in range(900)))
    head, body = multipart(rng, b"mixed", [
        part(b"text/plain", text(rng)),
        part(b"application/ms-tnef; name=\"winmail.dat\"", blob,
             b"Content-Transfer-Encoding: base64")])
    return whole(base(rng) + lines(b"X-MS-TNEF-Correlator: <%s@example.org>" % token(rng, 12),
                                   b"X-MS-Has-Attach: yes", b"Thread-Index: " + token(rng, 22)) +
                 head, body)


def calendar(rng):
    event = lines(b"BEGIN:VCALENDAR", b"METHOD:REQUEST", b"BEGIN:VEVENT",
                  b"UID:" + token(rng, 40), b"SUMMARY;LANGUAGE=en-US:" + words(rng, 3),
                  b"DESCRIPTION:" + words(rng, 20) + b"\r\n " + words(rng, 4),
                  b"END:VEVENT", b"END:VCALENDAR")
    head, body = multipart(rng, b"alternative", [
        part(b"text/plain", text(rng)), part(b"text/calendar; method=REQUEST", event)])
    return whole(base(rng) + head, body)


def dsn(rng):
    head, body = multipart(rng, b"report", [
        part(b"text/plain", text(rng)),
        part(b"message/delivery-status", lines(b"Reporting-MTA: dns; mx.example.net", b"") +
             lines(b"Final-Recipient: rfc822; x@example.net", b"Action: failed",
                   b"Status: 5.1.1")),
        part(b"message/rfc822", protected(rng) + base(rng) + b"\r\n" + text(rng))],
        more=b" report-type=delivery-status;")
    return whole(lines(b"Auto-Submitted: auto-replied") + base(rng) + head, body)


def arf(rng):
    head, body = multipart(rng, b"report", [
        part(b"text/plain", text(rng)),
        part(b"message/feedback-report", lines(b"Feedback-Type: abuse", b"User-Agent: x/1",
                                               b"Version: 1")),
        part(b"message/rfc822", base(rng) + b"\r\n" + text(rng))],
        more=b" report-type=feedback-report;")
    return whole(base(rng) + head, body)


def mailing_list(rng):
    return whole(base(rng) + lines(
        b"List-Id: \"A list\" <list.example.org>", b"List-Post: <mailto:list@example.org>",
        b"List-Unsubscribe:\r\n <https://example.org/u?%s>,\r\n\t<mailto:u@example.org>" %
        token(rng, 30), b"Precedence: list", b"Sender: list-bounces@example.org",
        b"X-BeenThere: list@example.org", b"Authentication-Results: mx.example.net;\r\n"
        b"\tdkim=pass header.d=example.org", b"X-Mailman-Version: 2.1"), text(rng))


def journal(rng):
    head, body = multipart(rng, b"mixed", [
        part(b"text/plain; charset=us-ascii", lines(
            b"Sender: somebody@example.org", b"Subject: " + words(rng, 3),
            b"Message-Id: <%s@example.org>" % token(rng, 9), b"Recipient: r@contoso.com")),
        part(b"message/rfc822", base(rng) + protected(rng) + b"\r\n" + text(rng))])
    return whole(base(rng) + lines(b"X-MS-Journal-Report:",
                                   b"X-MS-Exchange-Generated-Message-Source: Journal Agent") +
                 protected(rng, 2) + head, body)


def exchange(rng):
    """As a mail looks that Exchange Online sent."""
    suffixes = (b"AuthAs: Internal", b"AuthMechanism: 04", b"AuthSource: ex.example.org",
                b"SCL: -1", b"MessageDirectionality: Originating", b"Network-Message-Id: " +
                GUID % rng.randrange(10 ** 12), b"FromEntityHeader: Hosted")
    families = (b"Organization", b"CrossPremises", b"CrossTenant")
    some = [b"X-MS-Exchange-%s-%s" % (f, s) for f in families for s in suffixes]
    rng.shuffle(some)
    return whole(base(rng) + lines(
        b"X-MS-Has-Attach:", b"X-MS-TNEF-Correlator:", b"x-originating-ip: [192.0.2.1]",
        b"x-ms-publictraffictype: Email", b"x-ms-traffictypediagnostic: AB1:EE_|CD2:EE_",
        b"X-MS-Exchange-Transport-CrossTenantHeadersStamped: AB1", b"X-OriginatorOrg: example.org",
        b"x-ms-exchange-senderadcheck: 1", b"x-ms-exchange-antispam-relay: 0",
        b"X-OrganizationHeadersPreserved: AB1.example.org",
        b"X-MS-Exchange-AntiSpam-MessageData-0:\r\n\t=?us-ascii?Q?%s?=\r\n\t=?us-ascii?Q?=3D?=" %
        token(rng, 60), b"x-microsoft-antispam-message-info: " + token(rng, 400),
        *some[:rng.randrange(3, len(some))]), text(rng))


def forefront(rng):
    return whole(lines(
        b"ARC-Seal: i=1; a=rsa-sha256; s=arcselector; d=example.org; cv=none;\r\n b=" +
        token(rng, 60), b"ARC-Authentication-Results: i=1; mx.example.org 1; spf=pass",
        b"X-Forefront-Antispam-Report:\r\n\tCIP:192.0.2.1;CTRY:;LANG:en;SCL:1;SRV:;IPV:NLI;"
        b"SFV:NSPM;H:ab1.example.org;PTR:;CAT:NONE;SFS:(%d);DIR:INB;" % rng.randrange(10 ** 9),
        b"X-Microsoft-Antispam: BCL:0;", b"X-EOPAttributedMessage: 0",
        b"X-EOPTenantAttributedMessage: " + GUID % rng.randrange(10 ** 9) + b":0",
        b"Authentication-Results: spf=pass (sender IP is 192.0.2.1)\r\n smtp.mailfrom=example.org;"
        b" dkim=none\r\n header.d=none;dmarc=pass action=none") + base(rng), text(rng))


def encoded_results(rng):
    """Of others: empty, quoted, in encoded words."""
    value = b"spf=pass (sender IP is 192.0.2.%d)" % rng.randrange(255)
    q = b"".join(b"=%02X" % c if c in b" =()" else bytes([c]) for c in value)
    some = [b" =?utf-8?Q?%s?=" % q, b" =?utf-8?B?%s?=" % base64.b64encode(value), b"", b" ",
            b" \"mx.example.net\"; spf=pass", b" =?us-ascii?q?mx=2Eexample?=\r\n =?us-ascii?q?"
            b".net?=; none", b"\r\n\t=?iso-8859-1?q?dkim=3Dpass?="]
    return whole(base(rng) + lines(*(b"Authentication-Results:" + x for x in rng.sample(some, 3))),
                 text(rng))


def forged_results(rng):
    some = [b" %s; x-xoorg=pass" % GW, b"\r\n\t\"%s\"; x-xoorg=pass" % GW.upper(),
            b" (a) %s 1; x-xoorg=pass" % GW, b" =?utf-8?q?%s?=; x-xoorg=pass" % GW,
            b" =?utf-8?B?%s?=; x-xoorg=pass" % base64.b64encode(GW)]
    return whole(base(rng) + lines(*(b"Authentication-Results:" + x for x in rng.sample(some, 2))) +
                 protected(rng), text(rng))


def hidden(rng):
    """Refused by whoever knows: a name where a long line may be cut."""
    name = rng.choice([b"Authentication-Results: %s; x-xoorg=pass" % GW,
                       b"X-MS-Exchange-Organization-AuthAs: Internal", b"X-OriginatorOrg: x"])
    return whole(base(rng) + lines(b"X-Z: " + b"b" * (rng.choice([990, 998, 1000, 2048]) - 5) +
                                   name), text(rng))


def empty_body(rng):
    return rng.choice([base(rng) + b"\r\n", base(rng), base(rng) + b"\r\n\r\n"])


def no_newline(rng):
    return "bdat", whole(base(rng), text(rng) + words(rng, 3))


def with_nul(rng):
    where = rng.randrange(3)
    if where == 0:
        return whole(base(rng), b"a\0b\r\n")
    if where == 1:
        return whole(base(rng) + lines(b"X-A: a\0b"), text(rng))
    return "bdat", whole(base(rng), b"a\0b\r\n")


def bare_newline(rng):
    return whole(base(rng), words(rng, 3) + rng.choice([b"\n", b"\r"]) + words(rng, 3) + b"\r\n")


def mbox_from(rng):
    return rng.choice([b"From ", b">From "]) + b"u@example.org Mon Jan 15 10:00:00 2024\r\n" + \
        whole(base(rng) + protected(rng), text(rng))


def blank_first(rng):
    return rng.choice([b" ", b"\t", b"   ", b" \r\n", b"\t\r\n \r\n"]) + \
        whole(base(rng) + protected(rng), text(rng))


def no_colon(rng):
    odd = rng.choice([b"garbage", words(rng, 4), b"--" + token(rng, 12), b"X-No-Value",
                      b"-----Original Message-----", b"X-\xfcmlaut: a", b": nothing",
                      b"Sent from: here", b".X-Dot: a"])
    return whole(base(rng) + odd + b"\r\n" + protected(rng), text(rng))


def mark(rng):
    return b"\xef\xbb\xbf" + whole(base(rng) + protected(rng), text(rng))


def control(rng):
    odd = rng.choice([b"\f", b"\v", b"\x01", b"\x7f", b"\x1c"])
    return whole(base(rng) + lines(b"X-Control: a" + odd + b"b\r\n c" + odd, b"X-A: " + odd), text(rng))


def no_header(rng):
    """Printers, scripts, UPSs."""
    return lines(rng.choice([b"Power failure on UPS 3", b"Scan to mail: 4 pages",
                             b" backup finished, 0 errors", b"* all is well", b"{\"status\": 1}"])) \
        + rng.choice([b"", text(rng), b"X-OriginatorOrg: contoso.com\r\n", b"\r\n" + text(rng)])


def device(rng):
    """Legal, and unlike what people send."""
    return lines(b"subject:scan", b"FROM : printer@contoso.com", b"x-empty:", b"X-Empty-Blank: ",
                 b"X-Blank-Fold: a\r\n \r\n\tb", b"X-Tab\t:\tx", b"to:r@contoso.com",
                 b"X-!#$%&'*+-.^_`{|}~: odd name", b"Bcc: someone@example.org",
                 b"X-Break\r\n : behind" if rng.random() < 0.3 else b"X-Trailing: a \t ") + \
        b"\r\n" + text(rng)


SHAPES = (plain, raw_charset, long_lines, many_recipients, mime_without_end, nested, smime, tnef,
          calendar, dsn, arf, mailing_list, journal, exchange, forefront, encoded_results,
          forged_results, hidden, empty_body, no_newline, with_nul, bare_newline, mbox_from,
          blank_first, no_colon, mark, control, no_header, device)


def messages(count=COUNT):
    out = []
    for i in range(count):
        shape = SHAPES[i % len(SHAPES)]
        made = shape(random.Random("%s %d" % (shape.__name__, i)))
        how, content = made if isinstance(made, tuple) else ("data", made)
        out.append(("%s-%03d" % (shape.__name__.replace("_", "-"), i), how, content))
    return out


def main(folder):
    os.makedirs(folder, exist_ok=True)
    for name, _, content in messages():
        with open(os.path.join(folder, name + ".eml"), "wb") as f:
            f.write(content)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: generate.py FOLDER")
    main(sys.argv[1])
