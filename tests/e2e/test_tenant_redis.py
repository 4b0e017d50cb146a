# SPDX-License-Identifier: ISC
"""xoorg tenant over redis: tables: nothing is lost on the way, a table is listed while
others write it, and written so that no tenant of both tables is nobody at any moment."""
import json
import os
import re
import socket
import threading
import time

import pytest

from harness import rows
from tenant_servers import MARK, keys, redis  # noqa: F401
from test_tenant import HEAD, TABLE, Place

A = {"name": "a", "originator_orgs": ["a.example", "*.a.example", "z.example"],
     "sender_domains": ["s.example"], "relay": True}
B = {"name": "b", "originator_orgs": ["b.example"]}
PREFIX = "x?*[a-c]\\^:"


@pytest.fixture
def place(pki, tmp_path):
    """The tool alone, with tables of its own; no tenants in the configuration."""
    folder = tmp_path / "p"
    folder.mkdir()
    one = Place(pki, folder)
    one.config["tenants"], one.config["tenant_tables"] = {}, []
    one.config.set("tenant_lookup_timeout", 1)
    one.write()
    return one


def set_prefix(place, prefix):
    place.config.set("redis_prefix", prefix)
    place.write()


# --- a real server ----------------------------------------------------------------

@pytest.mark.parametrize("prefix", ("", "xoorg:", PREFIX))
def test_round_trip(place, redis, prefix):  # noqa: F811
    """From CSV to Redis to cdb to JSON lines to Redis and back, each the same."""
    set_prefix(place, prefix)
    one = redis()
    # What has nearly our prefix is somebody else's.
    others = [x + "org:other.example" for x in ("xx", "xoorg", "x??*[a-c]^:", "xa*[a-c]^:",
                                                "xoorg:x", "y")]
    for x in others:
        assert one.say("SET", x, "theirs") == b"+OK\r\n"
    table, cdb, lines = ("redis:unix:" + one.path, "cdb:" + place.path("t.cdb"),
                         "jsonl:" + place.path("t.jsonl"))
    first = place.run("export", "csv:" + place.table)
    assert "%s: 3 tenants" % table in place.run("import", table, text=first)
    for source, target in ((table, cdb), (cdb, lines), (lines, table)):
        place.run("import", target, text=place.run("--json", "export", source))
        assert place.run("diff", source, target) == ""
        assert place.run("diff", target, "csv:" + place.table) == ""
    got = place.run("export", table)
    assert sorted(got.splitlines()) == sorted(first.splitlines())
    assert one.say("GET", prefix + MARK) == b"$1\r\n1\r\n"
    for x in others:
        assert one.say("GET", x) == b"$6\r\ntheirs\r\n"
    assert place.run("list", table).split() == [
        "adatum", table + ":1", "adatum.com", "fabrikam", table + ":2", "fabrikam.com",
        "*.fabrikam.com", "wingtip", table + ":3", "wingtip.com", "w.example"]
    assert "0 found" in place.run("check", table)
    place.run("import", table, text=HEAD + "t,t.example,,,,\n")
    assert place.run("diff", "csv:" + place.table, table, want=1).splitlines() == [
        "- adatum", "- fabrikam", "+ t", "- wingtip"]
    assert one.say("DBSIZE") == b":%d\r\n" % (2 + len(others))


def test_changed(place, redis):  # noqa: F811
    """Other settings, organisations that go from one tenant to another, none at all."""
    one = redis()
    table = "redis:unix:" + one.path
    for text in (HEAD + "a,a.example b.example,s.example,,,\n",
                 HEAD + "a,a.example,,,,\nb,b.example,s.example,,true,\n",
                 HEAD + "b,a.example,,,,\na,b.example,,,,\n", HEAD, TABLE):
        place.put("new.csv", text)
        place.run("import", table, text=text)
        assert place.run("diff", "csv:" + place.path("new.csv"), table) == ""


