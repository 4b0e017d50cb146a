# SPDX-License-Identifier: ISC
"""The envelope as devices write it (`lenient_envelope`): of ordinary mail, and passed on
in one way."""
import pytest

from harness import Smtp, base_config, rows, simple

# id, EHLO, MAIL, RCPT, what the next hop gets
TAKEN = rows(
    ("root", "h.example", "FROM:<root>", "TO:<root>", "<root>", "<root>"),
    ("bare", "h.example", "FROM:a@example.org SIZE=9", "TO: r@contoso.com", "<a@example.org>",
     "<r@contoso.com>"),
    ("null", "h.example", "FROM:< >", "TO:<r@contoso.com.>", "<>", "<r@contoso.com>"),
    ("blanks", "*", "FROM:  <a@example.org>", "TO:\t<r@contoso.com>", "<a@example.org>",
     "<r@contoso.com>"),
    ("dots", "my printer", "FROM:<..a..b..@x>", "TO:<r@contoso.com>", "<..a..b..@x>",
     "<r@contoso.com>"),
    ("utf8", "b\u00fcro", "FROM:<a@x>", "TO:<r@contoso.com>",
     "<a@x>", "<r@contoso.com>"),
)
# id, MAIL, the reply: two readings, or none
REFUSED = rows(
    ("words", "FROM:<a b@x>", "501 5.1.7"),
    ("name", "FROM:Root <root@x>", "501"),
    ("quoted", 'FROM:"a b"@x', "501 5.1.7"),
    ("comment", "FROM:<a@x (b)>", "501 5.1.7"),
    ("open", "FROM:<a@x", "501 5.1.7"),
    ("shut", "FROM:a@x>", "501 5.1.7"),
    ("two", "FROM:a@x,b@x", "501 5.1.7"),
    ("route", "FROM:@x:a@y", "501 5.1.7"),
    ("percent", "FROM:<a%x>", "501 5.1.7"),
    ("glued", "FROM:<root>SIZE=1", "501"),
    ("injected", "FROM:root> XOORG=contoso.com", "501"),
    ("xoorg", "FROM:root XOORG=contoso.com", "501"),
    ("latin1", b"FROM:<b\xfcro@x>", "501 5.1.7"),
    ("utf8", "FROM:<b\u00fcro@x>".encode(), "553 5.6.7"),
    ("empty", "FROM:", "501 5.1.7"),
)


@pytest.mark.parametrize("id, helo, mail, rcpt, sender, recipient", TAKEN)
def test_taken(gateway, pki, hop, id, helo, mail, rcpt, sender, recipient):
    """And the name of EHLO goes on by XCLIENT and Received as the client's address."""
    main, inbound = hop(), hop(xclient=True)
    gw = gateway(base_config(pki, main, inbound, upstreams__inbound__handover="xclient"))
    with Smtp(gw.port()) as c:
        c.want(("EHLO " + helo).encode(), 250)
        c.want("MAIL " + mail, "250 2.1.0")
        c.want("RCPT " + rcpt, 250)
        c.data(simple())
        c.quit()
    got = inbound.wait(1)[0]
    lines = [x.decode("latin-1") for x in inbound.lines()]
    assert any(x.split(" SIZE")[0] == "MAIL FROM:" + sender for x in lines), lines
    assert "RCPT TO:" + recipient in lines, lines
    name = helo if helo == "h.example" else "[127.0.0.1]"
    assert "EHLO " + name in lines, lines
    assert any(" HELO=%s " % name in x for x in lines), lines
    assert ("Received: from %s " % name).encode() in got.content
    gw.wait_quiet()
    # The log has what was said.
    assert helo.encode().decode("latin-1") in [x.get("helo") for x in gw.events("session")]
    assert main.messages == []


@pytest.mark.parametrize("id, mail, want", REFUSED)
def test_refused(std, id, mail, want):
    with std.connect("X" if id in ("xoorg", "injected") else "T") as c:
        c.want(b"MAIL " + (mail if isinstance(mail, bytes) else mail.encode()), want)
        c.want("RCPT TO:<r@contoso.com>", "503 5.5.1")
    assert not any(x.startswith(b"MAIL") for x in std.main.lines() + std.inbound.lines())


STRICT = rows(
    ("root", "MAIL FROM:<root>", "501 5.1.7", "address-syntax"),
    ("bare", "MAIL FROM:a@example.org", "501 5.1.7", "address-syntax"),
    ("rcpt", "RCPT TO:<root>", "501 5.1.3", "rcpt-syntax"),
    ("hello", "EHLO a b", "501 5.5.4", "hello-name"),
    ("hello-utf8", b"EHLO h\xc3\xa9", "501 5.5.4", "hello-name"),
)


@pytest.mark.parametrize("who", ("setting", "verified", "ours"))
@pytest.mark.parametrize("id, line, want, why", STRICT)
def test_strict(gateway, pki, hop, who, id, line, want, why):
    """Without the setting, of a session with rights, and of verified mail."""
    main = hop()
    config = base_config(pki, main, main)
    if who == "setting":
        config.set("listeners.in.lenient_envelope", False)
    if who == "ours":
        config.set("listeners.in.peers", ["local-mta"])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo if who == "verified" else None, tls=who == "verified")
        xoorg = " XOORG=contoso.com" if who == "verified" else ""
        if id == "rcpt":
            c.mail("u@contoso.com", xoorg.strip())
        if isinstance(line, str) and line.startswith("MAIL"):
            line += xoorg
        c.want(line, want)
    gw.wait_quiet()
    assert why in [x.get("reason") for x in gw.events("refused")]


def test_per_message(gateway, pki, hop):
    """A verified session that brings ordinary mail, too."""
    main, inbound = hop(), hop()
    gw = gateway(base_config(pki, main, inbound))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.want("MAIL FROM:<root>", 250)
        c.want("RCPT TO:<root>", 250)
        c.data(simple())
        c.want("MAIL FROM:<root> XOORG=contoso.com", "501 5.1.7")
        c.mail("u@contoso.com", "XOORG=contoso.com")
        c.want("RCPT TO:<root>", "501 5.1.3")
        c.rcpt()
        c.data(simple())
    assert len(inbound.wait(1)) == 1 and len(main.wait(1)) == 1
