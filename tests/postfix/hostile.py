# SPDX-License-Identifier: ISC
"""Sessions that are odd, broken or hostile, as octets: those of the end-to-end tests and
more. What one server says to them is compared with what another says."""
import re
import socket
import ssl

from harness import Smtp, client_context
from test_lines import LINES
from test_mail import SYNTAX
from test_server import ACCEPTED

BODY = b"From: u@contoso.com\r\nMessage-ID: <%s@hostile.example>\r\n\r\n"
ENVELOPE = b"MAIL FROM:<u@contoso.com>\r\nRCPT TO:<r@contoso.com>\r\n"


def _data(octets):
    return ENVELOPE + b"DATA\r\n" + BODY % b"d" + octets + b"\r\n.\r\n"


def _bdat(*chunks):
    out = ENVELOPE
    for i, chunk in enumerate(chunks):
        out += b"BDAT %d%s\r\n" % (len(chunk), b" LAST" if i == len(chunks) - 1 else b"")
        out += chunk
    return out


CONTENT = [
    ("dots", _data(b"..\r\n.x\r\n")),
    ("smuggled-lf", _data(b"x\n.\nMAIL FROM:<e@e.example>\r\nRCPT TO:<r@contoso.com>")),
    ("smuggled-lf-crlf", _data(b"x\n.\r\nNOOP\r\n")),
    ("smuggled-cr", _data(b"x\r.\rNOOP\r\n")),
    ("nul", _data(b"a\0b")), ("8bit", _data(b"\xff\xfe\x80")),
    ("long-line", _data(b"x" * 5000)), ("no-header", ENVELOPE + b"DATA\r\n\r\n.\r\n"),
    ("header-forged", _data(b"X-OriginatorOrg: evil.example")),
    ("bdat", _bdat(BODY % b"b" + b"x\r\n")), ("bdat-two", _bdat(BODY % b"c", b"y\r\n")),
    ("bdat-empty", _bdat(BODY % b"e" + b"x\r\n", b"")),
    ("bdat-bad", ENVELOPE + b"BDAT x LAST\r\n"), ("bdat-first", b"BDAT 3 LAST\r\nabc"),
    ("bdat-then-data", ENVELOPE + b"BDAT 3\r\nabcDATA\r\n"),
    ("two-mails", _data(b"1") + _data(b"2")),
    ("rset", ENVELOPE + b"RSET\r\n" + _data(b"3")),
    ("null-sender", b"MAIL FROM:<>\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n\r\nx\r\n.\r\n"),
    ("quit-in-mail", ENVELOPE + b"QUIT\r\n"), ("vanish-in-data", ENVELOPE + b"DATA\r\nabc"),
]

COMMANDS = [x.encode("latin-1") for x in (
    "MAIL FROM:", "MAIL FROM:<", "MAIL FROM:<a@b> =", "MAIL FROM:<a@b> =x", "MAIL",
    "MAIL FROM:<a@b> SIZE=x", "MAIL FROM:<a@b> SIZE=1 SIZE=2", "MAIL FROM:<a@b> BODY=X",
    "MAIL FROM:<a@b> RET=FULL ENVID=x+2By", "MAIL FROM:<a@b> ENVID=+0A", "MAIL FROM:<a@b> XOORG",
    "MAIL FROM:<a@b> AUTH=<>", "MAIL FROM:<a@b> XVERP", "MAIL FROM:<a@b> SMTPUTF8",
    "MAIL FROM:<\"a b\"@c> SIZE=10", "MAIL FROM:<@x,@y:a@b>", "MAIL FROM:<a@[192.0.2.1]>",
    "MAIL FROM:<" + "a" * 300 + "@b>", "MAIL FROM:<a@b> " + "SIZE=1 " * 400,
    "RCPT TO:<a@b> NOTIFY=NEVER ORCPT=rfc822;x", "RCPT TO:<a@b> XOORG=contoso.com",
    "VRFY <r@contoso.com>", "ETRN contoso.com", "EXPN x", "XCLIENT NAME=x", "XFORWARD NAME=x",
    "AUTH PLAIN x", "STARTTLS", "HELP", "NOOP x y", "RSET x", "DATA", "BDAT", "QUIT x", "\xff",
    "GET / HTTP/1.0", "MAIL FROM:<a@b>\0 XOORG=contoso.com")]


def sessions(states="BCTX"):
    """(id, state, octets) of all."""
    for row in LINES:
        name, state, octets = row.values[:3]
        if state in states:
            yield "line-" + name, state, octets
    for state in (x for x in "CX" if x in states):
        for name, octets in CONTENT:
            yield "%s-%s" % (name, state), state, octets
        for i, line in enumerate(COMMANDS):
            yield "command-%d-%s" % (i, state), state, line + b"\r\n" + ENVELOPE + b"RSET\r\n"
        for row in SYNTAX:
            name, params = row.values
            yield "%s-%s" % (name, state), state, b"MAIL FROM:<u@contoso.com> " + \
                params.encode("latin-1") + b"\r\nRCPT TO:<r@contoso.com>\r\nRSET\r\n"
        for row in ACCEPTED:
            name, line, _ = row.values
            yield "%s-%s" % (name, state), state, line.encode() + \
                b"\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n" + BODY % name.encode() + \
                b"x\r\n.\r\n"


def _rest(wire):
    """All that comes until the server closes; it always does, behind QUIT."""
    out = wire.buffer
    wire.buffer = b""
    wire.sock.settimeout(20)
    while True:
        try:
            more = wire.sock.recv(65536)
        except (ssl.SSLError, ConnectionError):
            return out
        except (TimeoutError, socket.timeout):
            return out + b"[silence]"
        if not more:
            return out
        out += more


def replies(port, pki, state, octets):
    """What a server says to a session, without what differs by chance."""
    c = Smtp(port)
    said = b""
    try:
        if state != "B":
            said += c.ehlo().raw
        if state in ("T", "X"):
            c.want("STARTTLS", 220)
            c.tls(context=client_context(pki.exo if state == "X" else None))
            said += c.ehlo().raw
        try:
            c.send(octets + (b"" if b"abc" in octets else b"\r\n.\r\nQUIT\r\n"))
            if b"abc" in octets:
                c.wire.sock.settimeout(2)
                said += c.wire.sock.recv(65536)
                c.wire.close()
                return re.sub(rb"[0-9A-F]{9,14}\b", b"QUEUEID", said)
            said += _rest(c.wire)
        except (OSError, ssl.SSLError):
            said += b"[reset]"
    finally:
        c.wire.close()
    return re.sub(rb"queued as [0-9A-Za-z]+", b"queued as QUEUEID", said)
