"""sigrok, which no one here wrote, loads our .vcd and measures the same duty cycles (onboarding-ota-safety.md §G4)."""

import subprocess

import pytest
from conftest import peer_program
from rf_vectors import VECTORS, WIDTHS, first, train

from tools.rf import vcd
from tools.rf.decode import edges, pulses, train_pulses

pytestmark = pytest.mark.peer("sigrok-cli")


def sigrok(folder, text, *arguments):
    """The lines that sigrok-cli prints for this VCD."""
    file = folder / "hub.vcd"
    file.write_text(text)
    command = [peer_program("sigrok-cli"), "-i", str(file), "-I", "vcd", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def duty_cycles(folder, text):
    """Percent, one for each pulse that has another behind it."""
    lines = sigrok(folder, text, "-P", f"pwm:data={vcd.WIRE}", "-A", "pwm=duty-cycle")
    return [float(line.removeprefix("pwm-1: ").removesuffix("%")) for line in lines]


def percent(pair):
    high, low = pair
    return 100 * high / (high + low)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: f"{vector.model}-{vector.action}-{vector.rf_id}")
def test_the_duty_cycles_are_the_bits(vector, tmp_path):
    widths = WIDTHS[vector.model]
    times = train(vector.model, vector.bits) * 2  # the last pulse of the second frame has no end
    found = duty_cycles(tmp_path, vcd.text(train_pulses(times)))
    bits = vector.bits.replace(" ", "")
    wanted = [widths.start, *(widths.one if bit == "1" else widths.zero for bit in bits)]
    wanted += [widths.end] if widths.end else []
    assert found == pytest.approx([percent(pair) for pair in (wanted * 2)[:-1]], abs=0.001)
    threshold = (percent(widths.one) + percent(widths.zero)) / 2
    longer_is_one = percent(widths.one) > percent(widths.zero)
    read = found[1 : len(bits) + 1]
    assert "".join("1" if (duty > threshold) == longer_is_one else "0" for duty in read) == bits


@pytest.mark.parametrize("start_us", [0, 7_000_000, 10**12])
def test_every_sample_is_there_wherever_the_trace_began(start_us, tmp_path):
    """A microsecond a sample, for any time of the simulator's clock: sigrok counts from the file's own 0."""
    times = train("caixianlin", first("caixianlin").bits)
    text = vcd.text(pulses(edges(train_pulses(times, start_us))))
    lines = sigrok(tmp_path, text, "-O", "bits:width=0")
    samples = "".join(line.split(":", 1)[1] for line in lines if line.startswith(f"{vcd.WIRE}:")).replace(" ", "")
    wanted = "0" * 1000 + "".join(("1" if index % 2 == 0 else "0") * width for index, width in enumerate(times))
    assert samples[: len(wanted)] == wanted
    assert set(samples[len(wanted) :]) == {"0"}
