# SPDX-License-Identifier: ISC
"""The configuration: what is wrong is said with FILE:LINE, and exit code 1."""
import os
import re
import subprocess

import pytest

from harness import XOORGD, Raw, base_config, check_config, out_config, rows
from gateway import _write


class Nowhere:
    address = "127.0.0.1:9"
    second = "127.0.0.1:10"


def _base(pki):
    config = base_config(pki, Nowhere, Nowhere)
    config["upstreams"]["exchange"] = {
        "hosts": ["127.0.0.1:9"], "tls": "verify", "tls_name": "mail.contoso.test",
        "trust": pki.ca}
    return config


def _check(tmp_path, config, args=("-t", "-c")):
    file = tmp_path / "gw.conf"
    file.write_text(config if isinstance(config, str) else config.text(), "latin-1")
    return check_config(str(file), args=args)


def test_good(tmp_path, pki):
    code, said = _check(tmp_path, _base(pki))
    assert code == 0, said


def test_good_outbound(tmp_path, pki):
    code, said = _check(tmp_path, out_config(pki, Nowhere, xoorg="tenant",
                                             client_certificate="tenant", client_key=None))
    assert code == 0, said


def test_design_sample(tmp_path, pki):
    """The listing of the design, with files that exist."""
    text = """
hostname = "gw.contoso.com"
user = ""
workers = 0
log = "stderr"
log_format = "text"
status = "127.0.0.1:9025"
pid_file = ""
tls = { default = { certificate = "%(gw)s" key = "%(key)s" trust = "system" minimum = "1.2" } }
peers = {
  exchange-online = {
    names = ["mail.protection.outlook.com"]
    networks = []
    rights = ["xoorg"]
    bad_certificate = "refuse"
  }
  local-mta = { networks = ["127.0.0.0/8", "::1/128"]; rights = ["relay"] }
}
tenants = {
  contoso = {
    originator_orgs = ["contoso.com", "contoso.onmicrosoft.com"]
    sender_domains = []
    recipient_domains = ["contoso.com"]
    relay = false
    client_certificate = ""
    client_key = ""
    upstream = ""
  }
}
listeners = {
  from-exchange-online = {
    listen = ["0.0.0.0:25", "[::]:25"]
    tls = "default"
    require_tls = false
    peers = ["exchange-online"]
    mode = "enforce"
    unknown_org = "reject"
    no_org = "demote"
    sender_mismatch = "reject"
    upstream = "postfix"
    demote_to = "postfix-inbound"
    size_limit = 157286400
  }
  to-exchange = {
    listen = ["127.0.0.1:10027"]
    peers = ["local-mta"]
    upstream = "exchange"
  }
}
upstreams = {
  postfix = { hosts = ["127.0.0.1:10025"] handover = "xclient" }
  postfix-inbound = { hosts = ["127.0.0.1:10026"] }
  exchange = {
    hosts = ["mail.contoso.com:25"]
    tls = "verify"
    tls_name = "mail.contoso.com"
    trust = "system"
    client_certificate = "%(gw)s"
    client_key = "%(key)s"
    xoorg = "contoso.com"
    require_xoorg = true
  }
}
""" % {"gw": pki.gw.cert, "key": pki.gw.key}
    code, said = _check(tmp_path, text)
    assert code == 0, said


def test_relative_names(tmp_path, pki):
    for src, dst in ((pki.gw.cert, "a.pem"), (pki.gw.key, "a.key"), (pki.ca, "ca.pem")):
        with open(src, "rb") as f:
            (tmp_path / dst).write_bytes(f.read())
    config = _base(pki)
    config["tls"]["default"] = {"certificate": "a.pem", "key": "a.key", "trust": "ca.pem"}
    code, said = _check(tmp_path, config)
    assert code == 0, said


def test_include(tmp_path, pki):
    config = _base(pki)
    tenants = config.pop("tenants")
    (tmp_path / "tenants.conf").write_text("tenants = %s\n" % _write(tenants, 0))
    text = config.text().replace("listeners =", '@include "tenants.conf"\nlisteners =')
    code, said = _check(tmp_path, text)
    assert code == 0, said


def test_include_error_names_its_file(tmp_path, pki):
    config = _base(pki)
    config.pop("tenants")
    (tmp_path / "tenants.conf").write_text("tenants = {\n contoso = {\n  oops = 1\n }\n}\n")
    text = config.text().replace("listeners =", '@include "tenants.conf"\nlisteners =')
    code, said = _check(tmp_path, text)
    assert code == 1 and "tenants.conf:3" in said


