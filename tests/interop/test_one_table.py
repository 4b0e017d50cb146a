# SPDX-License-Identifier: ISC
"""One socketmap server: what `postmap -q` prints of a key is what the gateway goes by."""
import json
import os
import subprocess
import tempfile

import pytest

from harness import Smtp, base_config, simple
from net import free_port
from postfix import Missing, Postfix
from tenant_servers import Socketmap

RECORD = {"name": "fabrikam", "originator_orgs": ["fabrikam.com", "*.fabrikam.com"],
          "recipient_domains": ["fabrikam.com"]}


@pytest.fixture
def server():
    """Where Postfix' own user may go, too."""
    with tempfile.TemporaryDirectory(prefix="xoorg-map-") as folder:
        os.chmod(folder, 0o755)
        one = Socketmap(folder)
        os.chmod(one.path, 0o777)
        one.put(RECORD)
        yield one
        one.stop()


@pytest.fixture
def postmap(server):
    try:
        mta = Postfix(free_port(), {})
        mta.start()
    except Missing as why:
        pytest.skip("NO POSTFIX: %s" % why)

    def run(key):
        done = subprocess.run(
            [os.path.join(mta.root, "usr/sbin/postmap"), "-q", key,
             "socketmap:unix:%s:tenants" % server.path], env=mta.env, capture_output=True,
            text=True, timeout=60, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout.strip()
    yield run
    mta.remove()


def test_both_ask(server, postmap, gateway, pki, hop):
    one = hop()
    gw = gateway(base_config(pki, one, hop(), tenant_tables=[
        "socketmap:unix:%s:tenants" % server.path], tenant_fresh=0, tenant_nobody_fresh=0,
        tenant_lookup_timeout=1))

    def mail(org):
        with Smtp(gw.port()) as c:
            c.hello(pki.exo)
            return c.cmd("MAIL FROM:<u@%s> XOORG=%s" % (org, org))
    for org, key in (("nobody.example", "org:nobody.example"), ("com", "org:*.com")):
        assert postmap(key) == (1, "")
        assert mail(org).matches("550 5.7.1|501")
    for org, key in (("fabrikam.com", "org:fabrikam.com"), ("eu.fabrikam.com",
                                                            "org:*.fabrikam.com")):
        status, value = postmap(key)
        assert status == 0 and json.loads(value) == RECORD
        assert mail(org).code == 250
    server.lie = b"5:TEMP ,"
    assert postmap("org:fabrikam.com")[0] == 1
    assert mail("fabrikam.com").matches("451 4.3.0")
    server.lie = None
    with Smtp(gw.port()) as c:
        c.hello(pki.exo)
        c.deliver(simple(), "u@fabrikam.com", "r@fabrikam.com", xoorg="fabrikam.com")
    assert one.one().fields("X-OriginatorOrg") == ["fabrikam.com"]
    assert {x.split(" ")[0] for x in server.asked} == {"tenants"}
