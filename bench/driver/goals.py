# SPDX-License-Identifier: ISC
"""The goals: what each compares, what it must be and what we are after. The first
number is what closes the issue."""
import collections

from driver.measure import Cell

PLAIN = {k: Cell("plain", k, 20) for k in ("w1", "w2", "w3", "w4")}
BOTH = {k: Cell("both", k, 20) for k in ("w1", "w2", "w3")}
OUT = {k: Cell("out", k, 20) for k in ("w1", "w2")}
IN_W1 = Cell("in", "w1", 20)
MANY = Cell("plain", "w2", 200)
LATE = {k: Cell("late", k, 20) for k in ("w1", "w2")}

CELLS = list(PLAIN.values()) + list(BOTH.values()) + [IN_W1] + list(OUT.values()) + \
    [MANY] + list(LATE.values())
# Who is needed for them; all others are only for the table.
PEERS = ("direct", "pump", "haproxy", "dovecot", "postfix-proxy", "xoorgd")

Goal = collections.namedtuple("Goal", "number title least must aim value unit")
US = "xoorgd"


class Extra:
    """What is not a cell: filled in by the driver, None where it could not be had."""
    calls = None			# a message
    stalls = None			# share of messages, worst size
    added = None			# ms to p99, one session, worst leg
    idle_plain = idle_tls = None	# kB a connection
    in_flight = None			# kB a message


def best_parser(r):
    """CPU against the better of those that parse."""
    values = [x for x in (r.ratio(US, PLAIN["w2"], "cpu", p)
                          for p in ("dovecot", "postfix-proxy")) if x is not None]
    return max(values) if values else None


def spread(r, cell):
    p50, p99 = r.median(US, cell, "p50"), r.median(US, cell, "p99")
    return p99 / p50 if p50 else None


def worst(*values):
    return None if None in values else max(values)


def goals(r, x):
    """The table's rows; `least`: the value must be no less, else no more."""
    def cpu(cell, to, to_cell=None):
        return r.ratio(US, cell, "cpu", to, to_cell)

    def row(number, title, must, aim, value, least=False, unit=""):
        return Goal(number, title, least, must, aim, value, unit)
    return [
        row("1", "plain w2c20 CPU against HAProxy", 1.25, 0.9, cpu(PLAIN["w2"], "haproxy")),
        row("2", "plain w2c20 ratio to direct", 0.33, 0.42, r.ratio(US, PLAIN["w2"]), True),
        row("3", "plain w2c20 CPU against the best that parses", 0.25, 0.2, best_parser(r)),
        row("4a", "plain w1c20 CPU against the byte pump", 1.0, 0.75, cpu(PLAIN["w1"], "pump")),
        row("4b", "plain w1c20 ratio to direct", 0.45, 0.55, r.ratio(US, PLAIN["w1"]), True),
        row("5a", "plain w3c20 CPU against the byte pump", 1.5, 1.2, cpu(PLAIN["w3"], "pump")),
        row("5b", "plain w3c20 ratio to direct", 0.45, 0.52, r.ratio(US, PLAIN["w3"]), True),
        row("6a", "plain w4c20 CPU against the byte pump", 1.6, 1.3, cpu(PLAIN["w4"], "pump")),
        row("6b", "memory of a 10 MB message in flight", 256, 128, x.in_flight, unit=" kB"),
        row("7", "TLS both w2c20 CPU against HAProxy", 1.1, 0.75, cpu(BOTH["w2"], "haproxy")),
        row("8", "TLS both w1c20 CPU against HAProxy's in", 1.15, 0.9,
            cpu(BOTH["w1"], "haproxy", IN_W1)),
        row("9", "TLS out w1c20 CPU against HAProxy's out", 0.5, 0.3, cpu(OUT["w1"], "haproxy")),
        row("10", "handshakes at the sink a message, TLS out", 0.01, 0.001,
            worst(r.median(US, OUT["w1"], "handshakes"), r.median(US, OUT["w2"], "handshakes"))),
        row("11", "TLS both w3c20 CPU against HAProxy", 1.1, 0.8, cpu(BOTH["w3"], "haproxy")),
        row("12", "plain w2c20 p50 against HAProxy's", 1.15, 0.9,
            r.ratio(US, PLAIN["w2"], "p50", "haproxy")),
        row("13", "share of messages that stall, one session", 0, 0, x.stalls),
        row("13a", "added to p99 by the worst leg, one session", 2, 1, x.added, unit=" ms"),
        row("14a", "p99 / p50, plain w2c20", 5, 3, spread(r, PLAIN["w2"])),
        row("14b", "p99 / p50, plain w2c200", 5, 3, spread(r, MANY)),
        row("15", "late next hop, w2c20, ratio to direct", 1.3, 1.9, r.ratio(US, LATE["w2"]), True),
        row("16", "late next hop, w1c20, ratio to direct", 1.6, 3, r.ratio(US, LATE["w1"]), True),
        row("17a", "idle connection, plain", 4, 2, x.idle_plain, unit=" kB"),
        row("17b", "idle connection, TLS with client certificate", 32, 24, x.idle_tls,
            unit=" kB"),
        row("18", "plain w2c200 CPU against w2c20", 1.2, 1.0, cpu(MANY, US, PLAIN["w2"])),
        row("19", "system calls a message, plain w2", 24, 18, x.calls),
    ]


def judge(goal):
    if goal.value is None:
        return "not measured"

    def reached(bound):
        return goal.value >= bound if goal.least else goal.value <= bound
    return "aim" if reached(goal.aim) else "met" if reached(goal.must) else "**not met**"
