# SPDX-License-Identifier: ISC
"""The soak, a few seconds of it; tests/soak/run is the long one."""
import os
import subprocess
import sys

import pytest

RUN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))),
                   "soak", "run")


@pytest.mark.parametrize("more", ([], ["--kills", "1", "--workers", "2"]),
                         ids=("faults", "kills"))
def test_soak(more):
    done = subprocess.run([sys.executable, RUN, "--seconds", "4", "--messages", "100000",
                           *more], capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
