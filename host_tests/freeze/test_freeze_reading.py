"""The parts of the verifier that read code, bytecode and qstrs, each against what is known from elsewhere. No image is needed."""

import struct
from types import SimpleNamespace

import pytest

from host_tests.support import linked_images
from tools import Failure
from tools.freeze import verify as verifier
from tools.freeze.verify import bytecode, chips, frozen_tables, mpy_file, qstr_pools, references
from tools.freeze.verify.app_image import AppImage, Segment
from tools.freeze.verify.memory import Memory

ESP32, C3 = chips.by_number(0), chips.by_number(5)
_DROM = {ESP32: 0x3F400020, C3: 0x3C140020}
_CODE = {ESP32: 0x400D0020, C3: 0x42000020}


def _functions(function):
    yield function
    for child in function.children:
        yield from _functions(child)


def test_bytecode_ends_where_the_compiler_says():
    """Every function of the firmware and the samples: its length is in the .mpy, but not in an image."""
    count = 0
    for name, data in {**linked_images.firmware(), **linked_images.samples()}.items():
        mpy = mpy_file.read(data, name)
        for function in _functions(mpy.function):
            prelude = bytecode.prelude(function.code)
            used = bytecode.used(function.code, prelude.start)
            assert used.end == len(function.code), name
            assert max(used.qstrs, *prelude.names) < len(mpy.qstrs)
            assert used.constants < len(mpy.objects) and used.children == len(function.children) - 1
            count += 1
    assert count > 1000


_MPY = b"M\6\0\x1f" + b"\1\0" + b"\x08m.py\0"  # one qstr, no constants


@pytest.mark.parametrize(
    ("data", "words"),
    (
        (b"M\6\0", "no .mpy file of version 6"),
        (b"N\6\0\x1f", "no .mpy file of version 6"),
        (_MPY.replace(b"\x1f", b"\x3f") + b"\x08\0", "small ints of 63 bits; the chip has 31"),
        (_MPY + b"\x0a\0", "holds machine code"),  # one byte of kind 2, viper
        (_MPY + b"\x0c\0\1\x09\0", "holds machine code"),  # inside another function
        (_MPY + b"\x10\0", "damaged .it ends too early"),
        (_MPY + b"\x08", "damaged .it ends too early"),
        (_MPY + b"\x08\0\0", "damaged .something follows the code"),
        (_MPY[:6] + b"\x80", "damaged"),
        (b"M\6\0\x1f\0\1\x0b\0\x08\0", "damaged"),  # a constant of kind 11
        (b"M\6\0\x1f\0\1\x07\1x\x08\0", "damaged"),  # an int that is no number
    ),
)
def test_a_mpy_that_cannot_be_frozen_is_refused(data, words):
    with pytest.raises(Failure, match=f"m.py: .*{words}"):
        mpy_file.read(data, "m.py")


def test_a_small_mpy_is_read():
    function = mpy_file.Function(b"\0", [])
    assert mpy_file.read(_MPY + b"\x08\0", "m.py") == mpy_file.Mpy([b"m.py"], [], function)
    constants = b"\1\2\3\4" + b"\5\1a\0" + b"\6\1b\0" + b"\x07\2-7" + b"\x08\x031.5" + b"\x09\0024j" + b"\x0a\1\1"
    mpy = mpy_file.read(b"M\6\0\x1f\1\x0a\3" + constants + b"\x0c\0\1\x08\0", "m.py")
    assert mpy.qstrs == [1] and mpy.objects == [None, False, True, ..., "a", b"b", -7, 1.5, 4j, (None,)]
    assert mpy.function == mpy_file.Function(b"\0", [function])


def test_a_text_ends_in_memory():
    memory = _memory(C3, _NOP * 2, (0x41424344, 0x00454647, 0x48494A4B))
    assert memory.text(memory.base, "a text") == b"DCBAGFE"
    with pytest.raises(Failure, match="a text at .* has no NUL behind it"):
        memory.text(memory.base + 8, "a text")
    with pytest.raises(Failure, match="a text at 0x.* does not lie in DROM"):
        memory.text(memory.end, "a text")


@pytest.mark.parametrize(
    ("source", "wanted"),
    (
        ("def f(): pass", (0, 0, 0)),
        ("def f(a, b, *, c): return a", (2, 1, 0)),
        ("def f(a, b=1, *, c=2): yield a", (2, 1, 1)),
        ("def f(a, b, c, d, e, g, h, i, j, *, k, l, m, n): return a", (9, 4, 0)),
        ("def f(a, b=1, c=2, d=3): return lambda: a", (4, 0, 3)),
    ),
)
def test_a_prelude_tells_the_arguments(source, wanted):
    function = mpy_file.read(linked_images.compiled({"f.py": source + "\n"})["f.py"], "f.py").function.children[0]
    prelude = bytecode.prelude(function.code)
    assert (prelude.positional, prelude.keyword, prelude.defaults) == wanted
    assert len(prelude.names) == 1 + prelude.positional + prelude.keyword
    assert bool(prelude.flags & bytecode.GENERATOR) == ("yield" in source)


@pytest.mark.parametrize(
    (
        "text",
        "code",
    ),  # as MicroPython's genhdr/qstrdefs.generated.h has them; every official image confirms some 1500 more
    ((b"", 0x1505), (b"__name__", 0x38E2)),
)
def test_a_hash_is_micropythons(text, code):
    assert qstr_pools.qstr_hash(text) == code


def _pool(texts):
    return qstr_pools.Pool(0x3F400000, 0, 0, True, min(10, len(texts)), texts, [qstr_pools.qstr_hash(t) for t in texts])


def _confirm(texts):
    qstrs = qstr_pools.Qstrs.__new__(qstr_pools.Qstrs)
    qstrs.pools = [_pool(texts)]
    qstrs.confirm(0)


