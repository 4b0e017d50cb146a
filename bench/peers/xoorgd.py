# SPDX-License-Identifier: ISC
"""The gateway itself."""
import os

from driver.tools import BUILD, Failed
from peers.base import Peer

MAIN = """\
hostname = "gw.contoso.test"
user = ""
workers = %(workers)d
key_process = %(key_process)s
log = "%(folder)s/log"
status = ""
max_sessions_per_address = 0
max_tls_per_minute = 0
tls = {
	default = { certificate = "%(cert)s"; key = "%(key)s"; trust = "%(ca)s"; }
}
peers = {
	exchange-online = { names = ["%(client_name)s"]; rights = ["xoorg"]; }
	local-mta = { networks = ["127.0.0.0/8"]; rights = ["relay"]; }
}
tenants = {
	contoso = { originator_orgs = ["contoso.com"]; recipient_domains = ["contoso.com"]; }
}
upstreams = {
	plain = { hosts = ["127.0.0.1:%(sink)d"]; max_idle = 1000; }
	late = { hosts = ["127.0.0.1:%(late)d"]; max_idle = 1000; }
	tls = {
		hosts = ["127.0.0.1:%(sink)d"]; max_idle = 1000;
		tls = "verify"; tls_name = "%(server_name)s"; trust = "%(ca)s";
		client_certificate = "%(cert)s"; client_key = "%(key)s";
	}
}
listeners = {
%(listeners)s}
"""

LISTENER = """\
	%(leg)s = {
		listen = ["127.0.0.1:%(port)d"]; upstream = "%(upstream)s";
		peers = ["%(peer)s"]; unauthenticated = "accept";%(tls)s
	}
"""


class Xoorgd(Peer):
    name, title, knows = "xoorgd", "**xoorgd**", "yes"
    parameters = "XOORG=contoso.com"

    build = BUILD
    key_process = "true"

    def begin(self):
        program = os.path.join(self.build, "src", "xoorgd")
        if not os.path.exists(program):
            raise Failed("%s is not built" % program)
        pki = self.env.pki
        listeners = "".join(LISTENER % {
            "leg": leg, "port": self.ports[leg],
            "upstream": {"out": "tls", "both": "tls", "late": "late"}.get(leg, "plain"),
            "peer": "exchange-online" if leg in ("in", "both") else "local-mta",
            "tls": ' tls = "default";' if leg in ("in", "both") else "",
        } for leg in self.legs)
        text = MAIN % {
            "workers": self.env.workers, "key_process": self.key_process,
            "folder": self.folder, "ca": pki["ca"],
            "cert": pki["gateway"].cert, "key": pki["gateway"].key,
            "client_name": pki["client_name"], "server_name": pki["server_name"],
            "sink": self.env.sink.port, "late": self.env.late.port, "listeners": listeners}
        self.run([program, "-c", self.write("xoorgd.conf", text)])


class Against(Xoorgd):
    """Another build of it, to see what a change does: --against FOLDER."""
    name, title = "against", "xoorgd, the other build"


class KeysInside(Xoorgd):
    """With the private keys in the workers, to see what a key process costs."""
    name, title = "keys-inside", "xoorgd, key_process = false"
    key_process = "false"
