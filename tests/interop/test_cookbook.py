# SPDX-License-Identifier: ISC
"""doc/cookbook: its pages show the files that the tests run, and nothing else.

    test_cookbook.py --write        puts the files into the pages"""
import glob
import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
COOKBOOK = os.path.join(os.path.dirname(os.path.dirname(HERE)), "doc", "cookbook")
BLOCK = re.compile(r"(?m)^<!-- file: (\S+) -->\n(.*?)^<!-- end -->$", re.S)
PAGES = sorted(glob.glob(os.path.join(COOKBOOK, "*.md")))


def _read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def _files():
    return sorted(os.path.relpath(os.path.join(at, x), COOKBOOK)
                  for at, _, names in os.walk(COOKBOOK) for x in names
                  if not x.endswith(".md"))


def _shown(file):
    return "```\n%s```\n" % _read(os.path.join(COOKBOOK, file))


def write():
    for page in PAGES:
        text = BLOCK.sub(lambda m: "<!-- file: %s -->\n%s<!-- end -->" % (
            m.group(1), _shown(m.group(1))), _read(page))
        with open(page, "w", encoding="utf-8") as out:
            out.write(text)


@pytest.mark.parametrize("page", PAGES, ids=os.path.basename)
def test_page(page):
    text = _read(page)
    blocks = BLOCK.findall(text)
    assert text.count("<!-- file: ") == len(blocks) == text.count("<!-- end -->")
    for file, shown in blocks:
        assert shown == _shown(file), \
            "%s differs in the page; tests/interop/test_cookbook.py --write" % file
    assert "```" not in BLOCK.sub("", text), "a snippet that no test runs"


def test_every_file_is_shown():
    shown = [file for page in PAGES for file, _ in BLOCK.findall(_read(page))]
    assert sorted(shown) == _files()


def test_placeholders_are_explained():
    table = _read(os.path.join(COOKBOOK, "README.md"))
    for file in _files():
        for name in re.findall(r"@[A-Z_]+@", _read(os.path.join(COOKBOOK, file))):
            assert "`%s`" % name in table, (file, name)


def test_pages_are_listed():
    index = _read(os.path.join(COOKBOOK, "README.md"))
    for page in PAGES:
        name = os.path.basename(page)
        assert name == "README.md" or "[%s](%s)" % (name, name) in index


# --- the gateway beside Exchange (the MTAs' files: test_matrix.py) -----------------------

def _certificates(pki, folder):
    for short, host in (("gw", "gw.contoso.com"), ("exchange", "mail.contoso.com"),
                        ("tenant", "gw-contoso.contoso.com")):
        made = pki.make("cookbook-" + short, host)
        os.symlink(made.cert, os.path.join(folder, short + ".pem"))
        os.symlink(made.key, os.path.join(folder, short + ".key"))


def _gateway(pki, folder, recipe_folder, **more):
    from mta.base import recipe
    from mta.world import Recipe
    from net import free_port
    _certificates(pki, folder)
    values = dict({"USER": "", "CERTS": folder, "TRUST": pki.ca, "LISTEN": "127.0.0.1",
                   "SMTP_PORT": free_port()}, **more)
    return Recipe(recipe("exchange", recipe_folder, "xoorgd.conf", values),
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


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_cookbook.py --write")
    write()
