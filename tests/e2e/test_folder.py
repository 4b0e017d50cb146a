# SPDX-License-Identifier: ISC
"""Certificates of tenants out of a folder (tenant_certificates): read by the key process
when they are first used and once more when they change, each for its tenant alone."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request

import pytest
from cryptography import x509

from harness import (CAPS, TIMEOUT, XOORG, Smtp, check_config, expect, free_port, out_config, rows,
                     server_context, simple, wait_until)
from tenant_servers import Socketmap
from test_processes import _has, _is_sanitized, _secrets

AGE = 1.1		# a worker asks again after a second


def combined(identity, key_first=True):
    """What stands in TENANT.pem."""
    with open(identity.key) as key, open(identity.cert) as cert:
        parts = [key.read(), cert.read()]
    return "".join(parts if key_first else parts[::-1])


def put(path, text):
    """As rename(2) does it: there is no moment without a whole file."""
    new = str(path) + ".new"
    with open(new, "w") as out:
        out.write(text)
    os.chmod(new, 0o640)
    os.rename(new, path)


@pytest.fixture
def folder(tmp_path, pki):
    """Whose configuration finds contoso's and fabrikam's certificates in it."""
    place = tmp_path / "tenants"
    place.mkdir()
    for name in ("contoso", "fabrikam"):
        put(place / (name + ".pem"), combined(pki.tenant(name)))
    return place


def config_of(pki, folder, *hops, **upstream):
    config = out_config(pki, *hops, client_certificate="tenant", client_key=None, **upstream)
    for tenant in config["tenants"].values():
        del tenant["client_certificate"], tenant["client_key"]
    config["tenant_certificates"] = str(folder)
    return config


@pytest.fixture
def exchange(pki, hop):
    return hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=CAPS + ("XOORG",))


def send(gw, domain="contoso.com", want=250):
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail("u@" + domain)
        got = c.cmd("RCPT TO:<r@elsewhere.example>")
        return c.data(simple(), want) if got.code == 250 else expect(got, want)


def serial(session):
    return x509.load_der_x509_certificate(session.certificate).serial_number


def serial_of(identity):
    with open(identity.cert, "rb") as f:
        return x509.load_pem_x509_certificate(f.read()).serial_number


def shown(exchange):
    """Serial numbers by message."""
    return [serial(m.session) for m in exchange.messages]


def reasons(gw):
    return [x["reason"] for x in gw.events("upstream")]


def test_each_its_own(gateway, pki, folder, exchange):
    gw = gateway(config_of(pki, folder, exchange))
    for domain in ("contoso.com", "fabrikam.com", "contoso.com"):
        send(gw, domain)
    contoso, fabrikam = serial_of(pki.tenant("contoso")), serial_of(pki.tenant("fabrikam"))
    assert shown(exchange) == [contoso, fabrikam, contoso]
    assert all(m.session.certificate_ok for m in exchange.messages)


@pytest.mark.parametrize("kind", ["rsa2048", "p256", "ed25519"])
@pytest.mark.parametrize("key_first", [True, False])
def test_kinds_and_order(gateway, pki, folder, exchange, kind, key_first):
    own = pki.make("folder-" + kind, "contoso.com", key=kind, issuer="inter")
    put(folder / "contoso.pem", combined(own, key_first))
    gw = gateway(config_of(pki, folder, exchange))
    send(gw)
    assert shown(exchange) == [serial_of(own)] and exchange.one().session.certificate_ok


def test_own_setting_comes_first(gateway, pki, folder, exchange):
    own = pki.make("folder-own", "contoso.com")
    config = config_of(pki, folder, exchange)
    config["tenants"]["contoso"].update(client_certificate=own.cert, client_key=own.key)
    gw = gateway(config)
    send(gw)
    assert shown(exchange) == [serial_of(own)]


def _encrypted(pki):
    """A key with a password, of contoso's own."""
    from cryptography.hazmat.primitives import serialization
    with open(pki.tenant("contoso").key, "rb") as f:
        key = serialization.load_pem_private_key(f.read(), None)
    with open(pki.tenant("contoso").cert) as f:
        return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 serialization.BestAvailableEncryption(b"x")
                                 ).decode() + f.read()


