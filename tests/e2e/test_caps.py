# SPDX-License-Identifier: ISC
"""What EHLO announces, what goes with it to the next hop, and in which groups:
rights, and what we implement, and what the upstreams announced or we bridge."""
import hashlib
import os
import random
import re
import signal
import subprocess
import time

import pytest

from harness import (CAPS, Do, Smtp, XOORG, XOORGD, base_config, expect, free_port, rows,
                     server_context, simple, wait_until)
from net import stored

BRIDGED = {"PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES", "SIZE"}
ALL = ("PIPELINING", "SIZE 50000000", "8BITMIME", "BINARYMIME", "CHUNKING", "SMTPUTF8", "DSN",
       "ENHANCEDSTATUSCODES", "REQUIRETLS", "MT-PRIORITY", "DELIVERBY 240", "FUTURERELEASE 9 9")


def without(caps, *names):
    return tuple(x for x in caps if x.split()[0] not in names)


@pytest.fixture
def gw_for(gateway, pki, hop):
    def make(caps=CAPS, demote_caps=None, changes=None, **how):
        main = hop(caps=caps, **how)
        inbound = hop(caps=demote_caps) if demote_caps is not None else main
        config = base_config(pki, main, inbound)
        config["limits"] = {"mail_timeout": 3, "greeting_timeout": 3, "connect_timeout": 2}
        for path, value in (changes or {}).items():
            config.set(path, value)
        gw = gateway(config)
        return (gw, main, inbound) if demote_caps is not None else (gw, main)
    return make


def keywords(reply):
    return {x.split(" ")[0] for x in reply.lines[1:]}


# --- announced -------------------------------------------------------------------------

@pytest.mark.parametrize("id, caps, want", rows(
    ("nothing", (), set()),
    ("helo-only", None, set()),
    ("8bitmime", ("8BITMIME",), {"8BITMIME"}),
    ("lower", ("8bitmime", "dsn"), {"8BITMIME", "DSN"}),
    ("dsn", ("DSN",), {"DSN"}),
    ("smtputf8", ("SMTPUTF8", "8BITMIME"), {"SMTPUTF8", "8BITMIME"}),
    ("binarymime", ("BINARYMIME", "CHUNKING", "8BITMIME"), {"BINARYMIME", "8BITMIME"}),
    ("mt-priority", ("MT-PRIORITY",), {"MT-PRIORITY"}),
    ("deliverby", ("DELIVERBY 240",), {"DELIVERBY"}),
    ("exchange", ("X-ANONYMOUSTLS", "X-EXPS GSSAPI NTLM", "XEXCH50", "XRDST", "XSHADOW"), set()),
    ("auth", ("AUTH PLAIN LOGIN", "AUTH=PLAIN"), set()),
    ("etrn", ("ETRN", "VRFY", "HELP", "XFORWARD NAME", "BURL imap", "CHECKPOINT"), set()),
    ("xoorg-in-clear", ("XOORG",), set()),
    ("garbage", ("=", "A" * 600, "8BITMIME\tx", "\x7f"), {"8BITMIME"})))
def test_keyword(gw_for, id, caps, want):
    script = {"ehlo": "500 5.5.1 no"} if caps is None else {}
    gw, _ = gw_for(caps or (), script=script)
    with Smtp(gw.port()) as c:
        got = keywords(c.hello(None, tls=True))
    assert got - BRIDGED == want


@pytest.mark.parametrize("id, size, limit, want", rows(
    ("hop-smaller", "SIZE 1000", 5000, "1000"), ("ours-smaller", "SIZE 9000", 5000, "5000"),
    ("hop-without", None, 5000, "5000"), ("hop-bare", "SIZE", 5000, "5000"),
    ("hop-zero", "SIZE 0", 5000, "5000"), ("ours-none", "SIZE 9000", 0, "9000"),
    ("both-none", "SIZE 0", 0, "0"), ("not-a-number", "SIZE x", 5000, "5000"),
    ("negative", "SIZE -1", 5000, "5000"), ("2^64", "SIZE 18446744073709551616", 5000, "5000")))
