"""The five receivers as the air shows them: widths, fields and checks, from the table of widths alone. A model lives here.

Source: reference/openshock-firmware.md §a. Nothing here is imported from the encoders: they are checked against this table.
Every symbol is (high µs, low µs); bits come highest first. CPython only.
"""

from collections.abc import Callable
from dataclasses import dataclass

SHOCK, VIBRATE, SOUND, LIGHT = "shock", "vibrate", "sound", "light"
MAX_HIGH_US = 1900  # the longest legal time on the air: D80's start


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a frame. `kind` is one word for programs, `detail` a sentence for people."""

    kind: str
    detail: str

    def __str__(self):
        return f"{self.kind}: {self.detail}"


@dataclass(frozen=True)
class Reading:
    """Meaning of the bits of a whole frame. `channel` and `action` are None where the bits name none."""

    rf_id: int
    channel: int | None
    action: str | None
    intensity: int
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Model:
    """One receiver model: its widths in µs, its fields in the order of the air, and how they are read.

    `end` is the pulse behind the bits, or None; `idle_channel` is what remotes send by default.
    """

    name: str
    aliases: tuple[str, ...]
    sync: tuple[int, int]
    one: tuple[int, int]
    zero: tuple[int, int]
    end: tuple[int, int] | None
    fields: tuple[tuple[str, int], ...]
    reading: Callable[["Model", int], Reading]
    max_intensity: int
    idle_channel: int | None

    @property
    def n_bits(self):
        """Return the number of bits of one frame, tail bits included."""
        return sum(width for _, width in self.fields)

    @property
    def n_pulses(self):
        """Return the number of pulses of one frame: the sync, the bits, and the end where there is one."""
        return 1 + self.n_bits + (self.end is not None)

    def split(self, bits):
        """Return the fields' numbers, in the order of `fields`, from all bits of the frame as one number."""
        values = []
        left = self.n_bits
        for _, width in self.fields:
            left -= width
            values.append(bits >> left & (1 << width) - 1)
        return values


def _level_faults(model, action, intensity, silent=()):
    """Return the faults of a level the model never carries; `silent` are the actions whose level must be 0."""
    if intensity > model.max_intensity:
        return [Fault("intensity", f"{intensity} is above {model.max_intensity}")]
    if action in silent and intensity:
        return [Fault("intensity", f"{action} must carry 0, not {intensity}")]
    return []


def _known(table, code, digits):
    """Return what `code` means in `table` (None when nothing), and the fault list for it."""
    if code in table:
        return table[code], []
    return None, [Fault("action", f"code {code:0{digits}b} is no action of this model")]


def _sum_faults(data, carried):
    """Return a fault when `carried` is not the sum of the four bytes of `data`, modulo 256."""
    wanted = sum(data.to_bytes(4, "big")) & 0xFF
    return [] if carried == wanted else [Fault("checksum", f"{carried:02X} instead of {wanted:02X}")]


def _tail_faults(tail, n_bits):
    return [Fault("tail", f"{tail:0{n_bits}b} instead of {'0' * n_bits}")] if tail else []


def _mirrored_inverse(nibble):
    """Return the nibble with its four bits inverted, then in the other order (998DR's checks)."""
    return int(f"{nibble ^ 0b1111:04b}"[::-1], 2)


def _caixianlin(model, bits):
    rf_id, channel, code, intensity, carried, tail = model.split(bits)
    action, faults = _known({1: SHOCK, 2: VIBRATE, 3: SOUND, 4: LIGHT}, code, 4)
    faults += _level_faults(model, action, intensity, silent=(SOUND,))
    faults += _sum_faults(bits >> 11, carried) + _tail_faults(tail, 3)
    return Reading(rf_id, channel, action, intensity, tuple(faults))


def _petrainer(model, bits):
    method, rf_id, intensity, check = model.split(bits)
    action, faults = _known({0x81: SHOCK, 0x82: VIBRATE, 0x84: SOUND}, method, 8)
    wanted = {SHOCK: 0x7E, VIBRATE: 0xBE, SOUND: 0xDE}.get(action)
    if wanted is not None and check != wanted:
        faults.append(Fault("check", f"{check:02X} instead of {wanted:02X} for {action}"))
    return Reading(rf_id, None, action, intensity, tuple(faults + _level_faults(model, action, intensity)))


