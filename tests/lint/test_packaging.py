# SPDX-License-Identifier: ISC
"""What is shipped around the programs: the unit's confinement, the programs' own."""
import json
import os
import re
import shutil
import subprocess

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XOORG_BUILD") or os.path.join(REPO, "build-check")
UNIT = os.path.join(REPO, "packaging", "systemd", "xoorgd.service")


def test_exposure():
    """2.0 or better; mail daemons of Debian have 8.7 to 9.6."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("NO systemd-analyze")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                           "--threshold=20", UNIT], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout[-500:] + done.stderr
    print(level.group(0))
    assert done.returncode == 0 and float(level.group(1)) <= 2.0


def test_unit_knows_our_calls():
    """What the sandbox itself calls must pass the unit's own filter."""
    with open(UNIT) as f:
        text = f.read()
    for call in ("seccomp", "landlock_create_ruleset", "landlock_add_rule",
                 "landlock_restrict_self", "capset", "setrlimit"):
        assert re.search(r"(?m)^SystemCallFilter=(?!~).*\b%s\b" % call, text), call


@pytest.mark.parametrize("name", ["xoorgd", "xoorg"])
def test_hardening(name):
    if not shutil.which("hardening-check"):
        pytest.skip("NO hardening-check")
    program = os.path.join(BUILD, "src", name)
    with open(program, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("built with sanitizers, which replace some of it")
    done = subprocess.run(["hardening-check", "--color", program], capture_output=True,
                          text=True)
    text = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    rows = dict(x.strip().split(": ", 1) for x in text.splitlines() if ": " in x)
    print(text)
    assert len(rows) >= 7
    # It looks for the loop of a frame of many pages, and no function has one.
    if rows.pop("Stack clash protection").startswith("unknown"):
        with open(os.path.join(BUILD, "compile_commands.json")) as f:
            assert all("-fstack-clash-protection" in x["command"] for x in json.load(f)
                       if x["file"].endswith(".c"))
    assert [k for k, v in rows.items() if not v.startswith("yes")] == []
