# SPDX-License-Identifier: ISC
"""The crowds of tests/load, small and without a look at the clock."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                                "load"))

import crowd	# noqa: E402


def test_R01_idle(pki):
    # Sanitizers have memory of their own.
    most = 1 << 30 if os.environ.get("ASAN_OPTIONS") else crowd.PSS_MAX
    got = crowd.play_idle(pki, 400, samples=10, most=0, pss_max=most)
    assert got["held"] == 390


def test_content(pki):
    most = 1 << 30 if os.environ.get("ASAN_OPTIONS") else crowd.CONTENT_MAX
    assert crowd.play_content(pki, 20, most)["each"] > 0


def test_R02_slow(pki):
    got = crowd.play_slow(pki, 3, samples=10, most=0)
    assert {len(lives) for lives, _ in got["lives"].values()} == {3}
