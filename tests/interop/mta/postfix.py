# SPDX-License-Identifier: ISC
"""Postfix: the instance of tests/interop/postfix.py with the cookbook's files."""
import os
import re
import shutil

import postfix as private

from .base import Missing, Mta

# What the cookbook leaves to Postfix' own defaults, or says itself.
LEFT = ("smtputf8_enable", "smtpd_recipient_restrictions", "smtpd_relay_restrictions",
        "mynetworks", "myhostname", "smtp_tls_security_level", "smtpd_tls_security_level",
        "message_size_limit", "mydestination", "local_recipient_maps")


class _Instance(private.Postfix):
    main = master = ""

    def _write(self, settings, second):
        super()._write(settings, "")
        etc = os.path.join(self.folder, "etc")
        with open(os.path.join(etc, "main.cf")) as f:
            ours = "".join(x for x in f if x.split(" ")[0] not in LEFT)
        with open(os.path.join(etc, "main.cf"), "w") as out:
            out.write(ours + self.main)
        rest = private.MASTER.split("\n", 2)[2]
        with open(os.path.join(etc, "master.cf"), "w") as out:
            out.write(self.master + rest)
        os.utime(os.path.join(etc, "main.cf"), (1e9, 1e9))


class PostfixMta(Mta):
    name = "postfix"
    handover = "xclient"
    files = {"behind": {
        "postfix/behind/main.cf postfix/behind/routing.cf": "main",
        "postfix/behind/verified.cf|postfix/behind/verified-relay.cf "
        "postfix/behind/ordinary.cf": "master"},
             "in-front": {"postfix/in-front/main.cf": "main",
                          "postfix/in-front/master.cf": "master"}}
    route = {"postfix/behind/main.cf postfix/behind/routing.cf "
             "postfix/in-front/transport.cf": "main"}
    refusal = "550 5.1.1"

    def prepare(self):
        os.makedirs(os.path.join(self.folder, "etc"))
        os.chmod(self.folder, 0o755)
        self._write_certificates()
        self.write_recipients()
        self.values.update(MTA_ETC=os.path.join(self.folder, "etc"),
                           MTA_CERTS=os.path.join(self.folder, "etc/certs"),
                           MTA_TRUST=os.path.join(self.folder, "etc/certs/ca.pem"))
        texts = {where: self.recipe(*file.split())
                 for file, where in self.recipes().items()}
        if self.is_loop:
            texts["master"] += "127.0.0.1:%d inet n - n - - smtpd\n" % \
                self.values["MTA_PORT"] + self.recipe("postfix/in-front/own.cf")
        if self.is_loop:		# one transport_maps: the last
            texts["main"] = re.sub(r"(?m)^transport_maps = .*\n(?=(?:.*\n)*transport_maps)", "",
                                   texts["main"])
        # No chroot here.
        texts["master"] = texts["master"].replace(" inet n - y -", " inet n - n -")
        if self.outside:
            texts["main"] += "relayhost = [127.0.0.1]:%d\n" % self.outside
        self.kind = type("Instance", (_Instance,), texts)
        try:
            self.instance = self.kind(self.ports()[-1], {})
        except private.Missing as why:
            raise Missing(str(why))

    def recipes(self):
        out = dict(self.files[self.direction])
        if self.is_loop:
            out = {file: where for file, where in out.items() if where != "main"}
            out.update(self.route)
        return out

    def write_recipients(self):
        self.write("recipients", "".join("%s x\n" % x for x in self.recipients))

    def start(self):
        self.instance.start()
        return self.wait_started()

    def stop(self):
        if getattr(self, "instance", None):
            self.instance.stop()
            shutil.rmtree(self.instance.folder, ignore_errors=True)

    def log(self):
        return self.instance.log()

    def queued(self):
        return self.instance.queued()
