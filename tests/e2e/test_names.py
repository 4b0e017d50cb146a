# SPDX-License-Identifier: ISC
"""Certificate names: doc/protocol (b.4), N1 to N10; the certificate list of the
threat model, a.3, C01 to C59."""
import os
import re
import shutil
import signal
import socket
import ssl
import threading
import urllib.request

import pytest

from harness import Closed, Smtp, base_config, check_config, client_context, free_port, rows, \
    server_context, simple, wait_until
from pki import MATRIX

EXO = "mail.protection.outlook.com"


def _verdict(port, cert):
    """trusted, untrusted, refused (454 to EHLO) or handshake."""
    try:
        with Smtp(port) as c:
            c.ehlo()
            c.starttls(cert)
            reply = c.cmd("EHLO client.example")
            if reply.code == 454:
                assert reply.enhanced == "4.7.5"
                c.expect_close()
                return "refused"
            assert reply.code == 250
            trusted = reply.count("XOORG") == 1
            c.mail("u@contoso.com", "XOORG=contoso.com", want=250 if trusted else 501)
            return "trusted" if trusted else "untrusted"
    except (ssl.SSLError, Closed, ConnectionError) as error:
        return "handshake" if not isinstance(error, AssertionError) else str(error)


@pytest.mark.parametrize("case", [x for x in MATRIX], ids=list(MATRIX))
def test_certificate(std, pki, case):
    want = MATRIX[case][0].split("|")
    got = _verdict(std.port(), pki.case(case))
    assert got in want, "%s: %s" % (case, MATRIX[case][1])
    std.gw.wait_quiet()
    reasons = [x["reason"] for x in std.gw.events("refused")]
    told = [x["because"] for x in std.gw.events("session") if x["tls"]]
    if got == "handshake":
        assert [x["event"] for x in std.gw.events("tls")] == ["tls"]
    elif got == "refused":
        assert reasons == ["tls-certificate"] and "is not valid: " in told[0]
    elif got == "untrusted":
        assert reasons == ["xoorg-not-announced"] and told[0] in (
            "the certificate names none of the configured peers",
            "no client certificate was presented")
    else:
        assert reasons == [] and told[0] == "the certificate names %s and is valid" % EXO
    assert std.messages == []


def _memory(gw):
    """Private memory of the workers, in octets."""
    total = 0
    for pid in gw.workers():
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(x.split()[1]) * 1024 for x in f if x.startswith("Private_"))
    return total


@pytest.mark.parametrize("case", ["C40", "C41"])
def test_big_chains_cost_no_memory(std, pki, case):
    """3000 names, 40 intermediates: no more than 200 KiB each, and given back."""
    if os.environ.get("ASAN_OPTIONS"):
        pytest.skip("a sanitizer keeps what was freed")
    cert = pki.case(case)
    for _ in range(3):
        _verdict(std.port(), cert)
    before = _memory(std.gw)
    for _ in range(10):
        _verdict(std.port(), cert)
    assert _memory(std.gw) - before <= 200 * 1024


def _by_peer(gateway, pki, hop, **settings):
    config = base_config(pki, hop(), hop())
    for name, value in settings.items():
        config.set("peers.exchange-online." + name, value)
    return gateway(config)


def test_C22_by_option(gateway, pki, hop):
    gw = _by_peer(gateway, pki, hop, wildcards=True)
    assert _verdict(gw.port(), pki.case("C22")) == "trusted"
    for case in ("C23", "C24", "C25", "C26", "C27", "C28", "C29", "C53"):
        assert _verdict(gw.port(), pki.case(case)) == "untrusted", case
    # The wildcard may stand in a SAN there, but not for this name.
    assert _verdict(gw.port(), pki.case("C58")) == "refused"


def test_C17_by_option(gateway, pki, hop):
    """A single CN beside a SAN: by `match` only, and never one of two."""
    gw = _by_peer(gateway, pki, hop, match="cn-too")
    for case in ("C17", "C48", "C49"):
        assert _verdict(gw.port(), pki.case(case)) == "trusted", case
    for case in ("C20", "C32", "C33", "C34", "C35", "C50", "C51", "C53", "C54"):
        assert _verdict(gw.port(), pki.case(case)) == "untrusted", case
    # What OpenSSL does not look at: a CN beside a SAN that its issuer permits.
    assert _verdict(gw.port(), pki.case("C57")) == "refused"


