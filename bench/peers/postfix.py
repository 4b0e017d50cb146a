# SPDX-License-Identifier: ISC
"""Postfix as a proxy before the queue, and with its queue."""
import os

from driver.tools import end_tree
from peers.base import Peer

MAIN = """\
compatibility_level = 3.6
myhostname = gw.contoso.test
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
queue_directory = %(folder)s/queue
data_directory = %(folder)s/data
maillog_file = %(folder)s/log
maillog_file_prefixes = %(folder)s
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_client_connection_count_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_peername_lookup = no
smtp_host_lookup = native
smtp_dns_support_level = disabled
smtp_tls_CAfile = %(ca)s
smtp_tls_cert_file = %(cert)s
smtp_tls_key_file = %(key)s
smtpd_tls_CAfile = %(ca)s
smtpd_tls_cert_file = %(cert)s
smtpd_tls_key_file = %(key)s
smtpd_tls_ask_ccert = yes
message_size_limit = 157286400
mailbox_size_limit = 0
queue_minfree = 0
default_process_limit = 300
in_flow_delay = 0
"""

MASTER = """\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - 20 smtp
smtptls unix - - n - 20 smtp
	-o smtp_tls_security_level=encrypt
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
scache unix - - n - 1 scache
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
"""

QUEUE = {"active": 0o700, "bounce": 0o700, "corrupt": 0o700, "defer": 0o700,
         "deferred": 0o700, "flush": 0o700, "hold": 0o700, "incoming": 0o700,
         "private": 0o700, "saved": 0o700, "trace": 0o700, "maildrop": 0o730,
         "public": 0o710}


class _Postfix(Peer):
    knows = "yes"
    packages = ("postfix",)
    users = (("postfix", 903, 903), ("postdrop", 904, 904))

    def service(self, leg):
        raise NotImplementedError

    def begin(self):
        pki = self.env.pki
        files = {"ca": pki["ca"], "cert": pki["gateway"].cert, "key": pki["gateway"].key,
                 "folder": self.folder}
        os.chmod(self.folder, 0o755)
        self.write("etc/main.cf", MAIN % files)
        self.write("etc/master.cf", MASTER + "".join(
            "127.0.0.1:%d inet n - n - - smtpd\n%s" % (self.ports[x], self.service(x))
            for x in self.legs))
        os.utime(os.path.join(self.folder, "etc/main.cf"), (1e9, 1e9))
        for name, mode in QUEUE.items():
            path = os.path.join(self.folder, "queue", name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, 903, 904 if name in ("maildrop", "public") else -1)
            os.chmod(path, mode)
        os.makedirs(os.path.join(self.folder, "queue/pid"), exist_ok=True)
        os.makedirs(os.path.join(self.folder, "data"), exist_ok=True)
        os.chown(os.path.join(self.folder, "data"), 903, -1)
        self.run_inside(["/usr/lib/postfix/sbin/master", "-d", "-c",
                         os.path.join(self.folder, "etc")])


class PostfixProxy(_Postfix):
    name, title = "postfix-proxy", "Postfix, before-queue proxy"
    legs = ("plain", "late")

    def service(self, leg):
        return "\t-o smtpd_proxy_filter=127.0.0.1:%d\n" % self.env.target(leg, False)


class PostfixQueue(_Postfix):
    name, title = "postfix-queue", "Postfix, queueing"
    has_queue = True

    def service(self, leg):
        out = "\t-o content_filter=%s:[127.0.0.1]:%d\n" % (
            "smtptls" if leg in ("out", "both") else "smtp", self.env.target(leg, False))
        if leg in ("in", "both"):
            out += "\t-o smtpd_tls_security_level=may\n"
        return out
