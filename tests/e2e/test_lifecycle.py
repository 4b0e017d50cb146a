# SPDX-License-Identifier: ISC
"""Reload, drain, crashes: nothing that was acknowledged is lost."""
import os
import signal
import threading
import time

import pytest

from harness import (Closed, Do, Smtp, base_config, free_port, simple, wait_until)
from net import has_ipv6


@pytest.fixture
def pair(gateway, pki, hop):
    """(gateway, next hop) with mail of strangers going to it."""
    def make(**changes):
        one = hop()
        return gateway(base_config(pki, one, one, **changes)), one
    return make


# --- SIGHUP ------------------------------------------------------------------------

def test_reload_good(pair, pki):
    gw, one = pair()
    old = gw.workers()
    with Smtp(gw.port()) as before:
        before.hello(pki.exo)
        config = gw.config.with_({"tenants.fabrikam": {
            "originator_orgs": ["fabrikam.com"], "recipient_domains": ["fabrikam.com"]}})
        gw.write(config)
        gw.crashes_allowed = 1
        gw.signal(signal.SIGHUP)

        def is_new():
            try:
                with Smtp(gw.port()) as c:
                    c.hello(pki.exo)
                    return c.cmd("MAIL FROM:<u@fabrikam.com> XOORG=fabrikam.com"
                                 ).code == 250
            except (AssertionError, Closed, OSError):	# an old worker says goodbye
                return False
        assert wait_until(is_new, 10, 0.1)
        # an old session keeps its configuration until it ends, or is told to go
        try:
            got = before.cmd("MAIL FROM:<u@fabrikam.com> XOORG=fabrikam.com")
            assert got.code in (550, 421)
        except (Closed, OSError):
            pass
    assert wait_until(lambda: not set(old) & set(gw.workers()), 10, 0.05), \
        "the old workers do not end"
    assert len(gw.workers()) == len(old)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    one.wait(1)


@pytest.mark.parametrize("bad", ["syntax", "unknown", "key"])
def test_reload_bad(pair, pki, bad):
    """A bad configuration changes nothing and says why."""
    gw, one = pair()
    old = gw.workers()
    if bad == "syntax":
        gw.write(text="hostname = = ;\n")
    elif bad == "unknown":
        gw.write(text=gw.config.text() + "colour = 1;\n")
    else:
        gw.write(text=gw.config.with_({"tls.default.key": pki.gw_rsa.key}).text())
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: "xoorgd.conf:" in gw.log(), 5), "no FILE:LINE in the log"
    time.sleep(0.2)
    assert gw.workers() == old
    with Smtp(gw.port()) as c:
        assert c.hello(pki.exo).count("XOORG") == 1
        c.deliver(simple(), xoorg="contoso.com")
    one.wait(1)
    gw.write()


def test_reload_inside_a_message(pair, pki):
    """Old sessions finish what is open."""
    gw, one = pair()
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt()
        c.want("DATA", 354)
        content = simple(body="x\r\n" * 1000)
        c.send(content[:1500])
        gw.crashes_allowed = 1
        gw.signal(signal.SIGHUP)
        time.sleep(0.5)
        c.send(content[1500:] + b".\r\n")
        assert c.reply().code == 250
    assert one.one().fields("X-OriginatorOrg") == ["contoso.com"]


def test_reload_takes_trust_away(pair, pki):
    """A new session is judged by the new configuration; no ticket survives."""
    gw, _ = pair()
    gw.write(gw.config.with_({"tls.default.trust": pki.other_ca}))
    gw.crashes_allowed = 1
    gw.signal(signal.SIGHUP)

    def is_refused():
        try:
            with Smtp(gw.port()) as c:
                c.ehlo()
                c.starttls(pki.exo)
                return c.cmd("EHLO x").code == 454
        except (AssertionError, Closed, OSError):	# an old worker says goodbye
            return False
    assert wait_until(is_refused, 10, 0.1)


def test_reload_new_certificate(pair, pki):
    """Renewed key and certificate under the same names: taken over."""
    gw, _ = pair()
    first = pki.make("renew-a", "gw.contoso.test")
    second = pki.make("renew-b", "gw.contoso.test", key="rsa2048")
    for src, name in ((first.cert, "r.pem"), (first.key, "r.key")):
        _copy(src, os.path.join(gw.folder, name))
    gw.write(gw.config.with_({"tls.default.certificate": "r.pem",
                              "tls.default.key": "r.key"}))
    gw.crashes_allowed = 1
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: _served(gw) == _der(first.cert), 10, 0.1)
    for src, name in ((second.cert, "r.pem"), (second.key, "r.key")):
        _copy(src, os.path.join(gw.folder, name))
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: _served(gw) == _der(second.cert), 10, 0.1)


