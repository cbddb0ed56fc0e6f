"""UTF-8, checked strictly and in pieces; no I/O. MicroPython's own decoder accepts C0 80, surrogates and F4 90 80 80."""

import micropython


@micropython.viper
def check(data: ptr8, at: int, end: int, state: int) -> int:
    """Return the state behind `data[at:end]`: 0 between characters, -1 for an error, else what the next byte must be.

    Begin with 0, hand the state on to the next piece; a text is whole when it ends with 0. RFC 3629 §4. A state above 0 is
    the number of bytes still to come in bits 0–1, the lowest next byte in bits 8–15, the highest in bits 16–23.
    """
    while at < end:
        if state == 0:
            while at + 4 < end and (data[at] | data[at + 1] | data[at + 2] | data[at + 3]) < 0x80:
                at += 4
        byte = data[at]
        at += 1
        if state > 0:
            if byte < (state >> 8 & 0xFF) or byte > state >> 16:
                return -1
            state = (state & 3) - 1
            if state > 0:
                state |= 0xBF8000
        elif byte >= 0x80:
            if byte < 0xC2 or byte > 0xF4:
                return -1
            if byte < 0xE0:
                state = 0xBF8001
            elif byte == 0xE0:  # A0 at least: shorter forms exist for what is below
                state = 0xBFA002
            elif byte == 0xED:  # 9F at most: surrogates are above
                state = 0x9F8002
            elif byte < 0xF0:
                state = 0xBF8002
            elif byte == 0xF0:
                state = 0xBF9003
            elif byte == 0xF4:  # 8F at most: Unicode ends at 10FFFF
                state = 0x8F8003
            else:
                state = 0xBF8003
    return state


def is_utf8(data):
    """Return whether `data` (bytes-like) is whole, valid UTF-8."""
    return check(data, 0, len(data), 0) == 0
