# SPDX-License-Identifier: ISC
"""The status server from outside: who is in nobody's way, and when mail should go
elsewhere."""
import signal
import socket
import time
import urllib.error
import urllib.request

from harness import Smtp, base_config, wait_until
from net import free_port


def get(gw, path):
    """(code, body)"""
    try:
        with urllib.request.urlopen("http://%s%s" % (gw.config["status"], path),
                                    timeout=5) as r:
            return r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def with_status(pki, *hops, **changes):
    return base_config(pki, *hops, status="127.0.0.1:%d" % free_port(), **changes)


def hold(gw, n, text=b"GET / HTTP/1.1\r\nHost: loc", source="127.0.0.1"):
    """n connections that begin to ask, and say no more."""
    host, _, port = gw.config["status"].rpartition(":")
    out = []
    for _ in range(n):
        s = socket.create_connection((host, int(port)), 5, (source, 0))
        s.sendall(text)
        out.append(s)
    return out


def test_half_open(gateway, pki, hop):
    """Forty of one address, and a hundred of many more: /healthz answers at once."""
    gw = gateway(with_status(pki, hop(), hop()))
    held = hold(gw, 40)
    begin = time.monotonic()
    assert get(gw, "/healthz") == (200, "ok\n")
    for i in range(20):
        held += hold(gw, 5, source="127.0.1.%d" % (i + 1))
    assert get(gw, "/healthz") == (200, "ok\n")
    assert time.monotonic() - begin < 4
    # Bounded: of one address so many, and the oldest had to go.
    held[0].settimeout(5)
    assert held[0].recv(1) == b""
    for s in held:
        s.close()


def test_one_address_leaves_others_alone(gateway, pki, hop):
    """Who holds many ends his own, and not another's that was here before."""
    gw = gateway(with_status(pki, hop(), hop()))
    first, = hold(gw, 1, source="127.0.0.9")
    held = hold(gw, 60)
    held[0].settimeout(5)
    assert held[0].recv(1) == b""
    first.sendall(b"alhost\r\nConnection: close\r\n\r\n")
    first.settimeout(5)
    assert first.recv(100).startswith(b"HTTP/1.1 200")
    for s in held + [first]:
        s.close()


def test_slow_drip(gateway, pki, hop):
    """An octet a second is no way to stay; tests/unit has the rest."""
    gw = gateway(with_status(pki, hop(), hop()))
    s, = hold(gw, 1)
    s.settimeout(0.1)
    end = time.monotonic() + 40
    while time.monotonic() < end:
        try:
            s.sendall(b"x")
            if s.recv(1000) == b"":
                break
        except socket.timeout:
            time.sleep(0.4)
        except OSError:
            break
    else:
        raise AssertionError("still here after 40 s")
    assert get(gw, "/healthz")[0] == 200


def test_ready_upstream(gateway, pki, hop):
    """The next hop goes and comes back; nobody sends anything in between."""
    main, inbound = hop(), hop()
    gw = gateway(with_status(pki, main, inbound))
    assert wait_until(lambda: get(gw, "/readyz") == (200, "ready\n"), 10)
    address = main.address
    main.stop()
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.cmd("MAIL FROM:<a@contoso.com> XOORG=contoso.com")
        c.cmd("RCPT TO:<b@contoso.com>")
        c.cmd("DATA")
    assert wait_until(lambda: get(gw, "/readyz")[0] == 503, 10)
    assert get(gw, "/readyz")[1] == "upstream main: the last try to connect failed\n"
    assert get(gw, "/healthz") == (200, "ok\n")
    hop(port=int(address.rpartition(":")[2]))
    assert wait_until(lambda: get(gw, "/readyz") == (200, "ready\n"), 25, 0.2)


def test_ready_while_draining(gateway, pki, hop):
    """From SIGTERM on mail should go elsewhere; alive it is until the last session ends."""
    gw = gateway(with_status(pki, hop(), hop()))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        gw.signal(signal.SIGTERM)
        assert wait_until(lambda: get(gw, "/readyz") == (503, "draining\n"), 10)
        assert get(gw, "/healthz") == (200, "ok\n")
        c.cmd("QUIT")
    assert wait_until(lambda: gw.process.poll() is not None, 10)
    gw.stop()


def test_ready_after_reload(gateway, pki, hop):
    """A reload drains the old workers, and is no reason to go elsewhere."""
    gw = gateway(with_status(pki, hop(), hop()))
    with Smtp(gw.port()) as c:
        c.ehlo()
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: gw.events("reload"), 10)
        assert wait_until(lambda: get(gw, "/readyz") == (200, "ready\n"), 10)


def test_ready_expired(gateway, pki, hop):
    own = pki.make("own-expired", "gw.contoso.test", days=(-10, -1))
    gw = gateway(with_status(pki, hop(), hop(), tls__default__certificate=own.cert,
                             tls__default__key=own.key))
    assert wait_until(lambda: get(gw, "/readyz") ==
                      (503, "certificate of default: expired\n"), 10)
    assert get(gw, "/healthz")[0] == 200
