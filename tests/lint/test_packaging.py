# SPDX-License-Identifier: ISC
"""What is shipped around the programs: the unit's confinement, the programs' own."""
import json
import os
import re
import shutil
import subprocess

import pytest

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("XOORG_BUILD") or os.path.join(REPO, "build-check")
UNIT = os.path.join(REPO, "packaging", "systemd", "xoorgd.service")


def test_exposure():
    """2.0 or better; mail daemons of Debian have 8.7 to 9.6."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("NO systemd-analyze")
    done = subprocess.run(["systemd-analyze", "security", "--offline=true",
                           "--threshold=20", UNIT], capture_output=True, text=True)
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert level, done.stdout[-500:] + done.stderr
    print(level.group(0))
    assert done.returncode == 0 and float(level.group(1)) <= 2.0


def test_unit_knows_our_calls():
    """What the sandbox itself calls must pass the unit's own filter."""
    with open(UNIT) as f:
        text = f.read()
    for call in ("seccomp", "landlock_create_ruleset", "landlock_add_rule",
                 "landlock_restrict_self", "capset", "setrlimit"):
        assert re.search(r"(?m)^SystemCallFilter=(?!~).*\b%s\b" % call, text), call


HOOK = os.path.join(REPO, "packaging", "certbot-hook")


@pytest.fixture
def programs(tmp_path):
    """A folder for programs of the test's, in the PATH of what it runs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "true").write_text("#!/bin/sh\n")
    (folder / "true").chmod(0o755)
    try:
        subprocess.run([folder / "true"], check=True)
    except PermissionError:
        pytest.skip("nothing can be run in %s: noexec" % tmp_path)
    return folder


@pytest.fixture
def hook(tmp_path, programs):
    """Runs it with lineages and a systemctl of the test's; what came of it."""
    for name in ("gw.contoso.com", "www.contoso.com", "mail.contoso.com"):
        folder = tmp_path / "live" / name
        folder.mkdir(parents=True)
        (folder / "fullchain.pem").write_text("chain of " + name)
        (folder / "privkey.pem").write_text("key of " + name)
    conf = tmp_path / "xoorg"
    conf.mkdir()
    (conf / "xoorgd.conf").write_text('# hostname = "no"\nhostname = "gw.contoso.com"\n')
    systemctl = programs / "systemctl"
    systemctl.write_text('#!/bin/sh\necho "$*" >>"%s"\n' % (tmp_path / "told"))
    systemctl.chmod(0o755)

    def run(lineage, settings=""):
        (tmp_path / "settings").write_text(settings)
        env = {"PATH": "%s:/usr/sbin:/usr/bin:/sbin:/bin" % systemctl.parent,
               "XOORG_FOLDER": str(conf), "XOORG_SETTINGS": str(tmp_path / "settings"),
               "XOORG_OWNER": str(os.getuid()), "XOORG_GROUP": str(os.getgid())}
        if lineage:
            env["RENEWED_LINEAGE"] = str(tmp_path / "live" / lineage)
        done = subprocess.run([HOOK], env=env, capture_output=True, text=True)
        told = tmp_path / "told"
        said = told.read_text().split("\n")[:-1] if told.exists() else []
        files = {x.name: (x.read_text(), x.stat().st_mode & 0o777) for x in conf.iterdir()
                 if x.name != "xoorgd.conf"}
        return done, files, said
    return run


def test_certbot_hook(hook):
    """As README has it: executable, the key for the group alone, then a reload."""
    done, files, told = hook("gw.contoso.com")
    assert done.returncode == 0, done.stderr
    assert files == {"gw.pem": ("chain of gw.contoso.com", 0o640),
                     "gw.key": ("key of gw.contoso.com", 0o640)}
    assert told == ["is-active --quiet xoorgd", "reload xoorgd"]
    with open(os.path.join(REPO, "README.md")) as f:
        readme = f.read()
    assert "install -D -m 755 packaging/certbot-hook" in readme
    assert "RENEWED_LINEAGE=/etc/letsencrypt/live/gw.contoso.com" in readme


