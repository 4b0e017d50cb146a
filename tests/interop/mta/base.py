# SPDX-License-Identifier: ISC
"""What the MTAs of the matrix have in common: how Debian's packages come, how a
private instance runs, what the tests ask of it.

The packages of MTAs conflict with each other, so none is installed: they are
unpacked into a cache folder and laid over /usr in a mount namespace of the
instance's own, with private /etc, /var and /run. The system sees nothing of it,
not even a user."""
import glob
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

from net import children, wait_until

from .recipes import HERE, REPO, handed_over, render, text_of

CACHE = os.environ.get("XOORG_CACHE") or os.path.join(REPO, "build-cache")


class Missing(Exception):
    """Why there is no such MTA here."""


def _run(args, what, **how):
    done = subprocess.run(args, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          **dict({"timeout": 300}, **how))
    if done.returncode != 0:
        raise Missing("%s: %s" % (what, (done.stderr or done.stdout).strip()[-300:]))
    return done.stdout


# --- packages ------------------------------------------------------------------

def _is_installed(package):
    done = subprocess.run(["dpkg-query", "-W", "-f=${db:Status-Status}", package],
                          capture_output=True, text=True)
    return done.returncode == 0 and done.stdout.startswith("installed")


def _libraries(package):
    """What a package depends on and what is only a library."""
    out = _run(["apt-cache", "depends", package], "apt-cache depends " + package)
    return re.findall(r"^  Depends: (lib[^ <>\n]+)$", out, re.M)


def _wanted(packages):
    """The packages, and the libraries they need that are not installed."""
    todo, seen = list(packages), []
    while todo:
        one = todo.pop(0)
        if one in seen or (one not in packages and _is_installed(one)):
            continue
        seen.append(one)
        todo += _libraries(one)
    return seen


# As root all the same: the folder may be nobody else's to enter.
APT = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "-o", "Acquire::Retries=3"]


def _lists_of(suite, folder):
    """Options for apt-get: another suite of Debian, with lists of its own."""
    state = os.path.join(folder, "apt")
    os.makedirs(os.path.join(state, "lists", "partial"))
    os.makedirs(os.path.join(state, "cache", "archives", "partial"))
    sources = os.path.join(state, "sources.list")
    with open(sources, "w") as f:
        f.write("deb http://deb.debian.org/debian %s main\n" % suite)
    options = ["-o", "Dir::Etc::SourceList=" + sources, "-o", "Dir::Etc::SourceParts=-",
               "-o", "Dir::State::Lists=%s/lists" % state, "-o", "Dir::Cache=%s/cache" % state]
    _run(APT + options + ["update"], "apt-get update for " + suite)
    return options


def _download(packages, folder, suite=None):
    """With new lists if the old ones know nothing of it any more. `suite`: where the
    packages come from; their libraries are the system's all the same."""
    apt = list(APT)
    what = "apt-get download " + " ".join(packages)
    if suite:
        _run(apt + _lists_of(suite, folder) + ["download"] + list(packages), what, cwd=folder)
        packages = [x for x in _wanted(packages) if x not in packages]
        if not packages:
            return
    try:
        _run(apt + ["download"] + _wanted(packages), what, cwd=folder)
    except Missing:
        if os.geteuid() != 0:
            raise
        _run(apt + ["update"], "apt-get update")
        _run(apt + ["download"] + _wanted(packages), what, cwd=folder)


def _merge_usr(root):
    """Debian's /lib is /usr/lib; some packages still bring files in /lib."""
    for name in ("lib", "bin", "sbin"):
        old, new = os.path.join(root, name), os.path.join(root, "usr", name)
        if os.path.isdir(old):
            shutil.copytree(old, new, symlinks=True, dirs_exist_ok=True)
            shutil.rmtree(old)


