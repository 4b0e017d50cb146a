# SPDX-License-Identifier: ISC
"""A plugin of pytest: tells of what failed, and passed when it ran again."""


def pytest_terminal_summary(terminalreporter):
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.section("unsteady: " + report.nodeid, sep="-")
        terminalreporter.line(report.longreprtext)
