# SPDX-License-Identifier: ISC
"""EHLO: doc/protocol (b.1), E1 to E14."""
import ssl

import pytest

from harness import Closed, Smtp, base_config, client_context, rows


def _caps(reply):
    return [x.split(" ")[0].upper() for x in reply.lines[1:]]


def test_E1_clear_text(std):
    with std.connect("C") as c:
        assert "STARTTLS" in _caps(c.ehlo_reply)
        assert "XOORG" not in _caps(c.ehlo_reply)


@pytest.mark.parametrize("id, state", rows(("E2-T0", "T"), ("E2-TO", "TO")))
def test_E2(std, id, state):
    with std.connect(state) as c:
        assert "STARTTLS" not in _caps(c.ehlo_reply)
        assert "XOORG" not in _caps(c.ehlo_reply)


@pytest.mark.parametrize("id, case", rows(
    ("E3", "C01"), ("E7", "C02"), ("E8", "C18"), ("E9", "C19")))
def test_announced(std, pki, id, case):
    with Smtp(std.port()) as c:
        reply = c.hello(pki.case(case))
        assert reply.count("XOORG") == 1
        assert reply.has("XOORG") == ""
        assert reply.count("STARTTLS") == 0


@pytest.mark.parametrize("id, case", rows(
    ("E4", "C08"), ("E5-expired", "C06"), ("E5-untrusted-root", "C10"),
    ("E5-codeSigning", "C05")))
def test_bad_chain(std, pki, id, case):
    with Smtp(std.port()) as c:
        c.ehlo()
        c.starttls(pki.case(case))
        c.want("EHLO x", "454 4.7.5")
        assert c.expect_close() == b""


def test_E4_also_to_helo(std, pki):
    with Smtp(std.port()) as c:
        c.ehlo()
        c.starttls(pki.case("C08"))
        c.want("HELO x", "454 4.7.5")
        c.expect_close()


def test_E5_revoked(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), tls__default__crl="hard",
                             tls__default__crl_file=pki.crl("good")))
    with Smtp(gw.port()) as c:
        assert c.hello(pki.exo).count("XOORG") == 1
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.starttls(pki.case("C43"))
        c.want("EHLO x", "454 4.7.5")
        c.expect_close()


def test_E4_untrusted_by_option(gateway, pki, hop):
    main, inbound = hop(), hop()
    config = base_config(pki, main, inbound)
    config.set("peers.exchange-online.bad_certificate", "untrusted")
    gw = gateway(config)
    for case in ("C08", "C06", "C05"):
        with Smtp(gw.port()) as c:
            assert c.hello(pki.case(case)).count("XOORG") == 0
            c.mail("u@contoso.com", "XOORG=contoso.com", want="501")
            c.mail("u@contoso.com")


def test_E6_other_name_self_signed(std, pki):
    cert = pki.make("E6", "client.fabrikam.test", issuer="self")
    with Smtp(std.port()) as c:
        assert c.hello(cert).count("XOORG") == 0
        c.mail("u@contoso.com")


def test_E10_helo_forgets(std):
    with std.connect("X") as c:
        c.want("HELO x", 250)
        c.mail("a@b.example", "XOORG=contoso.com", want="501")
        # and EHLO brings it back
        assert c.ehlo().count("XOORG") == 1


def test_E11_starttls_twice(std):
    with std.connect("X") as c:
        c.want("STARTTLS", 503)
        assert c.is_open()


def test_E12_mail_before_ehlo(std, pki):
    with Smtp(std.port()) as c:
        c.ehlo()
        c.starttls(pki.exo)
        c.want("MAIL FROM:<a@b.example>", "503 5.5.2|503 5.5.1")
        assert c.ehlo().count("XOORG") == 1


def test_E13_bytes_behind_starttls(std):
    with std.connect("C") as c:
        c.send(b"STARTTLS\r\nMAIL FROM:<injected@e.example>\r\nRCPT TO:<r@contoso.com>\r\n")
        words = c.last_words()
        assert [x.code for x in words] == [554] and words[0].enhanced == "5.5.0"
    assert not any(b"injected" in x for x in std.main.lines() + std.inbound.lines())


def test_E14_weak_cipher(std):
    """NULL ciphers: the handshake is refused, or 454 4.7.0 and close."""
    context = client_context(
        versions=(ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2),
        ciphers="eNULL@SECLEVEL=0")
    with std.connect("C") as c:
        c.want("STARTTLS", 220)
        try:
            c.tls(context=context)
            c.want("EHLO x", "454 4.7.0")
            c.expect_close()
        except (ssl.SSLError, Closed, OSError):
            pass
