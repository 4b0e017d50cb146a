# SPDX-License-Identifier: ISC
"""Lines and commands: doc/threat-model a.1."""
import os
import time

import pytest

from harness import Closed, Smtp, rows, simple

A = "MAIL FROM:<a@example.org>"


def _converse(env, state, octets, n):
    """Sends octets, reads n replies; (replies, client)."""
    c = env.connect(state)
    c.send(octets)
    return c.replies(n), c


# id, state, octets, wanted replies, then: open | close
LINES = rows(
    ("L01", "C", b"NOOP\n", ["500 5.5.2"], "close"),
    ("L02", "C", b"NOOP\rRSET\r\n", ["500"], "any"),
    ("L03", "C", b"NOOP\r\r\n", ["500"], "any"),
    ("L04", "C", b"NO\0OP\r\n", ["500"], "any"),
    ("L06", "B", b"EHLO h\xc3\xa9\r\n", ["501 5.5.4"], "any"),
    ("L07", "C", b"NOOP " + b"a" * 505 + b"\r\n", ["250"], "open"),
    ("L08", "C", b"NOOP " + b"a" * 4993 + b"\r\n", ["500 5.5.2"], "any"),
    ("L10", "C", b"\r\n", ["500"], "any"),
    ("L11", "C", b" NOOP\r\n", ["500"], "any"),
    ("L18", "C", b"NOOP\x0b\r\n", ["500|501"], "any"),
    ("L21", "B", b"EHLO " + b"a" * 600 + b"\r\n", ["501"], "any"),
    ("Q01", "B", b"MAIL FROM:<a@example.org>\r\n", ["503"], "open"),
    ("Q12", "C", b"XCLIENT ADDR=192.0.2.1\r\n", ["550|500|502|503"], "open"),
    ("Q12-T", "T", b"XCLIENT ADDR=192.0.2.1\r\n", ["550|500|502|503"], "open"),
    ("Q13", "C", b"XFORWARD ADDR=192.0.2.1\r\n", ["550|500|502|503"], "open"),
    ("Q14-C", "C", b"AUTH PLAIN AGEAYg==\r\n", ["503|502"], "open"),
    ("Q14-T", "T", b"AUTH PLAIN AGEAYg==\r\n", ["503|502"], "open"),
    ("Q14-X", "X", b"AUTH PLAIN AGEAYg==\r\n", ["503|502"], "open"),
    ("S01", "C", b"STARTTLS x\r\n", ["501"], "open"),
    ("S02", "B", b"STARTTLS\r\n", ["503"], "open"),
    ("case", "C", b"nOoP\r\n", ["250"], "open"),
    ("help", "C", b"HELP\r\n", ["214|502"], "open"),
    ("vrfy", "C", b"VRFY a\r\n", ["252|502"], "open"),
    ("expn", "C", b"EXPN a\r\n", ["500|502"], "open"),
    ("ehlo-none", "B", b"EHLO\r\n", ["501"], "open"),
    ("ehlo-words", "B", b"EHLO a b\r\n", ["501"], "open"),
    ("ehlo-esc", "B", b"EHLO a\x1b[2Jb\x7f\r\n", ["501|500"], "any"),
    ("data-first", "C", b"DATA\r\n", ["503"], "open"),
    ("rcpt-first", "C", b"RCPT TO:<r@contoso.com>\r\n", ["503"], "open"),
    ("data-args", "C", b"DATA x\r\n", ["501|503"], "open"),
)


@pytest.mark.parametrize("id, state, octets, want, then", LINES)
def test_line(std, id, state, octets, want, then):
    got, c = _converse(std, state, octets, len(want))
    with c:
        for reply, one in zip(got, want):
            assert reply.matches(one) and reply.well_formed, "got %r, want %s" % (got, want)
        if then == "close":
            assert c.expect_close() == b""
        elif then == "open":
            assert c.is_open()
    assert std.main.tries == [] and std.inbound.tries == []
    text = std.gw.log()
    assert "\x1b" not in text and "\x0b" not in text and "\x7f" not in text


@pytest.mark.parametrize("state", ["C", "T", "X"])
def test_L05_nul_in_path(std, state):
    with std.connect(state) as c:
        c.want(b"MAIL FROM:<a@example.org>\0<b@example.org>", "500|501")
        try:
            c.want("RCPT TO:<r@contoso.com>", 503)
        except (Closed, OSError):
            pass


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
            assert c.reply().code == 500
            c.expect_close()
        except (Closed, OSError):
            pass				# the reply may be lost in a reset
    assert rss() - before < 512 * 1024 + (8 << 20 if os.environ.get("ASAN_OPTIONS") else 0)