def test_certificate_names(place, redis):  # noqa: F811
    """Keys of their own, written, listed, checked for and taken away with the tenant."""
    one = redis()
    table, named = "redis:unix:" + one.path, dict(B, certificate_names=["App.b.example", "n.x"])
    place.run("import", table, text=json.dumps(A) + "\n" + json.dumps(named) + "\n")
    assert one.say("EXISTS", "certificate:app.b.example", "certificate:n.x") == b":2\r\n"
    assert [json.loads(x).get("certificate_names") for x in place.run(
        "--json", "export", table).splitlines()] == [None, named["certificate_names"]]
    one.say("DEL", "certificate:n.x")
    assert "certificate:n.x" in place.run("list", table, want=1)
    one.put(named)
    one.say("SET", "certificate:odd.example", json.dumps(named))
    assert "expected a record that lists it" in place.run("list", table, want=1)
    one.say("DEL", "certificate:odd.example")
    place.run("import", table, text=json.dumps(A) + "\n")
    assert one.say("EXISTS", "certificate:app.b.example", "certificate:n.x") == b":0\r\n"


def test_import_refused(place, redis):  # noqa: F811
    """What is refused changes nothing; what the server refuses in the middle is told."""
    one = redis()
    table = "redis:unix:" + one.path
    place.run("import", table, text=TABLE)
    before = place.run("export", table)
    wide = " ".join("o%d.example" % i for i in range(6000))
    for text, why in (
            (TABLE + "t,adatum.com,,,,\n", "expected each organisation once"),
            (HEAD + "ok,ok.example,,,,\nwide,%s,,,,\n" % wide, "at most 65536 octets")):
        assert why in place.run("import", table, text=text, want=1)
        assert place.run("export", table) == before
    assert one.say("CONFIG", "SET", "maxmemory", "1") == b"+OK\r\n"
    assert re.search("the server says: OOM.*\n.*not all of it was written",
                     place.run("import", table, text=TABLE, want=1))
    assert one.say("CONFIG", "SET", "maxmemory", "0") == b"+OK\r\n"
    assert place.run("export", table) == before
    one.say("REPLICAOF", "127.0.0.1", "1")
    assert "READONLY" in place.run("import", table, text=TABLE, want=1)


def test_no_mark(place, redis):  # noqa: F811
    """Who lists it sees what the gateway sees: nothing."""
    one = redis()
    one.put(A)
    table = "redis:unix:" + one.path
    assert len(place.run("list", table).splitlines()) == 1
    one.say("DEL", MARK)
    for verb in ("list", "export", "check"):
        assert "no key " + MARK in place.run(verb, table, want=1)
    place.run("import", table, text=TABLE)
    assert one.say("GET", MARK) == b"$1\r\n1\r\n"
    assert one.say("EXISTS", "org:a.example") == b":0\r\n"


@pytest.mark.parametrize("id, key, value, why", rows(
    ("no-json", "org:x.example", "theirs", "expected a JSON object"),
    ("no-list", "org:x.example", "[]", "expected a JSON object"),
    ("anothers", "org:x.example", json.dumps(B), "expected a record that lists it"),
    ("upper-case", "org:B.example", json.dumps(B), "expected a record that lists it"),
    ("old", "sender:s.example", json.dumps(dict(A, relay=False)),
     "key sender:s.example: expected the record that is under org:a.example"),
    ("missing", "org:*.a.example", None,
     "key org:*.a.example: expected the record that is under org:a.example"),
    ("left", "sender:l.example", json.dumps(dict(A, sender_domains=["l.example"])),
     "expected the record that is under sender:l.example"),
    ("left-alone", "org:c.example", json.dumps(
        {"name": "c", "originator_orgs": ["d.example", "c.example"]}),
     "key org:d.example: expected the record that is under org:c.example"),
    ("twice", "org:c.example", json.dumps({"name": "a", "originator_orgs": ["c.example"]}),
     "expected each tenant once")))
