# SPDX-License-Identifier: ISC
"""doc/compatibility.md shows the rows that tests/interop/test_as_port_25.py tries, and no
others."""
import os
import re
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
INTEROP = os.path.join(os.path.dirname(HERE), "interop")
sys.path.insert(0, INTEROP)
sys.dont_write_bytecode = True
import port25		# noqa: E402


def _read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def test_page_has_each_table_once():
    text = _read(port25.PAGE)
    blocks = port25.BLOCK.findall(text)
    assert sorted(x for x, _ in blocks) == sorted(port25.TABLES)
    assert not re.search(r"(?m)^\|", port25.BLOCK.sub("", text)), "a table that no test tries"


@pytest.mark.parametrize("name", port25.TABLES)
def test_table(name):
    shown = dict(port25.BLOCK.findall(_read(port25.PAGE)))[name]
    assert shown == port25.table(name), \
        "%s differs; tests/interop/port25.py --write puts the rows into the page" % name


def test_every_table_is_tried():
    text = _read(os.path.join(INTEROP, "test_as_port_25.py"))
    for name in port25.TABLES:
        rows = [x for x, value in vars(port25).items() if value is port25.TABLES[name][2]]
        assert "@table(port25.%s)" % rows[0] in text, name


def test_rows_have_names_of_their_own():
    for name, (_, _, rows) in port25.TABLES.items():
        assert len({x.id for x in rows}) == len(rows), name
