# SPDX-License-Identifier: ISC
"""Whose mail it is decides what it may: protocol.md 3.2 as a full table, and the
actions `accept`, none of which relays. Most rows say who may not."""
import pytest

from harness import CAPS, Smtp, base_config, rows, server_context, simple

MTA = "127.0.0.7"
OWN = "contoso.onmicrosoft.com"		# what verified mail says, and the message

# xoorg: verified mail, mail of our own systems, other mail
SENT = {
    "": (None, None, None),
    "gate.example": ("gate.example", "gate.example", None),
    "tenant": (OWN, "contoso.com", None),
    "message": (OWN, OWN, None),
}


@pytest.fixture
def both(gateway, pki, hop):
    """Both upstreams are one next hop, which announces XOORG or does not."""
    def make(announces, xoorg="", **changes):
        ex = hop(tls=server_context(pki.exchange, client_ca=pki.ca),
                 caps_tls=CAPS + (("XOORG",) if announces else ()))
        config = base_config(pki, ex, ex)
        for name in ("main", "inbound"):
            config["upstreams"][name].update(tls="verify", tls_name="mail.contoso.test",
                                             trust=pki.ca, xoorg=xoorg)
        config["peers"]["local-mta"]["networks"] = [MTA + "/32"]
        config.set("listeners.in.peers", ["exchange-online", "local-mta"])
        for path, value in changes.items():
            config.set(path.replace("__", "."), value)
        return gateway(config), ex
    return make


ORIGINS = rows(("verified", 0), ("ours", 1), ("other", 2), ("other-no-org", 2))


@pytest.mark.parametrize("announces", [True, False], ids=["announces", "silent"])
@pytest.mark.parametrize("xoorg", sorted(SENT))
@pytest.mark.parametrize("origin, column", ORIGINS)
def test_which_xoorg_goes_out(both, pki, origin, column, xoorg, announces):
    gw, ex = both(announces, xoorg)
    with Smtp(gw.port(), source=MTA if origin == "ours" else "127.0.0.8") as c:
        c.hello(pki.exo if origin in ("verified", "other-no-org") else None,
                tls=origin != "ours")
        c.deliver(simple("X-OriginatorOrg: %s\r\n" % OWN),
                  xoorg=OWN if origin == "verified" else None)
    m = ex.one()
    sent = SENT[xoorg][column] if announces else None
    assert [x for x in m.params() if x.startswith("XOORG")] == \
        (["XOORG=" + sent] if sent else [])
    stamped = OWN if origin == "verified" else sent
    assert m.fields("X-OriginatorOrg") == ([stamped] if stamped else [])


# id, settings, certificate?, sender, xoorg
ACCEPTED = rows(
    ("unknown_org", {}, True, "u@contoso.com", "e.example"),
    ("no_org", {}, True, "u@contoso.com", None),
    ("sender_mismatch", {"tenants__contoso__sender_domains": ["contoso.com"]}, True,
     "u@e.example", "contoso.com"),
    ("unauthenticated", {}, False, "u@contoso.com", None),
)


@pytest.mark.parametrize("id, settings, cert, sender, xoorg", ACCEPTED)
def test_accepted_is_not_relayed(both, pki, id, settings, cert, sender, xoorg):
    gw, ex = both(True, "tenant", **{"listeners__in__" + id: "accept", **settings})
    with Smtp(gw.port()) as c:
        c.hello(pki.exo if cert else None)
        c.mail(sender, "XOORG=" + xoorg if xoorg else "")
        c.rcpt("r@e.example", want="550 5.7.1")
        c.rcpt("r@contoso.com.e.example", want="550 5.7.1")
        c.rcpt("r@contoso.com")
        c.data(simple(), 250)
    m = ex.one()
    assert m.recipients == ["r@contoso.com"]
    assert not any(x.startswith("XOORG") for x in m.params())
    assert m.fields("X-OriginatorOrg") == []
    assert gw.event()["upstream"] == "main"


@pytest.mark.parametrize("source, sender, to, want", [
    pytest.param("127.0.0.8", "u@contoso.com", "r@contoso.com", (550, None), id="stranger"),
    pytest.param("127.0.0.8", "", "r@contoso.com", (250, 550), id="stranger-null"),
    pytest.param(MTA, "u@e.example", "r@contoso.com", (550, None), id="ours-nobody"),
    pytest.param(MTA, "", "r@e.example", (250, 550), id="ours-null-nobody"),
    pytest.param(MTA, "", "r@contoso.com", (250, 250), id="ours-null"),
])
def test_a_tenant_s_certificate_is_not_a_stranger_s(both, pki, source, sender, to, want):
    tenant = pki.tenant("contoso")
    gw, ex = both(True, **{
        "upstreams__main__client_certificate": "tenant",
        "upstreams__inbound__client_certificate": "tenant",
        "tenants__contoso__client_certificate": tenant.cert,
        "tenants__contoso__client_key": tenant.key})
    with Smtp(gw.port(), source=source) as c:
        c.ehlo()
        got = [c.cmd("MAIL FROM:<%s>" % sender).code, None]
        if got[0] == 250:
            got[1] = c.cmd("RCPT TO:<%s>" % to).code
    assert tuple(got) == want
    if 550 in want:
        assert ex.tries == []


