# SPDX-License-Identifier: ISC
"""Servers of tenants for the tests: a real Redis of Debian's, unpacked and not installed,
and a socketmap server that lies in each way."""
import glob
import json
import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from net import wait_until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "interop"))
from mta.base import Missing, unpacked  # noqa: E402

MARK = "xoorg:tenants"


def listen_at(address, backlog=16):
    s = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(address)
    s.listen(backlog)
    return s


def keys(record):
    """{key: value} of a tenant."""
    text = json.dumps(record)
    return dict([("org:" + x.lower(), text) for x in record["originator_orgs"]] +
                [("sender:" + x.lower(), text) for x in record.get("sender_domains", ())] +
                [("certificate:" + x.lower(), text)
                 for x in record.get("certificate_names", ())])


class Redis:
    def __init__(self, folder, *options):
        self.folder, self.options, self.process = str(folder), options, None
        self.path = os.path.join(self.folder, "s")
        self.root = unpacked("redis", ["redis-server", "redis-tools"])
        self.start()

    def start(self):
        libraries = sorted({os.path.dirname(x) for x in glob.glob(
            os.path.join(self.root, "usr/lib/**/*.so*"), recursive=True)})
        self.process = subprocess.Popen(
            [os.path.join(self.root, "usr/bin/redis-server"), "--port", "0", "--unixsocket",
             self.path, "--dir", self.folder, "--save", "", "--appendonly", "no",
             "--logfile", os.path.join(self.folder, "log"), *self.options],
            env=dict(os.environ, LD_LIBRARY_PATH=":".join(libraries)),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert wait_until(lambda: self.answers(), 10), "redis-server does not start"

    def answers(self):
        try:
            return self.say("PING")[:1] in (b"+", b"-")
        except OSError:
            return False

    def say(self, *words):
        """A command on a connection of its own; the head of the reply."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(self.path)
            text = b"*%d\r\n" % len(words)
            for x in words:
                x = x.encode()
                text += b"$%d\r\n%s\r\n" % (len(x), x)
            s.sendall(text)
            return s.recv(65536)

    def put(self, *records):
        for record in records:
            for key, value in keys(record).items():
                assert self.say("SET", key, value) == b"+OK\r\n"
        assert self.say("SET", MARK, "1") == b"+OK\r\n"

    def commands(self):
        """How many GETs and ECHOs it has had."""
        text = self.say("INFO", "commandstats").decode()
        return {x: int(text.split("cmdstat_%s:calls=" % x)[1].split(",")[0])
                if "cmdstat_%s:" % x in text else 0 for x in ("get", "echo")}

    def pause(self, is_paused=True):
        self.process.send_signal(signal.SIGSTOP if is_paused else signal.SIGCONT)

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def redis(tmp_path):
    made = []

    def make(*options):
        folder = tmp_path / ("r%d" % len(made))
        folder.mkdir()
        try:
            made.append(Redis(folder, *options))
        except Missing as e:
            pytest.skip("NO redis-server: %s" % e)
        return made[-1]
    yield make
    for x in made:
        x.stop()


class Socketmap(threading.Thread):
    """Answers from `table`, or with `lie`: octets, or a function of the request that
    returns them; None hangs up. On a socket in `folder`, or at `address`: (host, port)."""

    def __init__(self, folder, address=None):
        super().__init__(daemon=True)
        self.path = os.path.join(str(folder), "m")
        self.table, self.lie, self.asked = {}, None, []
        self.connections = []
        self.listening = listen_at(address) if address else socket.socket(socket.AF_UNIX)
        if address is None:
            self.listening.bind(self.path)
            self.listening.listen(16)
        self.start()

    def put(self, *records):
        for record in records:
            self.table.update(keys(record))

    def run(self):
        while True:
            try:
                s, _ = self.listening.accept()
            except OSError:
                return
            self.connections.append(s)
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        data = b""
        with s:
            while True:
                try:
                    more = s.recv(65536)
                except OSError:
                    return
                if not more:
                    return
                data += more
                while b":" in data:
                    n, rest = data.split(b":", 1)
                    if len(rest) < int(n) + 1:
                        break
                    text, data = rest[:int(n)].decode(), rest[int(n) + 1:]
                    reply = self.reply(text)
                    if reply is None:
                        return
                    try:
                        s.sendall(reply)
                    except OSError:
                        return

    def reply(self, text):
        self.asked.append(text)
        if self.lie is not None:
            return self.lie(text) if callable(self.lie) else self.lie
        value = self.table.get(text.split(" ", 1)[1])
        said = "NOTFOUND " if value is None else "OK " + value
        return b"%d:%s," % (len(said.encode()), said.encode())

    def stop(self):
        # Else it waits for ever for one to accept, and keeps a descriptor.
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for s in self.connections:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
