# SPDX-License-Identifier: ISC
"""Every option, metric, event and key of the log, and reply stands in a manual page, and
nothing else does. The tables and calls of the code are what counts; settings, checks and
reasons are in test_manual.py."""
import glob
import os
import re

import pytest

from test_manual import REPO, read


def page(name):
    return read("doc", name + ".scd")


def section(text, title):
    match = re.search(r"^# %s\n(.*?)(?=^# |\Z)" % title, text, re.M | re.S)
    assert match, title
    return match.group(1)


def table(text, head):
    """The first cells of the table whose head begins with `head`, each once."""
    body = re.search(r"^\|\[ \*%s\*\n(?::.*\n)*((?:[|:].*\n)+)" % head, text, re.M)
    assert body, head
    cells = re.findall(r"^\|  (.*)$", body.group(1), re.M)
    assert len(cells) == len(set(cells)), "twice"
    return set(cells)


def sources(*folders):
    out = {}
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(REPO, "src", folder, "**", "*.c"),
                                     recursive=True)):
            with open(path, encoding="utf-8") as f:
                out[os.path.relpath(path, REPO)] = f.read()
    return out


# --- options ---------------------------------------------------------------------------

def commands():
    """{command: names of its options}, of the tables of src/cmd."""
    out = {}
    for text in sources("cmd").values():
        usage = re.search(r'\.command = "(\w+)"', text)
        if usage:
            out[usage.group(1)] = set(re.findall(r'^\t\{"([a-z-]+)", XO_OPTION_', text, re.M))
    return out


def test_commands():
    listed = set(re.findall(r'^\t\{"(\w+)", xo_cmd_\w+,', read("src", "cmd", "xoorg.c"), re.M))
    assert set(commands()) == listed and len(listed) >= 8
    titles = {x.lower() for x in re.findall(r"^# (.*)$", page("xoorg.1"), re.M)}
    assert listed <= titles
    assert titles - listed == {"name", "synopsis", "description", "exit status", "examples",
                               "see also"}


@pytest.mark.parametrize("command", sorted(commands()))
def test_options(command):
    text = section(page("xoorg.1"), command.upper())
    named = set(re.findall(r"\*--([a-z-]+)\*", text))
    listed = {x for line in re.findall(r"^(\*-.*)$", text, re.M)
              for x in re.findall(r"\*--([a-z-]+)\*", line)}
    assert commands()[command] - named == set(), "not in xoorg(1)"
    assert listed - commands()[command] == set(), "no such option"


def test_every_option_that_is_named_is_one():
    known = set().union(*commands().values()) | {"help", "version"}
    daemon = set(re.findall(r'"--([a-z]+)"', read("src", "cmd", "xoorgd.c")))
    assert {"config", "test", "strict", "help", "version"} <= daemon
    assert set(re.findall(r"\*--([a-z-]+)\*", page("xoorg.1"))) - known == set()
    assert set(re.findall(r"\*--([a-z-]+)\*", page("xoorgd.8"))) - daemon == set()


def test_options_of_the_daemon():
    brief = set(re.findall(r'is_option\(argv\[i\], "-(\w)"', read("src", "cmd", "xoorgd.c")))
    assert len(brief) >= 4
    assert set(re.findall(r"\*-(\w)\*", page("xoorgd.8"))) == brief


# --- metrics ---------------------------------------------------------------------------

def metrics():
    found = re.findall(r'"(xoorg_\w+)"', read("src", "watch", "metrics_table.c"))
    assert len(set(found)) > 25
    return set(found)


def test_metrics():
    text = section(page("xoorgd.8"), "STATUS PAGE AND METRICS")
    assert table(text, "metric") == metrics()


def test_metrics_elsewhere():
    """What pages, rules and dashboards name exists."""
    for path in [*glob.glob(os.path.join(REPO, "doc", "**", "*"), recursive=True),
                 *glob.glob(os.path.join(REPO, "packaging", "*", "*"))]:
        if os.path.isfile(path) and path.endswith((".scd", ".md", ".yml", ".json")):
            with open(path, encoding="utf-8") as f:
                named = re.findall(r"\bxoorg_[a-z_]+(?:_total|_seconds|_orgs|_info|_down)\b",
                                   f.read())
            assert set(named) - metrics() == set(), path


# --- the log ---------------------------------------------------------------------------

def arguments(text, call):
    """The arguments of each call of a function, as text."""
    for match in re.finditer(r"\b%s\(" % call, text):
        out, depth, start, i = [], 0, match.end(), match.end()
        in_string = False
        while depth >= 0:
            c = text[i]
            if c == '"' and text[i - 1] != "\\":
                in_string = not in_string
            elif not in_string:
                depth += (c in "([{") - (c in ")]}")
                if depth < 0 or (depth == 0 and c == ","):
                    out.append(text[start:i].strip())
                    start = i + 1
            i += 1
        yield out


def words(argument):
    return re.findall(r'"([a-z_-]+)"', argument)


def logged():
    """(events, keys) of all calls that write the log."""
    events, keys = set(), set()
    for path, text in sources("net", "proc", "session", "hop", "lookup", "watch").items():
        for call, at in (("xo_log_begin", 2), ("xo_log_note", 2)):
            for args in arguments(text, call):
                if len(args) > at:
                    events.update(words(args[at]))
        # Of the log's own functions, and of those that a file puts before them.
        for call in set(re.findall(r"\b(\w+)\(line, ", text)):
            for args in arguments(text, call):
                if len(args) > 1 and args[0] == "line":
                    keys.update(words(args[1]))
    # Told by a function that is given the word.
    events.update(re.findall(r'\.died = "(\w+)"', read("src", "proc", "generation.c")))
    # What the writer puts into every line, or into one that is cut.
    line = read("src", "watch", "log_line.c") + read("src", "watch", "log.c")
    for key in ("time", "level", "event", "cut"):
        assert re.search(r'\b%s\\?"?[:=]|"%s"' % (key, key), line), key
    return events | {"log_dropped"}, keys | {"time", "level", "event", "cut"}


def test_events():
    events, _ = logged()
    assert len(events) > 20
    assert table(section(page("xoorgd.8"), "LOG"), "event") == events


def test_keys():
    _, keys = logged()
    assert len(keys) > 35
    assert table(section(page("xoorgd.8"), "LOG"), "key") == keys


# --- replies ---------------------------------------------------------------------------

def replies():
    """{reason: the reply, as the client reads it} of src/smtp/refusal.c."""
    found = re.findall(r'\{"([a-z0-9-]+)", (\d{3}), "([\d.]+)",\s*"([^"]*)",',
                       read("src", "smtp", "refusal.c"))
    return {i: "%s %s %s" % (c, e, t) for i, c, e, t in found if i != "none"}


def good_replies():
    """What it says itself where it agrees."""
    out = set()
    for text in sources("relay").values():
        out.update("%s %s %s" % x for x in re.findall(
            r'relay_reply\(r, (2\d\d), "([\d.]+)",\s*XO_LIT\("([^"]*)"\)', text))
    return out


def test_replies():
    text = section(page("xoorgd.8"), "REASONS")
    said = dict(re.findall(r"^\|  ([a-z0-9-]+)\n:  (.*?)(?: \(close\))?\n:  \S", text, re.M))
    assert len(said) > 60
    assert said == replies()


def test_good_replies():
    assert len(good_replies()) >= 6
    assert table(section(page("xoorgd.8"), "REPLIES"), "reply") == good_replies()
