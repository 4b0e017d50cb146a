# SPDX-License-Identifier: ISC
"""Instances of Postfix with XOORG: the one of tests/interop/postfix.py on what
postfix/build built, with settings for both roles."""
import functools
import glob
import os
import re
import subprocess

import postfix as private
from harness import REPO, Hop, free_port, server_context
from pki import EXO

BUILD = os.path.join(REPO, "postfix", "build")
VERSION = os.environ.get("XOORG_POSTFIX", "3.7")

# What the instance of tests/interop has no use for.
MORE = """\
lmtp unix - - n - - lmtp
local unix - n n - - local
tlsproxy unix - - n - 0 tlsproxy
verify unix - - n - 1 verify
pickup unix n - n 1 1 pickup
virtual unix - n n - - virtual
"""

# A server that takes all, and keeps it or hands it on.
SERVER = {
    "smtpd_tls_security_level": "may", "smtpd_tls_loglevel": "1",
    "smtpd_recipient_restrictions": "permit",
    "message_size_limit": "37748736", "smtpd_error_sleep_time": "0",
    "smtpd_hard_error_limit": "20", "smtpd_soft_error_limit": "1000",
    "smtp_address_preference": "ipv4", "smtpd_peername_lookup": "no",
}


@functools.lru_cache(None)
def build(*kind, version=VERSION):
    """The folder of what was built; it is built if it is not there."""
    done = subprocess.run([BUILD, "--version", version, *kind], capture_output=True,
                          text=True, stdin=subprocess.DEVNULL, timeout=1500)
    if done.returncode != 0:
        raise private.Missing("postfix/build: %s" % (done.stdout + done.stderr)[-1500:])
    return done.stdout.split()[-1]


class Native(private.Postfix):
    """`services`: more lines of master.cf."""

    def __init__(self, settings, services="", root=None, stock=False, port=None):
        root = root or (None if stock else build())
        super().__init__(port or free_port(), dict(SERVER, **settings), MORE + services,
                         root)
        self.env.update({k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")})

    def is_well(self, log):
        """Nothing died, panicked or was refused its start."""
        return not re.search(r" (panic|fatal): |killed by signal|bad command startup|"
                             r"Sanitizer|runtime error:", log)

    def tool(self, name, *args, given=None, **how):
        """One of Postfix' commands, on this instance."""
        return subprocess.run([os.path.join(self.root, "usr/sbin", name), *args],
                              env=self.env, input=given, capture_output=True, text=True,
                              timeout=30, **how)

    def queue_files(self):
        return [x for name in ("incoming", "active", "deferred", "hold")
                for x in glob.glob(os.path.join(self.folder, "queue", name, "**"),
                                   recursive=True) if os.path.isfile(x)]


def server(pki, **more):
    """main.cf of the server side, as README.md has it."""
    return dict({"smtpd_tls_cert_file": pki.gw.cert, "smtpd_tls_key_file": pki.gw.key,
                 "smtpd_tls_CAfile": pki.ca, "tls_trust_server_ccerts": "yes",
                 "smtpd_xoorg_ccert_names": EXO}, **more)


def client(pki, port, **more):
    """main.cf of the client side: all mail to one server."""
    return dict({"relayhost": "[127.0.0.1]:%d" % port,
                 "smtp_tls_security_level": "secure", "smtp_tls_CAfile": pki.ca,
                 "smtp_tls_secure_cert_match": "gw.contoso.test",
                 "smtp_tls_cert_file": pki.exo.cert, "smtp_tls_key_file": pki.exo.key,
                 "smtp_tls_loglevel": "1", "smtp_xoorg": "contoso.com",
                 "smtp_connection_cache_on_demand": "no"}, **more)


def xoorg_hop(pki, cert=None, words="XOORG", **how):
    """A server that announces XOORG inside TLS only."""
    caps = ("PIPELINING", "SIZE 37748736", "8BITMIME", "DSN", "ENHANCEDSTATUSCODES")
    how.setdefault("caps", caps)
    how.setdefault("caps_tls", caps + (words,) if words else caps)
    return Hop(tls=server_context(cert or pki.gw, client_ca=pki.ca), **how)