def test_size(gw_for, id, size, limit, want):
    gw, one = gw_for((size,) if size else (), changes={"listeners.in.size_limit": limit})
    with Smtp(gw.port()) as c:
        got = c.ehlo().has("SIZE")
        assert got in (want, "") if want == "0" else got == want
        if want != "0":
            c.mail("u@contoso.com", "SIZE=%d" % (int(want) + 1), want="552")
            c.mail("u@contoso.com", "SIZE=" + want)


def test_intersection(gw_for, pki):
    """Verified and other mail of one session go to two upstreams."""
    gw, main, inbound = gw_for(("DSN", "8BITMIME", "SIZE 9000"),
                               demote_caps=("SMTPUTF8", "8BITMIME", "SIZE 7000"))
    with Smtp(gw.port()) as c:		# a stranger's go to one
        got = c.ehlo()
        assert keywords(got) - BRIDGED == {"SMTPUTF8", "8BITMIME", "STARTTLS"}
        assert got.has("SIZE") == "7000"
    with Smtp(gw.port()) as c:
        got = c.hello(pki.exo)
        assert keywords(got) - BRIDGED == {"8BITMIME", "XOORG"}
        assert got.has("SIZE") == "7000"


@pytest.mark.parametrize("one, two", ((("SIZE 7000", "DSN"), ("DSN",)),
                                      (("DSN",), ("SIZE 7000", "DSN")),
                                      (("SIZE 0", "DSN"), ("SIZE 7000", "DSN"))))
def test_intersection_of_sizes(gw_for, pki, one, two):
    """Whoever gives no limit does not lift the other's."""
    gw, main, inbound = gw_for(one, demote_caps=two)
    with Smtp(gw.port()) as c:
        got = c.hello(pki.exo)
        assert got.has("SIZE") == "7000" and got.has("DSN") is not None
        c.mail("u@contoso.com", "SIZE=7001 XOORG=contoso.com", want="552")


def test_intersection_without_demotion(gw_for, pki):
    gw, main = gw_for(("DSN", "8BITMIME"), changes={
        "listeners.in.no_org": "reject", "listeners.in.demote_to": ""})
    with Smtp(gw.port()) as c:
        assert keywords(c.hello(pki.exo)) - BRIDGED == {"8BITMIME", "DSN", "XOORG"}
    with Smtp(gw.port()) as c:
        assert keywords(c.hello(None)) - BRIDGED == set()


def test_tenant_upstream_counts(gw_for, hop, pki):
    third = hop(caps=("8BITMIME",))
    gw, main = gw_for(("DSN", "8BITMIME"), changes={
        "upstreams.third": {"hosts": [third.address]}, "tenants.contoso.upstream": "third"})
    with Smtp(gw.port()) as c:
        assert keywords(c.hello(pki.exo)) - BRIDGED == {"8BITMIME", "XOORG"}


def test_refreshed(gateway, pki, hop):
    """The upstream comes back with another set: learnt with the next connection."""
    one = hop(caps=("DSN", "8BITMIME"))
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        assert keywords(c.ehlo()) - BRIDGED == {"DSN", "8BITMIME", "STARTTLS"}
        c.deliver(simple())
    one.stop()
    two = hop(caps=("SMTPUTF8", "8BITMIME", "SIZE 4000"), port=one.port)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
        got = c.ehlo()
        assert keywords(got) - BRIDGED == {"SMTPUTF8", "8BITMIME", "STARTTLS"}
        assert got.has("SIZE") == "4000"
    assert len(two.messages) == 1


def test_refreshed_in_the_background(gw_for):
    """No mail, only clients that say EHLO: learnt all the same, and nobody waits."""
    gw, one = gw_for(("DSN", "8BITMIME"), changes={
        "upstreams.main.refresh": 1, "upstreams.inbound.refresh": 1})
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("DSN") is not None
    one.caps = ["SMTPUTF8", "8BITMIME"]

    def announced():
        with Smtp(gw.port()) as c:
            return keywords(c.ehlo()) - BRIDGED
    assert wait_until(lambda: announced() == {"SMTPUTF8", "8BITMIME", "STARTTLS"}, 20, 0.2)
    one.script["banner"] = Do.stall		# the last known stands
    time.sleep(1.2)
    for _ in range(3):
        assert announced() == {"SMTPUTF8", "8BITMIME", "STARTTLS"}


