# SPDX-License-Identifier: ISC
"""Exim, Debian's heavy one (the light one knows no PROXY protocol)."""
import os

from .base import Mta, proxy_v1


class Exim(Mta):
    name = "exim"
    packages = ("exim4-daemon-heavy", "exim4-base")
    users = {"Debian-exim": 61001}
    files = {"exim.conf": "exim4/exim4.conf"}
    queue_folders = ("var/spool/exim4/input",)
    handover = "proxy"
    refusal = "550"
    says_8bitmime = False		# eight bits as they come, and not a word of it

    def prepare(self):
        super().prepare()
        for one in ("var/spool/exim4", "var/log/exim4", "run/exim4"):
            path = os.path.join(self.folder, one)
            os.makedirs(path, exist_ok=True)
            os.chown(path, 61001, 61001)
        # The daemon speaks TLS as its own user.
        os.chown(os.path.join(self.folder, "etc/certs/mta.key"), 61001, 61001)

    def command(self):
        return ["/usr/sbin/exim4", "-bdf", "-q1s", "-C", "/etc/exim4/exim4.conf"]

    def preface(self, source="192.0.2.1"):
        return proxy_v1(source) if self.direction == "behind" else b""
