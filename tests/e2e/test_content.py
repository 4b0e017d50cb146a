# SPDX-License-Identifier: ISC
"""End of data and BDAT: doc/threat-model a.4, a.5."""
import itertools
import time

import pytest

from harness import CAPS, Closed, Hop, Smtp, base_config, expect, rows, simple, stuff
from standard import Standard
from oracle import has_bare_newline
from reaction import CLOSED, OPEN, replies, settled

PLAIN_CAPS = tuple(x for x in CAPS if x != "CHUNKING")
FRONTS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r"]
BACKS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\0\r\n", b" \r\n", b"\t\r\n", b"\r \n",
         b"\x85\r\n"]
# The true end, and what holds it behind a bare CR (E27: read, refused).
TRUE, TRUE_BEHIND_CR = (b"\r\n", b"\r\n"), (b"\r\r\n", b"\r\n")
# E01 to E44, in the order of the product; the true end has no number.
PRODUCT = list(itertools.product(FRONTS, BACKS))
FORMS = [x for x in PRODUCT if x != TRUE]
IDS = ["E%02d" % (i + 1) for i in range(len(FORMS))]
assert IDS[FORMS.index(TRUE_BEHIND_CR)] == "E27" and len(FORMS) == 44
SECOND = (b"MAIL FROM:<smuggled@e.example>\r\nRCPT TO:<r@contoso.com>\r\nDATA\r\n"
          b"Subject: smuggled\r\n\r\nsmuggled\r\n.\r\n")


@pytest.fixture(scope="module")
def _plain(pki):
    """Next hops without CHUNKING."""
    env = Standard(pki)
    env.main.caps = env.main.caps_tls = list(PLAIN_CAPS)
    env.inbound.caps = env.inbound.caps_tls = list(PLAIN_CAPS)
    env.gw.stop()
    env.gw.start()
    yield env
    env.close()


@pytest.fixture
def plain(_plain):
    _plain.clear()
    yield _plain
    _plain.gw.check()


@pytest.fixture(params=["to-chunking", "to-data"])
def both(request):
    env = request.getfixturevalue("std" if request.param == "to-chunking" else "plain")
    env.has_chunking = request.param == "to-chunking"
    return env


def _lines(env):
    return env.main.lines() + env.inbound.lines()


def _check_clean(env):
    assert not any(x.upper().startswith(b"MAIL FROM:<SMUGGLED") for x in _lines(env))
    for m in env.main.tries + env.inbound.tries:
        if m.via == "data":
            assert not has_bare_newline(m.raw)


CLEAN = [(b"\r\n", x) for x in (b" \r\n", b"\t\r\n", b"\x85\r\n")]


def _why(front, back):
    """The reason of a refused form: whichever flaw comes first."""
    if (front, back) == (b"\r\n", b"\0\r\n"):
        return "content-nul"
    return "content-bare-newline"


def _end_of_data(c, front, back):
    """DATA with the form in its body, and a whole second transaction and a true end
    behind it; the reply."""
    c.mail("a@example.org", "BODY=8BITMIME")
    c.rcpt()
    c.want("DATA", 354)
    c.send(b"Subject: s\r\n\r\nx" + front + b"." + back + SECOND)
    return c.reply()


@pytest.mark.parametrize("front, back", FORMS, ids=IDS)
def test_end_of_data(both, front, back):
    env = both
    with env.connect("C") as c:
        reply = _end_of_data(c, front, back)
        if (front, back) in CLEAN:
            expect(reply, "250 2.0.0")
            assert c.is_open()
        else:
            expect(reply, "550 5.6.11")
            assert c.expect_close() == b""	# no second reply
    if (front, back) in CLEAN:
        settled(env, n=1)
        assert env.messages[0].body == b"x" + front + back + SECOND[:-3]
    else:
        settled(env, _why(front, back))
    _check_clean(env)


def _in_bdat(c, front, back):
    content = b"Subject: s\r\n\r\nx" + front + b"." + back + SECOND
    c.mail("a@example.org", "BODY=8BITMIME")
    c.rcpt()
    c.send(b"BDAT %d LAST\r\n" % len(content) + content)
    return c.reply()


@pytest.mark.parametrize("front, back", PRODUCT,
                         ids=["B18-" + x for x in IDS[:0] + ["true"] + IDS])
def test_end_of_data_in_bdat(both, front, back):
    """B18: the same octets inside a chunk mean nothing: they go on by BDAT as they
    are, by DATA stuffed, or not at all."""
    env = both
    body = b"x" + front + b"." + back + SECOND
    is_dirty = has_bare_newline(body) or b"\0" in body
    is_refused = is_dirty and not env.has_chunking
    with env.connect("C") as c:
        expect(_in_bdat(c, front, back), "554 5.6.11" if is_refused else "250 2.0.0")
        assert c.is_open()
    settled(env, *(["content-needs-chunking"] if is_refused else []), n=not is_refused)
    _check_clean(env)
    assert [m.body for m in env.messages] == ([] if is_refused else [body])