@pytest.mark.parametrize("id, how, settings, want", rows(
    ("san", {}, {}, "refused"),
    ("cn", {"san": []}, {}, "refused"),
    ("cn-beside", {"san": ["x.contoso.example"]}, {"match": "cn-too"}, "refused"),
    ("cn-beside-mail", {"san": [], "san_mail": ["a@contoso.example"]},
     {"match": "cn-too"}, "refused"),
    ("cn-wildcard", {"cn": "*.{parent}", "san": []}, {"wildcards": True}, "untrusted"),
    ("wildcard", {"cn": "x.example", "san": ["*.{parent}"]}, {"wildcards": True},
     "refused"),
    ("inside", {"cn": "x.contoso.example", "san": ["x.contoso.example"]},
     {"names": ["x.contoso.example"]}, "trusted"),
    ("inside-cn", {"cn": "x.contoso.example", "san": []},
     {"names": ["x.contoso.example"]}, "trusted"),
    ("inside-wildcard", {"cn": "x.example", "san": ["*.contoso.example"]},
     {"names": ["x.contoso.example"], "wildcards": True}, "trusted")))
def test_constraints_of_the_root(gateway, pki, hop, id, how, settings, want):
    """A root that vouches for contoso.example vouches for no other name."""
    config = base_config(pki, hop(), hop(), tls__default__trust=pki.fenced_ca)
    for name, value in settings.items():
        config.set("peers.exchange-online." + name, value)
    gw = gateway(config)
    cert = pki.make("fenced-" + id, EXO, issuer="nc-root", **dict({"cn": "{n}"}, **how))
    assert _verdict(gw.port(), cert) == want


@pytest.mark.parametrize("eku, want", [
    ("server", {"C01": "trusted", "C02": "trusted", "C03": "refused", "C04": "trusted",
                "C05": "refused"}),
    ("client", {"C01": "trusted", "C02": "refused", "C03": "trusted", "C04": "trusted",
                "C05": "refused"})])
def test_eku_by_peer(gateway, pki, hop, eku, want):
    gw = _by_peer(gateway, pki, hop, eku=eku)
    assert {x: _verdict(gw.port(), pki.case(x)) for x in want} == want


# crl setting, kind of list, case -> verdict
CRL = rows(
    ("soft-good-C01", "soft", "good", "C01", "trusted"),
    ("soft-good-C43", "soft", "good", "C43", "refused"),
    ("hard-good-C01", "hard", "good", "C01", "trusted"),
    ("hard-good-C43", "hard", "good", "C43", "refused"),
    ("soft-missing", "soft", "missing", "C01", "trusted"),
    ("hard-missing", "hard", "missing", "C01", "refused"),
    ("soft-expired", "soft", "expired", "C01", "trusted"),
    ("hard-expired", "hard", "expired", "C01", "refused"),
    ("soft-wrong-key", "soft", "wrong-key", "C01", "trusted"),
    ("hard-wrong-key", "hard", "wrong-key", "C01", "refused"),
)


@pytest.mark.parametrize("id, mode, kind, case, want", CRL)
def test_crl(gateway, pki, hop, id, mode, kind, case, want):
    gw = gateway(base_config(pki, hop(), tls__default__crl=mode,
                             tls__default__crl_file=pki.crl(kind)))
    assert _verdict(gw.port(), pki.case(case)) == want


@pytest.mark.parametrize("id, mode, kind, case, want", CRL)
def test_crl_of_a_peer(gateway, pki, hop, id, mode, kind, case, want):
    """The same by a peer's own lists; its log line says what was tolerated."""
    gw = _by_peer(gateway, pki, hop, crl=mode, crl_file=pki.crl(kind))
    assert _verdict(gw.port(), pki.case(case)) == want

    def told():
        return [x["because"] for x in gw.events("session") if x["tls"]]
    assert wait_until(lambda: len(told()) == 1)
    because = told()[0]
    if want == "refused":
        assert because.endswith("revoked" if case == "C43" else "CRL unusable")
    else:
        assert because.endswith("tolerated") == (kind != "good")


