# SPDX-License-Identifier: ISC
"""One way only: no folder calls in a circle or upwards, no more than three files do,
and what NAME.h declares NAME.c defines. From the objects of a build."""
import os

import pytest

import calls

BUILD = os.environ.get("XOORG_BUILD") or os.path.join(calls.REPO, "build-check")
# Larger circles, each with its reason.
PERMITTED = (
    # One coroutine of front and back, as relay/relay_internal.h says.
    {"src/relay/%s.c" % x for x in ("back", "back_ask", "content", "envelope", "finish",
                                    "writer")},
)
CIRCLE_MAX = 3
# What NAME.h declares stands in NAME.c, or in a NAME_*.c. The others, with their reason:
ELSEWHERE = {
    # Each program of the tool is one function, and a file.
    "src/cmd/common/tool.h": {"src/cmd/%s/%s.c" % (x, x) for x in (
        "check", "explain", "orgs", "probe", "report", "send", "setup", "sink",
        "tenant")},
    # Events of the next hop's side are its file's; what is told has one of its own.
    "include/xoorg/relay.h": {"src/relay/%s.c" % x for x in ("back", "back_answer", "tell")},
    "src/trust/field.h": {"src/trust/authserv.c"},
    # Steps of loading, each a file.
    "src/conf/load.h": {"src/conf/%s.c" % x for x in (
        "audit", "check", "entry", "record", "rules", "service", "table")},
    "src/conf/setters.h": {"src/conf/%s.c" % x for x in ("set_name", "set_scalar", "value")},
    "src/conf/conf.h": {"src/conf/print.c"},
    "src/conf/place.h": {"src/conf/interfaces.c"},
    "src/conf/source.h": {"src/conf/explain.c", "src/conf/grammar.c"},
    "src/conf/warning.h": {"src/conf/audit_files.c"},
    # OpenSSL's provider is how a keyring is used.
    "src/net/tls_keyring.h": {"src/net/tls_provider.c"},
    # What the pages of the status server share.
    "src/watch/status_html.h": {"src/watch/status_%s.c" % x for x in (
        "http", "orgs", "page", "plot", "ready", "sums", "tables", "trouble")},
}


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


def home_of(header):
    """Of NAME.h and NAME_internal.h alike, what the names of its sources begin with."""
    name = os.path.basename(header)[:-len(".h")]
    for end in ("_internal", "_private", "_table"):
        name = name.removesuffix(end)
    return name


def test_declared_where_defined():
    found = calls.objects(BUILD)
    if len(found) < 50:
        pytest.skip("no objects in %s: build first" % BUILD)
    home = {symbol: source for source, path in found.items()
            for symbol in calls.symbols(path, "-g", "--defined-only")}
    wrong, used, n = [], set(), 0
    for header in calls.headers():
        name = home_of(header)
        for symbol in calls.declared(os.path.join(calls.REPO, header)):
            source = home.get(symbol)
            base = os.path.basename(source or "").removesuffix(".c")
            n += 1
            if source in ELSEWHERE.get(header, ()):
                used.add((header, source))
            elif base != name and not base.startswith(name + "_"):
                wrong.append("%s: %s, of %s" % (header, symbol, source))
    assert wrong == []
    assert n > 500
    assert used == {(a, b) for a, some in ELSEWHERE.items() for b in some}