def test_less_than_it_was(gateway, pki, hop):
    """Announced to the client, and gone when it is needed: refused, not dropped."""
    one = hop(caps=("SMTPUTF8", "8BITMIME", "DSN"))
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        one.stop()
        two = hop(caps=(), port=one.port)
        for params in ("SMTPUTF8", "BODY=8BITMIME", "RET=HDRS ENVID=x"):
            c.mail("u@contoso.com", params)
            c.rcpt(want="4xx|5xx")
            c.want("RSET", 250)
        c.mail("u@contoso.com", "BODY=7BIT")
        c.rcpt()
    assert all(x in (b"MAIL FROM:<u@contoso.com>",) for x in two.lines() if x[:4] == b"MAIL")


def test_slow_upstream(gateway, pki, hop):
    """EHLO is answered within 6 s, with what is sure."""
    one = hop(script={"banner": Do.stall})
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        start = time.monotonic()
        got = c.ehlo()
        assert time.monotonic() - start < 6
        assert keywords(got) - BRIDGED == {"STARTTLS"}


def test_down_from_the_start(gateway, pki, hop):
    config = base_config(pki, hop())
    port = free_port()
    config.set("upstreams.main.hosts", ["127.0.0.1:%d" % port])
    config.set("listeners.in.demote_to", "main").set("listeners.in.peers", [])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        start = time.monotonic()
        assert keywords(c.ehlo()) - BRIDGED == {"STARTTLS"}
        assert time.monotonic() - start < 2
        c.mail()
        c.rcpt(want=451)
        one = hop(port=port, caps=("DSN",))
        c.want("RSET", 250)
        c.deliver(simple())
        assert keywords(c.ehlo()) - BRIDGED == {"STARTTLS", "DSN"}
    one.one()


def test_down_later(gateway, pki, hop):
    """What it had is remembered; mail is 451."""
    one = hop(caps=("DSN", "8BITMIME"))
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    one.stop()
    with Smtp(gw.port()) as c:
        assert keywords(c.ehlo()) - BRIDGED == {"DSN", "8BITMIME", "STARTTLS"}
        c.mail()
        c.rcpt(want=451)


def test_many_ehlos_cost_one_question(gw_for):
    gw, one = gw_for()
    for _ in range(20):
        with Smtp(gw.port()) as c:
            c.ehlo()
    assert len(one.sessions) <= 2


# --- parameters ------------------------------------------------------------------------

PARAMS = rows(
    ("size", "SIZE=1000", None), ("body", "BODY=8BITMIME", "8BITMIME"),
    ("7bit", "BODY=7BIT", "8BITMIME"), ("ret", "RET=HDRS ENVID=QQ314159", "DSN"),
    ("utf8", "SMTPUTF8", "SMTPUTF8"), ("priority", "MT-PRIORITY=3", "MT-PRIORITY"),
    ("priority-negative", "MT-PRIORITY=-9", "MT-PRIORITY"),
    ("deliverby", "BY=500;R", "DELIVERBY"),
    ("order-1", "RET=FULL BODY=8BITMIME SIZE=7 ENVID=a+2Bb SMTPUTF8", "DSN"),
    ("order-2", "SMTPUTF8 ENVID=a SIZE=7 RET=HDRS BODY=8BITMIME", "SMTPUTF8"),
)


@pytest.mark.parametrize("id, params, cap", PARAMS)
def test_kept_in_order(gw_for, id, params, cap):
    gw, one = gw_for(ALL)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), params=params)
    assert one.one().params() == params.split()


@pytest.mark.parametrize("id, params, cap", [x for x in PARAMS if x.values[2]])
def test_not_announced(gw_for, id, params, cap):
    """Then it is unknown to the client, too; BODY=7BIT says nothing."""
    gw, one = gw_for(without(ALL, cap))
    with Smtp(gw.port()) as c:
        assert c.ehlo().has(cap) is None
        c.mail("u@contoso.com", params, want="555|501")
    assert one.tries == []


