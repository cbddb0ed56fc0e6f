"""Patches from one image to another, for devices that run the older one: their format is that of lib/binary_patch.py. No I/O.

The new image is cut into pieces that are like some place of the old one (alignment.py). What differs there is written as pairs of
bytes, as a difference where it can be: pointers differ by how far what they point at has moved, all by the same.
"""

import struct
import zlib

from tools.common.firmware_modules import load_module
from tools.images import alignment

_APPLIED = load_module("lib.binary_patch")  # what the device takes
_BLOCK, _UNIT, _WINDOW_BITS = _APPLIED.BLOCK, _APPLIED.UNIT, _APPLIED.WINDOW_BITS
_COPY, _MOVE, _ADD, _STEP = _APPLIED.COPY, _APPLIED.MOVE, _APPLIED.ADD, _APPLIED.STEP

_LOOK = 64  # bytes that are compared at once
_MOST_BLOCKS = 32  # of a unit: after a power cut a device goes on from where one ends
_LEAST_OLD = 32  # bytes of an old image


def made(old, new):
    """Return the patch (bytes) that makes `new` out of `old`, the same for the same images and the same zlib.

    Raise ValueError for an old image of less than 32 bytes, and where one is larger than 16 MiB.
    """
    if len(old) < _LEAST_OLD or max(len(old), len(new)) > 1 << 24:
        raise ValueError("a patch is from 32 bytes at least, and to 16 MiB at most")
    old, new = bytes(old), bytes(new)
    head = struct.pack("<4sII32s", _APPLIED.MAGIC, len(old), len(new), old[-32:])
    return head + b"".join(_units(_Steps(old, new, alignment.pieces(old, new)), len(new)))


# --- the steps for a piece


class _Steps:
    """The steps that make parts of the new image, each of which may be the first of a unit."""

    def __init__(self, old, new, pieces):
        self._old = old
        self._new = new
        self._pieces = pieces
        self._first = 0  # the piece in which the last part began

    def of(self, start, end, state):
        """Return (bytes, state): the steps that make new[start:end]. `state`: (shift, step) before and behind them."""
        out = _Out(*state)
        while self._pieces[self._first].end <= start:
            self._first += 1
        while self._pieces[self._first].start > start:
            self._first -= 1
        number = self._first
        while start < end:
            piece = self._pieces[number]
            stop = min(end, piece.end)
            if piece.shift is None:
                out.put_new(self._new[start:stop])
            else:
                self._aligned(out, start, stop, piece.shift)
            start = stop
            number += 1
        out.flush()
        return bytes(out.data), (out.shift, out.step)

    def _aligned(self, out, start, end, shift):
        """Put the steps for new[start:end], which is like the old image with that shift."""
        out.move(shift)
        at = start
        for differs in _differing(self._old, self._new, start, end, shift):
            if differs < at:
                continue
            pair = differs & ~1
            out.gap += max(pair, at) - at
            if pair < at or pair + 2 > end or out.moved and not out.gap:
                out.gap += differs - max(pair, at)
                out.put_new(self._new[differs : differs + 1])
                at = differs + 1
            else:
                there = pair + shift
                ours, others = self._new[pair : pair + 2], self._old[there : there + 2]
                out.add(int.from_bytes(ours, "little") - int.from_bytes(others, "little"))
                at = pair + 2
        out.gap += end - at


def _differing(old, new, start, end, shift):
    """Yield the places from `start` to `end` where the new image is not as the old one with that shift."""
    for block in range(start, end, _BLOCK):
        stop = min(end, block + _BLOCK)
        if new[block:stop] == old[block + shift : stop + shift]:
            continue
        for at in range(block, stop, _LOOK):
            ours = new[at : min(stop, at + _LOOK)]
            others = old[at + shift : at + shift + len(ours)]
            if ours != others:
                yield from (at + number for number in range(len(ours)) if ours[number] != others[number])


class _Out:
    """The bytes of steps, in the making. `gap`: bytes that are to be copied before the next one."""

    def __init__(self, shift, step):
        self.data = bytearray()
        self.shift = shift
        self.step = step
        self.gap = 0
        self.moved = False  # the last step was a MOVE that still has to name what is copied

    def flush(self):
        """Put what is still to be copied."""
        if self.gap:
            self.put_new(b"")

    def move(self, shift):
        """Copy from another place from now on."""
        if shift != self.shift:
            self.flush()
            self._number(_unsigned(shift - self.shift) << 2 | _MOVE)
            self.shift = shift
            self.moved = True

    def put_new(self, data):
        """Put new bytes."""
        self._number(self.gap if self.moved else self.gap << 2 | _COPY)
        self._number(len(data))
        self.data += data
        self.gap, self.moved = 0, False

    def add(self, step):
        """Copy two bytes, and make their u16 larger by that."""
        step = (step + 0x8000) % 0x10000 - 0x8000
        if self.moved:
            self.put_new(b"")
        self._number(self.gap << 2 | (_ADD if step == self.step else _STEP))
        if step != self.step:
            self._number(_unsigned(step))
        self.gap, self.step = 0, step

    def _number(self, value):
        while value > 0x7F:
            self.data.append(value & 0x7F | 0x80)
            value >>= 7
        self.data.append(value)


def _unsigned(number):
    return number << 1 if number >= 0 else -number - 1 << 1 | 1


# --- units


def _units(steps, size):
    """Yield the units (bytes) that make all `size` bytes: as many blocks in each as go into it."""
    unit = _Unit()
    waiting = [(at, min(size, at + _BLOCK)) for at in reversed(range(0, size, _BLOCK))]
    while waiting:
        part = waiting.pop()
        data, state = steps.of(*part, unit.state)
        if unit.takes(data):
            unit.put(data, state)
        elif unit.blocks:
            yield unit.packed()
            unit = _Unit()
            waiting.append(part)
        else:  # not even a unit of its own takes all of this block
            middle = sum(part) // 2 & ~1
            waiting += [(middle, part[1]), (part[0], middle)]
    if unit.blocks:
        yield unit.packed()


class _Unit:
    """One unit in the making. `state`: the shift and step with which it goes on, `blocks`: how many parts it has."""

    def __init__(self):
        self.state = 0, 0
        self.blocks = 0
        self._packing = zlib.compressobj(9, zlib.DEFLATED, -_WINDOW_BITS, 9)
        self._packed = b""

    def takes(self, data):
        """Return whether these steps fit into it."""
        trial = self._packing.copy()
        size = len(self._packed) + len(trial.compress(data)) + len(trial.flush())
        return size <= _UNIT and self.blocks < _MOST_BLOCKS

    def put(self, data, state):
        """Put the steps of one part."""
        self._packed += self._packing.compress(data)
        self.state = state
        self.blocks += 1

    def packed(self):
        """Return the unit as it stands in the file."""
        data = self._packed + self._packing.flush()
        return struct.pack("<H", len(data)) + data
