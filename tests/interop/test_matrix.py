# SPDX-License-Identifier: ISC
"""Five MTAs, each behind the gateway and in front of it, with the configuration
files of the cookbook.

    behind    client -> gateway -> MTA -> next hop
    in-front  client -> MTA -> gateway -> `xoorg sink`, which plays Exchange

A cell that an MTA cannot do is skipped with the reason (Mta.skips)."""
import hashlib
import re

import pytest

from harness import Smtp, simple, wait_until
from mta import MTAS, Missing
from mta.world import ALL_CAPS, REFUSED, World, world_folder

UTF8_SENDER, UTF8_TO = "jörg@contoso.com", "用户@contoso.com"


def kind(name):
    """Names a cell, for Mta.skips."""
    def mark(function):
        function.kind = name
        return function
    return mark


def raw(text):
    """The client writes Latin-1: these are the octets of UTF-8."""
    return text.encode().decode("latin-1")


def _world(direction):
    @pytest.fixture(scope="module", params=list(MTAS), name=direction.replace("-", "_"))
    def fixture(request, pki):
        with world_folder(request.param) as folder:
            world = World(request.param, direction, folder, pki)
            try:
                world.start()
                yield world
            except Missing as why:
                pytest.skip("NO %s: %s" % (request.param.upper(), why))
            finally:
                world.stop()
    return fixture


behind = _world("behind")
in_front = _world("in-front")


@pytest.fixture(autouse=True)
def cell(request):
    """Skips what this MTA cannot do; empties the mailboxes."""
    world = None
    for name in ("behind", "in_front"):
        if name in request.fixturenames:
            world = request.getfixturevalue(name)
    name = getattr(request.function, "kind", "")
    why = world.mta.skips.get(name) or \
        world.mta.skips.get("%s-%s" % (name, world.direction))
    if why:
        pytest.skip(why)
    world.clear()
    yield
    if world.direction == "behind" and tuple(world.hop.caps) != ALL_CAPS:
        world.only_with(ALL_CAPS)
    assert world.mta.is_idle(20), "still queued:\n%s" % world.mta.log()[-3000:]


