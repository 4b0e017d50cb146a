# SPDX-License-Identifier: ISC
"""What public scanners say of the running gateway: testssl.sh and sslscan by way
of STARTTLS, nmap's search for open relays, swaks as a stranger. Debian packages;
one that is not there is skipped, and said."""
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest

from harness import Gateway, Hop, base_config
from pki import Pki
from standard import Standard

MINUTES = 5
# testssl.sh calls these by id. A certificate of a test's own authority, for a
# name that is not in DNS, is not what is asked about here.
OLD = ("SSLv2", "SSLv3", "TLS1", "TLS1_1")
BAD = {"LOW", "MEDIUM", "HIGH", "CRITICAL"}
HOLES = ("heartbleed", "CCS", "ticketbleed", "ROBOT", "secure_renego",
         "secure_client_renego", "CRIME_TLS", "POODLE_SSL", "SWEET32", "FREAK", "DROWN",
         "LOGJAM", "BEAST", "LUCKY13", "RC4")


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    env = Standard(Pki(tmp_path_factory.mktemp("pki")))
    yield env
    env.gw.check()
    env.close()


def program(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip("%s is not installed" % name)
    return path


def run(*command, want=(0,)):
    got = subprocess.run(command, capture_output=True, text=True, timeout=MINUTES * 60,
                         errors="replace", stdin=subprocess.DEVNULL)
    assert want is None or got.returncode in want, got.stdout[-3000:] + got.stderr[-1000:]
    return got.stdout


@pytest.fixture(scope="module")
def testssl(gateway, tmp_path_factory):
    """{id: (severity, finding)}"""
    out = tmp_path_factory.mktemp("testssl") / "out.json"
    run(program("testssl"), "--quiet", "--color", "0", "--warnings", "batch", "--fast",
        "--nodns", "none", "--starttls", "smtp", "--protocols",
        "--vulnerable", "--jsonfile", str(out), "127.0.0.1:%d" % gateway.port(), want=None)
    found = {}
    for row in json.loads(out.read_text()):
        found[row["id"]] = (row["severity"], row["finding"])
    return found


def test_testssl_protocols(testssl):
    for name in OLD:
        assert testssl[name][0] not in BAD and "not offered" in testssl[name][1], name
    assert "not offered" not in testssl["TLS1_2"][1]
    assert "not offered" not in testssl["TLS1_3"][1]


def test_testssl_holes(testssl):
    asked = [name for name in HOLES if name in testssl]
    assert len(asked) >= 12, sorted(testssl)
    bad = {name: testssl[name] for name in testssl if testssl[name][0] in BAD and
           not name.startswith("cert")}
    assert bad == {}


def test_sslscan(gateway):
    text = run(program("sslscan"), "--starttls-smtp", "--no-colour", "--xml=-",
               "127.0.0.1:%d" % gateway.port())
    tree = ElementTree.fromstring(text[text.index("<?xml"):])
    enabled = {(x.get("type"), x.get("version")): x.get("enabled")
               for x in tree.iter("protocol")}
    assert enabled["tls", "1.2"] == enabled["tls", "1.3"] == "1"
    for old in (("ssl", "2"), ("ssl", "3"), ("tls", "1.0"), ("tls", "1.1")):
        assert enabled[old] == "0", old
    ciphers = list(tree.iter("cipher"))
    assert ciphers
    for cipher in ciphers:
        assert cipher.get("sslversion") in ("TLSv1.2", "TLSv1.3")
        assert int(cipher.get("bits")) >= 128, cipher.get("cipher")
        assert not re.search("RC4|DES|NULL|EXP|anon|ADH", cipher.get("cipher"))
        assert re.search("GCM|CCM|POLY1305", cipher.get("cipher"))	# no CBC
    assert [x.get("sslversion") for x in tree.iter("heartbleed")
            if x.get("vulnerable") != "0"] == []
    assert "1" not in [x.get("supported") for x in tree.iter("compression")]


def test_nmap(tmp_path):
    """Without a place for strangers' mail nobody relays; what goes to the MTA for
    ordinary mail is that MTA's to judge."""
    nmap = program("nmap")
    hop = Hop()
    gw = Gateway(base_config(Pki(tmp_path / "pki"), hop))
    try:
        out = tmp_path / "out.xml"
        run(nmap, "-n", "-Pn", "-sT", "-p", str(gw.port("in")), "--script",
            "+smtp-open-relay,+smtp-commands", "-oX", str(out), "127.0.0.1")
        said = {x.get("id"): x.get("output") for x in
                ElementTree.parse(out).iter("script")}
        assert "STARTTLS" in said["smtp-commands"]
        assert "XOORG" not in said["smtp-commands"]
        assert "doesn't seem to be an open relay" in said["smtp-open-relay"]
        assert not hop.messages
        gw.check()
        gw.stop()
    finally:
        gw.kill()
        gw.remove()
        hop.stop()


def test_swaks(gateway):
    """A stranger's mail is ordinary mail; his XOORG is refused."""
    swaks = program("swaks")
    gateway.clear()
    run(swaks, "--server", "127.0.0.1:%d" % gateway.port(), "--tls", "--ehlo",
        "stranger.example", "--from", "a@stranger.example", "--to", "r@contoso.com")
    assert len(gateway.inbound.messages) == 1 and not gateway.main.messages
    gateway.clear()
    run(swaks, "--server", "127.0.0.1:%d" % gateway.port(), "--tls", "--ehlo",
        "stranger.example", "--from", "a@stranger.example> XOORG=contoso.com SIZE=<1",
        "--to", "r@contoso.com", want=(23,))
    assert not gateway.messages