def test_certbot_hook_of_others(hook):
    """Another site's certificate is not the gateway's, and nothing is told to reload."""
    done, files, told = hook("www.contoso.com")
    assert (done.returncode, files, told) == (0, {}, [])


def test_certbot_hook_by_another_name(hook):
    done, files, _ = hook("mail.contoso.com", "XOORG_LINEAGE=mail.contoso.com\n")
    assert done.returncode == 0 and files["gw.key"][0] == "key of mail.contoso.com"
    done, files, _ = hook("gw.contoso.com", "XOORG_LINEAGE=mail.contoso.com\n")
    assert done.returncode == 0 and files["gw.key"][0] == "key of mail.contoso.com"


def test_certbot_hook_by_hand(hook):
    done, files, told = hook("")
    assert done.returncode == 1 and "RENEWED_LINEAGE is not set" in done.stderr
    assert (files, told) == ({}, [])
    # A key that is missing leaves the old pair and starts nothing.
    done, files, told = hook("nothing/gw.contoso.com")
    assert done.returncode != 0 and told == []


SCRIPTS = [("check", "-D"), ("demo", "--keep"), ("tests/debian/run", "RELEASE")]


@pytest.mark.parametrize("name, word", SCRIPTS, ids=[x for x, _ in SCRIPTS])
def test_help(name, word, tmp_path):
    """Says how to call it and does nothing; what it does not know is no folder's name."""
    script = os.path.join(REPO, name)
    done = subprocess.run([script, "--help"], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0 and name in done.stdout and word in done.stdout
    for args in (["--nonsense"], ["--help-me"], ["-x"]):
        done = subprocess.run([script, *args], capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2, args
        assert name in done.stderr and done.stdout == ""
    assert list(tmp_path.iterdir()) == []


def _install(tmp_path, folder, apt):
    """install_packages of packaging/lib.sh on a machine that lacks one package."""
    for tool, text in (("apt-get", apt), ("sudo", "exit 1"), ("dpkg-query", "exit 1"),
                       ("id", "echo 0")):
        (folder / tool).write_text("#!/bin/sh\n%s\n" % text)
        (folder / tool).chmod(0o755)
    return subprocess.run(
        ["sh", "-c", 'top="$1"; . "$1/packaging/lib.sh"; '
         'step "$2" packages install_packages demo; echo "status $?"', "sh", REPO,
         str(tmp_path / "log")], capture_output=True, text=True,
        env={"PATH": "%s:/usr/bin:/bin" % folder}).stdout.split("\n")[:-1]


def test_no_network(tmp_path, programs):
    """One last line that says what to do, and none of apt's forty."""
    out = _install(tmp_path, programs, "for i in $(seq 40); do echo 'Err: Could not connect'; done\nexit 100")
    assert out[-1] == "status 1"
    assert out[-2] == "    apt-get update && apt-get install --no-install-recommends openssl "
    assert "no network?" in out[-3] and len(out) == 5
    assert "Could not connect" in (tmp_path / "log").read_text()


@pytest.mark.parametrize("name", ["xoorgd", "xoorg"])
def test_hardening(name):
    if not shutil.which("hardening-check"):
        pytest.skip("NO hardening-check")
    program = os.path.join(BUILD, "src", name)
    with open(program, "rb") as f:
        if b"__asan_init" in f.read():
            pytest.skip("built with sanitizers, which replace some of it")
    done = subprocess.run(["hardening-check", "--color", program], capture_output=True,
                          text=True)
    text = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    rows = dict(x.strip().split(": ", 1) for x in text.splitlines() if ": " in x)
    print(text)
    assert len(rows) >= 7
    # It looks for the loop of a frame of many pages, and no function has one.
    if rows.pop("Stack clash protection").startswith("unknown"):
        with open(os.path.join(BUILD, "compile_commands.json")) as f:
            assert all("-fstack-clash-protection" in x["command"] for x in json.load(f)
                       if x["file"].endswith(".c"))
    assert [k for k, v in rows.items() if not v.startswith("yes")] == []


def options_of(*command):
    text = subprocess.run([os.path.join(BUILD, "src", "xoorg"), *command], capture_output=True,
                          text=True, check=True).stdout
    return [line.split("\t") for line in text.splitlines()]


def complete(line):
    """What bash would offer at the end of the line."""
    words = line.split(" ")
    script = "source %s; COMP_WORDS=(%s); COMP_CWORD=%d; _xoorg; printf '%%s\\n' \"${COMPREPLY[@]}\"" % (
        os.path.join(BUILD, "xoorg"), " ".join("'%s'" % x for x in words), len(words) - 1)
    done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True,
                          timeout=20, cwd="/usr")
    assert done.returncode == 0, done.stderr
    return [x for x in done.stdout.split("\n") if x]


def test_completion_of_commands():
    commands = [x[0] for x in options_of("--commands")]
    assert len(commands) >= 6
    assert complete("xoorg ") == commands + ["--help", "--version"]
    assert complete("xoorg pro") == ["probe"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_option(shell):
    name = {"bash": "xoorg", "zsh": "_xoorg", "fish": "xoorg.fish"}[shell]
    with open(os.path.join(BUILD, name), encoding="utf-8") as f:
        text = f.read()
    for command, _ in options_of("--commands"):
        for option, *_ in options_of(command, "--options"):
            assert re.search(r"(--|-l )%s\b" % option, text), (command, option)
    if shutil.which(shell):
        subprocess.run([shell, "-n", os.path.join(BUILD, name)], check=True)


def test_completion_of_values():
    assert complete("xoorg setup --cloud us") == ["us-government"]
    assert complete("xoorg probe --requ") == ["--require-xoorg"]
    assert "bin" in complete("xoorg probe --certificate ")	# the folder's files
    assert complete("xoorg probe --helo ") == []


def test_completion_of_verbs():
    assert complete("xoorg tenant ex") == ["export"]
    assert {"list", "get", "export", "import", "diff", "check"} <= set(complete("xoorg tenant "))
    for name in ("_xoorg", "xoorg.fish"):
        with open(os.path.join(BUILD, name), encoding="utf-8") as f:
            assert "list get export import diff check" in f.read()


def test_apparmor_profile():
    if not shutil.which("apparmor_parser"):
        pytest.skip("NO apparmor_parser")
    profile = os.path.join(REPO, "packaging", "apparmor", "usr.sbin.xoorgd")
    done = subprocess.run(["apparmor_parser", "-Q", "-K", profile], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr



def metrics():
    with open(os.path.join(REPO, "src", "watch", "metrics_table.c"), encoding="utf-8") as f:
        return set(re.findall(r'"(xoorg_\w+)"', f.read()))


@pytest.mark.parametrize("path", ["prometheus/xoorg.rules.yml", "grafana/xoorgd.json"])
def test_metrics_that_are_asked_for_exist(path):
    with open(os.path.join(REPO, "packaging", path), encoding="utf-8") as f:
        asked = set(re.findall(r"\bxoorg_\w+", f.read()))
    assert len(asked) >= 7 and asked - metrics() == set()


def test_alerts():
    if not shutil.which("promtool"):
        pytest.skip("NO promtool")
    folder = os.path.join(REPO, "packaging", "prometheus")
    subprocess.run(["promtool", "check", "rules", "xoorg.rules.yml"], check=True, cwd=folder)
    done = subprocess.run(["promtool", "test", "rules", "xoorg.test.yml"], capture_output=True,
                          text=True, cwd=folder)
    assert done.returncode == 0, done.stdout + done.stderr


def test_sbom():
    """It names what the programs are linked with, each with a version."""
    if not shutil.which("dpkg-query"):
        pytest.skip("NO dpkg-query")
    if not shutil.which("git"):
        pytest.skip("NO git")
    if subprocess.run(["git", "rev-parse", "HEAD"], cwd=REPO, capture_output=True).returncode:
        pytest.skip("NO git checkout")
    done = subprocess.run([os.path.join(REPO, "packaging", "sbom"), "1.2.3", "HEAD",
                           os.path.join(BUILD, "src", "xoorgd")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    packages = {x["name"]: x["versionInfo"] for x in json.loads(done.stdout)["packages"]}
    assert packages["xoorg"] == "1.2.3"
    assert {"libssl3", "libc6"} <= {re.sub(r"t64$", "", x) for x in packages}
    assert all(packages.values())
