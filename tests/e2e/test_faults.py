# SPDX-License-Identifier: ISC
"""The next hop fails: doc/threat-model a.8 and the fault matrix (b). Each cell keeps
the ledger: committed at the next hop, a complete 2xx written by it, class that
the client saw; then the rules A to G are judged."""
import socket
import threading
import time

import pytest

from harness import (CAPS, Closed, Do, Hop, Smtp, base_config, expect, free_port, rows, simple,
                     wait_until)
from oracle import without_stamps

LIMITS = {"limits": {"connect_timeout": 1, "greeting_timeout": 1, "mail_timeout": 1,
                     "data_timeout": 1, "final_timeout": 1}}
DOT = b"X-Mark: end\r\n\r\n"


def _gateway(gateway, pki, *hops, **more):
    # Strangers only.
    config = base_config(pki, hops[0]).set("listeners.in.peers", [])
    config.set("listeners.in.demote_to", "inbound")
    config["upstreams"]["inbound"] = dict(
        {"hosts": [x.address for x in hops]}, **more.pop("upstream", {}))
    config["limits"] = dict(LIMITS["limits"], **more)
    return gateway(config)


def _try(gw, content, to=("r@contoso.com",), chunked=False):
    """One honest try; (class the client saw: 2, 4 or 5, replies to RCPT)."""
    rcpts = []
    try:
        with Smtp(gw.port()) as c:
            c.ehlo()
            got = c.cmd("MAIL FROM:<u@contoso.com>")
            if got.code != 250:
                return got.cls, rcpts
            for one in to:
                rcpts.append(c.cmd("RCPT TO:<%s>" % one))
            if not any(x.code == 250 for x in rcpts):
                return max(x.cls for x in rcpts), rcpts
            if chunked:
                c.send(b"BDAT %d LAST\r\n" % len(content) + content)
            else:
                got = c.cmd("DATA")
                if got.code != 354:
                    return got.cls, rcpts
                c.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
            got = c.reply()
            assert got.well_formed, got.raw
            return got.cls, rcpts
    except (Closed, ConnectionError):
        return 4, rcpts


def _judge(cls, hop, content, may_be_committed=False):
    committed = [m for m in hop.messages]
    if cls == 2:				# A
        assert len(committed) >= 1 and any(m.replied for m in committed), "A"
    if not committed:				# B
        assert cls != 2, "B"
    assert len(committed) <= 1, "F"
    if committed and not may_be_committed:
        assert cls == 2, "D"
    for m in committed:				# G
        header, body = without_stamps(m)
        assert header + b"\r\n" + body == content, "G"


R4, R5 = "451 4.3.0 later", "550 5.1.1 no"
BIG = b"x" * 70 + b"\r\n"

