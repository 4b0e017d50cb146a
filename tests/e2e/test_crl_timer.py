# SPDX-License-Identifier: ISC
"""The cookbook's timer for revocation lists: fetched whole or not at all, and the gateway
reloads only for news."""
import functools
import http.server
import os
import re
import shutil
import subprocess
import threading

import pytest

from harness import REPO, Smtp, base_config, wait_until
from net import Closed
from pki import EXO

FOLDER = os.path.join(REPO, "doc", "cookbook", "crl")


@pytest.fixture
def web(tmp_path):
    folder = tmp_path / "web"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.func.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, "http://127.0.0.1:%d/" % server.server_address[1]
    server.shutdown()
    server.server_close()


def fetch(file, urls, reload):
    return subprocess.run(["sh", os.path.join(FOLDER, "xoorg-crl")], capture_output=True,
                          text=True, timeout=60, env=dict(
                              os.environ, URLS=" ".join(urls), FILE=str(file), RELOAD=reload))


def publish(pki, kind, web, name, form="DER"):
    """All lists in the PKI's file, each at a place of its own, as CAs have them."""
    with open(pki.crl(kind)) as f:
        lists = re.findall(r"-----BEGIN.*?-----END[^\n]*\n", f.read(), re.S)
    for i, text in enumerate(lists):
        subprocess.run(["openssl", "crl", "-outform", form, "-out", web[0] / (str(i) + name)],
                       check=True, timeout=20, input=text.encode())
    return [web[1] + str(i) + name for i in range(len(lists))]


@pytest.mark.parametrize("form", ["DER", "PEM"])
def test_fetch(pki, web, tmp_path, form):
    file, told = tmp_path / "crl.pem", tmp_path / "told"
    urls = publish(pki, "good", web, "a.crl", form)
    done = fetch(file, urls, "touch %s" % told)
    assert done.returncode == 0, done
    assert file.read_text().count("BEGIN X509 CRL") == len(urls) == 2 and told.exists()
    assert os.stat(file).st_mode & 0o777 == 0o644
    # The same again is no news.
    told.unlink()
    assert fetch(file, urls, "touch %s" % told).returncode == 0 and not told.exists()
    assert sorted(os.listdir(tmp_path)) == ["crl.pem", "web"]


@pytest.mark.parametrize("second", ["absent.crl", "page.html", "empty.crl"])
def test_all_or_nothing(pki, web, tmp_path, second):
    file, told = tmp_path / "crl.pem", tmp_path / "told"
    file.write_text("old")
    (web[0] / "page.html").write_text("<html>not found</html>")
    (web[0] / "empty.crl").write_text("")
    done = fetch(file, publish(pki, "good", web, "a.crl") + [web[1] + second],
                 "touch %s" % told)
    assert done.returncode != 0 and file.read_text() == "old" and not told.exists()
    assert sorted(os.listdir(tmp_path)) == ["crl.pem", "web"]


def test_revoked_from_then_on(gateway, hop, pki, web, tmp_path):
    """A certificate that its CA revokes has no XOORG once the timer has run."""
    file = tmp_path / "crl.pem"
    shutil.copyfile(pki.crl("missing"), file)
    config = base_config(pki, hop(), hop())
    config["tls"]["default"].update(crl="soft", crl_file=str(file))
    gw = gateway(config)
    port = int(config["listeners"]["in"]["listen"][0].split(":")[1])

    def second_ehlo():
        with Smtp(port) as c:
            c.ehlo()
            c.starttls(pki.case("C43", EXO))
            return c.cmd("EHLO x").code
    assert second_ehlo() == 250
    gw.crashes_allowed = 1			# old workers go
    done = fetch(file, publish(pki, "good", web, "a.crl"),
                 "kill -HUP %d" % gw.process.pid)
    assert done.returncode == 0, done

    def is_refused():
        try:
            return second_ehlo() == 454
        except (AssertionError, Closed, OSError):	# an old worker, on its way out
            return False
    assert wait_until(is_refused)


def test_units(tmp_path):
    """systemd reads them; the script's place is the page's."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("NO systemd-analyze")
    for name in ("xoorg-crl.service", "xoorg-crl.timer"):
        with open(os.path.join(FOLDER, name)) as f:
            (tmp_path / name).write_text(f.read().replace(
                "/usr/local/sbin/xoorg-crl", os.path.join(FOLDER, "xoorg-crl")))
    os.chmod(tmp_path, 0o755)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           tmp_path / "xoorg-crl.timer"], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0 and "xoorg-crl" not in done.stderr, done
