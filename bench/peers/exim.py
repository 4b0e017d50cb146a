# SPDX-License-Identifier: ISC
"""Exim with cutthrough delivery."""
import os

from peers.base import Peer

MAIN = """\
primary_hostname = gw.contoso.test
daemon_smtp_ports = %(ports)s
local_interfaces = 127.0.0.1
spool_directory = %(folder)s/spool
log_file_path = %(folder)s/log-%%s
tls_advertise_hosts = ${if match{$received_port}{%(tls_in)s}{*}{}}
tls_certificate = %(cert)s
tls_privatekey = %(key)s
tls_verify_certificates = %(ca)s
tls_try_verify_hosts = *
smtp_accept_max = 0
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
smtp_receive_timeout = 60s
message_size_limit = 150M
host_lookup =
rfc1413_hosts =
helo_allow_chars = _
acl_smtp_rcpt = rcpt

begin acl
rcpt:
  accept control = cutthrough_delivery

begin routers
%(routers)s
begin transports
%(transports)s
"""

ROUTER = """\
r_%(leg)s:
  driver = manualroute
  condition = ${if eq{$received_port}{%(port)d}}
  route_list = * 127.0.0.1
  self = send
  transport = t_%(leg)s
"""

TRANSPORT = """\
t_%(leg)s:
  driver = smtp
  port = %(target)d
  allow_localhost
  hosts_try_auth =
"""

TLS_OUT = """\
  hosts_require_tls = *
  tls_certificate = %(cert)s
  tls_privatekey = %(key)s
  tls_verify_certificates = %(ca)s
  tls_try_verify_hosts =
"""


class Exim(Peer):
    name, title, knows = "exim", "Exim, cutthrough", "yes"
    legs = ("plain", "both", "late")
    packages = ("exim4-daemon-light",)
    users = (("Debian-exim", 905, 905),)

    def begin(self):
        pki = self.env.pki
        files = {"ca": pki["ca"], "cert": pki["gateway"].cert, "key": pki["gateway"].key}
        routers = transports = ""
        for leg in self.legs:
            what = {"leg": leg, "port": self.ports[leg],
                    "target": self.env.target(leg, False)}
            routers += ROUTER % what
            transports += TRANSPORT % what
            transports += TLS_OUT % files if leg in ("out", "both") else "  hosts_avoid_tls = *\n"
        text = MAIN % dict(
            files, folder=self.folder, routers=routers, transports=transports,
            ports=" : ".join(str(p) for p in self.ports.values()),
            tls_in="|".join("^%d\\$" % self.ports[x] for x in self.legs if x in ("in", "both")))
        os.chmod(self.folder, 0o777)
        file = self.write("exim.conf", text)
        self.run_inside(["/bin/sh", "-c", "mkdir -p /etc/exim4 && cp %s /etc/exim4/exim4.conf && "
                         "chown root:root /etc/exim4/exim4.conf && "
                         "chmod 644 /etc/exim4/exim4.conf && exec /usr/sbin/exim4 -bdf" % file])
