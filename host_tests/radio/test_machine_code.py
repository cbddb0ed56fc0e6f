"""The radio loop as the chips will run it: mpy-cross's machine code, executed with a price for instructions and buses.

The models are deterministic, so these are facts about the code and not measurements of this machine.
"""

import functools
from array import array

import pytest
from conftest import ROOT, peer_module

from host_tests.machine_code import mpy
from host_tests.machine_code.chip import Chip, errors_us
from host_tests.machine_code.machine import OPTIMISTIC, PESSIMISTIC
from lib import ook_player, pulse_train

_FRAME = pulse_train.train(
    (1400, 750), (750, 250), (250, 750), 0xB497011965 << 3, 43
)  # CaiXianlin, shock 25, 45 150 µs
_SHORT = array("H", (300, 200, 100, 250, 5, 45, 70, 30))
_PIN, _STOP = 5, 4

CHIPS = (
    ("esp32", "xtensawin"),
    ("esp32s2", "xtensawin"),
    ("esp32s3", "xtensawin"),
    ("esp32c3", "rv32imc"),
    ("esp32c6", "rv32imc"),
)
each_chip = pytest.mark.parametrize(("name", "arch"), CHIPS)
each_timing = pytest.mark.parametrize("timing", (OPTIMISTIC, PESSIMISTIC), ids=lambda timing: timing.name)


@functools.lru_cache
def _loop(arch):
    return mpy.functions(ROOT / "lib" / "ook_loops.py", arch)["send"]


def _machine(chip, timing, arch, by="pypcode"):
    """A processor for `arch`; the test is skipped where the package that knows it has no wheel."""
    peer_module(by)
    if by == "unicorn":
        from host_tests.machine_code.rv32 import Rv32

        return Rv32(chip, timing)
    from host_tests.machine_code.sleigh import Sleigh

    return Sleigh(chip, timing, arch)


def _play(name, arch, timing, train, pin=_PIN, stop_pin=_STOP, pressed=1, by="pypcode", press_at_ns=None, **chip):
    """(what the loop returned, the chip) after `train`."""
    silicon = Chip(name, pin, stop_pin, pressed, **chip)
    silicon.press_at_ns = press_at_ns
    machine = _machine(silicon, timing, arch, by)
    return machine.call(
        _loop(arch), [0, 0, 0, *ook_player.wiring(name, pin, stop_pin, pressed), train, len(train)]
    ), silicon


@each_timing
@each_chip
def test_a_whole_frame_is_exact_and_does_not_drift(name, arch, timing):
    worst, chip = _play(name, arch, timing, _FRAME)
    late = errors_us(chip.edges, _FRAME)
    assert max(map(abs, late)) <= 1
    assert 0 <= worst <= 1.5 * ook_player.CHIPS[name][6]  # ticks
    assert abs(sum(late[44:]) / 44 - sum(late[:44]) / 44) <= 0.3, "the second half is as early or late as the first"
    assert chip.writes[-1][1] == 0


@each_timing
@each_chip
def test_short_pulses_and_a_wrap_of_the_clock(name, arch, timing):
    for before in (1, 70, 150, 300, 700, 1100, 3000, 9000):
        for edge in (2**32, 2**31, 2**30, 2**29):
            worst, chip = _play(name, arch, timing, _SHORT, first_tick=edge - before)
            assert worst >= 0
            assert max(map(abs, errors_us(chip.edges, _SHORT))) <= 1.2, (before, edge)


@each_timing
@each_chip
def test_the_button_drops_the_pin_within_two_microseconds(name, arch, timing):
    train = array("H", (25, 15, 20, 10))
    _, plain = _play(name, arch, timing, train)
    first_ns = plain.edges[0][0]
    for step in range(150):
        press_at_ns = first_ns - 2000 + step * 473
        worst, chip = _play(name, arch, timing, train, press_at_ns=press_at_ns)
        drops = [ns - press_at_ns for ns, level in chip.edges if level == 0 and ns > press_at_ns]
        if worst < 0:
            assert len(drops) <= 1 and max(drops, default=0) <= 2000, (step, drops)
            assert chip.edges == [] or chip.edges[-1][1] == 0
            assert len(chip.edges) == -1 - worst + (-1 - worst & 1)
        else:
            assert press_at_ns > first_ns + 67_000, "it went on with the button pressed"


@each_chip
def test_both_levels_and_both_banks(name, arch):
    high = (33, 35) if name in ("esp32", "esp32s2", "esp32s3") else (21, 20)
    for pin, stop_pin in ((0, 29 if name != "esp32c3" else 19), high, (high[0], 3), (2, high[1])):
        for pressed in (0, 1):
            _, chip = _play(name, arch, OPTIMISTIC, _SHORT, pin, stop_pin, pressed)
            assert max(map(abs, errors_us(chip.edges, _SHORT))) <= 1
            cut, chip = _play(name, arch, OPTIMISTIC, _SHORT, pin, stop_pin, pressed, press_at_ns=0)
            assert (cut, chip.edges) == (-1, [])


@each_chip
def test_a_dead_clock(name, arch):
    silicon = Chip(name, _PIN, _STOP)
    silicon.dead_at_ns = 0
    answer = _machine(silicon, OPTIMISTIC, arch).call(
        _loop(arch), [0, 0, 0, *ook_player.wiring(name, _PIN, _STOP), _SHORT, 8]
    )
    assert answer < -100_000 and silicon.edges == []


@each_timing
def test_two_engines_agree_on_every_edge(timing):
    one, by_sleigh = _play("esp32c3", "rv32imc", timing, _SHORT)
    two, by_unicorn = _play("esp32c3", "rv32imc", timing, _SHORT, by="unicorn")
    assert one == two
    assert [level for _, level in by_sleigh.edges] == [level for _, level in by_unicorn.edges]
    assert [ns for ns, _ in by_sleigh.edges] == pytest.approx([ns for ns, _ in by_unicorn.edges], abs=0.01)
    assert by_sleigh.stop_reads == by_unicorn.stop_reads


@pytest.mark.parametrize("arch", ("xtensawin", "rv32imc"))
def test_the_loop_is_small(arch):
    """Machine code goes into IRAM and is not given back before the next soft reset."""
    assert sorted(mpy.functions(ROOT / "lib" / "ook_loops.py", arch)) == ["call", "duration_us", "send"]
    assert len(_loop(arch).code) < 1400


@pytest.mark.parametrize("arch", ("xtensawin", "rv32imc"))
def test_all_machine_code_fits_in_eight_kilobytes_of_executable_memory(arch):
    """MicroPython 1.27 leaves 10.4 KB on an ESP32 (reference/esp32-memory.md)."""
    sources = [path for path in (ROOT / "lib").glob("*.py") if "@micropython.viper" in path.read_text(encoding="utf-8")]
    assert {path.stem for path in sources} >= {"ook_loops", "strict_utf8", "json_check", "websocket_mask"}
    code = [len(function.code) for path in sources for function in mpy.functions(path, arch).values()]
    assert 2000 < sum(code) <= 8 * 1024


def test_nothing_but_machine_code_lies_beside_it():
    """What is no viper function would be copied into the heap with it, as the module cannot be frozen."""
    kinds = ("viper", "native", "asm_")
    for folder in ("lib", "firmware"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            if any("@micropython." + kind in text for kind in kinds):
                assert path.parent.name == "lib"
                assert text.count("\ndef ") - text.count("@micropython.viper") <= 1, path  # utf8.is_utf8
                assert "\nclass " not in text, path
