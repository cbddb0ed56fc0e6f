"""Signs what a test likes, quickly: always with the first leaf of a tree whose other half is made up. Never for a release.

The one key of a test may sign a hundred manifests; a real one must never do that (tools/common/key_file.py).
"""

from hashlib import sha256
from struct import pack

_N = 24
_CHAINS = 51
_TREE, _OTS = 10, 7  # LMS_SHA256_M24_H5, LMOTS_SHA256_N24_W4
_HEIGHT = 5


def _hash(*pieces):
    return sha256(b"".join(pieces)).digest()[:_N]


class Signer:
    """A key made of `seed` (bytes): `public`, of HSS with one level as the build puts it into images, and `sign`."""

    def __init__(self, seed):
        self._seed = seed
        self._id = _hash(b"id", seed)[:16]
        leaf = self._id + pack("!I", 0)
        tops = [self._chain(chain, 0, 15) for chain in range(_CHAINS)]
        value = _hash(leaf, b"\x80\x80", *tops)
        node = 1 << _HEIGHT
        value = _hash(self._id, pack("!I", node), b"\x82\x82", value)
        self._path = [_hash(b"path", seed, bytes((level,))) for level in range(_HEIGHT)]
        for other in self._path:
            node >>= 1
            value = _hash(self._id, pack("!I", node), b"\x83\x83", value, other)
        self.public = pack("!III", 1, _TREE, _OTS) + self._id + value

    def _chain(self, chain, start, end):
        value = _hash(b"secret", self._seed, bytes((chain,)))
        for step in range(start, end):
            value = _hash(self._id, pack("!I", 0), pack("!HB", chain, step), value)
        return value

    def sign(self, message):
        """The signature (bytes) of `message`."""
        randomiser = _hash(b"random", self._seed, message)
        told = _hash(self._id, pack("!I", 0), b"\x81\x81", randomiser, message)
        digits = [digit for byte in told for digit in (byte >> 4, byte & 15)]
        total = sum(15 - digit for digit in digits)
        digits += [total >> 8 & 15, total >> 4 & 15, total & 15]
        values = [self._chain(chain, 0, digit) for chain, digit in enumerate(digits)]
        one_time = pack("!I", _OTS) + randomiser + b"".join(values)
        return pack("!II", 0, 0) + one_time + pack("!I", _TREE) + b"".join(self._path)
