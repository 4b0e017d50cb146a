# SPDX-License-Identifier: ISC
"""The fault matrix (b), whole: every phase times every fault on either leg, in clear
and in TLS, by DATA and by BDAT. The rules are ledger.py's."""
import socket
import time

import pytest

from harness import Closed, Do, Smtp, free_port
from ledger import GONE, Cell, Ledger, run
from net import fin_without_close_notify

# Nobody is to be found slow that the machine made slow.
PATIENT = {"connect_timeout": 60, "greeting_timeout": 60, "mail_timeout": 60,
           "data_timeout": 60, "final_timeout": 60}
BRIEF = {"connect_timeout": 2, "greeting_timeout": 2, "mail_timeout": 2,
         "data_timeout": 2, "final_timeout": 2, "command_timeout": 4,
         "request_timeout": 4, "handshake_timeout": 4, "content_timeout": 4}

# --- the next hop ----------------------------------------------------------------

# What is good in a phase; {} stands for it in a fault.
GOOD = {
    "banner": b"220 hop.example ESMTP\r\n",
    "ehlo": b"250-hop.example\r\n250 STARTTLS\r\n",
    "starttls": b"220 2.0.0 go ahead\r\n",
    "ehlo2": b"250-hop.example\r\n250 SIZE 1000000\r\n",
    "mail": b"250 2.1.0 ok\r\n",
    "rcpt": b"250 2.1.5 ok\r\n",
    "data": b"354 go\r\n",
    "bdat": b"250 2.0.0 ok\r\n",
    "final": b"250 2.0.0 queued\r\n",
    "committed": b"250 2.0.0 queued\r\n",
}


def late_end(octets, how=Do.fin):
    """These octets, then the end of the connection."""
    def act(session, line):
        session.wire.sock.sendall(octets)
        return how
    act.octets = octets
    return act


FAULTS = {
    "rst": lambda good: Do.rst,
    "fin": lambda good: Do.fin,
    "stall": lambda good: Do.stall,
    "drip": lambda good: Do.drip(good, 0.005),
    "4xx": lambda good: "451 4.3.0 later",
    "5xx": lambda good: "554 5.6.0 no",
    "421": lambda good: "421 4.3.2 busy",
    "junk": lambda good: b"SSH-2.0-x\r\n",
    "bin": lambda good: b"\x00\x01\x02\xff\r\n",
    "endless": lambda good: (good[:3] + b"-x\r\n") * 100000,
    "long": lambda good: good[:3] + b" " + b"x" * 900000,
    "two": lambda good: good + good,
    "wrong": lambda good: b"354 go\r\n" if good[:1] == b"2" else b"250 ok\r\n",
    "999": lambda good: b"999 x\r\n",
    "short": lambda good: good[:2] + b"\r\n",
    "half": lambda good: late_end(good[:2]),
    "cutrst": lambda good: late_end(good[:2], Do.rst),
    "nocrlf": lambda good: late_end(good[:3] + b" text"),
    "dash": lambda good: late_end(good[:3] + b"-text\r\n"),
    "mixed": lambda good: good[:3] + b"-a\r\n451 b\r\n",
    "notext": lambda good: good[:3] + b"\r\n",
    "lf": lambda good: good.replace(b"\r\n", b"\n"),
}

# A row is a phase, a column a fault; a cell what the client may hear: 2 = 250, 4 =
# 4xx or a dropped connection, 5 = 5xx, - = there is no such case, + behind it: the
# message is committed all the same (the gap of RFC 1047), ! behind it: and told so,
# ~ behind it: it may be, by one who does not know what he said before.
GRID = """
phase     rst fin stall drip 4xx 5xx 421 junk bin endless long two wrong 999 short half cutrst nocrlf dash mixed notext lf
banner    4   4   4     2    4   4   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
ehlo      4   4   4     2    4   2   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
starttls  4   4   4     2    4   4   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
ehlo2     4   4   4     2    4   24  4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
mail      4   4   4     2    4   5   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
rcpt      4   4   4     2    4   5   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
data      4   4   4     2    4   5   4   4    4   4       4    4   4     4   4     4    4      4      4    4     2      2
bdat      4   4   4     2    4   5   4   4    4   4~      4~   4~  4     4   4~    4    4      4      4    4~    2      2
final     4   4   4     -    4   5   4   4    4   4       4    -   -     4   4     4    4      4      4    4     -      -
committed 4+  4+  4+    2!   4+  -   4+  4+   4+  4+      4+   2!  4+    4+  4+    4+   4+     4+     4+   4+    2!     2!
"""


