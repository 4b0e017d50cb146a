# SPDX-License-Identifier: ISC
"""From end to end: native to native, to and from the gateway and the tool, through the
queue; what carries a value and what does not."""
import os
import re
import shutil
import subprocess
import tempfile

import pytest

from harness import REPO, XOORG, Hop, Smtp, base_config, out_config, rows, simple, \
    wait_until
from native import client, server, xoorg_hop
from pki import Pki
from test_client import send
from test_thousand import Sink

def both(pki, port, **more):
    """A server that passes on what it got."""
    return dict(server(pki), **client(pki, port, smtp_xoorg="", smtp_xoorg_pass="yes", **more))


def values(hop, n):
    return [x.mail.partition(b" XOORG=")[2].decode() for x in hop.wait(n, 30)]


def test_native_to_native(native, pki):
    """Three of them in a row: the value that one was given is passed on by the next."""
    end = xoorg_hop(pki)
    second = native(both(pki, end.port))
    first = native(client(pki, second.port, smtp_xoorg_required="yes"))
    send(first, 2)
    assert values(end, 2) == ["contoso.com"] * 2
    assert second.log().count("xoorg=contoso.com, to") == 2
    end.stop()


def test_native_to_gateway(native, gateway, hop, pki):
    main, inbound = hop(), hop()
    gw = gateway(base_config(pki, main, inbound))
    mta = native(client(pki, gw.port("in"), smtp_xoorg_required="yes"))
    send(mta)
    assert main.one(20).fields("X-OriginatorOrg") == ["contoso.com"]
    assert inbound.messages == []


def test_gateway_to_native(native, gateway, hop, pki):
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port), port=None)
    mta.tool("postconf", "smtpd_xoorg_ccert_names=contoso.test, gw.contoso.test")
    mta.tool("postfix", "reload")
    mta.address = "127.0.0.1:%d" % mta.port
    gw = gateway(out_config(pki, mta, tls_name="gw.contoso.test", xoorg="tenant",
                            require_xoorg=True))

    def announced():
        with Smtp(mta.port) as c:
            return c.hello(pki.tenant("contoso")).count("XOORG")
    assert wait_until(announced, 20, 0.2)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple())
    assert values(end, 1) == ["contoso.com"]
    end.stop()


def test_tool_to_native(native, pki):
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port))
    done = subprocess.run(
        [XOORG, "send", "--from", "u@contoso.com", "--to", "r@contoso.com", "--tls", "verify",
         "--tls-name", "gw.contoso.test", "--trust", pki.ca, "--certificate", pki.exo.cert,
         "--key", pki.exo.key, "--mail-param", "XOORG=contoso.com", "--count", "3",
         "--timeout", "20", "127.0.0.1:%d" % mta.port], capture_output=True, text=True,
        timeout=60)
    assert done.returncode == 0, done
    assert values(end, 3) == ["contoso.com"] * 3
    end.stop()


def test_native_to_sink(native, pki, tmp_path):
    sink = Sink(tmp_path / "sink", "--certificate", pki.gw.cert, "--key", pki.gw.key,
                "--trust", pki.ca, "--announce-xoorg-to", "mail.protection.outlook.com")
    try:
        mta = native(client(pki, sink.port, smtp_xoorg_required="yes"))
        send(mta)
        assert wait_until(lambda: sink.count() == 1, 20), mta.log()
        assert sink.messages()[0][2] == "contoso.com"
    finally:
        sink.stop()