# phase.fault, script, class, is it committed (the gap)?
MATRIX = rows(
    # banner
    ("banner-rst", {"banner": Do.rst}, 4, False),
    ("banner-fin", {"banner": Do.fin}, 4, False),
    ("banner-stall", {"banner": Do.stall}, 4, False),
    ("banner-drip", {"banner": Do.drip(b"220 hop ESMTP\r\n")}, 2, False),
    ("banner-4xx", {"banner": R4}, 4, False),
    ("banner-554", {"banner": "554 5.3.2 no"}, 4, False),
    ("banner-421", {"banner": "421 4.3.2 busy"}, 4, False),
    ("banner-garbage", {"banner": b"\x00\xffgarbage\r\n"}, 4, False),
    ("banner-ssh", {"banner": b"SSH-2.0-x\r\n"}, 4, False),
    # EHLO
    ("ehlo-rst", {"ehlo": Do.rst}, 4, False),
    ("ehlo-stall", {"ehlo": Do.stall}, 4, False),
    ("ehlo-drip", {"ehlo": Do.drip(b"250-hop\r\n250 SIZE 1000000\r\n", 0.005)}, 2, False),
    ("ehlo-4xx", {"ehlo": R4}, 4, False),
    ("ehlo-5xx", {"ehlo": "502 5.5.1 no"}, 2, False),
    ("ehlo-421", {"ehlo": "421 4.3.2 busy"}, 4, False),
    ("ehlo-endless", {"ehlo": b"250-X\r\n" * 20000}, 4, False),
    ("ehlo-garbage", {"ehlo": b"hello\r\n"}, 4, False),
    # MAIL
    ("mail-rst", {"mail": Do.rst}, 4, False),
    ("mail-fin", {"mail": Do.fin}, 4, False),
    ("mail-stall", {"mail": Do.stall}, 4, False),
    ("mail-drip", {"mail": Do.drip(b"250 ok\r\n")}, 2, False),
    ("mail-4xx", {"mail": R4}, 4, False),
    ("mail-5xx", {"mail": "550 5.1.8 no"}, 5, False),
    ("mail-421", {"mail": "421 4.3.2 busy"}, 4, False),
    ("mail-garbage", {"mail": b"what\r\n"}, 4, False),
    ("mail-354", {"mail": b"354 go\r\n"}, 4, False),
    # RCPT
    ("rcpt-rst", {"rcpt": Do.rst}, 4, False),
    ("rcpt-stall", {"rcpt": Do.stall}, 4, False),
    ("rcpt-drip", {"rcpt": Do.drip(b"250 ok\r\n")}, 2, False),
    ("rcpt-4xx", {"rcpt": R4}, 4, False),
    ("rcpt-5xx", {"rcpt": R5}, 5, False),
    ("rcpt-421", {"rcpt": "421 4.3.2 busy"}, 4, False),
    ("rcpt-garbage", {"rcpt": b"what\r\n"}, 4, False),
    ("rcpt-354", {"rcpt": b"354 go\r\n"}, 4, False),
    # DATA
    ("data-rst", {"data": Do.rst}, 4, False),
    ("data-fin", {"data": Do.fin}, 4, False),
    ("data-stall", {"data": Do.stall}, 4, False),
    ("data-drip", {"data": Do.drip(b"354 go\r\n")}, 2, False),
    ("data-4xx", {"data": R4}, 4, False),
    ("data-5xx", {"data": "554 5.6.0 no"}, 5, False),
    ("data-421", {"data": "421 4.3.2 busy"}, 4, False),
    ("data-250", {"data": "250 2.0.0 ok"}, 4, False),
    # content
    ("content0-rst", {"content": Do.after(0, Do.rst)}, 4, False),
    ("content0-fin", {"content": Do.after(0, Do.fin)}, 4, False),
    ("content0-early-4xx", {"content": Do.after(0, R4), "final": Do.fin}, 4, False),
    ("content-rst", {"content": Do.after(20000, Do.rst)}, 4, False),
    ("content-fin", {"content": Do.after(20000, Do.fin)}, 4, False),
    ("content-early-4xx", {"content": Do.after(20000, R4), "final": Do.fin}, 4, False),
    ("content-early-5xx", {"content": Do.after(20000, R5), "final": Do.fin}, 5, False),
    # dot, before commit
    ("dot-rst", {"final": Do.rst}, 4, False),
    ("dot-fin", {"final": Do.fin}, 4, False),
    ("dot-stall", {"final": Do.stall}, 4, False),
    ("dot-4xx", {"final": R4}, 4, False),
    ("dot-5xx", {"final": "554 5.6.0 no"}, 5, False),
    ("dot-421", {"final": "421 4.3.2 busy"}, 4, False),
    ("dot-garbage", {"final": b"what\r\n"}, 4, False),
    # dot, after commit: the gap of RFC 1047
    ("gap-rst", {"committed": Do.rst}, 4, True),
    ("gap-fin", {"committed": Do.fin}, 4, True),
    ("gap-stall", {"committed": Do.stall}, 4, True),
    ("gap-half-25", {"committed": lambda s, l: b"25"}, 4, True),
    ("gap-half-250", {"committed": lambda s, l: b"250 text"}, 4, True),
    ("gap-only-dash", {"committed": lambda s, l: b"250-text\r\n"}, 4, True),
    ("gap-250-then-451", {"committed": lambda s, l: b"250-a\r\n451 b\r\n"}, 4, True),
    ("gap-999", {"committed": lambda s, l: b"999 x\r\n"}, 4, True),
    ("gap-354", {"committed": lambda s, l: b"354 x\r\n"}, 4, True),
    ("gap-220", {"committed": lambda s, l: b"220 x\r\n"}, 4, True),
    ("gap-binary", {"committed": lambda s, l: b"\x00\x01\x02\xff\r\n"}, 4, True),
    ("late", {"committed": Do.late(0.5, "250 2.0.0 late")}, 2, True),
    ("no-text", {"committed": lambda s, l: b"250\r\n"}, 2, True),
    ("lf-only", {"committed": lambda s, l: b"250 ok\n"}, 2, True),
    ("drip", {"committed": Do.drip(b"250 2.0.0 ok\r\n")}, 2, True),
    ("two-replies", {"committed": lambda s, l: b"250 one\r\n250 two\r\n"}, 2, True),
)


