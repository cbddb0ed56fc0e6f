"""Radio edges against their schedule: by a fake clock, by machine code of both architectures, in real time; e-stop; sizes."""

import importlib.util
import json
import os
import random
import subprocess
from array import array

from tools import Failure
from tools.common.environment import ROOT, program
from tools.rf.encoders import encoded

_CHIPS = (("esp32", "xtensawin"), ("esp32s2", "xtensawin"), ("esp32s3", "xtensawin"), ("esp32c3", "rv32imc"))
_FRAMES = 5
_REAL_FRAMES = 40
_PRESSES = 200
_EDGE_TARGETS = (None, "≤ 1 µs", "≤ 3 µs")
_PIN, _STOP = 5, 4
_SOURCE = ROOT / "lib" / "ook_loops.py"
# Firmware and chips are imported inside functions: `encoded` prepares CPython to run MicroPython code, and comes first.


def _frames(count):
    """Return `count` frames of CaiXianlin as arrays: ids and levels differ, and so do the bits."""
    dice = random.Random(1)
    actions = ("shock", "vibrate", "sound", "light")
    return [
        array("H", encoded("caixianlin", dice.randrange(65536), actions[i % 4], dice.randrange(100)))
        for i in range(count)
    ]


def _part(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(share * len(values)))]


def _rows(report, name, late, note="", targets=_EDGE_TARGETS):
    """Add three rows: p50, p99 and worst of |edge − schedule|; the error of the pulses' lengths stands beside them."""
    edges = [abs(us) for frame in late for us in frame]
    pulses = [abs(b - a) for frame in late for a, b in zip(frame, frame[1:])]
    for word, share, target in zip(("p50", "p99", "worst"), (0.5, 0.99, 1), targets):
        beside = f"pulse length {_part(pulses, share):.2f} µs" + (f"; {note}" if note else "")
        report.row(f"{name}: edge error {word}", round(_part(edges, share), 3), "µs", target, beside)


def _fake_clock(report, frames):
    from host_tests.machine_code.chip import Chip, Pointer, errors_us
    from lib import ook_player

    late = []
    for train in frames[:2]:
        chip = Chip("esp32c3", _PIN, access_ns=130)
        player = ook_player.Registers("esp32c3", _PIN, int, int, at=lambda at, chip=chip: Pointer(chip, at))
        player.play(train)
        late.append(errors_us(chip.edges, train))
    _rows(report, "fake clock (0.52 µs a poll)", late)


class _Code:
    """One chip's machine code with one price list."""

    def __init__(self, name, arch, timing):
        from host_tests.machine_code import mpy
        from lib import ook_player

        self.name, self.arch, self.timing = name, arch, timing
        self._loop = mpy.functions(_SOURCE, arch)["send"]
        self._wires = ook_player.wiring(name, _PIN, _STOP)

    def play(self, train, engine=None, press_at_ns=None, first_tick=0):
        """Return (result of the loop, the chip)."""
        from host_tests.machine_code.chip import Chip
        from host_tests.machine_code.sleigh import Sleigh

        chip = Chip(self.name, _PIN, _STOP, first_tick=first_tick)
        chip.press_at_ns = press_at_ns
        machine = engine(chip, self.timing) if engine else Sleigh(chip, self.timing, self.arch)
        return machine.call(self._loop, [0, 0, 0, *self._wires, train, len(train)]), chip

    def late(self, frames, engine=None):
        """Return ([error in µs per edge] per frame, µs a poll)."""
        from host_tests.machine_code.chip import errors_us

        late, reads = [], 0
        for i, train in enumerate(frames):
            _, chip = self.play(train, engine, first_tick=i * 0x3FFFF123 & 0xFFFFFFFF)
            late.append(errors_us(chip.edges, train))
            reads += chip.stop_reads
        return late, sum(map(sum, frames)) / reads

    def reaction_us(self):
        """Return the longest time from the button to the pin's last fall, of presses spread over a short train."""
        train, dice, worst_ns = array("H", (20, 10, 15, 10)), random.Random(2), 0.0
        _, plain = self.play(train)
        first_ns = plain.edges[0][0]
        for _ in range(_PRESSES):
            press_at_ns = first_ns + dice.uniform(-2000, 54_000)
            _, chip = self.play(train, press_at_ns=press_at_ns)
            falls = [ns - press_at_ns for ns, level in chip.edges if not level and ns > press_at_ns]
            if len(falls) > 1:
                raise Failure("the train went on with the button pressed")
            worst_ns = max([worst_ns, *falls])
        return worst_ns / 1000


