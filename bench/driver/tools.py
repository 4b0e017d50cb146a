# SPDX-License-Identifier: ISC
"""The programs of the benchmark, as processes: load, sink, pump."""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time

from driver import proc

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XOORG_BENCH_BUILD") or os.path.join(REPO, "build-bench")
CACHE = os.path.join(os.environ.get("XOORG_CACHE") or os.path.join(REPO, "build-cache"),
                     "bench")


DOC = os.path.join(REPO, "doc", "performance.md")


class Failed(Exception):
    """A measurement that could not be had, and why."""


def build():
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        subprocess.run(["meson", "setup", BUILD, REPO, "--buildtype=release", "-Dbench=true"],
                       check=True, stdout=sys.stderr)
    subprocess.run(["ninja", "-C", BUILD], check=True, stdout=sys.stderr)


def certificates(folder):
    """RSA-2048 for all, as it is met most."""
    import pki
    made = pki.Pki(folder)
    out = {"ca": made.ca, "client_name": pki.EXO, "server_name": pki.EXCHANGE}
    for who, name in (("client", pki.EXO), ("gateway", pki.GATEWAY), ("server", pki.EXCHANGE)):
        out[who] = made.make(who, name, key="rsa2048")
        os.chmod(out[who].key, 0o644)		# of relays that are not root; thrown away
    return out


def write_doc(command, text):
    """Between the marks of this command in doc/performance.md."""
    begin, end = "<!-- measured: %s -->" % command, "<!-- end of measured -->"
    with open(DOC) as f:
        old = f.read()
    if begin not in old:
        raise Failed("%s: expected a line %s" % (DOC, begin))
    head, _, rest = old.partition(begin)
    _, _, tail = rest.partition(end)
    with open(DOC, "w") as out:
        out.write("%s%s\n\n%s\n\n%s%s" % (head, begin, text, end, tail))


def measured(command):
    """What stands there."""
    with open(DOC) as f:
        _, _, rest = f.read().partition("<!-- measured: %s -->" % command)
    return rest.partition("<!-- end of measured -->")[0]


def program(name):
    return os.path.join(BUILD, "bench", "bench-" + name)


def free_ports(n):
    held = [socket.socket() for _ in range(n)]
    for s in held:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def wait_port(port, seconds, process=None, greeting=True):
    """Until something listens there (and greets)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process is not None and process.poll() is not None:
            raise Failed("it ended with %d" % process.returncode)
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as s:
                if not greeting:
                    return
                s.settimeout(10)
                if s.recv(3) == b"220":
                    s.sendall(b"QUIT\r\n")
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise Failed("nobody answers on port %d" % port)


def end_tree(process):
    """SIGTERM to the root of a tree of ours, then SIGKILL to what is left of it."""
    if process is None:
        return
    pids = proc.tree(process.pid)
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(3)
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass


class Sink:
    def __init__(self, pki, late_ms=0, chunking=True, pipelining=True):
        self.port, self.tls_port = free_ports(2)
        args = [program("sink"), "--listen", "127.0.0.1:%d" % self.port,
                "--listen-tls", "127.0.0.1:%d" % self.tls_port,
                "--cert", pki["server"].cert, "--key", pki["server"].key,
                "--ca", pki["ca"], "--delay", str(late_ms)]
        args += [] if chunking else ["--no-chunking"]
        args += [] if pipelining else ["--no-pipelining"]
        self.process = subprocess.Popen(args, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise Failed("the sink does not start")

    def counts(self):
        self.process.send_signal(signal.SIGUSR1)
        return json.loads(self.process.stdout.readline())

    def stop(self):
        end_tree(self.process)


def load(port, limit=120.0, **options):
    """Runs the load; its report. Options are those of the program."""
    args = [program("load"), "--connect", "127.0.0.1:%d" % port]
    for name, value in options.items():
        if value is None or value is False:
            continue
        args.append("--" + name.replace("_", "-"))
        if value is not True:
            args.append(str(value))
    try:
        done = subprocess.run(args, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise Failed("the load did not end within %d s" % limit) from None
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failed("the load says: %s" % (done.stderr.strip() or done.returncode)) from None


class Idle:
    """Sessions that are held open."""

    def __init__(self, port, n, limit=120.0, **options):
        args = [program("load"), "--connect", "127.0.0.1:%d" % port, "--idle",
                "--sessions", str(n)]
        for name, value in options.items():
            if value:
                args += ["--" + name.replace("_", "-"), str(value)]
        self.process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        self.n = int(line.split()[1]) if line.startswith("ready") else 0

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            end_tree(self.process)


class MemoryWatch:
    """The highest PSS of a tree while it works; looked at seldom: a look costs."""

    def __init__(self, roots, every=0.25):
        self.roots, self.every, self.peak = roots, every, 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.wait(self.every):
            self.peak = max(self.peak, proc.pss(self.roots))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *what):
        self._stop.set()
        self._thread.join()