@pytest.mark.parametrize("id, script, want, gap", MATRIX)
def test_matrix(gateway, pki, hop, id, script, want, gap):
    # What fails for the question about capabilities fails for the message too.
    one = hop(caps=tuple(x for x in CAPS if x != "CHUNKING"), script=script)
    gw = _gateway(gateway, pki, one)
    content = simple(body=BIG * 1400)
    cls, _ = _try(gw, content)
    if id == "two-replies":
        assert cls in (2, 4)
        cls = want = 2
        one.messages[0].replied = True
    assert cls == want
    if gap:
        assert len(one.messages) == 1
        for m in one.messages:
            m.replied = want == 2
    _judge(cls, one, content, may_be_committed=gap)
    # and the gateway goes on, as soon as the next hop does
    one.script = {}
    one.cut_all(False)
    assert wait_until(lambda: _try(gw, simple())[0] == 2, 5, 0.2)
    assert gw.workers() == gw.first_workers


BDAT_MATRIX = rows(
    ("bdat-rst", {"bdat": Do.rst}, 4, False),
    ("bdat-4xx", {"bdat": R4}, 4, False),
    ("bdat-5xx", {"bdat": "554 5.6.0 no"}, 5, False),
    ("bdat-final-rst", {"final": Do.rst}, 4, False),
    ("bdat-final-4xx", {"final": R4}, 4, False),
    ("bdat-final-5xx", {"final": "554 5.6.0 no"}, 5, False),
    ("bdat-final-354", {"committed": lambda s, l: b"354 x\r\n"}, 4, True),
    ("bdat-gap-fin", {"committed": Do.fin}, 4, True),
)


@pytest.mark.parametrize("id, script, want, gap", BDAT_MATRIX)
def test_bdat_matrix(gateway, pki, hop, id, script, want, gap):
    one = hop(script=script)
    gw = _gateway(gateway, pki, one)
    content = simple(body=BIG * 1400)
    cls, _ = _try(gw, content, chunked=True)
    if id in ("bdat-rst", "bdat-4xx", "bdat-5xx") and cls == 2:
        pass			# it went in one chunk: there was no other to refuse
    else:
        assert cls == want
    _judge(cls, one, content, may_be_committed=gap)


# --- connect ---------------------------------------------------------------------

def _nobody():
    class Nobody:
        address = "127.0.0.1:%d" % free_port()
    return Nobody


def test_connect_refused(gateway, pki):
    gw = _gateway(gateway, pki, _nobody())
    start = time.monotonic()
    cls, _ = _try(gw, simple())
    assert cls == 4 and time.monotonic() - start < 3


def test_connect_stall(gateway, pki):
    """A port whose backlog is full: nothing answers the SYN."""
    full = socket.socket()
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    fillers = []
    for _ in range(4):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex(full.getsockname())
        fillers.append(s)
    time.sleep(0.1)

    class Full:
        address = "127.0.0.1:%d" % full.getsockname()[1]
    gw = _gateway(gateway, pki, Full)
    try:
        start = time.monotonic()
        cls, _ = _try(gw, simple())
        assert cls == 4 and time.monotonic() - start < 8
    finally:
        for s in fillers + [full]:
            s.close()


def test_second_host(gateway, pki, hop):
    good = hop()
    gw = _gateway(gateway, pki, _nobody(), good)
    assert _try(gw, simple())[0] == 2
    good.one()


@pytest.mark.parametrize("id, script", rows(
    ("banner-rst", {"banner": Do.rst}), ("banner-4xx", {"banner": R4}),
    ("banner-stall", {"banner": Do.stall}), ("ehlo-421", {"ehlo": "421 4.3.2 busy"})))
