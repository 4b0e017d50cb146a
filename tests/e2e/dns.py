# SPDX-License-Identifier: ISC
"""A name server of a few rows on loopback, over UDP. Counts what it is asked.

    dns = Dns({("mx.test", "A"): ["127.0.0.1"], ("test", "MX"): [(10, "mx.test")]})

A name that has no row is NXDOMAIN; one that has rows of other types, no data.
`ttl` holds for all rows; `manner` maps a name to "silent" or "servfail".
"""
import ipaddress
import socket
import struct
import threading

TYPES = {1: "A", 5: "CNAME", 12: "PTR", 15: "MX", 28: "AAAA"}
NUMBERS = {v: k for k, v in TYPES.items()}


def reverse(address):
    """The name under which an address' PTR stands."""
    return ipaddress.ip_address(address).reverse_pointer


def _name(text):
    return b"".join(bytes([len(x)]) + x.encode() for x in text.split(".") if x) + b"\0"


def _rdata(kind, value):
    if kind == "A":
        return socket.inet_aton(value)
    if kind == "AAAA":
        return socket.inet_pton(socket.AF_INET6, value)
    if kind in ("CNAME", "PTR"):
        return _name(value)
    return struct.pack(">H", value[0]) + _name(value[1])


class Dns:
    def __init__(self, rows, ttl=300, manner=None):
        self.rows = dict(rows)
        self.ttl = ttl
        self.manner = dict(manner or {})
        self.asked = []			# (name, type), each time
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.address = "127.0.0.1:%d" % self.port
        self._stopping = False
        threading.Thread(target=self._serve, daemon=True).start()

    def count(self, name, kind=None):
        return sum(n == name and kind in (None, k) for n, k in self.asked)

    def stop(self):
        self._stopping = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            # It may have ended already, by a question that came now.
            s.sendto(b"", ("127.0.0.1", self.port))

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.stop()

    def _serve(self):
        while not self._stopping:
            question, peer = self.socket.recvfrom(4096)
            if len(question) < 12:
                continue
            answer = self._answer(question)
            if answer:
                self.socket.sendto(answer, peer)
        self.socket.close()

    def _question(self, message):
        labels, at = [], 12
        while message[at]:
            labels.append(message[at + 1:at + 1 + message[at]].decode())
            at += 1 + message[at]
        kind = struct.unpack(">H", message[at + 1:at + 3])[0]
        return ".".join(labels).lower(), TYPES.get(kind, str(kind)), message[12:at + 5]

    def _records(self, name, kind):
        out = []
        while (name, "CNAME") in self.rows and kind != "CNAME":
            alias = self.rows[name, "CNAME"][0]
            out.append((name, "CNAME", alias))
            name = alias
        return out + [(name, kind, x) for x in self.rows.get((name, kind), [])]

    def _answer(self, message):
        name, kind, question = self._question(message)
        self.asked.append((name, kind))
        manner = self.manner.get(name)
        if manner == "silent":
            return None
        records = self._records(name, kind)
        known = any(n == name for n, _ in self.rows)
        code = 2 if manner == "servfail" else 0 if known else 3
        out = message[:2] + struct.pack(">HHHHH", 0x8580 | code, 1, len(records), 0, 0) + question
        for owner, what, value in records:
            data = _rdata(what, value)
            ttl = self.ttl[what] if isinstance(self.ttl, dict) else self.ttl
            out += _name(owner) + struct.pack(">HHIH", NUMBERS[what], 1, ttl, len(data)) + data
        return out
