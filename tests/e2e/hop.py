# SPDX-License-Identifier: ISC
"""A scriptable next hop: an SMTP server that writes down what arrives.

`script` maps a phase to what it does there: banner, ehlo, helo, starttls,
handshake, ehlo2 (after TLS), xclient, mail, rcpt, data, content, bdat, final,
committed, rset, noop, quit. A value is

    None                the ordinary reply
    "451 4.3.0 text"    this reply (lines separated by CRLF)
    b"..."              these octets, as they are
    Do.rst, Do.fin, Do.stall      a fault
    Do.drip(octets)     one octet at a time
    Do.late(s, value)   after a while
    [a, b, c]           one after the other, the last for ever
    a callable          (session, line) -> one of these

"content" is called when the 354 is out, or a BDAT is in ("content": Do.after(n,
what): after n octets of content, or of that chunk). "final" acts before the message is committed, "committed"
after. `lmtp`: LHLO, and a reply for each recipient: "final" acts for each in turn.
`proxy`: a PROXY header must come before the banner. `xclient`: True, or the
attributes that are announced.
"""
import itertools
import re
import socket
import ssl
import threading
import time

from client import unstuff
from net import Closed, Wire, set_reset_on_close, wait_until

CAPS = ("PIPELINING", "SIZE 157286400", "8BITMIME", "SMTPUTF8", "DSN",
        "ENHANCEDSTATUSCODES", "CHUNKING")


class Do:
    class _Fault(Exception):
        pass

    rst, fin, stall = "!rst", "!fin", "!stall"

    @staticmethod
    def drip(octets, pause=0.02):
        return ("!drip", octets, pause)

    @staticmethod
    def late(seconds, value=None):
        return ("!late", seconds, value)

    @staticmethod
    def after(octets, value):
        return ("!after", octets, value)


_order = itertools.count()


class Message:
    def __init__(self, session):
        self.session = session
        self.order = next(_order)	# of its content's arrival
        self.mail = b""
        self.rcpts = []			# RCPT lines that were accepted
        self.raw = b""			# octets of DATA as they came, without the end
        self.content = b""		# unstuffed
        self.chunks = []		# sizes, of BDAT
        self.via = None			# "data" or "bdat"
        self.committed = False
        self.replied = False		# a complete 2xx was written
        self.replied_at = None		# when its reply began to be written
        self.is_disturbed = False	# its "content" fault has begun

    @property
    def sender(self):
        return re.match(rb"MAIL FROM:<(.*?)>", self.mail, re.I).group(1).decode("latin-1")

    @property
    def recipients(self):
        return [re.match(rb"RCPT TO:<(.*?)>", x, re.I).group(1).decode("latin-1")
                for x in self.rcpts]

    @property
    def header(self):
        return self.content.partition(b"\r\n\r\n")[0] + b"\r\n"

    @property
    def body(self):
        return self.content.partition(b"\r\n\r\n")[2]

    def fields(self, name=None):
        """Logical header fields as (name, raw value), or the values of one name."""
        out = []
        for line in self.header.split(b"\r\n")[:-1]:
            if line[:1] in b" \t" and out and line:
                out[-1][1] += b"\r\n" + line
            else:
                key, _, value = line.partition(b":")
                out.append([key, value])
        out = [(k.decode("latin-1"), v) for k, v in out]
        if name is None:
            return out
        return [v.strip().decode("latin-1") for k, v in out if k.lower() == name.lower()]

    @property
    def id(self):
        found = self.fields("Message-ID")
        return found[0] if found else None

    def params(self):
        return self.mail.partition(b">")[2].decode("latin-1").split()


class Session:
    def __init__(self, peer):
        self.peer = peer
        self.lines = []			# every command line
        self.messages = []		# committed or not
        self.tls = None			# cipher, after a handshake
        self.certificate = None		# of the client, as getpeercert(True)
        self.certificate_ok = False
        self.xclient = []		# XCLIENT lines
        self.proxy = None		# the PROXY header, its octets
        self.closed = None		# how it ended
        self.ehlos = []			# (line, is_tls)
        self.wire = None		# its buffer: what came along with a line

    def verbs(self):
        return [x.split(b" ")[0].upper().decode("latin-1") for x in self.lines]


def _bind(host, port):
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((host, port))
    return sock


def _bind_all(host, port):
    """At 127.0.0.1, also at 127.0.0.2 and the same port; another, if a client has that."""
    for last in [False] * 20 + [True]:
        first = _bind(host, port)
        if host != "127.0.0.1":
            return [first]
        try:
            return [first, _bind("127.0.0.2", first.getsockname()[1])]
        except OSError:
            first.close()
            if last:
                raise
            time.sleep(0.05 if port else 0)


