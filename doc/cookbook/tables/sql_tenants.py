"""Tenants out of SQL: sql_tenants.py DATABASE SOCKET"""
import contextlib
import pathlib
import sqlite3
import sys

from socketmap_server import serve

LISTS = {"org": "originator_orgs", "sender": "sender_domains",
         "recipient": "recipient_domains"}


def connect():
    """To read only: a database that is not there is an error, and not an empty one."""
    return contextlib.closing(sqlite3.connect(
        pathlib.Path(sys.argv[1]).resolve().as_uri() + "?mode=ro", uri=True, timeout=1))


def look_up(key):
    """`key`: org:contoso.com, org:*.contoso.com, sender:contoso.com."""
    kind, _, domain = key.partition(":")
    with connect() as database:
        if not database.execute("SELECT 1 FROM tenant LIMIT 1").fetchall():
            raise LookupError("no tenants at all")
        # One statement, which sees one state of the table.
        rows = database.execute(
            "SELECT tenant, kind, domain FROM domain WHERE tenant = (SELECT tenant"
            " FROM domain WHERE kind = ? AND domain = ? ORDER BY tenant LIMIT 1)"
            " ORDER BY place, domain DESC",
            (kind, domain)).fetchall()
    if not rows:
        return None
    record = {"name": rows[0][0], **{name: [] for name in LISTS.values()}}
    for _, kind, domain in rows:
        record[LISTS[kind]].append(domain)
    return record


if __name__ == "__main__":
    serve(sys.argv[2], look_up)
