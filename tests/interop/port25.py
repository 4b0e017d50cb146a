# SPDX-License-Identifier: ISC
"""What a sender to port 25 may bring, and what becomes of it: at Postfix, at Exim, and at
the gateway in front of them. The tables of doc/compatibility.md, and the rows of
test_as_port_25.py: what a cell says, the test holds.

    port25.py --write        puts the tables into the page"""
import os
import re
import sys

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PAGE = os.path.join(REPO, "doc", "compatibility.md")


class Got:
    """A reply, and what arrives behind: octets, in words for the page."""

    def __init__(self, reply, words="", arrives=None):
        self.reply, self.words, self.arrives = reply, words, arrives

    def cell(self):
        return self.reply + (", " + self.words if self.words else "")


class Row:
    def __init__(self, id, what, why="", **more):
        self.id, self.what, self.why = id, what, why
        self.__dict__.update(more)


# --- header sections that are none ------------------------------------------------------

TOP = (b"Date: Mon, 23 Nov 2026 21:44:40 +0000\r\nFrom: a@example.org\r\n"
       b"Message-ID: <1@example.org>\r\n")
S = b"Subject: s\r\n"
BODY = b"\r\nBody.\r\n"
MBOX = b"From a@example.org Mon Nov 23 21:44:40 2026\r\n"
# A field that only the gateway may write, behind a cut of a long line.
HIDDEN = b"X-A: " + b"a" * 993 + b"X-OriginatorOrg: contoso.com\r\n"


def same(sent):
    return Got("250", "as it came", sent)


def ends(head, rest):
    """The header ends before the line; an empty line is written there."""
    return Got("250", "the header ends before it", head + b"\r\n" + rest)


def made(words, arrives):
    return Got("250", words, arrives)


def _header(id, what, head, line, postfix, exim, ours, why="", rest=TOP + S, strict="554 5.6.0"):
    """`line` stands between `head` and `rest`. What becomes of it: "same", "ends", a
    reply, or (words, what stands there then)."""
    sent = head + line + rest + BODY

    def got(how):
        if how == "same":
            return same(sent)
        if how == "ends":
            return ends(head, line + rest + BODY)
        if how == "bounced":
            return Got("250", "then bounced", "bounced")
        if isinstance(how, str):
            return Got(how)
        return made(how[0], head + how[1] + rest + BODY)
    return Row(id, what, why, sent=sent, postfix=got(postfix), exim=got(exim), ours=got(ours),
               strict=Got(strict) if strict != "250" else got(ours))


