"""New constant data, and the address of each piece of it. Knows bytes and addresses, no structures of MicroPython."""

import itertools
import struct


class Blob:
    """Bytes that grow from an address on. Equal pieces lie there once, as a compiler merges constants."""

    def __init__(self, base):
        self._base, self._known = base, {}
        self.data = bytearray()

    @property
    def end(self):
        """Return the address behind the last byte."""
        return self._base + len(self.data)

    def put(self, data, align=1):
        """Return the address at which these bytes lie, a multiple of `align`."""
        key = bytes(data)
        address = self._known.get(key)
        if address is None or address % align:
            self.pad(-self.end % align)
            address = self._known[key] = self.end
            self.data += data
        return address

    def put_words(self, *words):
        """Return the address at which these 32-bit words lie."""
        return self.put(struct.pack(f"<{len(words)}I", *words), 4)

    def pad(self, size):
        """Leave so many bytes unused."""
        self.data += bytes(size)

    def put_at_remainders(self, pieces, modulo):
        """Return the addresses of (data, wanted address modulo `modulo`) pieces, put in the order that leaves least unused."""
        order = min(itertools.permutations(range(len(pieces))), key=lambda order: self._length(pieces, order, modulo))
        addresses = [0] * len(pieces)
        for i in order:
            data, remainder = pieces[i]
            self.pad((remainder - self.end) % modulo)
            addresses[i] = self.end
            self.data += data
        return addresses

    def _length(self, pieces, order, modulo):
        end = self.end
        for i in order:
            data, remainder = pieces[i]
            end += (remainder - end) % modulo + len(data)
        return end
