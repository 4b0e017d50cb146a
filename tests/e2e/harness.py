# SPDX-License-Identifier: ISC
"""What the end-to-end tests import."""
from client import Reply, Smtp, expect, stuff, unstuff
from gateway import (BUILD, REPO, XOORG, XOORGD, Config, Gateway, Raw, base_config,
                     check_config, demote_as_trusted, out_config, parse_line,
                     second_place)
from hop import CAPS, Do, Hop, Message, Session
from net import (TIMEOUT, Closed, Wire, children, client_context, free_port,
                 server_context, wait_until)

__all__ = [
    "BUILD", "CAPS", "Closed", "Config", "Do", "Gateway", "Hop", "Message", "REPO", "Raw",
    "Reply", "Session", "Smtp", "TIMEOUT", "Wire", "XOORG", "XOORGD", "base_config",
    "check_config", "demote_as_trusted", "children", "client_context", "expect", "free_port", "out_config",
    "parse_line", "rows", "second_place", "server_context", "simple", "stuff", "unstuff", "wait_until",
]


def rows(*table):
    """A table for parametrize: (id, value, ...) each, the id in the test's name."""
    import pytest
    return [pytest.param(*row, id=str(row[0])) for row in table]


_count = 0


def simple(header="", body="Hello.\r\n", subject="test"):
    """A small message with its own Message-ID; header lines end with CRLF."""
    global _count
    _count += 1
    if isinstance(header, str):
        header = header.encode("latin-1")
    if isinstance(body, str):
        body = body.encode("latin-1")
    return (b"From: u@contoso.com\r\nTo: r@contoso.com\r\nSubject: " + subject.encode() +
            b"\r\nMessage-ID: <%d@e2e.example>\r\n" % _count + header + b"\r\n" + body)
