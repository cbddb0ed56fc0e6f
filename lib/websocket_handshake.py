"""How a WebSocket begins, without I/O: the request of the client, and what its answer must say. RFC 6455 §4.

No extension and no subprotocol is offered or accepted.
"""

import os
from binascii import b2a_base64
from hashlib import sha1

from lib import http_response

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_REDIRECTS = (301, 302, 303, 307, 308)


class Refused(Exception):
    """The server did not switch to WebSocket.

    `status`: its HTTP status (101 when it said yes, and wrongly); `retry_after_s`: the wait it asks for, or None;
    `location`: where a redirect leads (see `http1.follow`), or None.
    """

    def __init__(self, text, status, retry_after_s=None, location=None):
        super().__init__(text)
        self.status = status
        self.retry_after_s = retry_after_s
        self.location = location


def new_key():
    """A fresh Sec-WebSocket-Key: 16 random bytes as 24 characters."""
    return b2a_base64(os.urandom(16)).strip().decode()


def accept(key):
    """The Sec-WebSocket-Accept that proves that the server read `key`. §4.2.2"""
    return b2a_base64(sha1(key.encode() + _GUID).digest()).strip().decode()


def upgrade(host, port, secure, path, headers, key):
    """The bytes of the request that asks for WebSocket. Raises ValueError as `http1.request`, and for a header of its own."""
    lines = [("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", key)]
    lines.append(("Sec-WebSocket-Version", "13"))
    for name, value in headers.items() if isinstance(headers, dict) else headers:
        if name.lower() in ("host", "upgrade", "connection") or name.lower().startswith("sec-websocket-"):
            raise ValueError("the handshake sets " + name + " itself")
        lines.append((name, value))
    return http_response.request("GET", host, port, secure, path, lines)


def check(status, headers, key):
    """None when the server switched to WebSocket; otherwise raises Refused. `headers` as of `http_response.Answer`. §4.1"""
    if status != 101:
        location = headers.get("location") if status in _REDIRECTS else None
        raise Refused(http_response.refusal(status), status, http_response.retry_after_s(headers), location)
    if not _names(headers, "upgrade", "websocket") or not _names(headers, "connection", "upgrade"):
        raise Refused("the server upgrades to something else", status)
    if headers.get("sec-websocket-accept") != accept(key):
        raise Refused("the server did not read the key", status)
    if headers.get("sec-websocket-extensions") or headers.get("sec-websocket-protocol"):
        raise Refused("the server chose what nobody offered", status)


def _names(headers, name, token):
    return token in [part.strip().lower() for part in headers.get(name, "").split(",")]
