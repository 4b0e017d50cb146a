# SPDX-License-Identifier: ISC
"""Tables of tenants: a row is a tenant as one of the configuration is, a new table is
taken at SIGHUP, and a broken one never."""
import os
import signal

import pytest

from harness import Closed, Smtp, base_config, check_config, rows, simple, wait_until

HEAD = "name,originator_orgs,sender_domains,recipient_domains,upstream\n"
FABRIKAM = "fabrikam,fabrikam.com *.fabrikam.com,fabrikam.com,,\n"
ADATUM = "adatum,adatum.com,,[],\n"
TABLE = HEAD + FABRIKAM + ADATUM


def put(path, text):
    """As the manual says: beside it, then over it."""
    with open(path + ".new", "w") as f:
        f.write(text)
    os.rename(path + ".new", path)


@pytest.fixture
def started(gateway, pki, hop, tmp_path):
    def make(text=TABLE, kind="csv", **changes):
        path, one = str(tmp_path / ("tenants." + kind)), hop()
        put(path, text)
        config = base_config(pki, one, hop(), **changes)
        config.set("tenant_tables", [kind + ":" + path])
        return gateway(config), one, path
    return make


def ask(gw, pki, org, sender=None, to=None):
    """The first reply that is not 250, else that to RCPT."""
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        got = c.cmd("MAIL FROM:<%s> XOORG=%s" % (sender or "u@" + org, org))
        return got if got.code != 250 else c.cmd("RCPT TO:<%s>" % (to or "r@" + org))


def answers(gw, pki, org):
    """The same of a gateway whose workers may be saying goodbye: a code, or None."""
    try:
        return ask(gw, pki, org, to="postmaster@" + org).code
    except (AssertionError, Closed, OSError):
        return None


@pytest.mark.parametrize("id, org, sender, to, want", rows(
    ("nobody", "nobody.example", None, None, "550 5.7.1"),
    ("below", "a.adatum.com", None, None, "550 5.7.1"),
    ("sender", "fabrikam.com", "u@adatum.com", None, "550 5.7.1"),
    ("sender-below", "fabrikam.com", "u@a.fabrikam.com", None, "550 5.7.1"),
    ("recipient", "fabrikam.com", None, "r@adatum.com", "550 5.7.1"),
    ("recipient-of-the-group", "fabrikam.com", None, "r@contoso.com", "550 5.7.1"),
    ("recipient-none", "adatum.com", None, "r@adatum.com", "550 5.7.1"),
    ("of-the-group-not-there", "contoso.com", None, "r@fabrikam.com", "550 5.7.1"),
    ("verified", "fabrikam.com", None, None, "250"),
    ("verified-below", "eu.fabrikam.com", "u@fabrikam.com", "r@x.fabrikam.com", "250"),
    ("any-sender", "adatum.com", "u@x.example", "postmaster@adatum.com", "250"),
    ("of-the-group", "contoso.com", None, None, "250")))
def test_verdict(started, pki, id, org, sender, to, want):
    gw, _, _ = started()
    assert ask(gw, pki, org, sender, to).matches(want)


def test_delivered(started, pki):
    gw, one, _ = started()
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), "u@fabrikam.com", "r@fabrikam.com", xoorg="fabrikam.com")
    assert one.one().fields("X-OriginatorOrg") == ["fabrikam.com"]
    event = gw.event()
    assert event["verdict"] == "verified" and event["tenant"] == "fabrikam"


def test_reload(started, pki):
    """Who comes, comes; who goes, goes."""
    gw, _, path = started()
    put(path, HEAD + ADATUM + "tailspin,tailspin.com,,,\n")
    gw.crashes_allowed = 1
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: answers(gw, pki, "tailspin.com") == 250, 20, 0.1)
    assert wait_until(lambda: answers(gw, pki, "fabrikam.com") == 550, 20, 0.1)
    assert answers(gw, pki, "adatum.com") == 250


@pytest.mark.parametrize("id, text, why", rows(
    ("cut", TABLE + "tailspin,tailspin.c", "tenants.csv:4: expected a line end"),
    ("cut-row", TABLE + "tailspin,tailspin.com\n", "tenants.csv:4: expected 5 cells"),
    ("value", TABLE + "t,tail..spin,,,\n",
     "tenants.csv:4: tenants.t.originator_orgs: expected a domain"),
    ("upstream", TABLE + "t,tailspin.com,,,exit\n", "expected a name from `upstreams`"),
    ("name-twice", TABLE + "contoso,tailspin.com,,,\n", "`contoso` again, which is in"),
    ("org-twice", TABLE + "t,contoso.com,,,\n",
     "tenants.csv:4: tenants.t.originator_orgs: expected each organisation once"),
    ("shared", TABLE + "t,*.onmicrosoft.com,,,\n", "expected a domain as the first"),
    ("shared-second", TABLE + "t,t.example *.onmicrosoft.com,,,\n", "[wide-org]"),
    ("empty", "", "tenants.csv:1: expected a header line, found none"),
    ("gone", None, "expected a readable file")))
def test_reload_broken(started, pki, id, text, why):
    gw, _, path = started()
    old = gw.workers()
    if text is None:
        os.unlink(path)
    else:
        put(path, text)
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: why in gw.log(), 5), gw.log()
    assert gw.workers() == old
    assert answers(gw, pki, "fabrikam.com") == 250
    assert answers(gw, pki, "tailspin.com") == 550
    put(path, TABLE)


def test_json_lines(started, pki):
    """The same tenants as objects; at SIGHUP a broken line is as bad as one of CSV."""
    text = ('{"name": "fabrikam", "originator_orgs": ["fabrikam.com", "*.fabrikam.com"], '
            '"sender_domains": ["fabrikam.com"]}\n\n'
            '{"name": "adatum", "originator_orgs": ["adatum.com"], "recipient_domains": []}\n')
    gw, _, path = started(text, "jsonl")
    assert ask(gw, pki, "eu.fabrikam.com", "u@fabrikam.com", "r@x.fabrikam.com").code == 250
    assert ask(gw, pki, "fabrikam.com", "u@adatum.com").code == 550
    assert ask(gw, pki, "adatum.com").code == 550
    assert ask(gw, pki, "nobody.example").code == 550
    put(path, text + '{"name": "t", "originator_orgs": ["tailspin.com"]')
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: "tenants.jsonl:4: expected a line end" in gw.log(), 5)
    assert answers(gw, pki, "fabrikam.com") == 250
    assert answers(gw, pki, "tailspin.com") == 550
    put(path, text)


def test_skip(started, pki):
    """Loudly: in the log, by -t, in its exit code with --strict."""
    bad = TABLE + "t,tail..spin,,,\n" + "w,wingtip.com,,,\n"
    gw, _, path = started(bad, tenant_table_errors="skip")
    assert wait_until(lambda: "id=row-skipped" in gw.log(), 5)
    code, said = check_config(gw.file)
    assert code == 0 and "[row-skipped]" in said
    assert "tenants.csv:4: warning: tenants.t.originator_orgs: expected" in said
    assert check_config(gw.file, args=("-t", "--strict", "-c"))[0] == 1
    assert ask(gw, pki, "tailspin.com").code == 550
    assert ask(gw, pki, "wingtip.com").code == 250