def test_crl_each_peer_by_its_own(gateway, pki, hop):
    """One listener, one stale list: three peers, three opinions."""
    config = _peers(pki, hop,
                    strict={"names": ["strict.test"], "crl": "hard",
                            "crl_file": pki.crl("expired")},
                    mild={"names": ["mild.test"]},
                    none={"names": ["none.test"], "crl": "off"})
    config.set("tls.default.crl", "soft").set("tls.default.crl_file", pki.crl("expired"))
    gw = gateway(config)
    for name, want in (("strict", "refused"), ("mild", "trusted"), ("none", "trusted")):
        assert _verdict(gw.port(), pki.make("crl-" + name, name + ".test")) == want
    # Revoked is revoked by a stale list too, but not to who asks for none.
    for name, want in (("strict", "refused"), ("mild", "refused"), ("none", "trusted")):
        cert = pki.make("crl-revoked-" + name, name + ".test", serial=0x4343)
        assert _verdict(gw.port(), cert) == want


def _crl_metrics(gw):
    with urllib.request.urlopen("http://%s/metrics" % gw.config["status"],
                                timeout=10) as answer:
        return {m[0]: int(m[1]) for m in re.findall(
            r'^xoorg_crl_expiry_seconds\{kind="(\w+)",name="[^"]+"\} (-?\d+)$',
            answer.read().decode(), re.M)}


def test_crl_freshness_is_a_metric(gateway, pki, hop):
    """How long the lists are good, re-read at a reload."""
    day = 86400
    config = base_config(pki, hop(), status="127.0.0.1:%d" % free_port())
    gw = gateway(config)
    assert _crl_metrics(gw) == {}
    # A copy: the file that the configuration names changes under it.
    file = os.path.join(gw.folder, "lists.pem")
    shutil.copy(pki.crl("good"), file)
    config.set("tls.default.crl", "soft").set("tls.default.crl_file", file)
    config.set("peers.exchange-online.crl", "hard")
    config.set("peers.exchange-online.crl_file", pki.crl("good"))
    config.set("upstreams.main.tls", "verify").set("upstreams.main.trust", pki.ca)
    config.set("upstreams.main.crl", "soft")
    config.set("upstreams.main.crl_file", pki.crl("expired"))

    def reload():
        gw.crashes_allowed += 1
        n = gw.log().count("new configuration")
        gw.write(config)
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: gw.log().count("new configuration") > n), gw.log()
    reload()
    assert wait_until(lambda: len(_crl_metrics(gw)) == 3)
    got = _crl_metrics(gw)
    assert 19 * day < got["tls"] <= 20 * day and 19 * day < got["peer"] <= 20 * day
    assert -2 * day < got["upstream"] < 0
    shutil.copy(pki.crl("expired"), file)
    assert _crl_metrics(gw)["tls"] > 0
    reload()
    assert wait_until(lambda: _crl_metrics(gw)["tls"] < 0)


def _peers(pki, hop, **peers):
    config = base_config(pki, hop(), hop())
    config["peers"] = {k: dict({"rights": ["xoorg"]}, **v) for k, v in peers.items()}
    config.set("listeners.in.peers", list(peers))
    return config


