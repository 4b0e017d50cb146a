# SPDX-License-Identifier: ISC
"""Postfix with XOORG (postfix/): built once into the cache, run as in tests/interop."""
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
for folder in (HERE, os.path.join(TESTS, "interop"), os.path.join(TESTS, "pki"),
               os.path.join(TESTS, "e2e")):
    if folder not in sys.path:
        sys.path.insert(0, folder)
sys.dont_write_bytecode = True

from harness import Gateway, Hop	# noqa: E402
from native import Native		# noqa: E402
from pki import Pki			# noqa: E402
from postfix import Missing		# noqa: E402


@pytest.fixture(scope="session")
def pki(tmp_path_factory):
    return Pki(tmp_path_factory.mktemp("pki"))


def _closing(make, close):
    started = []

    def one(*args, **how):
        started.append(make(*args, **how))
        return started[-1]
    yield one
    for x in started:
        close(x)


@pytest.fixture
def native():
    """Starts instances; each is gone with its test, and must have said nothing bad."""
    def make(*args, **how):
        try:
            return Native(*args, **how).start()
        except Missing as why:
            pytest.skip("NO POSTFIX: %s" % why)

    def close(one):
        log = one.log()
        one.remove()
        assert one.is_well(log), log[-3000:]
    yield from _closing(make, close)


@pytest.fixture
def hop():
    yield from _closing(Hop, lambda one: one.stop())


@pytest.fixture
def gateway():
    def close(one):
        try:
            if one.process is not None:
                one.check()
                one.stop()
        finally:
            one.kill()
            one.remove()
    yield from _closing(Gateway, close)
