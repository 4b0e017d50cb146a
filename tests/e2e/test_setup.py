# SPDX-License-Identifier: ISC
"""xoorg setup: what is printed is what was configured, and safe to paste."""
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from harness import REPO, XOORG, check_config

sys.path.insert(0, os.path.join(REPO, "tests", "interop", "mta"))


def run(*args, cwd=None):
    return subprocess.run([XOORG, "setup", *args], capture_output=True, timeout=20, cwd=cwd,
                          stdin=subprocess.DEVNULL)


def new_args(pki, **changes):
    options = {"hostname": "gw.contoso.test", "tenant": "contoso",
               "org": ["contoso.com", "contoso.onmicrosoft.com"], "mta": "127.0.0.1:10025",
               "inbound": "127.0.0.1:10026", "certificate": pki.gw.cert, "key": pki.gw.key}
    options.update(changes)
    out = ["--new"]
    for name, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                out += ["--" + name, one]
    return out


def new(pki, **changes):
    done = run(*new_args(pki, **changes))
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


@pytest.fixture
def config(tmp_path, pki):
    """A file made by --new, with changes by text."""
    def make(replace=(), **changes):
        text = new(pki, **changes)
        for old, by in replace:
            assert old in text
            text = text.replace(old, by)
        file = tmp_path / "gw.conf"
        file.write_text(text)
        code, said = check_config(str(file))
        assert code == 0, said
        return str(file)
    return make


