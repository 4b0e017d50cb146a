# SPDX-License-Identifier: ISC
"""`xoorg check`: warnings, what differs from the defaults, and what runs (--live);
`xoorg probe --as-exchange-online`: a listener as Microsoft sees it."""
import ctypes
import email.utils
import json
import os
import re
import shutil
import subprocess
import time

import pytest

from dns import Dns, reverse
from harness import (CAPS, XOORG, base_config, check_config, free_port, out_config, rows,
                     server_context)
from pki import EXCHANGE, EXO, GATEWAY


def run(*args, ca=None, **env):
    if ca:
        env.update(SSL_CERT_FILE=ca, SSL_CERT_DIR="/nonexistent")
    done = subprocess.run([XOORG, *map(str, args)], capture_output=True, text=True, timeout=90,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, **env))
    assert "Sanitizer" not in done.stderr, done
    return done


def found(done):
    """The rows: (kind, name) -> [(result, text)]; the exit code is the worst of them."""
    report = json.loads(done.stdout)
    out = {}
    for row in report["findings"]:
        out.setdefault((row["kind"], row["name"]), []).append((row["result"], row["text"]))
    worst = max(("ok", "warning", "critical").index(r["result"]) for r in report["findings"])
    assert done.returncode == worst
    assert report["result"] == ("ok", "warning", "critical")[worst]
    return out


def one(rows_, *key):
    assert len(rows_[key]) == 1, rows_
    return rows_[key][0]


@pytest.fixture
def file(tmp_path):
    def write(config):
        path = tmp_path / "xoorgd.conf"
        path.write_text(config if isinstance(config, str) else config.text())
        return path
    return write


class Place:
    def __init__(self, port=10025):
        self.address = "127.0.0.1:%d" % port


# --- what is printed -----------------------------------------------------------------

def test_changed(file, pki):
    """What is printed is a configuration that means the same, and no more than that."""
    path = file(base_config(pki, Place(), Place(10026), limits={"errors": 7}))
    whole = run("check", path).stdout
    few = run("check", "-n", path).stdout
    assert few == run("check", "--changed", path).stdout
    assert len(few.split("\n")) < len(whole.split("\n")) / 2
    assert "errors = 7" in few and "recipients" not in few.split("tenants")[0]
    assert 'hostname = "gw.contoso.test"' in few and "workers = 1\n" in few
    assert "log_format" in whole and "log_format" not in few
    assert set(few.split("\n")) <= set(whole.split("\n"))
    again = file(few)
    assert run("check", again).stdout == whole


def test_changed_nothing(file, pki):
    """A value that is written out and is the default is not printed."""
    config = base_config(pki, Place(), Place(10026))
    config.set("listeners.in.mode", "enforce").set("upstreams.main.tls", "none")
    few = run("check", "-n", file(config)).stdout
    assert "mode" not in few and "tls =" not in few.split("upstreams")[1]


def test_json(file, pki):
    path = file(base_config(pki, Place(), Place(10026)).set("status", "0.0.0.0:9025"))
    rows_ = found(run("check", "--json", path))
    result, text = one(rows_, "configuration", "status-public")
    assert result == "warning" and re.match(r".*xoorgd\.conf:\d+: warning: status: ", text)


def test_json_error(file, pki):
    done = run("check", "--json", file(base_config(pki, Place()).set("workers", -1)))
    assert done.returncode == 2
    result, text = one(found(done), "configuration", "")
    assert result == "critical" and "workers" in text


def test_certificates_are_told_of(file, pki):
    own = pki.make("check-ended", GATEWAY, days=(-30, -1))
    config = base_config(pki, Place(), Place(10026))
    config["tls"]["default"].update(certificate=own.cert, key=own.key)
    path = file(config)
    done = run("check", path)
    assert done.returncode == 0 and "[certificate-expired]" in done.stderr
    assert "warning:" not in done.stdout
    assert check_config(str(path))[1].count("certificate-expired") == 1


