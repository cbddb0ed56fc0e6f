"""MicroPython's module `deflate`, as far as the firmware uses it, for CPython."""

import io
import zlib

RAW = 1


class DeflateIO(io.BytesIO):
    """All of a raw DEFLATE stream, unpacked at once."""

    def __init__(self, stream, kind, bits, close=False):
        assert kind == RAW
        unpacking = zlib.decompressobj(-bits)
        super().__init__(unpacking.decompress(stream.read()))
        assert unpacking.eof
        if close:
            stream.close()
