# SPDX-License-Identifier: ISC
"""Exhaustion: every bound has its reply, its reason in the log and its counter.
Deadlines are scaled down; nothing here asserts that something is quick."""
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from harness import Closed, Smtp, base_config, expect, free_port, rows, simple, stuff, \
    wait_until


def metrics(gw):
    with urllib.request.urlopen("http://%s/metrics" % gw.config["status"],
                                timeout=10) as answer:
        return answer.read().decode()


def counters(gw):
    """xoorg_refusals_total by reason."""
    return {k: int(v) for k, v in re.findall(
        r'^xoorg_refusals_total\{reason="([^"]+)"\} (\d+)$', metrics(gw), re.M)}


def is_empty(gw):
    return 'xoorg_sessions{listener="in"} 0\n' in metrics(gw)


def refused(gw, reason, n=1):
    """The log has n lines with the reason, and the counter says n."""
    def lines():
        return [x for kind in ("refused", "message") for x in gw.events(kind)
                if x.get("reason") == reason]
    wait_until(lambda: len(lines()) >= n, 5)
    assert len(lines()) == n, gw.log()[-3000:]
    assert counters(gw)[reason] == n


@pytest.fixture
def make(gateway, pki, hop):
    def make_one(**changes):
        wrapper = changes.pop("wrapper", ())
        config = base_config(pki, hop(), hop(), status="127.0.0.1:%d" % free_port(),
                             **changes)
        gw = gateway(config, wrapper=wrapper)
        # Whoever looked whether it listens has gone.
        assert wait_until(lambda: is_empty(gw))
        return gw
    return make_one


# Addresses behind a load balancer on 127.0.0.5, which tells them.
PROXY = {"peers__balancer": {"networks": ["127.0.0.5/32"], "rights": ["proxy"]},
         "listeners__in__peers": ["exchange-online", "balancer"]}


def come(gw, address=None, banner=True):
    """A client, from `address` if a proxy tells it."""
    preface, source = b"", "127.0.0.1"
    if address:
        source = "127.0.0.5"
        family = b"TCP6" if ":" in address else b"TCP4"
        server = b"2001:db8::25" if ":" in address else b"192.0.2.25"
        preface = b"PROXY %s %s %s 4000 25\r\n" % (family, address.encode(), server)
    return Smtp(gw.port(), source=source, preface=preface, banner=banner)


def turned_away(gw, address=None, want="421 4.7.0"):
    with come(gw, address, banner=False) as c:
        words = c.last_words()
        assert len(words) == 1
        expect(words[0], want)


# how many -----------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_sessions_in_all(make, workers):
    """The limit is the machine's, whatever worker a connection comes to."""
    gw = make(max_sessions=12, workers=workers)
    inside = [come(gw) for _ in range(12)]
    for _ in range(5):
        turned_away(gw, want="421 4.3.1")
    refused(gw, "overload", 5)
    inside.pop().quit()
    assert wait_until(lambda: _is_let_in(gw))
    for c in inside:
        assert c.is_open()
        c.wire.close()


def _is_let_in(gw):
    with come(gw, banner=False) as c:
        return c.reply().code == 220


def test_who_is_turned_away_takes_no_place(make):
    """A crowd at the door, which does not even close, keeps nobody out."""
    gw = make(max_sessions=20, max_sessions_per_address=2, **PROXY)
    crowd = [come(gw, "192.0.2.1", banner=False) for _ in range(60)]
    codes = [c.reply().code for c in crowd]
    assert codes.count(220) == 2 and codes.count(421) == 58
    for i in range(10):
        with come(gw, "198.51.100.%d" % (i + 1)) as c:
            c.ehlo()
    for c in crowd:
        c.wire.close()
    refused(gw, "too-many-sessions", 58)


@pytest.mark.parametrize("id, first, also, other", rows(
    ("ipv4", "192.0.2.1", "192.0.2.1", "192.0.2.2"),
    ("ipv6-64", "2001:db8::1", "2001:db8::ffff:2:3:4", "2001:db8:0:1::1")))
