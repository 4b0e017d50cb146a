# SPDX-License-Identifier: ISC
"""The books of a message whose way was disturbed: what was committed at the next
hop, what the next hop wrote about it, what the client heard; and the rules that
join the three.

A World is one gateway with a listener, an upstream and a next hop for each cell, so
that many cells are played at the same time and none can excuse itself by another.
"""
import re
import ssl
import time
from concurrent.futures import ThreadPoolExecutor

from client import Smtp, stuff
from gateway import Gateway, base_config
from hop import CAPS, Hop
from net import Closed, free_port, server_context, wait_until
from oracle import without_stamps

SLOW = 40.0			# a busy machine's, but no timer's of a patient World
GONE = "gone"			# the client did not wait for the answer
COMPLETE = re.compile(rb"(?:250-[^\n]*\n)*250(?: [^\n]*|\r)?\n")


def octets_of(value):
    """What a script's value writes before it does anything worse."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return b"" if value.startswith("!") else value.encode("latin-1") + b"\r\n"
    if isinstance(value, tuple):
        return value[1] if value[0] == "!drip" else octets_of(value[2])
    return b""


class Cell:
    """One place of the matrix. `want`: classes that the client may hear, as "2",
    "45", "4g"; g: it was gone. `committed`: how many of the first try's messages
    the next hop may have, as "0", "1", "01". `front`: plain, tls, or xoorg (then with
    the certificate of .pki); `back`: plain or tls."""

    def __init__(self, name, want, committed="0", *, script=None, client=None,
                 back="plain", front="plain", via="DATA", body=None, where=None,
                 is_paused=False):
        self.name = name
        self.want, self.may_commit = want, committed
        self.script = script or {}
        self.client = client
        self.back, self.front, self.via = back, front, via
        self.where = where			# a next hop that is none
        self.is_paused = is_paused		# no dot before the next hop has spoken
        self.content = (
            b"From: u@contoso.com\r\nTo: r@contoso.com\r\nSubject: " + name.encode() +
            b"\r\nMessage-ID: <" + name.encode() + b"@ledger.example>\r\n\r\n" +
            (body if body is not None else b"%s\r\n.dot\r\n" % name.encode() * 3))
        self.sender = name + "@ledger.example"
        self.heard_at = None
        self.reply = None

    def __repr__(self):
        return self.name


class Ledger:
    """One cell's, after its first try."""

    def __init__(self, cell, heard, hop, log):
        self.cell, self.heard = cell, heard
        self.messages = list(hop.messages)
        self.tries = list(hop.tries)
        self.log = log
        # Only octets that the script did not hold back count as said.
        final = cell.script.get("committed")
        said = b"250 ok\r\n" if final is None else octets_of(final)
        self.is_acknowledged = bool(self.messages) and \
            COMPLETE.match(said) is not None

    def problems(self):
        cell, n = self.cell, len(self.messages)
        out = []

        def rule(name, is_kept, why):
            if not is_kept:
                out.append("%s: %s: %s" % (cell, name, why))
        rule("A", self.heard != "2" or (n >= 1 and self.is_acknowledged),
             "2xx without the next hop's")
        if self.heard == "2" and n and self.messages[0].replied_at is not None:
            rule("A", cell.heard_at >= self.messages[0].replied_at, "2xx before its time")
        rule("B", n > 0 or self.heard != "2", "lost")
        if self.heard == "5":
            rule("C", self.says_5xx() or any(x.get("reason") not in (None, "delivered")
                                             for x in self.log), "invented refusal")
        rule("D", not self.is_acknowledged or self.heard in ("2", GONE) or "4" in cell.want,
             "a retry nobody needs: %s" % self.heard)
        rule("E", not n or self.is_acknowledged or self.heard in ("4", GONE),
             "%s in the gap" % self.heard)
        rule("F", n <= 1, "%d commits in one try" % n)
        for m in self.messages:
            header, body = without_stamps(m)
            rule("G", header + b"\r\n" + body == cell.content, "changed on its way")
            rule("H", m.sender == cell.sender, "another's envelope %s" % m.sender)
        rule("want", self.heard[0] in cell.want, "class %s, want %s (%s)" % (
            self.heard, cell.want, cell.reply))
        rule("want", str(n) in cell.may_commit, "%d committed, want %s" % (
            n, cell.may_commit))
        if cell.reply is not None:
            rule("reply", cell.reply.well_formed, "ill-formed %r" % cell.reply.raw[:200])
        return out

    def says_5xx(self):
        return any(re.match(rb"5\d\d", octets_of(x)) for x in self.cell.script.values())


def attempt(cell, port, hop):
    """One honest try: "2", "4" or "5". A dropped connection is a 4."""
    try:
        with Smtp(port, timeout=100) as c:
            return talk(cell, c, hop)
    except (Closed, ConnectionError, ssl.SSLError):
        return "4"


def said(cell, reply):
    cell.reply, cell.heard_at = reply, time.monotonic()
    return str(reply.cls)


