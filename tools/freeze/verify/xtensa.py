"""Which literals Xtensa code loads (ESP32, S2, S3): functions are walked from `entry` along jumps and calls.

Bytes that look like an `l32r` may be a part of another instruction, so only what can be executed counts: from the image's
entry and from each `entry` instruction whose address is a word somewhere, on by calls and tables of jump targets.
Source: Xtensa Instruction Set Architecture Reference Manual, chapters 7 (formats) and 6 (instructions).
"""

import re
import struct
from bisect import bisect_right

_LITERAL = 4  # bytes
_ENTRY = re.compile(rb"\x36[\x01\x21\x41\x61\x81\xa1\xc1\xe1][\x00-\x1f]", re.DOTALL)  # entry a1, n * 16
(
    _NEXT3,
    _NEXT2,
    _LOAD,
    _CALL,
    _NARROW_BRANCH,
    _NARROW_RETURN,
    _JUMP,
    _BRANCH12,
    _BRANCH8,
    _LOOP,
    _ENTRY_HERE,
    _END,
    _UNKNOWN,
) = range(13)


def _kind(byte):
    """Return what an instruction with this first byte does to the flow of control."""
    low, high = byte & 15, byte >> 4
    if low >= 14:
        return _UNKNOWN
    if low == 12:
        return _NARROW_BRANCH if high & 8 else _NEXT2  # beqz.n, bnez.n; movi.n
    if low == 13:
        return _NARROW_RETURN if high in (0, 1, 6) else _NEXT2  # perhaps ret.n, retw.n, ill.n
    if low >= 8:
        return _NEXT2
    if low == 6:
        return (_JUMP, _BRANCH12, _BRANCH8, (_ENTRY_HERE, _LOOP, _BRANCH8, _BRANCH8)[high >> 2])[high & 3]
    if low == 0:
        return _END if high in (0, 8, 9, 10) else _NEXT3  # perhaps ill, ret, retw, jx
    return {1: _LOAD, 5: _CALL, 7: _BRANCH8}.get(low, _NEXT3)


_KINDS = tuple(_kind(byte) for byte in range(256))


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


