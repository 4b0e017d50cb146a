# SPDX-License-Identifier: ISC
"""The server side in smtpd(8): doc/protocol.md 1, 2 and 4, rows of doc/vectors.md; whom
it trusts as the gateway does (C01 to C47)."""
import os
import shutil
import socket
import ssl
import threading
import time

import pytest

from harness import Closed, Hop, Smtp, client_context, free_port, rows, \
    simple, wait_until
from native import Native, server
from pki import EXO, MATRIX
from postfix import Missing
from test_mail import SYNTAX
from test_rules import LONGEST

U = "u@contoso.com"


class Setting:
    """A server, and behind it what takes its mail. Shared by tests that leave it so."""

    def __init__(self, pki, **more):
        self.pki = pki
        self.hop = Hop(caps=("SIZE 104857600", "8BITMIME"))
        self.mta = Native(server(pki, relayhost="[127.0.0.1]:%d" % self.hop.port,
                                 **more)).start()
        self.port = self.mta.port

    def connect(self, state="X"):
        """A client in one of the states: B C T X TO."""
        c = Smtp(self.port)
        if state != "B":
            c.ehlo_reply = c.hello(
                self.pki.exo if state == "X" else self.pki.other_name if state == "TO"
                else None, tls=state in ("T", "X", "TO"))
        return c

    def values(self):
        """xoorg= of each mail so far, in order; the queue's own word."""
        return [x.rpartition("xoorg=")[2] for x in self.mta.log().splitlines()
                if ": xoorg=" in x and "smtpd[" in x]

    def close(self):
        log = self.mta.log()
        self.mta.remove()
        self.hop.stop()
        assert self.mta.is_well(log), log[-3000:]


@pytest.fixture(scope="module")
def tx(pki):
    try:
        setting = Setting(pki, smtpd_helo_required="yes")
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    yield setting
    setting.close()


# --- EHLO -------------------------------------------------------------------------

@pytest.mark.parametrize("id, state, count", rows(
    ("E1", "C", 0), ("E2-T0", "T", 0), ("E2-TO", "TO", 0), ("E3", "X", 1)))
def test_announced(tx, id, state, count):
    with tx.connect(state) as c:
        assert c.ehlo_reply.count("XOORG") == count
        assert not c.ehlo_reply.has("XOORG")			# no arguments
        assert c.ehlo_reply.count("STARTTLS") == (state == "C")
        for _ in range(2):					# looked at anew
            assert c.ehlo().count("XOORG") == count


def _verdict(port, cert):
    """trusted, untrusted, refused (454 to EHLO) or handshake, as in test_names."""
    try:
        with Smtp(port) as c:
            c.ehlo()
            c.starttls(cert)
            reply = c.cmd("EHLO client.example")
            if reply.code == 454:
                assert reply.enhanced == "4.7.5"
                c.expect_close()
                return "refused"
            assert reply.code == 250
            trusted = reply.count("XOORG") == 1
            c.mail(U, "XOORG=contoso.com", want=250 if trusted else "555 5.5.4")
            return "trusted" if trusted else "untrusted"
    except (ssl.SSLError, Closed, ConnectionError):
        return "handshake"


@pytest.mark.parametrize("case", list(MATRIX))
def test_certificate(tx, pki, case):
    """Each of the kinds gets the verdict that the gateway gives it."""
    assert _verdict(tx.port, pki.case(case)) in MATRIX[case][0].split("|"), MATRIX[case][1]


@pytest.mark.parametrize("case", [x for x in MATRIX if MATRIX[x][0] == "trusted"])
def test_certificate_of_another_name(tx, pki, case):
    """E6: good for somebody else."""
    assert _verdict(tx.port, pki.case(case, "client.fabrikam.test")) == "untrusted"


@pytest.mark.parametrize("id, how", rows(
    ("E6", dict(issuer="self")), ("E6-expired", dict(days=(-30, -1))),
    ("E6-other-ca", dict(issuer="other")), ("E6-usage", dict(eku="code"))))
def test_bad_chain_of_another_name(tx, pki, id, how):
    assert _verdict(tx.port, pki.make("other-" + id, "other.example", **how)) == "untrusted"


@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_E4_to_both(tx, pki, verb):
    with Smtp(tx.port) as c:
        c.ehlo()
        c.starttls(pki.case("C08"))
        c.want(verb + " x.example", "454 4.7.5")
        c.expect_close()