@pytest.mark.parametrize("workers", [1, 2])
def test_sessions_per_address(make, id, first, also, other, workers):
    gw = make(max_sessions_per_address=3, workers=workers, **PROXY)
    inside = [come(gw, x) for x in (first, also, first)]
    turned_away(gw, also)
    turned_away(gw, first)
    with come(gw, other) as c:
        c.ehlo()
    refused(gw, "too-many-sessions", 2)
    inside[0].quit()

    def is_let_in():
        with come(gw, also, banner=False) as again:
            return again.reply().code == 220
    assert wait_until(is_let_in)
    for c in inside:
        c.wire.close()


@pytest.mark.parametrize("id, changes, inside, outside", rows(
    ("ipv4-24", {}, ["192.0.2.1", "192.0.2.77", "192.0.2.254"], "192.0.3.1"),
    ("ipv4-16", {"network_prefix_ipv4": 16}, ["192.0.2.1", "192.0.77.1", "192.0.9.1"],
     "192.1.2.1"),
    ("ipv6-48", {"network_prefix_ipv6": 48},
     ["2001:db8:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1"], "2001:db8:2::1")))
def test_sessions_per_network(make, id, changes, inside, outside):
    gw = make(max_sessions_per_network=2, **PROXY, **changes)
    held = [come(gw, x) for x in inside[:2]]
    turned_away(gw, inside[2])
    with come(gw, outside) as c:
        c.ehlo()
    refused(gw, "too-many-from-network")
    for c in held:
        c.wire.close()


def test_own_systems_are_exempt(make):
    """Rights by address: only the bound on all sessions holds."""
    gw = make(max_sessions_per_address=1, max_sessions_per_network=1, max_tls_per_minute=1,
              listeners__in__peers=["exchange-online", "local-mta"])
    held = [come(gw) for _ in range(5)]
    for c in held:
        c.hello(tls=True)
        c.wire.close()
    assert counters(gw)["too-many-sessions"] == counters(gw)["tls-rate"] == 0


def test_a_dead_worker_leaves_no_places_behind(make):
    import signal
    gw = make(max_sessions=5)
    gw.crashes_allowed = 1
    held = [come(gw) for _ in range(5)]
    turned_away(gw, want="421 4.3.1")
    os.kill(the_worker(gw), signal.SIGKILL)

    def is_let_in():
        try:
            return _is_let_in(gw)
        except (OSError, Closed):
            return False
    assert wait_until(is_let_in)
    for c in held:
        c.wire.close()


def test_reload_keeps_count(make):
    """Sessions of the old configuration count until they end."""
    import signal
    gw = make(max_sessions=4)
    held = [come(gw) for _ in range(2)]
    for c in held:
        c.ehlo()
        c.mail()			# busy: they may finish
    before = set(gw.workers())
    gw.crashes_allowed = 1		# the old one goes
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: set(gw.workers()) - before and
                      "new configuration" in gw.log())
    more = [come(gw) for _ in range(2)]
    turned_away(gw, want="421 4.3.1")
    for c in held:
        c.rcpt()
        c.data(simple())
        c.wire.close()
    assert wait_until(lambda: _is_let_in(gw))
    for c in more:
        c.wire.close()


def test_R05_descriptors(make):
    """As many as RLIMIT_NOFILE lets have a next hop, and words for the others."""
    gw = make(wrapper=["prlimit", "--nofile=144:144"])
    held = [come(gw) for _ in range(8)]		# (144 - 128) / 2
    for _ in range(3):
        turned_away(gw, want="421 4.3.1")
    held.pop().quit()
    assert wait_until(lambda: _is_let_in(gw))
    for c in held:
        assert c.is_open()
        c.wire.close()
    assert counters(gw)["descriptors"] >= 3
    assert {x["reason"] for x in gw.events("refused")} == {"descriptors"}


def worker_cpu(gw):
    """Seconds of CPU that the worker has used."""
    with open("/proc/%d/stat" % the_worker(gw)) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def the_worker(gw):
    """The process that has the listening socket, of a gateway with one."""
    port = "%04X" % gw.port()
    with open("/proc/net/tcp") as f:
        inodes = {x.split()[9] for x in f if x.split()[1].endswith(":" + port)
                  and x.split()[3] == "0A"}
    for pid in gw.workers():
        for fd in os.listdir("/proc/%d/fd" % pid):
            try:
                if os.readlink("/proc/%d/fd/%s" % (pid, fd)) in {
                        "socket:[%s]" % x for x in inodes} and pid != gw.process.pid:
                    return pid
            except OSError:
                pass
    raise AssertionError("nobody listens")


