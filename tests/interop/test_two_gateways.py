# SPDX-License-Identifier: ISC
"""doc/cookbook/two-gateways.md: a real HAProxy, a real Redis with the tenants, two
gateways, and one that dies or goes in the middle of the mail."""
import os
import signal
import tempfile
import threading

import pytest

from harness import Hop, Raw, Smtp, base_config, simple, wait_until
from mta import Missing
from mta.haproxy import Haproxy
from mta.recipes import render, text_of
from mta.world import quoted, world_folder
from net import Closed, free_port
from tenant_servers import Redis

SOURCE = "127.0.0.5"
CLIENTS = 4


TENANT = {"name": "contoso", "originator_orgs": ["contoso.com"],
          "recipient_domains": ["contoso.com"]}


def settings(text):
    """`name = value` lines, comments left out."""
    return {name.strip(): Raw(value.strip()) for name, value in (
        x.split("=", 1) for x in text.splitlines() if not x.startswith("#"))}


class World:
    def __init__(self, gateway, pki, folder):
        self.pki = pki
        self.redis = Redis(tempfile.mkdtemp(dir=folder))
        self.redis.put(TENANT)
        table = settings(render(text_of("haproxy/tenants.conf"),
                                {"TABLE": quoted("redis:unix:" + self.redis.path)}))
        self.hop = Hop()
        self.gateways, values = [], {}
        for which in ("FIRST", "SECOND"):
            status = free_port()
            config = base_config(pki, self.hop)
            config.update(table)
            del config["tenants"]
            config["peers"]["balancer"] = self.peer()
            config.set("listeners.in.peers", ["exchange-online", "balancer"])
            config["status"] = "127.0.0.1:%d" % status
            self.gateways.append(gateway(config))
            values[which + "_GATEWAY"] = "127.0.0.1:%d" % self.gateways[-1].port()
            values[which + "_STATUS"] = status
        self.port = free_port()
        self.balancer = Haproxy(folder, self.port, SOURCE, **values)
        self.balancer.prepare()
        self.balancer.start()

    @staticmethod
    def peer():
        text = render(text_of("haproxy/peer.conf"), {"BALANCER_NETWORK": quoted(SOURCE)})
        return Raw(text.split("=", 1)[1].strip())

    def connect(self):
        return Smtp(self.port, source="127.0.0.9")

    def arrived(self):
        return [m.body.split()[0].decode() for m in list(self.hop.messages)
                if m.body.split()]


@pytest.fixture
def world(gateway, pki):
    with world_folder("haproxy") as folder:
        try:
            one = World(gateway, pki, folder)
        except Missing as why:
            pytest.skip("NO HAPROXY: %s" % why)
        yield one
        one.balancer.stop()
        one.redis.stop()
        one.hop.stop()


class Sender(threading.Thread):
    """Sends one message after the other, each until it is acknowledged; a stranger's
    are refused each time."""

    def __init__(self, world, name, certificate, end):
        super().__init__(daemon=True)
        self.world, self.label, self.certificate, self.end = world, name, certificate, end
        self.acknowledged, self.strange = [], []
        self.n_cut, self.told = 0, []

    def run(self):
        n = 0
        while not self.end.is_set():
            try:
                with self.world.connect() as c:
                    c.hello(self.certificate)
                    for _ in range(20):
                        if self.end.is_set():
                            return
                        self.one(c, "%s-%d" % (self.label, n))
                        n += 1
            except (Closed, OSError):
                self.n_cut += 1
                self.end.wait(0.02)
            except AssertionError as what:	# another reply than a good one
                self.told.append(str(what))

    def one(self, c, name):
        if self.certificate:
            c.deliver(simple(body=name), xoorg="contoso.com")
            self.acknowledged.append(name)
            return
        reply = c.cmd("MAIL FROM:<u@contoso.com>")
        if reply.cls == 2:
            self.strange.append(reply)


def _run(world, disturb):
    """Four clients of the tenant's and one stranger, while `disturb` happens."""
    end = threading.Event()
    tenants = [Sender(world, "own%d" % i, world.pki.exo, end) for i in range(CLIENTS)]
    stranger = Sender(world, "stranger", None, end)
    for one in tenants + [stranger]:
        one.start()

    def sent():
        return sum(len(x.acknowledged) for x in tenants)
    try:
        assert wait_until(lambda: sent() >= 40, 30)
        both = [gw.log().count("event=message") for gw in world.gateways]
        assert min(both) > 0, both			# leastconn gave mail to each
        disturb()
        before = sent()
        assert wait_until(lambda: sent() >= before + 100, 60)
    finally:
        end.set()
        for one in tenants + [stranger]:
            one.join(20)
    acknowledged = [x for one in tenants for x in one.acknowledged]
    arrived = world.arrived()
    assert set(acknowledged) - set(arrived) == set()	# nothing is lost
    assert not [x for x in arrived if not x.startswith("own")]
    assert stranger.strange == []
    told = [x for one in tenants for x in one.told]
    assert not [x for x in told if "<421 " not in x], told
    return sum(x.n_cut for x in tenants)


def test_the_client_is_known(world):
    """By its address and its certificate; the balancer has no right of its own."""
    with world.connect() as c:
        c.hello(world.pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
    with world.connect() as c:
        c.hello()
        c.mail("u@contoso.com", want="5xx")
    assert wait_until(lambda: sum(x.log().count("event=message") for x in world.gateways) >= 2)
    text = "".join(x.log() for x in world.gateways)
    assert "client=127.0.0.9" in text and "client=" + SOURCE not in text


def test_one_dies(world):
    dead = world.gateways[0]

    def die():
        dead.signal(signal.SIGSTOP)	# so that nobody has time for a 421
        for pid in dead.workers():
            os.kill(pid, signal.SIGKILL)
        dead.kill()
    assert _run(world, die) > 0


def test_redis_dies(world):
    """Whoever is remembered goes on; nobody else is taken, and nobody gets a 550."""
    def die():
        world.redis.stop()
        with world.connect() as c:
            c.hello(world.pki.exo)
            c.mail("u@fabrikam.com", "XOORG=fabrikam.com", want="451 4.3.0")
    assert _run(world, die) == 0


def test_one_drains(world):
    """A restart: no session is cut, no connection fails; 421 between two messages."""
    assert _run(world, lambda: world.gateways[0].stop(timeout=60)) == 0
