# SPDX-License-Identifier: ISC
"""xoorg explain: headers and replies in plain words; hostile input stays text."""
import json
import os
import re
import subprocess

import pytest

from harness import REPO, XOORG, Hop, Smtp, base_config

HOP = ("Received: from NAM12-DM6-obe.outbound.protection.outlook.com (mail [40.107.1.2])\n"
       "\t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384 (256/256 bits))\n"
       "\t(Client CN \"mail.protection.outlook.com\", Issuer \"A (Cloud) CA-1\" (%s))\n"
       "\tby mx.contoso.com (Postfix) with ESMTPS id 4AB; Tue, 17 Mar 2026 10:00:00 +0000\n")


def run(*args, stdin=b""):
    return subprocess.run([XOORG, "explain", *args], input=stdin, capture_output=True, timeout=20)


def explain(text, want=0):
    data = text if isinstance(text, bytes) else text.encode("latin-1")
    done = run("--json", "-", stdin=data)
    assert done.returncode == want, done.stderr
    return json.loads(done.stdout)


def note(text, name):
    found = [x for x in explain(text)["notes"] if x["name"].lower() == name.lower()]
    assert len(found) == 1, found
    return found[0]


# header, value, a word of its meaning
HEADERS = (
    ("X-OriginatorOrg", "contoso.com", "handed the message over"),
    ("x-originatororg", "contoso.onmicrosoft.com", "originator_orgs"),
    ("X-OriginatorOrg", "sct-15-20-1-4-msonline-outlook-9.templateTenant", "never yours"),
    ("X-OriginatorOrg", "not a domain", "no domain"),
    ("X-MS-Exchange-CrossTenant-Id", "84df9e7f-e9f6-40af-b435-aaaaaaaaaaaa", "consumer"),
    ("X-EOPTenantAttributedMessage", "1-2:0", "certificate"),
    ("X-EOPAttributedMessage", "0", "attributed"),
    ("X-MS-Exchange-CrossTenant-FromEntityHeader", "Hosted", "mailbox"),
    ("X-MS-Exchange-CrossTenant-FromEntityHeader", "HybridOnPrem", "own site"),
    ("X-MS-Exchange-CrossTenant-FromEntityHeader", "Internet", "outside"),
    ("X-MS-Exchange-CrossTenant-FromEntityHeader", "Moon", "known values"),
    ("X-MS-Exchange-Organization-AuthAs", "Internal", "from inside"),
    ("X-MS-EXCHANGE-organization-AUTHAS", "anonymous", "not authenticated"),
    ("X-MS-Exchange-CrossPremises-AuthAs", "Internal", "a claim"),
    ("X-MS-Exchange-CrossPremises-AuthMechanism", "14", "Exchange Online"),
    ("X-MS-Exchange-Organization-AuthMechanism", "0A", "NTLM"),
    ("X-MS-Exchange-Organization-AuthMechanism", "10", "ExternalAuthoritative"),
    ("X-MS-Exchange-Organization-AuthSource", "TreatMessagesAsInternal-x", "connector"),
    ("X-MS-Exchange-Organization-MessageDirectionality", "Originating", "going out"),
    ("X-MS-Exchange-Organization-SCL", "-1", "bypassed"),
    ("X-MS-Exchange-CrossPremises-OriginalClientIPAddress", "192.0.2.1", "personal data"),
    ("X-MS-Exchange-CrossPremises-Whatever", "1", "sending side"),
    ("X-OrganizationHeadersPreserved", "ex", "copied"),
    ("X-CrossPremisesHeadersPromoted", "ex", "believed"),
    ("X-CrossPremisesHeadersFiltered", "ex", "removed"),
    ("X-CrossPremisesHeadersFilteredBySendConnector", "ex", "CloudServicesMailEnabled"),
    ("X-CrossPremiseHeadersBlocked", "ex", "trusted one"),
    ("X-MS-Exchange-Transport-CrossTenantHeadersStamped", "ex", "left the tenant"),
)


@pytest.mark.parametrize("name, value, word", HEADERS,
                         ids=["%s=%s" % x[:2] for x in HEADERS])
def test_header(name, value, word):
    got = note("%s: %s\n\n" % (name, value), name)
    assert word in got["meaning"] and got["value"] == value


