"""The simulator as a person uses it, and a device in it that meets garbage, a wrong certificate and spoilt settings."""

import asyncio
import json
import ssl
import subprocess
import sys

import pytest
import trustme
from conftest import ROOT
from telling import as_test

from tools.hub import faults
from tools.rf.models import BY_NAME
from tools.sim.visits import VISITS
from tools.sim.world import World

RF_KEYS = {"event", "model", "rf_id", "action", "intensity", "frames", "first_ms", "last_ms"}
VIBRATE = 2


def sim(*flags, timeout_s=110):
    """`python3 -m tools sim` with these flags, finished."""
    command = [sys.executable, "-m", "tools", "sim", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout_s, check=False)


# as a person types it


def test_the_tour_is_told_in_words_and_exits_0():
    done = sim("--demo", "--short")
    assert done.returncode == 0, done.stdout + done.stderr
    steps = [line for line in done.stdout.splitlines() if line.startswith("ok  ")]
    assert len(steps) == 10 + len(VISITS) and steps[9].startswith("ok   10/10 ")
    assert [line.split()[2].rstrip(":") for line in steps[10:]] == [visit.backend for visit in VISITS]
    assert "FAIL" not in done.stdout and "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("       heard: ") == 10 + len(VISITS)
    assert "MicroPython" in done.stdout.splitlines()[0]


def test_the_tour_is_told_to_programs_one_object_a_line():
    done = sim("--demo", "--short", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert all(isinstance(event, dict) and type(event["event"]) is str for event in events)
    steps = [event for event in events if event["event"] == "step"]
    numbers = [*range(1, 11), *range(1, len(VISITS) + 1)]
    assert [step["step"] for step in steps] == numbers and all(step["ok"] is True for step in steps)
    bursts = [event for event in events if event["event"] == "rf"]
    assert len(bursts) > 10 and not [event for event in events if event["event"] == "rf_fault"]
    for burst in bursts:
        assert set(burst) >= RF_KEYS, burst
        assert burst["model"] in BY_NAME and burst["action"] in ("shock", "vibrate", "sound", "light", "stop")
        assert 0 <= burst["rf_id"] <= 65535 and 0 <= burst["intensity"] <= 100 and burst["frames"] >= 1
        assert 0 <= burst["first_ms"] <= burst["last_ms"]
        assert all(type(burst[key]) is int for key in RF_KEYS - {"event", "model", "action"})
    assert {burst["rf_id"] for burst in bursts} == {4321, 1234, 777}
    assert [event for event in events if event["event"] == "log"]


def test_the_tour_goes_without_tls_and_on_cpython_too():
    done = sim("--demo", "--plain", "--cpython")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CPython (as asked)" in done.stdout
    assert len([line for line in done.stdout.splitlines() if line.startswith("ok  ")]) == 10 + len(VISITS)


def test_help_names_every_flag():
    done = sim("--help")
    assert done.returncode == 0 and done.stdout.startswith("usage: python3 -m tools sim")
    for flag in ("--demo", "--short", "--ready", "--json", "--port", "--host", "--plain", "--cpython"):
        assert flag in done.stdout


def test_a_flag_that_does_not_exist_is_one_clear_line():
    for flags in (("--dmeo",), ("--port", "eighty"), ("demo",)):
        done = sim(*flags)
        assert done.returncode == 2 and done.stdout == ""
        (line,) = done.stderr.splitlines()
        assert line.startswith("python3 -m tools sim: ") and line.endswith("(python3 -m tools sim --help tells more)")


# a device in a hostile world


def world(**options):
    """Makes a test of `async def story(world)`; `prepare(world)` is called before anything starts."""
    prepare = options.pop("prepare", lambda world: None)

    def dress(story):
        async def tell():
            place = World(**options)
            prepare(place)
            async with place:
                await story(place)

        return as_test(story, tell, 100)

    return dress


async def said(place, words, since=0):
    """The first line of the device's console with these words."""
    for _ in range(4000):  # the console is a pipe that grows: the world has no event for its lines
        for line in place.lines[since:]:
            if words in line:
                return line
        await asyncio.sleep(0.01)
    raise AssertionError(f"nobody said '{words}':\n" + "\n".join(place.lines[-20:]))


async def obeys(place, intensity):
    """None as soon as the receiver heard an order of that intensity."""
    await place.air.until(lambda: place.air.silent_for(0.6), 20)
    red = place.hub.shockers[0]
    await place.hub.control([{"id": red.guid, "type": VIBRATE, "intensity": intensity, "duration": 1000}])
    await place.air.until(lambda: any(frame.intensity == intensity for frame in place.air.frames), 20)


@pytest.mark.parametrize("kind", sorted(faults.GARBAGE))
def test_garbage_from_the_hub_is_survived(kind):
    @world(secure=False)
    async def story(place):
        await place.hub.device_connected(timeout_s=30)
        await obeys(place, 11)
        mark, lines = place.hub.journal.mark(), len(place.lines)
        place.hub.faults.garbage(kind)
        if kind == "text":
            await place.hub.control(
                [{"id": place.hub.shockers[0].guid, "type": VIBRATE, "intensity": 99, "duration": 400}]
            )
        await said(place, "next try in", lines)
        await place.hub.device_connected(since=mark, timeout_s=30)
        await obeys(place, 22)
        assert not [frame for frame in place.air.frames if frame.intensity == 99]
        assert place.device.starts == 1 and not [line for line in place.lines if "Traceback" in line]

    story()


def _other_authority(place):
    other = ssl.PEM_cert_to_DER_cert(trustme.CA(key_type=trustme.KeyType.ECDSA).cert_pem.bytes().decode())
    write = place.device.write_certificate
    place.device.write_certificate = lambda der: write(other)


@world(prepare=_other_authority)
async def test_a_certificate_of_a_stranger_is_refused_with_its_reason(place):
    line = await said(place, "certificate")
    assert "hub.test port" in line
    await said(place, "next try in")
    assert not place.hub.sockets and not place.hub.journal.counts["connected"]
    assert place.air.frames == [] and place.device.exit_code is None


def _spoil(content):
    def prepare(place):
        place.device.write_settings = lambda settings: (place.device.folder / "settings.json").write_bytes(
            content(settings)
        )

    return prepare


@pytest.mark.parametrize("content", [b"", b"\x00" * 300, b'{"board":"simulated"', b"[]", b"\xff" * 9000], ids=repr)
def test_spoilt_settings_are_told_and_nothing_is_sent(content):
    @world(secure=False, prepare=_spoil(lambda settings: content[:9000]))
    async def story(place):
        await said(place, "the file cannot be read")
        assert place.device.trace_path.read_bytes() == b"" and not place.hub.sockets
        assert not [line for line in place.lines if "Traceback" in line]

    story()


@pytest.mark.parametrize("wrong", [{"board": "nosuch"}, {"backend": "nosuch"}], ids=str)
def test_settings_that_cannot_work_are_told_in_one_line(wrong):
    @world(secure=False, prepare=_spoil(lambda settings: json.dumps({**settings, **wrong}).encode()))
    async def story(place):
        await said(place, "nosuch")
        await asyncio.wait([asyncio.create_task(place.device.ended.wait())], timeout=2)
        assert place.device.trace_path.read_bytes() == b"" and not place.hub.sockets
        assert not [line for line in place.lines if "Traceback" in line], place.lines

    story()