def test_rcpt_params(gw_for):
    gw, one = gw_for(ALL)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt("a@contoso.com", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@contoso.com")
        c.rcpt("b@contoso.com", "ORCPT=rfc822;b+2Bx@contoso.com NOTIFY=NEVER")
        c.data(simple())
    assert one.one().rcpts == [
        b"RCPT TO:<a@contoso.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@contoso.com",
        b"RCPT TO:<b@contoso.com> ORCPT=rfc822;b+2Bx@contoso.com NOTIFY=NEVER"]


def test_requiretls(gateway, pki, hop):
    """Only within TLS, and only if the next hop has it, who has it within TLS."""
    ex = hop(tls=server_context(pki.exchange), caps=("8BITMIME",),
             caps_tls=("8BITMIME", "REQUIRETLS"))
    config = base_config(pki, ex, ex)
    for name in ("main", "inbound"):
        config["upstreams"][name].update({"tls": "verify", "trust": pki.ca,
                                          "tls_name": "mail.contoso.test"})
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("REQUIRETLS") is None
        c.mail("u@contoso.com", "REQUIRETLS", want="555|501|530")
        c.starttls(None)
        assert c.ehlo().has("REQUIRETLS") is not None
        c.deliver(simple(), params="REQUIRETLS")
    assert ex.one().params() == ["REQUIRETLS"]


# --- extensions that only the operator knows ---------------------------------------

XVERP = ("DSN", "8BITMIME", "XVERP", "rrvs a b")


@pytest.fixture
def ext_for(gw_for):
    """The same, with `extensions`."""
    def make(caps=XVERP, names=("XVERP", "RRVS"), **how):
        how["changes"] = {"extensions": list(names), **how.get("changes", {})}
        return gw_for(caps, **how)
    return make


def test_extension(ext_for, pki):
    """Announced with its argument; carried in its place, as it came."""
    gw, one = ext_for()
    with Smtp(gw.port()) as c:
        got = c.ehlo()
        assert keywords(got) - BRIDGED == {"DSN", "8BITMIME", "XVERP", "RRVS", "STARTTLS"}
        assert got.has("RRVS") == "a b" and got.has("XVERP") == ""
        c.mail("u@contoso.com", "RET=HDRS XVERP BODY=8BITMIME")
        c.rcpt("a@contoso.com", "NOTIFY=NEVER RRVS=2014-04-03T23:01:00Z;C xverp=+;,")
        c.rcpt("b@contoso.com", "RRVS")
        c.rcpt("c@contoso.com", "rrvs=+3D ORCPT=rfc822;c@contoso.com")
        c.data(simple())
        c.deliver(simple(), params="ENVID=a RRVS=<x+41> RET=FULL XVERP=-")
    with Smtp(gw.port()) as c:		# who has the right is told the same
        assert {"XVERP", "RRVS", "XOORG"} <= keywords(c.hello(pki.exo))
        c.deliver(simple(), params="XVERP XOORG=contoso.com SIZE=9")
    one, two, three = one.messages
    assert one.params() == ["RET=HDRS", "XVERP", "BODY=8BITMIME"]
    assert one.rcpts == [
        b"RCPT TO:<a@contoso.com> NOTIFY=NEVER RRVS=2014-04-03T23:01:00Z;C xverp=+;,",
        b"RCPT TO:<b@contoso.com> RRVS",
        b"RCPT TO:<c@contoso.com> rrvs=+3D ORCPT=rfc822;c@contoso.com"]
    assert two.params() == ["ENVID=a", "RRVS=<x+41>", "RET=FULL", "XVERP=-"]
    assert three.params() == ["XVERP"]


@pytest.mark.parametrize("id, caps, names, params, want", rows(
    ("named, not announced", ("DSN",), ("XVERP",), "XVERP", "555 5.5.4"),
    ("announced, not named", XVERP, ("RRVS",), "XVERP", "555 5.5.4"),
    ("neither", ("DSN",), (), "XVERP=1", "555 5.5.4"),
    ("default", XVERP, (), "RRVS=1", "555 5.5.4"),
    ("twice", XVERP, ("XVERP",), "XVERP=1 xverp", "501 5.5.4"),
    ("empty", XVERP, ("XVERP",), "XVERP=", "501 5.5.4"),
    ("equals", XVERP, ("XVERP",), "XVERP=a=b", "501 5.5.4")))
def test_extension_refused(ext_for, id, caps, names, params, want):
    gw, one = ext_for(caps, names)
    with Smtp(gw.port()) as c:
        got = keywords(c.ehlo())
        assert got & {"XVERP", "RRVS"} == {x.split()[0].upper() for x in caps} & set(names)
        c.mail("u@contoso.com", params, want=want)
        c.mail()
        c.rcpt("a@contoso.com", params, want=want)
    assert not any(b"XVERP" in x.upper() or b"RRVS" in x.upper() for x in one.lines())


@pytest.mark.parametrize("id, two, want", rows(
    ("both", ("XVERP", "RRVS a b"), {"XVERP", "RRVS"}), ("one", ("XVERP",), {"XVERP"}),
    ("other argument", ("RRVS a",), set()), ("none", (), set())))
def test_extension_of_two_upstreams(ext_for, pki, id, two, want):
    """Verified and other mail of one session: what one of them lacks, none is told of."""
    gw, main, inbound = ext_for(demote_caps=two)
    with Smtp(gw.port()) as c:
        assert keywords(c.hello(pki.exo)) & {"XVERP", "RRVS"} == want
        if "RRVS" not in want:
            c.mail("u@contoso.com", "RRVS=1", want="555 5.5.4")


def test_extension_gone(ext_for, hop):
    """Announced to the client, but not on the kept connection that its mail gets."""
    gw, one = ext_for()
    with Smtp(gw.port()) as c, Smtp(gw.port()) as d:
        assert c.ehlo().has("XVERP") is not None
        one.stop()
        two = hop(caps=("DSN", "8BITMIME"), port=one.port)
        d.ehlo()
        d.deliver(simple())
        n = len(two.sessions)
        c.mail("u@contoso.com", "XVERP")
        c.rcpt(want=451)
        assert len(two.sessions) == n
        c.want("RSET", 250)
        c.mail()
        c.rcpt("a@contoso.com", "RRVS=1", want=451)
        c.rcpt("b@contoso.com")
        c.data(simple())
        c.ehlo()
        c.mail("u@contoso.com", "XVERP", want=555)
    assert not any(b"XVERP" in x or b"RRVS" in x for x in two.lines())
    assert two.messages[1].recipients == ["b@contoso.com"]


# --- groups ----------------------------------------------------------------------------

class Together:
    """Notes what had come with each command, in one segment."""

    def __init__(self, hop):
        self.seen = []
        for phase in ("mail", "rcpt", "rset", "data"):
            hop.script[phase] = self.note

    def note(self, session, line):
        time.sleep(0.02)		# what is sent apart is in another segment all the same
        self.seen.append((line.split(b":")[0].decode(), session.wire.buffer))


def test_lock_step_client(gw_for):
    """MAIL goes with the first recipient: one round trip less."""
    gw, one = gw_for()
    seen = Together(one).seen
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), to=["a@contoso.com", "b@contoso.com"])
    assert seen[0] == ("MAIL FROM", b"RCPT TO:<a@contoso.com>\r\n")