@pytest.mark.parametrize("case, trusts, want", rows(
    ("C02", "no", "refused"), ("C02", "yes", "trusted"), ("C03", "no", "trusted"),
    ("C05", "yes", "refused"), ("C05", "no", "refused")))
def test_usage_by_parameter(pki, native, case, trusts, want):
    mta = native(server(pki, tls_trust_server_ccerts=trusts))
    assert _verdict(mta.port, pki.case(case)) == want


def test_usage_of_an_intermediate(tx, pki):
    """What an intermediate is not for, its leaf is not."""
    from cryptography import x509
    from cryptography.x509.oid import ExtendedKeyUsageOID
    from pki import Node
    root = pki._issuer("root")
    for title, usage, want in (("mail only", ExtendedKeyUsageOID.EMAIL_PROTECTION, "refused"),
                               ("servers", ExtendedKeyUsageOID.SERVER_AUTH, "trusted"),
                               ("any", ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, "trusted")):
        key = pki._key("p256", title)
        cert = pki._sign(pki._subject([title]), key, root.cert.subject, root.key,
                         extensions=[(x509.BasicConstraints(True, None), True),
                                     (x509.ExtendedKeyUsage([usage]), False)])
        pki._issuers[title] = Node(cert, key, [cert])
        assert _verdict(tx.port, pki.make("below " + title, EXO, issuer=title,
                                          eku="server")) == want, title


def test_names_of_the_list(pki, native):
    """N8, N9, N10: wildcards are names of their own; any of the list will do, once."""
    mta = native(server(pki, smtpd_xoorg_ccert_names="*.w.test, a.x.test b.x.test"))
    for name, sans, want in (("a.w.test", ["a.w.test"], "untrusted"),
                             ("c.x.test", ["c.x.test", "*.x.test"], "untrusted"),
                             ("*.w.test", ["*.w.test"], "trusted"),
                             ("a.x.test", ["a.x.test", "b.x.test"], "trusted")):
        assert _verdict(mta.port, pki.make("list-" + name, name, san=sans)) == want, name


def test_wildcard_in_cn_below_a_constrained_ca(pki, native):
    """OpenSSL does not see that such a name is outside the constraints."""
    mta = native(server(pki, smtpd_xoorg_ccert_names="*.w.test"))
    for issuer, want in (("inter", "trusted"), ("nc-permitted", "refused"),
                         ("nc-excluded", "refused")):
        assert _verdict(mta.port, pki.make("cn-" + issuer, "x.test", cn="*.w.test", san=[],
                                           issuer=issuer)) == want, issuer


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_no_resumption(tx, pki, version):
    """V01: no ticket is given, no session resumed."""
    context = client_context(pki.exo, versions=(version, version))
    session = None
    for _ in range(5):
        with Smtp(tx.port) as c:
            c.ehlo()
            c.want("STARTTLS", 220)
            c.wire.sock = context.wrap_socket(c.wire.sock, server_hostname="x.test",
                                              session=session)
            assert c.ehlo().count("XOORG") == 1
            assert not c.wire.sock.session_reused
            session = c.wire.sock.session
            assert not (session and session.has_ticket)


def test_E10_helo(tx):
    with tx.connect() as c:
        c.want("HELO x.example", 250)
        c.mail(U, "XOORG=contoso.com", want="555 5.5.4")
        c.mail(U)


def test_E11_second_starttls(tx):
    with tx.connect() as c:
        c.want("STARTTLS", "554 5.5.1")


def test_E12_mail_before_ehlo(tx, pki):
    with Smtp(tx.port) as c:
        c.ehlo()
        c.starttls(pki.exo)
        c.mail(U, "XOORG=contoso.com", want=503)


def test_E12_without_helo_required(pki, native):
    """Postfix takes MAIL then, but nothing was announced."""
    mta = native(server(pki))
    with Smtp(mta.port) as c:
        c.ehlo()
        c.starttls(pki.exo)
        c.mail(U, "XOORG=contoso.com", want="555 5.5.4")


def test_E13_behind_starttls(tx, pki):
    """Discarded, never executed."""
    with Smtp(tx.port) as c:
        c.ehlo()
        c.send(b"STARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<e@e.example>\r\n")
        assert c.reply().code == 220
        c.wire.buffer = b""
        c.tls(pki.exo)
        c.ehlo()
        c.mail(U, "XOORG=contoso.com")				# none in progress