class Walk:
    """`found`: (value, use, literal, 4) of each `l32r` that is executed; `functions`: where functions start."""

    def __init__(self, memory):
        self._memory = memory
        self._code = [(start, data, bytearray(len(data))) for start, data in memory.code()]
        self._loads, self._switches, self._now = [], [], None
        self.functions = set()
        words, self._data_words = self._words()
        self._entries = {
            start + match.start()
            for start, data, _ in self._code
            for match in _ENTRY.finditer(data)
            if (start + match.start()) % 4 == 0
        }
        self._functions_from(self._entries & words | {memory.entry})
        self._jump_tables()
        self.found = [
            (value, use, literal, _LITERAL)
            for use, literal in self._loads
            if (value := memory.word_anywhere(literal)) is not None
        ]

    def _words(self):
        """Return (all aligned words of the image, those outside code), as sets."""
        everywhere, data_only = set(), set()
        executable = {start for start, _, _ in self._code}
        for start, data in self._memory.regions:
            skip = -start % 4
            words = set(struct.unpack_from(f"<{(len(data) - skip) // 4}I", data, skip))
            everywhere |= words
            if start not in executable:
                data_only |= words
        return everywhere, data_only

    def _functions_from(self, todo):
        """Walk these functions, and those that they call."""
        todo = list(todo)
        while todo:
            address = todo.pop()
            if address in self._entries and address not in self.functions:
                self.functions.add(address)
                todo += self._walk(address, [address])

    def _jump_tables(self):
        """Walk on behind `jx`: its targets are words of data that point into the same function."""
        functions, targets = sorted(self.functions), sorted(self._data_words)
        for function in sorted(set(self._switches)):
            after = bisect_right(functions, function)
            end = functions[after] if after < len(functions) else function + 0x4000
            labels = targets[bisect_right(targets, function) : bisect_right(targets, end - 1)]
            self._functions_from(self._walk(function, labels))

    def _walk(self, function, starts):
        """Mark what is executed from `starts`, all in one function. Return the addresses that it calls."""
        region = next(((s, d, m) for s, d, m in self._code if s <= function < s + len(d)), None)
        if region is None:
            return []
        base, data, executed = region
        end, todo, calls = len(data) - 3, [start - base for start in starts], []
        self._now = function, base, data, todo, calls
        while todo:
            at = todo.pop()
            while 0 <= at < end and not executed[at]:
                executed[at] = 1
                kind = _KINDS[data[at]]
                if kind == _NEXT3:
                    at += 3
                elif kind == _NEXT2:
                    at += 2
                elif kind == _LOAD:
                    self._loads.append((base + at, _literal(base + at, data[at + 1 : at + 3])))
                    at += 3
                else:
                    at = self._turn(kind, at)
        return calls

    def _turn(self, kind, at):
        """Return where control goes on behind an instruction that may leave its row; -1 where it does not."""
        function, base, data, todo, calls = self._now
        word = int.from_bytes(data[at : at + 3], "little")
        if kind == _CALL:
            calls.append((base + at & ~3) + (_signed(word >> 6, 18) << 2) + 4)
            return at + 3
        if kind == _NARROW_BRANCH:
            todo.append(at + 4 + (word >> 12 & 15 | word & 0x30))
            return at + 2
        if kind == _NARROW_RETURN:
            return -1 if data[at + 1] == 0xF0 else at + 2
        if kind == _JUMP:
            return at + 4 + _signed(word >> 6, 18)
        if kind == _END:
            if word & 0xFFF0FF == 0xA0:  # jx
                self._switches.append(function)
            return -1 if word in (0, 0x80, 0x90) or word & 0xFFF0FF == 0xA0 else at + 3
        if kind in (_ENTRY_HERE, _UNKNOWN):  # the next function: a call before it never returns
            return at + 3 if base + at == function else -1
        if kind == _BRANCH12:
            todo.append(at + 4 + _signed(word >> 12, 12))
        elif kind == _LOOP and word >> 12 & 15 in (8, 9, 10):
            todo.append(at + 4 + (word >> 16))
        else:
            todo.append(at + 4 + _signed(word >> 16, 8))
        return at + 3

    def covers(self, address, size):
        """Return whether any of these bytes is known: an instruction that is executed, or a literal that is loaded."""
        for base, _, executed in self._code:
            if base <= address < base + len(executed) and any(
                executed[max(address - base - 2, 0) : address - base + size]
            ):
                return True
        return any(literal - 4 < address < literal + 4 for _, literal in self._loads)

    def unclear(self, value):
        """Return []: a literal holds a whole number, so that a search for the word finds what is not understood."""
        return []

    def constants(self, start, end):
        """Return (value, use, instruction, size) for each `movi` or `movi.n` with an `slli` of its register behind it."""
        base, data, executed = next(region for region in self._code if region[0] <= start < region[0] + len(region[1]))
        found = []
        for at in range(start - base, min(end - base, len(data) - 5)):
            if executed[at] and (moved := _moved(data, at)):
                size, register, value = moved
                word = int.from_bytes(data[at + size : at + size + 3], "little")
                if executed[at + size] and word & 0xEF000F == 0x010000 and word >> 8 & 15 == register:  # slli
                    shift = 32 - (word >> 4 & 15 | word >> 16 & 16)
                    found.append((value << shift & 0xFFFFFFFF, base + at + size, base + at, size))
        return found


def again(reference, official, linked):
    """Return (the number that the same use makes in the Memory `linked`, where it is held); None when it is no such use there.

    The code around it is known to be the same.
    """
    start, before = official.region(reference.by)
    now = dict(linked.regions)[start]
    if reference.size == _LITERAL:
        at = reference.by - start
        if now[at] != before[at]:  # another instruction, or another register
            return None
        literal = _literal(reference.by, now[at + 1 : at + 3])
        value = linked.word_anywhere(literal)
        return None if value is None else (value, literal)
    at = reference.held_at - start
    old, new = _moved(before, at), _moved(now, at)
    if new is None or old[:2] != new[:2]:
        return None
    return new[2] * (reference.value // old[2]) & 0xFFFFFFFF, reference.held_at


def _literal(address, offset):
    """Return what the `l32r` at this address loads; `offset`: its last two bytes."""
    return (address + 3 & ~3) - 0x40000 + (int.from_bytes(offset, "little") << 2)


def _moved(data, at):
    """Return (size, register, value) of the `movi` or `movi.n` at `at`; None for another instruction."""
    first, second, third = data[at : at + 3]
    if first & 0x8F == 0x0C:  # movi.n: -32 to 95
        value = (first & 0x70) | second >> 4
        return 2, second & 15, value - 128 if value > 95 else value
    if first & 15 == 2 and second >> 4 == 10:  # movi
        return 3, first >> 4, _signed(second & 15, 4) << 8 | third
    return None
