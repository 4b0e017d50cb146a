# SPDX-License-Identifier: ISC
"""doc/cookbook/exchange: the gateway beside Exchange (the MTAs' files: test_matrix.py,
test_relay.py; what the pages show: tests/lint/test_recipes.py)."""
import os


def _certificates(pki, folder):
    for short, host in (("gw", "gw.contoso.com"), ("exchange", "mail.contoso.com"),
                        ("tenant", "gw-contoso.contoso.com")):
        made = pki.make("cookbook-" + short, host)
        os.symlink(made.cert, os.path.join(folder, short + ".pem"))
        os.symlink(made.key, os.path.join(folder, short + ".key"))


def _gateway(pki, folder, recipe_folder, **more):
    from mta.recipes import render, text_of
    from mta.world import Recipe, quoted
    from net import free_port
    _certificates(pki, folder)
    values = dict({"USER": 'user = ""\n', "CERTS": folder, "TRUST": quoted(pki.ca),
                   "LISTEN": quoted("127.0.0.1:%d" % free_port())}, **more)
    return Recipe(render(text_of("exchange/%s/xoorgd.conf" % recipe_folder), values),
                  os.path.join(folder, "gw"))


CROSS = "X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"


def test_exchange_hybrid(pki, tmp_path):
    """Own mail stays internal; the same from a stranger does not."""
    from harness import CAPS, Hop, Smtp, server_context, simple
    server = server_context(pki.make("cookbook-exchange", "mail.contoso.com"),
                            client_ca=pki.ca)
    with Hop(caps=CAPS, tls=server, xoorg_for="gw.contoso.com") as exchange:
        gw = _gateway(pki, str(tmp_path), "hybrid", EXCHANGE="127.0.0.1",
                      EXCHANGE_PORT=exchange.port)
        try:
            with Smtp(gw.port()) as c:
                c.hello(pki.exo)
                c.deliver(simple(CROSS, body="own"), xoorg="contoso.com", chunked=True)
                c.mail("u@contoso.com", "XOORG=evil.example", want="550 5.7.1")
                c.deliver(simple(CROSS, body="no org"))
            with Smtp(gw.port()) as c:
                c.hello()
                c.deliver(simple(CROSS, body="stranger"), "a@elsewhere.example")
            got = {m.body.split()[0]: m for m in exchange.wait(3)}
            gw.check()
            gw.stop()
        finally:
            gw.kill()
    assert "XOORG=contoso.com" in got[b"own"].params()
    assert got[b"own"].fields("X-MS-Exchange-CrossPremises-AuthAs") == ["Internal"]
    for other in (b"no", b"stranger"):
        assert not [x for x in got[other].params() if x.startswith("XOORG")]
        assert got[other].fields("X-MS-Exchange-CrossPremises-AuthAs") == []
        assert got[other].session.certificate is None


def test_exchange_online(pki, tmp_path):
    """The tenant's certificate, no XOORG; nobody but Exchange may use it."""
    from harness import CAPS, Hop, Smtp, server_context, simple
    server = server_context(pki.exo, client_ca=pki.ca)
    with Hop(caps=CAPS, tls=server) as online:
        gw = _gateway(pki, str(tmp_path), "online", EXCHANGE_ONLINE="127.0.0.1",
                      EXCHANGE_ONLINE_PORT=online.port)
        exchange = pki.make("cookbook-exchange", "mail.contoso.com")
        try:
            with Smtp(gw.port()) as c:
                c.hello(exchange)
                c.deliver(simple(CROSS), to="x@elsewhere.example")
                c.mail("u@fabrikam.com", want="550 5.7.1")
            with Smtp(gw.port()) as c:
                c.hello()
                reply = c.cmd("MAIL FROM:<u@contoso.com>")
                if reply.code == 250:
                    reply = c.cmd("RCPT TO:<x@elsewhere.example>")
                assert reply.cls == 5
            m = online.one()
            gw.check()
            gw.stop()
        finally:
            gw.kill()
    assert not [x for x in m.params() if x.startswith("XOORG")]
    assert m.fields("X-MS-Exchange-CrossPremises-AuthAs") == ["Internal"]
    from cryptography import x509
    shown = x509.load_der_x509_certificate(m.session.certificate)
    names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["gw-contoso.contoso.com"]
