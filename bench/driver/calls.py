# SPDX-License-Identifier: ISC
"""System calls a message, counted by strace on all processes of a relay."""
import re
import shutil
import signal
import subprocess
import tempfile
import time

from driver import proc
from driver.measure import KINDS
from driver.tools import Failed, load

LINE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$")


def _attach(pids, out):
    args = ["strace", "-f", "-c", "-o", out]
    for pid in pids:
        args += ["-p", str(pid)]
    strace = subprocess.Popen(args, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5 + 0.02 * len(pids))
    if strace.poll() is not None:
        raise Failed("strace: %s" % strace.stderr.read().strip()[-200:])
    return strace


def count(peer, leg, kind, total=None, **how):
    """(calls a message, {call: a message}); one session, its connection included."""
    if not shutil.which("strace"):
        raise Failed("no strace")
    messages, size = KINDS[kind]
    total = total or (20 if kind == "w1" else messages)
    options = dict(peer.client(leg), sessions=1, messages=messages, size=size, total=total, **how)
    pids = [p for root in peer.roots for p in proc.tree(root)]
    if not pids:
        raise Failed("no process")
    load(peer.ports[leg], **options)		# pools and children are there
    with tempfile.NamedTemporaryFile("r", prefix="calls-") as out:
        pids = [p for root in peer.roots for p in proc.tree(root)]
        strace = _attach(pids, out.name)
        try:
            got = load(peer.ports[leg], **options)
            time.sleep(0.3)
        finally:
            strace.send_signal(signal.SIGINT)
            strace.wait(10)
        calls = {}
        for line in out.read().splitlines():
            match = LINE.match(line)
            if match and match.group(2) != "total":
                calls[match.group(2)] = int(match.group(1)) / got["messages"]
    return sum(calls.values()), dict(sorted(calls.items(), key=lambda x: -x[1]))