def test_error(file, pki):
    done = run("check", file(base_config(pki, Place()).set("workers", -1)))
    assert (done.returncode, done.stdout) == (1, "") and "workers" in done.stderr


# --- what runs -----------------------------------------------------------------------

def is_in_step():
    """As the kernel has it: TIME_ERROR is 5."""
    return ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(512)) != 5


@pytest.fixture
def dns():
    started = []

    def make(table):
        started.append(Dns(table))
        return started[-1]
    yield make
    for x in started:
        x.stop()


HOME = {(GATEWAY, "A"): ["127.0.0.1"], ("contoso.com", "MX"): [(10, GATEWAY)]}


@pytest.fixture
def live(gateway, hop, pki, dns):
    """A gateway that runs between two next hops, and its configuration, looked at."""
    def look(rows_=HOME, *, ca=None, listener=None, upstream=None, start=True, **main):
        main.setdefault("xclient", True)
        one_, two = look.hops = hop(**main), hop()
        config = base_config(pki, one_, two, resolver=dns(rows_).address,
                             listeners__in__upstream="main")
        config["upstreams"]["main"].update({"handover": "xclient"}, **(upstream or {}))
        config["listeners"]["in"].update(listener or {})
        if start:
            gw = gateway(config)
            path = gw.file
        else:
            path = os.path.join(os.path.dirname(pki.ca), "check-%d.conf" % free_port())
            with open(path, "w") as out:
                out.write(config.text())
        return found(run("check", "--live", "--json", "--timeout", 5, path, ca=ca or pki.ca))
    return look


def test_all_is_well(live):
    rows_ = live()
    assert one(rows_, "listener", "in")[0] == "ok"
    assert "not offered XOORG" in one(rows_, "listener", "in")[1]
    assert one(rows_, "upstream", "main") == ("ok", "it answers in clear text, XCLIENT")
    assert one(rows_, "upstream", "inbound")[0] == "ok"
    assert one(rows_, "dns", "") == ("ok", GATEWAY + " is there, at a private address")
    assert one(rows_, "mx", "contoso.com") == ("ok", GATEWAY)
    assert one(rows_, "clock", "")[0] == ("ok" if is_in_step() else "warning")
    assert all(result == "ok" for key, list_ in rows_.items() for result, _ in list_
               if key[0] not in ("clock", "configuration"))


def test_nobody_listens(live):
    rows_ = live(start=False)
    result, text = one(rows_, "listener", "in")
    assert result == "critical" and "refused" in text
    assert one(rows_, "upstream", "main")[0] == "ok"


def test_no_xclient(live):
    result, text = one(live(xclient=False), "upstream", "main")
    assert result == "critical" and "XCLIENT" in text and "smtpd_authorized_xclient_hosts" in text


def test_proxy_upstream(live):
    """It gets its header, and what comes after is read."""
    for handover in ("proxy", "proxy-v2"):
        rows_ = live(upstream={"handover": handover}, proxy=True, xclient=False)
        assert one(rows_, "upstream", "main")[0] == "ok", handover


def test_lmtp_upstream(live):
    rows_ = live(upstream={"protocol": "lmtp"}, lmtp=True, start=False)
    assert one(rows_, "upstream", "main")[0] == "ok"
    assert [x.split()[0] for x in live.hops[0].lines()] == [b"LHLO", b"QUIT"]


@pytest.mark.parametrize("id, script, words", rows(
    ("banner", {"banner": "554 5.7.1 go away"}, "refuses the connection with 554 5.7.1 go away"),
    ("ehlo", {"ehlo": "421 4.3.2 later"}, "refuses EHLO with 421 4.3.2 later")))
def test_upstream_refuses(live, id, script, words):
    result, text = one(live(script=script), "upstream", "main")
    assert result == "critical" and words in text


