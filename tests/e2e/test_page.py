# SPDX-License-Identifier: ISC
"""The status page in a browser: nothing is scrolled sideways, nothing is loaded, and what
strangers send stays text. XOORG_PICTURES=FOLDER keeps what it looks like."""
import os
import subprocess

import pytest

import browser
from harness import BUILD, Smtp, base_config, rows, wait_until
from net import free_port

PAGES = os.path.join(BUILD, "tests", "unit", "test_status_page")
# A phone, a tablet, the width at which the tables change, a screen.
WIDTHS = (390, 600, 735, 740, 1280)
# Pixels of the widest table that are to be scrolled to.
HIDDEN = ("Math.max(...[...document.querySelectorAll('.scroll')]"
          ".map(x => x.scrollWidth - x.clientWidth))")


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    if browser.BINARY is None:
        pytest.skip("no Chromium")
    one = browser.Browser(tmp_path_factory.mktemp("browser"))
    yield one
    one.close()


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("pages"))
    subprocess.run([PAGES], env=dict(os.environ, XOORG_PAGES=folder), check=True, timeout=60)
    return folder


def picture(name, width):
    folder = os.environ.get("XOORG_PICTURES")
    return folder and os.path.join(folder, "%s-%d.png" % (name, width))


STATES = rows(
    ("empty", "All is well; no client has come yet."),
    ("three", "All is well."),
    ("many", "All is well."),
    ("broken", "Not all is well: the upstream postfix (127.0.0.1:10025) cannot be reached"),
)


@pytest.mark.parametrize("name, sentence", STATES)
def test_fits(chromium, pages, name, sentence):
    for width in WIDTHS:
        got = chromium.look("file://%s/%s.html" % (pages, name), width, picture(name, width))
        assert got["wide"] <= width == got["visible"], width
        # Nor is a table, but on a screen that is neither narrow nor wide.
        assert width == 740 or chromium.value(HIDDEN) == 0, width
        assert sentence in got["text"]
        assert got["scripts"] == 0 and got["errors"] == []
    # The sentence is on the first screen of a phone, above all that is counted.
    top = chromium.value("document.querySelector('.state').getBoundingClientRect().bottom")
    assert 0 < top < 400


def test_served(chromium, gateway, pki, hop, tmp_path):
    """As the gateway serves it, under its own policy: style and plot are there, the form
    leads back, and a name that is markup stays text."""
    main = hop()
    gw = gateway(base_config(pki, main, hop(), status="127.0.0.1:%d" % free_port(),
                             listeners__in__mode="observe"))
    url = "http://%s/" % gw.config["status"]
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        for org in ("contoso.com", "xn--evil-b.example"):
            c.cmd("MAIL FROM:<a@contoso.com> XOORG=%s" % org)
            c.cmd("RCPT TO:<b@contoso.com>")
            c.cmd("DATA")
            c.send(b"Subject: x\r\n\r\nx\r\n.\r\n")
            c.reply()
    assert wait_until(lambda: len(gw.events("message")) == 2, 10)
    got = chromium.look(url, 390, picture("served", 390))
    assert "the unknown organisation xn--evil-b.example is waiting; " \
        "1 message would have been refused; " in got["text"]
    assert got["wide"] <= 390 and got["errors"] == []
    assert chromium.value("document.querySelectorAll('svg rect').length") >= 2
    assert chromium.value("getComputedStyle(document.querySelector('.state')).fontWeight") \
        == "600"
    assert all(x.startswith((url, "data:")) for x in got["loaded"]), got["loaded"]
    # By the form, as a person would.
    chromium.seen = []
    chromium.value("document.querySelector('input').value = '<b>con';"
                   "document.querySelector('form').submit()")
    assert wait_until(lambda: chromium.value("location.search") == "?q=%3Cb%3Econ" and
                      "Nothing of that name." in chromium.value("document.body.innerText"), 20)
    assert chromium.value("document.querySelectorAll('body b').length") == 0
    assert '"<b>con" in a name' in chromium.value("document.body.innerText")
