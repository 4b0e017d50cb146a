# SPDX-License-Identifier: ISC
"""A next hop that answers something more than once: the client gets no 250 for a
message that was refused, whatever the answer too many could be taken for."""
import threading
import time
import urllib.request

import pytest

from harness import CAPS, Smtp, base_config, free_port, rows, simple, wait_until

LIMITS = {"connect_timeout": 1, "greeting_timeout": 1, "mail_timeout": 2, "data_timeout": 2,
          "final_timeout": 2}
PLAIN = [x for x in CAPS if x != "ENHANCEDSTATUSCODES"]
HELLO = b"".join(b"250%s%s\r\n" % (b"-" if i < len(CAPS) else b" ", x.encode())
                 for i, x in enumerate(("hop.example",) + CAPS))
USUAL = {"mail": "250 2.1.0 sender ok", "rcpt": "250 2.1.5 recipient ok",
         "final": "250 2.0.0 queued", "rset": "250 2.0.0 ok", "bdat": "250 2.0.0 chunk",
         "ehlo": HELLO[:-2].decode(), "data": "354 go"}
# What is answered too often: how often, and how much later.
DOUBLES = [(what, times, ms) for what in ("final", "mail", "rcpt", "ehlo", "bdat")
           for times in (2, 3, 5) for ms in (0.5, 5, 50)]
WAYS = ("data", "chunk", "chunks")


def doubled(what, times, ms):
    def act(session, line):
        def again():
            try:
                session.wire.send((USUAL[what].encode() + b"\r\n") * (times - 1))
            except OSError:
                pass
        threading.Timer(ms / 1000, again).start()
        return USUAL[what]
    return act


def say(c, way, group, to):
    """One message as `way` says it: the code that ended it."""
    envelope = ["MAIL FROM:<a@example.org>"] + ["RCPT TO:<%s>" % x for x in to]
    if group:
        c.send("".join(x + "\r\n" for x in envelope).encode())
        got = c.replies(len(envelope))
    else:
        got = [c.cmd(x) for x in envelope]
    if got[0].code != 250 or not any(x.code == 250 for x in got[1:]):
        return got[-1].code
    text = simple()
    if way == "data":
        got = c.cmd("DATA")
        if got.code != 354:
            return got.code
        c.send(text + b".\r\n")
        return c.reply().code
    if way == "chunks":
        c.send(b"BDAT %d\r\n" % (len(text) - 3) + text[:-3])
        got = c.reply()
        if got.code != 250:
            return got.code
        text = text[-3:]
    c.send(b"BDAT %d LAST\r\n" % len(text) + text)
    return c.reply().code


def session(gw, one, way, group, second):
    """Two messages: of the one, what is doubled; the other, refused. `second`: all on
    one connection, or the refused one alone on its own."""
    with Smtp(gw.port()) as c:
        c.ehlo()
        if not second:
            one.script["final"] = "554 5.6.0 not this one"
        first = say(c, way, group, ["r@contoso.com"])
        if not second:
            return first
        one.script.update(final="554 5.6.0 not this one",
                          rcpt=lambda s, line: time.sleep(0.02) or USUAL["rcpt"])
        c.cmd("RSET")
        return say(c, way, group, ["r@contoso.com"])


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("what, times, ms", DOUBLES)
def test_no_false_250(gateway, pki, hop, what, times, ms, way):
    """By a client that waits and one that does not, as the second message of a kept
    connection and the first of a new one, in turn."""
    for group, second in ((False, True), (True, False)) if ms != 0.5 else \
            ((True, True), (False, False)):
        if what == "final" and not second:
            continue
        one = hop(script={what: [None, doubled(what, times, ms), None] if what == "ehlo"
                          else [doubled(what, times, ms), None]})
        config = base_config(pki, one, one)
        config["limits"] = dict(LIMITS)
        gw = gateway(config)
        got = session(gw, one, way, group, second)
        assert 400 <= got < 600, (group, second, got)
        if second:
            assert len(one.messages) <= 1


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("id, how", rows(("as-postfix", {}), ("plain", {"caps": PLAIN}),
                                         ("lmtp", {"lmtp": True})))
