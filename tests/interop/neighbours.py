# SPDX-License-Identifier: ISC
"""Postfix and Exim as they stand on port 25, and the gateway in front of them: one
gateway, a listener for each setting that is tried. What the MTAs send on arrives at
`hop`; `lmtp` and `busy` are servers behind them that do what a test says."""
import os
import socket
from types import SimpleNamespace

import postfix as private
from harness import CAPS, Gateway, Hop, Smtp, base_config
from mta import Exim
from net import free_port

NoPostfix = private.Missing

OURS = ("contoso.com", "contoso.onmicrosoft.com", "mta.contoso.com")

EXIM = """\
primary_hostname = mta.contoso.com
local_interfaces = <; %(interfaces)s
domainlist local_domains = mta.contoso.com
domainlist ours = contoso.com : contoso.onmicrosoft.com : %(beyond)s
acl_smtp_rcpt = check_rcpt
acl_smtp_data = accept
helo_accept_junk_hosts = ${if eq{$received_port}{%(told_port)d}{*}{}}
sender_unqualified_hosts = ${if eq{$received_port}{%(told_port)d}{*}{}}
recipient_unqualified_hosts = ${if eq{$received_port}{%(told_port)d}{*}{}}
chunking_advertise_hosts = ${if eq{$received_port}{%(data_port)d}{}{*}}
tls_advertise_hosts =
message_size_limit = 150M
smtp_accept_max = 100
smtp_accept_queue_per_connection = 0
host_lookup =

begin acl
check_rcpt:
  accept local_parts = postmaster
         domains = +local_domains
  deny   message = restricted characters in address
         local_parts = ^[./|] : ^.*[@%%!] : ^.*/\\\\.\\\\./
  require message = relay not permitted
         domains = +local_domains : +ours
  accept

begin routers
%(routers)s
behind:
  driver = manualroute
  transport = smtp_out
  route_list = * 127.0.0.1::%(hop)d byname
  self = send

begin transports
# One message a connection: all servers are at one address, which is all that Exim looks at.
smtp_out:
  driver = smtp
  connection_max_messages = 1
  hosts_try_fastopen = :
one_out:
  driver = smtp
  max_rcpt = 1
  connection_max_messages = 1
  hosts_try_fastopen = :
lmtp_out:
  driver = smtp
  protocol = lmtp
  port = %(lmtp)d
  connection_max_messages = 1
  hosts_try_fastopen = :

begin retry
*  *  F,2h,1s
"""
ROUTER = """\
%(name)s:
  driver = manualroute
  domains = %(domain)s
  transport = %(how)s_out
  route_list = * 127.0.0.1::%(port)d byname
  self = send
"""


class PlainExim(Exim):
    """With a configuration of its own in the cookbook's place."""
    files = {"behind": {}}
    text = ""

    def prepare(self):
        super().prepare()
        self.write("exim4/exim4.conf", self.text)

    def preface(self, source="192.0.2.1"):
        return b""


class Place:
    """An MTA's ports: as yesterday's port 25; that, told to take what devices write (Exim
    can be); for the gateway's two kinds of mail; and one that takes DATA alone."""

    def __init__(self):
        self.direct, self.told, self.verified, self.ordinary, self.data = (
            free_port() for _ in range(5))

    def ports(self):
        return self.direct, self.told, self.verified, self.ordinary, self.data


