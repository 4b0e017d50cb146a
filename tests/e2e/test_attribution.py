# SPDX-License-Identifier: ISC
"""A peer that is a tenant's, or all tenants' by their certificate_names: by its certificate or address it relays as this tenant, with
its certificate and XOORG, and as no other."""
import json
import re
import subprocess

import pytest
from cryptography import x509

from harness import (CAPS, XOORG, Smtp, base_config, check_config, out_config, rows,
                     server_context, simple, wait_until)
from tenant_servers import Socketmap

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


def with_names(pki, hop, **changes):
    """Two tenants, whose applications are known by the names of their certificates."""
    config = base_config(pki, hop)
    config["tenants"] = {
        "contoso": {"originator_orgs": ["contoso.com"],
                    "certificate_names": ["app.contoso.example", "erp.contoso.example"]},
        "fabrikam": {"originator_orgs": ["fabrikam.com"],
                     "certificate_names": ["app.fabrikam.example"]},
    }
    config["peers"] = {
        "exchange-online": config["peers"]["exchange-online"],
        "applications": {"tenant_names": True, "rights": ["relay"]},
    }
    config.set("listeners.in.peers", ["applications", "exchange-online"])
    for path, value in changes.items():
        config.set(path.replace("__", "."), value)
    return config


@pytest.mark.parametrize("id, name, how, sender, want", rows(
    ("none", None, {}, "u@contoso.com", "550"),
    ("nobody's", "app.adatum.example", {}, "u@contoso.com", "550"),
    ("below", "x.app.contoso.example", {}, "u@contoso.com", "550"),
    ("wildcard", "*.contoso.example", {}, "u@contoso.com", "550"),
    ("common-name", "x.example", {"cn": "app.contoso.example"}, "u@contoso.com", "550"),
    ("two-tenants", "app.contoso.example",
     {"san": ("app.contoso.example", "app.fabrikam.example")}, "u@contoso.com", "550"),
    ("bad-chain", "app.contoso.example", {"issuer": "other"}, "u@contoso.com", "454"),
    ("expired", "app.contoso.example", {"days": (-9, -1)}, "u@contoso.com", "454"),
    ("another's-sender", "app.contoso.example", {}, "u@fabrikam.com", "550"),
    ("nobody's-sender", "app.contoso.example", {}, "u@adatum.example", "550"),
    ("own", "app.contoso.example", {}, "u@contoso.com", "250"),
    ("two-names", "app.contoso.example",
     {"san": ("app.contoso.example", "erp.contoso.example")}, "u@contoso.com", "250"),
    ("the-other", "app.fabrikam.example", {}, "u@fabrikam.com", "250"),
    ("null", "app.fabrikam.example", {}, "", "250")))
def test_tenant_names(gateway, pki, hop, id, name, how, sender, want):
    """A row of protocol.md 9.13 each, and whose mail it is."""
    one = hop()
    gw = gateway(with_names(pki, one, peers__applications__wildcards=True))
    cert = pki.make("names-" + id.replace("'", ""), name, **how) if name else None
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(cert)
        got = c.cmd("EHLO x")
        if got.code == 250:
            assert "XOORG" not in got.text
            got = c.cmd("MAIL FROM:<%s>" % sender)
        assert got.matches(want), got
        if got.code == 250:
            c.want("RCPT TO:<r@anywhere.example>", 250)
            c.data(simple())
            event = gw.event()
            assert (event["verdict"], event["tenant"]) == ("attributed", name.split(".")[1])


def test_exchange_online_beside_them(gateway, pki, hop):
    """XOORG is judged as ever where tenants' names are looked for, too."""
    one = hop()
    gw = gateway(with_names(pki, one))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
    assert gw.event()["verdict"] == "verified"


