# SPDX-License-Identifier: ISC
"""The manual says what the tables say: the settings of xoorgd.conf(5) with types
and defaults against src/conf/settings.c, the reasons of xoorgd(8) against
src/smtp/refusal.c; and the sample file leaves no setting out."""
import os
import re

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SECTIONS = {"TOP": "TOP LEVEL", "LIMIT": "limits", "TLS": "tls", "PEER": "peers",
            "TENANT": "tenants", "LISTENER": "listeners", "UPSTREAM": "upstreams"}
ROW = re.compile(r'^\{(TOP|LIMIT|TLS|PEER|TENANT|LISTENER|UPSTREAM)\("(\w+)", (\w+),(.*?)\},$',
                 re.M | re.S)
# Defaults that are not in the table, because code follows them.
COMPUTED = {("tenants", "recipient_domains"): "the originator_orgs"}
# By the type of the table, what the manual calls it begins with.
TYPES = {"BOOL": "boolean", "NUMBER": "number", "SIZE": "octets", "SECONDS": "seconds",
         "TEXT": "text", "WORD": "word", "WORDS": "list of words", "HOSTNAME": "domain",
         "DOMAIN": "domain", "EXTENSIONS": "list of keywords", "DOMAINS": "list of domains", "NETWORKS": "list of networks",
         "ADDRESS": "address and port", "ADDRESSES": "list of addresses and ports",
         "HOSTS": "list of hosts and ports", "FILE": "file", "NEW_FILE": "file", "FOLDER": "folder",
         "WORD_OR_FILE": "word or file", "WORD_OR_NEW_FILE": "word or file",
         "TABLES": "list of tables", "CERTIFICATE": "file or word", "XOORG": "domain or word", "REFERENCE": "group of",
         "REFERENCES": "list of groups of"}
QUOTED = {"text", "word", "file", "folder", "word or file", "file or word", "domain", "domain or word",
          "address and port"}


def read(*path):
    with open(os.path.join(REPO, *path), encoding="utf-8") as f:
        return f.read()


def settings():
    """{(section, name): (type, default or None)} of the table."""
    out = {}
    for macro, name, kind, rest in ROW.findall(read("src", "conf", "settings.c")):
        default = re.search(r'DEFAULT\("([^"]*)"\)', rest)
        out[SECTIONS[macro], name] = (kind, default and default.group(1))
    return out


def manual():
    """{(section, name): (type, default or None)} of xoorgd.conf(5)."""
    out, section = {}, None
    for line in read("doc", "xoorgd.conf.5.scd").splitlines():
        if line.startswith("# "):
            section = line[2:]
        match = re.match(r"\*(\w+)\* (.*?)(?:, _required_|, default:? (.*))$", line)
        if match:
            assert (section, match.group(1)) not in out, "twice: " + line
            out[section, match.group(1)] = match.group(2, 3)
    return out


def written(kind, default):
    """A default of the table, as the manual writes it."""
    if default is None:
        return None
    if TYPES[kind].startswith("list"):
        return "[]" if default == "" else default
    if TYPES[kind] in QUOTED or kind == "REFERENCE":
        return '"%s"' % default
    return default


def test_table_is_read():
    # A new way to write a row would make the other tests pass on nothing.
    text = read("src", "conf", "settings.c")
    assert len(settings()) == len(re.findall(r"\.help = ", text)) > 60


def test_settings():
    in_manual, in_table = set(manual()), set(settings())
    assert in_table - in_manual == set(), "not in xoorgd.conf(5)"
    assert in_manual - in_table == set(), "no such setting"


def test_types_and_defaults():
    wrong = []
    for key, (kind, default) in settings().items():
        said_type, said_default = manual()[key]
        if not said_type.startswith(TYPES[kind]):
            wrong.append("%s: type %s, the table has %s" % (key, said_type, kind))
        want = COMPUTED.get(key, written(kind, default))
        if said_default != want:
            wrong.append("%s: default %s, the table has %s" % (key, said_default, want))
    assert wrong == []


def test_sample_has_every_setting():
    sample = read("doc", "xoorgd.conf.sample")
    missing = [key for key in settings()
               if not re.search(r"^\s*#?%s = " % key[1], sample, re.M)]
    assert missing == []


def test_reasons():
    in_table = set(re.findall(r'\{"([a-z0-9-]+)", (\d{3}), "([\d.]+)",\s*"[^"]*", (true|false), (?:true|false)\}',
                              read("src", "smtp", "refusal.c")))
    in_table = {(i, c, e, close == "true") for i, c, e, close in in_table if i != "none"}
    in_manual = {(i, c, e, close != "") for i, c, e, close in
                 re.findall(r"^\|  ([a-z0-9-]+)\n:  (\d{3}) ([\d.]+) .*?( \(close\))?\n:  \S",
                            read("doc", "xoorgd.8.scd"), re.M)}
    assert len(in_table) > 60
    assert in_table - in_manual == set(), "not (so) in xoorgd(8)"
    assert in_manual - in_table == set(), "no such reason"


