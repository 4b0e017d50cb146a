# SPDX-License-Identifier: ISC
"""doc/cookbook/sql-ldap.md, as it stands: the server of socketmaps before SQLite and before
a real slapd, and the table that a timer writes."""
import json
import os
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys

import pytest

from harness import XOORG, Raw, Smtp, base_config, rows, simple, wait_until
from mta.base import Missing, unpacked
from mta.recipes import COOKBOOK, render, text_of
from mta.world import quoted
from net import free_port
from postfix import Postfix

FOLDER = os.path.join(COOKBOOK, "tables")
FABRIKAM = {"org": ["fabrikam.com", "*.fabrikam.com"], "sender": ["fabrikam.com"],
            "recipient": ["fabrikam.com"]}


class Database:
    """SQLite, with the schema of the page."""

    def __init__(self, path):
        self.path = str(path)
        self.do(script=text_of("tables/schema.sql"))
        self.put("fabrikam", **FABRIKAM)

    def do(self, *statements, script=""):
        with sqlite3.connect(self.path) as db:
            db.executescript(script)
            for text, values in statements:
                db.execute(text, values)
        db.close()

    def put(self, name, **domains):
        self.do(("INSERT INTO tenant VALUES (?)", (name,)),
                *(("INSERT INTO domain VALUES (?, ?, ?, ?)", (name, kind, domain, place))
                  for kind, all_of in domains.items() for place, domain in enumerate(all_of)))

    def remove(self, name):
        self.do(("DELETE FROM domain WHERE tenant = ?", (name,)),
                ("DELETE FROM tenant WHERE name = ?", (name,)))


class Served:
    """What a unit of the page starts; `places`: the words of its command that are
    elsewhere here."""

    def __init__(self, folder, unit, places, env=None):
        # Postfix' own user has to get there
        self.path = os.path.join(str(folder), "map")
        lines = re.findall(r"(?m)^ExecStart=(.+)$", text_of("tables/" + unit))
        words = shlex.split(lines[-1])
        assert words[0] == "/usr/bin/python3" and os.path.dirname(words[1]) == \
            "/usr/local/lib/xoorg-tenants"
        words[:2] = [sys.executable, os.path.join(FOLDER, os.path.basename(words[1]))]
        places = dict(places, **{"/run/xoorg-tenants/map": self.path})
        assert set(places) <= set(words), "the unit has other places: %s" % words
        self.command = [places.get(x, x) for x in words]
        self.env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", **env or {})
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(self.command, env=self.env, stderr=subprocess.DEVNULL)
        assert wait_until(self.answers, 15), "the server does not start"

    def answers(self):
        try:
            self.say(b"")
            return True
        except OSError:
            return False

    def say(self, octets):
        """All it answers to these, with the end behind them."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(15)
            s.connect(self.path)
            s.sendall(octets)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while more := s.recv(65536):
                got += more
            return got

    def look_up(self, key):
        text = b"tenants " + key.encode()
        got = self.say(b"%d:%s," % (len(text), text))
        n, _, rest = got.partition(b":")
        assert rest[int(n):] == b",", got
        return rest[:-1].decode()

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
        self.process = None


@pytest.fixture
def database(tmp_path):
    return Database(tmp_path / "tenants.db")


@pytest.fixture
def served(tmp_path):
    started = []

    def make(unit, places, env=None):
        started.append(Served(tmp_path, unit, places, env))
        return started[-1]
    yield make
    for one in started:
        one.stop()


@pytest.fixture
def sql(served, database):
    return served("xoorg-tenants.service", {"/var/lib/billing/tenants.db": database.path})


@pytest.fixture
def asking(gateway, pki, hop):
    """A gateway with the page's lines; nothing is remembered, so that all is asked."""
    def make(file, **values):
        one = hop()
        config = base_config(pki, one, hop(), tenant_lookup_timeout=2)
        for line in render(text_of(file), values).splitlines():
            if not line.startswith("#"):
                name, _, value = line.partition(" = ")
                config[name] = Raw(value)
        config.update(tenant_stale=0, tenant_fresh=0, tenant_nobody_fresh=0)
        gw = gateway(config)
        gw.hop = one
        return gw
    return make


