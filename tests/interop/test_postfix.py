# SPDX-License-Identifier: ISC
"""Postfix behind the gateway (XCLIENT) and in front of it (relay host)."""
import os
import re
import shutil
import subprocess

import pytest

from dns import Dns, reverse
from harness import (CAPS, XOORG, Hop, Smtp, base_config, out_config,
                     server_context, simple, wait_until)
from net import free_port
from postfix import Missing, Postfix

SINK_CAPS = tuple(x for x in CAPS if not x.startswith("SIZE")) + ("SIZE 104857600",)


@pytest.fixture
def postfix():
    started = []

    def make(settings, second=""):
        try:
            one = Postfix(free_port(), settings, second)
            started.append(one)
            return one.start()
        except Missing as why:
            pytest.skip("NO POSTFIX: %s" % why)
    yield make
    for one in started:
        one.remove()


def behind(hop):
    """Settings of the MTA behind the gateway: on to the sink."""
    return {"smtpd_authorized_xclient_hosts": "127.0.0.1",
            "relayhost": "[127.0.0.1]:%d" % hop.port, "smtp_send_xforward_command": "no"}


def _in_config(pki, mta, **more):
    config = base_config(pki, mta, mta, **more)
    for name in ("main", "inbound"):
        config["upstreams"][name]["handover"] = "xclient"
    return config


def test_behind_with_xclient(gateway, hop, pki, postfix):
    sink = hop(caps=SINK_CAPS)
    mta = postfix(behind(sink))
    gw = gateway(_in_config(pki, mta))
    with Smtp(gw.port(), source="127.0.0.2") as c:
        c.hello(pki.exo, name="exo.example")
        c.deliver(simple(), xoorg="contoso.com")
        c.deliver(simple(), xoorg="contoso.com", chunked=True)
        c.deliver(simple("X-OriginatorOrg: evil.example\r\n"))
    with Smtp(gw.port(), source="127.0.0.3") as c:
        c.hello(name="stranger.example")
        c.deliver(simple(), "a@e.example", "r@contoso.com")
    got = sink.wait(4, 20)
    for m in got:
        received = [" ".join(x.split()) for x in m.fields("Received")]
        by_mta = [x for x in received if "by mta.contoso.test" in x]
        assert len(by_mta) == 1
        source = "127.0.0.3" if m.sender == "a@e.example" else "127.0.0.2"
        assert "[%s]" % source in by_mta[0], by_mta
    assert sorted(m.fields("X-OriginatorOrg") for m in got) == \
        [[], [], ["contoso.com"], ["contoso.com"]]
    log = mta.log()
    assert "client=unknown[127.0.0.2]" in log or "[127.0.0.2]" in log
    assert "XOORG" not in log and "improper command" not in log


def test_behind_sees_the_hello(gateway, hop, pki, postfix):
    """Postfix takes the name of the EHLO behind XCLIENT for the client's."""
    sink = hop(caps=SINK_CAPS)
    gw = gateway(_in_config(pki, postfix(behind(sink))))
    for i in (2, 3):
        with Smtp(gw.port(), source="127.0.0.%d" % i) as c:
            c.ehlo("client-%d.example" % i)
            c.deliver(simple(), "s%d@e.example" % i)
    for m in sink.wait(2, 20):
        by_mta, = [" ".join(x.split()) for x in m.fields("Received")
                   if "by mta.contoso.test" in " ".join(x.split())]
        assert by_mta.startswith("from client-%s.example " % m.sender[1])


def test_unknown_clients(gateway, hop, pki, postfix):
    """Postfix' rules about the client's name hold for the real client."""
    good, bad, forged, odd = "192.0.2.7", "192.0.2.8", "192.0.2.9", "192.0.2.10"
    with Dns({(reverse(good), "PTR"): ["mail.c.test"], ("mail.c.test", "A"): [good],
              (reverse(forged), "PTR"): ["mail.c.test"],
              # no name to Postfix, which would refuse the XCLIENT itself (451)
              (reverse(odd), "PTR"): ["-c.test"], ("-c.test", "A"): [odd]}) as dns:
        sink = hop(caps=SINK_CAPS)
        mta = postfix(dict(behind(sink), mynetworks="192.0.2.0/24",
                           smtpd_client_restrictions="reject_unknown_client_hostname"))
        config = _in_config(pki, mta, resolver=dns.address)
        config.set("upstreams.inbound.client_names", True)
        config["peers"]["filter"] = {"networks": ["127.0.0.6/32"], "rights": ["xclient"]}
        config.set("listeners.in.peers", ["exchange-online", "filter"])
        gw = gateway(config)
        with Smtp(gw.port(), source="127.0.0.6") as c:
            for address, want in ((bad, 450), (good, 250), (forged, 450), (odd, 450)):
                c.ehlo()
                c.want("XCLIENT ADDR=%s HELO=c.example" % address, 220)
                c.ehlo("c.example")
                c.mail("a@e.example")
                c.rcpt(want=want)
                if want == 250:
                    c.data(simple())
        got = sink.one(20)
    assert "from c.example (mail.c.test [%s])" % good in " ".join(
        " ".join(x.split()) for x in got.fields("Received"))


