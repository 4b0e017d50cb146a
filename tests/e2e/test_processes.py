# SPDX-License-Identifier: ISC
"""The processes: who has the keys, what each may still do, and a log that is opened
anew. doc/threat-model 2.11."""
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
import urllib.request

import pytest
from cryptography.hazmat.primitives import serialization

from gateway import REPO, XOORGD
from harness import Smtp, base_config, out_config, rows, server_context, simple, wait_until
from net import children, free_port, may_execute

# Of one mapping; a sanitizer's shadow has no end, and no keys.
MEMORY_MAX, PIECE, OVERLAP = 1 << 28, 1 << 22, 64
# A build with sanitizers has no sandbox.
SANITIZED = b"__asan_init"


def _has_sanitizer(program):
    with open(program, "rb") as f:
        return SANITIZED in f.read()


def _is_sanitized(gw):
    return _has_sanitizer("/proc/%d/exe" % gw.process.pid)


def _name(pid):
    with open("/proc/%d/comm" % pid) as f:
        return f.read().strip()


def _status(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(x.rstrip("\n").split(":\t", 1) for x in f if ":\t" in x)


def _secrets(path):
    """What of a private key would be found in memory: its numbers in both byte orders, and
    of RSA, where nothing public is beside them, the file's text and its DER."""
    with open(path, "rb") as f:
        pem = f.read()
    key = serialization.load_pem_private_key(pem, None)
    der = key.private_bytes(serialization.Encoding.DER,
                            serialization.PrivateFormat.TraditionalOpenSSL,
                            serialization.NoEncryption())
    numbers = key.private_numbers()
    if hasattr(numbers, "private_value"):
        values, out = [numbers.private_value], []
    else:
        values = [numbers.d, numbers.p, numbers.q]
        out = [pem.split(b"\n")[12][:48], der[len(der) // 2:][:32]]
    for value in values:
        raw = value.to_bytes((value.bit_length() + 7) // 8, "big")
        out += [raw[:32], raw[::-1][-32:]]
    return out


def _memory(pid):
    """All that the process can read of itself."""
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb") as mem:
        for line in maps:
            span, modes = line.split()[:2]
            if "r" not in modes or "[v" in line:
                continue
            start, end = (int(x, 16) for x in span.split("-"))
            for at in range(start, min(end, start + MEMORY_MAX), PIECE):
                try:
                    mem.seek(at)
                    yield mem.read(min(PIECE + OVERLAP, end - at))
                except (OSError, ValueError, OverflowError):
                    break


def _has(pid, secrets):
    return any(s in piece for piece in _memory(pid) for s in secrets)


@pytest.mark.parametrize("kind", ["rsa2048", "p256"])
@pytest.mark.parametrize("apart", [True, False])
def test_who_has_the_keys(gateway, pki, hop, kind, apart):
    """On both legs; with key_process = false the search finds them in the workers,
    so it can find."""
    own = pki.make("own-" + kind, "gw.contoso.test", key=kind)
    exchange = hop(tls=server_context(pki.exchange, client_ca=pki.ca))
    config = out_config(pki, exchange, client_certificate=own.cert, client_key=own.key)
    config.set("key_process", apart)
    config.set("tls.default", {"certificate": own.cert, "key": own.key})
    config["listeners"]["out"]["tls"] = "default"
    gw = gateway(config)
    for _ in range(3):
        with Smtp(gw.port("out")) as c:
            c.hello()
            c.deliver(simple(), "u@contoso.com", "x@elsewhere.example")
    secrets = _secrets(own.key)
    holders = gw.key_processes()
    assert len(holders) == (1 if apart else 0)
    assert all(_has(pid, secrets) for pid in holders)
    for pid in gw.workers() + [gw.process.pid]:
        assert _has(pid, secrets) == (not apart), pid
    assert exchange.messages[0].session.certificate


def _handshake(gw, cert=None):
    with Smtp(gw.port()) as c:
        return c.hello(cert)


def test_key_process_is_killed(gateway, pki, hop):
    """Handshakes wait for the next one or fail; sessions that are there do not notice."""
    gw = gateway(base_config(pki, hop()))
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        old, = gw.key_processes()
        os.kill(old, signal.SIGKILL)
        c.deliver(simple(), xoorg="contoso.com")
        assert wait_until(lambda: gw.key_processes() not in ([], [old]), 10)
        c.deliver(simple(), xoorg="contoso.com")
    assert _handshake(gw, pki.exo).count("XOORG") == 1
    assert gw.event("keys_died")["signal"] == "9"


def test_worker_behind_the_same_keys(gateway, pki, hop):
    """A worker that is started again asks the key process of its predecessor."""
    gw = gateway(base_config(pki, hop()))
    gw.crashes_allowed = 1
    keys, worker = gw.key_processes(), gw.workers()[0]
    os.kill(worker, signal.SIGKILL)
    assert wait_until(lambda: gw.workers() and worker not in gw.workers(), 10)
    assert _handshake(gw, pki.exo).count("XOORG") == 1
    assert gw.key_processes() == keys


def test_key_process_stalls(gateway, pki, hop):
    """It does not answer: that handshake fails in its time, and mail goes on."""
    main = hop()
    gw = gateway(base_config(pki, main, main))
    keys, = gw.key_processes()
    os.kill(keys, signal.SIGSTOP)
    try:
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.want("STARTTLS", 220)
            with pytest.raises(OSError):
                c.tls()
        with Smtp(gw.port()) as c:
            c.ehlo()
            c.deliver(simple())
    finally:
        os.kill(keys, signal.SIGCONT)
    time.sleep(1.1)				# for so long it is not asked again
    assert _handshake(gw).code == 250


def test_keys_end_with_their_workers(gateway, pki, hop):
    """After a reload the old key process stays for the old sessions, then goes."""
    gw = gateway(base_config(pki, hop(), hop()))
    old = gw.key_processes()
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: len(gw.key_processes()) == 2, 10)
        time.sleep(0.5)
        assert set(old) <= set(gw.key_processes())
        c.cmd("QUIT")
    assert wait_until(lambda: not set(old) & set(gw.key_processes()), 10)
    assert _handshake(gw).code == 250
    gw.stop()


def test_a_key_that_does_not_fit(gateway, pki, hop):
    """Told at the reload, and nothing has changed."""
    folder = os.path.dirname(pki.gw.cert)
    cert, key = os.path.join(folder, "changing.pem"), os.path.join(folder, "changing.key")
    shutil.copy(pki.gw.cert, cert)
    shutil.copy(pki.gw.key, key)
    gw = gateway(base_config(pki, hop(), tls__default__certificate=cert,
                             tls__default__key=key))
    before = gw.key_processes()
    shutil.copy(pki.make("another", "gw.contoso.test", key="rsa2048").key, key)
    gw.signal(signal.SIGHUP)
    assert wait_until(lambda: gw.events("reload"), 10)
    assert re.search(r"conf:\d+: expected a key and a certificate that fit",
                     gw.events("reload")[-1]["text"])
    assert _handshake(gw).code == 250
    assert gw.key_processes() == before


def test_given_up(gateway, pki, hop):
    gw = gateway(base_config(pki, hop(), status="127.0.0.1:%d" % free_port()))
    assert _handshake(gw).code == 250
    pids = children(gw.process.pid)
    assert len(pids) == 4			# worker, keys, log, status
    for pid in pids:
        status = _status(pid)
        assert status["NoNewPrivs"] == "1"
        with open("/proc/%d/limits" % pid) as f:
            limits = {x[:26].strip(): x[26:].split()[:2] for x in f}
        assert limits["Max core file size"] == ["0", "0"]
        if not _is_sanitized(gw):
            assert status["Seccomp"] == "2", status["Name"]
            assert limits["Max processes"] == ["0", "0"]
    if not _is_sanitized(gw):
        assert _status(gw.process.pid)["Seccomp"] == "2"
        assert "seccomp" in gw.event("sandbox")["text"]
    # Ports, users, signals, files: no more of root's.
    kept = int(_status(gw.process.pid)["CapEff"], 16)
    assert kept & ~(1 << 10 | 1 << 7 | 1 << 6 | 1 << 5 | 1 << 1) == 0


@pytest.mark.parametrize("id, mode", rows(("off", "off"), ("required", "required")))
def test_sandbox_modes(gateway, pki, hop, id, mode):
    gw = gateway(base_config(pki, hop(), sandbox=mode))
    assert _handshake(gw, pki.exo).count("XOORG") == 1
    if not _is_sanitized(gw):
        worker, = gw.workers()
        assert _status(worker)["Seccomp"] == ("0" if mode == "off" else "2")


def test_host_by_name(gateway, pki, hop):
    """/etc/hosts is read at each lookup, behind the sandbox."""
    main = hop()
    config = base_config(pki, main)
    config.set("upstreams.main.hosts", ["localhost:%s" % main.address.rpartition(":")[2]])
    gw = gateway(config)
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
    assert len(main.messages) == 1


def test_log_is_rotated(gateway, pki, hop, tmp_path):
    """SIGUSR1: what the workers say, who may open nothing, is in the new file as well."""
    log = tmp_path / "mail.log"
    gw = gateway(base_config(pki, hop(), hop(), log=str(log), workers=2))
    wait_until(lambda: "event=start" in log.read_text())
    os.rename(log, tmp_path / "mail.log.1")
    gw.signal(signal.SIGUSR1)
    assert wait_until(log.exists)

    def has_all():
        for _ in range(4):
            with Smtp(gw.port()) as c:
                c.ehlo()
                c.cmd("QUIT")
        text = log.read_text()
        return text.count("event=session") >= 8 and text
    assert wait_until(has_all, 10)
    old = (tmp_path / "mail.log.1").read_text()
    time.sleep(0.3)
    assert has_all() and (tmp_path / "mail.log.1").read_text() == old


def _log_process(gw):
    """It is given its name a moment after it was made."""
    return wait_until(lambda: next((pid for pid in children(gw.process.pid)
                                    if _name(pid) == "xoorgd: log"), None), 10)


def _writable_files(pid):
    """Regular files that the process has open to write."""
    out = []
    for fd in os.listdir("/proc/%d/fd" % pid):
        link = "/proc/%d/fd/%s" % (pid, fd)
        try:
            with open("/proc/%d/fdinfo/%s" % (pid, fd)) as f:
                flags = int(re.search(r"flags:\s+(\d+)", f.read()).group(1), 8)
            if stat.S_ISREG(os.stat(link).st_mode) and flags & os.O_ACCMODE:
                out.append(os.readlink(link))
        except FileNotFoundError:
            pass			# a connection that ended
    return out


@pytest.mark.parametrize("id, is_file", rows(("file", True), ("stderr", False)))
def test_workers_have_no_log(gateway, pki, hop, tmp_path, id, is_file):
    """A worker can put lines into a socket, and has no descriptor of a file: it can
    neither rewind, cut nor replace what was written. Its lines arrive all the same."""
    log = tmp_path / "mail.log"
    gw = gateway(base_config(pki, hop(), hop(), workers=2, log=str(log) if is_file else
                             "stderr"))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    at = log if is_file else pathlib.Path(gw.log_file)
    assert wait_until(lambda: "reason=delivered" in at.read_text(), 10)
    if _is_sanitized(gw):
        pytest.skip("a sanitizer's reports go to stderr")
    writer = _log_process(gw)
    assert str(at) in _writable_files(writer)
    for pid in gw.workers():
        assert _writable_files(pid) == []
    if is_file:
        for pid in gw.key_processes():
            assert str(at) not in _writable_files(pid)


def test_log_process_is_killed(gateway, pki, hop):
    """Mail goes on, and so do the lines, those meanwhile too: they wait in the socket."""
    gw = gateway(base_config(pki, hop(), hop()))
    old = _log_process(gw)
    os.kill(old, signal.SIGSTOP)
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.deliver(simple())
    os.kill(old, signal.SIGKILL)
    assert gw.wait_events(1)[0]["reason"] == "delivered"
    assert gw.event("log_died")["signal"] == "9"
    gw.stop()


def test_last_lines(gateway, pki, hop):
    """The process that writes goes behind the last worker: nothing is lost at the end."""
    gw = gateway(base_config(pki, hop(), hop()))
    writer = _log_process(gw)
    with Smtp(gw.port()) as c:
        c.ehlo()
        os.kill(writer, signal.SIGSTOP)
        for _ in range(20):
            c.deliver(simple())
        os.kill(writer, signal.SIGCONT)
    gw.stop()
    assert len(gw.events()) == 20
    assert gw.log().rstrip().endswith("event=stop text=done")


def _write_garbage(pid):
    """Over all memory that the process shares with others, as one that was taken over
    would; returns how many mappings took it. The kernel refuses the rest."""
    n = 0
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "r+b", 0) as mem:
        for line in maps:
            if "memfd:xoorg" not in line:
                continue
            start, end = (int(x, 16) for x in line.split()[0].split("-"))
            try:
                for at in range(start, end, 1 << 20):
                    mem.seek(at)
                    mem.write(b"\xa5" * min(1 << 20, end - at))
                n += 1
            except OSError:
                assert "w" not in line.split()[1]
    return n


def test_worker_that_lies(gateway, pki, hop):
    """One of four writes garbage where heads and messages are counted: the others' clients
    are not refused, the status is served, and what it said goes with it."""
    gw = gateway(base_config(pki, hop(), hop(), workers=4,
                             status="127.0.0.1:%d" % free_port()))
    gw.crashes_allowed = 1
    liar = gw.workers()[0]
    os.kill(liar, signal.SIGSTOP)		# it would refuse its own
    assert _write_garbage(liar) == 2
    url = "http://%s" % gw.config["status"]
    welcome = 0
    for _ in range(40):
        with socket.create_connection(("127.0.0.1", gw.port()), 0.5) as c:
            try:
                welcome += c.recv(100).startswith(b"220")
            except socket.timeout:
                pass			# the liar's
    assert welcome >= 10
    for path in ("/", "/orgs", "/metrics", "/healthz"):
        with urllib.request.urlopen(url + path, timeout=10) as r:
            assert r.status == 200, path
    os.kill(liar, signal.SIGKILL)
    assert wait_until(lambda: len(gw.workers()) == 4 and liar not in gw.workers(), 10)

    def sessions():
        with urllib.request.urlopen(url + "/metrics", timeout=10) as r:
            return re.search(r'(?m)^xoorg_sessions\{listener="in"\} (\d+)$', r.read().decode())
    assert wait_until(lambda: sessions().group(1) == "0", 10)
    assert gw.workers() and _handshake(gw).code == 250


# Who starts it, and the setting `user`.
OF_NOBODY = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")
STARTS = rows(("root-drops", (), "nobody"), ("nobody-stays", OF_NOBODY, ""),
              ("nobody-is-asked-for", OF_NOBODY, "nobody"))


@pytest.fixture
def folder():
    """Anybody may look into it; what pytest gives is its user's alone."""
    if os.geteuid() != 0:
        pytest.skip("NO root")
    out = tempfile.mkdtemp(prefix="xoorg-e2e-")
    os.chmod(out, 0o755)
    try:
        if not may_execute(out):
            pytest.skip("nothing can be run in %s: noexec" % tempfile.gettempdir())
        yield out
    finally:
        shutil.rmtree(out)


def _settle_in(folder, pki, owner):
    """The certificates, the key for its owner alone, and the program, which may be where
    nobody else comes."""
    names = {}
    for name, file in (("cert", pki.gw.cert), ("key", pki.gw.key), ("ca", pki.ca),
                       ("xoorgd", XOORGD)):
        names[name] = shutil.copy(file, os.path.join(folder, name))
        os.chmod(names[name], 0o600 if name == "key" else 0o755)
    os.chown(names["key"], owner, -1)
    return names


def _config_in(names, pki, hop, user):
    return base_config(pki, hop(), user=user, status="127.0.0.1:%d" % free_port(),
                       tls__default={"certificate": names["cert"], "key": names["key"],
                                     "trust": names["ca"]})


def _live(gw, pki):
    """Mail, a reload, a key process that is lost, a log that is opened anew, the status."""
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), xoorg="contoso.com")
        gw.signal(signal.SIGHUP)
        assert wait_until(lambda: gw.events("reload"), 10)
        assert gw.events("reload")[-1]["text"] == "new configuration"
    assert wait_until(lambda: len(gw.key_processes()) == 1, 10)
    old, = gw.key_processes()
    os.kill(old, signal.SIGKILL)
    assert wait_until(lambda: gw.key_processes() not in ([], [old]), 10)
    gw.signal(signal.SIGUSR1)
    assert _handshake(gw, pki.exo).count("XOORG") == 1
    with urllib.request.urlopen("http://%s/healthz" % gw.config["status"], timeout=10) as r:
        assert r.status == 200


