# SPDX-License-Identifier: ISC
"""Warnings: xoorgd -t and --strict, the log, the page, the metric, xoorg check; of what
needs this machine (certificates), each rule with its negative. What needs only the text
is in tests/unit/test_audit.c. And: what we hand out has none."""
import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request

import pytest

from harness import (REPO, XOORG, XOORGD, base_config, check_config, free_port, out_config,
                     rows, wait_until)

# As root, "" is told of; else it is all there is.
USER = "nobody" if os.geteuid() == 0 else ""
HOUR = 1 / 24


class Place:
    def __init__(self, port):
        self.address = "127.0.0.1:%d" % port


def clean(pki, folder, **certificate):
    """A configuration without any warning, as xoorgd.conf in `folder`."""
    os.chmod(folder, 0o755)
    own = pki.make("warned-%s" % abs(hash(tuple(sorted(certificate.items())))),
                   **dict({"name": "gw.contoso.test"}, **certificate))
    for source, name in ((own.cert, "gw.pem"), (own.key, "gw.key"), (pki.ca, "ca.pem")):
        target = os.path.join(folder, name)
        shutil.copyfile(source, target)
        os.chmod(target, 0o640 if name == "gw.key" else 0o644)
        if os.geteuid() == 0:
            shutil.chown(target, "root", "nogroup")
    config = base_config(pki, Place(10025), Place(10026), user=USER,
                         tls__default={"certificate": "gw.pem", "key": "gw.key",
                                       "trust": "ca.pem"})
    config["peers"].pop("local-mta")
    return config


@pytest.fixture
def folder():
    """Others can get there, as into /etc."""
    import tempfile
    with tempfile.TemporaryDirectory(prefix="xoorg-warn-", dir="/tmp") as name:
        yield name


def check(folder, config, *args):
    file = os.path.join(folder, "xoorgd.conf")
    with open(file, "w") as out:
        out.write(config if isinstance(config, str) else config.text())
    os.chmod(file, 0o644)
    return check_config(file, args=("-t", *args, "-c"))


def ids(said):
    return re.findall(r": warning: .* \[([a-z-]+)\]$", said, re.M)


def test_strict(folder, pki):
    config = clean(pki, folder)
    for args in ((), ("--strict",)):
        code, said = check(folder, config, *args)
        assert (code, said.split(": ")[1]) == (0, "ok\n"), said
    config.set("status", "0.0.0.0:9025").set("hostname", "gw")
    code, said = check(folder, config)
    assert code == 0 and "ok, 3 warnings" in said
    assert sorted(ids(said)) == ["certificate-name", "hostname-local", "status-public"]
    lines = config.text().split("\n")
    for line in said.split("\n")[1:-1]:
        found = re.match(r"%s/xoorgd\.conf:(\d+): warning: ([a-z.]+): [^;]+; [^;]+; .+ \[.*\]$"
                         % folder, line)
        assert found, line
        assert found.group(2).split(".")[-1] in lines[int(found.group(1)) - 1]
    code, said = check(folder, config, "--strict")
    assert code == 1 and len(ids(said)) == 3 and ": ok" not in said


def test_strict_alone():
    done = subprocess.run([XOORGD, "--strict"], capture_output=True, timeout=10)
    assert done.returncode == 2


def test_error_before_warnings(folder, pki):
    config = clean(pki, folder).set("hostname", "gw").set("workers", -1)
    code, said = check(folder, config)
    assert code == 1 and ids(said) == []


CERTIFICATES = rows(
    ("good", {}, []),
    ("expired", {"days": (-30, -1)}, ["certificate-expired"]),
    ("too-new", {"days": (1, 30)}, ["certificate-not-yet-valid"]),
    ("ends", {"days": (-80, 10)}, ["certificate-ends-soon"]),
    ("not-yet", {"days": (-80, 16)}, []),
    ("short-life", {"days": (-3, 3)}, []),
    ("short-life-ends", {"days": (-5.5, 0.5)}, ["certificate-ends-soon"]),
    ("other-name", {"name": "gw.fabrikam.test"}, ["certificate-name"]),
    ("wildcard", {"name": "x", "san": ("*.contoso.test",)}, []),
    ("wildcard-above", {"name": "x", "san": ("*.test",)}, ["certificate-name"]),
    ("second-name", {"name": "x", "san": ("a.test", "gw.contoso.test")}, []),
    ("below", {"name": "a.gw.contoso.test"}, ["certificate-name"]),
)