def test_E14_weak_cipher(tx, pki):
    context = client_context(pki.exo, ciphers="NULL:LOW:EXP:@SECLEVEL=0",
                             versions=(ssl.TLSVersion.TLSv1_2,) * 2)
    with Smtp(tx.port) as c:
        c.ehlo()
        c.want("STARTTLS", 220)
        with pytest.raises((ssl.SSLError, OSError, Closed)):
            c.tls(context=context)
            c.ehlo()


@pytest.mark.parametrize("words", ["xoorg", "silent-discard, XOORG"])
def test_discarded(pki, native, words):
    mta = native(server(pki, smtpd_discard_ehlo_keywords=words))
    assert _verdict(mta.port, pki.exo) == "untrusted"
    # The operator wants to know nothing of it: no 454, either.
    assert _verdict(mta.port, pki.case("C08")) == "untrusted"


def test_wrappermode(pki, native):
    """TLS by the port is no STARTTLS."""
    port = free_port()
    mta = native(server(pki), "127.0.0.1:%d inet n - n - - smtpd "
                 "-o smtpd_tls_wrappermode=yes\n" % port)
    with Smtp(mta.port) as c:
        assert c.hello(pki.exo).count("XOORG") == 1
    with Smtp(port, banner=False) as c:
        c.tls(pki.exo)
        c.reply()
        assert c.ehlo().count("XOORG") == 0
        c.mail(U, "XOORG=contoso.com", want="555 5.5.4")


def test_xclient_never_gives_it(pki, native):
    """Nor does it leave it: the client is another then."""
    mta = native(server(pki, smtpd_authorized_xclient_hosts="127.0.0.0/8"))
    for cert, before in ((pki.exo, 1), (None, 0), (pki.other_name, 0)):
        for line in ("XCLIENT ADDR=192.0.2.1 NAME=x.example", "XCLIENT HELO=%s" % EXO,
                     "XCLIENT ADDR=192.0.2.1 HELO=%s PROTO=ESMTP LOGIN=x" % EXO):
            with Smtp(mta.port) as c:
                assert c.hello(cert).count("XOORG") == before
                c.want(line, 220)
                c.mail(U, "XOORG=contoso.com", want="555 5.5.4")	# as it was said
                assert c.ehlo().count("XOORG") == 0
                c.mail(U, "XOORG=contoso.com", want="555 5.5.4")
    with Smtp(mta.port) as c:
        c.ehlo()
        c.want("XCLIENT NAME=%s ADDR=192.0.2.1" % EXO, 220)
        assert c.ehlo().count("XOORG") == 0


# --- MAIL ------------------------------------------------------------------------

@pytest.mark.parametrize("id, params", SYNTAX)
def test_syntax(tx, id, params):
    with tx.connect() as c:
        # SMTPUTF8 is off: an unknown parameter in its own right.
        c.mail(U, params, want="555 5.5.4" if "SMTPUTF8" in params else "501 5.5.4")
        c.want("RCPT TO:<r@contoso.com>", 503)
        c.want("RSET", 250)			# Postfix keeps the SIZE of M31
        c.mail(U, "XOORG=contoso.com")		# still in step


def test_M22_with_smtputf8(pki, native):
    mta = native(server(pki, smtputf8_enable="yes"))
    with Smtp(mta.port) as c:
        assert c.hello(pki.exo).count("SMTPUTF8") == 1
        c.mail(U, "SMTPUTF8 XOORG=cont\xc3\xb6so.com", want="501 5.5.4")
        c.mail(U, "SMTPUTF8 XOORG=xn--contso-90a.com")


ACCEPTED = rows(
    ("M1", "MAIL FROM:<u@contoso.com> SIZE=1000 XOORG=contoso.com", "contoso.com"),
    ("M2", "MAIL FROM:<u@contoso.com> XOORG=contoso.com SIZE=1000 BODY=8BITMIME",
     "contoso.com"),
    ("M3", "mail from:<u@contoso.com> xoorg=Contoso.COM", "Contoso.COM"),
    ("M4", "MAIL FROM:<> XOORG=contoso.onmicrosoft.com", "contoso.onmicrosoft.com"),
    ("M5", "MAIL FROM:<u@contoso.com>", None),
    ("M10", "MAIL FROM:<u@contoso.com> XOORG=contoso+2Ecom", "contoso.com"),
    ("M11", "MAIL FROM:<u@contoso.com> XOORG=contoso+2ecom", "contoso.com"),
    ("M18", "MAIL FROM:<u@contoso.com> XOORG=localhost", "localhost"),
    ("M19", "MAIL FROM:<u@contoso.com> XOORG=_a-.contoso.com", "_a-.contoso.com"),
    ("M21", "MAIL FROM:<u@contoso.com> XOORG=" + LONGEST, LONGEST),
    ("M24", "MAIL FROM:<u@contoso.com> XOORG=xn--bcher-kva.example",
     "xn--bcher-kva.example"),
    ("M27", "MAIL FROM:<u@contoso.com> "
     "XOORG=sct-15-20-9412-4-msonline-outlook-990eb.templateTenant",
     "sct-15-20-9412-4-msonline-outlook-990eb.templateTenant"),
    ("M41", "MAIL FROM:<u@contoso.com> SIZE=1000\tXOORG=contoso.com", "contoso.com"),
)


