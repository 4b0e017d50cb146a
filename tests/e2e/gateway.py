# SPDX-License-Identifier: ISC
"""The gateway under test: its configuration, its process, its log."""
import copy
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from net import TIMEOUT, Door, children, free_port, wait_until

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XOORG_BUILD") or os.path.join(REPO, "build-check")
XOORGD = os.path.join(BUILD, "src", "xoorgd")
XOORG = os.path.join(BUILD, "src", "xoorg")
SANITIZER = re.compile(r"Sanitizer|runtime error:")


def connect_asked(where, timeout=5):
    """To a listener where Postfix asks, as the configuration names it."""
    if where.startswith("unix:"):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(timeout)
        try:
            s.connect(where[len("unix:"):])
        except OSError:
            s.close()
            raise
        return s
    host, _, port = where.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), timeout)


class Raw(str):
    """Goes into the configuration as it stands."""


class Config(dict):
    """A configuration that is easy to change: set("listeners.in.mode", "observe")."""

    def set(self, path, value):
        at = self
        keys = path.split(".")
        for key in keys[:-1]:
            at = at.setdefault(key, {})
        if value is None:
            at.pop(keys[-1], None)
        else:
            at[keys[-1]] = value
        return self

    def get_path(self, path):
        at = self
        for key in path.split("."):
            at = at[key]
        return at

    def with_(self, changes):
        out = copy.deepcopy(self)
        for path, value in changes.items():
            out.set(path, value)
        return out

    def text(self):
        return "".join("%s = %s;\n" % (k, _write(v, 0)) for k, v in self.items())


def _write(value, depth):
    tab = "\t" * (depth + 1)
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if abs(value) < 2 ** 31 else "%dL" % value
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_write(x, depth) for x in value) + "]"
    if isinstance(value, dict):
        return "{\n" + "".join("%s%s = %s;\n" % (tab, k, _write(v, depth + 1))
                               for k, v in value.items()) + "\t" * depth + "}"
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return '"' + text + '"'


def _name(pid):
    """Of a process; empty if it is gone."""
    try:
        with open("/proc/%d/comm" % pid) as f:
            return f.read().strip()
    except OSError:
        return ""


