# SPDX-License-Identifier: ISC
"""The log: one line a message with all keys, one a session; nothing injected."""
import json
import os
import re
import socket
import subprocess
import urllib.request

import pytest

from harness import (Do, Smtp, base_config, free_port, out_config, rows, simple,
                     wait_until)

KEYS = ["session", "listener", "client", "tls", "peer", "verdict", "tenant", "xoorg",
        "action", "from", "rcpts", "size", "upstream", "reply", "ms"]


def test_message_line(std):
    with std.connect("X") as c:
        content = simple()
        c.deliver(content, to=["a@contoso.com", "b@contoso.com"], xoorg="Contoso.com")
    event = std.gw.event()
    assert [k for k in KEYS if k not in event] == []
    assert event["listener"] == "in" and event["peer"] == "exchange-online"
    assert event["client"].startswith("127.0.0.1")
    assert event["tls"].startswith("TLSv1.")
    assert (event["verdict"], event["tenant"], event["action"]) == \
        ("verified", "contoso", "accept")
    assert event["xoorg"].lower() == "contoso.com"
    assert event["from"] == "u@contoso.com"
    assert event["rcpts"] == "2" and event["upstream"] == "main"
    assert int(event["size"]) == len(content)
    assert "250" in event["reply"] and "HOP" in event["reply"]
    assert int(float(event["ms"])) >= 0


def test_demoted_line(std):
    with std.connect("C") as c:
        c.deliver(simple(), "x@e.example")
    event = std.gw.event()
    assert [k for k in KEYS if k not in event] == []
    assert (event["verdict"], event["action"], event["upstream"]) == \
        ("unauthenticated", "demote", "inbound")
    assert event["tenant"] in ("", "none") and event["xoorg"] in ("", "none")


def test_ours(gateway, pki, hop):
    """Mail of our own MTA has a verdict of its own."""
    gw = gateway(out_config(pki, hop(), tls="none", tls_name=None, trust=None,
                            client_certificate=None, client_key=None))
    with Smtp(gw.port("out")) as c:
        c.ehlo()
        c.deliver(simple(), "u@contoso.com", to="x@elsewhere.example")
    event = gw.event()
    assert (event["verdict"], event["tenant"], event["action"]) == \
        ("ours", "contoso", "accept")


def test_one_line_each(std):
    with std.connect("X") as c:
        for _ in range(5):
            c.deliver(simple(), xoorg="contoso.com")
        c.mail("u@contoso.com", "XOORG=fabrikam.com", want=550)
        c.quit()
    events = std.gw.wait_events(6)
    assert [x["verdict"] for x in events] == ["verified"] * 5 + ["unknown_org"]
    assert events[5]["action"] == "reject" and "550" in events[5]["reply"]
    assert len({x["session"] for x in events}) == 1
    session, = std.gw.wait_events(1, "session")
    assert session["session"] == events[0]["session"]


@pytest.mark.parametrize("id, script, code", rows(
    ("mail", {"mail": "550 5.1.8 no"}, "550"), ("rcpt", {"rcpt": "550 5.1.1 no"}, "550"),
    ("final", {"final": "451 4.3.0 later"}, "451"), ("lost", {"final": Do.rst}, "451")))
def test_refused_by_the_next_hop(gateway, pki, hop, id, script, code):
    one = hop(script=script)
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        if c.cmd("RCPT TO:<r@contoso.com>").code == 250:
            c.data(simple(), "4xx|5xx")
        c.quit()
    event = gw.event()
    assert code in event["reply"] or id == "rcpt"


# id, where, what Exchange Online says there, a word of the hint
HINTS = rows(
    ("5.7.64", "rcpt", "550 5.7.64 TenantAttribution; Relay Access Denied [x.example]",
     "inbound connector"),
    ("5.7.51", "rcpt", "550 5.7.51 TenantInboundAttribution; Rejecting", "Partner"),
    ("5.7.68", "rcpt", "550 5.7.68 TenantInboundAttribution; Direct Send not allowed",
     "direct send"),
    ("4.4.317", "mail", "451 4.4.317 Cannot connect to remote server", "TlsDomain"),
    ("4.7.230", "mail", "450 4.7.230 Connecting Exchange server version is out-of-date",
     "too old"),
    ("final", "final", "550 5.7.64 TenantAttribution", "client certificate"),
    ("other", "rcpt", "550 5.1.1 unknown", None),
    ("longer", "rcpt", "550 5.7.640 what is this", None),
    ("later", "rcpt", "550 5.1.1 see 5.7.64 for more", None),
)


@pytest.mark.parametrize("id, where, reply, word", HINTS)
def test_hint(gateway, pki, hop, id, where, reply, word):
    """The reply passes unchanged; the log says what may be the matter with it."""
    one = hop(script={where: reply})
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        got = c.cmd("MAIL FROM:<a@e.example>")
        if got.code == 250:
            got = c.cmd("RCPT TO:<r@contoso.com>")
        if got.code == 250:
            c.want("DATA", 354)
            c.send(simple() + b".\r\n")
            got = c.reply()
        assert got.raw == reply.encode() + b"\r\n"
        c.quit()
    event = gw.event()
    assert event["reply"] == reply and event["reason"] == "upstream-said"
    assert (word in event["hint"]) if word else "hint" not in event


