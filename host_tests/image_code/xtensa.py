"""Xtensa functions of an image, executed instruction by instruction from SLEIGH's p-code (PyPI `pypcode`).

The register window, which SLEIGH leaves to the user, turns here: `callN` and `entry` give the called function the caller's
registers from aN on, `retw` turns back (Xtensa ISA Reference Manual, 4.7.1). So do the loops without a branch (4.3.2).
"""

import pypcode

from host_tests.image_code import DONE, RAM, RAM_SIZE, rom
from tools import Failure

_ROM = range(0x40000000, 0x40070000)
_WORD = 0xFFFFFFFF
_MOST_STEPS = 2_000_000
_BINARY = {
    "INT_ADD": lambda a, b: a + b,
    "INT_SUB": lambda a, b: a - b,
    "INT_MULT": lambda a, b: a * b,
    "INT_AND": lambda a, b: a & b,
    "INT_OR": lambda a, b: a | b,
    "INT_XOR": lambda a, b: a ^ b,
    "BOOL_AND": lambda a, b: a & b,
    "BOOL_OR": lambda a, b: a | b,
    "INT_LEFT": lambda a, b: a << min(b, 64),
    "INT_RIGHT": lambda a, b: a >> b,
    "INT_EQUAL": lambda a, b: a == b,
    "INT_NOTEQUAL": lambda a, b: a != b,
    "INT_LESS": lambda a, b: a < b,
    "INT_LESSEQUAL": lambda a, b: a <= b,
    "SUBPIECE": lambda a, b: a >> 8 * b,
}
_SIGNED = {
    "INT_SLESS": lambda a, b: a < b,
    "INT_SLESSEQUAL": lambda a, b: a <= b,
    "INT_SRIGHT": lambda a, b: a >> b,
    "INT_SEXT": lambda a: a,
}
_UNARY = {
    "COPY": lambda a: a,
    "INT_ZEXT": lambda a: a,
    "INT_NEGATE": lambda a: ~a,
    "INT_2COMP": lambda a: -a,
    "BOOL_NEGATE": lambda a: 1 - a,
}