def test_group_stays_a_group(gw_for):
    gw, one = gw_for()
    seen = Together(one).seen
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.send(b"MAIL FROM:<u@contoso.com>\r\n" +
               b"".join(b"RCPT TO:<r%d@contoso.com>\r\n" % i for i in range(50)) + b"DATA\r\n")
        assert [x.code for x in c.replies(52)] == [250] * 51 + [354]
        c.send(simple() + b".\r\n")
        expect(c.reply(), 250)
    assert seen[0][1].count(b"RCPT TO") == 50
    assert one.one().recipients == ["r%d@contoso.com" % i for i in range(50)]


@pytest.mark.parametrize("group", (True, False))
def test_hop_without_pipelining(gw_for, group):
    """One command at a time, whatever the client does."""
    gw, one = gw_for(without(CAPS, "PIPELINING"))
    seen = Together(one).seen
    to = [b"RCPT TO:<r%d@contoso.com>\r\n" % i for i in range(5)]
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("PIPELINING") is not None
        if group:
            c.send(b"MAIL FROM:<u@contoso.com>\r\n" + b"".join(to) + b"DATA\r\n")
            assert [x.code for x in c.replies(7)] == [250] * 6 + [354]
            c.send(simple() + b".\r\n")
            expect(c.reply(), 250)
        else:
            c.deliver(simple(), to=["r%d@contoso.com" % i for i in range(5)])
    assert len(one.one().recipients) == 5
    assert all(behind == b"" for _, behind in seen), seen


