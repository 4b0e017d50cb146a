# SPDX-License-Identifier: ISC
"""The tables of doc/protocol.md that say whom the gateway trusts are those of
tests/unit/test_treatment.c and test_asked.c, row by row and word by word."""
import os
import re

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TABLES = ("3.2", "5.4", "5.5", "6", "9.1", "9.2", "9.3", "9.4", "9.5", "9.6", "9.7", "9.8", "9.9",
          "9.10", "9.11", "9.12")
ASKED = ("9.10", "9.11")


def _read(*path):
    with open(os.path.join(REPO, *path), encoding="utf-8") as f:
        return f.read()


def _test_of(number):
    return _read("tests", "unit", "test_asked.c" if number in ASKED else "test_treatment.c")


def rows_of_page(text, number):
    """The cells of the first table below a heading, without marks."""
    section = re.split(r"^#+ ", re.split(r"^#+ %s\.? " % re.escape(number), text,
                                         flags=re.M)[1], flags=re.M)[0]
    table = re.search(r"(?:^\|.*\n)+", section, re.M).group(0).splitlines()
    return [[re.sub(r"[`\\]", "", x).strip() for x in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in table[2:]]


def rows_of_test(text, number):
    """The strings of `table_9_1[][3] = {...};`, joined where C joins them."""
    body = re.search(r"^static const char \*const table_%s\[\]\[\d\] = \{\n(.*?)^\};" %
                     number.replace(".", "_"), text, re.M | re.S).group(1)
    rows = []
    for row in re.findall(r"^\t\{(.*?)\},?$", body, re.M | re.S):
        cells, at = [], 0
        for m in re.finditer(r'((?:"(?:[^"\\]|\\.)*"\s*)+)(?:,\s*|$)', row):
            assert m.start() == at, row
            at = m.end()
            cells.append("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', m.group(1)))
                         .replace('\\"', '"'))
        rows.append(cells)
    return rows


@pytest.mark.parametrize("number", TABLES)
def test_page_is_the_test_s(number):
    page = rows_of_page(_read("doc", "protocol.md"), number)
    assert page and page == rows_of_test(_test_of(number), number)


def test_every_table_is_tried():
    """Each table is walked by the test that bears its number."""
    for number in TABLES:
        text = _test_of(number)
        name = number.replace(".", "_")
        body = re.search(r"^test_%s\(void \*\*state\)\n\{(.*?)^\}" % name, text,
                         re.M | re.S).group(1)
        assert "table_" + name in body
        assert "TEST(test_%s)" % name in text


def test_a_changed_cell_is_seen():
    page = _read("doc", "protocol.md")
    changed = page.replace("| `keep` | kept | kept | removed |",
                           "| `keep` | kept | kept | kept |")
    assert changed != page
    assert rows_of_page(changed, "5.5") != rows_of_page(page, "5.5")
