"""Xtensa machine code (ESP32, S2, S3) executed from SLEIGH, Ghidra's description of processors (PyPI `pypcode`).

No emulator with Xtensa's windowed registers is on PyPI, but its instructions are there as p-code. Straight pieces of
p-code are turned into Python functions once and then run. A viper function calls only helpers, and those are ours, so
the register window never turns: a call takes its arguments from the caller's a10… and leaves its result in a10.
The same engine runs RISC-V, which checks it against unicorn.
"""

import functools

import pypcode

from host_tests.machine_code.machine import CODE, DONE, HELPERS, RAM, RAM_SIZE, Machine
from tools import Failure

_ARCHS = {  # name → language, registers of the four arguments, stack, return address, a call's argument and result
    "xtensawin": ("Xtensa:LE:32:default", ("a2", "a3", "a4", "a5"), "a1", "a0", "a10"),
    "rv32imc": ("RISCV:LE:32:RV32IMC", ("a0", "a1", "a2", "a3"), "sp", "ra", "a0"),
}
_BINARY = {
    "INT_ADD": "(%s + %s)",
    "INT_SUB": "(%s - %s)",
    "INT_MULT": "(%s * %s)",
    "INT_AND": "(%s & %s)",
    "INT_OR": "(%s | %s)",
    "INT_XOR": "(%s ^ %s)",
    "INT_LEFT": "(%s << %s)",
    "INT_RIGHT": "(%s >> %s)",
    "INT_EQUAL": "(%s == %s)",
    "INT_NOTEQUAL": "(%s != %s)",
    "INT_LESS": "(%s < %s)",
    "INT_LESSEQUAL": "(%s <= %s)",
}
_SIGNED = {"INT_SLESS": "<", "INT_SLESSEQUAL": "<="}
_ENDS = ("BRANCH", "CBRANCH", "BRANCHIND", "CALLIND", "RETURN")
_MAX_BLOCK = 64


class _Block:
    """Writes one straight piece of p-code as Python: `def block(m, r)` → address of the next piece."""

    def __init__(self, program):
        self._program = program
        self.lines = []
        self.count = 0
        self.ended = False

    def _name(self, node):
        space = node.space.name
        if space == "const":
            return str(node.offset)
        if space == "register":
            return "r[%d]" % self._program.register(node.offset, node.size)
        if space == "ram":
            return str(self._program.constant(node.offset, node.size))
        return "u%x_%d" % (node.offset, node.size)

    def _signed(self, node):
        return "(%s ^ %d)" % (self._name(node), 1 << (8 * node.size - 1))

    def _value(self, op):
        """The expression that the operation stands for; None when it gives no value."""
        kind, nodes = op.opcode.name, op.inputs
        if kind in _BINARY:
            return _BINARY[kind] % (self._name(nodes[0]), self._name(nodes[1]))
        if kind in _SIGNED:
            return "(%s %s %s)" % (self._signed(nodes[0]), _SIGNED[kind], self._signed(nodes[1]))
        if kind in ("COPY", "INT_ZEXT"):
            return self._name(nodes[0])
        if kind == "INT_SEXT":
            return "(%s - %d)" % (self._signed(nodes[0]), 1 << (8 * nodes[0].size - 1))
        if kind == "INT_NEGATE":
            return "~%s" % self._name(nodes[0])
        if kind == "INT_2COMP":
            return "-%s" % self._name(nodes[0])
        if kind == "SUBPIECE":
            return "(%s >> %d)" % (self._name(nodes[0]), 8 * nodes[1].offset)
        if kind == "LOAD":
            return "m.load(%s, %d, %d)" % (self._name(nodes[1]), op.output.size, self.count)
        return None

    def add(self, op):
        """None; one more operation."""
        kind, nodes = op.opcode.name, op.inputs
        value = self._value(op)
        if value is not None:
            self.lines.append("%s = %s & %d" % (self._name(op.output), value, (1 << (8 * op.output.size)) - 1))
        elif kind == "STORE":
            store = self._name(nodes[1]), self._name(nodes[2]), nodes[2].size, self.count
            self.lines.append("m.store(%s, %s, %d, %d)" % store)
        elif kind in _ENDS:
            self._end(kind, nodes)
        elif kind not in ("IMARK", "CALLOTHER"):  # CALLOTHER: turns of the register window, which stands still here
            raise Failure("p-code %s is not known here" % kind)

    def _end(self, kind, nodes):
        if kind != "CALLIND":
            self.lines.append("m.spend(%d)" % self.count)
        if kind == "CALLIND":
            self.lines.append("m.help(%s)" % self._name(nodes[0]))
        elif kind == "CBRANCH":
            self.lines.append("if %s: return %d" % (self._name(nodes[1]), nodes[0].offset))
        elif kind == "BRANCH":
            self.lines.append("return %d" % nodes[0].offset)
        else:
            self.lines.append("return %s" % self._name(nodes[0]))
        if kind in ("BRANCH", "CBRANCH") and nodes[0].space.name != "ram":
            raise Failure("a loop inside one instruction is not known here")
        self.ended = kind != "CALLIND"

    def function(self, address):
        """The finished function; it goes on at `address` where the piece ends without a jump."""
        if self.lines[-1].startswith("if ") or not self.ended:
            self.lines += [] if self.ended else ["m.spend(%d)" % self.count]
            self.lines.append("return %d" % address)
        names = {}
        exec("def block(m, r):\n    " + "\n    ".join(self.lines), names)
        return names["block"]


