# SPDX-License-Identifier: ISC
"""To Exchange: doc/protocol (b.5), C1 to C10, and the rest of that direction:
the certificate that is shown, whose it is, and what is demanded of the server."""
import ssl

import pytest

from harness import (CAPS, Do, Smtp, check_config, expect, out_config, rows,
                     server_context, simple, wait_until)
from pki import MATRIX

SERVER = "mail.contoso.test"
NO_SIZE = tuple(x for x in CAPS if not x.startswith("SIZE"))


def anonymous_context():
    """A server that has no certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("aNULL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


@pytest.fixture
def exchange(pki, hop):
    """A factory of Exchange stand-ins: TLS, asks for a client certificate."""
    def make(cert=None, context=None, **how):
        how.setdefault("caps_tls", CAPS + ("XOORG",))
        context = context or server_context(cert or pki.exchange, client_ca=pki.ca)
        return hop(tls=context, **how)
    return make


def _send(gw, sender="u@contoso.com", to="r@contoso.com", want=250, params="", **how):
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail(sender, params)
        got = c.cmd("RCPT TO:<%s>" % to)
        if got.code == 250:
            return c.data(simple(**how), want)
        return expect(got, want)


def _xoorg(message):
    return [x for x in message.params() if x.upper().startswith("XOORG")]


@pytest.mark.parametrize("id, caps", rows(
    ("C1", CAPS + ("XOORG",)), ("C2", ("xoorg whatever",) + CAPS)))
def test_announced(gateway, pki, exchange, id, caps):
    ex = exchange(caps_tls=caps)
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", require_xoorg=True))
    _send(gw, params="SIZE=1000")
    m = ex.one()
    assert _xoorg(m) == ["XOORG=contoso.com"]
    size, = [x for x in m.params() if x.startswith("SIZE=")]
    assert m.params().index(size) < m.params().index("XOORG=contoso.com")
    assert m.session.tls and m.session.certificate_ok
    assert m.sender == "u@contoso.com" and m.recipients == ["r@contoso.com"]


def test_U07_C3_only_before_tls(gateway, pki, exchange):
    ex = exchange(caps=CAPS + ("XOORG",), caps_tls=CAPS)
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", require_xoorg=False))
    _send(gw)
    assert _xoorg(ex.one()) == []


def test_C3_required(gateway, pki, exchange):
    ex = exchange(caps=CAPS + ("XOORG",), caps_tls=CAPS)
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", require_xoorg=True))
    _send(gw, want="4xx")
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


def test_C4_not_announced(gateway, pki, exchange):
    ex = exchange(caps_tls=CAPS)
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", require_xoorg=False))
    _send(gw)
    assert _xoorg(ex.one()) == []


def test_C5_required(gateway, pki, exchange):
    """The next host; only when none has it, 451 5.7.3."""
    ex, second = exchange(caps_tls=CAPS), exchange()
    gw = gateway(out_config(pki, ex, second, xoorg="contoso.com", require_xoorg=True))
    _send(gw)
    assert _xoorg(second.one()) == ["XOORG=contoso.com"]
    assert not any(x.startswith(b"MAIL") for x in ex.lines())
    second.caps_tls = list(CAPS)
    second.cut_all(False)
    gw2 = gateway(out_config(pki, ex, second, xoorg="contoso.com", require_xoorg=True))
    _send(gw2, want="451 5.7.3|451 4.7.3")
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


@pytest.mark.parametrize("id, require, want", rows(("C6-required", True, "4xx"),
                                                   ("C6-without", False, "250")))
def test_C6_helo(gateway, pki, exchange, id, require, want):
    ex = exchange(script={"ehlo2": "502 5.5.1 no EHLO"})
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", require_xoorg=require))
    _send(gw, want=want)
    if require:
        assert ex.tries == []
    else:
        m = ex.one()
        assert m.params() == []


def test_C7_bad_value(pki, hop, tmp_path):
    file = tmp_path / "x.conf"
    file.write_text(out_config(pki, hop(), xoorg="bad domain").text())
    code, said = check_config(str(file))
    assert code == 1 and "x.conf:" in said


# As a server's: a client's usage is none, a CN is no name, one label may be `*`.
SERVER_GOOD = {"C01", "C02", "C04", "C11", "C18", "C22", "C30", "C39", "C42", "C43", "C44",
               "C45", "C46"}
# C58: a server's wildcard counts, but this one's issuer excludes the name.


@pytest.mark.parametrize("case", list(MATRIX))
def test_C8_U03_server_certificate(gateway, pki, exchange, case):
    """The list as server certificates: 451 for all but the good ones, and a line in
    the log that says why."""
    if case == "C47":			# none at all: an anonymous key exchange
        ex = exchange(context=anonymous_context())
    else:
        ex = exchange(pki.case(case, SERVER))
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, want="250" if case in SERVER_GOOD else "451 4.7.5")
    if case in SERVER_GOOD:
        assert len(ex.messages) == 1
        return
    assert not any(x.startswith(b"MAIL") for x in ex.lines())

    def reasons():
        return [x["reason"] for kind in ("message", "refused") for x in gw.events(kind)]
    assert wait_until(reasons) == ["upstream-tls"], gw.log()


@pytest.mark.parametrize("id, how, want", rows(
    ("san", {}, "451 4.7.5"),
    ("wildcard", {"san": ["*.contoso.test"]}, "451 4.7.5"),
    ("cn", {"san": ["x.contoso.example"]}, "451 4.7.5"),
    ("inside", {"name": "mail.contoso.example"}, "250")))
def test_U03_constraints_of_the_root(gateway, pki, exchange, id, how, want):
    """The name that is demanded has to be one that all of the chain permit."""
    name = how.get("name", SERVER)
    san = how.get("san", ["{n}"])
    ex = exchange(pki.make("fenced-server-" + id, name, issuer="nc-root", san=san))
    gw = gateway(out_config(pki, ex, tls_name=name, trust=pki.fenced_ca))
    _send(gw, want=want)
    assert len(ex.messages) == (want == "250")


@pytest.mark.parametrize("id, mode, kind, case, want", rows(
    ("soft-good", "soft", "good", "C01", "250"),
    ("soft-revoked", "soft", "good", "C43", "451 4.7.5"),
    ("soft-missing", "soft", "missing", "C01", "250"),
    ("soft-expired", "soft", "expired", "C01", "250"),
    ("soft-wrong-key", "soft", "wrong-key", "C01", "250"),
    ("hard-good", "hard", "good", "C01", "250"),
    ("hard-revoked", "hard", "good", "C43", "451 4.7.5"),
    ("hard-missing", "hard", "missing", "C01", "451 4.7.5"),
    ("hard-expired", "hard", "expired", "C01", "451 4.7.5"),
    ("hard-wrong-key", "hard", "wrong-key", "C01", "451 4.7.5")))
def test_U03_C43_server_lists(gateway, pki, exchange, id, mode, kind, case, want):
    ex = exchange(pki.case(case, SERVER))
    gw = gateway(out_config(pki, ex, xoorg="contoso.com", crl=mode,
                            crl_file=pki.crl(kind)))
    _send(gw, want=want)
    assert len(ex.messages) == (want == "250")


@pytest.mark.parametrize("id, cert", rows(("C8-other-name", "other_name"),
                                          ("C8-other-ca", "wrong_ca_exchange")))
def test_C8_wrong_name(gateway, pki, exchange, id, cert):
    ex = exchange(getattr(pki, cert))
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, want="451 4.7.5|451 5.7.5|451")
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


def test_C8_encrypt_only(gateway, pki, exchange):
    """`encrypt` takes any certificate, and so gets no XOORG."""
    ex = exchange(pki.wrong_ca_exchange)
    gw = gateway(out_config(pki, ex, tls="encrypt", tls_name=None, trust=None,
                            client_certificate=None, client_key=None))
    _send(gw)
    assert _xoorg(ex.one()) == [] and ex.one().session.certificate is None


def test_C8_encrypt_with_xoorg_is_no_configuration(pki, hop, tmp_path):
    file = tmp_path / "x.conf"
    file.write_text(out_config(pki, hop(), tls="encrypt", tls_name=None, trust=None,
                               client_certificate=None, client_key=None,
                               xoorg="contoso.com").text())
    code, said = check_config(str(file))
    assert code == 1 and "x.conf:" in said


def test_C9_501_is_final(gateway, pki, exchange):
    ex = exchange(script={"mail": "501 5.5.4 Invalid arguments"})
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, want="501 5.5.4")
    assert sum(x.startswith(b"MAIL") for x in ex.lines()) == 1


def test_C10_reused_connection(gateway, pki, exchange):
    ex = exchange()
    gw = gateway(out_config(pki, ex, xoorg="tenant", client_certificate=None,
                            client_key=None))
    _send(gw, "u@contoso.com")
    _send(gw, "u@nobody.example")
    _send(gw, "u@fabrikam.com", "r@fabrikam.com")
    a, b, c = ex.wait(3)
    assert _xoorg(a) == ["XOORG=contoso.com"]
    assert _xoorg(b) == []
    assert _xoorg(c) == ["XOORG=fabrikam.com"]


def test_connection_is_kept(gateway, pki, exchange):
    ex = exchange()
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    for _ in range(5):
        _send(gw)
    assert len({id(m.session) for m in ex.wait(5)}) == 1


# --- the certificate that is shown ---------------------------------------------

def _names(message):
    from cryptography import x509
    cert = x509.load_der_x509_certificate(message.session.certificate)
    return cert.extensions.get_extension_for_class(
        x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)


def test_certificate_of_the_upstream(gateway, pki, exchange):
    ex = exchange()
    _send(gateway(out_config(pki, ex, xoorg="contoso.com")))
    assert _names(ex.one()) == ["gw.contoso.test"]


def test_chain_is_sent(gateway, pki, exchange):
    """The hop trusts the root alone, so the intermediate must have come."""
    ex = exchange()
    _send(gateway(out_config(pki, ex)))
    assert ex.one().session.certificate_ok


def _tenant_config(pki, *hops, **how):
    return out_config(pki, *hops, client_certificate="tenant", client_key=None,
                      xoorg="tenant", **how)


def test_tenant_certificate(gateway, pki, exchange):
    """Chosen by the envelope sender's domain; connections are not shared."""
    ex = exchange()
    gw = gateway(_tenant_config(pki, ex))
    for _ in range(2):
        _send(gw, "u@contoso.com", "x@elsewhere.example")
        _send(gw, "U@FABRIKAM.example", "x@elsewhere.example")
    got = ex.wait(4)
    assert [_names(m) for m in got] == [["contoso.test"], ["fabrikam.test"]] * 2
    assert [_xoorg(m) for m in got] == [["XOORG=contoso.com"], ["XOORG=fabrikam.com"]] * 2
    assert got[0].session is got[2].session and got[1].session is got[3].session


