# SPDX-License-Identifier: ISC
"""Haraka, from npm; the versions of all it needs stand in haraka-npm/."""
import os
import shutil
import subprocess
import tempfile

from .base import CACHE, HERE, Missing, Mta

PACKAGE = os.path.join(HERE, "haraka-npm")
FILES = {"behind": {"smtp.ini": "config/smtp.ini", "connection.ini": "config/connection.ini",
                    "plugins": "config/plugins", "contoso.js": "plugins/contoso.js",
                    "xoorg.js|haraka/behind/xoorg-relay.js": "plugins/xoorg.js",
                    "smtp_forward.ini": "config/smtp_forward.ini",
                    "outbound.ini": "config/outbound.ini",
                    "tls.ini": "config/tls.ini"},
         "in-front": {"smtp.ini": "config/smtp.ini",
                      "connection.ini": "config/connection.ini",
                      "plugins": "config/plugins", "gateway.js": "plugins/gateway.js",
                      "tls.ini": "config/tls.ini", "outbound.ini": "config/outbound.ini"}}


def _node():
    node = shutil.which("node")
    if not node or not shutil.which("npm"):
        raise Missing("no node, or no npm")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    if int(version.strip().lstrip("v").split(".")[0] or 0) < 20:
        raise Missing("Haraka wants Node 20, this is %s" % version.strip())
    return node


def _installed():
    root = os.path.join(CACHE, "haraka")
    if os.path.isdir(root):
        return root
    os.makedirs(CACHE, exist_ok=True)
    work = tempfile.mkdtemp(prefix="haraka-", dir=CACHE)
    try:
        for file in ("package.json", "package-lock.json"):
            shutil.copy(os.path.join(PACKAGE, file), work)
        done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--omit=optional",
                               "--ignore-scripts"], cwd=work, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=300)
        if done.returncode != 0:
            raise Missing("npm ci: %s" % done.stderr.strip()[-300:])
        try:
            os.rename(work, root)
        except OSError:
            if not os.path.isdir(root):
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return root


class Haraka(Mta):
    name = "haraka"
    handover = "xclient"
    refusal = "550"
    says_8bitmime = False
    queue_folders = ("queue",)
    internet = ("return next()\n    next(OK, { priority: 0, exchange: '127.0.0.1'",
                "return next(OK, { priority: 0, exchange: '127.0.0.1', port: %d })\n"
                "    next(OK, { priority: 0, exchange: '127.0.0.1'")
    skips = {"dsn": "Haraka announces no DSN",
             "dsn-comes-back": "Haraka announces no DSN"}

    def prepare(self):
        self.node = _node()
        self.root = _installed()
        for one in ("config", "plugins", "queue", "etc"):
            os.makedirs(os.path.join(self.folder, one))
        self._write_certificates()
        self.write_recipients()
        self.values.update(MTA_ETC=os.path.join(self.folder, "etc"),
                           MTA_CERTS=os.path.join(self.folder, "etc/certs"),
                           MTA_TRUST=os.path.join(self.folder, "etc/certs/ca.pem"))
        files = {to: self.recipe("haraka/%s/%s" % (self.direction, x))
                 for x, to in FILES[self.direction].items()}
        files["etc/xoorg-domains"] = self.recipe("domains")
        files["config/me"] = "mta.contoso.com\n"
        files["config/log.ini"] = "[main]\nlevel=info\n"
        for to, text in files.items():
            with open(os.path.join(self.folder, to), "w") as out:
                out.write(text)

    def launcher(self):
        return [self.node, os.path.join(self.root, "node_modules/Haraka/bin/haraka"), "-c",
                self.folder]

    def environment(self):
        return dict(os.environ, TZ="UTC")
