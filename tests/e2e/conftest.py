# SPDX-License-Identifier: ISC
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
for folder in (HERE, os.path.join(os.path.dirname(HERE), "pki")):
    if folder not in sys.path:
        sys.path.insert(0, folder)
sys.dont_write_bytecode = True

from harness import Gateway, Hop	# noqa: E402
from pki import Pki			# noqa: E402
from standard import Standard		# noqa: E402


def pytest_configure(config):
    # old TLS versions and SHA-1 are what some tests are about
    config.addinivalue_line("filterwarnings", "ignore:.*deprecated")


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


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
        started.append(Gateway(config, start=False, **how))
        started[-1].start()
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
            one.remove()
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
