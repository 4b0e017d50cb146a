# SPDX-License-Identifier: ISC
"""The client side in smtp(8) and lmtp(8): doc/protocol.md 3, rows C1 to C10 of
doc/vectors.md. Each client has an end: Postfix may hang for a minute."""
import os
import re
import shutil
import tempfile

import pytest

from harness import Do, Smtp, rows, simple, wait_until
from native import client, xoorg_hop

BARE = ("PIPELINING", "SIZE 37748736", "8BITMIME", "ENHANCEDSTATUSCODES")


def send(mta, n=1, sender="u@contoso.com", to="r@contoso.com", **how):
    with Smtp(mta.port) as c:
        c.hello(tls=False)
        for _ in range(n):
            c.deliver(simple(), sender, to, **how)


def deferred(mta, n=1):
    """The reasons of what was deferred, once there are n."""
    def found():
        return re.findall(r"dsn=(\S+), status=(\w+) \((.*)\)", mta.log())
    wait_until(lambda: len(found()) >= n, 20)
    return found()


@pytest.fixture
def table():
    made = []

    def make(text):
        folder = tempfile.mkdtemp(prefix="xoorg-table-")
        os.chmod(folder, 0o755)
        made.append(folder)
        with open(os.path.join(folder, "t"), "w") as out:
            out.write(text)
        return "texthash:" + os.path.join(folder, "t")
    yield make
    for folder in made:
        shutil.rmtree(folder)


# --- who gets it --------------------------------------------------------------------

# words of EHLO in TLS, in clear; settings; is the parameter there
ANNOUNCED = rows(
    ("C3-clear-only", None, ("XOORG",), {}, False),
    ("C4-nowhere", None, (), {}, False),
    ("alike", "XOORGS", (), {}, False),
    ("as-argument", "AUTH XOORG", (), {}, False),
    ("discarded", "XOORG", (), {"smtp_discard_ehlo_keywords": "xoorg"}, False),
    ("no-value", "XOORG", (), {"smtp_xoorg": ""}, False),
    ("encrypt-only", "XOORG", (), {"smtp_tls_security_level": "encrypt"}, False),
    ("may-only", "XOORG", (), {"smtp_tls_security_level": "may"}, False),
    ("no-tls", "XOORG", ("XOORG",), {"smtp_tls_security_level": "none"}, False),
    ("no-tls-unverified", "XOORG", ("XOORG",),
     {"smtp_tls_security_level": "none", "smtp_xoorg_unverified_tls": "yes"}, False),
    ("unverified-fine", "XOORG", (),
     {"smtp_tls_security_level": "encrypt", "smtp_xoorg_unverified_tls": "yes"}, True),
    ("C2-words", "xoorg whatever", (), {}, True),
    ("C1", "XOORG", (), {}, True),
    ("verify", "XOORG", (), {"smtp_tls_security_level": "verify",
                             "smtp_tls_verify_cert_match": "gw.contoso.test"}, True),
)


@pytest.mark.parametrize("id, words, clear, settings, want", ANNOUNCED)
def test_lax(native, hop, pki, id, words, clear, settings, want):
    """Without smtp_xoorg_required the mail goes in any case."""
    behind = xoorg_hop(pki, words=words, caps=BARE + clear,
                       caps_tls=BARE + ((words,) if words else ()))
    try:
        mta = native(client(pki, behind.port, **settings))
        send(mta)
        mail = behind.one(20).mail
        assert (b"XOORG" in mail.partition(b">")[2]) == want, mail
        if want:
            assert re.fullmatch(rb"MAIL FROM:<u@contoso.com> SIZE=\d+ XOORG=contoso.com", mail)
        assert (": xoorg=contoso.com, to 127.0.0.1" in mta.log()) == want
    finally:
        behind.stop()


REQUIRED = [x for x in ANNOUNCED if x.values[0] not in ("no-value",)]