def _copy(src, dst):
    with open(src, "rb") as i, open(dst, "wb") as o:
        o.write(i.read())


def _der(file):
    import ssl
    with open(file) as f:
        return ssl.PEM_cert_to_DER_cert(f.read().split("-----END CERTIFICATE-----")[0]
                                        + "-----END CERTIFICATE-----\n")


def _served(gw):
    try:
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.starttls()
            return c.wire.sock.getpeercert(True)
    except (AssertionError, Closed, OSError):
        return None


def test_reload_many_under_load(pair):
    """Ten reloads while mail flows: no message lost, none refused for good."""
    gw, one = pair()
    gw.crashes_allowed = 1
    acknowledged, errors, stop = [], [], threading.Event()

    def work(i):
        n = 0
        while not stop.is_set():
            n += 1
            key = "%d-%d" % (i, n)
            try:
                with Smtp(gw.port()) as c:
                    c.ehlo()
                    c.deliver(simple(subject=key))
                    acknowledged.append(key)
            except (Closed, OSError):
                pass
            except AssertionError as error:
                if "<4" not in str(error):
                    errors.append(str(error))
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for _ in range(6):
        time.sleep(0.25)
        gw.signal(signal.SIGHUP)
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join(20)
    assert errors == []
    arrived = {m.fields("Subject")[0] for m in one.messages}
    assert len(acknowledged) > 20 and set(acknowledged) <= arrived


# --- SIGTERM -------------------------------------------------------------------------

def test_drain(gateway, pki, hop):
    one = hop()
    gw = gateway(base_config(pki, one, one, drain_timeout=10))
    with Smtp(gw.port()) as busy, Smtp(gw.port()) as idle:
        idle.ehlo()
        busy.ehlo()
        busy.mail()
        busy.rcpt()
        busy.want("DATA", 354)
        content = simple(body="x\r\n" * 1000)
        busy.send(content[:500])
        time.sleep(0.1)
        gw.signal(signal.SIGTERM)
        words = idle.last_words()
        assert [x.code for x in words] == [421]
        time.sleep(0.2)
        with pytest.raises((OSError, Closed, TimeoutError)):
            with Smtp(gw.port(), timeout=1):
                pass
        busy.send(content[500:] + b".\r\n")
        assert busy.reply().code == 250
        busy.expect_close()
    gw.stop()
    one.wait(1)


def test_drain_timeout(gateway, pki, hop):
    """What is not finished in time: 421, and no dot."""
    one = hop()
    gw = gateway(base_config(pki, one, one, drain_timeout=1))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(simple(body="half\r\n"))
        time.sleep(0.1)
        gw.signal(signal.SIGTERM)
        words = c.last_words(8)
        assert [x.code for x in words] == [421]
    gw.stop()
    assert one.messages == []


def test_ends_at_once_when_idle(pair):
    gw, _ = pair()
    start = time.monotonic()
    gw.stop()
    assert time.monotonic() - start < 2


def test_idle_kept_connections_do_not_hold_it(pair):
    gw, one = pair()
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    start = time.monotonic()
    gw.stop()
    assert time.monotonic() - start < 2
    assert wait_until(lambda: all(s.closed for s in one.sessions), 3)


# --- crashes -----------------------------------------------------------------------

def test_worker_killed(pair):
    """kill -9 in mid-run: the master starts a new one; what was acknowledged is
    at the next hop."""
    gw, one = pair(workers=2)
    gw.crashes_allowed = 1
    acknowledged, stop = [], threading.Event()

    def work(i):
        n = 0
        while not stop.is_set():
            n += 1
            key = "%d-%d" % (i, n)
            try:
                with Smtp(gw.port(), timeout=5) as c:
                    c.ehlo()
                    for chunked in (False, True):
                        c.deliver(simple(subject=key), chunked=chunked)
                        acknowledged.append(key)
            except (Closed, OSError, AssertionError):
                time.sleep(0.01)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    killed = set()
    for _ in range(4):
        time.sleep(0.4)
        victim = gw.workers()[0]
        killed.add(victim)
        os.kill(victim, signal.SIGKILL)
        assert wait_until(lambda: len(gw.workers()) == 2 and victim not in gw.workers(), 5), \
            "no new worker"
    time.sleep(0.3)
    stop.set()
    for t in threads:
        t.join(20)
    arrived = [m.fields("Subject")[0] for m in one.messages]
    assert len(acknowledged) > 20
    for key in set(acknowledged):
        assert arrived.count(key) >= acknowledged.count(key)
    assert not killed & set(gw.workers())


def test_all_workers_killed(pair):
    gw, one = pair()
    gw.crashes_allowed = 1
    for pid in gw.workers():
        os.kill(pid, signal.SIGKILL)

    def works():
        try:
            with Smtp(gw.port(), timeout=2) as c:
                c.ehlo()
                c.deliver(simple())
                return True
        except (Closed, OSError, AssertionError):
            return False
    assert wait_until(works, 5, 0.05)
    one.wait(1)


