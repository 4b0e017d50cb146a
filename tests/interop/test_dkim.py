# SPDX-License-Identifier: ISC
"""A DKIM signature that was good stays good: across every pair of DATA and BDAT, with
every setting that removes or adds fields, and through a Postfix's queue. The judge is
Debian's dkimpy."""
import importlib
import os
import random
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness import (CAPS, Config, Gateway, Hop, Smtp, base_config, out_config, rows,
                     server_context)
from mta import Missing
from mta.base import unpacked
from mta.world import World, world_folder

SIGNED = [b"from", b"to", b"subject", b"date", b"message-id", b"mime-version", b"content-type",
          b"list-unsubscribe", b"x-empty", b"x-folded", b"x-ms-exchange-senderadcheck"]
BODIES = {
    "plain": b"Hello.\r\n",
    "empty": b"",
    "dots": b".\r\n..\r\n.x\r\n...\r\n\r\n.\r\n",
    "blanks": b"end  \r\n\t\r\n  a  b \r\n\r\n\r\n\r\n",
    "8bit": "Grüße, 会議.\r\n".encode() * 40,
    "long": b"x" * 998 + b"\r\n" + b"." + b"y" * 997 + b"\r\n",
    "large": b"".join(b"%06d.line\r\n.\r\n" % i for i in range(100000)),
}


@pytest.fixture(scope="module")
def dkim():
    try:
        importlib.import_module("authres")
        return importlib.import_module("dkim")
    except ImportError:
        pass
    try:
        root = unpacked("python3-dkim-arc", ("python3-dkim", "python3-authres"))
    except Missing as why:
        pytest.skip("NO DKIM: %s" % why)
    sys.path.append(os.path.join(root, "usr/lib/python3/dist-packages"))
    return importlib.import_module("dkim")


class Signer:
    def __init__(self, dkim):
        self.dkim = dkim
        key = rsa.generate_private_key(65537, 2048)
        self.private = key.private_bytes(serialization.Encoding.PEM,
                                         serialization.PrivateFormat.TraditionalOpenSSL,
                                         serialization.NoEncryption())
        public = key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.record = b"v=DKIM1; k=rsa; p=" + b"".join(public.split(b"\n")[1:-2])

    def sign(self, content, how, more=()):
        header = self.dkim.sign(content, b"s1", b"contoso.com", self.private,
                                canonicalize=tuple(how.encode().split(b"/")),
                                include_headers=SIGNED + list(more))
        return header + content

    def is_good(self, content):
        return self.dkim.verify(content, dnsfunc=lambda name, timeout=5: self.record)


@pytest.fixture(scope="module")
def signer(dkim):
    return Signer(dkim)


def letter(body, number):
    return (b"From:  Somebody <u@contoso.com>  \r\nTO:\tr@contoso.com\r\n"
            b"Subject: =?utf-8?B?R3LDvMOfZQ==?=\r\n\t =?utf-8?B?R3LDvMOfZQ==?=\r\n"
            b"Date: Mon, 15 Jan 2024 10:00:00 +0100\r\nMessage-ID: <dkim-%d@e2e.example>\r\n"
            b"MIME-Version: 1.0\r\nContent-Type: text/plain;\r\n\tcharset=utf-8\r\n"
            b"Content-Transfer-Encoding: 8bit\r\nX-Empty:\r\n"
            b"X-Folded:\r\n one\r\n\ttwo \r\n  three\r\nList-Unsubscribe: <mailto:u@contoso.com>"
            b"\r\nX-MS-Exchange-SenderADCheck: 1\r\n\r\n" % number) + body


def letters(signer):
    number = 0
    for how in ("simple/simple", "relaxed/relaxed", "relaxed/simple"):
        for name, body in BODIES.items():
            number += 1
            yield "%s %s" % (how, name), signer.sign(letter(body, number), how)


def _deliver(c, content, chunked, seed, xoorg="contoso.com"):
    if chunked:
        rng = random.Random(seed)
        at = rng.randrange(len(content))
        c.deliver([content[:at], content[at:]], xoorg=xoorg, params="BODY=8BITMIME",
                  chunked=True)
    else:
        c.deliver(content, xoorg=xoorg, params="BODY=8BITMIME")


