"""From a command on the schedule to its edges nothing is allocated: the radio's whole loop runs with the heap locked.

MicroPython raises MemoryError for whatever is allocated meanwhile; on CPython the lock does nothing, and only the edges are
judged. (A function with many locals takes its frame from the heap where it can, and from the stack while that is locked.)
"""

import asyncio
from array import array

import micropython

from firmware.command import SHOCK, SOUND, VIBRATE
from firmware.control.scheduler import Scheduler
from firmware.control.transmitter import Radio
from firmware.shockers import caixianlin, petrainer
from host_tests.unit.rooms import Hand, command
from lib import ook_player
from lib.watchdog_feeder import WatchdogFeeder

_MODELS = {"caixianlin": caixianlin, "petrainer": petrainer}


class _Board:
    """A pin, ticks of 25 µs a look, a button, and a clock in ms that follows them; whatever they keep was made before."""

    def __init__(self):
        self.us = 0
        self.level = 0
        self.n_edges = 0
        self.down = False
        self.player = ook_player.Portable(self.pin, self.ticks_us, self.mask, self.unmask, self.pressed)

    def pin(self, level):
        if level != self.level:
            self.level = level
            self.n_edges += 1

    def ticks_us(self):
        self.us += 25
        return self.us & (1 << 30) - 1

    def pressed(self):
        return self.down

    def mask(self):
        return 0

    def unmask(self, state):
        pass

    def ms(self):
        return self.us // 1000


def _on_air(clock, *commands):
    scheduler = Scheduler(_MODELS.get)
    for order in commands:
        scheduler.put(order, clock())
    return scheduler


def test_frames_and_stop_frames_through_the_portable_player():
    board = _Board()
    scheduler = _on_air(
        board.ms,
        command(ms=400),
        command(rf_id=2, action=SOUND, ms=400),
        command(model="petrainer", rf_id=3, action=SHOCK, level=7, ms=400),
    )
    frames = stops = 0
    micropython.heap_lock()
    try:
        while board.us < 690_000:  # then the first goodbye is over, and who leaves is written down among the idle
            train = scheduler.next(board.ms())
            late_us = board.player.play(train, not scheduler.saying_stop)
            scheduler.again(late_us > 60)
            frames += 1
            stops += scheduler.saying_stop
    finally:
        micropython.heap_unlock()
    assert frames > 10 and 5 <= stops < frames, (frames, stops)
    assert board.n_edges == sum((88, 88, 84)[i % 3] for i in range(frames)), "whole frames, in turn"


def test_a_stop_of_all_and_its_first_stop_frames():
    board = _Board()
    scheduler = _on_air(board.ms, *[command(rf_id=rf_id, ms=5000) for rf_id in range(16)])
    said = 0
    micropython.heap_lock()
    try:
        for _ in range(20):
            board.player.play(scheduler.next(board.ms()), not scheduler.saying_stop)
        scheduler.stop_all(board.ms())
        for _ in range(32):
            board.player.play(scheduler.next(board.ms()), not scheduler.saying_stop)
            said += scheduler.saying_stop
    finally:
        micropython.heap_unlock()
    assert said == 32


def test_a_frame_that_the_button_cuts():
    board = _Board()
    scheduler = _on_air(board.ms, command())
    board.down = True
    micropython.heap_lock()
    try:
        cut = board.player.play(scheduler.next(board.ms()), True)
        scheduler.stop_all(board.ms())
        stop = board.player.play(scheduler.next(board.ms()), False)
    finally:
        micropython.heap_unlock()
    assert cut == -1 and stop >= 0 and board.n_edges == 88


def test_a_spoilt_frame_and_its_repetition():
    clock = Hand()
    scheduler = _on_air(clock, command(ms=100), command(rf_id=2, ms=100))
    first = scheduler.next(0)
    micropython.heap_lock()
    try:
        scheduler.again(True)
        repeated = scheduler.next(45)
        scheduler.again(False)
        stop = scheduler.next(110)
        scheduler.again(True)
        once_more = scheduler.next(155)
    finally:
        micropython.heap_unlock()
    assert repeated is first and once_more is stop


class _Memory:
    """Registers that are plain memory. The button reads as pressed: a clock that stands still lets no edge out anyway."""

    def __init__(self):
        self.words = []

    def at(self, address):
        self.words.append(array("I", (0, 0)))
        return self.words[-1]


def test_the_register_player():
    board, memory = _Board(), _Memory()
    player = ook_player.Registers("esp32c3", 5, board.mask, board.unmask, stop_pin=9, pressed=0, at=memory.at)
    scheduler = _on_air(board.ms, command(), command(rf_id=2))
    micropython.heap_lock()
    try:
        for ms in range(0, 500, 50):
            cut = player.play(scheduler.next(ms), True)
            assert cut == -1
    finally:
        micropython.heap_unlock()


async def _radio(scheduler, board, fed):
    """How many frames the radio's own task played, its turns of the event loop and its heartbeat included."""
    feeder = WatchdogFeeder(("radio",), fed)
    cut = []
    radio = Radio(scheduler, board.player, board.ms, lambda: cut.append(1), lambda: feeder.alive("radio"))
    task = asyncio.create_task(radio.run())
    await asyncio.sleep_ms(0)
    micropython.heap_lock()
    try:
        while board.us < 500_000 and not task.done():
            await asyncio.sleep_ms(0)
    finally:
        micropython.heap_unlock()
    running = not task.done()
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    assert running and not cut, "the radio's task ended"
    return radio.frames


def test_the_radio_task_itself():
    board, meals = _Board(), [0]

    def fed():
        meals[0] += 1

    scheduler = _on_air(board.ms, command(action=VIBRATE, ms=300), command(rf_id=2, ms=300))
    frames = asyncio.run(_radio(scheduler, board, fed))
    assert frames >= 10 and board.n_edges == 88 * frames and meals[0] >= frames


def test_s05_a_stop_of_who_is_on_the_air_needs_no_memory():
    board = _Board()
    scheduler = _on_air(board.ms, *[command(rf_id=rf_id, ms=9000) for rf_id in range(11)])
    micropython.heap_lock()
    try:
        scheduler.stop("caixianlin", 7, None, 100)
        left = scheduler.active(100)
        scheduler.stop_all(200)
        left_at_last, stopping = scheduler.active(200), scheduler.stopping()
    finally:
        micropython.heap_unlock()
    assert left == 10 and left_at_last == 0 and stopping