def grid():
    head, *lines = [x.split() for x in GRID.strip().split("\n")]
    for phase, *cells in lines:
        assert len(cells) == len(FAULTS) and list(FAULTS) == head[1:]
        for fault, cell in zip(FAULTS, cells):
            if cell != "-":
                yield phase, fault, cell


# DATA in clear; BDAT to a next hop that has it; TLS on both legs.
WAYS = {"D": {}, "B": {"via": "BDAT"}, "T": {"front": "tls", "back": "tls"}}


# TLS that is demanded, and not offered: never in clear text. And by BDAT, a 250 without
# the status that was announced may be another command's.
OTHERWISE = {"ehlo-5xx-T": "4", "ehlo-notext-T": "4", "committed-notext-B": "4+"}


def is_case(phase, way):
    if phase in ("starttls", "ehlo2"):
        return way == "T"
    if way == "B":
        return phase in ("bdat", "final", "committed")
    return phase != "bdat"


def hop_cells(phase, is_stall):
    for row, fault, cell in grid():
        if row != phase or (fault == "stall") != is_stall:
            continue
        for way, how in WAYS.items():
            if is_case(phase, way):
                name = "%s-%s-%s" % (phase, fault, way)
                want = OTHERWISE.get(name, cell)
                committed = "1" if want[-1] in "+!" or "2" in want else "0"
                if want[-1] == "~" or "2" in want and "4" in want:
                    committed = "01"
                yield Cell(name, want.rstrip("+!~"), committed,
                           script={phase: FAULTS[fault](GOOD[phase])},
                           body=BODY if phase == "bdat" else None, **how)


BODY = b"x" * 70 + b"\r\n"
BODY *= 1400


@pytest.mark.parametrize("phase", list(GOOD))
def test_next_hop(pki, phase):
    run(pki, list(hop_cells(phase, False)), PATIENT)


def test_next_hop_stalls(pki):
    run(pki, [x for phase in GOOD for x in hop_cells(phase, True)] +
        [x for x in content_cells() if "stall" in x.name], BRIEF, 64)


# handshake: of octets, and of certificates that are not the next hop's

HANDSHAKE = {
    "rst": (Do.rst, "4"), "fin": (Do.fin, "4"),
    "junk": (b"hello\r\n", "4"), "zeros": (b"\0" * 4096, "4"),
    "alert": (b"\x15\x03\x03\0\x02\x02\x28", "4"),
    "half": (late_end(b"\x16\x03\x03\0\x7a\x02\0"), "4"),
    "cleartext": (b"250-hop.example\r\n250 XOORG\r\n", "4"),
}


def test_handshake(pki):
    run(pki, [Cell("handshake-%s" % x, want, script={"handshake": value}, back="tls")
              for x, (value, want) in HANDSHAKE.items()], PATIENT)


# content: the next hop acts after so many octets of it

def content_cells():
    early = {"rst": (Do.rst, "4"), "fin": (Do.fin, "4"), "stall": (Do.stall, "4"),
             "4xx": ("451 4.3.0 later", "4"), "5xx": ("554 5.6.0 no", "5"),
             "421": ("421 4.3.2 busy", "4"), "2xx": ("250 2.0.0 ok", "4"),
             "junk": (b"what\r\n", "4"), "354": ("354 more", "4"), "half": (b"25", "4"),
             "bin": (b"\0\1\2\r\n", "4")}
    for at, name in ((0, "0"), (1, "1"), (50000, "half"), (100800, "all")):
        for fault, (value, want) in early.items():
            for way, how in WAYS.items():
                n = min(at, 25000) if way == "B" else at
                # What it says to a chunk that is whole by then is an answer.
                if way == "B" and fault == "2xx":
                    continue
                # Behind the 354 at once it is nonsense, not an answer.
                if name == "0" and fault == "5xx":
                    want = "45"
                yield Cell("content%s-%s-%s" % (name, fault, way), want, "0", body=BODY,
                           script={"content": Do.after(n, value), "final": Do.fin},
                           is_paused=way != "B" and (fault == "2xx" or name == "all"), **how)