DUP = Raw('{ a = { originator_orgs = ["contoso.com"] };\n'
          ' b = { originator_orgs = ["x.example",\n "CONTOSO.com"] }; }')

# id, setting, value, a word that must stand at the line named ("" for any line)
WRONG = rows(
    ("unknown-top", "colour", "red", "colour"),
    ("unknown-listener", "listeners.in.colour", "red", "colour"),
    ("unknown-tenant", "tenants.contoso.colour", "red", "colour"),
    ("unknown-upstream", "upstreams.main.colour", "red", "colour"),
    ("type-number", "workers", "two", "workers"),
    ("type-string", "hostname", 5, "hostname"),
    ("type-bool", "listeners.in.require_tls", "yes", "require_tls"),
    ("type-list", "tenants.contoso.originator_orgs", "contoso.com", "originator_orgs"),
    ("type-list-of-numbers", "tenants.contoso.originator_orgs", [1, 2], "originator_orgs"),
    ("type-group", "peers", "x", "peers"),
    ("no-hostname", "hostname", None, ""),
    ("bad-hostname", "hostname", "bad host", "hostname"),
    ("range", "workers", -1, "workers"),
    ("word-mode", "listeners.in.mode", "watch", "mode"),
    ("word-action", "listeners.in.unknown_org", "bounce", "unknown_org"),
    ("word-tls", "upstreams.exchange.tls", "maybe", "tls ="),
    ("word-right", "peers.exchange-online.rights", ["root"], "rights"),
    ("word-handover", "upstreams.main.handover", "magic", "handover"),
    ("word-minimum", "tls.default.minimum", "1.1", "minimum"),
    ("ref-upstream", "listeners.in.upstream", "nowhere", "upstream ="),
    ("ref-demote", "listeners.in.demote_to", "nowhere", "demote_to"),
    ("ref-tls", "listeners.in.tls", "nowhere", "tls ="),
    ("ref-peer", "listeners.in.peers", ["nobody"], "peers ="),
    ("ref-tenant-upstream", "tenants.contoso.upstream", "nowhere", "upstream ="),
    ("no-listen", "listeners.in.listen", None, ""),
    ("bad-listen", "listeners.in.listen", ["localhost"], "listen ="),
    ("bad-port", "listeners.in.listen", ["127.0.0.1:99999"], "listen ="),
    ("bad-network", "peers.local-mta.networks", ["127.0.0.0/33"], "networks"),
    ("bad-domain", "tenants.contoso.originator_orgs", ["bad domain"], "originator_orgs"),
    ("bad-xoorg", "upstreams.exchange.xoorg", "bad domain", "xoorg"),
    ("no-org", "tenants.contoso.originator_orgs", [], "originator_orgs"),
    ("tenant-twice", "tenants", DUP, "b = {"),
    ("missing-certificate", "tls.default.certificate", "/nonexistent.pem", "certificate"),
    ("missing-key", "tls.default.key", "/nonexistent.key", "key"),
    ("missing-trust", "tls.default.trust", "/nonexistent.pem", "trust"),
    ("adjacent", "tenants.contoso.originator_orgs", Raw('["contoso.com" "b.example"]'),
     "originator_orgs"),
    ("adjacent-next-line", "tenants.contoso.originator_orgs",
     Raw('["contoso.com"\n "b.example"]'), ""),
    ("no-hosts", "upstreams.main.hosts", [], ""),
    ("syntax", "workers", Raw("= ="), ""),
    ("twice", "workers", Raw("1;\nworkers = 2"), "workers = 2"),
    ("octal", "workers", Raw("0x"), ""),
    ("key-alone", "upstreams.exchange.client_key", "/dev/null", ""),
    ("upstream-twice", "upstreams",
     Raw('{ main = { hosts = ["127.0.0.1:9"] };\n main = { hosts = ["127.0.0.1:9"] }; }'),
     " main = {"),
    ("tls-key-file-is-folder", "tls.default.key", "/", "key"),
    ("status-port", "status", "127.0.0.1:x", "status"),
    ("xoorg-without-tls", "upstreams.main.xoorg", "contoso.com", ""),
)