def test_what_the_interpreters_search_cannot_find_is_refused():
    """`strncmp` ends at a NUL, the order does not: of many texts that begin alike before one, some are not found."""
    _confirm([b"\0", b"a", b"b\0", b"c"])
    with pytest.raises(Failure, match="search would not find"):
        _confirm([b"a\0%d" % number for number in range(8)])


def test_one_new_pool_lies_behind_the_official_ones():
    def tables(*addresses):
        pools = [SimpleNamespace(address=address, prev=before) for before, address in zip((0, *addresses), addresses)]
        return SimpleNamespace(pool=addresses[-1], qstrs=SimpleNamespace(pools=pools, confirm=lambda first_new: None))

    confirm = verifier._confirm_pools
    confirm(tables(4, 8), tables(4, 8, 12))
    for linked in (tables(4, 8), tables(4, 12), tables(4, 12, 16), tables(4, 8, 12, 16)):
        with pytest.raises(Failure, match="the new qstr pool's prev is"):
            confirm(tables(4, 8), linked)


def test_a_name_that_hides_another_is_refused():
    def tables(*names):
        return SimpleNamespace(modules=[(name, address) for address, name in enumerate(names)])

    official = tables(b"one.py")
    frozen_tables.confirm_names(official, tables(b"one.py", b"two/three.py"), ["two/three.py"])
    with pytest.raises(Failure, match="an earlier name hides it"):
        frozen_tables.confirm_names(official, tables(b"one.py", b"two.py/a.py", b"two.py"), ["two.py/a.py", "two.py"])
    with pytest.raises(Failure, match="would not find the package 'two'"):
        frozen_tables.confirm_names(official, tables(b"one.py", b"two", b"two/a.py"), ["two", "two/a.py"])


def _read(chip, code):
    """Return the References of `code` (bytes), at this chip's address of flash."""
    return references.read(_memory(chip, code))


def _memory(chip, code, data=()):
    """Return the Memory of `code` (bytes) and `data` (words) at this chip's addresses of flash."""
    segments = [
        Segment(_DROM[chip], struct.pack(f"<{len(data)}I", *data) or b"\0\0\0\0", 0),
        Segment(_CODE[chip], code, 0),
    ]
    return Memory(AppImage(chip, bytes(24), _CODE[chip], segments))


_ENTRY, _RETURN = "364100", "1df0"  # entry a1, 32; retw.n


def test_an_l32r_inside_another_instruction_is_none():
    """A literal at -4: `l32r a2` loads it; the same bytes behind a 2-byte shift are a part of others."""
    start = _CODE[ESP32]
    code = bytes.fromhex("efbeadde" + _ENTRY + "21feff" + _RETURN)  # literal, entry, l32r a2, retw.n
    segments = [Segment(_DROM[ESP32], bytes(4), 0), Segment(start, code, 0)]
    found = references.read(Memory(AppImage(ESP32, bytes(24), start + 4, segments)))
    assert [(use.value, use.by, use.held_at) for use in found.all] == [(0xDEADBEEF, start + 7, start)]
    hidden = bytes.fromhex(
        "efbeadde" + _ENTRY + "2221fe" + "ff" + _RETURN
    )  # l32i a2, a1, …: its bytes 1 to 3 look like one
    segments[1] = Segment(start, hidden, 0)
    assert references.read(Memory(AppImage(ESP32, bytes(24), start + 4, segments))).all == []


def test_a_jump_table_is_followed():
    """`jx` goes on at words of data that point into the function."""
    start = _CODE[ESP32]
    code = bytes.fromhex(
        "efbeadde" + _ENTRY + "a00200" + "000000" + "21fcff" + _RETURN
    )  # …, jx a2, ill, l32r a2, retw.n
    segments = [Segment(_DROM[ESP32], struct.pack("<I", start + 13), 0), Segment(start, code, 0)]
    found = references.read(Memory(AppImage(ESP32, bytes(24), start + 4, segments)))
    assert [use.by for use in found.all] == [start + 13]


def _lui(register, upper):
    return struct.pack("<I", upper << 12 | register << 7 | 0x37)


def _addi(to, base, low):
    return struct.pack("<I", (low & 0xFFF) << 20 | base << 15 | to << 7 | 0x13)


_NOP, _RET = b"\x01\x00", b"\x82\x80"


@pytest.mark.parametrize(
    ("code", "values"),
    (
        (_lui(10, 0x3C141) + _addi(10, 10, -0x10), {0x3C140FF0}),
        (_lui(10, 0x3C141) + _lui(11, 0x3C150) + _addi(12, 10, 4) + _addi(12, 11, 8), {0x3C141004, 0x3C150008}),
        (_lui(10, 0x3C141) + _addi(10, 0, 1) + _addi(10, 10, 4), set()),  # overwritten before
        (_lui(8, 0x3C141) + b"\x22\x85" + _addi(11, 10, 4), {0x3C141004}),  # c.mv a0, s0
        (_lui(10, 0x3C141) + b"\x01\xc1" + _lui(10, 0x3C142) + _addi(11, 10, 4), {0x3C142004}),  # c.beqz a0, to itself
        # beqz a0, +12: over a ret; a1 = a5 there
        (
            _lui(15, 0x3C141) + struct.pack("<I", 0x00050663) + _addi(11, 15, 4) + _RET + _NOP + _addi(11, 15, 8),
            {0x3C141004, 0x3C141008},
        ),
        (_lui(10, 0x3C141) + struct.pack("<I", 0x000000EF) + _addi(11, 10, 4), set()),  # a call loses a0
    ),
)
def test_a_lui_is_followed_to_what_completes_it(code, values):
    assert set(_read(C3, code + _RET + _NOP * 4).values()) == values