def unpacked(name, packages, suite=None):
    """A folder with these Debian packages unpacked, fetched once."""
    root = os.path.join(CACHE, name + ("-" + suite if suite else ""))
    if os.path.isdir(root):
        return root
    for tool in ("apt-get", "apt-cache", "dpkg", "dpkg-query"):
        if not shutil.which(tool):
            raise Missing("no %s: this is no Debian" % tool)
    os.makedirs(CACHE, exist_ok=True)
    work = tempfile.mkdtemp(prefix=name + "-", dir=CACHE)
    try:
        _download(packages, work, suite)
        tree = os.path.join(work, "root")
        for deb in glob.glob(os.path.join(work, "*.deb")):
            _run(["dpkg", "-x", deb, tree], "dpkg -x " + deb)
        _merge_usr(tree)
        os.chmod(tree, 0o755)
        try:
            os.rename(tree, root)
        except OSError:			# somebody was quicker
            if not os.path.isdir(root):
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


# --- instances ---------------------------------------------------------------------

NAMESPACE = """\
set -e
mount -t overlay xoorg-mta -o "lowerdir=$1:/usr" /usr
mount -t overlay xoorg-mta -o "lowerdir=$2/etc:/etc" /etc
mount --bind "$2/run" /run
mount --bind "$2/var" /var
shift 2
exec "$@"
"""