def test_certificate_behind_xclient(both, pki):
    """A proxy that tells of a client, and then shows a good certificate of its own."""
    gw, ex = both(True, **{"peers__filter": {"networks": ["127.0.0.6/32"],
                                             "rights": ["xclient", "relay"]},
                           "listeners__in__peers": ["exchange-online", "filter"]})
    with Smtp(gw.port(), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=192.0.2.7", 220)
        c.ehlo()
        c.starttls(pki.exo)
        assert c.ehlo().count("XOORG") == 0
        c.mail("u@contoso.com", "XOORG=contoso.com", want=501)
        c.deliver(simple("X-OriginatorOrg: contoso.com\r\n"), to="x@elsewhere.example")
    event = gw.event()
    assert (event["verdict"], event["action"]) == ("unauthenticated", "demote")
    assert ex.one().fields("X-OriginatorOrg") == []


ROUTED = ("victim%e.example@contoso.com", '"victim@e.example"@contoso.com',
          "e.example!victim@contoso.com", '"victim\\@e.example"@contoso.com',
          '"@e.example:victim"@contoso.com', "/c=de/s=victim/@contoso.com",
          '"|sh"@contoso.com', "-f@contoso.com", "host^victim@contoso.com",
          "IMCEASMTP-victim+40e+2Eexample@contoso.com")
PLAIN = ("anna@contoso.com", "anna+tag@contoso.com", "SRS0=x=tt=e.example=u@contoso.com",
         "anna_e.example#EXT#@contoso.com", '"anna berg"@contoso.com',
         "IMCEAEX-_o=contoso_cn=anna@contoso.com")


# id, settings, certificate?, xoorg, are routed recipients taken?
ROUTES = rows(
    ("verified", {}, True, "contoso.com", False),
    ("verified-relay", {"tenants__contoso__relay": True}, True, "contoso.com", True),
    ("verified-allowed", {"tenants__contoso__allow_untrusted_routing": True}, True,
     "contoso.com", True),
    ("no-org-accepted", {"listeners__in__no_org": "accept"}, True, None, False),
    ("no-org-accepted-relay", {"listeners__in__no_org": "accept",
                               "tenants__contoso__relay": True}, True, None, False),
    ("unknown-org-accepted", {"listeners__in__unknown_org": "accept"}, True, "e.example",
     False),
    ("ordinary", {}, False, None, True),
)


@pytest.mark.parametrize("id, settings, cert, xoorg, is_taken", ROUTES)
def test_routed_recipients(both, pki, id, settings, cert, xoorg, is_taken):
    gw, ex = both(False, **{"limits__errors": 100, **settings})
    with Smtp(gw.port()) as c:
        c.hello(pki.exo if cert else None)
        c.mail("u@contoso.com", "XOORG=" + xoorg if xoorg else "")
        for to in ROUTED:
            c.rcpt(to, want="250" if is_taken else "550 5.7.1")
        for to in PLAIN:
            c.rcpt(to)
        c.data(simple(), 250)
    assert ex.one().recipients == list((ROUTED if is_taken else ()) + PLAIN)


def test_routed_recipients_of_ours(both):
    gw, ex = both(False)
    with Smtp(gw.port(), source=MTA) as c:
        c.ehlo()
        c.deliver(simple(), to=list(ROUTED))
    assert ex.one().recipients == list(ROUTED)


@pytest.mark.parametrize("allowed", [False, True], ids=["strict", "allowed"])
@pytest.mark.parametrize("sender", ["a%b@contoso.com", '"evil@e.example"@contoso.com'])
def test_routed_sender(both, pki, sender, allowed):
    """In nobody's sender_domains, and no tenant's of our own systems'."""
    gw, ex = both(True, "tenant", tenants__contoso__sender_domains=["contoso.com"],
                  tenants__contoso__allow_untrusted_routing=allowed)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail(sender, "XOORG=contoso.com", want="250" if allowed else "550 5.7.1")
    with Smtp(gw.port(), source=MTA) as c:
        c.ehlo()
        c.deliver(simple(), sender)
    assert ("XOORG=contoso.com" in ex.one().params()) == allowed
