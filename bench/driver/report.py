# SPDX-License-Identifier: ISC
"""What a run prints: Markdown."""
import statistics

from driver.goals import judge
from peers import PEERS


def _spread(values):
    """Half the range of the repetitions, in percent of the median."""
    middle = statistics.median(values)
    return 50 * (max(values) - min(values)) / middle if middle else 0


def _cell(results, name, cell):
    ratios = results.ratios(name, cell)
    if not ratios:
        return "-"
    return "%.2f ±%.0f %% · %.2g" % (statistics.median(ratios), _spread(ratios),
                                     results.median(name, cell, "cpu"))


def _memory(results, name, cells):
    values = [results.median(name, cell, "pss") for cell in cells if results.has(name, cell)]
    return "%.1f" % (max(values) / 1024) if values and max(values) else "-"


def ratios(results, cells, running, calls):
    """A row a relay: ratio to direct and its spread, CPU seconds per 1,000 messages."""
    cells = [c for c in cells if any(results.has(name, c) for name in running)]
    out = ["| relay | knows SMTP | %s | PSS, MB |%s" % (
        " | ".join(str(c) for c in cells), " calls |" if calls else ""),
        "|---|---|" + "---|" * (len(cells) + (2 if calls else 1))]
    for kind in PEERS:
        if kind.name not in running or kind.name == "direct":
            continue
        row = [_cell(results, kind.name, c) for c in cells] + [
            _memory(results, kind.name, cells)]
        if calls:
            row.append("%.1f" % calls[kind.name] if kind.name in calls else "-")
        out.append("| %s | %s | %s |" % (kind.title, kind.knows, " | ".join(row)))
    row = ["%.0f msg/s" % results.median("direct", c, "rate") if results.has("direct", c)
           else "-" for c in cells] + ["-"] + (["-"] if calls else [])
    out.append("| direct (no relay) | - | %s |" % " | ".join(row))
    return "\n".join(out)


def goals(rows):
    out = ["| # | goal | must | aim | measured | |", "|---|---|---|---|---|---|"]
    for g in rows:
        sign = "≥" if g.least else "≤"
        value = "-" if g.value is None else "%.3g%s" % (g.value, g.unit)
        out.append("| %s | %s | %s %g | %s %g | %s | %s |" % (
            g.number, g.title, sign, g.must, sign, g.aim, value, judge(g)))
    met = sum(judge(g) in ("aim", "met") for g in rows)
    out.append("\n%d of %d met, %d of them with the aim reached." % (
        met, len(rows), sum(judge(g) == "aim" for g in rows)))
    return "\n".join(out)


def skipped(results):
    return "\n".join("* %s: skipped, %s" % (
        name if isinstance(name, str) else "%s (%s)" % name, why)
        for name, why in results.skipped.items())