def test_s_client_as_in_the_readme(native, pki):
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port))
    process = subprocess.Popen(
        ["openssl", "s_client", "-starttls", "smtp", "-connect", "127.0.0.1:%d" % mta.port,
         "-quiet", "-crlf", "-cert", pki.exo.cert, "-cert_chain", pki.exo.cert, "-key",
         pki.exo.key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    said = []

    def until(start):
        while True:
            line = process.stdout.readline()
            assert line, said
            said.append(line)
            if line.startswith(start):
                return line
    try:
        for line, want in (("EHLO me.example", "250 "),
                           ("MAIL FROM:<u@contoso.com> XOORG=contoso.com", "250 2.1.0"),
                           ("rcpt TO:<r@contoso.com>", "250 2.1.5"), ("DATA", "354"),
                           ("Subject: x\n\nx\n.", "250 2.0.0")):
            process.stdin.write(line + "\n")
            process.stdin.flush()
            until(want)
        assert "250-XOORG\n" in said
    finally:
        process.kill()
        process.wait(10)
    assert values(end, 1) == ["contoso.com"]
    end.stop()


@pytest.mark.parametrize("manager", ["qmgr", "oqmgr"])
def test_through_a_stopped_queue(native, pki, manager):
    """It stands in the queue file, and is there after a stop and a start."""
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port, defer_transports="smtp", queue_run_delay="1000s",
                      minimal_backoff_time="1000s", maximal_backoff_time="1000s"))
    if manager == "oqmgr":
        path = mta.folder + "/etc/master.cf"
        with open(path) as f:
            text = f.read().replace("1 qmgr\n", "1 oqmgr\n")
        assert "oqmgr" in text
        with open(path, "w") as out:
            out.write(text)
        mta.stop()
        mta.start()
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="Contoso.com")
        c.deliver(simple())
    assert wait_until(lambda: sum("/deferred/" in x for x in mta.queue_files()) == 2, 10)
    shown = [mta.tool("postcat", "-e", x).stdout for x in mta.queue_files()]
    assert sum("named_attribute: xoorg=Contoso.com\n" in x for x in shown) == 1
    assert sum("attribute: xoorg" in x for x in shown) == 1
    mta.stop()
    mta.tool("postconf", "defer_transports=")
    mta.start()
    mta.tool("postqueue", "-f")
    assert sorted(values(end, 2)) == ["", "Contoso.com"]
    end.stop()


def test_requeued(native, pki):
    """postsuper -r makes a new queue file of it."""
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port, defer_transports="smtp"))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
    assert wait_until(lambda: any("/deferred/" in x for x in mta.queue_files()), 10)
    # First the setting, which else may defer the new file, too.
    mta.tool("postconf", "defer_transports=")
    mta.stop()
    mta.start()
    assert mta.tool("postsuper", "-r", "ALL").returncode == 0
    mta.tool("postfix", "reload")		# wakes pickup
    assert values(end, 1) == ["contoso.com"]
    end.stop()


def test_a_bounce_has_none(native, pki):
    """Nor the fixed one of another mail: it has what its own sender has, `<>`."""
    end = xoorg_hop(pki, script={"rcpt": lambda s, line: "550 5.1.1 no"
                                 if b"nobody" in line else None})
    mta = native(both(pki, end.port))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), "anna@contoso.com", "nobody@contoso.com", xoorg="contoso.com")
    got = end.one(20)
    assert got.mail.startswith(b"MAIL FROM:<>") and b"XOORG" not in got.mail
    assert b"xoorg" not in got.content.lower().partition(b"content-type: message/rfc822")[0]
    end.stop()


def test_a_local_user_cannot_forge_it(native, pki):
    """postdrop(1) takes only what it knows from whoever runs it."""
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port))

    def put(kind, text):
        text = text.encode()
        return kind.encode() + bytes([len(text)]) + text
    given = put("A", "xoorg=evil.example") + put("S", "u@contoso.com") + \
        put("R", "r@contoso.com") + put("M", "") + put("N", "Subject: x") + put("N", "") + \
        put("N", "x") + put("X", "") + put("E", "")
    done = subprocess.run([mta.root + "/usr/sbin/postdrop", "-r"], env=mta.env, input=given,
                          capture_output=True, timeout=30)
    assert done.returncode == 0, done
    assert values(end, 1) == [""]
    assert "ignoring attribute record: xoorg=evil.example" in done.stderr.decode() + \
        mta.log()
    end.stop()


def test_sendmail_bs(native, pki):
    """A session on standard input: no TLS, so nothing of it."""
    mta = native(server(pki))
    done = mta.tool("sendmail", "-bs", given="EHLO x\r\nMAIL FROM:<u@contoso.com> "
                    "XOORG=contoso.com\r\nQUIT\r\n")
    assert "XOORG\n" not in done.stdout.replace("\r", "")
    assert "555 5.5.4 Unsupported option: XOORG=contoso.com" in done.stdout


def test_after_a_content_filter_there_is_none(native, pki):
    """smtp(8) to a filter in clear text; the mail comes back without a value."""
    plain = Hop(caps=("XOORG", "XFORWARD NAME ADDR PROTO HELO SOURCE"))
    mta = native(dict(both(pki, 1), content_filter="scan:[127.0.0.1]:%d" % plain.port),
                 "scan unix - - n - - smtp -o smtp_tls_security_level=none "
                 "-o smtp_send_xforward_command=yes\n")
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
    assert b"XOORG" not in plain.one(20).mail
    assert not any(b"contoso.com" in x for x in plain.lines() if x.startswith(b"XFORWARD"))
    plain.stop()


