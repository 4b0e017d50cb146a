# SPDX-License-Identifier: ISC
"""Verdict and action: which mail goes where, with what mark, and what is logged."""
import json

import pytest

from harness import Smtp, base_config, free_port, rows, simple, wait_until

U = "u@contoso.com"


def _send(gw, pki, want, *, cert=True, sender=U, to="r@contoso.com", xoorg=None, content=None):
    """want: the reply that ends it, wherever it comes."""
    with Smtp(gw.port()) as c:
        c.hello(pki.exo if cert else None)
        got = c.cmd("MAIL FROM:<%s>%s" % (sender, " XOORG=" + xoorg if xoorg else ""))
        if got.code == 250:
            got = c.cmd("RCPT TO:<%s>" % to)
        if got.code == 250:
            got = c.data(content or simple(), "250|4xx|5xx")
        assert got.matches(want), "got %r, want %s" % (got, want)


FORGED = ("X-OriginatorOrg: contoso.com\r\n"
          "Authentication-Results: gw.contoso.test; x-xoorg=pass smtp.xoorg=contoso.com\r\n"
          "Authentication-Results: other.example; spf=pass\r\n"
          "X-MS-Exchange-CrossPremises-AuthAs: Internal\r\n"
          "X-MS-Exchange-Organization-AuthAs: Internal\r\n")


def test_stranger_is_demoted(std):
    """No certificate, the same port: ordinary mail, no trust header."""
    with std.connect("T") as c:
        c.deliver(simple(FORGED), "stranger@e.example", "r@contoso.com")
    m = std.inbound.one()
    assert std.main.tries == []
    assert m.fields("X-OriginatorOrg") == []
    assert not [x for x in m.fields() if x[0].lower().startswith("x-ms-exchange-")]
    ours = [x for x in m.fields("Authentication-Results") if x.startswith("gw.contoso.test")]
    assert len(ours) == 1 and "x-xoorg=none" in ours[0]
    assert any(x.startswith("other.example") for x in m.fields("Authentication-Results"))


def test_stranger_in_clear_text(std):
    with std.connect("C") as c:
        c.deliver(simple(FORGED), "stranger@e.example", "anyone@anywhere.example")
    assert std.inbound.one().recipients == ["anyone@anywhere.example"]


# id, changes, certificate?, sender, recipient, xoorg, reply, where it goes
VERDICTS = rows(
    ("verified", {}, True, U, None, "contoso.com", "250", "main"),
    ("unknown_org-reject", {}, True, U, None, "fabrikam.com", "550 5.7.1", None),
    ("unknown_org-demote", {"unknown_org": "demote"}, True, U, None, "fabrikam.com", "250",
     "inbound"),
    ("unknown_org-tempfail", {"unknown_org": "tempfail"}, True, U, None, "fabrikam.com",
     "451 4.7.1", None),
    ("unknown_org-accept", {"unknown_org": "accept"}, True, U, None, "fabrikam.com", "250",
     "main"),
    ("no_org-demote", {}, True, U, None, None, "250", "inbound"),
    ("no_org-reject", {"no_org": "reject"}, True, U, None, None, "550 5.7.1", None),
    ("no_org-tempfail", {"no_org": "tempfail"}, True, U, None, None, "451 4.7.1", None),
    ("mismatch-reject", {"sender_domains": ["contoso.com"]}, True, "x@evil.example", None,
     "contoso.com", "550 5.7.1", None),
    ("mismatch-demote", {"sender_domains": ["contoso.com"], "sender_mismatch": "demote"},
     True, "x@evil.example", None, "contoso.com", "250", "inbound"),
    ("mismatch-tempfail", {"sender_domains": ["contoso.com"], "sender_mismatch": "tempfail"},
     True, "x@evil.example", None, "contoso.com", "451 4.7.1", None),
    ("mismatch-right-sender", {"sender_domains": ["contoso.com"]}, True, "x@CONTOSO.com",
     None, "contoso.com", "250", "main"),
    ("mismatch-null-sender", {"sender_domains": ["contoso.com"]}, True, "", None,
     "contoso.com", "250", "main"),
    ("mismatch-subdomain", {"sender_domains": ["contoso.com"]}, True, "x@sub.contoso.com",
     None, "contoso.com", "550 5.7.1", None),
    ("mismatch-wildcard", {"sender_domains": ["*.contoso.com"]}, True, "x@sub.contoso.com",
     None, "contoso.com", "250", "main"),
    ("unauthenticated-demote", {}, False, U, None, None, "250", "inbound"),
    ("unauthenticated-nowhere", {"demote_to": ""}, False, U, None, None, "550 5.7.1", None),
    ("no_org-nowhere", {"demote_to": ""}, True, U, None, None, "550 5.7.1", None),
    ("recipient-own", {}, True, U, "R@Contoso.COM", "contoso.com", "250", "main"),
    ("recipient-foreign", {}, True, U, "r@e.example", "contoso.com", "550 5.7.1", None),
    ("recipient-foreign-relay", {"relay": True}, True, U, "r@e.example", "contoso.com",
     "250", "main"),
    ("recipient-demoted", {}, False, U, "r@e.example", None, "250", "inbound"),
    ("second-org", {}, True, U, None, "CONTOSO.onmicrosoft.COM", "250", "main"),
)
TENANT_KEYS = ("sender_domains", "relay")