@pytest.mark.parametrize("id, words, clear, settings, want", REQUIRED)
def test_required(native, pki, id, words, clear, settings, want):
    """C5, C6: deferred with 4.7.4 and never a bounce; no MAIL was said."""
    behind = xoorg_hop(pki, words=words, caps=BARE + clear,
                       caps_tls=BARE + ((words,) if words else ()))
    try:
        mta = native(client(pki, behind.port, **dict(
            settings, smtp_xoorg_required="yes", notify_classes="")))
        send(mta)
        if want:
            assert b" XOORG=contoso.com" in behind.one(20).mail
            return
        reasons = deferred(mta, 2)				# and tried again
        assert {x[:2] for x in reasons} == {("4.7.4", "deferred")}
        assert "XOORG is required" in reasons[0][2]
        assert [x for x in behind.lines() if x.startswith(b"MAIL")] == []
        assert b"QUIT" in behind.lines()
        assert mta.queued() == 1 and "sender non-delivery" not in mta.log()
    finally:
        behind.stop()


def test_required_without_a_value(native, pki):
    """It asks for the announcement, not for a value."""
    behind = xoorg_hop(pki)
    mta = native(client(pki, behind.port, smtp_xoorg="", smtp_xoorg_required="yes"))
    send(mta)
    assert b"XOORG" not in behind.one(20).mail
    behind.stop()


def test_starttls_stripped(native, pki):
    """No STARTTLS in EHLO, XOORG in clear: nothing goes, not even the mail."""
    behind = xoorg_hop(pki, script={"ehlo": "250-x\r\n250-XOORG\r\n250 SIZE 1000000"})
    mta = native(client(pki, behind.port, smtp_xoorg_required="yes"))
    send(mta)
    assert deferred(mta)[0][:2] == ("4.7.4", "deferred")
    assert behind.tries == []
    behind.stop()
    # Where TLS is only welcome, the mail may go; the parameter may not.
    behind = xoorg_hop(pki, script={"ehlo": "250-x\r\n250-XOORG\r\n250 SIZE 1000000"})
    mta = native(client(pki, behind.port, smtp_tls_security_level="may",
                        smtp_xoorg_unverified_tls="yes"))
    send(mta)
    assert b"XOORG" not in behind.one(20).mail
    behind.stop()


@pytest.mark.parametrize("id, cert", rows(("wrong-ca", "wrong_ca"), ("C8-name", "exchange")))
def test_C8_bad_server(native, pki, id, cert):
    behind = xoorg_hop(pki, getattr(pki, cert))
    mta = native(client(pki, behind.port))
    send(mta)
    assert deferred(mta)[0][:2] == ("4.7.5", "deferred")
    assert behind.tries == []
    behind.stop()


def test_C6_helo_in_tls(native, pki):
    for required in ("yes", "no"):
        behind = xoorg_hop(pki, script={"ehlo2": "500 5.5.1 no"})
        mta = native(client(pki, behind.port, smtp_xoorg_required=required))
        send(mta)
        if required == "yes":
            assert deferred(mta)[0][:2] == ("4.7.4", "deferred")
            assert behind.tries == []
        else:
            assert behind.one(20).mail == b"MAIL FROM:<u@contoso.com>"
        behind.stop()


@pytest.mark.parametrize("value", ["bad domain", "contoso.com.", "a@contoso.com", "c\xf6.com",
                                   "a=b.com", "[192.0.2.1]"])
def test_C7_bad_value(native, pki, value):
    """An error of the configuration: deferred, told in the log, nothing sent."""
    behind = xoorg_hop(pki)
    mta = native(client(pki, behind.port, smtp_xoorg=value))
    send(mta)
    assert deferred(mta)[0][:2] == ("4.3.5", "deferred")
    assert "XOORG: expected a domain, found" in mta.log()
    assert behind.tries == []
    behind.stop()


