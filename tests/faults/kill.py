#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""SIGKILL of a worker at its k-th system call, for k = 1 until a session comes through
untouched; the ledger's rules are judged for each k, then an honest client tries again.

    tests/faults/kill.py [--session NAME]... [--step N] [--rounds N] [--jobs N]

XOORG_BUILD names the build folder; fault-killer in it does the killing, as root.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
for folder in ("e2e", "pki"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))

from gateway import BUILD, Gateway, base_config	# noqa: E402
from hop import CAPS, Hop			# noqa: E402
from ledger import Cell, Ledger, attempt	# noqa: E402
from net import server_context, wait_until	# noqa: E402
from pki import Pki				# noqa: E402

# How a message comes; all of them leave by TLS but the first.
SESSIONS = {
    "plain": {},
    "xoorg": {"front": "xoorg", "back": "tls"},
    "bdat": {"via": "BDAT", "back": "tls"},
}
KILLER = os.path.join(BUILD, "tests", "faults", "fault-killer")
STEPS_MAX = 5000			# nobody needs so many
RESTART_MAX = 20.0			# seconds; a machine may be busy


def can_trace():
    """Whether one process may stop another here that is not its child."""
    victim = subprocess.Popen(["sleep", "60"])
    try:
        return subprocess.run([KILLER, str(victim.pid), "1"], capture_output=True,
                              timeout=30).returncode == 0
    finally:
        victim.kill()
        victim.wait()


def read(path):
    try:
        with open(path) as f:
            return f.read()
    except OSError:
        return ""


class Bench:
    """One gateway with one worker, and a next hop: a place where k is tried."""

    def __init__(self, pki, kind):
        how = SESSIONS[kind]
        self.pki, self.kind = pki, kind
        caps = CAPS if how.get("via") else tuple(x for x in CAPS if x != "CHUNKING")
        is_tls = how.get("back") == "tls"
        self.hop = Hop(caps=caps, tls=server_context(pki.exchange) if is_tls else None)
        config = base_config(pki, self.hop, self.hop)
        for upstream in config["upstreams"].values():
            upstream["max_idle"] = 0		# each try opens its own
            if is_tls:
                upstream.update(tls="verify", tls_name="mail.contoso.test", trust=pki.ca)
        self.gw = Gateway(config)
        self.gw.crashes_allowed = 1

    def worker(self):
        """The one worker, when it has begun to wait for clients."""
        def is_waiting():
            pids = self.gw.workers()
            return len(pids) == 1 and "epoll" in read("/proc/%d/wchan" % pids[0]) and pids
        pids = wait_until(is_waiting, RESTART_MAX)
        assert pids, "no worker"
        return pids[0]

    def attach(self, pid, k):
        tracer = subprocess.Popen([KILLER, str(pid), str(k)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, text=True)
        assert tracer.stdout.readline() == "attached\n"
        return tracer

    def try_at(self, k, name):
        """(problems, was it killed?, seconds until it answered again)."""
        cell = Cell(name, "24", "01", **SESSIONS[self.kind])
        cell.pki = self.pki
        self.hop.clear()
        victim = self.worker()
        tracer = self.attach(victim, k)
        port = self.gw.port()
        try:
            heard = attempt(cell, port, self.hop)
            # The worker may have more to do than its client sees.
            wait_until(lambda: tracer.poll() is not None, 10.0 if heard != "2" else 0.3)
            was_killed = tracer.poll() == 0
        finally:
            if tracer.poll() is None:
                tracer.terminate()
            tracer.wait()
            tracer.stdout.close()
        begun = time.monotonic()
        out = Ledger(cell, heard, self.hop, []).problems()
        if not was_killed:
            if heard != "2":
                out.append("%s: %s without a kill (%s)" % (cell, heard, cell.reply))
            return out, False, None
        out += self.again(cell, victim, heard)
        return out, True, time.monotonic() - begun

    def again(self, cell, victim, heard):
        def is_through():
            return attempt(cell, self.gw.port(), self.hop) == "2"
        if heard != "2" and not wait_until(is_through, RESTART_MAX, 0.05):
            return ["%s: never delivered afterwards" % cell]
        if not wait_until(lambda: self.gw.workers() and victim not in self.gw.workers(),
                          RESTART_MAX):
            return ["%s: no new worker" % cell]
        n = len(self.hop.messages)
        if not 1 <= n <= 1 + (heard != "2"):
            return ["%s: F: %d committed in the end" % (cell, n)]
        return []

    def close(self):
        try:
            self.gw.check()
            self.gw.stop()
        finally:
            self.gw.kill()
            self.gw.remove()
            self.hop.stop()


class Search:
    """All k of one kind of session, several places at it."""

    def __init__(self, pki, kind, step, rounds, jobs):
        self.pki, self.kind = pki, kind
        self.step, self.rounds = step, rounds
        self.jobs = jobs
        self.lock = threading.Lock()
        self.problems, self.waits = [], []
        self.tried = self.killed = self.last = 0

    def run(self):
        for number in range(self.rounds):
            # Another round starts elsewhere, so that steps meet all in the end.
            self.next_k = 1 + number % self.step
            self.is_over = False
            threads = [threading.Thread(target=self.work) for _ in range(self.jobs)]
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        return self

    def take(self):
        with self.lock:
            if self.is_over or self.next_k > STEPS_MAX:
                return None
            k, self.next_k = self.next_k, self.next_k + self.step
            self.tried += 1
            return k, "%s-%d-%d" % (self.kind, k, self.tried)

    def work(self):
        bench = None
        try:
            bench = Bench(self.pki, self.kind)
            job = self.take()
            while job:
                self.note(job[0], *bench.try_at(*job))
                job = self.take()
            bench.close()
        except Exception as error:		# noqa: BLE001
            with self.lock:
                self.problems.append("%s: %r" % (self.kind, error))
                self.is_over = True
            if bench:
                bench.gw.kill()

    def note(self, k, problems, was_killed, wait):
        with self.lock:
            self.problems += problems
            if not was_killed:
                self.is_over = True
                return
            self.killed += 1
            self.last = max(self.last, k)
            self.waits.append(wait)

    def report(self):
        return "%-6s %4d kills, the last at system call %d; a new worker has delivered " \
            "after %.2f s (median), %.2f s (worst); %d violations" % (
                self.kind, self.killed, self.last, statistics.median(self.waits or [0]),
                max(self.waits or [0]), len(self.problems))


def search(kinds, step=1, rounds=1, jobs=8, say=print):
    """What was found wrong, a line each."""
    out = []
    with tempfile.TemporaryDirectory(prefix="xoorg-kill-") as folder:
        pki = Pki(folder)
        for kind in kinds:
            one = Search(pki, kind, step, rounds, jobs).run()
            say("  " + one.report())
            out += one.problems
            if one.killed == 0:
                out.append("%s: nothing was killed" % kind)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--session", action="append", choices=list(SESSIONS))
    parser.add_argument("--step", type=int, default=1, help="each how manieth system call")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=8, help="gateways at a time")
    args = parser.parse_args()
    if not can_trace():
        print("one process may not trace another here: nothing was shown")
        return 1
    problems = search(args.session or list(SESSIONS), args.step, args.rounds, args.jobs)
    for line in problems:
        print("VIOLATION: %s" % line)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