@pytest.mark.parametrize("id, changes, said", rows(
    ("wrong-right", {"peers.applications.rights": ["relay", "xclient"]},
     "peers.applications.tenant_names: expected the right relay beside it, and no other"),
    ("wrong-none", {"peers.applications.rights": []},
     "tenant_names: expected the right relay beside it, and no other"),
    ("wrong-xoorg", {"peers.applications.rights": ["relay", "xoorg"]}, "tenant_names: expected"),
    ("wrong-networks", {"peers.applications.networks": ["127.0.0.1"]},
     "tenant_names: expected neither names, networks nor tenant beside it"),
    ("wrong-names", {"peers.applications.names": ["a.example"]},
     "tenant_names: expected neither names, networks nor tenant beside it"),
    ("wrong-tenant", {"peers.applications.tenant": "contoso"},
     "tenant_names: expected neither names, networks nor tenant beside it"),
    ("wrong-wildcard", {"tenants.contoso.certificate_names": ["a.example", "*.contoso.example"]},
     "tenants.contoso.certificate_names: expected names without a wildcard, found one"),
    ("wrong-twice", {"tenants.fabrikam.certificate_names": ["APP.contoso.example"]},
     'tenants.fabrikam.certificate_names: expected each name once in all tenants, found '
     '"APP.contoso.example" in tenant `contoso` and in tenant `fabrikam`'),
    ("wrong-of-xoorg", {"tenants.fabrikam.certificate_names": ["mail.protection.outlook.com"]},
     "peers.exchange-online.names: expected a name that is in no tenant's certificate_names"),
    ("wrong-no-tls", {"listeners.in.tls": ""},
     "listeners.in.peers: expected tls beside it, since `applications` is known by its"),
))
def test_wrong_names(pki, tmp_path, id, changes, said):
    config = with_names(pki, type("H", (), {"address": "127.0.0.1:10025"}))
    if id == "wrong-no-tls":
        config["listeners"]["in"]["peers"] = ["applications"]
    for path, value in changes.items():
        config.set(path, value)
    file = tmp_path / "xoorgd.conf"
    file.write_text(config.text())
    code, out = check_config(str(file))
    assert code == 1 and re.search(r"xoorgd\.conf:\d+: ", out) and said in out, out


# --- names of tenants that are asked for ---------------------------------------------

FABRIKAM = {"name": "fabrikam", "originator_orgs": ["fabrikam.com"],
            "certificate_names": ["app.fabrikam.example", "erp.fabrikam.example"]}
ADATUM = {"name": "adatum", "originator_orgs": ["adatum.com"],
          "certificate_names": ["app.adatum.example"]}
CLOUD = {"name": "tailspin", "originator_orgs": ["tailspin.com"],
         "certificate_names": ["mail.protection.outlook.com", "Below.example"]}


@pytest.fixture
def named(gateway, pki, hop, tmp_path):
    """contoso stands in the configuration, the others behind a socketmap."""
    table, one = Socketmap(tmp_path), hop()
    table.put(FABRIKAM, ADATUM, CLOUD)

    def make(**changes):
        config = with_names(pki, one, **changes)
        del config["tenants"]["fabrikam"]
        config["tenant_tables"] = ["socketmap:unix:%s:t" % table.path]
        config["workers"] = 1
        config.set("tenant_lookup_timeout", 2)
        return gateway(config)
    yield make, table
    table.stop()


def say_mail(gw, cert, sender):
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(cert)
        got = c.cmd("EHLO x")
        if got.code == 250:
            assert "XOORG" not in got.text
            got = c.cmd("MAIL FROM:<%s>" % sender)
        if got.code == 250:
            c.want("RCPT TO:<r@anywhere.example>", 250)
            c.data(simple())
        return got