def mail(gw, pki, org, sender=None, to=None):
    """The first reply that is not 250, else that to RCPT."""
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        got = c.cmd("MAIL FROM:<%s> XOORG=%s" % (sender or "u@" + org, org))
        return got if got.code != 250 else c.cmd("RCPT TO:<%s>" % (to or "r@" + org))


def served_by(one, asking):
    return asking("tables/tenants.conf",
                  SERVED_TABLE=quoted("socketmap:unix:%s:tenants" % one.path))


# --- SQL: a server that is asked --------------------------------------------------------------

@pytest.mark.parametrize("id, text", rows(
    ("nothing", b""), ("no-number", b"x:tenants org:fabrikam.com,"), ("no-colon", b"12345"),
    ("long", b"99999:"), ("cut", b"30:tenants org:fabrikam.com,"),
    ("no-end", b"24:tenants org:fabrikam.com;"), ("sign", b"-1:a,"), ("eight-bit", b"1:\xff,")))
def test_no_question(sql, id, text):
    """It hangs up, and others are answered."""
    assert sql.say(text) == b""
    assert sql.look_up("org:fabrikam.com").startswith("OK ")


@pytest.mark.parametrize("id, key", rows(
    ("quote", "org:x' OR '1'='1"), ("percent", "org:%"), ("wildcard", "org:*"),
    ("wildcard-of-another", "org:*.com"), ("below", "org:eu.fabrikam.com"),
    ("kind", "recipients:fabrikam.com"), ("no-kind", "fabrikam.com"), ("empty", ""),
    ("sender", "sender:*.fabrikam.com")))
def test_not_found(sql, id, key):
    assert sql.look_up(key) == "NOTFOUND "


def test_sql(sql, database, asking, pki):
    """What is in the database decides; without an answer mail waits, and is never let in."""
    gw = served_by(sql, asking)

    def is_not_known():
        return all(mail(gw, pki, x).matches("451 4.3.0") for x in ("fabrikam.com", "a.example"))
    for org, sender, to, want in (
            ("nobody.example", None, None, "550"), ("com", None, None, "550"),
            ("fabrikam.com", "u@eu.fabrikam.com", None, "550"),
            ("fabrikam.com", None, "r@contoso.com", "550"),
            ("fabrikam.com", None, None, "250"),
            ("eu.fabrikam.com", "u@fabrikam.com", "r@fabrikam.com", "250")):
        assert mail(gw, pki, org, sender, to).matches(want), (org, sender, to)
    database.put("tailspin", org=["tailspin.com"])
    # no recipients of its own
    assert mail(gw, pki, "tailspin.com").matches("550 5.7.1")
    database.remove("fabrikam")
    assert mail(gw, pki, "fabrikam.com").matches("550 5.7.1")
    database.put("fabrikam", **FABRIKAM)

    os.rename(database.path, database.path + ".away")
    assert is_not_known()
    assert not os.path.exists(database.path)
    os.rename(database.path + ".away", database.path)
    lock = sqlite3.connect(database.path, isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    assert mail(gw, pki, "fabrikam.com").matches("451 4.3.0")
    lock.execute("ROLLBACK")
    lock.close()
    assert wait_until(lambda: mail(gw, pki, "fabrikam.com").code == 250, 15, 0.2)
    database.remove("fabrikam")
    database.remove("tailspin")
    assert is_not_known()		# an empty database is one that lost its rows
    database.put("fabrikam", **FABRIKAM)

    sql.stop()
    assert is_not_known()
    assert mail(gw, pki, "contoso.com").code == 250
    sql.start()
    assert wait_until(lambda: mail(gw, pki, "fabrikam.com").code == 250, 15, 0.2)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), "u@fabrikam.com", "r@fabrikam.com", xoorg="fabrikam.com")
    assert gw.hop.one().fields("X-OriginatorOrg") == ["fabrikam.com"]