def test_lmtp_and_plain(gateway, pki, hop, id, how, way):
    """The same where EHLO or LHLO, or nothing but DATA, must prove it."""
    one = hop(script={"mail": [doubled("mail", 2, 5), None]}, **how)
    config = base_config(pki, one, one)
    if "lmtp" in how:
        for name in config["upstreams"]:
            config["upstreams"][name]["protocol"] = "lmtp"
    config["limits"] = dict(LIMITS)
    gw = gateway(config)
    one.script["final"] = "554 5.6.0 not this one"
    with Smtp(gw.port()) as c:
        c.ehlo()
        assert say(c, way, False, ["r@contoso.com", "s@contoso.com"]) >= 400
    assert one.messages == []


def test_lmtp_recipient_answered_twice(gateway, pki, hop):
    """The first one's yes must not be the second one's."""
    one = hop(lmtp=True, script={"final": [
        b"250 2.1.5 delivered\r\n250 2.1.5 delivered\r\n", "550 5.2.2 full"]})
    config = base_config(pki, one, one)
    for name in config["upstreams"]:
        config["upstreams"][name]["protocol"] = "lmtp"
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        assert say(c, "data", False, ["r@contoso.com", "s@contoso.com"]) >= 400


def test_found(gateway, pki, hop):
    """It is logged and counted, its connection goes, and it gets no BDAT from then on."""
    one = hop(script={"final": [doubled("final", 2, 20), None]})
    config = base_config(pki, one, one)
    config["status"] = "127.0.0.1:%d" % free_port()
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        for way in ("data", "data", "chunk", "data"):
            assert say(c, way, True, ["r@contoso.com"]) == 250
            time.sleep(0.1)
    assert wait_until(lambda: gw.events("out-of-step"))
    found = gw.events("out-of-step")
    assert [(x["upstream"], x["reason"]) for x in found] == \
        [("inbound", "upstream-out-of-step")]
    with urllib.request.urlopen("http://%s/metrics" % gw.config["status"], timeout=10) as answer:
        assert b'xoorg_upstream_out_of_step_total{upstream="inbound"} 1\n' in answer.read()
    assert [m.via for m in one.messages] == ["bdat", "data", "data", "data"]
    assert len({m.session for m in one.messages}) == 2


def test_in_step(gateway, pki, hop):
    """Nothing is doubled: each way of it arrives, and whole messages by one BDAT."""
    one = hop()
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        for way in WAYS:
            assert say(c, way, True, ["r@contoso.com", "s@contoso.com"]) == 250
    assert [m.via for m in one.messages] == ["bdat"] * 3
    assert [len(m.chunks) for m in one.messages] == [1, 1, 2]
    verbs = one.messages[0].session.verbs()
    assert verbs.count("EHLO") == 2 and verbs[-1] == "EHLO", verbs
    assert not gw.events("out-of-step")


@pytest.mark.parametrize("id, how, via", rows(
    ("as-postfix", {}, "bdat"), ("plain", {"caps": PLAIN}, "unproved"),
    ("rcpt-unworded", {"script": {"rcpt": "250 ok"}}, "unproved"),
    ("mail-unworded", {"script": {"mail": "250 ok"}}, "unproved"),
    ("mail-as-rcpt", {"script": {"mail": "250 2.1.5 ok"}}, "unproved")))
def test_who_gets_bdat(gateway, pki, hop, id, how, via):
    one = hop(**how)
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        for way in WAYS:
            assert say(c, way, True, ["r@contoso.com"]) == 250
    # The client's own chunks may hold what is no lines: EHLO behind them proves it.
    assert [m.via for m in one.messages] == \
        (["data", "bdat", "bdat"] if via == "unproved" else [via] * 3)


@pytest.mark.parametrize("id, how", rows(
    ("as-postfix", {}), ("plain", {"caps": PLAIN + ["BINARYMIME"]}),
    ("unworded", {"caps": list(CAPS) + ["BINARYMIME"], "script": {"rcpt": "250 ok"}})))
def test_binary(gateway, pki, hop, id, how):
    """It cannot go by DATA: EHLO behind it proves the 250."""
    one = hop(**dict({"caps": list(CAPS) + ["BINARYMIME"]}, **how))
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.want("MAIL FROM:<a@example.org> BODY=BINARYMIME", 250)
        c.rcpt()
        c.send(b"BDAT 14\r\nSubject: x\r\n\r\nBDAT 3 LAST\r\na\nb")
        assert [x.code for x in c.replies(2)] == [250, 250]
    assert one.one().body == b"a\nb" and one.one().via == "bdat"
    assert one.one().session.verbs()[-2:-1] == ["BDAT"]
