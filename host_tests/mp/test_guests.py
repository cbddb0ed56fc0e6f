"""lib/guests.py: rooms that were in memory while somebody used them leave it, and what they held with them."""

import gc
import sys

from lib.guests import Guests, forget

HELD = 20000  # bytes
alive = getattr(gc, "mem_alloc", lambda: 0)  # CPython cannot say, and keeps nothing
NAMES = ["parcel.room%d" % number for number in range(8)]


class Package:
    """A module that is nobody's file; a small table of names, as a package of few rooms has it."""


def _bring(name):
    room = Package()
    room.held = bytearray(HELD)
    sys.modules[name] = room
    setattr(sys.modules["parcel"], name.rpartition(".")[2], room)


def _leave(name):
    _bring(name)
    forget(name)


def test_what_a_forgotten_room_held_leaves_the_memory_though_tables_keep_what_is_deleted():
    sys.modules["parcel"] = Package()
    for name in NAMES:
        gc.collect()
        before = alive()
        _leave(name)
        gc.collect()
        assert alive() - before < HELD // 2
        assert name not in sys.modules and not hasattr(sys.modules["parcel"], name.rpartition(".")[2])
    del sys.modules["parcel"]


def test_guests_leave_behind_the_last_block_and_who_was_there_before_stays():
    sys.modules["parcel"] = Package()
    guests = Guests(("parcel.stays", "parcel.goes", "parcel.never_came"))
    _bring("parcel.stays")
    with guests:
        with guests:
            _bring("parcel.goes")
        assert "parcel.goes" in sys.modules
    assert "parcel.goes" not in sys.modules and "parcel.stays" in sys.modules
    forget("parcel.stays")
    with guests:
        guests.stay()
        _bring("parcel.goes")
    assert "parcel.goes" in sys.modules
    forget("parcel.goes")
    del sys.modules["parcel"]


def test_a_room_whose_package_was_forgotten_first_is_forgotten_too():
    sys.modules["parcel"] = Package()
    _bring("parcel.room")
    del sys.modules["parcel"]
    forget("parcel.room")
    assert "parcel.room" not in sys.modules