@pytest.mark.parametrize("pipelining", (True, False))
def test_replies_in_order(gw_for, pipelining):
    def rcpt(session, line):
        n = int(re.search(rb"<r(\d+)", line).group(1))
        return None if n % 3 == 0 else "%d %d.1.1 r%d" % ((450, 4, n) if n % 3 == 1 else (550, 5, n))

    gw, one = gw_for(CAPS if pipelining else without(CAPS, "PIPELINING"), script={"rcpt": rcpt})
    with Smtp(gw.port()) as c:
        c.ehlo()
        # some are ours to refuse, at once, and yet in their turn
        c.send(b"MAIL FROM:<u@contoso.com>\r\n" + b"".join(
            b"RCPT TO:<r%d@contoso.com>%s\r\n" % (i, b" FOO=1" if i % 7 == 6 else b"")
            for i in range(40)) + b"DATA\r\n")
        got = c.replies(42)
        assert got[0].code == 250 and got[41].code == 354
        for i, reply in enumerate(got[1:41]):
            want = 555 if i % 7 == 6 else (250, 450, 550)[i % 3]
            assert reply.code == want, (i, reply)
            assert want not in (450, 550) or reply.text.endswith("r%d" % i)
        c.send(simple() + b".\r\n")
        expect(c.reply(), 250)
    assert len(one.one().recipients) == sum(i % 3 == 0 and i % 7 != 6 for i in range(40))


def test_all_refused_in_a_group(gw_for):
    gw, one = gw_for(script={"rcpt": "550 5.1.1 no"})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.send(b"MAIL FROM:<u@contoso.com>\r\nRCPT TO:<a@contoso.com>\r\n"
               b"RCPT TO:<b@contoso.com>\r\nDATA\r\n")
        assert [x.cls for x in c.replies(4)] == [2, 5, 5, 5]
        assert c.is_open()


def test_two_messages_in_one_go(gw_for):
    """BDAT lets a client send all at once (RFC 3030, RFC 2920)."""
    gw, one = gw_for()
    content = simple()
    one_message = b"MAIL FROM:<u@contoso.com>\r\nRCPT TO:<r@contoso.com>\r\n" + \
        b"BDAT %d LAST\r\n" % len(content) + content
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.send(one_message * 5 + b"QUIT\r\n")
        assert [x.code for x in c.replies(16)] == [250] * 15 + [221]
    assert len(one.messages) == 5


# --- content ---------------------------------------------------------------------------

@pytest.mark.parametrize("id, chunks, caps, via", rows(
    ("bdat-bdat", True, CAPS, "bdat"), ("bdat-data", True, without(CAPS, "CHUNKING"), "data"),
    ("data-bdat", False, CAPS, "bdat"), ("data-data", False, without(CAPS, "CHUNKING"), "data")))
def test_framing(gw_for, id, chunks, caps, via):
    gw, one = gw_for(caps)
    content = simple("X-Mark: end\r\n", b".\r\n..\r\n.x\r\n" + bytes(range(128, 256)) + b"\r\n")
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(content, chunked=chunks)
        if chunks:
            c.mail()
            c.rcpt()
            c.bdat([content[i:i + 7] for i in range(0, len(content), 7)])
    for m in one.messages:
        assert m.via == via
        assert m.content.endswith(content[content.index(b"From:"):])
    assert len(one.messages) == (2 if chunks else 1)