def _after(tx, act):
    """The values that the queue got during `act`."""
    before = len(tx.values())
    act()
    time.sleep(0.05)
    return tx.values()[before:]


@pytest.mark.parametrize("id, line, value", ACCEPTED)
def test_accepted(tx, id, line, value):
    def act():
        with tx.connect() as c:
            c.want(line, 250)
            c.rcpt()
            c.data(simple())
    assert _after(tx, act) == ([value] if value else [])


@pytest.mark.parametrize("id, state", rows(("M28-C", "C"), ("M28-T0", "T"), ("M28-TO", "TO")))
@pytest.mark.parametrize("params", ["XOORG=contoso.com", "XOORG=", "XOORG", "xoorg=!"])
def test_M28_not_announced(tx, id, state, params):
    """M29 as well: what is not announced is unknown, whatever it looks like."""
    with tx.connect(state) as c:
        got = c.mail(U, params, want="555 5.5.4")
        assert got.lines == ["5.5.4 Unsupported option: " + params]
        c.mail(U)


@pytest.mark.parametrize("id, params, want", rows(
    ("M30", "SIZE=99999999 XOORG=contoso.com", "552 5.3.4"),
    ("M31", "SIZE=99999999 XOORG=!", "501 5.5.4"),
    ("M32", "XOORG=contoso.com FOO=bar", "555 5.5.4"),
    ("M32-first", "FOO=bar XOORG=contoso.com", "555 5.5.4")))
def test_other_params(tx, id, params, want):
    def act():
        with tx.connect() as c:
            c.mail(U, params, want=want)
            c.want("RSET", 250)			# Postfix keeps the SIZE without it
            c.deliver(simple())			# and nothing stays of it
    assert _after(tx, act) == []


def test_M33_nested(tx):
    def act():
        with tx.connect() as c:
            c.mail(U, "XOORG=contoso.com")
            c.mail("v@contoso.com", want=503)
            c.mail("v@contoso.com", "XOORG=fabrikam.com", want=503)
            c.rcpt()
            c.data(simple())
    assert _after(tx, act) == ["contoso.com"]


@pytest.mark.parametrize("id, line", rows(
    ("M34", "RSET"), ("M35", "EHLO x.example"), ("HELO", "HELO x.example")))
def test_forgotten(tx, id, line):
    def act():
        with tx.connect() as c:
            c.mail(U, "XOORG=contoso.com")
            c.want(line, 250)
            c.deliver(simple())
    assert _after(tx, act) == []


def test_M36_M37_each_its_own(tx):
    def act():
        with tx.connect() as c:
            c.deliver(simple(), xoorg="contoso.com")
            c.deliver(simple())
            c.deliver(simple(), xoorg="fabrikam.com", chunked=True)
            c.mail(U, "XOORG=contoso.com")
            c.want("DATA", "554 5.5.1")
            c.want("RSET", 250)
            c.deliver(simple())
    assert _after(tx, act) == ["contoso.com", "fabrikam.com"]


def test_M38_too_many_errors(tx):
    with tx.connect() as c:
        for _ in range(25):
            reply = c.cmd("MAIL FROM:<u@contoso.com> XOORG=")
            if reply.code == 421:
                assert reply.enhanced == "4.7.0"
                return
            assert reply.matches("501 5.5.4")
    assert False, "no end of errors"


def test_M42_too_long(tx):
    """Postfix cuts a line and goes on; a cut value would be another one."""
    pad = " ENVID=" + "x" * 100 + " RET=HDRS"
    for at in range(2):
        with tx.connect() as c:
            line = "MAIL FROM:<u@contoso.com>" + pad
            line += " SIZE=" + "0" * (2048 - len(line) - len(" SIZE= XOORG=contoso.com") -
                                      (1 if at else 0))
            c.want(line + " XOORG=contoso.com.evil.example", "500 5.5.2")
            c.want("NOOP", 250)
            c.mail(U, "XOORG=contoso.com")
    with tx.connect("C") as c:				# as ever where nothing was announced
        assert c.cmd("MAIL FROM:<u@contoso.com> SIZE=" + "0" * 3000).code == 250