# header lines, a word of the summary
SUMMARY = (
    ("X-OriginatorOrg: contoso.com\n", "organisation contoso.com"),
    ("X-MS-Exchange-Organization-AuthAs: Internal\n", "took it for internal"),
    ("X-MS-Exchange-Organization-AuthAs: Anonymous\n", "No cross-premises headers arrived"),
    ("X-MS-Exchange-Organization-AuthAs: Anonymous\nX-CrossPremisesHeadersFiltered: ex\n",
     "were not believed"),
    ("X-MS-Exchange-Organization-AuthAs: Anonymous\n"
     "X-CrossPremisesHeadersFilteredBySendConnector: ex\n", "CloudServicesMailEnabled is off"),
    ("X-MS-Exchange-Organization-AuthAs: Anonymous\nX-CrossPremiseHeadersBlocked: ex\n",
     "TrustedMailOutboundEnabled"),
    ("X-MS-Exchange-Organization-AuthAs: Anonymous\n"
     "X-MS-Exchange-CrossPremises-SCL: 1\n", "still there"),
    ("X-MS-Exchange-CrossPremises-AuthAs: Internal\n", "no receiving Exchange has decided"),
    ("X-MS-Exchange-CrossTenant-AuthAs: Internal\n", "means nothing"),
    ("Authentication-Results: gw.contoso.com; x-xoorg=pass smtp.xoorg=contoso.com\n"
     " policy.tenant=contoso policy.verdict=verified\n", "verdict: verified"),
)


@pytest.mark.parametrize("text, word", SUMMARY, ids=[x[1] for x in SUMMARY])
def test_summary(text, word):
    assert word in " ".join(explain(text)["summary"])


WARNINGS = (
    ("X-OriginatorOrg: contoso.com\nX-OriginatorOrg: evil.example\n", "different values"),
    ("X-MS-Exchange-CrossTenant-Id: a-1\nX-EOPTenantAttributedMessage: a-2:0\n", "attributed"),
    ("X-OriginatorOrg: evil.example\nFrom: \"x@y\" <boss@contoso.com>\n", "forgery"),
    ("X-OriginatorOrg: contoso.com\nno field\n", "1 line"),
)


@pytest.mark.parametrize("text, word", WARNINGS, ids=[x[1] for x in WARNINGS])
def test_warning(text, word):
    assert word in " ".join(explain(text)["warnings"])


def test_no_needless_warning():
    got = explain("X-OriginatorOrg: Contoso.com\nX-OriginatorOrg: contoso.com\n"
                  "X-MS-Exchange-CrossTenant-Id: A-1\nX-EOPTenantAttributedMessage: a-1:0\n"
                  "From: <boss@contoso.com>\n")
    assert len(got["warnings"]) == 1	# that headers prove nothing


@pytest.mark.parametrize("verdict", ["verified", "unknown_org", "no_org", "sender_mismatch",
                                     "unauthenticated"])
def test_verdict(verdict):
    got = note("Authentication-Results: gw; x-xoorg=none policy.verdict=%s\n" % verdict,
               "Authentication-Results")
    assert got["topic"] == "gateway" and "no known verdict" not in got["meaning"]


def test_other_results():
    explain("Authentication-Results: gw; spf=pass\n", want=1)


PATH = (
    (HOP % "verified OK", False, "client certificate verified"),
    (HOP % "not verified", True, "client certificate not verified"),
    ("Received: from a.example (a [192.0.2.1]) (version=TLSv1.3 cipher=X bits=256 verify=NOT)\n"
     " by b.example with ESMTPS id 1; Tue\n", False, "no client certificate asked for"),
    ("Received: from a.outbound.protection.outlook.com by b.example with esmtp; Tue\n", True,
     "no TLS noted"),
    ("Received: from a.prod.outlook.com (::1) by b.prod.outlook.com (::2) with Microsoft\n"
     " SMTP Server (version=TLS1_2, cipher=X) id 15; Tue\n", False, "TLS 1.2"),
    ("Received: from a.outbound.protection.outlook.com ([192.0.2.1])\n"
     "\tby gw.contoso.com (xoorgd) with ESMTPS (TLSv1.3 with cipher X)\n\tid s; Tue\n", False,
     "received by xoorgd"),
    ("Received: from a.example by b.example with SMTP (TLS1_0); Tue\n", False, "(old)"),
)


@pytest.mark.parametrize("text, warns, word", PATH, ids=[x[2] for x in PATH])
def test_received(text, warns, word):
    got = note(text, "Received")
    assert got["warning"] == warns and word in got["meaning"]
    assert " -> " in got["value"] and "Tue" in got["meaning"]


def test_received_order():
    done = run("-", stdin=b"Received: from b by c; Tue\nReceived: from a by b; Tue\n")
    text = done.stdout.decode()
    assert text.index("1. a -> b") < text.index("2. b -> c")