@pytest.mark.parametrize("id, how, want", CERTIFICATES)
def test_listener(folder, pki, id, how, want):
    code, said = check(folder, clean(pki, folder, **how))
    assert code == 0 and ids(said) == want, said
    if want:
        assert "tls.default.certificate: it" in said


CLIENTS = rows(
    ("good", {"name": "contoso.com"}, []),
    ("below", {"name": "mail.contoso.com"}, []),
    ("wildcard", {"name": "x", "san": ("*.contoso.com",)}, []),
    ("other", {"name": "contoso.example"}, ["certificate-name"]),
    ("similar", {"name": "notcontoso.com"}, ["certificate-name"]),
    ("expired", {"name": "contoso.com", "days": (-9, -1)}, ["certificate-expired"]),
    ("too-new", {"name": "contoso.com", "days": (1, 9)}, ["certificate-not-yet-valid"]),
    ("ends", {"name": "contoso.com", "days": (-80, 10)}, ["certificate-ends-soon"]),
    ("for-servers", {"name": "contoso.com", "eku": "server"}, ["certificate-not-for-clients"]),
    ("for-clients", {"name": "contoso.com", "eku": "client"}, []),
    ("for-nothing", {"name": "contoso.com", "eku": "none"}, []),
    ("for-code", {"name": "contoso.com", "eku": "code"}, ["certificate-not-for-clients"]),
)


@pytest.mark.parametrize("of", ["tenant", "upstream"])
@pytest.mark.parametrize("id, how, want", CLIENTS)
def test_client(folder, pki, id, how, want, of):
    clean(pki, folder, **how)
    config = out_config(pki, Place(10027), client_certificate="tenant", client_key=None,
                        trust="ca.pem", xoorg="contoso.com")
    config["user"] = USER
    config["tenants"].pop("fabrikam")
    pair = {"client_certificate": "gw.pem", "client_key": "gw.key"}
    config["tenants"]["contoso"].update(pair)
    if of == "upstream":
        config["upstreams"]["exchange"].update(pair)
        for key in pair:
            config["tenants"]["contoso"].pop(key)
    code, said = check(folder, config)
    assert code == 0 and ids(said) == want, said
    if want:
        assert ("upstreams.exchange" if of == "upstream" else "tenants.contoso") + \
            ".client_certificate: it" in said


def test_listener_is_no_client(folder, pki):
    """What a listener shows need not be for clients."""
    code, said = check(folder, clean(pki, folder, eku="server"))
    assert code == 0 and ids(said) == [], said


@pytest.mark.parametrize("limit, days, want", (
    (14, 20, []), (30, 20, ["certificate-ends-soon"]), (30, 31, []), (1, 2, []),
    # A quarter of its life at most: it is just being renewed.
    (365, 40, [])))
def test_limit_in_days(folder, pki, limit, days, want):
    config = clean(pki, folder, days=(days - 120, days)).set("certificate_warning", limit)
    code, said = check(folder, config)
    assert code == 0 and ids(said) == want, said


# As the distribution has it; what it has of Microsoft's earlier CAs.
STORE = "/etc/ssl/certs/"
TODAY, BEFORE = STORE + "DigiCert_Global_Root_G2.pem", STORE + "DigiCert_Global_Root_CA.pem"


@pytest.mark.skipif(not (os.path.exists(TODAY) and os.path.exists(BEFORE)),
                    reason="no ca-certificates with these CAs")
@pytest.mark.parametrize("id, name, trust, store, want", rows(
    ("system", None, "system", [TODAY, BEFORE], []),
    ("system-old", None, "system", [BEFORE], ["microsoft-root"]),
    ("system-empty", None, "system", [], ["microsoft-root"]),
    ("file", None, "ca.pem", [TODAY], []),
    ("file-old", None, "ca.pem", [BEFORE], ["microsoft-root"]),
    ("file-private", None, "ca.pem", [], []),
    ("capitals", "Mail.Protection.OUTLOOK.com", "system", [], ["microsoft-root"]),
    ("other-cloud", "mail.protection.office365.us", "system", [], []),
    ("own", "mail.contoso.com", "system", [], [])))
