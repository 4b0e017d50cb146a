# SPDX-License-Identifier: ISC
"""Postfix with XOORG asks the gateway (doc/cookbook/postfix-asks.md): it receives from
Exchange Online, and the gateway says whose the mail is; and it looks up what it sends."""
import os
import tempfile

import pytest

from asked import Asked, app, said
from harness import Smtp, simple, wait_until
from native import xoorg_hop

DENIED = r"554 5\.7\.1 <.*>: Relay access denied"
UNKNOWN = r"550 5\.7\.1 .*Originator organisation not authorised here"
MISMATCH = r"550 5\.7\.1 .*Sender not authorised for this originator organisation"
RELAY = r"550 5\.7\.1 .*Unable to relay"
OWN, OUT = "r@contoso.com", "r@outside.example"

# A tenant whose mail may go anywhere, beside the recipe's.
TENANTS = [("tenants = {\n", """tenants = {
	transport = {
		originator_orgs = ["transport.example"]
		sender_domains = ["transport.example"]
		recipient_domains = ["transport.example"]
		relay = true
	}
""")]


@pytest.fixture
def asked():
    started = []

    def make(changes=()):
        started.append(Asked(TENANTS + list(changes)))
        return started[-1]
    yield make
    for one in started:
        one.close()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="xoorg-asked-") as name:
        os.chmod(name, 0o755)
        yield name


@pytest.fixture
def served(pki, native, asked, hop, folder):
    """(Postfix, the gateway it asks)"""
    def make(changes=(), **more):
        one = asked(changes)
        settings = one.settings(pki, folder, "postfix/asks/xoorg.cf")
        settings.update({"relayhost": "[127.0.0.1]:%d" % hop().port}, **more)
        return native(settings), one.gateway
    return make


def _rcpt(mta, cert, xoorg, sender, to, tls=True):
    with Smtp(mta.port) as c:
        c.hello(cert, tls=tls)
        reply = c.cmd("MAIL FROM:<%s>%s" % (sender, " XOORG=" + xoorg if xoorg else ""))
        return c.cmd("RCPT TO:<%s>" % to) if reply.code == 250 else reply


def test_whom_it_lets(pki, served):
    mta, gateway = served()
    for title, cert, xoorg, sender, to, want in (
            ("stranger", None, None, "a@transport.example", OUT, DENIED),
            ("stranger-says-xoorg", None, "transport.example", "a@transport.example", OUT,
             "555 5.5.4"),
            ("other-name", pki.other_name, None, "a@transport.example", OUT, DENIED),
            ("no-xoorg", pki.exo, None, "a@transport.example", OUT, DENIED),
            ("unknown", pki.exo, "fabrikam.com", "a@fabrikam.com", OWN, UNKNOWN),
            ("no-relay", pki.exo, "contoso.com", "a@contoso.com", OUT, RELAY),
            ("another-sender", pki.exo, "transport.example", "a@contoso.com", OUT, MISMATCH),
            ("routed", pki.exo, "contoso.com", "a@contoso.com", "r%outside.example@contoso.com",
             r"550 5\.7\.1 .*Address with a route"),
            ("stranger-to-us", None, None, "a@other.example", OWN, "250"),
            ("no-xoorg-to-us", pki.exo, None, "a@other.example", OWN, "250"),
            ("verified", pki.exo, "contoso.com", "a@contoso.com", OWN, "250"),
            ("verified-relay", pki.exo, "transport.example", "a@transport.example", OUT, "250"),
            ("app", app(pki), None, "a@contoso.com", OUT, "250")):
        reply = _rcpt(mta, cert, xoorg, sender, to)
        assert said(reply, want), (title, reply)
    verdicts = [x["verdict"] for x in gateway.events("asked")]
    assert verdicts.count("verified") == 4
    assert verdicts.count("no_org") == 2
    assert verdicts.count("unknown_org") == 1
    assert verdicts.count("sender_mismatch") == 1
    assert verdicts.count("attributed") == 1


def test_observed(pki, served):
    mta, gateway = served([('mode = "enforce"', 'mode = "observe"')])
    assert said(_rcpt(mta, pki.exo, "fabrikam.com", "a@fabrikam.com", OWN), "250")
    assert said(_rcpt(mta, pki.exo, "fabrikam.com", "a@fabrikam.com", OUT), DENIED)
    assert said(_rcpt(mta, pki.exo, "contoso.com", "a@contoso.com", OUT), DENIED)
    assert [(x["action"], x["would"], x["reason"]) for x in gateway.events("asked")] == [
        ("demote", "reject", "unknown-org"), ("demote", "reject", "unknown-org"),
        ("demote", "reject", "rcpt-relay")]


def test_access_table(pki, served):
    """check_xoorg_access with the gateway's table in the place of a file."""
    mta, gateway = served()
    table = "socketmap:inet:%s:org_access" % gateway.config.get_path(
        "listeners.postfix-looks-up.listen")[0]
    mta.tool("postconf", "-e", "smtpd_sender_restrictions = check_xoorg_access " + table,
             "smtpd_relay_restrictions = reject_unauth_destination")
    assert mta.tool("postfix", "reload").returncode == 0

    def asks_the_table():
        _rcpt(mta, pki.exo, "fabrikam.com", "a@fabrikam.com", OWN)
        return [x for x in gateway.events("asked") if x.get("table") == "org_access"]
    assert wait_until(asks_the_table, 10)
    assert said(_rcpt(mta, pki.exo, "fabrikam.com", "a@fabrikam.com", OWN), UNKNOWN)
    # not even a tenant that may relay does so by this
    assert said(_rcpt(mta, pki.exo, "transport.example", "a@transport.example", OUT), DENIED)
    assert said(_rcpt(mta, pki.exo, "contoso.com", "a@contoso.com", OWN), "250")


def test_on_the_way_out(pki, native, asked, folder):
    """smtp_xoorg_maps: by the envelope sender; nobody's sender has none."""
    one = asked()
    out = xoorg_hop(pki)
    try:
        settings = one.settings(pki, folder, "postfix/asks/xoorg.cf")
        settings.update({"relayhost": "[127.0.0.1]:%d" % out.port,
                         "mynetworks": "127.0.0.0/8", "smtp_tls_security_level": "secure",
                         "smtp_tls_CAfile": pki.ca,
                         "smtp_tls_secure_cert_match": "gw.contoso.test",
                         "smtp_connection_cache_on_demand": "no"})
        mta = native(settings)
        for sender in ("a@transport.example", "a@nobody.example", "a@contoso.com", ""):
            with Smtp(mta.port) as c:
                c.hello(None)
                c.deliver(simple(), sender, ["r@outside.example"])
        assert wait_until(lambda: mta.queued() == 0 and len(out.messages) == 4, 30)
    finally:
        out.stop()
    got = {m.mail.split(b"<")[1].split(b">")[0]:
           m.mail.partition(b"XOORG=")[2].split(b" ")[0] for m in out.messages}
    assert got == {b"a@transport.example": b"transport.example", b"a@contoso.com":
                   b"contoso.com", b"a@nobody.example": b"", b"": b""}