INJECTIONS = rows(
    ("quote", '<"a\\" event=message verdict=verified x"@e.example>'),
    ("space", '<"a b=c"@e.example>'),
    ("equals", "<a=b@e.example>"),
    ("backslash", '<"a\\\\"@e.example>'),
    ("long", "<" + "a" * 800 + "@e.example>"),
    ("utf8", "<\xc3\xa9@e.example> SMTPUTF8"),
)


@pytest.mark.parametrize("id, path", INJECTIONS)
def test_injection(std, id, path):
    with std.connect("X") as c:
        got = c.cmd(("MAIL FROM:" + path).encode("latin-1"))
        if got.code != 250:
            return
        if c.cmd("RCPT TO:<r@contoso.com>").code == 250:
            c.data(simple())
        c.quit()
    event = std.gw.event()
    assert event["verdict"] == "no_org"
    assert len(event["line"]) < 4096


def test_hostile_reply_in_the_log(gateway, pki, hop):
    one = hop(script={"final": b"550 x\x1b[2J\" event=message verdict=verified\r\n"})
    gw = gateway(base_config(pki, one, one))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.data(simple(), 550)
    assert gw.event()["verdict"] == "unauthenticated"
    assert "\x1b" not in gw.log()


def test_json(gateway, pki, hop):
    one = hop()
    gw = gateway(base_config(pki, one, one, log_format="json"))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.mail("a\"b@e.example", want="250|501|553")
        c.want("RSET", 250)
        c.deliver(simple(), xoorg="contoso.com")
        c.quit()

    def lines():
        out = []
        for line in gw.log().split("\n"):
            if line.strip():
                out.append(json.loads(line))
        return [x for x in out if x.get("event") == "message"]
    assert wait_until(lambda: len(lines()) == 1, 5)
    event, = lines()
    assert [k for k in KEYS if k not in event] == []
    assert event["verdict"] == "verified" and int(event["rcpts"]) == 1


def test_file(gateway, pki, hop, tmp_path):
    one = hop()
    file = tmp_path / "mail.log"
    gw = gateway(base_config(pki, one, one, log=str(file)))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    assert wait_until(lambda: "event=message" in file.read_text(), 5)


def test_bad_certificate_is_logged(std, pki):
    with Smtp(std.port()) as c:
        c.ehlo()
        c.starttls(pki.case("C06"))
        c.want("EHLO x", 454)
        c.expect_close()
    assert wait_until(lambda: "expired" in std.gw.log(), 5)


# --- syslog ------------------------------------------------------------------------------

# A /dev of its own with what a program needs, and a /dev/log that leads to the test's.
DEV = """
set -e
mount -t tmpfs none "$0"
for n in "null 3" "zero 5" "random 8" "urandom 9"
do
	mknod -m 666 "$0/${n% *}" c 1 "${n#* }"
done
ln -s "$XO_SYSLOG" "$0/log"
mount --bind "$0" /dev
exec "$@"
"""


class Syslog:
    """A daemon behind /dev/log: reads when it is told to."""

    def __init__(self, path):
        self.path = path
        self.begin()

    def begin(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        os.chmod(self.path, 0o666)
        self.socket.settimeout(5)

    def end(self):
        self.socket.close()
        os.unlink(self.path)

    def read(self, word):
        """Until a line has the word; that line."""
        for _ in range(1000):
            line = self.socket.recv(65536).decode()
            if word in line:
                return line
        raise AssertionError("no line with %s" % word)


@pytest.fixture
def syslog(gateway, pki, hop, tmp_path):
    if os.getuid() != 0:
        pytest.skip("not root: no /dev of its own")
    done = subprocess.run(["unshare", "-m", "true"], capture_output=True, text=True)
    if done.returncode:
        pytest.skip("no /dev of its own: " + done.stderr.strip())
    daemon = Syslog(str(tmp_path / "log"))
    dev = tmp_path / "dev"
    dev.mkdir()
    gw = gateway(base_config(pki, hop(), hop(), log="syslog",
                             status="127.0.0.1:%d" % free_port()),
                 wrapper=["unshare", "-m", "sh", "-c", DEV, str(dev)],
                 env={"XO_SYSLOG": daemon.path})
    yield gw, daemon
    daemon.end()


def _deliver(gw):
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())


def test_syslog(syslog):
    gw, daemon = syslog
    _deliver(gw)
    assert "reason=delivered" in daemon.read("event=message")


def test_syslog_anew(syslog):
    """The daemon is another one after a while, as when it was upgraded."""
    gw, daemon = syslog
    daemon.end()
    _deliver(gw)
    daemon.begin()

    def is_back():
        _deliver(gw)
        daemon.socket.settimeout(0.2)
        try:
            return daemon.read("event=message")
        except socket.timeout:
            return False
    assert wait_until(is_back, 10)


def test_syslog_stands_still(syslog):
    """Nobody reads: mail goes on, and what could not be told is counted."""
    gw, daemon = syslog

    def dropped():
        with urllib.request.urlopen("http://%s/metrics" % gw.config["status"],
                                    timeout=10) as page:
            return int(re.search(r"^xoorg_log_dropped_total (\d+)$", page.read().decode(),
                                 re.M).group(1))
    with Smtp(gw.port()) as c:
        c.ehlo()
        for _ in range(20):
            for _ in range(200):
                c.deliver(simple())
            if dropped():
                return
    raise AssertionError("4,000 lines fit where nobody reads")
