# SPDX-License-Identifier: ISC
"""libxoorg as its users have it: what it exports is what its headers declare and its
symbol list names, and the example is built and run against the installed library."""
import glob
import os
import re
import shutil
import subprocess

import pytest

import calls

REPO = calls.REPO
BUILD = os.environ.get("XOORG_BUILD") or os.path.join(REPO, "build-check")
HEADERS = sorted(glob.glob(os.path.join(REPO, "include", "xoorg", "*.h")))
SESSION = b"""EHLO mail.example
RCPT TO:<bob@contoso.com>
MAIL FROM:<anna@contoso.com> XOORG=contoso.com
RCPT TO:<bob@contoso.com>
RCPT TO:<victim@outside.example>
DATA
X-OriginatorOrg: fabrikam.com
X-MS-Exchange-CrossPremises-AuthAs: Internal
Subject: hello

body
.
MAIL FROM:<anna@contoso.com> XOORG=fabrikam.com
""".replace(b"\n", b"\r\n")


def listed():
    with open(os.path.join(REPO, "src", "libxoorg.map"), encoding="utf-8") as f:
        return re.findall(r"^\t(xo_\w+);$", f.read(), re.M)


def test_symbol_list_is_what_headers_declare():
    declared = set().union(*map(calls.declared, HEADERS))
    assert sorted(listed()) == listed(), "not in order"
    assert declared == set(listed())


def test_headers_mark_what_is_theirs():
    """A function outside of the marks would be hidden."""
    wrong = []
    for path in HEADERS:
        with open(path, encoding="utf-8") as f:
            text = f.read()
        marked = re.search(r"^XO_API_BEGIN$(.*)^XO_API_END$", text, re.M | re.S)
        if calls.declared(path) and not marked:
            wrong.append(os.path.basename(path))
    assert wrong == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """{name: path} of what `meson install` brings."""
    if not os.path.exists(os.path.join(BUILD, "build.ninja")):
        pytest.skip("no build in %s" % BUILD)
    root = tmp_path_factory.mktemp("installed")
    meson = "/usr/bin/meson" if os.path.exists("/usr/bin/meson") else "meson"
    done = subprocess.run([meson, "install", "-C", BUILD, "--no-rebuild", "--destdir",
                           str(root)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return {os.path.relpath(os.path.join(at, f), root): os.path.join(at, f)
            for at, _, files in os.walk(root) for f in files}


def one(installed, pattern):
    found = [path for name, path in installed.items() if re.search(pattern, name)]
    assert found, "no %s among %s" % (pattern, sorted(installed))
    return found[0]


def test_exports(installed):
    library = one(installed, r"/libxoorg\.so\.0$|/libxoorg\.so\.0\.")
    text = subprocess.run(["nm", "-D", "-P", "--defined-only", library], capture_output=True,
                          text=True, check=True).stdout
    found = {x.split("@")[0].split()[0] for x in text.split("\n") if x}
    extra = {x for x in found if not x.startswith(("xo_", "XOORG_"))}
    assert not {x for x in extra if not re.match(r"__?(asan|ubsan|sanitizer|odr_asan)", x)}
    assert {x for x in found if x.startswith("xo_")} == set(listed())


def test_needs_nothing_but_libc(installed):
    library = one(installed, r"/libxoorg\.so\.0")
    text = subprocess.run(["readelf", "-d", library], capture_output=True, text=True,
                          check=True).stdout
    needed = set(re.findall(r"\(NEEDED\)[^\[]*\[([^\]]+)\]", text))
    assert not {x for x in needed if not re.match(r"libc\.so|ld-linux|lib(asan|ubsan)", x)}


def sanitizers():
    """What a program needs that links with a library built so."""
    with open(os.path.join(BUILD, "build.ninja"), encoding="utf-8") as f:
        match = re.search(r"-fsanitize=[\w,-]+", f.read())
    return [match.group(0)] if match else []


@pytest.fixture(scope="module")
def toy(installed, tmp_path_factory):
    """The example, built by its own words against what was installed."""
    if not shutil.which("pkg-config"):
        pytest.skip("no pkg-config")
    pc = one(installed, r"/libxoorg\.pc$")
    root = pc[:-len(next(name for name in installed if installed[name] == pc))]
    env = dict(os.environ, PKG_CONFIG_LIBDIR=os.path.dirname(pc), PKG_CONFIG_SYSROOT_DIR=root)
    flags = subprocess.run(["pkg-config", "--cflags", "--libs", "libxoorg"], env=env,
                           capture_output=True, text=True, check=True).stdout.split()
    program = tmp_path_factory.mktemp("toy") / "toy"
    subprocess.run([os.environ.get("CC") or "cc", "-std=c17", "-Wall", "-Wextra", "-Werror",
                    one(installed, r"/examples/toy\.c$"), *flags, *sanitizers(), "-o",
                    str(program)], check=True)
    return program, os.path.dirname(one(installed, r"/libxoorg\.so\.0"))


def run(toy, *names):
    program, folder = toy
    done = subprocess.run([str(program), *names], input=SESSION, timeout=20, capture_output=True,
                          env=dict(os.environ, LD_LIBRARY_PATH=folder))
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\r\n"), done.stderr.decode()


@pytest.mark.parametrize("names", ((), ("mail.evil.example",)))
def test_example_gives_a_stranger_nothing(toy, names):
    replies, taken = run(toy, *names)
    assert taken == ""
    assert not [x for x in replies if "XOORG" in x]
    assert [x for x in replies if x.startswith(("2", "3"))] == ["250 Good"]
    assert replies[2] == "501 5.5.4 Invalid arguments"


def test_example_asks_for_exchange_online(toy):
    replies, taken = run(toy, "mail.protection.outlook.com")
    assert [x[:3] for x in replies if x] == ["250", "250", "503", "250", "250", "550", "354",
                                             "250", "550"]
    assert replies[1] == "250 XOORG"
    assert taken.startswith("verified, tenant 0:\n")
    assert "CrossPremises-AuthAs: Internal" in taken and "OriginatorOrg" not in taken
