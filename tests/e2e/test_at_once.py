# SPDX-License-Identifier: ISC
"""Answers that come at once: connect(), socket() and lookups that fail or succeed
before they return, wherever a next hop is sought. What is told from within the call
that asked for it ends sessions under the feet of who asks."""
import errno
import mmap
import os
import signal
import struct
import time

import pytest

from harness import BUILD, CAPS, Smtp, base_config, rows, simple, stuff, \
    wait_until
from dns import Dns
from net import set_reset_on_close

NET = os.path.join(BUILD, "tests", "faults", "fault-net.so")
SUCCEED = -1
PLACES = ("connect", "socket", "datagrams", "full", "n")


class Orders:
    """What the preloaded network is told; see tests/faults/net.c."""

    def __init__(self, path):
        self.path = str(path)
        with open(self.path, "wb") as f:
            f.write(bytes(4096))
        os.chmod(self.path, 0o666)
        with open(self.path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 4096)

    def env(self):
        # Freed memory is overwritten, so that whoever still looks at it falls.
        return {"LD_PRELOAD": NET, "NET_ORDERS": self.path, "MALLOC_PERTURB_": "165",
                "ASAN_OPTIONS": "detect_leaks=0:verify_asan_link_order=0"}

    def give(self, **orders):
        """From now on; without any: all as ever."""
        for place in PLACES[:-1]:
            at = 8 * PLACES.index(place)
            self.map[at:at + 8] = struct.pack("q", orders.get(place, 0))

    def n(self):
        at = 8 * PLACES.index("n")
        return struct.unpack("q", self.map[at:at + 8])[0]


@pytest.fixture
def orders(tmp_path):
    return Orders(tmp_path / "orders")


# How a next hop is found, and what is ordered while it is sought.
MANNERS = rows(
    ("unreachable", {"connect": errno.ENETUNREACH}),
    ("refused", {"connect": errno.ECONNREFUSED}),
    ("no-socket", {"socket": errno.EMFILE}),
    ("no-lookup", {"socket": errno.EMFILE, "datagrams": errno.EMFILE}),
    ("succeeds", {"connect": SUCCEED}),
)
LIMITS = {"connect_timeout": 2, "greeting_timeout": 2, "mail_timeout": 3,
          "data_timeout": 1, "final_timeout": 2, "handshake_timeout": 2}
# A file answers at once, a server later.
WAYS = ("address", "hosts-file", "dns", "two")


class Place:
    """A gateway and its next hop, under orders."""

    def __init__(self, gateway, pki, hop, orders, way, **changes):
        self.orders, self.hop = orders, hop(caps=CAPS)
        port = self.hop.port
        self.dns = Dns({("hop.example", "A"): ["127.0.0.1"]}, ttl=0)
        host = {"address": "127.0.0.1", "two": "127.0.0.1", "hosts-file": "localhost",
                "dns": "hop.example"}[way]
        config = base_config(pki, hop(), self.hop, limits=dict(LIMITS),
                             resolver=self.dns.address, drain_timeout=2, **changes)
        config["upstreams"]["inbound"]["hosts"] = ["%s:%d" % (host, port)] + (
            ["127.0.0.2:%d" % port] if way == "two" else [])
        self.gw = gateway(config, env=orders.env())

    def client(self):
        c = Smtp(self.gw.port())
        c.ehlo()
        return c

    def send(self):
        """True: delivered; else the client was told to come again."""
        n = len(self.hop.messages)
        with self.client() as c:
            for line in ("MAIL FROM:<a@b.example>", "RCPT TO:<r@contoso.com>", "DATA"):
                got = c.cmd(line)
                if got.cls not in (2, 3):
                    break
            else:
                c.send(stuff(simple()) + b".\r\n")
                got = c.reply()
        assert got.cls in (2, 4), got
        assert (got.cls == 2) == (len(self.hop.messages) == n + 1)
        return got.cls == 2

    def stall(self, **order):
        """A client whose message is on a kept connection that takes nothing, and who
        says so much that its own end is not seen behind it."""
        assert self.send()
        self.orders.give(full=self.hop.port, **order)
        c = self.client()
        c.send(ENVELOPE + b"DATA\r\n" + b"NOOP\r\n" * 40000)
        assert c.reply().cls == 2		# MAIL's
        return c

    def recovers(self):
        """With all as ever mail flows again, by the same workers."""
        self.orders.give()
        assert wait_until(self.send, 40, 0.2)
        self.gw.check()

    def sessions(self):
        return len([x for x in self.gw.events("session") if x["helo"]])


ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<r@contoso.com>\r\n"


