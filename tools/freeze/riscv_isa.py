"""RISC-V instructions (RV32IMC), decoded as far as control flow and the making of addresses need it.

Source: The RISC-V Instruction Set Manual, volume I (RV32I base, "M" and "C" extensions), the instruction set of the ESP32-C3.
"""

from collections import namedtuple

# size: bytes · writes: register, or None · reads: registers used as they are · base, imm: register plus signed immediate, or
# None · jumps: offsets · goes_on: behind itself · is_call: registers that need not be kept are lost
Instruction = namedtuple("Instruction", ("size", "writes", "reads", "base", "imm", "jumps", "goes_on", "is_call"))


def _signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 & 1 else value


def _made(size, writes=None, reads=(), base=None, imm=0, jumps=(), goes_on=True, is_call=False):
    return Instruction(size, writes, reads, base, imm, jumps, goes_on, is_call)


def decoded(data, at):
    """Return the Instruction at an offset; None for one that is not of RV32IMC."""
    low = data[at] | data[at + 1] << 8
    if low & 3 == 3:
        return _long(low | data[at + 2] << 16 | data[at + 3] << 24, at)
    return (_quadrant_0, _quadrant_1, _quadrant_2)[low & 3](low, low >> 13, at)


def _long(w, at):
    op, rd, f3, rs1, rs2 = w & 0x7F, w >> 7 & 31, w >> 12 & 7, w >> 15 & 31, w >> 20 & 31
    imm = _signed(w >> 20, 12)
    if op in (0x37, 0x17):  # lui, auipc
        return _made(4, rd)
    if op == 0x13:  # addi; other operations with an immediate
        return _made(4, rd, base=rs1, imm=imm) if f3 == 0 else _made(4, rd, (rs1,))
    if op == 0x33:
        return _made(4, rd, (rs1, rs2))
    if op == 0x03:  # loads
        return _made(4, rd, base=rs1, imm=imm)
    if op == 0x23:  # stores
        return _made(4, None, (rs2,), rs1, _signed(w >> 25 << 5 | rd, 12))
    if op == 0x63:
        distance = _signed(w >> 31 << 12 | (w >> 7 & 1) << 11 | (w >> 25 & 0x3F) << 5 | (w >> 8 & 15) << 1, 13)
        return _made(4, None, (rs1, rs2), jumps=(at + distance,))
    if op == 0x6F:  # jal: a call unless nothing is linked
        distance = _signed(w >> 31 << 20 | (w >> 12 & 0xFF) << 12 | (w >> 20 & 1) << 11 | (w >> 21 & 0x3FF) << 1, 21)
        return _made(4, rd, jumps=() if rd else (at + distance,), goes_on=rd != 0, is_call=rd != 0)
    if op == 0x67:  # jalr
        return _made(4, rd, base=rs1, imm=imm, goes_on=rd != 0, is_call=rd != 0)
    if op == 0x73:  # ecall, csr*; mret
        return _made(4, rd, (rs1,) if 0 < f3 < 4 else (), goes_on=w != 0x30200073)
    return _made(4) if op == 0x0F else None  # fence


def _quadrant_0(c, f3, at):
    rd, rs1 = (c >> 2 & 7) + 8, (c >> 7 & 7) + 8
    imm = (c >> 10 & 7) << 3 | (c >> 6 & 1) << 2 | (c >> 5 & 1) << 6
    if f3 == 0:  # c.addi4spn; all zeros are no instruction
        return _made(2, rd) if c else None
    if f3 == 2:  # c.lw
        return _made(2, rd, base=rs1, imm=imm)
    return _made(2, None, (rd,), rs1, imm) if f3 == 6 else None  # c.sw


def _quadrant_1(c, f3, at):
    rd, short = c >> 7 & 31, (c >> 7 & 7) + 8
    imm = _signed(c >> 12 << 5 & 0x20 | c >> 2 & 31, 6)
    if f3 == 0:  # c.addi
        return _made(2, rd, base=rd, imm=imm)
    if f3 in (2, 3):  # c.li; c.lui, c.addi16sp
        return _made(2, rd)
    if f3 == 4:  # c.srli, c.srai, c.andi; c.sub and the like
        return _made(2, short, (short, (c >> 2 & 7) + 8) if c >> 10 & 3 == 3 else (short,))
    if f3 == 1:  # c.jal
        return _made(2, 1, is_call=True)
    if f3 == 5:  # c.j
        return _made(2, jumps=(at + _jump_distance(c),), goes_on=False)
    distance = (c >> 12 & 1) << 8 | (c >> 10 & 3) << 3 | (c >> 5 & 3) << 6 | (c >> 3 & 3) << 1 | (c >> 2 & 1) << 5
    return _made(2, None, (short,), jumps=(at + _signed(distance, 9),))  # c.beqz, c.bnez


def _jump_distance(c):
    """Return the distance of c.j: bits 11, 4, 9:8, 10, 6, 7, 3:1, 5 from the upper end down."""
    value = (c >> 12 & 1) << 11 | (c >> 11 & 1) << 4 | (c >> 9 & 3) << 8 | (c >> 8 & 1) << 10
    return _signed(value | (c >> 7 & 1) << 6 | (c >> 6 & 1) << 7 | (c >> 3 & 7) << 1 | (c >> 2 & 1) << 5, 12)


def _quadrant_2(c, f3, at):
    rd, rs2 = c >> 7 & 31, c >> 2 & 31
    if f3 == 0:  # c.slli
        return _made(2, rd, (rd,))
    if f3 == 2:  # c.lwsp
        return _made(2, rd)
    if f3 == 6:  # c.swsp
        return _made(2, None, (rs2,))
    if f3 != 4:
        return None
    if c >> 12 & 1:
        if rs2:
            return _made(2, rd, (rd, rs2))  # c.add
        return _made(2, 1, (rd,), is_call=True) if rd else _made(2)  # c.jalr, c.ebreak
    return _made(2, rd, (rs2,)) if rs2 else _made(2, None, (rd,), goes_on=False)  # c.mv, c.jr
