# SPDX-License-Identifier: ISC
"""Lines and commands: doc/threat-model a.1. Each row has its reply, what becomes of
the connection, and its one line in the log."""
import os
import socket
import time

import pytest

from harness import Closed, Smtp, rows, simple
from reaction import CLOSED, OPEN, replies, settled

A = "MAIL FROM:<a@example.org>"


# id, state, octets, wanted replies, then, why (in the log)
LINES = rows(
    ("L01", "C", b"NOOP\n", ["500 5.5.2"], CLOSED, ["line-bare-lf"]),
    ("L01-injected", "C", b"NOOP\nMAIL FROM:<a@example.org>\r\n", ["500 5.5.2"], CLOSED,
     ["line-bare-lf"]),
    ("L02", "C", b"NOOP\rRSET\r\n", ["500 5.5.2"], CLOSED, ["line-bare-cr"]),
    ("L03", "C", b"NOOP\r\r\n", ["500 5.5.2"], CLOSED, ["line-bare-cr"]),
    ("L04", "C", b"NO\0OP\r\n", ["500 5.5.2"], CLOSED, ["line-nul"]),
    ("L05", "C", b"MAIL FROM:<a@example.org>\0<b@example.org>\r\nRCPT TO:<r@contoso.com>\r\n",
     ["500 5.5.2"], CLOSED, ["line-nul"]),
    ("L05-T", "T", b"MAIL FROM:<a@example.org>\0\r\nRCPT TO:<r@contoso.com>\r\n",
     ["500 5.5.2"], CLOSED, ["line-nul"]),
    ("L05-X", "X", b"MAIL FROM:<u@contoso.com> XOORG=contoso.com\0.evil.example\r\n"
     b"RCPT TO:<r@contoso.com>\r\n", ["500 5.5.2"], CLOSED, ["line-nul"]),
    ("L06", "B", b"EHLO h\xc3\xa9\r\n", ["250"], OPEN, []),
    ("L07", "C", b"NOOP " + b"a" * 505 + b"\r\n", ["250 2.0.0"], OPEN, []),
    ("L08", "C", b"NOOP " + b"a" * 4993 + b"\r\n", ["500 5.5.2"], OPEN, ["line-too-long"]),
    ("L10", "C", b"\r\n", ["500 5.5.1"], OPEN, ["command-unknown"]),
    ("L11", "C", b" NOOP\r\n", ["500 5.5.1"], OPEN, ["command-unknown"]),
    ("L18", "C", b"NOOP\x0b\r\n", ["500 5.5.1"], OPEN, ["command-unknown"]),
    ("L19", "B", b"EHLO a\x1b[2Jb\x7f\r\n", ["501 5.5.4"], OPEN, ["hello-name"]),
    ("L21", "B", b"EHLO " + b"a" * 600 + b"\r\n", ["501 5.5.4"], OPEN, ["hello-name"]),
    ("Q01", "B", b"MAIL FROM:<a@example.org>\r\n", ["503 5.5.2"], OPEN, ["hello-first"]),
    ("Q04", "C", b"MAIL FROM:<a@example.org>\r\nMAIL FROM:<b@example.org>\r\n",
     ["250 2.1.0", "503 5.5.2"], OPEN, ["mail-nested"]),
    ("Q06", "C", b"BDAT 18 LAST\r\nNOOP\r\nNOOP\r\nNOOP\r\nQUIT\r\n",
     ["503 5.5.1", "221 2.0.0"], CLOSED, ["command-sequence"]),
    ("Q12", "C", b"XCLIENT ADDR=192.0.2.1\r\n", ["550|500|502|503"], OPEN,
     ["command-unknown"]),
    ("Q12-T", "T", b"XCLIENT ADDR=192.0.2.1\r\n", ["550|500|502|503"], OPEN,
     ["command-unknown"]),
    ("Q13", "C", b"XFORWARD ADDR=192.0.2.1\r\n", ["500 5.5.1"], OPEN, ["command-unknown"]),
    ("Q14-C", "C", b"AUTH PLAIN AGEAYg==\r\n", ["502 5.5.1"], OPEN, ["command-disabled"]),
    ("Q14-T", "T", b"AUTH PLAIN AGEAYg==\r\n", ["502 5.5.1"], OPEN, ["command-disabled"]),
    ("Q14-X", "X", b"AUTH PLAIN AGEAYg==\r\n", ["502 5.5.1"], OPEN, ["command-disabled"]),
    ("P01", "B", b"EHLO x\r\nMAIL FROM:<a@example.org>\r\n", ["554 5.5.0"], CLOSED,
     ["pipelining"]),
    ("P02", "C", b"MAIL FROM:<a@example.org>\r\nDATA\r\nSubject: x\r\n\r\nx\r\n.\r\n"
     b"MAIL FROM:<smuggled@e.example>\r\nRCPT TO:<r@contoso.com>\r\n",
     ["250 2.1.0", "554 5.5.0"], CLOSED, ["pipelining"]),
    ("P05", "C", b"QUIT\r\nMAIL FROM:<a@example.org>\r\nNOOP\r\n", ["221 2.0.0"], CLOSED,
     []),
    ("S01", "C", b"STARTTLS x\r\n", ["501 5.5.4"], OPEN, ["command-syntax"]),
    ("S02", "B", b"STARTTLS\r\n", ["503 5.5.2"], OPEN, ["hello-first"]),
    ("case", "C", b"nOoP\r\n", ["250 2.0.0"], OPEN, []),
    ("help", "C", b"HELP\r\n", ["214 2.0.0"], OPEN, []),
    ("vrfy", "C", b"VRFY a\r\n", ["252 2.1.5"], OPEN, []),
    ("expn", "C", b"EXPN a\r\n", ["500 5.5.1"], OPEN, ["command-unknown"]),
    ("ehlo-none", "B", b"EHLO\r\n", ["501 5.5.4"], OPEN, ["hello-name"]),
    ("data-first", "C", b"DATA\r\n", ["503 5.5.1"], OPEN, ["command-sequence"]),
    ("rcpt-first", "C", b"RCPT TO:<r@contoso.com>\r\n", ["503 5.5.1"], OPEN,
     ["command-sequence"]),
    ("data-args", "C", b"MAIL FROM:<a@example.org>\r\nDATA x\r\n",
     ["250 2.1.0", "501 5.5.4"], OPEN, ["command-syntax"]),
    ("data-args-content", "C", b"MAIL FROM:<a@example.org>\r\nDATA x\r\nSubject: x\r\n\r\n"
     b"RSET\r\n.\r\n", ["250 2.1.0", "554 5.5.0"], CLOSED, ["pipelining"]),
    ("starttls-args-more", "C", b"STARTTLS x\r\n" + A.encode() + b"\r\n", ["554 5.5.0"],
     CLOSED, ["pipelining"]),
    ("auth-dialogue", "C", b"AUTH LOGIN\r\nRSET\r\nQUIT\r\n", ["554 5.5.0"], CLOSED,
     ["pipelining"]),
)
ENVELOPE = A.encode() + b"\r\nRCPT TO:<r@contoso.com>\r\n"