def _machine_code(report, frames):
    from host_tests.machine_code.machine import OPTIMISTIC, PESSIMISTIC

    for timing in (OPTIMISTIC, PESSIMISTIC):
        price = (
            f"{timing.cycles_per_instruction} cycles an instruction, {timing.access_cycles} an access, {timing.mhz} MHz"
        )
        report.row(f"model '{timing.name}'", price)
        for name, arch in _CHIPS:
            code = _Code(name, arch, timing)
            late, poll_us = code.late(frames)
            _rows(report, f"{name} ({arch}), {timing.name}", late, f"{poll_us:.2f} µs a poll")
            reaction = round(code.reaction_us(), 2)
            report.row(f"{name} ({arch}), {timing.name}: button to pin low, worst", reaction, "µs", "≤ 2 µs")


def _by_unicorn(report, frames):
    from host_tests.machine_code.machine import PESSIMISTIC
    from host_tests.machine_code.rv32 import Rv32

    code = _Code("esp32c3", "rv32imc", PESSIMISTIC)
    ours, _ = code.late(frames[:1])
    theirs, poll_us = code.late(frames[:1], Rv32)
    apart = max(abs(a - b) for a, b in zip(ours[0], theirs[0]))
    _rows(report, "esp32c3 (rv32imc), pessimistic, by unicorn", theirs, f"{poll_us:.2f} µs a poll")
    report.row("the two emulators differ by at most", round(apart, 4), "µs")


def _real_time(report, frames):
    micropython = program("micropython")
    if micropython is None:
        report.row("portable player in real time", "not measured", note="no MicroPython on this machine")
        return
    environment = dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen")
    words = [micropython, "-X", "heapsize=1024wK", ROOT / "tools" / "bench" / "_portable.py"]
    sent = json.dumps([list(train) for train in frames])
    done = subprocess.run(words, input=sent, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failure("MicroPython failed: " + done.stderr.strip())
    answer = json.loads(done.stdout)
    # no target: the machine's other processes may stop this one at any moment, which no board does
    _rows(report, "portable player on MicroPython, real time", answer["late_us"], "this machine's", (None,) * 3)
    report.row("portable player: frames later than 60 µs", sum(us > 60 for us in answer["results_us"]), "frames")


def run(report):
    """Add the rows described above. What this machine has no package for is named in a row."""
    frames = _frames(max(_FRAMES, _REAL_FRAMES))
    from host_tests.machine_code import mpy

    for arch in ("xtensawin", "rv32imc"):
        loop = mpy.functions(_SOURCE, arch)["send"]
        report.row(f"lib/ook_loops.py as .mpy, {arch}", len(mpy.compiled(_SOURCE, arch)), "bytes")
        report.row(f"its register loop in IRAM, {arch}", len(loop.code), "bytes")
    _fake_clock(report, frames)
    for package, measure in (("pypcode", _machine_code), ("unicorn", _by_unicorn)):
        if importlib.util.find_spec(package) is None or importlib.util.find_spec("pypcode") is None:
            report.row("machine code", "not measured", note=f"the package {package} is not installed")
        else:
            measure(report, frames[:_FRAMES])
    _real_time(report, frames[:_REAL_FRAMES])