def test_tenant_unknown_sender(gateway, pki, exchange):
    ex = exchange()
    gw = gateway(_tenant_config(pki, ex))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        got = c.cmd("MAIL FROM:<u@nobody.example>")
        if got.code == 250:
            got = c.cmd("RCPT TO:<r@contoso.com>")
        assert got.cls in (4, 5)
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


def test_tenant_null_sender(gateway, pki, exchange):
    """Told apart by the first recipient's domain, never by a wrong certificate."""
    ex = exchange()
    gw = gateway(_tenant_config(pki, ex))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail("")
        got = c.cmd("RCPT TO:<r@fabrikam.com>")
        if got.code == 250:
            c.data(simple())
            assert _names(ex.one()) == ["fabrikam.test"]
        else:
            assert got.cls in (4, 5)


# --- to Exchange Online ------------------------------------------------------------

def test_no_xoorg_configured(gateway, pki, exchange):
    ex = exchange()
    _send(gateway(out_config(pki, ex)))
    assert _xoorg(ex.one()) == []


def test_stranger_may_not_use_it(gateway, pki, exchange):
    config = out_config(pki, exchange())
    config.set("peers.local-mta.networks", ["127.0.0.1/32"])
    gw = gateway(config)
    with Smtp(gw.port("out"), source="127.0.0.2") as c:
        c.ehlo()
        c.want("MAIL FROM:<u@contoso.com>", "550 5.7.1|554|530")


