# SPDX-License-Identifier: ISC
"""A reference leads somewhere: pages that exist, sections that they have."""
import os
import re

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDERS = ("src", "include", "tests", "bench", "packaging", "doc", "examples", "postfix")
TEXT = (".c", ".h", ".py", ".md", ".scd", ".sh", ".pml", ".build", ".conf", ".sample", "")
# The pages whose sections have numbers, behind one of which a number stands.
SECTION = re.compile(r"\b(protocol|threat-model)\.md\)?,?[\s*#]+(?:section\s+)?(\d+(?:\.\d+)?)")
PAGE = re.compile(r"\b([a-z][a-z-]*\.md)\b")


def files():
    out = [os.path.join(REPO, x) for x in os.listdir(REPO) if x.endswith(".md")
           or x in ("check", "demo", "package")]
    for folder in FOLDERS:
        for at, dirs, names in os.walk(os.path.join(REPO, folder)):
            dirs[:] = [d for d in dirs if d not in ("corpus", "traces", "__pycache__",
                                                    "node_modules")]
            out += [os.path.join(at, x) for x in names if os.path.splitext(x)[1] in TEXT]
    return sorted(out)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def rel(path):
    return os.path.relpath(path, REPO)


def sections(page):
    return {m.group(1) for m in re.finditer(r"^#+ (\d+(?:\.\d+)?)\.? ", read(os.path.join(
        REPO, "doc", page + ".md")), re.M)}


KNOWN = {page: sections(page) for page in ("protocol", "threat-model")}
PAGES = {os.path.basename(x) for x in files() if x.endswith(".md")}


def test_pages_have_sections():
    assert all(len(x) > 10 for x in KNOWN.values())


@pytest.mark.parametrize("path", files(), ids=rel)
def test_references(path):
    text = read(path)
    wrong = [" ".join(m.groups()) for m in SECTION.finditer(text)
             if m.group(2) not in KNOWN[m.group(1)]]
    wrong += [m.group(1) for m in PAGE.finditer(text) if m.group(1) not in PAGES]
    assert wrong == []