@pytest.mark.parametrize("text", ["", "\n\n", "Subject: x\n\nX-OriginatorOrg: contoso.com\n",
                                  "garbage", " : \n", "X-OriginatorOrg contoso.com\n"])
def test_nothing(text):
    assert "nothing of Exchange" in explain(text, want=1)["summary"][0]


@pytest.mark.parametrize("before", [b"", b"\n\r\n", b"From MAILER Thu Jan 1\n", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_forms_of_input(before, end):
    got = explain(before + b"X-OriginatorOrg:" + end + b" contoso.com" + end)
    assert got["notes"][0]["value"] == "contoso.com" and got["lines_passed_over"] == 0


def test_file(tmp_path):
    file = tmp_path / "m.eml"
    file.write_bytes(b"X-OriginatorOrg: contoso.com\r\n\r\nbody\r\n")
    assert run(str(file)).returncode == 0
    file.write_bytes("X-OriginatorOrg: contoso.com\n".encode("utf-16"))
    done = run(str(file))
    assert done.returncode == 2 and b"UTF-16" in done.stderr
    assert run(str(tmp_path / "none")).returncode == 2
    assert run(str(tmp_path)).returncode == 2


HOSTILE = b"\x1b[2J\x1b]0;x\x07\x9b\x00\xe2\x80\xae\r\x7f$(x)"


@pytest.mark.parametrize("json_", [False, True])
@pytest.mark.parametrize("name", [
    b"X-OriginatorOrg", b"X-MS-Exchange-CrossPremises-A", b"Received", b"From",
    b"X-MS-Exchange-Organization-AuthAs", b"X-EOPTenantAttributedMessage"])
def test_hostile_octets(name, json_):
    text = b"X-OriginatorOrg: contoso.com\n%s: from %s by %s;%s%s\n" % (
        name, HOSTILE, HOSTILE, HOSTILE, b"A" * 100000)
    for prefix in (b"", b"Authentication-Results: x-xoorg=%s policy.verdict=%s\n" % (
            HOSTILE, HOSTILE)):
        done = run(*(["--json"] if json_ else []), "-", stdin=prefix + text)
        assert done.returncode == 0 and not done.stderr
        assert all(c == 10 or 32 <= c < 127 for c in done.stdout)
        assert len(done.stdout) < 10000


@pytest.mark.parametrize("value", ["(", "(" * 5000, "\"(", "(\"", ";", "from", "from by with",
                                   ")" * 100, "from (", "from a by b with", "[" * 3000])
def test_broken_received(value):
    note("Received: %s\n" % value, "Received")


def test_large():
    done = run("-", stdin=b"Received: from a by b; Tue\n" * 60000)
    assert done.returncode == 0


# reply, words of cause and remedy
REPLIES = (
    ("550 5.7.64 TenantAttribution; Relay Access Denied", "accepted domain"),
    ("550 5.7.51 TenantInboundAttribution; There is a partner connector configured", "Partner"),
    ("550 5.7.68 TenantInboundAttribution; Direct Send not allowed", "RejectDirectSend"),
    ("450 4.4.317 Cannot connect to remote server [Message=SubjectMismatch Expected Subject: a",
     "TlsDomain"),
    ("450 4.4.317 Cannot connect [Message=451 5.7.3 STARTTLS is required to send mail]",
     "TLS with the smart host failed"),
    ("450 4.4.317 Cannot connect to remote server", "could not connect"),
    ("450 4.7.320 Certificate validation failed", "older form"),
    ("454 4.7.5 The certificate specified in TlsCertificateName of the SendConnector could not "
     "be found.", "renewal"),
    ("454 4.7.5 Certificate validation failure", "cannot verify its chain"),
    ("450 4.7.230 Connecting Exchange server version is out-of-date", "too old"),
    ("550 5.7.230 Connecting Exchange server version is out-of-date", "blocked"),
    ("550 5.6.11 SMTPSEND.BareLinefeedsAreIllegal", "CHUNKING"),
    ("451 5.7.3 Require XOORG extension to send mail", "requires XOORG"),
    ("451 5.7.3 STARTTLS is required to send mail", "requires TLS"),
    ("530 5.7.1 Client was not authenticated", "AcceptCloudServicesMail"),
    ("555 5.5.4 Unsupported option: XOORG=contoso.com", "announced"),
    ("501 5.5.4 Invalid arguments", "malformed"),
    ("451 4.7.652 The mail server has exceeded", "connections"),
    ("451 4.7.550 Access denied", "throttled"),
    ("550 5.7.606 Access denied, banned sending IP", "banned"),
    ("550 5.7.649 Access denied, banned sending IP", "banned"),
    ("550 5.4.1 Recipient address rejected: Access denied", "recipient"),
    ("Remote server returned '550 5.7.64 TenantAttribution'", "accepted domain"),
    *[("%s.7.%d x" % (kind, n), word) for kind in ("450 4", "550 5") for n, word in (
        (321, "does not offer STARTTLS"), (322, "has expired"), (323, "TLSA record"),
        (324, "DNSSEC"), (325, "name of its MX"))],
    ("550 5.4.8 MX hosts of 'contoso.com' failed MTA-STS validation", "policy"),
    ("450 4.4.8 MX hosts of 'contoso.com' failed MTA-STS validation", "policy"),
    ("530 5.7.57 SMTP; Client was not authenticated to send anonymous mail during MAIL FROM",
     "smtp.office365.com"),
    ("451 4.4.62 Mail sent to the wrong Office 365 region. ATTR35.", "never an address"),
    ("OrganizationInboundConnectorProhibitedException", "support case"),
)


@pytest.mark.parametrize("reply, word", REPLIES, ids=[x[0][:30] for x in REPLIES])
def test_reply(reply, word):
    done = run("--json", "--reply", reply)
    got = json.loads(done.stdout)
    assert done.returncode == 0 and got["known"]
    assert word in got["cause"] + got["remedy"]
    done = run("--reply=" + reply)
    assert done.returncode == 0 and b"Remedy" in done.stdout


def test_own_reply():
    got = json.loads(run("--json", "--reply", "454 4.7.5 Certificate validation failure").stdout)
    assert got["reason"] == "tls-certificate"


def refusals():
    """(reason, reply) of each that the gateway can give."""
    with open(os.path.join(REPO, "src", "smtp", "refusal.c"), encoding="utf-8") as f:
        found = re.findall(r'= \{"([a-z0-9-]+)", (\d+), "([\d.]+)",\s+"([^"]+)"', f.read())
    assert len(found) > 70
    return [(x[0], " ".join(x[1:])) for x in found if x[0] != "none"]


@pytest.fixture(scope="module")
def settings():
    with open(os.path.join(REPO, "src", "conf", "settings.c"), encoding="utf-8") as f:
        return set(re.findall(r'"([a-z_]+)"', f.read()))


@pytest.mark.parametrize("reason, reply", refusals(), ids=[x[0] for x in refusals()])
def test_each_own_reply(settings, reason, reply):
    """By its words, cause and remedy are among those shown; by a line of the log they
    are all that is shown, whatever other server says the same."""
    got = json.loads(run("--json", "--reply", reply + ", and more").stdout)
    assert got["known"] is True
    mine, = [x for x in got["reasons"] if x["reason"] == reason]
    assert len(mine["cause"]) > 15 and len(mine["remedy"]) > 15
    for word in re.findall(r"limits\.(\w+)|\b([a-z]+_[a-z_]+)\b",
                           mine["cause"] + " " + mine["remedy"]):
        word = word[0] or word[1]
        assert word in settings | {"message_size_limit", "smtputf8_enable",
                                   "smtpd_authorized_xclient_hosts"}, word
    line = '2026-11-29T13:08:09.133Z level=warning event=refused session=X reply="%s" ' \
        "reason=%s" % (reply, reason)
    got = json.loads(run("--json", "--reply", line).stdout)
    assert [x["reason"] for x in got["reasons"]] == [reason]
    assert got["reply"] == reply
    if reason != "upstream-said":
        assert (got["who"], got["cause"]) == ("xoorgd", mine["cause"])
    text = run("--reply", line).stdout.decode()
    assert text.count("Remedy\n") == 1 and "reason %s," % reason in text


def test_own_causes_differ():
    """Each says why, and not what another says."""
    causes = [json.loads(run("--json", "--reply", "event=refused reason=%s" % x).stdout)["cause"]
              for x, _ in refusals()]
    assert len(set(causes)) == len(causes)


# a line of the log, what its explanation has
LINES = [
    # The next hop's words are its own, in text and in JSON.
    ('event=message verdict=ours reply="550 5.7.64 TenantAttribution; Relay Access Denied" '
     "reason=upstream-said ms=3", "TlsSenderCertificateName"),
    ('{"time": "2026-11-29T13:08:09.133Z", "level": "warning", "event": "message", "reply": '
     '"550 5.7.64 x", "reason": "upstream-said"}', "TlsSenderCertificateName"),
    # A next hop that will not do: what was missing is in the line, what to do here.
    ('Nov 29 gw xoorgd[7]: event=upstream upstream=main host=127.0.0.1:25 '
     'reason=upstream-handover said="250 x" missing="XCLIENT was not announced"',
     "smtpd_authorized_xclient_hosts"),
]


@pytest.mark.parametrize("line, word", LINES, ids=range(len(LINES)))
def test_line_of_the_log(line, word):
    done = run("--json", "--reply", line)
    got = json.loads(done.stdout)
    assert done.returncode == 0 and word in got["cause"] + got["remedy"] + str(got["reasons"])
    assert word in " ".join(run("--reply", line).stdout.decode().split())


@pytest.mark.parametrize("line", ["event=session session=X messages=0 ms=2",
                                  "event=refused reason=no-such-reason reply=\"599 9.9.9 x\"",
                                  "event=message reply=\"250 2.0.0 ok\" reason=delivered"])
def test_line_without_a_refusal(line):
    done = run("--reply", line)
    assert done.returncode == 1 and b"not known" in done.stdout


@pytest.mark.parametrize("reply", ["", "250 OK", "550 5.7.605 x", "550 5.7.6 x", "550 15.7.64 x",
                                   "550 5.7.650 x", "550 5.7.326 x", "450 4.7.326 x", "450 4.4.8 x",
                                    "5.7.", "550 5.7.99999999999999999999999 x"])
def test_unknown_reply(reply):
    done = run("--reply", reply)
    assert done.returncode == 1 and b"not known" in done.stdout


def test_hostile_reply():
    done = run("--reply", "550 5.7.64 \x1b[2J\n\u202e")
    assert done.returncode == 0
    assert all(c == 10 or 32 <= c < 127 for c in done.stdout)


HEAD = ("From u Mon Jan  1 00:00:00 2024\r\nX-OriginatorOrg: evil.example\r\n"
        "X-MS-Exchange-Organization-SCL: -1\r\nX-MS-Exchange-Organization-AuthAs: Internal\r\n"
        "Authentication-Results: gw.contoso.test; x-xoorg=pass\r\n"
        "X-CrossPremisesHeadersPromoted: x\r\nX-A: a\fb\r\ngar bage\r\n\r\nx\r\n")
SAID = ("Delivered to inbound.", "Removed 1 of X-OriginatorOrg,",
        "Removed 2 of X-MS-Exchange-Organization-*,", "Removed 1 of Authentication-Results",
        "Removed 1 of X-CrossPremisesHeadersPromoted", "Repaired: the From line of an mbox",
        "Repaired: a line had no colon", "Repaired: control characters",
        "Added 2 fields of its own.")


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_log(gateway, pki, tmp_path, log_format):
    """The log of a real message, in both forms, and what was done to it."""
    with Hop() as main, Hop() as inbound:
        gw = gateway(base_config(pki, main, inbound, log_format=log_format))
        with Smtp(gw.port()) as c:
            c.hello()
            c.deliver(HEAD.encode())
            c.mail()
            c.rcpt()
            c.data(b"X-A: a\r\n\x0bX-\xa0B: " + b"a" * 999 + b"\nx\r\n\r\n", "550 5.6.11")
        gw.wait_quiet()
        with open(gw.log_file, "rb") as f:
            log = f.read()
    got = json.loads(run("--log", "--json", "-", stdin=log).stdout)
    assert [x["reason"] for x in got] == ["delivered", "header-bare-newline"]
    for sentence in SAID:
        assert [x for x in got[0]["sentences"] if x.startswith(sentence)], sentence
    assert "The header is at fault, line 2: bare CR or LF." in got[1]["sentences"]
    assert not any(x.startswith(("Removed", "Repaired", "Added")) for x in got[1]["sentences"])
    done = run("--log", "-", stdin=log)
    assert done.returncode == 0 and b"- Repaired: a line had no colon" in done.stdout
    assert all(c == 10 or 32 <= c < 127 for c in done.stdout)


def test_log_without_message():
    done = run("--log", "-", stdin=b"Subject: x\n\n")
    assert done.returncode == 1 and b"No line" in done.stdout


@pytest.mark.parametrize("args", [[], ["a", "b"], ["--reply"], ["--reply", "x", "file"],
                                  ["--bogus", "x"]])
def test_usage(args):
    assert run(*args).returncode == 2
