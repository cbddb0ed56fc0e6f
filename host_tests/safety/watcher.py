"""Watches a world from outside while it is walked at random: every frame must be explained by an order, a cap and the time.

It knows the table of DESIGN §7, what was done to the device, and the lines of its log. It never asks the rooms.
"""

import re

import simboard

from host_tests.safety import chip
from host_tests.safety.oracle import WINDOW_US, Window, busiest_second, check_pin, on_air
from host_tests.safety.world import FRAME_MS, silent
from tools.rf.decode import Receiver

_ACT = re.compile(r"\[\d+\]\[info\]\[act\] (\S+) (\w+) (\d+) for (\d+) ms to (\w+) (\d+)$")
_SECOND_US = 1_000_000


class Entry:
    """One command that the log says was carried out."""

    def __init__(self, at_us, what, level, ms):
        self.from_us = at_us
        self.what = what  # as on the air
        self.level = level
        self.until_us = at_us + ms * 1000
        self.heard_us = at_us  # the end of its last frame


class Watcher:
    """`caps(model, rf_id, action)` → (highest level, longest ms), by the settings that the test wrote."""

    def __init__(self, world, caps, budget):
        self.world = world
        self._caps = caps
        self._budget = budget
        self._receiver = Receiver()
        self._n_edges = self._n_told = 0
        self.entries = {}  # (model, id) → [Entry]
        self.frames = []
        self.asked = {}  # source → what was asked, for orders that may be carried out
        self.latched = False
        self.may_clear = False
        self.dark_us = []  # when power was cut: frames may break off
        self.pressed_us = []  # (when, whether it was latched before)

    # --- what was done to the device

    def bound(self, until_us, among=None):
        """None; nothing that runs now may begin a frame after `until_us`."""
        for entries in self.entries.values():
            for entry in entries:
                if among is None or entry in among:
                    entry.until_us = min(entry.until_us, until_us)

    def running(self):
        """The entries that may be on the air now."""
        now_us = self.world.time.now_us
        return [entry for entries in self.entries.values() for entry in entries if entry.until_us > now_us]

    # --- what it says and sends

    def look(self):
        """None; everything new in the log and on the air is as the table wants it. AssertionError otherwise."""
        for at_us, line in self.world.told[self._n_told :]:
            self._read(at_us, line)
        self._n_told = len(self.world.told)
        edges = chip.edges()
        new = edges[self._n_edges :]
        self._n_edges = len(edges)
        heard = self._receiver.feed(new) + self._receiver.settle(self.world.time.now_us)
        for frame in heard:
            self._judge(frame)
        self.frames += heard
        if self.world.device:
            assert self.world.device.latch.latched == self.latched

    def _read(self, at_us, line):
        if "][estop] latched" in line:
            self.latched = True
            self.bound(at_us)
        elif "][estop] cleared" in line:
            assert self.may_clear, line
            self.latched = False
        elif "][stop] all" in line:
            self.bound(at_us)
        elif "][act] " in line:
            source, action, level, ms, model, rf_id = _ACT.match(line).groups()
            self._carried_out(at_us, source, action, int(level), int(ms), model, int(rf_id))

    def _carried_out(self, at_us, source, action, level, ms, model, rf_id):
        entries = self.entries.setdefault((model, rf_id), [])
        for entry in entries:
            entry.until_us = min(entry.until_us, at_us)
        if action == "stop":
            return
        asked = self.asked.pop(source, None)  # popped: once and no more
        assert asked, f"{source} asked for nothing that may be carried out"
        assert not self.latched, "latched, and it acts"
        highest, longest_ms = self._caps(model, rf_id, action)
        assert asked[:3] == (model, rf_id, action)
        assert level <= min(asked[3], highest) and ms <= min(asked[4], longest_ms) and highest > 0
        assert at_us <= asked[5], "too late for that order"
        entries.append(Entry(at_us, on_air(model, rf_id, action, level), level, ms))

    def _judge(self, frame):
        presses_us = [at for at, _ in self.pressed_us]
        for at_us, latched in self.pressed_us:
            if not latched or not silent(frame):
                assert not frame.start_us < at_us < frame.end_us - 1000 or not frame.ok, "the button was not heeded"
        if not frame.ok:
            near = [at for at in presses_us + self.dark_us if frame.start_us - 1000 <= at <= frame.end_us + 10_000]
            assert near, f"a broken frame at {frame.start_us}: {frame.faults}"
            return
        key = frame.model, frame.rf_id
        if silent(frame):
            assert key in self.entries, f"a stop frame for {key}, which was never on the air"
            return
        what = (*key, frame.action, frame.intensity)
        for entry in self.entries.get(key, ()):
            if entry.what == what and entry.from_us - 1000 <= frame.start_us <= entry.until_us + 1000:
                entry.heard_us = max(entry.heard_us, frame.end_us)
                assert frame.end_us <= entry.until_us + (FRAME_MS + 1) * 1000
                return
        raise AssertionError(f"{what} at {frame.start_us} us, which nobody may send now")

    def finish(self, since_us):
        """None; the whole walk obeyed what is true of its length: pin, rates, doses, and the goodbyes since `since_us`."""
        check_pin(chip.edges())
        for key, entries in self.entries.items():
            window = Window(WINDOW_US)
            times_us, last = [], None
            for entry in entries:
                if entry.from_us < since_us:
                    continue  # a restart forgets the minute
                window.add(entry.from_us, min(entry.until_us, entry.heard_us), entry.level)
                if not (last and last.what == entry.what and last.until_us >= entry.from_us):
                    times_us.append(entry.from_us // 1000 * 1000)
                last = entry
            assert window.peak() <= self._budget * _SECOND_US * 1.05, key
            assert busiest_second(times_us) <= 10, key
            self._goodbye(key, since_us)

    def _goodbye(self, key, since_us):
        active = [
            frame for frame in self.frames if frame.ok and (frame.model, frame.rf_id) == key and not silent(frame)
        ]
        if active and active[-1].start_us > since_us:
            stops = [frame for frame in self.frames if silent(frame) and (frame.model, frame.rf_id) == key]
            after = [frame for frame in stops if frame.start_us > active[-1].start_us]
            assert after and after[-1].end_us - after[0].start_us >= 300_000, key


def wifi(there):
    """None; the network can be heard, or not."""
    simboard.levels[simboard.WIFI_BYTE] = 1 if there else 0