def _config(pki, main, inbound, changes, **more):
    config = base_config(pki, main, inbound, **more)
    for key, value in changes.items():
        config.set(("tenants.contoso." if key in TENANT_KEYS else "listeners.in.") + key,
                   value)
    return config


@pytest.mark.parametrize("id, changes, cert, sender, to, xoorg, want, where", VERDICTS)
def test_verdict(gateway, pki, hop, id, changes, cert, sender, to, xoorg, want, where):
    main, inbound = hop(), hop()
    gw = gateway(_config(pki, main, inbound, changes))
    _send(gw, pki, want, cert=cert, sender=sender, to=to or "r@contoso.com", xoorg=xoorg,
          content=simple(FORGED))
    for name, one in (("main", main), ("inbound", inbound)):
        assert len(one.tries) == (where == name), name
    if where:
        m = (main if where == "main" else inbound).one()
        verified = id.split("-")[0] in ("verified", "second", "recipient") and \
            where == "main" or id in ("mismatch-right-sender", "mismatch-null-sender",
                                      "mismatch-wildcard")
        assert [x.lower() for x in m.fields("X-OriginatorOrg")] == \
            ([xoorg.lower()] if verified else [])
        assert not m.fields("X-MS-Exchange-Organization-AuthAs")
        assert bool(m.fields("X-MS-Exchange-CrossPremises-AuthAs")) == verified
        ours = [x for x in m.fields("Authentication-Results")
                if x.startswith("gw.contoso.test")]
        assert len(ours) == 1
        assert ("x-xoorg=pass" in ours[0]) == verified


# id, changes, certificate?, sender, xoorg, verdict, would
OBSERVED = rows(
    ("unknown_org", {}, True, U, "fabrikam.com", "unknown_org", "reject"),
    ("unknown_org-tempfail", {"unknown_org": "tempfail"}, True, U, "fabrikam.com",
     "unknown_org", "tempfail"),
    ("no_org-reject", {"no_org": "reject"}, True, U, None, "no_org", "reject"),
    ("mismatch", {"sender_domains": ["contoso.com"]}, True, "x@evil.example", "contoso.com",
     "sender_mismatch", "reject"),
)


@pytest.mark.parametrize("id, changes, cert, sender, xoorg, verdict, would", OBSERVED)
def test_observe(gateway, pki, hop, id, changes, cert, sender, xoorg, verdict, would):
    main, inbound = hop(), hop()
    gw = gateway(_config(pki, main, inbound, changes, listeners__in__mode="observe"))
    _send(gw, pki, "250", cert=cert, sender=sender, xoorg=xoorg, content=simple(FORGED))
    m = inbound.one()
    assert main.tries == [] and m.fields("X-OriginatorOrg") == []
    event = gw.event()
    assert (event["verdict"], event["action"], event["would"]) == (verdict, "demote", would)
    assert event["xoorg"] == xoorg or not xoorg and event["xoorg"] in ("", "none")
    assert event["listener"] == "in" and event["upstream"] == "inbound"


def test_observe_verified_is_accepted(gateway, pki, hop):
    main = hop()
    gw = gateway(_config(pki, main, hop(), {}, listeners__in__mode="observe"))
    _send(gw, pki, "250", xoorg="contoso.com")
    main.one()
    event = gw.event()
    assert (event["verdict"], event["action"]) == ("verified", "accept")
    assert event.get("would", "accept") in ("", "accept")


# id, changes, recipient that enforcing refuses, why
OBSERVED_RECIPIENTS = rows(
    ("forgotten-domain", {}, "r@forgotten.example", "rcpt-relay"),
    ("route", {}, "victim%e.example@contoso.com", "rcpt-routed"),
)


