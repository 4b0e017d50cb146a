# SPDX-License-Identifier: ISC
"""xoorg tenant: what it says of tenants, and that it moves them without loss."""
import json
import os
import re
import struct
import subprocess

import pytest

from harness import XOORG, base_config, rows

HEAD = "name,originator_orgs,sender_domains,recipient_domains,relay,upstream\n"
TABLE = HEAD + \
    "fabrikam,fabrikam.com *.fabrikam.com,fabrikam.com; x.example,,true,\n" \
    "adatum,adatum.com,,[],,main\n" \
    "wingtip,wingtip.com w.example,,w.example wingtip.com,,\n"


class Address:
    address = "127.0.0.1:9"


class Place:
    """A folder with a configuration and a table; the tool run on them."""

    def __init__(self, pki, folder):
        self.folder, self.pki = str(folder), pki
        self.table = self.path("t.csv")
        self.put("t.csv", TABLE)
        self.config = base_config(pki, Address())
        self.config.set("tenant_tables", ["csv:" + self.table])
        self.write()

    def path(self, name):
        return os.path.join(self.folder, name)

    def put(self, name, text):
        with open(self.path(name), "w") as f:
            f.write(text)

    def get(self, name):
        with open(self.path(name)) as f:
            return f.read()

    def write(self):
        self.put("xoorgd.conf", self.config.text())

    def run(self, *args, want=0, text=""):
        done = subprocess.run([XOORG, "tenant", "--config", self.path("xoorgd.conf"), *args],
                              input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == want, done.stdout + done.stderr
        return done.stdout + done.stderr if want else done.stdout

    def add(self, name, cert, orgs, **more):
        self.config["tenants"][name] = dict(
            {"originator_orgs": orgs, "client_certificate": cert.cert,
             "client_key": cert.key}, **more)
        self.write()


@pytest.fixture
def place(pki, tmp_path):
    return Place(pki, tmp_path)


@pytest.mark.parametrize("id, args, want", rows(
    ("nothing", (), 2), ("unknown", ("move",), 2), ("get-whom", ("get",), 2),
    ("import-where", ("import",), 2), ("import-what", ("import", "t.csv"), 2),
    ("import-nowhere", ("import", "csv:"), 2), ("too-many", ("list", "conf", "conf"), 2),
    ("no-source", ("list", "t.csv"), 1), ("no-table", ("list", "csv:/nowhere.csv"), 1),
    ("get-nobody", ("get", "nobody"), 1), ("get-of-another", ("get", "fabrikam", "conf"), 1),
    ("get-org-of-another", ("get", "fabrikam.com", "conf"), 1)))
def test_refused(place, id, args, want):
    place.run(*args, want=want)


@pytest.mark.parametrize("name", ("none", "folder", "fifo", "zero"))
@pytest.mark.parametrize("kind", ("csv", "jsonl", "cdb"))
def test_no_file(place, name, kind):
    """It is named, and nothing waits for what is none."""
    path = place.path(name)
    os.mkdir(place.path("folder"))
    os.mkfifo(place.path("fifo"))
    os.symlink("/dev/zero", place.path("zero"))
    for args in (("list",), ("get", "contoso"), ("export",), ("check",)):
        said = place.run(*args, "%s:%s" % (kind, path), want=1)
        assert path + ": " in said and "null" not in said, said


def cdb(*pairs):
    """A cdb file of any keys and values (cr.yp.to/cdb/cdb.txt)."""
    def number(*n):
        return struct.pack("<%dI" % len(n), *n)
    data, tables = b"", [[] for _ in range(256)]
    for key, value in pairs:
        h = 5381
        for c in key:
            h = (h * 33 ^ c) & 0xffffffff
        tables[h % 256].append((h, 2048 + len(data)))
        data += number(len(key), len(value)) + key + value
    head, end = b"", b""
    for table in tables:
        head += number(2048 + len(data) + len(end), 2 * len(table))
        slots = [(0, 0)] * 2 * len(table)
        for h, at in table:
            i = h // 256 % len(slots)
            while slots[i][1]:
                i = (i + 1) % len(slots)
            slots[i] = (h, at)
        end += b"".join(number(*x) for x in slots)
    return head + data + end


def test_no_escapes(place):
    """What a table says does nothing to a terminal."""
    mark = (b"xoorg:tenants", b"1")
    for name, text in (
            ("a.cdb", cdb(mark, (b"org:\x1b[31ma.example", b"{}"))),
            ("b.cdb", cdb(mark, (b"org:\xc2\x9b31ma.example", b"{}"))),
            ("a.csv", b"name,originator_orgs,\x1b[31m\n"),
            ("b.csv", b"name,originator_orgs,\xc2\x9b31m\n"),
            ("a.jsonl", b'{"name":"a","originator_orgs":["a.example"],"\\u009b31m":1}\n')):
        with open(place.path(name), "wb") as f:
            f.write(text)
        said = place.run("list", name.split(".")[1] + ":" + place.path(name), want=1)
        assert "31m" in said and not set(said) & {"\x1b", "\x9b"}, said


def test_list_and_get(place):
    assert [x.split()[0] for x in place.run("list").splitlines()] == [
        "contoso", "fabrikam", "adatum", "wingtip"]
    assert "t.csv:3" in place.run("list").splitlines()[2]
    assert [x.split()[0] for x in place.run("list", "conf").splitlines()] == ["contoso"]
    assert len(place.run("list", "csv:" + place.table).splitlines()) == 3
    got = place.run("get", "adatum")
    assert "t.csv:3" in got and 'recipient_domains = []' in got
    assert place.run("get", "eu.FABRIKAM.com") == place.run("get", "fabrikam")


def settings(text):
    """{tenant: {setting: value}} of a configuration, as xoorg check prints it."""
    out = {}
    group = re.search(r"^tenants = \{\n(.*?)^\}", text, re.S | re.M).group(1)
    for name, body in re.findall(r"^\t([\w-]+) = \{\n(.*?)^\t\}", group, re.S | re.M):
        out[name] = dict(x.strip().split(" = ", 1) for x in body.splitlines())
    return out


def check(place):
    done = subprocess.run([XOORG, "check", place.path("xoorgd.conf")], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return settings(done.stdout)


def test_move_without_loss(place, pki):
    """Out of the table into a group, and back: each setting of each tenant, the files of
    certificates with commas and quotes in their names among them."""
    odd = place.path('a, "b".pem')
    with open(pki.gw.cert) as f:
        place.put('a, "b".pem', f.read())
    place.config["tenants"]["odd-1_x"] = {
        "originator_orgs": ["odd.example", "*.odd.example"], "client_certificate": odd,
        "client_key": pki.gw.key, "allow_untrusted_routing": True,
        "recipient_domains": ["odd.example", "*.odd.example"]}
    place.write()
    whole = place.run("export")
    place.run("import", "csv:" + place.path("all.csv"), text=whole)
    assert place.run("diff", "csv:" + place.path("all.csv")) == ""
    place.run("import", "conf:" + place.path("all.conf"), text=whole)
    place.config["tenants"], place.config["tenant_tables"] = {}, []
    text = place.config.text()
    place.put("xoorgd.conf", re.sub(r"^tenants = \{\s*\};?\n", "", text, flags=re.M) +
              '@include "all.conf"\n')
    assert place.run("list", "conf").count("\n") == 5
    assert place.run("export") == whole
    assert place.run("diff", "conf", "csv:" + place.path("all.csv")) == ""
    got = check(place)
    assert got["odd-1_x"]["client_certificate"] == '"%s"' % odd.replace('"', '\\"')
    assert got["fabrikam"]["sender_domains"] == '["fabrikam.com", "x.example"]'
    assert got["fabrikam"]["relay"] == "true"
    assert got["adatum"]["recipient_domains"] == "[]"
    assert got["adatum"]["upstream"] == '"main"'
    assert got["wingtip"]["recipient_domains"] == '["w.example", "wingtip.com"]'


def test_move_through_json(place, pki):
    """Out as JSON lines, into a table of each kind and back: nothing is lost."""
    place.add("odd", pki.gw, ["odd.example", "*.odd.example"], relay=True,
              recipient_domains=[])
    whole, lines = place.run("export"), place.run("--json", "export")
    got = [json.loads(x) for x in lines.splitlines()]
    assert [x["name"] for x in got] == ["contoso", "odd", "fabrikam", "adatum", "wingtip"]
    assert got[2] == {"name": "fabrikam", "originator_orgs": ["fabrikam.com", "*.fabrikam.com"],
                      "sender_domains": ["fabrikam.com", "x.example"], "relay": True}
    assert got[3]["recipient_domains"] == [] and got[1]["recipient_domains"] == []
    for text in (whole, lines):
        for kind in ("csv", "jsonl"):
            target = "%s:%s" % (kind, place.path("all." + kind))
            assert "5 tenants" in place.run("import", target, text=text)
            assert place.run("diff", target) == ""
            assert place.run("export", target) == whole
            assert place.run("--json", "export", target) == lines


@pytest.mark.parametrize("id, text, why", rows(
    ("json", '{"name": "t"}\n', "standard input:1: tenants.t.originator_orgs"),
    ("json-cut", '{"name": "t", "originator_orgs": ["t.example"]}', "a line end behind"),
    ("json-list", '\n{"name": "t", "originator_orgs": "t.example"}\n', "standard input:2: "),
    ("cut", TABLE + "t,t.exam", "standard input:5: expected a line end"),
    ("empty", "", "standard input:1: expected a header line"),
    ("twice", TABLE + "t,adatum.com,,,,\n", "standard input:5: tenants.t.originator_orgs"),
    ("name-twice", TABLE + "adatum,t.example,,,,\n", "each tenant once"),
    ("shared", TABLE + "t,co.uk,,,,\n", "[wide-org]"),
    ("upstream", TABLE + "t,t.example,,,,exit\n", "a name from `upstreams`")))
@pytest.mark.parametrize("kind", ("csv", "conf", "jsonl"))
def test_import_broken(place, kind, id, text, why):
    """The old file stays, and nothing beside it."""
    place.put("old", "as it was")
    before = sorted(os.listdir(place.folder))
    assert why in place.run("import", "%s:%s" % (kind, place.path("old")), want=1, text=text)
    assert place.get("old") == "as it was"
    assert sorted(os.listdir(place.folder)) == before


def test_import_keeps_mode(place):
    os.chmod(place.table, 0o640)
    place.run("import", "csv:" + place.table, text=HEAD + "t,t.example,,,,\n")
    assert os.stat(place.table).st_mode & 0o777 == 0o640
    assert place.get("t.csv") == HEAD + "t,t.example,,,,\n"


def test_diff(place):
    place.put("new.csv", HEAD +
              "adatum,adatum.com,,,,main\n"
              "fabrikam,fabrikam.com *.fabrikam.com,fabrikam.com x.example,"
              "fabrikam.com *.fabrikam.com,true,\n"
              "tailspin,tailspin.com,,,,\n")
    got = place.run("diff", "csv:" + place.table, "csv:" + place.path("new.csv"), want=1)
    assert got == ("~ adatum\n    recipient_domains: [] -> (not given)\n"
                   "+ tailspin\n- wingtip\n")


def test_check(place, pki):
    own = pki.make("tenant-own", "mail.own.example", days=(-1, 90))
    near = pki.make("tenant-near", "near.example", days=(-1, 20))
    place.add("own", own, ["x.example", "own.example"])
    assert "0 found" in place.run("check")
    place.add("near", near, ["near.example"])
    got = place.run("check", want=1)
    assert "near: %s ends " % near.cert in got and "1 found" in got
    assert "0 found" in place.run("--days", "10", "check")
    # A name that only ends as the organisation does is another's.
    foreign = pki.make("tenant-foreign", "notforeign.example",
                       days=(-1, 90))
    place.add("foreign", foreign, ["foreign.example"])
    got = place.run("--days", "10", "check", "conf", want=1)
    assert "foreign: %s has no name of its originator_orgs" % foreign.cert in got
    del place.config["tenants"]["foreign"]
    place.add("twin", own, ["own2.example", "mail.own.example"])
    got = place.run("--days", "10", "check", want=1)
    assert re.search("(twin|own): %s is the certificate of tenant (own|twin), too" %
                     re.escape(own.cert), got)


def test_check_ended(place, pki):
    old = pki.make("tenant-old", "old.example", days=(-9, -1))
    place.add("old", old, ["old.example"])
    assert "old: %s ended " % old.cert in place.run("check", want=1)


def test_check_claimed_twice(place):
    place.put("t.csv", TABLE + "t,contoso.com,,,,\n")
    got = place.run("check", want=1)
    assert "t.csv:5: tenants.t.originator_orgs: expected each organisation once" in got
    assert "xoorgd.conf:" in got


def test_authorize(place):
    """xoorg orgs adds to the configuration; a table is somebody else's to write."""
    before = place.get("xoorgd.conf")
    for tenant, want in (("adatum", 1), ("contoso", 0)):
        done = subprocess.run([XOORG, "orgs", "--authorize", "new.example", "--tenant", tenant,
                               "--config", place.path("xoorgd.conf"), "--write"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == want, done.stderr
        if want:
            assert "t.csv:3: expected a tenant of the configuration" in done.stderr
            assert place.get("xoorgd.conf") == before and place.get("t.csv") == TABLE
    assert place.run("get", "new.example").split()[2] == "contoso"
