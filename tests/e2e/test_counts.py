# SPDX-License-Identifier: ISC
"""What a message costs, in system calls. Counts only: they are the same on a busy
machine as on a quiet one, which no time is (bench/ measures those)."""
import re
import shutil
import signal
import subprocess
import time

import pytest

from harness import Smtp, base_config

MESSAGES = 40
BODY = b"Subject: counted\r\nMessage-ID: <c@e2e.example>\r\n\r\n" + b"x" * 70 + b"\r\n"
LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")

# What a worker needs for a message and nothing else: no timers, no options, no
# registrations on the way.
NEEDED = {"recvfrom", "recvmsg", "read", "sendmsg", "sendto", "write", "writev",
          "epoll_wait", "epoll_pwait", "epoll_pwait2"}
# A sanitizer's allocator, and the look for lost peers once a second.
TOLERATED = {"mmap", "munmap", "madvise", "poll"}


class Counter:
    """strace -c on a process; .calls: {name: calls}."""

    def __init__(self, pid, out):
        self.out = str(out)
        if not shutil.which("strace"):
            pytest.skip("no strace")
        self.strace = subprocess.Popen(["strace", "-f", "-c", "-o", self.out, "-p", str(pid)],
                                       stderr=subprocess.PIPE, text=True)
        first = self.strace.stderr.readline()
        if "attached" not in first:
            self.strace.wait(10)
            pytest.skip("strace is not permitted: %s" % first.strip())

    def stop(self):
        self.strace.send_signal(signal.SIGINT)
        self.strace.wait(10)
        self.strace.stderr.close()
        calls = {}
        with open(self.out) as f:
            for line in f:
                match = LINE.match(line)
                if match and match.group(2) != "total":
                    calls[match.group(2)] = int(match.group(1))
        return calls


# id, capabilities of the next hop, most calls a message
HOPS = [
    pytest.param(None, 30, id="chunking"),
    pytest.param(("PIPELINING", "8BITMIME"), 34, id="data"),
]


@pytest.mark.parametrize("caps, most", HOPS)
def test_calls_a_message(pki, gateway, hop, tmp_path, caps, most):
    next_hop = hop(**({"caps": caps} if caps else {}))
    gw = gateway(base_config(pki, next_hop, **{
        "peers__local-mta__networks": ["127.0.0.0/8"],
        "listeners__in__peers": ["local-mta"],
        "listeners__in__unauthenticated": "accept",
        "log": str(tmp_path / "log")}))
    worker, = gw.workers()
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(BODY)			# the next hop's connection is open
        counter = Counter(worker, tmp_path / "calls")
        began = time.monotonic()
        try:
            for _ in range(MESSAGES):
                c.deliver(BODY)
        finally:
            seconds = time.monotonic() - began
            calls = counter.stop()
    total = sum(calls.values()) / MESSAGES
    assert total <= most, "%.1f calls a message: %s" % (total, calls)
    # A timer or the worker's tick may come in between.
    odd = {name: n for name, n in calls.items()
           if name not in NEEDED | TOLERATED and n > 2 + 3 * seconds + MESSAGES / 10}
    assert not odd, "calls that no message needs: %s of %s" % (odd, calls)
