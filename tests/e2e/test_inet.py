# SPDX-License-Identifier: ISC
"""Tables at an address, and listeners where Postfix asks at one: IPv4 and IPv6, and each
way in which a server can be away. Then nobody is accepted, nobody is refused for good, and
who stands in the configuration does not wait."""
import socket
import struct
import threading
import time

import pytest

from gateway import check_config
from harness import base_config, free_port, rows
from net import has_ipv6, wait_until
from tenant_servers import Missing, Redis, Socketmap, listen_at
from test_asks import NOT_KNOWN, FABRIKAM, UNKNOWN, Postfix
from test_lookup import OWN, RECORD, STRANGE, ask

SECONDS = 1		# tenant_lookup_timeout


class Door:
    """What listens where the server should: `serve` gets each connection."""

    def __init__(self, address, serve):
        self.listening = listen_at(address)
        self.thread = threading.Thread(target=self.run, args=(serve,), daemon=True)
        self.thread.start()

    def run(self, serve):
        while True:
            try:
                s, _ = self.listening.accept()
            except OSError:
                return
            with s:
                serve(s)

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        self.thread.join(10)


class Full:
    """No connection is ever made: the queue of those to be accepted is full."""

    def __init__(self, address):
        self.listening = listen_at(address, 0)
        self.held = []
        for _ in range(8):
            s = socket.socket(self.listening.family)
            s.settimeout(0.2)
            self.held.append(s)
            try:
                s.connect(address)
            except TimeoutError:
                return
        raise AssertionError("a queue that is never full")

    def close(self):
        for s in self.held + [self.listening]:
            s.close()


class Silent:
    """Connections are made, and nothing is said on them."""

    def __init__(self, address):
        self.listening = listen_at(address)

    def close(self):
        self.listening.close()


def hang_up(_):
    pass


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def break_off(s):
    s.recv(65536)
    s.sendall(b"$20\r\n")		# no netstring either


class Nothing:
    """Refused."""

    def __init__(self, address):
        pass

    def close(self):
        pass


FAULTS = {
    "refused": Nothing, "full": Full, "silent": Silent,
    "hangs-up": lambda address: Door(address, hang_up),
    "resets": lambda address: Door(address, reset),
    "breaks-off": lambda address: Door(address, break_off),
}


class RedisAt:
    def __init__(self, folder, address):
        self.server = Redis(folder, "--bind", address[0], "--port", str(address[1]))
        self.server.put(RECORD)
        self.stop = self.server.stop


class SocketmapAt:
    def __init__(self, folder, address):
        self.server = Socketmap(folder, address)
        self.server.put(RECORD)
        self.stop = self.server.stop


# kind, behind the place, server
KINDS = {"redis": ("", RedisAt), "socketmap": (":tenants", SocketmapAt)}


def written(address):
    return ("[%s]:%d" if ":" in address[0] else "%s:%d") % address


@pytest.fixture
def world(gateway, pki, hop):
    """A gateway whose table is at `address`, and which is asked at others of that host."""
    def make(kind, address):
        config = base_config(pki, hop(), hop(), workers=1, tenant_lookup_timeout=SECONDS,
                             tenant_fresh=0, tenant_nobody_fresh=0, tenant_tables=[
                                 "%s:inet:%s%s" % (kind, written(address), KINDS[kind][0])])
        for name, protocol in (("policy", "policy"), ("maps", "socketmap")):
            config.set("listeners." + name, {"protocol": protocol, "listen": [
                written((address[0], free_port()))]})
        config.set("listeners.policy.peers", ["exchange-online"])
        gw = gateway(config)
        gw.policy, gw.maps = (config.get_path("listeners.%s.listen" % x)[0]
                              for x in ("policy", "maps"))
        return gw
    return make


def is_not_known(gw, pki, id):
    """Neither for the mail of a tenant and a stranger's, nor for Postfix."""
    for org in (OWN, STRANGE):
        start = time.monotonic()
        got = ask(gw, pki, org)
        assert got.matches("451 4.3.0"), (id, org, got)
        assert time.monotonic() - start < SECONDS + 3, (id, org)
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        assert p.ask(**FABRIKAM) == NOT_KNOWN, id
        assert p.ask(xoorg=STRANGE) == NOT_KNOWN, id
        assert m.look_up("org " + OWN) == "TEMP " + NOT_KNOWN[10:], id
        # What stands in the configuration is not asked for.
        assert p.ask() == "DUNNO" and m.look_up("org contoso.com") == "OK contoso", id
    assert ask(gw, pki, "contoso.com").code == 250, id