def test_the_judge(signer):
    """It says no when it should."""
    for name, content in letters(signer):
        assert signer.is_good(content), name
    content = signer.sign(letter(b"Hello.\r\n", 0), "relaxed/relaxed")
    assert not signer.is_good(content.replace(b"Hello", b"hello"))
    assert not signer.is_good(content.replace(b"Somebody", b"Anybody"))
    content = signer.sign(letter(b"Hello.\r\n", 0), "simple/simple")
    assert not signer.is_good(content.replace(b"TO:\t", b"To: "))


@pytest.mark.parametrize("to", ["DATA", "BDAT"])
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_dkim(pki, signer, tmp_path, by, to):
    caps = [x for x in CAPS if to == "BDAT" or x != "CHUNKING"]
    with Hop(caps=caps) as main, Hop(caps=caps) as inbound:
        gw = Gateway(Config(base_config(pki, main, inbound)), folder=str(tmp_path))
        sent = list(letters(signer))
        try:
            with Smtp(gw.port()) as c:
                c.hello(pki.exo)
                for i, (_, content) in enumerate(sent):
                    _deliver(c, content, by == "BDAT", i)
            gw.check()
            gw.stop()
        finally:
            gw.kill()
        for (name, _), m in zip(sent, main.wait(len(sent))):
            assert m.fields("X-OriginatorOrg") == ["contoso.com"]
            assert signer.is_good(m.content), (name, m.via)
            assert to == "BDAT" or m.via == "data"


# --- settings that remove and add fields -------------------------------------------------

def unsigned(content, fields):
    """Fields that the signature does not cover: on top and amid those that it does."""
    return fields + content.replace(b"\r\nSubject: ", b"\r\n" + fields + b"Subject: ", 1)


def _exchange(pki, to):
    caps = [x for x in CAPS if to == "BDAT" or x != "CHUNKING"] + ["XOORG"]
    return Hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps_tls=caps)


@pytest.mark.parametrize("to", ["DATA", "BDAT"])
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
def test_said_again(pki, signer, gateway, by, to):
    """xoorg = "message": the content is held, and the envelope said again."""
    with _exchange(pki, to) as exchange:
        gw = gateway(out_config(pki, exchange, xoorg="message"))
        sent = list(letters(signer))
        with Smtp(gw.port("out")) as c:
            c.ehlo()
            for i, (_, content) in enumerate(sent):
                _deliver(c, unsigned(content, b"X-OriginatorOrg: contoso.com\r\n"),
                         by == "BDAT", i, xoorg=None)
        assert exchange.lines().count(b"RSET") == len(sent)
        for (name, _), m in zip(sent, exchange.wait(len(sent))):
            assert "XOORG=contoso.com" in m.params()
            assert m.fields("X-OriginatorOrg") == ["contoso.com"]
            assert signer.is_good(m.content), (name, m.via)
            assert to == "BDAT" or m.via == "data"


CROSS = (b"X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"
         b"X-MS-Exchange-CrossPremises-Folded:\r\n one\r\n\ttwo \r\n"
         b"X-MS-Exchange-Organization-AuthAs: Internal\r\n")

# setting, are the CrossPremises fields kept, are they promoted
CROSS_PREMISES = rows(
    ("keep", True, False), ("strip", False, False), ("promote", False, True))


def _named(m, part):
    return [k for k, _ in m.fields() if k.lower().startswith("x-ms-exchange-" + part)]


def _pass_cross_premises(c, signer, by, xoorg):
    sent = list(letters(signer))
    for i, (_, content) in enumerate(sent):
        _deliver(c, unsigned(content, CROSS), by == "BDAT", i, xoorg)
    return sent


def _check_cross_premises(signer, sent, hop, to, kept, promoted):
    for (name, _), m in zip(sent, hop.wait(len(sent))):
        assert len(_named(m, "crosspremises-")) == (4 if kept else 0)
        assert ("X-MS-Exchange-Organization-AuthAs" in
                _named(m, "organization-")) == promoted
        assert signer.is_good(m.content), (name, m.via)
        assert to == "BDAT" or m.via == "data"