HEADERS = [
    _header("mbox", "an mbox `From ` line in front", b"", MBOX,
            ("X-Mailbox-Line", b"X-Mailbox-Line: " + MBOX), "ends",
            ("X-Mailbox-Line", b"X-Mailbox-Line: " + MBOX), "left by scripts that read a mailbox"),
    _header("mbox-quoted", "the same behind `>`", b"", b">" + MBOX,
            ("X-Mailbox-Line", b"X-Mailbox-Line: >" + MBOX), "ends",
            ("X-Mailbox-Line", b"X-Mailbox-Line: >" + MBOX)),
    _header("mbox-later", "the same behind the first field", TOP, MBOX, "ends", "ends", "ends",
            "", S),
    _header("blank", "a blank before the first field", b"", b" " + S, "ends", "ends",
            ("the blank goes", S), "else all fields would be text", TOP),
    _header("blank-line", "a line of blanks in front", b"", b" \r\n", "ends", "ends",
            ("the line goes", b"")),
    _header("bom", "a byte order mark in front", b"", b"\xef\xbb\xbf" + S, "ends", "same",
            ("the mark goes", S), "editors of Windows write it", TOP),
    _header("no-colon", "a line without a colon", TOP, b"garbage\r\n", "ends", "ends", "ends",
            "what follows is text for every reader", S),
    _header("words", "a line of words, then a colon", TOP, b"X y: x\r\n", "ends", "ends",
            "ends", "", S),
    _header("dashes", "a MIME boundary without the empty line", TOP, b"--x\r\n", "ends",
            "ends", "ends", "", S),
    _header("no-name", "a colon without a name", TOP, b": x\r\n", "ends", "same", "ends", "", S),
    _header("8-bit-name", "an 8-bit octet in a name", TOP, b"X\xc3\xbc: x\r\n", "ends", "same",
            "ends", "", S),
    _header("dot", "a dot before a name", TOP, b".Sub: s\r\n", "same", "same", "ends",
            "readers that forget the dot stuffing see another field", S),
    _header("name-blank", "a blank between name and colon", TOP, b"Subject : s\r\n",
            ("the blank goes", S), "same", ("the blank goes", S), "", b"", strict="250"),
    _header("name-break", "a line break between name and colon", TOP, b"Subject\r\n : s\r\n",
            "ends", "same", ("the break goes", S), "", b""),
    _header("control", "a form feed in a value", TOP, b"Subject: a\fb\r\n", "same", "same",
            ("becomes a blank", b"Subject: a b\r\n"), "some readers end the line there", b""),
    _header("text", "text that begins without a field", b"", b"Just text.\r\n", "ends", "ends",
            "ends", "monitoring scripts send so", b"More text.\r\n"),
    _header("long", "a protected name in a line of more than 990 octets", TOP, HIDDEN,
            ("a fold is put into the line", HIDDEN[:998] + b"\r\n " + HIDDEN[998:]),
            "bounced", "554 5.6.0", "where the line is cut, a protected field begins", S),
    _header("nul", "NUL in a value", TOP, b"Subject: a\0b\r\n",
            ("the rest of the line goes", b"Subject: a\r\n"), ("NUL becomes ?", b"Subject: a?b\r\n"),
             "550 5.6.11", "has two readings", b"",
            strict="550 5.6.11"),
    _header("lf", "LF on its own", TOP, b"Subject: a\nX-A: b\r\n",
            ("becomes CRLF", b"Subject: a\r\nX-A: b\r\n"),
            ("becomes a fold", b"Subject: a\r\n X-A: b\r\n"), "550 5.6.11", "has two readings",
            b"", strict="550 5.6.11"),
]

# --- limits -------------------------------------------------------------------------------

ONE = b"  <aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@contoso.com>,\r\n"
OURS_OCTETS, OURS_FIELDS = 262144, 10000


