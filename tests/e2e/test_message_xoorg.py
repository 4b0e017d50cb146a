# SPDX-License-Identifier: ISC
"""xoorg = "message": in through the gateway, verified and stamped, an MTA that stores,
out through the gateway again, which reads the value from the message. doc/protocol
5.4, b.3, b.5."""
import pytest

from harness import (CAPS, Do, Smtp, base_config, demote_as_trusted, free_port, rows,
                     server_context, simple)


@pytest.fixture
def ring(gateway, pki, hop):
    """In: from Exchange Online to `store`. Out: from 127.0.0.1 (relay) to `exchange`;
    everybody else there is a stranger."""
    def make(caps=CAPS + ("XOORG",), script=None, changes=None, caps_clear=CAPS):
        store = hop()
        exchange = hop(tls=server_context(pki.exchange, client_ca=pki.ca), caps=caps_clear,
                       caps_tls=caps, script=script)
        config = base_config(pki, store, store)
        config["tenants"]["fabrikam"] = {"originator_orgs": ["fabrikam.com"],
                                         "recipient_domains": ["fabrikam.com"]}
        config["peers"]["local-mta"] = {"networks": ["127.0.0.1/32"], "rights": ["relay"]}
        config["upstreams"]["exchange"] = {
            "hosts": [exchange.address], "tls": "verify", "tls_name": "mail.contoso.test",
            "trust": pki.ca, "client_certificate": pki.gw.cert, "client_key": pki.gw.key,
            "xoorg": "message"}
        config["listeners"]["out"] = {
            "listen": ["127.0.0.1:%d" % free_port()], "peers": ["local-mta"],
            "upstream": "exchange"}
        config["limits"] = {"mail_timeout": 2, "data_timeout": 2, "final_timeout": 2}
        for path, value in (changes or {}).items():
            config.set(path, value)
        demote_as_trusted(config, "out", exchange)
        return gateway(config), store, exchange
    return make


def come_in(gw, pki, store, xoorg="contoso.com", cert="exo", header=""):
    with Smtp(gw.port("in")) as c:
        c.hello(pki.exo if cert == "exo" else None)
        c.deliver(simple(header), xoorg=xoorg)
    return store.messages[-1].content


def go_out(gw, content, want=250, to=("r@contoso.com",), chunked=False, source="127.0.0.1",
           sender="u@contoso.com"):
    with Smtp(gw.port("out"), source=source) as c:
        c.ehlo()
        return c.deliver(content, sender=sender, to=to, chunked=chunked, want=want)


def values(m):
    return [x for x in m.params() if x.upper().startswith("XOORG")]


def content_of(value):
    return simple("X-OriginatorOrg: %s\r\n" % value if value else "")


@pytest.mark.parametrize("chunked", (False, True))
@pytest.mark.parametrize("org", ("contoso.com", "contoso.onmicrosoft.com", "fabrikam.com"))
def test_round_trip(ring, pki, org, chunked):
    gw, store, exchange = ring()
    with Smtp(gw.port("in")) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg=org, to=["r@" + ("fabrikam" if "fab" in org else "contoso")
                                           + ".com"])
    stored = store.one()
    assert stored.fields("X-OriginatorOrg") == [org]
    to = ["a@contoso.com", "b@contoso.com", "c@elsewhere.example"]
    go_out(gw, stored.content, to=to, chunked=chunked)
    m = exchange.one()
    assert values(m) == ["XOORG=" + org]
    assert m.fields("X-OriginatorOrg") == [org]
    assert m.recipients == to and m.sender == "u@contoso.com"
    assert stored.body == m.body
    verbs = [x for x in m.session.verbs() if x not in ("EHLO", "STARTTLS")]
    assert verbs[:9] == ["MAIL"] + ["RCPT"] * 3 + ["RSET", "MAIL"] + ["RCPT"] * 3


def test_pipelined(ring):
    """RSET, MAIL and all RCPTs in one segment."""
    seen = []
    gw, store, exchange = ring(script={"rset": lambda s, line: seen.append(s.wire.buffer)})
    go_out(gw, content_of("contoso.com"), to=["a@contoso.com", "b@contoso.com"])
    assert seen == [b"MAIL FROM:<u@contoso.com> XOORG=contoso.com\r\n"
                    b"RCPT TO:<a@contoso.com>\r\nRCPT TO:<b@contoso.com>\r\n"]
    exchange.one()


