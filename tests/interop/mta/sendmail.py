# SPDX-License-Identifier: ISC
"""Sendmail 8."""
import os

from .base import Missing, Mta


class Sendmail(Mta):
    name = "sendmail"
    packages = ("sendmail-bin", "sendmail-base", "sendmail-cf", "m4")
    users = {"smmta": 61004, "smmsp": 61005}
    files = {"behind": {
        "sendmail/behind/sendmail.mc": "mail/sendmail.mc",
        "sendmail/behind/daemons.m4": "mail/xoorg-daemons.m4",
        "sendmail/behind/rules.m4|sendmail/behind/rules-relay.m4": "mail/xoorg-rules.m4",
        "domains": "mail/relay-domains",
        "sendmail/behind/mailertable": "mail/mailertable"},
             "in-front": {"sendmail/in-front/sendmail.mc": "mail/sendmail.mc",
                          "sendmail/in-front/access": "mail/access"}}
    internet = ("MAILER(`smtp')dnl\n", "define(`SMART_HOST', `esmtp:[127.0.0.1]')dnl\n"
                "define(`ESMTP_MAILER_ARGS', `TCP $h %d')dnl\nMAILER(`smtp')dnl\n")
    queue_folders = ("var/spool/mqueue",)
    handover = "none"
    refusal = "550 5.1.1"
    skips = {"utf8": "Debian's Sendmail 8.17 is built without SMTPUTF8 (USE_EAI)",
             "client-address": "Sendmail 8.17 knows neither XCLIENT nor PROXY"}

    def write_recipients(self):
        self.write("mail/access", "".join("To:%s\tOK\n" % x for x in self.recipients
                                          if x.isascii())
                   + 'To:contoso.com\tERROR:5.1.1:"550 User unknown"\n')

    def prepare(self):
        super().prepare()
        queue = os.path.join(self.folder, "var/spool/mqueue")
        os.makedirs(queue)
        os.chmod(queue, 0o700)
        self.write("mail/local-host-names", "mta.contoso.com\n")
        script = "m4 /etc/mail/sendmail.mc"
        done = self.inside(["sh", "-c", script])
        if done.returncode != 0 or not done.stdout:
            raise Missing("m4 sendmail.mc: %s" % done.stderr[-500:])
        self.write("mail/sendmail.cf", done.stdout)
        for one in ("access", "mailertable"):
            path = os.path.join(self.folder, "etc/mail", one)
            if os.path.exists(path):
                self._makemap(one)

    def _makemap(self, name):
        """/etc is read-only in the namespace: by way of /var."""
        done = self.inside(["sh", "-c", "/usr/libexec/sendmail/makemap hash /var/tmp/%s "
                            "</etc/mail/%s" % (name, name)])
        if done.returncode != 0:
            raise Missing("makemap %s: %s" % (name, done.stderr[-500:]))
        os.rename(os.path.join(self.folder, "var/tmp", name + ".db"),
                  os.path.join(self.folder, "etc/mail", name + ".db"))

    def command(self):
        # On a busy machine it would only queue, and then take nothing.
        return ["/usr/libexec/sendmail/sendmail", "-bD", "-q1s", "-C",
                "/etc/mail/sendmail.cf", "-X", "/var/log/traffic",
                "-O", "QueueLA=1000", "-O", "RefuseLA=1000"]