ASKED_ROWS = rows(
    ("none", None, {}, "u@fabrikam.com", "550", 0),
    ("bad-chain", "app.fabrikam.example", {"issuer": "other"}, "u@fabrikam.com", "550", 0),
    ("expired", "app.fabrikam.example", {"days": (-9, -1)}, "u@fabrikam.com", "550", 0),
    ("wildcard", "*.fabrikam.example", {}, "u@fabrikam.com", "550", 0),
    ("common-name", "*.fabrikam.example", {"cn": "app.fabrikam.example"}, "u@fabrikam.com",
     "550", 0),
    ("of-xoorg", "mail.protection.outlook.com", {"san": ("mail.protection.outlook.com",)},
     "u@tailspin.com", "550", 0),
    ("nobody's", "app.nobody.example", {}, "u@fabrikam.com", "550", 1),
    ("below", "x.app.fabrikam.example", {}, "u@fabrikam.com", "550", 1),
    ("above", "fabrikam.example", {}, "u@fabrikam.com", "550", 1),
    ("an-org", "fabrikam.com", {}, "u@fabrikam.com", "550", 1),
    ("two-tenants", "app.fabrikam.example",
     {"san": ("app.fabrikam.example", "app.adatum.example")}, "u@fabrikam.com", "550", 2),
    ("and-one-of-the-configuration", "app.fabrikam.example",
     {"san": ("app.fabrikam.example", "app.contoso.example")}, "u@contoso.com", "550", 1),
    ("too-many", "app.fabrikam.example",
     {"san": ("app.fabrikam.example",) + tuple("n%d.example" % i for i in range(16))},
     "u@fabrikam.com", "550", 0),
    ("another's-sender", "app.fabrikam.example", {}, "u@adatum.com", "550", 1),
    ("sender-of-the-configuration", "app.fabrikam.example", {}, "u@contoso.com", "550", 1),
    ("own", "app.fabrikam.example", {}, "u@fabrikam.com", "250", 1),
    ("capitals", "APP.Fabrikam.EXAMPLE", {}, "u@fabrikam.com", "250", 1),
    ("two-names", "app.fabrikam.example",
     {"san": ("app.fabrikam.example", "erp.fabrikam.example", "x.example")}, "u@fabrikam.com",
     "250", 3),
    ("the-other", "app.adatum.example", {}, "u@adatum.com", "250", 1),
    ("null", "app.adatum.example", {}, "", "250", 1),
    ("of-the-configuration", "app.contoso.example", {}, "u@contoso.com", "250", 0))


@pytest.mark.parametrize("id, name, how, sender, want, n_asked", ASKED_ROWS)
def test_asked_names(named, pki, id, name, how, sender, want, n_asked):
    """A row of the second table of protocol.md 9.13 each; how many names are asked for."""
    make, table = named
    # A listener that does not name the peer with xoorg makes its name nobody else's.
    gw = make(peers__applications__wildcards=True,
              **({"listeners__in__peers": ["applications"]} if id == "of-xoorg" else {}))
    cert = pki.make("asked-" + id.replace("'", ""), name, **how) if name else None
    got = say_mail(gw, cert, sender)
    assert got.matches(want), got
    assert [x.split(":")[0] for x in table.asked] == ["t certificate"] * n_asked
    event = gw.event()
    if got.code == 250:
        assert event["verdict"] == "attributed" and event["peer"] == "applications"
        assert event["tenant"] == (name.lower().split(".")[1])
    else:
        assert event["verdict"] != "attributed" or event["action"] == "reject"


SAYS = rows(
    ("nothing", lambda _: b""), ("gone", lambda _: None), ("rubbish", lambda _: b"x"),
    ("temporary", lambda _: b"5:TEMP ,"),
    ("of-another", lambda _: said_record(ADATUM)),
    ("without-names", lambda _: said_record(dict(FABRIKAM, certificate_names=[]))),
    ("wildcard", lambda _: said_record(dict(FABRIKAM, certificate_names=["*.example"]))),
    ("many-share-it", lambda _: said_record(dict(
        FABRIKAM, certificate_names=["app.fabrikam.example", "co.uk"]))),
    ("as-one-of-the-configuration", lambda _: said_record(dict(FABRIKAM, name="contoso"))),
    ("one-of-two", lambda text: b"5:TEMP ," if "erp" in text else said_record(FABRIKAM)),
    ("two-records", lambda text: said_record(
        dict(FABRIKAM, certificate_names=["erp.fabrikam.example"]) if "erp" in text else FABRIKAM)))


def said_record(record):
    text = ("OK " + json.dumps(record)).encode()
    return b"%d:%s," % (len(text), text)


@pytest.mark.parametrize("id, says", SAYS)
def test_asked_names_not_known(named, pki, id, says):
    """451, and never as a stranger's or another's; once it is known, in the same session."""
    make, table = named
    gw = make()
    cert = pki.make("asked-known", "app.fabrikam.example",
                    san=("app.fabrikam.example", "erp.fabrikam.example"))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(cert)
        c.want("EHLO x", 250)
        table.lie = says
        c.want("MAIL FROM:<u@fabrikam.com>", "451 4.3.0")
        table.lie = None
        assert wait_until(lambda: c.cmd("MAIL FROM:<u@fabrikam.com>").code == 250, 10, 0.3)
    assert wait_until(lambda: "tenant-not-known" in {e["reason"] for e in gw.events("message")})