# --- restrictions, policy, milter, filter ---------------------------------------------

def _table(folder, text):
    file = os.path.join(str(folder), "xoorg")
    with open(file, "w") as out:
        out.write(text)
    return "texthash:" + file


ACCESS = rows(
    ("C-none", "C", None, 554), ("T0-none", "T", None, 554), ("X-none", "X", None, 554),
    ("X-foreign", "X", "fabrikam.com", 554), ("X-sub", "X", "a.contoso.com", 554),
    ("X-parent", "X", "com", 554), ("X-refused", "X", "evil.example", "550 5.7.1"),
    ("X-ok", "X", "contoso.com", 250), ("X-case", "X", "CONTOSO.com", 250),
)


@pytest.fixture(scope="module", params=["sender", "recipient", "sender-at-once"])
def guarded(pki, request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    shutil.rmtree("/tmp/xoorg-access-%d" % os.getpid(), ignore_errors=True)
    folder = "/tmp/xoorg-access-%d" % os.getpid()
    os.makedirs(folder)
    os.chmod(folder, 0o755)
    table = _table(folder, "contoso.com OK\nevil.example 550 5.7.1 not you\n")
    where = request.param.partition("-")[0]
    setting = Setting(pki, **{
        "smtpd_%s_restrictions" % where: "check_xoorg_access %s, reject" % table,
        "smtpd_delay_reject": "no" if "at-once" in request.param else "yes"})
    setting.is_at_once = "at-once" in request.param
    yield setting
    setting.close()
    shutil.rmtree(folder)


@pytest.mark.parametrize("id, state, value, want", ACCESS)
def test_access(guarded, id, state, value, want):
    with guarded.connect(state) as c:
        line = "MAIL FROM:<u@contoso.com>" + (" XOORG=" + value if value else "")
        if guarded.is_at_once:
            c.want(line, want)
        else:
            c.want(line, 250)
            c.want("RCPT TO:<r@contoso.com>", want)
        if want != 250:
            # A refused value is nobody's a moment later.
            c.want("RSET", 250)
            c.want("VRFY <r@contoso.com>", "554|252|250|502|550")
            c.mail(U, want=554 if guarded.is_at_once else 250)


class Line:
    """A server of lines that keeps what it read: policy, milter or filter."""

    def __init__(self, talk):
        self.seen = []
        self.talk = talk
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(16)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            try:
                one = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(one,), daemon=True).start()

    def _serve(self, one):
        one.settimeout(30)
        try:
            self.talk(self, one)
        except OSError:
            pass
        one.close()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def _policy(self, one):
    data = b""
    while True:
        more = one.recv(4096)
        if not more:
            return
        data += more
        while b"\n\n" in data:
            request, _, data = data.partition(b"\n\n")
            self.seen.append(request.decode().split("\n"))
            one.sendall(b"action=DUNNO\n\n")


@pytest.mark.parametrize("names, want", [(EXO, ["contoso.com", ""]), ("", [None, None])])
def test_policy(pki, native, names, want):
    """Nothing more than ever unless names are configured."""
    policy = Line(_policy)
    mta = native(server(pki, smtpd_xoorg_ccert_names=names, smtpd_tls_ask_ccert="yes",
                        smtpd_recipient_restrictions="check_policy_service "
                        "inet:127.0.0.1:%d, permit" % policy.port))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        for value in ("contoso.com", None):
            c.mail(U, "XOORG=" + value if value and names else "")
            c.rcpt()
            c.want("RSET", 250)
    got = [[x[6:] for x in one if x.startswith("xoorg=")] for one in policy.seen]
    policy.close()
    assert got == [[x] if x is not None else [] for x in want]
    assert [_ccert_name(x) for x in policy.seen] == 2 * [EXO if names else None]


def _ccert_name(request):
    return dict(x.split("=", 1) for x in request if x).get("xoorg_ccert_name")


@pytest.mark.parametrize("id, want", rows(
    ("clear-text", ""), ("no-certificate", ""), ("another-name", ""), ("helo", ""),
    ("before-ehlo", ""), ("xclient", ""), ("offered", EXO)))
