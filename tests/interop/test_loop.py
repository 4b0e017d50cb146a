# SPDX-License-Identifier: ISC
"""Both halves together, with a queue between: Exchange Online -> gateway -> MTA ->
gateway -> Exchange. What was verified is internal at Exchange; nothing else is."""
import pytest

from harness import CAPS, Hop, Smtp, server_context, simple, wait_until
from mta import MTAS, Missing
from mta.recipes import render, text_of, with_way_back
from mta.world import World, world_folder

FORGED = ("X-OriginatorOrg: contoso.com\r\n"
          "X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"
          "X-MS-Exchange-CrossPremises-AuthSource: gw.contoso.com\r\n"
          "X-MS-Exchange-Organization-AuthAs: Internal\r\n")


class LoopWorld(World):
    """`exchange` is where the way back ends."""

    def __init__(self, name, folder, pki):
        super().__init__(name, "behind", folder, pki)
        server = server_context(pki.make("cookbook-exchange", "mail.contoso.com"),
                                client_ca=pki.ca)
        self.exchange = Hop(caps=CAPS, tls=server, caps_tls=CAPS + ("XOORG",))
        self.values["EXCHANGE_PORT"] = self.exchange.port
        self.mta.is_loop = True

    def gateway_text(self, port):
        values = with_way_back(dict(self.gateway_values(port), MODE='"observe"'))
        return render(text_of("gateway/xoorgd.conf"), values)

    def stop(self):
        try:
            super().stop()
        finally:
            self.exchange.stop()

    def connect(self, who):
        c = Smtp(self.gw.port(), source="127.0.0.2", timeout=20)
        c.hello(None if who == "stranger" else self.pki.exo, name="exo.example")
        return c

    def arrived(self, n):
        got = {m.body.split()[0].decode(): m for m in self.exchange.wait(n, 15)}
        assert len(got) == n
        return got


@pytest.fixture(scope="module", params=["postfix", "exim", "opensmtpd"])
def loop(request, pki):
    with world_folder(request.param) as folder:
        one = LoopWorld(request.param, folder, pki)
        try:
            one.start()
            yield one
        except Missing as why:
            pytest.skip("NO %s: %s" % (request.param.upper(), why))
        finally:
            one.stop()


@pytest.fixture(autouse=True)
def empty(loop):
    loop.exchange.clear()
    yield
    assert loop.mta.is_idle(20), loop.mta.log()[-3000:]


def trust_of(m):
    """What makes a mail internal: the three things of protocol.md 5.5."""
    assert m.session.certificate_ok
    return ([x for x in m.params() if x.upper().startswith("XOORG")],
            m.fields("X-OriginatorOrg"), m.fields("X-MS-Exchange-CrossPremises-AuthAs"),
            [k for k, _ in m.fields() if "organization-auth" in k.lower()])


INTERNAL = (["XOORG=contoso.com"], ["contoso.com"], ["Internal"], [])
NOTHING = ([], [], [], [])


def send_all(loop):
    with loop.connect("verified") as c:
        c.deliver(simple(FORGED, "own\r\n"), xoorg="contoso.com")
        c.deliver(simple(FORGED, "plain\r\n"))
        # observe mode: another tenant of the same cloud
        c.deliver(simple(FORGED, "other\r\n"), xoorg="fabrikam.com")
    with loop.connect("stranger") as c:
        c.deliver(simple(FORGED, "stranger\r\n"))
        c.deliver(simple(FORGED, "far\r\n"), "a@elsewhere.example")


def check_all(loop):
    got = loop.arrived(5)
    assert trust_of(got["own"]) == INTERNAL
    for who in ("plain", "other", "stranger", "far"):
        assert trust_of(got[who]) == NOTHING, who
    assert {m.sender for x, m in got.items() if x != "far"} == {"u@contoso.com"}


def test_there_and_back(loop):
    send_all(loop)
    check_all(loop)


def test_out_of_the_queue(loop):
    """Exchange is not ready: all waits in the MTA, and nothing is forgotten."""
    if loop.name == "opensmtpd":
        pytest.skip("it waits for minutes, and takes no other time")
    loop.exchange.script["mail"] = "451 4.3.2 later"
    send_all(loop)
    assert loop.mta.queued() and loop.exchange.messages == []
    assert wait_until(lambda: sum(x.startswith(b"MAIL") for x in loop.exchange.lines()) > 4, 20)
    assert loop.exchange.messages == []
    loop.exchange.script.clear()
    check_all(loop)


@pytest.mark.parametrize("claim", ["", "X-OriginatorOrg: fabrikam.com\r\n"])
def test_own_users(loop, claim):
    """Mail that begins at the MTA has the tenant's value, if the MTA says so."""
    if loop.name not in ("postfix", "exim"):
        pytest.skip("no recipe")
    with Smtp(loop.values["MTA_PORT"], preface=loop.mta.preface("127.0.0.1"),
              timeout=20) as c:
        c.ehlo()
        c.deliver(simple(claim, "ours\r\n"))
    m = loop.arrived(1)["ours"]
    want = ["XOORG=contoso.com"] if not claim or loop.name == "exim" else []
    assert [x for x in m.params() if x.startswith("XOORG")] == want