def test_without_pipelining(ring):
    seen = []
    gw, store, exchange = ring(
        caps=tuple(x for x in CAPS if x != "PIPELINING") + ("XOORG",),
        script={"rset": lambda s, line: seen.append(s.wire.buffer),
                "mail": lambda s, line: seen.append(s.wire.buffer)})
    go_out(gw, content_of("contoso.com"), to=["a@contoso.com", "b@contoso.com"])
    assert seen == [b""] * 3 and values(exchange.one()) == ["XOORG=contoso.com"]


def test_parameters_are_said_again(ring):
    gw, store, exchange = ring()
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail("u@contoso.com", "BODY=8BITMIME RET=HDRS ENVID=x SIZE=500")
        c.rcpt("a@contoso.com", "NOTIFY=NEVER")
        c.data(content_of("contoso.com"))
    first, second = [x for x in exchange.lines() if x.startswith(b"MAIL")]
    assert second == first + b" XOORG=contoso.com"
    assert exchange.one().rcpts == [b"RCPT TO:<a@contoso.com> NOTIFY=NEVER"]


def test_refused_recipient_is_not_said_again(ring):
    gw, store, exchange = ring(
        script={"rcpt": lambda s, line: "550 5.1.1 no" if b"<bad" in line else None})
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt("a@contoso.com")
        c.rcpt("bad@contoso.com", want=550)
        c.rcpt("b@contoso.com")
        c.data(content_of("contoso.com"))
    assert exchange.one().recipients == ["a@contoso.com", "b@contoso.com"]
    assert sum(b"bad@" in x for x in exchange.lines()) == 1


def test_large_message(ring):
    """The body streams behind; by DATA, by BDAT in pieces."""
    gw, store, exchange = ring()
    content = content_of("contoso.com") + b".x" * 36 + b"\r\n"
    content += b"0123456789" * 7 + b"\r\n"
    content += b"".join(b"%070d\r\n" % i for i in range(20000))
    go_out(gw, content)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.bdat([content[i:i + 30000] for i in range(0, len(content), 30000)])
        # a header in pieces
        c.mail()
        c.rcpt()
        c.bdat([content[i:i + 10] for i in range(0, 400, 10)] + [content[400:]])
    body = content.partition(b"\r\n\r\n")[2]
    assert [m.body == body for m in exchange.messages] == [True] * 3
    assert [values(m) for m in exchange.messages] == [["XOORG=contoso.com"]] * 3


# id, header, value that goes out
FIELDS = rows(
    ("none", "", None),
    ("case", "x-originatororg: contoso.com\r\n", "contoso.com"),
    ("value-case", "X-OriginatorOrg: Contoso.COM\r\n", "contoso.com"),
    ("blanks", "X-OriginatorOrg:  \t contoso.com \r\n", "contoso.com"),
    ("no-blank", "X-OriginatorOrg:contoso.com\r\n", "contoso.com"),
    ("nobody", "X-OriginatorOrg: nobody.example\r\n", None),
    ("empty", "X-OriginatorOrg:\r\n", None),
    ("two-words", "X-OriginatorOrg: contoso.com fabrikam.com\r\n", None),
    ("list", "X-OriginatorOrg: contoso.com, fabrikam.com\r\n", None),
    ("quoted", 'X-OriginatorOrg: "contoso.com"\r\n', None),
    ("dot", "X-OriginatorOrg: contoso.com.\r\n", None),
    ("address", "X-OriginatorOrg: u@contoso.com\r\n", None),
    ("sub", "X-OriginatorOrg: sub.contoso.com\r\n", None),
    ("parameter", "X-OriginatorOrg: contoso.com SIZE=1\r\n", None),
    ("xtext", "X-OriginatorOrg: contoso+2Ecom\r\n", None),
    ("long", "X-OriginatorOrg: " + "a" * 300 + ".com\r\n", None),
    ("8-bit", "X-OriginatorOrg: cont\xc3\xb6so.com\r\n", None),
    ("other-name", "X-OriginatorOrganization: contoso.com\r\n", None),
    ("internal-name", "X-MS-Exchange-Organization-OriginatorOrganization: contoso.com\r\n",
     None),
)


