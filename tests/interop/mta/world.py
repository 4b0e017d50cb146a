# SPDX-License-Identifier: ISC
"""One MTA in one place: what stands around it, on loopback."""
import contextlib
import glob
import json
import os
import re
import shutil
import subprocess
import tempfile

from harness import CAPS, XOORG, Config, Gateway, Hop, Smtp, wait_until
from net import free_port

from . import MTAS, Missing
from .recipes import SHOWN, handed_over, render, text_of

ALL_CAPS = tuple(x for x in CAPS if not x.startswith("SIZE")) + ("SIZE 157286400",)
VALID = ["u@contoso.com", "r@contoso.com", "postmaster@contoso.com", "用户@contoso.com"] + \
    ["r%d@contoso.com" % i for i in range(100) if i % 10 != 7]
REFUSED = [i for i in range(100) if i % 10 == 7]
REFUSAL = "550 5.1.1 Exchange does not know"


@contextlib.contextmanager
def world_folder(name):
    """Not below pytest's folder: MTAs change user and could not enter."""
    folder = tempfile.mkdtemp(prefix="interop-%s-" % name)
    os.chmod(folder, 0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def quoted(*values):
    return ", ".join('"%s"' % x for x in values)


class Recipe(Gateway):
    """A gateway with a configuration file of the cookbook."""

    def __init__(self, text, folder):
        self.text = text
        os.makedirs(folder)
        listens = re.findall(r'listen = \["([^"]+)"\]', text)
        super().__init__(Config(listeners={x: {"listen": [x]} for x in listens}),
                         folder=folder)

    def write(self, config=None, text=None):
        super().write(text=self.text)

    def port(self, listener=None):
        return int(list(self.config["listeners"])[0].rpartition(":")[2])


class World:
    """One MTA in one place, and who stands around it."""

    def __init__(self, name, direction, folder, pki):
        self.name, self.direction, self.pki = name, direction, pki
        self.gw = self.gw_tls = self.mta = None
        certs = os.path.join(folder, "certs")
        os.makedirs(certs)
        for short, host in (("gw", "gw.contoso.com"), ("mta", "mta.contoso.com"),
                            ("exchange", "mail.contoso.com")):
            # Sendmail sends the leaf alone.
            made = pki.make("cookbook-" + short, host,
                            issuer="root" if short == "mta" else "inter")
            os.symlink(made.cert, os.path.join(certs, short + ".pem"))
            os.symlink(made.key, os.path.join(certs, short + ".key"))
        os.symlink(pki.ca, os.path.join(certs, "ca.pem"))
        self.values = {
            **SHOWN, "USER": 'user = ""\n', "PKI": certs, "CERTS": certs,
            "TRUST": os.path.join(certs, "ca.pem"), "LISTEN": "127.0.0.1",
            "SMTP_PORT": free_port(), "VERIFIED_PORT": free_port(),
            "ORDINARY_PORT": free_port(), "MTA_PORT": free_port(), "OUT_PORT": free_port(),
            "NEXT_HOP": "127.0.0.1", "EXCHANGE": "127.0.0.1",
        }
        verified, ordinary = (self.values[x + "_PORT"] for x in ("VERIFIED", "ORDINARY"))
        self.values.update(VERIFIED="127.0.0.1:%d" % verified,
                           ORDINARY="127.0.0.1:%d" % ordinary,
                           INTERFACES="[127.0.0.1]:%d ; [127.0.0.1]:%d" % (verified, ordinary))
        self.hop = Hop(caps=ALL_CAPS)
        self.values["NEXT_HOP_PORT"] = self.hop.port
        self.folder = folder
        mta_values = dict(self.values, MTA_ETC="/etc", MTA_CERTS="/etc/certs",
                          MTA_TRUST="/etc/certs/ca.pem")
        self.mta = MTAS[name](os.path.join(folder, "mta"), direction, mta_values, VALID)
        self.sink = None

    def start(self):
        os.makedirs(self.mta.folder)
        self.mta.prepare()
        if self.direction == "in-front":
            self._start_sink()
        else:
            self.mta.start()
        self.gw = Recipe(self.gateway_text(self.values["SMTP_PORT"]), os.path.join(self.folder, "gw"))
        if self.direction == "in-front":
            self.mta.start()
        return self

    def gateway_values(self, port):
        """Of gateway/xoorgd.conf."""
        values = dict(
            self.values, STATUS='""', LISTEN=quoted("127.0.0.1:%d" % port), MODE='"enforce"',
            CERTIFICATE=quoted(os.path.join(self.values["CERTS"], "gw.pem")),
            KEY=quoted(os.path.join(self.values["CERTS"], "gw.key")),
            TRUST=quoted(self.values["TRUST"]), VERIFIED_HOST=quoted(self.values["VERIFIED"]),
            ORDINARY_HOST=quoted(self.values["ORDINARY"]),
            BACK_LISTEN=quoted("127.0.0.1:%d" % self.values["OUT_PORT"]),
            EXCHANGE_HOST=quoted("%s:%s" % (self.values["EXCHANGE"],
                                            self.values.get("EXCHANGE_PORT", 25))))
        return handed_over(self.name, self.mta.handover, values)

    def gateway_text(self, port):
        if self.direction == "behind":
            return render(text_of("gateway/xoorgd.conf"), self.gateway_values(port))
        return render(text_of("gateway/in-front.conf"), self.gateway_values(port))

    def tls_gateway(self):
        """The same gateway, with TLS towards the MTA."""
        if self.gw_tls is None:
            more = render(text_of("upstream-tls.conf"),
                          dict(self.values, TRUST=quoted(self.values["TRUST"])))
            text = self.gateway_text(free_port())
            text = re.sub(r'(\t\thosts = [^\n]*\n)', lambda m: m.group(1) + more, text)
            self.gw_tls = Recipe(text, os.path.join(self.folder, "gw-tls"))
        return self.gw_tls

    def _start_sink(self):
        if not os.path.exists(XOORG):
            raise Missing("no %s" % XOORG)
        self.mail = os.path.join(self.folder, "mail")
        os.makedirs(self.mail)
        port_file = os.path.join(self.folder, "port")
        args = [XOORG, "sink", "--listen", "127.0.0.1:0", "--port-file", port_file,
                "--directory", self.mail, "--hostname", "mail.contoso.com",
                "--certificate", os.path.join(self.values["CERTS"], "exchange.pem"),
                "--key", os.path.join(self.values["CERTS"], "exchange.key"),
                "--trust", self.pki.ca, "--announce-xoorg-to", "gw.contoso.com",
                "--extensions", "SIZE=157286400 PIPELINING DSN ENHANCEDSTATUSCODES 8BITMIME "
                "BINARYMIME CHUNKING SMTPUTF8", "--quiet"]
        for i in REFUSED:
            args += ["--refuse", "rcpt:r%d@elsewhere.example=%s r%d" % (i, REFUSAL, i)]
        args += ["--refuse", "rcpt:no@elsewhere.example=%s no" % REFUSAL]
        self.sink = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                     stdout=open(os.path.join(self.folder, "sink.log"), "wb"),
                                     stderr=subprocess.STDOUT)
        assert wait_until(lambda: os.path.exists(port_file) and open(port_file).read(), 10)
        with open(port_file) as f:
            self.values["EXCHANGE_PORT"] = int(f.read())

    def stop(self):
        problems = []
        for one in (self.gw, self.gw_tls):
            if one is not None and one.process is not None:
                try:
                    one.check()
                    one.stop()
                except AssertionError as error:
                    problems.append(str(error))
                finally:
                    one.kill()
        self.mta.stop()
        if self.sink:
            self.sink.kill()
            self.sink.wait(5)
        self.hop.stop()
        assert not problems, problems

    # behind -----------------------------------------------------------------------

    def connect(self, tls=True, gw=None, **how):
        c = Smtp((gw or self.gw).port(), source="127.0.0.2", timeout=20, **how)
        c.hello(self.pki.exo, tls=tls, name="exo.example")
        return c

    def only_with(self, caps):
        """The next hop announces just these from now on."""
        # An MTA may keep a connection for a while, OpenSMTPD for ten seconds.
        assert wait_until(lambda: not self.hop._live, 20, 0.05)
        self.hop.caps = self.hop.caps_tls = list(caps)

    # in front -----------------------------------------------------------------------

    def client(self):
        c = Smtp(self.values["MTA_PORT"], timeout=20)
        c.ehlo()
        return c

    def mails(self):
        """What Exchange got: (envelope, content)."""
        out = []
        for file in sorted(glob.glob(os.path.join(self.mail, "*.json"))):
            with open(file, encoding="utf-8") as f:
                envelope = json.load(f)
            with open(file[:-5] + ".eml", "rb") as f:
                out.append((envelope, f.read()))
        return out

    def wait_mails(self, n, timeout=30.0):
        wait_until(lambda: len(glob.glob(os.path.join(self.mail, "*.json"))) >= n, timeout,
                   0.05)
        got = self.mails()
        assert len(got) == n, "%d mails at Exchange, want %d: %s\n%s\n%s" % (
            len(got), n, [(e["mail_from"], e["rcpts"]) for e, _ in got],
            self.gw.log()[-1500:], self.mta.log()[-3000:])
        return got

    def clear(self):
        if self.direction == "in-front":
            for file in glob.glob(os.path.join(self.mail, "*")):
                os.unlink(file)
            open(os.path.join(self.folder, "sink.log"), "a").close()
        self.hop.clear()
        self.gw.skip_log()
