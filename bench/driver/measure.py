# SPDX-License-Identifier: ISC
"""One measurement: a relay, a leg, a cell; and the run of all of them in turn."""
import collections
import statistics
import time

from driver import proc
from driver.tools import Failed, MemoryWatch, load

# Messages a connection and their size.
KINDS = {"w1": (1, 4096), "w2": (100, 4096), "w3": (100, 100 * 1000),
         "w4": (10, 10 * 1000 * 1000)}
SHORTEST_TLS = 600		# ms


class Cell(collections.namedtuple("Cell", "leg kind sessions pipelined")):
    """What the load does: `plain w2 c20`."""

    def __new__(cls, leg, kind, sessions, pipelined=False):
        return super().__new__(cls, leg, kind, sessions, pipelined)

    def __str__(self):
        return "%s %sc%d%s" % (self.leg, self.kind, self.sessions,
                               " pipelined" if self.pipelined else "")


class Sample(collections.namedtuple(
        "Sample", "rate cpu p50 p99 connection_p99 pss handshakes failed messages")):
    """Messages a second; CPU seconds per 1,000 messages; microseconds; kB; full
    handshakes at the sink a message."""


def settle(peer, sink, want, limit=60.0):
    """Until the sink has all that a queue has accepted."""
    end = time.monotonic() + limit
    while time.monotonic() < end:
        if sink.counts()["messages"] >= want:
            return
        time.sleep(0.02)
    raise Failed("%s kept messages for %d s" % (peer.name, limit))


def measure(peer, cell, ms):
    env = peer.env
    sink = env.late if cell.leg == "late" else env.sink
    messages, size = KINDS[cell.kind]
    before, cpu = sink.counts(), proc.cpu(peer.roots)
    began = time.monotonic()
    # Twenty handshakes at once may take all of a short time.
    ms = max(ms, SHORTEST_TLS) if cell.leg in ("in", "out", "both") else ms
    with MemoryWatch(peer.roots) as memory:
        got = load(peer.ports[cell.leg], sessions=cell.sessions, messages=messages, size=size,
                   milliseconds=ms, pipelined=cell.pipelined, **peer.client(cell.leg))
        done = got["messages"]
        if peer.has_queue:
            settle(peer, sink, before["messages"] + done)
            got["seconds"] = time.monotonic() - began
    cpu = proc.cpu(peer.roots) - cpu
    after = sink.counts()
    if done == 0:
        raise Failed("no message came through: %s" % got["complaint"])
    if got["failed"] > done / 100:
        raise Failed("%d of %d sessions failed: %s" % (
            got["failed"], got["connections"], got["complaint"]))
    full = after["handshakes"] - before["handshakes"] - after["resumed"] + before["resumed"]
    return Sample(done / got["seconds"], cpu * 1000 / done, got["message_us"]["p50"],
                  got["message_us"]["p99"], got["connection_us"]["p99"], memory.peak,
                  full / done, got["failed"], done)


class Results:
    """Samples by (relay, cell), and the medians of them."""

    def __init__(self):
        self.samples = collections.defaultdict(list)
        self.skipped = collections.OrderedDict()

    def add(self, name, cell, sample):
        self.samples[name, cell].append(sample)

    def has(self, name, cell):
        return bool(self.samples.get((name, cell)))

    def median(self, name, cell, field):
        values = [getattr(s, field) for s in self.samples.get((name, cell), [])]
        return statistics.median(values) if values else None

    def ratios(self, name, cell, field="rate", to="direct", to_cell=None):
        """Repetition by repetition, so that what the machine does to both cancels."""
        ours = self.samples.get((name, cell), [])
        theirs = self.samples.get((to, to_cell or cell), [])
        return [getattr(a, field) / getattr(b, field) for a, b in zip(ours, theirs)
                if getattr(b, field)]

    def ratio(self, name, cell, field="rate", to="direct", to_cell=None):
        values = self.ratios(name, cell, field, to, to_cell)
        return statistics.median(values) if values else None


def run_cells(peers, cells, repetitions, ms, say, results):
    """All relays in turn, again and again: what drifts, drifts for all."""
    bad = set()
    for turn in range(repetitions):
        for cell in cells:
            for peer in peers:
                if cell.leg not in peer.ports or (peer.name, cell) in bad:
                    continue
                try:
                    if turn == 0:		# warm: pools, caches, children
                        measure(peer, cell, min(ms // 3, 300))
                    sample = measure(peer, cell, ms)
                except Failed as error:
                    bad.add((peer.name, cell))
                    results.skipped[peer.name, str(cell)] = str(error)
                    say("%s, %s: %s" % (peer.name, cell, error))
                    continue
                results.add(peer.name, cell, sample)
                say("%d/%d %-22s %-14s %8.0f msg/s %7.3f s CPU p50 %6d us" % (
                    turn + 1, repetitions, cell, peer.name, sample.rate, sample.cpu,
                    sample.p50))
