# SPDX-License-Identifier: ISC
"""Parameters and addresses: doc/threat-model a.6."""
import pytest

from harness import rows, simple
from reaction import settled

A = "MAIL FROM:<a@example.org>"

# id, state, what follows the path, the reply, why (in the log)
MAIL = rows(
    ("M01", "T", " XOORG=contoso.com", "501 5.5.4", "xoorg-not-announced"),
    ("M02a", "X", " XOORG=contoso.com XOORG=contoso.com", "501 5.5.4", "param-twice"),
    ("M02b", "X", " XOORG=contoso.com xoorg=b", "501 5.5.4", "param-twice"),
    ("M05", "X", " XOORG=conto+GGso.com", "501 5.5.4", "xoorg-malformed"),
    ("M06", "X", " XOORG=contoso.com+4", "501 5.5.4", "xoorg-malformed"),
    ("M07", "X", " XOORG=", "501 5.5.4", "xoorg-malformed"),
    ("M08", "X", " XOORG", "501 5.5.4", "xoorg-malformed"),
    ("M09", "X", " XOORG=contoso.com.", "501 5.5.4", "xoorg-malformed"),
    ("M10a", "X", " XOORG=cont\xc3\xb6so.com", "501 5.5.4", "xoorg-malformed"),
    ("M10b", "X", " XOORG=xn--conts-mua.com", "550 5.7.1", "unknown-org"),
    ("M11", "X", " XOORG=[192.0.2.1]", "501 5.5.4", "xoorg-malformed"),
    ("M12", "X", " XOORG=" + ".".join(["a" * 49] * 6), "501 5.5.4", "xoorg-malformed"),
    ("M13", "X", "XOORG=contoso.com", "501 5.5.4", "param-syntax"),
    # between parameters it is a separator: M41
    ("M14", "X", "\tXOORG=contoso.com", "501 5.5.4", "param-syntax"),
    ("M15", "X", " XOORG=contoso.com\x0b", "501 5.5.4", "xoorg-malformed"),
    ("M16", "X", " XOORG=contoso.com SIZE", "501 5.5.4", "param-syntax"),
    ("M17-T", "T", " AUTH=a+0D+0AQUIT", "501 5.5.4", "param-syntax"),
    ("M17-X", "X", " AUTH=a+0D+0AQUIT", "501 5.5.4", "param-syntax"),
    ("M18", "T", " FOO=bar", "555 5.5.4", "param-unknown"),
    ("M19", "T", " SIZE=37748737", "552 5.3.4", "size"),
    ("M19b", "T", " SIZE=18446744073709551616", "501 5.5.4", "param-syntax"),
    ("M20", "T", " SIZE=-1", "501 5.5.4", "param-syntax"),
    ("M20b", "T", " SIZE=", "501 5.5.4", "param-syntax"),
    ("M20c", "T", " SIZE=1x", "501 5.5.4", "param-syntax"),
    ("M27", "T", " SIZE=1 SIZE=1", "501 5.5.4", "param-twice"),
    ("M28a", "T", " BODY=9BIT", "501 5.5.4", "param-body"),
    ("M28b", "T", " BODY=7BIT BODY=7BIT", "501 5.5.4", "param-twice"),
    ("M28c", "T", " RET=FULL RET=HDRS", "501 5.5.4", "param-twice"),
    ("M28d", "T", " RET=SOME", "501 5.5.4", "param-syntax"),
    ("M30", "T", " ENVID=a+00b", "501 5.5.4", "param-syntax"),
    ("M30b", "T", " ENVID=a+0D+0Ab", "501 5.5.4", "param-syntax"),
    ("M30c", "T", " SMTPUTF8=1", "501 5.5.4", "param-syntax"),
    ("exchange-1", "X", " XATTRDIRECT=Incoming", "555 5.5.4", "param-unknown"),
    ("exchange-2", "X", " XATTRORGID=xorgid:1", "555 5.5.4", "param-unknown"),
    ("exchange-3", "X", " XSYSPROBEID=1", "555 5.5.4", "param-unknown"),
    ("exchange-4", "X", " XORIGFROM=a@b.example", "555 5.5.4", "param-unknown"),
    ("exchange-5", "X", " XMESSAGECONTEXT=x", "555 5.5.4", "param-unknown"),
    ("exchange-6", "X", " XSHADOW=x", "555 5.5.4", "param-unknown"),
    ("exchange-7", "X", " XMSGID=x", "555 5.5.4", "param-unknown"),
    ("good-1", "T", " SIZE=100 BODY=8BITMIME", "250 2.1.0", None),
    ("good-2", "T", " RET=HDRS ENVID=abc+2B", "250 2.1.0", None),
    ("good-3", "T", " size=100 body=8bitmime", "250 2.1.0", None),
    ("good-4", "X", " SIZE=1 AUTH=<> BODY=7BIT XOORG=contoso.com", "250 2.1.0", None),
)


@pytest.mark.parametrize("id, state, rest, want, why", MAIL)
def test_mail(std, id, state, rest, want, why):
    """A refused MAIL leaves no transaction, its one line in the log, and nothing at
    the next hop."""
    with std.connect(state) as c:
        c.want((A + rest).encode("latin-1"), want)
        if why:
            c.want("RCPT TO:<r@contoso.com>", "503 5.5.1")
        assert c.is_open()
    settled(std, *([why, "command-sequence"] if why else []))
    assert std.main.tries == [] and std.inbound.tries == []
    assert not any(x.startswith(b"MAIL") for x in std.main.lines() + std.inbound.lines())


