# SPDX-License-Identifier: ISC
"""A peer that is a tenant's: by its certificate or address it relays as this tenant, with
its certificate and XOORG, and as no other."""
import pytest

from harness import CAPS, Smtp, base_config, out_config, rows, server_context, simple

APP, APP_B, MTA = "127.0.0.7", "127.0.0.8", "127.0.0.9"
FOREIGN = "X-OriginatorOrg: fabrikam.com\r\n"


@pytest.fixture
def started(gateway, pki, hop):
    """Two tenants; an application of each, by address; an MTA of ours, which is both's."""
    def make(xoorg="tenant", **changes):
        ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca),
                 caps_tls=CAPS + (("XOORG",)))
        config = out_config(pki, ex, xoorg=xoorg, client_certificate="tenant",
                            client_key=None)
        config["peers"] = {
            "app": {"networks": [APP + "/32"], "rights": ["relay"], "tenant": "contoso"},
            "app-b": {"networks": [APP_B + "/32"], "rights": ["relay"],
                      "tenant": "fabrikam"},
            "local-mta": {"networks": [MTA + "/32"], "rights": ["relay"]},
        }
        config.set("listeners.out.peers", list(config["peers"]))
        for path, value in changes.items():
            config.set(path.replace("__", "."), value)
        return gateway(config), ex
    return make


def said(message):
    return [x for x in message.params() if x.startswith("XOORG")]


@pytest.mark.parametrize("id, source, sender, want", rows(
    ("of-another", APP, "u@fabrikam.com", "550 5.7.1"),
    ("of-another-b", APP_B, "u@contoso.com", "550 5.7.1"),
    ("of-nobody", APP, "u@nobody.example", "550 5.7.1"),
    ("org-beside-senders", APP, "u@contoso.onmicrosoft.com", "550 5.7.1"),
    ("route", APP, "u%fabrikam.com@contoso.com", "550 5.7.1"),
    ("without-domain", APP, "root", "550 5.7.1|501|553"),
    ("own", APP, "u@contoso.com", "250"),
    ("own-b", APP_B, "u@fabrikam.example", "250"),
    ("null", APP, "", "250"),
    ("mta-as-one", MTA, "u@contoso.com", "250"),
    ("mta-as-the-other", MTA, "u@fabrikam.com", "250")))
def test_sender(started, id, source, sender, want):
    gw, ex = started()
    with Smtp(gw.port("out"), source=source) as c:
        c.ehlo()
        got = c.cmd("MAIL FROM:<%s>" % sender)
        assert got.matches(want), got
    assert ex.messages == []


@pytest.mark.parametrize("id, source, sender, to, tenant, verdict", rows(
    ("null-to-another", APP, "", "r@fabrikam.com", "contoso", "attributed"),
    ("null", APP_B, "", "r@anywhere.example", "fabrikam", "attributed"),
    ("own", APP, "u@contoso.com", "r@anywhere.example", "contoso", "attributed"),
    ("mta-null", MTA, "", "r@fabrikam.com", "fabrikam", "ours"),
    ("mta", MTA, "u@contoso.com", "r@anywhere.example", "contoso", "ours")))
def test_whose(started, pki, id, source, sender, to, tenant, verdict):
    """Its tenant's certificate and XOORG, whoever the recipient is; never verified."""
    gw, ex = started()
    with Smtp(gw.port("out"), source=source) as c:
        c.ehlo()
        c.deliver(simple(FOREIGN), sender, to)
    m = ex.one()
    assert said(m) == ["XOORG=%s.com" % tenant]
    assert m.fields("X-OriginatorOrg") == [tenant + ".com"]
    assert not [x for x in m.fields("Authentication-Results") if "x-xoorg" in x]
    event = gw.event()
    assert event["verdict"] == verdict and event["action"] == "accept"
    if verdict == "attributed":
        assert event["tenant"] == tenant


def test_message_of_another(started):
    """xoorg = "message": the header's value counts only if it is this tenant's."""
    gw, ex = started("message")
    for source, value in ((APP, []), (APP_B, ["XOORG=fabrikam.com"]),
                          (MTA, ["XOORG=fabrikam.com"])):
        with Smtp(gw.port("out"), source=source) as c:
            c.ehlo()
            sender = "u@contoso.com" if source == APP else "u@fabrikam.com"
            c.deliver(simple(FOREIGN), sender, "r@anywhere.example")
        assert said(ex.messages[-1]) == value


def test_two_tenants(started):
    """One who is both's is nobody's, and may not relay."""
    gw, ex = started(peers__second={"networks": ["127.0.0.0/28"], "rights": ["relay"],
                                    "tenant": "fabrikam"},
                     listeners__out__peers=["app", "second"])
    with Smtp(gw.port("out"), source=APP) as c:
        c.ehlo()
        assert c.cmd("MAIL FROM:<u@contoso.com>").code == 550
    with Smtp(gw.port("out"), source=MTA) as c:
        c.ehlo()
        assert c.cmd("MAIL FROM:<u@fabrikam.com>").code == 250


@pytest.mark.parametrize("id, cert, sender, want", rows(
    ("none", None, "u@contoso.com", "550"),
    ("another's-chain", "bad", "u@contoso.com", "454"),
    ("another's-sender", "good", "u@fabrikam.com", "550"),
    ("own", "good", "u@contoso.com", "250")))
def test_by_certificate(gateway, pki, hop, id, cert, sender, want):
    """And at a listener of the Internet: who has no certificate is a stranger there."""
    certs = {None: None, "good": pki.make("app", "app.contoso.example"),
             "bad": pki.wrong_ca}
    one = hop()
    config = base_config(pki, one)
    config["peers"]["app"] = {
        "names": ["app.contoso.example", "mail.protection.outlook.com"],
        "rights": ["relay"], "tenant": "contoso"}
    config.set("listeners.in.peers", ["app"])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(certs[cert])
        got = c.cmd("EHLO x")
        if got.code == 250:
            got = c.cmd("MAIL FROM:<%s>" % sender)
        assert got.matches(want), got
