# SPDX-License-Identifier: ISC
"""`xoorg probe`, `send` and `sink` against peers that are odd, broken or hostile:
they end, with the right code and one plain sentence."""
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import threading

import pytest

from harness import (CAPS, XOORG, Closed, Do, Smtp, rows, server_context, simple,
                     wait_until)
from net import stored
from pki import EXCHANGE, MATRIX, TRUSTED



def run(*args, timeout=60, **how):
    return subprocess.run([XOORG, *map(str, args)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=timeout, **how)


class Odd:
    """A server that says each of its pieces after one read of the client's."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(8)
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                client = self.socket.accept()[0]
            except OSError:
                return
            try:
                self._talk(client)
            except OSError:
                pass
            client.close()

    def _talk(self, client):
        client.settimeout(20)
        for i, piece in enumerate(self.pieces):
            if i > 0:
                client.recv(4096)
            if callable(piece):
                piece(client)
            else:
                client.sendall(piece)
        while client.recv(4096):
            pass

    def close(self):
        # Wakes up the thread that accepts; closing does not.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(30)


@pytest.fixture
def odd():
    started = []

    def make(*pieces):
        started.append(Odd(*pieces))
        return started[-1].address
    yield make
    for one in started:
        one.close()


def endless(octets):
    def pour(client):
        while True:
            client.sendall(octets)
    return pour


def half_close(client):
    client.sendall(b"220 x\r\n")
    client.shutdown(socket.SHUT_WR)


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def drop(client):
    client.close()


HELLO = (b"220 x ESMTP\r\n", b"250-x\r\n250 STARTTLS\r\n")
# id, what the server says, exit code, what is said of it
PEERS = rows(
    ("http", (b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n",), 3,
     'this is no SMTP reply: "HTTP/1.1 400 Bad Request"'),
    ("garbage", (bytes(range(256)) * 4,), 3, 'this is no SMTP reply: "???'),
    ("tls-at-once", (b"\x16\x03\x01\x02\x00\x01" + b"\0" * 500,), 3, "this is no SMTP reply"),
    ("nothing", (drop,), 3, "the peer closed the connection"),
    ("half-closed", (half_close,), 3, "the peer closed the connection"),
    ("reset", (b"220 x\r\n", reset), 3, ""),
    ("silent", (b"220 x\r\n", b""), 3, "timed out after 2 s"),
    ("refused", (b"554 5.7.1 go away\r\n", b"221 x\r\n"), 1, "554 5.7.1 go away"),
    ("endless-reply", (b"220 x\r\n", endless(b"250-WORD\r\n" * 100)), 3,
     "the reply does not end"),
    ("endless-line", (b"220 x\r\n", endless(b"250-" + b"A" * 10000)), 3,
     "the reply does not end"),
    ("mixed-codes", (b"220 x\r\n", b"250-x\r\n251 y\r\n"), 3,
     'this is no SMTP reply: "251 y"'),
    ("no-starttls", (b"220 x\r\n", b"250 x\r\n", b"221 x\r\n"), None, "STARTTLS"),
    ("tls-refused", HELLO + (b"454 4.7.0 TLS not available\r\n", b"221 x\r\n"), 1,
     "454 4.7.0 TLS not available"),
    ("tls-2xx", HELLO + (b"250 2.0.0 fine\r\n", b"221 x\r\n"), 1, "250 2.0.0 fine"),
    ("injection", HELLO + (b"220 go\r\n250-x\r\n250 XOORG\r\n",), 1,
     "clear text behind its 220"),
    ("tls-garbage", HELLO + (b"220 go\r\n", b"hello, no TLS here\r\n"), 1, "during the TLS handshake"),
    ("tls-dropped", HELLO + (b"220 go\r\n", drop), 1, "during the TLS handshake"),
    ("tls-silent", HELLO + (b"220 go\r\n", b""), 1, "timed out after 2 s"),
)


@pytest.mark.parametrize("command", [
    ("probe",), ("send", "--to", "r@x.test", "--tls", "starttls")], ids=lambda x: x[0])
@pytest.mark.parametrize("id, pieces, code, words", PEERS)
def test_odd_server(odd, command, id, pieces, code, words):
    done = run(*command, "--timeout", 2, odd(*pieces))
    if code is None:			# nothing is wrong with it, but we wanted TLS
        code = 0 if command[0] == "probe" else 1
    assert (done.returncode, done.stderr) == (code, ""), done
    last = done.stdout.strip().split("\n")[-1]
    assert words in last, done.stdout
    if command[0] == "probe":
        assert last.startswith("XOORG was not announced") and last.endswith(".")


def test_no_connection():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))	# and does not listen
        address = "127.0.0.1:%d" % s.getsockname()[1]
        for command in (("probe",), ("send", "--to", "r@x.test")):
            done = run(*command, "--timeout", 2, address)
            assert done.returncode == 3 and "refused" in done.stdout, done


def test_terminal_is_safe(odd):
    """What a server says does not command the terminal."""
    evil = b"\x1b]0;owned\x07\x1b[31m\x9b\0"
    address = odd(b"220 " + evil + b"\r\n", b"250-" + evil + b"\r\n250 " + evil + b"\r\n",
                  b"221 " + evil + b"\r\n")
    for command in (("probe",), ("probe", "--json"), ("send", "--to", "r@x.test")):
        done = subprocess.run([XOORG, *command, "--timeout", "2", address],
                              capture_output=True, timeout=60, stdin=subprocess.DEVNULL)
        assert not re.search(rb"[\0-\x09\x0b-\x1f\x7f-\xff]", done.stdout + done.stderr)


# --- probe: why, and how good the server's certificate is ------------------------------

@pytest.fixture
def exchange(hop, pki):
    def make(cert=None, **how):
        how.setdefault("caps_tls", CAPS + ("XOORG",))
        ca = how.pop("client_ca", pki.ca)
        return hop(tls=server_context(cert or pki.exchange, client_ca=ca), **how)
    return make


def probe(pki, server, *args, cert=None, want=0):
    cert = cert or pki.gw
    done = run("probe", "--json", "--timeout", 20, "--trust", pki.ca, "--tls-name", EXCHANGE,
               "--certificate", cert.cert, "--key", cert.key, *args, server.address)
    assert done.returncode == want, done
    return json.loads(done.stdout)


def _said(report):
    return json.dumps(report)


def test_probe_announced(exchange, pki):
    report = probe(pki, exchange(), "--require-xoorg")
    assert "XOORG was announced: the server accepted our certificate for gw.contoso.test" \
        in _said(report)
    assert "must not be sent" not in _said(report)


@pytest.mark.parametrize("id, case, word", rows(
    ("expired", "C06", "expired"), ("future", "C07", "not yet valid"),
    ("self-signed", "C08", "self-signed"), ("other-ca", "C10", "must not be sent")))
def test_probe_bad_server(exchange, pki, id, case, word):
    """It may announce what it likes: the report says that it must not get XOORG."""
    report = probe(pki, exchange(pki.case(case, EXCHANGE)))
    assert word in _said(report) and "must not be sent here" in _said(report)


def test_probe_wrong_name(exchange, pki):
    assert "does not carry the name mail.contoso.test" in \
        _said(probe(pki, exchange(pki.other_name)))


@pytest.mark.parametrize("id, how, word", rows(
    ("not-known", dict(caps_tls=CAPS), "gives no right to it at this server"),
    ("not-asked", dict(caps_tls=CAPS, client_ca=None), "did not ask for a client certificate"),
    ("before-tls", dict(caps=CAPS + ("XOORG",), caps_tls=CAPS), "only in clear text"),
    ("chain", dict(script={"ehlo2": "454 4.7.5 Certificate validation failure"}),
     "cannot verify the chain")))
def test_probe_says_why_not(exchange, pki, id, how, word):
    report = probe(pki, exchange(**how), "--require-xoorg", want=1)
    assert word in _said(report)


@pytest.mark.parametrize("id, how, words", rows(
    ("good", {}, None), ("for-servers", {"eku": "server"}, "for servers only"),
    ("any", {"eku": "none"}, None), ("ends", {"days": (-80, 5)}, "Our certificate ends soon"),
    ("ended", {"days": (-80, -1)}, "Our certificate ended")))
def test_probe_own_certificate(exchange, pki, id, how, words):
    """What is wrong with ours is told, whatever the server makes of it."""
    own = pki.make("probe-own-" + id, "gw.contoso.test", **how)
    server = exchange()
    done = run("probe", "--json", "--timeout", 20, "--trust", pki.ca, "--tls-name", EXCHANGE,
               "--certificate", own.cert, "--key", own.key, server.address)
    warnings = " ".join(json.loads(done.stdout)["warnings"])
    assert (words in warnings) if words else ("Our certificate" not in warnings)


def test_probe_anybody(exchange, pki):
    server = exchange(client_ca=None)
    done = run("probe", "--trust", pki.ca, "--tls-name", EXCHANGE, server.address)
    assert done.returncode == 0 and "gives it to anybody" in done.stdout


@pytest.mark.parametrize("state", ["ehlo2", "handshake"])
@pytest.mark.parametrize("fault", [Do.rst, Do.fin, Do.stall])
def test_probe_faults_in_tls(exchange, pki, state, fault):
    server = exchange(script={state: fault})
    done = run("probe", "--timeout", 2, "--trust", pki.ca, "--tls-name", EXCHANGE,
               server.address)
    assert done.returncode in (1, 3) and done.stderr == ""
    assert done.stdout.strip().split("\n")[-1].startswith("XOORG was not announced: the ")


# --- send ---------------------------------------------------------------------------------

@pytest.mark.parametrize("id, script, code, words", rows(
    ("mail", {"mail": "550 5.7.1 no"}, 1, "550 5.7.1 no"),
    ("rcpt", {"rcpt": "452 4.5.3 later"}, 1, "452 4.5.3 later"),
    ("data", {"data": "554 5.5.1 no"}, 1, "554 5.5.1 no"),
    ("final", {"final": "451 4.3.0 no"}, 1, "451 4.3.0 no"),
    ("final-fin", {"final": Do.fin}, 3, "closed the connection"),
    ("final-rst", {"final": Do.rst}, 3, ""),
    ("final-stall", {"final": Do.stall}, 3, "timed out after 2 s"),
    ("content-fin", {"content": Do.after(10000, Do.fin)}, 3, ""),
    ("content-stall", {"content": Do.after(10000, Do.stall)}, 3, ""),
    ("data-354-early", {"rcpt": "354 go"}, 1, "354 go")))
def test_send_faults(hop, id, script, code, words):
    """No success is told that the server did not give."""
    server = hop(script=script)
    done = run("send", "--to", "r@x.test", "--size", "30M", "--timeout", 2, server.address)
    assert done.returncode == code, done
    assert words in done.stdout
    assert not server.messages


def test_send_verify(exchange, pki):
    """`verify` says nothing to a server that it cannot verify."""
    for cert, name in ((pki.case("C06", EXCHANGE), EXCHANGE), (pki.exchange, "other.test")):
        server = exchange(cert)
        done = run("send", "--to", "r@x.test", "--tls", "verify", "--trust", pki.ca,
                   "--tls-name", name, server.address)
        assert done.returncode == 1, done
        assert not any(x.startswith(b"MAIL") for x in server.lines())


@pytest.mark.parametrize("args, word", [
    (("send", "x"), "--to is missing"),
    (("send", "--to", "a", "--size", "huge", "x"), "expected a number"),
    (("send", "--to", "a", "--tls", "yes", "x"), "expected none|starttls|verify"),
    (("send", "--to", "a", "--data", "/nonexistent", "x"), "/nonexistent"),
    (("send", "--to", "a", "x:99999"), "HOST[:PORT]"),
    (("probe",), "HOST[:PORT]"), (("probe", "a", "b"), "HOST[:PORT]"),
    (("probe", "--bogus", "a"), "bogus"),
    (("probe", "--certificate", "/nonexistent", "a"), "/nonexistent"),
    (("probe", "--trust", "/nonexistent", "a"), "/nonexistent"),
    (("sink",), "--listen"), (("sink", "--listen", "nowhere"), "nowhere"),
    (("sink", "--listen", "127.0.0.1:0", "--directory", "/nonexistent/x"), "/nonexistent/x"),
    (("sink", "--listen", "127.0.0.1:0", "--refuse", "lunch=550 x"), "lunch"),
    (("check",), "FILE"), (("bogus",), "no such command: 'bogus'"), ((), "COMMAND")])
def test_usage(args, word):
    """2, and what was expected; nothing on standard output."""
    done = run(*args)
    assert (done.returncode, done.stdout) == (2, ""), done
    assert word in done.stderr, done.stderr


# --- sink ---------------------------------------------------------------------------------

@pytest.fixture
def sink(tmp_path, pki):
    folder, port = tmp_path / "mail", tmp_path / "port"
    os.mkdir(folder)
    process = subprocess.Popen(
        [XOORG, "sink", "--listen", "127.0.0.1:0", "--port-file", port, "--directory", folder,
         "--certificate", pki.exchange.cert, "--key", pki.exchange.key, "--trust", pki.ca,
         "--announce-xoorg-to", "mail.protection.outlook.com", "--timeout", "5"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert wait_until(lambda: port.exists() and port.read_text())
    process.folder, process.port = folder, int(port.read_text())
    yield process
    assert process.poll() is None
    process.terminate()
    said = process.communicate(timeout=10)[0]
    assert process.returncode == 0 and b"Sanitizer" not in said, said


def _kept(sink):
    return stored(sink.folder, ".eml")


def test_sink_odd_clients(sink, pki):
    """Whatever others do to it, the next one is served, and only whole mail kept."""
    def raw(*pieces):
        s = socket.create_connection(("127.0.0.1", sink.port), 10)
        s.settimeout(10)
        s.recv(1000)
        for piece in pieces:
            s.sendall(piece)
        return s
    begin = b"EHLO x\r\nMAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n"
    held = [
        raw(bytes(range(256)) * 20), raw(b"\x16\x03\x01\x02\0\x01" + b"\0" * 600),
        raw(b"A" * 100000), raw(b"\0\r\n" * 100), raw(begin + b"DATA\r\nSubject: x\r\n\r\nhalf"),
        raw(begin + b"BDAT 99999999999999999999 LAST\r\nx"), raw(begin + b"BDAT 100\r\nhalf"),
        raw(b"EHLO x\r\nSTARTTLS\r\n" + begin + b"DATA\r\nx\r\n.\r\n"),
        raw(b"EHLO x\r\nSTARTTLS\r\n", b"no handshake at all\r\n"), raw()]
    for s in held[::2]:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    with Smtp(sink.port) as c:
        assert c.hello(pki.exo).count("XOORG") == 1
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.rcpt()
        c.data(simple())
    for s in held[1::2]:
        s.close()
    assert len(_kept(sink)) == 1


@pytest.mark.parametrize("id, case, announced", rows(
    ("good", "C01", 1), ("none", "C47", 0), ("expired", "C06", 0), ("other-ca", "C10", 0),
    ("other-name", "C17", 0)))
def test_sink_announces_to(sink, pki, id, case, announced):
    """As an Exchange receive connector: the chain and the name, or no XOORG."""
    with Smtp(sink.port) as c:
        c.ehlo()
        try:
            c.starttls(pki.case(case))
            reply = c.cmd("EHLO x")
        except (ssl.SSLError, OSError):
            reply = None
        assert (reply.count("XOORG") if reply and reply.code == 250 else 0) == announced


# A CN never counts for the tool.
BY_CN = ("C19", "C52")


@pytest.mark.parametrize("row", sorted(MATRIX))
def test_sink_judges_as_the_gateway(sink, pki, row):
    """The one reading of certificates: what the gateway does not trust is no right here."""
    want = MATRIX[row][0] == TRUSTED and row not in BY_CN
    with Smtp(sink.port) as c:
        c.ehlo()
        try:
            c.starttls(pki.case(row))
            reply = c.cmd("EHLO x")
        except (ssl.SSLError, OSError, Closed):
            reply = None
        assert bool(reply and reply.code == 250 and reply.count("XOORG")) == want


def test_sink_cannot_listen():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen(1)
        done = run("sink", "--listen", "127.0.0.1:%d" % s.getsockname()[1])
    assert done.returncode == 3 and "in use" in done.stderr + done.stdout