def test_product(request, std, _plain, record_property):
    """Promise 3: 45 forms x {DATA, BDAT} x {next hop with BDAT, with DATA only}. No
    second message, not even behind the true end (its DATA is followed by content that
    had to wait); what leaves by DATA holds no bare CR or LF."""
    runs = second = bare = octets = 0
    for env in (std, _plain):
        for front, back in PRODUCT:
            for send in (_end_of_data, _in_bdat):
                env.main.clear()
                env.inbound.clear()
                with env.connect("C") as c:
                    send(c, front, back)
                    try:
                        c.send(b"QUIT\r\n")	# all that was sent has been dealt with
                        c.wire.rest()
                    except OSError:
                        pass
                runs += 1
                second += max(0, len(env.messages) - 1)
                second += sum(m.sender == "smuggled@e.example" for m in env.messages)
                for m in env.main.tries + env.inbound.tries:
                    octets += len(m.raw)
                    bare += m.via == "data" and has_bare_newline(m.raw)
                    bare += has_bare_newline(m.header) if m.committed else 0
    result = "%d runs: %d second messages, %d with a bare CR or LF in %d octets passed on" % (
        runs, second, bare, octets)
    print(result)
    record_property("product", result)
    assert runs == 180 and second == 0 and bare == 0 and octets > 10000


@pytest.mark.parametrize("id, octets, why", rows(
    ("E45", b"x\r\n\0.\r\ny\r\n", "content-nul"),
    ("E47", b"x\ny\r\n", "content-bare-newline"),
    ("E48", b"x\ry\r\n", "content-bare-newline"),
    ("E48-end", b"x\r", "content-bare-newline"),
    ("E47-first", b"\nx\r\n", "content-bare-newline")))
def test_bare_newline(both, id, octets, why):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n\r\n" + octets +
               (b"" if octets.endswith(b"\n") else b"\r\n") + b".\r\n")
        replies(c, ["550 5.6.11"], CLOSED)
    settled(both, why)


@pytest.mark.parametrize("id, octets, body", rows(
    ("E46", b"..\r\n", b".\r\n"),
    ("E51", b"..\r\n...\r\n.x\r\n", b".\r\n..\r\nx\r\n"),
    ("dots", b"....\r\n..\r\n\r\n..\r\n", b"...\r\n.\r\n\r\n.\r\n"),
    ("long", b"..%s\r\n" % (b"a" * 70000), b".%s\r\n" % (b"a" * 70000)),
    ("998", b"a" * 998 + b"\r\n..\r\n", b"a" * 998 + b"\r\n.\r\n")))
def test_stuffing(both, id, octets, body):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n\r\n" + octets + b".\r\n")
        replies(c, ["250 2.0.0"], OPEN)
    settled(both, n=1)
    m = both.inbound.one()
    assert m.body == body
    if m.via == "data" and id != "E51":		# whose `.x` need no dot
        assert m.raw.endswith(b"\r\n\r\n" + octets)


@pytest.mark.parametrize("at", [998, 1000, 1024, 2048, 4096, 8192, 65536])
def test_lone_dot_at_a_cut(both, at):
    """A line whose cut at a buffer's size would leave a dot of its own."""
    line = b"a" * at + b".\r\n" + b"b" * (at - 1) + b".\r\n" + b"c" * (at - 2) + b".\r\n"
    with both.connect("C") as c:
        c.deliver(b"Subject: s\r\n\r\n" + line + b"end\r\n")
    assert both.inbound.one().body == line + b"end\r\n"


def test_E49_segments(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n\r\nx")
        for octet in (b"\r", b"\n", b".", b"\r", b"\n"):
            time.sleep(0.02)
            c.send(octet)
        replies(c, ["250 2.0.0"], OPEN)
    settled(std, n=1)
    assert std.inbound.one().body == b"x\r\n"


def test_E50_empty(both):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b".\r\n")
        replies(c, ["250 2.0.0"], OPEN)
    settled(both, n=1)
    assert both.inbound.one().body == b""


@pytest.mark.parametrize("setting, want", [("reject", "554 5.6.11"), ("normalize", 250)])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_normalize_chunks(gateway, pki, hop, setting, want, n):
    """By BDAT for a next hop that takes DATA only, in chunks of n octets."""
    main, inbound = hop(caps=PLAIN_CAPS), hop(caps=PLAIN_CAPS)
    gw = gateway(base_config(pki, main, inbound, listeners__in__bare_newline=setting))
    content = b"Subject: s\r\n\r\na\nb\rc\n.\nd\r"
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        chunks = [content[i:i + n] for i in range(0, len(content), n)]
        for chunk in chunks[:-1]:
            c.send(b"BDAT %d\r\n" % len(chunk) + chunk)
        c.send(b"BDAT %d LAST\r\n" % len(chunks[-1]) + chunks[-1])
        replied = c.replies(len(chunks))
        expect(next((x for x in replied if x.code != 250), replied[-1]), want)
        assert c.is_open()
    assert [m.body for m in inbound.messages] == \
        ([b"a\r\nb\r\nc\r\n.\r\nd\r\n"] if setting == "normalize" else [])


