# SPDX-License-Identifier: ISC
"""A worker killed at its system calls, here and there; all of them are
tests/faults/kill.py's, which CI runs whole."""
import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))), "faults"))

import kill	# noqa: E402


@pytest.mark.parametrize("session", list(kill.SESSIONS))
def test_kill(session):
    if not kill.can_trace():
        pytest.skip("one process may not trace another here")
    assert kill.search([session], step=8, jobs=3) == []
