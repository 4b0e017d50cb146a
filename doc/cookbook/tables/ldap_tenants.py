"""Tenants out of LDAP: ldap_tenants.py URL BASE USER PASSWORD_FILE SOCKET

A tenant is an entry with its name in `o`, and its originator orgs in `associatedDomain`."""
import sys

import ldap
from ldap.filter import escape_filter_chars
from socketmap_server import serve

URL, BASE, USER, PASSWORD_FILE, SOCKET = sys.argv[1:]


def look_up(key):
    kind, _, domain = key.partition(":")
    if kind != "org":
        return None
    directory = ldap.initialize(URL)
    try:
        directory.set_option(ldap.OPT_NETWORK_TIMEOUT, 1)
        directory.set_option(ldap.OPT_TIMEOUT, 1)
        with open(PASSWORD_FILE, encoding="utf-8") as f:
            directory.simple_bind_s(USER, f.read().strip())
        # In a filter * is a wildcard; here it is a character.
        found = directory.search_s(BASE, ldap.SCOPE_SUBTREE, "(associatedDomain=%s)" %
                                   escape_filter_chars(domain), ["o", "associatedDomain"])
    finally:
        directory.unbind_s()
    entries = [entry for name, entry in found if name]	# without references
    if not entries:
        return None
    if len(entries) > 1:
        raise LookupError("more than one tenant has it")
    domains = [x.decode().lower() for x in entries[0]["associatedDomain"]]
    return {"name": entries[0]["o"][0].decode(),
            "originator_orgs": sorted(domains, key=lambda x: x.startswith("*."))}


if __name__ == "__main__":
    serve(SOCKET, look_up)
