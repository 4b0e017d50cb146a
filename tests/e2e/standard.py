# SPDX-License-Identifier: ISC
"""The setting that most tests share."""
from harness import Gateway, Hop, Smtp, base_config


class Standard:
    """The setting of the protocol page: a gateway, the MTA behind it, and the
    MTA for all other mail. Shared by the tests that leave it as it is."""

    def __init__(self, pki, **changes):
        self.pki = pki
        self.main, self.inbound = Hop(), Hop()
        self.gw = Gateway(base_config(pki, self.main, self.inbound, **changes))

    def port(self):
        return self.gw.port("in")

    def clear(self):
        self.gw.wait_quiet()
        self.main.clear()
        self.inbound.clear()
        self.gw.skip_log()

    @property
    def messages(self):
        return sorted(self.main.messages + self.inbound.messages, key=lambda m: m.order)

    def connect(self, state="X", **how):
        """A client in one of the states: N B C T X TO."""
        client = Smtp(self.port(), **how)
        if state == "B":
            return client
        client.ehlo_reply = client.hello(
            self.pki.exo if state == "X" else self.pki.other_name if state == "TO" else None,
            tls=state in ("T", "X", "TO"))
        return client

    def close(self):
        try:
            self.gw.stop()
        finally:
            self.gw.kill()
            self.gw.remove()
            self.main.stop()
            self.inbound.stop()