def test_refusals_of_postfix_pass(gateway, hop, pki, postfix):
    sink = hop(caps=SINK_CAPS)
    mta = postfix(dict(behind(sink), smtpd_recipient_restrictions=(
        "check_recipient_access inline:{{no@contoso.com=550 5.1.1 unknown},"
        "{later@contoso.com=450 4.2.0 greylisted}}, permit")))
    gw = gateway(_in_config(pki, mta))
    with Smtp(gw.port(), source="127.0.0.2") as c:
        c.hello(pki.exo)
        c.mail("u@contoso.com", "XOORG=contoso.com SIZE=1000")
        c.rcpt("no@contoso.com", want="550 5.1.1|554 5.1.1")
        c.rcpt("later@contoso.com", want="450 4.2.0")
        c.rcpt("yes@contoso.com")
        c.data(simple())
    assert sink.one(20).recipients == ["yes@contoso.com"]
    assert re.search(r"reply=.*queued as [0-9A-F]", gw.log())


def test_two_services(gateway, hop, pki, postfix):
    """Verified mail and the rest at two smtpd of one Postfix."""
    sink = hop(caps=SINK_CAPS)
    second = free_port()
    mta = postfix(behind(sink), "127.0.0.1:%d inet n - n - - smtpd\n"
                  " -o syslog_name=verified\n" % second)
    config = _in_config(pki, mta)
    config["upstreams"]["main"]["hosts"] = ["127.0.0.1:%d" % second]
    gw = gateway(config)
    with Smtp(gw.port(), source="127.0.0.2") as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
        c.deliver(simple())
    sink.wait(2, 20)
    log = mta.log()
    assert len(re.findall(r"verified/smtpd\[\d+\]: [0-9A-F]+: client=", log)) == 1
    assert len(re.findall(r" postfix/smtpd\[\d+\]: [0-9A-F]+: client=", log)) == 1


def test_in_front(gateway, hop, pki, postfix):
    """The gateway as Postfix' relay host; the tenant by the envelope sender."""
    exchange = hop(caps=SINK_CAPS, caps_tls=SINK_CAPS + ("XOORG",),
                   tls=server_context(pki.exchange, client_ca=pki.ca))
    gw = gateway(out_config(pki, exchange, client_certificate="tenant", client_key=None,
                            xoorg="tenant", require_xoorg=True))
    mta = postfix({"relayhost": "[127.0.0.1]:%d" % gw.port("out")})
    with Smtp(mta.port) as c:
        c.ehlo()
        c.deliver(simple(), "u@contoso.com", "x@elsewhere.example")
        c.deliver(simple(), "u@fabrikam.com", "y@elsewhere.example")
    got = {m.sender: m for m in exchange.wait(2, 20)}
    assert "XOORG=contoso.com" in got["u@contoso.com"].params()
    assert "XOORG=fabrikam.com" in got["u@fabrikam.com"].params()
    assert got["u@contoso.com"].session.certificate != \
        got["u@fabrikam.com"].session.certificate
    assert wait_until(lambda: mta.queued() == 0, 5)


def test_in_front_exchange_down(gateway, hop, pki, postfix):
    """The queue stays where it is, and goes out once Exchange is back."""
    port = free_port()

    class Down:
        address = "127.0.0.1:%d" % port
    gw = gateway(out_config(pki, Down, xoorg="contoso.com"))
    mta = postfix({"relayhost": "[127.0.0.1]:%d" % gw.port("out")})
    with Smtp(mta.port) as c:
        c.ehlo()
        c.deliver(simple(), "u@contoso.com", "x@elsewhere.example")
    assert wait_until(lambda: "status=deferred" in mta.log(), 10)
    with Hop(caps=SINK_CAPS, caps_tls=SINK_CAPS + ("XOORG",), port=port,
             tls=server_context(pki.exchange, client_ca=pki.ca)) as back:
        back.wait(1, 30)
        assert wait_until(lambda: mta.queued() == 0, 10)


