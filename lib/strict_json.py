"""JSON from strangers and for strangers: checked strictly, whole, and bounded. Values in memory only; no I/O.

MicroPython's own `json` reads `[1 2}` as a list, an escaped emoji as two lone surrogates, a number of thirty thousand digits for
seconds, and writes `nan` (reference/signalr.md §4). So the text is checked first, against RFC 8259 (json_check.py).
"""

import json

from micropython import const

from lib.json_check import fault
from lib.strict_utf8 import is_utf8

_DEEPEST = const(64)  # ASP.NET Core's own limit; "[[[[…" would cost a cell of memory for each byte

_open = bytearray(_DEEPEST)  # of json_check.fault; made once, a check is never interrupted by another
_COMPACT = (",", ":")


def _joined(text):
    r"""`text` with each escaped surrogate pair (`\ud83d\ude00`) as the UTF-8 of its one character (RFC 8259 §7).

    Half a pair becomes U+FFFD, as it has no UTF-8 and could not be sent on.
    """
    parts = []
    done = 0
    at = text.find(b"\\")
    while at >= 0:
        behind = at + 2
        if text[at + 1] == 117:  # every other escape is two bytes: "\\u" is a backslash and a letter
            behind = at + 6
            code = int(str(text[at + 2 : behind], "ascii"), 16)
            if 0xD800 <= code <= 0xDFFF:
                low = 0
                if code < 0xDC00 and text[behind : behind + 2] == b"\\u":
                    low = int(str(text[behind + 2 : behind + 6], "ascii"), 16)
                if 0xDC00 <= low <= 0xDFFF:
                    behind += 6
                    code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
                else:
                    code = 0xFFFD
                parts.append(text[done:at])
                parts.append(chr(code).encode())
                done = behind
        at = text.find(b"\\", behind)
    parts.append(text[done:])
    return b"".join(parts)


class NoMemory(ValueError):
    """The text is JSON, but its value needs more memory than there is."""


def loads(text):
    """The value of `text` (bytes): dicts, lists, str, int of any size, float, bool, None. No str holds a lone surrogate.

    ValueError, with the place but nothing of the content, when it is not UTF-8, not JSON, deeper than 64 brackets, or
    holds a number of more than 330 characters; NoMemory, which is one, when it needs more memory than there is.
    """
    check(text)
    try:
        return json.loads(_joined(text) if b"\\u" in text else text)
    except MemoryError:
        raise NoMemory("JSON of %d bytes needs more memory than there is" % len(text))


def check(text):
    """Raise ValueError as `loads` where `text` (bytes or bytearray) is no JSON. Takes no memory."""
    if not is_utf8(text):
        raise ValueError("not UTF-8")
    at = fault(text, len(text), _open)
    if at >= 0:
        raise ValueError("not JSON at byte %d of %d" % (at, len(text)))


def dumps(value):
    """`value` as compact JSON, bytes of UTF-8. ValueError for what JSON cannot say: NaN, infinity, lone surrogates, objects."""
    try:
        text = json.dumps(value, separators=_COMPACT).encode()
    except TypeError:
        raise ValueError("JSON has no such type")
    # MicroPython writes `nan`, `<object>` and raw surrogates without a word: the check that guards what comes in shows them
    if fault(text, len(text), _open) >= 0 or not is_utf8(text):
        raise ValueError("JSON cannot say this")
    return text