@pytest.mark.parametrize("id, path, value, word", WRONG)
def test_wrong(tmp_path, pki, id, path, value, word):
    config = _base(pki).with_({path: value})
    text = config.text()
    code, said = _check(tmp_path, text)
    assert code == 1, said
    found = re.search(r"gw\.conf:(\d+): ?\S", said)
    assert found, "no FILE:LINE in %r" % said
    if word:
        line = text.split("\n")[int(found.group(1)) - 1]
        assert word in line, "%r names line %s, %r" % (said, found.group(1), line)
    # and the gateway does not start on it
    code, said = _check(tmp_path, text, args=("-c",))
    assert code == 1


HINTS = rows(
    ("top", "hostnme", "x", "hostname"), ("top-group", "listener", {}, "listeners"),
    ("listener", "listeners.in.demot_to", "main", "demote_to"),
    ("tenant", "tenants.contoso.originator_org", ["a.b"], "originator_orgs"),
    ("upstream", "upstreams.main.host", ["127.0.0.1:9"], "hosts"),
    ("name-upstream", "listeners.in.upstream", "mian", "main"),
    ("name-peer", "listeners.in.peers", ["exchange-onlin"], "exchange-online"),
    ("name-tls", "listeners.in.tls", "defalt", "default"),
)


@pytest.mark.parametrize("id, path, value, hint", HINTS)
def test_hint(tmp_path, pki, id, path, value, hint):
    """A typing error is told with the nearest name, and its place."""
    text = _base(pki).with_({path: value}).text()
    code, said = _check(tmp_path, text)
    assert code == 1 and said.strip().endswith("did you mean `%s`?" % hint), said
    line = text.split("\n")[int(re.search(r"gw\.conf:(\d+): ", said).group(1)) - 1]
    assert path.split(".")[-1] in line


def test_mismatched_key(tmp_path, pki):
    config = _base(pki).with_({"tls.default.key": pki.gw_rsa.key})
    text = config.text()
    code, said = _check(tmp_path, text)
    assert code == 1
    found = re.search(r"gw\.conf:(\d+): ?\S", said)
    assert found, said
    assert "key" in text.split("\n")[int(found.group(1)) - 1] or \
        "certificate" in text.split("\n")[int(found.group(1)) - 1]


def test_mismatched_tenant_key(tmp_path, pki):
    config = out_config(pki, Nowhere, client_certificate="tenant", client_key=None)
    config.set("tenants.contoso.client_key", pki.gw_rsa.key)
    code, said = _check(tmp_path, config)
    assert code == 1 and re.search(r"gw\.conf:\d+: ?\S", said), said


def test_garbage_certificate(tmp_path, pki):
    (tmp_path / "bad.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n")
    config = _base(pki).with_({"tls.default.certificate": str(tmp_path / "bad.pem")})
    code, said = _check(tmp_path, config)
    assert code == 1 and re.search(r"gw\.conf:\d+: ?\S", said), said


@pytest.mark.parametrize("id, listen, host", rows(
    ("itself", "127.0.0.1:2525", "127.0.0.1:2525"), ("any-4", "0.0.0.0:25", "127.0.0.1:25"),
    ("any-6", "[::]:25", "[::1]:25"), ("by-name", "[::]:25", "localhost:25")))
@pytest.mark.parametrize("setting", ["upstream", "demote_to"])
def test_own_address(tmp_path, pki, setting, id, listen, host):
    """The MTA was left on port 25, or the gateway sent to itself."""
    name = "main" if setting == "upstream" else "inbound"
    config = _base(pki).with_({"listeners.in.listen": [listen],
                               "upstreams.%s.hosts" % name: ["192.0.2.1:25", host]})
    text = config.text()
    code, said = _check(tmp_path, text)
    assert code == 1 and "listener `in` itself listens" in said
    line = text.split("\n")[int(re.search(r"gw\.conf:(\d+): ", said).group(1)) - 1]
    assert host in line


@pytest.mark.parametrize("listen, host", [
    ("127.0.0.1:2525", "127.0.0.1:2526"), ("127.0.0.1:2525", "127.0.0.2:2525"),
    ("0.0.0.0:25", "192.0.2.1:25"), ("[::]:25", "mta.contoso.test:25")])
def test_other_address(tmp_path, pki, listen, host):
    config = _base(pki).with_({"listeners.in.listen": [listen], "upstreams.main.hosts": [host]})
    code, said = _check(tmp_path, config)
    assert code == 0, said


