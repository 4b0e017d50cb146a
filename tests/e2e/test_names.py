# SPDX-License-Identifier: ISC
"""Certificate names: doc/protocol (b.4), N1 to N10; the certificate list of the
threat model, a.3, C01 to C47."""
import ssl

import pytest

from harness import Closed, Smtp, base_config, rows, simple
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


def test_C17_and_C22_by_option(gateway, pki, hop):
    config = base_config(pki, hop(), hop())
    config.set("peers.exchange-online.wildcards", True)
    gw = gateway(config)
    assert _verdict(gw.port(), pki.case("C22")) == "trusted"
    for case in ("C23", "C24", "C25", "C26", "C27", "C28", "C29"):
        assert _verdict(gw.port(), pki.case(case)) == "untrusted", case


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


@pytest.mark.parametrize("id, specific, want", rows(
    ("N9-xoorg-on-specific", ["xoorg"], "trusted"),
    ("N9-none-on-specific", [], "untrusted|trusted")))
def test_N9_rights_of_the_specific_entry(gateway, pki, hop, id, specific, want):
    """Design: a session's rights are the union of what its matching peers give;
    `*.x.test` matches no a.x.test unless it is the certificate's own wildcard."""
    gw = gateway(_peers(pki, hop, wide={"names": ["*.x.test"], "rights": ["relay"]},
                        one={"names": ["a.x.test"], "rights": specific or ["relay"]}))
    assert _verdict(gw.port(), pki.make("n9", "a.x.test")) in want.split("|")


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


def test_address_never_gives_xoorg(gateway, pki, hop):
    config = _peers(pki, hop, net={"networks": ["127.0.0.0/8"]})
    try:
        gw = gateway(config)
    except AssertionError as error:		# refused as a configuration: as good
        assert "xoorgd.conf:" in str(error)
        return
    assert _verdict(gw.port(), pki.exo) == "untrusted"


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


def test_V01_no_resumption(std, pki):
    """No ticket, no session id that could be resumed, TLS 1.2 and 1.3."""
    from harness import client_context
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        context = client_context(pki.exo, versions=(version, version))
        session = None
        for _ in range(2):
            with Smtp(std.port()) as c:
                c.ehlo()
                c.want("STARTTLS", 220)
                if session is not None:
                    c.wire.sock = context.wrap_socket(
                        c.wire.sock, server_hostname="gw.contoso.test", session=session)
                else:
                    c.tls(context=context)
                assert c.ehlo().count("XOORG") == 1
                assert not c.wire.sock.session_reused
                session = c.wire.sock.session
                assert session is None or not session.has_ticket