def _half(pki):
    whole = combined(pki.tenant("contoso"), False)
    return whole[:len(whole) // 3]


def _mixed(pki):
    """The maker has one key of a kind."""
    with open(pki.make("folder-other", "contoso.com", key="rsa2048").key) as key, open(pki.tenant("contoso").cert) as cert:
        return key.read() + cert.read()


def _only(what):
    def read(pki):
        with open(getattr(pki.tenant("contoso"), what)) as f:
            return f.read()
    return read


BAD = rows(
    ("missing", None, "No such file or directory"),
    ("empty", lambda pki: "", "no certificate in it"),
    ("garbage", lambda pki: "hello\n" * 100, "no certificate in it"),
    ("half", _half, "certificate in it"),
    ("no-key", _only("cert"), "no private key in it"),
    ("no-certificate", _only("key"), "no certificate in it"),
    ("encrypted", _encrypted, "its private key is encrypted"),
    ("anothers-key", _mixed, "do not fit"),
    ("weak", lambda pki: combined(pki.make("folder-weak", "contoso.com", key="rsa1024")),
     "ee key too small"),
    ("large", lambda pki: combined(pki.tenant("contoso")) + "x" * 70000, "too large"),
    ("long-chain", lambda pki: combined(pki.tenant("contoso")) +
     _only("cert")(pki) * 90, "too l"),
)


@pytest.mark.parametrize("id, make, said", BAD)
def test_bad_file(gateway, pki, folder, exchange, id, make, said):
    """451 for its tenant, and never another's certificate or none; fabrikam's mail goes on,
    and once the file is good so does contoso's, without a reload."""
    good = (folder / "contoso.pem").read_text()
    if make is None:
        os.unlink(folder / "contoso.pem")
    else:
        put(folder / "contoso.pem", make(pki))
    gw = gateway(config_of(pki, folder, exchange))
    got = send(gw, want="451 4.3.5")
    assert got.text.count("certificate")
    event = gw.event("upstream")
    assert event["reason"] == "tenant-certificate"
    assert event["said"].startswith(str(folder / "contoso.pem") + ": ")
    assert said in event["said"]
    # No connection was made for it: the next hop is not to blame, and not avoided.
    assert not any(s.certificate or s.verbs().count("MAIL") for s in exchange.sessions)
    send(gw, "fabrikam.com")
    put(folder / "contoso.pem", good)
    time.sleep(AGE)
    send(gw)
    assert shown(exchange) == [serial_of(pki.tenant("fabrikam")),
                               serial_of(pki.tenant("contoso"))]


@pytest.mark.parametrize("id, make, said", rows(
    ("link", lambda path, good: os.symlink(good, path), "a symbolic link"),
    ("fifo", lambda path, good: os.mkfifo(path), "not a regular file"),
    ("folder", lambda path, good: os.mkdir(path), "not a regular file"),
))
def test_no_plain_file(gateway, pki, folder, exchange, id, make, said):
    """A link may lead out of the folder, and a FIFO would be waited for."""
    os.rename(folder / "contoso.pem", folder / "good")
    make(folder / "contoso.pem", folder / "good")
    gw = gateway(config_of(pki, folder, exchange))
    start = time.monotonic()
    send(gw, want="451 4.3.5")
    assert time.monotonic() - start < 5
    assert said in gw.event("upstream")["said"]
    send(gw, "fabrikam.com")


def test_unreadable(gateway, pki, folder, exchange):
    """It is read by the user of the processes, when they have given up all else."""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    with tempfile.TemporaryDirectory(prefix="xoorg-folder-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        for name in ("contoso", "fabrikam"):
            shutil.copy(folder / (name + ".pem"), place)
            shutil.chown(os.path.join(place, name + ".pem"), "root", "nogroup")
        os.chmod(os.path.join(place, "contoso.pem"), 0o600)
        _expect_unreadable(gateway(config_of(pki, place, exchange).set("user", "nobody")),
                           exchange)


def _expect_unreadable(gw, exchange):
    send(gw, want="451 4.3.5")
    assert "Permission denied" in gw.event("upstream")["said"]
    send(gw, "fabrikam.com")
    assert len(exchange.messages) == 1


def test_rotation_touches_one(gateway, pki, folder, exchange):
    """The tenant's kept connection is closed and the next mail is shown the new one;
    the other tenant's connection stays what it is."""
    gw = gateway(config_of(pki, folder, exchange))
    for domain in ("contoso.com", "fabrikam.com"):
        send(gw, domain)
    new = pki.make("folder-new", "contoso.com")
    assert serial_of(new) != serial_of(pki.tenant("contoso"))
    put(folder / "contoso.pem", combined(new))
    time.sleep(AGE)
    for domain in ("fabrikam.com", "contoso.com", "fabrikam.com", "contoso.com"):
        send(gw, domain)
    old, fabrikam = exchange.messages[0].session, exchange.messages[1].session
    assert shown(exchange)[2:] == [serial_of(pki.tenant("fabrikam")), serial_of(new)] * 2
    assert exchange.messages[2].session is fabrikam is exchange.messages[4].session
    assert exchange.messages[3].session is exchange.messages[5].session is not old
    assert wait_until(lambda: old.closed) and not fabrikam.closed
    assert old.lines[-1] == b"QUIT"
    assert reasons(gw) == []


def test_touched_is_the_same(gateway, pki, folder, exchange):
    """What is in the file counts, not when it was written."""
    gw = gateway(config_of(pki, folder, exchange))
    send(gw)
    put(folder / "contoso.pem", (folder / "contoso.pem").read_text())
    time.sleep(AGE)
    send(gw)
    assert exchange.messages[0].session is exchange.messages[1].session


def test_taken_away(gateway, pki, folder, exchange):
    """Then it is not used any more, whatever connection is open, and its key is gone."""
    own = pki.make("folder-gone", "contoso.com", key="rsa2048")
    put(folder / "contoso.pem", combined(own))
    gw = gateway(config_of(pki, folder, exchange))
    send(gw)
    keys, = gw.key_processes()
    secrets = _secrets(own.key)
    assert _has(keys, secrets)
    os.unlink(folder / "contoso.pem")
    time.sleep(AGE)
    send(gw, want="451 4.3.5")
    assert len(exchange.messages) == 1
    if not _is_sanitized(gw):			# which keeps what was freed
        assert not _has(keys, secrets)


def test_rotation_under_load(gateway, pki, folder, exchange):
    """With two workers, each of which learns of it when it asks: nothing fails."""
    config = config_of(pki, folder, exchange, max_idle=0)
    gw = gateway(config.set("workers", 2))
    last = None
    for i in range(4):
        last = pki.make("folder-load-%d" % i, "contoso.com")
        put(folder / "contoso.pem", combined(last))
        for _ in range(10):
            send(gw)
            send(gw, "fabrikam.com")
        time.sleep(AGE / 2)
    time.sleep(AGE)
    send(gw)
    assert shown(exchange)[-1] == serial_of(last) and reasons(gw) == []
    assert set(shown(exchange)[1::2]) == {serial_of(pki.tenant("fabrikam"))}


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
def test_keys_are_in_one_process(gateway, pki, folder, exchange, kind):
    """Neither of the tenant that was served nor of one that was not, in any other; and the
    process has that of the former alone."""
    own = pki.make("folder-secret-" + kind, "contoso.com", key=kind)
    put(folder / "contoso.pem", combined(own))
    idle = pki.make("folder-idle-" + kind, "fabrikam.com", key=kind)
    if kind == "p256":			# the maker has one key of a kind
        idle = pki.tenant("fabrikam")
    gw = gateway(config_of(pki, folder, exchange))
    for _ in range(3):
        send(gw)
    secrets = _secrets(own.key)
    holder, = gw.key_processes()
    assert _has(holder, secrets)
    for pid in gw.workers() + [gw.process.pid]:
        assert not _has(pid, secrets)
        assert not _has(pid, _secrets(idle.key))


def test_key_process_is_killed(gateway, pki, folder, exchange):
    """The next one reads the file anew: what workers know of it still fits."""
    gw = gateway(config_of(pki, folder, exchange, max_idle=0))
    gw.crashes_allowed = 1
    send(gw)
    old, = gw.key_processes()
    os.kill(old, signal.SIGKILL)
    assert wait_until(lambda: gw.key_processes() not in ([], [old]), 10)
    time.sleep(AGE)
    send(gw)
    assert shown(exchange) == [serial_of(pki.tenant("contoso"))] * 2


def test_key_process_reads_the_folder_alone(gateway, pki, folder, exchange):
    gw = gateway(config_of(pki, folder, exchange).set("sandbox", "required"))
    send(gw)
    if _is_sanitized(gw):
        pytest.skip("a build with sanitizers has no sandbox")
    holder, = gw.key_processes()
    with open("/proc/%d/status" % holder) as f:
        assert "Seccomp:\t2\n" in f.read()


def test_metrics(gateway, pki, folder, exchange):
    """The end of those that were used, and how often one was not to be had."""
    status = "127.0.0.1:%d" % free_port()
    gw = gateway(config_of(pki, folder, exchange).set("status", status).set("workers", 2))

    def metrics():
        with urllib.request.urlopen("http://%s/metrics" % status, timeout=5) as r:
            return dict(x.rsplit(" ", 1) for x in r.read().decode().splitlines()
                        if not x.startswith("#"))
    end = 'xoorg_certificate_expiry_seconds{kind="tenant",name="%s"}'
    assert end % "contoso" not in metrics()
    for _ in range(8):
        send(gw)
    assert wait_until(lambda: end % "contoso" in metrics())
    assert 29 * 86400 < int(metrics()[end % "contoso"]) <= 30 * 86400
    assert end % "fabrikam" not in metrics()
    os.unlink(folder / "fabrikam.pem")
    send(gw, "fabrikam.com", want=451)
    assert wait_until(lambda: metrics().get(
        'xoorg_refusals_total{reason="tenant-certificate"}') == "1")


@pytest.mark.parametrize("id, change, said", rows(
    ("no-such-folder", {"tenant_certificates": "/nowhere/at/all"},
     r"tenant_certificates: expected a folder, found /nowhere/at/all: No such file"),
    ("a-file", {"tenant_certificates": "{ca}"}, r"expected a folder, found .*: Not a directory"),
    ("without-key-process", {"key_process": False},
     r"tenant_certificates: expected key_process = true beside it, found false"),
))
def test_wrong_settings(pki, folder, tmp_path, id, change, said):
    config = config_of(pki, folder, type("H", (), {"address": "127.0.0.1:25"}))
    for key, value in change.items():
        config.set(key, value.format(ca=pki.ca) if isinstance(value, str) else value)
    file = tmp_path / "xoorgd.conf"
    file.write_text(config.text())
    code, out = check_config(str(file))
    assert code == 1 and re.search(r"xoorgd\.conf:\d+: .*" + said, out), out


class Place:
    address = "127.0.0.1:10025"


def told(config, tmp_path, *args):
    """The warnings of -t about the folder."""
    file = tmp_path / "xoorgd.conf"
    file.write_text(config.text())
    code, out = check_config(str(file), args=("-t", *args, "-c"))
    assert code in (0, 1), out
    return [x for x in out.splitlines() if "tenant_certificates: " in x or "tenant-c" in x]


def test_all_is_well(pki, folder, tmp_path):
    """Files whose names begin with a dot are nobody's business."""
    put(folder / ".contoso.pem.swp", "x")
    assert told(config_of(pki, folder, Place), tmp_path) == []


def test_which_are_missing(pki, folder, tmp_path):
    """Where an upstream wants one, and the tenant has none of its own."""
    config = config_of(pki, folder, Place)
    os.unlink(folder / "fabrikam.pem")
    said, = told(config, tmp_path)
    assert re.search(r"conf:\d+: warning: tenant_certificates: tenants without a file that an "
                     r"upstream wants: 1, the first fabrikam\.pem; their mail gets 451 there; "
                     r".* \[tenant-file-missing\]$", said)
    os.unlink(folder / "contoso.pem")
    said, = told(config, tmp_path)
    assert "wants: 2, the first contoso.pem;" in said
    for name in ("contoso", "fabrikam"):
        own = pki.tenant(name)
        config["tenants"][name].update(client_certificate=own.cert, client_key=own.key)
    assert told(config, tmp_path) == []
    for name in ("contoso", "fabrikam"):
        del config["tenants"][name]["client_certificate"], config["tenants"][name]["client_key"]
    config["upstreams"]["exchange"].update(client_certificate=pki.gw.cert,
                                           client_key=pki.gw.key)
    assert told(config, tmp_path) == []


def test_whose_they_are_not(pki, folder, tmp_path):
    """Typing errors: a name that is no tenant's, or none that is looked for."""
    for name in ("contosso.pem", "fabrikam.crt", "CONTOSO.pem"):
        put(folder / name, "x")
    said, = told(config_of(pki, folder, Place), tmp_path)
    assert "files that belong to no tenant: 3, the first CONTOSO.pem;" in said
    assert said.endswith("[tenant-file-unused]")


def test_who_can_read_them(pki, folder, tmp_path):
    os.chmod(folder / "fabrikam.pem", 0o644)
    said, = told(config_of(pki, folder, Place), tmp_path)
    assert "files that everybody can read: 1, the first fabrikam.pem;" in said
    assert said.endswith("[key-readable]")
    os.chmod(folder / "fabrikam.pem", 0o640)
    os.chmod(folder, 0o777)
    assert any("folder-writable" in x or "file-writable" in x for x in
               told(config_of(pki, folder, Place), tmp_path))


def test_who_cannot_read_them(pki, folder):
    """The user of the processes, whoever starts them."""
    if os.geteuid() != 0:
        pytest.skip("only root can ask for another user")
    with tempfile.TemporaryDirectory(prefix="xoorg-folder-", dir="/tmp") as place:
        os.chmod(place, 0o755)
        for name in ("contoso", "fabrikam"):
            shutil.copy(folder / (name + ".pem"), place)
            shutil.chown(os.path.join(place, name + ".pem"), "root", "nogroup")
        config = config_of(pki, place, Place).set("user", "nobody")
        assert not [x for x in told(config, folder.parent) if "tenant_certificates" in x]
        os.chmod(os.path.join(place, "fabrikam.pem"), 0o600)
        said, = [x for x in told(config, folder.parent) if "tenant_certificates" in x]
        assert "user of the processes cannot read: 1, the first fabrikam.pem;" in said
        assert said.endswith("[tenant-file-unreadable]")


def tenant_check(config, tmp_path, want):
    file = tmp_path / "xoorgd.conf"
    file.write_text(config.text())
    done = subprocess.run([XOORG, "tenant", "check", "--config", str(file)],
                          capture_output=True, text=True, timeout=TIMEOUT)
    assert done.returncode == want, done.stdout + done.stderr
    return done.stdout


def test_tenant_check(pki, folder, tmp_path):
    """What is in them, as of certificates that the configuration names."""
    config = config_of(pki, folder, Place)
    for name in ("contoso", "fabrikam"):
        put(folder / (name + ".pem"), combined(pki.make("folder-check-" + name, name + ".com",
                                                        days=(-1, 90))))
    assert "2 tenants, 2 with a certificate, 0 found" in tenant_check(config, tmp_path, 0)
    shutil.copy(folder / "contoso.pem", folder / "fabrikam.pem")
    got = tenant_check(config, tmp_path, 1)
    assert re.search(r"xoorgd\.conf:\d+: fabrikam: %s has no name of its originator_orgs" %
                     re.escape(str(folder / "fabrikam.pem")), got)
    assert re.search(r"\.pem is the certificate of tenant (contoso|fabrikam), too", got)
    put(folder / "fabrikam.pem", combined(pki.make("folder-check-near", "fabrikam.com",
                                                   days=(-1, 20))))
    assert "fabrikam.pem ends " in tenant_check(config, tmp_path, 1)
    put(folder / "fabrikam.pem", combined(pki.make("folder-check-old", "fabrikam.com",
                                                   days=(-9, -1))))
    assert "fabrikam.pem ended " in tenant_check(config, tmp_path, 1)
    put(folder / "fabrikam.pem", "rubbish")
    assert "fabrikam" in tenant_check(config, tmp_path, 1)
    os.unlink(folder / "fabrikam.pem")
    assert "2 tenants, 1 with a certificate, 0 found" in tenant_check(config, tmp_path, 0)


# --- tenants that are asked for ------------------------------------------------------


def guest(name, *orgs, **more):
    return dict({"name": name, "originator_orgs": list(orgs), "sender_domains": list(orgs)},
                **more)


@pytest.fixture
def asking(gateway, pki, folder, exchange, tmp_path):
    """contoso is of the configuration; fabrikam and adatum stand behind a socketmap."""
    one = Socketmap(tmp_path)

    def make(*records, without_folder=False, **settings):
        one.put(*(records or (guest("fabrikam", "fabrikam.com"), guest("adatum", "adatum.com"))))
        put(folder / "adatum.pem", combined(pki.make("folder-adatum", "adatum.com")))
        config = config_of(pki, folder, exchange)
        del config["tenants"]["fabrikam"]
        config["tenant_tables"] = ["socketmap:unix:%s:t" % one.path]
        config["workers"] = 1
        config.update(settings)
        if without_folder:
            del config["tenant_certificates"]
        return gateway(config)
    yield make, one
    one.stop()


def refused(gw, domain, want):
    """At MAIL, or at RCPT once a certificate is looked for."""
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        got = c.cmd("MAIL FROM:<u@%s>" % domain)
        if got.code == 250:
            got = c.cmd("RCPT TO:<r@elsewhere.example>")
    expect(got, want)


def names(pki):
    return {"contoso": serial_of(pki.tenant("contoso")),
            "fabrikam": serial_of(pki.tenant("fabrikam")),
            "adatum": serial_of(pki.make("folder-adatum", "adatum.com"))}


def test_guest_without_folder(asking, exchange):
    """As before: nobody's certificate speaks for it."""
    gw = asking[0](without_folder=True)
    refused(gw, "fabrikam.com", "550 5.7.1")
    assert not exchange.messages


@pytest.mark.parametrize("id, record, want", rows(
    ("of-the-configuration", guest("contoso", "tailspin.com"), "451 4.3.0"),
    ("above", guest("../tenants/contoso", "tailspin.com"), "451 4.3.0"),
    ("absolute", guest("/etc/passwd", "tailspin.com"), "451 4.3.0"),
    ("dot", guest(".contoso", "tailspin.com"), "451 4.3.0"),
    ("nul", guest("contoso\0x", "tailspin.com"), "451 4.3.0"),
    ("empty", guest("", "tailspin.com"), "451 4.3.0"),
    ("a-file", guest("t", "tailspin.com", client_certificate="contoso.pem"), "451 4.3.0"),
    ("of-another-key", guest("adatum", "adatum.com"), "451 4.3.0"),
    ("of-another-file", guest("contoso-2", "tailspin.com"), "451 4.3.5"),
    ("too-long", guest("a" * 200, "tailspin.com"), "451 4.3.0")))
def test_guest_lies(asking, pki, exchange, id, record, want):
    """A record for tailspin.com that reaches for a certificate: none is shown, and no mail
    goes, while that of others does."""
    make, table = asking
    gw = make()
    for domain in ("contoso.com", "adatum.com"):
        send(gw, domain)
    text = ("OK " + json.dumps(record)).encode()
    table.lie = lambda asked: b"%d:%s," % (len(text), text)
    refused(gw, "tailspin.com", want)
    table.lie = None
    send(gw, "fabrikam.com")
    own = names(pki)
    assert shown(exchange) == [own["contoso"], own["adatum"], own["fabrikam"]]


@pytest.mark.parametrize("fresh", [0, 60])
def test_guest_each_its_own(asking, pki, exchange, fresh):
    """Kept connections go by the tenant and not by its place among the answers, which
    another has at once if they are not kept."""
    gw = asking[0](tenant_fresh=fresh, tenant_stale=0)
    order = ["fabrikam", "adatum", "contoso", "adatum", "fabrikam", "contoso", "fabrikam"]
    for name in order:
        send(gw, name + ".com")
    own = names(pki)
    assert shown(exchange) == [own[x] for x in order]
    assert wait_until(lambda: [e["tenant"] for e in gw.events("message")] == order)
    assert len({id(m.session) for m in exchange.messages}) == 3


def test_guests_with_one_certificate(asking, pki, folder, exchange):
    """Each has its own connection all the same."""
    gw = asking[0](tenant_fresh=0, tenant_stale=0)
    put(folder / "adatum.pem", combined(pki.tenant("fabrikam")))
    for name in ("fabrikam", "adatum", "fabrikam", "adatum"):
        send(gw, name + ".com")
    sessions = [m.session for m in exchange.messages]
    assert shown(exchange) == [names(pki)["fabrikam"]] * 4
    assert sessions[0] is sessions[2] is not sessions[1] and sessions[1] is sessions[3]


def test_guest_is_another_now(asking, pki, exchange):
    """The domain is another tenant's: so is the certificate, at once, and the connection of
    the former is of no use for it."""
    make, table = asking
    gw = make(tenant_fresh=0, tenant_stale=0)
    send(gw, "fabrikam.com")
    table.put(guest("adatum", "fabrikam.com"))
    send(gw, "fabrikam.com")
    table.put(guest("fabrikam", "fabrikam.com"))
    send(gw, "fabrikam.com")
    own = names(pki)
    assert shown(exchange) == [own["fabrikam"], own["adatum"], own["fabrikam"]]
    assert exchange.messages[0].session is exchange.messages[2].session


def test_guest_file(asking, pki, folder, exchange):
    """451 while there is none, without a reload once there is, and another when it is."""
    gw = asking[0]()
    os.unlink(folder / "adatum.pem")
    send(gw, "adatum.com", want="451 4.3.5")
    assert gw.event("upstream")["said"].startswith(str(folder / "adatum.pem") + ": ")
    new = pki.make("folder-guest-new", "adatum.com")
    put(folder / "adatum.pem", combined(new))
    time.sleep(AGE)
    send(gw, "adatum.com")
    put(folder / "adatum.pem", combined(pki.make("folder-adatum", "adatum.com")))
    time.sleep(AGE)
    send(gw, "adatum.com")
    assert shown(exchange) == [serial_of(new), names(pki)["adatum"]]
