# SPDX-License-Identifier: ISC
"""The goals that no cell shows: stalls, idle connections, memory in flight."""
import statistics
import time

from driver import calls, proc
from driver.tools import Failed, Idle, MemoryWatch, load

# Where buffers and records end, and sizes of every day.
STALL_SIZES = [1, 100, 1000] + list(range(4093, 4101)) + list(range(16379, 16390)) + \
    [65536, 100 * 1000, 1000 * 1000]
STALL = 30 * 1000			# microseconds over direct's p99


def stalls(direct, ours, legs, per_size, say):
    """The worst size's share of messages that took 30 ms more than direct's p99."""
    worst = 0.0
    for leg in legs:
        for size in STALL_SIZES:
            how = dict(sessions=1, messages=per_size, size=size, total=per_size)
            base = load(direct.ports[leg], **how, **direct.client(leg))
            over = base["message_us"]["p99"] + STALL
            got = load(ours.ports[leg], over=over, **how, **ours.client(leg))
            if got["messages"] < per_size:
                raise Failed("%s, %d octets: %s" % (leg, size, got["complaint"]))
            share = got["over"] / got["messages"]
            if share:
                say("stalls: %s, %d octets: %.3f over %d us, the longest %d us" % (
                    leg, size, share, over, got["message_us"]["max"]))
            worst = max(worst, share)
    return worst


def added(direct, ours, legs, say, total=1000):
    """The most that a leg adds to p99, one session, in ms; medians of five."""
    worst = 0.0
    for leg in legs:
        how = dict(sessions=1, messages=100, size=4096, total=total)
        more = []
        for _ in range(5):
            base, got = (load(x.ports[leg], **how, **x.client(leg))["message_us"]["p99"]
                         for x in (direct, ours))
            more.append((got - base) / 1000)
        say("added to p99, %s: %s ms" % (leg, " ".join("%.2f" % x for x in more)))
        worst = max(worst, statistics.median(more))
    return worst


def idle(peer, leg, n):
    """kB of a connection that stands behind EHLO, in a process of its own: memory that
    was used before and kept would hide some of it."""
    fresh = type(peer)()
    held = None
    try:
        fresh.start(peer.env, "%s-idle-%s" % (peer.folder, leg))
        load(fresh.ports[leg], sessions=1, total=1, **fresh.client(leg))
        before = proc.pss(fresh.roots)
        held = Idle(fresh.ports[leg], n, **fresh.client(leg))
        if held.n < n * 0.99:
            raise Failed("%d of %d idle sessions" % (held.n, n))
        time.sleep(0.5)
        return (proc.pss(fresh.roots) - before) / held.n
    finally:
        if held is not None:
            held.stop()
        fresh.stop()


def in_flight(peer, sessions=20):
    """kB a session has more while messages of 10 MB pass than at rest."""
    before = proc.pss(peer.roots)
    with MemoryWatch(peer.roots, 0.02) as memory:
        load(peer.ports["plain"], sessions=sessions, messages=10, size=10 * 1000 * 1000,
             milliseconds=1500, **peer.client("plain"))
    return max(0, memory.peak - before) / sessions


def gather(by_name, x, idle_sessions, per_size, say):
    """Fills `x` in; what fails is said and stays None."""
    direct, ours = by_name["direct"], by_name["xoorgd"]
    for name, ask in (
            ("in_flight", lambda: in_flight(ours)),
            ("stalls", lambda: stalls(direct, ours, ("plain", "both"), per_size, say)),
            ("added", lambda: added(direct, ours, ("plain", "in", "out", "both"), say)),
            ("idle_plain", lambda: idle(ours, "plain", idle_sessions)),
            ("idle_tls", lambda: idle(ours, "in", idle_sessions)),
            ("calls", lambda: calls.count(ours, "plain", "w2")[0])):
        try:
            setattr(x, name, ask())
            say("%s: %.3f" % (name, getattr(x, name)))
        except Failed as error:
            say("%s: %s" % (name, error))
