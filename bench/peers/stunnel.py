# SPDX-License-Identifier: ISC
"""stunnel: TLS without SMTP; both legs are two services, one behind the other."""
from driver.tools import free_ports
from peers.base import Peer

MAIN = """\
foreground = yes
pid =
debug = 3
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
CAfile = %(ca)s
cert = %(cert)s
key = %(key)s
verifyChain = yes
"""


class Stunnel(Peer):
    name, title = "stunnel", "stunnel (implicit TLS)"
    implicit = True
    legs = ("in", "out", "both")
    packages = ("stunnel4",)

    def begin(self):
        pki = self.env.pki
        between, = free_ports(1)
        text = MAIN % {"ca": pki["ca"], "cert": pki["gateway"].cert,
                       "key": pki["gateway"].key}

        def service(name, accept, connect, is_client):
            return "[%s]\naccept = 127.0.0.1:%d\nconnect = 127.0.0.1:%d\nclient = %s\n" % (
                name, accept, connect, "yes" if is_client else "no")
        sink = self.env.sink
        text += service("in", self.ports["in"], sink.port, False)
        text += service("out", self.ports["out"], sink.tls_port, True)
        text += service("both-in", self.ports["both"], between, False)
        text += service("both-out", between, sink.tls_port, True)
        self.run_inside(["/usr/bin/stunnel4", self.write("stunnel.conf", text)])
