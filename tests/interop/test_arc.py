# SPDX-License-Identifier: ISC
"""The gateway seals no ARC set (RFC 8617), and breaks none: a chain that verified in
front verifies behind it, whatever the wall removed beside. The judge is dkimpy."""
import pytest

from harness import CAPS, Config, Gateway, Hop, Smtp, base_config
from test_dkim import BODIES, dkim, letter, signer		# noqa: F401

SEALER = b"mx.sealer.example"
FORGED = (b"X-OriginatorOrg: evil.example\r\nX-MS-Exchange-Organization-SCL: -1\r\n"
          b"Authentication-Results: gw.contoso.test; x-xoorg=pass\r\n")


def seal(dkim, signer, content, n):		# noqa: F811
    """With a chain of n sets."""
    for i in range(n):
        results = b"Authentication-Results: %s; spf=pass%s\r\n" % (
            SEALER, b"; arc=pass" if i > 0 else b"")
        fields = dkim.arc_sign(results + content, b"s1", b"sealer.example", signer.private,
                               SEALER, include_headers=[b"from", b"to", b"subject", b"date"])
        assert len(fields) == 3
        content = b"".join(fields) + content
    return content


def chain(dkim, signer, content):		# noqa: F811
    cv, _, why = dkim.arc_verify(content, dnsfunc=lambda name, timeout=5: signer.record)
    return cv, why


def test_the_judge(dkim, signer):		# noqa: F811
    content = seal(dkim, signer, letter(b"Hello.\r\n", 1), 2)
    assert chain(dkim, signer, content)[0] == b"pass"
    assert chain(dkim, signer, content.replace(b"Hello", b"hello"))[0] == b"fail"
    assert chain(dkim, signer, content.replace(b"i=1", b"i=3"))[0] == b"fail"


@pytest.mark.parametrize("to", ["DATA", "BDAT"])
@pytest.mark.parametrize("xoorg", [True, False], ids=["verified", "ordinary"])
def test_chain(pki, dkim, signer, tmp_path, xoorg, to):		# noqa: F811
    caps = [x for x in CAPS if to == "BDAT" or x != "CHUNKING"]
    sent = [seal(dkim, signer, letter(body, i), n) for i, (name, body) in enumerate(BODIES.items())
            for n in (1, 3) if name != "large"]
    with Hop(caps=caps) as main, Hop(caps=caps) as inbound:
        gw = Gateway(Config(base_config(pki, main, inbound)), folder=str(tmp_path))
        try:
            with Smtp(gw.port()) as c:
                c.hello(pki.exo)
                for content in sent:
                    c.deliver(FORGED + content, params="BODY=8BITMIME",
                              xoorg="contoso.com" if xoorg else None)
            gw.check()
            gw.stop()
        finally:
            gw.kill()
        for m in (main if xoorg else inbound).wait(len(sent)):
            assert chain(dkim, signer, m.content)[0] == b"pass", chain(dkim, signer, m.content)
            assert b"evil.example" not in m.content
            assert len(m.fields("ARC-Seal")) in (1, 3)