@pytest.mark.parametrize("way", list(WAYS))
def test_content(pki, way):
    run(pki, [x for x in content_cells() if x.name.endswith("-" + way) and
              "stall" not in x.name], PATIENT)


def test_connect(pki):
    """Nobody there; and somebody whose backlog is full."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(full.getsockname())
        fillers.append(s)
    try:
        run(pki, [Cell("connect-refuse", "4", where="127.0.0.1:%d" % free_port()),
                  Cell("connect-stall", "4", where="127.0.0.1:%d" % full.getsockname()[1])],
            BRIEF)
    finally:
        for s in fillers + [full]:
            s.close()


# --- the client ------------------------------------------------------------------

HELLO, MAIL, RCPT = b"EHLO %s.example\r\n", b"MAIL FROM:<%s@ledger.example>\r\n", \
    b"RCPT TO:<r@contoso.com>\r\n"


def pieces(cell):
    """What a client says until its end, as (phase, octets, replies to wait for before
    the next); BDAT announces what it will send."""
    name = cell.name.encode()
    out = [("connect", b"", 1), ("hello", HELLO % name, 1)]
    if cell.front == "tls":
        out += [("starttls", b"STARTTLS\r\n", 1), ("handshake", None, 0),
                ("hello2", HELLO % name, 1)]
    out += [("mail", MAIL % name, 1), ("rcpt", RCPT, 1)]
    content = cell.content
    half = len(content) // 2
    if cell.via == "DATA":
        content = content.replace(b"\r\n.", b"\r\n..")
        out += [("data", b"DATA\r\n", 1), ("content", content[:half], 0),
                ("content2", content[half:], 0), ("dot", b".\r\n", 1)]
    else:
        out += [("bdat", b"BDAT %d\r\n" % half, 0), ("content", content[:half], 1),
                ("bdat2", b"BDAT %d LAST\r\n" % (len(content) - half), 0),
                ("content2", content[half:], 1)]
    return out


# Where the client's end comes: in the phase, of its octets: none, half, all but one,
# all of them; and behind the replies to them.
CUTS = ("none", "half", "most", "all", "after")


def leave(c, how):
    if how == "rst":
        c.wire.close(reset=True)
    elif how == "fin":
        c.wire.close()
    elif how == "cut":
        # The end of TCP without the end of TLS.
        fin_without_close_notify(c.wire.sock)
        c.wire.close()


def hear(c):
    """What is said to one that says nothing any more."""
    try:
        words = c.last_words(60)
    except (Closed, OSError):
        return []
    return words


def cut_client(phase, cut, how):
    def play(cell, port, hop):
        c = Smtp(port, timeout=60, banner=False)
        for name, octets, n in pieces(cell):
            if name == phase and not play_cut(c, octets, n):
                break
            if name == "handshake":
                c.tls()
                got = []
                if name == phase:
                    break
                continue
            c.send(octets)
            got = c.replies(n)
            cell.heard_at = time.monotonic()
            if name == phase:
                break
        final = len(got) == 1 and got[0].code == 250 and name == last_phase(cell) \
            if cut == "after" else None
        return end(cell, c, hop, final)

    def play_cut(c, octets, n):
        """True if the piece is still to be said whole."""
        if cut == "after":
            return True
        size = len(octets or b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03")
        octets = octets or b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"
        c.send(octets[:{"none": 0, "half": size // 2, "most": size - 1, "all": size}[cut]])
        return False

    def end(cell, c, hop, final):
        heard = "2" if final else GONE
        if how == "half":
            socket.socket.shutdown(c.wire.sock, socket.SHUT_WR)
        if how in ("half", "stall"):
            words = hear(c)
            cell.heard_at = time.monotonic()
            c.wire.close()
            if not final and words:
                cell.reply = words[0]
                heard = str(words[0].cls) if words[0].cls in (4, 5) or \
                    is_whole(cell) else GONE
        else:
            leave(c, how)
        settle(hop)
        return heard

    def is_whole(cell):
        return phase == last_phase(cell) and cut == "all"
    return play


def last_phase(cell):
    return "dot" if cell.via == "DATA" else "content2"


def settle(hop):
    """Until the next hop's sessions have ended."""
    end = time.monotonic() + 40
    while time.monotonic() < end and any(s.closed is None for s in list(hop.sessions)):
        time.sleep(0.01)
    assert not any(s.closed is None for s in list(hop.sessions)), "it still waits"