def test_R05_no_descriptor_left(make):
    """All descriptors gone, for whatever reason: the last one says so, and the worker
    does not spin; it goes on when there are some again."""
    gw = make()
    pid = the_worker(gw)
    n = len(os.listdir("/proc/%d/fd" % pid))
    subprocess.run(["prlimit", "--pid", str(pid), "--nofile=%d" % (n + 2)], check=True)
    held = [come(gw) for _ in range(2)]
    for _ in range(5):
        turned_away(gw, want="421 4.3.1")
    refused(gw, "descriptors", 5)
    before = worker_cpu(gw)
    time.sleep(0.5)
    assert worker_cpu(gw) - before < 0.2
    for c in held:
        assert c.is_open()
        c.quit()
    assert wait_until(lambda: _is_let_in(gw))


# TLS sessions a minute --------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_R03_tls_rate(make, workers):
    """R03: refused at STARTTLS, before a handshake; others are served."""
    gw = make(max_tls_per_minute=4, workers=workers, **PROXY)

    def starttls(address):
        with come(gw, address) as c:
            c.ehlo()
            got = c.cmd("STARTTLS")
            if got.code == 220:
                c.tls()
            assert c.ehlo().code == 250		# goes on, in clear or not
            return got
    # A minute may end in between.
    for _ in range(3):
        got = [starttls("192.0.2.1") for _ in range(7)]
        if [x.code for x in got] == [220] * 4 + [454] * 3:
            break
    else:
        pytest.fail("got %r" % got)
    expect(got[-1], "454 4.7.0")
    assert starttls("192.0.2.2").code == 220
    assert [starttls("2001:db8::%d" % (i + 1)).code for i in range(4)] == [220] * 4
    assert starttls("2001:db8::ffff").code == 454
    n = counters(gw)["tls-rate"]
    assert n >= 4
    refused(gw, "tls-rate", n)


def test_log_rate(make):
    """Who knocks a thousand times a second fills no disk; a message has its line."""
    gw = make(log_rate=10)
    for _ in range(20):
        with come(gw) as c:
            c.ehlo()
            for _ in range(5):
                c.want("JUNK", 500)
    with come(gw) as c:
        c.ehlo()
        c.deliver(simple())
    gw.wait_events(1)
    # 120 lines of refusals and sessions, in a second or a few.
    lines = len(gw.events("refused")) + len(gw.events("session"))
    assert wait_until(lambda: gw.events("log_limited"))

    def held():
        return sum(int(x["count"]) for x in gw.events("log_limited"))
    assert wait_until(lambda: lines + held() >= 120)
    assert held() >= 60 and len(gw.events("log_limited")) < 12
    assert counters(gw)["command-unknown"] == 100
    got = re.search(r"^xoorg_log_limited_total (\d+)$", metrics(gw), re.M)
    assert int(got.group(1)) >= held()


# lines, commands, chunks ---------------------------------------------------------------


def test_line_octets(make):
    gw = make(limits__line_octets=1024)
    with come(gw) as c:
        c.ehlo()
        c.want(b"NOOP " + b"a" * 1017, 250)
        c.want(b"NOOP " + b"a" * 1018, "500 5.5.2")
        assert c.is_open()
        c.send(b"a" * 3000)
        expect(c.reply(), "500 5.5.2")
        c.expect_close()
    refused(gw, "line-too-long")
    refused(gw, "line-endless")


@pytest.mark.parametrize("id, last, want", rows(
    ("quit", b"QUIT\r\n", 221), ("errors", b"JUNK\r\n" * 20, 421)))
def test_last_words_are_read(make, id, last, want):
    """A client that goes on talking is listened to for a moment: a socket that is
    closed upon unread octets takes the reply along."""
    gw = make()
    with come(gw) as c:
        c.ehlo()
        c.send(last + b"NOOP\r\n" * 100)
        assert c.last_words()[-1].code == want
        # Our end has been said; its own has not.
        begun = time.monotonic()
        while time.monotonic() - begun < 0.25:
            c.send(b"NOOP\r\n")
            time.sleep(0.02)

        def is_cut():
            try:
                c.send(b"NOOP\r\n")
            except OSError:
                return True
            return False
        assert wait_until(is_cut, 5, 0.05)	# but no longer


