# SPDX-License-Identifier: ISC
"""An LMTP server behind (RFC 2033): its replies, one a recipient, become one."""
import pytest

from harness import CAPS, Do, Smtp, base_config, rows, simple

TO = ("a@contoso.com", "b@contoso.com", "c@contoso.com")
NO_CHUNKING = [x for x in CAPS if x != "CHUNKING"]
R4, R5 = "452 4.2.2 mailbox full", "550 5.2.1 disabled"


@pytest.fixture
def lmtp(gateway, pki, hop):
    def make(caps=CAPS, upstream=None, **how):
        one = hop(lmtp=True, caps=caps, **how)
        config = base_config(pki, one, one)
        config.set("upstreams.inbound.protocol", "lmtp")
        config.set("upstreams.main.protocol", "lmtp")
        for key, value in (upstream or {}).items():
            config.set("upstreams.inbound." + key, value)
        config["limits"] = {"final_timeout": 2, "mail_timeout": 2, "greeting_timeout": 2}
        return gateway(config), one
    return make


def test_lhlo(lmtp):
    gw, one = lmtp()
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), to=TO)
    m = one.one()
    assert m.recipients == list(TO)
    assert all(line.startswith(b"LHLO ") for s in one.sessions for line, _ in s.ehlos)
    assert not any(x.startswith((b"EHLO", b"HELO")) for x in one.lines())


# id, finals, reply, "Delivered to K of N" or None
FINALS = rows(
    ("all", [None] * 3, "250", None),
    ("all-texts", ["250 2.0.0 one", "250-2.0.0 two\r\n250 2.0.0 lines", "250 ok"], "250", None),
    ("one-5xx-first", [R5, None, None], "550 5.2.1", "2 of 3"),
    ("one-5xx-last", [None, None, R5], "550 5.2.1", "2 of 3"),
    ("two-5xx", [R5, None, R5], "550 5.2.1", "1 of 3"),
    ("all-5xx", [R5] * 3, "550 5.2.1", None),
    ("one-4xx", [None, R4, None], "452 4.2.2", "2 of 3"),
    ("all-4xx", [R4] * 3, "452 4.2.2", None),
    ("4xx-and-5xx", [R4, R5, None], "452 4.2.2", "1 of 3"),
    ("5xx-and-4xx", [R5, R4, None], "452 4.2.2", "1 of 3"),
    ("4xx-5xx-no-one", [R4, R5, R4], "452 4.2.2", None),
    ("354", [None, "354 what", None], "4xx", None),
    ("220", [None, "220 what", None], "4xx", None),
    ("251", [None, "251 what", None], "250|4xx", None),
    ("999", [None, b"999 what\r\n", None], "4xx", None),
    ("garbage", [None, b"\xff\0\r\n", None], "4xx", None),
    ("421", [None, "421 4.3.2 closing", None], "451 4.3.2", None),
    ("lost-at-once", [Do.fin], "451", None),
    ("lost-after-one", [None, Do.fin], "451", None),
    ("lost-after-two", [None, None, Do.rst], "451", None),
    ("lost-after-a-refusal", [None, R5, Do.fin], "451", None),
    ("half-a-reply", [None, None, b"250 ok"], "451", None),
    ("only-dash", [None, None, b"250-ok\r\n"], "451", None),
    ("one-too-few", [None, None, b""], "451", None),
    ("stall", [None, Do.stall], "451", None),
)


@pytest.mark.parametrize("chunked", (False, True))
@pytest.mark.parametrize("caps", (CAPS, NO_CHUNKING), ids=("bdat", "data"))
@pytest.mark.parametrize("id, finals, want, share", FINALS)
def test_finals(lmtp, id, finals, want, share, caps, chunked):
    gw, one = lmtp(caps, script={"final": finals})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        for to in TO:
            c.rcpt(to)
        got = c.bdat(simple(), want) if chunked else c.data(simple(), want)
        if share:
            assert ("Delivered to %s" % share) in got.text, got
        else:
            assert "Delivered to" not in got.text, got
        assert c.is_open()
    event = gw.event()
    assert event["rcpts"] == "3" and event["reply"].startswith(str(got.code))


def test_one_too_many(lmtp):
    """Who answers more often than there are recipients is not talked to again."""
    gw, one = lmtp(script={"final": [b"250 ok\r\n250 ok\r\n", None]})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), to="a@contoso.com", want="250")
        c.deliver(simple(), to="a@contoso.com", want="250")
    assert len([s for s in one.sessions if s.messages]) == 2


def test_only_accepted_recipients_are_counted(lmtp):
    """A recipient that was refused at RCPT has no reply to the dot."""
    gw, one = lmtp(script={"rcpt": lambda s, line: R5 if b"<b@" in line else None,
                           "final": [None, R4, "599 never"]})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        assert [c.cmd("RCPT TO:<%s>" % x).code for x in TO] == [250, 550, 250]
        got = c.data(simple(), "452 4.2.2")
        assert "1 of 2" in got.text
    assert gw.event()["rcpts"] == "2"


def test_connection_is_used_again(lmtp):
    gw, one = lmtp()
    with Smtp(gw.port()) as c:
        c.ehlo()
        for _ in range(3):
            c.deliver(simple(), to=TO)
    assert len(one.messages) == 3
    assert len([s for s in one.sessions if s.messages]) == 1


def test_no_helo(lmtp):
    """An SMTP server where LMTP was meant: no way back to HELO."""
    gw, one = lmtp(script={"ehlo": "500 5.5.1 what"})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451")
    assert not any(x.startswith(b"HELO") for x in one.lines())


def test_many_recipients(lmtp):
    gw, one = lmtp()
    to = ["r%d@contoso.com" % i for i in range(300)]
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), to=to)
    assert one.one().recipients == to


def test_refused_data(lmtp):
    gw, one = lmtp(NO_CHUNKING, script={"data": "554 5.6.0 no"})
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), to=TO, want="554")
        assert c.is_open()


@pytest.mark.parametrize("handover", ("xclient", "proxy", "proxy-v2"))
def test_handover(lmtp, handover):
    gw, one = lmtp(xclient=handover == "xclient", proxy=handover != "xclient",
                   upstream={"handover": handover})
    gw.config.set("upstreams.main.handover", handover)
    with Smtp(gw.port(), source="127.0.0.77") as c:
        c.ehlo()
        c.deliver(simple(), to=TO)
    session = one.one().session
    if handover == "xclient":
        assert b"ADDR=127.0.0.77" in session.xclient[0]
    else:
        assert session.proxy is not None
