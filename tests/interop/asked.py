# SPDX-License-Identifier: ISC
"""doc/cookbook/postfix-asks.md: the recipes of both sides with the values of a test."""
import os
import re

from gateway import Config, Gateway
from mta.recipes import render, text_of
from net import free_port

# Nobody's of the test, so that nobody is permitted by address.
NOBODY = "192.0.2.0/24"


def quoted(*words):
    return ", ".join('"%s"' % x for x in words)


class Asked:
    """The gateway that is asked; `changes`: (old, new) of its configuration."""

    def __init__(self, changes=(), ask=None):
        self.ask = ask or "127.0.0.1:%d" % free_port()
        self.map = "127.0.0.1:%d" % free_port()
        text = render(text_of("gateway/asked.conf"), {
            "HOSTNAME": quoted("gw.contoso.test"), "USER": 'user = ""\nworkers = 2\n',
            "CLOUD": quoted("mail.protection.outlook.com"), "TENANT": "contoso",
            "TENANT_NAME": quoted("contoso"), "ORGS": quoted("contoso.com"),
            "RECIPIENT_DOMAINS": quoted("contoso.com"), "MODE": quoted("enforce"), "STATUS": quoted(""),
            "ASK_LISTEN": quoted(self.ask), "MAP_LISTEN": quoted(self.map)})
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new, 1)
        self.gateway = Gateway(Config({"workers": 2, "listeners": {
            "postfix-asks": {"protocol": "policy", "listen": [self.ask]},
            "postfix-looks-up": {"protocol": "socketmap", "listen": [self.map]}}}), start=False)
        self.gateway.write(text=text)
        self.gateway.start()

    def close(self):
        if self.gateway.process is not None:
            self.gateway.check()
            self.gateway.stop()
        self.gateway.remove()

    def settings(self, pki, folder, *files):
        """main.cf of the recipes, as a dict."""
        with open(os.path.join(folder, "mx.pem"), "w") as out:
            for one in (pki.gw.key, pki.gw.cert):
                with open(one) as f:
                    out.write(f.read())
        out = {"mynetworks": NOBODY}
        for file in ("postfix/asks/main.cf",) + files:
            text = render(text_of(file), {"ASK": self.ask, "MAP": self.map,
                                          "MTA_CERTS": folder, "MTA_TRUST": pki.ca})
            lines = [x for x in text.splitlines() if not x.startswith("#")]
            for line in lines:
                if line[0].isspace():
                    out[name] += " " + line.strip()
                else:
                    name, _, value = (x.strip() for x in line.partition("="))
                    out[name] = value
        return out


def app(pki):
    """The application's certificate: a common name beside a SAN."""
    return pki.make("app", "app.contoso.com", eku="client")


def said(reply, want):
    """`want`: a pattern of code and text."""
    return re.match("<" + want, repr(reply)) is not None
