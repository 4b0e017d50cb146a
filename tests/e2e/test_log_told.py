# SPDX-License-Identifier: ISC
"""What a person looks for in the log: what the gateway is, whom a refusal was about, what a
next hop lacked, what was sent; and in ps(1), which process is which."""
import signal

import pytest

from harness import (CAPS, Smtp, base_config, children, free_port, out_config, rows,
                     server_context, simple, wait_until)


def one_event(gw, event, **has):
    """The only one of its kind that has these values."""
    def found():
        return [x for x in gw.events(event)
                if all(x.get(k) == v for k, v in has.items())]
    assert wait_until(lambda: len(found()) == 1, 10), gw.log()
    return found()[0]


def expect_start(gw, pki):
    own = one_event(gw, "listener", listener="in")
    assert own["listen"] == gw.config["listeners"]["in"]["listen"][0]
    assert (own["mode"], own["tls"], own["upstream"], own["demote_to"]) == \
        ("enforce", "default", "main", "inbound")
    assert "exchange-online" in own["peers"].split()
    tenants = one_event(gw, "tenants")
    assert int(tenants["count"]) == len(tenants["names"].split())
    assert "contoso" in tenants["names"].split()
    end = one_event(gw, "certificate", kind="tls")
    assert end["name"] == "default" and int(end["days"]) > 0 and end["until"].endswith("Z")


def test_start(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), hop()))
    expect_start(gw, pki)


def test_reload_tells_again(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), hop()))
    one_event(gw, "listener", listener="in")
    gw.crashes_allowed = 1		# the old worker ends
    gw.config.set("listeners.in.mode", "observe")
    gw.write()
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: len(gw.events("listener")) == 2, 10)
    assert [x["mode"] for x in gw.events("listener")] == ["enforce", "observe"]


def test_start_expired(gateway, pki, hop):
    """Of tenants only the one whose end is next; what has ended is an error."""
    own = pki.make("own-expired", "gw.contoso.test", days=(-10, -1))
    gw = gateway(out_config(pki, hop(), tls="encrypt", tls_name=None, trust=None,
                            client_certificate=own.cert, client_key=own.key))
    end = one_event(gw, "certificate", kind="upstream", name="exchange")
    assert (end["days"], end["level"]) == ("0", "error")
    one_event(gw, "certificate", kind="tenant")


def title(pid):
    with open("/proc/%d/cmdline" % pid, "rb") as f:
        return f.read().rstrip(b"\0").decode()


def test_titles(gateway, pki, hop):
    config = base_config(pki, hop(), hop(), workers=2, key_process=True,
                         status="127.0.0.1:%d" % free_port())
    gw = gateway(config)
    gw.crashes_allowed = 1		# at the reload
    wanted = ["keys", "log", "status", "worker 1", "worker 2"]
    assert wait_until(lambda: sorted(title(x) for x in children(gw.process.pid)) ==
                      ["xoorgd: " + x for x in wanted], 10)
    assert title(gw.process.pid) == "xoorgd: master"
    # The file is read again by the name that stood where the titles stand.
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: gw.events("reload"), 10)
    assert gw.events("reload")[0]["text"] == "new configuration"


# id, what the next hop does, settings, what is missing, what the reason is
LACKS = rows(
    ("xclient", {}, {"handover": "xclient"}, "smtpd_authorized_xclient_hosts",
     "upstream-handover"),
    ("xclient-addr", {"xclient": "NAME PROTO"}, {"handover": "xclient"}, "without ADDR",
     "upstream-handover"),
    ("xclient-refused", {"xclient": True, "script": {"xclient": "550 5.7.0 no"}},
     {"handover": "xclient"}, None, "upstream-handover"),
    ("starttls", {}, {"tls": "encrypt"}, "STARTTLS was not announced", "upstream-tls"),
    ("starttls-refused", {"caps": CAPS + ("STARTTLS",),
                          "script": {"starttls": "454 4.7.0 not now"}},
     {"tls": "encrypt"}, None, "upstream-tls"),
    ("nobody", None, {}, None, "upstream-connect"),
)


@pytest.mark.parametrize("id, how, settings, lacks, reason", LACKS)
def test_next_hop_lacks(gateway, pki, hop, id, how, settings, lacks, reason):
    config = base_config(pki, hop(**how or {}))
    config.set("listeners.in.demote_to", "main").set("listeners.in.peers", [])
    if how is None:
        config.set("upstreams.main.hosts", ["127.0.0.1:%d" % free_port()])
    config["upstreams"]["main"].update(settings)
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail("u@e.example")
        c.rcpt("r@contoso.com", want="451")
        c.want("RSET", 250)
    assert wait_until(lambda: gw.events("message"), 10)
    event = [x for x in gw.events("upstream") if x["reason"] == reason][-1]
    assert event["host"] == config["upstreams"]["main"]["hosts"][0]
    assert (lacks in event["missing"]) if lacks else "missing" not in event
    # And the message says whom it was for.
    message = gw.event()
    assert message["reason"] == reason
    assert (message["to"], message["to_domain"]) == ("r@contoso.com", "contoso.com")


def test_next_hop_lacks_xoorg(gateway, pki, hop):
    exchange = hop(tls=server_context(pki.exchange, client_ca=pki.ca))
    gw = gateway(out_config(pki, exchange, xoorg="contoso.com", require_xoorg=True))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451 4.7.3")
    assert wait_until(lambda: gw.events("upstream"), 10)
    event = gw.events("upstream")[-1]
    assert "XOORG was not announced" in event["missing"]
    assert event["host"] == exchange.address


@pytest.mark.parametrize("announced", (True, False))
def test_xoorg_sent(gateway, pki, hop, announced):
    """What went out, not what was meant to."""
    exchange = hop(tls=server_context(pki.exchange, client_ca=pki.ca),
                   caps_tls=CAPS + (("XOORG",) if announced else ()))
    gw = gateway(out_config(pki, exchange, xoorg="tenant"))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple(), "u@contoso.com")
    event = gw.event()
    assert (event["verdict"], event["reason"]) == ("ours", "delivered")
    assert event.get("xoorg_sent") == ("contoso.com" if announced else None)
    assert "to" not in event


def test_whom_the_next_hop_refused(gateway, pki, hop):
    """All refused: the last of them; the content refused: the first that was taken;
    delivered, but not to all: one of those it was not."""
    one = hop(script={"rcpt": lambda s, line: "550 5.1.1 no" if b"<no" in line else None,
                      "final": "554 5.7.1 spam"})
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail("u@e.example")
        c.rcpt("no1@contoso.com", want=550)
        c.rcpt("no2@contoso.com", want=550)
        c.want("RSET", 250)
        c.mail("u@e.example")
        c.rcpt("no3@contoso.com", want=550)
        c.rcpt("yes@contoso.com", want=250)
        c.rcpt("too@contoso.com", want=250)
        c.want("DATA", 354)
        c.send(simple() + b".\r\n")
        assert c.reply().code == 554
        one.script = {"rcpt": one.script["rcpt"]}
        c.mail("u@e.example")
        c.rcpt("yes@contoso.com", want=250)
        c.rcpt("no4@contoso.com", want=550)
        c.want("DATA", 354)
        c.send(simple() + b".\r\n")
        assert c.reply().code == 250
    events = gw.wait_events(3)
    assert [x["to"] for x in events] == ["no2@contoso.com", "yes@contoso.com",
                                         "no4@contoso.com"]
    assert [(x["rcpts"], x["refused"]) for x in events] == [("0", "2"), ("2", "1"), ("1", "1")]
    assert events[2]["reason"] == "delivered"