# id, configured, how the certificate is made, wildcards, want
NAMES = rows(
    ("N1", EXO, dict(cn=EXO, san=[]), False, "trusted"),
    ("N2", EXO, dict(cn="x.example", san=["MAIL.Protection.Outlook.com"]), False, "trusted"),
    ("N3", EXO, dict(cn="x.example", san=["*.protection.outlook.com"]), True, "trusted"),
    ("N3-default", EXO, dict(cn="x.example", san=["*.protection.outlook.com"]), False,
     "untrusted"),
    ("N4", EXO, dict(cn="x.example", san=["*." + EXO]), True, "untrusted"),
    ("N5", EXO, dict(cn="x.example", san=["*.outlook.com"]), True, "untrusted"),
    ("N6a", EXO, dict(cn=EXO + ".evil.example", san=[EXO + ".evil.example"]), True,
     "untrusted"),
    ("N6b", EXO, dict(cn="evil" + EXO, san=["evil" + EXO]), True, "untrusted"),
    ("N7", EXO, dict(cn=EXO + "\0.evil.example", san=[]), True, "untrusted"),
    ("N8", "*.mail.protection.partner.outlook.cn",
     dict(cn="x.example", san=["*.mail.protection.partner.outlook.cn"]), False, "trusted"),
    ("N8-cn", "*.mail.protection.partner.outlook.cn",
     dict(cn="*.mail.protection.partner.outlook.cn", san=[]), False, "trusted"),
)


@pytest.mark.parametrize("id, configured, how, wildcards, want", NAMES)
def test_names(gateway, pki, hop, id, configured, how, wildcards, want):
    gw = gateway(_peers(pki, hop, p={"names": [configured], "wildcards": wildcards}))
    cert = pki.make("names-" + id, "unused.example", **how)
    assert _verdict(gw.port(), cert) == want


@pytest.mark.parametrize("id, wide, specific, want", rows(
    ("N9-xoorg-on-specific", "relay", "xoorg", "trusted"),
    ("N9-xoorg-on-wide", "xoorg", "relay", "untrusted")))
def test_N9_rights_of_the_specific_entry(gateway, pki, hop, id, wide, specific, want):
    """`*.x.test` matches no a.x.test: it stands for the certificate's own wildcard."""
    gw = gateway(_peers(pki, hop, wide={"names": ["*.x.test"], "rights": [wide]},
                        one={"names": ["a.x.test"], "rights": [specific]}))
    assert _verdict(gw.port(), pki.make("n9", "a.x.test")) == want


def test_N10_two_names(gateway, pki, hop):
    """Both names present: XOORG once, one message goes well."""
    main = hop()
    config = _peers(pki, hop, one={"names": ["a.x.test"]}, two={"names": ["b.x.test"]})
    config.set("upstreams.main.hosts", [main.address])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        reply = c.hello(pki.make("n10", "a.x.test", san=["a.x.test", "b.x.test"]))
        assert reply.count("XOORG") == 1
        c.deliver(simple(), xoorg="contoso.com")
    assert main.one().fields("X-OriginatorOrg") == ["contoso.com"]


def test_address_never_gives_xoorg(pki, hop, tmp_path):
    """Not even as a configuration; with names beside it, by these alone."""
    file = tmp_path / "gw.conf"
    file.write_text(_peers(pki, hop, net={"networks": ["127.0.0.0/8"]}).text())
    code, said = check_config(str(file))
    assert code == 1 and "an address never gives it" in said


def test_address_beside_names(gateway, pki, hop):
    gw = gateway(_peers(pki, hop, net={"networks": ["127.0.0.0/8"], "names": ["a.x.test"]}))
    assert _verdict(gw.port(), pki.exo) == "untrusted"
    assert _verdict(gw.port(), None) == "untrusted"


# V01 to V05: a verdict never outlives its handshake -----------------------------

ATTEMPTS = int(os.environ.get("XOORG_ATTEMPTS", "1000"))


def _foreign_sessions(pki, version):
    """Sessions with a ticket, from another server, to be offered to ours."""
    context = client_context(pki.exo, versions=(version, version))
    server = server_context(pki.gw, client_ca=pki.ca, versions=(version, version))
    a, b = socket.socketpair()

    def serve():
        try:
            tls = server.wrap_socket(b, server_side=True)
            tls.sendall(b"x")
            tls.recv(1)
        except OSError:
            pass
    thread = threading.Thread(target=serve)
    thread.start()
    tls = context.wrap_socket(a, server_hostname="gw.contoso.test")
    tls.recv(1)
    session = tls.session
    tls.close()
    thread.join(10)
    assert session.has_ticket
    return context, session