def test_asked_names_anew(named, pki):
    """At each MAIL: a tenant that is gone, or another by now, is so for the next message."""
    make, table = named
    gw = make(tenant_fresh=0, tenant_nobody_fresh=0)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(pki.make("asked-anew", "app.fabrikam.example"))
        c.want("EHLO x", 250)
        c.want("MAIL FROM:<u@fabrikam.com>", 250)
        c.want("RSET", 250)
        table.put(dict(ADATUM, certificate_names=["app.fabrikam.example"]))
        c.want("MAIL FROM:<u@fabrikam.com>", "550 5.7.1")
        c.want("MAIL FROM:<u@adatum.com>", 250)
        c.want("RSET", 250)
        del table.table["certificate:app.fabrikam.example"]
        c.want("MAIL FROM:<u@adatum.com>", "550 5.7.1")


def test_asked_names_with_certificate(named, pki, hop, gateway, tmp_path):
    """Known by its certificate on the way in, and shown its own on the way out."""
    make, table = named
    folder = tmp_path / "tenants"
    folder.mkdir()
    for tenant in ("fabrikam", "adatum"):
        own = pki.make("asked-out-" + tenant, tenant + ".com")
        with open(own.key) as key, open(own.cert) as cert:
            (folder / (tenant + ".pem")).write_text(key.read() + cert.read())
        (folder / (tenant + ".pem")).chmod(0o640)
    ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=CAPS + ("XOORG",))
    out = out_config(pki, ex, client_certificate="tenant", client_key=None)
    gw = make(tenant_certificates=str(folder), upstreams__exchange=out["upstreams"]["exchange"],
              listeners__in__upstream="exchange", tenant_fresh=0)
    for tenant in ("fabrikam", "adatum", "fabrikam"):
        got = say_mail(gw, pki.make("asked-in-" + tenant, "app.%s.example" % tenant),
                       "u@%s.com" % tenant)
        assert got.code == 250, got
    assert [re.search(r"CN=([a-z.]+)", x509.load_der_x509_certificate(
        m.session.certificate).subject.rfc4514_string()).group(1) for m in ex.messages] == [
            "fabrikam.com", "adatum.com", "fabrikam.com"]


def test_asked_names_cdb(pki, hop, gateway, tmp_path):
    """By the tool's file, and back again; two tenants with one name are refused there."""
    config = with_names(pki, hop())
    del config["tenants"]["fabrikam"]
    (tmp_path / "plain.conf").write_text(config.text())
    (tmp_path / "t").mkdir()
    place = "cdb:%s/t/x.cdb" % tmp_path

    def tenant(*args, text=None):
        done = subprocess.run([XOORG, "tenant", "--config", str(tmp_path / "plain.conf"), *args],
                              input=text, capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr
    text = "".join(json.dumps(x) + "\n" for x in (FABRIKAM, ADATUM))
    assert tenant("import", place, text=text)[0] == 0
    code, out = tenant("export", "--json", place)
    assert code == 0
    assert [json.loads(x)["certificate_names"] for x in out.splitlines()] == [
        FABRIKAM["certificate_names"], ADATUM["certificate_names"]]
    code, out = tenant("check", place)
    assert code == 0, out
    twice = text + json.dumps(dict(CLOUD, certificate_names=["APP.fabrikam.example"])) + "\n"
    code, out = tenant("import", place + "2", text=twice)
    assert code != 0 and "expected each name once in all tenants" in out, out
    # What the configuration has by now the gateway would not take: each is told of.
    for have, said in (
            ({"originator_orgs": ["f.example"], "certificate_names": ["erp.fabrikam.example"]},
             'fabrikam: record: certificate_names: expected a domain that no tenant of the '
             'configuration has, found "erp.fabrikam.example"'),
            ({"originator_orgs": ["ADATUM.com"]}, "adatum: record: originator_orgs: expected a"),
            ({"name": "adatum", "originator_orgs": ["f.example"]},
             "adatum: record: name: expected one that no tenant of the configuration has")):
        both = config.with_({"tenants." + have.pop("name", "other"): have})
        (tmp_path / "plain.conf").write_text(both.text())
        code, out = tenant("check", place)
        assert code == 1 and said in out and ", 1 found" in out, out
    gw = gateway(config.set("tenant_tables", [place]))
    for name, want in (("fabrikam", 250), ("adatum", 250), ("tailspin", 550)):
        got = say_mail(gw, pki.make("cdb-" + name, "app.%s.example" % name), "u@%s.com" % name)
        assert got.code == want, got
