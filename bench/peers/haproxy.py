# SPDX-License-Identifier: ISC
"""HAProxy in TCP mode; TLS from the first octet, as it knows no STARTTLS."""
from peers.base import Peer

GLOBAL = """\
global
	maxconn 9000
	nbthread %d
	tune.ssl.default-dh-param 2048
defaults
	mode tcp
	timeout connect 10s
	timeout client 300s
	timeout server 300s
"""

LISTEN = """\
listen %(leg)s
	bind 127.0.0.1:%(port)d%(tls_in)s
	server sink 127.0.0.1:%(target)d%(tls_out)s
"""


class Haproxy(Peer):
    name, title = "haproxy", "HAProxy, TCP mode (implicit TLS)"
    implicit = True
    packages = ("haproxy",)

    def begin(self):
        pki = self.env.pki
        both = {}
        for who in ("gateway", "client"):
            with open(pki[who].cert) as c, open(pki[who].key) as k:
                both[who] = self.write(who + ".pem", c.read() + k.read())
        text = GLOBAL % self.env.workers
        for leg in self.legs:
            text += LISTEN % {
                "leg": leg, "port": self.ports[leg], "target": self.env.target(leg, True),
                "tls_in": " ssl crt %s ca-file %s verify required" % (
                    both["gateway"], pki["ca"]) if leg in ("in", "both") else "",
                "tls_out": " ssl crt %s ca-file %s verify required verifyhost %s sni str(%s)" % (
                    both["gateway"], pki["ca"], pki["server_name"], pki["server_name"])
                if leg in ("out", "both") else ""}
        self.run_inside(["/usr/sbin/haproxy", "-db", "-f", self.write("haproxy.cfg", text)])
