# SPDX-License-Identifier: ISC
"""HAProxy before two gateways, as doc/cookbook/two-gateways.md has it."""
from .base import Mta
from .recipes import render, text_of


class Haproxy(Mta):
    """No MTA, but one runs like one. `source`: it connects from there."""
    name = "haproxy"
    packages = ("haproxy",)
    handover = None

    def __init__(self, folder, port, source, **values):
        self.folder, self.port, self.source = str(folder), port, source
        self.values = dict(values, BALANCER="127.0.0.1:%d" % port)
        self.process = None
        self.recipients = []

    def _write_certificates(self):
        pass

    def recipes(self):
        return {"haproxy/haproxy.cfg": "haproxy/haproxy.cfg"}

    def recipe(self, file):
        text = render(text_of(file), self.values)
        return text.replace("send-proxy-v2", "send-proxy-v2 source " + self.source)

    def command(self):
        return ["/usr/sbin/haproxy", "-db", "-f", "/etc/haproxy/haproxy.cfg"]

    def ports(self):
        return (self.port,)
