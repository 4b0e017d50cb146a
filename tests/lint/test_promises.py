# SPDX-License-Identifier: ISC
"""README and threat model name tests that are there, by the names that they have."""
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


@pytest.mark.parametrize("page", ["README.md", "doc/threat-model.md", "SECURITY.md"])
def test_what_is_named_is_there(page):
    missing = []
    for file, function in named(page):
        if not os.path.exists(os.path.join(REPO, file)):
            missing.append(file)
        elif function and not re.search(r"^def %s\(" % function, read(file), re.M):
            missing.append("%s::%s" % (file, function))
    assert missing == []


def test_selections_select():
    """pytest FILE -k WORD in the README finds something."""
    commands = re.findall(r"pytest (tests/[\w/]+\.py) -k (\w+)", read("README.md"))
    assert commands
    for file, word in commands:
        assert re.search(r"^def test_\w*%s" % word, read(file), re.M), (file, word)


def test_each_promise_has_a_test():
    promises = re.split(r"^\d+\. ", re.search(
        r"^## 3\. .*?(?=^## 4\.)", read("doc", "threat-model.md"), re.M | re.S).group(),
        flags=re.M)[1:]
    assert len(promises) == 14
    assert [x.split(":")[0] for x in promises if "tests/" not in x] == []
