# SPDX-License-Identifier: ISC
"""Who calls whom, as the objects of a build say it: files are the nodes, and a symbol
that one uses and another defines is an arrow. For test_calls.py, and to look at:

    tests/lint/calls.py [BUILD]
"""
import os
import re
import subprocess
import sys
from collections import defaultdict

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# From the world down to bare octets: each folder may call what stands to its right.
ORDER = ("cmd", "proc", "session", "hop", "lookup", "net", "watch", "conf", "relay", "ask",
         "trust", "table", "smtp")


def files(folder, end):
    return sorted(os.path.join(at, name) for at, _, names in os.walk(os.path.join(REPO, folder))
                  for name in names if name.endswith(end))


def objects(build):
    """{source: object}; a source that is built twice counts once."""
    named = {os.path.relpath(x, os.path.join(REPO, "src")).replace(os.sep, "_"):
             os.path.relpath(x, REPO) for x in files("src", ".c")}
    out = {}
    for at, _, names in os.walk(os.path.join(build, "src")):
        for name in names:
            source = named.get(name.removesuffix(".o"))
            if source and name.endswith(".o"):
                out.setdefault(source, os.path.join(at, name))
    return out


def symbols(path, *options):
    text = subprocess.run(["nm", "-P", *options, path], capture_output=True, text=True,
                          check=True).stdout
    return {line.split()[0] for line in text.split("\n") if line.strip()}


def graph(build):
    """{source: {source: {symbol}}}"""
    found = objects(build)
    home = {}
    for source, path in found.items():
        for symbol in symbols(path, "-g", "--defined-only"):
            home.setdefault(symbol, source)
    out = {source: defaultdict(set) for source in found}
    for source, path in found.items():
        for symbol in symbols(path, "-u"):
            if home.get(symbol, source) != source:
                out[source][home[symbol]].add(symbol)
    return out


def folder(source):
    return source.split("/")[1]


def circles(arrows):
    """Strongly connected sets of two or more, the largest first (Tarjan)."""
    index, low, stack, out = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in arrows[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            if len(stack) - at > 1:
                out.append(sorted(stack[at:]))
            del stack[at:]

    for node in arrows:
        if node not in index:
            visit(node)
    return sorted(out, key=len, reverse=True)


def upward(arrows):
    """[(from, to, symbols)] against ORDER."""
    return sorted((a, b, sorted(names)) for a, others in arrows.items()
                  for b, names in others.items()
                  if ORDER.index(folder(b)) < ORDER.index(folder(a)))


def folders(arrows):
    out = defaultdict(set)
    for a, others in arrows.items():
        out[folder(a)] |= {folder(b) for b in others} - {folder(a)}
    return {name: out.get(name, set()) for name in set(out) | set().union(*out.values())}


def headers():
    return [os.path.relpath(x, REPO) for x in files("include/xoorg", ".h") + files("src", ".h")]


def declared(path):
    """Functions that a header declares."""
    with open(path, encoding="utf-8") as f:
        text = re.sub(r"/\*.*?\*/", " ", f.read(), flags=re.S)
    text = re.sub(r"\{[^{}]*\}", " ", re.sub(r"^[ \t]*#.*?(?<!\\)$", " ", text,
                                              flags=re.M | re.S))
    return {m.group(1) for m in re.finditer(r"\b(xo_\w+)\s*\([^;()]*(?:\([^()]*\)[^;()]*)*\)\s*"
                                            r"(?:__attribute__[^;]*)?;", text)
            if not re.search(r"typedef[^;]*$", text[:m.start()])}


def main():
    build = sys.argv[1] if len(sys.argv) > 1 else os.path.join(REPO, "build-check")
    arrows = graph(build)
    for circle in circles(arrows):
        print("%3d in a circle: %s" % (len(circle), " ".join(circle)))
    for a, b, names in upward(arrows):
        print("upward: %s -> %s (%s)" % (a, b, ", ".join(names)))
    print("circles of folders: %s" % (circles(folders(arrows)) or "none"))


if __name__ == "__main__":
    main()
