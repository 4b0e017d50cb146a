# SPDX-License-Identifier: ISC
"""No recipe of the cookbook makes an open relay: an address that this MTA might read as
a route to somewhere else, at both of its services, as if the gateway had let it pass,
and through the gateway. Told by a server that plays all the rest of the Internet.

With `relay = true` (centralized mail transport) verified mail does go there."""
import re

import pytest

from harness import Hop, Smtp, simple, wait_until
from mta import MTAS, Missing
from mta.world import ALL_CAPS, World, world_folder

# Routes out of a local part (RFC 5321 F.2, RFC 822 6.2.7, UUCP, DECnet) and plain ones.
ROUTED = [
    "victim%outside.example@contoso.com",
    "victim%outside.example%contoso.com@contoso.com",
    '"victim@outside.example"@contoso.com',
    '"victim%outside.example"@contoso.com',
    'victim@outside.example@contoso.com',
    "outside.example!victim@contoso.com",
    '"outside.example!victim"@contoso.com',
    "contoso.com!outside.example!victim@contoso.com",
    "outside.example::victim@contoso.com",
    "@contoso.com:victim@outside.example",
    "@outside.example,@contoso.com:r@contoso.com",
    "@contoso.com,@contoso.com:victim%outside.example@contoso.com",
    "victim@outside.example",
    "victim@contoso.com@outside.example",
    '"r@contoso.com"@outside.example',
    "contoso.com!victim@outside.example",
    "outside.example!victim",
    "victim%outside.example",
    '"victim@outside.example"',
    "victim@[127.0.0.1]",
    "victim%outside.example@[127.0.0.1]",
    "victim%outside.example@mta.contoso.com",
    "outside.example!victim@mta.contoso.com",
    '"victim@outside.example"@mta.contoso.com',
    "victim%outside.example@localhost",
    "victim@outside.example.contoso.com",
    "/etc/passwd@contoso.com",
    "|id@contoso.com",
]
ELSEWHERE = "victim@outside.example"


class RelayWorld(World):
    """`outside` takes what the MTA sends to anywhere else."""

    def __init__(self, name, folder, pki, how):
        super().__init__(name, "behind", folder, pki)
        self.outside = Hop(caps=ALL_CAPS)
        self.relay = how == "relay"
        self.mta.lead_outside(self.outside.port, self.relay)
        if how == "untold":
            self.mta.hand_over_nothing()

    def stop(self):
        try:
            super().stop()
        finally:
            self.outside.stop()

    def direct(self, port):
        """In the gateway's place, for a client that is far away."""
        c = Smtp(self.values[port], preface=self.mta.preface(), timeout=20)
        c.ehlo("exo.example")
        if self.mta.handover == "xclient":
            c.want("XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]", 220)
            c.ehlo("exo.example")
        return c

    def offer(self, c, recipient, params=""):
        """True: the whole message was taken."""
        c.cmd("RSET")
        if c.cmd("MAIL FROM:<u@contoso.com>" + params).code != 250 or \
                c.cmd("RCPT TO:<%s>" % recipient).code != 250 or \
                c.cmd("DATA").code != 354:
            return False
        # A source route is left out, RFC 5321 4.1.1.3.
        c.send(simple("X-Recipient: %s\r\n" % re.sub(r"^@[^:]*:", "", recipient)) + b".\r\n")
        return c.reply().code == 250


# untold: every client is 127.0.0.1, which the MTA would relay for.
HOWS = [(x, how) for x in MTAS for how in ("", "relay", "untold")
        if how != "untold" or x in ("postfix", "exim", "opensmtpd")]


@pytest.fixture(scope="module", params=HOWS, ids=lambda x: "-".join(x).rstrip("-"))
def world(request, pki):
    name, how = request.param
    with world_folder(name) as folder:
        one = RelayWorld(name, folder, pki, how)
        try:
            one.start()
            yield one
        except Missing as why:
            pytest.skip("NO %s: %s" % (name.upper(), why))
        finally:
            one.stop()


def check_inside(world, n):
    """What was taken reached the mailbox server, to our domain as it was said."""
    wait_until(lambda: len(world.hop.messages) + len(world.outside.messages) >= n or
               not world.mta.queued(), 20, 0.1)
    assert world.mta.is_idle(20), world.mta.log()[-3000:]
    assert [(m.sender, m.recipients) for m in world.outside.messages] == []
    for m in world.hop.messages:
        if m.sender:
            assert [x for x in m.recipients if not x.endswith("@contoso.com")] == []
            assert m.fields("X-Recipient") == m.recipients


@pytest.mark.parametrize("port", ["VERIFIED_PORT", "ORDINARY_PORT"])
def test_routed_at_the_service(world, port):
    """Nobody guards it: 0 messages outside."""
    if world.relay and port == "VERIFIED_PORT":
        pytest.skip("that one relays: see test_verified_mail_leaves")
    world.hop.clear()
    world.outside.clear()
    taken = []
    for recipient in ROUTED:
        with world.direct(port) as c:
            if world.offer(c, recipient):
                taken.append(recipient)
    with world.direct(port) as c:
        assert world.offer(c, "r@contoso.com")
    check_inside(world, len(taken) + 1)
    assert "r@contoso.com" in [x for m in world.hop.messages for x in m.recipients]


@pytest.mark.parametrize("who", ["verified", "stranger"])
def test_routed_through_the_gateway(world, who):
    if world.relay:
        pytest.skip("the gateway's tenant may not relay here")
    world.hop.clear()
    world.outside.clear()
    taken = 0
    for recipient in ROUTED:
        with Smtp(world.gw.port(), source="127.0.0.2", timeout=20) as c:
            c.hello(world.pki.exo if who == "verified" else None, name="exo.example")
            taken += world.offer(c, recipient,
                                 " XOORG=contoso.com" if who == "verified" else "")
    check_inside(world, taken)


def test_no_message_waits_for_a_queue_run(world):
    """On a connection that the gateway keeps; Exim's own default is ten, the rest later."""
    world.hop.clear()
    with Smtp(world.gw.port(), source="127.0.0.2", timeout=20) as c:
        c.hello(world.pki.exo, name="exo.example")
        for _ in range(12):
            c.deliver(simple(), xoorg="contoso.com")
    world.hop.wait(12, 30)
    assert "no immediate delivery" not in world.mta.log()


def test_verified_mail_leaves(world):
    """Centralized mail transport, and nobody else by its side."""
    world.hop.clear()
    world.outside.clear()
    for port, want in (("VERIFIED_PORT", world.relay), ("ORDINARY_PORT", False)):
        with world.direct(port) as c:
            assert world.offer(c, ELSEWHERE) == want
            assert world.offer(c, "r@contoso.com")
    assert len(world.hop.wait(2, 30)) == 2
    if world.relay:
        assert world.outside.one(30).recipients == [ELSEWHERE]
    assert world.mta.is_idle(20)
    assert len(world.outside.messages) == world.relay