# What may have been BDAT, but was not read as one: its octets run as nothing.
NO_BDAT = rows(
    ("nul", b"BDAT 6\0 LAST\r\n", "500 5.5.2", "line-nul"),
    ("nul-before", b"\0BDAT 6 LAST\r\n", "500 5.5.2", "line-nul"),
    ("nul-within", b"BD\0AT 6 LAST\r\n", "500 5.5.2", "line-nul"),
    ("bare-cr", b"BDAT 6\rLAST\r\n", "500 5.5.2", "line-bare-cr"),
    ("bare-cr-end", b"BDAT 6 LAST\r\r\n", "500 5.5.2", "line-bare-cr"),
    ("bare-lf", b"BDAT 6 LAST\n", "500 5.5.2", "line-bare-lf"),
    ("long", b"BDAT 6 LAST" + b" " * 5000 + b"\r\n", "500 5.5.2", "line-endless"),
    ("long-lower", b"bdat 6 last" + b" " * 5000 + b"\r\n", "500 5.5.2", "line-endless"),
    ("long-before", b" " * 5000 + b"BDAT 6 LAST\r\n", "500 5.5.2", "line-endless"),
    ("long-nul", b"BD\0AT 6 LAST" + b" " * 5000 + b"\r\n", "500 5.5.2", "line-endless"),
    ("blank-before", b" BDAT 6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("tab-before", b"\tbdat 6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("tab-behind", b"BDAT\t6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("glued", b"BDAT6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("junk-before", b"xBdAt 6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("junk-word", b"x BDAT 6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("two-blanks", b"BDAT  6 LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("arguments", b"BDAT six LAST\r\n", "501 5.5.4", "bdat-syntax"),
    ("none", b"BDAT\r\n", "501 5.5.4", "bdat-syntax"))


@pytest.mark.parametrize("later", (False, True))
@pytest.mark.parametrize("id, line, code, why", NO_BDAT)
def test_octets_of_no_bdat(std, id, line, code, why, later):
    """They are content to the client: they must not run as commands, whether they come
    along or a moment later."""
    with std.connect("C") as c:
        c.send(ENVELOPE)
        replies(c, [250, 250], OPEN)
        c.send(line)
        if later:
            time.sleep(0.05)
        try:
            c.send(b"RSET\r\nBDAT 2 LAST\r\nx\n")
        except (OSError, Closed):
            assert later
        try:
            replies(c, [code], CLOSED)
        except (ConnectionResetError, Closed):
            pass				# the reply may be lost in a reset
    settled(std, why)
    assert std.main.messages == [] and std.inbound.messages == []


@pytest.mark.parametrize("id, state, octets, want, then, why", LINES)
def test_line(std, id, state, octets, want, then, why):
    with std.connect(state) as c:
        c.send(octets)
        replies(c, want, then)
    settled(std, *why)
    assert std.main.tries == [] and std.inbound.tries == []


def test_L09_endless(std):
    """A mebibyte without a line end: 500 and close, no memory for it."""
    def rss():
        total = 0
        for pid in std.gw.workers():
            with open("/proc/%d/statm" % pid) as f:
                total += int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return total
    before = rss()
    with std.connect("C") as c:
        try:
            for _ in range(16):
                c.send(b"A" * 65536)
        except (OSError, Closed):
            pass
        try:
            assert c.reply().matches("500 5.5.2")
            c.expect_close()
        except (Closed, OSError):
            pass				# the reply may be lost in a reset
    settled(std, "line-endless")
    assert rss() - before < 512 * 1024 + (8 << 20 if os.environ.get("ASAN_OPTIONS") else 0)


def test_L13_http(std):
    with std.connect("B") as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nEHLO x\r\n" +
               A.encode() + b"\r\n")
        replies(c, ["554 5.5.1"], CLOSED)
    settled(std, "command-http")


@pytest.mark.parametrize("id, octets, why, then", rows(
    ("L14", b"\x16\x03\x01\0\x05\x01\0\0\x01\x03\r\n", "line-nul", CLOSED),
    ("L14-whole", b"\x16\x03\x01\x01\x01\x01\x01\x01\x01\x03\r\n", "command-unknown",
     OPEN)))
def test_L14_tls_record(std, id, octets, why, then):
    """A client that begins TLS at once gets words that no TLS library takes."""
    with std.connect("B") as c:
        c.send(octets)
        replies(c, ["500"], then)
    settled(std, why)


def test_L16_before_the_banner(std):
    """Early talkers are served as any other: the banner needs nothing of theirs."""
    with Smtp(std.port(), preface=b"EHLO early.example\r\n", banner=False) as c:
        replies(c, [220, 250], OPEN)
    settled(std)


def test_L17_junk(std):
    with std.connect("C") as c:
        for _ in range(19):
            c.want("JUNK", "500 5.5.1")
        c.send(b"JUNK\r\n")
        replies(c, ["500 5.5.1", "421 4.7.0"], CLOSED)
    settled(std, *["command-unknown"] * 20, "too-many-errors")


def test_Q05_ehlo_resets(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.ehlo("again")
        c.want("DATA", "503 5.5.1")
        assert c.is_open()
    settled(std, "abandoned", "command-sequence")


def test_Q07_vrfy_inside(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want(b"VRFY \xc3\xa9@contoso.com", "252 2.1.5")
        c.data(simple())
    settled(std, n=1)


def test_Q08_rset(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("RSET", 250)
        c.want("RCPT TO:<r@contoso.com>", "503 5.5.1")
        c.want("DATA", "503 5.5.1")
        assert c.is_open()
    settled(std, "abandoned", "command-sequence", "command-sequence")


def test_P02_content_with_data(std):
    """Content in the same segment as DATA, recipients accepted."""
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<smuggled@e.example>\r\n")
        replies(c, ["554 5.5.0"], CLOSED)
    settled(std, "pipelining")


def test_P03_group(std):
    with std.connect("C") as c:
        c.send(A.encode() + b"\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n")
        assert [x.code for x in c.replies(3)] == [250, 250, 354]
        c.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        replies(c, [250], OPEN)
    settled(std, n=1)


def test_P03_group_of_many(std):
    """Replies keep the order of the commands."""
    with std.connect("X") as c:
        c.send(b"MAIL FROM:<u@contoso.com> XOORG=contoso.com\r\n"
               b"RCPT TO:<a@contoso.com>\r\nRCPT TO:<b@e.example>\r\n"
               b"RCPT TO:<c@contoso.com>\r\nRCPT TO:bad\r\nRCPT TO:<d@contoso.com>\r\n"
               b"DATA\r\n")
        assert [x.code for x in c.replies(7)] == [250, 250, 550, 250, 501, 250, 354]
        c.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert c.reply().code == 250
    assert std.main.one().recipients == ["a@contoso.com", "c@contoso.com", "d@contoso.com"]


def test_P04_next_mail_behind_the_end(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: x\r\n\r\nx\r\n.\r\n" + A.encode() +
               b"\r\nRCPT TO:<r@contoso.com>\r\n")
        assert [x.code for x in c.replies(3)] == [250, 250, 250]
        c.data(simple())
    settled(std, n=2)


def test_split_at_every_octet(std):
    """A whole session, one octet a segment."""
    with std.connect("B") as c:
        for line in (b"EHLO x\r\n", A.encode() + b"\r\n", b"RCPT TO:<r@contoso.com>\r\n",
                     b"DATA\r\n", b"Subject: x\r\n\r\n..x\r\n.\r\n", b"QUIT\r\n"):
            for octet in line:
                c.send(bytes([octet]))
            assert c.reply().cls in (2, 3)
    assert std.inbound.one().body == b".x\r\n"


def test_fin_with_commands_pending(std):
    """FIN behind complete commands: they are answered."""
    with std.connect("C") as c:
        c.send(b"NOOP\r\nRSET\r\nNOOP\r\n")
        c.wire.sock.shutdown(socket.SHUT_WR)
        assert [x.code for x in c.last_words()] == [250, 250, 250]


@pytest.mark.parametrize("via", ["DATA", "BDAT"])
def test_fin_inside_content(std, via):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        if via == "DATA":
            c.want("DATA", 354)
            c.send(b"Subject: x\r\n\r\nhalf")
        else:
            c.send(b"BDAT 1000 LAST\r\nSubject: x\r\n\r\nhalf")
        time.sleep(0.05)
        c.wire.sock.shutdown(socket.SHUT_WR)
        c.expect_close()
    with std.connect("C") as c:			# the gateway is in step
        c.deliver(simple())
    assert len(std.messages) == 1


def test_Y01_proxy_from_an_unlisted_source(std):
    """A header from who is no proxy of ours is a command like another, and the end."""
    with Smtp(std.port(), preface=b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n",
              banner=False) as c:
        replies(c, [220, "554 5.5.1"], CLOSED)
    settled(std, "command-http")
    assert {x["client"] for x in std.gw.events("refused")} == {"127.0.0.1"}
