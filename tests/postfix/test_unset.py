# SPDX-License-Identifier: ISC
"""Unset means unchanged: with no parameter set, what it says and delivers is what
Debian's own says and delivers. And nothing of it reads or writes where it must not."""
import collections
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import Hop, Smtp, simple, wait_until
from hostile import replies, sessions
from native import VERSION, Native, build, client, server, xoorg_hop
from postfix import Missing
from test_client import send
from test_server import Line, _milter, _policy

pytestmark = pytest.mark.skipif(
    VERSION != "3.7", reason="Debian 12's own is the other side")

# All the places where octets leave, in one configuration without a parameter of ours.
PLAIN = {"smtpd_tls_ask_ccert": "yes", "smtputf8_enable": "no", "strict_smtputf8": "no"}


def _plain(pki, **more):
    out = {k: v for k, v in server(pki, **PLAIN).items()
           if "xoorg" not in k and k != "tls_trust_server_ccerts"}
    return dict(out, **more)


def _norm(text):
    """Without queue ids, dates and processes."""
    text = re.sub(rb"\b[0-9A-F]{9,14}\b", b"QUEUEID", text)
    text = re.sub(rb"\b(Mon|Tue|Wed|Thu|Fri|Sat|Sun), .*? \+0000( \(UTC\))?", b"DATE", text)
    text = re.sub(rb"Message-Id: <\d+\.QUEUEID@", b"Message-Id: <", text)
    return re.sub(rb"\d{14}\.QUEUEID@", b"ID@", text)


class Two:
    """Debian's and ours, each with its own sink, policy server and milter."""

    def __init__(self, pki, **more):
        self.parts = []
        for stock in (True, False):
            hop, policy, milter = Hop(), Line(_policy), Line(_milter)
            mta = Native(_plain(
                pki, relayhost="[127.0.0.1]:%d" % hop.port,
                smtpd_recipient_restrictions="check_policy_service inet:127.0.0.1:%d, permit"
                % policy.port, smtpd_milters="inet:127.0.0.1:%d" % milter.port,
                milter_mail_macros="i {mail_addr} {mail_xoorg}", **more), stock=stock).start()
            self.parts.append((mta, hop, policy, milter))

    def close(self):
        for mta, hop, policy, milter in self.parts:
            mta.remove()
            hop.stop()
            policy.close()
            milter.close()


@pytest.fixture(scope="module")
def two(pki):
    try:
        both = Two(pki)
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    yield both
    both.close()


def test_hostile_sessions(two, pki, record_property):
    """The same replies to each, and the same mail out of all of them."""
    different, n = [], 0
    for name, state, octets in sessions():
        old, new = (replies(mta.port, pki, state, octets) for mta, *_ in two.parts)
        n += 1
        if old != new:
            different.append((name, old, new))
    record_property("sessions", "%d, %d different" % (n, len(different)))
    print("%d sessions, %d with different replies" % (n, len(different)))
    assert different == [] and n > 200
    for mta, *_ in two.parts:
        assert wait_until(lambda: mta.queued() == 0, 30)
    delivered = [collections.Counter(_norm(m.mail + b"\n" + m.content) for m in hop.messages)
                 for _, hop, _, _ in two.parts]
    assert delivered[0] == delivered[1] and sum(delivered[0].values()) > 30
    asked = [[[x for x in one if not x.startswith(("instance=", "queue_id=", "client_port=",
                                                   "server_port="))] for one in policy.seen]
             for _, _, policy, _ in two.parts]
    assert asked[0] == asked[1] and len(asked[0]) > 50
    told = [[sorted(x) for x in milter.seen] for *_, milter in two.parts]
    assert told[0] == told[1] and told[0]


def test_logs(two):
    """Of the same kinds of lines, in the same number. (After the sessions above.)"""
    def kinds(mta):
        lines = (re.sub(rb"^.*?postfix/", b"", x) for x in mta.log().encode().splitlines())
        return collections.Counter(
            re.sub(rb"\d+", b"N", _norm(re.sub(rb"^(\w+)\[\d+\]", rb"\1", x)))
            for x in lines if x.startswith((b"smtpd", b"cleanup")))
    old, new = (kinds(mta) for mta, *_ in two.parts)
    rare = {k: (old[k], new[k]) for k in set(old) | set(new)
            if (old[k] == 0) != (new[k] == 0)}
    assert rare == {}


