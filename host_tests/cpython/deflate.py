"""MicroPython's module `deflate`, as far as the firmware uses it, for CPython."""

import io
import zlib

RAW = 1


class DeflateIO(io.BytesIO):
    """All of a raw DEFLATE stream, unpacked at once; what follows it is left alone. OSError, EOFError as MicroPython has them."""

    def __init__(self, stream, kind, bits, close=False):
        assert kind == RAW
        unpacking = zlib.decompressobj(-bits)
        try:
            super().__init__(unpacking.decompress(stream.read()))
        except zlib.error:
            raise OSError(22, "EINVAL")
        if not unpacking.eof:
            raise EOFError
        if close:
            stream.close()
