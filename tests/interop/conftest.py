# SPDX-License-Identifier: ISC
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
for folder in (HERE, os.path.join(TESTS, "pki"), os.path.join(TESTS, "e2e")):
    if folder not in sys.path:
        sys.path.insert(0, folder)
sys.dont_write_bytecode = True

from harness import Gateway, Hop	# noqa: E402
from pki import Pki			# noqa: E402


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
def gateway():
    started = []

    def make(config, **how):
        started.append(Gateway(config, **how))
        return started[-1]
    yield make
    for one in started:
        try:
            if one.process is not None:
                one.check()
                one.stop()
        finally:
            one.kill()
            one.remove()


@pytest.fixture
def hop():
    started = []

    def make(**how):
        started.append(Hop(**how))
        return started[-1]
    yield make
    for one in started:
        one.stop()