class Neighbours:
    """MTAs, servers behind, and the gateway in front."""

    def __init__(self, folder, pki):
        self.pki, self.folder = pki, folder
        self.postfix, self.exim = Place(), Place()
        self.hop = Hop()
        self.lmtp = Hop(lmtp=True)
        # By who comes: an MTA, or the gateway for it.
        self.busy = {x: Hop(caps=[y for y in CAPS if y != "CHUNKING"])
                     for x in ("postfix", "exim", "postfix-gw", "exim-gw")}
        self.gw = self.exim_mta = self.postfix_mta = None
        # Domains: through the MTA straight to a server, and by way of the gateway.
        self.ports = {"lmtp": self.lmtp.port, "lmtp-gw": free_port()}
        self.ports["lmtp-one"] = self.ports["lmtp-gw"]
        for name, server in self.busy.items():
            self.ports["busy-" + name] = free_port() if "gw" in name else server.port

    def start(self):
        self.gw = Gateway(self.config())
        self.postfix_mta = private.Postfix(self.postfix.direct, self._main_cf(),
                                           second=self._master_cf())
        self.postfix_mta.start()
        self._start_exim()
        return self

    # configurations -------------------------------------------------------------------

    def _beyond(self):
        """(domain, transport, port); `one`: one recipient a message."""
        for name, port in self.ports.items():
            yield name + ".test", {"lmtp": "lmtp", "lmtp-one": "one"}.get(name, "smtp"), port

    def _main_cf(self):
        routes = ["%s=smtp:[127.0.0.1]:%d" % (x, self.hop.port) for x in OURS]
        routes += ["%s=%s:%s" % (name, how, ("inet:127.0.0.1:%d" if how == "lmtp" else
                                             "[127.0.0.1]:%d") % port)
                   for name, how, port in self._beyond()]
        return {"myhostname": "mta.contoso.com", "mydestination": "mta.contoso.com",
                "mynetworks": "127.0.0.9/32",
                "relay_domains": ", ".join(OURS[:2] + tuple(x[0] for x in self._beyond())),
                "smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
                "one_destination_recipient_limit": "1",
                "transport_maps": "inline:{%s}" % ", ".join(routes)}

    def _master_cf(self):
        """What comes through the gateway may have headers as large as the gateway's."""
        text = ""
        for port in self.postfix.ports()[2:]:
            text += "127.0.0.1:%d inet n - n - - smtpd\n  -o cleanup_service_name=large\n" % port
            if port == self.postfix.data:
                text += "  -o smtpd_discard_ehlo_keywords=chunking\n"
        return text + \
            "large unix n - n - 0 cleanup\n  -o header_size_limit=262144\n" \
            "lmtp unix - - n - - lmtp\none unix - - n - - smtp\n"

    def _start_exim(self):
        text = EXIM % {
            "interfaces": " ; ".join("[127.0.0.1]:%d" % x for x in self.exim.ports()),
            "beyond": " : ".join(x[0] for x in self._beyond()),
            "data_port": self.exim.data, "told_port": self.exim.told,
            "lmtp": self.lmtp.port, "hop": self.hop.port,
            "routers": "".join(ROUTER % {"name": name.replace(".", "_").replace("-", "_"),
                                         "domain": name, "how": how, "port": port}
                               for name, how, port in self._beyond())}
        certs = os.path.join(self.folder, "certs")
        os.makedirs(certs)
        made = self.pki.make("port25-mta", "mta.contoso.com")
        for name, file in (("mta.pem", made.cert), ("mta.key", made.key),
                           ("ca.pem", self.pki.ca)):
            os.symlink(file, os.path.join(certs, name))
        self.exim_mta = PlainExim(os.path.join(self.folder, "exim"), "behind",
                                  {"PKI": certs, "VERIFIED_PORT": self.exim.direct,
                                   "ORDINARY_PORT": self.exim.ordinary}, [])
        self.exim_mta.text = text
        os.makedirs(self.exim_mta.folder)
        self.exim_mta.prepare()
        self.exim_mta.start()

    def config(self):
        at = SimpleNamespace
        config = base_config(self.pki, at(address="127.0.0.1:%d" % self.postfix.verified),
                             at(address="127.0.0.1:%d" % self.postfix.ordinary))
        config["hostname"] = "gw.contoso.com"
        listeners, upstreams = config["listeners"], config["upstreams"]
        plain = listeners.pop("in")
        upstreams.clear()
        for name, place in (("postfix", self.postfix), ("exim", self.exim)):
            for port in ("verified", "ordinary", "data"):
                upstreams["%s-%s" % (name, port)] = {
                    "hosts": ["127.0.0.1:%d" % getattr(place, port)]}
            for more, to, changes in (
                    ("", "ordinary", {}),
                    ("-strict", "ordinary", {"malformed_header": "refuse",
                                             "lenient_envelope": False}),
                    ("-data", "data", {}),
                    ("-data-normalize", "data", {"bare_newline": "normalize"})):
                listeners[name + more] = dict(
                    plain, listen=["127.0.0.1:%d" % free_port()], upstream=name + "-verified",
                    demote_to="%s-%s" % (name, to), **changes)
        for name, server in [("lmtp-gw", self.lmtp)] + [
                ("busy-" + x, self.busy[x]) for x in self.busy if "gw" in x]:
            upstreams[name] = {"hosts": [server.address],
                               "protocol": "lmtp" if name == "lmtp-gw" else "smtp"}
            listeners[name] = dict(plain, upstream="postfix-verified", demote_to=name,
                                   listen=["127.0.0.1:%d" % self.ports[name]])
        return config

    # ways --------------------------------------------------------------------------

    def direct(self, mta, port="direct"):
        return Smtp(getattr(getattr(self, mta), port), timeout=20)

    def through(self, listener):
        return Smtp(self.gw.port(listener), timeout=20)

    def flush(self):
        """Postfix tries again now, as postqueue -f has it; Exim does so each second."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.postfix_mta.folder, "queue", "public", "qmgr"))
            s.sendall(b"FDA")

    def stop(self):
        try:
            if self.gw is not None and self.gw.process is not None:
                self.gw.check()
                self.gw.stop()
        finally:
            if self.gw is not None:
                self.gw.kill()
                self.gw.remove()
            if self.postfix_mta is not None:
                self.postfix_mta.remove()
            if self.exim_mta is not None:
                self.exim_mta.stop()
            for one in (self.hop, self.lmtp, *self.busy.values()):
                one.stop()
