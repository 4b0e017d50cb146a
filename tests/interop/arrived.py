# SPDX-License-Identifier: ISC
"""Content: how it is sent, and as it arrives behind an MTA."""
import re

from harness import stuff

FIELD = re.compile(rb"([!-'*-9;-~][!-'*-9;-~]*)((?:[ \t]|\r\n[ \t])*)"
                   rb":((?:[^\r\n]|\r\n[ \t])*)(?:\r\n|$)")


def put(c, content, how):
    """By "bdat" or "data"; the reply."""
    if how == "bdat":
        c.send(b"BDAT %d LAST\r\n" % len(content) + content)
    else:
        c.want("DATA", 354)
        c.send(stuff(content) + b".\r\n")
    return c.reply()


# Postfix adds what is missing behind the last field.
ADDED = re.compile(rb"(?m)^(?:Message-Id: <[^\r\n]*@mta\.contoso\.com>|Date: [^\r\n]*\(UTC\)"
                   rb"|From: (?:[abc]\d+@elsewhere\.example|u@contoso\.com))\r\n")


def without_stamps(content):
    """Below what the gateway and the MTA put on top, and without what the MTA adds."""
    head, end, body = content.partition(b"\r\n\r\n")
    content = ADDED.sub(b"", head + b"\r\n") + end[2:] + body
    while True:
        match = FIELD.match(content)
        if not match or match[1].lower() not in (
                b"received", b"authentication-results", b"return-path", b"x-originatororg"):
            return content
        if not re.search(rb"\b(by (gw|mta)\.contoso\.com|gw\.contoso\.com;)|^ contoso\.com$",
                         match[3]):
            return content
        content = content[match.end():]
