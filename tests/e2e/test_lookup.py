# SPDX-License-Identifier: ISC
"""Tables of tenants that are asked while mail waits: what a sender gets in every state of
a table, and that none of them is more than it would get with an answer."""
import json
import os
import subprocess
import threading
import time

import pytest

from harness import XOORG, Smtp, base_config, rows, simple, wait_until
from tenant_servers import MARK, Socketmap, redis  # noqa: F401

HEAD = "name,originator_orgs,sender_domains,recipient_domains,upstream\n"
FABRIKAM = "fabrikam,fabrikam.com *.fabrikam.com,fabrikam.com,,\n"
ADATUM = "adatum,adatum.com,,[],\n"
TABLE = HEAD + FABRIKAM + ADATUM


def ask(gw, pki, org, sender=None, to=None):
    """The first reply that is not 250, else that to RCPT."""
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        got = c.cmd("MAIL FROM:<%s> XOORG=%s" % (sender or "u@" + org, org))
        return got if got.code != 250 else c.cmd("RCPT TO:<%s>" % (to or "r@" + org))


class Cdb:
    """A table of the tool's making, in a folder of its own."""

    def __init__(self, folder, config):
        self.folder, self.config = str(folder), config
        self.path = os.path.join(self.folder, "tenants.cdb")
        self.text = "cdb:" + self.path

    def put(self, text):
        done = subprocess.run([XOORG, "tenant", "--config", self.config, "import", self.text],
                              input=text, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def cdb(gateway, pki, hop, tmp_path):
    def make(text=TABLE, **changes):
        one = hop()
        config = base_config(pki, one, hop(), **changes)
        folder = tmp_path / "tables"
        folder.mkdir()
        with open(tmp_path / "plain.conf", "w") as f:
            f.write(config.text())
        table = Cdb(folder, str(tmp_path / "plain.conf"))
        table.put(text)
        config.set("tenant_tables", [table.text])
        return gateway(config), one, table
    return make


@pytest.mark.parametrize("id, org, sender, to, want", rows(
    ("nobody", "nobody.example", None, None, "550 5.7.1"),
    ("below", "a.adatum.com", None, None, "550 5.7.1"),
    ("sender", "fabrikam.com", "u@adatum.com", None, "550 5.7.1"),
    ("sender-below", "fabrikam.com", "u@a.fabrikam.com", None, "550 5.7.1"),
    ("recipient", "fabrikam.com", None, "r@adatum.com", "550 5.7.1"),
    ("recipient-none", "adatum.com", None, "r@adatum.com", "550 5.7.1"),
    ("verified", "fabrikam.com", None, None, "250"),
    ("verified-below", "eu.fabrikam.com", "u@fabrikam.com", "r@x.fabrikam.com", "250"),
    ("any-sender", "adatum.com", "u@x.example", "postmaster@adatum.com", "250"),
    ("of-the-group", "contoso.com", None, None, "250")))
def test_verdict(cdb, pki, id, org, sender, to, want):
    gw, _, _ = cdb()
    assert ask(gw, pki, org, sender, to).matches(want)


def test_delivered(cdb, pki):
    gw, one, _ = cdb()
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), "u@fabrikam.com", "r@fabrikam.com", xoorg="fabrikam.com")
    assert one.one().fields("X-OriginatorOrg") == ["fabrikam.com"]
    event = gw.event()
    assert event["verdict"] == "verified" and event["tenant"] == "fabrikam"


def test_swap(cdb, pki):
    """A rename is seen by the next message, without a reload; and so is each way in which
    a file can be none, which is 451 for whoever may be in it, and never 550 or 250."""
    gw, _, table = cdb()
    old = gw.workers()
    assert ask(gw, pki, "tailspin.com").code == 550
    table.put(HEAD + "tailspin,tailspin.com,,,\n")
    assert ask(gw, pki, "tailspin.com").code == 250
    assert ask(gw, pki, "fabrikam.com").code == 550
    with open(table.path, "rb") as f:
        whole = f.read()
    for bad in (b"", whole[:100], whole[:-1], whole + b"x", b"x" * len(whole),
                bytes(len(whole)), whole.replace(b"xoorg:tenants", b"xoorg:tenantz")):
        with open(table.path + ".new", "wb") as f:
            f.write(bad)
        os.rename(table.path + ".new", table.path)
        for org in ("tailspin.com", "nobody.example"):
            assert ask(gw, pki, org).matches("451 4.3.0")
        assert ask(gw, pki, "contoso.com").code == 250
    os.unlink(table.path)
    assert ask(gw, pki, "tailspin.com").matches("451 4.3.0")
    assert wait_until(lambda: "event=table" in gw.log() and "state=down" in gw.log(), 5)
    table.put(TABLE)
    assert ask(gw, pki, "fabrikam.com").code == 250
    assert ask(gw, pki, "tailspin.com").code == 550
    assert wait_until(lambda: "state=up" in gw.log(), 5)
    assert gw.workers() == old


