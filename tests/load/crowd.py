#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Exhaustion, in figures: a crowd of idle TLS sessions, and of slow ones in every
phase, while a healthy client goes on sending.

    tests/load/crowd.py [--sessions N] [--content N] [--seconds N] [--slow N]

XOORG_BUILD is the build folder. Prints a table; exits 1 if a promise is broken:

    an idle TLS session takes no more than 64 KiB in the gateway,
    a session in DATA takes no more than 300 KiB, whatever its message has,
    the one too many gets 421 4.3.1, and nobody else is sent away,
    a source that begins TLS too often gets 454 and no handshake, others get theirs,
    the healthy client's median latency stays under twice what it was,
    slow sessions are closed at the limits that are named, none before.
"""
import argparse
import multiprocessing
import os
import resource
import socket
import ssl
import statistics
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in ("e2e", "pki"):
    sys.path.insert(0, os.path.join(os.path.dirname(HERE), folder))
sys.dont_write_bytecode = True

from harness import Gateway, Hop, Smtp, base_config, client_context, simple	# noqa: E402
from net import children							# noqa: E402
from pki import Pki								# noqa: E402

KIB = 1024
PSS_MAX = 64 * KIB		# idle, TLS
CONTENT_MAX = 300 * KIB		# in the middle of a message
# Seconds; the named limits, scaled down. Nobody is closed before its limit, nor
# later than SLACK behind it, which leaves room for a busy machine.
LIMITS = {"command_timeout": 4, "request_timeout": 3, "handshake_timeout": 3,
          "content_timeout": 4, "data_grace": 2, "data_rate": 1000000}
SLACK = 30.0
SPARE = 10			# places that the healthy client may use, one after the other
PAUSE = 0.3			# between two octets of a slow session


class Broken(Exception):
    pass


def raise_nofile(n):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(n, soft), max(n, hard)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def pss(gw):
    """Octets of memory of all workers, shared pages by their share."""
    total = 0
    for pid in gw.workers():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(x.split()[1]) * KIB for x in f if x.startswith("Pss:"))
    return total


# one session -------------------------------------------------------------------


def read_reply(read):
    got = b""
    while True:
        more = read()
        if not more:
            raise Broken("closed after %r" % got[-100:])
        got += more
        lines = got.split(b"\r\n")
        if got.endswith(b"\r\n") and lines[-2][3:4] == b" ":
            return got


def idle_session(port, context, source):
    """A TLS session behind its second EHLO; the raw socket, which is all that the
    client keeps of it."""
    s = socket.socket()
    s.settimeout(60)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    s.bind((source, 0))
    s.connect(("127.0.0.1", port))

    def clear():
        return s.recv(4096)
    read_reply(clear)
    for line in (b"EHLO idle.example\r\n", b"STARTTLS\r\n"):
        s.sendall(line)
        read_reply(clear)
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inside, outside, server_hostname="gw.contoso.test")

    def pump(step):
        while True:
            try:
                done = step()
                s.sendall(outside.read())
                return done
            except ssl.SSLWantReadError:
                s.sendall(outside.read())
                more = s.recv(65536)
                if not more:
                    raise Broken("closed in the handshake")
                inside.write(more)
    pump(tls.do_handshake)
    tls.write(b"EHLO idle.example\r\n")
    s.sendall(outside.read())
    read_reply(lambda: pump(lambda: tls.read(4096)))
    return s


def hold(port, n, ready):
    """A process of its own: n idle sessions until the pipe says so."""
    raise_nofile(n + 100)
    context = client_context()
    held = []
    try:
        while len(held) < n:
            held.append(idle_session(port, context, "127.0.1.%d" % (1 + len(held) % 200)))
        ready.send(len(held))
        ready.recv()
        open_still = 0
        for s in held:
            s.setblocking(False)
            try:
                open_still += s.recv(1) != b""
            except BlockingIOError:
                open_still += 1
        ready.send(open_still)
    except (OSError, Broken) as error:
        ready.send("%s: after %d sessions" % (error, len(held)))


class Crowd:
    """n idle sessions, held by processes of their own."""

    def __init__(self, port, n, n_processes=2):
        self.parts = []
        for i in range(n_processes):
            ours, theirs = multiprocessing.Pipe()
            share = n // n_processes + (i < n % n_processes)
            process = multiprocessing.Process(target=hold, args=(port, share, theirs))
            process.start()
            self.parts.append((process, ours))

    def wait(self):
        got = [ours.recv() for _, ours in self.parts]
        for one in got:
            if isinstance(one, str):
                raise Broken(one)
        return sum(got)

    def leave(self):
        """How many were still open."""
        for _, ours in self.parts:
            ours.send("leave")
        n = self.wait()
        self.close()
        return n

    def close(self):
        for process, _ in self.parts:
            process.kill()
            process.join()


# the healthy client ----------------------------------------------------------------


def one_message(port):
    """From connect to the 250 of a small message, in seconds."""
    start = time.monotonic()
    with Smtp(port, timeout=60) as c:
        c.ehlo("healthy.example")
        c.deliver(simple())
    return time.monotonic() - start


def latencies(port, n):
    return sorted(one_message(port) for _ in range(n))


def describe(values):
    return "median %.2f ms, p95 %.2f ms" % (
        1000 * statistics.median(values), 1000 * values[int(len(values) * 0.95)])


def check_latency(title, before, measure, most):
    """The median under `most` times what it was; 0 is not to look. A machine that is
    busy with something else gets another chance, and a fresh look at what is usual."""
    if not most:
        measure()
        return None
    for _ in range(3):
        usual = before()
        now = measure()
        ratio = statistics.median(now) / statistics.median(usual)
        if ratio < most:
            break
    print("  %-34s %s (usual: %s), ratio %.2f" % (
        title, describe(now), describe(usual), ratio))
    if ratio >= most:
        raise Broken("%s: the healthy client's latency is %.1f times the usual" % (
            title, ratio))
    return ratio


# the parts ----------------------------------------------------------------------------


def fill_and_knock(port, n):
    """The last SPARE come in, nobody after them."""
    time.sleep(1)			# the healthy client's sessions have ended
    last = [Smtp(port, timeout=60) for _ in range(SPARE)]
    for _ in range(3):
        with Smtp(port, banner=False, timeout=60) as c:
            words = c.last_words(60)
            if not (len(words) == 1 and words[0].matches("421 4.3.1")):
                raise Broken("the one too many got %r" % words)
    for c in last:
        if not c.is_open():
            raise Broken("the last ones in were sent away")
        c.wire.close()
    print("  %-34s 421 4.3.1" % ("session %d" % (n + 1)))


def play_idle(pki, n, samples=150, most=2.0, pss_max=PSS_MAX):
    """`n` idle TLS sessions. The figures, by name."""
    raise_nofile(2 * n + 1000)
    inbound = Hop()
    config = base_config(pki, Hop(), inbound, workers=2, max_sessions=n,
                         limits__command_timeout=3600, limits__load_timeout=3600)
    gw = Gateway(config)
    quiet = Gateway(base_config(pki, Hop(), inbound, workers=2))
    crowd = None
    try:
        latencies(gw.port(), 20)
        empty = pss(gw)
        start = time.monotonic()
        crowd = Crowd(gw.port(), n - SPARE)
        held = crowd.wait()
        took = time.monotonic() - start
        full = pss(gw)
        each = (full - empty) / held
        print("  %d idle TLS sessions, opened in %.1f s" % (held, took))
        print("  %-34s %.1f KiB a session (PSS %.1f -> %.1f MiB)" % (
            "memory", each / KIB, empty / KIB / KIB, full / KIB / KIB))
        if each > pss_max:
            raise Broken("%.1f KiB a session" % (each / KIB))
        # The usual is an empty gateway's at the same time on the same machine.
        ratio = check_latency("latency beside them",
                              lambda: latencies(quiet.port(), samples),
                              lambda: latencies(gw.port(), samples), most)
        fill_and_knock(gw.port(), n)
        still = crowd.leave()
        print("  %-34s %d of %d" % ("still open at the end", still, held))
        if still != held:
            raise Broken("%d of %d idle sessions were closed" % (held - still, held))
        gw.check()
        return {"each": each, "ratio": ratio, "held": held}
    finally:
        if crowd:
            crowd.close()
        for one in (gw, quiet):
            one.kill()
            one.remove()


def cpu(gw):
    """Seconds that all processes of the gateway have used."""
    total = 0
    for pid in [gw.process.pid] + children(gw.process.pid):
        with open("/proc/%d/stat" % pid) as f:
            fields = f.read().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def knock(port, source, seconds, out):
    """A process of its own: EHLO, STARTTLS and, if let, the handshake, over and over."""
    context = client_context()
    let = refused = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with Smtp(port, source=source, timeout=60) as c:
            c.ehlo("knock.example")
            if c.cmd("STARTTLS").code == 220:
                c.tls(context=context)
                let += 1
            else:
                refused += 1
    out.put((let, refused))


def play_handshakes(pki, seconds, limit=300, n_processes=2):
    """A flood of handshakes from one source, without and with a limit: what an attempt
    costs the gateway. RSA, whose work is what the limit saves."""
    costs = {}
    for most in (0, limit):
        gw = Gateway(base_config(pki, Hop(), Hop(), workers=2, max_tls_per_minute=most,
                                 tls__default__certificate=pki.gw_rsa.cert,
                                 tls__default__key=pki.gw_rsa.key, log_rate=10))
        try:
            queue = multiprocessing.Queue()
            before, start = cpu(gw), time.monotonic()
            parts = [multiprocessing.Process(
                target=knock, args=(gw.port(), "127.0.2.1", seconds, queue))
                for _ in range(n_processes)]
            for part in parts:
                part.start()
            got = [queue.get(timeout=seconds + 60) for _ in parts]
            for part in parts:
                part.join()
            took, used = time.monotonic() - start, cpu(gw) - before
            let, refused = sum(x[0] for x in got), sum(x[1] for x in got)
            costs[most] = used / (let + refused)
            print("  %-34s %d attempts/s, %d handshakes, %d times 454, %.2f ms CPU each" % (
                "limit %d a minute" % most if most else "no limit",
                (let + refused) / took, let, refused, 1000 * costs[most]))
            with Smtp(gw.port(), timeout=60) as c:	# another source
                c.hello()
            # A minute may end in between: twice the limit.
            if most and not (most <= let <= 2 * most and refused > 0):
                raise Broken("%d handshakes at a limit of %d" % (let, most))
            gw.check()
        finally:
            gw.kill()
            gw.remove()
    return costs


class FullHop:
    """A next hop, by DATA only, that takes no octet of content."""

    def __init__(self):
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(1000)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            self.held.append(peer)
            threading.Thread(target=self._talk, args=(peer,), daemon=True).start()

    @staticmethod
    def _talk(peer):
        got = b""
        try:
            peer.sendall(b"220 full.example ESMTP\r\n")
            while b"DATA\r\n" not in got:
                more = peer.recv(1)
                if not more:
                    return
                got += more
                if got.endswith(b"\r\n") and b"DATA" not in got:
                    peer.sendall(b"250 ok\r\n")
            peer.sendall(b"354 go\r\n")
        except OSError:
            pass

    def stop(self):
        # Not close(): the thread still waits in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.held:
            peer.close()


def send_all_it_takes(c, octets=40 << 20):
    """Content until nothing more is taken; how much was."""
    block = (b"a" * 998 + b"\r\n") * 64
    c.wire.sock.settimeout(2)
    sent = 0
    try:
        while sent < octets:
            sent += c.wire.sock.send(block)
    except (TimeoutError, OSError):
        pass
    return sent


def play_content(pki, n, each_max=CONTENT_MAX):
    """`n` sessions in DATA that a next hop does not take: back-pressure, not memory."""
    hop = FullHop()
    gw = Gateway(base_config(pki, Hop(), workers=2, upstreams__full={"hosts": [hop.address]},
                             listeners__in__demote_to="full"))
    clients = []
    try:
        sent = []
        before = pss(gw)
        for _ in range(n):
            c = Smtp(gw.port(), timeout=60)
            clients.append(c)
            c.ehlo()
            c.mail()
            c.rcpt()
            c.want("DATA", 354)
            c.send(b"Subject: big\r\n\r\n")
        threads = [threading.Thread(target=lambda c=c: sent.append(
            send_all_it_takes(c))) for c in clients]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        each = (pss(gw) - before) / n
        print("  %d sessions in DATA, next hop full; each sent %.1f MiB at most" % (
            n, max(sent) / KIB / KIB))
        print("  %-34s %.1f KiB a session" % ("memory", each / KIB))
        if each > each_max:
            raise Broken("%.1f KiB a session in DATA" % (each / KIB))
        gw.check()
        return {"each": each}
    finally:
        for c in clients:
            c.wire.close()
        hop.stop()
        gw.kill()
        gw.remove()


# phase: what is said before, what drips, the limit that ends it
SLOW = {
    "banner": ("N", b"", "command_timeout"),
    "EHLO": ("N", b"EHLO " + b"a" * 200, "request_timeout"),
    "idle": ("C", b"", "command_timeout"),
    "TLS handshake": ("S", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"a" * 200,
                      "handshake_timeout"),
    "MAIL": ("C", b"MAIL FROM:<" + b"a" * 200, "request_timeout"),
    "RCPT": ("M", b"RCPT TO:<" + b"a" * 200, "request_timeout"),
    "DATA": ("D", b"a" * 200, "data_grace"),
    "DATA, silent": ("D", b"", "content_timeout"),
    "BDAT": ("K", b"a" * 200, "data_grace"),
    "after the dot": ("E", b"MAIL FROM:<" + b"a" * 200, "request_timeout"),
}


def slow_session(port, state):
    c = Smtp(port, timeout=60)
    if state != "N":
        c.ehlo()
    if state == "S":
        c.want("STARTTLS", 220)
    if state in "MDKE":
        c.mail()
    if state in "DKE":
        c.rcpt()
    if state == "D":
        c.want("DATA", 354)
        c.send(b"Subject: slow\r\n\r\n")
    elif state == "K":
        c.send(b"BDAT 1000000 LAST\r\nSubject: slow\r\n\r\n")
    elif state == "E":
        c.data(simple())
    return c


def drip(port, phase, n, out):
    """n sessions in one phase, an octet each PAUSE; how long each was let live."""
    state, octets, _ = SLOW[phase]
    live = {}
    for _ in range(n):
        c = slow_session(port, state)
        c.wire.sock.setblocking(False)
        live[c.wire.sock.fileno()] = (c, time.monotonic())
    at = 0
    lives = []
    give_up = time.monotonic() + 60
    while live and time.monotonic() < give_up:
        for key, (c, begun) in list(live.items()):
            try:
                if octets:
                    c.wire.sock.send(octets[at % len(octets):at % len(octets) + 1])
                if c.wire.sock.recv(4096):
                    continue		# the last words; then comes the end
            except BlockingIOError:
                continue
            except OSError:
                pass
            lives.append(time.monotonic() - begun)
            c.wire.close()
            del live[key]
        at += 1
        time.sleep(PAUSE)
    for c, _ in live.values():
        c.wire.close()
    out[phase] = (lives, len(live))


def play_slow(pki, n, samples=60, most=2.0):
    """`n` slow sessions in each phase at once. Lives by phase."""
    raise_nofile(4 * n * len(SLOW) + 1000)
    inbound = Hop()
    config = base_config(pki, Hop(), inbound, workers=2)
    for name, value in LIMITS.items():
        config.set("limits." + name, value)
    gw = Gateway(config)
    quiet = Gateway(base_config(pki, Hop(), inbound, workers=2))
    out = {}
    try:
        def attack():
            threads = [threading.Thread(target=drip, args=(gw.port(), x, n, out))
                       for x in SLOW]
            for t in threads:
                t.start()
            time.sleep(0.5)
            return threads

        def beside():
            threads = attack()
            got = latencies(gw.port(), samples)
            for t in threads:
                t.join()
            return got
        ratio = check_latency("latency beside %d slow sessions" % (n * len(SLOW)),
                              lambda: latencies(quiet.port(), samples), beside, most)
        for phase, (lives, left) in out.items():
            limit = LIMITS[SLOW[phase][2]]
            if left or not lives:
                raise Broken("%s: %d sessions were never closed" % (phase, left))
            print("  %-34s closed after %.1f to %.1f s (%s %d)" % (
                phase, min(lives), max(lives), SLOW[phase][2], limit))
            if min(lives) < limit - 1.1:
                raise Broken("%s: closed after %.1f s" % (phase, min(lives)))
            if max(lives) > limit + SLACK:
                raise Broken("%s: closed after %.1f s" % (phase, max(lives)))
        gw.check()
        return {"ratio": ratio, "lives": out}
    finally:
        for one in (gw, quiet):
            one.kill()
            one.remove()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sessions", type=int, default=10000)
    parser.add_argument("--content", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=5, help="of handshakes")
    parser.add_argument("--slow", type=int, default=50, help="in each phase")
    args = parser.parse_args()
    import tempfile
    with tempfile.TemporaryDirectory(prefix="xoorg-crowd-") as folder:
        pki = Pki(folder)
        try:
            print("idle:")
            play_idle(pki, args.sessions)
            print("content:")
            play_content(pki, args.content)
            print("handshakes:")
            play_handshakes(pki, args.seconds)
            print("slow:")
            play_slow(pki, args.slow)
        except Broken as error:
            print("BROKEN: %s" % error)
            return 1
    print("all promises kept")
    return 0


if __name__ == "__main__":
    sys.exit(main())
