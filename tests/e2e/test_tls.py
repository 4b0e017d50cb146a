# SPDX-License-Identifier: ISC
"""STARTTLS and TLS: doc/threat-model a.2."""
import socket
import ssl
import subprocess
import time

import pytest

from harness import Closed, Smtp, client_context, rows, simple, wait_until
from net import fin_without_close_notify
from reaction import CLOSED, replies, settled

HANDSHAKE_ERRORS = (ssl.SSLError, OSError, Closed)


@pytest.mark.parametrize("id, state", rows(("T01-C", "C"), ("T01-R", "R")))
def test_T01_injection(std, id, state):
    with std.connect("C") as c:
        if state == "R":
            c.mail()
            c.rcpt()
        c.send(b"STARTTLS\r\nMAIL FROM:<injected@e.example>\r\nRCPT TO:<r@contoso.com>\r\n")
        replies(c, ["554 5.5.0"], CLOSED)
    settled(std, "pipelining")
    assert not any(b"injected" in x for x in std.main.lines() + std.inbound.lines())


def test_T01_one_octet(std):
    with std.connect("C") as c:
        c.send(b"STARTTLS\r\n\x16")
        replies(c, ["554 5.5.0"], CLOSED)
    settled(std, "pipelining")


def test_T02_state_is_forgotten(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.starttls()
        c.want("RCPT TO:<r@contoso.com>", "503 5.5.2")
        c.want("MAIL FROM:<a@example.org>", "503 5.5.2")
        c.want("DATA", "503 5.5.2")
        c.ehlo()
        c.want("RCPT TO:<r@contoso.com>", "503 5.5.1")
        c.deliver(simple())
        assert c.is_open()
    settled(std, "abandoned", "hello-first", "hello-first", "hello-first",
            "command-sequence", n=1)


def test_T03_again(std):
    with std.connect("T") as c:
        assert c.ehlo_reply.count("STARTTLS") == 0
        c.want("STARTTLS", "503 5.5.2")
        assert c.is_open()
    settled(std, "tls-twice")


def test_S03_clear_text_behind_220(std):
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        c.send(b"EHLO x\r\nMAIL FROM:<injected@e.example>\r\n")
        rest = c.expect_close()
        assert b"250" not in rest
    settled(std)
    assert [x["reason"] != "" for x in std.gw.events("tls")] == [True]


def test_T06_fin_without_close_notify(std):
    with std.connect("X") as c:
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: x\r\n\r\nhalf\r\n")
        time.sleep(0.05)
        fin_without_close_notify(c.wire.sock)
        time.sleep(0.2)
    with std.connect("X") as c:
        c.deliver(simple(), xoorg="contoso.com")
    settled(std, "client-gone", n=1)
    half = [m for m in std.main.tries if not m.committed]
    assert all(not m.content for m in half)	# no end of data was sent


def test_T06_close_notify_inside_bdat(std):
    """close_notify in the middle of BDAT, then a clear-text octet."""
    with std.connect("X") as c:
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt()
        c.send(b"BDAT 100 LAST\r\nSubject: x\r\n")
        try:
            c.wire.sock.settimeout(2)
            plain = c.wire.sock.unwrap()
            plain.sendall(b"A")
            plain.settimeout(5)
            assert plain.recv(100) == b""
        except HANDSHAKE_ERRORS:
            pass
    settled(std, "client-gone")


def test_T07_alpn(std):
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        with pytest.raises(HANDSHAKE_ERRORS) as error:
            c.tls(context=client_context(alpn=["http/1.1"]))
            c.ehlo()
        assert "no application protocol" in str(error.value).lower() or \
            "alert" in str(error.value).lower() or "EOF" in str(error.value)
    settled(std)
    assert [x["reason"] for x in std.gw.events("tls")] == ["no application protocol: "
                                                           "during the TLS handshake"]


def test_T07_alpn_smtp(std):
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        c.tls(context=client_context(alpn=["smtp"]))
        c.ehlo()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1],
                         ids=["1.0", "1.1"])
def test_T08_old_versions(std, version):
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        with pytest.raises(HANDSHAKE_ERRORS):
            c.tls(context=client_context(versions=(version, version),
                                         ciphers="ALL@SECLEVEL=0"))
            c.ehlo()
    settled(std)
    assert [x["reason"] for x in std.gw.events("tls")] == ["unsupported protocol: "
                                                           "during the TLS handshake"]


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3],
                         ids=["1.2", "1.3"])
def test_T08_new_versions(std, pki, version):
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        c.tls(context=client_context(pki.exo, versions=(version, version)))
        assert c.ehlo().count("XOORG") == 1
        c.deliver(simple(), xoorg="contoso.com")


def test_T08_minimum(gateway, pki, hop):
    from harness import base_config
    gw = gateway(base_config(pki, hop(), tls__default__minimum="1.3"))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.want("STARTTLS", 220)
        with pytest.raises(HANDSHAKE_ERRORS):
            c.tls(context=client_context(versions=(ssl.TLSVersion.TLSv1_2,) * 2))
            c.ehlo()


