# SPDX-License-Identifier: ISC
"""Where Postfix asks, by clients that speak its protocols themselves: what is answered
over a socket, in pieces and many at a time; what is refused and closed; who may connect;
and what a reload, a stop and a silent client do."""
import json
import os
import re
import signal
import socket
import stat
import threading
import time
import urllib.request

import pytest

from gateway import Config, check_config, connect_asked
from harness import base_config, free_port, rows
from net import wait_until
from tenant_servers import Socketmap
from test_lookup import RECORD, TABLE, Cdb, lie_of

GOOD = {
    "request": "smtpd_access_policy", "protocol_state": "RCPT", "protocol_name": "ESMTP",
    "client_address": "192.0.2.1", "client_name": "mail.example", "helo_name": "mail.example",
    "sender": "a@contoso.com", "recipient": "r@contoso.com", "instance": "1.2.3",
    "ccert_subject": "", "encryption_protocol": "TLSv1.3", "xoorg": "contoso.com",
    "xoorg_ccert_name": "mail.protection.outlook.com", "policy_context": "",
}
SYNTAX = "451 4.3.0 Question cannot be read, try again later"
LIMIT = "451 4.3.0 Question is too long, try again later"
RELAY = "550 5.7.1 Unable to relay"
UNKNOWN = "550 5.7.1 Originator organisation not authorised here"


def question(**changes):
    return "".join("%s=%s\n" % x for x in dict(GOOD, **changes).items()).encode() + b"\n"