# --- a swap under load ------------------------------------------------------------

N_TENANTS = 50


def model(generation, org):
    """Whose it is: the tenants of even number are there in even generations, and each fifth
    in all."""
    name, _, rest = org.partition(".")
    if rest != "swap.example" or not name.startswith("t"):
        return None
    number = int(name[1:])
    return name if number < N_TENANTS and (
        number % 5 == 0 or number % 2 == generation % 2) else None


def generation_text(generation):
    return HEAD + "".join(
        "t%d,t%d.swap.example,,,\n" % (i, i) for i in range(N_TENANTS)
        if model(generation, "t%d.swap.example" % i))


class RedisTable(Cdb):
    def __init__(self, server, config):
        self.text, self.config = "redis:unix:" + server.path, config


@pytest.fixture
def redis_table(gateway, pki, hop, redis, tmp_path):  # noqa: F811
    def make(text, **changes):
        config = base_config(pki, hop(), hop(), **dict(
            {"tenant_fresh": 0, "tenant_nobody_fresh": 0, "tenant_lookup_timeout": 1}, **changes))
        with open(tmp_path / "plain.conf", "w") as f:
            f.write(config.text())
        table = RedisTable(redis(), str(tmp_path / "plain.conf"))
        table.put(text)
        config.set("tenant_tables", [table.text])
        return gateway(config), None, table
    return make


@pytest.mark.parametrize("kind", ("cdb", "redis_table"))
def test_swap_under_load(request, pki, kind):
    """No wrong verdict: each answer is that of a table that was in its place at some time
    between question and answer. Messages: XOORG_SWAP_MESSAGES, 2000 by default."""
    messages = int(os.environ.get("XOORG_SWAP_MESSAGES", "2000"))
    gw, _, table = request.getfixturevalue(kind)(generation_text(0), workers=2)
    state = {"begun": 0, "done": 0, "asked": 0}
    wrong, stop = [], threading.Event()

    def swap():
        try:
            while not stop.is_set():
                state["begun"] += 1
                table.put(generation_text(state["begun"]))
                state["done"] = state["begun"]
                stop.wait(0.02)
        except Exception as e:	# a table that stands still proves nothing
            wrong.append(e)

    def send(first):
        n, errors = first, 0
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            while (state["asked"] < messages or state["done"] < 4) and not wrong:
                org = "t%d.swap.example" % (n % (N_TENANTS + 2))
                n += 7
                before = state["done"]
                got = c.cmd("MAIL FROM:<u@%s> XOORG=%s" % (org, org)).code
                after = state["begun"]
                want = {250 if model(g, org) else 550 for g in range(before, after + 1)}
                if got not in want:
                    wrong.append((org, before, after, got))
                state["asked"] += 1
                if got == 250:
                    if c.cmd("RSET").code != 250:
                        return		# 421: too many without a message
                else:
                    errors += 1
                    if errors == 15:
                        return

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        while (state["asked"] < messages or state["done"] < 4) and not wrong:
            clients = [threading.Thread(target=send, args=(i,)) for i in range(3)]
            for x in clients:
                x.start()
            for x in clients:
                x.join()
    finally:
        stop.set()
        swapper.join()
    assert wrong == []
    assert state["done"] > 3


# --- servers ----------------------------------------------------------------------

RECORD = {"name": "fabrikam", "originator_orgs": ["fabrikam.com", "*.fabrikam.com"],
          "sender_domains": ["fabrikam.com"]}
FOREIGN = {"name": "adatum", "originator_orgs": ["adatum.com"]}
OWN, STRANGE = "fabrikam.com", "nobody.example"


@pytest.fixture
def socketmap(tmp_path):
    one = Socketmap(tmp_path)
    one.put(RECORD, FOREIGN)
    yield one
    one.stop()


@pytest.fixture
def serving(gateway, pki, hop):
    def make(text, **changes):
        config = base_config(pki, hop(), hop(), **dict(
            {"tenant_tables": [text], "tenant_lookup_timeout": 1, "workers": 1}, **changes))
        return gateway(config)
    return make


def redis_faults(one):
    text = json.dumps(FOREIGN)
    return {
        "killed": one.stop,
        "slow": one.pause,
        "flushed": lambda: one.say("FLUSHALL"),
        "restarted-empty": lambda: (one.stop(), one.start()),
        "another-key": lambda: one.say("SET", "org:fabrikam.com", text),
        "no-record": lambda: one.say("SET", "org:fabrikam.com", "contoso"),
        "wrong-type": lambda: (one.say("DEL", "org:fabrikam.com"),
                               one.say("LPUSH", "org:fabrikam.com", "a")),
        "mark-gone": lambda: one.say("DEL", MARK),
        "evicted": lambda: (one.say("DEL", "org:fabrikam.com"),
                            one.say("DEL", "org:*.fabrikam.com")),
    }


