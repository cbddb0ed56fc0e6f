"""Verification of signatures: LMS and HSS (RFC 8554), and the SHA-256/192 sets of SP 800-208. No I/O, hashlib alone.

A key is 48 or 56 bytes (LMS), or 52 or 60 (HSS: the number of levels before it); its signature is of the same kind.
Two buffers of about 60 bytes serve all hashes of a tree; what a hash itself needs is free again at once.
"""

from hashlib import sha256
from struct import pack_into, unpack_from

# RFC 8554 §4.1 and SP 800-208 §4.1, types 1 to 8: bytes of a hash, bits of a digit, chains, left shift of the checksum
_OTS = (
    (32, 1, 265, 7),
    (32, 2, 133, 6),
    (32, 4, 67, 4),
    (32, 8, 34, 0),
    (24, 1, 200, 8),
    (24, 2, 101, 6),
    (24, 4, 51, 4),
    (24, 8, 26, 0),
)
_KINDS = (bytes, bytearray)


def verify(public_key, signature, message):
    """Return whether `signature` was made for `message` with the key of `public_key`.

    All three are bytes or bytearrays; the result is False for anything else. Raise nothing, whatever the bytes are (but
    MemoryError may come of a full heap). Source: RFC 8554 §5.4.2 (LMS) and §6.3 (HSS).
    """
    if not (isinstance(public_key, _KINDS) and isinstance(signature, _KINDS) and isinstance(message, _KINDS)):
        return False
    levels, key, at = 1, public_key, 0
    if len(public_key) in (52, 60):
        levels, key, at = _u32(public_key, 0), public_key[4:], 4
        if not 1 <= levels <= 8 or len(signature) < 4 or _u32(signature, 0) != levels - 1:
            return False
    for below in range(levels - 1, -1, -1):
        scheme = _scheme(key)
        if scheme is None:
            return False
        end = at + _size(scheme)
        if end > len(signature) or (not below and end != len(signature)):
            return False
        signed = _key_at(signature, end) if below else message
        if not _fits(key, scheme, signature, at, signed):
            return False
        key, at = signed, end + len(signed)
    return True


def _u32(data, at):
    return unpack_from("!I", data, at)[0]


def _scheme(key):
    """Return (bytes of a hash, bits of a digit, chains, checksum's shift, height) of an LMS public key; None when it is none."""
    if len(key) not in (48, 56):
        return None
    tree, ots = unpack_from("!II", key, 0)
    if not (5 <= tree <= 14 and 1 <= ots <= 8):
        return None
    n, w, chains, shift = _OTS[ots - 1]
    if len(key) != 24 + n or n != (32 if tree < 10 else 24):  # SP 800-208 §4: one hash for tree and leaves
        return None
    return n, w, chains, shift, (tree - 5) % 5 * 5 + 5


def _size(scheme):
    """Return the bytes of an LMS signature: leaf, type, C and chains, type, path."""
    n, _, chains, _, height = scheme
    return 12 + n * (1 + chains + height)


def _key_at(signature, at):
    """Return the LMS public key that stands in an HSS signature at `at`; something else when there is none."""
    n = 24 if len(signature) >= at + 4 and _u32(signature, at) >= 10 else 32
    return signature[at : at + 24 + n]


def _fits(key, scheme, signature, at, signed):
    """Return whether the LMS signature at `at` leads from `signed` to the root that the key names (RFC 8554 §5.4.2)."""
    n, _, chains, _, height = scheme
    types = at + 8 + n * (1 + chains)
    if (
        _u32(signature, at) >> height
        or signature[at + 4 : at + 8] != key[4:8]
        or signature[types : types + 4] != key[:4]
    ):
        return False
    leaf = _one_time(key, scheme, signature, at, signed)
    return _root(key, scheme, signature, at, leaf) == key[24:]


def _one_time(key, scheme, signature, at, signed):
    """Return the one-time public key (n bytes) that the signature at `at` stands for (RFC 8554 §4.6, algorithm 4b)."""
    n, w, chains, shift, _ = scheme
    value_of = "32s" if n == 32 else "24s"  # takes the first n bytes of a hash
    block = bytearray(23 + n)  # I, leaf, chain, step, value
    block[:16] = key[8:24]
    block[16:20] = signature[at : at + 4]
    digits = _digits(block, signature[at + 8 : at + 8 + n], signed, scheme)
    pack_into("!H", block, 20, 0x8080)
    public = sha256(block[:22])
    value = memoryview(block)[23:]
    last = (1 << w) - 1
    at += 8 + n
    for chain in range(chains):
        pack_into("!H", block, 20, chain)
        pack_into(value_of, block, 23, signature[at : at + n])
        at += n
        for step in range(_digit(digits, chain, w), last):
            block[22] = step
            pack_into(value_of, block, 23, sha256(block).digest())
        public.update(value)
    return public.digest()[:n]


def _digits(block, randomiser, signed, scheme):
    """Return the hash of the message and its checksum, two bytes, behind it (RFC 8554 §4.4 and §4.5)."""
    n, w, _, shift, _ = scheme
    pack_into("!H", block, 20, 0x8181)
    state = sha256(block[:22])
    state.update(randomiser)
    state.update(signed)
    digits = bytearray(state.digest()[:n] + b"\0\0")
    last = (1 << w) - 1
    total = 0
    for number in range(8 * n // w):
        total += last - _digit(digits, number, w)
    pack_into("!H", digits, n, total << shift)
    return digits


def _digit(digits, number, w):
    """Return the digit of `w` bits with that number, from the left (RFC 8554 §3.1.3)."""
    bit = number * w
    return digits[bit >> 3] >> (8 - w - (bit & 7)) & ((1 << w) - 1)


def _root(key, scheme, signature, at, value):
    """Return the root (n bytes) of the tree with the leaf `value`, by the path in the signature (RFC 8554 §5.4.2)."""
    n, _, chains, _, height = scheme
    value_of = "32s" if n == 32 else "24s"
    block = bytearray(22 + 2 * n)  # I, node, what it is, left, right
    block[:16] = key[8:24]
    node = _u32(signature, at) + (1 << height)
    pack_into("!IH", block, 16, node, 0x8282)
    pack_into(value_of, block, 22, value)
    value = sha256(memoryview(block)[: 22 + n]).digest()
    at += 12 + n * (1 + chains)
    for _ in range(height):
        right = node & 1
        pack_into(value_of, block, 22 + n * right, value)
        pack_into(value_of, block, 22 + n - n * right, signature[at : at + n])
        at += n
        node >>= 1
        pack_into("!IH", block, 16, node, 0x8383)
        value = sha256(block).digest()
    return value[:n]
