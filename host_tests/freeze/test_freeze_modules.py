"""Frozen modules in a small memory made here: what the interpreter would run is confirmed, whatever form it has; else not."""

import struct
from types import SimpleNamespace

import pytest

from tools import Failure
from tools.freeze.verify import chips, frozen_module, mpy_file
from tools.freeze.verify.app_image import AppImage, Segment
from tools.freeze.verify.layout import Layout
from tools.freeze.verify.memory import Memory

_ESP32, _BASE = chips.by_number(0), 0x3F400000
_NAME, _PLAIN, _GENERATOR = "m.py", bytes.fromhex("000401005163"), bytes.fromhex("804004010051" + "63")
_QSTRS = SimpleNamespace(texts=[b"", b"", b"m.py", b"f"], pools=[])


class Rom:
    """DROM to put things into; `put` returns where they are."""

    def __init__(self):
        self.data = bytearray(16)

    def put(self, data):
        """Put bytes at the next word."""
        self.data += bytes(-len(self.data) % 4)
        self.data += data
        return _BASE + len(self.data) - len(data)

    def words(self, *values):
        """Put words."""
        return self.put(struct.pack(f"<{len(values)}I", *values))

    def module(self, function, objects=0):
        """Put a module whose qstrs are its own name and that of a function."""
        return self.words(self.put(struct.pack("<2H", 2, 3)), objects, function)

    def memory(self, end=16):
        """Return the Memory, with zeros behind everything."""
        segments = [Segment(_BASE, bytes(self.data) + bytes(end), 0), Segment(0x400D0000, bytes(16), 0)]
        return Memory(AppImage(_ESP32, bytes(24), 0x400D0000, segments))


def _mpy(code, children=()):
    return mpy_file.Mpy(
        [b"m.py", b"f"], [], mpy_file.Function(code, [mpy_file.Function(child, []) for child in children])
    )


def _confirm(rom, module, mpy):
    comparison = frozen_module.Comparison(rom.memory(), _QSTRS, Layout({}, 0, "1.28.0"))
    comparison.confirm(_NAME, module, mpy)
    return comparison.counts()


def _size(rom, module, end=16):
    return frozen_module.size(rom.memory(end), module)


def _raw(rom, code, children=0, kind=2, generator=0):
    return rom.words(kind << 16 | generator << 24, rom.put(code), children)


def test_bytecode_alone_and_raw_code_are_the_same_function():
    rom = Rom()
    assert _confirm(rom, rom.module(rom.put(_PLAIN)), _mpy(_PLAIN)) == (1, 0, 2)
    assert _confirm(rom, rom.module(_raw(rom, _PLAIN)), _mpy(_PLAIN)) == (1, 0, 2)
    children = rom.words(rom.put(_PLAIN), _raw(rom, _GENERATOR, generator=1), rom.put(_GENERATOR))
    module = rom.module(_raw(rom, _PLAIN, children))
    assert _confirm(rom, module, _mpy(_PLAIN, (_PLAIN, _GENERATOR, _GENERATOR))) == (4, 0, 2)


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    (
        ({"children": _BASE}, _PLAIN, "has a table of functions at 0x3f400000; its .mpy has none inside it"),
        ({"generator": 1}, _PLAIN, "flag for a generator is 1"),
        ({"generator": 0}, _GENERATOR, "flag for a generator is 0"),
        ({"kind": 4}, _PLAIN, "raw code of kind 4, not bytecode"),
        ({}, _PLAIN[:-2] + b"\x52\x63", "differs in the instructions at byte 4"),
        ({}, b"\x10" + _PLAIN[1:], "differs in the prelude at byte 0"),
    ),
)
def test_raw_code_that_says_something_else_is_refused(raw, code, words):
    rom = Rom()
    wanted = _GENERATOR if code == _GENERATOR else _PLAIN
    with pytest.raises(Failure, match=words):
        _confirm(rom, rom.module(_raw(rom, code, **raw)), _mpy(wanted))


def test_a_mpy_whose_prelude_has_no_end_is_refused():
    rom = Rom()
    with pytest.raises(Failure, match="m.py: its .mpy is damaged"):
        _confirm(rom, rom.module(rom.put(b"\x80\x80")), _mpy(b"\x80\x80"))


def test_a_module_of_an_image_is_measured_without_its_mpy():
    rom = Rom()
    maker = bytes.fromhex("0004" + "0100" + "3200" + "3201" + "5163")  # make_function twice, return None
    children = rom.words(rom.put(_PLAIN), rom.put(_GENERATOR))
    module = rom.module(_raw(rom, maker, children))
    assert _size(rom, module) == len(maker) + len(_PLAIN) + len(_GENERATOR)


def test_a_module_that_cannot_be_measured_is_refused():
    rom = Rom()
    maker = rom.put(bytes.fromhex("0004" + "0100" + "3200" + "5163"))
    itself = _BASE + len(rom.data) + -len(rom.data) % 4
    rom.words(2 << 16, maker, itself + 12, itself)  # its only child is itself
    with pytest.raises(Failure, match="functions without end"):
        _size(rom, rom.module(itself))
    with pytest.raises(Failure, match="is no bytecode"):
        _size(rom, rom.module(_raw(rom, _PLAIN, kind=3)))
    module = rom.module(_BASE + len(rom.data) + 12)
    rom.put(b"\x00\x04\x01\x00" + b"\x51" * 8)
    with pytest.raises(Failure, match="the bytecode at .* has no end"):
        _size(rom, module, end=0)
