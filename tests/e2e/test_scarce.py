# SPDX-License-Identifier: ISC
"""What a gateway lives on runs out: memory, the log's reader, the disk;
and the clock jumps. The rules are ledger.py's."""
import mmap
import os
import re
import select
import struct
import time
import urllib.request

import pytest

from harness import BUILD, CAPS, Smtp, base_config, free_port, server_context, wait_until
from ledger import Cell, Ledger, attempt

SLOW = 20.0			# a busy machine's; the timers that could end it are longer

SHIM = os.path.join(BUILD, "tests", "faults", "fault-shim.so")


class Orders:
    """What the preloaded shim is told; see tests/faults/shim.c."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as f:
            f.write(bytes(4096))
        os.chmod(self.path, 0o666)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def env(self):
        return {"LD_PRELOAD": SHIM, "SHIM_ORDERS": self.path}

    def fail(self, n, fails_on=False):
        """The n-th allocation from now on; 0: none."""
        self.map[8:24] = struct.pack("qq", fails_on, 0)
        self.map[0:8] = struct.pack("q", n)

    def is_used_up(self, n):
        return struct.unpack("q", self.map[16:24])[0] >= n

    def jump(self, seconds):
        self.map[24:32] = struct.pack("q", seconds)


@pytest.fixture
def orders(tmp_path):
    if not os.path.exists(SHIM):
        pytest.skip("built with a sanitizer: no other allocator beside its own")
    return Orders(tmp_path / "orders")


# --- memory ----------------------------------------------------------------------

def config_for(pki, one, via, is_tls):
    config = base_config(pki, one, one)
    for upstream in config["upstreams"].values():
        upstream["max_idle"] = 0
        if via == "proxy":
            upstream["handover"] = "proxy-v2"
        if is_tls:
            upstream.update(tls="verify", tls_name="mail.contoso.test", trust=pki.ca)
    return config


@pytest.mark.parametrize("fails_on", (False, True), ids=("once", "for-good"))
@pytest.mark.parametrize("way", ("plain", "xoorg", "bdat", "proxy"))
def test_memory(gateway, pki, hop, orders, way, fails_on):
    """The n-th allocation of a session fails, or all from there on."""
    is_tls = way == "xoorg"
    caps = tuple(x for x in CAPS if x != "CHUNKING" or way == "bdat")
    one = hop(caps=caps, tls=server_context(pki.exchange) if is_tls else None,
              proxy=way == "proxy")
    gw = gateway(config_for(pki, one, way, is_tls), env=orders.env())
    wrong, n, tried = [], 1, 0
    while True:
        cell = Cell("m%d" % n, "24", "01", via="BDAT" if way == "bdat" else "DATA",
                    front="xoorg" if is_tls else "plain")
        cell.pki = pki
        one.clear()
        orders.fail(n, fails_on)
        begun = time.monotonic()
        heard = attempt(cell, gw.port(), one)
        if time.monotonic() - begun > SLOW:
            wrong.append("%s: %s, but not before a timer ran out" % (cell, heard))
        has_struck = orders.is_used_up(n)
        orders.fail(0)
        wrong += Ledger(cell, heard, one, []).problems()
        wrong += ["%s: %s" % (cell, s.closed) for s in one.sessions
                  if "no PROXY" in (s.closed or "")]
        tried += has_struck
        if heard != "2" and not wait_until(
                lambda: attempt(cell, gw.port(), one) == "2", 20, 0.1):
            wrong.append("%s: never delivered afterwards" % cell)
        gw.check()
        if not has_struck:
            break
        n += 1 if n < 20 else 1 + n // 12
    assert not wrong, "\n".join(wrong)
    assert tried > 5


# --- the clock -------------------------------------------------------------------

@pytest.mark.parametrize("seconds", (86400, -3600), ids=("a-day-on", "an-hour-back"))
def test_clock(gateway, pki, hop, orders, seconds):
    """Waiting sessions wait on; who is slow is told so at the usual time."""
    one = hop()
    gw = gateway(base_config(pki, one, one, limits__command_timeout=30,
                             limits__request_timeout=3), env=orders.env())
    with Smtp(gw.port()) as waits, Smtp(gw.port()) as slow:
        waits.hello(pki.exo)
        waits.mail("u@contoso.com", "XOORG=contoso.com")
        waits.rcpt()
        slow.ehlo()
        slow.send(b"NOO")
        orders.jump(seconds)
        time.sleep(0.5)
        waits.want("DATA", 354)
        waits.send(b"Subject: x\r\n\r\nx\r\n")
        begun = time.monotonic()
        words = slow.last_words(25)
        assert [x.code for x in words] == [421]
        assert 1 < time.monotonic() - begun < 25
        waits.send(b".\r\n")
        assert waits.reply().code == 250
    with Smtp(gw.port()) as c:		# a certificate is judged by today's date
        c.hello(pki.exo)
        c.deliver(b"Subject: y\r\n\r\ny\r\n", xoorg="contoso.com")
    one.wait(2)
    stamps = gw.log().split("\n")
    assert any(time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds)) in x or
               time.strftime("%Y-%m-%dT%H", time.gmtime(time.time() + seconds - 60)) in x
               for x in stamps), "the shim moved nothing"


# --- the log ---------------------------------------------------------------------

def deliver_many(gw, n, each=5):
    """n sessions; their log lines are long."""
    for i in range(n):
        with Smtp(gw.port()) as c:
            c.ehlo("c%d.example" % i)
            for j in range(each):
                c.deliver(b"Subject: %d\r\n\r\nx\r\n" % j, "s" * 60 + "%d@%s.example" % (
                    i, "e" * 60))


def drops(gw):
    where = gw.config["status"]
    with urllib.request.urlopen("http://%s/metrics" % where, timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r"^xoorg_log_dropped\w*(?:\{[^}]*\})? (\d+)", text, re.M)
    assert found, re.findall(r"^xoorg_log\S*.*", text, re.M)
    return sum(int(x) for x in found)


def with_status(pki, one, **changes):
    return base_config(pki, one, one, status="127.0.0.1:%d" % free_port(), **changes)


def fill_log(gw):
    """Mail until there is more than a pipe, sockets and buffers hold."""
    for _ in range(20):
        deliver_many(gw, 100)
        if wait_until(lambda: drops(gw) > 0, 2, 0.2):
            return
    raise AssertionError("10,000 lines fit where nobody takes them")


def test_blocked_pipe(gateway, pki, hop, tmp_path):
    """Nobody reads the log: mail flows, and what was not written is counted."""
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    one = hop()
    try:
        gw = gateway(with_status(pki, one, log=path))
        fill_log(gw)
        # and when somebody reads again, the log goes on
        while select.select([reader], [], [], 0.5)[0]:
            os.read(reader, 65536)
        deliver_many(gw, 1)
        assert wait_until(lambda: b"event=message" in read_some(reader), 10, 0.1)
    finally:
        os.close(reader)


def read_some(fd):
    try:
        return os.read(fd, 65536)
    except BlockingIOError:
        return b""


def test_reader_is_gone(gateway, pki, hop, tmp_path):
    path = str(tmp_path / "pipe")
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    one = hop()
    gw = gateway(with_status(pki, one, log=path))
    os.close(reader)
    deliver_many(gw, 3)
    one.wait(15)


def test_full_disk(gateway, pki, hop):
    one = hop()
    gw = gateway(with_status(pki, one, log="/dev/full"))
    fill_log(gw)


def test_file_size(gateway, pki, hop, tmp_path):
    """A log that may not grow: SIGXFSZ, which kills who does not expect it."""
    one = hop()
    gw = gateway(base_config(pki, one, one, log=str(tmp_path / "log")),
                 wrapper=["prlimit", "--fsize=4096"])
    deliver_many(gw, 20)
    one.wait(100)
    assert os.path.getsize(tmp_path / "log") <= 4096
