# SPDX-License-Identifier: ISC
"""No relay at all, and the byte pump: the two ends of the scale."""
from driver.tools import program
from peers.base import Peer


class Direct(Peer):
    name, title, knows = "direct", "direct (no relay)", "-"

    def begin(self):
        self.ports = {leg: self.env.target(leg, False) for leg in self.legs}

    def start(self, env, folder):
        self.env, self.folder = env, folder
        self.begin()

    def client(self, leg):
        # Whoever relays adds TLS on a leg of his; without him there is one leg.
        return super().client("both" if leg in ("in", "out", "both") else leg)


class Pump(Peer):
    name, title, legs = "pump", "byte pump, blind (the floor)", ("plain", "late")

    def begin(self):
        for leg in self.legs:
            self.run([program("pump"), "127.0.0.1:%d" % self.ports[leg],
                      "127.0.0.1:%d" % self.env.target(leg, False)])
