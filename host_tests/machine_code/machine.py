"""What emulated processors share: memory, MicroPython's calling rules for a viper function, and the price of time.

A viper function gets (itself, number of arguments, number of keywords, pointer to the arguments). It finds a table of
helpers through itself → context → constants, and calls helper 3 to turn each argument into a word and helper 4 to
turn its result into an object. Here an "object" is just an index into the list of arguments.
"""

from collections import namedtuple

from tools import Failure

Timing = namedtuple("Timing", "name mhz cycles_per_instruction access_cycles")
Timing.__doc__ = "What an instruction from internal RAM costs, and what an access to a peripheral costs besides."

OPTIMISTIC = Timing("optimistic", 160, 1.3, 12)
PESSIMISTIC = Timing("pessimistic", 160, 2.0, 25)

CODE = 0x40080000
RAM = 0x3FFC0000
RAM_SIZE = 0x10000
HELPERS = 0x40070000  # calls to here are answered by us
DONE = HELPERS + 0x1000 - 4
_FROM_OBJECT, _TO_OBJECT = 3, 4
_STACK = RAM + RAM_SIZE - 0x100
_BUFFERS = RAM + 0x1000
_WORD = 0xFFFFFFFF


class Machine:
    """A processor with RAM and a chip around it; `call` runs one viper function. Subclasses execute."""

    def __init__(self, chip, timing):
        self.chip = chip
        self.instruction_ns = timing.cycles_per_instruction * 1000 / timing.mhz
        self.instructions = 0
        chip.access_ns = timing.access_cycles * 1000 / timing.mhz
        self.ram = bytearray(RAM_SIZE)
        self._arguments = []
        self._result = None

    def call(self, function, arguments):
        """What the function returns, as a signed word. An argument is an int, or a buffer which is put into RAM."""
        self._arguments = [self._in_ram(a) for a in self._placed(arguments)]
        self._result = None
        me, context, constants, objects = RAM + 0x40, RAM + 0x80, RAM + 0xC0, RAM + 0x400
        self._poke(me + 4, context)
        self._poke(context + 0xC, constants)
        self._poke(context + 8, constants + 0x100)
        for index, constant in enumerate(function.constants):
            self._poke(constants + 4 * index, objects if constant == "helpers" else 0)
        for helper in range(80):
            self._poke(objects + 4 * helper, HELPERS + 4 * helper)
        for index in range(len(arguments)):
            self._poke(RAM + 0x800 + 4 * index, index)
        self._run(function.code, (me, len(arguments), 0, RAM + 0x800), _STACK)
        if self._result is None:
            raise Failure("the function ended without a result")
        return self._result - (self._result >> 31 << 32)

    def _placed(self, arguments):
        at = _BUFFERS
        for argument in arguments:
            yield at, argument
            if not isinstance(argument, int):
                at += (len(bytes(argument)) + 7) & ~7

    def _in_ram(self, placed):
        at, argument = placed
        if isinstance(argument, int):
            return argument & _WORD
        data = bytes(argument)
        self.ram[at - RAM : at - RAM + len(data)] = data
        return at

    def _poke(self, address, word):
        self.ram[address - RAM : address - RAM + 4] = word.to_bytes(4, "little")

    def _help(self, address, first):
        """What the helper at `address` returns for its first argument."""
        number = (address - HELPERS) >> 2
        if number == _FROM_OBJECT:
            return self._arguments[first]
        if number == _TO_OBJECT:
            self._result = first
            return 0
        raise Failure("the function called helper %d: it would not stay in RAM" % number)

    def _run(self, code, arguments, stack):
        raise NotImplementedError