@pytest.mark.parametrize("id, changes, to, why", OBSERVED_RECIPIENTS)
def test_observe_recipient(gateway, pki, hop, id, changes, to, why):
    """A recipient that enforcing refuses: the message is ordinary mail."""
    main, inbound = hop(), hop()
    gw = gateway(_config(pki, main, inbound, changes, listeners__in__mode="observe"))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(FORGED), U, [to, "r@contoso.com", to], xoorg="contoso.com")
    m = inbound.one()
    assert m.recipients == [to, "r@contoso.com", to] and main.tries == []
    assert m.fields("X-OriginatorOrg") == []
    assert m.fields("X-MS-Exchange-CrossPremises-AuthAs") == []
    event = gw.event()
    assert (event["verdict"], event["action"], event["would"], event["tenant"]) == \
        ("verified", "demote", "reject", "contoso")
    told = gw.events("observed")
    assert [(x["reason"], x["to"], x["to_domain"], x["tenant"], x["xoorg"], x["from"],
             x["would"]) for x in told] == \
        2 * [(why, to, to.split("@")[1], "contoso", "contoso.com", U, "reject")]
    assert gw.events("refused") == []


def test_observed_recipients_are_counted(gateway, pki, hop):
    """By tenant and domain: what enforcing would have done, and what it does."""
    from test_status import get
    config = _config(pki, hop(), hop(), {}, listeners__in__mode="observe",
                     status="127.0.0.1:%d" % free_port())
    config["listeners"]["strict"] = dict(config["listeners"]["in"], mode="enforce",
                                         listen=["127.0.0.1:%d" % free_port()])
    gw = gateway(config)
    for listener, want in (("in", 250), ("in", 250), ("strict", 550)):
        with Smtp(gw.port(listener)) as c:
            c.hello(pki.exo)
            c.mail(U, "XOORG=contoso.com")
            c.rcpt("r@Forgotten.example", want=want)
            c.rcpt("r@contoso.com")
    wait_until(lambda: gw.events("refused"))
    one, = json.loads(get(gw, "/orgs")[1])["recipients"]
    assert (one["recipient_domain"], one["tenant"], one["reason"], one["observed"],
            one["refused"]) == ("forgotten.example", "contoso", "rcpt-relay", 2, 1)
    text = get(gw, "/metrics")[1]
    for mode, n in (("observe", 2), ("enforce", 1)):
        assert 'xoorg_recipients_refused_total{tenant="contoso",reason="rcpt-relay",' \
            'mode="%s"} %d\n' % (mode, n) in text


def test_observe_recipient_behind_a_good_one(gateway, pki, hop):
    """It goes in a transaction of its own; what is verified stays verified."""
    main, inbound = hop(), hop()
    gw = gateway(_config(pki, main, inbound, {}, listeners__in__mode="observe"))
    bad = "r@forgotten.example"
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail(U, "XOORG=contoso.com")
        c.rcpt("r@contoso.com")
        c.rcpt(bad, want="452 4.5.3")
        c.rcpt("s@contoso.com")
        c.data(simple(), 250)
        c.deliver(simple(), U, [bad], xoorg="contoso.com")
    assert main.one().recipients == ["r@contoso.com", "s@contoso.com"]
    assert main.one().fields("X-OriginatorOrg") == ["contoso.com"]
    assert inbound.one().recipients == [bad]
    assert [x["reason"] for x in gw.wait_events(1, "refused")] == ["rcpt-apart"]
    assert [x["reason"] for x in gw.wait_events(2, "observed")] == 2 * ["rcpt-relay"]


def test_observe_pipelined_recipients(gateway, pki, hop):
    """In one piece, to a next hop that is not there yet."""
    main, inbound = hop(), hop()
    gw = gateway(_config(pki, main, inbound, {}, listeners__in__mode="observe"))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.send(b"MAIL FROM:<u@contoso.com> XOORG=contoso.com\r\n"
               b"RCPT TO:<r@forgotten.example>\r\nRCPT TO:<r@contoso.com>\r\nRSET\r\n"
               b"MAIL FROM:<u@contoso.com> XOORG=contoso.com\r\n"
               b"RCPT TO:<r@contoso.com>\r\nRCPT TO:<r@forgotten.example>\r\n")
        assert [x.code for x in c.replies(7)] == [250, 250, 250, 250, 250, 250, 452]
        c.data(simple(), 250)
    assert main.one().recipients == ["r@contoso.com"]
    assert inbound.messages == []


