# SPDX-License-Identifier: ISC
"""Dovecot's submission relay; an instance a leg, as it has one next hop."""
import os

from peers.base import Peer

MAIN = """\
protocols = submission
base_dir = %(folder)s/run
state_dir = %(folder)s/state
log_path = %(folder)s/log
hostname = gw.contoso.test
listen = 127.0.0.1
auth_mechanisms = plain
disable_plaintext_auth = no
first_valid_uid = 0
mail_location = maildir:/tmp/none
mail_max_userip_connections = 0
passdb {
  driver = static
  args = nopassword=y
}
userdb {
  driver = static
  args = uid=65534 gid=65534 home=/tmp
}
service submission-login {
  inet_listener submission {
    port = %(port)d
  }
  service_count = 0
  client_limit = 1000
}
service submission {
  process_limit = 500
  service_count = 1000
}
submission_max_mail_size = 157286400
submission_relay_host = 127.0.0.1
submission_relay_port = %(target)d
"""

TLS_IN = """\
ssl = yes
ssl_cert = <%(cert)s
ssl_key = <%(key)s
ssl_ca = <%(ca)s
ssl_verify_client_cert = yes
"""

TLS_OUT = """\
ssl_client_ca_file = %(ca)s
ssl_client_cert = <%(cert)s
ssl_client_key = <%(key)s
submission_relay_ssl = starttls
submission_relay_ssl_verify = no
"""


class Dovecot(Peer):
    name, title, knows = "dovecot", "Dovecot submission relay", "yes"
    auth = "AGFsaWNlAHNlY3JldA=="
    packages = ("dovecot-submissiond",)
    users = (("dovecot", 901, 901), ("dovenull", 902, 902))

    def begin(self):
        pki = self.env.pki
        files = {"ca": pki["ca"], "cert": pki["gateway"].cert, "key": pki["gateway"].key}
        os.chmod(self.folder, 0o755)
        for leg in self.legs:
            folder = os.path.join(self.folder, leg)
            text = MAIN % {"folder": folder, "port": self.ports[leg],
                           "target": self.env.target(leg, False)}
            text += TLS_IN % files if leg in ("in", "both") else "ssl = no\n"
            text += TLS_OUT % files if leg in ("out", "both") else ""
            file = self.write(leg + "/dovecot.conf", text)
            self.run_inside(["/usr/sbin/dovecot", "-F", "-c", file])