def client_cells(how):
    for way, like in WAYS.items():
        if how == "cut" and way != "T":
            continue
        blank = Cell("x", "", **like)
        for phase, octets, _ in pieces(blank):
            for cut in CUTS:
                if not (octets or phase == "handshake") and cut != "after":
                    continue
                if phase == "handshake" and cut == "all":
                    continue
                yield client_cell(how, way, phase, cut, like)


def client_cell(how, way, phase, cut, like):
    cell = Cell("client-%s-%s-%s-%s" % (phase, cut, how, way), "g", "0", **like)
    is_last = phase == last_phase(cell)
    if is_last and cut == "after":
        cell.want, cell.may_commit = "2", "1"
    elif is_last and cut == "all":
        # Reset: what was under way may never have been read.
        cell.may_commit = "01" if how == "rst" else "1"
        cell.want = "2" if how in ("half", "stall") else "g"
    elif how in ("half", "stall"):
        cell.want = "4g"
    if phase == "dot" and cut == "most" and how in ("half", "stall"):
        cell.want = "4g"
    cell.client = cut_client(phase, cut, how)
    return cell


@pytest.mark.parametrize("how", ("fin", "rst", "cut", "half"))
def test_client(pki, how):
    run(pki, list(client_cells(how)), PATIENT)


def test_client_stalls(pki):
    run(pki, list(client_cells("stall")), BRIEF, 64)




# --- the judge -------------------------------------------------------------------

class _Sent:
    """A message as a next hop has it."""
    replied_at = 0.0

    def __init__(self, cell, content=None):
        self.sender = cell.sender
        self.content = content or cell.content

    def fields(self):
        head = self.content.partition(b"\r\n\r\n")[0]
        return [(k.decode(), v) for k, _, v in
                (x.partition(b":") for x in head.split(b"\r\n"))]

    @property
    def body(self):
        return self.content.partition(b"\r\n\r\n")[2]


class _Books:
    def __init__(self, *messages):
        self.messages = self.tries = messages


def test_judge():
    """A judge who finds nothing has to find what is there."""
    cell = Cell("judged", "245", "012")
    cell.heard_at = 1.0
    good = _Sent(cell)
    assert Ledger(cell, "2", _Books(good), []).problems() == []

    def broken(heard, *messages, script=None, log=()):
        cell.script = script or {}
        return {x.split(": ")[1] for x in
                Ledger(cell, heard, _Books(*messages), log).problems()}
    assert {"A", "B"} <= broken("2")
    assert "A" in broken("2", good, script={"committed": b"250-no end\r\n"})
    assert broken("5") == {"C"} and broken("5", log=[{"reason": "policy"}]) == set()
    assert "E" in broken("5", good, script={"committed": b"25"})
    assert "F" in broken("2", good, good)
    assert "G" in broken("2", _Sent(cell, cell.content[:-5]))
    good.sender = "other@ledger.example"
    assert "H" in broken("2", good)
    cell.want, good.sender = "2", cell.sender
    assert {"D", "want"} <= broken("4", good)
    cell.heard_at = -1.0
    assert "A" in broken("2", good)