def is_known(gw, pki):
    assert wait_until(lambda: ask(gw, pki, OWN).code == 250, 15, 0.2)
    assert ask(gw, pki, STRANGE).matches("550 5.7.1")
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        assert p.ask(**FABRIKAM) == "DUNNO"
        assert p.ask(xoorg=STRANGE) == UNKNOWN
        assert m.look_up("org " + OWN) == "OK fabrikam"
        assert m.look_up("org " + STRANGE) == "NOTFOUND "


@pytest.mark.parametrize("id, kind, host", rows(
    ("redis-4", "redis", "127.0.0.1"), ("redis-6", "redis", "::1"),
    ("socketmap-4", "socketmap", "127.0.0.1"), ("socketmap-6", "socketmap", "::1")))
def test_server_at_address(world, pki, tmp_path, id, kind, host):
    if ":" in host and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    address = host, free_port()
    folder = tmp_path / "server"
    folder.mkdir()
    gw = world(kind, address)
    for name, fault in FAULTS.items():
        place = fault(address)
        try:
            is_not_known(gw, pki, name)
        finally:
            place.close()
    try:
        server = KINDS[kind][1](folder, address)
    except Missing as e:
        pytest.skip("NO redis-server: %s" % e)
    try:
        is_known(gw, pki)
        server.stop()
        is_not_known(gw, pki, "gone")
        server = KINDS[kind][1](folder, address)
        is_known(gw, pki)
    finally:
        server.stop()
    assert gw.workers() == gw.first_workers


def test_nobody_waits_along(world, pki):
    """While one waits for a connection that is never made, others go on."""
    address = "127.0.0.1", free_port()
    gw = world("socketmap", address)
    full = Full(address)
    got = []
    waits = threading.Thread(target=lambda: got.append(ask(gw, pki, OWN)))
    try:
        waits.start()
        start = time.monotonic()
        while waits.is_alive():
            assert ask(gw, pki, "contoso.com").code == 250
            with Postfix(gw.policy) as p:
                assert p.ask() == "DUNNO"
            if not got and time.monotonic() - start > SECONDS + 10:
                break
        waits.join(10)
    finally:
        full.close()
    assert got and got[0].matches("451 4.3.0")


@pytest.mark.parametrize("id, place, want", rows(
    ("name", "localhost:6379", "an IP address behind inet:, since no name is looked up"),
    ("name-of-a-host", "redis.contoso.com:6379", "an IP address behind inet:, since no name"),
    ("public", "198.51.100.1:6379", "an address of this machine or of a private network"),
    ("public-6", "[2001:4860::1]:6379", "an address of this machine or of a private network"),
    ("mapped", "[::ffff:8.8.8.8]:6379", "an address of this machine or of a private network"),
    ("zone", "[fe80::1%lo]:6379", "an IPv6 address in the brackets"),
    ("no-brackets", "::1:6379", "HOST:PORT (IPv6 addresses in brackets)"),
    ("port", "127.0.0.1:65536", "a port from 1 to 65535"),
    ("short", "127.1:6379", "an IPv4 address"),
    ("private", "10.0.0.20:6379", None), ("private-6", "[fd00::1]:6379", None)))
def test_address_of_a_table(pki, hop, tmp_path, id, place, want):
    """No name is looked up: who can forge DNS would say whose mail is trusted."""
    for kind, (name, _) in KINDS.items():
        text = "%s:inet:%s%s" % (kind, place, name)
        file = tmp_path / kind
        file.write_text(base_config(pki, hop(), hop(), tenant_tables=[text]).text())
        code, said = check_config(str(file))
        assert code == (0 if want is None else 1), said
        if want is not None:
            assert "expected " + want in said and text in said, said


@pytest.mark.parametrize("id, place", rows(
    ("all", "0.0.0.0:%d"), ("all-6", "[::]:%d"), ("another", "192.0.2.1:%d"),
    ("private", "10.0.0.1:%d"), ("mapped", "[::ffff:192.0.2.1]:%d"), ("name", "localhost:%d")))
def test_listener_at_no_loopback_address(pki, hop, tmp_path, id, place):
    """Whoever gets there is believed."""
    for protocol in ("policy", "socketmap"):
        config = base_config(pki, hop(), hop())
        config.set("listeners.asked", {"protocol": protocol, "listen": [place % free_port()]})
        file = tmp_path / protocol
        file.write_text(config.text())
        code, said = check_config(str(file))
        assert code == 1 and "listen" in said and "expected" in said, said
