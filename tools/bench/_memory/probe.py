"""Runs in a simulated device beside the firmware: shows its heap to the bench, and breaks its free memory into pieces.

For MicroPython. Each line that it prints begins with PROBE, but for what `micropython` prints itself. It looks at two bytes of
the board's inputs: when one changes, it does what that byte is for.
"""

import array
import asyncio
import gc
import os
import sys
import time

import micropython
import simboard
import uctypes

SHOW, BREAK_UP = (
    62,
    61,
)  # bytes of the inputs; the second is the largest piece that may stay whole, in units of 64 bytes
_FROM = "heap.from"  # the bench writes here at which address the heap begins, from `mem_info`
_DUMP = "heap.dump"
_LOOK_MS = 20

_kept = []


def _function():
    pass


def _generator():
    yield


def _closure(value):
    return lambda: value


_TYPES = {
    "str": str,
    "bytes": bytes,
    "bytearray": bytearray,
    "array": array.array,
    "memoryview": memoryview,
    "tuple": tuple,
    "list": list,
    "dict": dict,
    "int": int,
    "type": type,
    "module": type(sys),
    "function": type(_function),
    "generator function": type(_generator),
    "generator": type(_generator()),
    "closure": type(_closure(1)),
    "bound method": type(_kept.append),
}


def _print_types():
    for name, kind in _TYPES.items():
        print("PROBE type", id(kind), name)


def _print_modules():
    for name in sys.modules:
        module = sys.modules[name]
        print("PROBE module", id(module), name)
        for key in dir(module):
            if key != "Partition":  # a stub that is imported by the look at it
                value = getattr(module, key)
                if isinstance(value, type):
                    print("PROBE class", id(value), key)


def _collected():
    gc.collect()
    gc.collect()  # what the first one has finalised


def _show(asked):
    """Print what lives and where, and write the heap's bytes to a file as soon as the bench has sent where they begin."""
    _print_types()
    _print_modules()
    _collected()
    micropython.mem_info(1)
    print("PROBE mapped", asked)
    while _FROM not in os.listdir():
        time.sleep_ms(_LOOK_MS)
    with open(_FROM) as file:
        start = int(file.read())
    os.remove(_FROM)
    with open(_DUMP, "wb") as file:
        file.write(uctypes.bytearray_at(start, gc.mem_alloc() + gc.mem_free()))
    print("PROBE dumped", asked)


def _break_up(most):
    """Return what keeps the free memory in pieces of `most` bytes: all of it is taken, every second piece is given back."""
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


async def _answer():
    dumped, broken = simboard.read(SHOW), simboard.read(BREAK_UP)
    while True:
        await asyncio.sleep_ms(_LOOK_MS)
        if simboard.read(SHOW) != dumped:
            dumped = simboard.read(SHOW)
            _show(dumped)
        if simboard.read(BREAK_UP) != broken:
            broken = simboard.read(BREAK_UP)
            _kept.append(_break_up(broken * 64))
            print("PROBE broken", broken)


asyncio.create_task(_answer())