def _petrainer998dr(model, bits):
    raw_channel, code, rf_id, intensity, code_check, channel_check = model.split(bits)
    action, faults = _known({0b0001: SHOCK, 0b0010: VIBRATE, 0b0100: SOUND, 0b1000: LIGHT}, code, 4)
    channel = {0b1000: 1, 0b1111: 2}.get(raw_channel)
    if channel is None:
        faults.append(Fault("channel", f"code {raw_channel:04b} is no channel of this model"))
    for name, sent, check in (("action", code, code_check), ("channel", raw_channel, channel_check)):
        wanted = _mirrored_inverse(sent)
        if check != wanted:
            faults.append(Fault("check", f"{name} check {check:04b} instead of {wanted:04b}"))
    return Reading(rf_id, channel, action, intensity, tuple(faults + _level_faults(model, action, intensity)))


def _wellturnt330(model, bits):
    raw_channel, upper, rf_id, intensity, lower, again, tail = model.split(bits)
    action, faults = _known({0x61: SHOCK, 0x72: VIBRATE, 0x84: SOUND}, upper << 4 | lower, 8)
    channel = {0b0000: 1, 0b1110: 2}.get(raw_channel)
    if channel is None:
        faults.append(Fault("channel", f"code {raw_channel:04b} is no channel of this model"))
    if again != raw_channel:
        faults.append(Fault("check", f"channel {raw_channel:04b} is repeated as {again:04b}"))
    faults += _level_faults(model, action, intensity, silent=(SOUND,)) + _tail_faults(tail, 1)
    return Reading(rf_id, channel, action, intensity, tuple(faults))


def _d80(model, bits):
    constant, rf_id, code, channel, intensity, carried = model.split(bits)
    action, faults = _known({1: SHOCK, 2: VIBRATE, 3: SOUND}, code, 2)
    if constant != 0x04:
        faults.append(Fault("constant", f"first byte {constant:02X} instead of 04"))
    if channel == 0:
        faults.append(Fault("channel", "code 00 is no channel of this model"))
    faults += _level_faults(model, action, intensity, silent=(SOUND,)) + _sum_faults(bits >> 8, carried)
    return Reading(rf_id, channel or None, action, intensity, tuple(faults))


MODELS = (
    Model(
        name="caixianlin",
        aliases=("cai-xianlin",),
        sync=(1400, 750),
        one=(750, 250),
        zero=(250, 750),
        end=None,
        fields=(("id", 16), ("channel", 4), ("action", 4), ("intensity", 8), ("checksum", 8), ("tail", 3)),
        reading=_caixianlin,
        max_intensity=99,
        idle_channel=0,
    ),
    Model(
        name="petrainer",
        aliases=("pettrainer",),
        sync=(750, 750),
        one=(200, 1500),
        zero=(200, 750),
        end=(200, 7000),
        fields=(("action", 8), ("id", 16), ("intensity", 8), ("check", 8)),
        reading=_petrainer,
        max_intensity=100,
        idle_channel=None,
    ),
    Model(
        name="petrainer998dr",
        aliases=("pettrainer998dr",),
        sync=(1500, 750),
        one=(750, 250),
        zero=(250, 750),
        end=(250, 3750),
        fields=(
            ("channel", 4),
            ("action", 4),
            ("id", 16),
            ("intensity", 8),
            ("action check", 4),
            ("channel check", 4),
        ),
        reading=_petrainer998dr,
        max_intensity=100,
        idle_channel=1,
    ),
    Model(
        name="wellturnt330",
        aliases=("t330",),
        sync=(960, 790),
        one=(220, 980),
        zero=(220, 580),
        end=(220, 135),
        fields=(
            ("channel", 4),
            ("action, upper", 4),
            ("id", 16),
            ("intensity", 8),
            ("action, lower", 4),
            ("channel again", 4),
            ("tail", 1),
        ),
        reading=_wellturnt330,
        max_intensity=100,
        idle_channel=1,
    ),
    Model(
        name="d80",
        aliases=(),
        sync=(1900, 4000),
        one=(900, 300),
        zero=(300, 900),
        end=(200, 2200),
        fields=(("constant", 8), ("id", 16), ("action", 2), ("channel", 2), ("intensity", 4), ("checksum", 8)),
        reading=_d80,
        max_intensity=15,
        idle_channel=1,
    ),
)
BY_NAME = {name: model for model in MODELS for name in (model.name, *model.aliases)}


def find(name):
    """Return the Model that people call `name` (case ignored). Raise ValueError with the list when there is none."""
    try:
        return BY_NAME[name.lower()]
    except KeyError:
        raise ValueError(f"there is no model '{name}'; there are: {', '.join(sorted(BY_NAME))}")
