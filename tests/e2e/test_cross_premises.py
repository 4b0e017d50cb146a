# SPDX-License-Identifier: ISC
"""Cross-premises headers: keep, strip, promote; and the three things that make a mail
internal (doc/protocol 5.5, 5.6, b.3): certificate, XOORG, headers."""
import json
import os
import signal
import subprocess

import pytest

from harness import (CAPS, XOORG, Smtp, base_config, demote_as_trusted, out_config, rows,
                     server_context, simple, wait_until)
from net import stored

FIELDS = ("X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"
          "X-MS-Exchange-CrossPremises-AuthMechanism: 04\r\n"
          "X-MS-Exchange-CrossPremises-BCC:\r\n"
          "X-MS-Exchange-CrossPremises-SCL: 1\r\n"
          "x-ms-exchange-crosspremises-scl: -1\r\n"
          "X-MS-Exchange-Organization-AuthAs: Anonymous\r\n")


def names(m, part):
    return [(k.lower().partition(part)[2], v.strip().decode()) for k, v in m.fields()
            if k.lower().startswith("x-ms-exchange-" + part)]


@pytest.fixture
def into(gateway, pki, hop):
    """Mail from Exchange Online; the upstream has cross_premises = `how`."""
    def make(how, mode="enforce"):
        one = hop()
        config = base_config(pki, one, one)
        if how is not None:
            config.set("upstreams.main.cross_premises", how)
            config.set("upstreams.inbound.cross_premises", how)
        config.set("listeners.in.mode", mode)
        return gateway(config), one
    return make


def come_in(gw, pki, who, header=FIELDS):
    xoorg = {"verified": "contoso.com", "unknown": "fabrikam.com"}.get(who)
    with Smtp(gw.port()) as c:
        c.hello(None if who == "stranger" else pki.exo)
        c.deliver(simple(header), xoorg=xoorg)


# setting, who, are they kept, are they promoted
IN = rows(
    ("default-verified", None, "verified", True, False),
    ("keep-verified", "keep", "verified", True, False),
    ("strip-verified", "strip", "verified", False, False),
    ("promote-verified", "promote", "verified", False, True),
    ("default-no-org", None, "no-org", False, False),
    ("keep-no-org", "keep", "no-org", False, False),
    ("promote-no-org", "promote", "no-org", False, False),
    ("default-stranger", None, "stranger", False, False),
    ("keep-stranger", "keep", "stranger", False, False),
    ("promote-stranger", "promote", "stranger", False, False),
)


@pytest.mark.parametrize("id, how, who, kept, promoted", IN)
def test_in(into, pki, id, how, who, kept, promoted):
    gw, one = into(how)
    come_in(gw, pki, who)
    m = one.one()
    cross, organization = names(m, "crosspremises-"), names(m, "organization-")
    assert len(cross) == (5 if kept else 0), cross
    ours = {("cross-premises-headers-" + x, "gw.contoso.test") for x in ("promoted", "processed")}
    assert promoted or not ours & set(organization)
    organization = [x for x in organization if x not in ours]
    if promoted:			# the last of a name wins, the forged one is gone
        assert organization == [("authas", "Internal"), ("authmechanism", "04"), ("bcc", ""),
                                ("scl", "-1")]
    else:
        assert organization == []
    assert bool(m.fields("X-CrossPremisesHeadersPromoted")) == promoted
    assert bool(m.fields("X-CrossPremisesHeadersFiltered")) == (not kept)
    for name in ("X-CrossPremisesHeadersPromoted", "X-CrossPremisesHeadersFiltered"):
        assert all("gw.contoso.test" in x for x in m.fields(name))
    event = gw.event()
    assert event.get("promoted") == ("4" if promoted else None)
    assert ("cross-premises:" in event.get("removed", "")) == (not kept)


@pytest.mark.parametrize("how", (None, "keep", "promote"))
def test_in_unknown_org_observed(into, pki, how):
    """H7: another tenant's value, let through to be looked at, is no trust."""
    gw, one = into(how, "observe")
    come_in(gw, pki, "unknown")
    m = one.one()
    assert names(m, "crosspremises-") == [] and names(m, "organization-") == []


@pytest.mark.parametrize("who", ("verified", "stranger"))
def test_H10_processed(into, pki, who):
    """Nobody suppresses the promotion from outside, or claims it."""
    gw, one = into("promote")
    come_in(gw, pki, who, "X-MS-Exchange-Organization-Cross-Premises-Headers-Processed: x\r\n"
            "X-MS-Exchange-CrossPremises-Cross-Premises-Headers-Promoted: x\r\n"
            "X-CrossPremisesHeadersPromoted: forged\r\n" + FIELDS)
    m = one.one()
    got = [k for k, v in names(m, "organization-") if v != "gw.contoso.test"]
    assert got == (["authas", "authmechanism", "bcc", "scl"] if who == "verified" else [])
    # a trace field is nobody's proof; ours says what we did
    assert ("gw.contoso.test" in m.fields("X-CrossPremisesHeadersPromoted")) == \
        (who == "verified")