class _Program:
    """Machine code, translated piece by piece when it is first come to."""

    def __init__(self, arch, code):
        language, *self.abi = _ARCHS[arch]
        self._context = pypcode.Context(language)
        self._code = code
        self._numbers = {}
        self.pieces = {}

    def register(self, offset, size):
        """Index of a register in `r`. Failure when a piece of one is used: this engine knows whole ones only."""
        if self._numbers.setdefault(offset, (len(self._numbers), size))[1] != size:
            raise Failure("a part of a register is used")
        return self._numbers[offset][0]

    def named(self, name):
        """Index of the register called `name`."""
        node = self._context.registers[name]
        return self.register(node.offset, node.size)

    def constant(self, address, size):
        """A literal of the code."""
        return int.from_bytes(self._code[address - CODE : address - CODE + size], "little")

    def piece(self, address):
        """The piece of code that begins at `address`, as a function."""
        block, at = _Block(self), address
        while not block.ended and block.count < _MAX_BLOCK:
            piece = self._code[at - CODE : at - CODE + 16]
            translated = self._context.translate(piece, base_address=at, max_instructions=1)
            block.count += 1
            for op in translated.ops:
                block.add(op)
            at += translated.ops[0].inputs[0].size
        self.pieces[address] = block.function(at)
        return self.pieces[address]


_program = functools.lru_cache(_Program)


class Sleigh(Machine):
    """`call` runs a function that mpy-cross made for `arch`."""

    def __init__(self, chip, timing, arch="xtensawin"):
        super().__init__(chip, timing)
        self._arch = arch
        self._spent = 0
        self._words = memoryview(self.ram).cast("I")

    def spend(self, count):
        """None; the time of the first `count` instructions of this piece has passed."""
        self.chip.ns += (count - self._spent) * self.instruction_ns
        self.instructions += count - self._spent
        self._spent = count

    def load(self, address, size, count):
        """The word or halfword at `address`, in RAM or on the chip."""
        if size == 4 and RAM <= address < RAM + RAM_SIZE:
            return self._words[(address - RAM) >> 2]
        if RAM <= address < RAM + RAM_SIZE:
            return int.from_bytes(self.ram[address - RAM : address - RAM + size], "little")
        self.spend(count)
        return self.chip.read(address)

    def store(self, address, word, size, count):
        """None; puts a word into RAM or onto the chip."""
        if size != 4:
            raise Failure("only words are stored")
        if RAM <= address < RAM + RAM_SIZE:
            self._words[(address - RAM) >> 2] = word
            return
        self.spend(count)
        self.chip.write(address, word)

    def help(self, address):
        """None; a call to one of MicroPython's helpers."""
        if not HELPERS <= address < DONE:
            raise Failure("a call to nowhere")
        self._registers[self._call] = self._help(address, self._registers[self._call])

    def _run(self, code, arguments, stack):
        program = _program(self._arch, code)
        inputs, sp, link, call = program.abi
        self._call = program.named(call)
        self._registers = [0] * 64
        for name, word in zip(inputs + (sp, link), arguments + (stack, DONE)):
            self._registers[program.named(name)] = word
        address = CODE
        while address & 0x3FFFFFFF != DONE & 0x3FFFFFFF:  # Xtensa keeps the size of the call in the upper two bits
            piece = program.pieces.get(address) or program.piece(address)
            self._spent = 0
            address = piece(self, self._registers)
