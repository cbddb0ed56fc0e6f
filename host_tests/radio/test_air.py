"""How the simulator hears a device on a PC that is busy: a frame that comes in pieces, and late, is one frame."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
import types

import pytest

from tools.rf.decode import edges, train_pulses
from tools.rf.encoders import encoded
from tools.rf.trace import pack
from tools.sim.air import Air
from tools.sim.device import Device

FRAME_US = 45_000
TRAIN = encoded("caixianlin", 4321, "vibrate", 40)


def recording(frames, begin_us):
    """(the bytes of so many frames, where each begins and ends in them)."""
    data, places = b"", []
    for number in range(frames):
        piece = pack(edges(train_pulses(TRAIN, begin_us + number * FRAME_US)))
        places.append((len(data), len(data) + len(piece)))
        data += piece
    return data, places


@pytest.mark.parametrize("cut", range(8, 700, 24))
def test_a_frame_that_is_seen_in_two_halves_and_late_is_whole(cut, tmp_path):
    air = Air(tmp_path / "trace", lambda event: None)
    begin_us = air._origin_us
    data, places = recording(3, begin_us)
    late_us = (
        200_000  # all of it was on the air long ago: the device was stalled before it could write, or we before we read
    )
    for number, (begin, end) in enumerate(places):
        now_us = begin_us + number * FRAME_US + late_us
        air._hear(data[begin : begin + cut], now_us)
        air._hear(data[begin + cut : end], now_us + 90_000)
        air._hear(b"", now_us + 90_000)
    assert [(frame.ok, frame.intensity) for frame in air.frames] == [(True, 40)] * 3
    air._hear(b"", now_us + 3_000_000)
    assert [(event["event"], event["frames"]) for event in air.events] == [("rf", 3)]


def test_silence_begins_when_an_edge_is_seen(tmp_path, monkeypatch):
    """A device that is stalled while it plays writes the frame late, with the times that the edges should have had."""
    air = Air(tmp_path / "trace", lambda event: None)
    now_us = air._origin_us + 5_000_000
    monkeypatch.setattr(time, "monotonic_ns", lambda: now_us * 1000)
    assert air.silent_for(4)
    air._hear(recording(1, air._origin_us)[0], now_us)
    assert not air.silent_for(0.6)
    now_us += 600_000
    assert air.silent_for(0.6)


def test_a_frame_that_ends_in_the_middle_is_a_fault(tmp_path):
    air = Air(tmp_path / "trace", lambda event: None)
    data, _ = recording(1, air._origin_us)
    air._hear(data[:304], air._origin_us + 100_000)
    air._hear(b"", air._origin_us + 110_000)
    air._hear(b"", air._origin_us + 3_000_000)
    assert [event["event"] for event in air.events] == ["rf_fault"]


def test_the_time_is_that_before_the_file_was_read(monkeypatch):
    """Who is stalled between reading and looking at the clock must not take what was written meanwhile for silence."""
    read_us, told_us = [], []

    class File(io.BytesIO):
        def read(self):
            read_us.append(time.monotonic_ns() // 1000)
            return b""

    air = Air("trace", lambda event: None)
    monkeypatch.setattr("tools.sim.air.open", lambda *_: File(), raising=False)
    monkeypatch.setattr(air, "_hear", lambda data, now_us: told_us.append(now_us))

    async def story():
        task = asyncio.create_task(air.run())
        while len(told_us) < 3:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(story())
    assert all(told <= read for told, read in zip(told_us, read_us))


@pytest.mark.skipif(not os.path.exists("/proc/self/stat"), reason="only Linux tells what keeps a process from running")
def test_a_process_waits_or_is_kept_from_running(tmp_path):
    device = Device(tmp_path, print)
    code = "import sys, time; sys.stdin.readline(); print(flush=True)\nwhile True: pass"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        device._process = process
        while not device.waits():
            pass  # it starts
        process.send_signal(signal.SIGSTOP)
        while device.waits():
            pass  # the signal is under way
        process.send_signal(signal.SIGCONT)
        process.stdin.write(b"\n")
        process.stdin.flush()
        process.stdout.readline()
        assert not any(device.waits() for _ in range(100)), "it is busy, or would be if it could"
        process.kill()
    device._process = types.SimpleNamespace(pid=2**31 - 1)
    assert device.waits(), "where nobody can tell"