def test_broken(place, redis, id, key, value, why):  # noqa: F811
    """Each is told of with its key; import mends what is a tenant's, and leaves the rest."""
    one = redis()
    one.put(A, B)
    table = "redis:unix:" + one.path
    one.say("DEL", key) if value is None else one.say("SET", key, value)
    for verb in ("list", "check"):
        assert why in place.run(verb, table, want=1)
    text = "".join(json.dumps(x) + "\n" for x in (A, B))
    if "JSON" not in why and "lists it" not in why.replace("which lists it", ""):
        place.run("import", table, text=text)
        assert len(place.run("list", table).splitlines()) == 2
        return
    assert "key %s: expected a record that lists it; it is left" % key in \
        place.run("import", table, text=text, want=1)
    assert one.say("GET", key).split(b"\r\n")[1] == value.encode()


def test_wrong_type(place, redis):  # noqa: F811
    one = redis()
    one.put(A)
    one.say("LPUSH", "org:x.example", "a")
    table = "redis:unix:" + one.path
    got = place.run("list", table, want=1)
    assert "WRONGTYPE" in got and "key org:x.example" in got
    place.run("import", table, text=TABLE, want=1)
    assert one.say("LLEN", "org:x.example") == b":1\r\n"
    # Not even a domain is asked for under these.
    one.say("DEL", "org:x.example")
    for key in ("org:", "org:a b", "organisation:1", "sender:*.*.example", "org:*", "o", "s:"):
        one.say("LPUSH", key, "a")
    assert len(place.run("list", table).splitlines()) == 3


def test_password(place, redis):  # noqa: F811
    """The commands that the manual names are enough."""
    one = redis()
    table = "redis:unix:" + one.path
    assert one.say("ACL", "SETUSER", "lister", "on", ">pw", "~*", "+get", "+mget",
                   "+scan") == b"+OK\r\n"
    assert one.say("ACL", "SETUSER", "writer", "on", ">pw", "~*", "+get", "+mget", "+scan",
                   "+set", "+del", "+multi", "+exec") == b"+OK\r\n"
    one.put(A)
    assert one.say("ACL", "SETUSER", "default", "resetpass", ">other") == b"+OK\r\n"
    place.put("password", "pw\n")
    assert "NOAUTH" in place.run("list", table, want=1)
    place.config.set("redis_password_file", place.path("password"))
    for user, can_write in (("lister", False), ("writer", True)):
        place.config.set("redis_user", user)
        place.write()
        assert place.run("list", table).split()[0] == "a"
        got = place.run("import", table, text=TABLE, want=0 if can_write else 1)
        assert can_write or "NOPERM" in got
    place.put("password", "wp\n")
    assert "WRONGPASS" in place.run("list", table, want=1)


def test_many(place, redis):  # noqa: F811
    """More than a step of each kind."""
    one = redis()
    table = "redis:unix:" + one.path
    text = HEAD + "".join("t%d,t%d.example *.t%d.example,s%d.example,,,\n" % (i, i, i, i)
                          for i in range(5000))
    place.put("new.csv", text)
    for _ in range(2):
        place.run("import", table, text=text)
        assert place.run("diff", "csv:" + place.path("new.csv"), table) == ""
    assert one.say("DBSIZE") == b":15001\r\n"
    place.run("import", table, text=HEAD)
    assert one.say("DBSIZE") == b":1\r\n"


# --- while others write -----------------------------------------------------------

def bulk(value):
    return b"$-1\r\n" if value is None else b"$%d\r\n%s\r\n" % (len(value), value)


