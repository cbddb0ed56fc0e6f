"""The child of the bench `websock`, on MicroPython: each figure as a JSON line [name, value, unit]."""

import gc
import json
import time

from lib import strict_utf8, websocket

_MIB = 1 << 20
_ROUNDS = 3


def _frame(opcode, payload, fin=True):
    size = len(payload)
    first = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        return first + bytes([size]) + payload
    if size < 65536:
        return first + bytes([126, size >> 8, size & 255]) + payload
    return first + b"\x7f" + size.to_bytes(8, "big") + payload


def _fragments(payload, step):
    size = len(payload)
    return b"".join([_frame(0 if at else 1, payload[at : at + step], at + step >= size) for at in range(0, size, step)])


def _best_us(act, *arguments):
    best = None
    for _ in range(_ROUNDS):
        gc.collect()
        start = time.ticks_us()
        act(*arguments)
        took = time.ticks_diff(time.ticks_us(), start)
        best = took if best is None else min(best, took)
    return best


def _feed(wire, step, wanted):
    frames, got = websocket.Frames(_MIB), 0
    for at in range(0, len(wire), step):
        got += len(frames.feed(wire[at : at + step]))
    if got != wanted:
        raise ValueError("%d messages, not %d" % (got, wanted))


def _report(name, value, unit):
    print(json.dumps([name, value, unit]))


def main():
    """Print the figures."""
    record = _frame(1, b'{"type":1,"target":"Log","arguments":[1,2]}\x1e')
    many = record * 20000
    for step, name in ((4096, "4 KiB a read"), (1460, "1460 bytes a read"), (len(record), "one message a read")):
        took_us = _best_us(_feed, many, step, 20000)
        _report("feed: messages of 44 bytes, " + name, 20000 * 1e6 / took_us, "msg/s")
    one = b"x" * _MIB
    for wire, name in (
        (_frame(1, one), "text of 1 MiB, whole"),
        (_fragments(one, 64), "text of 1 MiB, fragments of 64 bytes"),
        (_frame(1, "äö€".encode() * (_MIB // 7)), "text of 1 MiB, not one letter of it ASCII"),
    ):
        took_us = _best_us(_feed, wire, 4096, 1)
        _report("feed: " + name, _MIB / took_us, "MB/s")
    frames = websocket.Frames()
    _report("message: 1 MiB of binary, masked", _MIB / _best_us(frames.message, one, websocket.BINARY), "MB/s")
    _report("message: 1 MiB of text, checked and masked", _MIB / _best_us(frames.message, one), "MB/s")
    _report("UTF-8 check of ASCII", _MIB / _best_us(strict_utf8.is_utf8, one), "MB/s")
    gc.collect()
    before = gc.mem_alloc()
    kept = websocket.Frames()
    gc.collect()
    _report("Frames at rest (64-bit words)", gc.mem_alloc() - before, "bytes")
    kept.feed(b"")


main()