def body_of(n_octets, seed=1):
    """Text lines, dots at the starts of some."""
    line = b"%08d the quick brown fox jumps over the lazy dog, again and again.\r\n"
    block = b"".join((b"." if i % 97 == 0 else b"") + line % (i + seed) for i in range(2000))
    out = block * (n_octets // len(block) + 1)
    return out[:n_octets].rpartition(b"\r\n")[0] + b"\r\n"


EIGHT = "Grüße an 用户: ".encode() + bytes(range(0x80, 0x100)) + b"\r\n.\r\n..\r\n"


# --- behind ------------------------------------------------------------------------

def test_behind_plain(behind):
    """Verified mail to one service, the rest to the other."""
    with behind.connect() as c:
        one, two = simple(body="One.\r\n.\r\n"), simple(
            "X-OriginatorOrg: contoso.com\r\n", "Two.\r\n")
        c.deliver(one, xoorg="contoso.com")
        c.deliver(two, "a@elsewhere.example")
    got = {m.sender: m for m in behind.hop.wait(2, 30)}
    verified, ordinary = got["u@contoso.com"], got["a@elsewhere.example"]
    assert verified.body == b"One.\r\n.\r\n" and ordinary.body == b"Two.\r\n"
    assert verified.fields("X-OriginatorOrg") == ["contoso.com"]
    assert ordinary.fields("X-OriginatorOrg") == []
    upstreams = [x["upstream"] for x in behind.gw.wait_events(2)]
    assert [("verified" in x, "ordinary" in x) for x in upstreams] == \
        [(True, False), (False, True)]
    for m, result in ((verified, "pass"), (ordinary, "none")):
        ours = [x for x in m.fields("Authentication-Results") if "gw.contoso.com" in x]
        assert len(ours) == 1 and "x-xoorg=" + result in ours[0]


def test_behind_services(behind):
    """Our own domains' valid recipients at both, nobody else's: test_relay.py has more."""
    with Smtp(behind.values["VERIFIED_PORT"], preface=behind.mta.preface()) as c:
        c.ehlo()
        c.mail()
        c.rcpt("x@elsewhere.example", want="454|550|554")
        c.rcpt("nobody@contoso.com", want=behind.mta.refusal)
        c.rcpt("r@contoso.com")
    with Smtp(behind.values["ORDINARY_PORT"], preface=behind.mta.preface()) as c:
        c.ehlo()
        if behind.mta.handover == "xclient":
            c.want("XCLIENT ADDR=192.0.2.1 NAME=[UNAVAILABLE]", 220)
            c.ehlo()
        c.mail()
        c.rcpt("x@elsewhere.example", want="454|550|554")
        c.rcpt("r@contoso.com")


def test_behind_unknown_org(behind):
    """Another tenant of the same cloud: the MTA hears nothing of it."""
    before = behind.mta.log().count("evil.example")
    with behind.connect() as c:
        for params in ("XOORG=evil.example", "XOORG=evil.example SIZE=1000"):
            c.mail("u@contoso.com", params, want="550 5.7.1")
            c.rcpt("r@contoso.com", want="503|550|554")
        c.deliver(simple(), "u@contoso.com", xoorg="contoso.com")
    assert behind.hop.one(30).sender == "u@contoso.com"
    assert behind.mta.log().count("evil.example") == before
    assert "XOORG=" not in behind.mta.log()
    assert [x["verdict"] for x in behind.gw.wait_events(3)] == \
        ["unknown_org", "unknown_org", "verified"]


@kind("client-address")
def test_behind_client_address(behind):
    with behind.connect() as c:
        c.deliver(simple(), xoorg="contoso.com")
    received = " ".join(behind.hop.one(30).fields("Received"))
    assert "127.0.0.2" in [x for x in re.split(r"(?= by )", received)
                           if "from" in x][0], received


def test_behind_8bit(behind):
    with behind.connect() as c:
        assert c.ehlo().has("8BITMIME") is not None
        for chunked in (False, True):
            c.deliver(simple("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                             "Content-Transfer-Encoding: 8bit\r\n", EIGHT),
                      xoorg="contoso.com", params="BODY=8BITMIME", chunked=chunked)
    for m in behind.hop.wait(2, 30):
        assert m.body == EIGHT
        assert ("BODY=8BITMIME" in m.params()) == behind.mta.says_8bitmime


@kind("dsn")
def test_behind_dsn_passed_on(behind):
    with behind.connect() as c:
        assert c.ehlo().has("DSN") is not None
        c.mail("u@contoso.com", "XOORG=contoso.com RET=HDRS ENVID=cell+2B42")
        c.rcpt("r@contoso.com", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@contoso.com")
        c.data(simple())
    m = behind.hop.one(30)
    assert {"RET=HDRS", "ENVID=cell+2B42"} <= set(m.params())
    params = m.rcpts[0].partition(b">")[2].decode().split()
    assert {"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;first@contoso.com"} <= set(params)


@kind("dsn-comes-back")
def test_behind_dsn_comes_back(behind):
    """The next hop knows no DSN: the MTA reports."""
    behind.only_with(x for x in ALL_CAPS if x != "DSN")
    with behind.connect() as c:
        c.mail("u@contoso.com", "XOORG=contoso.com RET=HDRS ENVID=cell42")
        c.rcpt("r@contoso.com", "NOTIFY=SUCCESS ORCPT=rfc822;first@contoso.com")
        c.data(simple(body="Not in the report.\r\n"))
    got = {m.sender: m for m in behind.hop.wait(2, 30)}
    report = got[""]
    assert report.recipients == ["u@contoso.com"]
    text = report.content.decode("latin-1")
    assert re.search(r"(?im)^Action: *(relayed|delivered)", text), text
    assert "envid" in behind.mta.report_lacks or \
        re.search(r"(?im)^Original-Envelope-Id: *cell42", text), text
    assert "Not in the report" not in text


def test_behind_no_dsn_no_promise(behind):
    """What the MTA does not announce, the gateway does not either."""
    with Smtp(behind.values["VERIFIED_PORT"], preface=behind.mta.preface()) as c:
        theirs = c.ehlo()
    with behind.connect() as c:
        ours = c.ehlo()
    for word in ("DSN", "8BITMIME", "SMTPUTF8", "BINARYMIME", "REQUIRETLS"):
        assert (ours.has(word) is None) == (theirs.has(word) is None), word


@kind("utf8")
def test_behind_utf8(behind):
    content = simple("X-Note: Grüße\r\n".encode(), "Hello.\r\n")
    with behind.connect() as c:
        assert c.ehlo().has("SMTPUTF8") is not None
        c.deliver(content, raw(UTF8_SENDER), raw(UTF8_TO), xoorg="contoso.com",
                  params="SMTPUTF8 BODY=8BITMIME")
    m = behind.hop.one(30)
    assert (m.sender, m.recipients) == (raw(UTF8_SENDER), [raw(UTF8_TO)])
    assert "SMTPUTF8" in m.params() and m.fields("X-Note") == [raw("Grüße")]


@pytest.mark.parametrize("chunked", [False, True], ids=["DATA", "BDAT"])
def test_behind_25_MB(behind, chunked):
    body = body_of(25 << 20)
    with behind.connect() as c:
        content = simple(body=body)
        c.deliver([content[:1 << 20], content[1 << 20:]] if chunked else content,
                  xoorg="contoso.com", chunked=chunked)
    m = behind.hop.one(60)
    assert len(m.body) == len(body)
    assert hashlib.sha256(m.body).digest() == hashlib.sha256(body).digest()


def test_behind_100_recipients(behind):
    with behind.connect() as c:
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.send("".join("RCPT TO:<r%d@contoso.com>\r\n" % i for i in range(100)))
        replies = c.replies(100, 60)
        assert [i for i, x in enumerate(replies) if x.code != 250] == REFUSED
        assert all(replies[i].matches(behind.mta.refusal) for i in REFUSED)
        c.data(simple())
    want = sorted("r%d@contoso.com" % i for i in range(100) if i not in REFUSED)
    wait_until(lambda: sum(len(m.rcpts) for m in behind.hop.messages) >= len(want), 30)
    assert sorted(x for m in behind.hop.messages for x in m.recipients) == want


def test_behind_null_sender(behind):
    with behind.connect() as c:
        c.deliver(simple(), "", xoorg="contoso.com")
        c.deliver(simple(), "")
    got = behind.hop.wait(2, 30)
    assert [m.sender for m in got] == ["", ""]


def test_behind_refusal(behind):
    """Word for word what the MTA says, behind a status code if it has none (RFC 2034 3)."""
    with Smtp(behind.values["VERIFIED_PORT"], preface=behind.mta.preface("127.0.0.2")) as c:
        c.ehlo("exo.example")
        c.mail("u@contoso.com")
        direct = c.rcpt("nobody@contoso.com", want=behind.mta.refusal)
    with behind.connect() as c:
        c.mail("u@contoso.com", "XOORG=contoso.com")
        got = c.rcpt("nobody@contoso.com", want=behind.mta.refusal)
        c.want("DATA", "503|554")
        c.want("RSET", 250)
        c.deliver(simple(), xoorg="contoso.com")
    status = "" if direct.enhanced else "%d.0.0 " % (direct.code // 100)
    assert (got.code, got.enhanced) == (direct.code, direct.enhanced or status.strip())
    assert got.lines == [status + x for x in direct.lines]
    assert behind.hop.one(30).recipients == ["r@contoso.com"]


@kind("starttls")
def test_behind_starttls(behind):
    gw = behind.tls_gateway()
    with behind.connect(gw=gw) as c:
        c.deliver(simple(), xoorg="contoso.com")
        c.deliver(simple(), "a@elsewhere.example", chunked=True)
    for m in behind.hop.wait(2, 30):
        received = [x for x in m.fields("Received") if "by mta.contoso.com" in
                    " ".join(x.split())]
        assert received and re.search(r"ESMTPS|UTF8SMTPS|TLS", received[0]), received
    gw.check()


# --- in front -----------------------------------------------------------------------

def _text(content):
    return content.decode("latin-1")


def _body(content):
    return content.partition(b"\r\n\r\n")[2]


def test_in_front_plain(in_front):
    with in_front.client() as c:
        c.deliver(simple(body="One.\r\n.\r\n..\r\n"), to="x@elsewhere.example")
    (envelope, content), = in_front.wait_mails(1)
    assert envelope["mail_from"] == "u@contoso.com"
    assert envelope["xoorg_announced"] and envelope["xoorg"] == "contoso.com"
    assert "DNS:gw.contoso.com" in envelope["client_certificate"]["names"]
    assert _body(content) == b"One.\r\n.\r\n..\r\n"
    received = re.findall(r"(?m)^Received:(?:\r\n[ \t]|.)*", _text(content))
    assert any("gw.contoso.com" in x for x in received)


def test_in_front_8bit(in_front):
    with in_front.client() as c:
        c.deliver(simple("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         "Content-Transfer-Encoding: 8bit\r\n", EIGHT),
                  to="x@elsewhere.example", params="BODY=8BITMIME")
    (envelope, content), = in_front.wait_mails(1)
    assert _body(content) == EIGHT
    assert ("BODY=8BITMIME" in envelope["mail_params"]) == in_front.mta.says_8bitmime


@kind("dsn")
def test_in_front_dsn_passed_on(in_front):
    with in_front.client() as c:
        c.mail("u@contoso.com", "RET=HDRS ENVID=cell+2B42")
        c.rcpt("x@elsewhere.example", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;y@contoso.com")
        c.data(simple())
    (envelope, _), = in_front.wait_mails(1)
    assert {"RET=HDRS", "ENVID=cell+2B42"} <= set(_words(envelope["mail_params"]))
    assert {"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;y@contoso.com"} <= set(
        _words(envelope["rcpts"][0]["params"]))


def _words(params):
    return params.split() if isinstance(params, str) else params


@kind("dsn-comes-back")
def test_in_front_dsn_comes_back(in_front):
    with in_front.client() as c:
        c.mail("u@contoso.com", "RET=HDRS ENVID=cell42")
        c.rcpt("no@elsewhere.example", "NOTIFY=FAILURE ORCPT=rfc822;first@contoso.com")
        c.data(simple(body="Not in the report.\r\n"))
    (envelope, content), = in_front.wait_mails(1)
    text = _text(content)
    assert envelope["mail_from"] == "" and envelope["rcpts"][0]["to"] == "u@contoso.com"
    assert re.search(r"(?im)^Action: *failed", text), text
    lacks = in_front.mta.report_lacks
    assert "envid" in lacks or re.search(r"(?im)^Original-Envelope-Id: *cell42", text), text
    assert "ret" in lacks or "Not in the report" not in text


@kind("utf8")
def test_in_front_utf8(in_front):
    with in_front.client() as c:
        assert c.ehlo().has("SMTPUTF8") is not None
        # The replies may be UTF-8, too.
        for line in ("MAIL FROM:<%s> SMTPUTF8 BODY=8BITMIME" % UTF8_SENDER,
                     "RCPT TO:<%s>" % UTF8_TO):
            assert c.cmd(line.encode()).code == 250
        c.data(simple("X-Note: Grüße\r\n".encode()))
    (envelope, content), = in_front.wait_mails(1)
    assert envelope["mail_from"] == UTF8_SENDER
    assert envelope["rcpts"][0]["to"] == UTF8_TO
    assert "SMTPUTF8" in _words(envelope["mail_params"])
    assert "X-Note: Grüße".encode() in content


def test_in_front_25_MB(in_front):
    body = body_of(25 << 20)
    with in_front.client() as c:
        c.deliver(simple(body=body), to="x@elsewhere.example")
    (_, content), = in_front.wait_mails(1, 60)
    got = _body(content)
    assert len(got) == len(body)
    assert hashlib.sha256(got).digest() == hashlib.sha256(body).digest()


def test_in_front_100_recipients(in_front):
    """Ten are refused by Exchange: the others get it, the sender learns of ten."""
    with in_front.client() as c:
        c.deliver(simple(), to=["r%d@elsewhere.example" % i for i in range(100)])
    good = sorted("r%d@elsewhere.example" % i for i in range(100) if i not in REFUSED)

    def reached():
        return sorted(x["to"] for e, _ in in_front.mails() if e["mail_from"]
                      for x in e["rcpts"])

    def told():
        text = "".join(_text(c) for e, c in in_front.mails() if not e["mail_from"])
        return {int(x) for x in re.findall(
            r"Exchange does not(?:\r\n)?\s+know(?:\r\n)?\s+r(\d+)", text)}
    assert wait_until(lambda: reached() == good and told() == set(REFUSED), 30, 0.1), (
        reached(), told(), in_front.mta.log()[-3000:])


def test_in_front_null_sender(in_front):
    with in_front.client() as c:
        c.deliver(simple(), "", "r@contoso.com")
    (envelope, _), = in_front.wait_mails(1)
    assert envelope["mail_from"] == "" and envelope["xoorg"] == "contoso.com"


def test_in_front_refusal(in_front):
    """Exchange's words reach the sender in the MTA's report."""
    with in_front.client() as c:
        c.deliver(simple(), to="no@elsewhere.example")
    (envelope, content), = in_front.wait_mails(1)
    assert envelope["mail_from"] == "" and envelope["rcpts"][0]["to"] == "u@contoso.com"
    assert "Exchange does not know no" in re.sub(r"\s+", " ", _text(content))


@kind("starttls")
def test_in_front_starttls(in_front):
    with in_front.client() as c:
        c.deliver(simple(), to="x@elsewhere.example")
    in_front.wait_mails(1)
    # The report of the test before may have its line only now.
    event, = wait_until(lambda: [x for x in in_front.gw.events() if x["from"]], 5)
    assert event["tls"].upper().startswith("TLS"), event["line"]
    assert event["listener"] == "to-exchange" and event["tenant"] == "contoso"