def test_binarymime(gw_for):
    """Every octet, through BDAT alone; DATA is refused for it."""
    gw, one = gw_for(ALL)
    content = simple("", bytes(range(256)) * 40 + b"\n\r\0.\r\n.\n")
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail("u@contoso.com", "BODY=BINARYMIME")
        c.rcpt()
        c.want("DATA", "501|503")
        c.bdat([content[:500], content[500:501], content[501:]])
    m = one.one()
    assert m.via == "bdat" and m.params() == ["BODY=BINARYMIME"]
    assert m.body == content.partition(b"\r\n\r\n")[2]


def test_binarymime_needs_both(gw_for):
    gw, one = gw_for(without(ALL, "CHUNKING"))
    with Smtp(gw.port()) as c:
        assert c.ehlo().has("BINARYMIME") is None
        c.mail("u@contoso.com", "BODY=BINARYMIME", want="555|501")


# --- size ------------------------------------------------------------------------------

MANY = 150 * 1024 * 1024


class Sink:
    """xoorg sink: keeps up where Python would not."""

    def __init__(self, folder, extensions):
        self.folder = str(folder)
        port_file = os.path.join(self.folder, "port")
        self.process = subprocess.Popen(
            [XOORG, "sink", "--listen", "127.0.0.1:0", "--port-file", port_file, "--quiet",
             "--directory", self.folder, "--extensions", extensions],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert wait_until(lambda: os.path.exists(port_file) and open(port_file).read().strip())
        self.address = "127.0.0.1:" + open(port_file).read().strip()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


def high_water(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmHWM:\s+(\d+) kB", f.read()).group(1))


def is_sanitized():
    with open(XOORGD, "rb") as f:
        return b"__asan_init" in f.read()


def pieces():
    """150 MB of lines, many with a leading dot, and their hash."""
    line = random.Random(1)
    block = b"".join(line.choice((b"", b".", b"..")) + b"%x" % line.getrandbits(280) + b"\r\n"
                     for _ in range(14000))[:1024 * 1024 - 2] + b"\r\n"
    sent = 0
    while sent < MANY:
        yield block
        sent += len(block)


@pytest.mark.parametrize("id, chunked, extensions", rows(
    ("bdat-bdat", True, "PIPELINING 8BITMIME CHUNKING"), ("bdat-data", True, "PIPELINING 8BITMIME"),
    ("data-data", False, "PIPELINING 8BITMIME")))
def test_150_mb(gateway, pki, tmp_path, id, chunked, extensions):
    """In constant memory, equal to the last octet."""
    sink = Sink(tmp_path, extensions)
    try:
        config = base_config(pki, sink, sink)
        config.set("listeners.in.size_limit", 0)
        gw = gateway(config)
        with Smtp(gw.port(), timeout=120) as c:
            c.ehlo()
            c.deliver(simple())		# what a worker needs at all
            worker, = gw.workers()
            before = high_water(worker)
            want = hashlib.sha256()
            c.mail("big@contoso.com")
            c.rcpt()
            head = simple()
            if chunked:
                c.send(b"BDAT %d\r\n" % len(head) + head)
                expect(c.reply(), 250)
            else:
                c.want("DATA", 354)
                c.send(head)
            want.update(head.partition(b"\r\n\r\n")[2])
            for block in pieces():
                want.update(block)
                if chunked:
                    c.send(b"BDAT %d\r\n" % len(block) + block)
                    expect(c.reply(), 250)
                else:
                    c.send(b"".join(b"." + x if x.startswith(b".") else x
                                    for x in block.splitlines(True)))
            c.send(b"BDAT 0 LAST\r\n" if chunked else b".\r\n")
            expect(c.reply(120), 250)
        grown = high_water(worker) - before
        # A sanitizer keeps what is freed.
        most = 768 * 1024 if is_sanitized() else 4096
        assert grown < most, "%d kB" % grown
        files = stored(sink.folder, ".eml")
        got = hashlib.sha256()
        with open(os.path.join(sink.folder, files[-1]), "rb") as f:
            rest = f.read(65536)
            got.update(rest[rest.index(b"\r\n\r\n") + 4:])
            for more in iter(lambda: f.read(1 << 20), b""):
                got.update(more)
        assert got.digest() == want.digest()
    finally:
        sink.stop()
        for name in os.listdir(sink.folder):
            if name.endswith(".eml"):
                os.unlink(os.path.join(sink.folder, name))