def test_C9_refused(native, pki):
    """501 to MAIL is the end of this mail; not tried again without."""
    behind = xoorg_hop(pki, script={"mail": lambda s, line: "501 5.5.4 Invalid arguments"
                                    if b"XOORG" in line else None})
    mta = native(client(pki, behind.port))
    send(mta)
    assert deferred(mta)[0][:2] == ("5.5.4", "bounced")
    mails = [x for x in behind.lines() if x.startswith(b"MAIL FROM:<u@")]
    assert len(mails) == 1 and mails[0].endswith(b"XOORG=contoso.com")
    behind.stop()


def test_next_host(native, pki):
    """Two MX: the first announces nothing, the second does; and the other way round a
    mail that requires nothing stays with the first."""
    good, bare = xoorg_hop(pki, host="127.0.0.3"), None
    bare = xoorg_hop(pki, words=None, host="127.0.0.2", port=good.port)
    settings = client(pki, good.port)
    settings["relayhost"] = "[127.0.0.2]:%d, [127.0.0.3]:%d" % (good.port, good.port)
    mta = native(dict(settings, smtp_xoorg_required="yes"))
    send(mta)
    assert b" XOORG=contoso.com" in good.one(20).mail
    assert bare.tries == [] and b"EHLO mta.contoso.test" in bare.lines()
    assert "XOORG is required, but was not offered inside TLS by host 127.0.0.2" in mta.log()
    mta = native(settings)
    send(mta)
    assert b"XOORG" not in bare.one(20).mail
    good.stop()
    bare.stop()


# --- which value -----------------------------------------------------------------------

MAPS = """\
anna@contoso.com one.contoso.com
@contoso.com two.contoso.com
<> null.contoso.com
@bad.example not a domain
"""

SENDERS = rows(
    ("address", "anna@contoso.com", b" XOORG=one.contoso.com"),
    ("case", "ANNA@Contoso.com", b" XOORG=one.contoso.com"),
    ("domain", "bert@contoso.com", b" XOORG=two.contoso.com"),
    ("extension", "anna+x@contoso.com", b" XOORG=two.contoso.com"),
    ("null", "", b" XOORG=null.contoso.com"),
    ("subdomain", "anna@sub.contoso.com", b" XOORG=fixed.example"),
    ("other", "anna@fabrikam.com", b" XOORG=fixed.example"),
    ("like-a-domain", '"x@contoso.com"@evil.example', b" XOORG=fixed.example"),
)


def test_maps(native, pki, table):
    behind = xoorg_hop(pki)
    mta = native(client(pki, behind.port, smtp_xoorg="fixed.example",
                        smtp_xoorg_maps=table(MAPS), recipient_delimiter="+"))
    for i, row in enumerate(SENDERS):
        _, sender, want = row.values
        send(mta, sender=sender)
        mail = behind.wait(i + 1, 20)[-1].mail
        assert mail.endswith(want), mail
    send(mta, sender="x@bad.example")
    assert wait_until(lambda: "dsn=4.3.5" in mta.log(), 20)
    assert len(behind.tries) == len(SENDERS)
    behind.stop()


def test_maps_that_cannot_be_read(native, pki):
    """Deferred, not sent with another value."""
    behind = xoorg_hop(pki)
    mta = native(client(pki, behind.port, smtp_xoorg_maps="tcp:127.0.0.1:1"))
    send(mta)
    assert deferred(mta)[0][:2] == ("4.3.0", "deferred")
    assert behind.tries == []
    behind.stop()


# --- reuse -----------------------------------------------------------------------------

REUSE = """\
a@contoso.com a.test
b@contoso.com b.test
"""


