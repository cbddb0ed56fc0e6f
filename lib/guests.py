"""Rooms that are in memory only while somebody uses them: code is bytecode in RAM, and most of it waits for rare moments."""

import gc
import sys


class Guests:
    """`with guests:` import and use the rooms `names` (dotted); behind the last such block they are forgotten.

    A room that was in memory before the first of them began belongs to somebody who needs it for longer, and stays.

    Nothing made of their classes may be kept outside, an exception neither: it would keep the whole room in memory, and
    after the next import be of another class than the room's own.
    """

    def __init__(self, names):
        self._names = names
        self._inside = 0
        self._staying = ()

    def __enter__(self):
        if not self._inside:
            self._staying = [name for name in self._names if name in sys.modules]
        self._inside += 1

    def stay(self):
        """None; from now on they stay: whoever asked for it needs them to the end."""
        self._inside += 1

    def __exit__(self, *_):
        self._inside -= 1
        if self._inside:
            return
        for name in self._names:
            if name in sys.modules and name not in self._staying:
                forget(name)
        gc.collect()


def forget(name):
    """None; the module `name` (dotted, in memory) is in memory no longer, as soon as nobody holds anything of it."""
    package, _, room = name.rpartition(".")
    # MicroPython's tables keep the value of an entry that was deleted until another takes its place: so first an empty one
    sys.modules[name] = None
    del sys.modules[name]
    # it may have been imported before its package was, and that may have been forgotten before it
    if package in sys.modules and hasattr(sys.modules[package], room):
        setattr(sys.modules[package], room, None)
        delattr(sys.modules[package], room)
