# SPDX-License-Identifier: ISC
"""A private Postfix: Debian's package unpacked into a cache folder, an instance of
its own on loopback ports. The system's Postfix, if any, is never touched."""
import glob
import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("XOORG_CACHE") or os.path.join(REPO, "build-cache")


class Missing(Exception):
    """Why there is no Postfix here."""


def prefix():
    """The unpacked package, fetched once; by several tests at a time, maybe."""
    root = os.path.join(CACHE, "postfix")
    if os.path.isdir(root):
        return root
    os.makedirs(CACHE, exist_ok=True)
    work = tempfile.mkdtemp(prefix="postfix-", dir=CACHE)
    try:
        _unpack(work)
        os.rename(os.path.join(work, "root"), root)
    except OSError:				# somebody was quicker
        if not os.path.isdir(root):
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


def _unpack(folder):
    if not shutil.which("apt-get"):
        raise Missing("no apt-get")
    # As root all the same: the folder may be nobody else's to enter.
    done = subprocess.run(["apt-get", "-o", "APT::Sandbox::User=root", "-o",
                           "Acquire::Retries=3", "download", "postfix"], cwd=folder,
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise Missing("apt-get download postfix: %s" % done.stderr.strip()[-200:])
    deb, = glob.glob(os.path.join(folder, "postfix_*.deb"))
    root = os.path.join(folder, "root")
    subprocess.run(["dpkg", "-x", deb, root], check=True, timeout=60)
    os.chmod(root, 0o755)


def _owner():
    """An unprivileged user and another group; Postfix wants two of its own."""
    for user, group in (("postfix", "postdrop"), ("games", "mail"), ("daemon", "nogroup")):
        try:
            pwd.getpwnam(user)
            grp.getgrnam(group)
            return user, group
        except KeyError:
            continue
    raise Missing("no user for Postfix")


MASTER = """\
127.0.0.1:%(port)d inet n - n - - smtpd
%(second)s
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - 20 smtp
relay unix - - n - 20 smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""


class Postfix:
    """settings: lines of main.cf. `second`: another smtpd of master.cf. `root`: another
    Postfix than Debian's, laid out like it."""

    def __init__(self, port, settings, second="", root=None):
        if os.geteuid() != 0:
            raise Missing("Postfix' master wants to be root")
        self.root = root or prefix()
        # not below pytest's folder, which others may not enter
        self.folder = tempfile.mkdtemp(prefix="xoorg-postfix-")
        os.chmod(self.folder, 0o755)
        self.port = port
        self.address = "127.0.0.1:%d" % port
        self.log_file = os.path.join(self.folder, "log")
        self.lib = os.path.join(self.root, "usr/lib/postfix")
        self.sbin = os.path.join(self.lib, "sbin")
        self.env = {"PATH": os.environ["PATH"], "LD_LIBRARY_PATH": self.lib,
                    "MAIL_CONFIG": os.path.join(self.folder, "etc"), "LANG": "C"}
        self._write(settings, second)
        self.process = None

    def _write(self, settings, second):
        user, group = _owner()
        etc, queue, data = (os.path.join(self.folder, x) for x in ("etc", "queue", "data"))
        for one in (etc, queue, data):
            os.makedirs(one, exist_ok=True)
        uid, gid = pwd.getpwnam(user).pw_uid, grp.getgrnam(group).gr_gid
        os.chown(data, uid, -1)
        for name, mode in (("active", 0o700), ("bounce", 0o700), ("corrupt", 0o700),
                           ("defer", 0o700), ("deferred", 0o700), ("flush", 0o700),
                           ("hold", 0o700), ("incoming", 0o700), ("private", 0o700),
                           ("saved", 0o700), ("trace", 0o700), ("maildrop", 0o730),
                           ("public", 0o710)):
            path = os.path.join(queue, name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, uid, gid if name in ("maildrop", "public") else -1)
            os.chmod(path, mode)
        os.makedirs(os.path.join(queue, "pid"), exist_ok=True)
        ours = {
            "compatibility_level": "3.6", "inet_protocols": "ipv4",
            "queue_directory": queue, "data_directory": data,
            "command_directory": os.path.join(self.root, "usr/sbin"),
            "daemon_directory": self.sbin, "shlib_directory": self.lib,
            "meta_directory": os.path.join(self.root, "etc/postfix"),
            "mail_owner": user, "setgid_group": group, "default_privs": "nobody",
            "maillog_file": self.log_file, "maillog_file_prefixes": self.folder,
            "import_environment": "MAIL_CONFIG LD_LIBRARY_PATH TZ LANG=C",
            "export_environment": "LD_LIBRARY_PATH TZ LANG PATH",
            "inet_interfaces": "127.0.0.1", "mydestination": "", "local_recipient_maps": "",
            "alias_maps": "", "alias_database": "", "myhostname": "mta.contoso.test",
            "mynetworks": "127.0.0.0/8", "message_size_limit": "104857600",
            "mailbox_size_limit": "0", "smtp_tls_security_level": "none",
            "smtpd_tls_security_level": "none", "smtpd_client_connection_count_limit": "0",
            "queue_minfree": "0", "minimal_backoff_time": "1s", "maximal_backoff_time": "5s",
            "queue_run_delay": "1s", "smtp_host_lookup": "native",
            "smtpd_recipient_restrictions": "permit",
            "smtpd_relay_restrictions": "permit_mynetworks, reject",
            "smtputf8_enable": "no",
            "lmtp_tls_security_level": "none", "in_flow_delay": "0",
        }
        ours.update(settings)
        with open(os.path.join(etc, "main.cf"), "w") as out:
            out.write("".join("%s = %s\n" % x for x in ours.items()))
        with open(os.path.join(etc, "master.cf"), "w") as out:
            out.write(MASTER % {"port": self.port, "second": second})
        os.chmod(etc, 0o755)
        os.utime(os.path.join(etc, "main.cf"), (1e9, 1e9))	# it waits for fresh files

    def start(self):
        self.process = subprocess.Popen(
            [os.path.join(self.sbin, "master"), "-d", "-c", os.path.join(self.folder, "etc")],
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(os.path.join(self.folder, "stderr"), "wb"), cwd=self.folder,
            start_new_session=True)
        import socket
        end = time.monotonic() + 10
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                    s.settimeout(10)
                    if s.recv(3) == b"220":
                        return self
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > end:
                text = self.log() + open(os.path.join(self.folder, "stderr")).read()
                self.stop()
                raise RuntimeError("Postfix does not start: %s" % text[-2000:])
            time.sleep(0.1)

    def log(self):
        try:
            with open(self.log_file, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def queued(self):
        """Messages in the queue: mail that is still ours. One that moves while
        we look is seen in two folders, or in none: counted by name, looked for twice."""
        return len({file for _ in range(2)
                    for name in ("maildrop", "incoming", "active", "deferred")
                    for _, _, files in os.walk(os.path.join(self.folder, "queue", name))
                    for file in files})

    def kill(self):
        """As a crash would: nobody says goodbye."""
        for pid in [self.process.pid] + _below(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process.wait(5)
        self.process = None

    def stop(self):
        if self.process is None:
            return
        pids = [self.process.pid] + _below(self.process.pid)
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        self.process = None

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def _below(pid):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            return [int(x) for x in f.read().split()]
    except OSError:
        return []
