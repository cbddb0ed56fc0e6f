"""One WebSocket frame on its way out, masked; and what the payload of a close frame may say. No I/O. RFC 6455 §5, 7.4."""

import os

from micropython import const

from lib.strict_utf8 import is_utf8
from lib.websocket_mask import mask

TEXT = const(1)
BINARY = const(2)
CLOSE = const(8)
PING = const(9)
PONG = const(10)

PROTOCOL_ERROR = const(1002)
NO_CODE = const(1005)
NOT_UTF8 = const(1007)
TOO_BIG = const(1009)

_FIN = const(0x80)
_MASKED = const(0x80)
_MAX_REASON = const(123)  # bytes


class Fault(Exception):
    """The server broke the rules: close code and words."""


def frame(opcode, payload):
    """A whole frame as a bytearray, masked with a fresh key; its length in the shortest form. `payload` is bytes-like. §5.2"""
    size = len(payload)
    head = 6 if size < 126 else 8 if size < 65536 else 14  # the key is its last four bytes
    made = bytearray(head + size)
    made[0] = _FIN | opcode
    if head == 6:
        made[1] = _MASKED | size
    elif head == 8:
        made[1] = _MASKED | 126
        made[2] = size >> 8
        made[3] = size & 255
    else:
        made[1] = _MASKED | 127
        made[2:10] = size.to_bytes(8, "big")
    key = os.urandom(4)
    made[head - 4 : head] = key
    mask(made, head, payload, size, key)
    return made


def _is_code(code):
    """True when a close frame may carry `code`. §7.4, and IANA's registry"""
    return 1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999


def read_close(payload):
    """(code, reason) of a close frame's payload. §5.5.1, 7.4"""
    if not payload:
        return NO_CODE, ""
    code = int.from_bytes(payload[:2], "big")  # one byte alone is below 256: no code
    if not _is_code(code):
        raise Fault(PROTOCOL_ERROR, "a close code that is none")
    if not is_utf8(payload[2:]):
        raise Fault(NOT_UTF8, "a close reason is not UTF-8")
    return code, str(payload[2:], "utf-8")


def write_close(code, reason):
    """The payload of a close frame. Raises ValueError for a code that may not be sent, or a reason above 123 bytes."""
    reason = reason.encode()
    if not _is_code(code) or len(reason) > _MAX_REASON or not is_utf8(reason):
        raise ValueError("not a close code, or not a reason")
    return code.to_bytes(2, "big") + reason