# --- towards a server that cheats ---------------------------------------------------

def test_U01_response_injection(gateway, pki, exchange):
    ex = exchange(script={"starttls": b"220 go\r\n250-hop\r\n250 XOORG\r\n"})
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, want="4xx")
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


def test_U02_no_starttls(gateway, pki, hop):
    plain = hop()
    for level in ("verify", "encrypt"):
        how = {} if level == "verify" else dict.fromkeys(
            ("client_certificate", "client_key", "trust", "tls_name"))
        gw = gateway(out_config(pki, plain, tls=level, **how))
        _send(gw, want="451 4.7.5|451")
    assert not any(x.startswith(b"MAIL") for x in plain.lines())


@pytest.mark.parametrize("id, script", rows(
    ("454", {"starttls": "454 4.7.0 not now"}),
    ("250", {"starttls": "250 2.0.0 ok"}),
    ("501", {"starttls": "501 5.5.4 no"}),
    ("garbage", {"handshake": b"\x15\x03\x01\x00\x02\x02\x28garbage"}),
    ("rst", {"handshake": Do.rst}),
    ("fin", {"handshake": Do.fin})))
def test_U02_refused_tls(gateway, pki, exchange, id, script):
    ex = exchange(script=script)
    gw = gateway(out_config(pki, ex))
    _send(gw, want="4xx")
    assert not any(x.startswith(b"MAIL") for x in ex.lines())


def test_TLS13_certificate_refused_late(gateway, pki, hop):
    """A server that refuses our certificate says so after our Finished."""
    import ssl
    context = server_context(pki.exchange)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki.other_ca)
    ex = hop(tls=context, caps_tls=CAPS + ("XOORG",))
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, want="4xx")
    assert ex.tries == []


def test_cross_premises_on_the_way_out(gateway, pki, exchange):
    """What our own MTA hands in never carries the wall's names outwards, unless
    the upstream is set so."""
    ex = exchange()
    gw = gateway(out_config(pki, ex, xoorg="contoso.com"))
    _send(gw, header="X-MS-Exchange-Organization-AuthAs: Internal\r\n"
          "X-OriginatorOrg: evil.example\r\n")
    m = ex.one()
    assert m.fields("X-MS-Exchange-Organization-AuthAs") == []
    assert "evil.example" not in m.fields("X-OriginatorOrg")
