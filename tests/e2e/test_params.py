# SPDX-License-Identifier: ISC
"""Parameters and addresses: doc/threat-model a.6."""
import pytest

from harness import rows, simple

A = "MAIL FROM:<a@example.org>"

# id, states, what follows the path, wanted
MAIL = rows(
    ("M01", "T", " XOORG=contoso.com", "501 5.5.4"),
    ("M02a", "X", " XOORG=contoso.com XOORG=contoso.com", "501"),
    ("M02b", "X", " XOORG=contoso.com xoorg=b", "501"),
    ("M05", "X", " XOORG=conto+GGso.com", "501"),
    ("M06", "X", " XOORG=contoso.com+4", "501"),
    ("M07", "X", " XOORG=", "501"),
    ("M08", "X", " XOORG", "501"),
    ("M09", "X", " XOORG=contoso.com.", "501"),
    ("M10a", "X", " XOORG=cont\xc3\xb6so.com", "501"),
    ("M10b", "X", " XOORG=xn--conts-mua.com", "550 5.7.1"),
    ("M11", "X", " XOORG=[192.0.2.1]", "501"),
    ("M12", "X", " XOORG=" + ".".join(["a" * 49] * 6), "501"),
    ("M13", "X", "XOORG=contoso.com", "501"),
    # Exchange takes TAB as a separator, and so do we
    ("M14", "X", "\tXOORG=contoso.com", "501|250"),
    ("M15", "X", " XOORG=contoso.com\x0b", "501|500"),
    ("M16", "X", " XOORG=contoso.com SIZE", "501"),
    ("M17-T", "T", " AUTH=a+0D+0AQUIT", "501"),
    ("M17-X", "X", " AUTH=a+0D+0AQUIT", "501"),
    ("M18", "T", " FOO=bar", "555 5.5.4"),
    ("M19", "T", " SIZE=37748737", "552 5.3.4"),
    ("M19b", "T", " SIZE=18446744073709551616", "552|501"),
    ("M20", "T", " SIZE=-1", "501"),
    ("M20b", "T", " SIZE=", "501"),
    ("M20c", "T", " SIZE=1x", "501"),
    ("M27", "T", " SIZE=1 SIZE=1", "501"),
    ("M28a", "T", " BODY=9BIT", "501 5.5.4"),
    ("M28b", "T", " BODY=7BIT BODY=7BIT", "501"),
    ("M28c", "T", " RET=FULL RET=HDRS", "501"),
    ("M28d", "T", " RET=SOME", "501"),
    ("M30", "T", " ENVID=a+00b", "501"),
    ("M30b", "T", " ENVID=a+0D+0Ab", "501"),
    ("M30c", "T", " SMTPUTF8=1", "501"),
    ("exchange-1", "X", " XATTRDIRECT=Incoming", "555|501"),
    ("exchange-2", "X", " XATTRORGID=xorgid:1", "555|501"),
    ("exchange-3", "X", " XSYSPROBEID=1", "555|501"),
    ("exchange-4", "X", " XORIGFROM=a@b.example", "555|501"),
    ("exchange-5", "X", " XMESSAGECONTEXT=x", "555|501"),
    ("exchange-6", "X", " XSHADOW=x", "555|501"),
    ("exchange-7", "X", " XMSGID=x", "555|501"),
    ("good-1", "T", " SIZE=100 BODY=8BITMIME", "250"),
    ("good-2", "T", " RET=HDRS ENVID=abc+2B", "250"),
    ("good-3", "T", " size=100 body=8bitmime", "250"),
    ("good-4", "X", " SIZE=1 AUTH=<> BODY=7BIT XOORG=contoso.com", "250|555|501"),
)


@pytest.mark.parametrize("id, state, rest, want", MAIL)
def test_mail(std, id, state, rest, want):
    with std.connect(state) as c:
        got = c.want((A + rest).encode("latin-1"), want)
        if got.code != 250:
            c.want("RCPT TO:<r@contoso.com>", 503)
    assert std.main.tries == [] and std.inbound.tries == []


# id, state, address part, wanted
ADDRESSES = rows(
    ("M21", "<;id;@example.org>", "250|553|501"),
    ("M22", "<;sleep 5;>", "250|553|501"),
    ("M24", "<us\xc3\xa9r@example.org>", "553|501"),
    ("M25", "<" + "a" * 2000 + "@example.org>", "501|553|500"),
    ("M26", "<a@example.org", "501"),
    ("M26b", "a@example.org", "501"),
    ("M26c", "<a@example.org>>", "501"),
    ("M26d", "<<a@example.org>>", "501|553"),
    ("M26e", "<a@example.org> <b@example.org>", "501|555"),
    ("quoted", "<\"a b>\"@example.org>", "250"),
    ("quoted-open", "<\"a b@example.org>", "501|553"),
    ("route", "<@x.example,@y.example:a@example.org>", "250|501"),
    ("literal", "<a@[192.0.2.1]>", "250"),
    ("space", " <a@example.org>", "250|501"),
    ("null", "<>", "250"),
    ("nolocal", "<@example.org>", "501|553"),
    ("nodomain", "<a@>", "501|553"),
    ("bare", "<a>", "250|501|553"),
    ("ctl", "<a\x01b@example.org>", "501|553|500"),
    ("dotdot", "<a@example..org>", "501|553"),
)


@pytest.mark.parametrize("id, path, want", ADDRESSES)
def test_address(std, id, path, want):
    with std.connect("T") as c:
        got = c.want(("MAIL FROM:" + path).encode("latin-1"), want)
        if got.code == 250:
            c.rcpt()
            c.data(simple())
            assert len(std.messages) == 1
        else:
            assert c.is_open()


RCPT = rows(
    ("M29", "<r@contoso.com> ORCPT=rfc822;a+0D+0AQUIT", "501"),
    ("M29b", "<r@contoso.com> NOTIFY=NEVER,SUCCESS", "501"),
    ("M29c", "<r@contoso.com> FOO=bar", "555 5.5.4"),
    ("M29d", "<r@contoso.com> XOORG=contoso.com", "555|501"),
    ("empty", "<>", "501|550|553"),
    ("unended", "<r@contoso.com", "501"),
    ("percent", "<a%e.example@contoso.com>", "250|550|553"),
    ("postmaster", "<Postmaster>", "250|550"),
    ("good", "<r@contoso.com> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;r@contoso.com", "250"),
)


@pytest.mark.parametrize("id, rest, want", RCPT)
def test_rcpt(std, id, rest, want):
    with std.connect("T") as c:
        c.mail()
        c.want("RCPT TO:" + rest, want)
        assert c.is_open()


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
        assert got.code == 421 and 90 <= i <= 105
