# SPDX-License-Identifier: ISC
"""The tables of port25.py: the same input to Postfix, to Exim, and to the gateway in front
of each, as a stranger's and as verified mail; their replies, ours, and what arrives, octet
by octet."""
import itertools
import re

import pytest

import port25
from arrived import put, without_stamps
from harness import wait_until
from mta import Missing
from mta.world import world_folder
from neighbours import Neighbours, NoPostfix

MTAS = ("postfix", "exim")
_tags = itertools.count(1)


@pytest.fixture(scope="module")
def at(pki):
    with world_folder("port25") as folder:
        made = Neighbours(folder, pki)
        try:
            yield made.start()
        except (Missing, NoPostfix) as why:
            pytest.skip("NO Postfix or Exim: %s" % why)
        finally:
            made.stop()


def table(rows):
    return pytest.mark.parametrize("row", [pytest.param(x, id=x.id) for x in rows])


# --- sending -------------------------------------------------------------------------------

EHLO, MAIL = "EHLO h.example", "MAIL FROM:<a1@elsewhere.example>"
PLAIN = port25.TOP + port25.BODY


def say(c, lines, content=PLAIN, how="data"):
    """The first reply that is no 250, or the last."""
    with c:
        for line in lines:
            reply = c.cmd(line)
            if reply.code != 250:
                return reply
        return put(c, content, how)


def arrived(at, tag):
    """The message with that word in its sender or a recipient."""
    def found():
        return [m for m in at.hop.messages if any(
            re.search(rb"\b%s\b" % tag.encode(), x) for x in [m.mail] + m.rcpts)]
    assert wait_until(lambda: found(), 10, 0.01), \
        "nothing arrived:\n%s" % at.postfix_mta.log()[-1500:]
    return found()[0]


def later(at, is_so):
    """Whether it comes to be so, by other tries."""
    def check():
        at.flush()
        return is_so()
    return wait_until(check, 10, 0.2)


def hello(at, c):
    c.hello(at.pki.exo, name="exo.example")
    return c


def send(at, c, content, is_verified=False, how="data"):
    """(reply, a tag to find it by)"""
    tag = "t%d" % next(_tags)
    lines = [EHLO, MAIL, "RCPT TO:<%s@contoso.com>" % tag]
    if is_verified:
        lines[:2] = ["MAIL FROM:<u@contoso.com> XOORG=contoso.com"]
        hello(at, c)
    return say(c, lines, content, how), tag


def check(at, want, sent, who):
    """`sent`: of send(). What `want` says, and no octet else."""
    reply, tag = sent
    assert reply.matches(want.reply), "%s: %r, want %s" % (who, reply, want.reply)
    if want.arrives is None:
        assert want.words in reply.text, (who, reply)
        return
    if want.arrives == "bounced":
        assert wait_until(lambda: re.search(r"\*\* %s@" % tag, at.exim_mta.log()), 10), who
        return
    got = without_stamps(arrived(at, tag).content)
    if want.arrives == "cut":
        assert 102000 < len(got) < 105000, (who, len(got))
        return
    assert got == want.arrives, who


def check_ways(at, row):
    """Direct to each, and through the gateway as a stranger's and as verified mail."""
    sent = [(getattr(row, mta), send(at, at.direct(mta), row.sent), mta) for mta in MTAS]
    for mta, is_verified in itertools.product(MTAS, (False, True)):
        who = "gateway, %s%s" % (mta, ", verified" if is_verified else "")
        sent.append((row.ours, send(at, at.through(mta), row.sent, is_verified), who))
    for want, what, who in sent:
        check(at, want, what, who)


# --- the tables ---------------------------------------------------------------------------

@table(port25.HEADERS)
def test_header(at, row):
    check_ways(at, row)


@table(port25.HEADERS)
def test_header_strict(at, row):
    """malformed_header = "refuse"."""
    for is_verified in (False, True):
        check(at, row.strict, send(at, at.through("postfix-strict"), row.sent, is_verified),
              "strict")


@table(port25.LIMITS)
def test_limit(at, row):
    check_ways(at, row)


@table(port25.ENVELOPES)
def test_envelope(at, row):
    for want, make, who in (
            (row.postfix, lambda: at.direct("postfix"), "postfix"),
            (row.exim, lambda: at.direct("exim"), "exim"),
            (row.told, lambda: at.direct("exim", "told"), "exim, told"),
            (row.ours, lambda: at.through("postfix"), "gateway, postfix"),
            (row.through_exim, lambda: at.through("exim"), "gateway, exim"),
            (row.strict, lambda: at.through("postfix-strict"), "strict")):
        check_envelope(at, row.line, want, make(), who)


def check_envelope(at, line, want, c, who):
    tag = "t%d" % next(_tags)
    verb = (line if isinstance(line, str) else line.decode("latin-1")).split(" ")[0]
    lines = {"EHLO": EHLO, "MAIL": "MAIL FROM:<%s@elsewhere.example>" % tag,
             "RCPT": "RCPT TO:<%s@contoso.com>" % tag, verb: line}
    reply = say(c, lines.values())
    assert reply.matches(want.reply), "%s: %r, want %s" % (who, reply, want.reply)
    if want.arrives is None:
        return
    m = arrived(at, tag)
    if verb == "EHLO":
        received = " ".join(x for x in m.fields("Received")
                            if "by gw.contoso.com" in x or "gateway" not in who)
        assert re.search(r"(from |helo=)%s[ )]" % re.escape(
            want.arrives.encode().decode("latin-1")), received), (who, received)
    else:
        path = (m.mail if verb == "MAIL" else m.rcpts[0]).partition(b":")[2]
        assert path.startswith(want.arrives.encode("latin-1")), (who, path)