@pytest.mark.parametrize("verb", ["NOOP", "RSET", "VRFY a", "HELP", "EHLO a"])
def test_commands(make, verb):
    """Idle commands in a row; a message sets the count back."""
    gw = make(limits__commands=10)
    with come(gw) as c:
        c.ehlo()
        for _ in range(9):
            assert c.cmd(verb).cls == 2
        c.deliver(simple())
        for _ in range(10):
            assert c.cmd(verb).cls == 2
        expect(c.cmd(verb), "421 4.7.0")
        assert c.expect_close() == b""
    refused(gw, "too-many-commands")


def test_commands_pipelined(make):
    """Sixty thousand at once: a hundred replies and no more."""
    gw = make()
    with come(gw) as c:
        c.ehlo()
        try:
            c.send(b"NOOP\r\n" * 60000)
        except OSError:
            pass
        try:
            words = c.last_words()
        except Closed as end:
            words = end.seen
        assert len(words) <= 101
    refused(gw, "too-many-commands")


def test_chunks(make):
    gw = make(limits__chunks=50)
    with come(gw) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.send(b"BDAT 14\r\nSubject: s\r\n\r\n")
        expect(c.reply(), 250)
        for _ in range(49):
            c.send(b"BDAT 1\r\nx")
            expect(c.reply(), 250)
        c.send(b"BDAT 1 LAST\r\nx")
        expect(c.reply(), "421 4.7.0")
        assert c.expect_close() == b""
    refused(gw, "bdat-too-many")


def test_empty_chunks(make):
    gw = make(limits__empty_chunks=3)
    with come(gw) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        for _ in range(3):
            expect(c.cmd("BDAT 0"), 250)
        expect(c.cmd("BDAT 0"), "421 4.7.0")
        assert c.expect_close() == b""
    refused(gw, "bdat-too-many-empty")


def test_errors_and_resets(make):
    gw = make(limits__errors=3, limits__resets=2)
    with come(gw) as c:
        c.ehlo()
        assert [c.cmd("JUNK").code for _ in range(2)] == [500, 500]
        c.send(b"JUNK\r\n")
        assert [x.code for x in c.last_words()] == [500, 421]
    refused(gw, "too-many-errors")
    with come(gw) as c:
        c.ehlo()
        for _ in range(2):
            c.mail()
            c.want("RSET", 250)
        c.mail()
        expect(c.cmd("RSET"), "421 4.7.0")
        assert c.expect_close() == b""
    refused(gw, "too-many-resets")


def test_recipients(make):
    gw = make(limits__recipients=3)
    with come(gw) as c:
        c.ehlo()
        c.mail()
        for i in range(3):
            c.rcpt("r%d@contoso.com" % i)
        c.want("RCPT TO:<r4@contoso.com>", "452 4.5.3")
        c.data(simple())
    refused(gw, "rcpt-too-many")


def test_octets_of_recipients(make):
    """An envelope is held in memory: padded recipients are fewer."""
    gw = make(limits__recipients=20)
    route = b",".join(b"@x%d.example" % i for i in range(250))
    with come(gw) as c:
        c.ehlo()
        c.mail()
        codes = [c.cmd(b"RCPT TO:<" + route + b":r@contoso.com>").code for _ in range(20)]
        n = codes.count(250)
        assert 4 <= n <= 8 and codes == [250] * n + [452] * (20 - n)
        c.data(simple())
    refused(gw, "rcpt-too-many", 20 - n)


@pytest.mark.parametrize("id, content", rows(
    ("fields", b"X-A: b\r\n" * 11 + b"\r\nx\r\n"),
    ("octets", b"X-A: " + b"b" * 900 + b"\r\n" + (b" " + b"b" * 900 + b"\r\n") * 6 +
     b"\r\nx\r\n")))