def test_whose_it_is(sql, database):
    """An organisation is one tenant's; a sender domain of two is one record, not a mixture."""
    with pytest.raises(sqlite3.IntegrityError):
        database.put("evil", org=["fabrikam.com"])
    with pytest.raises(sqlite3.IntegrityError):
        database.put("upper", org=["Upper.example"])
    database.put("adatum", org=["adatum.com"], sender=["fabrikam.com", "adatum.com"])
    got = json.loads(sql.look_up("sender:fabrikam.com")[len("OK "):])
    assert got == {"name": "adatum", "originator_orgs": ["adatum.com"],
                   "sender_domains": ["fabrikam.com", "adatum.com"], "recipient_domains": []}


def test_asked_as_on_the_page(sql, asking):
    """postmap -q and xoorg tenant get."""
    gw = served_by(sql, asking)
    table = "socketmap:unix:%s:tenants" % sql.path
    done = subprocess.run([XOORG, "tenant", "--config", gw.file, "get", "fabrikam.com", table],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and '"*.fabrikam.com"' in done.stdout, done
    try:
        mta = Postfix(free_port(), {}).start()
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    try:
        for key, want in (("org:fabrikam.com", 0), ("org:nobody.example", 1)):
            done = subprocess.run([os.path.join(mta.root, "usr/sbin/postmap"), "-q", key, table],
                                  env=mta.env, capture_output=True, text=True, timeout=60,
                                  stdin=subprocess.DEVNULL)
            assert done.returncode == want, done
            assert want or json.loads(done.stdout)["name"] == "fabrikam"
    finally:
        mta.remove()


# --- SQL: a table that is written -------------------------------------------------------------

@pytest.fixture
def export(database, tmp_path):
    folder = tmp_path / "tables"
    folder.mkdir()
    plain = tmp_path / "plain.conf"
    path = [os.path.dirname(XOORG), os.environ["PATH"]]
    if not shutil.which("sqlite3"):
        try:
            path.insert(0, os.path.join(unpacked("sqlite3", ["sqlite3"]), "usr/bin"))
        except Missing as why:
            pytest.skip("NO SQLITE3: %s" % why)

    def run(**changes):
        return subprocess.run(
            ["sh", os.path.join(FOLDER, "xoorg-tenants-export")], capture_output=True, text=True,
            timeout=60, env=dict(os.environ, **dict(
                {"PATH": ":".join(path), "DATABASE": database.path, "TABLE": run.table,
                 "CONFIG": str(plain)}, **changes)))
    run.file = folder / "tenants.cdb"
    run.table = "cdb:%s" % run.file
    run.plain = plain
    return run


def test_export(export, database, asking, pki, hop):
    export.plain.write_text(base_config(pki, hop(), hop()).text())
    assert export().returncode == 0
    gw = asking("tables/exported.conf", EXPORTED_TABLE=quoted(export.table))
    workers = gw.workers()
    for org, sender, to, want in (
            ("tailspin.com", None, None, "550"),
            ("fabrikam.com", "u@eu.fabrikam.com", None, "550"),
            ("fabrikam.com", None, "r@contoso.com", "550"),
            ("fabrikam.com", None, None, "250"),
            ("eu.fabrikam.com", "u@fabrikam.com", "r@fabrikam.com", "250")):
        assert mail(gw, pki, org, sender, to).matches(want), (org, sender, to)
    database.put("tailspin", org=["tailspin.com", "a.tailspin.com", "*.a.tailspin.com"])
    database.remove("fabrikam")
    assert export().returncode == 0
    listed = subprocess.run([XOORG, "tenant", "--config", gw.file, "export", export.table],
                            capture_output=True, text=True, timeout=60).stdout
    assert "tailspin.com a.tailspin.com *.a.tailspin.com," in listed, listed
    assert mail(gw, pki, "fabrikam.com").matches("550 5.7.1")
    assert mail(gw, pki, "tailspin.com", "u@any.example").matches("550 5.7.1")
    assert mail(gw, pki, "tailspin.com", to="postmaster@tailspin.com").code == 250
    assert gw.workers() == workers


def test_export_fails(export, database, pki, hop, tmp_path):
    """What fails leaves the old table, and nothing lies about."""
    export.plain.write_text(base_config(pki, hop(), hop()).text())
    assert export().returncode == 0
    old = export.file.read_bytes()
    lines = tmp_path / "lines"
    lines.mkdir()

    def is_kept(**changes):
        done = export(TMPDIR=str(lines), **changes)
        return done.returncode != 0 and export.file.read_bytes() == old and \
            os.listdir(lines) == [] and os.listdir(export.file.parent) == [export.file.name]
    assert is_kept(DATABASE=database.path + ".away")
    empty = tmp_path / "empty.db"
    empty.write_bytes(b"")
    assert is_kept(DATABASE=str(empty))
    database.put("bad", org=["no domain"])
    assert is_kept()
    database.remove("bad")
    database.put("sender-only", sender=["x.example"])
    assert is_kept()
    database.remove("sender-only")
    database.remove("fabrikam")
    assert is_kept()
    # Clients of other engines print a heading all the same.
    client = lines.parent / "client"
    client.mkdir()
    (client / "sqlite3").write_text("#!/bin/sh\necho name,originator_orgs\n")
    os.chmod(client / "sqlite3", 0o755)
    assert is_kept(PATH="%s:%s:%s" % (client, os.path.dirname(XOORG), os.environ["PATH"]))
    database.put("fabrikam", **FABRIKAM)
    assert export().returncode == 0


def test_units(tmp_path):
    """systemd reads them."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("NO systemd-analyze")
    os.chmod(tmp_path, 0o755)
    shutil.copy(os.path.join(FOLDER, "xoorg-tenants-export"), tmp_path)
    os.chmod(tmp_path / "xoorg-tenants-export", 0o755)
    for name in ("xoorg-tenants.service", "xoorg-tenants-export.service",
                 "xoorg-tenants-export.timer"):
        (tmp_path / name).write_text(text_of("tables/" + name).replace(
            "/usr/local/sbin", str(tmp_path)))
    drop_in = tmp_path / "xoorg-tenants.service.d"
    drop_in.mkdir()
    (drop_in / "ldap.conf").write_text(text_of("tables/ldap.conf"))
    for name in ("xoorg-tenants.service", "xoorg-tenants-export.timer"):
        done = subprocess.run(["systemd-analyze", "verify", "--man=no", tmp_path / name],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "xoorg-tenants" not in done.stderr, done


# --- LDAP -------------------------------------------------------------------------------------

SUFFIX = "dc=contoso,dc=com"
BASE = """\
dn: dc=contoso,dc=com
objectClass: organization
objectClass: dcObject
dc: contoso
o: contoso

dn: ou=tenants,dc=contoso,dc=com
objectClass: organizationalUnit
ou: tenants

dn: cn=xoorg,dc=contoso,dc=com
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: xoorg
userPassword: secret

"""


class Slapd:
    """Debian's, unpacked and not installed; on a socket of its own."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.root = unpacked("slapd", ["slapd", "ldap-utils", "python3-ldap",
                                       "python3-pyasn1", "python3-pyasn1-modules"])
        libraries = sorted({root for root, _, names in os.walk(os.path.join(
            self.root, "usr/lib")) if any(".so" in x for x in names) and "python" not in root})
        self.env = {"LD_LIBRARY_PATH": ":".join(libraries), "PYTHONPATH": os.path.join(
            self.root, "usr/lib/python3/dist-packages")}
        self.url = "ldapi://" + os.path.join(self.folder, "ldapi").replace("/", "%2F")
        etc = os.path.join(self.root, "etc/ldap/schema")
        os.mkdir(os.path.join(self.folder, "db"))
        with open(os.path.join(self.folder, "slapd.conf"), "w") as f:
            f.write("include %s/core.schema\ninclude %s/cosine.schema\n"
                    "modulepath %s/usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\n"
                    "suffix %s\nrootdn cn=admin,%s\nrootpw admin\ndirectory %s/db\n"
                    "index objectClass,associatedDomain eq\naccess to attrs=userPassword "
                    "by * auth\naccess to * by users read by * none\n" % (
                        etc, etc, self.root, SUFFIX, SUFFIX, self.folder))
        self.process = None
        self.start()
        self.add(BASE + text_of("tables/tenant.ldif"))

    def start(self):
        self.process = subprocess.Popen(
            [os.path.join(self.root, "usr/sbin/slapd"), "-d", "0", "-h", self.url, "-f",
             os.path.join(self.folder, "slapd.conf")], env=dict(os.environ, **self.env),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: self.run("ldapwhoami").returncode == 0, 15, 0.1), \
            "slapd does not start"

    def run(self, tool, *words, **how):
        return subprocess.run(
            [os.path.join(self.root, "usr/bin", tool), "-x", "-H", self.url, "-D",
             "cn=admin," + SUFFIX, "-w", "admin", *words], env=dict(os.environ, **self.env),
            capture_output=True, text=True, timeout=30, **how)

    def add(self, text):
        done = self.run("ldapadd", input=text)
        assert done.returncode == 0, done

    def remove(self, name):
        done = self.run("ldapdelete", name)
        assert done.returncode == 0, done

    def pause(self, is_paused=True):
        self.process.send_signal(signal.SIGSTOP if is_paused else signal.SIGCONT)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(20)
        self.process = None


