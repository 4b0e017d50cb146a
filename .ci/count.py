# SPDX-License-Identifier: ISC
"""Adds up what the test runners wrote: "PASSED FAILED SKIPPED".

    count.py --status N [--meson testlog.json] [--junit FILE.xml]

A test binary that speaks TAP counts as many tests as it has; one that ends
badly without a failed one among them counts as one more that failed. So does a
runner that ends badly (--status) without a failed test.
"""
import argparse
import json
import re
import sys
import xml.etree.ElementTree as ElementTree

TAP = re.compile(r"^(not )?ok\b[ \t]*\d*[^#\n]*(#[ \t]*(?:skip|todo)\b)?", re.I | re.M)
GOOD = ("OK", "EXPECTEDFAIL", "SKIP")


def of_meson(path):
    passed = failed = skipped = 0
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            test = json.loads(line)
            bad = test["result"] not in GOOD
            results = TAP.findall(test.get("stdout") or "")
            n_failed = sum(1 for no, excuse in results if no and not excuse)
            n_skipped = sum(1 for no, excuse in results if excuse)
            if results:
                passed += len(results) - n_failed - n_skipped
                failed += n_failed or int(bad)
                skipped += n_skipped
            else:
                passed += test["result"] in ("OK", "EXPECTEDFAIL")
                failed += int(bad)
                skipped += test["result"] == "SKIP"
    return passed, failed, skipped


def of_junit(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--status", type=int, default=0)
    parser.add_argument("--meson")
    parser.add_argument("--junit")
    args = parser.parse_args()
    passed, failed, skipped = 0, 0, 0
    try:
        passed, failed, skipped = (of_meson(args.meson) if args.meson
                                   else of_junit(args.junit))
    except (OSError, ValueError, ElementTree.ParseError) as e:
        print(e, file=sys.stderr)
        args.status = args.status or 1
    if args.status != 0 and failed == 0:
        failed = 1
    print(passed, failed, skipped)


main()
