# SPDX-License-Identifier: ISC
"""MAIL: doc/protocol (b.2), M1 to M44. Where ours is the hardened reading, the
row says so."""
import pytest

from standard import Standard
from harness import Smtp, rows, simple

U = "u@contoso.com"


@pytest.fixture(scope="module")
def _observe(pki):
    env = Standard(pki)
    env.gw.stop()
    env.gw.write(env.gw.config.with_({"listeners.in.mode": "observe"}))
    env.gw.start()
    yield env
    env.close()


@pytest.fixture
def observe(_observe):
    _observe.clear()
    yield _observe
    _observe.gw.check()


def _result(env, c, params, sender=U):
    """Sends a message; where it arrived and the X-OriginatorOrg it had there."""
    c.deliver(simple(), sender, "r@contoso.com", params=params)
    message = env.messages[-1]
    where = "main" if message in env.main.messages else "inbound"
    values = message.fields("X-OriginatorOrg")
    assert len(values) <= 1
    return where, values[0] if values else None


# id, sender, parameters, value that counts (None: untrusted)
ACCEPTED = rows(
    ("M1", U, "SIZE=1000 XOORG=contoso.com", "contoso.com"),
    ("M2", U, "XOORG=contoso.com SIZE=1000 BODY=8BITMIME", "contoso.com"),
    ("M4", "", "XOORG=contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
    ("M5", U, "", None),
    ("M10", U, "XOORG=contoso+2Ecom", "contoso.com"),
    ("M11", U, "XOORG=contoso+2ecom", "contoso.com"),
    ("M41", U, "SIZE=1000\tXOORG=contoso.com", "contoso.com"),
)


@pytest.mark.parametrize("id, sender, params, value", ACCEPTED)
def test_accepted(std, id, sender, params, value):
    with std.connect("X") as c:
        where, got = _result(std, c, params, sender)
        assert (where, got) == ("main" if value else "inbound", value)


def test_M3_case(std):
    with std.connect("X") as c:
        c.want("mail from:<u@contoso.com> xoorg=Contoso.COM", 250)
        c.want("rcpt to:<r@contoso.com>", 250)
        c.data(simple())
    value, = std.main.one().fields("X-OriginatorOrg")
    assert value.lower() == "contoso.com"


# id, raw parameter: always 501 5.5.4, transaction not started
SYNTAX = rows(
    ("M6", "XOORG="),
    ("M7", "XOORG"),
    ("M8", "XOORG=contoso.com XOORG=contoso.com"),
    ("M9", "XOORG=contoso.com xoorg=fabrikam.com"),
    ("M12a", "XOORG=contoso+2"),
    ("M12b", "XOORG=contoso+"),
    ("M12c", "XOORG=contoso+ZZcom"),
    ("M13", "XOORG=a=b.com"),
    ("M14", "XOORG=contoso.com."),
    ("M15a", "XOORG=.contoso.com"),
    ("M15b", "XOORG=contoso..com"),
    ("M16a", "XOORG=[192.0.2.1]"),
    ("M16b", "XOORG=[IPv6:::1]"),
    ("M17a", "XOORG=user@contoso.com"),
    ("M17b", "XOORG=con*oso.com"),
    ("M17c", "XOORG=con/toso.com"),
    ("M20b", "XOORG=" + "a" * 64 + ".com"),
    ("M21b", "XOORG=" + ".".join(["a" * 63] * 3) + "." + "b" * 64),
    ("M21c", "XOORG=" + ".".join(["a" * 63] * 4) + ".b"),
    ("M21d", "XOORG=" + ".".join(["a" * 63] * 3) + "." + "b" * 62 + ".c"),	# 256
    ("M22a", "XOORG=cont\xc3\xb6so.com"),
    ("M22b", "SMTPUTF8 XOORG=cont\xc3\xb6so.com"),
    ("M22c", "XOORG=contoso\xff.com"),
    ("M23a", "XOORG=contoso+00.com"),
    ("M23b", "XOORG=contoso+0D+0Acom"),
    ("M23c", "XOORG=contoso+20com"),
    ("M25", "XOORG=contoso\\x{2E}com"),		# hardened
    ("M31", "SIZE=99999999 XOORG=!"),
)


@pytest.mark.parametrize("id, params", SYNTAX)
def test_syntax(std, id, params):
    with std.connect("X") as c:
        c.mail(U, params, want="501 5.5.4")
        c.want("RCPT TO:<r@contoso.com>", 503)
        c.mail(U, "XOORG=contoso.com")		# still in step
    assert std.main.tries == [] and std.inbound.tries == []


# id, value: well-formed, nobody's here
FOREIGN = rows(
    ("M18", "localhost"),
    ("M19", "_a-.contoso.com"),
    ("M20a", "a" * 63 + ".com"),
    ("M21a", ".".join(["a" * 63] * 3) + "." + "b" * 63),
    ("M24", "xn--bcher-kva.example"),
    ("M26", "fabrikam.com"),
    ("M27", "sct-15-20-9412-4-msonline-outlook-990eb.templateTenant"),
)


@pytest.mark.parametrize("id, value", FOREIGN)
def test_foreign_enforce(std, id, value):
    with std.connect("X") as c:
        c.mail(U, "XOORG=" + value, want="550 5.7.1")
        c.mail(U, "XOORG=contoso.com")


@pytest.mark.parametrize("id, value", FOREIGN)
def test_foreign_observe(observe, id, value):
    with observe.connect("X") as c:
        assert _result(observe, c, "XOORG=" + value) == ("inbound", None)
    event = observe.gw.event()
    assert event["verdict"] == "unknown_org" and event["action"] == "demote"
    assert event["would"] == "reject" and event["xoorg"] == value


@pytest.mark.parametrize("id, state", rows(("M28-C", "C"), ("M28-T0", "T"), ("M28-TO", "TO")))
def test_M28_not_announced(std, id, state):
    with std.connect(state) as c:
        c.mail(U, "XOORG=contoso.com", want="501 5.5.4")
        assert _result(std, c, "") == ("inbound", None)


def test_M29_malformed_and_not_announced(std):
    with std.connect("C") as c:
        c.mail(U, "XOORG=", want="501 5.5.4")
        c.mail(U)


def test_M30_size(std):
    with std.connect("X") as c:
        c.mail(U, "SIZE=99999999 XOORG=contoso.com", want="552 5.3.4")
        c.mail(U, "SIZE=1000 XOORG=contoso.com")


def test_M32_unknown_parameter(std):
    with std.connect("X") as c:
        c.mail(U, "XOORG=contoso.com FOO=bar", want="555 5.5.4")
        c.mail(U, "XOORG=contoso.com")


def test_M33_nested(std):
    with std.connect("X") as c:
        c.mail(U, "SIZE=1000 XOORG=contoso.com")
        c.want("MAIL FROM:<v@contoso.com>", 503)
        c.rcpt()
        c.data(simple())
    message = std.main.one()
    assert message.fields("X-OriginatorOrg") == ["contoso.com"] and message.sender == U


@pytest.mark.parametrize("id, between", rows(("M34", "RSET"), ("M35", "EHLO x")))
def test_forgotten(std, id, between):
    with std.connect("X") as c:
        c.mail(U, "XOORG=contoso.com")
        c.want(between, 250)
        assert _result(std, c, "", "v@x.example") == ("inbound", None)


@pytest.mark.parametrize("id, between", rows(("M34r", "RSET"), ("M35r", "EHLO x")))
def test_forgotten_behind_rcpt(std, id, between):
    with std.connect("X") as c:
        c.mail(U, "XOORG=contoso.com")
        c.rcpt()
        c.want(between, 250)
        assert _result(std, c, "", "v@x.example") == ("inbound", None)


def test_M36_no_carry_over(std):
    with std.connect("X") as c:
        assert _result(std, c, "XOORG=contoso.com") == ("main", "contoso.com")
        assert _result(std, c, "", "v@x.example") == ("inbound", None)
        assert _result(std, c, "XOORG=contoso.com") == ("main", "contoso.com")


def test_M37_two_values(observe):
    with observe.connect("X") as c:
        assert _result(observe, c, "XOORG=contoso.com") == ("main", "contoso.com")
        assert _result(observe, c, "XOORG=fabrikam.com") == ("inbound", None)


def test_M37_two_values_enforce(std):
    with std.connect("X") as c:
        assert _result(std, c, "XOORG=contoso.com") == ("main", "contoso.com")
        c.mail(U, "XOORG=fabrikam.com", want="550 5.7.1")


def test_M38_too_many_errors(std):
    with std.connect("X") as c:
        codes = []
        for _ in range(25):
            codes.append(c.cmd("MAIL FROM:<u@contoso.com> XOORG="))
            if codes[-1].code == 421:
                break
        assert [x.code for x in codes[:-1]] == [501] * (len(codes) - 1)
        assert codes[-1].matches("421 4.7.0") and len(codes) <= 21
        assert c.expect_close() == b""


def test_M39_M40_anonymous_removed(gateway, pki, hop):
    from harness import base_config
    main = hop()
    gw = gateway(base_config(pki, main))		# no demote_to
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")	# M39
    main.one()
    with Smtp(gw.port()) as c:
        c.hello()
        c.want("MAIL FROM:<u@contoso.com>", "550 5.7.1|530 5.7.1")	# M40
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.want("MAIL FROM:<u@contoso.com>", "550 5.7.1|530 5.7.1")	# no_org
        c.deliver(simple(), xoorg="contoso.com")


def test_M42_too_long(std):
    with std.connect("X") as c:
        c.send(b"MAIL FROM:<u@contoso.com> XOORG=contoso.com" + b" ENVID=aaaa" * 5000
               + b"\r\n")
        reply = c.reply()
        assert reply.matches("500 5.5.2")


@pytest.mark.parametrize("id, relay, want", rows(("M43", False, "550 5.7.1"),
                                                 ("M44", True, "250")))
def test_relay(gateway, pki, hop, id, relay, want):
    from harness import base_config
    main = hop()
    gw = gateway(base_config(pki, main, hop(), tenants__contoso__relay=relay))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail(U, "XOORG=contoso.com")
        c.rcpt("a@elsewhere.example", want=want)
        c.rcpt("a@contoso.com")
        c.data(simple())
    assert main.one().recipients == (["a@elsewhere.example"] if relay else []) + \
        ["a@contoso.com"]