def sandbox():
    """{processes: calls} of src/proc/sandbox.c, the names as the threat model has them, and
    how many each may make."""
    text = read("src", "proc", "sandbox.c")
    names = {"W": "worker", "S": "status", "K": "key", "F": "folder", "L": "log"}
    table = re.search(r"allowed\[\] = \{(.*?)^\};", text, re.M | re.S).group(1)
    table = table.replace("ALL", " | ".join(names))
    roles, looked_at = {}, {"tgkill"}
    for call, who, args in re.findall(r'\{"(\w+)", ([WSKFL |]+),\s+(NONE|\{)', table):
        roles.setdefault(call, set()).update(who.split(" | "))
        if args != "NONE":
            looked_at.add(call)
    out = {"looked at": looked_at, "never": set(re.findall(r'"(\w+)"', re.search(
        r"never\[\] = \{(.*?)^\};", text, re.M | re.S).group(1)))}
    for call in set(roles) - looked_at:
        which = [v for k, v in names.items() if k in roles[call]]
        out.setdefault("all" if len(which) == len(names) else ", ".join(which), set()).add(call)
    return out, [1 + sum(k in r for r in roles.values()) for k in names]


def test_system_calls():
    """The threat model's lists and their counts, and the promises' count."""
    section = re.search(r"^### System calls\n(.*?)^## ", read("doc", "threat-model.md"),
                        re.M | re.S).group(1)
    want, own = sandbox()
    got, counts = {}, {}
    for title, n, text in re.findall(r"^\* \*\*(.*?)\*\* \((\d+)\): (.*?)\.$", section,
                                     re.M | re.S):
        words = set(re.findall(r"\w+", text))
        got[title] = words & want["looked at"] if title == "looked at" else words
        counts[title] = int(n)
    assert got == want
    assert counts == {k: len(v) for k, v in want.items()}
    said = re.search(r"(\d+) calls a worker, (\d+) the status process, (\d+) the key "
                     r"process,\s+(\d+) the log\s+process, and (\d+) a\s+key process with "
                     r"a folder", section)
    worker, status, key, log, folder = (int(x) for x in said.groups())
    assert [worker, status, key, folder, log] == own
    assert "%d system calls for a worker" % own[0] in read("doc", "promises.md")


def test_no_line_begins_as_a_table():
    """scdoc takes [ | ] at the beginning of a line for a table; not everybody who builds
    has scdoc."""
    for name in ("xoorg.1.scd", "xoorgd.8.scd", "xoorgd.conf.5.scd"):
        bad = [x for x in read("doc", name).splitlines() if re.match(r"\s+[][|]", x)]
        assert bad == [], name


def checks():
    """{(id, severity)} of src/conf/warning.c."""
    return set((i, s.lower()) for i, s in re.findall(
        r'\[XO_RULE_\w+\] = \{"([a-z-]+)", (ERROR|WARNING),',
        read("src", "conf", "warning.c")))


def test_checks():
    text = read("doc", "xoorgd.conf.5.scd")
    in_manual = re.findall(r"^\|  ([a-z-]+)\n:  (error|warning)\n:  \S", text, re.M)
    rules = read("src", "conf", "warning.h")
    assert len(checks()) == len(re.findall(r"^\tXO_RULE_(?!COUNT)\w+,$", rules, re.M)) > 30
    assert len(in_manual) == len(set(in_manual)), "twice"
    assert checks() - set(in_manual) == set(), "not (so) in xoorgd.conf(5)"
    assert set(in_manual) - checks() == set(), "no such check"


def test_edits():
    """Every family that is removed and every repair that is made, by the words of the log,
    stands in the manual's list of what is changed; nothing else does."""
    section = re.search(r"^# WHAT IS CHANGED\n(.*?)^# ", read("doc", "xoorgd.8.scd"),
                        re.M | re.S).group(1)
    removed, _, repaired = section.partition("Repaired in the header")
    said = [re.findall(r"\*([a-z-]+)\*", x) for part in (removed, repaired)
            for x in re.findall(r"^(\*[a-z].*)$", part, re.M)]
    said = [x for line in said for x in line]
    wall = read("src", "trust", "wall.c")
    families = re.findall(r'"([a-z-]+)"', re.search(
        r"names\[XO_WALL_FAMILIES\] = \{(.*?)\}", wall, re.S).group(1))
    table = re.search(r"faults\[\] = \{(.*?)XO_FAULT_HIDDEN_NAME", read("src", "trust", "fault.c"),
                      re.S).group(1)
    repairs = [x for x in re.findall(r'\] = \{"([a-z-]+)"', table) if x != "none"]
    assert len(families) == 8 and len(repairs) == 9
    assert sorted(said) == sorted(families + repairs)