def _attempt(port, context, session):
    """One session that offers `session`: what was resumed, and what the server gave."""
    with Smtp(port) as c:
        c.ehlo()
        c.want("STARTTLS", 220)
        c.wire.sock = context.wrap_socket(c.wire.sock, server_hostname="gw.contoso.test",
                                          session=session)
        assert c.ehlo().count("XOORG") == 1
        given = c.wire.sock.session
        return c.wire.sock.session_reused, bool(given and given.has_ticket)


def test_V01_no_resumption(std, pki, record_property):
    """0 resumed of 1,000 attempts: with what our server gave before (nothing), and
    with tickets of another server; TLS 1.2 and 1.3."""
    resumed = tickets = attempts = 0
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        foreign, offered = _foreign_sessions(pki, version)
        own = client_context(pki.exo, versions=(version, version))
        with Smtp(std.port()) as c:
            c.ehlo()
            c.starttls(context=own)
            c.ehlo()
            mine = c.wire.sock.session
        for i in range(ATTEMPTS // 2):
            context, session = (own, mine) if i % 2 else (foreign, offered)
            was_resumed, has_ticket = _attempt(std.port(), context, session)
            resumed += was_resumed
            tickets += has_ticket
            attempts += 1
    print("%d attempts: %d resumed, %d tickets given" % (attempts, resumed, tickets))
    record_property("resumed", "%d of %d" % (resumed, attempts))
    assert attempts >= ATTEMPTS - 1 and resumed == 0 and tickets == 0
    results = {x["because"] for x in std.gw.events("session") if x["tls"]}
    assert results == {"the certificate names %s and is valid" % EXO}


def test_V02_second_listener(gateway, pki, hop):
    """What one listener verified is nothing to another, which trusts another CA."""
    one = hop()
    config = base_config(pki, one, one)
    config.set("tls.other", {"certificate": pki.gw.cert, "key": pki.gw.key,
                             "trust": pki.other_ca})
    config.set("listeners.two", dict(config["listeners"]["in"], tls="other",
                                     listen=["127.0.0.1:%d" % free_port()]))
    gw = gateway(config)
    for _ in range(2):
        assert _verdict(gw.port("in"), pki.exo) == "trusted"
        assert _verdict(gw.port("two"), pki.exo) == "refused"
        assert _verdict(gw.port("two"), pki.wrong_ca) == "trusted"
        assert _verdict(gw.port("in"), pki.wrong_ca) == "refused"


def test_V03_constant_verdict(std):
    with std.connect("X") as c:
        for _ in range(10):
            assert c.ehlo().count("XOORG") == 1
            c.deliver(simple(), xoorg="contoso.com")
            c.want("RSET", 250)
    std.main.wait(10)


def test_V05_no_cache_by_address(std, pki):
    assert _verdict(std.port(), pki.exo) == "trusted"
    assert _verdict(std.port(), None) == "untrusted"
    assert _verdict(std.port(), pki.exo) == "trusted"


def test_V04_reload(gateway, pki, hop):
    """An old session keeps its verdict, a new one is judged by the new trust; nothing
    of before helps it."""
    main = hop()
    config = base_config(pki, main, hop())
    gw = gateway(config)
    gw.crashes_allowed = 1
    with Smtp(gw.port()) as old:
        old.hello(pki.exo)
        session = old.wire.sock.session
        old.mail("u@contoso.com", "XOORG=contoso.com")
        config.set("tls.default.trust", pki.other_ca)
        gw.write(config)
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: "new configuration" in gw.log())
        assert wait_until(lambda: _verdict(gw.port(), pki.exo) == "refused")
        assert _verdict(gw.port(), pki.wrong_ca) == "trusted"
        old.rcpt()
        old.data(simple())
        assert main.one().fields("X-OriginatorOrg") == ["contoso.com"]
        context = client_context(pki.exo)
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.want("STARTTLS", 220)
            try:
                c.wire.sock = context.wrap_socket(
                    c.wire.sock, server_hostname="gw.contoso.test", session=session)
            except ValueError:		# of another context: not even offered
                return
            assert c.cmd("EHLO x").matches("454 4.7.5")
