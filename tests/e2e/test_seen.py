# SPDX-License-Identifier: ISC
"""What was seen survives a restart, in a file that the master keeps; a file that is
hostile, or not to be had, costs statistics and nothing else."""
import json
import os
import signal
import stat
import urllib.request

import pytest

from harness import Smtp, base_config, children, free_port, rows, simple, wait_until


@pytest.fixture
def start(gateway, pki, hop, tmp_path):
    one = hop()

    def make(seen_file=None, env=None, **changes):
        config = base_config(pki, one, one, status="127.0.0.1:%d" % free_port(),
                             **{"listeners__in__mode": "observe", **changes})
        if seen_file is not None:
            config["seen_file"] = str(seen_file)
        return gateway(config, env=env)
    return make


def connect(gw, pki):
    """A worker that ends says 421 to those whom it had accepted already."""
    for _ in range(20):
        c = Smtp(gw.port())
        if c.cmd("EHLO client.example").code == 250:
            c.starttls(pki.exo)
            c.ehlo()
            return c
        c.wire.close()
    raise AssertionError("421 each time")


def bring(gw, pki, *orgs):
    with connect(gw, pki) as c:
        for org in orgs:
            c.deliver(simple(), xoorg=org)
    wanted = set(orgs)
    assert wait_until(lambda: wanted <= set(seen(gw)), 10)


def seen(gw):
    """{org: messages}"""
    with urllib.request.urlopen("http://%s/orgs" % gw.config["status"], timeout=5) as r:
        return {x["originator_org"]: sum(x["messages"].values())
                for x in json.load(r)["orgs"]}


def again(gw):
    """Stopped and started, as a service is."""
    gw.stop()
    gw.start()


def complaints(gw):
    return [x["text"] for x in gw.events("seen_file")]


def test_restart(start, pki, tmp_path):
    file = tmp_path / "seen"
    gw = start(file, sandbox="auto")
    bring(gw, pki, "contoso.com", "contoso.com", "fabrikam.example")
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 2, "fabrikam.example": 1}, 10)
    # It is counted on, and not twice.
    bring(gw, pki, "contoso.com", "new.example")
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 3, "fabrikam.example": 1,
                                           "new.example": 1}, 10)
    assert complaints(gw) == []
    assert stat.S_IMODE(os.stat(file).st_mode) & 0o137 == 0
    assert os.listdir(tmp_path) == ["seen"]


def test_reload(start, pki, tmp_path):
    file = tmp_path / "seen"
    gw = start(file)
    gw.crashes_allowed = 1		# the old worker ends
    bring(gw, pki, "contoso.com", "fabrikam.example")
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: gw.events("reload"), 10)
    bring(gw, pki, "contoso.com")
    assert wait_until(lambda: seen(gw) == {"contoso.com": 2, "fabrikam.example": 1}, 10)
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 2, "fabrikam.example": 1}, 10)


def test_reload_to_another_file(start, pki, tmp_path):
    gw = start(tmp_path / "seen")
    gw.crashes_allowed = 1
    bring(gw, pki, "contoso.com")
    gw.config["seen_file"] = str(tmp_path / "other")
    gw.write()
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: gw.events("reload"), 10)
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 1}, 10)
    assert b"contoso.com" in (tmp_path / "other").read_bytes()


def test_killed(start, pki, tmp_path):
    """A gateway that is killed has written what it saw up to a moment before."""
    file = tmp_path / "seen"
    gw = start(file)
    bring(gw, pki, "contoso.com")
    # Its first look at the file is two seconds behind the start.
    assert wait_until(lambda: file.exists(), 10)
    gw.kill()
    gw.start()
    assert set(seen(gw)) <= {"contoso.com"} and complaints(gw) == []


def test_state_directory(start, pki, tmp_path):
    """Under systemd, without a setting."""
    gw = start(env={"STATE_DIRECTORY": str(tmp_path)})
    bring(gw, pki, "contoso.com")
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 1}, 10)
    assert (tmp_path / "seen").exists()


@pytest.mark.parametrize("value, env", (("off", True), (None, False)), ids=("off", "nowhere"))
def test_off(start, pki, tmp_path, value, env):
    gw = start(value, env={"STATE_DIRECTORY": str(tmp_path)} if env else None)
    bring(gw, pki, "contoso.com")
    again(gw)
    assert seen(gw) == {} and os.listdir(tmp_path) == []


HOSTILE = rows(
    ("garbage", b"\0\xff<script>\n"),
    ("cut", None),
    ("other-version", b"xoorg-seen 99 verified\norg evil.example 1 2 0 0 0 1 0 0 0 0 0\n"),
    ("large", b"x" * (5 << 20)),
    ("endless-line", b"xoorg-seen 1 " + b"a" * 100000),
)


@pytest.mark.parametrize("id, content", HOSTILE)
def test_hostile_content(start, pki, tmp_path, id, content):
    """Ignored as a whole, with one line; then it is written anew."""
    file = tmp_path / "seen"
    gw = start(file)
    bring(gw, pki, "contoso.com")
    gw.stop()
    good = file.read_bytes()
    file.write_bytes(good[:-2] if content is None else content)
    gw.start()
    assert wait_until(lambda: complaints(gw) == [
        "%s: is not what this version writes; begun anew" % file], 10), gw.log()
    assert seen(gw) == {}
    bring(gw, pki, "contoso.com")
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 1}, 10)
    assert complaints(gw) == []


def link(file):
    os.symlink("/etc/passwd", file)


def loop(file):
    os.symlink(file, file)


@pytest.mark.parametrize("make, word", ((link, "symbolic links"), (loop, "symbolic links"),
                                        (os.mkdir, "is no file"), (os.mkfifo, "is no file")),
                         ids=("link", "loop", "folder", "fifo"))
def test_no_file(start, pki, tmp_path, make, word):
    """Nothing else in its place is read, nor waited for, nor written through."""
    file = tmp_path / "seen"
    make(str(file))
    gw = start(file)
    assert wait_until(lambda: any(word in x for x in complaints(gw)), 10), gw.log()
    bring(gw, pki, "contoso.com")
    gw.stop()
    with open("/etc/passwd", "rb") as f:
        assert b"xoorg-seen" not in f.read()


def test_missing_folder(start, pki, tmp_path):
    """Said once, at -t too; mail flows, and a folder that comes is used."""
    file = tmp_path / "none" / "seen"
    gw = start(file)
    assert wait_until(lambda: complaints(gw) == ["%s: No such file or directory" % file], 10)
    assert any("seen_file" in x["text"] for x in gw.events("configuration"))
    bring(gw, pki, "contoso.com")
    os.mkdir(tmp_path / "none")
    again(gw)
    assert wait_until(lambda: seen(gw) == {"contoso.com": 1}, 10)
    assert complaints(gw) == []


def test_read_only(start, pki, tmp_path):
    """A file system that takes nothing."""
    gw = start("/proc/seen")
    assert wait_until(lambda: len(complaints(gw)) == 1, 10), gw.log()
    bring(gw, pki, "contoso.com")
    gw.stop()


def test_not_the_workers(start, pki, tmp_path):
    """No process but the master has the file, or may: they are confined as ever."""
    file = tmp_path / "seen"
    gw = start(file, sandbox="auto")
    bring(gw, pki, "contoso.com")
    assert wait_until(lambda: file.exists(), 10)
    for pid in children(gw.process.pid):
        for fd in os.listdir("/proc/%d/fd" % pid):
            assert "seen" not in os.readlink("/proc/%d/fd/%s" % (pid, fd))