def talk(cell, c, hop):
    hello = "EHLO %s.example" % cell.name
    lines = [hello] + (["STARTTLS", hello] if cell.front != "plain" else [])
    for line in lines:
        got = c.cmd(line)
        if got.cls != 2:
            return said(cell, got)
        if line == "STARTTLS":
            if c.wire.buffer[:1] == b"\x15":	# an alert: it cannot after all
                return "4"
            c.tls(cell.pki.exo if cell.front == "xoorg" else None)
    # What was not announced, for want of something, is not said.
    xoorg = " XOORG=contoso.com" if got.count("XOORG") else ""
    for line in ("MAIL FROM:<%s>%s" % (cell.sender, xoorg), "RCPT TO:<r@contoso.com>"):
        got = c.cmd(line)
        if got.cls != 2:
            return said(cell, got)
    if cell.via == "DATA":
        got = c.cmd("DATA")
        if got.code != 354:
            return said(cell, got)
        c.send(stuff(cell.content))
        if cell.is_paused:
            assert wait_until(lambda: any(m.is_disturbed for m in hop.tries), 30)
            time.sleep(0.3)
        c.send(b".\r\n")
    else:
        half = len(cell.content) // 2
        c.send(b"BDAT %d\r\n" % half + cell.content[:half])
        got = c.reply()
        if got.cls != 2:
            return said(cell, got)
        c.send(b"BDAT %d LAST\r\n" % (len(cell.content) - half) + cell.content[half:])
    return said(cell, c.reply())


class World:
    """All cells of a group, one gateway."""

    def __init__(self, pki, cells, limits=None, **changes):
        self.cells, self.pki = cells, pki
        self.hops = {x.name: self._hop(x) for x in cells}
        self.gw = Gateway(self._config(limits or {}, changes), start=False)
        self.ports = {x.name: self.gw.port(x.name) for x in cells}

    def _hop(self, cell):
        caps = tuple(x for x in CAPS if x != "CHUNKING" or cell.via == "BDAT")
        tls = server_context(self.pki.exchange) if cell.back == "tls" else None
        return Hop(caps=caps, tls=tls)

    def _config(self, limits, changes):
        first = self.hops[self.cells[0].name]
        # Strangers only.
        config = base_config(self.pki, first, first, limits=dict(limits), **changes)
        config.set("listeners.in.peers", [])
        # Kept connections would be open for no reason that a cell has.
        for upstream in config["upstreams"].values():
            upstream["max_idle"] = 0
        taken = set()
        for cell in self.cells:
            port = free_port()
            while port in taken:
                port = free_port()
            taken.add(port)
            upstream = {"hosts": [cell.where or self.hops[cell.name].address],
                        "max_idle": 0}
            if cell.back == "tls":
                upstream.update(tls="verify", tls_name="mail.contoso.test",
                                trust=self.pki.ca)
            config["upstreams"][cell.name] = upstream
            config["listeners"][cell.name] = {
                "listen": ["127.0.0.1:%d" % port], "tls": "default",
                "upstream": cell.name, "demote_to": cell.name}
        return config

    def __enter__(self):
        self.gw.start()
        # What they can do is learnt while all is well.
        real = [self.hops[x.name] for x in self.cells if x.where is None]
        assert wait_until(lambda: all(any(s.ehlos and s.closed for s in h.sessions)
                                      for h in real), 30), "a next hop was not asked"
        return self

    def __exit__(self, *what):
        try:
            if what[0] is None:
                self.gw.check()
                self.gw.stop(timeout=60)
        finally:
            self.gw.kill()
            self.gw.remove()
            for hop in self.hops.values():
                hop.stop()

    # playing -------------------------------------------------------------------

    def play(self, threads=24):
        """All cells; what is wrong with them, a line each."""
        with ThreadPoolExecutor(threads) as pool:
            out = [y for x in pool.map(self._guarded, self.cells) for y in x]
        return out

    def _guarded(self, cell):
        try:
            return self.play_cell(cell)
        except Exception as error:		# noqa: BLE001
            return ["%s: %r" % (cell, error)]

    def log_of(self, cell):
        return [x for kind in ("message", "refused") for x in self.gw.events(kind)
                if x.get("listener") == cell.name]

    def play_cell(self, cell):
        hop, port = self.hops[cell.name], self.ports[cell.name]
        hop.script = dict(cell.script)
        begun = time.monotonic()
        if cell.client:
            heard = cell.client(cell, port, hop)
        else:
            heard = attempt(cell, port, hop)
        took = time.monotonic() - begun
        log = self.log_of(cell) if heard == "5" else []
        ledger = Ledger(cell, heard, hop, log)
        out = ledger.problems()
        if took > SLOW:
            out.append("%s: slow: %.0f s, until a timer ran out" % (cell, took))
        # What it still had to read was the first try's.
        hop.cut_all(False)
        wait_until(lambda: all(s.closed for s in list(hop.sessions)), 10)
        hop.script, cell.is_paused = {}, False
        if heard not in ("2", "5") and cell.where is None:
            out += self.retry(cell, port, hop, ledger, heard)
        return out

    def retry(self, cell, port, hop, before, heard):
        """As an honest client would, until it is through; then the count again."""
        def again():
            return attempt(cell, port, hop) == "2"
        if not wait_until(again, 40, 0.2):
            return ["%s: never delivered by retries (%s)" % (cell, cell.reply)]
        n = len(hop.messages)
        most = 1 + ("1" in cell.may_commit and (
            heard == GONE or not before.is_acknowledged or "4" in cell.want))
        if not 1 <= n <= most:
            return ["%s: F: %d committed after the retry, want 1 to %d" % (cell, n, most)]
        return []


def run(pki, cells, limits=None, threads=24):
    with World(pki, cells, limits) as world:
        wrong = world.play(threads)
    assert not wrong, "%d of %d:\n%s" % (len(wrong), len(cells), "\n".join(wrong))
