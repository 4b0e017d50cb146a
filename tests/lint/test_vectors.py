# SPDX-License-Identifier: ISC
"""Each row of doc/vectors.md has a test that bears its number."""
import ast
import os
import re

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A letter's tests, and there the functions whose rows are numbered by another list.
FILES = {
    "E": ("test_ehlo.py", ()),
    "M": ("test_mail.py", ()),
    "H": ("test_headers.py", ("test_wall", "test_wall_first_line", "test_H38_many")),
    "N": ("test_names.py", ()),
    "C": ("test_client.py", ("test_U03_C43_server_lists",)),
}
COUNTS = {"E": 14, "M": 44, "H": 13, "N": 10, "C": 10}


def vectors():
    with open(os.path.join(REPO, "doc", "vectors.md"), encoding="utf-8") as f:
        return re.findall(r"^\| ([EMHNC]\d+) \|", f.read(), re.M)


def _first_words(node):
    """The ids of rows(("E2", ...), ...) in an expression."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "rows":
            for row in call.args:
                if isinstance(row, ast.Tuple) and isinstance(row.elts[0], ast.Constant):
                    yield str(row.elts[0].value)


def names_of_tests(text, others=()):
    """What tests are called in a file: functions, and the rows that they run over."""
    tree = ast.parse(text)
    tables = {x.targets[0].id: list(_first_words(x.value)) for x in tree.body
              if isinstance(x, ast.Assign) and isinstance(x.targets[0], ast.Name)}
    out = []
    for one in tree.body:
        if not isinstance(one, ast.FunctionDef) or not one.name.startswith("test_"):
            continue
        out.append(one.name[len("test_"):])
        if one.name in others:
            continue
        for mark in one.decorator_list:
            out += _first_words(mark)
            for name in ast.walk(mark):
                if isinstance(name, ast.Name):
                    out += tables.get(name.id, [])
    return out


def has_test(number, names):
    """M12 is in "M12", "M12a", "M39_M12_x", and not in "M120" or "M1"."""
    return any(re.search(r"(?:^|_)%s(?!\d)" % number, name) for name in names)


def test_the_list_is_whole():
    want = [x + str(i) for x, n in COUNTS.items() for i in range(1, n + 1)]
    assert vectors() == want


def test_reader():
    names = names_of_tests(
        'A = rows(("M2", 1), ("M3a", 2))\nB = rows(("M4", 1))\n'
        '@mark("id, x", A)\ndef test_of(id, x): pass\n'
        '@mark("id, x", rows(("M5", 1)))\ndef test_M1_M10_two(): pass\n')
    assert [x for x in ("M1", "M2", "M3", "M4", "M5", "M10", "M100")
            if has_test(x, names)] == ["M1", "M2", "M3", "M5", "M10"]


@pytest.mark.parametrize("number", vectors())
def test_vector(number):
    name, others = FILES[number[0]]
    with open(os.path.join(REPO, "tests", "e2e", name), encoding="utf-8") as f:
        names = names_of_tests(f.read(), others)
    assert has_test(number, names), "no test of %s in tests/e2e/%s" % (number, name)