def setup_for(file, peer, *more):
    done = run("--config", file, "--for", peer, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def cmdlets(text):
    """Lines that PowerShell would run, continued ones joined."""
    text = text.replace("`\n", "")
    return [" ".join(x.split()) for x in text.split("\n") if x and not x.startswith("#")]


def made(text):
    return [x for x in cmdlets(text) if x.startswith("New-")]


# --- new --------------------------------------------------------------------------

@pytest.mark.parametrize("changes", [
    {}, {"exchange": "mail.contoso.test:25"}, {"exchange": "192.0.2.7"}, {"for": "sendmail"},
    {"handover": "none"}, {"handover": "xclient"}, {"handover": "proxy-v2"},
    {"cloud": "china"}, {"user": ""}, {"listen": ["127.0.0.1:2525", "[::1]:2525"]},
    {"org": "contoso.com"}], ids=str)
def test_new_is_accepted(config, changes):
    config(**changes)


def test_new_observes(pki):
    text = new(pki)
    assert 'mode = "observe"' in text
    assert 'originator_orgs = ["contoso.com", "contoso.onmicrosoft.com"]' in text
    assert '"mail.protection.outlook.com"' in text


def test_new_relative_file(pki, tmp_path):
    shutil.copy(pki.gw.cert, tmp_path / "a.pem")
    shutil.copy(pki.gw.key, tmp_path / "a.key")
    done = run(*new_args(pki, certificate="a.pem", key="a.key"), cwd=tmp_path)
    assert done.returncode == 0
    assert 'certificate = "%s"' % (tmp_path / "a.pem") in done.stdout.decode()


@pytest.mark.parametrize("folder", ['q"uo\\te', "new\nline", "d$x `y`", "\u00fc"])
def test_new_odd_file(pki, tmp_path, folder):
    os.mkdir(tmp_path / folder)
    for name, source in (("a.pem", pki.gw.cert), ("a.key", pki.gw.key)):
        shutil.copy(source, tmp_path / folder / name)
    text = new(pki, certificate=str(tmp_path / folder / "a.pem"),
               key=str(tmp_path / folder / "a.key"))
    (tmp_path / "gw.conf").write_text(text)
    code, said = check_config(str(tmp_path / "gw.conf"))
    assert code == 0, said


@pytest.mark.parametrize("changes, word", [
    ({"hostname": None}, "--hostname"), ({"org": []}, "--org"), ({"inbound": None}, "--inbound"),
    ({"hostname": "a b"}, "hostname"), ({"hostname": 'a";user="root'}, "hostname"),
    ({"tenant": "a = {}; b"}, "--tenant"), ({"tenant": "1a"}, "--tenant"),
    ({"tenant": ""}, "--tenant"), ({"tenant": "a\nb"}, "--tenant"),
    ({"org": ["bad domain"]}, "originator_orgs"),
    ({"org": ['a.example"]; relay = true; x = ["']}, "originator_orgs"),
    ({"mta": "127.0.0.1:99999"}, "hosts"), ({"inbound": "x y"}, "hosts"),
    ({"listen": "nowhere"}, "listen"), ({"certificate": "/nonexistent.pem"}, "nonexistent"),
    ({"handover": "magic"}, "handover"), ({"cloud": "nine"}, "cloud"),
    ({"exchange": "a b"}, "hosts")], ids=str)
def test_new_refused(pki, changes, word):
    done = run(*new_args(pki, **changes))
    assert done.returncode == 2 and done.stdout == b""
    assert word in done.stderr.decode()


@pytest.mark.parametrize("args", [[], ["--new", "--config", "x"], ["--for", "exim"],
                                  ["--config", "x", "--for", "qmail"],
                                  ["--config", "x", "y"]])
def test_usage(args):
    assert run(*args).returncode == 2


def test_bad_config(tmp_path):
    (tmp_path / "gw.conf").write_text("hostname = 5\n")
    done = run("--config", str(tmp_path / "gw.conf"))
    assert done.returncode == 1 and b"gw.conf:1:" in done.stderr and done.stdout == b""


# --- Exchange ---------------------------------------------------------------------

def test_exchange_online(config):
    text = setup_for(config(exchange="mail.contoso.test"), "exchange-online")
    got = cmdlets(text)
    assert got == [
        "New-OutboundConnector -Name 'To gw.contoso.test' -ConnectorType OnPremises "
        "-UseMXRecord $false -SmartHosts 'gw.contoso.test' "
        "-RecipientDomains 'contoso.com','contoso.onmicrosoft.com' "
        "-TlsSettings DomainValidation -TlsDomain 'gw.contoso.test'",
        "Get-OutboundConnector -Identity 'To gw.contoso.test' "
        "| Format-List SmtpDaneMode,MtaStsMode",
        "New-InboundConnector -Name 'From gw.contoso.test' -ConnectorType OnPremises "
        "-SenderDomains '*' -RequireTls $true -TlsSenderCertificateName 'gw.contoso.test'"]
    assert "# Set-OutboundConnector -Identity 'To gw.contoso.test' " \
        "-CloudServicesMailEnabled $true" in text
    assert "WARNING: CloudServicesMailEnabled" in text
    assert re.search(r"^# New-InboundConnector .*-ConnectorType Partner.*"
                     r"-RestrictDomainsToCertificate \$true", text, re.M)
    assert re.search(r"^# Set-OrganizationConfig -RejectDirectSend \$true", text, re.M)
    assert "smart hosts have no port" not in text


def test_hybrid(config):
    text = setup_for(config(exchange="mail.contoso.test"), "exchange-online", "--hybrid")
    assert all("-CloudServicesMailEnabled $true" in x for x in made(text))


def test_exchange_online_relay(config):
    file = config([("recipient_domains", "relay = true\nrecipient_domains")])
    got = made(setup_for(file, "exchange-online"))
    assert len(got) == 1	# no way back in this configuration
    assert "-RecipientDomains '*' -RouteAllMessagesViaOnPremises $true" in got[0]


def test_port_warning(config):
    assert "smart hosts have no port" in setup_for(config(listen="127.0.0.1:2525"),
                                                   "exchange-online")


def test_name_warning(config):
    assert "does not carry the name" in setup_for(config(hostname="other.contoso.test"),
                                                  "exchange-online")
    assert "does not carry the name" not in setup_for(config(), "exchange-online")


def test_exchange(config):
    got = cmdlets(setup_for(config(exchange="mail.contoso.test"), "exchange"))
    assert "Set-ReceiveConnector -Identity $receive -TlsDomainCapabilities " \
        "@{Add='gw.contoso.test:AcceptCloudServicesMail'}" in got
    assert any(x.startswith("Set-SendConnector") and "-Port 10027" in x and
               "-TlsDomain 'gw.contoso.test'" in x for x in got)


def _with_client(file, pem, key):
    """The same configuration with another client certificate."""
    with open(file) as f:
        head, tail = f.read().split("client_certificate = ")
    with open(file, "w") as f:
        f.write(head + 'client_certificate = "%s"\nclient_key = "%s"\n%s' % (
            pem, key, tail.split("\n", 2)[2]))


@pytest.mark.parametrize("name, want", [
    ("relay.contoso.example", "relay.contoso.example"), ("*.contoso.example", "*.contoso.example"),
    ("a';calc;'.example", "gw.contoso.test"), ("a\u2019;calc", "gw.contoso.test"),
    ("a\nRemove-Item x", "gw.contoso.test"), ("$(calc).example", "gw.contoso.test")])
def test_client_certificate_name(config, pki, name, want):
    """What a certificate is called must not become a command."""
    cert = pki.make("setup-%d" % (abs(hash(name)) % 10 ** 9), "gw.contoso.test", cn="x.example",
                    san=[name.encode("punycode").decode() if not name.isascii() else name])
    file = config(exchange="mail.contoso.test")
    _with_client(file, cert.cert, cert.key)
    assert made(setup_for(file, "exchange-online"))[1].endswith(" '%s'" % want)
    assert "@{Add='%s:Accept" % want in setup_for(file, "exchange")
    back = json.loads(setup_for(file, "cipp"))["contoso"][1]
    assert back["TlsSenderCertificateName"] == want


def test_cipp(config):
    got = json.loads(setup_for(config(exchange="mail.contoso.test"), "cipp"))
    out, back = got["contoso"]
    assert out["cippConnectorType"] == "Outbound" and out["SmartHosts"] == ["gw.contoso.test"]
    assert out["CloudServicesMailEnabled"] is False
    assert back["cippConnectorType"] == "Inbound" and back["RequireTls"] is True


# --- MTAs -------------------------------------------------------------------------

RELAY = [("recipient_domains", "relay = true\n\t\trecipient_domains")]
MTAS = {"postfix": "xclient", "exim": "proxy", "opensmtpd": "proxy-v2", "sendmail": "none",
        "haraka": "xclient"}


@pytest.mark.parametrize("mta", MTAS)
def test_new_hands_the_client_over(config, mta):
    """The MTA behind must not take every stranger for this machine."""
    with open(config(**{"for": mta})) as f:
        assert re.findall(r'handover = "([^"]+)"', f.read()) == [MTAS[mta]] * 2


@pytest.mark.parametrize("mta, handover", [
    ("exim", "xclient"), ("opensmtpd", "proxy"), ("sendmail", "xclient"), ("haraka", "proxy")])
def test_new_refuses_what_the_mta_does_not_take(pki, mta, handover):
    done = run(*new_args(pki, handover=handover, **{"for": mta}))
    assert done.returncode == 2 and b"--handover" in done.stderr


def test_new_for_exchange(pki):
    assert run(*new_args(pki, **{"for": "exchange"})).returncode == 2


@pytest.mark.parametrize("mta", MTAS)
@pytest.mark.parametrize("handover", [None, "none"])
@pytest.mark.parametrize("relay", [False, True])
def test_nothing_is_left_open(config, mta, handover, relay):
    """Whatever is printed: no list of all networks, no value left out, and no stanza that
    relays but for a tenant that may."""
    file = config(RELAY if relay else (), exchange="mail.contoso.test", handover=handover,
                  **{"for": mta})
    text = setup_for(file, mta)
    assert "static:all\n" not in text.replace("exceptions=static:all", "")
    assert "WARNING" not in text
    assert re.findall(r"@[A-Z_]+@", text) == (["@MTA_ETC@"] * 2 if mta == "haraka" else [])
    for word in ("static:OK", "centralized mail transport"):
        assert (word in text) <= relay, text
    assert ("centralized mail transport" in text) == relay
    assert mta == "haraka" or "contoso.onmicrosoft.com" in text or mta == "exim"


def test_relay_by_one_tenant(config):
    """The service of another tenant's verified mail does not relay."""
    file = config([("\tcontoso = {\n", "\tcontoso = {\n\t\trelay = true\n"
                    "\t\tupstream = \"own\"\n"),
                   ("listeners = {", """listeners = {"""),
                   ("upstreams = {", 'upstreams = {\n\town = { hosts = ["127.0.0.1:10035"]; '
                    'handover = "xclient" }')])
    text = setup_for(file, "postfix")
    services = dict(re.findall(r"^127\.0\.0\.1:(\d+) inet .* smtpd\n((?:  -o .+\n)+)", text,
                               re.M))
    assert sorted(services) == ["10025", "10026", "10035"]
    assert "static:OK" in services["10035"] and "static:OK" not in services["10025"]


def test_postfix(config):
    text = setup_for(config(exchange="mail.contoso.test"), "postfix")
    services = re.findall(r"^127\.0\.0\.1:(\d+) inet .* smtpd\n((?:  -o .+\n)+)", text, re.M)
    assert [x[0] for x in services] == ["10025", "10026"]
    for _, settings in services:
        assert "smtpd_authorized_xclient_hosts=127.0.0.1" in settings
        assert "smtpd_tls_security_level=may" in settings
    assert "smtpd_relay_restrictions=permit_auth_destination,reject\n" in services[0][1]
    # as main.cf has it: hosts that relay by mynetworks still do
    assert "smtpd_relay_restrictions" not in services[1][1]
    assert "{ contoso.com = smtp:[127.0.0.1]:10027 }" in text
    assert "{ contoso.onmicrosoft.com = smtp:[127.0.0.1]:10027 }" in text


def test_postfix_proxy(config):
    text = setup_for(config(RELAY, handover="proxy"), "postfix")
    assert text.count("-o smtpd_upstream_proxy_protocol=haproxy\n") == 2


def test_postfix_untold(config):
    """handover = "none": 127.0.0.1, which all clients are then, may do nothing."""
    text = setup_for(config(handover="none"), "postfix")
    assert text.count("  -o mynetworks=\n") == 2
    assert text.count("-o smtpd_relay_restrictions=permit_auth_destination,reject\n") == 3


def test_exim(config):
    text = setup_for(config(exchange="mail.contoso.test", **{"for": "exim"}), "exim")
    assert "= <; [127.0.0.1]:10025 ; [127.0.0.1]:10026" in text
    assert "hosts_proxy" in text and "eq{$received_port}{10025}" in text
    assert "port = 10027" in text
    assert "does not take" in setup_for(config(), "exim")


def test_elsewhere(config):
    text = setup_for(config(mta="192.0.2.5:10025"), "postfix")
    assert re.search(r"(?m)^10025 inet", text)
    assert "smtpd_authorized_xclient_hosts=$xoorg_gateway" in text
    assert "# Upstream verified is elsewhere" in text


def test_all(config):
    done = run("--config", config(exchange="mail.contoso.test"))
    text = done.stdout.decode()
    assert done.returncode == 0
    for word in ("New-OutboundConnector", "Set-ReceiveConnector", "master.cf", "# Haraka."):
        assert word in text
    assert "# Exim." not in text	# it takes no XCLIENT


# --- one recipe, not three ------------------------------------------------------------

def test_new_is_what_the_readme_shows(pki):
    import recipes
    values = dict(recipes.SHOWN, HOSTNAME='"gw.contoso.test"',
                  CERTIFICATE='"%s"' % os.path.realpath(pki.gw.cert),
                  KEY='"%s"' % os.path.realpath(pki.gw.key))
    text = recipes.text_of("gateway/xoorgd.conf")
    for exchange in (None, "mail.contoso.com:25"):
        more = recipes.with_way_back(values) if exchange else values
        want = recipes.render(text, dict(recipes.handed_over("postfix", "xclient", more),
                                         RECIPIENT_DOMAINS=values["ORGS"]))
        assert new(pki, user="xoorg", exchange=exchange) == want


@pytest.mark.parametrize("mta", MTAS)
def test_stanzas_are_what_the_cookbook_shows(config, mta):
    import recipes
    text = setup_for(config(exchange="mail.contoso.test", org="contoso.com", **{"for": mta}),
                     mta)
    folder = os.path.join(recipes.COOKBOOK, mta)
    want = {"postfix": ["behind/verified.cf", "behind/ordinary.cf", "behind/routing.cf",
                        "in-front/transport.cf", "in-front/own.cf"],
            "exim": ["behind/main", "behind/rcpt", "behind/rcpt-verified", "in-front/router",
                     "in-front/transport", "in-front/own"],
            "opensmtpd": ["behind/listen", "behind/match-verified", "in-front/route"],
            "sendmail": ["behind/daemons.m4", "behind/rules.m4", "in-front/route.m4",
                         "in-front/mailertable"],
            "haraka": ["behind/xoorg.js", "in-front/xoorg-route.js"]}[mta]
    for file in want:
        assert os.path.exists(os.path.join(folder, file))
        shown = recipes.shown(mta + "/" + file)
        if mta == "opensmtpd":
            shown = shown.replace("@MTA_ETC@", "/etc")
        assert shown in text, file