# id, address part, the reply, why
ADDRESSES = rows(
    ("M21", "<;id;@example.org>", "501 5.1.7", "address-syntax"),
    ("M22", "<;sleep 5;>", "501 5.1.7", "address-syntax"),
    ("M24", "<us\xc3\xa9r@example.org>", "553 5.6.7", "address-utf8"),
    ("M25", "<" + "a" * 2000 + "@example.org>", "501 5.1.7", "address-syntax"),
    ("M26", "<a@example.org", "501 5.1.7", "address-syntax"),
    ("M26c", "<a@example.org>>", "501 5.5.4", "param-syntax"),
    ("M26d", "<<a@example.org>>", "501 5.1.7", "address-syntax"),
    ("M26e", "<a@example.org> <b@example.org>", "501 5.5.4", "param-syntax"),
    ("quoted", "<\"a b>\"@example.org>", "250 2.1.0", None),
    ("quoted-open", "<\"a b@example.org>", "501 5.1.7", "address-syntax"),
    ("route", "<@x.example,@y.example:a@example.org>", "250 2.1.0", None),
    ("literal", "<a@[192.0.2.1]>", "250 2.1.0", None),
    ("space", " <a@example.org>", "250 2.1.0", None),
    ("null", "<>", "250 2.1.0", None),
    ("nolocal", "<@example.org>", "501 5.1.7", "address-syntax"),
    ("nodomain", "<a@>", "501 5.1.7", "address-syntax"),
    ("ctl", "<a\x01b@example.org>", "501 5.1.7", "address-syntax"),
    ("dotdot", "<a@example..org>", "501 5.1.7", "address-syntax"),
)


@pytest.mark.parametrize("id, path, want, why", ADDRESSES)
def test_address(std, id, path, want, why):
    with std.connect("T") as c:
        c.want(("MAIL FROM:" + path).encode("latin-1"), want)
        if not why:
            c.rcpt()
            c.data(simple())
        assert c.is_open()
    settled(std, *([why] if why else []), n=0 if why else 1)


RCPT = rows(
    ("M29", "<r@contoso.com> ORCPT=rfc822;a+0D+0AQUIT", "501 5.5.4", "param-syntax"),
    ("M29b", "<r@contoso.com> NOTIFY=NEVER,SUCCESS", "501 5.5.4", "param-syntax"),
    ("M29c", "<r@contoso.com> FOO=bar", "555 5.5.4", "param-unknown"),
    ("M29d", "<r@contoso.com> XOORG=contoso.com", "555 5.5.4", "param-unknown"),
    ("empty", "<>", "501 5.1.3", "rcpt-syntax"),
    ("unended", "<r@contoso.com", "501 5.1.3", "rcpt-syntax"),
    ("percent", "<a%e.example@contoso.com>", "250 2.1.5", None),
    ("postmaster", "<Postmaster>", "250 2.1.5", None),
    ("good", "<r@contoso.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;r@contoso.com", "250 2.1.5",
     None),
)


@pytest.mark.parametrize("id, rest, want, why", RCPT)
def test_rcpt(std, id, rest, want, why):
    with std.connect("T") as c:
        c.mail()
        c.want("RCPT TO:" + rest, want)
        c.want("RSET", 250)
        assert c.is_open()
    settled(std, why or "abandoned")
    assert why is None or not any(x.startswith(b"RCPT") for x in std.inbound.lines())


def test_parameters_are_passed_on(std):
    with std.connect("X") as c:
        c.mail("u@contoso.com", "SIZE=200 RET=HDRS ENVID=id1 BODY=8BITMIME XOORG=contoso.com")
        c.rcpt("r@contoso.com", "NOTIFY=FAILURE ORCPT=rfc822;r@contoso.com")
        c.data(simple())
    m = std.main.one()
    params = [x.upper() for x in m.params()]
    assert {"RET=HDRS", "ENVID=ID1", "BODY=8BITMIME"} <= set(params)
    assert not any(x.startswith("XOORG") for x in params)
    assert m.rcpts[0].endswith(b"NOTIFY=FAILURE ORCPT=rfc822;r@contoso.com")


def test_utf8(std):
    with std.connect("X") as c:
        c.want("MAIL FROM:<üser@contoso.com> SMTPUTF8 XOORG=contoso.com".encode(), 250)
        c.want("RCPT TO:<émile@contoso.com>".encode(), 250)
        c.data(simple())
    m = std.main.one()
    assert "üser@contoso.com".encode() in m.mail and b"SMTPUTF8" in m.mail


def test_M31_1001_recipients(std):
    with std.connect("C") as c:
        c.mail()
        c.send(b"".join(b"RCPT TO:<r%d@contoso.com>\r\n" % i for i in range(1001)))
        got = c.replies(1001, 20)
        assert [x.code for x in got[:1000]] == [250] * 1000
        assert got[1000].matches("452 4.5.3")
        c.data(simple())
        assert c.is_open()
    settled(std, "rcpt-too-many", n=1)
    assert len(std.inbound.one().recipients) == 1000


def test_resets_without_mail(std):
    """100 transactions without a message: 421."""
    with std.connect("C") as c:
        for i in range(120):
            got = c.cmd("MAIL FROM:<a@example.org>")
            if got.code == 250:
                got = c.cmd("RSET")
            if got.code == 421:
                break
        assert got.matches("421 4.7.0") and i == 100
        assert c.expect_close() == b""
    settled(std, "too-many-resets")