def test_observe_without_demote_to(gateway, pki, hop):
    """There is nowhere to let it go: refused as if it were enforced, and told so."""
    main = hop()
    gw = gateway(_config(pki, main, None, {}, listeners__in__mode="observe"))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail(U, "XOORG=contoso.com")
        c.rcpt("r@forgotten.example", want="550 5.7.1")
        c.rcpt("r@contoso.com")
        c.data(simple(), 250)
    told, = gw.wait_events(1, "refused")
    assert (told["reason"], told["to"], told["to_domain"], told["tenant"], told["xoorg"]) == \
        ("rcpt-relay", "r@forgotten.example", "forgotten.example", "contoso", "contoso.com")
    assert gw.events("observed") == []


def test_observe_ours_without_tenant(gateway, pki, hop):
    """The next hop wants a tenant's certificate, and the sender is nobody's."""
    main, inbound = hop(), hop()
    tenant = pki.tenant("contoso")
    config = _config(pki, main, inbound, {}, listeners__in__mode="observe",
                     listeners__in__peers=["exchange-online", "local-mta"])
    config["upstreams"]["main"].update(tls="verify", trust=pki.ca,
                                       client_certificate="tenant")
    config["tenants"]["contoso"].update(client_certificate=tenant.cert,
                                        client_key=tenant.key)
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple(), "a@nobody.example", "r@contoso.com")
        c.deliver(simple(), "", "r@nobody.example")
    assert [m.recipients for m in inbound.messages] == [["r@contoso.com"], ["r@nobody.example"]]
    assert main.tries == []
    assert {x["would"] for x in gw.wait_events(2)} == {"reject"}


def test_tenant_upstream(gateway, pki, hop):
    """One session: three messages, three next hops."""
    main, inbound, own = hop(), hop(), hop()
    config = base_config(pki, main, inbound)
    config["upstreams"]["own"] = {"hosts": [own.address]}
    config["tenants"]["fabrikam"] = {"originator_orgs": ["fabrikam.com"],
                                     "recipient_domains": ["fabrikam.com"],
                                     "upstream": "own"}
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
        c.deliver(simple(), "u@fabrikam.com", "r@fabrikam.com", xoorg="fabrikam.com")
        c.deliver(simple())
        # a tenant's XOORG does not open another tenant's recipients
        c.mail("u@fabrikam.com", "XOORG=fabrikam.com")
        c.rcpt("r@contoso.com", want="550 5.7.1")
    assert main.one().fields("X-OriginatorOrg") == ["contoso.com"]
    assert own.one().fields("X-OriginatorOrg") == ["fabrikam.com"]
    assert inbound.one().fields("X-OriginatorOrg") == []


def test_caps_are_the_intersection(gateway, pki, hop):
    main = hop(caps=("PIPELINING", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN", "X-EXPS",
                     "XRDST", "ETRN", "AUTH PLAIN LOGIN", "BINARYMIME", "CHUNKING"))
    inbound = hop(caps=("SIZE 5000000", "8BITMIME", "ETRN"))
    gw = gateway(base_config(pki, main, inbound))
    with Smtp(gw.port()) as c:
        r = c.hello(pki.exo)
        assert r.has("SIZE") == "1000000"
        for word in ("8BITMIME", "PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES"):
            assert r.count(word) == 1, word
        for word in ("SMTPUTF8", "DSN", "BINARYMIME", "X-EXPS", "XRDST", "ETRN", "AUTH",
                     "STARTTLS", "XCLIENT"):
            assert r.count(word) == 0, word


def test_require_tls(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), hop(), listeners__in__require_tls=True))
    with Smtp(gw.port()) as c:
        c.ehlo()
        assert c.cmd("MAIL FROM:<u@contoso.com>").code in (451, 530)
    with Smtp(gw.port()) as c:
        c.hello()
        c.mail()


@pytest.mark.parametrize("source", ["tenant", "message"])
def test_pass_on_xoorg(gateway, pki, hop, source):
    """An upstream that announces XOORG gets it only if set so, over verified TLS."""
    from harness import CAPS, server_context
    with_tls = hop(tls=server_context(pki.exchange, client_ca=pki.ca),
                   caps_tls=CAPS + ("XOORG",))
    config = base_config(pki, with_tls)
    config["upstreams"]["main"].update(tls="verify", tls_name="mail.contoso.test",
                                       trust=pki.ca, xoorg=source)
    gw = gateway(config)
    _send(gw, pki, "250", xoorg="contoso.com")
    assert "XOORG=contoso.com" in with_tls.one().params()


def test_never_xoorg_to_a_plain_hop(gateway, pki, hop):
    main = hop(caps=("XOORG", "SIZE 1000000", "8BITMIME"))
    gw = gateway(base_config(pki, main))
    _send(gw, pki, "250", xoorg="contoso.com")
    assert b"XOORG" not in main.one().mail