@pytest.mark.parametrize("to", ["DATA", "BDAT"])
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
@pytest.mark.parametrize("how, kept, promoted", CROSS_PREMISES)
def test_cross_premises(pki, signer, gateway, how, kept, promoted, by, to):
    caps = [x for x in CAPS if to == "BDAT" or x != "CHUNKING"]
    with Hop(caps=caps) as main:
        config = base_config(pki, main, main)
        gw = gateway(config.set("upstreams.main.cross_premises", how))
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            sent = _pass_cross_premises(c, signer, by, "contoso.com")
        _check_cross_premises(signer, sent, main, to, kept, promoted)


@pytest.mark.parametrize("to", ["DATA", "BDAT"])
@pytest.mark.parametrize("by", ["DATA", "BDAT"])
@pytest.mark.parametrize("how, kept, promoted", CROSS_PREMISES)
def test_cross_premises_out(pki, signer, gateway, how, kept, promoted, by, to):
    """The same on the way to Exchange."""
    with _exchange(pki, to) as exchange:
        gw = gateway(out_config(pki, exchange, xoorg="contoso.com", cross_premises=how))
        with Smtp(gw.port("out")) as c:
            c.ehlo()
            sent = _pass_cross_premises(c, signer, by, None)
        _check_cross_premises(signer, sent, exchange, to, kept, promoted)


# --- what cannot hold: the signature covers a field that does not pass -------------------

ORG, AUTH_AS = b"X-OriginatorOrg: %s", b"X-MS-Exchange-CrossPremises-AuthAs: Internal"
AR = b"Authentication-Results: %s; spf=pass"

# what is signed ("": that there is none), cross_premises, is it good behind us
COVERED = rows(
    ("organization", b"X-MS-Exchange-Organization-SCL: -1", None, False),
    ("forest", b"X-MS-Exchange-Forest-ArrivalHubServer: x", None, False),
    ("our-results", AR % b"gw.contoso.test", None, False),
    ("other-results", AR % b"mx.example.com", None, True),
    ("other-org", ORG % b"fabrikam.com", None, False),
    # removed, and written anew with the same octets
    ("same-org", ORG % b"contoso.com", None, True),
    # RFC 6376 5.4.2: a name in h= without a field vouches that there is none
    ("no-org", b"X-OriginatorOrg", None, False),
    ("cross-keep", AUTH_AS, "keep", True),
    ("cross-strip", AUTH_AS, "strip", False),
    ("cross-promote", AUTH_AS, "promote", False),
    ("no-organization", b"X-MS-Exchange-Organization-AuthAs", "keep", True),
    ("cross-tenant", b"X-MS-Exchange-CrossTenant-Id: 1", None, True),
)


@pytest.mark.parametrize("how", ["simple/simple", "relaxed/relaxed"])
@pytest.mark.parametrize("id, field, setting, good", COVERED)
def test_covered_field(pki, signer, gateway, hop, id, field, setting, good, how):
    main = hop()
    gw = gateway(base_config(pki, main, main).set("upstreams.main.cross_premises", setting))
    content = letter(b"Hello.\r\n", 0)
    if b":" in field:
        content = content.replace(b"\r\nSubject: ", b"\r\n" + field + b"\r\nSubject: ", 1)
    content = signer.sign(content, how, [field.partition(b":")[0].lower()])
    assert signer.is_good(content)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        _deliver(c, content, False, 0)
    m = main.one()
    assert m.body == b"Hello.\r\n"
    assert signer.is_good(m.content) == good


def test_dkim_through_postfix(pki, signer):
    """Gateway, a real queue, next hop."""
    with world_folder("postfix") as folder:
        world = World("postfix", "behind", folder, pki)
        try:
            world.start()
            sent = list(letters(signer))
            with world.connect() as c:
                for i, (_, content) in enumerate(sent):
                    _deliver(c, content, i % 2, i)
            got = {m.id: m for m in world.hop.wait(len(sent), 60)}
            for i, (name, _) in enumerate(sent):
                assert signer.is_good(got["<dkim-%d@e2e.example>" % (i + 1)].content), name
            assert world.mta.is_idle()
        except Missing as why:
            pytest.skip("NO POSTFIX: %s" % why)
        finally:
            world.stop()
