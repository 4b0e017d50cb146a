# SPDX-License-Identifier: ISC
"""README and cookbook show the recipes that the tests run and `xoorg setup` prints, and
no others.

    test_recipes.py --write        puts the recipes into the pages"""
import glob
import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "interop", "mta"))
sys.dont_write_bytecode = True
import recipes		# noqa: E402

COOKBOOK = recipes.COOKBOOK
BLOCK = re.compile(r"(?m)^<!-- file: ([^\n]+) -->\n(.*?)^<!-- end -->$", re.S)
README = os.path.join(recipes.REPO, "README.md")
PAGES = sorted(glob.glob(os.path.join(COOKBOOK, "*.md"))) + [README]
# Parts of others: they are shown in the place where they belong.
PARTS = ("gateway/handover-", "postfix/behind/handover-", "exim/behind/handover-")


def _read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def _files():
    return sorted(os.path.relpath(os.path.join(at, x), COOKBOOK)
                  for at, _, names in os.walk(COOKBOOK) for x in names
                  if not x.endswith(".md"))


def _shown(what):
    """`what`: a file, maybe mta=NAME and handover=WORD."""
    file, *how = what.split()
    return "```\n%s```\n" % recipes.shown(file, **dict(x.split("=") for x in how))


def write():
    for page in PAGES:
        text = BLOCK.sub(lambda m: "<!-- file: %s -->\n%s<!-- end -->" % (
            m.group(1), _shown(m.group(1))), _read(page))
        with open(page, "w", encoding="utf-8") as out:
            out.write(text)


@pytest.mark.parametrize("page", PAGES, ids=os.path.basename)
def test_page(page):
    text = _read(page)
    blocks = BLOCK.findall(text)
    assert text.count("<!-- file: ") == len(blocks) == text.count("<!-- end -->")
    for what, shown in blocks:
        assert shown == _shown(what), \
            "%s differs in the page; tests/lint/test_recipes.py --write" % what
    if page != README:
        assert "```" not in BLOCK.sub("", text), "a snippet that no test runs"


def test_every_file_is_shown():
    shown = {what.split()[0] for page in PAGES for what, _ in BLOCK.findall(_read(page))}
    assert sorted(shown) == [x for x in _files() if not x.startswith(PARTS)]


def test_placeholders_are_explained():
    table = _read(os.path.join(COOKBOOK, "README.md"))
    for page in PAGES:
        for name in re.findall(r"@[A-Z_]+@", "".join(x for _, x in
                                                     BLOCK.findall(_read(page)))):
            assert "`%s`" % name in table, (page, name)


def test_pages_are_listed():
    index = _read(os.path.join(COOKBOOK, "README.md"))
    for page in PAGES[:-1]:
        name = os.path.basename(page)
        assert name == "README.md" or "[%s](%s)" % (name, name) in index


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: test_recipes.py --write")
    write()