def test_normalize(gateway, pki, hop):
    """bare_newline = "normalize": the body is repaired, the header still refused."""
    main, inbound = hop(), hop()
    gw = gateway(base_config(pki, main, inbound, listeners__in__bare_newline="normalize"))
    with Smtp(gw.port()) as c:
        c.ehlo()
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\r\n\r\na\nb\rc\n.\nd\r\n.\r\n")
        expect(c.reply(), 250)
        m = inbound.one()
        assert not has_bare_newline(m.content)
        assert m.body.replace(b"\r\n", b"") == b"abc.d"
        c.mail()
        c.rcpt()
        c.want("DATA", 354)
        c.send(b"Subject: s\nX-OriginatorOrg: contoso.com\r\n\r\nx\r\n.\r\n")
        expect(c.reply(), "550|554")
    inbound.one()


# --- BDAT ------------------------------------------------------------------------

H = b"Subject: s\r\n\r\n"


@pytest.mark.parametrize("id, chunks", rows(
    ("B01", [H + b"x\r\n"]),
    ("B02", [H + b"x\r\n", b""]),
    ("B19", [H + b"x\r", b"\n.\r", b"\n", b"\r\n"]),
    ("empty-first", [b"", H + b"x\r\n"]),
    ("ones", [bytes([x]) for x in H + b"x\r\n.\r\ny\r\n"])))
def test_chunks(both, id, chunks):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.bdat(chunks, "250 2.0.0")
        assert c.is_open()
    settled(both, n=1)
    assert both.inbound.one().body == b"".join(chunks).partition(b"\r\n\r\n")[2]


def test_B03_nothing(both):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.want("BDAT 0 LAST", "250 2.0.0")
        assert c.is_open()
        c.deliver(simple())
    settled(both, n=2)


SYNTAX, TOO_LARGE = ("501 5.5.4", "bdat-syntax"), ("552 5.3.4", "bdat-too-large")
BAD_SIZES = rows(
    ("B04", b"-1", SYNTAX), ("B05", b"+5", SYNTAX), ("B06", b"0x10", SYNTAX),
    ("B07", b"1e3", SYNTAX), ("B08", b"18446744073709551616", TOO_LARGE),
    ("B09", b"9223372036854775807", TOO_LARGE), ("B10", b"5 FIRST", SYNTAX),
    ("B11", b"", SYNTAX), ("B12", b"5LAST", SYNTAX), ("B13", b"05 LAST x", SYNTAX),
    ("B14", "٥".encode(), SYNTAX), ("B15", b"4294967301", TOO_LARGE),
    ("B16", b"5 LAST LAST", SYNTAX), ("B16b", b"5.0", SYNTAX),
    ("B16c", b"18446744073709551621 LAST", TOO_LARGE))


@pytest.mark.parametrize("id, size, want", BAD_SIZES)
def test_bad_size(std, id, size, want):
    """Framing is lost: one reply, and the end; what follows is nobody's command."""
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"BDAT" + (b" " if size else b"") + size + b"\r\nhello" +
               b"MAIL FROM:<smuggled@e.example>\r\n")
        replies(c, [want[0]], CLOSED)
    settled(std, want[1])


def test_B17_data_behind_bdat(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"BDAT 5\r\nhello")
        expect(c.reply(), 250)
        c.want("DATA", "503 5.5.1")
        c.want("RSET", 250)
        c.deliver(simple())
        assert c.is_open()
    settled(std, "command-sequence", "abandoned", n=1)


def test_B20_no_final_crlf(both):
    with both.connect("C") as c:
        c.deliver(H + b"no end", chunked=True)
        assert c.is_open()
    settled(both, n=1)
    m = both.inbound.one()
    assert m.body == (b"no end" if m.via == "bdat" else b"no end\r\n")


def test_B21_bare_lf(both):
    body = b"x\n.\r\ny\r\n"
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.bdat(H + body, want="250 2.0.0" if both.has_chunking else "554 5.6.11")
        assert c.is_open()
    settled(both, *([] if both.has_chunking else ["content-needs-chunking"]),
            n=both.has_chunking)
    assert [m.body for m in both.messages] == ([body] if both.has_chunking else [])
    if both.has_chunking:
        assert both.messages[0].via == "bdat"