# What the tenant's mail gets: cold, fresh, stale. The stranger's never gets 250, and 550
# only from a server that answers.
CELLS = rows(
    ("killed", 451, 250, 250, 451), ("slow", 451, 250, 250, 451),
    ("flushed", 451, 250, 250, 451), ("restarted-empty", 451, 250, 250, 451),
    ("another-key", 451, 250, 250, 550), ("no-record", 451, 250, 250, 550),
    ("wrong-type", 451, 250, 250, 550), ("mark-gone", 451, 250, 250, 451),
    ("evicted", 550, 250, 550, 550))


@pytest.mark.parametrize("id, cold, fresh, stale, strange", CELLS)
def test_redis_fault(redis, serving, pki, id, cold, fresh, stale, strange):
    one = redis()
    one.put(RECORD)
    text = "redis:unix:" + one.path
    gws = {"cold": serving(text), "fresh": serving(text),
           "stale": serving(text, tenant_fresh=1, tenant_stale=60, tenant_nobody_fresh=0),
           "old": serving(text, tenant_fresh=1, tenant_nobody_fresh=0)}
    for name in ("fresh", "stale", "old"):
        assert ask(gws[name], pki, OWN).code == 250
    redis_faults(one)[id]()
    assert ask(gws["fresh"], pki, OWN).code == fresh
    time.sleep(1.1)
    assert ask(gws["stale"], pki, OWN).code == stale
    assert ask(gws["old"], pki, OWN).code == cold
    assert ask(gws["cold"], pki, OWN).code == cold
    for gw in gws.values():
        assert ask(gw, pki, STRANGE).code == strange
    if id in ("killed", "slow"):
        one.pause(False) if id == "slow" else one.start()
        one.put(RECORD)
        assert wait_until(lambda: ask(gws["cold"], pki, OWN).code == 250, 10, 0.2)
        assert ask(gws["cold"], pki, STRANGE).code == 550


def test_redis_password(redis, serving, pki, tmp_path):
    """A user with what it needs and no more; with the wrong password nothing is known."""
    one = redis()
    one.put(RECORD)
    assert one.say("ACL", "SETUSER", "gw", "on", ">pw", "~*", "+get", "+echo") == b"+OK\r\n"
    assert one.say("ACL", "SETUSER", "default", "resetpass", ">other") == b"+OK\r\n"
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_text("pw\n")
    bad.write_text("wp\n")
    text = "redis:unix:" + one.path
    for changes, want in (
            ({}, 451), ({"redis_user": "gw", "redis_password_file": str(bad)}, 451),
            ({"redis_password_file": str(good)}, 451),
            ({"redis_user": "gw", "redis_password_file": str(good)}, 250)):
        gw = serving(text, **changes)
        assert ask(gw, pki, OWN).code == want
        assert ask(gw, pki, STRANGE).code == (550 if want == 250 else 451)


def test_redis_round_trips(redis, serving, pki):
    """One a message that is not remembered, none for one that is."""
    one = redis()
    one.put(RECORD)
    gw = serving("redis:unix:" + one.path)
    for _ in range(5):
        assert ask(gw, pki, OWN).code == 250
        assert ask(gw, pki, STRANGE).code == 550
    # Per question: the mark, the domain, *.com or *.example, and an echo at the end.
    assert one.commands() == {"get": 6, "echo": 2}


LIES = rows(
    ("silent", b"", 451), ("closed", lambda _: None, 451), ("half", b"9:NOTF", 451),
    ("no-netstring", b"NOTFOUND \n", 451), ("short", b"8:NOTFOUND ,", 451),
    ("long", b"99999999:", 451), ("lower-case", b"9:notfound ,", 451),
    ("doubled", b"9:NOTFOUND ,9:NOTFOUND ,", 451), ("temp", b"5:TEMP ,", 451),
    ("timeout", b"8:TIMEOUT ,", 451), ("perm", b"5:PERM ,", 451),
    ("empty", b"3:OK ,", 451), ("word", b"6:OK yes,", 451),
    ("others", lambda _: lie_of(FOREIGN), 451),
    ("with-a-tail", lambda _: lie_of(RECORD) + b"x", 250),
    ("nobody", b"9:NOTFOUND ,", 550), ("truth", lambda _: lie_of(RECORD), 250))


def lie_of(record):
    text = ("OK " + json.dumps(record)).encode()
    return b"%d:%s," % (len(text), text)