@table(port25.POSTMASTERS)
def test_postmaster(at, row):
    """Of verified mail."""
    for mta in MTAS:
        for who, c in ((mta, at.direct(mta)), ("gateway", hello(at, at.through(mta)))):
            tag = "t%d" % next(_tags)
            want = getattr(row, "ours" if who == "gateway" else mta, "250")
            mail = "MAIL FROM:<%s@contoso.com>%s" % (
                tag, " XOORG=contoso.com" if who == "gateway" else "")
            reply = say(c, (EHLO, mail, "RCPT TO:<%s>" % row.to))
            assert reply.matches(want), (who, reply)
            if want == "250":
                assert arrived(at, tag).recipients == [getattr(row, "arrives", row.to)]


@table(port25.BARE)
def test_bare_newline(at, row):
    """`bare_newline`, each value, with next hops that take BDAT and that do not."""
    sent = [(row.postfix, at.direct("postfix"), "postfix"), (row.exim, at.direct("exim"), "exim"),
            (row.bdat, at.through("postfix"), "gateway, to BDAT")]
    for mta in MTAS:
        sent += [(row.reject, at.through(mta + "-data"), mta + ", reject"),
                 (row.normalize, at.through(mta + "-data-normalize"), mta + ", normalize")]
    for want, c, who in sent:
        check(at, want, send(at, c, row.sent, how=row.how), who)


@table(port25.CODES)
def test_status_code(at, row):
    """Exim announces no ENHANCEDSTATUSCODES; the gateway does, and Postfix."""
    for c, want in ((at.direct("exim"), row.exim), (at.through("exim"), row.ours)):
        with c:
            c.ehlo()
            if row.line[:4] == "RCPT":
                c.mail("a1@elsewhere.example")
            reply = c.cmd(row.line)
            assert "%d %s" % (reply.code, reply.text) == want
    for listener in MTAS:
        with at.through(listener) as c:
            assert c.ehlo().has("ENHANCEDSTATUSCODES") is not None
            c.mail("a1@elsewhere.example")
            c.rcpt()
            assert c.data(PLAIN).enhanced is not None


def refusals(delivered):
    """Of an LMTP server: by recipient; notes who got it."""
    seen = set()

    def final(session, line):
        m = session.messages[-1]
        m.turn = getattr(m, "turn", -1) + 1
        to = m.recipients[m.turn].partition("@")[0]
        name = to.partition("-")[0]
        if name == "gone":
            return "550 5.1.1 no such mailbox"
        if name == "full" and to not in seen:
            seen.add(to)
            return "452 4.2.2 mailbox full"
        delivered[name] = delivered.get(name, 0) + 1
        return None
    return final


def reported(at, tag):
    """The recipients that reports to the sender name."""
    text = b"".join(m.content for m in at.hop.messages if m.recipients == [tag + "@contoso.com"])
    return {x.decode() for x in re.findall(
        rb"(?i)Final-Recipient: *rfc822; *(\w+)-%s@" % tag.encode(), text)}


@pytest.mark.parametrize("mta", MTAS)
@table(port25.LMTP)
def test_lmtp(at, row, mta):
    """What a sending MTA makes of replies by recipient: by LMTP, through the gateway by
    SMTP, and so with one recipient a message."""
    for domain, want in (("lmtp", row.direct), ("lmtp-gw", row.through), ("lmtp-one", row.one)):
        # Postfix may leave a message alone that is in two scans of its queue: once more.
        got = outcome(at, row, mta, domain, want)
        if got != want:
            got = outcome(at, row, mta, domain, want)
        assert got == want, domain


def outcome(at, row, mta, domain, want):
    """Who got it, how often, and who is reported; `want`, if that comes to be."""
    tag, delivered = "t%d" % next(_tags), {}
    at.lmtp.script = {"final": refusals(delivered)}
    with at.direct(mta) as c:
        c.ehlo()
        c.mail(tag + "@contoso.com")
        for name in row.to:
            c.rcpt("%s-%s@%s.test" % (name, tag, domain))
        c.data(PLAIN)
    later(at, lambda: (delivered, reported(at, tag)) == want)
    return delivered, reported(at, tag)


@table(port25.BUSY)
def test_busy(at, row):
    """421 with a text: what a sender's log says of it, without the gateway and with it; and
    the gateway's."""
    at.gw.skip_log()
    ways = {}
    for mta in MTAS:
        for way in (mta, mta + "-gw"):
            at.busy[way].script = dict.fromkeys(row.phases, "421 " + port25.BUSY_TEXT)
            at.busy[way].cut_all()		# kept connections are greeted already
            ways[way] = tag = "t%d" % next(_tags)
            with at.direct(mta) as c:
                c.ehlo()
                c.deliver(PLAIN, tag + "@elsewhere.example", "%s@busy-%s.test" % (tag, way))
    for way, tag in ways.items():
        mta = at.postfix_mta if way.startswith("postfix") else at.exim_mta
        want = r"\b%s@.*\b%d[ -]%s" % (tag, 451 if "gw" in way else 421,
                                       re.escape(port25.BUSY_TEXT))
        assert wait_until(lambda: re.search(want, mta.log()), 10, 0.05), (
            way, re.findall(r"(?m)^.*\b%s@.*" % tag, mta.log()))
    ours = [tag + "@elsewhere.example" for tag in ways.values()]
    assert {("upstream-said", "451 " + port25.BUSY_TEXT)} == {
        (x["reason"], x["reply"]) for x in at.gw.events("message") if x["from"] in ours}
    assert "421 " + port25.BUSY_TEXT in [x.get("said") for x in at.gw.events("upstream")]