def test_L13_http(std):
    with std.connect("B") as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nEHLO x\r\n" +
               A.encode() + b"\r\n")
        words = c.last_words()
        assert len(words) == 1 and words[0].cls == 5


def test_L14_tls_record(std):
    with std.connect("B") as c:
        c.send(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03\r\n")
        try:
            assert c.reply().code in (500, 501)
        except Closed:
            pass


def test_L16_before_the_banner(std):
    """Early talkers get 554 and close, or are served as any other."""
    with Smtp(std.port(), preface=b"EHLO early.example\r\n", banner=False) as c:
        first = c.reply()
        if first.code == 554:
            c.expect_close()
        else:
            assert first.code == 220 and c.reply().code == 250


def test_L17_junk(std):
    with std.connect("C") as c:
        got = []
        for _ in range(30):
            got.append(c.cmd("JUNK"))
            if got[-1].code == 421:
                break
        assert got[-1].matches("421 4.7.0") and len(got) <= 21
        assert {x.code for x in got[:-1]} == {500}
        assert c.expect_close() == b""


def test_Q04_second_mail(std):
    with std.connect("C") as c:
        c.want(A, 250)
        c.want(A, 503)
        assert c.is_open()


def test_Q05_ehlo_resets(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.ehlo("again")
        c.want("DATA", 503)


def test_Q06_bdat_without_mail(std):
    with std.connect("C") as c:
        c.send(b"BDAT 18 LAST\r\nNOOP\r\nNOOP\r\nNOOP\r\nQUIT\r\n")
        words = c.last_words()
        assert [x.code for x in words] == [503, 221]


def test_Q07_vrfy_inside(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        assert c.cmd(b"VRFY \xc3\xa9@contoso.com").code in (252, 500, 501, 502, 553)
        c.data(simple())
    std.inbound.one()


def test_Q08_rset(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("RSET", 250)
        c.want("RCPT TO:<r@contoso.com>", 503)
        c.want("DATA", 503)


def test_P01_behind_ehlo(std):
    with std.connect("B") as c:
        c.send(b"EHLO x\r\n" + A.encode() + b"\r\n")
        words = c.last_words()
        assert words[-1].code in (503, 554) and len(words) <= 2
        assert not any(x.lines[0].startswith("2.1.0") for x in words)


def test_P02_content_without_rcpt(std):
    with std.connect("C") as c:
        c.want(A, 250)
        c.send(b"DATA\r\nSubject: x\r\n\r\nMAIL FROM:<smuggled@e.example>\r\n.\r\n"
               b"MAIL FROM:<smuggled@e.example>\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n"
               b"x\r\n.\r\n")
        words = c.last_words()
        assert words and words[0].code in (503, 554)
        assert all(x.cls in (4, 5) for x in words)
    assert std.messages == []


def test_P02_content_with_data(std):
    """Content in the same segment as DATA, recipients accepted."""
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"DATA\r\nSubject: x\r\n\r\nx\r\n.\r\nMAIL FROM:<smuggled@e.example>\r\n")
        words = c.last_words()
        assert words[0].code in (503, 554) and len(words) == 1
    assert std.messages == []


def test_P03_group(std):
    with std.connect("C") as c:
        c.send(A.encode() + b"\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n")
        assert [x.code for x in c.replies(3)] == [250, 250, 354]
        c.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
        assert c.reply().code == 250
    std.inbound.one()


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
    std.inbound.wait(2)


def test_P05_behind_quit(std):
    with std.connect("C") as c:
        c.send(b"QUIT\r\n" + A.encode() + b"\r\nNOOP\r\n")
        assert [x.code for x in c.last_words()] == [221]


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
    import socket
    with std.connect("C") as c:
        c.send(b"NOOP\r\nRSET\r\nNOOP\r\n")
        c.wire.sock.shutdown(socket.SHUT_WR)
        assert [x.code for x in c.last_words()] == [250, 250, 250]


@pytest.mark.parametrize("via", ["DATA", "BDAT"])
def test_fin_inside_content(std, via):
    import socket
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
    with Smtp(std.port(), preface=b"PROXY TCP4 192.0.2.1 192.0.2.2 1 25\r\n",
              banner=False) as c:
        first = c.reply()
        if first.code == 220:
            second = c.reply()
            assert second.cls == 5
            try:
                c.ehlo()
                c.deliver(simple())
                assert "192.0.2.1" not in std.inbound.one().fields("Received")[0]
            except (Closed, OSError):
                pass
