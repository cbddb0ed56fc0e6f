"""The C functions that code calls in a chip's ROM: addresses by ESP-IDF's `components/esp_rom/<chip>/ld/*.newlib*.ld`."""

from tools import Failure


def strlen(read, text, *_):
    """Return the length of the text at `text`; `read(address, size)` gives memory."""
    return len(_text(read, text))


def memcmp(read, one, other, size, *_):
    """Return how two pieces of memory compare: -1, 0 or 1."""
    one, other = read(one, size), read(other, size)
    return (one > other) - (one < other)


def strncmp(read, one, other, size, *_):
    """Return how the first `size` bytes of two texts compare: -1, 0 or 1."""
    one, other = _text(read, one)[:size], _text(read, other)[:size]
    return (one > other) - (one < other)


FUNCTIONS = {
    "esp32": {0x400014C0: strlen, 0x4000C260: memcmp, 0x4000C5F4: strncmp},
    "esp32s2": {0x40007E08: strlen, 0x4001AB40: memcmp},
    "esp32s3": {0x40001248: strlen, 0x4000120C: memcmp, 0x4000123C: strncmp},
    "esp32c3": {0x40000374: strlen, 0x40000360: memcmp, 0x40000370: strncmp},
}


def answer(chip, address, read, arguments):
    """Return what the ROM's function returns, as a word. Raise Failure for one that is not known."""
    function = FUNCTIONS[chip].get(address)
    if function is None:
        raise Failure(f"the code calls {address:#x} in the ROM of the {chip}, with {[hex(a) for a in arguments]}")
    return function(read, *arguments) & 0xFFFFFFFF


def _text(read, address):
    text = b""
    while (byte := read(address + len(text), 1)) != b"\0":
        text += byte
    return text
