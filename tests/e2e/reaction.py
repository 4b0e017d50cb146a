# SPDX-License-Identifier: ISC
"""What a hostile input must have come to, in full: the replies, whether the
connection is still good, what the next hop saw, and what the log says."""
from client import expect

OPEN, CLOSED, GONE = "open", "close", "gone"


def replies(client, want, then=OPEN):
    """The replies in their order, and no other; OPEN: in step, a NOOP gets its own
    reply; CLOSED: the gateway has closed; GONE: it may have reset, too."""
    got = [expect(client.reply(), one) for one in want]
    if then == OPEN:
        assert client.is_open(), "closed behind %r" % got
    elif then == CLOSED:
        assert client.expect_close() == b"", "more than %r" % got
    return got


def reasons(env):
    """Why things were refused, one for each line of the log that says so."""
    env.gw.wait_quiet()
    return [x["reason"] for kind in ("refused", "message") for x in env.gw.events(kind)
            if x["reason"] != "delivered"]


def settled(env, *why, n=0):
    """One line with its reason for each refusal, and none else; n messages at the next
    hops; the gateway alive (its workers are those of the beginning) and its log clean
    of what a client sent."""
    got = reasons(env)
    assert sorted(got) == sorted(why), "the log says %r, want %r" % (got, list(why))
    assert len(env.messages) == n, "%d messages at the next hop" % len(env.messages)
    tries = env.main.tries + env.inbound.tries
    assert n > 0 or not any(m.committed for m in tries)
    with open(env.gw.log_file, "rb") as f:
        f.seek(env.gw.mark)
        log = f.read()
    assert not any(x < 32 and x not in (9, 10) or x == 127 for x in log)
    env.gw.check()
