# SPDX-License-Identifier: ISC
"""The walls of the design: layers, what pure code may call, and style that a
compiler does not see. Needs a build folder (XOORG_BUILD) for the objects."""
import os
import re
import subprocess
from collections import defaultdict

import pytest

import calls

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XOORG_BUILD") or os.path.join(REPO, "build-check")
SRC = os.path.join(REPO, "src")

PURE = ("smtp", "table", "trust", "ask", "relay")
BELOW = {"smtp": ("smtp",), "table": ("smtp", "table"), "trust": ("smtp", "trust"),
         "ask": ("smtp", "table", "trust", "ask"),
         "relay": ("smtp", "trust", "relay")}
PURE_HEADERS = {"assert.h", "emmintrin.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
                "stdint.h", "stdlib.h", "string.h"}
# What pure code may take from the C library: memory and strings, nothing else.
# bcmp is what clang makes of a memcmp() that is only compared with 0.
PURE_LIBC = {"memcpy", "memmove", "memset", "memcmp", "bcmp", "memchr", "memrchr", "memmem",
             "strlen", "strcmp", "malloc", "calloc", "realloc", "reallocarray", "free",
             "explicit_bzero", "abort", "__assert_fail", "bsearch", "qsort"}
COMPILERS = re.compile(r"^(__asan_|__ubsan_|__sanitizer_|__tsan_|__msan_|__gcov|__llvm|"
                       r"__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__start_|__stop_|"
                       r"__sancov|__(memcpy|memmove|memset|explicit_bzero)_chk$)")
BANNED = ("strcpy", "strcat", "strncat", "sprintf", "vsprintf", "strtok", "strtok_r", "atoi",
          "atol", "atoll", "gets", "alloca", "isalpha", "isdigit", "isspace", "isalnum",
          "isupper", "islower", "toupper", "tolower", "isprint", "isxdigit", "ispunct",
          "strcasecmp", "strncasecmp", "setlocale", "system", "popen", "gmtime",
          "localtime", "mktemp", "tmpnam", "rand")
BANNED_HEADERS = {"ctype.h", "wctype.h", "locale.h", "alloca.h"}
FUNCTION_MAX = 80	# a promise; 60 is the aim
FILE_MAX = 700	# 300 is the aim; a table may be longer


def sources(*folders, ext=(".c", ".h")):
    out = []
    for folder in folders:
        for at, dirs, files in os.walk(os.path.join(REPO, folder)):
            dirs[:] = [d for d in dirs if not d.startswith((".", "__", "build"))]
            out += [os.path.join(at, f) for f in files if f.endswith(ext)]
    return sorted(out)


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def rel(path):
    return os.path.relpath(path, REPO)


def layer(path):
    parts = rel(path).split(os.sep)
    return parts[1] if parts[0] == "src" and len(parts) > 2 else parts[0]


