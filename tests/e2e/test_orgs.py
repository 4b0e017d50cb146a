# SPDX-License-Identifier: ISC
"""xoorg orgs: what gateways have seen, merged; and one of it authorised, by a change
that leaves the rest of the configuration as it is."""
import http.server
import json
import os
import stat
import subprocess
import threading

import pytest

from harness import XOORG, free_port, simple
from standard import Standard


def run(*args, want=0):
    done = subprocess.run([XOORG, "orgs", *args], capture_output=True, text=True, timeout=60)
    assert done.returncode == want, done.stdout + done.stderr
    return done.stdout if want == 0 else done.stderr


@pytest.fixture(scope="module")
def two(pki):
    """Two gateways, each with its status page."""
    both = []
    for _ in range(2):
        port = free_port()
        both.append((Standard(pki, **{"status": "127.0.0.1:%d" % port}),
                     "http://127.0.0.1:%d" % port))
    yield both
    for std, _ in both:
        std.close()


def test_merged(two):
    for n, (std, _) in enumerate(two, 1):
        with std.connect("X") as c:
            for _ in range(n):
                c.deliver(simple(), xoorg="contoso.com")
                c.mail("a@fabrikam.example", "XOORG=Fabrikam.example", want=550)
            c.mail("a@b.example", "XOORG=only%d.example" % n, want=550)
    urls = [x for _, url in two for x in ("--status", url)]
    rows = {x["originator_org"].lower(): x for x in json.loads(run("--json", *urls))}
    assert rows["contoso.com"]["messages"]["verified"] == 3
    assert rows["contoso.com"]["tenant"] == "contoso"
    assert rows["fabrikam.example"]["messages"]["unknown_org"] == 3
    assert rows["fabrikam.example"]["tenant"] is None
    assert rows["fabrikam.example"]["enforced"] == "reject"
    assert {"only1.example", "only2.example"} <= set(rows)
    text = run("--unknown", *urls)
    assert "contoso.com" not in text and "fabrikam.example" in text.lower()
    assert text.split("\n")[1].split()[0] == "3"
    # One that is silent does not hide the others, and shows in the exit code.
    done = subprocess.run([XOORG, "orgs", "--status", two[0][1], "--status",
                           "http://127.0.0.1:%d" % free_port()], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "contoso.com" in done.stdout and "orgs: http" in done.stderr


ANSWERS = (b"", b"{", b"[]", b"{}", b'{"orgs": 3}', b'{"orgs": [3]}', b'{"orgs": [{}]}',
           b'{"orgs": [{"originator_org": "a", "messages": [], "first": "", "last": ""}]}',
           b'{"orgs": [{"originator_org": 1, "messages": {}, "first": "", "last": ""}]}',
           b"<html>", b"\xff" * 100)
HOSTILE = {"orgs": [{"originator_org": "\x1b[2J\u202e", "tenant": None, "verdict": "\x07",
                     "enforced": "\n", "first": "a", "last": "b", "messages": {"x": 1}}]}


@pytest.fixture
def answer():
    """A server that gives one answer."""
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(self.server.status)
            self.end_headers()
            self.wfile.write(self.server.body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    server.url = "http://127.0.0.1:%d/" % server.server_port
    server.status = 200
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("body", ANSWERS, ids=repr)
def test_no_answer_of_ours(answer, body):
    answer.body = body
    assert "orgs: http" in run("--status", answer.url, want=1)


def test_not_found(answer):
    answer.body, answer.status = b'{"orgs": []}', 404
    assert "200" in run("--status", answer.url, want=1)


def test_hostile_names(answer):
    answer.body = json.dumps(HOSTILE).encode()
    text = run("--status", answer.url)
    assert "\x1b" not in text and "\x07" not in text and text.isascii()


@pytest.mark.parametrize("url", ("file:///etc/passwd", "ftp://127.0.0.1/", "127.0.0.1:1", ""))
def test_no_other_protocol(url):
    run("--status", url, want=1)


# --- authorised --------------------------------------------------------------------

CONF = """# ours
hostname = "gw.contoso.com"
tenants = {
  other = { originator_orgs = ["other.example"] };
  contoso = {   /* main */
    originator_orgs = %s   # all of them
    recipient_domains = ["contoso.com"]
  }
}
listeners = { in = { listen = ["127.0.0.1:2525"]; upstream = "mta" } }
upstreams = { mta = { hosts = ["127.0.0.1:10025"] } }
"""
LISTS = (('["contoso.com"]', '["contoso.com", "new.example"]'),
         ('[ "contoso.com" ]', '[ "contoso.com", "new.example" ]'),
         ('("contoso.com", "b.example")', '("contoso.com", "b.example", "new.example")'),
         ('[\n  # first\n  "contoso.com", # main\n  "b.example"  // last ]\n ]',
          '[\n  # first\n  "contoso.com", # main\n  "b.example", "new.example"  // last ]\n ]'))


@pytest.mark.parametrize("before, after", LISTS, ids=[x[0] for x in LISTS])
def test_authorize(tmp_path, before, after):
    conf = tmp_path / "xoorgd.conf"
    conf.write_text(CONF % before)
    conf.chmod(0o640)
    args = ["--authorize", "new.example", "--tenant", "contoso", "--config", str(conf)]
    text = run(*args)
    assert "add \"new.example\" to tenants.contoso.originator_orgs" in text
    assert conf.read_text() == CONF % before, "printed only"
    run(*args, "--write")
    assert conf.read_text() == CONF % after
    assert stat.S_IMODE(conf.stat().st_mode) == 0o640
    assert os.listdir(tmp_path) == ["xoorgd.conf"]
    assert "already contoso's" in run(*args, "--write", want=1)


def test_authorize_in_an_included_file(tmp_path):
    (tmp_path / "d").mkdir()
    part = tmp_path / "d" / "tenants.conf"
    part.write_text('contoso = {\n  originator_orgs = ["contoso.com"]\n}\n')
    link = tmp_path / "link.conf"
    link.symlink_to("d/tenants.conf")
    conf = tmp_path / "xoorgd.conf"
    conf.write_text((CONF % '["x.example"]').replace("contoso = {", "third = {").replace(
        "tenants = {\n", 'tenants = {\n@include "link.conf"\n'))
    whole = conf.read_text()
    text = run("--authorize", "new.example", "--tenant", "contoso", "--config", str(conf),
               "--write")
    assert "%s:2: added" % part in text
    assert part.read_text() == 'contoso = {\n  originator_orgs = ["contoso.com", "new.example"]\n}\n'
    assert conf.read_text() == whole and link.is_symlink()


REFUSED = (("a b", "contoso", 2, "expected a domain"), ('x";', "contoso", 2, "expected a domain"),
           ("*.new.example", "contoso", 2, "expected a domain"),
           ("other.example", "contoso", 1, "already other's"),
           ("new.example", "nobody", 1, "tenants.nobody"))


@pytest.mark.parametrize("org, tenant, want, word", REFUSED, ids=[x[0] for x in REFUSED])
def test_authorize_refused(tmp_path, org, tenant, want, word):
    conf = tmp_path / "xoorgd.conf"
    conf.write_text(CONF % '["contoso.com"]')
    text = run("--authorize", org, "--tenant", tenant, "--config", str(conf), "--write", want=want)
    assert word in text and conf.read_text() == CONF % '["contoso.com"]'
    run("--authorize", org, "--config", str(conf), want=2)
