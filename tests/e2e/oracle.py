# SPDX-License-Identifier: ISC
"""What the other readers of a message would see: a protected name must show in
none of these views."""
import re

PROTECTED = re.compile(
    rb"(?:X-MS-Exchange-(?:Organization|Forest|CrossPremises|CrossTenant)-[!-9;-~]*"
    rb"|X-MS-Exchange-Transport-CrossTenantHeaders[!-9;-~]*"
    rb"|X-OriginatorOrg(?:anization)?)[ \t\r\n\0\x0b\x0c\xa0]*:", re.I)
ALWAYS = re.compile(
    rb"X-MS-Exchange-(?:Organization|Forest)-[!-9;-~]*[ \t\r\n\0\x0b\x0c\xa0]*:", re.I)
# Once each: the gateway's own, which stand above all else.
OURS = re.compile(
    rb"(Authentication-Results)[ \t\r\n\0\x0b\x0c\xa0]*:[ \t\"]*gw\.contoso\.test\b(?![.-])"
    rb"|(X-CrossPremisesHeaders(?:Promoted|Filtered))[ \t\r\n\0\x0b\x0c\xa0]*:", re.I)
CUTS = (990, 998, 1000, 1024, 2048, 4096)
STAMPS = ("received", "authentication-results", "x-originatororg",
          "x-crosspremisesheadersfiltered", "x-crosspremisesheaderspromoted")


def _section(content, *ends):
    at = [content.find(x) for x in ends]
    at = [x for x in at if x >= 0]
    return content[:min(at)] if at else content


def _lf(content):
    return _section(content.replace(b"\r\n", b"\n"), b"\n\n").split(b"\n")


def _cut(at):
    def view(content):
        return [line[i:i + at] for line in _lf(content)
                for i in range(0, max(len(line), 1), at)]
    return view


VIEWS = {
    "strict": lambda c: _section(c, b"\r\n\r\n").split(b"\r\n"),
    "lf": _lf,
    "cr": lambda c: re.split(rb"\r\n|\r|\n", _section(
        c.replace(b"\r\n", b"\n").replace(b"\r", b"\n"), b"\n\n")),
    "crlf-only": lambda c: c[:c.find(b"\r\n\r\n") if b"\r\n\r\n" in c else None].split(b"\r\n"),
    "no-nul": lambda c: _lf(c.replace(b"\0", b"")),
    "no-8bit": lambda c: _lf(re.sub(rb"[\x80-\xff]", b"", c)),
    "no-controls": lambda c: _lf(re.sub(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", b"", c)),
    "no-leading-dot": lambda c: [x[1:] if x[:1] == b"." else x for x in _lf(c)],
    "first-blank": lambda c: [x.lstrip(b" \t") if i == 0 else x
                              for i, x in enumerate(_lf(c))],
    "vertical": lambda c: re.split(rb"[\n\x0b\x0c\x1c-\x1e]", _section(
        c.replace(b"\r\n", b"\n"), b"\n\n")),
    "unfolded": lambda c: re.sub(rb"\r?\n[ \t]+", b" ", _section(
        c, b"\r\n\r\n", b"\n\n")).split(b"\n"),
}
VIEWS.update(("cut-%d" % at, _cut(at)) for at in CUTS)


def seen_in(content, pattern=PROTECTED, allowed=()):
    """The views in which a protected field starts a line. `allowed`: complete
    lines that the gateway itself stamped. The second field of a name that the gateway
    stamps once is somebody else's."""
    out = []
    for name, view in VIEWS.items():
        stamped = set()
        for line in view(content):
            line = line.rstrip(b"\r")
            if line in allowed:
                continue
            ours = OURS.match(line + b"\n")
            if ours:
                which = (ours[1] or ours[2]).lower()
                if which in stamped:
                    out.append((name, line[:80]))
                stamped.add(which)
            if pattern.match(line + b"\n") or pattern.match(line.lstrip(b"\x0b\x0c\0")):
                out.append((name, line[:80]))
    return out


def without_stamps(message, hostname="gw.contoso.test"):
    """The header section without what the gateway added: (fields, body)."""
    fields = message.fields()
    out = []
    gone = set()
    for name, value in fields:
        low = name.lower()
        ours = low in STAMPS and low not in gone and (
            low not in ("received", "authentication-results")
            or hostname.encode() in value)
        if ours:
            gone.add(low)
            continue
        out.append(name.encode("latin-1") + b":" + value)
    return b"".join(x + b"\r\n" for x in out), message.body


def has_bare_newline(content):
    return re.search(rb"\r(?!\n)|(?<!\r)\n", content) is not None
