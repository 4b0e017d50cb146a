# SPDX-License-Identifier: ISC
"""The gateway of the sessions' tests, for scanners that nobody here wrote."""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
for folder in (os.path.join(TESTS, "pki"), os.path.join(TESTS, "e2e")):
    if folder not in sys.path:
        sys.path.insert(0, folder)
sys.dont_write_bytecode = True
