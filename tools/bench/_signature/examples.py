"""Signatures to measure: made in memory, with a key of the set that releases use."""

import functools

from tools import keys


@functools.cache
def _key():
    peer = keys.peer()
    return peer.HssPrivateKey(levels=1, lms_type=peer.lms_sha256_m24_h10, lmots_type=peer.lmots_sha256_n24_w4)


def signed(count):
    """Return that many (public key, signature, message), each of another message."""
    key = _key()
    public = key.publicKey().serialize()
    return [(public, key.sign(b'{"counter":%d}\n' % number), b'{"counter":%d}\n' % number) for number in range(count)]
