# SPDX-License-Identifier: ISC
"""The recipes in doc/cookbook: what stands in the place of their @NAME@s.

A line that is nothing but @NAME@ gives way to lines, maybe none; a line with @DOMAIN@
comes once for each domain. `xoorg setup` (src/cmd/setup/recipe.c) reads them in the same way."""
import os
import re

HERE = os.path.dirname(os.path.abspath(__file__))
REPO = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
COOKBOOK = os.path.join(REPO, "doc", "cookbook")

# What README and cookbook show.
SHOWN = {
    "USER": 'user = "xoorg"\n', "STATUS": '"127.0.0.1:9025"', "HOSTNAME": '"gw.contoso.com"',
    "CERTIFICATE": '"/etc/xoorg/gw.pem"', "KEY": '"/etc/xoorg/gw.key"',
    "TRUST": '"system"', "CLOUD": '"mail.protection.outlook.com"', "TENANT": "contoso",
    "ORGS": '"contoso.com", "contoso.onmicrosoft.com"', "RECIPIENT_DOMAINS": '"contoso.com"',
    "DOMAIN": ["contoso.com"], "LISTEN": '"0.0.0.0:25", "[::]:25"', "MODE": '"observe"',
    "VERIFIED_HOST": '"127.0.0.1:10025"', "ORDINARY_HOST": '"127.0.0.1:10026"',
    "VERIFIED": "127.0.0.1:10025", "ORDINARY": "127.0.0.1:10026",
    "VERIFIED_PORT": "10025", "ORDINARY_PORT": "10026", "OUT_PORT": "10027",
    "INTERFACES": "[127.0.0.1]:10025 ; [127.0.0.1]:10026",
    "OUT_HOST": "127.0.0.1", "BACK_LISTEN": '"127.0.0.1:10027"',
    "EXCHANGE_HOST": '"mail.contoso.com:25"',
    "EXCHANGE_NAME": '\t\ttls_name = "mail.contoso.com"\n',
    "BACK_PEER": "", "BACK_LISTENER": "", "BACK_UPSTREAM": "", "GATEWAY": "127.0.0.1,[::1]",
    "XOORG": "contoso.com",
    "ASK": "127.0.0.1:10040", "ASK_LISTEN": '"127.0.0.1:10040"',
    "MAP": "127.0.0.1:10041", "MAP_LISTEN": '"127.0.0.1:10041"', "TENANT_NAME": '"contoso"',
    "TABLE": '"redis:inet:10.0.0.20:6379"',
    "SERVED_TABLE": '"socketmap:unix:/run/xoorg-tenants/map:tenants"',
    "EXPORTED_TABLE": '"cdb:/var/lib/xoorg/tables/tenants.cdb"',
    "BALANCER": ":25", "BALANCER_NETWORK": '"192.0.2.10"',
    "FIRST_GATEWAY": "192.0.2.11:25", "FIRST_STATUS": "9025",
    "SECOND_GATEWAY": "192.0.2.12:25", "SECOND_STATUS": "9025",
}
# By MTA: how the client's address reaches it, and what says so in its own words.
HANDOVER = {"postfix": "xclient", "exim": "proxy", "opensmtpd": "proxy-v2",
            "sendmail": "none", "haraka": "xclient"}
STANZAS = {("postfix", "xclient"): "postfix/behind/handover-xclient.cf",
           ("postfix", "proxy"): "postfix/behind/handover-proxy.cf",
           ("postfix", "proxy-v2"): "postfix/behind/handover-proxy.cf",
           ("postfix", "none"): "postfix/behind/handover-none.cf",
           ("exim", "proxy"): "exim/behind/handover-proxy",
           ("exim", "proxy-v2"): "exim/behind/handover-proxy"}


def text_of(file):
    with open(os.path.join(COOKBOOK, file), encoding="utf-8") as f:
        return f.read()


def _line(line, values, is_strict):
    def value(match):
        name = match.group(1)
        assert name in values or not is_strict, "no value for @%s@" % name
        return str(values[name]) if name in values else match.group(0)
    if "@DOMAIN@" in line:
        return "".join(_line(line.replace("@DOMAIN@", x), values, is_strict)
                       for x in values["DOMAIN"])
    whole = re.fullmatch(r"@([A-Z_]+)@\n", line)
    if whole:
        return value(whole)
    return re.sub(r"@([A-Z][A-Z_]+)@", value, line)


def render(text, values, is_strict=True):
    """Puts the values in; none may be left over, if it is strict."""
    return "".join(_line(x, values, is_strict) for x in text.splitlines(keepends=True))


def handed_over(mta, handover, values):
    """`values` with the stanzas of a handover."""
    stanza = STANZAS.get((mta, handover))
    return dict(
        values, HANDOVER=render(text_of(stanza), values) if stanza else "",
        HANDOVER_WORD=handover if handover != "none" else "",
        HANDOVER_CONF=text_of("gateway/handover-%s.conf" % handover))


def shown(file, mta=None, handover=None, **changes):
    """A file as the pages show it; what they leave open keeps its @NAME@."""
    values = dict(SHOWN, **changes)
    mta = mta or file.partition("/")[0]
    if mta in HANDOVER:
        values = handed_over(mta, handover or HANDOVER[mta], values)
    return render(text_of(file), values, False)


def with_way_back(values):
    """`values` of gateway/xoorgd.conf that has both directions."""
    return dict(values, **{x: render(text_of("gateway/%s.conf" % file), values) for x, file in (
        ("BACK_PEER", "back-peer"), ("BACK_LISTENER", "back-listener"),
        ("BACK_UPSTREAM", "back-upstream"))})