def includes(path):
    """(what, is_quoted) of each #include."""
    return [(m.group(2), m.group(1) == '"') for m in
            re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', read(path), re.M)]


def bare(text):
    """Code without comments and literals; lines stay."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank,
                  text, flags=re.S)


CODE = sources("src", "include")


# --- include graph ------------------------------------------------------------

@pytest.mark.parametrize("path", CODE, ids=rel)
def test_includes(path):
    mine = layer(path)
    wrong = []
    for what, quoted in includes(path):
        target = what.split("/")[0] if "/" in what else None
        local = os.path.exists(os.path.join(os.path.dirname(path), what)) and "/" not in what
        if re.match(r"openssl/", what) and not os.path.basename(path).startswith("tls"):
            wrong.append("%s: OpenSSL belongs to tls*.c" % what)
        if what in BANNED_HEADERS:
            wrong.append("%s: banned" % what)
        if "tests/" in what or "bench/" in what or "cmocka" in what:
            wrong.append("%s: shipped code takes nothing from there" % what)
        if mine in PURE or mine == "include":
            ok = what.startswith("xoorg/") or what in PURE_HEADERS or (quoted and local) \
                or (mine in PURE and target in BELOW[mine])
            if mine == "include":
                ok = what.startswith("xoorg/") or what in PURE_HEADERS
            if not ok:
                wrong.append("%s: not for pure code" % what)
        if mine in calls.ORDER and target in calls.ORDER and (
                calls.ORDER.index(target) < calls.ORDER.index(mine)):
            wrong.append("%s: %s stands below %s" % (what, mine, target))
    assert wrong == []


def owner(header):
    """The pure folder whose file a public header is of; None: of none."""
    name = os.path.basename(header).replace(".h", ".c")
    found = [x for x in PURE if os.path.exists(os.path.join(SRC, x, name))]
    return found[0] if found else None


@pytest.mark.parametrize("path", [x for x in CODE if layer(x) in ("smtp", "trust")], ids=rel)
def test_no_upward_header(path):
    """All public headers stand in one folder; what they declare does not."""
    wrong = [what for what, _ in includes(path) if what.startswith("xoorg/")
             and owner(what) not in (None,) + BELOW[layer(path)]]
    assert wrong == []


def test_public_headers_have_owners():
    assert {owner(x) for x in sources("include")} >= {"smtp", "trust", "relay"}


# --- objects ----------------------------------------------------------------------

def objects():
    """Objects of the pure folders, by folder; a source is built once or more."""
    out = defaultdict(list)
    for at, _, files in os.walk(os.path.join(BUILD, "src")):
        for f in files:
            match = re.match(r"(smtp|table|trust|ask|relay)_(\w+)\.c\.o$", f)
            if match and os.path.exists(os.path.join(
                    SRC, match.group(1), match.group(2) + ".c")):
                out[match.group(1)].append(os.path.join(at, f))
    return out


def symbols(path, what):
    text = subprocess.run(["nm", "-P", what, path], capture_output=True, text=True,
                          check=True).stdout
    return {x.split()[0] for x in text.split("\n") if x.strip()}


@pytest.fixture(scope="module")
def built():
    found = objects()
    if not all(found.get(x) for x in PURE):
        pytest.skip("no objects in %s: build first" % BUILD)
    return found


@pytest.mark.parametrize("folder", PURE)
def test_symbols(built, folder):
    """Pure code calls itself, what stands below it, and memory and strings."""
    allowed = set(PURE_LIBC)
    for one in BELOW[folder]:
        for path in built[one]:
            allowed |= symbols(path, "--defined-only")
    wrong = {}
    for path in built[folder]:
        over = {x for x in symbols(path, "-u") if x not in allowed
                and not COMPILERS.match(x)}
        if over:
            wrong[os.path.basename(path)] = sorted(over)
    assert wrong == {}


@pytest.mark.parametrize("folder", PURE)
def test_no_globals(built, folder):
    """Nothing that could be written to outlives a call."""
    wrong = []
    for path in built[folder]:
        text = subprocess.run(["objdump", "-t", path], capture_output=True, text=True,
                              check=True).stdout
        for line in text.split("\n"):
            match = re.match(r"\w+ .{7} (\S+)\t(\w+) +(?:\.hidden )?(\S+)$", line)
            if not match or int(match.group(2), 16) == 0:
                continue
            section, name = match.group(1), match.group(3)
            if (section.startswith((".data", ".bss", ".tdata", ".tbss", "*COM*"))
                    and not section.startswith(".data.rel.ro")
                    and not COMPILERS.match(name) and not name.startswith(
                        (".L", "__", "asan", "_ZL"))):
                wrong.append("%s: %s in %s" % (os.path.basename(path), name, section))
    assert wrong == [] or any(b"__asan" in open(p, "rb").read() for p in built[folder])


@pytest.mark.parametrize("folder", PURE)
def test_exported_names(built, folder):
    """smtp and trust are a library: what it exports begins with xo_."""
    if folder == "relay":
        return
    wrong = set()
    for path in built[folder]:
        text = subprocess.run(["nm", "-P", "-g", "--defined-only", path],
                              capture_output=True, text=True, check=True).stdout
        wrong |= {x.split()[0] for x in text.split("\n") if x.strip()
                  and not x.startswith("xo_") and not COMPILERS.match(x.split()[0])}
    assert not wrong


# --- style --------------------------------------------------------------------------

@pytest.mark.parametrize("path", sources("src", "include", "tests", "bench", ext=(
    ".c", ".h", ".py", ".sh", "meson.build")), ids=rel)
def test_spdx(path):
    assert any("SPDX-License-Identifier: ISC" in x for x in read(path).split("\n")[:3])


@pytest.mark.parametrize("path", CODE, ids=rel)
def test_banned(path):
    code = bare(read(path))
    wrong = []
    for match in re.finditer(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED), code):
        wrong.append("%d: %s" % (code.count("\n", 0, match.start()) + 1, match.group(1)))
    assert wrong == []


@pytest.mark.parametrize("path", CODE, ids=rel)
def test_layout(path):
    wrong = []
    text = read(path)
    for n, line in enumerate(text.split("\n"), 1):
        if line != line.rstrip():
            wrong.append("%d: blanks at the end" % n)
        if len(line.expandtabs(8)) > 100:
            wrong.append("%d: longer than 100" % n)
        if re.match(r"^ {8}", line):
            wrong.append("%d: blanks for a tab" % n)
    if not text.endswith("\n"):
        wrong.append("no line end at the end")
    if re.search(r"^\s*//", text, re.M):
        wrong.append("a // comment")
    assert wrong == []


def functions(path):
    """(name, first line, number of lines): name at column 0, `{` and `}` too."""
    lines = bare(read(path)).split("\n")
    name, start = None, 0
    for n, line in enumerate(lines, 1):
        match = re.match(r"^([A-Za-z_]\w*)\(", line)
        if match:
            name = match.group(1)
        if line.startswith("{") and name:
            start = n
        if line.startswith("}") and start:
            yield name, start, n - start - 1
            name, start = None, 0


def test_function_length():
    """The report; a function above the promise fails."""
    found = [(length, rel(path), name) for path in CODE if path.endswith(".c")
             for name, _, length in functions(path)]
    found.sort(reverse=True)
    lengths = [x[0] for x in found]
    if lengths:
        print("\n%d functions, median %d, p90 %d, longest %d" % (
            len(lengths), lengths[len(lengths) // 2], lengths[len(lengths) // 10],
            lengths[0]))
    for length, path, name in found[:10]:
        print("%4d  %s: %s" % (length, path, name))
    assert [x for x in found if x[0] > FUNCTION_MAX] == []


def test_file_length():
    long = [(read(x).count("\n"), rel(x)) for x in CODE]
    long.sort(reverse=True)
    for n, path in long[:5]:
        print("%5d  %s" % (n, path))
    assert [x for x in long if x[0] > FILE_MAX] == []


@pytest.mark.parametrize("path", sources("include"), ids=rel)
def test_header_stands_alone(path, tmp_path):
    unit = tmp_path / "unit.c"
    unit.write_text('#include <xoorg/%s>\n#include <xoorg/%s>\ntypedef int unit;\n' % (
        (os.path.basename(path),) * 2))
    done = subprocess.run(
        ["cc", "-std=c17", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
         "-I", os.path.join(REPO, "include"), str(unit)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_public_headers_are_the_manual():
    """A head comment of some lines in each."""
    wrong = [rel(x) for x in sources("include")
             if not re.match(r"/\* SPDX[^\n]*\n/\*\n(?: \*[^\n]*\n){2,}", read(x))]
    assert wrong == []


def test_no_workplace_paths():
    pattern = re.compile("/wor" + "k/|/tmp/" + "bash|\\bcla" + "ude\\b", re.I)
    wrong = [rel(x) for x in sources("src", "include", "tests", "bench", "doc", "packaging",
                                     ext=(".c", ".h", ".py", ".md", ".scd", ".sh", ".build",
                                          ".service", ".conf"))
             if pattern.search(read(x))]
    assert wrong == []