@pytest.fixture
def slapd(tmp_path):
    folder = tmp_path / "slapd"
    folder.mkdir()
    try:
        one = Slapd(folder)
    except Missing as why:
        pytest.skip("NO SLAPD: %s" % why)
    yield one
    one.stop()


@pytest.fixture
def directory(served, slapd, tmp_path):
    password = tmp_path / "password"
    password.write_text("secret\n")
    one = served("ldap.conf", {"ldapi:///": slapd.url, "/etc/xoorg/ldap-password":
                               str(password)}, slapd.env)
    one.password = password
    return one


@pytest.mark.parametrize("id, key", rows(
    ("wildcard-of-another", "org:*.com"), ("wildcard", "org:*"), ("below", "org:eu.fabrikam.com"),
    ("filter", "org:x)(associatedDomain=*"), ("filter-any", "org:*)(o=*"), ("empty", "org:"),
    ("sender", "sender:fabrikam.com"), ("null", "org:\\00")))
def test_ldap_not_found(directory, id, key):
    assert directory.look_up(key) == "NOTFOUND "


def test_ldap(slapd, directory, asking, pki):
    gw = served_by(directory, asking)

    def is_not_known():
        return all(mail(gw, pki, x).matches("451 4.3.0") for x in ("fabrikam.com", "a.example"))

    def is_known():
        return wait_until(lambda: mail(gw, pki, "fabrikam.com").code == 250, 15, 0.2)
    for org, to, want in (
            ("nobody.example", None, "550"), ("evil.com", None, "550"),
            ("fabrikam.com", "r@contoso.com", "550"), ("fabrikam.com", None, "250"),
            ("eu.fabrikam.com", None, "250")):
        assert mail(gw, pki, org, None, to).matches(want), org
    directory.password.write_text("wrong")
    assert is_not_known()
    directory.password.write_text("secret")
    slapd.pause()
    assert is_not_known()
    assert mail(gw, pki, "contoso.com").code == 250
    slapd.pause(False)
    assert is_known()
    text = text_of("tables/tenant.ldif")
    slapd.add(text.replace("o=fabrikam", "o=second").replace("o: fabrikam", "o: second"))
    assert mail(gw, pki, "fabrikam.com").matches("451 4.3.0")	# whose is it?
    slapd.remove("o=second,ou=tenants," + SUFFIX)
    assert is_known()
    slapd.stop()
    assert is_not_known()
    slapd.start()
    assert is_known()
    slapd.remove("o=fabrikam,ou=tenants," + SUFFIX)
    assert mail(gw, pki, "fabrikam.com").matches("550 5.7.1")
    slapd.remove("ou=tenants," + SUFFIX)
    assert is_not_known()