@pytest.mark.parametrize("id, wrapper, user", STARTS)
def test_started_by(folder, gateway, pki, hop, id, wrapper, user):
    """By root, who then drops, or by a user without any right: the same in the end."""
    nobody = pwd.getpwnam("nobody").pw_uid
    names = _settle_in(folder, pki, nobody if wrapper else 0)
    gw = gateway(_config_in(names, pki, hop, user), folder=folder,
                 wrapper=wrapper, program=names["xoorgd"])
    gw.crashes_allowed = 1
    _live(gw, pki)
    pids = children(gw.process.pid)
    assert len(pids) == 4			# worker, keys, log, status
    for pid in pids:
        status = _status(pid)
        assert status["Uid"].split() == [str(nobody)] * 4, status["Name"]
        assert int(status["CapPrm"], 16) == int(status["CapEff"], 16) == 0
        assert "0" not in status["Groups"].split()
    # What cannot be dumped is root's in /proc, whoever it runs as.
    for pid in pids + [gw.process.pid]:
        assert os.stat("/proc/%d/mem" % pid).st_uid == 0
    keys, = gw.key_processes()
    assert int(_status(keys)["VmLck"].split()[0]) > 0
    gw.stop()


def _let_through_by_unit():
    """All calls that packaging/systemd/xoorgd.service allows, its groups written out."""
    sets, name = {}, None
    for line in subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"],
                               capture_output=True, text=True).stdout.splitlines():
        if line.startswith("@"):
            name = sets.setdefault(line.strip(), [])
        elif name is not None and line.startswith("    ") and "#" not in line:
            name.append(line.strip())

    def expand(word):
        if not word.startswith("@"):
            return {word}
        return set().union(*map(expand, sets[word]))
    # What systemd lets through whatever the unit says.
    allowed = expand("@default") | {"execve"}
    with open(os.path.join(REPO, "packaging", "systemd", "xoorgd.service")) as f:
        for sign, words in re.findall(r"(?m)^SystemCallFilter=(~?)(.*)$", f.read()):
            for word in words.split():
                allowed = allowed - expand(word) if sign else allowed | expand(word)
    return allowed


