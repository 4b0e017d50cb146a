# SPDX-License-Identifier: ISC
"""A raw SMTP client: every octet is the test's."""
import re
import socket

from net import TIMEOUT, Closed, Wire, client_context


class Reply:
    def __init__(self, raw):
        self.raw = raw
        lines = raw.split(b"\r\n")[:-1]
        self.lines = [x[4:].decode("latin-1") for x in lines]
        self.code = int(lines[-1][:3])
        self.well_formed = all(re.fullmatch(rb"%d[ -][\x20-\x7e\t]*" % self.code, x)
                               for x in lines) \
            and all(x[3:4] == b"-" for x in lines[:-1]) and lines[-1][3:4] == b" "
        found = re.match(r"([245]\.\d{1,3}\.\d{1,3})(?: |$)", self.lines[-1])
        self.enhanced = found.group(1) if found else None

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def cls(self):
        return self.code // 100

    def __repr__(self):
        return "<%d %s>" % (self.code, " | ".join(self.lines)[:300])

    def has(self, keyword):
        """An EHLO keyword; None if it is not there, else its arguments."""
        hits = [x for x in self.lines[1:] if x.split(" ")[0].upper() == keyword.upper()]
        return None if not hits else hits[0].partition(" ")[2]

    def count(self, keyword):
        return sum(x.split(" ")[0].upper() == keyword.upper() for x in self.lines[1:])

    def matches(self, want):
        """`want`: 250, "550 5.7.1", "501|503 5.5.1", "5xx"."""
        for one in str(want).split("|"):
            code, _, enhanced = one.partition(" ")
            if code.endswith("xx"):
                if self.cls != int(code[0]):
                    continue
            elif self.code != int(code):
                continue
            if enhanced and self.enhanced != enhanced:
                continue
            return True
        return False


def expect(reply, want):
    assert reply.matches(want), "got %r, want %s" % (reply, want)
    assert reply.well_formed, "ill-formed reply %r" % reply.raw
    return reply


class Smtp:
    def __init__(self, port, *, source="127.0.0.1", host="127.0.0.1", timeout=TIMEOUT,
                 preface=b"", banner=True):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        sock = socket.socket(family)
        sock.settimeout(timeout)
        if family == socket.AF_INET and source:
            sock.bind((source, 0))
        sock.connect((host, port))
        self.address = sock.getsockname()[:2]
        self.timeout = timeout
        self.wire = Wire(sock, timeout)
        if preface:
            self.wire.send(preface)
        self.banner = expect(self.reply(), 220) if banner else None

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.wire.close()

    # replies ---------------------------------------------------------------

    def reply(self, timeout=None):
        raw = b""
        while True:
            line = self.wire.line(timeout)
            raw += line
            if not re.match(rb"\d{3}-", line):
                return Reply(raw if raw.endswith(b"\r\n") else raw[:-1] + b"\r\n")

    def replies(self, n, timeout=None):
        return [self.reply(timeout) for _ in range(n)]

    def send(self, octets):
        self.wire.send(octets)

    def cmd(self, line, timeout=None):
        self.send((line if isinstance(line, bytes) else line.encode("latin-1")) + b"\r\n")
        return self.reply(timeout)

    def want(self, line, want, timeout=None):
        got = self.cmd(line, timeout)
        assert got.matches(want), "%.200r: got %r, want %s" % (line, got, want)
        assert got.well_formed, "%.200r: ill-formed reply %r" % (line, got.raw)
        return got

    def expect_close(self, timeout=5.0):
        """The rest until the server closes."""
        return self.wire.rest(timeout)

    def last_words(self, timeout=5.0):
        """All replies until the server closes, as a list."""
        raw = self.expect_close(timeout)
        out, current = [], b""
        for line in raw.split(b"\r\n")[:-1]:
            current += line + b"\r\n"
            if not re.match(rb"\d{3}-", line):
                out.append(Reply(current))
                current = b""
        return out

    def is_open(self):
        """In step: a NOOP gets its 250."""
        try:
            return self.cmd("NOOP").code == 250
        except (Closed, OSError):
            return False

    # phases ------------------------------------------------------------------

    def ehlo(self, name="client.example", want=250):
        return self.want("EHLO " + name, want)

    def tls(self, cert=None, context=None, server_name="gw.contoso.test"):
        """The handshake alone."""
        context = context or client_context(cert)
        assert not self.wire.buffer, "clear text before the handshake: %r" % self.wire.buffer
        self.wire.sock.settimeout(self.timeout)
        self.wire.sock = context.wrap_socket(self.wire.sock, server_hostname=server_name)
        return self

    def starttls(self, cert=None, **how):
        self.want("STARTTLS", 220)
        return self.tls(cert, **how)

    def hello(self, cert=None, tls=True, name="client.example"):
        """EHLO, and, with tls, STARTTLS and EHLO again; the last reply."""
        reply = self.ehlo(name)
        if tls:
            self.starttls(cert)
            reply = self.ehlo(name)
        return reply

    def mail(self, sender="u@contoso.com", params="", want=250):
        return self.want("MAIL FROM:<%s>%s" % (sender, params and " " + params), want)

    def rcpt(self, to="r@contoso.com", params="", want=250):
        return self.want("RCPT TO:<%s>%s" % (to, params and " " + params), want)

    def data(self, content, want=250, timeout=None):
        """Stuffs and sends content; the final reply."""
        self.want("DATA", 354)
        self.send(stuff(content) + b".\r\n")
        return expect(self.reply(timeout), want)

    def bdat(self, chunks, want=250):
        """All chunks, the last with LAST; the final reply."""
        if isinstance(chunks, bytes):
            chunks = [chunks]
        for i, chunk in enumerate(chunks):
            last = b" LAST" if i == len(chunks) - 1 else b""
            self.send(b"BDAT %d%s\r\n" % (len(chunk), last) + chunk)
            got = self.reply()
            if not last:
                expect(got, 250)
        return expect(got, want)

    def deliver(self, content, sender="u@contoso.com", to=("r@contoso.com",), xoorg=None,
                params="", chunked=False, want=250):
        if xoorg:
            params = (params + " XOORG=" + xoorg).strip()
        self.mail(sender, params)
        for one in [to] if isinstance(to, str) else to:
            self.rcpt(one)
        return self.bdat(content, want) if chunked else self.data(content, want)

    def quit(self):
        got = self.want("QUIT", 221)
        self.wire.close()
        return got


def stuff(content):
    """The content of DATA, without its end."""
    if isinstance(content, str):
        content = content.encode("latin-1")
    if content and not content.endswith(b"\r\n"):
        content += b"\r\n"
    content = content.replace(b"\r\n.", b"\r\n..")
    return b"." + content if content.startswith(b".") else content


def unstuff(raw):
    """Content from what stood before the end of data."""
    raw = raw.replace(b"\r\n.", b"\r\n")
    return raw[1:] if raw.startswith(b".") else raw
