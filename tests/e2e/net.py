# SPDX-License-Identifier: ISC
"""Sockets for the tests: a reader with a deadline, TLS contexts, ports."""
import itertools
import os
import random
import shutil
import socket
import subprocess
import ssl
import struct
import threading
import time
import warnings

warnings.filterwarnings("ignore", category=DeprecationWarning)

TIMEOUT = 15.0		# no test waits longer for one thing


class Closed(Exception):
    """The other side closed; what came before is in .seen."""

    def __init__(self, seen=b"", why="closed"):
        super().__init__("%s after %r" % (why, seen[-200:]))
        self.seen = seen


# The gateway shares its ports with others of its user (SO_REUSEPORT), so two tests
# at a time must never draw the same: each process has ports of its own. An abstract
# name says whose they are; it is the network namespace's, as ports are.
PORTS, SHARES = 12000, 8
SHARE = 20000 // SHARES


def _claim_share():
    claim = socket.socket(socket.AF_UNIX)
    for share in range(SHARES):
        try:
            claim.bind("\0xoorg-tests-%d" % share)
            return share, claim
        except OSError:
            continue
    return random.randrange(SHARES), claim


_share, _claim = _claim_share()
# Each again only when all others of the share were given.
_ports = itertools.cycle(random.sample(range(PORTS + SHARE * _share,
                                             PORTS + SHARE * (_share + 1)), SHARE))


def free_port(kind=socket.SOCK_STREAM, host="127.0.0.1"):
    """A port outside the range that the kernel gives to clients, each once."""
    for port in itertools.islice(_ports, SHARE):
        with socket.socket(socket.AF_INET, kind) as s:
            # Connections that ended within the last minute are in nobody's way.
            if kind == socket.SOCK_STREAM:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind((host, port))
                return port
            except OSError:
                continue
    raise RuntimeError("no free port")


def wait_until(what, timeout=TIMEOUT, step=0.01):
    """Polls `what` until it is true; its value, or the last false one."""
    end = time.monotonic() + timeout
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value
        time.sleep(step)


def has_ipv6():
    """It can be switched off."""
    with socket.socket(socket.AF_INET6) as s:
        try:
            s.bind(("::1", 0))
        except OSError:
            return False
    return True


def may_execute(folder):
    """Not where it is mounted noexec."""
    name = os.path.join(folder, "true")
    shutil.copy("/bin/true", name)
    try:
        return subprocess.run([name]).returncode == 0
    except PermissionError:
        return False
    finally:
        os.unlink(name)


def stored(folder, suffix):
    """Names of what a sink has stored there, in order; not what it is still writing, under
    a name with a dot in front that is gone a moment later."""
    return sorted(x for x in os.listdir(folder) if x.endswith(suffix) and x[0] != ".")


def client_context(cert=None, *, versions=None, ciphers="DEFAULT@SECLEVEL=0", alpn=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(ciphers)
    if versions:
        context.minimum_version, context.maximum_version = versions
    if alpn:
        context.set_alpn_protocols(alpn)
    if cert:
        context.load_cert_chain(cert.cert, cert.key)
    return context


def server_context(cert, *, client_ca=None, versions=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(cert.cert, cert.key)
    if versions:
        context.minimum_version, context.maximum_version = versions
    if client_ca:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(client_ca)
    return context


def set_reset_on_close(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def fin_without_close_notify(sock):
    socket.socket.shutdown(sock, socket.SHUT_WR)


class Wire:
    """A connected socket and what was read ahead of it."""

    def __init__(self, sock, timeout=TIMEOUT):
        self.sock = sock
        self.timeout = timeout
        self.buffer = b""
        self.log = []			# (direction, bytes), for failures
        sock.settimeout(timeout)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError:
            pass

    def send(self, octets):
        if isinstance(octets, str):
            octets = octets.encode("latin-1")
        self.log.append((">", octets[:400]))
        self.sock.sendall(octets)

    def _fill(self, deadline, seen=b""):
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("nothing came after %r" % (seen + self.buffer)[-200:])
        self.sock.settimeout(left)
        try:
            more = self.sock.recv(65536)
        except (TimeoutError, socket.timeout):
            raise TimeoutError("nothing came after %r" % (seen + self.buffer)[-200:])
        except (ssl.SSLError, OSError) as error:
            raise Closed(seen + self.buffer, repr(error))
        if not more:
            raise Closed(seen + self.buffer)
        self.log.append(("<", more[:400]))
        self.buffer += more

    def line(self, timeout=None):
        """One line, its LF included."""
        deadline = time.monotonic() + (timeout or self.timeout)
        while b"\n" not in self.buffer:
            self._fill(deadline)
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    def exactly(self, n, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        while len(self.buffer) < n:
            self._fill(deadline)
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def until(self, mark, timeout=None):
        deadline = time.monotonic() + (timeout or self.timeout)
        start = 0
        while True:
            at = self.buffer.find(mark, start)
            if at >= 0:
                out = self.buffer[:at + len(mark)]
                self.buffer = self.buffer[at + len(mark):]
                return out
            start = max(0, len(self.buffer) - len(mark))
            self._fill(deadline)

    def rest(self, timeout=5.0):
        """All that comes until the other side closes; TimeoutError if it does not."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._fill(deadline)
            except Closed as end:
                self.buffer = b""
                return end.seen

    def close(self, reset=False):
        try:
            if reset:
                set_reset_on_close(self.sock)
            self.sock.close()
        except OSError:
            pass


class Door:
    """A second place of a server: what comes to 127.0.0.2 goes to its own address."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.to = (host, int(port))
        self.sock = socket.socket()
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(("127.0.0.2", int(port)))
        self.sock.listen(128)
        self.address = "127.0.0.2:%s" % port
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            one = self.sock.accept()[0]
            try:
                other = socket.create_connection(self.to, TIMEOUT)
            except OSError:
                one.close()
                continue
            other.settimeout(None)
            for pair in ((one, other), (other, one)):
                threading.Thread(target=self._pass_on, args=pair, daemon=True).start()

    @staticmethod
    def _pass_on(source, target):
        try:
            while True:
                octets = source.recv(65536)
                if not octets:
                    break
                target.sendall(octets)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            target.close()


def children(pid):
    """Pids of the living children of a process."""
    out = []
    try:
        tasks = os.listdir("/proc/%d/task" % pid)
    except OSError:
        return out
    for task in tasks:
        try:
            with open("/proc/%d/task/%s/children" % (pid, task)) as f:
                out += [int(x) for x in f.read().split()]
        except OSError:
            pass
    return [x for x in out if _is_alive(x)]


def _is_alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
