"""Which numbers RISC-V code (C3) makes by `lui` and what completes it: a sweep that follows registers along branches.

RV32IMC code holds no data, so that instructions lie one behind the other. A register remembers the `lui` that filled it
until something else does; at a branch its memory goes along to the target. `c.lui` counts as one. Source: The RISC-V
Instruction Set Manual, Volume I, chapters 2 (RV32I) and 16 (C).
"""

import struct

_CALL_CLOBBERS = (1, 5, 6, 7, *range(10, 18), *range(28, 32))  # ra, t0-t6, a0-a7: the calling convention
_NOTHING = frozenset()


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 & 1 else value


class Sweep:
    """`found`: (value, (lui, use), lui, size) of each completed `lui`; `functions`: where functions start."""

    def __init__(self, memory):
        self._luis, found = {}, []
        regions = [(start, _halves(data)) for start, data in memory.code()]
        self.functions = {memory.entry}.union(*(_calls(start, halves) for start, halves in regions))
        for start, halves in regions:
            swept = _Pass(start, halves, self.functions)
            found += swept.found
            self._luis.update(swept.luis)
        executable = [(start, start + len(data)) for start, data in memory.code()]
        self.functions |= {value for value, *_ in found if any(a <= value < b for a, b in executable)}
        self.found = list(dict.fromkeys(found))

    def constants(self, start, end):
        """Return (value, use, instruction, size) for each `lui` or `c.lui` from `start` to before `end`."""
        return [(value, at, at, size) for at, (value, size) in self._luis.items() if start <= at < end]

    def unclear(self, value):
        """Return the addresses of those `lui` that may begin this number, and that nothing is seen to complete."""
        upper, used = value + 0x800 & 0xFFFFF000, {lui for _, _, lui, _ in self.found}
        return [at for at, (made, _) in self._luis.items() if made == upper and at not in used]

    def covers(self, address, size):
        """Return True: there is nothing between instructions."""
        return True


