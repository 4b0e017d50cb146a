#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Whether a run of the tests brought about every reason for which the gateway refuses
anything: reasons.py FOLDER, where gateway.py wrote down what it saw in the logs
(XOORG_REASONS=FOLDER). Those that no test produces are named, and the status is 1."""
import os
import re
import sys

from gateway import REPO, XOORGD

# Told by nobody: the table's first row, and what needs an allocator of its own, which a
# sanitizer's build has not.
UNSEEN = {"none"}
WITH_SANITIZERS = UNSEEN | {"memory"}


def known():
    with open(os.path.join(REPO, "src", "smtp", "refusal.c")) as f:
        return set(re.findall(r'\] = \{"([a-z0-9-]+)", \d', f.read()))


def main(folder):
    seen = set()
    for name in os.listdir(folder):
        with open(os.path.join(folder, name)) as f:
            seen.update(f.read().split())
    with open(XOORGD, "rb") as f:
        is_sanitized = b"__asan_init" in f.read()
    wanted = known() - (WITH_SANITIZERS if is_sanitized else UNSEEN)
    for one in sorted(wanted - seen):
        print("no test is refused for", one)
    print("%d of %d reasons were brought about" % (len(wanted & seen), len(wanted)))
    return 1 if wanted - seen or not wanted else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: reasons.py FOLDER")
    sys.exit(main(sys.argv[1]))