@pytest.mark.parametrize("id, header, want", FIELDS)
def test_field(ring, id, header, want):
    gw, store, exchange = ring()
    go_out(gw, simple(header))
    m = exchange.one()
    assert [x.lower() for x in values(m)] == (["xoorg=" + want] if want else [])
    assert [x.lower() for x in m.fields("X-OriginatorOrg")] == ([want] if want else [])
    assert m.fields("X-OriginatorOrganization") == []
    assert (b"RSET" in m.session.lines) == bool(want)


def test_field_in_the_body(ring):
    gw, store, exchange = ring()
    go_out(gw, simple("", "X-OriginatorOrg: contoso.com\r\n\r\nX-OriginatorOrg: contoso.com\r\n"))
    assert values(exchange.one()) == []


def test_stranger_never(ring):
    """Without the relay right the field is a stranger's."""
    gw, store, exchange = ring()
    go_out(gw, content_of("contoso.com"), source="127.0.0.9")
    m = exchange.one()
    assert values(m) == [] and m.fields("X-OriginatorOrg") == []


def test_told_client_never(ring):
    """Nor one who is told by XCLIENT, whatever address."""
    gw, store, exchange = ring(changes={
        "peers.filter": {"networks": ["127.0.0.6/32"], "rights": ["xclient", "relay"]},
        "listeners.out.peers": ["local-mta", "filter"]})
    with Smtp(gw.port("out"), source="127.0.0.6") as c:
        c.ehlo()
        c.want("XCLIENT ADDR=127.0.0.1", 220)
        c.ehlo()
        c.deliver(content_of("contoso.com"))
    m = exchange.one()
    assert values(m) == [] and m.fields("X-OriginatorOrg") == []


@pytest.mark.parametrize("id, xoorg, cert", rows(
    ("stranger", None, None), ("no-value", None, "exo")))
def test_forged_on_the_way_in(ring, pki, id, xoorg, cert):
    """The wall on the way in takes it: nothing is left to be read on the way out."""
    gw, store, exchange = ring()
    stored = come_in(gw, pki, store, xoorg, cert, "X-OriginatorOrg: contoso.com\r\n")
    assert b"x-originatororg" not in stored.lower()
    go_out(gw, stored)
    assert values(exchange.one()) == []


def test_forged_beside_a_true_one(ring, pki):
    gw, store, exchange = ring()
    stored = come_in(gw, pki, store, "contoso.com",
                     header="X-OriginatorOrg: fabrikam.com\r\nx-originatororg : fabrikam.com\r\n")
    go_out(gw, stored)
    assert values(exchange.one()) == ["XOORG=contoso.com"]


# --- the next hop thinks otherwise -----------------------------------------------------

@pytest.mark.parametrize("id, script, want", rows(
    ("rset-500", {"rset": "500 5.5.1 what"}, "4xx"),
    # a connection that was kept is replaced: nothing is committed yet
    ("rset-421", {"rset": "421 4.3.2 no"}, "250|4xx"),
    ("rset-fin", {"rset": Do.fin}, "250|4xx"),
    ("rset-stall", {"rset": Do.stall}, "4xx"),
    ("mail-4xx", {"mail": [None, "451 4.3.0 later"]}, "4xx"),
    ("mail-501", {"mail": [None, "501 5.5.4 Invalid arguments"]}, "451"),
    ("mail-fin", {"mail": [None, Do.fin]}, "4xx"),
    ("mail-354", {"mail": [None, "354 what"]}, "4xx"),
    ("rcpt-550", {"rcpt": [None, None, None, "550 5.1.1 no"]}, "4xx"),
    ("rcpt-451", {"rcpt": [None, None, "451 4.3.0 no", None]}, "4xx"),
    ("rcpt-all", {"rcpt": [None, None, "550 5.1.1 no"]}, "4xx"),
    ("rcpt-421", {"rcpt": [None, None, "421 4.3.2 no"]}, "4xx"),
    ("data-554", {"data": "554 5.6.0 no", "final": "554 5.6.0 no"}, "554"),
    ("final-451", {"final": "451 4.3.0 no"}, "451")))
