"""The mask of a WebSocket frame, in machine code: only a viper function stands here. No I/O. RFC 6455 §5.3."""

import micropython


@micropython.viper
def mask(frame: ptr8, at: int, payload: ptr8, size: int, key: ptr8):
    """Write `payload`, masked by the four bytes of `key`, into `frame` from `at` on. §5.3"""
    a = key[0]
    b = key[1]
    c = key[2]
    d = key[3]
    i = 0
    whole = size - 3
    while i < whole:
        frame[at] = payload[i] ^ a
        frame[at + 1] = payload[i + 1] ^ b
        frame[at + 2] = payload[i + 2] ^ c
        frame[at + 3] = payload[i + 3] ^ d
        i += 4
        at += 4
    while i < size:
        frame[at] = payload[i] ^ key[i & 3]
        i += 1
        at += 1
