# SPDX-License-Identifier: ISC
"""The corpus (tests/corpus): what Postfix and Exim make of each message, directly and
with the gateway in front, octet by octet.

Each message goes three ways to the same MTA: as it is, through the gateway, and edited
by edit(), which is WHAT IS CHANGED of xoorgd(8) once more. What the second and the
third deliver is the same but for the stamps on top; so where edit() changes nothing,
nothing differs from the first.

XO_CORPUS=all: all 500 messages, and a table of what was refused. Otherwise one of each
shape."""
import collections
import email.header
import os
import re
import sys
import time

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "corpus"))
import generate				# noqa: E402
from arrived import FIELD, put, without_stamps	# noqa: E402
from harness import Gateway, Hop, Smtp, base_config	# noqa: E402
from mta import Missing			# noqa: E402
from mta.world import World, world_folder	# noqa: E402

CORPUS = generate.messages(generate.COUNT if os.environ.get("XO_CORPUS") == "all"
                           else len(generate.SHAPES))
GONE = re.compile(rb"X-OriginatorOrg(anization)?$|X-MS-Exchange-(Organization|Forest|CrossPremises"
                  rb"|CrossTenant)-|X-MS-Exchange-Transport-CrossTenantHeaders"
                  rb"|X-CrossPremisesHeaders(Promoted|Filtered|Blocked|FilteredBySendConnector)$"
                  rb"|X-CrossPremiseHeadersBlocked$|X-OrganizationHeadersPreserved$", re.I)
CONTROL = re.compile(rb"[\x01-\x08\x0b\x0c\x10-\x1a\x1c-\x1f\x7f]")


# --- the list of edits, once more ------------------------------------------------------

def _is_ours(value):
    text = "".join(part if isinstance(part, str) else part.decode(charset or "latin-1")
                   for part, charset in email.header.decode_header(
                       re.sub(rb"\r\n", b"", value).decode("latin-1")))
    text = re.sub(r"\([^()]*\)|[\"\s]", "", text)
    return re.match(r"%s\d?(;|$)" % re.escape(generate.GW.decode()), text, re.I) is not None


def _front(rest):
    """(what was written, the rest): what stands before the first field."""
    out = b""
    rest = rest[3:] if rest.startswith(b"\xef\xbb\xbf") else rest
    while True:
        line, end, more = rest.partition(b"\r\n")
        if re.match(rb">*From ", line):
            out += b"X-Mailbox-Line: " + CONTROL.sub(b" ", line) + b"\r\n"
        elif not line or line.strip(b" \t"):
            return out, rest.lstrip(b" \t")
        rest = more


def edit(content):
    """As a stranger's message is passed on."""
    out, rest = _front(content)
    filtered = b""
    while rest and not rest.startswith(b"\r\n"):
        match = FIELD.match(rest)
        if not match or match[1].startswith(b"."):
            return out + filtered + b"\r\n" + rest
        rest = rest[match.end():]
        name, value = match[1], match[3]
        if name.lower().startswith(b"x-ms-exchange-crosspremises-"):
            filtered = b"X-CrossPremisesHeadersFiltered: " + generate.GW + b"\r\n"
        if GONE.match(name) or (name.lower() == b"authentication-results" and _is_ours(value)):
            continue
        out += name + b":" + CONTROL.sub(b" ", value) + b"\r\n"
    return out + filtered + rest


# --- three ways ------------------------------------------------------------------------

def _send(c, sender, how, content):
    """The reply."""
    c.mail(sender)
    c.rcpt("r@contoso.com")
    return put(c, content, how)


class Way:
    """A client that comes anew after a refusal, which may have closed, and now and then:
    servers bound what one session may bring."""

    def __init__(self, connect):
        self.connect, self.client, self.left = connect, None, 0

    def send(self, *what):
        if self.left == 0:
            self.client, self.left = self.connect(), 20
        reply = _send(self.client, *what)
        self.left = self.left - 1 if reply.code == 250 else 0
        return reply

    def close(self):
        if self.left > 0:
            self.client.quit()


def _wait_settled(world):
    """Until nothing more comes: a bounce that cannot go stays in the queue."""
    seen, since = -1, time.monotonic()
    while world.mta.queued() and time.monotonic() < since + 8:
        if len(world.hop.messages) != seen:
            seen, since = len(world.hop.messages), time.monotonic()
        time.sleep(0.1)


def _direct(world):
    c = Smtp(world.values["ORDINARY_PORT"], preface=world.mta.preface(), timeout=20)
    c.ehlo()
    if world.mta.handover == "xclient":
        c.want("XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]", 220)
        c.ehlo()
    return c


def _through(world):
    c = Smtp(world.gw.port(), timeout=20)
    c.ehlo()
    return c


