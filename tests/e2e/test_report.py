# SPDX-License-Identifier: ISC
"""xoorg report: a log added up, text and JSON alike; hostile values stay text."""
import json
import subprocess

import pytest

from harness import XOORG, simple

TIME = "2026-11-%02dT09:04:55.%03dZ"


def line(day=1, ms=0, is_json=False, **fields):
    fields = dict({"level": "info", "event": "message"}, **fields)
    if is_json:
        return json.dumps(dict({"time": TIME % (day, ms)}, **fields))
    return TIME % (day, ms) + "".join(' %s="%s"' % (k, str(v).replace("\\", "\\\\").replace(
        '"', '\\"').replace("\n", "\\n")) for k, v in fields.items())


def message(verdict, action, reason="delivered", **more):
    return dict({"verdict": verdict, "action": action, "reason": reason, "tenant": "",
                 "xoorg": "", "upstream": "mta"}, **more)


def run(lines, *args, want=0):
    text = lines if isinstance(lines, bytes) else ("\n".join(lines) + "\n").encode()
    done = subprocess.run([XOORG, "report", *args], input=text, capture_output=True, timeout=60)
    assert done.returncode == want, done.stderr
    return done.stdout.decode()


OURS = message("verified", "accept", tenant="contoso", xoorg="contoso.com")
FOREIGN = message("unknown_org", "reject", "unknown-org", xoorg="fabrikam.com", upstream="")
SEEN = message("unknown_org", "demote", xoorg="tailspin.example", would="reject")


@pytest.mark.parametrize("is_json", (False, True))
@pytest.mark.parametrize("before", ("", "Nov 29 09:04:55 gw xoorgd[12]: "))
def test_counts(is_json, before):
    lines = [before + line(is_json=is_json, **x) for x in
             [OURS] * 3 + [FOREIGN] * 2 + [SEEN] + [
                 message("unauthenticated", "demote", "upstream-lost"),
                 {"event": "refused", "reason": "command-unknown"},
                 {"event": "tls", "reason": "unknown issuer"},
                 {"event": "upstream", "upstream": "mta", "reason": "upstream-connect"},
                 {"event": "worker_died", "level": "error"},
                 {"event": "session", "messages": 3}]]
    got = json.loads(run(lines + ["not a line of ours"], "--json"))
    assert got["verdicts"] == {"verified": {"accept": 3}, "unknown_org": {"reject": 2, "demote": 1},
                               "unauthenticated": {"demote": 1}}
    assert got["would"] == {"reject": 1}
    assert got["tenants"] == {"contoso": 3}
    assert got["orgs"]["contoso.com"] == {"messages": 3, "tenant": "contoso",
                                          "verdict": "verified", "would": "accept"}
    assert got["orgs"]["tailspin.example"]["would"] == "reject"
    assert got["refusals"] == {"unknown-org": 2, "upstream-lost": 1, "command-unknown": 1}
    assert got["certificates"] == {"unknown issuer": 1}
    assert got["upstreams"] == {"mta": {"delivered": 4, "failed": 2, "reasons": {
        "upstream-lost": 1, "upstream-connect": 1}}}
    assert got["trouble"] == {"worker_died": 1}


def test_sentence_on_top():
    text = run([line(**x) for x in [OURS] * 3 + [FOREIGN] * 2 + [SEEN]])
    assert ("6 messages: 3 verified, 3 of foreign organisations, 2 refused, 1 demoted to "
            "ordinary mail. Enforcing would have refused 1.") in text
    assert "fabrikam.com (tenant -, unknown_org, reject)" in text


def test_period():
    lines = [line(day=d, **OURS) for d in (1, 2, 3, 4)]
    got = json.loads(run(lines, "--json", "--since", "2026-11-02", "--until", "2026-11-04"))
    assert got["verdicts"]["verified"]["accept"] == 2
    assert got["from"] == TIME % (2, 0) and got["to"] == TIME % (3, 0)
    run(lines, "--since", "2027", want=1)


def test_order_and_top():
    lines = [line(**message("unknown_org", "reject", "unknown-org", xoorg="org%d.example" % n))
             for n in range(20) for _ in range(n + 1)]
    text = run(lines, "--top", "3")
    part = text.split("Originator organisations\n")[1].split("\n")
    assert [x.split()[1] for x in part[:3]] == ["org19.example", "org18.example", "org17.example"]
    assert part[3] == "  and 17 more"


HOSTILE = ("<script>alert(1)</script>", "\x1b[2Jgone", "\"'&", "a\nb", "é", "\\x")


@pytest.mark.parametrize("value", HOSTILE, ids=repr)
@pytest.mark.parametrize("is_json", (False, True))
def test_hostile_values(value, is_json):
    lines = [line(is_json=is_json, **message("unknown_org", "reject", value, xoorg=value,
                                             upstream=value, tenant=value))]
    page = run(lines, "--html")
    assert "<script" not in page and "alert(1)</" not in page
    assert page.count("<tr>") == page.count("</tr>")
    text = run(lines)
    assert "\x1b" not in text and text.isascii()
    assert json.loads(run(lines, "--json"))["verdicts"] == {"unknown_org": {"reject": 1}}


@pytest.mark.parametrize("data", (b"", b"\n\n", b"nothing\n", b"\x00\xff{\n", b"{}\n",
                                  b'{"time": 3}\n', b"2026-11-01T09:04:55.000Z\n",
                                  b"2026-11-01T09:04:55.000Z level\n", b"=" * 5000 + b"\n"))
def test_no_log(data):
    run(data, want=1)


def test_files(tmp_path):
    for n in (1, 2):
        (tmp_path / ("log.%d" % n)).write_text(line(**OURS) + "\n")
    got = json.loads(run([line(**OURS)], "--json", str(tmp_path / "log.1"), "-",
                         str(tmp_path / "log.2")))
    assert got["verdicts"] == {"verified": {"accept": 3}}
    run([], str(tmp_path / "none"), want=2)


def test_log_of_a_gateway(std):
    """As it is really written."""
    with std.connect("X") as c:
        for _ in range(2):
            c.deliver(simple(), xoorg="contoso.com")
        c.mail("u@contoso.com", "XOORG=fabrikam.com", want=550)
        c.quit()
    std.gw.wait_events(3)
    # Others wrote there before.
    with open(std.gw.log_file, "rb") as f:
        f.seek(std.gw.mark)
        got = json.loads(run(f.read(), "--json"))
    assert got["verdicts"] == {"verified": {"accept": 2}, "unknown_org": {"reject": 1}}
    assert got["orgs"]["fabrikam.com"]["messages"] == 1
    assert got["refusals"] == {"unknown-org": 1}
    assert got["upstreams"]["main"]["delivered"] == 2