def test_other_certificate_in_the_file(gateway, hop, pki, dns, tmp_path):
    """Renewed and not reloaded: what is shown is not what the file has."""
    names = {"certificate": str(tmp_path / "gw.pem"), "key": str(tmp_path / "gw.key")}

    def install(own):
        shutil.copyfile(own.cert, names["certificate"])
        shutil.copyfile(own.key, names["key"])
    install(pki.gw)
    config = base_config(pki, hop(), hop(), resolver=dns(HOME).address)
    config["tls"]["default"].update(names)
    gw = gateway(config)
    assert one(found(run("check", "--live", "--json", gw.file, ca=pki.ca)),
               "listener", "in")[0] == "ok"
    install(pki.make("check-renewed", GATEWAY))
    assert one(found(run("check", "--live", "--json", gw.file, ca=pki.ca)),
               "listener", "in") == (
        "warning", "it shows another certificate than its file has: reload")


def test_unknown_ca(live, pki):
    """What no CA of the system vouches for, no connector accepts."""
    result, text = one(live(ca=pki.case("C08").cert), "listener", "in")
    assert result == "warning" and "no CA of this system" in text


@pytest.mark.parametrize("id, table, result, words", rows(
    ("absent", {}, "warning", "finds nobody"),
    ("ptr", {(GATEWAY, "A"): ["203.0.113.9"], (reverse("203.0.113.9"), "PTR"): [GATEWAY]},
     "ok", "called so"),
    ("ptr-other", {(GATEWAY, "A"): ["203.0.113.9"],
                   (reverse("203.0.113.9"), "PTR"): ["x.example"]}, "warning", "x.example"),
    ("ptr-none", {(GATEWAY, "A"): ["203.0.113.9"]}, "warning", "missing")))
def test_dns(live, id, table, result, words):
    rows_ = live(table)
    got = one(rows_, "dns", GATEWAY if id == "absent" else "")
    assert got[0] == result and words in got[1]


@pytest.mark.parametrize("id, seconds, told", rows(
    ("now", 0, False), ("minute", 60, False), ("late", -3600, True), ("early", 3600, True)))
def test_clock_of_a_neighbour(live, id, seconds, told):
    """Exchange tells the time in its banner."""
    text = email.utils.formatdate(time.time() + seconds, usegmt=False)
    rows_ = live(script={"banner": "220 mail.contoso.test Microsoft ESMTP MAIL Service ready "
                                   "at " + text})
    words = [t for _, t in rows_["upstream", "main"]]
    assert any("its clock and ours differ" in t for t in words) == told, rows_


def exchange(hop, pki, cert=None, **how):
    how.setdefault("caps_tls", CAPS + ("XOORG",))
    return hop(tls=server_context(cert or pki.exchange, client_ca=pki.ca), **how)


@pytest.mark.parametrize("id, how, cert, setting, result, words", rows(
    ("good", {}, None, {}, "ok", "XOORG"),
    ("no-xoorg", {"caps_tls": CAPS}, None, {}, "warning", "XOORG is not announced to us"),
    ("required", {"caps_tls": CAPS}, None, {"require_xoorg": True}, "critical",
     "XOORG is not announced to us"),
    ("other-name", {}, "other_name", {}, "critical", "does not carry the name " + EXCHANGE),
    ("expired", {}, "C06", {}, "critical", "expired"),
    ("ends", {}, "ends", {}, "warning", "its certificate ends")))
def test_to_exchange(file, hop, pki, dns, id, how, cert, setting, result, words):
    certs = {"other_name": lambda: pki.other_name, "C06": lambda: pki.case("C06", EXCHANGE),
             "ends": lambda: pki.make("check-ends", EXCHANGE, days=(-30, 3))}
    server = exchange(hop, pki, cert and certs[cert](), **how)
    config = out_config(pki, server, xoorg="contoso.com", **setting)
    config["resolver"] = dns(HOME).address
    rows_ = found(run("check", "--live", "--json", "--timeout", 5, file(config)))
    assert any(r == result and words in t for r, t in rows_["upstream", "exchange"]), rows_
    assert (result == "ok") == ({r for r, _ in rows_["upstream", "exchange"]} == {"ok"})