def test_H11_attached(into, pki):
    gw, one = into("promote")
    with Smtp(gw.port()) as c:
        c.hello(None)
        c.deliver(simple("MIME-Version: 1.0\r\nContent-Type: message/rfc822\r\n",
                         FIELDS + "\r\nattached\r\n"))
    assert one.one().body == (FIELDS + "\r\nattached\r\n").encode()


# --- out -------------------------------------------------------------------------------

# setting, who sends, XOORG announced, are they kept
OUT = rows(
    ("default-ours", None, "127.0.0.1", True, False),
    ("keep-ours", "keep", "127.0.0.1", True, True),
    ("keep-ours-no-xoorg", "keep", "127.0.0.1", False, False),
    ("strip-ours", "strip", "127.0.0.1", True, False),
    ("keep-stranger", "keep", "127.0.0.9", True, False),
    ("promote-stranger", "promote", "127.0.0.9", True, False),
)


@pytest.mark.parametrize("id, how, source, announced, kept", OUT)
def test_out(gateway, pki, hop, id, how, source, announced, kept):
    ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca),
             caps_tls=CAPS + (("XOORG",) if announced else ()))
    config = out_config(pki, ex, xoorg="contoso.com", cross_premises=how)
    config["peers"]["local-mta"]["networks"] = ["127.0.0.1/32"]
    demote_as_trusted(config, "out", ex)
    gw = gateway(config)
    with Smtp(gw.port("out"), source=source) as c:
        c.ehlo()
        c.deliver(simple(FIELDS), to="r@elsewhere.example")
    m = ex.one()
    assert len(names(m, "crosspremises-")) == (5 if kept else 0)
    assert names(m, "organization-") == []


# --- three things make a mail internal ---------------------------------------------------

class Sink:
    """xoorg sink, playing an Exchange receive connector."""

    def __init__(self, folder, pki, to):
        self.folder = str(folder)
        port_file = os.path.join(self.folder, "port")
        self.process = subprocess.Popen(
            [XOORG, "sink", "--listen", "127.0.0.1:0", "--port-file", port_file, "--quiet",
             "--directory", self.folder, "--certificate", pki.exchange.cert,
             "--key", pki.exchange.key, "--trust", pki.ca, "--announce-xoorg-to", to],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        assert wait_until(lambda: os.path.exists(port_file) and open(port_file).read().strip())
        self.address = "127.0.0.1:" + open(port_file).read().strip()

    def last(self):
        files = stored(self.folder, ".json")
        with open(os.path.join(self.folder, files[-1])) as f:
            return json.load(f)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)


@pytest.fixture
def sink(tmp_path, pki):
    started = []

    def make(to="gw.contoso.test"):
        started.append(Sink(tmp_path, pki, to))
        return started[-1]

    yield make
    for one in started:
        one.stop()


AUTH_AS = "X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"

INTERNAL = rows(
    ("all-three", {}, AUTH_AS, True),
    ("no-certificate", {"client_certificate": None, "client_key": None}, AUTH_AS, False),
    ("other-certificate", {"client_certificate": "other"}, AUTH_AS, False),
    ("no-xoorg", {"xoorg": ""}, AUTH_AS, False),
    ("no-header", {}, "", False),
    ("anonymous", {}, "X-MS-Exchange-CrossPremises-AuthAs: Anonymous\r\n", False),
    ("stripped", {"cross_premises": "strip"}, AUTH_AS, False),
    ("default", {"cross_premises": None}, AUTH_AS, False),
    ("organization", {}, "X-MS-Exchange-Organization-AuthAs: Internal\r\n", False),
)


@pytest.mark.parametrize("id, changes, header, internal", INTERNAL)
def test_internal(gateway, pki, sink, id, changes, header, internal):
    one = sink()
    how = dict({"xoorg": "contoso.com", "cross_premises": "keep"}, **changes)
    if how.get("client_certificate") == "other":
        how.update(client_certificate=pki.other_name.cert, client_key=pki.other_name.key)
    gw = gateway(out_config(pki, one, **how))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple(header))
    assert one.last()["internal"] is internal, one.last()


@pytest.mark.parametrize("id, source, internal", rows(
    ("ours", "127.0.0.1", True), ("stranger", "127.0.0.9", False)))
def test_internal_of_the_message(gateway, pki, sink, id, source, internal):
    """The same with the value from the message: out again what came in verified."""
    one = sink()
    config = out_config(pki, one, xoorg="message", cross_premises="keep")
    config["peers"]["local-mta"]["networks"] = ["127.0.0.1/32"]
    demote_as_trusted(config, "out", one)
    gw = gateway(config)
    with Smtp(gw.port("out"), source=source) as c:
        c.ehlo()
        c.deliver(simple(AUTH_AS + "X-OriginatorOrg: contoso.com\r\n"), to="r@elsewhere.example")
    assert one.last()["internal"] is internal, one.last()


@pytest.mark.parametrize("value, internal", (("contoso.com", True), ("nobody.example", False)))
def test_internal_needs_a_known_value(gateway, pki, sink, value, internal):
    """xoorg = "message" with a value of no tenant: none goes out, and nothing else."""
    one = sink()
    gw = gateway(out_config(pki, one, xoorg="message", cross_premises="keep"))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple(AUTH_AS + "X-OriginatorOrg: %s\r\n" % value))
    assert one.last()["internal"] is internal, one.last()
