"""Runs inside the simulated device, before main.py: what each room costs to import, what lives in the heap, and holes in it.

For MicroPython. Each line that it prints begins with PROBE. It tells what lives whenever byte 62 of the board's inputs
changes, and breaks the heap up when byte 61 does. Its own cost, and that of the stubs a board does not have, is told first.
"""

import builtins
import gc
import sys

import micropython

gc.collect()
_bare = gc.mem_alloc()
micropython.qstr_info()

_ASK = 62
_BREAK_UP = 61  # the largest piece that may stay whole, in units of 64 bytes
_STUBS = ("time", "machine", "network", "esp32")
_PACKAGES = ("lib", "firmware")
_import = builtins.__import__
_seen = {str(number): None for number in range(80)}  # grown now, so that it does not grow between two looks
_seen.clear()
_within = [0] * 20  # by depth: what the rooms that a room imports have cost
_depth = [0]


def used():
    """Bytes of the heap that live."""
    gc.collect()
    gc.collect()  # what the first one finalised
    return gc.mem_alloc()


def _watched(name, globals_=None, locals_=None, wanted=None, level=0):
    """Imports a room, and tells what that cost without what the rooms cost that it imports itself."""
    if name in _PACKAGES:
        for room in wanted or ():
            _watched(name + "." + room, None, None, ("",))
    if name in _seen or name.split(".")[0] not in _PACKAGES or name in _PACKAGES:
        return _import(name, globals_, locals_, wanted, level)
    _seen[name] = None
    depth = _depth[0]
    _depth[0] = depth + 1
    _within[depth + 1] = 0
    before = used()
    made = _import(name, globals_, locals_, wanted, level)
    took = used() - before
    _depth[0] = depth
    _within[depth] += took
    print("PROBE room", name, took - _within[depth + 1])
    return made


async def _answer(board, sleep_ms):
    asked, broken = board.read(_ASK), board.read(_BREAK_UP)
    while True:
        await sleep_ms(20)
        if board.read(_ASK) != asked:
            asked = board.read(_ASK)
            micropython.qstr_info()
            print("PROBE here", " ".join([name for name in sys.modules if name.split(".")[0] in _PACKAGES]))
            print("PROBE live", asked, used(), _largest(60000))
        if board.read(_BREAK_UP) != broken:
            broken = board.read(_BREAK_UP)
            _holes.append(_break_up(broken * 64))
            print("PROBE holes", _largest(8 * broken * 64), gc.mem_free())


_holes = []


def _break_up(most):
    """What keeps the free memory in pieces of `most` bytes: all of it is taken, then every second piece is given back."""
    gc.collect()
    chain = crumbs = None
    while True:
        try:
            chain = [bytearray(most), chain]
        except MemoryError:
            break
    try:
        while True:
            crumbs = (crumbs,)
    except MemoryError:
        pass
    link, give_back = chain, False
    while link:
        if give_back:
            link[0] = None
        give_back = not give_back
        link = link[1]
    gc.collect()
    return chain, crumbs


def _largest(most):
    """The size of the largest piece of memory that can be had, up to `most` bytes."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        try:
            bytearray(middle)
            low = middle
        except MemoryError:
            high = middle - 1
        gc.collect()
    return low


def start(rooms=False):
    """None; tells of the stubs, answers from the first turn of the event loop on, and watches imports when `rooms`."""
    before = used()
    for name in _STUBS:
        _import(name)
    print("PROBE stubs", used() - before)
    import asyncio

    import simboard

    asyncio.create_task(_answer(simboard, asyncio.sleep_ms))
    before = used()
    # what an ESP32 has frozen in ROM but fills tables of the heap for, as soon as it is used
    for _ in (asyncio.Lock, asyncio.Event, asyncio.wait_for_ms, asyncio.open_connection):
        pass
    print("PROBE asyncio", used() - before)
    micropython.qstr_info()
    print("PROBE probe", before - _bare)
    if rooms:
        builtins.__import__ = _watched
