# SPDX-License-Identifier: ISC
"""log_persons = "hashed": no local part of an address in the log, by whatever way it came
there; what reads the log needs none."""
import os
import re
import signal
import subprocess

import pytest

from harness import XOORG, Smtp, base_config, rows, simple, wait_until
from net import Closed

HASH = re.compile(r"^#[0-9a-f]{16}$")
NAMES = ("secret.sender", "secret.rcpt", "secret.victim", "secret.header")


def send(gw, pki):
    """Addresses on each way into the log: the envelope, refusals, the next hop's words."""
    with Smtp(int(gw.config["listeners"]["in"]["listen"][0].split(":")[1])) as c:
        c.hello(pki.exo)
        c.mail("secret.sender@contoso.com", "XOORG=contoso.com")
        c.rcpt("secret.rcpt@contoso.com")
        assert c.cmd("RCPT TO:<secret.victim@outside.example>").code == 550
        c.data(simple())
        c.mail("secret.sender@contoso.com", "XOORG=contoso.com")
        c.rcpt("secret.rcpt@contoso.com")
        c.cmd("DATA")
        c.send(b"Subject: x\r\nsecret.header@contoso.com Anna\r\n\r\nx\r\n.\r\n")
        assert c.reply().code == 554


@pytest.fixture
def busy(gateway, hop, pki):
    def start(**changes):
        one = hop(script={"final": "250 2.0.0 <secret.rcpt@contoso.com> queued as 4X"})
        config = base_config(pki, one, hop(), listeners__in__malformed_header="refuse",
                             **changes)
        gw = gateway(config)
        send(gw, pki)
        assert wait_until(lambda: "event=session" in gw.log() or '"session"' in gw.log())
        assert wait_until(lambda: len(re.findall(r'event"?[=:]"?message', gw.log())) == 2)
        return gw
    return start


def of(log, key):
    return re.findall(r'%s"?[=:]"?([^"\s,]+)' % key, log)


def test_plain(busy):
    """All of these come into a log that hides nothing."""
    log = busy().log()
    assert all(x in log for x in NAMES)


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_hashed(busy, log_format):
    log = busy(log_persons="hashed", log_format=log_format).log()
    assert [x for x in NAMES if x in log] == []
    froms = [x.split("@") for x in of(log, "[ ,\"]from")]
    assert len(froms) >= 3 and len({x[0] for x in froms}) == 1
    assert all(HASH.match(x) and y == "contoso.com" for x, y in froms)
    to = of(log, "[ ,\"]to")
    assert len(to) >= 1 and all(HASH.match(x.split("@")[0]) for x in to)
    assert "outside.example" in of(log, "to_domain")
    assert re.search(r"<#[0-9a-f]{16}@contoso\.com> queued as 4X", log)


def test_header_is_not_quoted(busy):
    log = busy(log_persons="hashed").log()
    assert re.search(r"event=message .*reason=header-syntax because=", log)
    assert "Anna" not in log and "Anna" in busy().log()


@pytest.mark.parametrize("has_key", [True, False])
def test_key(busy, tmp_path, has_key):
    """With a file one hash for good; without, a key for the life of the process."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4 + "\n")
    how = {"log_persons": "hashed", **({"log_key": str(key)} if has_key else {})}
    first, second = (of(busy(**how).log(), " from")[0] for _ in range(2))
    assert (first == second) == has_key
    key.write_text("fedcba9876543210" * 4 + "\n")
    third = of(busy(**how).log(), " from")[0]
    assert third not in (first, second)


def test_reload(busy, pki):
    """The drawn key stays, and the setting comes and goes."""
    gw = busy(log_persons="hashed")
    first = of(gw.log(), " from")[0]
    gw.crashes_allowed = 2			# old workers go
    for word, want in (("plain", "secret.sender@contoso.com"), ("hashed", first)):
        gw.write(gw.config.with_({"log_persons": word}))
        gw.skip_log()
        before = gw.log().count("new configuration")
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: gw.log().count("new configuration") > before)

        def again():
            try:
                send(gw, pki)
            except (AssertionError, Closed, OSError):	# an old worker, on its way out
                return False
            return of(gw.log(), " from")[-1] == want
        assert wait_until(again)


@pytest.mark.parametrize("id, text", rows(("short", "0123"), ("empty", "")))
def test_bad_key(pki, tmp_path, id, text):
    from test_warnings import Place, check
    key = tmp_path / "key"
    key.write_text(text)
    config = base_config(pki, Place(10025), Place(10026), log_persons="hashed",
                         log_key=str(key))
    code, said = check(str(tmp_path), config)
    assert code == 1 and re.search(r"xoorgd\.conf:\d+: log_key: expected a file with 32", said)


@pytest.mark.skipif(os.geteuid() != 0, reason="an owner may read")
def test_key_that_others_read(pki, tmp_path):
    from test_warnings import Place, check, ids
    key = tmp_path / "key"
    key.write_text("x" * 40)
    os.chmod(key, 0o644)
    config = base_config(pki, Place(10025), Place(10026), log_persons="hashed",
                         log_key=str(key))
    said = check(str(tmp_path), config)[1]
    assert "log_key: %s can be read by everybody" % key in said
    assert "key-readable" in ids(said)


def test_readers(busy, tmp_path):
    """xoorg report and xoorg explain take it as any other."""
    gw = busy(log_persons="hashed")
    file = tmp_path / "log"
    file.write_text(gw.log())
    for args in (("report", "--json"), ("explain", "--log")):
        done = subprocess.run([XOORG, *args, file], capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 and "contoso" in done.stdout, done
        assert not any(x in done.stdout for x in NAMES)


@pytest.mark.parametrize("id, script", rows(
    ("rcpt", {"rcpt": "421 4.7.0 <secret.rcpt@contoso.com> later"}),
    ("banner", {"banner": "554 5.7.1 <secret.rcpt@contoso.com> go away"})))
def test_said(gateway, hop, pki, id, script):
    """The next hop's own words, where the client gets ours."""
    gw = gateway(base_config(pki, hop(script=script), hop(), log_persons="hashed"))
    with Smtp(int(gw.config["listeners"]["in"]["listen"][0].split(":")[1])) as c:
        c.hello(pki.exo)
        c.mail("secret.sender@contoso.com", "XOORG=contoso.com")
        assert c.cmd("RCPT TO:<secret.rcpt@contoso.com>").code == 451
    assert wait_until(lambda: re.search(r'said=".*<#[0-9a-f]{16}@contoso\.com>', gw.log()))
    assert "secret" not in gw.log()
