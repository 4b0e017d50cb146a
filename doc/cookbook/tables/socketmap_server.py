"""Postfix's socketmap protocol, for tables of tenants.

serve(path, look_up): look_up(key) returns the record of a tenant, a dict, or None, which
is an answer, too: nobody's. Whatever it raises is TEMP, and the sender tries again."""
import json
import os
import socketserver
import sys


def read(stream):
    """The text of a netstring; None at the end. Anything else is a ValueError."""
    head = b""
    while not head.endswith(b":"):
        octet = stream.read(1)
        if not octet and not head:
            return None
        if not octet or len(head) > 4 or octet not in b"0123456789:":
            raise ValueError("no netstring")
        head += octet
    text = stream.read(int(head[:-1]) + 1)
    if text[-1:] != b"," or len(text) != int(head[:-1]) + 1:
        raise ValueError("no netstring")
    return text[:-1].decode("ascii")


def answer(look_up, text):
    try:
        record = look_up(text.partition(" ")[2])
    except Exception as e:
        print("%s: %s" % (text, e), file=sys.stderr, flush=True)
        return "TEMP the table cannot be read"
    return "NOTFOUND " if record is None else "OK " + json.dumps(record)


def serve(path, look_up):
    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            try:
                for text in iter(lambda: read(self.rfile), None):
                    said = answer(look_up, text).encode()
                    self.wfile.write(b"%d:%s," % (len(said), said))
            except (ValueError, OSError):
                pass	# and the connection is closed

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True
        request_queue_size = 64

    if os.path.exists(path):
        os.unlink(path)
    with Server(path, Handler) as server:
        server.serve_forever()