class Script(threading.Thread):
    """A server with a table that `meanwhile`, a function of it and of each command,
    changes before that is answered; SCAN gives each key twice."""

    def __init__(self, folder, *records):
        super().__init__(daemon=True)
        self.path = os.path.join(str(folder), "script")
        self.table = {MARK.encode(): b"1"}
        self.add(*records)
        self.meanwhile, self.queued, self.said = lambda *_: None, None, []
        self.lie = {}
        self.listening = socket.socket(socket.AF_UNIX)
        self.listening.bind(self.path)
        self.listening.listen(4)
        self.start()

    def add(self, *records):
        for record in records:
            for key, value in keys(record).items():
                self.table[key.encode()] = value.encode()

    def run(self):
        while True:
            try:
                s, _ = self.listening.accept()
            except OSError:
                return
            try:
                with s, s.makefile("rwb") as f:
                    self.serve(f)
            except OSError:
                pass

    def serve(self, f):
        while True:
            head = f.readline()
            if not head:
                return
            words = []
            for _ in range(int(head[1:])):
                n = int(f.readline()[1:])
                words.append(f.read(n + 2)[:n])
            reply = self.answer(words)
            f.write(reply)
            f.flush()

    def answer(self, words):
        name, rest = words[0].decode(), words[1:]
        if name in self.lie:
            return self.lie[name]
        if self.queued is not None and name != "EXEC":
            self.queued.append(words)
            return b"+QUEUED\r\n"
        self.meanwhile(self, words)
        self.said.append((time.monotonic(), name, rest))
        return getattr(self, "do_" + name.lower())(*rest)

    def do_multi(self):
        self.queued = []
        return b"+OK\r\n"

    def do_exec(self):
        done = [self.do_set(*x[1:]) for x in self.queued]
        self.queued = None
        return b"*%d\r\n" % len(done) + b"".join(done)

    def do_get(self, key):
        return bulk(self.table.get(key))

    def do_mget(self, *wanted):
        return b"*%d\r\n" % len(wanted) + b"".join(bulk(self.table.get(x)) for x in wanted)

    def do_set(self, key, value):
        self.table[key] = value
        return b"+OK\r\n"

    def do_del(self, *gone):
        return b":%d\r\n" % sum(self.table.pop(x, None) is not None for x in gone)

    def do_scan(self, cursor, *_):
        # Two rounds of all keys, three a step, with steps that bring none between.
        at = int(cursor)
        twice = 2 * sorted(self.table)
        some = twice[at // 2 * 3:at // 2 * 3 + 3] if at % 2 == 0 else []
        after = b"%d" % (at + 1) if at // 2 * 3 < len(twice) else b"0"
        return b"*2\r\n" + bulk(after) + b"*%d\r\n" % len(some) + b"".join(map(bulk, some))

    def stop(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()


@pytest.fixture
def script(tmp_path):
    one = Script(tmp_path, A, B)
    yield one
    one.stop()


def names(place, script):
    return [x.split()[0] for x in place.run("list", "redis:unix:" + script.path).splitlines()]


def once(command, key, change):
    """`change` happens before the first such command of this key, and no more."""
    done = []

    def meanwhile(script, words):
        if not done and words[0] == command and (key is None or key in words):
            done.append(1)
            change(script)
    return meanwhile


def remove(record):
    return lambda script: [script.table.pop(x.encode()) for x in keys(record)]


def replace(old, new):
    return lambda script: (remove(old)(script), script.add(new))


@pytest.mark.parametrize("id, command, key, change, want", rows(
    ("twice", b"-", None, None, ["a", "b"]),
    ("gone-before", b"GET", b"org:a.example", remove(A), ["b"]),
    ("gone-half", b"GET", b"sender:s.example", remove(A), ["b"]),
    ("gone-behind", b"MGET", None, remove(A), ["b"]),
    ("came", b"GET", b"org:a.example", lambda s: s.add(dict(B, name="c", originator_orgs=[
        "c.example", "d.example"])), ["a", "b"]),
    ("changed", b"MGET", None, lambda s: s.add(dict(A, relay=False)), ["a", "b"]),
    ("renamed", b"GET", b"org:a.example", replace(A, dict(A, originator_orgs=[
        "y.example", "*.a.example"])), ["b", "a"]),
    ("first-is-last", b"GET", b"sender:s.example", replace(A, dict(A, originator_orgs=[
        "z.example", "a.example"])), ["a", "b"])))
def test_list_meanwhile(place, script, id, command, key, change, want):
    """Each tenant once, and none that was there all the time is missing."""
    script.meanwhile = once(command, key, change)
    assert sorted(names(place, script)) == sorted(want)
    assert [x for x in place.run("check", "redis:unix:" + script.path).split()][0] == \
        str(len(want) + (id == "came"))


@pytest.mark.parametrize("id, command, lie", rows(
    ("endless-step", "SCAN", b"*2\r\n$1\r\n0\r\n*9999999\r\n"),
    ("no-cursor", "SCAN", b"*2\r\n$-1\r\n*0\r\n"),
    ("empty-cursor", "SCAN", b"*2\r\n$0\r\n\r\n*0\r\n"),
    ("long-cursor", "SCAN", b"*2\r\n$21\r\n" + b"1" * 21 + b"\r\n*0\r\n"),
    ("endless-cursor", "SCAN", b"*2\r\n$1\r\n7\r\n*0\r\n"),
    ("cursor-alone", "SCAN", b"*1\r\n$1\r\n0\r\n"),
    ("no-array", "SCAN", b"$1\r\n0\r\n"), ("error", "SCAN", b"-ERR a\x1bb\r\n"),
    ("long-key", "SCAN", b"*2\r\n$1\r\n0\r\n*1\r\n$999999\r\n"),
    ("cut", "SCAN", b"*2\r\n$1\r\n0\r\n*1\r\n$5\r\norg"),
    ("silent", "SCAN", b""), ("long-record", "GET", b"$65537\r\n"),
    ("number", "GET", b":1\r\n"), ("few", "MGET", b"*1\r\n$1\r\na\r\n"),
    ("many", "MGET", b"*4\r\n"), ("loading", "GET", b"-LOADING Redis is\r\n")))
def test_list_hostile(place, script, id, command, lie):
    if command == "GET" and lie[:1] == b"$":
        script.table[b"org:a.example"] = b"x" * 65537
    else:
        script.lie[command] = lie
    begin = time.monotonic()
    got = place.run("list", "redis:unix:" + script.path, want=1)
    assert "redis:unix:" in got and "\x1b" not in got
    assert time.monotonic() - begin < 15


def owner(table, org):
    """Whose it is, as the gateway asks; "?" of a table that is not whole."""
    if table.get(MARK.encode()) != b"1":
        return "?"
    parents = org.split(".")
    for key in ["org:" + org] + ["org:*." + ".".join(parents[i:])
                                 for i in range(1, len(parents))]:
        record = table.get(key.encode())
        if record is not None:
            return json.loads(record)["name"]
    return None


OLD = HEAD + "wild,w.example *.w.example,s.example,,,\nboth,both.example,,,,\nmoves,m.example n.example,,,,\n" \
    "gone,gone.example,,,,\n"
NEW = HEAD + "new,new.example n.example,,,,\nboth,both.example,,,true,\nmoves,m.example,,,,\n" \
    "wild,w.example eu.w.example us.w.example,,,,\n"
ORGS = ("both.example", "m.example", "n.example", "eu.w.example", "us.w.example",
        "gone.example", "new.example")


@pytest.mark.parametrize("has_mark", (True, False))
def test_import_order(place, script, has_mark):
    """After each command that changes something, each organisation is its old or its new
    tenant's, and nobody's only if it was or will be; without the mark nothing is known
    before the end. Between the last new tenant and the first that goes is the time that
    a question may take, since its keys are not asked for at one moment."""
    table = "redis:unix:" + script.path
    place.run("import", table, text=OLD)
    if not has_mark:
        del script.table[MARK.encode()]
    before = {x: owner(script.table, x) for x in ORGS}
    seen, script.said = [], []
    script.meanwhile = lambda s, words: seen.append({x: owner(s.table, x) for x in ORGS})
    place.run("import", table, text=NEW)
    after = {x: owner(script.table, x) for x in ORGS}
    assert after == {"both.example": "both", "m.example": "moves", "n.example": "new",
                     "eu.w.example": "wild", "us.w.example": "wild", "gone.example": None,
                     "new.example": "new"}
    assert len(seen) > 6
    for x in ORGS:
        assert {s[x] for s in seen} <= ({before[x], after[x]} if has_mark else {"?"})
    last = max(t for t, name, _ in script.said if name == "EXEC")
    first = min(t for t, name, _ in script.said if name == "DEL")
    assert (first - last >= 1) == has_mark
    assert script.said[-1][1:] == ("SET", [MARK.encode(), b"1"])