def test_header(make, id, content):
    gw = make(limits__header_fields=10, limits__header_octets=4096)
    with come(gw) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.data(content, "552 5.3.4")
        assert c.is_open()
    refused(gw, "header-limit")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("id, n, want", rows(("as-many", 10, "250"), ("more", 11, "554 5.4.6")))
def test_hops(make, id, n, want, chunked):
    """Mail that runs in a loop ends here; names that only resemble do not count."""
    gw = make(limits__hops=10)
    names = (b"Received", b"rECEIVED ")
    content = b"".join(names[i % 2] + b": from a\r\n by b; now\r\n" for i in range(n)) + \
        b"Received-SPF: pass\r\nX-Received: x\r\n" * 20 + b"\r\nReceived: x\r\n"
    with come(gw) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        (c.bdat if chunked else c.data)(content, want)
        assert c.is_open()
    if want != "250":
        refused(gw, "header-loop")


# time ------------------------------------------------------------------------------------

DEADLINES = {"limits__command_timeout": 3, "limits__request_timeout": 2,
             "limits__handshake_timeout": 2, "limits__content_timeout": 3,
             "limits__data_grace": 1, "limits__data_rate": 100000}


def drip(c, octets, pause=0.2, most=30.0):
    """One octet at a time, until the gateway closes: (seconds, what it said)."""
    start = time.monotonic()
    said = b""
    c.wire.sock.settimeout(pause)
    i = 0
    while time.monotonic() - start < most:
        try:
            more = c.wire.sock.recv(4096)
            if not more:
                return time.monotonic() - start, said
            said += more
        except (TimeoutError, socket.timeout):
            pass
        except OSError:
            return time.monotonic() - start, said
        try:
            if octets:
                c.wire.sock.sendall(octets[i % len(octets):i % len(octets) + 1])
                i += 1
        except OSError:
            pass
    pytest.fail("open after %d s" % most)


# phase: how far the session gets, what drips, at least so many seconds, reason
SLOW = {
    "banner": ("N", b"", 2.5, "timeout"),
    "command": ("B", b"EHLO " + b"a" * 80, 1.5, "timeout"),
    "idle": ("C", b"", 2.5, "timeout"),
    "mail": ("C", b"MAIL FROM:<" + b"a" * 80, 1.5, "timeout"),
    "handshake": ("S", b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03" + b"a" * 80, 1.5,
                  "timeout"),
    "tls-command": ("T", b"EHLO " + b"a" * 80, 1.5, "timeout"),
    "data": ("D", b"a", 0.9, "slow"),
    "data-stalled": ("D", b"", 2.5, "timeout"),
    "bdat": ("K", b"a", 0.9, "slow"),
    "after-dot": ("E", b"NOOP " + b"a" * 80, 1.5, "timeout"),
}


def slow_session(gw, state, octets):
    """(seconds until it was closed, what was said)"""
    with come(gw) as c:
        if state == "S":
            c.ehlo()
            c.want("STARTTLS", 220)
        elif state not in "NB":
            c.hello(tls=state == "T")
        if state in "DKE":
            c.mail()
            c.rcpt()
        if state == "D":
            c.want("DATA", 354)
            c.send(b"Subject: s\r\n\r\n")
        elif state == "K":
            c.send(b"BDAT 100000 LAST\r\nSubject: s\r\n\r\n")
        elif state == "E":
            c.data(simple())
        return drip(c, octets)


def test_slow(make):
    """R02: a deadline is the request's, not a read's. All phases at once, and
    somebody else is served meanwhile."""
    gw = make(**DEADLINES)
    got = {}

    def run(phase):
        got[phase] = slow_session(gw, *SLOW[phase][:2])
    threads = [threading.Thread(target=run, args=(x,)) for x in SLOW]
    for t in threads:
        t.start()
    served = 0
    while any(t.is_alive() for t in threads):
        with come(gw) as c:
            c.ehlo()
            c.deliver(simple())
        served += 1
        time.sleep(0.1)
    assert served > 5
    assert set(got) == set(SLOW)
    for phase, (took, said) in got.items():
        state, _, least, _ = SLOW[phase]
        assert took > least, (phase, took)
        if state not in "ST":		# in TLS its words cannot be read here
            assert said.startswith(b"421 4.4.2 "), (phase, said)
    reasons = [x[3] for x in SLOW.values()]
    for reason in set(reasons):
        refused(gw, reason, reasons.count(reason))
    assert 'xoorg_tls_handshakes_total{listener="in",result="failed"} 1\n' in metrics(gw)