class Hop:
    def __init__(self, *, caps=CAPS, tls=None, caps_tls=None, client_ca=None, xclient=False,
                 xoorg_for=None, script=None, host="127.0.0.1", port=0, accept=True,
                 lmtp=False, proxy=False):
        self.caps = list(caps)
        self.caps_tls = list(caps if caps_tls is None else caps_tls)
        self.tls = tls			# an ssl.SSLContext of the server side
        self.client_ca = client_ca
        self.xclient = xclient
        self.lmtp, self.proxy = lmtp, proxy
        self.xoorg_for = xoorg_for	# name of a client certificate that gets XOORG
        self.script = dict(script or {})
        self.sessions = []
        self.turn = {}
        self._lock = threading.Lock()
        self._live = set()
        self._stopping = threading.Event()
        self.listeners = _bind_all(host, port)
        self.listener = self.listeners[0]
        self.host, self.port = self.listener.getsockname()[:2]
        self.address = ("[%s]:%d" if ":" in host else "%s:%d") % (self.host, self.port)
        # A place of its own for ordinary mail: base_config() with one hop for both.
        self.second = "127.0.0.2:%d" % self.port
        for listener in self.listeners if accept else ():
            listener.listen(128)
            threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    # for the tests -----------------------------------------------------------

    @property
    def tries(self):
        with self._lock:
            return sorted((m for s in self.sessions for m in s.messages),
                          key=lambda m: m.order)

    @property
    def messages(self):
        return [m for m in self.tries if m.committed]

    def lines(self):
        with self._lock:
            return [x for s in self.sessions for x in s.lines]

    def clear(self):
        """Forgets what came; live sessions go on, empty."""
        with self._lock:
            self.sessions = [s for s in self.sessions if s.closed is None]
            for s in self.sessions:
                s.messages, s.lines = [], []
        self.turn = {}

    def wait(self, n=1, timeout=5.0):
        """Until n messages are committed."""
        wait_until(lambda: len(self.messages) >= n, timeout)
        assert len(self.messages) == n, "%d messages at the next hop, want %d" % (
            len(self.messages), n)
        return self.messages

    def one(self, timeout=5.0):
        return self.wait(1, timeout)[0]

    def cut_all(self, reset=True):
        with self._lock:
            live = list(self._live)
        for wire in live:
            if reset:
                set_reset_on_close(wire.sock)
            try:
                socket.socket.shutdown(wire.sock, socket.SHUT_RDWR)
            except OSError:
                pass

    def stop(self):
        self._stopping.set()
        for listener in self.listeners:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        self.cut_all(False)

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()

    # the server ----------------------------------------------------------------

    def _accept(self, listener):
        while not self._stopping.is_set():
            try:
                sock, peer = listener.accept()
            except OSError:
                return
            session = Session(peer)
            with self._lock:
                self.sessions.append(session)
            threading.Thread(target=self._serve, args=(sock, session), daemon=True).start()

    def _serve(self, sock, session):
        session.wire = wire = Wire(sock, 120.0)
        with self._lock:
            self._live.add(wire)
        try:
            _Talk(self, wire, session).run()
            session.closed = session.closed or "quit"
        except Closed as end:
            session.closed = session.closed or str(end)
        except (OSError, TimeoutError, Do._Fault) as error:
            session.closed = session.closed or repr(error)
        finally:
            with self._lock:
                self._live.discard(wire)
            wire.close()

    def action(self, phase, session, line):
        value = self.script.get(phase)
        if isinstance(value, list):
            with self._lock:
                at = self.turn.get(phase, 0)
                self.turn[phase] = at + 1
            value = value[min(at, len(value) - 1)]
        if callable(value):
            value = value(session, line)
        return value