def test_microsoft_root(folder, pki, monkeypatch, id, name, trust, store, want):
    config = clean(pki, folder)
    config["tls"]["default"]["trust"] = trust
    if name:
        config["peers"]["exchange-online"]["names"] = [name]
    places = [os.path.join(folder, "ca.pem")] if trust == "ca.pem" else []
    text = "".join(open(x).read() for x in places + store)
    with open(os.path.join(folder, "store.pem"), "w") as out:
        out.write(text)
    if places:
        shutil.copyfile(os.path.join(folder, "store.pem"), places[0])
    monkeypatch.setenv("SSL_CERT_FILE", os.path.join(folder, "store.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    code, said = check(folder, config)
    assert code == 0 and ids(said) == want, said
    if want:
        assert "tls.default.trust: " in said and "DigiCert Global Root G2" in said


@pytest.mark.parametrize("id, change, want", rows(
    ("host", {}, ["microsoft-root"]),
    ("not-verified", {"tls": "encrypt"}, []),
    ("elsewhere", {"hosts": ["mail.contoso.com:25"]}, []),
    ("mx", {"hosts": None, "mx": "contoso-com.mail.protection.outlook.com"},
     ["microsoft-root"])))
def test_microsoft_root_of_upstream(folder, pki, monkeypatch, id, change, want):
    clean(pki, folder, name="contoso.com")
    config = out_config(pki, Place(10027), client_certificate=None, client_key=None,
                        tls_name=None, trust="system", **change)
    config["user"] = USER
    for tenant in config["tenants"].values():
        tenant.pop("client_certificate")
        tenant.pop("client_key")
    if not change.get("hosts", 1) or "hosts" not in change:
        config["upstreams"]["exchange"].pop("hosts", None)
    if "mx" not in change and "hosts" not in change:
        config["upstreams"]["exchange"]["hosts"] = [
            "contoso-com.mail.protection.outlook.com:25"]
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent")
    monkeypatch.setenv("SSL_CERT_DIR", "/nonexistent")
    code, said = check(folder, config)
    assert code == 0 and ids(said) == want, said


@pytest.mark.parametrize("kind, want", (("good", []), ("expired", ["crl-stale"])))
def test_lists(folder, pki, kind, want):
    config = clean(pki, folder)
    shutil.copyfile(pki.crl(kind), os.path.join(folder, "list.pem"))
    config["tls"]["default"].update(crl="soft", crl_file="list.pem")
    config["peers"]["exchange-online"].update(crl="soft", crl_file="list.pem")
    code, said = check(folder, config)
    assert code == 0 and ids(said) == want * 2, said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can look as another")
def test_user_cannot_read(folder, pki):
    config = clean(pki, folder)
    os.chmod(os.path.join(folder, "gw.key"), 0o600)
    code, said = check(folder, config)
    assert code == 0 and ids(said) == ["user-cannot-read"] and "tls.default.key" in said


def test_tool(folder, pki):
    """xoorg check: warnings beside what remains a configuration."""
    config = clean(pki, folder).set("status", "0.0.0.0:9025")
    check(folder, config)
    file = os.path.join(folder, "xoorgd.conf")
    done = subprocess.run([XOORG, "check", file], capture_output=True, timeout=10)
    assert done.returncode == 0 and ids(done.stderr.decode()) == ["status-public"]
    assert b"warning:" not in done.stdout


def page(gw, path=""):
    where = "http://%s/%s" % (gw.config["status"], path)
    with urllib.request.urlopen(where, timeout=5) as answer:
        return answer.read().decode()


def count(gw):
    return int(re.search(r"^xoorg_configuration_warnings (\d+)$", page(gw, "metrics"),
                         re.M).group(1))


def told(gw):
    return [x["id"] for x in gw.events("configuration")]


def test_start_and_reload(gateway, pki, hop):
    """In the log, on the page, in the metric; after a reload those of the new one."""
    one = hop()
    config = base_config(pki, one, one, user=USER,
                         status="127.0.0.1:%d" % free_port())
    gw = gateway(config)
    first = count(gw)
    assert first > 0 and wait_until(
        lambda: len(re.findall(r"event=configuration ", gw.log())) == first)
    assert "id=peer-unused" in gw.log()
    assert "peers.local-mta: no listener names it" in page(gw)
    gw.skip_log()
    gw.crashes_allowed = 1			# old workers go
    gw.write(config.with_({"listeners.in.no_org": "accept"}))
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: len(told(gw)) == first + 1)
    assert "accepts-unverified" in told(gw)
    assert all("level=warning" in x["line"] for x in gw.events("configuration"))
    assert wait_until(lambda: count(gw) == first + 1)
    assert wait_until(lambda: "accepts-unverified" in page(gw))


def test_later(gateway, pki, hop, tmp_path):
    """A certificate that ends while the gateway runs is told of then."""
    own = pki.make("warned-later-%d" % os.getpid(), "gw.contoso.test",
                   days=(-1, (time.time() - pki_start(pki) + 5) / 86400))
    one = hop()
    config = base_config(pki, one, one, user=USER, status="127.0.0.1:%d" % free_port())
    config["tls"]["default"].update(certificate=own.cert, key=own.key)
    gw = gateway(config)
    assert "certificate-expired" not in page(gw)
    before = count(gw)
    assert wait_until(lambda: "id=certificate-ends-soon" in gw.log())
    gw.skip_log()
    assert wait_until(lambda: "certificate-expired" in told(gw), 15)
    assert "certificate-ends-soon" not in told(gw)
    assert wait_until(lambda: "certificate-expired" in page(gw))
    assert count(gw) == before
    # What stands in the text is not told again.
    assert "peer-unused" not in told(gw)
    assert gw.events("status_died") == []


def pki_start(pki):
    return pki._now.timestamp()


# What we hand out has no warning ------------------------------------------------------

def given_out(folder, pki, text):
    """Warnings about a configuration for gw.contoso.com."""
    clean(pki, folder, name="x", san=("gw.contoso.com", "contoso.com", "fabrikam.com"))
    text = re.sub(r"@\w+_PORT@", "25", text)
    text = re.sub(r"@EXCHANGE\w*@", "mail.contoso.com", text)
    text = re.sub(r'"[^"\n]*/?([\w.-]+)\.(pem|key|crt)"',
                  lambda m: '"%s/gw.%s"' % (folder, "key" if m.group(2) == "key" else "pem"),
                  text)
    text = re.sub(r'(?m)^#?\s*user = .*$', "", text) + '\nuser = "%s"\n' % USER
    code, said = check(folder, text, "--strict")
    return code, ids(said), said


def pages():
    """Configurations that README and cookbook show: (page, handover none, text)."""
    out = []
    for folder, _, names in [(REPO, None, ["README.md"]), *os.walk(
            os.path.join(REPO, "doc", "cookbook"))]:
        for name in names:
            if not name.endswith(".md"):
                continue
            with open(os.path.join(folder, name)) as f:
                text = f.read()
            for i, one in enumerate(x for x in re.findall(r"^```\w*\n(.*?)^```$", text,
                                                          re.M | re.S)
                                    if re.search(r"^hostname = ", x, re.M)):
                out.append(("%s-%d" % (name, i), one))
    return out


@pytest.mark.parametrize("id, text", rows(*pages()))
def test_page(folder, pki, id, text):
    """An MTA that takes no word about the client has rules of its own, and is told of."""
    code, found, said = given_out(folder, pki, text)
    want = ["strangers-as-local"] if 'handover = "none"' in text else []
    assert (code, found) == (bool(want), want), said


def test_pages_are_found():
    assert len(pages()) >= 9 and "README.md-0" in [x[0] for x in pages()]


def test_sample(folder, pki):
    with open(os.path.join(REPO, "doc", "xoorgd.conf.sample")) as f:
        code, found, said = given_out(folder, pki, f.read())
    assert (code, found) == (0, []), said


def test_demo(folder, pki):
    with open(os.path.join(REPO, "demo")) as f:
        text = re.search(r"<<-END\n(\thostname = .*?)^\tEND$", f.read(), re.M | re.S).group(1)
    ports = iter(range(20001, 20100))
    known = {}
    text = re.sub(r"\$(\w+)", lambda m: known.setdefault(m.group(1), str(next(ports))), text)
    code, found, said = given_out(folder, pki, text)
    assert (code, found) == (0, []), said


@pytest.mark.parametrize("handover", ["none", "xclient", "proxy", "proxy-v2"])
def test_setup_new(folder, pki, handover):
    clean(pki, folder)
    done = subprocess.run(
        [XOORG, "setup", "--new", "--hostname", "gw.contoso.com", "--org", "contoso.com",
         "--tenant", "contoso", "--certificate", "gw.pem", "--key", "gw.key",
         "--mta", "127.0.0.1:10025", "--inbound", "127.0.0.1:10026",
         "--exchange", "mail.contoso.com", "--handover", handover],
        capture_output=True, timeout=10, cwd=folder)
    assert done.returncode == 0, done.stderr
    code, found, said = given_out(folder, pki, done.stdout.decode())
    want = ["strangers-as-local"] if handover == "none" else []
    assert (code, found) == (bool(want), want), said