def ended(gw):
    """Sessions that said EHLO and are over."""
    return [x for x in gw.events("session") if x["helo"]]


def test_slow_reader_who_reads_a_little(make):
    """Progress of a few octets is none."""
    gw = make(limits__commands=0, limits__data_timeout=2, limits__data_rate=100000)
    with come(gw) as c:
        c.ehlo()
        c.wire.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        c.wire.sock.settimeout(1)
        try:
            for _ in range(400):
                c.wire.sock.sendall(b"HELP\r\n" * 2000)
        except OSError:
            pass
        end = time.monotonic() + 40
        while not ended(gw) and time.monotonic() < end:
            try:
                c.wire.sock.recv(500)
            except OSError:
                break
            time.sleep(0.1)
        assert ended(gw)


def test_reader_below_the_rate(make):
    """Progress that never stops, and is too little. A socket of the loopback has room
    again when a megabyte has gone: hence the size of it."""
    gw = make(limits__commands=0, limits__data_timeout=2, limits__data_rate=10000000)
    with come(gw) as c:
        c.ehlo()
        c.wire.sock.settimeout(0.02)
        begun, got, sent = time.monotonic(), 0, 0
        while not ended(gw) and time.monotonic() - begun < 15:
            try:
                sent += c.wire.sock.send((b"HELP\r\n" * 10000)[sent % 6:])
            except OSError:
                pass
            try:
                got += len(c.wire.sock.recv(250000))
            except OSError:
                pass
            time.sleep(0.05)
        assert got > 2000000			# all the time
        assert ended(gw), got


def test_under_load(make):
    """With max_sessions here the silent ones make room after load_timeout."""
    gw = make(max_sessions=6, limits__load_timeout=2)
    held = [come(gw) for _ in range(6)]
    turned_away(gw, want="421 4.3.1")
    busy = held.pop()
    words = []
    end = time.monotonic() + 20
    while not words and time.monotonic() < end:
        assert busy.is_open()
        time.sleep(0.2)
        try:
            words = [held[0].reply(0.05)]
        except TimeoutError:
            pass
    assert words and words[0].matches("421 4.4.2")
    for c in held[1:]:
        assert [x.code for x in c.last_words(10)] == [421]
    assert wait_until(lambda: _is_let_in(gw))
    # It is over: the usual time is back.
    assert wait_until(lambda: len(gw.events("load")) == 2)
    with come(gw) as c:
        c.ehlo()
        time.sleep(3)
        assert c.is_open()
    busy.wire.close()
    refused(gw, "timeout", 5)


def test_tiny_chunks_are_linear(make):
    """A big header section in chunks of one octet: work grows with its size, not
    with its square (CPU time of the worker, so that a busy machine says nothing)."""
    gw = make()

    def run(n):
        header = b"X-A: " + b"b" * 94 + b"\r\n"
        content = header * (n // len(header)) + b"\r\nx\r\n"
        before = worker_cpu(gw)
        with come(gw) as c:
            c.ehlo()
            c.mail()
            c.rcpt()
            for at in range(0, len(content), 500):
                part = content[at:at + 500]
                c.send(b"".join(b"BDAT 1\r\n" + part[i:i + 1] for i in range(len(part))))
                c.replies(len(part))
            expect(c.cmd("BDAT 0 LAST"), 250)
        return worker_cpu(gw) - before
    run(5000)
    small, big = run(10000), run(80000)
    # Eight times the octets; squared it would be sixty-four.
    assert big < 24 * max(small, 0.05), (small, big)


def test_metrics_have_every_reason(make):
    """A counter for each row of the table of refusals, from the first moment."""
    gw = make()
    from harness import REPO
    with open(os.path.join(REPO, "src", "smtp", "refusal.c"), encoding="utf-8") as f:
        ids = re.findall(r'= \{"([a-z0-9-]+)", \d+', f.read())
    assert set(counters(gw)) == set(ids) - {"none"}
    assert stuff(b".") == b"..\r\n"