# --- other clients ----------------------------------------------------------------------

@pytest.mark.skipif(not shutil.which("swaks"), reason="NO SWAKS")
@pytest.mark.parametrize("tls", [False, True])
def test_swaks(gateway, hop, pki, tls):
    main, inbound = hop(), hop()
    gw = gateway(base_config(pki, main, inbound))
    args = ["swaks", "--server", "127.0.0.1", "--port", str(gw.port()), "--from",
            "a@e.example", "--to", "r@contoso.com", "--body", "hello\n.\n..dots\n",
            "--header", "X-OriginatorOrg: contoso.com", "--helo", "swaks.example",
            "--timeout", "10"]
    if tls:					# swaks shows no chain
        cert = pki.make("swaks", "mail.protection.outlook.com", issuer="root")
        args += ["--tls", "--tls-cert", cert.cert, "--tls-key", cert.key]
    done = subprocess.run(args, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr
    if tls:
        assert "XOORG" in done.stdout
    m = inbound.one()
    assert m.fields("X-OriginatorOrg") == [] and b".\r\n..dots" in m.body


def test_openssl_s_client(gateway, hop, pki):
    """A whole XOORG transaction by hand."""
    main = hop()
    gw = gateway(base_config(pki, main))
    process = subprocess.Popen(
        ["openssl", "s_client", "-starttls", "smtp", "-quiet", "-crlf", "-connect",
         "127.0.0.1:%d" % gw.port(), "-cert", pki.exo.cert, "-cert_chain", pki.exo.cert,
         "-key", pki.exo.key],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    out = b""
    try:
        # 250 of the EHLO before TLS may be shown first
        for line, mark in ((b"EHLO openssl.example", b"XOORG"),
                           (b"MAIL FROM:<u@contoso.com> XOORG=contoso.com", b"250"),
                           (b"rcpt to:<r@contoso.com>", b"250"), (b"DATA", b"354"),
                           (b"Subject: by hand\n\nhello\n.", b"250"), (b"quit", b"221")):
            process.stdin.write(line + b"\n")
            process.stdin.flush()
            got = b""
            while mark not in got or not got.endswith(b"\n"):
                more = os.read(process.stdout.fileno(), 4096)
                assert more, out + got
                got += more
            out += got
    finally:
        process.kill()
        process.wait(5)
        process.stdin.close()
        process.stdout.close()
    assert main.one().fields("X-OriginatorOrg") == ["contoso.com"]


@pytest.mark.parametrize("bdat", [False, True])
def test_xoorg_send(gateway, hop, pki, bdat):
    if not os.path.exists(XOORG):
        pytest.skip("NO xoorg")
    main = hop()
    gw = gateway(base_config(pki, main))
    args = [XOORG, "send", "--from", "u@contoso.com", "--to", "r@contoso.com",
            "--mail-param", "XOORG=contoso.com", "--tls", "verify", "--tls-name",
            "gw.contoso.test", "--trust", pki.ca, "--certificate", pki.exo.cert, "--key",
            pki.exo.key, "--size", "200000", "--count", "5", "--per-connection", "2",
            "--quiet"]
    if bdat:
        args += ["--bdat", "--chunk", "4096"]
    done = subprocess.run(args + ["127.0.0.1:%d" % gw.port()], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    got = main.wait(5, 20)
    assert len({m.id for m in got}) == 5
    assert all(m.fields("X-OriginatorOrg") == ["contoso.com"] for m in got)


def test_xoorg_probe(gateway, hop, pki):
    if not os.path.exists(XOORG):
        pytest.skip("NO xoorg")
    gw = gateway(base_config(pki, hop()))
    done = subprocess.run([XOORG, "probe", "--certificate", pki.exo.cert, "--key",
                           pki.exo.key, "127.0.0.1:%d" % gw.port()], capture_output=True,
                          text=True, timeout=30)
    assert "XOORG" in done.stdout, done.stdout + done.stderr
