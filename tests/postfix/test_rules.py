# SPDX-License-Identifier: ISC
"""The rules by themselves (postfix/src/global/xoorg_rules.h), each table with its
forbidden cells first; the grammar by the rows of doc/vectors.md."""
import ctypes
import itertools
import os
import subprocess

import pytest

from harness import REPO, rows

VALUE_SIZE = 256
NONE, REFUSE, YES = range(3)
UNKNOWN, GOOD, MALFORMED, TWICE = range(4)
NOT, SEND, FAIL_VALUE, FAIL_ABSENT, FAIL_UNVERIFIED = range(5)

NAME = "mail.protection.outlook.com"


class SessionFacts(ctypes.Structure):
    _fields_ = [(x, ctypes.c_bool) for x in (
        "is_configured", "is_discarded", "is_starttls", "is_xclient", "has_name",
        "is_chain_good")]


class Name(ctypes.Structure):
    _fields_ = [("text", ctypes.c_char_p), ("len", ctypes.c_size_t)]


class Delivery(ctypes.Structure):
    _fields_ = [("value", ctypes.c_char_p)] + [(x, ctypes.c_bool) for x in (
        "is_required", "is_announced", "is_tls", "is_verified", "is_unverified_fine")]


@pytest.fixture(scope="session")
def rules(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules")
    library = str(folder / "rules.so")
    subprocess.run(
        ["cc", "-std=c17", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC",
         "-I" + os.path.join(REPO, "include"), "-o", library,
         os.path.join(REPO, "postfix/src/global/xoorg_rules.c")] +
        [os.path.join(REPO, "src/smtp/%s.c" % x) for x in ("bytes", "domain", "xtext")],
        check=True, timeout=120)
    lib = ctypes.CDLL(library)
    lib.xoorg_names_match.restype = ctypes.c_bool
    lib.xoorg_value_is_valid.restype = ctypes.c_bool
    lib.xoorg_value_choose.restype = ctypes.c_char_p
    return lib


# --- who is offered it -----------------------------------------------------------

ALL = dict(is_configured=True, is_discarded=False, is_starttls=True, is_xclient=False,
           has_name=True, is_chain_good=True)

OFFERS = rows(
    ("not-configured", dict(is_configured=False), NONE),
    ("discarded", dict(is_discarded=True), NONE),
    ("clear", dict(is_starttls=False), NONE),
    ("xclient", dict(is_xclient=True), NONE),
    ("other-name", dict(has_name=False), NONE),
    ("other-name-bad-chain", dict(has_name=False, is_chain_good=False), NONE),
    ("discarded-bad-chain", dict(is_discarded=True, is_chain_good=False), NONE),
    ("clear-bad-chain", dict(is_starttls=False, is_chain_good=False), NONE),
    ("xclient-bad-chain", dict(is_xclient=True, is_chain_good=False), NONE),
    ("not-configured-bad-chain", dict(is_configured=False, is_chain_good=False), NONE),
    ("bad-chain", dict(is_chain_good=False), REFUSE),
    ("all", {}, YES),
)


@pytest.mark.parametrize("id, change, want", OFFERS)
def test_offer(rules, id, change, want):
    facts = SessionFacts(**dict(ALL, **change))
    assert rules.xoorg_offer_decide(ctypes.byref(facts)) == want


def test_offer_one_cell_of_all(rules):
    """Of the 64 sessions that there are, one is offered it and one is refused."""
    got = [rules.xoorg_offer_decide(ctypes.byref(SessionFacts(*x)))
           for x in itertools.product((False, True), repeat=6)]
    assert (got.count(YES), got.count(REFUSE), got.count(NONE)) == (1, 1, 62)


# configured, SANs (None: no SAN at all), CN (None: not exactly one)
NAMES = rows(
    ("N3", NAME, ["*.protection.outlook.com"], None, False),
    ("N4", NAME, ["*." + NAME], None, False),
    ("N5", NAME, ["*.outlook.com"], None, False),
    ("N6-behind", NAME, [NAME + ".evil.example"], None, False),
    ("N6-before", NAME, ["evil" + NAME], None, False),
    ("N6-part", NAME, ["mail.protection.outlook.co"], None, False),
    ("N7", NAME, None, NAME + "\0.evil.example", False),
    ("N7-san", NAME, [NAME + "\0.evil.example"], None, False),
    ("N9", "*.x.test", ["a.x.test"], None, False),
    ("cn-beside-san", NAME, ["other.example"], NAME, False),
    ("cn-beside-other-san", NAME, [], NAME, False),
    ("cn-wildcard-of-nothing", "*.", None, "*.", False),
    ("cn-two-wildcards", "*.*.test", None, "*.*.test", False),
    ("cn-wildcard-of-another", "a.w.test", None, "*.w.test", False),
    ("cn-dot", NAME, None, NAME + ".", False),
    ("cn-dot-listed", NAME + ".", None, NAME + ".", False),
    ("two-cns", NAME, None, None, False),
    ("dot", NAME, [NAME + "."], None, False),
    ("empty-name", NAME, [""], None, False),
    ("empty-cn", NAME, None, "", False),
    ("empty-list", "", [NAME], NAME, False),
    ("blank-list", " ,\t", [NAME, ""], None, False),
    ("two-as-one", NAME, ["a.test " + NAME], None, False),
    ("list-as-name", "a.test, b.test", ["a.test, b.test"], None, False),
    ("N1", NAME, None, NAME, True),
    ("N2", NAME, ["MAIL.Protection.Outlook.com"], None, True),
    ("N8", "*.mail.protection.partner.outlook.cn",
     ["*.mail.protection.partner.outlook.cn"], None, True),
    ("N8-cn", "*.w.test", None, "*.W.test", True),
    ("N10", "a.test,b.test", ["b.test", "a.test"], None, True),
    ("last-of-all", "a.test  b.test\n\tc.test", ["x.test", "C.test"], "y.test", True),
)


@pytest.mark.parametrize("id, listed, sans, cn, want", NAMES)
def test_names(rules, id, listed, sans, cn, want):
    def name(text):
        return Name(text.encode(), len(text.encode()))
    array = (Name * 8)(*[name(x) for x in sans or ()])
    cn = ctypes.byref(name(cn)) if cn is not None else None
    assert rules.xoorg_names_match(
        listed.encode(), array, ctypes.c_size_t(len(sans or ())),
        ctypes.c_bool(sans is not None), cn) == want


# --- the parameter -----------------------------------------------------------------

LONGEST = ".".join(["a" * 63] * 3) + "." + "b" * 63

# Cells that must not be: without an announcement, nothing of it is ours.
UNANNOUNCED = ("XOORG=contoso.com", "XOORG", "XOORG=", "xoorg=!")

PARAMS = rows(
    ("M6", "XOORG=", MALFORMED), ("M7", "XOORG", MALFORMED),
    ("M12a", "XOORG=contoso+2", MALFORMED), ("M12b", "XOORG=contoso+", MALFORMED),
    ("M12c", "XOORG=contoso+ZZcom", MALFORMED), ("M13", "XOORG=a=b.com", MALFORMED),
    ("M14", "XOORG=contoso.com.", MALFORMED), ("M15a", "XOORG=.contoso.com", MALFORMED),
    ("M15b", "XOORG=contoso..com", MALFORMED), ("M16a", "XOORG=[192.0.2.1]", MALFORMED),
    ("M16b", "XOORG=[IPv6:::1]", MALFORMED), ("M17a", "XOORG=user@contoso.com", MALFORMED),
    ("M17b", "XOORG=con*oso.com", MALFORMED), ("M17c", "XOORG=con/toso.com", MALFORMED),
    ("M20b", "XOORG=" + "a" * 64 + ".com", MALFORMED),
    ("M21b", "XOORG=" + LONGEST + "b", MALFORMED),
    ("M21c", "XOORG=" + "+61" * 63 + "." + LONGEST, MALFORMED),
    ("M22", "XOORG=cont\xc3\xb6so.com", MALFORMED), ("M22c", "XOORG=contoso+FF.com", MALFORMED),
    ("M23a", "XOORG=contoso+00.com", MALFORMED),
    ("M23b", "XOORG=contoso+0D+0Acom", MALFORMED), ("M23c", "XOORG=contoso+20com", MALFORMED),
    ("M25", "XOORG=contoso\\x{2E}com", MALFORMED), ("M31", "XOORG=!", MALFORMED),
    ("quotes", 'XOORG="contoso.com"', MALFORMED),
    ("other", "XOORGX=contoso.com", UNKNOWN), ("part", "XOOR=contoso.com", UNKNOWN),
    ("before", "=contoso.com", UNKNOWN), ("empty", "", UNKNOWN),
    ("M1", "XOORG=contoso.com", "contoso.com"), ("M3", "xoorg=Contoso.COM", "Contoso.COM"),
    ("M10", "XOORG=contoso+2Ecom", "contoso.com"),
    ("M11", "XOORG=contoso+2ecom", "contoso.com"), ("M18", "XOORG=localhost", "localhost"),
    ("M19", "XOORG=_a-.contoso.com", "_a-.contoso.com"),
    ("M20a", "XOORG=" + "a" * 63 + ".com", "a" * 63 + ".com"),
    ("M21a", "XOORG=" + LONGEST, LONGEST),
    ("M24", "XOORG=xn--bcher-kva.example", "xn--bcher-kva.example"),
)


def _judge(rules, arg, announced=True, has_one=False):
    value = ctypes.create_string_buffer(b"untouched", VALUE_SIZE)
    got = rules.xoorg_param_judge(arg.encode("latin-1"), ctypes.c_bool(announced),
                                  ctypes.c_bool(has_one), value)
    return got, value.value.decode("latin-1")


@pytest.mark.parametrize("arg", UNANNOUNCED)
@pytest.mark.parametrize("has_one", [False, True])
def test_param_unannounced(rules, arg, has_one):
    assert _judge(rules, arg, False, has_one) == (UNKNOWN, "untouched")


@pytest.mark.parametrize("id, arg, want", PARAMS)
def test_param(rules, id, arg, want):
    got = _judge(rules, arg)
    if isinstance(want, str):
        assert got == (GOOD, want)
    else:
        assert got[0] == want
        # Nothing of a bad one is left to be taken for a good one.
        assert got[1] == ("" if want == MALFORMED else "untouched")


def test_param_ends_with_its_text(rules):
    """M7: nothing is read that stands behind it."""
    arg = ctypes.create_string_buffer(b"XOORG\0contoso.com")
    value = ctypes.create_string_buffer(VALUE_SIZE)
    assert rules.xoorg_param_judge(arg, ctypes.c_bool(True), ctypes.c_bool(False),
                                   value) == MALFORMED


@pytest.mark.parametrize("arg", ["XOORG=contoso.com", "xoorg=fabrikam.com", "XOORG=", "XOORG"])
def test_param_twice(rules, arg):
    """M8, M9: whatever the second is; the first stays."""
    assert _judge(rules, arg, has_one=True) == (TWICE, "untouched")


# --- client -----------------------------------------------------------------------

GOOD_SERVER = dict(is_announced=True, is_tls=True, is_verified=True)

# value, required, the server, want
DELIVERIES = rows(
    ("C3-nothing-announced", "contoso.com", False, dict(is_announced=False), NOT),
    ("no-tls", "contoso.com", False, dict(is_tls=False), NOT),
    ("no-tls-unverified-fine", "contoso.com", False,
     dict(is_tls=False, is_unverified_fine=True), NOT),
    ("C8-unverified", "contoso.com", False, dict(is_verified=False), NOT),
    ("no-value", "", False, {}, NOT),
    ("C5", "contoso.com", True, dict(is_announced=False), FAIL_ABSENT),
    ("required-no-tls", "contoso.com", True, dict(is_tls=False), FAIL_ABSENT),
    ("required-no-tls-unverified-fine", "contoso.com", True,
     dict(is_tls=False, is_unverified_fine=True), FAIL_ABSENT),
    ("required-unverified", "contoso.com", True, dict(is_verified=False), FAIL_UNVERIFIED),
    ("required-absent-fine", "contoso.com", True,
     dict(is_announced=False, is_unverified_fine=True), FAIL_ABSENT),
    ("required-no-value-absent", "", True, dict(is_announced=False), FAIL_ABSENT),
    ("required-no-value-unverified", "", True, dict(is_verified=False), FAIL_UNVERIFIED),
    ("C7", "bad domain", False, {}, FAIL_VALUE),
    ("C7-required", "bad domain", True, {}, FAIL_VALUE),
    ("C7-dot", "contoso.com.", False, {}, FAIL_VALUE),
    ("C7-absent", "a@b", False, dict(is_announced=False), FAIL_VALUE),
    ("C7-long", "a." * 200 + "com", False, {}, FAIL_VALUE),
    ("C7-injected", "contoso.com\r\nRCPT", False, {}, FAIL_VALUE),
    ("required-no-value", "", True, {}, NOT),
    ("unverified-fine", "contoso.com", False,
     dict(is_verified=False, is_unverified_fine=True), SEND),
    ("C1-required", "contoso.com", True, {}, SEND),
    ("C1", "contoso.com", False, {}, SEND),
)


@pytest.mark.parametrize("id, value, required, change, want", DELIVERIES)
def test_send(rules, id, value, required, change, want):
    facts = Delivery(value=value.encode(), is_required=required,
                     **dict(GOOD_SERVER, **change))
    assert rules.xoorg_send_decide(ctypes.byref(facts)) == want


def test_send_never_outside_verified_tls(rules):
    """Of the 32 ways: a value goes only with announcement and TLS, and verified or said
    to be fine without."""
    for x in itertools.product((False, True), repeat=5):
        facts = Delivery(b"contoso.com", *x)
        may = facts.is_announced and facts.is_tls and (
            facts.is_verified or facts.is_unverified_fine)
        got = rules.xoorg_send_decide(ctypes.byref(facts))
        assert (got == SEND) == may, x
        assert (got in (FAIL_ABSENT, FAIL_UNVERIFIED)) == (facts.is_required and not may), x


CHOICES = rows(
    ("not-passed", False, b"a.test", None, b"", b""),
    ("not-passed-fixed", False, b"a.test", None, b"c.test", b"c.test"),
    ("not-passed-mapped", False, b"a.test", b"b.test", b"c.test", b"b.test"),
    ("came-with-none", True, b"", b"b.test", b"c.test", b"b.test"),
    ("nothing", True, None, None, None, b""),
    ("passed", True, b"a.test", b"b.test", b"c.test", b"a.test"),
    ("mapped-empty", True, b"", b"", b"c.test", b"c.test"),
)


@pytest.mark.parametrize("id, passed, came, mapped, fixed, want", CHOICES)
def test_choose(rules, id, passed, came, mapped, fixed, want):
    assert rules.xoorg_value_choose(ctypes.c_bool(passed), came, mapped, fixed) == want
