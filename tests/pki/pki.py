#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A throw-away PKI for the tests: root, intermediate, leaves, and the matrix of
good and bad certificates (one row of MATRIX each).

As a script: pki.py DIR writes the standard set into DIR.
"""
import datetime
import ipaddress
import os
import subprocess
import sys
import tempfile
import threading
from collections import namedtuple

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as EKU
from cryptography.x509.oid import NameOID, ObjectIdentifier

EXO = "mail.protection.outlook.com"
GATEWAY = "gw.contoso.test"
EXCHANGE = "mail.contoso.test"

Cert = namedtuple("Cert", "cert key")		# two file names
Node = namedtuple("Node", "cert key chain")	# objects; chain: certificates above

EKUS = {
    "both": [EKU.SERVER_AUTH, EKU.CLIENT_AUTH],
    "server": [EKU.SERVER_AUTH],
    "client": [EKU.CLIENT_AUTH],
    "code": [EKU.CODE_SIGNING],
    "none": None,
}

TRUSTED, UNTRUSTED, REFUSED, HANDSHAKE = "trusted", "untrusted", "refused", "handshake"


def _row(want, title, **how):
    return want, title, how


# id: what the gateway must make of it, in words, and how it is made. {n} is the
# name that the certificate claims. Wants may be several, "|" between them.
MATRIX = {
    "C01": _row(TRUSTED, "good"),
    "C02": _row(TRUSTED, "serverAuth only", eku="server"),
    "C03": _row(TRUSTED, "clientAuth only", eku="client"),
    "C04": _row(TRUSTED, "no EKU", eku="none"),
    "C05": _row(REFUSED, "codeSigning", eku="code"),
    "C06": _row(REFUSED, "expired", days=(-30, -1)),
    "C07": _row(REFUSED, "not yet valid", days=(2, 30)),
    "C08": _row(REFUSED, "self-signed", issuer="self"),
    "C09": _row(REFUSED, "CA twin", issuer="twin"),
    "C10": _row(REFUSED, "other CA", issuer="other"),
    "C11": _row(TRUSTED, "intermediate sent", issuer="inter"),
    "C12": _row(REFUSED, "intermediate missing", issuer="inter", send_chain=False),
    "C13": _row(REFUSED, "leaf as CA", issuer="leaf-ca"),
    "C14": _row(REFUSED, "path length", issuer="pathlen"),
    "C15": _row(REFUSED, "name constraints, permitted", issuer="nc-permitted"),
    "C16": _row(REFUSED, "name constraints, excluded", issuer="nc-excluded"),
    "C17": _row(UNTRUSTED, "CN right, SAN other", cn="{n}", san=["other.example"]),
    "C18": _row(TRUSTED, "SAN right, CN other", cn="other.example", san=["{n}"]),
    "C19": _row(TRUSTED, "CN right, no SAN", cn="{n}", san=[]),
    "C20": _row(UNTRUSTED, "NUL in CN", cn="{n}\0.evil.example", san=[]),
    "C21": _row(UNTRUSTED, "NUL in SAN", cn="other.example",
                san=["{n}\0.evil.example"]),
    "C22": _row(UNTRUSTED, "wildcard, one label", cn="x.example", san=["*.{parent}"]),
    "C23": _row(UNTRUSTED, "wildcard, two labels", cn="x.example", san=["*.{grand}"]),
    "C24": _row(UNTRUSTED, "wildcard, all", cn="x.example", san=["*"]),
    "C25": _row(UNTRUSTED, "wildcard, top level", cn="x.example", san=["*.com", "*.test"]),
    "C26": _row(UNTRUSTED, "wildcard, partial", cn="x.example", san=["m*.{parent}"]),
    "C27": _row(UNTRUSTED, "wildcard, inside", cn="x.example", san=["mail.*.{grand}"]),
    "C28": _row(UNTRUSTED, "wildcard, child", cn="x.example", san=["*.{n}"]),
    "C29": _row(UNTRUSTED, "trailing dot", cn="x.example", san=["{n}."]),
    "C30": _row(TRUSTED, "capitals", cn="x.example", san=["{upper}"]),
    "C31": _row(UNTRUSTED, "mail and URI SAN", cn="x.example", san=[],
                san_mail=["a@{n}"], san_uri=["https://{n}/"]),
    "C32": _row(UNTRUSTED, "two CNs, good first", cns=["{n}", "other.example"], san=[]),
    "C33": _row(UNTRUSTED, "two CNs, good last", cns=["other.example", "{n}"], san=[]),
    "C34": _row(UNTRUSTED, "OU", cn="x.example", ou="{n}", san=[]),
    "C35": _row(UNTRUSTED, "homoglyph", cn="{homoglyph}", san=["{homoglyph_a}"]),
    "C36": _row(REFUSED, "unknown critical extension", critical=True),
    "C37": _row(UNTRUSTED + "|" + REFUSED + "|" + HANDSHAKE, "RSA 1024", key="rsa1024"),
    "C38": _row(UNTRUSTED + "|" + REFUSED + "|" + HANDSHAKE, "SHA-1", hash="sha1"),
    "C39": _row(TRUSTED, "300 SANs", many=300),
    "C40": _row(HANDSHAKE + "|" + UNTRUSTED, "3000 SANs", many=3000),
    "C41": _row(UNTRUSTED + "|" + REFUSED + "|" + HANDSHAKE, "40 intermediates",
                issuer="forty"),
    "C42": _row(TRUSTED, "empty subject, critical SAN", cn=None, san_critical=True),
    "C43": _row(TRUSTED, "revoked (CRL off)", serial=0x4343),
    "C44": _row(TRUSTED, "P-256", key="p256"),
    "C45": _row(TRUSTED, "Ed25519", key="ed25519"),
    "C46": _row(TRUSTED, "RSA 2048", key="rsa2048"),
    "C47": _row(UNTRUSTED, "no certificate"),
    "C48": _row(UNTRUSTED, "CN right, mail SAN", cn="{n}", san=[], san_mail=["a@{n}"]),
    "C49": _row(UNTRUSTED, "CN right, address SAN", cn="{n}", san=[],
                san_ip=["127.0.0.1"]),
    "C50": _row(UNTRUSTED, "CN with a final dot", cn="{n}.", san=[]),
    "C51": _row(UNTRUSTED, "CN with a blank", cn=" {n}", san=[]),
    "C52": _row(TRUSTED, "CN in capitals", cn="{upper}", san=[]),
    "C53": _row(UNTRUSTED, "CN, wildcard", cn="*.{parent}", san=[]),
    "C54": _row(UNTRUSTED, "CN, homoglyph", cn="{homoglyph}", san=[]),
    "C55": _row(REFUSED, "constraints and CN, permitted", cn="{n}", san=[],
                issuer="nc-permitted"),
    "C56": _row(REFUSED, "constraints and CN, excluded", cn="{n}", san=[],
                issuer="nc-excluded"),
    "C57": _row(UNTRUSTED, "constraints and CN beside a SAN", cn="{n}",
                san=["x.contoso.example"], issuer="nc-permitted"),
    "C58": _row(UNTRUSTED, "constraints and wildcard", cn="x.example",
                san=["*.{parent}"], issuer="nc-host"),
    "C59": _row(REFUSED, "constraints of the CA above", issuer="nc-above"),
}

HASHES = {"sha256": hashes.SHA256, "sha1": hashes.SHA1}


def _names(name):
    labels = name.split(".")
    homoglyph = name.replace("a", "\u0430", 1)
    return {
        "n": name, "upper": name.upper(), "parent": ".".join(labels[1:]),
        "grand": ".".join(labels[2:]), "homoglyph": homoglyph,
        "homoglyph_a": ".".join(
            x if x.isascii() else "xn--" + x.encode("punycode").decode()
            for x in homoglyph.split(".")),
    }


class Pki:
    """Makes certificates into a folder, each when first asked for."""

    def __init__(self, folder):
        self.folder = str(folder)
        os.makedirs(self.folder, exist_ok=True)
        self._keys = {}
        self._issuers = {}
        self._made = {}
        self._lock = threading.RLock()
        self._now = datetime.datetime.utcnow().replace(microsecond=0)
        self.ca = self._write_certs("ca.pem", [self._issuer("root").cert])
        self.other_ca = self._write_certs("other-ca.pem", [self._issuer("other").cert])

    @property
    def fenced_ca(self):
        """A root that permits contoso.example alone; it signs as "nc-root"."""
        return self._write_certs("fenced-ca.pem", [self._issuer("nc-root").cert])

    # keys ------------------------------------------------------------------

    def _key(self, kind, use="leaf"):
        with self._lock:
            if (kind, use) not in self._keys:
                self._keys[kind, use] = {
                    "p256": lambda: ec.generate_private_key(ec.SECP256R1()),
                    "ed25519": ed25519.Ed25519PrivateKey.generate,
                    "rsa1024": lambda: rsa.generate_private_key(65537, 1024),
                    "rsa2048": lambda: rsa.generate_private_key(65537, 2048),
                }[kind]()
            return self._keys[kind, use]

    # certificates ----------------------------------------------------------

    def _sign(self, subject, key, issuer, issuer_key, days=(-1, 30), serial=None,
              extensions=(), hash="sha256"):
        day = datetime.timedelta(days=1)
        builder = (x509.CertificateBuilder()
                   .subject_name(subject).issuer_name(issuer)
                   .public_key(key.public_key())
                   .serial_number(serial or x509.random_serial_number())
                   .not_valid_before(self._now + days[0] * day)
                   .not_valid_after(self._now + days[1] * day)
                   .add_extension(x509.SubjectKeyIdentifier.from_public_key(
                       key.public_key()), False)
                   .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(
                       issuer_key.public_key()), False))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        digest = None if isinstance(issuer_key, ed25519.Ed25519PrivateKey) \
            else HASHES[hash]()
        try:
            return builder.sign(issuer_key, digest)
        except UnsupportedAlgorithm:
            return self._sign_anew(builder.sign(issuer_key, hashes.SHA256()), issuer_key,
                                   hash)

    def _sign_anew(self, cert, issuer_key, hash):
        """By openssl, 3.2 or newer: such a cryptography signs nothing with SHA-1."""
        ca = (x509.CertificateBuilder().subject_name(cert.issuer).issuer_name(cert.issuer)
              .public_key(issuer_key.public_key()).serial_number(1)
              .not_valid_before(cert.not_valid_before).not_valid_after(cert.not_valid_after)
              .sign(issuer_key, hashes.SHA256()))
        with tempfile.TemporaryDirectory() as folder:
            names = [os.path.join(folder, x) for x in ("cert", "ca", "key")]
            for name, data in zip(names, (
                    cert.public_bytes(serialization.Encoding.PEM),
                    ca.public_bytes(serialization.Encoding.PEM),
                    issuer_key.private_bytes(serialization.Encoding.PEM,
                                             serialization.PrivateFormat.PKCS8,
                                             serialization.NoEncryption()))):
                with open(name, "wb") as out:
                    out.write(data)
            done = subprocess.run(
                ["openssl", "x509", "-in", names[0], "-CA", names[1], "-CAkey", names[2],
                 "-" + hash, "-preserve_dates", "-set_serial", str(cert.serial_number)],
                capture_output=True, check=True)
        out = x509.load_pem_x509_certificate(done.stdout)
        assert out.signature_algorithm_oid._name.lower().endswith(hash)
        assert list(out.extensions) == list(cert.extensions)
        return out

    @staticmethod
    def _subject(cns, ou=None):
        parts = [x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
                 x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Test Corporation")]
        if ou:
            parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, ou))
        parts += [x509.NameAttribute(NameOID.COMMON_NAME, cn) for cn in cns]
        return x509.Name(parts if cns or ou else [])

    def _ca(self, title, above=None, pathlen=None, use=None, constraints=None, is_ca=True):
        key = self._key("p256", use or title)
        subject = self._subject([title])
        issuer = above or Node(None, key, [])
        extensions = [(x509.BasicConstraints(is_ca, pathlen if is_ca else None), True),
                      (x509.KeyUsage(True, False, False, False, False, is_ca, is_ca,
                                     False, False), True)]
        if constraints:
            extensions.append((constraints, True))
        cert = self._sign(subject, key, issuer.cert.subject if above else subject,
                          issuer.key, (-60, 365), extensions=extensions)
        chain = [cert] + (above.chain if above else []) if above else []
        return Node(cert, key, chain)

    def _issuer(self, kind):
        """Whoever signs a leaf; its chain is what goes on the wire above the leaf."""
        with self._lock:
            if kind not in self._issuers:
                self._issuers[kind] = self._make_issuer(kind)
            return self._issuers[kind]

    def _make_issuer(self, kind):
        if kind == "root":
            return self._ca("Test Root")
        if kind == "other":
            return self._ca("Other Root")
        if kind == "twin":
            return self._ca("Test Root", use="twin root")
        root = self._issuer("root")
        if kind == "inter":
            return self._ca("Test Intermediate", root, 0)
        if kind == "leaf-ca":
            return self._ca("Test Leaf", root, is_ca=False)
        if kind == "pathlen":
            return self._ca("Test Below", self._ca("Test Short", root, 0))
        if kind == "nc-permitted":
            return self._ca("Test Permitted", root, constraints=x509.NameConstraints(
                [x509.DNSName("contoso.example")], None))
        if kind == "nc-excluded":
            return self._ca("Test Excluded", root, constraints=x509.NameConstraints(
                None, [x509.DNSName("outlook.com"), x509.DNSName("contoso.test")]))
        if kind == "nc-host":		# the name itself, not the wildcard over it
            return self._ca("Test Host", root, constraints=x509.NameConstraints(
                None, [x509.DNSName(EXO), x509.DNSName(EXCHANGE)]))
        if kind == "nc-above":
            return self._ca("Test Under", self._issuer("nc-permitted"))
        if kind == "nc-root":
            return self._ca("Fenced Root", constraints=x509.NameConstraints(
                [x509.DNSName("contoso.example")], None))
        if kind == "forty":
            node = root
            for i in range(40):
                node = self._ca("Test Step %d" % i, node, use="forty")
            return node
        raise KeyError(kind)

    def _extensions(self, values, eku, san, san_mail, san_uri, san_ip, san_critical,
                    critical, many):
        out = [(x509.BasicConstraints(False, None), True)]
        if EKUS[eku]:
            out.append((x509.ExtendedKeyUsage(EKUS[eku]), False))
        names = [x509.DNSName(x.format(**values)) for x in san]
        names += [x509.DNSName("filler-name-number-%04d.outlook.example" % i)
                  for i in range(max(0, many - len(names)))]
        names += [x509.RFC822Name(x.format(**values)) for x in san_mail]
        names += [x509.UniformResourceIdentifier(x.format(**values)) for x in san_uri]
        names += [x509.IPAddress(ipaddress.ip_address(x)) for x in san_ip]
        if names:
            out.append((x509.SubjectAlternativeName(names), san_critical))
        if critical:
            out.append((x509.UnrecognizedExtension(
                ObjectIdentifier("1.3.6.1.4.1.99999.1"), b"\x05\x00"), True))
        return out

    def make(self, file, name, *, issuer="inter", eku="both", days=(-1, 30), cn="{n}",
             cns=None, ou=None, san=("{n}",), san_mail=(), san_uri=(), san_ip=(),
             san_critical=False, key="p256", hash="sha256", serial=None, critical=False,
             many=0, send_chain=True):
        """Writes FILE.pem and FILE.key, returns their names."""
        with self._lock:
            if file in self._made:
                return self._made[file]
            values = _names(name)
            subject = self._subject(
                [x.format(**values) for x in (cns if cns else [cn] if cn else [])],
                ou and ou.format(**values))
            private = self._key(key)
            extensions = self._extensions(values, eku, san, san_mail, san_uri, san_ip,
                                          san_critical, critical, many)
            above = Node(None, private, []) if issuer == "self" else self._issuer(issuer)
            cert = self._sign(subject, private,
                              subject if issuer == "self" else above.cert.subject,
                              above.key, days, serial, extensions, hash)
            chain = [cert] + (above.chain if send_chain else [])
            self._made[file] = Cert(self._write_certs(file + ".pem", chain),
                                    self._write_key(file + ".key", private))
            return self._made[file]

    def case(self, row, name=EXO):
        """The certificate of a row of MATRIX, or None for C47."""
        if row == "C47":
            return None
        how = MATRIX[row][2]
        return self.make("%s-%s" % (row, name), name, **how)

    def crl(self, kind):
        """good: both lists, C43 revoked; missing: the root's alone; expired;
        wrong-key: the intermediate's signed by somebody else."""
        day = datetime.timedelta(days=1)
        pems = []
        for who in ("root", "inter"):
            if kind == "missing" and who == "inter":
                continue
            node = self._issuer(who)
            late = -1 if kind == "expired" else 20
            builder = (x509.CertificateRevocationListBuilder()
                       .issuer_name(node.cert.subject)
                       .last_update(self._now - 10 * day)
                       .next_update(self._now + late * day))
            if who == "inter":
                builder = builder.add_revoked_certificate(
                    x509.RevokedCertificateBuilder().serial_number(0x4343)
                    .revocation_date(self._now - 2 * day).build())
            key = self._issuer("twin").key if kind == "wrong-key" and who == "inter" \
                else node.key
            pems.append(builder.sign(key, hashes.SHA256()).public_bytes(
                serialization.Encoding.PEM))
        return self._write("crl-%s.pem" % kind, b"".join(pems))

    # files -----------------------------------------------------------------

    def _write(self, file, octets):
        path = os.path.join(self.folder, file)
        with open(path, "wb") as out:
            out.write(octets)
        return path

    def _write_certs(self, file, certs):
        return self._write(file, b"".join(
            x.public_bytes(serialization.Encoding.PEM) for x in certs))

    def _write_key(self, file, key):
        path = self._write(file, key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption()))
        os.chmod(path, 0o600)
        return path

    # the standard set --------------------------------------------------------

    @property
    def gw(self):
        return self.make("gw", GATEWAY)

    @property
    def gw_rsa(self):
        return self.make("gw-rsa", GATEWAY, key="rsa2048")

    @property
    def exo(self):
        return self.make("exo", EXO)

    @property
    def exchange(self):
        return self.make("exchange", EXCHANGE)

    @property
    def other_name(self):
        return self.make("other-name", "client.fabrikam.test")

    @property
    def wrong_ca(self):
        return self.make("wrong-ca", EXO, issuer="other")

    @property
    def wrong_ca_exchange(self):
        return self.make("wrong-ca-exchange", EXCHANGE, issuer="other")

    def tenant(self, name):
        return self.make("tenant-" + name, name + ".test", eku="client")

    def write_standard(self):
        for what in ("gw", "gw_rsa", "exo", "exchange", "other_name", "wrong_ca",
                     "wrong_ca_exchange"):
            getattr(self, what)
        for name in ("contoso", "fabrikam"):
            self.tenant(name)
        self.make("expired", EXO, days=(-30, -1))
        self.make("self-signed", EXO, issuer="self")
        for kind in ("good", "missing", "expired", "wrong-key"):
            self.crl(kind)


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: pki.py DIR [--matrix]")
    pki = Pki(sys.argv[1])
    pki.write_standard()
    if "--matrix" in sys.argv[2:]:
        for row in MATRIX:
            pki.case(row)


if __name__ == "__main__":
    main()