def _halves(data):
    return struct.unpack(f"<{len(data) // 2}H", data[: len(data) // 2 * 2])


def _calls(base, halves):
    """Return the targets of all calls. There functions start: what registers hold is not known."""
    found, index, last = set(), 0, len(halves) - 3
    while index < last:
        half = halves[index]
        if half & 3 != 3:
            if half & 0xE003 == 0x2001:  # c.jal
                found.add(base + 2 * index + _jump_offset(half) & 0xFFFFFFFF)
            index += 1
            continue
        kind, at = half & 0x7F, base + 2 * index
        if kind == 0x6F and half >> 7 & 31 or kind == 0x17:
            word, after = half | halves[index + 1] << 16, halves[index + 2] | halves[index + 3] << 16
            if kind == 0x6F:  # jal
                found.add(at + _long_jump_offset(word) & 0xFFFFFFFF)
            elif after & 0x7F == 0x67:  # auipc and jalr: a far call
                found.add(at + (word & 0xFFFFF000) + _signed(after >> 20, 12) & 0xFFFFFFFF)
        index += 2
    return found


def again(reference, official, linked):
    """Return (the number that the same use makes in the Memory `linked`, where it is held); None when it is no such use there.

    The code around it is known to be the same.
    """
    start, before = official.region(reference.held_at)
    at = reference.held_at - start
    old, new = (
        int.from_bytes(data[at : at + reference.size], "little") for data in (before, dict(linked.regions)[start])
    )
    upper, kept = (_upper, 0xFFF) if reference.size == 4 else (_short_upper, 0xEF83)  # kept: all but the immediate
    if old & kept != new & kept:
        return None
    return reference.value - upper(old) + upper(new) & 0xFFFFFFFF, reference.held_at


def _upper(lui):
    return lui & 0xFFFFF000


def _short_upper(lui):
    return _signed((lui >> 12 & 1) << 5 | lui >> 2 & 31, 6) << 12 & 0xFFFFFFFF


class _Pass:
    """One sweep over one region of code."""

    def __init__(self, base, halves, functions):
        self._base, self._halves = base, halves
        self._functions = functions
        self._registers = {}  # register: frozenset of (upper part, address of the lui, its size)
        self._arriving = {}  # address: registers, as branches before it left them
        self._switch = {}  # registers at the last jump through a register: its targets begin with them
        self._stopped = False
        self.found, self.luis = [], {}
        self._sweep()

    def _sweep(self):
        index, last = 0, len(self._halves) - 1
        while index < last:
            at, half = self._base + 2 * index, self._halves[index]
            self._arrive(at)
            if half & 3 == 3:
                self._long(at, half | self._halves[index + 1] << 16)
                index += 2
            else:
                _SHORT[half & 3](self, at, half)
                index += 1

    def _arrive(self, at):
        if at in self._functions:
            self._registers, self._switch, self._stopped = {}, {}, False
        if at in self._arriving:
            before = self._arriving.pop(at)
            if not self._stopped:
                before = _joined(before, self._registers)
            self._registers, self._stopped = before, False
        elif self._stopped:
            self._registers, self._stopped = dict(self._switch), False

    def _branch(self, at, target):
        if target > at:
            known = self._arriving.get(target)
            self._arriving[target] = _joined(known, self._registers) if known is not None else dict(self._registers)

    def _use(self, at, register, offset):
        for upper, lui, size in self._registers.get(register, _NOTHING):
            self.found.append((upper + offset & 0xFFFFFFFF, (lui, at), lui, size))

    def _lui(self, at, register, value, size):
        self._registers[register] = frozenset(((value, at, size),))
        self.luis[at] = value, size

    def _call(self):
        for register in _CALL_CLOBBERS:
            self._registers.pop(register, None)

    def _leave(self, register=0):
        """End the block: control does not go on here. `register`: the one it leaves through."""
        if register > 1:
            self._switch = dict(self._registers)
        self._stopped = True

    def _sum(self, to, one, other):
        both = self._registers.get(one, _NOTHING) | self._registers.get(other, _NOTHING)
        self._registers[to] = both

    def _long(self, at, word):
        """Interpret one instruction of 32 bits."""
        kind, to, base = word & 0x7F, word >> 7 & 31, word >> 15 & 31
        if kind == 0x37:
            self._lui(at, to, _upper(word), 4)
        elif kind in (0x13, 0x03):  # addi and its like; loads
            if kind == 0x03 or word >> 12 & 7 == 0:
                self._use(at, base, _signed(word >> 20, 12))
            self._registers.pop(to, None)
        elif kind == 0x23:  # stores
            self._use(at, base, _signed(word >> 25 << 5 | to, 12))
        elif kind == 0x63:  # branches
            offset = word >> 31 << 12 | (word >> 7 & 1) << 11 | (word >> 25 & 63) << 5 | (word >> 8 & 15) << 1
            self._branch(at, at + _signed(offset, 13))
        elif kind == 0x6F:  # jal
            self._jump(at, at + _long_jump_offset(word), to)
        elif kind == 0x67:  # jalr
            self._use(at, base, _signed(word >> 20, 12))
            self._call() if to else self._leave(base)
        elif kind == 0x33 and word & 0xFE007000 == 0:  # add
            self._sum(to, base, word >> 20 & 31)
        elif kind in (0x17, 0x33, 0x73):  # auipc, arithmetic, csr
            self._registers.pop(to, None)

    def _jump(self, at, target, link):
        if link:
            self._call()
        else:
            self._branch(at, target)
            self._leave()

    def _quadrant0(self, at, half):
        kind, base, to = half >> 13, (half >> 7 & 7) + 8, (half >> 2 & 7) + 8
        if kind in (2, 6):  # c.lw, c.sw
            self._use(at, base, (half >> 10 & 7) << 3 | (half >> 6 & 1) << 2 | (half >> 5 & 1) << 6)
        if kind in (0, 2):  # c.addi4spn, c.lw
            self._registers.pop(to, None)

    def _quadrant1(self, at, half):
        kind, register = half >> 13, half >> 7 & 31
        immediate = _signed((half >> 12 & 1) << 5 | half >> 2 & 31, 6)
        if kind in (1, 5):  # c.jal, c.j
            self._jump(at, at + _jump_offset(half), kind == 1)
        elif kind == 0:  # c.addi
            self._use(at, register, immediate)
            self._registers.pop(register, None)
        elif kind == 3 and register != 2:  # c.lui; with register 2, c.addi16sp
            self._lui(at, register, _short_upper(half), 2)
        elif kind == 2:  # c.li
            self._registers.pop(register, None)
        elif kind == 4:
            self._registers.pop((register & 7) + 8, None)
        elif kind >= 6:  # c.beqz, c.bnez
            self._branch(at, at + _branch_offset(half))

    def _quadrant2(self, at, half):
        kind, one, other = half >> 13, half >> 7 & 31, half >> 2 & 31
        if kind != 4:
            if kind in (0, 2):  # c.slli, c.lwsp
                self._registers.pop(one, None)
        elif other == 0:  # c.jr, c.jalr, c.ebreak
            self._use(at, one, 0)
            self._call() if half >> 12 & 1 else self._leave(one)
        elif half >> 12 & 1:  # c.add
            self._sum(one, one, other)
        else:  # c.mv
            self._registers[one] = self._registers.get(other, _NOTHING)


_SHORT = (_Pass._quadrant0, _Pass._quadrant1, _Pass._quadrant2)


def _joined(one, other):
    """Return the registers as either path may have left them."""
    both = dict(one)
    for register, known in other.items():
        both[register] = both.get(register, _NOTHING) | known
    return both


def _long_jump_offset(word):
    offset = word >> 31 << 20 | (word >> 12 & 255) << 12 | (word >> 20 & 1) << 11 | (word >> 21 & 1023) << 1
    return _signed(offset, 21)


def _jump_offset(half):
    bits = (half >> 12 & 1) << 11 | (half >> 11 & 1) << 4 | (half >> 9 & 3) << 8 | (half >> 8 & 1) << 10
    return _signed(bits | (half >> 7 & 1) << 6 | (half >> 6 & 1) << 7 | (half >> 3 & 7) << 1 | (half >> 2 & 1) << 5, 12)


def _branch_offset(half):
    bits = (half >> 12 & 1) << 8 | (half >> 10 & 3) << 3 | (half >> 5 & 3) << 6
    return _signed(bits | (half >> 3 & 3) << 1 | (half >> 2 & 1) << 5, 9)
