"""The check of JSON against RFC 8259, in machine code: only viper functions, and what they read, stand here. No I/O."""

import micropython
from micropython import const

_DEEPEST = const(64)  # as in lib/strict_json.py
_LONGEST_NUMBER = const(330)  # a double written out in full has 309 digits
_ESCAPES = const(0x1A2022)  # b f n r t u, a bit each, counted from a
_WORDS = b"true,false,null,"  # all that there are (§3), each with an end that is no letter
_FALSE_AT = const(5)
_NULL_AT = const(11)

_VALUE = const(0)
_FIRST_ITEM = const(1)  # behind "[": a value or "]"
_FIRST_KEY = const(2)  # behind "{": a key or "}"
_KEY = const(3)
_COLON = const(4)
_END = const(5)  # behind a value: ",", the closing bracket, or nothing more


@micropython.viper
def _string_end(text: ptr8, at: int, size: int) -> int:
    """Return the index behind the closing quote of a string whose first character is at `at`; 0 when it is none (§7)."""
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
def _scalar_end(text: ptr8, words: ptr8, start: int, size: int) -> int:
    """Return the index behind the number (§6) or one of `words` at `start`; 0 when it is none, or longer than anybody needs."""
    at = start
    byte = text[at]
    if byte == 102 or byte == 116 or byte == 110:
        # MicroPython's json takes words that run together, [truefalse] as two values
        word = _FALSE_AT if byte == 102 else _NULL_AT if byte == 110 else 0
        while at < size and text[at] == words[word] and words[word] != 44:
            at += 1
            word += 1
        return at if words[word] == 44 else 0
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
def fault(text: ptr8, size: int, stack: ptr8) -> int:
    """Return -1 when `text` is one JSON value and nothing else; otherwise the index where it stops being one.

    `stack`: 64 bytes for its work, 123 or 91 for each open bracket.
    """
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
            at = int(_scalar_end(text, _WORDS, here, size))
            state = _END
        if at == 0:
            return here
    return -1 if state == _END and depth == 0 else size


@micropython.viper
def bracket(text: ptr8, at: int, size: int, state: ptr8) -> int:
    """Return the index behind the next bracket of any kind outside strings, from `at` on; 0 when there is none before `size`.

    `state`: a byte, 0 at first: 1 within a string, 2 behind a backslash there. For a text that comes in pieces.
    """
    inside = int(state[0])
    while at < size:
        byte = text[at]
        at += 1
        if inside == 2:
            inside = 1
        elif inside == 1:
            inside = 2 if byte == 92 else 0 if byte == 34 else 1
        elif byte == 34:
            inside = 1
        elif byte | 32 == 123 or byte | 32 == 125:
            state[0] = 0
            return at
    state[0] = inside
    return 0