def test_unit_lets_through(folder, gateway, pki, hop):
    """Every call of a whole life, as the unit's user, passes the unit's filter; and none
    that an honest process makes is refused by the sandbox."""
    for tool in ("strace", "systemd-analyze"):
        if not shutil.which(tool):
            pytest.skip("NO " + tool)
    if _has_sanitizer(XOORGD):
        pytest.skip("a sanitizer makes calls of its own")
    names = _settle_in(folder, pki, pwd.getpwnam("nobody").pw_uid)
    calls = os.path.join(folder, "calls")
    open(calls, "w").close()
    os.chmod(calls, 0o666)
    gw = gateway(_config_in(names, pki, hop, ""), folder=folder, program=names["xoorgd"],
                 wrapper=OF_NOBODY + ("strace", "-D", "-f", "-qq", "-o", calls))
    gw.crashes_allowed = 1
    _live(gw, pki)
    gw.stop()

    def text():
        with open(calls) as f:
            return f.read()
    assert wait_until(lambda: "exited with 0" in text() or "exit_group(0)" in text(), 10)
    made = set(re.findall(r"(?m)^\d+ +(\w+)\(", text()))
    assert {"seccomp", "landlock_restrict_self", "capset", "sendto", "recvfrom"} <= made
    assert made - _let_through_by_unit() == set()
    refused = re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)[ (].* = -1 EPERM", text())
    assert refused == []
