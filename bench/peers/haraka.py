# SPDX-License-Identifier: ISC
"""Haraka with its smtp_proxy plugin, from npm; an instance a leg."""
import os
import shutil
import subprocess

from driver.tools import CACHE, Failed
from peers.base import Peer

ACCEPT = "exports.hook_rcpt = (next) => next(OK);\n"


class Haraka(Peer):
    name, title, knows = "haraka", "Haraka, smtp_proxy", "yes"
    legs = ("plain", "both", "late")
    start_seconds = 30

    def home(self):
        home = os.path.join(CACHE, "haraka")
        main = os.path.join(home, "node_modules/Haraka/bin/haraka")
        if os.path.exists(main):
            return main
        if not shutil.which("npm"):
            raise Failed("no npm, and nothing in %s" % home)
        os.makedirs(home, exist_ok=True)
        done = subprocess.run(["npm", "install", "--prefix", home, "--no-audit", "--no-fund",
                               "--ignore-scripts", "Haraka@3"],
                              capture_output=True, text=True, timeout=300)
        if done.returncode != 0 or not os.path.exists(main):
            raise Failed("npm: %s" % done.stderr.strip()[-200:])
        return main

    def begin(self):
        if not shutil.which("node"):
            raise Failed("no node")
        main, pki = self.home(), self.env.pki
        for leg in self.legs:
            plugins = ["accept", "queue/smtp_proxy"]
            at = leg + "/config/"
            self.write(leg + "/plugins/accept.js", ACCEPT)
            self.write(at + "smtp.ini", "listen=127.0.0.1:%d\nnodes=0\n" % self.ports[leg])
            self.write(at + "host_list", "")
            # With some of it missing, it falls over its own feet.
            shutil.copy(os.path.join(os.path.dirname(main), "../config/connection.ini"),
                        os.path.join(self.folder, at))
            self.write(at + "me", "gw.contoso.test\n")
            self.write(at + "log.ini", "[main]\nlevel=ERROR\n")
            self.write(at + "smtp_proxy.ini", "host=127.0.0.1\nport=%d\nenable_tls=%s\n" % (
                self.env.target(leg, False), "true" if leg == "both" else "false"))
            if leg == "both":
                plugins.insert(0, "tls")
                self.write(at + "tls.ini", "key=tls_key.pem\ncert=tls_cert.pem\n"
                           "requestCert=true\nrejectUnauthorized=false\n"
                           "[outbound]\nrejectUnauthorized=false\n")
                # It would take its time to find parameters of its own.
                subprocess.run(["openssl", "genpkey", "-genparam", "-algorithm", "DH",
                                "-pkeyopt", "group:ffdhe2048", "-out",
                                os.path.join(self.folder, at, "dhparams.pem")], check=True)
                for name, path in (("tls_key.pem", pki["gateway"].key),
                                   ("tls_cert.pem", pki["gateway"].cert)):
                    shutil.copy(path, os.path.join(self.folder, at, name))
            self.write(at + "plugins", "\n".join(plugins) + "\n")
            self.run(["node", main, "-c", os.path.join(self.folder, leg)])
