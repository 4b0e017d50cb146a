# SPDX-License-Identifier: ISC
"""One way only: no folder calls in a circle or upwards, no more than three files do,
and what NAME.h declares NAME.c defines. From the objects of a build."""
import os

import pytest

import calls

BUILD = os.environ.get("XOORG_BUILD") or os.path.join(calls.REPO, "build-check")
# Larger circles, each with its reason.
PERMITTED = (
    # One coroutine of front and back, as relay/session.h says.
    {"src/relay/%s.c" % x for x in ("announce", "back", "content", "envelope", "finish", "front",
                                    "relay", "writer", "xclient")},
)
CIRCLE_MAX = 3


@pytest.fixture(scope="module")
def arrows():
    found = calls.graph(BUILD)
    if len(found) < 50:
        pytest.skip("no objects in %s: build first" % BUILD)
    return found


def test_no_large_circle(arrows):
    wrong = [x for x in calls.circles(arrows) if len(x) > CIRCLE_MAX
             and not any(set(x) <= some for some in PERMITTED)]
    assert wrong == []


def test_no_circle_of_folders(arrows):
    assert calls.circles(calls.folders(arrows)) == []


def test_nothing_calls_upwards(arrows):
    assert calls.upward(arrows) == []