class Processor:
    """Runs functions of the image whose memory is `regions`, [(start, bytes)]. `steps`: instructions executed so far."""

    def __init__(self, chip, regions):
        self.steps = 0
        self._chip = chip
        self._memory = [(start, bytearray(data)) for start, data in regions] + [(RAM, bytearray(RAM_SIZE))]
        self._context = pypcode.Context("Xtensa:LE:32:default")
        self._offsets = [self._context.registers[f"a{number}"].offset for number in range(16)]
        self._registers, self._frames, self._known = {}, [], {}
        self._unique, self._loop = {}, (0, 0, 0)  # begin, end, how many times more

    def read(self, address, size):
        """Return `size` bytes. Raise Failure where nothing is."""
        for start, data in self._memory:
            if start <= address and address + size <= start + len(data):
                return bytes(data[address - start : address - start + size])
        raise Failure(f"the code reads {address:#x}, where nothing is")

    def write(self, address, data):
        """Put bytes into RAM. Raise Failure for any other place."""
        if not RAM <= address <= address + len(data) <= RAM + RAM_SIZE:
            raise Failure(f"the code writes to {address:#x}")
        self._memory[-1][1][address - RAM : address - RAM + len(data)] = data

    def call(self, function, arguments):
        """Return what the function returns, as a word. Raise Failure when it does what this processor cannot."""
        self._registers, self._frames = {}, []
        self._set(1, RAM + RAM_SIZE - 64)
        for number, argument in enumerate(arguments, 10):
            self._set(number, argument)
        address, most = self._enter(function, 8, DONE), self.steps + _MOST_STEPS
        while address != DONE:
            self.steps += 1
            if self.steps > most:
                raise Failure("the function does not end")
            address = self._step(address)
        return self._get(10)

    def _get(self, number):
        return self._registers.get(self._offsets[number], 0)

    def _set(self, number, value):
        self._registers[self._offsets[number]] = value & _WORD

    def _enter(self, target, turn, back):
        """Return the address at which a call goes on."""
        if target in _ROM:
            arguments = [self._get(turn + 2 + index) for index in range(4)]
            self._set(turn + 2, rom.answer(self._chip, target, self.read, arguments))
            return back
        values = [self._get(number) for number in range(16)]
        self._frames.append((values, turn, back))
        for number in range(16 - turn):
            self._set(number, values[number + turn])
        self._set(1, values[1])  # `entry` makes the new stack pointer of the caller's
        return target

    def _leave(self):
        """Return the address behind the call: the window turns back."""
        now = [self._get(number) for number in range(16)]
        values, turn, back = self._frames.pop()
        for number in range(16):
            self._set(number, values[number] if number < turn else now[number - turn])
        return back

    def _step(self, address):
        """Execute one instruction. Return the address of the next."""
        if address not in self._known:
            self._known[address] = self._read(address)
        mnemonic, operands, size, ops = self._known[address]
        behind = address + size
        if ops is None:
            target = self._window_or_loop(mnemonic, [operand.strip().lstrip("#") for operand in operands], behind)
        else:
            target = self._execute(ops)
        if target is not None:
            return target
        begin, end, more = self._loop
        if behind == end and more:
            self._loop = begin, end, more - 1
            return begin
        return behind

    def _read(self, address):
        """Return (mnemonic, operands, size, p-code) of an instruction; None for p-code that lacks what the instruction does."""
        code = self.read(address, 4)
        told = self._context.disassemble(code, base_address=address, max_instructions=1).instructions[0]
        mnemonic = told.mnem.split(".")[0]
        if mnemonic in ("entry", "retw") or mnemonic.startswith(("call", "loop")):
            ops = None
        else:
            ops = self._context.translate(code, base_address=address, max_instructions=1).ops
        return mnemonic, told.body.split(","), told.length, ops

    def _window_or_loop(self, mnemonic, operands, behind):
        """Return where one of these instructions leads; None where it goes on."""
        if mnemonic == "entry":
            self._set(1, self._get(1) - int(operands[1], 0))
            return None
        if mnemonic == "retw":
            return self._leave()
        register = self._context.registers.get(operands[0])
        value = self._registers.get(register.offset, 0) if register else int(operands[0], 0)
        if mnemonic.startswith("loop"):
            end = int(operands[1], 0)
            self._loop = behind, end, value - 1 & _WORD
            skipped = mnemonic == "loopnez" and value == 0 or mnemonic == "loopgtz" and not 0 < value < 1 << 31
            return end if skipped else None
        turn = int(mnemonic.lstrip("calx"))
        if turn == 0:
            raise Failure("the code calls without a window")
        return self._enter(value, turn, behind)

    def _execute(self, ops):
        """Return where one instruction's p-code jumps to; None where it goes on."""
        self._unique, at = {}, 0
        while at < len(ops):
            kind, inputs, output = ops[at].opcode.name, ops[at].inputs, ops[at].output
            at += 1
            if kind in ("BRANCHIND", "RETURN"):
                return self._value(inputs[0])
            if kind == "BRANCH" or kind == "CBRANCH" and self._value(inputs[1]):
                if inputs[0].space.name != "const":
                    return inputs[0].offset
                at += ((inputs[0].offset ^ 0x80000000) - 0x80000000) - 1  # within the instruction
            elif kind == "STORE":
                self.write(self._value(inputs[1]), self._value(inputs[2]).to_bytes(inputs[2].size, "little"))
            elif output is not None:
                self._put(output, self._result(kind, inputs, output))
        return None

    def _result(self, kind, inputs, output):
        if kind == "LOAD":
            return int.from_bytes(self.read(self._value(inputs[1]), output.size), "little")
        if kind in _SIGNED:
            return _SIGNED[kind](*map(self._signed, inputs))
        operation = _UNARY.get(kind) or _BINARY.get(kind)
        if operation is None:
            raise Failure(f"p-code {kind} is not known here")
        return operation(*map(self._value, inputs))

    def _value(self, node):
        space = node.space.name
        mask = (1 << 8 * node.size) - 1
        if space == "const":
            return node.offset & mask
        if space == "register":
            return self._registers.get(node.offset, 0) & mask
        if space == "ram":
            return int.from_bytes(self.read(node.offset, node.size), "little")
        return self._unique[node.offset]

    def _signed(self, node):
        half = 1 << 8 * node.size - 1
        return (self._value(node) ^ half) - half

    def _put(self, node, value):
        value = int(value) & (1 << 8 * node.size) - 1
        if node.space.name == "register":
            self._registers[node.offset] = value
        else:
            self._unique[node.offset] = value