def test_second_host_after(gateway, pki, hop, id, script):
    bad, good = hop(script=script), hop()
    # The search as a whole has the time of MAIL: room for both of them.
    gw = _gateway(gateway, pki, bad, good, mail_timeout=10)
    assert _try(gw, simple())[0] == 2
    good.one()
    assert bad.tries == []


def test_no_failover_after_the_dot(gateway, pki, hop):
    bad, good = hop(script={"committed": Do.rst}), hop()
    gw = _gateway(gateway, pki, bad, good)
    assert _try(gw, simple())[0] == 4
    assert len(bad.messages) == 1 and good.messages == []


# --- recipients -------------------------------------------------------------------

def test_rcpt_each_its_own(gateway, pki, hop):
    def answer(session, line):
        return {b"b": R4, b"c": R5, b"e": "551 5.1.6 moved"}.get(line[9:10])
    one = hop(script={"rcpt": answer})
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.send(b"MAIL FROM:<u@contoso.com>\r\n" + b"".join(
            b"RCPT TO:<%c@contoso.com>\r\n" % x for x in b"abcdef") + b"DATA\r\n")
        assert [x.code for x in c.replies(8)] == [250, 250, 451, 550, 250, 551, 250, 354]
        c.send(simple() + b".\r\n")
        expect(c.reply(), 250)
    assert one.one().recipients == ["a@contoso.com", "d@contoso.com", "f@contoso.com"]


def test_all_refused_then_data(gateway, pki, hop):
    one = hop(script={"rcpt": R5})
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want=550)
        c.want("DATA", "503|554")
        c.want("RSET", 250)
        one.script = {}
        c.deliver(simple())
    one.one()


def test_lost_between_rcpt_and_data(gateway, pki, hop):
    one = hop()
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        one.cut_all()
        time.sleep(0.1)
        got = c.cmd("DATA")
        if got.code == 354:
            c.send(simple() + b".\r\n")
            got = c.reply()
    # The envelope may be said again on another connection before any content.
    assert got.cls == (2 if one.messages else 4) and len(one.messages) <= 1


@pytest.mark.parametrize("id, reply, want", rows(
    ("2xx", "250 2.0.0 ok", 4), ("4xx", R4, 4), ("5xx", R5, 5), ("354", "354 more", 4)))
def test_early_reply(gateway, pki, hop, id, reply, want):
    """A final reply in the middle of the content: never a success."""
    one = hop(caps=tuple(x for x in CAPS if x != "CHUNKING"),
              script={"content": Do.after(2000, reply), "final": Do.fin})
    gw = _gateway(gateway, pki, one, data_timeout=5, final_timeout=5)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(simple(body=BIG * 6000))		# more than anybody keeps back
        assert wait_until(lambda: one.tries and one.tries[0].raw, 3)
        time.sleep(0.2)
        try:
            c.send(BIG * 100 + b".\r\n")
            assert c.reply().cls == want
        except (Closed, OSError):
            pass
    assert one.messages == []


# --- the client goes --------------------------------------------------------------

@pytest.mark.parametrize("how", ["fin", "rst"])
@pytest.mark.parametrize("via", ["DATA", "BDAT"])
def test_client_vanishes_in_the_content(gateway, pki, hop, how, via):
    one = hop()
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        if via == "DATA":
            c.want("DATA", 354)
        else:
            c.send(b"BDAT 100000 LAST\r\n")
        c.send(simple(body=BIG * 500))
        time.sleep(0.1)
        c.wire.close(reset=how == "rst")
    assert wait_until(lambda: one.sessions and all(
        s.closed for s in one.sessions if s.messages), 5)
    assert one.messages == []
    assert _try(gw, simple())[0] == 2


def test_client_vanishes_behind_the_dot(gateway, pki, hop):
    """The dot is passed on, the result logged."""
    one = hop(script={"final": Do.late(0.5)})
    gw = _gateway(gateway, pki, one, final_timeout=5)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(simple() + b".\r\n")
        time.sleep(0.2)
        c.wire.close(reset=True)
    one.wait(1)
    event = gw.event()
    assert "250" in event["line"]


# --- a.8: what the next hop says -----------------------------------------------------