def test_as_each_tenant(file, hop, pki, dns, tmp_path):
    """With the certificate of each whose mail goes there, out of the folder as well: one
    that the server does not accept is found. Of many tenants the first are enough."""
    server = exchange(hop, pki)
    config = out_config(pki, server, client_certificate="tenant", client_key=None)
    config["resolver"] = dns(HOME).address
    foreign = pki.make("check-foreign", "fabrikam.com", issuer="other")
    folder = tmp_path / "tenants"
    folder.mkdir()
    del config["tenants"]["fabrikam"]["client_certificate"]
    del config["tenants"]["fabrikam"]["client_key"]
    config["tenants"]["adatum"] = {"originator_orgs": ["adatum.com"]}
    config["tenant_certificates"] = str(folder)
    text = open(foreign.key).read() + open(foreign.cert).read()
    (folder / "fabrikam.pem").write_text(text)
    os.chmod(folder / "fabrikam.pem", 0o640)

    def look():
        report = json.loads(run("check", "--live", "--json", "--timeout", 5,
                                file(config)).stdout)
        return {x["where"].partition(" as ")[2]: x for x in report["findings"]
                if x["kind"] == "upstream" and x["name"] == "exchange"}
    seen = look()
    assert sorted(seen) == ["contoso", "fabrikam"]
    assert seen["contoso"]["result"] == "ok"
    assert seen["fabrikam"]["result"] == "critical"
    for i in range(20):
        config["tenants"]["t%d" % i] = {"originator_orgs": ["t%d.example" % i]}
        (folder / ("t%d.pem" % i)).write_text(text)
    seen = look()
    assert len(seen) == 17 and seen[""]["text"] == "looked at as 16 of 22 tenants"


def test_no_starttls(file, hop, pki, dns):
    config = out_config(pki, hop())
    config["resolver"] = dns(HOME).address
    rows_ = found(run("check", "--live", "--json", "--timeout", 5, file(config)))
    assert ("critical", "STARTTLS is not announced, and tls is not \"none\"") in \
        rows_["upstream", "exchange"]


def test_text_is_for_monitoring(file, pki):
    """The first line sums up, as plugins do; the worst comes first."""
    done = run("check", "--live", "--timeout", 2, file(base_config(
        pki, Place(free_port()), Place(free_port()), resolver="127.0.0.1:%d" % free_port())))
    lines = done.stdout.split("\n")
    assert done.returncode == 2 and re.match(r"XOORG CRITICAL - \d+ critical, \d+ warn", lines[0])
    levels = [x.split()[0] for x in lines[1:] if x]
    assert levels == sorted(levels, key=("critical", "warning", "ok").index)


# --- as Exchange Online ----------------------------------------------------------------

@pytest.fixture
def looked_at(gateway, hop, pki):
    def look(*args, cert=None, own=None, ca=None, name=GATEWAY, **changes):
        config = base_config(pki, hop(), hop())
        for key, value in changes.items():
            config.set(key.replace("__", "."), value)
        if own:
            config["tls"]["default"].update(certificate=own.cert, key=own.key)
        gw = gateway(config)
        shown = ("--certificate", cert.cert, "--key", cert.key) if cert else ()
        done = run("probe", "--as-exchange-online", "--json", "--timeout", 5, "--trust",
                   ca or pki.ca, "--tls-name", name, *shown, *args,
                   config["listeners"]["in"]["listen"][0])
        return {kind: list_ for (kind, _), list_ in found(done).items()}
    return look


