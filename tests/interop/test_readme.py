# SPDX-License-Identifier: ISC
"""The README's five minutes, as they are written there: its configuration and its
two services in Postfix' master.cf, with other ports and certificates and nothing
else of it changed."""
import os
import re

import pytest

from harness import CAPS, REPO, Config, Smtp, server_context, simple, wait_until
from net import free_port
from postfix import Missing, Postfix

with open(os.path.join(REPO, "README.md"), encoding="utf-8") as _f:
    README = _f.read()


def block(what):
    """The recipe as the README shows it."""
    found = re.findall(r"(?ms)^<!-- file: %s[^\n]* -->\n```\n(.*?)^```$" % re.escape(what), README)
    assert len(found) == 1, "the README shows %r %d times" % (what, len(found))
    return found[0]


def merged():
    """The configuration with what "The way back" puts into its groups."""
    text = block("gateway/xoorgd.conf")
    for group, part in (("peers", "peer"), ("listeners", "listener"), ("upstreams", "upstream")):
        text, n = re.subn(r"(?m)^%s = \{\n" % group,
                          lambda m: m.group(0) + block("gateway/back-%s.conf" % part), text)
        assert n == 1
    return text


class Written(Config):
    """A configuration that is text already."""

    def __init__(self, text, **listeners):
        super().__init__(listeners={k: {"listen": ["127.0.0.1:%d" % v]}
                                    for k, v in listeners.items()})
        self.written = text

    def text(self):
        return self.written


def replaced(text, *pairs):
    """Each has to be there: else the README says something else."""
    for old, new in pairs:
        assert old in text, "the README has no %r" % old
        text = text.replace(old, new)
    return text


def main_cf(text):
    """name = value, with lines that go on."""
    text = re.sub(r"(?m)^#.*\n", "", text)
    return dict(x.split(" = ", 1) for x in re.split(r"\n(?=\S)", text.rstrip("\n")))


class World:
    def __init__(self, pki, gateway, exchange):
        ports = {x: free_port() for x in ("25", "9025", "10025", "10026", "10027")}
        at = [("127.0.0.1:" + x, "127.0.0.1:%d" % p) for x, p in ports.items() if x != "25"]
        self.mta = Postfix(free_port(), {
            "relay_domains": "contoso.com", "local_recipient_maps": "",
            # as Debian sets it up, not as our tests do
            "smtpd_recipient_restrictions": "", "mynetworks": "127.0.0.1/32",
            "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated "
            "defer_unauth_destination",
            # as many have it: the gateway speaks no TLS on loopback
            "smtpd_tls_security_level": "encrypt", "smtpd_tls_cert_file": pki.gw.cert,
            "smtpd_tls_key_file": pki.gw.key,
            **main_cf(replaced(block("postfix/behind/routing.cf") +
                               block("postfix/in-front/transport.cf"),
                               (":10027", ":%d" % ports["10027"]))),
        }, replaced(block("postfix/behind/verified.cf") + block("postfix/behind/ordinary.cf"),
                    (" inet n - y - ", " inet n - n - "), *at[1:3]))
        self.config = Written(replaced(
            merged(), ('user = "xoorg"', 'user = ""'),
            ('"0.0.0.0:25", "[::]:25"', '"127.0.0.1:%d"' % ports["25"]),
            ('"/etc/xoorg/gw.pem"', '"%s"' % pki.gw.cert),
            ('"/etc/xoorg/gw.key"', '"%s"' % pki.gw.key), ('"system"', '"%s"' % pki.ca),
            ('"mail.contoso.com"', '"mail.contoso.test"'),
            ('"mail.contoso.com:25"', '"%s"' % exchange.address), *at),
            front=ports["25"], back=ports["10027"])
        self.gw = gateway(self.config)


@pytest.fixture
def world(pki, gateway, hop):
    exchange = hop(caps=CAPS, caps_tls=CAPS + ("XOORG",),
                   tls=server_context(pki.exchange, client_ca=pki.ca))
    try:
        one = World(pki, gateway, exchange)
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    one.exchange = exchange
    try:
        one.mta.start()
        yield one
    finally:
        one.mta.remove()


def test_five_minutes(world, pki):
    with Smtp(world.gw.port("front"), source="127.0.0.2") as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
        # a tenant's word opens no other recipients: observed, it is ordinary mail
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt("r@elsewhere.example", want="454 4.7.1|554 5.7.1")
        c.want("RSET", 250)
        # observe mode: another tenant is ordinary mail
        c.deliver(simple(), "u@fabrikam.com", "r@contoso.com", xoorg="fabrikam.com")
    with Smtp(world.gw.port("front"), source="127.0.0.3") as c:
        c.hello()
        c.deliver(simple("X-OriginatorOrg: contoso.com\r\n"), "s@stranger.example",
                  "r@contoso.com")
        # no open relay: Postfix sees the stranger's address, not the gateway's
        c.mail("s@stranger.example")
        c.rcpt("r@elsewhere.example", want="454 4.7.1|554 5.7.1")
    got = {m.sender: m for m in world.exchange.wait(3, 20)}
    assert sorted(got) == ["s@stranger.example", "u@contoso.com", "u@fabrikam.com"]
    # Out by the way back: verified mail has its value, no other has one.
    for sender, m in got.items():
        values = [x for x in m.params() if x.startswith("XOORG")]
        assert values == (["XOORG=contoso.com"] if sender == "u@contoso.com" else [])
        assert m.session.certificate_ok
    verdicts = {x["from"]: (x["verdict"], x.get("would"), x["upstream"])
                for x in world.gw.events() if x["listener"] == "from-exchange-online"
                and x["reply"].startswith("250")}
    assert verdicts == {
        "u@contoso.com": ("verified", None, "verified"),
        "u@fabrikam.com": ("unknown_org", "reject", "ordinary"),
        "s@stranger.example": ("unauthenticated", None, "ordinary")}, world.gw.log()
    log = world.mta.log()
    assert len(re.findall(r"postfix/verified/smtpd\[\d+\]: [0-9A-F]+: client=.*127\.0\.0\.2",
                          log)) == 1
    assert len(re.findall(r"postfix/ordinary/smtpd\[\d+\]: [0-9A-F]+: client=", log)) == 2
    assert wait_until(lambda: world.mta.queued() == 0, 10)


def test_first_lines():
    """What it is, for whom, against what, how to try it: in fifteen lines."""
    first = " ".join(" ".join(README.split("\n")[:15]).split())
    for word in ("SMTP gateway", "mail admins", "EchoSpoofing", "./demo", "./check"):
        assert word in first