def test_queue_files(pki, native):
    """Record by record."""
    shown = []
    for stock in (True, False):
        mta = native(_plain(pki, defer_transports="smtp", relayhost="[127.0.0.1]:9",
                            queue_run_delay="1000s", minimal_backoff_time="1000s",
                            maximal_backoff_time="1000s"), stock=stock)
        with Smtp(mta.port) as c:
            c.hello(pki.exo)
            c.deliver(b"Message-ID: <1@x.example>\r\n\r\nx\r\n",
                      params="RET=HDRS ENVID=x BODY=8BITMIME")
        assert wait_until(lambda: any("/deferred/" in x for x in mta.queue_files()), 10)
        file, = mta.queue_files()
        text = mta.tool("postcat", "-e", "-v", file).stdout.encode()
        text = _norm(text.replace(file.encode(), b"FILE"))
        # A queue id, and so the message, may be an octet longer.
        text = re.sub(rb"(?m)^message_size: .*", lambda x: re.sub(rb"\d+", b"N", x[0]), text)
        text = re.sub(rb"(?m)^(\*\*\* .*|.*(_time|create_time|arrival).*|.*_port=\d+|"
                      rb".*log_message_origin=.*|postcat: .*)$", b"", text)
        shown.append(text)
    assert shown[0] == shown[1] and b"envelope_id=x" in shown[0]


def test_client_side(pki):
    """What smtp(8) says to a server that announces XOORG in both places."""
    said = []
    for stock in (True, False):
        behind = xoorg_hop(pki, caps=("XOORG", "SIZE 1000000", "8BITMIME", "DSN", "XFORWARD"))
        settings = {k: v for k, v in client(pki, behind.port).items() if "xoorg" not in k}
        mta = Native(settings, stock=stock).start()
        send(mta, 3, params="RET=HDRS ENVID=x")
        behind.wait(3, 20)
        said.append([_norm(re.sub(rb"SIZE=\d+", b"SIZE=N", x)) for x in behind.lines()])
        mta.remove()
        behind.stop()
    assert sorted(said[0]) == sorted(said[1])


# --- sanitizers ---------------------------------------------------------------------------

def _reports(folder):
    out = []
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), errors="replace") as f:
            out.append(f.read())
    return out


@pytest.fixture
def watched(monkeypatch):
    """Instances of the build with sanitizers, and what they reported."""
    folder = tempfile.mkdtemp(prefix="xoorg-reports-")
    os.chmod(folder, 0o777)
    log = "log_path=%s/r" % folder
    monkeypatch.setenv("ASAN_OPTIONS", log + ":detect_leaks=0")
    monkeypatch.setenv("UBSAN_OPTIONS", log + ":print_stacktrace=1")
    started = []

    def make(settings, *args):
        environment = "MAIL_CONFIG LD_LIBRARY_PATH TZ LANG=C ASAN_OPTIONS UBSAN_OPTIONS"
        started.append(Native(dict(settings, import_environment=environment), *args,
                              root=build("--sanitize")).start())
        return started[-1]
    make.reports = lambda: _reports(folder)
    yield make
    for one in started:
        one.remove()
    shutil.rmtree(folder)


def test_sanitizers_see_what_is_wrong(watched, pki):
    """The net has no hole: a report gets here."""
    mta = watched(server(pki))
    daemon = os.path.join(mta.sbin, "smtpd")
    out = subprocess.run(["nm", daemon], capture_output=True, text=True, timeout=60).stdout
    assert "__asan_init" in out and "__ubsan_handle_type_mismatch_v1" in out
    assert re.search(r"smtpd_xoorg_mail_opt", out)


def test_sanitized_server(watched, pki):
    """The hostile sessions with names set, in all states: no report."""
    hop = Hop()
    mta = watched(server(pki, relayhost="[127.0.0.1]:%d" % hop.port,
                         smtpd_sender_restrictions="check_xoorg_access static:OK"))
    for _, state, octets in sessions():
        replies(mta.port, pki, state, octets)
    hop.stop()
    assert len([x for x in mta.log().splitlines() if ": xoorg=" in x]) > 5
    assert watched.reports() == [], watched.reports()[0][:3000]
    assert mta.is_well(mta.log()), mta.log()[-2000:]


def test_sanitized_client(watched, pki):
    """Values passed, looked up, refused; absent, required: no report."""
    behind = xoorg_hop(pki)
    mta = watched(dict(server(pki), **client(
        pki, behind.port, smtp_xoorg_pass="yes", smtp_xoorg_maps="inline:{ "
        "{ anna@contoso.com = one.contoso.com }, { @bad.example = not/good } }")),
        "strict unix - - n - - smtp -o smtp_xoorg_required=yes\n")
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="passed.example")
        c.deliver(simple(), "anna@contoso.com")
        c.deliver(simple(), "x@bad.example")
        c.deliver(simple(), "x@other.example", xoorg="a" * 63 + ".example")
        c.deliver(simple(), "")
    got = sorted(x.mail.partition(b" XOORG=")[2] for x in behind.wait(4, 40))
    assert got == sorted([b"passed.example", b"one.contoso.com", b"a" * 63 + b".example",
                          b"contoso.com"])
    behind.caps_tls = [x for x in behind.caps_tls if x != "XOORG"]
    mta.tool("postconf", "smtp_xoorg_required=yes")
    mta.tool("postfix", "reload")
    send(mta)
    assert wait_until(lambda: "dsn=4.7.4" in mta.log(), 40)
    behind.stop()
    assert watched.reports() == [], watched.reports()[0][:3000]