@pytest.mark.parametrize("id, drip", rows(("T09", False), ("T10", True)))
def test_handshake_deadline(gateway, pki, hop, id, drip):
    """A half handshake ends by its deadline, not by each read's."""
    from harness import base_config
    gw = gateway(base_config(pki, hop(), limits__handshake_timeout=2))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.want("STARTTLS", 220)
        start = time.monotonic()
        c.send(b"\x16\x03\x01\x02\x00\x01\x00")
        c.wire.sock.settimeout(0.3)
        while time.monotonic() - start < 8:
            try:
                if c.wire.sock.recv(100) == b"":
                    break
            except socket.timeout:
                if drip:
                    try:
                        c.send(b"\x01")
                    except OSError:
                        break
            except OSError:
                break
        took = time.monotonic() - start
        assert took > 1, "closed after %.1f s" % took
    assert wait_until(lambda: gw.events("refused"))
    assert [x["reason"] for x in gw.events("refused")] == ["timeout"]


def test_T11_renegotiation(std, pki):
    """TLS 1.2, `R` of s_client: refused, the session ends or goes on as it was."""
    import os
    r, w = os.pipe()
    process = subprocess.Popen(
        ["openssl", "s_client", "-starttls", "smtp", "-tls1_2", "-crlf", "-connect",
         "127.0.0.1:%d" % std.port()], stdin=r, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    os.close(r)
    try:
        os.write(w, b"EHLO x\n")
        time.sleep(0.5)
        os.write(w, b"R\n")
        time.sleep(0.7)
        try:
            os.write(w, b"EHLO y\n")
            time.sleep(0.3)
        except OSError:
            pass
        os.close(w)
        out = process.communicate(timeout=10)[0]
    finally:
        if process.poll() is None:
            process.kill()
    assert b"RENEGOTIATING" in out
    assert b"no renegotiation" in out.lower() or b"error" in out.lower() or \
        b"alert" in out.lower() or b"closed" in out.lower()
    assert b"XOORG" not in out


def test_no_tls_without_certificate(gateway, pki, hop):
    from harness import base_config
    gw = gateway(base_config(pki, hop(), hop(), listeners__in__tls=None,
                             listeners__in__peers=[]))
    with Smtp(gw.port()) as c:
        assert c.ehlo().count("STARTTLS") == 0
        assert c.cmd("STARTTLS").cls == 5


def test_no_client_ca_list(std):
    """An empty list of CAs is sent, and a certificate is asked for."""
    done = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-tls1_2", "-connect",
         "127.0.0.1:%d" % std.port()], input=b"QUIT\r\n", capture_output=True, timeout=15)
    assert b"No client certificate CA names sent" in done.stdout
    assert b"Client Certificate Types" in done.stdout or \
        b"Requested Signature Algorithms" in done.stdout


def _by_memory(c, cert, version):
    """A handshake whose records are ours to send; (object, in, out) behind the
    server's flight, the client's last flight not yet sent."""
    context = client_context(cert, versions=(version, version))
    inside, outside = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(inside, outside, server_hostname="gw.contoso.test")
    while True:
        try:
            tls.do_handshake()
            return tls, inside, outside
        except ssl.SSLWantReadError:
            c.send(outside.read())
            c.wire.sock.settimeout(5)
            inside.write(c.wire.sock.recv(65536))


@pytest.mark.parametrize("cut", [0, 1, 5, 40, -1, -5, -30, -60])
def test_ehlo_behind_finished(std, pki, cut):
    """TLS 1.3: the client's Finished and its EHLO in one segment, or cut anywhere."""
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        tls, inside, outside = _by_memory(c, pki.exo, ssl.TLSVersion.TLSv1_3)
        tls.write(b"EHLO client.example\r\n")
        flight = outside.read()
        if cut:
            c.send(flight[:cut])
            time.sleep(0.05)
        c.send(flight[cut:])
        got = b""
        while b"XOORG\r\n" not in got:
            try:
                got += tls.read(65536)
            except ssl.SSLWantReadError:
                c.wire.sock.settimeout(5)
                more = c.wire.sock.recv(65536)
                assert more
                inside.write(more)


def test_records_in_one_segment(std, pki):
    """Many TLS records in one segment are all answered."""
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        tls, inside, outside = _by_memory(c, pki.exo, ssl.TLSVersion.TLSv1_3)
        c.send(outside.read())
        tls.write(b"EHLO client.example\r\n")
        c.send(outside.read())
        got = b""

        def read(n):
            nonlocal got
            while got.count(b"\r\n250 ") + got.startswith(b"250 ") < n:
                try:
                    got += tls.read(65536)
                except ssl.SSLWantReadError:
                    c.wire.sock.settimeout(5)
                    more = c.wire.sock.recv(65536)
                    assert more, got
                    inside.write(more)
        read(1)
        for line in (b"NOOP\r\n", b"RSET\r\n", b"NO", b"OP\r\n", b"NOOP\r\nNOOP\r\n"):
            tls.write(line)
        c.send(outside.read())
        read(6)