@pytest.mark.parametrize("chunked", (False, True))
def test_another_answer(ring, id, script, want, chunked):
    """The client has its yes for two recipients: nothing less is delivered."""
    gw, store, exchange = ring(script=script)
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt("a@contoso.com")
        c.rcpt("b@contoso.com")
        content = content_of("contoso.com")
        got = c.bdat(content, want) if chunked else c.data(content, want)
        assert c.is_open()
        exchange.script.clear()
        c.deliver(content_of("contoso.com"))
    committed = exchange.messages
    assert len(committed) == (2 if got.code == 250 else 1)
    assert all(values(m) == ["XOORG=contoso.com"] for m in committed)
    assert got.code != 250 or len(committed[0].rcpts) == 2


def test_client_gone_meanwhile(ring):
    gw, store, exchange = ring(script={"rset": Do.late(0.3)})
    c = Smtp(gw.port("out"))
    c.ehlo()
    c.mail()
    c.rcpt()
    c.want("DATA", 354)
    c.send(content_of("contoso.com")[:-4])
    c.wire.close(reset=True)
    go_out(gw, content_of("contoso.com"))
    assert len(exchange.messages) == 1


# --- XOORG is not there ----------------------------------------------------------------

@pytest.mark.parametrize("id, caps, clear", rows(
    ("not-announced", CAPS, CAPS), ("C3-before-tls", CAPS, CAPS + ("XOORG",)),
    ("other", CAPS + ("XOORGX",), CAPS), ("glued", CAPS + ("XOORG=contoso.com",), CAPS)))
def test_not_announced(ring, id, caps, clear):
    """Then neither value nor the field that it would have vouched for."""
    gw, store, exchange = ring(caps=caps, caps_clear=clear)
    go_out(gw, content_of("contoso.com"))
    m = exchange.one()
    assert values(m) == [] and m.fields("X-OriginatorOrg") == []
    assert b"RSET" not in m.session.lines


@pytest.mark.parametrize("id, caps", rows(
    ("lower", CAPS + ("xoorg",)), ("C2-words", CAPS + ("XOORG whatever",)),
    ("mixed", CAPS + ("xOoRg",)), ("twice", CAPS + ("XOORG", "XOORG")),
    ("twice-case", CAPS + ("XOORG", "xoorg x")), ("first", ("XOORG",) + CAPS)))
def test_announced_somehow(ring, id, caps):
    gw, store, exchange = ring(caps=caps)
    go_out(gw, content_of("contoso.com"))
    assert values(exchange.one()) == ["XOORG=contoso.com"]


def test_required(ring):
    gw, store, exchange = ring(caps=CAPS, changes={"upstreams.exchange.require_xoorg": True})
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.mail()
        c.rcpt(want="451")
    assert exchange.tries == []


def test_helo_only(ring):
    """C6: EHLO is refused inside TLS."""
    gw, store, exchange = ring(script={"ehlo2": "500 5.5.1 no"})
    go_out(gw, content_of("contoso.com"))
    assert values(exchange.one()) == []


def test_lost_while_it_is_said_again(ring):
    """A connection used again that breaks at RSET: nothing is committed, a new one."""
    gw, store, exchange = ring(script={"rset": [None, Do.fin, None]})
    go_out(gw, content_of("contoso.com"))
    go_out(gw, content_of("fabrikam.com"), want="250|451")
    got = [values(m) for m in exchange.messages]
    assert got in ([["XOORG=contoso.com"], ["XOORG=fabrikam.com"]], [["XOORG=contoso.com"]])


def test_value_does_not_stay(ring):
    """C10: the next message of the same session and connection has its own."""
    gw, store, exchange = ring()
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        for value in ("contoso.com", None, "fabrikam.com", "nobody.example"):
            c.deliver(content_of(value))
    assert [values(m) for m in exchange.messages] == [
        ["XOORG=contoso.com"], [], ["XOORG=fabrikam.com"], []]
    assert len({m.session for m in exchange.messages}) == 1