def test_B22_rset_between(both):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"BDAT 14\r\n" + H)
        expect(c.reply(), 250)
        c.want("RSET", 250)
        c.send(b"BDAT 5 LAST\r\nhello")
        expect(c.reply(), "503 5.5.1")
        c.deliver(simple(), chunked=True)
        assert c.is_open()
    settled(both, "command-sequence", "abandoned", n=1)


def test_B23_no_recipient(std):
    with std.connect("C") as c:
        c.mail()
        c.send(b"BDAT 6 LAST\r\nQUIT\r\n")
        replies(c, ["503 5.5.1"], OPEN)
    settled(std, "command-sequence")


def test_B24_many_empty_chunks(std):
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        for _ in range(100):
            c.want("BDAT 0", "250 2.0.0")
        c.send(b"BDAT 0\r\n")
        replies(c, ["421 4.7.0"], CLOSED)
    settled(std, "bdat-too-many-empty")


def test_B25_many_tiny_chunks(std):
    body = b"line\r\n" * 300
    with std.connect("C") as c:
        c.mail()
        c.rcpt()
        c.bdat([H] + [bytes([x]) for x in body])
    assert std.inbound.one().body == body


def test_B26_binary_and_data(gateway, pki, hop):
    main, inbound = hop(caps=CAPS + ("BINARYMIME",)), hop(caps=CAPS + ("BINARYMIME",))
    gw = gateway(base_config(pki, main, inbound))
    with Smtp(gw.port()) as c:
        assert c.ehlo().count("BINARYMIME") == 1
        c.mail("u@contoso.com", "BODY=BINARYMIME")
        c.rcpt()
        c.want("DATA", "503 5.5.1")
        c.want("RSET", 250)
        c.mail("u@contoso.com", "BODY=BINARYMIME")
        c.rcpt()
        c.bdat(H + b"\0\r\n\xff")
    m = inbound.one()
    assert m.body == b"\0\r\n\xff" and "BODY=BINARYMIME" in m.params()


def test_B26_not_offered(std):
    with std.connect("C") as c:
        assert c.ehlo_reply.count("BINARYMIME") == 0
        c.mail("u@contoso.com", "BODY=BINARYMIME", want="555 5.5.4")
        assert c.is_open()
    settled(std, "param-unknown")


def test_B27_half_a_chunk(both):
    with both.connect("C") as c:
        c.mail()
        c.rcpt()
        c.send(b"BDAT %d LAST\r\n" % (10 << 20) + H)
        block = b"a" * 998 + b"\r\n"
        for _ in range(5 << 10):
            c.send(block)
    with both.connect("C") as c:
        c.deliver(simple())
    settled(both, "client-gone", n=1)
    half = [m for m in both.main.tries + both.inbound.tries if not m.committed]
    assert all(m.content == b"" or m.via == "bdat" for m in half)


def test_refused_chunk_is_consumed(std):
    """A refused BDAT's octets are eaten, never read as commands."""
    with std.connect("C") as c:
        c.mail()
        c.rcpt("bad@contoso.com")
        big = b"QUIT\r\n" * 1000
        c.want("RSET", 250)
        c.send(b"BDAT %d LAST\r\n" % len(big) + big)
        expect(c.reply(), 503)
        assert c.is_open()


def test_size_is_enforced(gateway, pki, hop):
    main, inbound = hop(), hop()
    gw = gateway(base_config(pki, main, inbound, listeners__in__size_limit=10000))
    big = H + b"a" * 998 + b"\r\n" + b"0123456789abcd\r\n" * 700
    for chunked in (False, True):
        with Smtp(gw.port()) as c:
            assert c.ehlo().has("SIZE") == "10000"
            c.mail()
            c.rcpt()
            if chunked:
                c.send(b"BDAT %d LAST\r\n" % len(big) + big)
            else:
                c.want("DATA", 354)
                c.send(stuff(big) + b".\r\n")
            expect(c.reply(), "552")
    assert inbound.messages == []


def test_big_message_both_ways(std):
    body = (b"%060d\r\n" % 7) * 40000
    with std.connect("X") as c:
        c.deliver(simple(body=body), xoorg="contoso.com")
        c.deliver(simple(body=body), xoorg="contoso.com", chunked=True)
    for m in std.main.wait(2, 20):
        assert m.body == body


def test_safe_profile(gateway, pki, hop):
    """No PIPELINING and no CHUNKING, if set so."""
    inbound = hop()
    gw = gateway(base_config(pki, hop(), inbound, listeners__in__safe=True))
    with Smtp(gw.port()) as c:
        reply = c.ehlo()
        assert reply.count("PIPELINING") == 0 and reply.count("CHUNKING") == 0
        c.deliver(simple())
    inbound.one()
    assert isinstance(Closed, type) and isinstance(Hop, type)