def test_policy_name(pki, native, id, want):
    """The name is told of a client that was offered XOORG for it, and of no other."""
    policy = Line(_policy)
    mta = native(server(pki, smtpd_authorized_xclient_hosts="127.0.0.1",
                        smtpd_helo_required="no",
                        smtpd_recipient_restrictions="check_policy_service "
                        "inet:127.0.0.1:%d, permit" % policy.port))
    cert = {"clear-text": None, "no-certificate": None,
            "another-name": pki.other_name}.get(id, pki.exo)
    with Smtp(mta.port) as c:
        if id == "clear-text":
            c.ehlo()
        elif id in ("helo", "before-ehlo"):
            c.ehlo()
            c.starttls(cert)
            if id == "helo":
                c.want("HELO me.example", 250)
        else:
            c.hello(cert, tls=True)
        if id == "xclient":
            c.want("XCLIENT ADDR=127.0.0.5 NAME=mail.example", 220)
            c.ehlo()
        c.mail(U)
        c.rcpt()
    assert wait_until(lambda: policy.seen, 5)
    seen = policy.seen[0]
    policy.close()
    assert _ccert_name(seen) == want


def _milter(self, one):
    """Takes all; keeps the macros of MAIL."""
    while True:
        head = one.recv(4, socket.MSG_WAITALL)
        if len(head) < 4:
            return
        data = one.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL)
        verb, data = data[:1], data[1:]
        if verb == b"O":
            reply = b"O" + (6).to_bytes(4, "big") + bytes(4) + bytes(4)
        elif verb == b"D":
            if data[:1] == b"M":
                words = data[1:].split(b"\0")
                self.seen.append(dict(zip(words[::2], words[1::2])))
            continue
        elif verb in (b"Q", b"A"):
            if verb == b"Q":
                return
            continue
        else:
            reply = b"c"
        one.sendall(len(reply).to_bytes(4, "big") + reply)


def test_milter(pki, native):
    milter = Line(_milter)
    mta = native(server(pki, smtpd_milters="inet:127.0.0.1:%d" % milter.port,
                        milter_mail_macros="i {mail_addr} {mail_xoorg}"))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        for value in ("contoso.com", None, "fabrikam.com"):
            c.mail(U, "XOORG=" + value if value else "")
            c.want("RSET", 250)
    got = [x.get(b"{mail_xoorg}") for x in milter.seen]
    milter.close()
    assert got == [b"contoso.com", None, b"fabrikam.com"]


@pytest.mark.parametrize("options", ["", "speed_adjust"])
@pytest.mark.parametrize("id, caps, want", rows(
    ("unannounced", ("8BITMIME", "DSN"), b""),
    ("alike", ("8BITMIME", "XOORGS", "NOXOORG"), b""),
    ("announced", ("8BITMIME", "xoorg"), b" XOORG=contoso.com")))
def test_filter_before_the_queue(pki, native, hop, options, id, caps, want):
    """smtpd_proxy_filter sees it only if it announces it; all else as it was said."""
    behind = hop(caps=caps)
    mta = native(server(pki, smtpd_proxy_filter="127.0.0.1:%d" % behind.port,
                        smtpd_proxy_options=options))
    with Smtp(mta.port) as c:
        c.hello(pki.exo)
        c.deliver(simple(), params="BODY=8BITMIME xoorg=contoso.com RET=HDRS")
        c.deliver(simple(), params="RET=HDRS  BODY=7BIT")
        c.deliver(simple(), '"a b"@contoso.com', params="XOORG=contoso+2Ecom")
    got = [x.mail for x in behind.wait(3, 10)]
    assert got == [b"MAIL FROM:<u@contoso.com> BODY=8BITMIME RET=HDRS" + want,
                   b"MAIL FROM:<u@contoso.com> RET=HDRS  BODY=7BIT",
                   b'MAIL FROM:<"a b"@contoso.com>' + want]


def test_many_sessions_with_nothing_kept(tx, pki):
    """V05: a session's rights are its own, in one and the same smtpd(8)."""
    for cert, want in ((pki.exo, "trusted"), (None, "untrusted"), (pki.exo, "trusted"),
                       (pki.wrong_ca, "refused"), (pki.other_name, "untrusted"),
                       (pki.exo, "trusted")):
        assert _verdict(tx.port, cert) == want


def test_no_list_of_cas(tx, pki):
    """A client with a certificate of whatever CA is not kept from showing it."""
    import subprocess
    done = subprocess.run(
        ["openssl", "s_client", "-starttls", "smtp", "-connect", "127.0.0.1:%d" % tx.port],
        input="QUIT\n", capture_output=True, text=True, timeout=30)
    assert "No client certificate CA names sent" in done.stdout


