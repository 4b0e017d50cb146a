# SPDX-License-Identifier: ISC
"""The hooks: that they fail loudly, that no text of Postfix stands here, that postconf
and README.md know the same parameters; the plain patch."""
import glob
import os
import re
import subprocess
import sys

import pytest

from harness import REPO
from native import BUILD, VERSION, build
from postfix import CACHE, Missing

POSTFIX = os.path.join(REPO, "postfix")
sys.path.insert(0, POSTFIX)

import apply		# noqa: E402
from hooks import HOOKS, hook	# noqa: E402

SUITE = {"3.7": "bookworm", "3.10": "trixie"}[VERSION]


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """Debian's, as it came."""
    try:
        build()
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    dsc, = glob.glob(os.path.join(CACHE, "postfix-source-" + SUITE, "postfix_*.dsc"))
    folder = str(tmp_path_factory.mktemp("source") / "postfix")
    subprocess.run(["dpkg-source", "--no-check", "-x", dsc, folder], check=True,
                   capture_output=True, timeout=120)
    return folder


def test_each_hook_fits_once(source):
    texts = apply.hooked(source)
    assert len(texts) > 20
    assert len(HOOKS) > 50


@pytest.mark.parametrize("wrong, says", [
    (hook("smtpd/smtpd.c", r"no_such_anchor"), "src/smtpd/smtpd.c: expected anchor "
     "no_such_anchor 1 time(s), found 0"),
    (hook("smtpd/smtpd.c", r"argc > 2", "no_such_function"),
     "src/smtpd/smtpd.c: no function no_such_function()"),
    (hook("smtpd/smtpd.c", r"return"), "expected anchor return 1 time(s), found "),
    (hook("smtpd/no_such_file.c", r"x"), "src/smtpd/no_such_file.c: No such file"),
], ids=["anchor", "function", "twice", "file"])
def test_a_misfit_is_told_and_changes_nothing(source, monkeypatch, wrong, says):
    monkeypatch.setattr(apply, "HOOKS", HOOKS + [wrong])
    before = subprocess.run(["find", source, "-type", "f", "-newer", source + "/LICENSE"],
                            capture_output=True, text=True).stdout
    with pytest.raises(apply.Misfit) as told:
        apply.apply(source)
    assert says in str(told.value)
    assert not os.path.exists(os.path.join(source, "src/smtpd/smtpd_xoorg.c"))
    after = subprocess.run(["find", source, "-type", "f", "-newer", source + "/LICENSE"],
                           capture_output=True, text=True).stdout
    assert before == after


def _ours():
    for folder, _, files in os.walk(POSTFIX):
        for file in files:
            if file != "LICENSE" and not file.endswith(".pyc"):
                with open(os.path.join(folder, file)) as f:
                    yield file, [x.strip() for x in f]


def test_no_text_of_postfix_stands_here(source):
    """No line of ours of 30 characters is one of Postfix', but for includes, its licence
    and the few declarations that its interface asks for."""
    asked_for = re.compile(r"#|(SMTP_SESSION|DELIVER_REQUEST) \*\w+ = state->\w+;$|"
                           r"state->\w+ \|= \w+;$")
    theirs = set()
    for pattern in ("src/*/*.[ch]", "proto/*.proto"):
        for path in glob.glob(os.path.join(source, pattern)):
            with open(path, errors="replace") as f:
                theirs.update(x.strip() for x in f)
    found = [(file, x) for file, lines in _ours() for x in lines
             if len(x) >= 30 and x in theirs and not asked_for.match(x)]
    assert found == []


def test_postconf_knows_them_all(source):
    """Names and defaults as in README.md, in -d; set ones in -n, without a warning."""
    root = build()
    env = {"LD_LIBRARY_PATH": root + "/usr/lib/postfix", "PATH": os.environ["PATH"]}
    out = subprocess.run([root + "/usr/sbin/postconf", "-c", root + "/etc/postfix", "-d"],
                         env=env, capture_output=True, text=True, timeout=30).stdout
    known = dict(re.findall(r"^(\w*(?:xoorg|server_ccerts)\w*) = ?(.*)$", out, re.M))
    told = {name: default for name, default, _ in apply.parameters()}
    assert all(body for _, _, body in apply.parameters())
    told.update({k.replace("smtp_", "lmtp_", 1): v for k, v in told.items()
                 if k.startswith("smtp_")})
    assert known == told and len(known) == 12


def test_postconf_5(source):
    text = apply.manual()
    assert text.count("%PARAM ") == 7
    assert "%PARAM smtp_xoorg \n" in text and "%PARAM smtp_xoorg_pass no\n" in text
    assert "<p> The domain that the SMTP client sends" in text


def test_patch(source, tmp_path):
    """For packagers: what patch -p1 makes of it is what we make of it."""
    patch = str(tmp_path / "xoorg.patch")
    subprocess.run([BUILD, "--version", VERSION, "--patch", patch], check=True,
                   capture_output=True, timeout=300)
    other = str(tmp_path / "postfix")
    subprocess.run(["cp", "-a", source, other], check=True)
    subprocess.run(["patch", "-p1", "-s", "-i", patch], cwd=other, check=True, timeout=60)
    apply.apply(source)
    done = subprocess.run(["diff", "-r", source, other], capture_output=True, text=True)
    assert done.stdout == ""
