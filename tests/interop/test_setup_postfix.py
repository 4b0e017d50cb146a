# SPDX-License-Identifier: ISC
"""`xoorg setup --new`, and what `xoorg setup` then prints for Postfix, pasted into a
Postfix as Debian sets it up: no stranger relays through it."""
import re
import subprocess

import pytest

from harness import XOORG, Smtp, simple, wait_until
from mta.world import ALL_CAPS, Recipe
from net import free_port
from postfix import Missing, Postfix

ELSEWHERE = ["victim@outside.example", "victim%outside.example@contoso.com",
             "outside.example!victim@contoso.com", '"victim@outside.example"@contoso.com']


def printed(*args):
    done = subprocess.run([XOORG, "setup", *args], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout


def section(text, where):
    """What is to be pasted there."""
    return "".join(re.findall(r"(?ms)^## %s[^\n]*\n(.*?)(?=^## |\Z)" % re.escape(where), text))


class World:
    def __init__(self, pki, folder, hop, handover):
        ports = [free_port() for _ in range(4)]
        text = printed(
            "--new", "--hostname", "gw.contoso.test", "--tenant", "contoso", "--org",
            "contoso.com", "--mta", "127.0.0.1:%d" % ports[0], "--inbound",
            "127.0.0.1:%d" % ports[1], "--listen", "127.0.0.1:%d" % ports[2],
            "--certificate", pki.gw.cert, "--key", pki.gw.key, "--user", "",
            *(["--handover", handover] if handover else []))
        self.text = text.replace('"127.0.0.1:9025"', '""').replace(
            'trust = "system"', 'trust = "%s"' % pki.ca)
        file = folder / "xoorgd.conf"
        file.write_text(self.text)
        stanzas = printed("--config", str(file), "--for", "postfix")
        services = section(stanzas, "/etc/postfix/master.cf, in place")
        assert services.count(" inet n - y - - smtpd") == 2
        self.mta = Postfix(ports[3], {
            "relay_domains": "contoso.com", "relayhost": "[127.0.0.1]:%d" % hop.port,
            # as Debian sets it up
            "smtpd_recipient_restrictions": "", "mynetworks": "127.0.0.1/32",
            "smtpd_relay_restrictions": "permit_mynetworks permit_sasl_authenticated "
            "defer_unauth_destination",
            **dict(x.split(" = ") for x in section(stanzas, "/etc/postfix/main.cf")
                   .split("\n") if " = " in x),
        }, services.replace(" inet n - y -", " inet n - n -"))


@pytest.fixture(params=["", "proxy", "none"])
def world(request, pki, tmp_path, hop):
    sink = hop(caps=ALL_CAPS)
    try:
        one = World(pki, tmp_path, sink, request.param)
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)
    one.handover, one.sink, one.gw = request.param, sink, None
    try:
        one.mta.start()
        one.gw = Recipe(one.text, str(tmp_path / "gw"))
        yield one
        one.gw.check()
        one.gw.stop()
    finally:
        if one.gw is not None:
            one.gw.kill()
        one.mta.remove()


def test_nobody_relays(world, pki):
    for cert, params in ((None, ""), (pki.exo, ""), (pki.exo, "XOORG=contoso.com"),
                         (pki.exo, "XOORG=fabrikam.com")):
        with Smtp(world.gw.port(), source="127.0.0.2") as c:
            c.hello(cert)
            for recipient in ELSEWHERE:
                c.mail("u@contoso.com", params)
                c.rcpt(recipient, want="454|550|554")
                c.want("RSET", 250)
            c.mail("u@contoso.com", params)
            c.rcpt("r@contoso.com")
            c.data(simple())
    got = world.sink.wait(4, 20)
    assert [m.recipients for m in got] == [["r@contoso.com"]] * 4
    assert wait_until(lambda: world.mta.queued() == 0, 10)
    log = world.mta.log()
    assert len(re.findall(r"postfix/verified/smtpd\S+ [0-9A-F]+: client=", log)) == 1
    assert len(re.findall(r"postfix/ordinary/smtpd\S+ [0-9A-F]+: client=", log)) == 3
    assert ("127.0.0.2" in log) == (world.handover != "none")