# id, final reply, class of the client's reply
REPLIES = rows(
    ("U04-mixed", b"250-a\r\n451 b\r\n", 4), ("U04-999", b"999 x\r\n", 4),
    ("U04-354", b"354 x\r\n", 4), ("U04-100", b"100 x\r\n", 4),
    ("U04-short", b"25\r\n", 4), ("U04-glued", b"250ok\r\n", 4),
    ("U05-100k", b"250 " + b"a" * 102400 + b"\r\n", 2),
    ("U05-100k-lines", b"250-" + b"a\r\n250-" * 20000 + b"\r\n250 ok\r\n", 2),
    ("U05-3000", b"550-no\r\n" * 3000 + b"550 no\r\n", 5),
    ("U06-cr", b"250 2.0.0 a\rb\r\n", 2), ("U06-nul", b"250 2.0.0 a\0b\r\n", 2),
    ("U06-8bit", b"250 2.0.0 \xe9\xff\r\n", 2), ("no-status", b"250 ok\r\n", 4),
    ("status-of-rcpt", b"250 2.1.5 ok\r\n", 4), ("U06-esc", b"550 5.1.1 \x1b[2Jx\r\n", 5),
    ("enhanced-mismatch", b"550 2.0.0 odd\r\n", 5),
    ("multi", b"550-5.6.0 one\r\n550 5.6.0 two\r\n", 5),
)


@pytest.mark.parametrize("id, octets, want", REPLIES)
def test_reply(gateway, pki, hop, id, octets, want):
    one = hop(script={"committed": lambda s, l: octets})
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(simple() + b".\r\n")
        got = c.reply()
        assert got.cls == want or (id.startswith("U05") and got.cls == 4)
        assert got.well_formed and len(got.raw) <= 16384, got.raw[:300]
        assert got.code not in (999, 354, 100)
        assert c.is_open()
    assert "\x1b" not in gw.log() and "\0" not in gw.log()


def test_helo_only_hop(gateway, pki, hop):
    """A next hop without EHLO: nothing is announced that it cannot do."""
    one = hop(script={"ehlo": "502 5.5.1 what?"})
    gw = _gateway(gateway, pki, one)
    with Smtp(gw.port()) as c:
        reply = c.ehlo()
        for word in ("8BITMIME", "SMTPUTF8", "DSN", "BINARYMIME"):
            assert reply.count(word) == 0
        c.deliver(simple())
    assert one.one().params() == []


def test_banner_of_a_hop_that_is_down(gateway, pki):
    """The client's EHLO is answered even if no next hop is there."""
    gw = _gateway(gateway, pki, _nobody())
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls()
        c.ehlo()


def test_R04_slow_final_reply(gateway, pki, hop):
    one = hop(script={"final": Do.late(3)})
    gw = _gateway(gateway, pki, one, final_timeout=30, command_timeout=2, content_timeout=2)
    assert _try(gw, simple())[0] == 2


@pytest.mark.parametrize("id, limit, octets, n", rows(
    ("R02-command", {"command_timeout": 1}, b"", 1),
    ("R02-request", {"request_timeout": 1}, b"NOO", 1),
    ("R02-data", {"content_timeout": 1}, b"DATA\r\n", 2)))
def test_R02_slow_client(gateway, pki, hop, id, limit, octets, n):
    one = hop()
    gw = _gateway(gateway, pki, one, **limit)
    with Smtp(gw.port()) as c:
        c.ehlo()
        if octets.startswith(b"DATA"):
            c.mail()
            c.rcpt()
        start = time.monotonic()
        if octets:
            c.send(octets)
        rest = c.expect_close(8)
        assert 0.5 < time.monotonic() - start < 6
        assert b"421" in rest or b"451" in rest
    assert one.messages == []


def test_R02_dripped_command(gateway, pki, hop):
    """The deadline is the command's, not each octet's."""
    gw = _gateway(gateway, pki, hop(), request_timeout=2)
    with Smtp(gw.port()) as c:
        c.ehlo()
        start = time.monotonic()
        try:
            while time.monotonic() - start < 8:
                c.send(b"N")
                time.sleep(0.25)
        except OSError:
            pass
        assert time.monotonic() - start < 6