@pytest.mark.parametrize("required", ["no", "yes"])
def test_C10_reuse(native, pki, table, required):
    """Many mails over one TLS session (tlsproxy), each with its own value, or none."""
    behind = xoorg_hop(pki)
    mta = native(client(
        pki, behind.port, smtp_xoorg="", smtp_xoorg_maps=table(REUSE),
        smtp_tls_connection_reuse="yes", smtp_xoorg_required=required,
        smtp_connection_cache_destinations="127.0.0.1, [127.0.0.1]:%d" % behind.port,
        default_process_limit="1", smtp_destination_concurrency_limit="1"))
    plan = "abcaaccbbcab"
    for i, who in enumerate(plan):
        send(mta, sender=who + "@contoso.com")
        behind.wait(i + 1, 30)
    got = [x.mail.partition(b" XOORG=")[2].decode() for x in behind.messages]
    assert got == [{"a": "a.test", "b": "b.test", "c": ""}[x] for x in plan]
    tls = [x for x in behind.sessions if x.tls]
    assert len(tls) == 1 and len(tls[0].messages) == len(plan), mta.log()[-3000:]
    assert "conn_use=%d" % len(plan) in mta.log()
    behind.stop()


def test_reuse_of_what_never_announced(native, pki, table):
    """A kept session without XOORG serves nobody who requires it."""
    behind = xoorg_hop(pki, words=None)
    settings = client(
        pki, behind.port, smtp_tls_connection_reuse="yes",
        smtp_connection_cache_destinations="127.0.0.1, [127.0.0.1]:%d" % behind.port)
    mta = native(dict(settings, transport_maps=table(
        "strict.example strict:[127.0.0.1]:%d\n" % behind.port)),
                 "strict unix - - n - - smtp -o smtp_xoorg_required=yes\n")
    send(mta)
    assert b"XOORG" not in behind.one(20).mail
    send(mta, to="r@strict.example")
    assert wait_until(lambda: "dsn=4.7.4" in mta.log(), 20)
    send(mta)
    assert all(b"XOORG" not in x.mail for x in behind.wait(2, 20))
    behind.stop()


def test_transports_share_nothing(native, pki, table):
    """Two transports to one server, with values and certificates of their own."""
    behind = xoorg_hop(pki)
    other = pki.other_name
    mta = native(
        client(pki, behind.port, transport_maps=table(
            "two.example two:[127.0.0.1]:%d\n" % behind.port),
               smtp_connection_cache_destinations="127.0.0.1, [127.0.0.1]:%d" % behind.port),
        "two unix - - n - - smtp -o smtp_xoorg=two.example -o smtp_tls_cert_file=%s "
        "-o smtp_tls_key_file=%s\n" % other)
    for to in ("r@contoso.com", "r@two.example", "r@contoso.com", "r@two.example"):
        n = len(behind.messages)
        send(mta, to=to)
        behind.wait(n + 1, 20)
    got = [(x.mail.partition(b" XOORG=")[2], x.session.certificate) for x in behind.messages]
    assert [x[0] for x in got] == [b"contoso.com", b"two.example"] * 2
    assert got[0][1] == got[2][1] != got[1][1] == got[3][1] and got[0][1]
    behind.stop()


# --- lmtp ------------------------------------------------------------------------------

def test_lmtp(native, pki):
    behind = xoorg_hop(pki, lmtp=True)
    mta = native({
        "relayhost": "", "default_transport": "lmtp:[127.0.0.1]:%d" % behind.port,
        "lmtp_tls_security_level": "secure", "lmtp_tls_CAfile": pki.ca,
        "lmtp_tls_secure_cert_match": "gw.contoso.test", "lmtp_xoorg": "lmtp.example",
        "lmtp_xoorg_required": "yes", "smtp_xoorg": "smtp.example"})
    send(mta)
    assert behind.one(20).mail.endswith(b" XOORG=lmtp.example")
    behind.stop()


def test_rst_while_open(native, pki):
    """A server that goes away within MAIL: the next try brings the value again."""
    behind = xoorg_hop(pki, script={"mail": [Do.rst, None]})
    mta = native(client(pki, behind.port))
    send(mta)
    assert behind.one(30).mail.endswith(b" XOORG=contoso.com")
    behind.stop()