@pytest.fixture(scope="module", params=["postfix", "exim"])
def world(request, pki):
    with world_folder("corpus-" + request.param) as folder:
        made = World(request.param, "behind", folder, pki)
        try:
            made.start()
            yield made
        except Missing as why:
            pytest.skip("NO %s: %s" % (request.param.upper(), why))
        finally:
            made.stop()


def test_corpus(world, record_property):
    ways = [Way(lambda: _direct(world)), Way(lambda: _through(world)),
            Way(lambda: _direct(world))]
    replies = {}
    try:
        for i, (name, how, content) in enumerate(CORPUS):
            for way, who, what in zip(ways, "abc", (content, content, edit(content))):
                replies[who, i] = way.send("%s%d@elsewhere.example" % (who, i), how, what)
    finally:
        for way in ways:
            way.close()
    taken = {x for x, reply in replies.items() if reply.code == 250}
    _wait_settled(world)
    got = {m.sender.partition("@")[0]: m.content for m in world.hop.messages}
    same = edited = 0
    bounced = []
    refused = collections.Counter()
    for i, (name, how, content) in enumerate(CORPUS):
        if ("b", i) not in taken:
            if ("a", i) in taken:
                refused[str(replies["b", i].code) + " " + replies["b", i].text] += 1
            continue
        assert ("c", i) in taken, (name, replies["c", i])
        # Exim takes lines that it then does not send.
        assert ("b%d" % i in got) == ("c%d" % i in got), name
        if "b%d" % i not in got:
            bounced.append(name)
            continue
        there = without_stamps(got["b%d" % i])
        assert there == without_stamps(got["c%d" % i]), name
        if edit(content) == content:
            same += 1
            assert there == without_stamps(got["a%d" % i]), name
        else:
            edited += 1
    result = "%s: %d messages, %d taken direct, %d through; %d arrive the same, %d as listed, " \
        "%d bounce either way" % (
            world.name, len(CORPUS), sum(x[0] == "a" for x in taken),
            sum(x[0] == "b" for x in taken), same, edited, len(bounced))
    print(result, dict(refused))
    record_property("corpus", result)
    assert same > len(CORPUS) / 3 and edited > len(CORPUS) / 10
    # What only the gateway refuses has two readings, whatever the MTA makes of it.
    assert all(re.match(r"55[04] 5\.6\.(11|0) .*(bare|Bare|NUL|protected name)", x)
               for x in refused), refused


def _reasons(pki, setting):
    with Hop() as main, Hop() as inbound:
        gw = Gateway(base_config(pki, main, inbound, listeners__in__malformed_header=setting))
        way = Way(lambda: _greeted(gw))
        try:
            for i, (name, how, content) in enumerate(CORPUS):
                way.send("a%d@elsewhere.example" % i, how, content)
            way.close()
            gw.wait_quiet()
            out = collections.Counter()
            for event in gw.events():
                why = event.get("because", "").partition(": ")[2].partition(":")[0]
                out[event["reason"] + (" (%s)" % why if why else "")] += 1
            gw.check()
            gw.stop()
            return out
        finally:
            gw.kill()
            gw.remove()


def _greeted(gw):
    c = Smtp(gw.port("in"), timeout=20)
    c.ehlo()
    return c


def test_refused_before_and_after(pki, record_property):
    """By reason, without repairs and with them."""
    before, after = _reasons(pki, "refuse"), _reasons(pki, "repair")
    for name, counts in (("refuse", before), ("repair", after)):
        result = "%s: %d of %d delivered; %s" % (
            name, counts["delivered"], len(CORPUS),
            ", ".join("%d %s" % (n, x) for x, n in sorted(counts.items()) if x != "delivered"))
        print(result)
        record_property("corpus-" + name, result)
    assert sum(before.values()) == sum(after.values()) == len(CORPUS)
    # Nothing but what has two readings.
    assert not [x for x in after if not re.match(
        r"delivered|content-(nul|bare-newline)|header-syntax \(protected name|header-bare", x)]
    assert before["delivered"] < after["delivered"]


def test_generator():
    """The same in every run, each another, and all that it promises."""
    made = generate.messages()
    assert made == generate.messages() and len(made) == generate.COUNT
    assert len({x for _, _, x in made}) > 400 and len({x for x, _, _ in made}) == 500
    everything = b"".join(x for _, _, x in made)
    for one in (b"\0", b"\f", b"\xef\xbb\xbf", b"From ", b"application/ms-tnef", b"pkcs7-mime",
                b"text/calendar", b"message/delivery-status", b"message/feedback-report",
                b"X-MS-Journal-Report", b"X-Forefront-Antispam-Report", b"=?utf-8?Q?",
                b"\x1b$B", b"List-Id", b"message/rfc822\r\n\r\nX-"):
        assert one in everything, one
    assert any(not x.endswith(b"\r\n") for _, how, x in made)