def _to(octets):
    """A header with a To field of so many."""
    first = b"To: <r@contoso.com>,\r\n"
    text = first + ONE * ((octets - len(first)) // len(ONE) + 1)
    return text[:octets - 7].rpartition(b",")[0] + b"\r\n"


def _exact(octets):
    """A header of so many, its empty line among them."""
    text = TOP + _to(90000) + b"X-B: " + _to(90000)[4:] + b"X-C: " + _to(70000)[4:]
    while octets - len(text) - 2 > 900:
        text += b"X-D: %s\r\n" % (b"d" * 500)
    return text + b"X-E: %s\r\n" % (b"e" * (octets - len(text) - 9))


CUT = Got("250", "cut at 102,400 octets", "cut")


def _limit(id, what, head, ours="250", postfix=None, why=""):
    sent = head + BODY
    return Row(id, what, why, sent=sent, postfix=postfix or same(sent), exim=same(sent),
               ours=same(sent) if ours == "250" else Got(ours[:9], ours[10:]))


LIMITS = [
    _limit("150k", "a To field of 150,000 octets", TOP + _to(150000), postfix=CUT,
           why="Postfix' `header_size_limit`; raise it to 262144 behind the gateway"),
    _limit("256k", "a header of 262,144 octets, as Exchange takes", _exact(OURS_OCTETS)),
    _limit("256k+1", "one octet more", _exact(OURS_OCTETS + 1),
           "552 5.3.4 more than 262144 octets", why="the limit is in the reply"),
    _limit("1500", "1,500 fields", TOP + b"X-F: 1\r\n" * 1497),
    _limit("10000", "10,000 fields", TOP + b"X-F: 1\r\n" * (OURS_FIELDS - 3)),
    _limit("10001", "one field more", TOP + b"X-F: 1\r\n" * (OURS_FIELDS - 2),
           "552 5.3.4 more than 10000 fields", why="a header is held in memory until it is whole"),
]

# --- envelopes ------------------------------------------------------------------------------

A, R = "<a@example.org>", "<r@contoso.com>"
ROOT = "<root@mta.contoso.com>"


def _envelope(id, line, *cells, why="", **more):
    """What Postfix, Exim, Exim that is told to take what devices write, the gateway before
    Postfix, and that with lenient_envelope = false make of it: a path that is passed on, or
    a reply. through_exim: what the gateway before Exim makes of it, if it is not the same."""
    def got(value):
        return Got(value) if value[:1].isdigit() else Got("250", "`%s`" % value, value)
    made = dict(zip(("postfix", "exim", "told", "ours", "strict"), map(got, cells)))
    through = got(more["through_exim"]) if "through_exim" in more else made["ours"]
    return Row(id, more.get("what") or _shown(line), why, line=line, through_exim=through, **made)


def _shown(line):
    """Two blanks and tabs can be seen."""
    return "`%s`" % line.replace("\t", "\u2409").replace("  ", "\u2423\u2423")


S7, S3, S4 = "501 5.1.7", "501 5.1.3", "501 5.5.4"
H = "h.example"
ENVELOPES = [
    _envelope("mail-bare", "MAIL FROM:a@example.org", A, A, A, A, S7),
    _envelope("mail-blank", "MAIL FROM: " + A, A, A, A, A, A),
    _envelope("mail-blanks", "MAIL FROM:  " + A, A, A, A, A, S7),
    _envelope("mail-tab", "MAIL FROM:\t" + A, A, A, A, A, S7),
    _envelope("mail-within", "MAIL FROM:< a@example.org >", A, A, A, A, S7),
    _envelope("mail-null", "MAIL FROM:< >", "<>", "<>", "<>", "<>", S7),
    _envelope("mail-root", "MAIL FROM:<root>", ROOT, "501", ROOT, ROOT, S7, through_exim="501",
              why="the MTA adds its own domain; Exim only if it is told"),
    _envelope("mail-root-bare", "MAIL FROM:root", ROOT, "501", ROOT, ROOT, S7, through_exim="501"),
    _envelope("mail-dots", "MAIL FROM:<..a..b..@x>", '<"..a..b.."@x>', "<..a..b..@x>",
              "<..a..b..@x>", '<"..a..b.."@x>', S7, through_exim="<..a..b..@x>"),
    _envelope("mail-final-dot", "MAIL FROM:<a@example.org.>", A, "501", "501", A, S7),
    _envelope("mail-route", "MAIL FROM:<@x.example:a@example.org>", A, A, A, A, A),
    _envelope("mail-words", "MAIL FROM:<a b@example.org>", S7, "501", "501", S7, S7),
    _envelope("mail-name", "MAIL FROM:Root <a@example.org>", "555 5.5.4", A, A, S7, S7,
              why="Postfix takes the second word for a parameter"),
    _envelope("mail-percent", "MAIL FROM:<a%example.org>", A, "501",
              "<a%example.org@mta.contoso.com>", S7, S7,
              why="a route to one, a local part to another"),
    _envelope("mail-twice", "MAIL FROM:<<a@example.org>>", A, "501", "501", S7, S7),
    _envelope("mail-open", "MAIL FROM:<a@example.org", S7, "501", "501", S7, S7),
    _envelope("mail-shut", "MAIL FROM:a@example.org>", A, "501", "501", S7, S7),
    _envelope("mail-two", "MAIL FROM:a@example.org,b@example.org", S7, "501", "501", S7, S7),
    _envelope("mail-8-bit", b"MAIL FROM:<b\xfcro@example.org>", "<b\xfcro@example.org>",
              "<b\xfcro@example.org>", "<b\xfcro@example.org>", S7, S7,
              what="`MAIL FROM:<b\u00fcro@example.org>` in Latin-1",
              why="RFC 6531 allows UTF-8 only, with SMTPUTF8"),
    _envelope("rcpt-bare", "RCPT TO:r@contoso.com", R, R, R, R, S3),
    _envelope("rcpt-blanks", "RCPT TO:  " + R, R, R, R, R, S3),
    _envelope("rcpt-tab", "RCPT TO:\t" + R, R, R, R, R, S3),
    _envelope("rcpt-within", "RCPT TO:< r@contoso.com >", R, "501", "501", R, S3),
    _envelope("rcpt-root", "RCPT TO:<root>", ROOT, "501", ROOT, ROOT, S3, through_exim="501"),
    _envelope("rcpt-root-bare", "RCPT TO:root", ROOT, "501", ROOT, ROOT, S3, through_exim="501"),
    _envelope("rcpt-final-dot", "RCPT TO:<r@contoso.com.>", R, "501", "501", R, S3),
    _envelope("rcpt-dots", "RCPT TO:<r..r@contoso.com>", '<"r..r"@contoso.com>',
              "<r..r@contoso.com>", "<r..r@contoso.com>", '<"r..r"@contoso.com>',
              '<"r..r"@contoso.com>',
              through_exim="<r..r@contoso.com>"),
    _envelope("rcpt-quoted", 'RCPT TO:"r"@contoso.com', R, '<"r"@contoso.com>',
              '<"r"@contoso.com>', S3, S3),
    _envelope("rcpt-name", "RCPT TO:R <r@contoso.com>", "555 5.5.4", R, R, S4, S3),
    _envelope("rcpt-null", "RCPT TO:<>", S3, "501", "501", S3, S3),
    _envelope("ehlo-blank", "EHLO my printer", "my?printer", "501", "my printer", "[127.0.0.1]",
              S4, why="the client's address is a name that RFC 5321 allows"),
    _envelope("ehlo-star", "EHLO *", "*", "501", "*", "[127.0.0.1]", S4),
    _envelope("ehlo-utf8", "EHLO b\u00fcro".encode(), "b??ro", "501", "b\u00fcro", "[127.0.0.1]", S4,
              what="`EHLO b\u00fcro` in UTF-8"),
    _envelope("ehlo-underscore", "EHLO my_printer", "my_printer", "501", "my_printer",
              "my_printer", "my_printer"),
    _envelope("ehlo-open", "EHLO [192.0.2.1", "[192.0.2.1", "501", "[192.0.2.1", "[127.0.0.1]", S4),
]

# --- the postmaster ---------------------------------------------------------------------------

POSTMASTERS = [
    Row("postmaster", "`<postmaster>`", "RFC 5321 4.5.1", to="postmaster",
        arrives="postmaster@mta.contoso.com"),
    Row("case", "`<PostMaster>`", to="PostMaster", arrives="PostMaster@mta.contoso.com"),
    Row("domain", "`postmaster@` a recipient domain", to="postmaster@contoso.com"),
    Row("org", "`postmaster@` an originator org", to="postmaster@contoso.onmicrosoft.com"),
    Row("hostmaster", "`hostmaster@` an originator org that is no recipient domain",
        to="hostmaster@contoso.onmicrosoft.com", ours="550 5.7.1"),
    Row("outside", "`postmaster@` somebody else's domain", to="postmaster@elsewhere.example",
        postfix="554 5.7.1", exim="550", ours="550 5.7.1"),
]

# --- line ends that are none -------------------------------------------------------------------

def _bare(id, how, body, *cells, why=""):
    """What Postfix, Exim, the gateway before one that takes BDAT, and before one that takes
    DATA only, with bare_newline = "reject" and "normalize", make of a body."""
    def got(value):
        if isinstance(value, str):
            return Got(value)
        text = re.sub(rb"\r\n$", b"", value).replace(b"\r\n", b" CRLF ").replace(b"\0", b" NUL ")
        return made("`%s`" % text.replace(b"\r", b" CR ").replace(b"\n", b" LF ").decode(),
                    TOP + b"\r\n" + value)
    what = got(body + b"\r\n").words[1:-1]
    return Row(id, "`%s` by %s" % (what, how.upper()), why, how=how,
               sent=TOP + b"\r\n" + body + b"\r\n",
               **dict(zip(("postfix", "exim", "bdat", "reject", "normalize"), map(got, cells))))


AB, NO, NOT_BY_DATA = b"a\r\nb\r\n", "550 5.6.11", "554 5.6.11"
BARE = [
    _bare("lf-bdat", "bdat", b"a\nb", AB, AB, AB, NOT_BY_DATA, AB,
          why="BDAT may hold them (RFC 3030 3); DATA may not"),
    _bare("cr-bdat", "bdat", b"a\rb", b"a b\r\n", AB, b"a b\r\n", NOT_BY_DATA, AB),
    _bare("dot-bdat", "bdat", b"a\n.\nb", b"a\r\n.\r\nb\r\n", b"a\r\n.\r\nb\r\n",
          b"a\r\n.\r\nb\r\n", NOT_BY_DATA, b"a\r\n.\r\nb\r\n"),
    _bare("crlf-bdat", "bdat", b"a\r\n.\r\nb", *[b"a\r\n.\r\nb\r\n"] * 5),
    _bare("nul-bdat", "bdat", b"a\0b", b"a\0b\r\n", b"a\0b\r\n", b"a\0b\r\n", NOT_BY_DATA,
          NOT_BY_DATA),
    _bare("lf-data", "data", b"a\nb", AB, b"a b\r\n", NO, NO, AB,
          why="what one reads as the end of a line, or of the message, another does not"),
    _bare("cr-data", "data", b"a\rb", b"a b\r\n", AB, NO, NO, AB),
]

# --- status codes (RFC 2034) ---------------------------------------------------------------------

CODES = [
    Row("mail", "MAIL", line="MAIL FROM:<a1@elsewhere.example>", exim="250 OK",
        ours="250 2.1.0 Sender OK"),
    Row("rcpt", "RCPT", line="RCPT TO:<r@contoso.com>", exim="250 Accepted",
        ours="250 2.0.0 Accepted"),
    Row("refused", "RCPT that is refused", line="RCPT TO:<r@elsewhere.example>",
        exim="550 relay not permitted", ours="550 5.0.0 relay not permitted"),
]

# --- LMTP behind ----------------------------------------------------------------------------------

# What becomes of `good`, who gets 250, `gone`, 550, and `full`, 452 at first: how often it
# was delivered, and whom the sender's report names.
LMTP = [
    Row("4-and-5", "550 for one, 452 for another",
        "the second is tried again; a report names both, and says who got it",
        to=("gone", "full"), direct=({"full": 1}, {"gone"}),
        through=({"full": 1}, {"gone", "full"}), one=({"full": 1}, {"gone"})),
    Row("2-and-4", "250 for one, 452 for another", "the first gets it twice",
        to=("good", "full"), direct=({"good": 1, "full": 1}, set()),
        through=({"good": 2, "full": 1}, set()), one=({"good": 1, "full": 1}, set())),
    Row("2-and-5", "250 for one, 550 for another", "the report says who got it",
        to=("good", "gone"), direct=({"good": 1}, {"gone"}),
        through=({"good": 1}, {"good", "gone"}), one=({"good": 1}, {"gone"})),
]

# --- a next hop that is busy -------------------------------------------------------------------------

BUSY_TEXT = "4.7.66 Access throttled"
BUSY = [Row(x, what, phases=phases) for x, what, phases in (
    ("banner", "at once", ["banner"]), ("ehlo", "to EHLO and HELO", ["ehlo", "helo"]),
    ("mail", "to MAIL", ["mail"]), ("rcpt", "to RCPT", ["rcpt"]), ("data", "to DATA", ["data"]),
    ("final", "to the content", ["final"]))]

# --- the page ------------------------------------------------------------------------------------

BLOCK = re.compile(r"(?m)^<!-- table: (\w+) -->\n(.*?)^<!-- end -->$", re.S)


def _cells(*names):
    """Of a row: what comes, what becomes of it, and why."""
    def cell(value):
        return value.cell() if isinstance(value, Got) else value or ""
    return lambda row: [row.what] + [cell(getattr(row, x)) for x in names] + [row.why]


def _postmaster(row):
    return [row.what] + [getattr(row, x, "250") for x in ("postfix", "exim", "ours")] + [row.why]


def _code(row):
    return [row.what, "`%s`" % row.exim, "`%s`" % row.ours]


def _lmtp(row):
    def cell(outcome):
        delivered, reported = outcome
        return "%s; reported: %s" % (
            ", ".join("%s %s" % (x, {1: "once", 2: "twice"}[n]) for x, n in delivered.items()),
            ", ".join(sorted(reported)) or "none")
    return [row.what + ": " + ", ".join(row.to)] + [
        cell(x) for x in (row.direct, row.through, row.one)] + [row.why]


def _busy(row):
    return [row.what, "`421 %s`" % BUSY_TEXT, "`451 %s`" % BUSY_TEXT]


# Name: the columns, what makes cells of a row, the rows.
TABLES = {
    "headers": ("What comes | Postfix | Exim | the gateway | with `refuse` | Why",
                _cells("postfix", "exim", "ours", "strict"), HEADERS),
    "limits": ("What comes | Postfix | Exim | the gateway | Why",
               _cells("postfix", "exim", "ours"), LIMITS),
    "envelopes": ("What comes | Postfix | Exim | Exim, told | the gateway | strictly | Why",
                  _cells("postfix", "exim", "told", "ours", "strict"), ENVELOPES),
    "postmasters": ("Recipient of verified mail | Postfix | Exim | the gateway | Why",
                    _postmaster, POSTMASTERS),
    "busy": ("The next hop says 421 | the sender's log, direct | through the gateway",
             _busy, BUSY),
    "lmtp": ("The server says | LMTP, direct | through the gateway | the same, one recipient a "
             "message | Why", _lmtp, LMTP),
    "codes": ("Reply to | Exim | the gateway before Exim", _code, CODES),
    "bare": ("Body | Postfix | Exim | the gateway, next hop with CHUNKING | without, `reject` "
             "| without, `normalize` | Why",
             _cells("postfix", "exim", "bdat", "reject", "normalize"), BARE),
}


def table(name):
    columns, cells, rows = TABLES[name]
    lines = [columns.split(" | ")] + [["---"] * len(columns.split(" | "))]
    lines += [cells(row) for row in rows]
    assert all(len(x) == len(lines[0]) and "|" not in "".join(x) for x in lines), name
    return "".join("| %s |\n" % " | ".join(x) for x in lines).replace("|  |", "| |").replace(
        "|  |", "| |")


def write():
    with open(PAGE, encoding="utf-8") as f:
        text = f.read()
    text = BLOCK.sub(lambda m: "<!-- table: %s -->\n%s<!-- end -->" % (m[1], table(m[1])), text)
    with open(PAGE, "w", encoding="utf-8") as out:
        out.write(text)


if __name__ == "__main__" and sys.argv[1:] == ["--write"]:
    write()