@pytest.mark.parametrize("id, lie, want", LIES)
def test_socketmap_fault(socketmap, serving, pki, id, lie, want):
    """Cold, fresh and stale; then the truth again, on a connection that is sound."""
    text = "socketmap:unix:%s:tenants" % socketmap.path
    gws = {"cold": serving(text), "fresh": serving(text),
           "stale": serving(text, tenant_fresh=1, tenant_stale=60, tenant_nobody_fresh=0)}
    for name in ("fresh", "stale"):
        assert ask(gws[name], pki, OWN).code == 250
    socketmap.lie = lie
    assert ask(gws["cold"], pki, OWN).code == want
    assert ask(gws["fresh"], pki, OWN).code == 250
    time.sleep(1.1)
    assert ask(gws["stale"], pki, OWN).code == (550 if want == 550 else 250)
    for gw in gws.values():
        # What is not this one's is nobody's, whatever is said of it.
        assert ask(gw, pki, STRANGE).code == (550 if want == 550 else 451)
    socketmap.lie = None
    assert wait_until(lambda: ask(gws["stale"], pki, OWN).code == 250, 15, 0.2)
    assert wait_until(lambda: ask(gws["stale"], pki, STRANGE).code == 550, 15, 0.2)
    assert {x.split(" ")[0] for x in socketmap.asked} == {"tenants"}


def test_tool_asks(socketmap, redis, serving, pki, tmp_path):
    """xoorg tenant get shows what the gateway would be told, or that it would be nothing."""
    one = redis()
    one.put(RECORD)
    gw = serving("socketmap:unix:%s:t" % socketmap.path)
    socketmap_text, redis_text = "socketmap:unix:%s:t" % socketmap.path, "redis:unix:" + one.path

    def run(*args):
        done = subprocess.run([XOORG, "tenant", "--config", gw.file, *args],
                              capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout + done.stderr

    for text in (socketmap_text, redis_text):
        code, said = run("get", "eu.fabrikam.com", text)
        assert code == 0 and '"*.fabrikam.com"' in said, said
        code, said = run("get", STRANGE, text)
        assert code == 1 and "found none" in said
    for args in (("list", socketmap_text), ("import", socketmap_text)):
        code, said = run(*args)
        assert code and "socketmap is only asked" in said
    assert run("list", redis_text)[1].split()[0] == "fabrikam"
    one.stop()
    for args in (("get", OWN), ("list",), ("import",)):
        assert run(*args, redis_text)[0] == 1
    socketmap.lie = b"5:TEMP ,"
    code, said = run("get", OWN, socketmap_text)
    assert code == 1 and "no answer: TEMP" in said
    socketmap.lie = lambda _: lie_of(FOREIGN)
    code, said = run("get", OWN, socketmap_text)
    assert code == 1


def test_socketmap_keys(socketmap, serving, pki):
    """The nearest first, and no more than it takes."""
    gw = serving("socketmap:unix:%s:t" % socketmap.path)
    before = len(socketmap.asked)
    assert ask(gw, pki, "eu.fabrikam.com", "u@fabrikam.com", "r@x.fabrikam.com").code == 250
    assert socketmap.asked[before:] == ["t org:eu.fabrikam.com", "t org:*.fabrikam.com"]


def test_same_question_when_time_is_up(socketmap, serving, pki, tmp_path):
    """Two tables have more time than a sender: what it pipelines asks the same again."""
    folder = tmp_path / "second"
    folder.mkdir()
    second = Socketmap(folder)

    def slow(_):
        time.sleep(0.35)
        return b"9:NOTFOUND ,"
    socketmap.lie, second.lie = slow, b""
    try:
        texts = ["socketmap:unix:%s:t" % x.path for x in (socketmap, second)]
        gw = serving(None, tenant_tables=texts)
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            c.send(b"MAIL FROM:<u@fabrikam.com> XOORG=fabrikam.com\r\n" * 3)
            for _ in range(3):
                assert c.reply().matches("451 4.3.0")
            assert c.cmd("MAIL FROM:<u@contoso.com> XOORG=contoso.com").code == 250
    finally:
        second.stop()


def test_file_behind_server(socketmap, serving, pki, hop, tmp_path):
    """What took a server to be found is remembered, though a file has it."""
    plain, folder = tmp_path / "plain.conf", tmp_path / "tables"
    plain.write_text(base_config(pki, hop(), hop()).text())
    folder.mkdir()
    table = Cdb(folder, str(plain))
    table.put(HEAD + "tailspin,tailspin.com,,,\n")
    gw = serving(None, tenant_tables=["socketmap:unix:%s:t" % socketmap.path, table.text])
    for _ in range(3):
        assert ask(gw, pki, "tailspin.com").code == 250
    assert socketmap.asked == ["t org:tailspin.com", "t org:*.com"]
    socketmap.lie = lambda _: None
    assert ask(gw, pki, "tailspin.com").code == 250
    assert ask(gw, pki, STRANGE).code == 451
