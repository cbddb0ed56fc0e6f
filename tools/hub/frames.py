"""WebSocket frames from a server (RFC 6455 section 5.2): never masked, fragments where asked. aiohttp cannot fragment."""

import struct

TEXT = 1
BINARY = 2
PONG = 10


def frame(opcode, payload=b"", final=True) -> bytes:
    """One whole frame, its length in the shortest of the three forms."""
    first = opcode | (0x80 if final else 0)
    size = len(payload)
    if size < 126:
        return bytes((first, size)) + payload
    if size < 0x10000:
        return struct.pack(">BBH", first, 126, size) + payload
    return struct.pack(">BBQ", first, 127, size) + payload


def message(payload, piece_bytes, opcode=TEXT) -> bytes:
    """The frames of one message: pieces of `piece_bytes`, the first with the opcode, the others continuations (0)."""
    starts = range(0, max(len(payload), 1), piece_bytes)
    return b"".join(
        frame(0 if at else opcode, payload[at : at + piece_bytes], at + piece_bytes >= len(payload)) for at in starts
    )