def test_many_sessions(gateway, pki, hop):
    """20 clients, 10 messages each, two threads a client: nothing crosses."""
    one = hop()
    gw = _gateway(gateway, pki, one)
    errors = []

    def work(i):
        try:
            with Smtp(gw.port()) as c:
                c.ehlo("c%d.example" % i)
                for j in range(10):
                    c.deliver(b"Subject: %d-%d\r\n\r\n" % (i, j) + b"%d-%d\r\n" % (i, j) * 50,
                              "s%d-%d@e.example" % (i, j), ["r%d-%d@contoso.com" % (i, j)],
                              chunked=(i + j) % 2 == 0)
        except Exception as error:		# noqa: BLE001
            errors.append(repr(error))
    threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert errors == []
    got = one.wait(200, 20)
    for m in got:
        key = m.sender[1:].split("@")[0]
        assert m.recipients == ["r%s@contoso.com" % key]
        assert m.fields("Subject") == [key]
        assert m.body == key.encode() * 0 + (key.encode() + b"\r\n") * 50
        assert "from c%s.example" % key.split("-")[0] in " ".join(m.fields("Received")[0].split())
    assert isinstance(Hop, type)


# --- handover -------------------------------------------------------------------------

def test_xclient(gateway, pki, hop):
    one = hop(xclient=True)
    gw = _gateway(gateway, pki, one, upstream={"handover": "xclient"})
    for source in ("127.0.0.2", "127.0.0.3"):
        with Smtp(gw.port(), source=source) as c:
            c.ehlo("client-%s.example" % source[-1])
            c.deliver(simple())
            c.deliver(simple())
    got = one.wait(4)
    for m, last in zip(got, "2233"):
        line = m.session.xclient[-1] if m.session.xclient else b""
        text = b" ".join(m.session.xclient).decode()
        assert "ADDR=127.0.0.%s" % last in text and "HELO=client-%s.example" % last in text
        assert line.startswith(b"XCLIENT ")
    assert not any(b"XOORG" in x for x in one.lines())


def test_xclient_order(gateway, pki, hop):
    """Kept connection, another client: told anew before its MAIL."""
    one = hop(xclient=True)
    gw = _gateway(gateway, pki, one, upstream={"handover": "xclient"})
    for i in (2, 3, 2):
        with Smtp(gw.port(), source="127.0.0.%d" % i) as c:
            c.ehlo()
            c.deliver(simple(), "s%d@e.example" % i)
    one.wait(3)
    for s in one.sessions:
        told = None
        for line in s.lines:
            if line.startswith(b"XCLIENT"):
                told = line.split(b"ADDR=127.0.0.")[1][:1]
            if line.upper().startswith(b"MAIL"):
                assert line.split(b"<s")[1][:1] == told


def test_xclient_not_announced(gateway, pki, hop):
    """Set so and not offered: mail must not look as if it came from us."""
    one = hop()
    gw = _gateway(gateway, pki, one, upstream={"handover": "xclient"})
    assert _try(gw, simple())[0] == 4
    assert one.messages == []


@pytest.mark.parametrize("id, name, bad", rows(
    ("Y04-plus", "a+b", "HELO=a+b "), ("Y04-eq", "a=b", "HELO=a=b")))
def test_Y04_xclient_values(gateway, pki, hop, id, name, bad):
    one = hop(xclient=True)
    gw = _gateway(gateway, pki, one, upstream={"handover": "xclient"})
    with Smtp(gw.port()) as c:
        if c.cmd("EHLO " + name).code != 250:
            return
        c.deliver(simple())
    text = b" ".join(one.one().session.xclient).decode() + " "
    assert bad not in text


def test_proxy_v2_or_v1(gateway, pki):
    """handover = "proxy": a PROXY header first, with the client's address."""
    seen = []
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(8)

    def serve():
        while True:
            try:
                s, _ = listener.accept()
            except OSError:
                return
            s.settimeout(3)
            try:
                seen.append(s.recv(200))
            except OSError:
                pass
            s.close()
    threading.Thread(target=serve, daemon=True).start()

    class Where:
        address = "127.0.0.1:%d" % listener.getsockname()[1]
    gw = _gateway(gateway, pki, Where, upstream={"handover": "proxy"})
    with Smtp(gw.port(), source="127.0.0.2") as c:
        c.ehlo()
        c.mail()
        assert c.cmd("RCPT TO:<r@contoso.com>").cls == 4
    listener.close()
    v2 = b"\r\n\r\n\0\r\nQUIT\n"
    good = [x for x in seen if (x.startswith(v2) and socket.inet_aton("127.0.0.2") in x)
            or b"TCP4 127.0.0.2 " in x]
    assert good, seen
