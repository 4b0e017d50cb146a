# SPDX-License-Identifier: ISC
"""A thousand messages by the tool and by swaks: gateway, Postfix, the gateway again,
and a sink that plays Exchange. What comes out is compared with the same messages
sent without anything between. Then Postfix is killed in the middle."""
import hashlib
import json
import os
import re
import shutil
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import XOORG, Config, base_config, free_port, out_config, wait_until
from net import stored
from postfix import Missing, Postfix

KB, MB = 1 << 10, 1 << 20
FULL = int(os.environ.get("XOORG_BIG_RUN", "1000"))
SWAKS = 40			# of them
# (octets, share of what the tool sends): 1 kB to 20 MB
SIZES = ((20 * MB, 4), (5 * MB, 6), (1 * MB, 30), (100 * KB, 80), (30 * KB, 240),
         (4 * KB, 400), (KB, 200))
BY_ID = re.compile(r"<(\d+)\.(\d+)\.\d+@xoorg\.invalid>")


class Sink:
    """`xoorg sink`, and what it has."""

    def __init__(self, folder, *options):
        self.folder = str(folder)
        os.makedirs(self.folder)
        port_file = self.folder + ".port"
        self.process = subprocess.Popen(
            [XOORG, "sink", "--listen", "127.0.0.1:0", "--port-file", port_file,
             "--directory", self.folder, "--quiet", *options])
        assert wait_until(lambda: os.path.exists(port_file) and os.path.getsize(port_file))
        with open(port_file) as f:
            self.port = int(f.read())
        self.address = "127.0.0.1:%d" % self.port

    def count(self):
        return len(stored(self.folder, ".json"))

    def messages(self):
        """(Message-ID, X-OriginatorOrg, XOORG, digest of the body) of each."""
        out = []
        for name in stored(self.folder, ".json"):
            with open(os.path.join(self.folder, name)) as f:
                envelope = json.load(f)
            with open(os.path.join(self.folder, name[:-4] + "eml"), "rb") as f:
                header, _, body = f.read().partition(b"\r\n\r\n")
            fields = dict(re.findall(rb"(?im)^(message-id|x-originatororg):\s*([^\r\n]*)",
                                     header))
            fields = {k.lower().decode(): v.decode() for k, v in fields.items()}
            out.append((fields["message-id"], fields.get("x-originatororg"),
                        envelope["xoorg"], hashlib.sha256(body).hexdigest()))
        return out

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


class World:
    """Gateway, Postfix behind and in front of it, and the sink at the end."""

    def __init__(self, gateway, pki, postfix, folder):
        self.pki = pki
        self.sink = Sink(folder / "exchange", "--certificate", pki.exchange.cert, "--key",
                         pki.exchange.key, "--trust", pki.ca, "--announce-xoorg-to",
                         "gw.contoso.test")
        ports = [free_port(), free_port()]
        mta = type("Mta", (), {"address": "127.0.0.1:%d" % ports[0]})
        config = Config(base_config(pki, mta, mta))
        out = out_config(pki, self.sink, xoorg="message")
        config["listeners"]["in"]["size_limit"] = 100 * MB
        config["listeners"]["out"] = out["listeners"]["out"]
        config["listeners"]["out"]["listen"] = ["127.0.0.1:%d" % ports[1]]
        config["upstreams"]["exchange"] = out["upstreams"]["exchange"]
        for name in ("main", "inbound"):
            config["upstreams"][name]["handover"] = "xclient"
        config["peers"]["local-mta"] = out["peers"]["local-mta"]
        config["workers"] = 2
        self.mta = postfix(ports[0], {
            "smtpd_authorized_xclient_hosts": "127.0.0.1",
            "relayhost": "[127.0.0.1]:%d" % ports[1], "smtp_send_xforward_command": "no"})
        self.gw = gateway(config)
        self.address = "127.0.0.1:%d" % self.gw.port("in")

    def identity(self):
        return ["--tls", "verify", "--tls-name", "gw.contoso.test", "--trust", self.pki.ca,
                "--certificate", self.pki.exo.cert, "--key", self.pki.exo.key,
                "--mail-param", "XOORG=contoso.com"]


@pytest.fixture
def world(gateway, pki, tmp_path):
    mtas, worlds = [], []

    def postfix(port, settings):
        try:
            mtas.append(Postfix(port, settings))
            return mtas[0].start()
        except Missing as why:
            pytest.skip("NO POSTFIX: %s" % why)
    worlds.append(World(gateway, pki, postfix, tmp_path))
    yield worlds[0]
    for one in mtas:
        one.remove()
    worlds[0].sink.stop()


