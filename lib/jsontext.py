"""JSON from strangers and for strangers: checked strictly, whole, and bounded. Values in memory only; no I/O.

MicroPython's own `json` reads `[1 2}` as a list, an escaped emoji as two lone surrogates, a number of thirty thousand digits for
seconds, and writes `nan` (reference/signalr.md §4). So the text is checked here first, by viper, against RFC 8259.
"""

import json

import micropython
from micropython import const

from lib.utf8 import is_utf8

_DEEPEST = const(64)  # ASP.NET Core's own limit; "[[[[…" would cost a cell of memory for each byte
_LONGEST_NUMBER = const(330)  # a double written out in full has 309 digits
_ESCAPES = const(0x1A2022)  # b f n r t u, a bit each, counted from a

_VALUE = const(0)
_FIRST_ITEM = const(1)  # behind "[": a value or "]"
_FIRST_KEY = const(2)  # behind "{": a key or "}"
_KEY = const(3)
_COLON = const(4)
_END = const(5)  # behind a value: ",", the closing bracket, or nothing more

_open = bytearray(_DEEPEST)  # 123 or 91 for each open bracket; made once, a check is never interrupted by another
_COMPACT = (",", ":")


@micropython.viper
def _string_end(text: ptr8, at: int, size: int) -> int:
    """The index behind the closing quote of a string whose first character is at `at`; 0 when it is none (§7)."""
    while at < size:
        byte = text[at]
        at += 1
        if byte == 34:
            return at
        if byte < 32:
            return 0
        if byte == 92 and at < size:
            byte = text[at]
            at += 1
            if 97 < byte < 118:
                if _ESCAPES >> (byte - 97) & 1 == 0:
                    return 0
                hexadecimal = at + 4 if byte == 117 else at
                if hexadecimal > size:
                    return 0
                while at < hexadecimal:  # MicroPython's json takes any four characters
                    byte = text[at]
                    if not (48 <= byte <= 57 or 97 <= byte | 32 <= 102):
                        return 0
                    at += 1
            elif byte != 34 and byte != 92 and byte != 47:
                return 0
    return 0


@micropython.viper
def _scalar_end(text: ptr8, start: int, size: int) -> int:
    """The index behind the number (§6) or word at `start`; 0 when it is none, or a number longer than anybody needs."""
    at = start
    byte = text[at]
    if byte == 102 or byte == 116 or (byte == 110 and at + 1 < size and text[at + 1] == 117):
        while at < size and 97 <= text[at] <= 122:
            at += 1  # json knows true, false, null, and no other word; but MicroPython writes nan
        return at
    if byte == 45:
        at += 1
    if at + 1 < size and text[at] == 48 and 48 <= text[at + 1] <= 57:
        return 0
    digits = 0  # since the start, the point or the "e": json takes "5." and more
    while at < size:
        byte = text[at]
        if 48 <= byte <= 57:
            digits += 1
        elif byte == 46 or byte | 32 == 101:
            if digits == 0:
                return 0
            digits = 0
            if byte != 46 and at + 1 < size and (text[at + 1] == 43 or text[at + 1] == 45):
                at += 1
        else:
            break
        at += 1
    return at if digits > 0 and at - start <= _LONGEST_NUMBER else 0


@micropython.viper
def _fault(text: ptr8, size: int, stack: ptr8) -> int:
    """-1 when `text` is one JSON value and nothing else; otherwise the index where it stops being one."""
    at = 0
    depth = 0
    state = _VALUE
    while at < size:
        here = at
        byte = text[at]
        at += 1
        if byte == 34 and state < _COLON:
            at = int(_string_end(text, at, size))
            state = _END if state < _FIRST_KEY else _COLON
        elif byte == 44 and state == _END and depth > 0:
            state = _KEY if stack[depth - 1] == 123 else _VALUE
        elif byte == 58 and state == _COLON:
            state = _VALUE
        elif byte == 93 or byte == 125:
            # "]" is 93 behind "[" 91, "}" is 125 behind "{" 123: each closes what is two below it
            empty = _FIRST_ITEM if byte == 93 else _FIRST_KEY
            if depth == 0 or stack[depth - 1] != byte - 2 or (state != _END and state != empty):
                return here
            depth -= 1
            state = _END
        elif byte == 32 or byte == 10 or byte == 13 or byte == 9:
            pass
        elif state > _FIRST_ITEM:
            return here
        elif (byte == 91 or byte == 123) and depth < _DEEPEST:
            stack[depth] = byte
            depth += 1
            state = _FIRST_ITEM if byte == 91 else _FIRST_KEY
        else:
            at = int(_scalar_end(text, here, size))
            state = _END
        if at == 0:
            return here
    return -1 if state == _END and depth == 0 else size


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
    size = len(text)
    if not is_utf8(text):
        raise ValueError("not UTF-8")
    at = _fault(text, size, _open)
    if at >= 0:
        raise ValueError("not JSON at byte %d of %d" % (at, size))
    try:
        return json.loads(_joined(text) if b"\\u" in text else text)
    except MemoryError:
        raise NoMemory("JSON of %d bytes needs more memory than there is" % size)


def dumps(value):
    """`value` as compact JSON, bytes of UTF-8. ValueError for what JSON cannot say: NaN, infinity, lone surrogates, objects."""
    try:
        text = json.dumps(value, separators=_COMPACT).encode()
    except TypeError:
        raise ValueError("JSON has no such type")
    # MicroPython writes `nan`, `<object>` and raw surrogates without a word: the check that guards what comes in shows them
    if _fault(text, len(text), _open) >= 0 or not is_utf8(text):
        raise ValueError("JSON cannot say this")
    return text