class _Talk:
    """One session of a hop."""

    def __init__(self, hop, wire, session):
        self.hop, self.wire, self.session = hop, wire, session
        self.message = None
        self.is_tls = False
        self.hold = b""

    def read_proxy(self):
        start = self.wire.exactly(6)
        if start == b"PROXY ":
            self.session.proxy = start + self.wire.until(b"\r\n")
        else:
            start += self.wire.exactly(10)
            if not start.startswith(b"\r\n\r\n\0\r\nQUIT\n"):
                raise Closed(start, "no PROXY header: %r" % start)
            self.session.proxy = start + self.wire.exactly(int.from_bytes(start[14:], "big"))

    def run(self):
        if self.hop.proxy:
            self.read_proxy()
        self.reply("banner", "220 hop.example ESMTP")
        while True:
            line = self.wire.line(600)
            line = line[:-2] if line.endswith(b"\r\n") else line
            self.session.lines.append(line)
            verb = line.split(b" ")[0].upper().decode("latin-1", "replace")
            if verb == "QUIT":
                self.reply("quit", "221 2.0.0 bye", line)
                return
            getattr(self, "do_" + verb.lower(), self.do_unknown)(line)

    # acting --------------------------------------------------------------------

    def act(self, value):
        """Does what a script's value says."""
        if isinstance(value, tuple):
            kind, first, second = value
            if kind == "!late":
                time.sleep(first)
                return self.act(second)
            for i in range(len(first)):
                self.wire.send(first[i:i + 1])
                time.sleep(second)
            return None
        if value == Do.rst:
            set_reset_on_close(self.wire.sock)
            self.session.closed = "rst"
            raise Do._Fault()
        if value == Do.fin:
            self.session.closed = "fin"
            raise Do._Fault()
        if value == Do.stall:
            while True:			# until the gateway gives up
                self.wire.exactly(1, 600)
        if isinstance(value, bytes):
            return self.wire.send(value)
        self.wire.send(value.encode("latin-1") + b"\r\n")
        return None

    def reply(self, phase, ordinary, line=b""):
        """True if it went the ordinary way."""
        value = self.hop.action(phase, self.session, line)
        if isinstance(value, tuple) and value[0] == "!late" and value[2] is None:
            value = (value[0], value[1], ordinary)
            self.act(value)
            return True
        if value is None:
            self.act(ordinary)
            return True
        self.act(value)
        text = value if isinstance(value, bytes) else \
            value.encode("latin-1") if isinstance(value, str) else \
            value[1] if value[0] == "!drip" else b""
        if isinstance(value, tuple) and value[0] == "!late" and isinstance(value[2], str):
            text = value[2].encode("latin-1")
        return text[:1] == b"2"

    # commands ------------------------------------------------------------------

    def _ehlo_lines(self):
        caps = list(self.hop.caps_tls if self.is_tls else self.hop.caps)
        if self.hop.tls and not self.is_tls:
            caps.append("STARTTLS")
        if self.hop.xclient:
            caps.append("XCLIENT " + (self.hop.xclient if isinstance(self.hop.xclient, str)
                                      else "NAME ADDR PORT PROTO HELO"))
        if self.is_tls and self.hop.xoorg_for and self.session.certificate_ok \
                and self.hop.xoorg_for in self._certificate_names():
            caps.append("XOORG")
        return caps

    def _certificate_names(self):
        details = self.wire.sock.getpeercert() or {}
        return [v for k, v in details.get("subjectAltName", ()) if k == "DNS"] + \
            [v for rdn in details.get("subject", ()) for k, v in rdn if k == "commonName"]

    def do_lhlo(self, line):
        if not self.hop.lmtp:
            return self.do_unknown(line)
        return self.do_ehlo(line, True)

    def do_ehlo(self, line, is_lhlo=False):
        if self.hop.lmtp != is_lhlo:
            return self.do_unknown(line)
        self.message = None
        self.session.ehlos.append((line, self.is_tls))
        lines = ["hop.example"] + self._ehlo_lines()
        text = "\r\n".join("250%s%s" % ("-" if i < len(lines) - 1 else " ", x)
                           for i, x in enumerate(lines))
        self.reply("ehlo2" if self.is_tls else "ehlo", text, line)

    def do_helo(self, line):
        self.message = None
        self.reply("helo", "250 hop.example", line)

    def do_starttls(self, line):
        if not self.hop.tls or self.is_tls:
            return self.act("503 5.5.1 no TLS here")
        if not self.reply("starttls", "220 2.0.0 go ahead", line):
            return None
        value = self.hop.action("handshake", self.session, line)
        if value is not None:
            return self.act(value)
        assert not self.wire.buffer
        try:
            self.wire.sock.settimeout(30)
            self.wire.sock = self.hop.tls.wrap_socket(self.wire.sock, server_side=True)
        except ssl.SSLError as error:
            self.session.closed = "handshake: %s" % error
            raise
        self.is_tls = True
        self.session.tls = self.wire.sock.cipher()
        self.session.certificate = self.wire.sock.getpeercert(True)
        self.session.certificate_ok = bool(self.wire.sock.getpeercert())
        return None

    def do_xclient(self, line):
        if not self.hop.xclient:
            return self.do_unknown(line)
        self.session.xclient.append(line)
        self.message = None
        return self.reply("xclient", "220 hop.example ESMTP", line)

    def do_proxy(self, line):
        pass

    def do_mail(self, line):
        if self.reply("mail", "250 2.1.0 sender ok", line):
            self.message = Message(self.session)
            self.message.mail = line

    def do_rcpt(self, line):
        if self.message is None:
            return self.act("503 5.5.1 MAIL first")
        if self.reply("rcpt", "250 2.1.5 recipient ok", line):
            self.message.rcpts.append(line)
        return None

    def do_rset(self, line):
        self.message = None
        self.reply("rset", "250 2.0.0 reset", line)

    def do_noop(self, line):
        self.reply("noop", "250 2.0.0 ok", line)

    def do_unknown(self, line):
        self.act("500 5.5.2 what?")

    def do_data(self, line):
        if self.message is None or not self.message.rcpts:
            return self.act("503 5.5.1 RCPT first")
        value = self.hop.action("data", self.session, line)
        if value is not None:
            self.act(value)
            if not (isinstance(value, tuple) and b"354" in value[1]) \
                    and not (isinstance(value, str) and value.startswith("354")) \
                    and not (isinstance(value, bytes) and value.startswith(b"354")):
                return None
        else:
            self.act("354 go ahead")
        message = self.message
        message.via = "data"
        message.order = next(_order)
        self.session.messages.append(message)
        self._content(message)
        self._final(message)
        return None

    def _content(self, message):
        value = self.hop.action("content", self.session, b"")
        raw = bytearray()
        tail = b"\r\n"			# what stood before what is still to be read
        while True:
            if isinstance(value, tuple) and value[0] == "!after" and \
                    len(raw) + len(self.wire.buffer) >= value[1]:
                message.raw = bytes(raw + self.wire.buffer)
                message.is_disturbed = True
                value, what = None, value[2]
                self.act(what)
            at = (tail + self.wire.buffer).find(b"\r\n.\r\n")
            if at >= 0:
                end = at + 2 - len(tail)	# in the buffer; negative: in raw
                raw = raw + self.wire.buffer[:end] if end >= 0 else raw[:end]
                self.wire.buffer = self.wire.buffer[end + 3:]
                message.raw = bytes(raw)
                message.content = unstuff(message.raw)
                return
            raw += self.wire.buffer
            tail = (tail + self.wire.buffer)[-4:]
            self.wire.buffer = b""
            try:
                self.wire._fill(time.monotonic() + 600)
            except Closed:
                message.raw = bytes(raw)
                raise

    def _final_lmtp(self, message):
        replies = b""
        self.message = None
        for _ in message.rcpts:
            value = self.hop.action("final", self.session, b"")
            if isinstance(value, tuple) or value in (Do.rst, Do.fin, Do.stall):
                self.wire.send(replies)
                replies = b""
                if value in (Do.rst, Do.fin):
                    time.sleep(0.1)
                self.act(value)
            elif isinstance(value, bytes):
                replies += value
            else:
                value = value or "250 2.1.5 delivered"
                message.committed |= value.startswith("2")
                replies += value.encode("latin-1") + b"\r\n"
        message.replied = message.committed
        self.wire.send(replies)

    def _final(self, message):
        if self.hop.lmtp:
            return self._final_lmtp(message)
        value = self.hop.action("final", self.session, b"")
        ordinary = "250 2.0.0 queued as HOP%d" % len(self.hop.messages)
        if value is not None and not (isinstance(value, tuple) and value[2] is None):
            text = value if isinstance(value, str) else ""
            message.committed = text.startswith("2")
            self.message = None
            self.act(value)
            message.replied = text.startswith("2")
            return
        if value is not None:
            time.sleep(value[1])
        message.committed = True
        self.message = None
        after = self.hop.action("committed", self.session, b"")
        message.replied_at = time.monotonic()
        message.replied = after is None		# the client may be quicker than we
        self.act(ordinary if after is None else after)

    def do_bdat(self, line):
        parts = line.split()
        size, last = int(parts[1]), parts[2:3] == [b"LAST"]
        fault = self.hop.action("content", self.session, line)
        chunk = b""
        if isinstance(fault, tuple) and fault[0] == "!after" and fault[1] <= size:
            chunk = self.wire.exactly(fault[1], 600)
            self.act(fault[2])
        chunk += self.wire.exactly(size - len(chunk), 600)
        message = self.message
        if message is None or not message.rcpts:
            return self.act("503 5.5.1 RCPT first")
        if message.via is None:
            message.via = "bdat"
            message.order = next(_order)
            self.session.messages.append(message)
        message.raw += chunk
        message.chunks.append(size)
        if not last:
            if not self.reply("bdat", "250 2.0.0 %d octets" % size, line):
                self.message = None	# refused once is refused
            return None
        message.content = message.raw
        return self._final(message)