def _send(address, *options):
    return subprocess.run([XOORG, "send", "--from", "u@contoso.com", "--to",
                           "r@contoso.com", "--timeout", "60", "--quiet", *options, address],
                          capture_output=True, text=True, timeout=170)


def _batches():
    """What each run of the tool sends: options."""
    out, seed = [], 1
    for octets, share in SIZES:
        left = max(1, share * (FULL - SWAKS) // 960)
        while left:
            n = min(left, 20)
            framing = ["--bdat", "--chunk", str(max(997, octets // 7))] if len(out) % 3 == 1 \
                else ["--bdat"] if len(out) % 3 == 2 else []
            out.append(["--seed", str(seed), "--size", str(octets), "--count", str(n),
                        "--per-connection", "7", *framing])
            seed += n
            left -= n
    return out


def _swaks(address, folder, i):
    text = folder / ("swaks-%d" % i)
    body = "".join("line %d of %d\n.\n" % (k, i) for k in range(30 + 150 * i))
    text.write_text("From: a@e.example\nTo: r@contoso.com\nMessage-ID: <swaks-%d@e.example>\n"
                    "X-OriginatorOrg: contoso.com\n\n%s" % (i, body))
    done = subprocess.run(["swaks", "--server", address, "--from", "a@e.example",
                           "--to", "r@contoso.com", "--data", "@%s" % text, "--timeout", "60"],
                          capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr


def _key(message_id):
    """Of the tool's messages seed and number, which make a body what it is."""
    match = BY_ID.match(message_id)
    return int(match.group(1)) + int(match.group(2)) - 1 if match else message_id


def test_thousand(world, tmp_path):
    assert shutil.which("swaks")
    plain = Sink(tmp_path / "plain")
    batches = _batches()
    n = sum(int(x[x.index("--count") + 1]) for x in batches) + SWAKS
    with ThreadPoolExecutor(4) as pool:
        for address, options in ((world.address, world.identity()), (plain.address, [])):
            runs = [pool.submit(_swaks, address, tmp_path, i) for i in range(SWAKS)]
            tool = [pool.submit(_send, address, *options, *x) for x in batches]
            for run in runs:
                run.result()
            for run in tool:
                assert run.result().returncode == 0, run.result()
    wait_until(lambda: world.sink.count() >= n, 100, 0.2)
    plain.stop()
    want = {_key(x[0]): x[3] for x in plain.messages()}
    assert len(want) == n
    got = world.sink.messages()
    assert len(got) == n				# none lost, none twice
    for message_id, header, parameter, digest in got:
        assert want.pop(_key(message_id)) == digest, message_id
        is_stranger = message_id.startswith("<swaks-")
        assert (header, parameter) == ((None, None) if is_stranger
                                       else ("contoso.com", "contoso.com")), message_id
    assert want == {}
    assert wait_until(lambda: world.mta.queued() == 0, 20)
    print("\n%d messages through, bodies equal, none lost, none twice" % n)


def _until_taken(world, i, taken, lock):
    """An honest client: again until it hears 250. How often it was told no."""
    for tries in range(60):
        done = _send(world.address, *world.identity(), "--seed", str(1000 + i), "--size",
                     "20000", "--header", "X-Case: %d" % i)
        if done.returncode == 0:
            with lock:
                taken.append(1000 + i)
            return tries
        assert re.match(r"4\d\d |$", done.stdout.strip().split("\n")[-1]), done
        time.sleep(0.2)
    raise AssertionError("message %d was never taken" % i)


def test_upstream_is_killed(world):
    """Postfix dies in mid-run: who heard 250 has his message delivered."""
    n, taken, lock = 120, [], threading.Lock()
    with ThreadPoolExecutor(6) as pool:
        runs = [pool.submit(_until_taken, world, i, taken, lock) for i in range(n)]
        assert wait_until(lambda: len(taken) >= n // 4, 60)
        world.mta.kill()
        time.sleep(1)
        world.mta.start()
        tries = [x.result() for x in runs]
    assert sum(tries) > 0				# it was felt
    assert sorted(taken) == list(range(1000, 1000 + n))

    def keys():
        return [_key(x[0]) for x in world.sink.messages()]
    assert wait_until(lambda: set(keys()) == set(taken), 60, 0.5)
    # Twice: those whose try ended in doubt, and what Postfix itself says again of
    # its queue after the crash.
    print("\n%d taken, %d tries refused, %d twice" % (n, sum(tries), len(keys()) - n))
    assert len(keys()) - n <= sum(tries) + 20
