# SPDX-License-Identifier: ISC
"""OpenSMTPD."""
import os

from .base import Mta, proxy_v2


class OpenSmtpd(Mta):
    name = "opensmtpd"
    packages = ("opensmtpd",)
    suite = "bookworm-backports"	# Debian 12's own 6.8 cannot serve TLS (issue 1171)
    users = {"opensmtpd": 61002, "opensmtpq": 61003}
    files = {"behind": {
        "opensmtpd/behind/smtpd.conf": "smtpd.conf",
        "opensmtpd/behind/listen": "smtpd.xoorg.listen",
        "opensmtpd/behind/match-verified|opensmtpd/behind/match-verified-relay":
            "smtpd.xoorg.match",
        "domains": "xoorg-domains"},
             "in-front": {"opensmtpd/in-front/smtpd.conf": "smtpd.conf"}}
    route = {"opensmtpd/behind/match-verified opensmtpd/in-front/route":
             "smtpd.xoorg.match"}
    internet = ("action internet relay\n", "action internet relay host smtp://127.0.0.1:%d\n")
    queue_folders = ("var/spool/smtpd/queue",)
    handover = "proxy-v2"
    refusal = "550"
    says_8bitmime = False
    report_lacks = ("envid", "ret")	# its own reports; what it passes on has both
    skips = {"utf8": "OpenSMTPD 7.4 knows no SMTPUTF8"}

    def prepare(self):
        super().prepare()
        os.makedirs(os.path.join(self.folder, "var/lib/opensmtpd/empty"))
        os.makedirs(os.path.join(self.folder, "var/spool/smtpd"))
        os.chmod(os.path.join(self.folder, "var/spool/smtpd"), 0o711)

        # It believes the system's list of CAs and no other.
        with open(self.values["PKI"] + "/ca.pem") as f:
            self.write("ssl/certs/ca-certificates.crt", f.read())

    def recipe(self, *files):
        if self.is_untold and "/match-" in files[0]:
            files += ("opensmtpd/behind/match-no-handover",)
        return super().recipe(*files)

    def adapted(self, text):
        if self.is_untold:		# as Debian's does
            text = text.replace("# Our own reports.", "match from local ! for domain contoso.com action "
                                "internet\n# Our own reports.")
        return text

    def recipes(self):
        out = super().recipes()
        if self.is_loop:		# the same place, with more in it
            out = {file: where for file, where in out.items()
                   if where != "smtpd.xoorg.match" or file in self.route}
        return out

    def command(self):
        return ["/usr/sbin/smtpd", "-d", "-f", "/etc/smtpd.conf"]

    def preface(self, source="192.0.2.1"):
        return proxy_v2(source) if self.direction == "behind" and not self.is_untold else b""
