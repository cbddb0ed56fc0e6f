"""Silicon made of Python: the GPIO and clock registers of each chip, with a time of their own in ns.

Whoever drives it (emulated machine code, or viper functions run as Python) moves `ns` on; each access takes time too.
Addresses and bits: reference `micropython-esp32.md` §a, written out here once more so that `lib/ook_player.py` is not its own
judge. An access that no real board would forgive (a foreign pin, an unknown register) is an AssertionError.
"""

from collections import namedtuple

Silicon = namedtuple("Silicon", "set clear input update value ask valid ticks_per_us")

SILICON = {
    "esp32": Silicon(
        (0x3FF44008, 0x3FF44014), (0x3FF4400C, 0x3FF44018), (0x3FF4403C, 0x3FF44040), 0x3FF5F080, 0x3FF5F078, None, 0, 2
    ),
    "esp32s2": Silicon(
        (0x3F404008, 0x3F404014),
        (0x3F40400C, 0x3F404018),
        (0x3F40403C, 0x3F404040),
        0x3F423038,
        0x3F423040,
        0x80000000,
        0x40000000,
        80,
    ),
    "esp32s3": Silicon(
        (0x60004008, 0x60004014),
        (0x6000400C, 0x60004018),
        (0x6000403C, 0x60004040),
        0x60023004,
        0x60023044,
        0x40000000,
        0x20000000,
        16,
    ),
    "esp32c3": Silicon((0x60004008,), (0x6000400C,), (0x6000403C,), 0x60023004, 0x60023044, 0x40000000, 0x20000000, 16),
    "esp32c6": Silicon(
        (0x60091008, 0x60091014),
        (0x6009100C, 0x60091018),
        (0x6009103C, 0x60091040),
        0x6000A004,
        0x6000A044,
        0x40000000,
        0x20000000,
        16,
    ),
}
_WORD = 0xFFFFFFFF


class Chip:
    """One chip with one output and maybe one stop input. `edges`: (ns, level), changes only; `writes`: all of them."""

    def __init__(self, name, pin, stop_pin=None, pressed=1, access_ns=75.0, first_tick=0, latch_ns=60.0):
        self.silicon = SILICON[name]
        self.ns = 0.0
        self.access_ns = access_ns
        self.latch_ns = latch_ns  # from the request to the new value
        self.first_tick = first_tick
        self.press_at_ns = None  # the stop input is pressed from then on
        self.press_at_read = None  # … or from that reading of the input on, counted from 0
        self.stall_at_ns = None  # the processor is held up once, when an access comes after this moment
        self.stall_ns = 0
        self.dead_at_ns = None  # the clock stands still from then on
        self.mute = False  # the clock never says that a value is valid
        self.edges = []
        self.writes = []
        self.stop_reads = 0
        self._pin = pin
        self._stop_pin = stop_pin
        self._pressed = pressed
        self._level = 0
        self._value = 0x2AAAAAAA  # what some earlier snapshot left behind
        self._latch_at_ns = None
        self._reads, self._writes = {}, {}
        self._connect()

    def _connect(self):
        chip = self.silicon
        for bank in range(len(chip.set)):
            self._writes[chip.set[bank]] = lambda mask, bank=bank: self._drive(bank, mask, 1)
            self._writes[chip.clear[bank]] = lambda mask, bank=bank: self._drive(bank, mask, 0)
            self._reads[chip.input[bank]] = lambda bank=bank: self._input(bank)
        self._writes[chip.update] = self._ask
        self._reads[chip.update] = self._is_valid
        self._reads[chip.value] = self._snapshot

    def read(self, address):
        """The word at `address`, sampled in the middle of the access."""
        self._spend()
        word = self._reads[address]()
        self.ns += self.access_ns / 2
        return word

    def write(self, address, word):
        """None; the word arrives in the middle of the access."""
        self._spend()
        self._writes[address](word & _WORD)
        self.ns += self.access_ns / 2

    def _spend(self):
        if self.stall_at_ns is not None and self.ns >= self.stall_at_ns:
            self.ns += self.stall_ns
            self.stall_at_ns = None
        self.ns += self.access_ns / 2

    def _drive(self, bank, mask, level):
        assert bank == self._pin >> 5 and mask == 1 << (self._pin & 31), "a foreign pin was driven"
        self.writes.append((self.ns, level))
        if level != self._level:
            self._level = level
            self.edges.append((self.ns, level))

    def _input(self, bank):
        """All other inputs read as the opposite of what is true for ours, so a loop that mixes them up is found out."""
        level = 1 - self._pressed
        if self._stop_pin is not None and bank == self._stop_pin >> 5:
            by_read = self.press_at_read is not None and self.stop_reads >= self.press_at_read
            by_time = self.press_at_ns is not None and self.ns >= self.press_at_ns
            level = self._pressed if by_read or by_time else 1 - self._pressed
            self.stop_reads += 1
            bit = 1 << (self._stop_pin & 31)
            return bit if level else _WORD ^ bit
        return _WORD if self._pressed else 0

    def _ticks(self, ns):
        if self.dead_at_ns is not None:
            ns = min(ns, self.dead_at_ns)
        return (self.first_tick + int(ns * self.silicon.ticks_per_us / 1000)) & _WORD

    def _ask(self, word):
        assert self.silicon.ask in (None, word), "the clock was asked with a wrong bit"
        self._settle()
        if self._latch_at_ns is None:  # a request under way goes on
            self._latch_at_ns = self.ns + self.latch_ns

    def _settle(self):
        if self._latch_at_ns is not None and self.ns >= self._latch_at_ns:
            self._value = self._ticks(self._latch_at_ns)
            self._latch_at_ns = None

    def _is_valid(self):
        assert self.silicon.valid, "this chip's update register cannot be read"
        self._settle()
        return 0 if self._latch_at_ns is not None or self.mute else self.silicon.valid

    def _snapshot(self):
        self._settle()
        return self._value


class Pointer:
    """What CPython gives a viper function for a register: `pointer[0]` goes to the chip."""

    def __init__(self, chip, address):
        self._chip = chip
        self._address = address

    def __getitem__(self, index):
        return self._chip.read(self._address + 4 * index)

    def __setitem__(self, index, word):
        self._chip.write(self._address + 4 * index, word)


def errors_us(edges, train):
    """How late each edge came, in µs, against the schedule that begins with the first one. AssertionError: not `train`."""
    assert [level for _, level in edges] == [1 - i % 2 for i in range(len(train))], "not the edges of this train"
    due, late = 0, []
    for (ns, _), pulse in zip(edges, train):
        late.append((ns - edges[0][0]) / 1000 - due)
        due += pulse
    return late