@pytest.fixture
def place(gateway, pki, hop, orders):
    made = []

    def make(way, **changes):
        made.append(Place(gateway, pki, hop, orders, way, **changes))
        return made[-1]
    yield make
    orders.give()
    for one in made:
        one.dns.stop()


def leave(c, how):
    if how == "rst":
        set_reset_on_close(c.wire.sock)
    c.wire.close()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("id, order", MANNERS)
def test_fresh(place, id, order, way):
    """Nothing is kept: EHLO's question and the message's search are answered at once."""
    p = place(way, upstreams__inbound__max_idle=0)
    p.orders.give(**order)
    assert [p.send() for _ in range(3)] == [id == "succeeds"] * 3
    assert p.orders.n() > 0
    p.recovers()


@pytest.mark.parametrize("end", ("waits", "fin", "rst"))
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("id, order", MANNERS)
def test_kept_stalls(place, id, order, way, end):
    """What is kept takes nothing more: the search for another begins from a timer, and
    is over at once; the client may have gone."""
    p = place(way)
    c = p.stall(**order)
    if end == "waits":
        assert c.reply(20).cls == 4
    leave(c, end)
    assert wait_until(lambda: p.sessions() == 2, 20)
    assert p.orders.n() > 1, p.gw.log()
    p.recovers()


@pytest.mark.parametrize("end", ("fin", "rst"))
@pytest.mark.parametrize("id, order", MANNERS)
def test_clients_go(place, id, order, end):
    """Many, each at another moment."""
    p = place("address", upstreams__inbound__max_idle=1)
    p.orders.give(**order)
    said = b"EHLO gone.example\r\n" + ENVELOPE + b"DATA\r\n"
    for i in range(24):
        c = Smtp(p.gw.port())
        c.send(said[:len(said) * (i % 8 + 1) // 8])
        time.sleep(i // 8 * 0.01)
        leave(c, end)
    p.gw.check()
    p.recovers()


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGHUP), ids=("drain", "reload"))
@pytest.mark.parametrize("end", ("waits", "fin", "rst"))
@pytest.mark.parametrize("id, order", MANNERS)
def test_ends_meanwhile(place, id, order, end, number):
    """The worker is told to end while a message is on a connection that stalls."""
    p = place("address")
    p.gw.crashes_allowed = 1
    c = p.stall(**order)
    p.gw.signal(number)
    if end == "waits":
        assert c.last_words(20)[0].cls == 4
    leave(c, end)
    if number == signal.SIGTERM:
        p.gw.process.wait(20)
        p.gw.stop()
        return
    assert wait_until(lambda: p.sessions() == 2, 20), p.gw.log()
    p.recovers()


@pytest.mark.parametrize("id, order", [x for x in MANNERS if "connect" in x.values[1]])
def test_learning(place, orders, id, order):
    """What upstreams can do is asked at the start and again at `refresh`, and those
    who wait for the answer are told of it."""
    orders.give(**order)
    p = place("two", upstreams__inbound__refresh=1)
    clients = [Smtp(p.gw.port()) for _ in range(20)]
    for c in clients:
        c.send(b"EHLO many.example\r\n")
    for c in clients[::2]:
        leave(c, "rst")
    for c in clients[1::2]:
        assert c.reply(20).code == 250
        c.send(ENVELOPE)
        assert c.reply(20).cls == 2
        assert c.reply(20).cls == (2 if id == "succeeds" else 4)
        leave(c, "fin")
    p.recovers()
