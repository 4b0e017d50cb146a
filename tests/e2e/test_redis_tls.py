# SPDX-License-Identifier: ISC
"""rediss: tables: who the server is, is known before anything is said to it. A server that
is not the right one is as one that does not answer, whatever it would say."""
import json
import signal
import socket
import subprocess
import threading
import time

import pytest

from harness import XOORG, base_config, free_port, rows, wait_until
from tenant_servers import redis  # noqa: F401
from test_lookup import OWN, RECORD, STRANGE, ask

NAME = "redis.contoso.example"
FAILED = "TLS: certificate verify failed"
# What a server that is not the right one would like to be believed.
LIE = {"name": "lie", "originator_orgs": [STRANGE]}


def options(port, cert, ca, *more):
    return ("--tls-port", str(port), "--tls-cert-file", cert.cert, "--tls-key-file", cert.key,
            "--tls-ca-cert-file", ca, "--tls-auth-clients", "no", *more)


class Hangs(threading.Thread):
    """Takes connections and answers with `text`, or not at all."""

    def __init__(self, port, text=b""):
        super().__init__(daemon=True)
        self.text, self.got, self.open = text, b"", []
        self.listening = socket.socket()
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listening.bind(("127.0.0.1", port))
        self.listening.listen(16)
        self.start()

    def run(self):
        while True:
            try:
                s, _ = self.listening.accept()
            except OSError:
                return
            self.open.append(s)
            threading.Thread(target=self.read, args=(s,), daemon=True).start()

    def read(self, s):
        try:
            while True:
                more = s.recv(65536)
                self.got += more
                if not more:
                    return
                s.sendall(self.text)
        except OSError:
            pass

    def stop(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for s in self.open:
            s.close()


@pytest.fixture
def certs(pki):
    return {
        "right": pki.make("redis-right", NAME, san_ip=["127.0.0.1"]),
        "wrong-name": pki.make("redis-wrong", "other.contoso.example", san_ip=["127.0.0.2"]),
        "below": pki.make("redis-below", "x." + NAME),
        "common-name": pki.make("redis-cn", NAME, san=()),
        "expired": pki.make("redis-expired", NAME, days=(-9, -1), san_ip=["127.0.0.1"]),
        "not-yet": pki.make("redis-not-yet", NAME, days=(2, 9), san_ip=["127.0.0.1"]),
        "self-signed": pki.make("redis-self", NAME, issuer="self", san_ip=["127.0.0.1"]),
        "other-ca": pki.make("redis-other", NAME, issuer="other", san_ip=["127.0.0.1"]),
        "client": pki.make("redis-client", NAME, eku="client", san_ip=["127.0.0.1"]),
    }


@pytest.fixture
def world(redis, gateway, pki, hop, certs):  # noqa: F811
    class World:
        def __init__(self):
            self.port, self.bad = free_port(), None
            self.text = "rediss:inet:127.0.0.1:%d" % self.port
            self.redis = redis(*options(self.port, certs["right"], pki.ca))
            self.redis.put(RECORD)

        def gateway(self, **changes):
            config = base_config(pki, hop(), hop(), **dict(
                {"tenant_tables": [self.text], "tenant_lookup_timeout": 1, "workers": 1,
                 "redis_trust": pki.ca, "redis_tls_name": NAME}, **changes))
            return gateway(config)

        def again(self, *how):
            """Another server takes its place."""
            self.redis.stop()
            self.redis.options = how
            self.redis.start()
            self.redis.put(RECORD, LIE)

    one = World()
    yield one
    if one.bad is not None:
        one.bad.stop()


def plaintext(world, *_):
    world.again("--port", str(world.port))
    world.redis.say("CONFIG", "SET", "protected-mode", "no")


def impostor(name):
    def start(world, pki, certs):
        world.again(*options(world.port, certs[name], pki.ca))
    return start


def hangs(text=b""):
    def start(world, *_):
        world.redis.stop()
        world.bad = Hangs(world.port, text)
    return start


def wants_certificate(world, pki, certs):
    world.again(*options(world.port, certs["right"], pki.ca), "--tls-auth-clients", "yes")


def old_tls(world, pki, certs):
    world.again(*options(world.port, certs["right"], pki.ca, "--tls-protocols", "TLSv1.1",
                         "--tls-ciphers", "ALL:@SECLEVEL=0"))


@pytest.mark.parametrize("id, start, why", rows(
    ("wrong-name", impostor("wrong-name"), FAILED),
    ("below", impostor("below"), FAILED),
    ("common-name", impostor("common-name"), FAILED),
    ("expired", impostor("expired"), FAILED + ": expired"),
    ("not-yet", impostor("not-yet"), FAILED),
    ("self-signed", impostor("self-signed"), FAILED),
    ("other-ca", impostor("other-ca"), FAILED),
    ("client", impostor("client"), FAILED),
    ("plaintext", plaintext, "TLS: "), ("old", old_tls, "TLS: "),
    ("wants-certificate", wants_certificate, "TLS: "),
    ("hangs", hangs(), "TLS: no handshake in time"),
    ("talks", hangs(b"+OK\r\n" * 3), "TLS: "),
    ("half", hangs(b"\x16\x03\x03\x40\x00"), "TLS: no handshake in time")))
def test_wrong_server(world, pki, certs, id, start, why):
    """Cold, fresh and stale, as of a server that is down; the stranger never gets 250."""
    gws = {"cold": world.gateway(), "fresh": world.gateway(),
           "stale": world.gateway(tenant_fresh=1, tenant_stale=60, tenant_nobody_fresh=0),
           "old": world.gateway(tenant_fresh=1, tenant_nobody_fresh=0)}
    for name in ("fresh", "stale", "old"):
        assert ask(gws[name], pki, OWN).code == 250
        assert ask(gws[name], pki, "a.example").code == 550
    start(world, pki, certs)
    assert ask(gws["fresh"], pki, OWN).code == 250
    time.sleep(1.1)
    for name, want in (("stale", 250), ("old", 451), ("cold", 451)):
        assert ask(gws[name], pki, OWN).code == want, name
    for gw in gws.values():
        assert ask(gw, pki, STRANGE).matches("451 4.3.0")
    assert why in next(x for x in gws["cold"].log().splitlines() if "state=down" in x)
    if world.bad is not None:
        assert b"AUTH" not in world.bad.got and b"GET" not in world.bad.got
        world.bad.stop()
        world.bad = None
    world.again(*options(world.port, certs["right"], pki.ca))
    for name in ("cold", "old"):
        assert wait_until(lambda: ask(gws[name], pki, OWN).code == 250, 10, 0.2)


def test_right_server(world, pki, certs, tmp_path):
    """By the name that is set, else by the address; with the password behind TLS; a CA by
    the system's store is another's."""
    other = free_port()
    assert ask(world.gateway(), pki, OWN).code == 250
    assert ask(world.gateway(redis_tls_name=""), pki, OWN).code == 250
    assert ask(world.gateway(redis_tls_name="other." + NAME), pki, OWN).code == 451
    assert ask(world.gateway(redis_trust="system"), pki, OWN).code == 451
    assert ask(world.gateway(redis_trust=pki.other_ca), pki, OWN).code == 451
    password = tmp_path / "password"
    password.write_text("pw\n")
    world.redis.say("CONFIG", "SET", "requirepass", "pw")
    assert ask(world.gateway(), pki, OWN).code == 451
    gw = world.gateway(redis_password_file=str(password))
    assert ask(gw, pki, OWN).code == 250
    assert ask(gw, pki, STRANGE).code == 550
    world.text = "rediss:inet:127.0.0.1:%d" % other
    assert ask(world.gateway(), pki, OWN).code == 451


@pytest.mark.parametrize("key_process", (True, False))
def test_client_certificate(world, pki, certs, tmp_path, key_process):
    """A server that demands one gets ours, and its key stays where keys are."""
    ours, foreign = (pki.make("redis-ours", "gw.contoso.example", eku="client"),
                     pki.make("redis-foreign", "gw.contoso.example", issuer="other"))
    wants_certificate(world, pki, certs)

    def gateway(cert, **more):
        return world.gateway(redis_client_certificate=cert.cert, redis_client_key=cert.key,
                             key_process=key_process, **more)
    gw = gateway(ours)
    assert ask(gw, pki, OWN).code == 250
    assert len(gw.key_processes()) == key_process
    assert ask(gateway(foreign), pki, OWN).matches("451 4.3.0")
    assert ask(gateway(ours, redis_trust=pki.other_ca), pki, OWN).code == 451
    for args in (("list", world.text), ("get", OWN, world.text)):
        done = subprocess.run([XOORG, "tenant", "--config", gw.file, *args],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "fabrikam" in done.stdout, done.stderr


def test_client_certificate_told(world, pki, tmp_path):
    """What is wrong with it, before anybody waits for it."""
    old = pki.make("redis-old", "gw.contoso.example", days=(-9, -1), eku="client")
    server = pki.make("redis-server-only", "gw.contoso.example", eku="server")
    good = pki.make("redis-ours", "gw.contoso.example", eku="client")
    path = str(tmp_path / "c")
    for changes, code, why in (
            ({"redis_client_certificate": old.cert, "redis_client_key": old.key}, 0,
             "redis_client_certificate: it ended"),
            ({"redis_client_certificate": server.cert, "redis_client_key": server.key}, 0,
             "redis_client_certificate: it, or an issuer in the file, is for servers only"),
            ({"redis_client_certificate": good.cert, "redis_client_key": pki.gw_rsa.key,
              "key_process": False}, 1,
             "expected a key and a certificate that fit"),
            ({"redis_client_certificate": good.cert}, 1,
             "redis_client_certificate: expected redis_client_key beside it, found none"),
            ({"redis_client_key": good.key}, 1,
             "redis_client_key: expected a file as redis_client_certificate beside it"),
            ({"redis_client_certificate": good.cert, "redis_client_key": good.key,
              "tenant_tables": []}, 1, "expected a rediss: table in tenant_tables")):
        config = base_config(pki, hop_of_none(), **dict(
            {"tenant_tables": [world.text]}, **changes))
        with open(path, "w") as f:
            f.write(config.text())
        done = subprocess.run([XOORG, "check", path], capture_output=True, text=True, timeout=60)
        said = done.stdout + done.stderr
        assert (done.returncode != 0) == code and why in said, said


def test_large_and_many(world, pki):
    """Records of many TLS records, and many questions at once on the one connection."""
    big = {"name": "big", "originator_orgs": ["o%d.big.example" % i for i in range(2500)]}
    world.redis.put(RECORD)
    text = json.dumps(big)
    assert 40000 < len(text) < 65536
    for i in range(40):
        world.redis.say("SET", "org:o%d.big.example" % i, text)
    gw = world.gateway(tenant_lookup_timeout=5)
    got = {}

    def one(i):
        got[i] = ask(gw, pki, "o%d.big.example" % i).code
    clients = [threading.Thread(target=one, args=(i,)) for i in range(40)]
    for x in clients:
        x.start()
    for x in clients:
        x.join()
    assert set(got.values()) == {250}
    assert world.redis.commands()["echo"] == 40


def test_server_goes_on(world, pki, certs):
    """A new certificate, a restart, a reload with another CA."""
    gw = world.gateway(tenant_fresh=0, tenant_nobody_fresh=0)
    for _ in range(2):
        assert ask(gw, pki, OWN).code == 250
        world.redis.say("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    world.again(*options(world.port, certs["right"], pki.ca))
    assert wait_until(lambda: ask(gw, pki, OWN).code == 250, 10, 0.2)
    assert ask(gw, pki, STRANGE).code == 250	# the right one may say so
    old = set(gw.workers())
    gw.config.set("redis_trust", pki.other_ca)
    gw.write()
    gw.crashes_allowed = 1			# old workers go
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: not set(gw.workers()) & old, 10)
    assert ask(gw, pki, OWN).code == 451


def test_tool(world, pki, certs, tmp_path):
    """Its verbs go by the same rules."""
    config = base_config(pki, hop_of_none(), tenants={}, **{
        "tenant_tables": [world.text], "redis_trust": pki.ca, "redis_tls_name": NAME,
        "tenant_lookup_timeout": 1})
    path = str(tmp_path / "c")

    def run(*args, text=""):
        with open(path, "w") as f:
            f.write(config.text())
        done = subprocess.run([XOORG, "tenant", "--config", path, *args], input=text,
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    table = "name,originator_orgs,recipient_domains\n" + "".join(
        "t%d,t%d.example,\n" % (i, i) for i in range(3000))
    code, said = run("import", world.text, text=table)
    assert code == 0 and "3000 tenants" in said, said
    code, said = run("export", world.text)
    assert code == 0 and said.count("\n") == 3001
    code, said = run("get", "t7.example", world.text)
    assert code == 0 and '"t7.example"' in said
    for change in ({"redis_tls_name": "other.example"}, {"redis_trust": pki.other_ca}):
        for key, value in change.items():
            config.set(key, value)
        for args in (("list",), ("get", "t7.example"), ("import",)):
            code, said = run(*args, world.text, text=table)
            assert code == 1 and "TLS: " in said, said
        config.set("redis_tls_name", NAME)
        config.set("redis_trust", pki.ca)
    for change in ({"redis_tls_name": ""}, {"redis_trust": "system"}):
        config.set("tenant_tables", [world.text.replace("rediss:", "redis:")])
        for key, value in change.items():
            config.set(key, value)
        code, said = run("list", "conf")
        assert code == 1 and "expected a rediss: table in tenant_tables, found none" in said
        config.set("redis_tls_name", NAME)
        config.set("redis_trust", pki.ca)
    config.set("tenant_tables", [world.text])
    plaintext(world)
    for args in (("list",), ("get", "t7.example"), ("import",)):
        assert run(*args, world.text, text=table)[0] == 1
    world.redis.stop()
    world.bad = Hangs(world.port)
    begin = time.monotonic()
    for args in (("list",), ("get", "t7.example"), ("import",)):
        assert run(*args, world.text, text=table)[0] == 1
    assert time.monotonic() - begin < 10
    assert b"t7" not in world.bad.got


def hop_of_none():
    class Nowhere:
        address = "127.0.0.1:9"
    return Nowhere


# --- several servers --------------------------------------------------------------

def one_down(servers):
    servers[0].stop()


def one_without_master(servers):
    for words in (("CONFIG", "SET", "replica-serve-stale-data", "no"),
                  ("REPLICAOF", "127.0.0.1", "1")):
        assert servers[0].say(*words) == b"+OK\r\n"


def one_silent(servers):
    servers[0].pause()


@pytest.mark.parametrize("id, fails", rows(
    ("down", one_down), ("without-master", one_without_master), ("silent", one_silent)))
@pytest.mark.parametrize("is_asked", (False, True))
def test_next_server(redis, gateway, pki, hop, is_asked, id, fails):  # noqa: F811
    """The first that answers is asked; the next if it does not, at the latest by the next
    question; nobody is nobody only to one that answers."""
    servers = [redis(), redis()]
    for one in servers:
        one.put(RECORD)
    text = "redis:" + ",".join("unix:" + x.path for x in servers)
    gw = gateway(base_config(pki, hop(), hop(), tenant_tables=[text], tenant_fresh=0,
                             tenant_nobody_fresh=0, tenant_lookup_timeout=2, workers=1))
    if is_asked:
        assert ask(gw, pki, OWN).code == 250
        assert servers[1].commands()["get"] == 0
    fails(servers)
    # A question that was on its way to it has no answer.
    got = ask(gw, pki, OWN).code
    assert got == 250 or (is_asked and got == 451 and id != "down")
    for _ in range(3):
        assert ask(gw, pki, OWN).code == 250
        assert ask(gw, pki, STRANGE).code == 550
    servers[1].stop()
    assert ask(gw, pki, OWN).matches("451 4.3.0")
    assert ask(gw, pki, STRANGE).matches("451 4.3.0")
    if id == "down":
        servers[0].start()
        servers[0].put(RECORD)
    servers[0].pause(False)
    servers[0].say("REPLICAOF", "NO", "ONE")
    assert wait_until(lambda: ask(gw, pki, OWN).code == 250, 15, 0.2)
    assert ask(gw, pki, STRANGE).code == 550


def test_next_server_loads(redis, gateway, pki, hop):  # noqa: F811
    loads, one = Hangs(free_port(), b"-LOADING Redis is loading\r\n"), redis()
    one.put(RECORD)
    text = "redis:inet:127.0.0.1:%d,unix:%s" % (loads.listening.getsockname()[1], one.path)
    gw = gateway(base_config(pki, hop(), hop(), tenant_tables=[text], tenant_fresh=0))
    for _ in range(3):
        assert ask(gw, pki, OWN).code == 250
        assert ask(gw, pki, STRANGE).code == 550
    loads.stop()


def test_next_server_tls(world, redis, pki, certs):  # noqa: F811
    """One that is not the right one is as one that is down, and the next is verified, too."""
    other = free_port()
    second = redis(*options(other, certs["right"], pki.ca))
    second.put(RECORD)
    text, world.text = world.text, world.text + ",inet:127.0.0.1:%d" % other
    impostor("self-signed")(world, pki, certs)
    gw = world.gateway(tenant_fresh=0, tenant_nobody_fresh=0)
    assert ask(gw, pki, OWN).code == 250
    assert ask(gw, pki, STRANGE).code == 550
    done = subprocess.run([XOORG, "tenant", "--config", gw.file, "list", world.text],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.split()[0] == "fabrikam", done.stderr
    assert "TLS: " in done.stderr
    world.text = text
    second.stop()
    assert ask(gw, pki, OWN).code == 451
    assert ask(gw, pki, STRANGE).code == 451
