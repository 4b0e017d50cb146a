# SPDX-License-Identifier: ISC
"""Debian's Postfix asks the gateway, as doc/cookbook/postfix-asks.md says: whom it lets
send to anybody, what it looks up, and what it does when the gateway is gone."""
import os
import signal
import subprocess
import tempfile

import pytest

from asked import Asked, app, said
from harness import Smtp, rows, simple, wait_until
from net import free_port
from postfix import Missing, Postfix

DENIED = r"554 5\.7\.1 <.*>: Relay access denied"
MISMATCH = r"550 5\.7\.1 .*Sender not authorised for this originator organisation"
OWN, OUT = "r@contoso.com", "r@outside.example"


class World:
    def __init__(self, pki, hop, folder, changes=(), ask=None, **more):
        self.asked = Asked(changes, ask)
        self.gateway = self.asked.gateway
        settings = self.asked.settings(pki, folder)
        settings.update({"relayhost": "[127.0.0.1]:%d" % hop.port,
                         "smtpd_policy_service_retry_delay": "1s",
                         "smtpd_policy_service_timeout": "5s"}, **more)
        self.mta = Postfix(free_port(), settings).start()

    def postmap(self, key, table):
        """(status, value, what it complains of)"""
        done = subprocess.run(
            [os.path.join(self.mta.root, "usr/sbin/postmap"), "-q", key,
             "socketmap:inet:%s:%s" % (self.asked.map, table)], env=self.mta.env,
            capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout.strip(), done.stderr

    def rcpt(self, cert, sender, to):
        with Smtp(self.mta.port) as c:
            c.hello(cert, tls=True)
            c.cmd("MAIL FROM:<%s>" % sender)
            return c.cmd("RCPT TO:<%s>" % to)

    def close(self):
        self.mta.remove()
        self.asked.close()


@pytest.fixture
def world(pki, hop):
    started, folders = [], []

    def make(*args, **how):
        # Postfix' own user has to get there
        folders.append(tempfile.TemporaryDirectory(prefix="xoorg-asked-"))
        os.chmod(folders[-1].name, 0o755)
        try:
            started.append(World(pki, hop(caps=("SIZE 104857600", "8BITMIME")),
                                 folders[-1].name, *args, **how))
        except Missing as why:
            pytest.skip("NO POSTFIX: %s" % why)
        return started[-1]
    yield make
    for one in started:
        one.close()
    for one in folders:
        one.cleanup()


def test_whom_it_lets(pki, world):
    one = world()
    expired = pki.make("app-expired", "app.contoso.com", eku="client", days=(-30, -1))
    forged = pki.make("app-forged", "app.contoso.com", eku="client", issuer="other")
    san = pki.make("app-san", "app.contoso.com", eku="client", cn="other.example")
    for title, cert, sender, to, want in (
            ("stranger", None, "a@other.example", OUT, DENIED),
            ("stranger-as-tenant", None, "a@contoso.com", OUT, DENIED),
            ("cloud", pki.exo, "a@contoso.com", OUT, DENIED),
            ("expired", expired, "a@contoso.com", OUT, DENIED),
            ("forged", forged, "a@contoso.com", OUT, DENIED),
            ("name-only-in-san", san, "a@contoso.com", OUT, DENIED),
            ("app-as-another", app(pki), "a@other.example", OUT, MISMATCH),
            ("app-as-another-to-us", app(pki), "a@other.example", OWN, MISMATCH),
            ("stranger-to-us", None, "a@other.example", OWN, "250"),
            ("cloud-to-us", pki.exo, "a@contoso.com", OWN, "250"),
            ("app", app(pki), "a@contoso.com", OUT, "250"),
            ("app-bounces", app(pki), "", OUT, "250")):
        reply = one.rcpt(cert, sender, to)
        assert said(reply, want), (title, reply)
    told = one.gateway.events("asked")
    assert len(told) == 12
    assert {x["verdict"] for x in told if x["reply"] == "OK"} == {"attributed"}
    assert [x["verdict"] for x in told if x["peer"] == ""] == 8 * ["unauthenticated"]


def test_mail_goes(pki, hop, world):
    """Several recipients, each judged; and what is sent is what came."""
    one = world()
    with Smtp(one.mta.port) as c:
        c.hello(app(pki))
        c.mail("a@contoso.com")
        for to in (OUT, OWN, "s@outside.example"):
            c.rcpt(to)
        c.data(simple("X-OriginatorOrg: evil.example\r\n"))
    assert wait_until(lambda: one.mta.queued() == 0, 20)
    told = one.gateway.events("asked")
    assert [x["reply"] for x in told] == 3 * ["OK"]
    assert len({x["session"] for x in told}) == 1


def test_gateway_goes_and_comes(pki, world):
    """451 without a gateway; with a new one Postfix asks that, on the same session."""
    one = world()
    with Smtp(one.mta.port) as c:
        c.hello(None, tls=True)
        c.mail("a@other.example")
        c.rcpt(OWN)
        one.gateway.stop()
        reply = c.cmd("RCPT TO:<s@contoso.com>")
        assert said(reply, "451 4.3.5"), reply
        one.gateway.start()
        c.rcpt("t@contoso.com")
        assert said(c.cmd("RCPT TO:<%s>" % OUT), DENIED)
    with Smtp(one.mta.port) as c:
        c.hello(app(pki))
        c.mail("a@contoso.com")
        c.rcpt(OUT)


def test_reload(pki, world):
    """A session that Postfix has with the old workers goes on with the new ones."""
    one = world()
    with Smtp(one.mta.port) as c:
        c.hello(app(pki))
        c.mail("a@contoso.com")
        c.rcpt(OUT)
        for i in range(3):
            old = set(one.gateway.workers())
            one.gateway.signal(signal.SIGHUP)
            assert wait_until(lambda: one.gateway.workers() and
                              not old & set(one.gateway.workers()), 10)
            c.rcpt("r%d@outside.example" % i)
    one.gateway.first_workers = one.gateway.workers()


def test_observed(pki, world):
    one = world([('mode = "enforce"', 'mode = "observe"')])
    assert said(one.rcpt(app(pki), "a@other.example", OWN), "250")
    assert said(one.rcpt(app(pki), "a@other.example", OUT), DENIED)
    assert {x["would"] for x in one.gateway.events("asked")} == {"reject"}


def test_unix_socket(pki, world):
    """In a folder of Postfix' group, with the socket's mode by default."""
    import grp
    import pwd
    try:
        group = grp.getgrnam("postfix").gr_gid
    except KeyError:
        group = pwd.getpwnam("games").pw_gid
    with tempfile.TemporaryDirectory(prefix="xoorg-asked-") as folder:
        os.chown(folder, -1, group)
        os.chmod(folder, 0o2755)
        path = os.path.join(folder, "policy")
        one = world(ask="unix:" + path, smtpd_relay_restrictions=
                    "check_policy_service unix:%s, reject_unauth_destination" % path)
        assert said(one.rcpt(app(pki), "a@contoso.com", OUT), "250")
        assert said(one.rcpt(None, "a@contoso.com", OUT), DENIED)
        one.close()


@pytest.mark.parametrize("id, key, table, want", rows(
    ("unknown-table", "contoso.com", "other", None), ("nobody", "nobody.example", "org", ""),
    ("org", "contoso.com", "org", "contoso"),
    ("org_access", "nobody.example", "org_access",
     "550 5.7.1 Originator organisation not authorised here"),
    ("sender", "a@contoso.com", "sender", "contoso"),
    ("sender_xoorg", "@contoso.com", "sender_xoorg", "contoso.com"),
    ("recipient", "contoso.com", "recipient", "contoso")))
def test_postmap(world, id, key, table, want):
    status, value, complaint = world().postmap(key, table)
    assert value == (want or "")
    assert status == (0 if want else 1)
    assert (complaint != "") == (want is None)


def test_no_gateway_is_not_not_found(pki, world):
    """A lookup that nobody answers is an error, and mail waits."""
    one = world()
    one.gateway.stop()
    status, value, complaint = one.postmap("contoso.com", "recipient")
    assert status != 0 and value == "" and "socketmap" in complaint
    assert said(one.rcpt(None, "a@other.example", OWN), "451")
    one.gateway.start()