def test_unknown_user(tmp_path, pki):
    config = _base(pki).with_({"user": "no-such-user-here"})
    code, said = _check(tmp_path, config)
    if code == 0:				# then at least at start-up
        code, said = _check(tmp_path, config, args=("-c",))
    assert code == 1 and "user" in said


def test_missing_file():
    code, said = check_config("/nonexistent/gw.conf")
    assert code == 1 and "/nonexistent/gw.conf" in said


def _no_file(tmp_path, kind):
    """What stands where a file should be, and what is said of it."""
    path = str(tmp_path / kind)
    if kind == "device":
        return "/dev/zero", "Is not a regular file"
    if kind == "folder":
        os.mkdir(path)
        return path, "Is a directory"
    os.mkfifo(path)
    return path, "Is not a regular file"


NO_FILE = pytest.mark.parametrize("kind", ("fifo", "device", "folder"))


@NO_FILE
@pytest.mark.parametrize("path", (
    "tls.default.certificate", "tls.default.key", "tls.default.trust", "tls.default.crl_file",
    "peers.exchange-online.crl_file", "tenants.contoso.client_certificate",
    "tenants.contoso.client_key", "upstreams.exchange.trust", "upstreams.exchange.crl_file",
    "upstreams.exchange.client_certificate", "upstreams.exchange.client_key"))
def test_no_regular_file(tmp_path, pki, path, kind):
    """Nothing is waited for, and each setting says what it is about."""
    file, why = _no_file(tmp_path, kind)
    text = _base(pki).with_({path: file}).text()
    code, said = _check(tmp_path, text)
    assert code == 1
    assert said.strip().endswith("%s: expected a readable file, found %s: %s"
                                 % (path, file, why)), said
    line = text.split("\n")[int(re.search(r"gw\.conf:(\d+): ", said).group(1)) - 1]
    assert path.split(".")[-1] in line


@NO_FILE
@pytest.mark.parametrize("args", (("-t", "-c"), ("-c",)))
def test_no_regular_configuration(tmp_path, args, kind):
    file, why = _no_file(tmp_path, kind)
    code, said = check_config(file, args=args)
    assert code == 1 and "%s: cannot be read: %s" % (file, why) in said


@NO_FILE
def test_no_regular_include(tmp_path, pki, kind):
    file, why = _no_file(tmp_path, kind)
    code, said = _check(tmp_path, '@include "%s"\n' % file + _base(pki).text())
    assert code == 1
    assert "gw.conf:1: expected a readable file, found %s: %s" % (file, why) in said


def test_linked_file(tmp_path, pki):
    """A link to a file is one: renewed certificates come so."""
    for name, file in (("c.pem", pki.gw.cert), ("c.key", pki.gw.key), ("c.conf", "real.conf")):
        os.symlink(file, tmp_path / name)
    (tmp_path / "real.conf").write_text(_base(pki).with_({
        "tls.default.certificate": "c.pem", "tls.default.key": "c.key"}).text())
    code, said = check_config(str(tmp_path / "c.conf"))
    assert code == 0, said


@pytest.mark.parametrize("args, want", [
    (["--help"], 0), (["--bogus"], (1, 2, 64)), ([], (0, 1, 2, 64)), (["-t"], (0, 1, 2, 64))])
def test_command_line(args, want):
    done = subprocess.run([XOORGD, *args], capture_output=True, timeout=10,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == want or (isinstance(want, tuple) and done.returncode in want)
    if args == ["--help"]:
        assert b"-c" in done.stdout and b"-t" in done.stdout


@pytest.mark.parametrize("sub", ["probe", "send", "sink", "check", "explain", "setup"])
def test_tool_help(sub):
    from harness import XOORG
    if not os.path.exists(XOORG):
        pytest.fail("xoorg is not built")
    done = subprocess.run([XOORG, sub, "--help"], capture_output=True, timeout=10,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0 and done.stdout


def test_port_in_use(tmp_path, pki):
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        config = _base(pki).with_(
            {"listeners.in.listen": ["127.0.0.1:%d" % s.getsockname()[1]]})
        code, said = _check(tmp_path, config, args=("-c",))
        assert code == 1 and re.search(r"gw\.conf:\d+: .*127\.0\.0\.1.*in use", said)
