# SPDX-License-Identifier: ISC
"""README, promises and threat model name tests that are there, by the names that they have."""
import os
import re

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A file of the tests, or a name in the file that was named last.
NAMED = re.compile(r"tests/[\w./-]*\w|::test_\w+")


def read(*path):
    with open(os.path.join(REPO, *path), encoding="utf-8") as f:
        return f.read()


def named(page):
    """(file, function or None) of everything that it names."""
    file = None
    for word in NAMED.findall(read(page)):
        if word.startswith("::"):
            yield file, word[2:]
        else:
            file = word
            yield file, None


@pytest.mark.parametrize("page", ["README.md", "doc/promises.md", "doc/threat-model.md", "SECURITY.md"])
def test_what_is_named_is_there(page):
    missing = []
    for file, function in named(page):
        if not os.path.exists(os.path.join(REPO, file)):
            missing.append(file)
        elif function and not re.search(r"^def %s\(" % function, read(file), re.M):
            missing.append("%s::%s" % (file, function))
    assert missing == []


def test_selections_select():
    """pytest FILE... -k WORD of the promises finds something."""
    commands = re.findall(r"pytest ((?:tests/[\w/]+\.py )+)-k (\w+)",
                          read("doc", "promises.md"))
    assert len(commands) > 5
    for files, word in commands:
        for file in files.split():
            assert re.search(r"^def test_\w*%s" % word, read(file), re.M), (file, word)


def test_readme_shows_the_demo():
    """The sessions that the README shows are those that ./demo holds itself to."""
    expected = re.search(r'^expected="\\\n(.*?)"$', read("demo"), re.M | re.S).group(1)
    held = [line.split("|")[:5] for line in expected.replace("\\\n", "").split("\n")]
    shown = [re.split(r" {2,}|(?<=^\d) ", x.strip())[:5] for x in
             re.findall(r"^    \d .*", read("README.md"), re.M)]
    assert len(shown) == 5 and shown == held[:5]


def test_unit_tests_exist():
    """meson test -C build-check NAME... of the promises names tests of meson.build."""
    commands = re.findall(r"meson test -C build-check (?:-t \d+ )?([\w ]+)`",
                          read("doc", "promises.md"))
    names = " ".join(commands).split()
    units = read("tests", "unit", "meson.build") + read("tests", "fuzz", "meson.build")
    assert len(names) > 4
    assert [x for x in names if "'%s'" % x.replace("corpus_", "") not in units] == []


def test_each_promise_has_a_test():
    promises = re.split(r"^\d+\. ", re.search(
        r"^## 3\. .*?(?=^## 4\.)", read("doc", "threat-model.md"), re.M | re.S).group(),
        flags=re.M)[1:]
    assert len(promises) == 16
    assert [x.split(":")[0] for x in promises if "tests/" not in x] == []
