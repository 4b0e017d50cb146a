# SPDX-License-Identifier: ISC
"""One program makes way for the next, and no connection is refused: a service manager
keeps the sockets (FDSTORE), played here by the test."""
import os
import signal
import socket
import subprocess
import threading

import pytest

from gateway import connect_asked
from harness import (Config, Gateway, Hop, Smtp, base_config, free_port, simple, wait_until)


class Manager:
    """What systemd does: takes descriptors by name, gives them to the next process."""

    def __init__(self, folder):
        self.path = os.path.join(folder, "notify")
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(self.path)
        self.kept, self.said = {}, []
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            try:
                text, fds, _, _ = socket.recv_fds(self.sock, 4096, 8)
            except OSError:
                return
            words = dict(x.partition("=")[::2] for x in text.decode().split("\n"))
            self.said.append(words)
            if "STOP" in words:
                return
            if words.get("FDSTORE") == "1":
                assert len(fds) == 1
                self.kept[words["FDNAME"]] = fds[0]
            elif words.get("FDSTOREREMOVE") == "1":
                if words["FDNAME"] in self.kept:
                    os.close(self.kept.pop(words["FDNAME"]))

    def has_said(self, key):
        return any(key in x for x in self.said)

    def start(self, gw, pid=None, names=None):
        """As the next program of the service."""
        fds = list(self.kept.values())
        names = names or list(self.kept)
        high = [os.dup2(fd, 200 + i) for i, fd in enumerate(fds)]

        def place():
            for i, fd in enumerate(high):
                os.dup2(fd, 3 + i)

        env = dict(gw.env, NOTIFY_SOCKET=self.path, LISTEN_FDS=str(len(fds)),
                   LISTEN_FDNAMES=":".join(names))
        gw._err = open(gw.log_file, "ab")
        gw.process = subprocess.Popen(
            ["sh", "-c", 'LISTEN_PID=%s exec "$0" -c "$1"' % (pid or "$$"), gw.program, gw.file],
            stdin=subprocess.DEVNULL, stdout=gw._err, stderr=gw._err, env=env, cwd="/",
            preexec_fn=place, pass_fds=range(3, 3 + len(fds)))
        for fd in high:
            os.close(fd)
        self.said.clear()

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.sendto(b"STOP=1", self.path)
        self.thread.join(5)
        self.sock.close()
        for fd in self.kept.values():
            os.close(fd)


@pytest.fixture
def hop():
    with Hop() as main, Hop() as inbound:
        yield main, inbound


@pytest.fixture
def manager(tmp_path):
    m = Manager(str(tmp_path))
    yield m
    m.close()


def make(pki, hop, manager, tmp_path, **changes):
    config = Config(base_config(pki, *hop, **{"workers": 2, "status": "127.0.0.1:%d" % free_port(),
                                              **changes}))
    gw = Gateway(config, folder=str(tmp_path), start=False, env={"NOTIFY_SOCKET": manager.path})
    return gw


def is_refused(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def gateway(pki, hop, manager, tmp_path):
    made = []

    def start(**changes):
        made.append(make(pki, hop, manager, tmp_path, **changes))
        return made[-1]
    yield start
    for gw in made:
        gw.kill()


def test_without_a_manager(pki, hop):
    """The control: who stops is not there."""
    gw = Gateway(Config(base_config(pki, *hop)))
    port = gw.port()
    gw.stop()
    assert is_refused(port)
    gw.remove()


def test_where_postfix_asks(gateway, manager, tmp_path):
    """A unix socket has one name, and keeps it; a name that is gone is made anew."""
    path = str(tmp_path / "maps")
    gw = gateway()
    gw.config.set("listeners.maps", {"protocol": "socketmap", "listen": ["unix:" + path]})
    gw.write()
    gw.start()
    assert wait_until(lambda: len(manager.kept) == 4)
    assert "unix %s 0" % path in manager.kept
    for is_taken in (False, True):
        before = os.stat(path).st_ino
        gw.stop()
        # one that comes meanwhile waits
        early = None if is_taken else connect_asked("unix:" + path)
        if is_taken:
            os.unlink(path)
        manager.start(gw)
        assert wait_until(lambda: manager.has_said("READY"), 10)
        with early or connect_asked("unix:" + path) as s:
            s.sendall(b"15:org contoso.com,")
            assert s.recv(100) == b"10:OK contoso,"
        assert (os.stat(path).st_ino == before) == (not is_taken)
    gw.stop()


def test_nobody_is_refused(gateway, manager, hop):
    gw = gateway()
    gw.start()
    port = gw.port()
    assert wait_until(lambda: len(manager.kept) == 3)	# two workers, and the status page
    gw.stop()
    waiting = [Smtp(port, banner=False) for _ in range(8)]
    manager.start(gw)
    for client in waiting:
        with client as c:
            assert c.reply().code == 220
            c.hello()
            c.deliver(simple(), "a@b.example")
    assert len(hop[1].wait(8)) == 8
    assert sorted(manager.kept) == ["0 127.0.0.1 %d" % port, "1 127.0.0.1 %d" % port,
                                    "status 127.0.0.1 %s" % gw.config["status"].split(":")[1]]
    gw.stop()


def test_what_is_not_wanted_any_more_is_closed(gateway, manager):
    gw = gateway(workers=3)
    gw.start()
    port = gw.port()
    assert wait_until(lambda: len(manager.kept) == 4)
    gw.stop()
    assert not is_refused(port)
    other = free_port()
    gw.config["workers"], gw.config["status"] = 1, ""
    gw.config["listeners"]["in"]["listen"] = ["127.0.0.1:%d" % other]
    gw.write()
    manager.start(gw)
    assert wait_until(lambda: list(manager.kept) == ["0 127.0.0.1 %d" % other])
    assert wait_until(lambda: not is_refused(other))
    assert is_refused(port), "a socket that nobody answers at"
    gw.stop()


def test_a_reload_tells(gateway, manager):
    gw = gateway(workers=1, status="")
    gw.start()
    first, second = gw.port(), free_port()
    assert wait_until(lambda: len(manager.kept) == 1)
    gw.config["listeners"]["in"]["listen"] = ["127.0.0.1:%d" % second]
    gw.write()
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: list(manager.kept) == ["0 127.0.0.1 %d" % second])
    assert wait_until(lambda: is_refused(first))
    gw.stop()


@pytest.mark.parametrize("names", (["x"], [""], ["0"], ["-1 127.0.0.1 25"], ["0 "],
                                   ["99999999999999999999 127.0.0.1 25"], ["status"],
                                   ["a b c", "d"], [" "]), ids=repr)
def test_names_of_others(gateway, manager, names):
    """What was not stored by us is closed; the program starts all the same."""
    gw = gateway(workers=1, status="")
    a = socket.create_server(("127.0.0.1", 0))
    port = a.getsockname()[1]
    manager.kept["strange"] = os.dup(a.fileno())
    a.close()
    manager.start(gw, names=names)
    assert wait_until(lambda: manager.has_said("READY"))
    assert wait_until(lambda: not is_refused(gw.port()))
    os.close(manager.kept.pop("strange"))
    assert is_refused(port)
    gw.stop()


def test_descriptors_of_another_process(gateway, manager):
    gw = gateway(workers=1, status="")
    gw.start()
    assert wait_until(lambda: len(manager.kept) == 1)
    gw.stop()
    manager.start(gw, pid="1")
    # Not ours to take: a socket of its own beside the one that is kept.
    assert wait_until(lambda: manager.has_said("READY"))
    gw.stop()
