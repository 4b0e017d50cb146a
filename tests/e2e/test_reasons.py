# SPDX-License-Identifier: ISC
"""Reasons that no other test asks for by name: what brings each about, its reply, and
its word in the log. That the whole suite brings about every reason there is, ./check
sees at its end (tests/e2e/reasons.py)."""
import signal

import pytest

from harness import CAPS, Closed, Do, Smtp, base_config, free_port, out_config, rows, \
    server_context, simple, wait_until


def why(gw, want, code):
    """The one thing that the log says of a refusal, and that it said so to the client."""
    def lines():
        return [x for kind in ("refused", "message") for x in gw.events(kind)
                if x["reason"] not in ("delivered", "abandoned")]
    assert wait_until(lines)
    assert {x["reason"] for x in lines()} == {want}, gw.log()[-2000:]
    assert all(x["reply"][:3] == code[:3] for x in lines())


# id, settings, certificate?, lines and their replies; the last is the refusal
DIALOGS = rows(
    ("tls-not-offered", {"listeners.in.tls": None, "listeners.in.peers": []}, None,
     [("STARTTLS", "502 5.5.1")]),
    ("tls-required", {"listeners.in.require_tls": True}, None,
     [("MAIL FROM:<a@e.example>", "451 5.7.3")]),
    ("mail-syntax", {}, None, [("MAIL FROM <a@e.example>", "501 5.5.4")]),
    ("mail-syntax", {}, None, [("MAIL TO:<a@e.example>", "501 5.5.4")]),
    ("unknown-org", {}, True, [("MAIL FROM:<u@contoso.com> XOORG=e.example", "550 5.7.1")]),
    ("no-org", {"listeners.in.no_org": "reject"}, True,
     [("MAIL FROM:<u@contoso.com>", "550 5.7.1")]),
    ("sender-mismatch", {"tenants.contoso.sender_domains": ["contoso.com"]}, True,
     [("MAIL FROM:<u@e.example> XOORG=contoso.com", "550 5.7.1")]),
    ("unauthenticated", {"listeners.in.unauthenticated": "reject"}, None,
     [("MAIL FROM:<u@e.example>", "550 5.7.1")]),
    ("try-later", {"listeners.in.unauthenticated": "tempfail"}, None,
     [("MAIL FROM:<u@e.example>", "451 4.7.1")]),
    ("rcpt-relay", {}, True,
     [("MAIL FROM:<u@contoso.com> XOORG=contoso.com", "250"),
      ("RCPT TO:<r@e.example>", "550 5.7.1")]),
    ("rcpt-routed", {}, True,
     [("MAIL FROM:<u@contoso.com> XOORG=contoso.com", "250"),
      ("RCPT TO:<victim%e.example@contoso.com>", "550 5.7.1")]),
    ("binary-needs-bdat", {}, None,
     [("MAIL FROM:<u@e.example> BODY=BINARYMIME", "250"), ("RCPT TO:<r@contoso.com>", "250"),
      ("DATA", "503 5.5.1")]),
)


@pytest.mark.parametrize("id, settings, cert, dialog", DIALOGS)
def test_dialog(gateway, pki, hop, id, settings, cert, dialog):
    caps = CAPS + ("BINARYMIME",)
    gw = gateway(base_config(pki, hop(caps=caps), hop(caps=caps)).with_(settings))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo if cert else None, tls=bool(cert))
        for line, want in dialog:
            c.want(line, want)
        c.want("RSET", 250)
    why(gw, id, dialog[-1][1])


def test_no_recipients(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), hop(script={"rcpt": "550 5.1.1 no"})))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want=550)
        c.want("DATA", "554 5.5.1")
    assert wait_until(lambda: gw.events("refused"))
    assert [x["reason"] for x in gw.events("refused")] == ["no-recipients"]


@pytest.fixture
def exchange(pki, hop):
    return hop(tls=server_context(pki.exchange, client_ca=pki.ca))


def test_no_tenant(gateway, pki, exchange):
    gw = gateway(out_config(pki, exchange, client_certificate="tenant", client_key=None))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail("u@nobody.example", want="550 5.7.1")
    why(gw, "no-tenant", "550")
    assert not exchange.tries


def test_upstream_xoorg(gateway, pki, exchange):
    gw = gateway(out_config(pki, exchange, xoorg="contoso.com", require_xoorg=True))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451 4.7.3")
    why(gw, "upstream-xoorg", "451")


# id, what the next hop does, its settings, reply
HOPS = rows(
    ("upstream-connect", None, {}, "451 4.4.1"),
    ("upstream-greeting", {"script": {"banner": "554 no"}}, {}, "451 4.4.2"),
    ("upstream-handover", {"xclient": True, "script": {"xclient": "550 5.7.0 no"}},
     {"handover": "xclient"}, "451 4.3.0"),
    ("upstream-lost", {"script": {"mail": Do.rst}}, {}, "451 4.4.2"),
    ("upstream-timeout", {"script": {"mail": Do.stall}}, {}, "451 4.4.2"),
    ("upstream-confused", {"script": {"mail": b"what?\r\n"}}, {}, "451 4.3.0"),
    ("upstream-out-of-step", {"caps": ["ENHANCEDSTATUSCODES"],
                              "script": {"mail": b"250 2.1.0 a\r\n250 2.1.0 b\r\n"}}, {},
     "451 4.3.0"),
    ("upstream-setup", {"script": {"mail": "530 5.7.0 Must issue a STARTTLS command first"}}, {},
     "451 4.3.5"),
    ("upstream-said", {"script": {"rcpt": "452 4.2.2 full"}}, {}, "452 4.2.2"),
)


@pytest.mark.parametrize("id, how, settings, code", HOPS)
def test_next_hop(gateway, pki, hop, id, how, settings, code):
    config = base_config(pki, hop(**how or {}))
    config.set("listeners.in.demote_to", "main").set("limits.mail_timeout", 1)
    config.set("listeners.in.peers", [])
    if how is None:
        config.set("upstreams.main.hosts", ["127.0.0.1:%d" % free_port()])
    config["upstreams"]["main"].update(settings)
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail("u@e.example")
        c.rcpt(want=code)
        c.want("RSET", 250)
    why(gw, id, code)


def test_upstream_capability(gateway, pki, hop):
    """It announced more when it was asked last."""
    one = hop()
    config = base_config(pki, one)
    config.set("listeners.in.demote_to", "main").set("listeners.in.peers", [])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("SMTPUTF8") == ""
        one.caps = [x for x in CAPS if x != "SMTPUTF8"]
        one.cut_all()
        c.mail("u@e.example", "SMTPUTF8")
        c.rcpt(want="451 4.3.0")
    why(gw, "upstream-capability", "451")


def test_shutdown(gateway, pki, hop):
    """A message that has begun is delivered; what comes behind it is told."""
    gw = gateway(base_config(pki, hop(), hop()))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        gw.signal(signal.SIGTERM)
        assert wait_until(lambda: not listens(gw))
        c.send(simple() + b".\r\n")
        assert c.reply().matches("250")
        said, = c.last_words()
        assert said.matches("421 4.3.2")
    assert wait_until(lambda: gw.process.poll() is not None)
    # Those who looked whether it listens may have been told, too.
    assert {x["reason"] for x in gw.events("refused")} == {"shutdown"}
    gw.stop()


def listens(gw):
    try:
        Smtp(gw.port(), timeout=1).wire.close()
        return True
    except (OSError, Closed):
        return False
