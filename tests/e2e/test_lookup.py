# SPDX-License-Identifier: ISC
"""Tables of tenants that are asked while mail waits: what a sender gets in every state of
a table, and that none of them is more than it would get with an answer."""
import os
import subprocess
import threading

import pytest

from harness import XOORG, Smtp, base_config, rows, simple, wait_until

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
    """Whose it is: the tenants of even number are there in even generations."""
    name, _, rest = org.partition(".")
    if rest != "swap.example" or not name.startswith("t"):
        return None
    number = int(name[1:])
    return name if number < N_TENANTS and number % 2 == generation % 2 else None


def generation_text(generation):
    return HEAD + "".join(
        "t%d,t%d.swap.example,,,\n" % (i, i) for i in range(N_TENANTS)
        if model(generation, "t%d.swap.example" % i))


def test_swap_under_load(cdb, pki):
    """No wrong verdict: each answer is that of a table that was in its place at some time
    between question and answer. Messages: XOORG_SWAP_MESSAGES, 2000 by default."""
    messages = int(os.environ.get("XOORG_SWAP_MESSAGES", "2000"))
    gw, _, table = cdb(generation_text(0), workers=2)
    state = {"begun": 0, "done": 0, "asked": 0}
    wrong, stop = [], threading.Event()

    def swap():
        while not stop.is_set():
            state["begun"] += 1
            table.put(generation_text(state["begun"]))
            state["done"] = state["begun"]
            stop.wait(0.02)

    def send(first):
        n, errors = first, 0
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            while state["asked"] < messages and not wrong:
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
                    c.cmd("RSET")
                else:
                    errors += 1
                    if errors == 15:
                        return

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        while state["asked"] < messages and not wrong:
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
