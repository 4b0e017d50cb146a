# SPDX-License-Identifier: ISC
"""Every row of the tables of hostile inputs has a test: the ids that the threat model
and the promises name, against the names of what pytest finds here."""
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def _ids(letter, *parts):
    """L, (1, 11), 13 -> L01 to L11, L13."""
    out = []
    for part in parts:
        first, last = part if isinstance(part, tuple) else (part, part)
        out += ["%s%02d" % (letter, i) for i in range(first, last + 1)]
    return out


ROWS = (
    # lines, order of commands, pipelining: a.1
    _ids("L", (1, 11), 13, 14, (16, 19), 21)
    + _ids("Q", 1, (4, 8), (12, 14)) + _ids("P", (1, 5))
    # STARTTLS and TLS, verdicts that outlive nothing: a.2
    + _ids("T", (1, 3), (6, 11)) + _ids("S", (1, 3)) + _ids("V", (1, 5))
    # certificates: a.3
    + _ids("C", (1, 47))
    # end of data, BDAT: a.4, a.5
    + _ids("E", (1, 51)) + _ids("B", (1, 27))
    # parameters and addresses: a.6
    + _ids("M", 1, 2, (5, 22), (24, 31))
    # headers: a.7
    + _ids("H", (1, 48))
    # next hops, PROXY, resources: a.8
    + _ids("U", (1, 7)) + _ids("Y", (1, 4)) + _ids("R", (1, 5)))


def test_each_row_has_a_test():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q",
         "--ignore", __file__, HERE], capture_output=True, text=True, timeout=100,
        env=dict(os.environ, PYTEST_ADDOPTS=""))
    found = set(re.findall(r"(?<=[\[_-])[A-Z]\d\d(?!\d)", done.stdout))
    assert len(done.stdout.splitlines()) > 1000, done.stdout[-2000:] + done.stderr[-2000:]
    assert [x for x in ROWS if x not in found] == []