class Mta:
    """A private instance, on loopback ports. Subclasses say how.

    values: of the cookbook's placeholders. recipients: the valid ones."""

    name = "?"
    direction = "behind"
    packages = ()
    suite = None			# of Debian, if it is another
    users = {}				# name: id, in the instance's own /etc/passwd
    files = {}				# by direction: of the cookbook -> where in /etc
    skips = {}				# cell -> why this MTA cannot
    says_8bitmime = True		# passes BODY=8BITMIME on
    report_lacks = ()			# of its reports of failure: envid, ret
    refusal = "550 5.1.1"		# what an unknown recipient gets
    queue_folders = ()			# below the instance's folder
    route = {}				# as files: our domains' mail goes to the gateway
    is_relay = False			# verified mail goes anywhere
    is_loop = False			# with that route
    is_untold = False			# handover "none", beside what relays for 127.0.0.1
    outside = None			# port of the server that is the Internet
    internet = (None, None)		# text of a recipe: the way there

    def __init__(self, folder, direction, values, recipients):
        self.folder = str(folder)
        self.direction = direction
        self.values = handed_over(self.name, self.handover, values)
        self.recipients = list(recipients)
        self.process = None

    # to be said by each ----------------------------------------------------------

    def command(self):
        raise NotImplementedError

    def prepare(self):
        """Packages, folders, configuration."""
        self.root = unpacked(self.name, self.packages, self.suite)
        for one in ("etc", "run", "var/lib", "var/log", "var/mail", "var/spool", "var/tmp"):
            os.makedirs(os.path.join(self.folder, one), exist_ok=True)
        os.symlink("/run", os.path.join(self.folder, "var/run"))
        os.chmod(self.folder, 0o755)
        self._check_namespace()
        self._write_users()
        self._write_certificates()
        self.write_recipients()
        for file, where in self.recipes().items():
            self.write(where, self.recipe(*file.split()))

    def hand_over_nothing(self):
        self.is_untold, self.handover = True, "none"
        self.values = handed_over(self.name, "none", self.values)

    def recipes(self):
        return dict(self.files[self.direction], **(self.route if self.is_loop else {}))

    def recipe(self, *files):
        """Files of the cookbook, one after the other. `A|B`: B for one that relays."""
        def name(file):
            return file.split("|")[self.is_relay] if "|" in file else file
        text = "".join(render(text_of(name(x)), self.values) for x in files if name(x))
        return self._led_outside(self.adapted(text))

    def adapted(self, text):
        """What the tests alone want otherwise."""
        return text

    def _led_outside(self, text):
        old, new = self.internet
        if self.outside and old and old in text:
            text = text.replace(old, new % self.outside)
        return text

    def lead_outside(self, port, is_relay):
        """To anywhere but contoso.com: there."""
        self.outside, self.is_relay = port, is_relay

    def write_recipients(self):
        self.write("recipients", "".join(x + "\n" for x in self.recipients))

    def _write_users(self):
        for file, line in (("passwd", "%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n"),
                           ("group", "%s:x:%d:\n")):
            with open("/etc/" + file) as f:
                text = f.read()
            for user, number in self.users.items():
                text += line % ((user, number, number) if file == "passwd"
                                else (user, number))
            self.write(file, text)
        self.write("hosts", "127.0.0.1 localhost mta.contoso.com gw.contoso.com "
                   "mail.contoso.com\n")
        self.write("resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        self.write("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n")
        self.write("mailname", "mta.contoso.com\n")

    def _write_certificates(self):
        """Copies that the MTA may read: /etc/certs."""
        for name in ("mta.pem", "mta.key", "ca.pem"):
            with open(os.path.join(self.values["PKI"], name)) as f:
                self.write("certs/" + name, f.read(), 0o600 if "key" in name else 0o644)

    def write(self, where, text, mode=0o644):
        path = os.path.join(self.folder, "etc", where)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(path, mode)
        return path

    # processes ---------------------------------------------------------------------

    def _inside(self, command):
        return ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child=KILL", "sh", "-c",
                NAMESPACE, "mta", os.path.join(self.root, "usr"), self.folder] + command

    def _check_namespace(self):
        if os.geteuid() != 0:
            raise Missing("a mount namespace wants root")
        if not shutil.which("unshare"):
            raise Missing("no unshare")
        _run(self._inside(["true"]), "no mount namespace", timeout=20)

    def inside(self, command, **how):
        """Runs a command in another namespace like the instance's."""
        return subprocess.run(self._inside(command), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, **how)

    def start(self):
        self.output = os.path.join(self.folder, "output")
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen(
                self.launcher(), stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/",
                env=self.environment(), start_new_session=True)
        return self.wait_started()

    def wait_started(self):
        for port in self.ports():
            if not wait_until(lambda: self._answers(port) or self._is_gone(), 20, 0.05) \
                    or self._is_gone():
                text = self.log()
                self.stop()
                raise RuntimeError("%s does not answer at port %d: %s" % (
                    self.name, port, text[-3000:]))
        return self

    def launcher(self):
        return self._inside(self.command())

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}

    def ports(self):
        if self.direction == "behind":
            return self.values["VERIFIED_PORT"], self.values["ORDINARY_PORT"]
        return (self.values["MTA_PORT"],)

    def _is_gone(self):
        return self.process is not None and self.process.poll() is not None

    def _answers(self, port):
        import socket
        try:
            with socket.create_connection(("127.0.0.1", port), 2) as s:
                s.settimeout(5)
                s.sendall(self.preface())
                return s.recv(3) == b"220"
        except OSError:
            return False

    def preface(self, source="192.0.2.1"):
        """What comes before a greeting if the test connects in the gateway's place."""
        return b""

    def stop(self):
        if self.process is None:
            return
        # With a namespace's first process end all in it. unshare would see to it, but
        # not once the MTA has changed its user.
        for pid in children(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.kill()
        self.process.wait(10)
        self.process = None

    # what the tests ask --------------------------------------------------------------

    def log(self):
        text = ""
        for path in [os.path.join(self.folder, "output")] + \
                sorted(glob.glob(os.path.join(self.folder, "var/log/**"), recursive=True)):
            if os.path.isfile(path):
                with open(path, errors="replace") as f:
                    text += f.read()
        return text

    def queued(self):
        """Files in the queue: mail that is still the MTA's."""
        return sum(len(files) for x in self.queue_folders
                   for _, _, files in os.walk(os.path.join(self.folder, x)))

    def is_idle(self, timeout=15):
        end = time.monotonic() + timeout
        while self.queued() and time.monotonic() < end:
            time.sleep(0.05)
        return self.queued() == 0


def proxy_v1(source):
    return ("PROXY TCP4 %s 127.0.0.1 4711 25\r\n" % source).encode()


def proxy_v2(source):
    return (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(int(x) for x in source.split(".")) +
            b"\x7f\0\0\1" + (4711).to_bytes(2, "big") + (25).to_bytes(2, "big"))
