# SPDX-License-Identifier: ISC
"""What all relays have in common: a folder, ports, a process; and how a package of
Debian's is had without installing it.

Legs: plain; in: TLS from the client; out: TLS to the sink; both; late: plain, to the
sink that takes its time.
"""
import glob
import os
import shutil
import subprocess

from driver.tools import CACHE, Failed, end_tree, free_ports, wait_port

LEGS = ("plain", "in", "out", "both", "late")


class Env:
    """What a relay is given: sinks, certificates, the number of workers."""

    def __init__(self, sink, late, pki, workers):
        self.sink, self.late, self.pki, self.workers = sink, late, pki, workers

    def target(self, leg, implicit):
        """The sink's port behind a leg."""
        if leg == "late":
            return self.late.port
        return self.sink.tls_port if implicit and leg in ("out", "both") else self.sink.port


class Peer:
    name = ""
    title = ""
    knows = "no"		# of SMTP
    legs = LEGS
    implicit = False		# TLS from the first octet, on both sides
    auth = None			# what the client says behind AUTH PLAIN
    parameters = ""		# of MAIL, where a certificate was shown
    has_queue = False		# done when the sink has it
    packages = ()
    users = ()			# that the packages would make
    start_seconds = 15

    def __init__(self):
        self.ports = {}
        self.processes = []
        self.version = ""

    def start(self, env, folder):
        self.env, self.folder = env, folder
        os.makedirs(folder, exist_ok=True)
        self.ports = dict(zip(self.legs, free_ports(len(self.legs))))
        if self.packages:
            self.prefix = fetch(self.name, self.packages)
        self.begin()
        for leg in self.legs:
            wait_port(self.ports[leg], self.start_seconds, self.processes[-1],
                      not (self.implicit and leg in ("in", "both")))

    def begin(self):
        raise NotImplementedError

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
        return path

    def run(self, args, **how):
        log = open(os.path.join(self.folder, "output"), "ab")
        self.processes.append(subprocess.Popen(
            args, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, **how))
        log.close()

    def run_inside(self, args):
        """A program of the packages, where it believes to be installed."""
        if os.geteuid() != 0:
            raise Failed("only root can mount")
        passwd = "".join("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n" % x
                         for x in self.users)
        group = "".join("%s:x:%d:\n" % (name, gid) for name, _, gid in self.users)
        os.makedirs(os.path.join(self.folder, "mnt"), exist_ok=True)
        self.run(["unshare", "--mount", "sh", "-e", "-c", INSIDE, "inside", self.folder,
                  self.prefix, passwd, group] + args)

    def said(self):
        """The end of what it wrote, for a failure."""
        try:
            with open(os.path.join(self.folder, "output"), errors="replace") as f:
                return " ".join(f.read()[-300:].split())
        except OSError:
            return ""

    @property
    def roots(self):
        return [p.pid for p in self.processes]

    def client(self, leg):
        """The load's options for a leg."""
        out = {"auth": self.auth}
        if leg in ("in", "both"):
            cert = self.env.pki["client"]
            out.update(tls="implicit" if self.implicit else "starttls", cert=cert.cert,
                       key=cert.key, mail_parameters=self.parameters or None)
        return out

    def stop(self):
        for process in self.processes:
            end_tree(process)
        self.processes = []


# Its own view of the file system: the packages laid over what is there, the
# working folder where it is. Nothing of it is seen outside, or stays.
INSIDE = """
folder=$1 prefix=$2 passwd=$3 group=$4; shift 4
m=$folder/mnt
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$m"
mkdir "$m/upper" "$m/work" "$m/root"
cp -a "$prefix/." "$m/upper/"
mkdir -p "$m/upper/etc"
{ cat /etc/passwd; printf %s "$passwd"; } >"$m/upper/etc/passwd"
{ cat /etc/group; printf %s "$group"; } >"$m/upper/etc/group"
chmod 644 "$m/upper/etc/passwd" "$m/upper/etc/group"
mount -t overlay overlay -o "lowerdir=/,upperdir=$m/upper,workdir=$m/work" "$m/root"
for i in proc dev sys; do mount --rbind "/$i" "$m/root/$i"; done
mkdir -p "$m/root$folder"
mount --bind "$folder" "$m/root$folder"
exec chroot "$m/root" "$@"
"""


def fetch(name, packages):
    """The packages and what they need and is not installed, unpacked; once."""
    home = os.path.join(CACHE, name)
    root, archives = os.path.join(home, "root"), os.path.join(home, "archives")
    if os.path.isdir(root):
        return root
    if not shutil.which("apt-get"):
        raise Failed("no apt-get, and nothing in %s" % home)
    os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
    done = subprocess.run(
        ["apt-get", "install", "-y", "--no-install-recommends", "--download-only",
         "-o", "Dir::Cache::archives=" + archives, "-o", "Debug::NoLocking=true",
         *packages],		# nothing is installed, so nobody need be kept out
        capture_output=True, text=True, timeout=300)
    debs = glob.glob(os.path.join(archives, "*.deb"))
    if done.returncode != 0 or not debs:
        raise Failed("apt-get: %s" % (done.stderr.strip() or "no packages")[-200:])
    part = root + ".part"
    shutil.rmtree(part, ignore_errors=True)
    for deb in debs:
        subprocess.run(["dpkg", "-x", deb, part], check=True, timeout=60)
    for old in ("bin", "sbin", "lib"):		# links on a merged system
        here = os.path.join(part, old)
        if os.path.isdir(here) and os.path.islink("/" + old):
            subprocess.run(["cp", "-a", here + "/.", os.path.join(part, "usr", old)],
                           check=True)
            shutil.rmtree(here)
    os.rename(part, root)
    return root