def test_master_killed(gateway, pki, hop):
    """Workers do not outlive their master."""
    one = hop()
    gw = gateway(base_config(pki, one, one))
    workers = gw.workers()
    gw.process.kill()
    gw.process.wait(5)
    gone = wait_until(lambda: not any(os.path.exists("/proc/%d" % x) for x in workers), 5)
    for pid in workers:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            pass
    gw._err.close()
    gw.process = None
    assert gone


def test_upstream_killed_in_mid_run(pair):
    """No 250 without a delivered message."""
    gw, one = pair()
    acknowledged, stop = [], threading.Event()

    def work(i):
        n = 0
        while not stop.is_set():
            n += 1
            key = "%d-%d" % (i, n)
            try:
                with Smtp(gw.port(), timeout=5) as c:
                    c.ehlo()
                    for _ in range(5):
                        c.deliver(simple(subject=key, body="x\r\n" * 200))
                        acknowledged.append(key)
            except (Closed, OSError, AssertionError):
                time.sleep(0.01)
    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for t in threads:
        t.start()
    for _ in range(10):
        time.sleep(0.15)
        one.cut_all()
    stop.set()
    for t in threads:
        t.join(20)
    arrived = [m.fields("Subject")[0] for m in one.messages]
    assert len(acknowledged) > 20
    for key in set(acknowledged):
        assert arrived.count(key) >= acknowledged.count(key)


def test_pooled_connection_died(pair):
    """The kept connection was closed by the next hop: the mail still goes."""
    gw, one = pair()
    for reset in (False, True, False):
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.deliver(simple())
        one.cut_all(reset)
    assert len(one.wait(3)) == 3


def test_pooled_connection_says_421(pair):
    """421 as the reply to the next MAIL on a kept connection: a fresh one."""
    gw, one = pair()
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    one.script = {"mail": lambda s, line: "421 4.4.2 idle too long"
                  if s is one.sessions[0] or s.messages else None}
    with Smtp(gw.port()) as c:
        c.ehlo()
        got = c.cmd("MAIL FROM:<u@contoso.com>")
        got = c.cmd("RCPT TO:<r@contoso.com>")
        if got.code == 250:
            c.data(simple())
        else:
            assert got.cls == 4
    assert wait_until(lambda: "421 4.4.2 idle too long" in [
        x.get("said") for x in gw.events("upstream")])


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_second_listener_and_ipv6(gateway, pki, hop):
    one = hop()
    config = base_config(pki, one, one)
    port = free_port()
    config.set("listeners.in.listen",
               config["listeners"]["in"]["listen"] + ["[::1]:%d" % port])
    gw = gateway(config)
    with Smtp(port, host="::1") as c:
        c.ehlo()
        c.deliver(simple())
    received = " ".join(one.one().fields("Received")[0].split())
    assert "IPv6:::1" in received.replace("[", "")


def test_status(gateway, pki, hop):
    import urllib.request
    port = free_port()
    one = hop()
    gw = gateway(base_config(pki, one, one, status="127.0.0.1:%d" % port))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
        c.deliver(simple())

    def get(path):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=5) as r:
            return r.status, r.read().decode()

    def metrics():
        return get("/metrics")[1]
    assert get("/healthz")[0] == 200
    assert wait_until(lambda: 'verdict="verified"' in metrics(), 5)
    text = metrics()
    assert [x for x in text.split("\n") if x.startswith("xoorg_messages_total{")
            and 'verdict="verified"' in x and 'tenant="contoso"' in x and x.endswith(" 1")]
    assert "xoorg_certificate_expiry_seconds{" in text
    assert "# HELP xoorg_messages_total" in text and "# TYPE xoorg_messages_total counter" \
        in text
    assert get("/")[0] == 200


def test_pid_file(gateway, pki, hop, tmp_path):
    file = tmp_path / "xoorgd.pid"
    gw = gateway(base_config(pki, hop(), hop(), pid_file=str(file)))
    assert int(file.read_text()) == gw.process.pid


def test_stalled_next_hop_does_not_stop_others(gateway, pki, hop):
    """One worker: a session that waits holds up nobody."""
    slow, quick = hop(script={"mail": Do.late(2, None)}), hop()
    gw = gateway(base_config(pki, slow, quick))
    with Smtp(gw.port()) as waiting:
        waiting.hello(pki.exo)
        waiting.mail("u@contoso.com", "XOORG=contoso.com")
        waiting.send(b"RCPT TO:<r@contoso.com>\r\n")
        start = time.monotonic()
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.deliver(simple())
        assert time.monotonic() - start < 1.5
        assert waiting.reply().code == 250
