# SPDX-License-Identifier: ISC
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.join(os.path.dirname(HERE), "pki")):
    if folder not in sys.path:
        sys.path.insert(0, folder)
sys.dont_write_bytecode = True

from harness import Gateway, Hop, Smtp, base_config	# noqa: E402
from pki import Pki					# noqa: E402


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


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
            self.main.stop()
            self.inbound.stop()


@pytest.fixture(scope="session")
def standard(pki):
    env = Standard(pki)
    yield env
    env.close()


@pytest.fixture
def std(standard):
    if not standard.gw.is_alive():
        standard.gw.kill()
        standard.gw.start()
    standard.clear()
    yield standard
    standard.gw.check()


@pytest.fixture
def gateway():
    """A factory: gateway(config) starts one, which must end well with the test."""
    started = []

    def make(config, **how):
        started.append(Gateway(config, **how))
        return started[-1]

    yield make
    errors = []
    for one in started:
        try:
            if one.process is not None:
                one.check()
                one.stop()
        except AssertionError as error:
            errors.append(error)
        finally:
            one.kill()
    if errors:
        raise errors[0]


@pytest.fixture
def hop():
    """A factory of next hops."""
    started = []

    def make(**how):
        started.append(Hop(**how))
        return started[-1]

    yield make
    for one in started:
        one.stop()
