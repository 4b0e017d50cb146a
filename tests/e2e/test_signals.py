# SPDX-License-Identifier: ISC
"""SIGTERM and SIGHUP in each phase of a session, a worker that stands still, and a
master that is killed."""
import os
import signal
import time

import pytest

from harness import Closed, Do, Smtp, base_config, simple, wait_until
from ledger import Cell, Ledger

# Phase: what was said before; is there a transaction that may be finished?
PHASES = {
    "connect": False, "half": False, "hello": False, "tls": False, "hello2": False,
    "mail": True, "rcpt": True, "data": True, "content": True, "chunk": True,
    "final": True,
}


def bring_to(c, phase, cell, is_to_end=True):
    """The session as far as its phase; a chunk that will end, or one that will not."""
    order = list(PHASES)
    at = order.index(phase)
    if phase == "half":
        c.send(b"EHL")
    if at >= order.index("hello"):
        c.ehlo()
    if at >= order.index("tls"):
        c.starttls()
    if at >= order.index("hello2"):
        c.ehlo()
    if at >= order.index("mail"):
        c.mail(cell.sender)
    if at >= order.index("rcpt"):
        c.rcpt()
    if phase in ("data", "content", "final"):
        c.want("DATA", 354)
    half = len(cell.content) // 2
    if phase == "content":
        c.send(cell.content[:half])
    if phase == "chunk":
        c.send(b"BDAT %d LAST\r\n" % (len(cell.content) if is_to_end else 1000000) +
               cell.content[:half])
    if phase == "final":
        c.send(cell.content + b".\r\n")


def finish(c, phase, cell):
    """What is left of the transaction; the final reply."""
    half = len(cell.content) // 2
    if phase == "mail":
        c.rcpt()
    if phase in ("mail", "rcpt"):
        c.want("DATA", 354)
    if phase in ("mail", "rcpt", "data"):
        c.send(cell.content + b".\r\n")
    if phase in ("content", "chunk"):
        c.send(cell.content[half:] + (b".\r\n" if phase == "content" else b""))
    return c.reply()


def cell_of(phase):
    cell = Cell("s" + phase, "24", "01")
    cell.content = simple(body=b"x\r\n" * 500)
    return cell


def hear(c):
    """The last word, 4 if there is none."""
    try:
        words = c.last_words(60)
    except (Closed, OSError):
        words = []
    return words


@pytest.fixture
def started(gateway, pki, hop):
    def make(drain, script=None):
        one = hop(script=script)
        gw = gateway(base_config(pki, one, one, drain_timeout=drain))
        return gw, one
    return make


@pytest.mark.parametrize("phase", list(PHASES))
@pytest.mark.parametrize("what", ("stop", "reload"))
def test_finishes(started, pki, what, phase):
    """In the drain time all transactions finish; the rest hears 421 at once."""
    gw, one = started(60, {"final": Do.late(1.0)} if phase == "final" else None)
    cell = cell_of(phase)
    with Smtp(gw.port(), timeout=60) as c:
        bring_to(c, phase, cell)
        time.sleep(0.1)
        begin_end(gw, what)
        if PHASES[phase]:
            time.sleep(0.3)
            got = finish(c, phase, cell)
            cell.heard_at = time.monotonic()
            assert got.code == 250
            assert Ledger(cell, "2", one, []).problems() == []
            assert [x.code for x in hear(c)] == [421]
        elif phase == "tls":
            hear(c)			# the certificate may still be on its way
        else:
            assert [x.code for x in hear(c)] == [421]
    end(gw, what)
    assert len(one.messages) == PHASES[phase]


def begin_end(gw, what):
    if what == "stop":
        gw.signal(signal.SIGTERM)
        return
    old = gw.workers()
    gw.crashes_allowed = 1
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: set(gw.workers()) - set(old), 20)


def end(gw, what):
    if what == "stop":
        gw.stop(timeout=60)
        return
    with Smtp(gw.port(), timeout=60) as c:	# the new ones are there
        c.ehlo()


@pytest.mark.parametrize("phase", [x for x in PHASES if PHASES[x]])
def test_out_of_time(started, phase):
    """Not finished in the drain time: 421, and no end of data. Also one who goes on
    talking gets to read it."""
    gw, one = started(1, {"final": Do.late(4.0)} if phase == "final" else None)
    cell = cell_of(phase)
    with Smtp(gw.port(), timeout=60) as c:
        bring_to(c, phase, cell, is_to_end=False)
        time.sleep(0.1)
        gw.signal(signal.SIGTERM)
        if phase in ("content", "chunk"):
            talk_on(c)
        words = hear(c)
        assert words and words[-1].code in (421, 451), words
    gw.stop(timeout=60)
    if phase != "final":
        assert one.messages == []


def talk_on(c):
    """Octets of the content, until nobody takes them."""
    stop = time.monotonic() + 3
    try:
        while time.monotonic() < stop:
            c.send(b"x" * 20 + b"\r\n")
            time.sleep(0.005)
    except OSError:
        pass


def test_worker_stands_still(gateway, pki, hop):
    """SIGSTOP: what it had goes on afterwards, as if nothing had been."""
    one = hop()
    gw = gateway(base_config(pki, one, one))
    cell = cell_of("content")
    with Smtp(gw.port(), timeout=60) as c:
        bring_to(c, "content", cell)
        victim = gw.workers()[0]
        os.kill(victim, signal.SIGSTOP)
        c.send(cell.content[len(cell.content) // 2:] + b".\r\n")
        time.sleep(1.5)
        assert one.messages == []
        os.kill(victim, signal.SIGCONT)
        assert c.reply().code == 250
    one.wait(1)


@pytest.mark.parametrize("phase", ("content", "final"))
def test_master_killed(gateway, pki, hop, phase):
    """Its workers finish what they have, and go."""
    one = hop(script={"final": Do.late(1.0)} if phase == "final" else None)
    gw = gateway(base_config(pki, one, one, drain_timeout=20))
    cell = cell_of(phase)
    workers = gw.workers()
    with Smtp(gw.port(), timeout=60) as c:
        bring_to(c, phase, cell)
        time.sleep(0.1)
        gw.process.kill()
        gw.process.wait(5)
        time.sleep(0.2)
        assert finish(c, phase, cell).code == 250
    gone = wait_until(lambda: not any(os.path.exists("/proc/%d" % x) for x in workers), 20)
    for pid in workers:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    gw._err.close()
    gw.process = None
    assert gone and len(one.messages) == 1