def test_delegated_by_another_agent(native, pki):
    """What an agent hands to another transport keeps its value (deliver_pass)."""
    end = xoorg_hop(pki)
    mta = native(dict(both(pki, end.port), mydestination="here.example",
                      local_recipient_maps="", mailbox_transport="smtp:[127.0.0.1]:%d" %
                      end.port))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), to="games@here.example", xoorg="contoso.com")
    assert values(end, 1) == ["contoso.com"]
    end.stop()


def test_address_probes(native, pki):
    """verify(8) probes carry no value that came with a mail, and nothing breaks."""
    end = xoorg_hop(pki)
    mta = native(both(pki, end.port, smtpd_recipient_restrictions=
                      "reject_unverified_recipient, permit", address_verify_map="",
                      unverified_recipient_defer_code="450"))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.mail("u@contoso.com", "XOORG=contoso.com")
        assert wait_until(lambda: c.cmd("RCPT TO:<r@contoso.com>").code == 250, 20, 0.3)
        c.data(simple())
    assert values(end, 1) == ["contoso.com"]
    probes = [x for x in end.lines() if x.startswith(b"MAIL FROM:<double-bounce@")]
    assert probes and not any(b"XOORG" in x for x in probes)
    end.stop()


def test_queue_file_of_a_postfix_without_it(native, pki):
    """What Debian's own queued is sent as ever."""
    end = xoorg_hop(pki)
    old = native({k: v for k, v in client(
        pki, end.port, defer_transports="smtp", queue_run_delay="1000s",
        minimal_backoff_time="1000s", maximal_backoff_time="1000s").items()
        if "xoorg" not in k}, stock=True)
    send(old)
    assert wait_until(lambda: any("/deferred/" in x for x in old.queue_files()), 10)
    old.stop()
    new = native(both(pki, end.port))
    new.stop()
    for name in ("deferred", "defer"):
        was, queue = (os.path.join(x.folder, "queue", name) for x in (old, new))
        shutil.rmtree(queue)
        shutil.copytree(was, queue, copy_function=_with_owner)
        _owners(was, queue)
    new.start()
    new.tool("postqueue", "-f")
    assert values(end, 1) == [""]
    end.stop()


def _with_owner(source, target):
    shutil.copy2(source, target)
    stat = os.stat(source)
    os.chown(target, stat.st_uid, stat.st_gid)


def _owners(source, target):
    for folder, _, _ in os.walk(source):
        stat = os.stat(folder)
        os.chown(os.path.join(target, os.path.relpath(folder, source)), stat.st_uid,
                 stat.st_gid)


# --- what README.md warns of --------------------------------------------------------------

@pytest.fixture
def readable_pki():
    """Certificates that tlsproxy(8) may read as the user it runs as."""
    folder = tempfile.mkdtemp(prefix="xoorg-pki-")
    os.chmod(folder, 0o755)
    made = Pki(folder)
    for key in (made.gw.key, made.exo.key):
        os.chmod(key, 0o644)
    yield made
    shutil.rmtree(folder)


def test_debians_tlsproxy_dies_with_a_certificate_by_transport(native, readable_pki):
    """README.md, traps: a client certificate of the transport's own and reuse of TLS."""
    pki = readable_pki
    end = xoorg_hop(pki, words=None)
    mta = native({"default_transport": "own", "relayhost": "[127.0.0.1]:%d" % end.port},
                 "own unix - - n - - smtp -o smtp_tls_security_level=secure "
                 "-o smtp_tls_secure_cert_match=gw.contoso.test -o smtp_tls_CAfile=%s "
                 "-o smtp_tls_cert_file=%s -o smtp_tls_key_file=%s "
                 "-o smtp_tls_connection_reuse=yes\n" % (pki.ca, *pki.exo), stock=True)
    mta.is_well = lambda log: True
    send(mta)
    assert wait_until(lambda: re.search(r"/tlsproxy pid \d+ killed by signal 11", mta.log()),
                      20), mta.log()[-2000:]
    assert end.messages == []
    end.stop()
    with open(os.path.join(REPO, "postfix", "README.md")) as f:
        assert "crashes in tlsproxy(8) with both (SIGSEGV)" in f.read()
