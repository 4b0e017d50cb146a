# SPDX-License-Identifier: ISC
"""Exim, Debian's heavy one (the light one knows no PROXY protocol)."""
import os

from .base import Mta, proxy_v1


class Exim(Mta):
    name = "exim"
    packages = ("exim4-daemon-heavy", "exim4-base")
    users = {"Debian-exim": 61001}
    files = {"behind": {
        "exim/behind/exim.conf": "exim4/exim4.conf",
        "exim/behind/main": "exim4/xoorg.main",
        "exim/behind/rcpt exim/behind/rcpt-verified|exim/behind/rcpt-verified-relay":
            "exim4/xoorg.rcpt"},
             "in-front": {"exim/in-front/exim.conf": "exim4/exim4.conf"}}
    route = {"exim/in-front/router": "exim4/xoorg.router",
             "exim/in-front/transport": "exim4/xoorg.transport",
             "exim/in-front/own": "exim4/xoorg.data"}
    internet = ("  driver = dnslookup\n", "  driver = manualroute\n"
                "  route_list = * 127.0.0.1::%d byname\n  self = send\n")
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

    def recipe(self, *files):
        if self.is_untold and "exim/behind/rcpt" in files:
            files += ("exim/behind/rcpt-no-handover",)
        return super().recipe(*files)

    def adapted(self, text):
        """Queued mail goes soon; own users are told by their port, and it is there."""
        if self.is_untold:		# as Debian's does
            text = text.replace(".include /etc/exim4/xoorg.rcpt\n",
                                ".include /etc/exim4/xoorg.rcpt\n  accept hosts = 127.0.0.1\n"
                                "          ! domains = +relay_to_domains\n")
        if self.is_loop:
            port = self.values["MTA_PORT"]
            text = text.replace("F,2h,15m", "F,2h,1s").replace(
                "authenticated = *", "condition = ${if eq{$received_port}{%d}}" % port).replace(
                "MAIN_LOCAL_INTERFACES = <; ", "MAIN_LOCAL_INTERFACES = <; [127.0.0.1]:%d ; "
                % port).replace("acl_smtp_data = accept", "acl_smtp_data = check_data").replace(
                "begin acl\n", "begin acl\ncheck_data:\n.include /etc/exim4/xoorg.data\n"
                "  accept\n")
        return text

    def preface(self, source="192.0.2.1"):
        return proxy_v1(source) if self.direction == "behind" and not self.is_untold else b""
