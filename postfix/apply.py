#!/usr/bin/python3
# SPDX-License-Identifier: EPL-2.0 OR IPL-1.0
"""apply.py SOURCE: puts XOORG into an unpacked source of Postfix.

Copies our files, and libxoorg's grammar; puts in the hooks (hooks.py), and the
parameters of README.md into what postconf(5) is made of. Each anchor has to be there
exactly as often as said: else nothing is written, and each that is not is named with
its file."""
import html
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, HERE)

from hooks import HOOKS		# noqa: E402

# From libxoorg: the grammar, as it is.
GRAMMAR = [("include/xoorg/%s.h" % x, "src/global/xoorg/%s.h" % x)
           for x in ("bytes", "err", "domain", "xtext")] + \
    [("src/smtp/%s.c" % x, "src/global/xoorg_%s.c" % x)
     for x in ("bytes", "domain", "xtext")]


class Misfit(Exception):
    pass


def _function(lines, name):
    """First and last line of a function's definition: its name in column 0 or behind
    a type there, up to the brace in column 0."""
    head = re.compile(r"^[A-Za-z_][\w \t*]*\b%s\(" % name)
    for start, line in enumerate(lines):
        if not head.match(line):
            continue
        for end in range(start, len(lines)):
            if lines[end].startswith("}"):
                return start, end
            if lines[end].rstrip().endswith(";") and end - start < 6 and \
                    not any(x.startswith("{") for x in lines[start:end]):
                break			# a declaration
    return None


def _hits(lines, hook):
    first, last = 0, len(lines) - 1
    if hook.within:
        found = _function(lines, hook.within)
        if found is None:
            raise Misfit("%s: no function %s()" % (hook.file, hook.within))
        first, last = found
    hits = [i for i in range(first, last + 1) if re.search(hook.anchor, lines[i])]
    if len(hits) != hook.count:
        raise Misfit("%s%s: expected anchor %s %d time(s), found %d" % (
            hook.file, ", %s()" % hook.within if hook.within else "", hook.anchor,
            hook.count, len(hits)))
    return hits


def _past_statement(lines, at):
    """Behind the statement or table row that begins or goes on at this line. A macro
    or directive ends with its line."""
    while not lines[at].startswith("#") and \
            re.sub(r"/\*.*?\*/", "", lines[at]).rstrip()[-1:] not in ";,{":
        at += 1
    return at


def _put_in(lines, hook):
    for at in reversed(_hits(lines, hook)):
        if hook.instead is not None:
            lines[at] = re.sub(hook.anchor, hook.instead, lines[at], count=1)
        if hook.after:
            lines.insert(_past_statement(lines, at) + 1, hook.after)
        if hook.before:
            lines.insert(at, hook.before)


def hooked(source):
    """File: its new text, of all files with hooks. Misfit names all that misfit."""
    texts, wrong = {}, []
    for hook in HOOKS:
        if hook.file not in texts:
            try:
                with open(os.path.join(source, hook.file), encoding="utf-8") as f:
                    texts[hook.file] = f.read().splitlines(True)
            except OSError as why:
                wrong.append("%s: %s" % (hook.file, why.strerror))
                continue
        try:
            _put_in(texts[hook.file], hook)
        except Misfit as why:
            wrong.append(str(why))
    if wrong:
        raise Misfit("\n".join(wrong))
    return {file: "".join(lines) for file, lines in texts.items()}


# --- postconf(5) ------------------------------------------------------------------

def parameters():
    """(name, default, paragraphs) of README.md: its headings of the third level that
    say a default."""
    with open(os.path.join(HERE, "README.md"), encoding="utf-8") as f:
        text = f.read()
    found = re.findall(r"^### (\w+) \(default: ([^)\n]+)\)\n\n(.*?)(?=^#)", text, re.M | re.S)
    return [(name, "" if default == "empty" else default, body.strip().split("\n\n"))
            for name, default, body in found]


def manual():
    """The same in the language of proto/postconf.proto."""
    out = []
    for name, default, paragraphs in parameters():
        out.append("\n%%PARAM %s %s\n" % (name, default))
        for one in paragraphs:
            out.append("\n<p> %s </p>\n" % html.escape(one, quote=False).replace("`", '"'))
    return "".join(out)


# --- all of it ----------------------------------------------------------------------

def _copies(source):
    for folder, _, files in os.walk(os.path.join(HERE, "src")):
        for file in sorted(files):
            path = os.path.join(folder, file)
            yield path, os.path.join(source, os.path.relpath(path, HERE))
    for ours, theirs in GRAMMAR:
        yield os.path.join(TOP, ours), os.path.join(source, theirs)


def apply(source):
    texts = hooked(source)
    for path, where in _copies(source):
        if os.path.exists(where):
            raise Misfit("%s: is there already" % os.path.relpath(where, source))
    for path, where in _copies(source):
        os.makedirs(os.path.dirname(where), exist_ok=True)
        shutil.copyfile(path, where)
    for file, text in texts.items():
        with open(os.path.join(source, file), "w", encoding="utf-8") as out:
            out.write(text)
    with open(os.path.join(source, "proto/postconf.proto"), "a", encoding="utf-8") as out:
        out.write(manual())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: apply.py SOURCE")
    try:
        apply(sys.argv[1])
    except Misfit as why:
        sys.exit("XOORG does not fit this Postfix; nothing was changed:\n%s" % why)