def test_as_exchange_online(looked_at, pki):
    rows_ = looked_at(cert=pki.exo)
    assert {r for list_ in rows_.values() for r, _ in list_} == {"ok"}, rows_
    assert rows_["stranger"] == [("ok", "without a certificate there is no XOORG")]
    assert rows_["forger"][0][1].endswith("is refused: 454 4.7.5 Certificate validation failure")
    assert rows_["client"] == [("ok", "XOORG is announced to our certificate for " + EXO)]
    assert [t[:7] for _, t in rows_["tls"]] == ["TLSv1.3", "TLSv1.2"]
    assert rows_["size"] == [("ok", "SIZE 37748736")]


@pytest.mark.parametrize("id, changes, kind, result, words", rows(
    ("peer-other", {"peers__exchange-online__names": ["x.example"]}, "forger", "warning",
     "no peer here has that name"),
    ("peer-other-client", {"peers__exchange-online__names": ["x.example"]}, "client",
     "critical", "XOORG is not announced"),
    ("untrusted", {"peers__exchange-online__bad_certificate": "untrusted"}, "forger", "warning",
     "bad_certificate"),
    ("nobody", {"listeners__in__peers": ["local-mta"]}, "request", "critical",
     "no client certificate is asked for"),
    ("small", {"listeners__in__size_limit": 1000000}, "size", "warning", "SIZE 1000000"),
    ("only-1.3", {"tls__default__minimum": "1.3"}, "tls", "warning", "TLS 1.2 is not spoken")))
def test_as_exchange_online_sees(looked_at, pki, id, changes, kind, result, words):
    rows_ = looked_at(cert=pki.exo, **changes)
    assert any(r == result and words in t for r, t in rows_[kind]), rows_


@pytest.mark.parametrize("id, case, kind, words", rows(
    ("expired", "C06", "chain", "expired"), ("self-signed", "C08", "chain", "self"),
    ("no-intermediate", "C12", "chain", "sent no intermediate"),
    ("other-name", "C10", "name", "TlsDomain")))
def test_as_exchange_online_certificate(looked_at, pki, id, case, kind, words):
    own = pki.case(case, "other.test" if kind == "name" else GATEWAY)
    rows_ = looked_at(own=own)
    assert any(r == "critical" and words in t for r, t in rows_[kind]), rows_


def test_as_exchange_online_open(exchange_like, pki):
    """A server that gives XOORG to anybody, or to a forger, is found out."""
    for caps, kinds in ((("caps_tls",), {"stranger", "forger"}), (("caps",), {"stranger"})):
        server = exchange_like(**{x: CAPS + ("XOORG",) for x in caps})
        done = run("probe", "--as-exchange-online", "--json", "--timeout", 5, "--trust", pki.ca,
                   "--tls-name", EXCHANGE, server.address)
        rows_ = found(done)
        assert done.returncode == 2
        assert {k for (k, _), list_ in rows_.items() for r, _ in list_
                if r == "critical" and k != "request"} == kinds, rows_


@pytest.fixture
def exchange_like(hop, pki):
    def make(**how):
        how.setdefault("caps", CAPS)
        how.setdefault("caps_tls", CAPS)
        context = server_context(pki.exchange, client_ca=pki.ca)
        context.verify_mode = 0
        return hop(tls=context, **how)
    return make


@pytest.mark.parametrize("id, table, result, words", rows(
    ("is", {("contoso.com", "MX"): [(10, GATEWAY)]}, "ok", "is an MX of contoso.com"),
    ("second", {("contoso.com", "MX"): [(5, "a.example"), (10, GATEWAY)]}, "ok", "is an MX"),
    ("other", {("contoso.com", "MX"): [(10, "mx.example")]}, "warning", "mx.example, not gw."),
    ("none", {}, "warning", "not found")))
def test_mx(looked_at, dns, id, table, result, words):
    server = dns(table)
    rows_ = looked_at("--domain", "contoso.com", "--resolver", server.address)
    assert len(rows_["mx"]) == 1
    assert rows_["mx"][0][0] == result and words in rows_["mx"][0][1]