class Gateway:
    """xoorgd in the foreground, its log in a file."""
    patience = 10		# seconds until it listens

    def __init__(self, config, folder=None, start=True, env=None, wrapper=(),
                 program=XOORGD):
        self.config = config
        self.is_own_folder = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="xoorg-e2e-")
        self.file = os.path.join(self.folder, "xoorgd.conf")
        self.log_file = os.path.join(self.folder, "stderr")
        self.process = None
        self.env = dict(os.environ, **(env or {}))
        self.env.setdefault("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        self.wrapper = list(wrapper)
        self.program = program
        self.crashes_allowed = 0
        self.write()
        if start:
            self.start()

    def write(self, config=None, text=None):
        if config is not None:
            self.config = config
        with open(self.file, "w", encoding="latin-1") as out:
            out.write(text if text is not None else self.config.text())

    # process ---------------------------------------------------------------

    def start(self):
        if not os.path.exists(self.program):
            raise FileNotFoundError("%s: run ./check, or set XOORG_BUILD" % self.program)
        self._err = open(self.log_file, "ab")
        self.process = subprocess.Popen(self.wrapper + [self.program, "-c", self.file],
                                        stdin=subprocess.DEVNULL, stdout=self._err,
                                        stderr=self._err, env=self.env, cwd="/")
        for host, port in self.ports():
            assert wait_until(lambda: self._answers(host, port), self.patience), \
                "xoorgd does not listen on %s:%d:\n%s" % (host, port, self.log())
        for where in self.asked():
            assert wait_until(lambda: self._is_there(where), self.patience), \
                "xoorgd does not listen on %s:\n%s" % (where, self.log())
        # Others are named a moment after they were made.
        n = self.config.get("workers") or os.cpu_count()
        wait_until(lambda: len(self.workers()) <= n, 2)
        self.first_workers = self.workers()
        self.mark = os.path.getsize(self.log_file)

    def _check_running(self):
        if self.process.poll() is not None:
            code, self.process = self.process.returncode, None
            self._err.close()
            raise AssertionError("xoorgd ended with %d:\n%s" % (code, self.log()))

    def _answers(self, host, port):
        self._check_running()
        try:
            with socket.create_connection((host, port), 2) as s:
                s.settimeout(5)
                has_answered = bool(s.recv(1))
                # Its place is free again once it is closed from there.
                s.sendall(b"QUIT\r\n")
                while s.recv(1000):
                    pass
                return has_answered
        except (OSError, socket.timeout):
            return False

    def _is_there(self, where):
        self._check_running()
        try:
            connect_asked(where).close()
            return True
        except OSError:
            return False

    def asked(self):
        """Where Postfix asks."""
        for listener in self.config.get("listeners", {}).values():
            if listener.get("protocol", "smtp") != "smtp":
                yield from listener["listen"]

    def ports(self):
        for listener in self.config.get("listeners", {}).values():
            if listener.get("protocol", "smtp") != "smtp":
                continue
            for where in listener["listen"]:
                host, _, port = where.rpartition(":")
                yield host.strip("[]"), int(port)

    def port(self, listener="in"):
        where = self.config["listeners"][listener]["listen"][0]
        return int(where.rpartition(":")[2])

    def workers(self):
        return [pid for pid in children(self.process.pid) if _name(pid) == "xoorgd"]

    def key_processes(self):
        return [pid for pid in children(self.process.pid) if _name(pid) == "xoorgd: keys"]

    def is_alive(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        os.kill(self.process.pid, number)

    def check(self):
        """Alive, the same workers, nothing a sanitizer said."""
        log = self.log()
        assert self.is_alive(), "xoorgd is gone (%s):\n%s" % (
            self.process.returncode, log[-4000:])
        assert not SANITIZER.search(log), "sanitizer report:\n%s" % log[-8000:]
        if not self.crashes_allowed:
            # One of them may have been named a moment later, as the keys' process.
            assert set(self.first_workers) <= set(children(self.process.pid)), \
                "a worker ended:\n%s" % log[-4000:]

    def stop(self, want=0, timeout=10.0):
        """SIGTERM; the exit code must be `want`."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("xoorgd did not end within %d s:\n%s" % (
                timeout, self.log()[-4000:]))
        self._err.close()
        log = self.log()
        self.process = None
        assert not SANITIZER.search(log), "sanitizer report:\n%s" % log[-8000:]
        assert code == want, "xoorgd ended with %d:\n%s" % (code, log[-4000:])

    def kill(self):
        """For clean-up after a failure: master and workers, by pid."""
        if self.process is None:
            return
        pids = self.workers()
        self.process.kill()
        self.process.wait(5)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self._err.close()
        self.process = None

    def remove(self):
        """What it left on disk, unless somebody wants to look (XOORG_KEEP)."""
        self._note_reasons()
        if self.is_own_folder and not os.environ.get("XOORG_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _note_reasons(self):
        """For reasons.py: why this one refused anything."""
        if os.environ.get("XOORG_REASONS") and os.path.exists(self.log_file):
            name = os.path.join(os.environ["XOORG_REASONS"], str(os.getpid()))
            with open(name, "a") as out:
                out.writelines(x + "\n" for x in sorted({
                    parse_line(line).get("reason", "") for line in self.log().split("\n")}))

    # log ---------------------------------------------------------------------

    def log(self):
        with open(self.log_file, encoding="latin-1") as f:
            return f.read()

    def skip_log(self):
        self.mark = os.path.getsize(self.log_file)

    def wait_quiet(self):
        """Until sessions that ended before are in the log: a later one is."""
        at = os.path.getsize(self.log_file)
        mark = b"quiet-%d" % at
        try:
            with socket.create_connection(("127.0.0.1", self.port()), 5) as s:
                s.settimeout(5)
                s.recv(100)
                s.sendall(b"HELO " + mark + b"\r\n")
                s.recv(1000)
                s.sendall(b"QUIT\r\n")
                s.recv(100)
        except OSError:
            return

        def is_logged():
            with open(self.log_file, "rb") as f:
                f.seek(at)
                return mark in f.read()
        wait_until(is_logged, 2, 0.002)

    def events(self, kind="message"):
        """Log lines of one event since the mark, as dicts."""
        with open(self.log_file, "rb") as f:
            f.seek(self.mark)
            text = f.read().decode("latin-1")
        out = []
        for line in text.split("\n")[:-1]:
            keys = parse_line(line)
            if keys.get("event") == kind:
                out.append(keys)
        return out

    def wait_events(self, n=1, kind="message", timeout=5.0):
        wait_until(lambda: len(self.events(kind)) >= n, timeout)
        got = self.events(kind)
        assert len(got) == n, "%d lines event=%s, want %d:\n%s" % (
            len(got), kind, n, self.log()[-3000:])
        return got

    def event(self, kind="message"):
        return self.wait_events(1, kind)[0]


_KEY = re.compile(r'([a-z_]+)=("(?:[^"\\]|\\.)*"|\S*)')


def parse_line(line):
    out = {}
    for key, value in _KEY.findall(line):
        if value.startswith('"') and value.endswith('"') and len(value) > 1:
            value = re.sub(r"\\(.)", r"\1", value[1:-1])
        out.setdefault(key, value)
    out["line"] = line
    return out


def check_config(file, program=XOORGD, args=("-t", "-c"), timeout=TIMEOUT):
    """xoorgd -t: exit code and all it said."""
    done = subprocess.run([program, *args, file], capture_output=True, timeout=timeout,
                          stdin=subprocess.DEVNULL)
    return done.returncode, (done.stdout + done.stderr).decode("latin-1")


def second_place(hop):
    """Mail of strangers never has the place of trusted mail, as far as can be seen."""
    return getattr(hop, "second", None) or Door(hop.address).address


def demote_as_trusted(config, listener, hop):
    """Strangers' mail to the same server, in the same way, from another upstream."""
    upstreams = config["upstreams"]
    upstreams["strangers"] = dict(upstreams[config["listeners"][listener]["upstream"]],
                                  hosts=[second_place(hop)])
    return config.set("listeners.%s.demote_to" % listener, "strangers")


def base_config(pki, upstream, demote=None, **changes):
    """One listener "in" (from Exchange Online), contoso and fabrikam-free."""
    config = Config({
        "hostname": "gw.contoso.test",
        "user": "",
        "workers": 1,
        "log": "stderr",
        "log_format": "text",
        "status": "",
        "pid_file": "",
        "tls": {"default": {"certificate": pki.gw.cert, "key": pki.gw.key,
                            "trust": pki.ca}},
        "peers": {
            "exchange-online": {"names": ["mail.protection.outlook.com"],
                                "rights": ["xoorg"]},
            "local-mta": {"networks": ["127.0.0.0/8"], "rights": ["relay"]},
        },
        "tenants": {
            "contoso": {"originator_orgs": ["contoso.com", "contoso.onmicrosoft.com"],
                        "recipient_domains": ["contoso.com"]},
        },
        "upstreams": {
            "main": {"hosts": [upstream.address]},
        },
        "listeners": {
            "in": {"listen": ["127.0.0.1:%d" % free_port()], "tls": "default",
                   "peers": ["exchange-online"], "upstream": "main",
                   "demote_to": "inbound" if demote else "",
                   "size_limit": 37748736},
        },
    })
    if demote:
        config["upstreams"]["inbound"] = {
            "hosts": [second_place(demote) if demote.address == upstream.address
                      else demote.address]}
    for path, value in changes.items():
        config.set(path.replace("__", "."), value)
    return config


def out_config(pki, *hops, **upstream):
    """One listener "out" (to Exchange) for our own MTA, two tenants."""
    contoso, fabrikam = pki.tenant("contoso"), pki.tenant("fabrikam")
    config = Config({
        "hostname": "gw.contoso.test", "user": "", "workers": 1, "log": "stderr",
        "status": "", "pid_file": "",
        "peers": {"local-mta": {"networks": ["127.0.0.0/8"], "rights": ["relay"]}},
        "tenants": {
            "contoso": {"originator_orgs": ["contoso.com", "contoso.onmicrosoft.com"],
                        "sender_domains": ["contoso.com"],
                        "recipient_domains": ["contoso.com"],
                        "client_certificate": contoso.cert,
                        "client_key": contoso.key},
            "fabrikam": {"originator_orgs": ["fabrikam.com"],
                         "sender_domains": ["fabrikam.com", "fabrikam.example"],
                         "recipient_domains": ["fabrikam.com"],
                         "client_certificate": fabrikam.cert,
                         "client_key": fabrikam.key},
        },
        "upstreams": {"exchange": dict({
            "hosts": [x.address for x in hops], "tls": "verify",
            "tls_name": "mail.contoso.test", "trust": pki.ca,
            "client_certificate": pki.gw.cert, "client_key": pki.gw.key,
        }, **upstream)},
        "listeners": {"out": {"listen": ["127.0.0.1:%d" % free_port()],
                              "peers": ["local-mta"], "upstream": "exchange"}},
    })
    for key in [k for k, v in config["upstreams"]["exchange"].items() if v is None]:
        del config["upstreams"]["exchange"][key]
    return config