def netstring(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"%d:%s," % (len(data), data)


class Postfix:
    """A client of such a listener."""

    def __init__(self, where, timeout=5):
        self.socket = connect_asked(where, timeout)
        self.data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def _more(self):
        got = self.socket.recv(65536)
        if not got:
            raise EOFError(self.data)
        self.data += got

    def action(self):
        while b"\n\n" not in self.data:
            self._more()
        answer, self.data = self.data.split(b"\n\n", 1)
        assert answer.startswith(b"action="), answer
        return answer[len("action="):].decode()

    def ask(self, **changes):
        self.send(question(**changes))
        return self.action()

    def reply(self):
        while not re.match(rb"\d+:", self.data):
            self._more()
        n, _, rest = self.data.partition(b":")
        while len(rest) < int(n) + 1:
            self._more()
            rest = self.data.partition(b":")[2]
        assert rest[int(n):int(n) + 1] == b","
        self.data = rest[int(n) + 1:]
        return rest[:int(n)].decode()

    def look_up(self, text):
        self.send(netstring(text))
        return self.reply()

    def is_closed(self):
        """By the other side, with nothing more said."""
        assert self.data == b""
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True


def session(gw):
    """The line of the one connection on which something was asked."""
    def lines():
        return [x for x in gw.events("session") if x["listener"] != "in"]
    assert wait_until(lambda: len(lines()) == 1, 5), gw.log()
    return lines()[0]


def renew(gw):
    """SIGHUP; call what it returns to wait until the workers before are gone."""
    old = set(gw.workers())
    gw.signal(signal.SIGHUP)

    def wait():
        assert wait_until(lambda: gw.workers() and not old & set(gw.workers()), 5), gw.log()
        gw.first_workers = gw.workers()
    return wait


@pytest.fixture
def asked(gateway, pki, hop, tmp_path):
    """The gateway with `policy` and `socketmap` on unix sockets; changes by path."""
    def make(changes=None):
        config = base_config(pki, hop(), hop())
        config.set("tenants.transport", {"originator_orgs": ["transport.example"],
                                         "sender_domains": ["transport.example"],
                                         "recipient_domains": ["transport.example"],
                                         "relay": True})
        config.set("peers.app", {"names": ["app.contoso.com"], "rights": ["relay"],
                                 "match": "cn-too", "tenant": "contoso"})
        config.set("peers.own", {"networks": ["192.0.2.9"], "rights": ["relay"]})
        config.set("listeners.policy", {
            "protocol": "policy", "listen": ["unix:%s/policy" % tmp_path],
            "peers": ["exchange-online", "app", "own"]})
        config.set("listeners.maps", {
            "protocol": "socketmap", "listen": ["unix:%s/maps" % tmp_path]})
        for path, value in (changes or {}).items():
            config.set(path, value)
        gw = gateway(config)
        gw.policy = config.get_path("listeners.policy.listen")[0]
        gw.maps = config.get_path("listeners.maps.listen")[0]
        return gw
    return make


# --- what is answered ---------------------------------------------------------------------

@pytest.mark.parametrize("id, changes, want", rows(
    ("forged-xoorg", {"xoorg_ccert_name": ""}, "DUNNO"),
    ("forged-xoorg-relay", {"xoorg_ccert_name": "", "xoorg": "transport.example",
                            "sender": "a@transport.example",
                            "recipient": "r@outside.example"}, "DUNNO"),
    ("subject-is-no-name", {"xoorg_ccert_name": "", "xoorg": "transport.example",
                            "ccert_subject": "mail.protection.outlook.com",
                            "sender": "a@transport.example",
                            "recipient": "r@outside.example"}, "DUNNO"),
    ("clear-text", {"encryption_protocol": "", "xoorg": "transport.example",
                    "sender": "a@transport.example", "recipient": "r@outside.example"}, "DUNNO"),
    ("unknown", {"xoorg": "nobody.example"}, UNKNOWN),
    ("foreign-recipient", {"recipient": "r@outside.example"}, RELAY),
    ("routed", {"recipient": "r%outside.example@contoso.com"},
     "550 5.7.1 Address with a route is not accepted here"),
    ("app-of-another", {"xoorg_ccert_name": "", "xoorg": "", "ccert_subject": "app.contoso.com",
                        "sender": "a@transport.example", "recipient": "r@outside.example"},
     "550 5.7.1 Sender not authorised for this originator organisation"),
    ("verified", {}, "DUNNO"),
    ("verified-relay", {"xoorg": "transport.example", "sender": "a@transport.example",
                        "recipient": "r@outside.example"}, "OK"),
    ("app", {"xoorg_ccert_name": "", "xoorg": "", "ccert_subject": "app.contoso.com",
             "recipient": "r@outside.example"}, "OK"),
    ("own", {"xoorg_ccert_name": "", "xoorg": "", "encryption_protocol": "",
             "client_address": "192.0.2.9", "recipient": "r@outside.example"}, "OK")))
def test_answer(asked, id, changes, want):
    gw = asked()
    with Postfix(gw.policy) as p:
        assert p.ask(**changes) == want
    line = gw.event("asked")
    assert line["listener"] == "policy" and line["reply"] == want
    assert line["from"] == dict(GOOD, **changes)["sender"]
    assert (line.get("reason", "") == "") == (want in ("OK", "DUNNO"))
    assert line["line"].count("level=warning") == (want not in ("OK", "DUNNO"))


def test_line(asked):
    """The keys of a message's line."""
    gw = asked()
    with Postfix(gw.policy) as p:
        p.ask(recipient="r@outside.example")
    line = gw.event("asked")
    want = {"client": "192.0.2.1", "tls": "TLSv1.3", "peer": "exchange-online",
            "verdict": "verified", "tenant": "contoso", "xoorg": "contoso.com",
            "action": "reject", "to": "r@outside.example", "to_domain": "outside.example",
            "reason": "rcpt-relay"}
    assert {k: line[k] for k in want} == want
    assert session(gw)["questions"] == "1"


def test_observed(asked):
    gw = asked({"listeners.policy.mode": "observe"})
    with Postfix(gw.policy) as p:
        assert p.ask(xoorg="nobody.example") == "DUNNO"
        assert p.ask(recipient="r@outside.example") == "DUNNO"
        # not even what may relay does so for being observed
        assert p.ask(xoorg="transport.example", recipient="r@outside.example") == "DUNNO"
    got = gw.wait_events(3, "asked")
    assert [(x["action"], x["would"]) for x in got] == 3 * [("demote", "reject")]
    assert [x["reason"] for x in got] == ["unknown-org", "rcpt-relay", "sender-mismatch"]


def test_many_in_one_piece(asked):
    gw = asked()
    with Postfix(gw.policy) as p:
        p.send(b"".join(question(recipient="r%d@%s.com" % (i, "contoso" if i % 2 else "other"))
                        for i in range(1000)))
        got = [p.action() for _ in range(1000)]
    assert got == 500 * [RELAY, "DUNNO"]


def test_octet_by_octet(asked):
    gw = asked()
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        for data, at in ((question(), p), (netstring("org contoso.com"), m)):
            for i in range(len(data)):
                at.send(data[i:i + 1])
        assert p.action() == "DUNNO"
        assert m.reply() == "OK contoso"


def test_half_closed(asked):
    """What was asked before is answered."""
    gw = asked()
    with Postfix(gw.policy) as p:
        p.send(question() + question(recipient="r@outside.example") + b"request=")
        p.socket.shutdown(socket.SHUT_WR)
        assert [p.action(), p.action()] == ["DUNNO", RELAY]
        assert p.is_closed()


@pytest.mark.parametrize("tail", (b"", b"x"), ids=("end", "error"))
def test_answers_that_wait(asked, tail):
    """More than the socket holds, behind which nothing more is asked: none is lost."""
    gw = asked()
    n = 20000
    with Postfix(gw.maps) as m:
        def send():
            m.send(netstring("org_access nobody.example") * n + tail)
            m.socket.shutdown(socket.SHUT_WR)
        sender = threading.Thread(target=send)
        sender.start()
        assert {m.reply() for _ in range(n)} == {"OK " + UNKNOWN}
        sender.join()
        assert m.is_closed()


@pytest.mark.parametrize("id, text, want", rows(
    ("none", "other contoso.com", "PERM no such table"),
    ("no-key", "org", "PERM no key"),
    ("nobody", "org nobody.example", "NOTFOUND "),
    ("unknown", "org_access nobody.example", "OK " + UNKNOWN),
    ("relay-by-key", "org_access transport.example", "OK DUNNO"),
    ("org", "org contoso.onmicrosoft.com", "OK contoso"),
    ("sender", "sender a@transport.example", "OK transport"),
    ("sender_xoorg", "sender_xoorg @contoso.com", "OK contoso.com"),
    ("recipient", "recipient contoso.com", "OK contoso")))
def test_lookup(asked, id, text, want):
    gw = asked()
    with Postfix(gw.maps) as m:
        assert m.look_up(text) == want
        # and goes on
        assert m.look_up("org contoso.com") == "OK contoso"
    assert session(gw)["questions"] == "2"
    told = gw.events("asked")
    assert len(told) == (want.startswith("PERM") or text.startswith("org_access"))
    assert all(x["listener"] == "maps" for x in told)


def test_metrics(asked):
    port = free_port()
    gw = asked({"status": "127.0.0.1:%d" % port})
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        for recipient in ("r@contoso.com", "s@contoso.com", "t@outside.example"):
            p.ask(recipient=recipient)
        p.ask(xoorg="nobody.example", instance="2")
        p.ask(protocol_state="MAIL", recipient="", xoorg="transport.example",
              sender="a@transport.example", instance="3")
        # nobody vouches for this one
        p.ask(xoorg="forged.example", xoorg_ccert_name="", instance="4")
        m.look_up("org contoso.com")
        m.look_up("org x.example")
        m.look_up("other x.example")

    def get(path):
        with urllib.request.urlopen("http://127.0.0.1:%d%s" % (port, path), timeout=5) as r:
            return r.read().decode()

    def value(text, name):
        match = re.search(r"^%s (\S+)$" % re.escape(name), text, re.M)
        return match and float(match.group(1))

    text = get("/metrics")
    for listener, answer, n in (("policy", "dunno", 4), ("policy", "refused", 2),
                                ("maps", "ok", 1), ("maps", "notfound", 1), ("maps", "error", 1)):
        assert value(text, 'xoorg_questions_total{listener="%s",answer="%s"}' % (
            listener, answer)) == n
    assert value(text, 'xoorg_refusals_total{reason="unknown-org"}') == 1
    # organisations of messages, not of recipients
    assert {x["originator_org"]: {k: n for k, n in x["messages"].items() if n}
            for x in json.loads(get("/orgs"))["orgs"]} == {
        "contoso.com": {"verified": 1}, "transport.example": {"verified": 1},
        "nobody.example": {"unknown_org": 1}}
    assert value(text, "xoorg_unknown_orgs") == 1
    assert "xoorg_messages_total{" not in text


# --- what is no question ---------------------------------------------------------------------

@pytest.mark.parametrize("id, data, want, reason", rows(
    ("http", b"GET / HTTP/1.1\r\n\r\n", SYNTAX, "ask-syntax"),
    ("smtp", b"EHLO mail.example\r\n", SYNTAX, "ask-syntax"),
    ("twice", b"xoorg=\nxoorg=contoso.com\n\n", SYNTAX, "ask-syntax"),
    ("nul", b"sender=a\0b\n\n", SYNTAX, "ask-syntax"),
    ("other", question(request="other"), SYNTAX, "ask-syntax"),
    ("bad-xoorg", question(xoorg="a b"), SYNTAX, "ask-syntax"),
    ("nothing", b"\n", SYNTAX, "ask-syntax"),
    ("long-line", b"a=" + b"x" * 9000, LIMIT, "ask-limit"),
    ("many-lines", b"a=b\n" * 201, LIMIT, "ask-limit")))
def test_no_question(asked, id, data, want, reason):
    """It is told, and nothing behind it is read."""
    gw = asked()
    with Postfix(gw.policy) as p:
        p.send(question())
        assert p.action() == "DUNNO"
        p.send(data + question(xoorg="transport.example", sender="a@transport.example"))
        assert p.action() == want
        assert p.is_closed()
    assert gw.event("refused")["reason"] == reason


@pytest.mark.parametrize("id, data, reason", rows(
    ("text", b"org contoso.com\n", "ask-syntax"), ("zero", b"015:org contoso.com,", "ask-syntax"),
    ("no-comma", b"15:org contoso.comx", "ask-syntax"), ("long", b"2049:org ", "ask-limit"),
    ("longer", b"999999999999:", "ask-limit")))
def test_no_lookup(asked, id, data, reason):
    gw = asked()
    with Postfix(gw.maps) as m:
        m.send(netstring("org contoso.com") + data + netstring("org contoso.com"))
        assert m.reply() == "OK contoso"
        assert m.is_closed()
    assert gw.event("refused")["reason"] == reason


def test_reader_that_does_not_read(asked):
    """Answers that are not taken stop the questions, and end with the time."""
    gw = asked({"limits.request_timeout": 1})
    with Postfix(gw.maps) as m, Postfix(gw.policy) as p:
        m.socket.settimeout(0.2)
        try:
            for _ in range(1000):
                m.send(netstring("org_access nobody.example") * 2000)
        except (socket.timeout, OSError):
            pass
        # others are served meanwhile
        assert p.ask() == "DUNNO"
        assert wait_until(lambda: "timeout" in [x["reason"] for x in gw.events("refused")], 10)


# --- time ------------------------------------------------------------------------------------

def test_half_a_question(asked):
    gw = asked({"limits.request_timeout": 1})
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        assert p.ask() == "DUNNO"
        begin = time.monotonic()
        p.send(b"request=smtpd_access_policy\n")
        m.send(b"15:org con")
        assert p.is_closed() and m.is_closed()
        assert time.monotonic() - begin >= 0.9
    assert [x["reason"] for x in gw.wait_events(2, "refused")] == 2 * ["timeout"]


def test_silence(asked):
    """Between questions: closed in time, and nothing to tell of."""
    gw = asked({"limits.command_timeout": 1})
    with Postfix(gw.policy) as p:
        assert p.ask() == "DUNNO"
        assert p.is_closed()
    session(gw)
    assert gw.events("refused") == []


# --- where it is ------------------------------------------------------------------------------

@pytest.mark.parametrize("mode, want", (("0600", 0o600), ("0660", 0o660), ("0666", 0o666)))
def test_mode(asked, mode, want):
    gw = asked({"listeners.policy.socket_mode": mode})
    assert stat.S_IMODE(os.stat(gw.policy[len("unix:"):]).st_mode) == want


def test_group_of_the_folder(asked, tmp_path):
    if os.getuid() != 0:
        pytest.skip("needs to change a group")
    folder = tmp_path / "spool"
    folder.mkdir()
    os.chown(folder, -1, 12345)
    os.chmod(folder, 0o2750)
    gw = asked({"listeners.policy.listen": ["unix:%s/policy" % folder]})
    assert os.stat(gw.policy[len("unix:"):]).st_gid == 12345


def test_several_workers_and_places(asked, tmp_path):
    port = free_port()
    gw = asked({"workers": 3, "listeners.policy.listen": [
        "unix:%s/policy" % tmp_path, "127.0.0.1:%d" % port, "unix:%s/second" % tmp_path]})
    for where in 5 * gw.config.get_path("listeners.policy.listen"):
        with Postfix(where) as p:
            assert p.ask() == "DUNNO"


def test_left_over_socket(asked, gateway, tmp_path):
    """One that nobody answers at is taken over; one at which somebody does is not."""
    gw = asked()
    path = gw.policy[len("unix:"):]
    gw.stop()
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    gw.start()
    with Postfix(gw.policy) as p:
        assert p.ask() == "DUNNO"
    port = free_port()
    with pytest.raises(AssertionError) as e:
        gateway(gw.config.with_({"listeners.in.listen": ["127.0.0.1:%d" % port],
                                 "listeners.maps": None}))
    assert "expected an address that can be bound, found %s: Address already in use" % (
        gw.policy) in str(e.value)
    with Postfix(gw.policy) as p:
        assert p.ask() == "DUNNO"


def test_other_file(asked, tmp_path):
    """What is no socket stays."""
    path = tmp_path / "file"
    path.write_text("kept")
    with pytest.raises(AssertionError) as e:
        asked({"listeners.policy.listen": ["unix:%s" % path]})
    assert "Address already in use" in str(e.value)
    assert path.read_text() == "kept"


# --- reload and stop ----------------------------------------------------------------------------

def test_reload(asked, tmp_path):
    """The old ones answer what is half, and go; the place is never gone."""
    gw = asked()
    path = tmp_path / "policy"
    before = os.stat(path).st_ino
    with Postfix(gw.policy) as idle, Postfix(gw.policy) as half:
        assert idle.ask(xoorg="new.example") == UNKNOWN
        half.send(question(xoorg="new.example")[:50])
        time.sleep(0.2)
        gw.write(gw.config.with_({
            "tenants.contoso.originator_orgs": ["contoso.com", "new.example"],
            "listeners.policy.socket_mode": "0666",
            "listeners.maps.listen": ["unix:%s/other" % tmp_path]}))
        settle = renew(gw)
        assert idle.is_closed()
        with Postfix(gw.policy) as p:
            assert wait_until(lambda: p.ask(xoorg="new.example") == "DUNNO", 5)
        half.send(question(xoorg="new.example")[50:])
        assert half.action() == UNKNOWN
        assert half.is_closed()
    st = os.stat(path)
    assert st.st_ino == before and stat.S_IMODE(st.st_mode) == 0o666
    # a place that is not listened at any more has no name left
    assert wait_until(lambda: not os.path.exists(tmp_path / "maps"), 5)
    with Postfix("unix:%s/other" % tmp_path) as m:
        assert m.look_up("org new.example") == "OK contoso"
    settle()


def test_name_taken_away(asked, tmp_path):
    """A reload makes it anew."""
    gw = asked()
    os.unlink(tmp_path / "policy")
    settle = renew(gw)
    settle()
    with Postfix(gw.policy) as p:
        assert p.ask() == "DUNNO"


def test_stop(asked):
    """Nobody is waited for who asks nothing."""
    gw = asked()
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        assert p.ask() == "DUNNO"
        assert m.look_up("org contoso.com") == "OK contoso"
        begin = time.monotonic()
        gw.stop()
        assert time.monotonic() - begin < 5
        assert p.is_closed() and m.is_closed()


def test_stop_with_half_a_question(asked):
    """It may be finished, as long as drain_timeout lasts."""
    gw = asked({"drain_timeout": 1})
    with Postfix(gw.policy) as p:
        p.send(b"request=smtpd_access_policy\n")
        gw.wait_quiet()
        gw.stop()
        assert p.is_closed()


def test_without_mail(gateway, tmp_path):
    """Alone: no upstream, no certificate, nothing but questions."""
    config = Config({
        "hostname": "gw.contoso.test", "user": "", "workers": 1,
        "tenants": {"contoso": {"originator_orgs": ["contoso.com"]}},
        "listeners": {"maps": {"protocol": "socketmap", "listen": ["unix:%s/m" % tmp_path]}}})
    gw = gateway(config)
    with Postfix("unix:%s/m" % tmp_path) as m:
        assert m.look_up("org contoso.com") == "OK contoso"
    code, said = check_config(gw.file)
    assert code == 0 and "tenant-unused" not in said


# --- tenants that are asked for ------------------------------------------------------------------

FABRIKAM = {"xoorg": "fabrikam.com", "sender": "u@fabrikam.com", "recipient": "r@fabrikam.com"}
NOT_KNOWN = "451 4.3.0 Organisations cannot be looked up at the moment, try again later"


@pytest.fixture
def with_table(asked, pki, hop, tmp_path):
    def make(**changes):
        folder = tmp_path / "tables"
        folder.mkdir()
        plain = tmp_path / "plain.conf"
        plain.write_text(base_config(pki, hop(), hop()).text())
        table = Cdb(folder, str(plain))
        table.put(TABLE)
        return asked(dict({"tenant_tables": [table.text]}, **changes)), table
    return make


def test_table(with_table):
    """The same as with a tenant of the configuration, and in order."""
    gw, _ = with_table()
    with Postfix(gw.policy) as p:
        p.send(question(xoorg="nobody.example") + question(**FABRIKAM) +
               question(**dict(FABRIKAM, recipient="r@outside.example")) + question() +
               question(**dict(FABRIKAM, sender="u@adatum.com")) +
               question(xoorg="eu.fabrikam.com", sender="u@fabrikam.com",
                        recipient="r@x.fabrikam.com"))
        assert [p.action() for _ in range(6)] == [
            UNKNOWN, "DUNNO", RELAY, "DUNNO",
            "550 5.7.1 Sender not authorised for this originator organisation", "DUNNO"]
    got = gw.wait_events(6, "asked")
    assert [x["tenant"] for x in got] == ["", "fabrikam", "fabrikam", "contoso", "fabrikam",
                                          "fabrikam"]


def test_table_lookups(with_table):
    gw, _ = with_table()
    with Postfix(gw.maps) as m:
        texts = ("org fabrikam.com", "org nobody.example", "sender u@adatum.com",
                 "sender_xoorg @fabrikam.com", "org_access fabrikam.com",
                 "org_access nobody.example", "org contoso.com", "recipient fabrikam.com")
        m.send(b"".join(map(netstring, texts)))
        # a recipient is that of the configuration's tenants alone
        assert [m.reply() for _ in texts] == [
            "OK fabrikam", "NOTFOUND ", "OK adatum", "OK fabrikam.com", "OK DUNNO",
            "OK " + UNKNOWN, "OK contoso", "NOTFOUND "]


@pytest.mark.parametrize("mode", ("enforce", "observe"))
def test_table_not_known(with_table, mode):
    """Never "nobody's", and never let in; what the configuration has is as before."""
    gw, table = with_table(**{"listeners.policy.mode": mode, "listeners.maps.mode": mode})
    os.unlink(table.path)
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        for changes in (FABRIKAM, {"xoorg": "nobody.example"},
                        dict(FABRIKAM, protocol_state="MAIL", recipient="")):
            assert p.ask(**changes) == NOT_KNOWN
        for text in ("org fabrikam.com", "org_access fabrikam.com", "sender u@adatum.com",
                     "sender_xoorg u@adatum.com"):
            assert m.look_up(text) == "TEMP " + NOT_KNOWN[10:]
        assert p.ask() == "DUNNO"
        assert m.look_up("org contoso.com") == "OK contoso"
        # and of a stranger nothing is asked
        assert p.ask(**dict(FABRIKAM, xoorg_ccert_name="")) == "DUNNO"
        table.put(TABLE)
        assert p.ask(**FABRIKAM) == "DUNNO"
        assert m.look_up("org fabrikam.com") == "OK fabrikam"
    assert {x["reason"] for x in gw.events("asked") if x["reply"] == NOT_KNOWN} == {
        "tenant-not-known"}


@pytest.fixture
def with_server(gateway, asked, tmp_path):
    """Its answers wait until `release` is set; `two`: another server is asked first."""
    made = []

    def make(two=None, **changes):
        for name in ("first", "second")[two is None:]:
            (tmp_path / name).mkdir()
            made.append(Socketmap(tmp_path / name))
        release = threading.Event()
        if two is not None:
            made[0].lie = two
        made[-1].lie = lambda _: release.wait(10) and lie_of(RECORD)
        gw = asked(dict({"tenant_lookup_timeout": 1, "tenant_nobody_fresh": 0, "tenant_tables": [
            "socketmap:unix:%s:t" % x.path for x in made]}, **changes))
        return gw, release, made[-1]
    yield make
    for x in made:
        x.stop()


def test_server_gone_client(with_server, monkeypatch):
    """One that does not wait for its answer; the next gets that to its own question."""
    # What is freed is overwritten, so that nothing can go on with it unseen.
    monkeypatch.setenv("MALLOC_PERTURB_", "202")
    gw, release, server = with_server(tenant_lookup_timeout=5)
    for where, data in ((gw.policy, question(**FABRIKAM)), (gw.policy, question(**FABRIKAM) * 2),
                        (gw.maps, netstring("org fabrikam.com"))):
        with Postfix(where) as p:
            p.send(data)
    assert wait_until(lambda: server.asked, 5)
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        p.send(question(**FABRIKAM))
        m.send(netstring("org nobody.example") + netstring("org fabrikam.com"))
        release.set()
        assert p.action() == "DUNNO"
        assert [m.reply(), m.reply()] == ["TEMP " + NOT_KNOWN[10:], "OK fabrikam"]
    assert gw.workers() == gw.first_workers


def test_server_too_late(with_server):
    """Each question has a time of its own, whatever tables there are; the answer to the one
    before is none to it."""
    def slow(_):
        time.sleep(0.3)
        return b"9:NOTFOUND ,"
    gw, release, _ = with_server(two=slow)
    begin = time.monotonic()
    with Postfix(gw.policy) as p:
        p.send(question(**FABRIKAM) * 2 + question())
        assert [p.action() for _ in range(3)] == [NOT_KNOWN, NOT_KNOWN, "DUNNO"]
        assert time.monotonic() - begin < 4
        release.set()
        assert p.ask(**FABRIKAM) in ("DUNNO", NOT_KNOWN)
        assert wait_until(lambda: p.ask(**FABRIKAM) == "DUNNO", 10)


def test_server_stop(with_server):
    """A reload ends nothing that waits for an answer, and a connection behind it."""
    gw, release, server = with_server(tenant_lookup_timeout=5)
    with Postfix(gw.policy) as p, Postfix(gw.maps) as m:
        p.send(question(**FABRIKAM))
        m.send(netstring("sender u@fabrikam.com"))
        assert wait_until(lambda: len(server.asked) >= 2, 5)
        settle = renew(gw)
        time.sleep(0.3)
        release.set()
        assert p.action() == "DUNNO"
        assert m.reply() == "OK fabrikam"
        assert p.is_closed() and m.is_closed()
    settle()


NAMED = {"xoorg": "", "recipient": "r@outside.example", "sender": "u@fabrikam.com",
         "xoorg_ccert_name": "app.fabrikam.example"}


@pytest.mark.parametrize("id, changes, want, is_asked", rows(
    ("clear-text", dict(NAMED, encryption_protocol=""), "DUNNO", False),
    ("no-name", dict(NAMED, xoorg_ccert_name=""), "DUNNO", False),
    ("nobody's", dict(NAMED, xoorg_ccert_name="x.app.fabrikam.example"), "DUNNO", True),
    ("subject-beside-a-name", dict(NAMED, xoorg_ccert_name="x.example",
                                   ccert_subject="app.fabrikam.example"), "DUNNO", True),
    ("another's-sender", dict(NAMED, sender="u@adatum.com"),
     "550 5.7.1 Sender not authorised for this originator organisation", True),
    ("subject", dict(NAMED, xoorg_ccert_name="", ccert_subject="app.fabrikam.example"), "OK",
     True),
    ("named", NAMED, "OK", True),
    ("named-by-address-too", dict(NAMED, client_address="192.0.2.9"), "OK", True)))
def test_table_names(with_table, id, changes, want, is_asked):
    """As in a session (protocol.md 9.13): by a name that only the table knows."""
    gw, table = with_table(**{
        "peers.named": {"tenant_names": True, "rights": ["relay"], "match": "cn-too"},
        "listeners.policy.peers": ["exchange-online", "named", "own"]})
    table.put("name,originator_orgs,certificate_names\n"
              "fabrikam,fabrikam.com,app.fabrikam.example\n")
    with Postfix(gw.policy) as p:
        assert p.ask(**changes) == want
    event = gw.event("asked")
    if want == "OK":
        assert (event["verdict"], event["tenant"], event["peer"]) == (
            "attributed", "fabrikam", "named")
    os.unlink(table.path)
    with Postfix(gw.policy) as p:
        assert p.ask(**changes) == (NOT_KNOWN if is_asked else want)
