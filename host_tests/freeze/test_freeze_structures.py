"""The structures that the linker reads and writes, each on small examples: app images, code, qstrs, .mpy files, constants."""

import hashlib
import struct

import pytest
from official_images import EVERY_KIND

from tools import Failure
from tools.freeze import (
    app_image,
    bytecode,
    chips,
    compiler,
    constants,
    mpy_file,
    object_types,
    qstrs,
    riscv,
    riscv_isa,
    xtensa,
)
from tools.freeze.blob import Blob
from tools.freeze.memory import Memory

ESP32, C3 = chips.by_id(0), chips.by_id(5)
HEADER = bytes.fromhex("e90002200000084000ee0000000000000000ffff0000000001")[:24]


def header(chip):
    out = bytearray(HEADER)
    out[0], out[23] = 0xE9, 1
    struct.pack_into("<H", out, 12, chip.id)
    return bytes(out)


DESCRIPTION = struct.pack("<I", 0xABCD5432) + bytes(108) + b"v5.5.1-dirty".ljust(32, b"\0")


def image(*segments, chip=ESP32):
    return app_image.write(header(chip), chip, [app_image.Segment(*segment) for segment in segments])


# --- app images


def test_an_image_is_read_as_it_was_written():
    ram = bytes(range(256)) * 300
    data = image((0x3F400020, DESCRIPTION), (0x3FFB0000, ram), (0x400D0020, b"code" * 9), (0x40080000, b"iram" * 5))
    found = app_image.read(data)
    assert found.size == len(data) and found.chip == ESP32 and app_image.idf_version(found) == (5, 5)
    assert sorted(found.segments) == [
        (0x3F400020, DESCRIPTION),
        (0x3FFB0000, ram),
        (0x40080000, b"iram" * 5),
        (0x400D0020, b"code" * 9),
    ]
    assert len(data) % 16 == 0 and data[-32:] == hashlib.sha256(data[:-32]).digest()
    check = 0xEF
    at = 24
    for _ in range(data[1]):
        address, size = struct.unpack_from("<II", data, at)
        at += 8
        if chips.is_flash(ESP32, address):
            assert at % 0x10000 == address % 0x10000  # the cache maps whole pages
        for byte in data[at : at + size]:
            check ^= byte
        at += size
    assert data[-33] == check


@pytest.mark.parametrize("size", [4, 0x10000 - 0x20 - 8 - 4, 0x10000 - 0x20 - 8, 0x10000 - 0x20, 0x30000])
def test_gaps_are_filled_whatever_their_size(size):
    data = image((0x3F400020, DESCRIPTION.ljust(max(size, 144), b"\1")), (0x400D0020, b"code"), (0x3FFB0000, b"ram!"))
    assert app_image.write(*(found := app_image.read(data))[:3]) == data
    assert {segment.address for segment in found.segments} == {0x3F400020, 0x400D0020, 0x3FFB0000}


def test_too_many_segments_are_refused():
    with pytest.raises(Failure, match="17 segments"):
        image(*((0x3FFB0000 + 0x100 * i, bytes(4)) for i in range(17)))


def test_an_app_is_found_in_a_file_of_the_whole_flash():
    app = image((0x3F400020, DESCRIPTION))
    for begin in (0, 0xF000, 0x10000):
        data = bytes((0xE9,)).ljust(begin, b"\xff") + app + b"\xff" * 99 if begin else app
        assert app_image.offset_of_app(data) == begin and app_image.app_of(data) == app


# --- code


def walked(code, entry=0):
    memory = Memory(
        app_image.read(image((0x3F400020, DESCRIPTION), (0x400D0020, code.ljust(-(-len(code) // 4) * 4 + 16, b"\0"))))
    )
    return xtensa.Code(memory)


L32R_A10 = b"\xa1"
LITERAL = struct.pack("<I", 0x3F400040)


def l32r(at, literal):
    return L32R_A10 + struct.pack("<H", literal - (at + 3 & ~3) >> 2 & 0xFFFF)


def test_a_literal_is_known_by_the_instruction_that_loads_it():
    # literal; entry a1, 32; l32r a10; retw.n
    code = walked(LITERAL + bytes.fromhex("364100") + l32r(7, 0) + bytes.fromhex("1df0"))
    assert code.sites(0x3F400040) == [(0x400D0020, (0x400D0027,))]
    assert code.values_within(0x3F400000, 0x3F500000) == {0x3F400040}
    assert code.sites(0x12345678) == []


def test_bytes_within_an_instruction_load_nothing():
    # movi a2, …; its second byte looks like an l32r: entry; 22 a1 xx; retw.n
    inner = l32r(8, 0)
    code = walked(
        LITERAL + bytes.fromhex("364100") + b"\x22" + inner[:2] + inner[2:] + b"\x80\x22" + bytes.fromhex("1df0")
    )
    assert code._segments[0].loads and code.sites(0x3F400040) == []


def test_code_behind_a_jump_is_reached():
    # entry; beqz a2, +5 over the l32r … both ways are walked
    code = walked(LITERAL + bytes.fromhex("364100") + bytes.fromhex("165200") + l32r(10, 0) + bytes.fromhex("1df0"))
    assert [site.users for site in code.sites(0x3F400040)] == [(0x400D002A,)]


@pytest.mark.parametrize(
    ("code", "size", "targets", "goes_on"),
    [
        ("364100", 3, (), True),  # entry a1, 32
        ("1df0", 2, (), False),  # retw.n
        ("0df0", 2, (), False),  # ret.n
        ("900000", 3, (), False),  # retw
        ("a00a00", 3, (), False),  # jx a10
        ("000000", 3, (), False),  # ill
        ("c60200", 3, (15,), False),  # j
        ("06ffff", 3, (0,), False),  # j to itself
        ("164a01", 3, (24,), True),  # beqz a10
        ("66181d", 3, (33,), True),  # bnei
        ("270a25", 3, (41,), True),  # bnone
        ("9c5a", 2, (25,), True),  # beqz.n: 0x15 + 4
        ("ccfa", 2, (19,), True),  # bnez.n
        ("0c7a", 2, (), True),  # movi.n
        ("768a05", 3, (9,), True),  # loop
        ("e00800", 3, (), True),  # callx8
        ("a562a1", 3, (), True),  # call8
        ("0e000000", 4, (), True),  # a vector instruction of the S3
    ],
)
def test_xtensa_instructions(code, size, targets, goes_on):
    assert xtensa.step(bytes.fromhex(code) + bytes(4), 0) == (size, targets, goes_on)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("37b5153c", {"size": 4, "writes": 10}),  # lui a0
        ("13850af5", {"size": 4, "writes": 10, "base": 21, "imm": -176}),  # addi a0, s5, -0xb0
        ("83a74b7a", {"size": 4, "writes": 15, "base": 23, "imm": 0x7A4}),  # lw a5
        ("23203501", {"size": 4, "reads": (19,), "base": 10, "imm": 0}),  # sw s3, 0(a0)
        ("639d9703", {"size": 4, "reads": (15, 25), "jumps": (0x3A,)}),  # bne a5, s9
        ("efd0ddd9", {"size": 4, "writes": 1, "is_call": True}),  # jal ra
        ("6700a3a5", {"size": 4, "writes": 0, "base": 6, "imm": -1446, "goes_on": False}),  # jr
        ("4165", {"size": 2, "writes": 10}),  # c.lui a0, 0x10
        ("4101", {"size": 2, "writes": 2}),  # c.addi sp, 16
        ("aa84", {"size": 2, "writes": 9, "reads": (10,)}),  # c.mv s1, a0
        ("2a99", {"size": 2, "writes": 18, "reads": (18, 10)}),  # c.add s2, a0
        ("8280", {"size": 2, "reads": (1,), "goes_on": False}),  # ret
        ("e9bf", {"size": 2, "jumps": (-38,), "goes_on": False}),  # c.j
        ("3df1", {"size": 2, "reads": (10,), "jumps": (-154,)}),  # c.bnez a0
        ("0845", {"size": 2, "writes": 10, "base": 10, "imm": 8}),  # c.lw a0, 8(a0)
    ],
)
def test_riscv_instructions(code, told):
    made = riscv_isa.decoded(bytes.fromhex(code) + bytes(4), 0)
    expected = {
        "writes": None,
        "reads": (),
        "base": None,
        "imm": 0,
        "jumps": (),
        "goes_on": True,
        "is_call": False,
        **told,
    }
    if made.base == made.writes == 2:  # c.addi of the stack pointer reads it, too
        expected.update(base=2, imm=16)
    assert made._asdict() == expected


def riscv_code(code):
    data = image((0x3C000020, DESCRIPTION), (0x42000020, bytes.fromhex(code).ljust(200, b"\0")), chip=C3)
    return riscv.Code(Memory(app_image.read(data)))


NOPS = "0100" * 60  # so that an instruction's beginning is certain


def test_an_address_is_known_by_its_two_halves():
    code = riscv_code(NOPS + "37b5153c" + "13050574" + "8280")  # lui a0, 0x3c15b; addi a0, a0, 0x740; ret
    at = 0x42000020 + 120
    (site,) = code.sites(0x3C15B740)
    assert site == (at, (at,)) and code.sites(0x3C15B744) == []
    assert code.values_within(0x3C15B000, 0x3C15C000) == {0x3C15B740}
    assert code.replaced(site, 0x3C15B740, 0x3C1F0740) == [(at, bytes.fromhex("37051f3c"))]
    with pytest.raises(Failure, match="cannot be replaced"):
        code.replaced(site, 0x3C15B740, 0x3C1F0744)


def test_a_low_half_that_is_negative_needs_one_more_above():
    code = riscv_code(NOPS + "37b5153c" + "130505f7" + "8280")  # addi a0, a0, -0x90
    assert [site.at for site in code.sites(0x3C15AF70)] == [0x42000020 + 120]


def test_one_lui_for_two_addresses_is_refused():
    code = riscv_code(NOPS + "37b5153c" + "93050574" + "13054574" + "8280")  # addi a1, a0, …; addi a0, a0, …
    with pytest.raises(Failure, match="several addresses from one"):
        code.sites(0x3C15B740)


def test_a_lui_of_which_something_unknown_is_made_is_refused():
    known = "37b5153c" + "13050574"
    code = riscv_code(NOPS + known + "37b5153c" + "aa85" + "8280" + known.replace("37b5", "37a5"))  # c.mv a1, a0
    (site,) = code.sites(0x3C15B740)
    with pytest.raises(Failure, match="unclear which address its code makes at 0x420000a0"):
        code.replaced(site, 0x3C15B740, 0x3C1F0740)
    (other,) = code.sites(0x3C15A740)  # with other upper bits
    assert code.replaced(other, 0x3C15A740, 0x3C1F0740)


# --- qstrs


def test_a_hash_is_never_zero():
    assert qstrs.hash_of(b"", 2) == 5381 and qstrs.hash_of(b"a", 2) == 5381 * 33 & 0xFFFF ^ ord("a")
    found = next(text for i in range(1 << 20) if (text := b"%d" % i) and plain_hash(text) & 0xFF == 0)
    assert qstrs.hash_of(found, 1) == 1


def plain_hash(text):
    value = 5381
    for byte in text:
        value = value * 33 & 0xFFFFFFFF ^ byte
    return value


@pytest.mark.parametrize("count", [1, 9, 10, 11, 300])
def test_a_pool_tells_no_larger_allocation_than_it_has(count):
    old = qstrs.Qstrs(0x3F400100, [b""] * 50, {}, 2, (10, 20, 20))
    new, ids = qstrs.extended(old, [b"name%d" % i for i in range(count)])
    blob = Blob(0x3F500000)
    words = struct.unpack(f"<{6 + count}I", qstrs.packed(old, new, blob))
    previous, total, alloc, size, hashes, lengths = words[:6]
    assert (previous, total, alloc, size) == (0x3F400100, 50 | 1 << 31, min(10, count), count)
    at = blob.data[lengths - 0x3F500000 :]
    for i, (text, start) in enumerate(zip(sorted(new), words[6:])):
        assert ids[text] == 50 + i and at[i] == len(text)
        assert blob.data[start - 0x3F500000 :][: len(text) + 1] == text + b"\0"
        assert struct.unpack_from("<H", blob.data, hashes - 0x3F500000 + 2 * i)[0] == plain_hash(text) & 0xFFFF


# --- .mpy files and bytecode


def test_every_kind_of_constant_is_read():
    read = mpy_file.read("m.py", compiler.compiled("m.py", EVERY_KIND, "xtensawin"), [b""] * 400)
    values = [x for value in read.objects for x in (value if isinstance(value, tuple) else (value,))]
    assert {type(value) for value in values} >= {int, float, complex, str, bytes, tuple, type(None), bool, type(...)}
    assert 123456789012345678901234567890 in values and 2.5j in values and b"\0\xffbytes" in values


def functions(function):
    yield function
    for child in function.children:
        yield from functions(child)


def test_the_end_of_bytecode_and_what_it_uses_are_known():
    read = mpy_file.read("m.py", compiler.compiled("m.py", EVERY_KIND, "rv32imc"), [b""] * 400)
    flags = set()
    for function in functions(read.function):
        head = bytecode.prelude(function.code, 0)
        uses = bytecode.uses(function.code + b"\x63" * 9, head)
        assert uses.end <= len(function.code) and uses.children == len(function.children)
        assert uses.qstrs <= len(read.qstrs) and uses.objects <= len(read.objects)
        flags.add(head.flags & bytecode.GENERATOR)
    assert flags == {0, bytecode.GENERATOR}


# --- constants


def writer(texts=()):
    blob = Blob(0x3F500000)
    names = ("str", "bytes", "tuple", "int", "float", "complex")
    addresses = {name: 0x3F400000 + 16 * i for i, name in enumerate(names)}
    types = object_types.Types(addresses, 0x3F4FF000, "1.28.0", b"")
    return constants.Writer(blob, types, {text: i for i, text in enumerate(texts, 5)}, 2), blob


@pytest.mark.parametrize(
    ("value", "word"),
    [
        (None, 6),
        (False, 0xE),
        (True, 0x1E),
        (0, 1),
        (1, 3),
        (-1, 0xFFFFFFFF),
        (0x3FFFFFFF, 0x7FFFFFFF),
        (-0x40000000, 0x80000001),
        ("known", 5 << 3 | 2),
        (..., 0x3F4FF000),
    ],
)
def test_what_needs_no_memory(value, word):
    made, blob = writer([b"known"])
    assert made.object(value) == word and not blob.data


@pytest.mark.parametrize(
    ("value", "kind", "rest"),
    [
        (0x40000000, 3, (2 << 2 | 2, 2, b"\0\0\0\x40")),
        (-0x40000001, 3, (2 << 2 | 3, 2, b"\1\0\0\x40")),
        (1 << 64, 3, (5 << 2 | 2, 5, bytes(8) + b"\1\0")),
        (1.5, 4, (0x3FC00000,)),
        (1e39, 4, (0x7F800000,)),
        (-1e39, 4, (0xFF800000,)),
        (-2.5j, 5, (0x80000000, 0xC0200000)),
        (b"", 1, (5381, 0, b"\0")),
        (b"ab", 1, (plain_hash(b"ab") & 0xFFFF, 2, b"ab\0")),
        ("unknown", 0, (plain_hash(b"unknown") & 0xFFFF, 7, b"unknown\0")),
        ((), 2, (0,)),
        ((1, None), 2, (2, 3, 6)),
    ],
)
def test_what_lies_in_memory(value, kind, rest):
    made, blob = writer()
    at = made.object(value) - 0x3F500000
    assert at % 4 == 0
    words = struct.unpack_from(f"<{1 + len(rest)}I", blob.data, at)
    assert words[0] == 0x3F400000 + 16 * kind
    for found, expected in zip(words[1:], rest):
        if isinstance(expected, bytes):
            assert blob.data[found - 0x3F500000 :][: len(expected)] == expected
        else:
            assert found == expected


def test_equal_pieces_lie_there_once_unless_one_has_to_be_aligned():
    blob = Blob(0x1000)
    assert blob.put(b"abcd") == blob.put(b"abcd") == 0x1000
    assert blob.put(b"x") == 0x1004 and blob.put(b"efgh") == 0x1005
    assert blob.put(b"efgh", 4) == 0x100C and blob.put(b"efgh") == 0x100C


def test_pieces_get_their_remainders_in_the_order_that_wastes_least():
    blob = Blob(0x10000)
    blob.pad(0x500)
    addresses = blob.put_at_remainders([(b"a" * 0x10, 0x900), (b"b" * 0x10, 0x700), (b"c" * 0x10, 0x800)], 0x1000)
    assert addresses == [0x10900, 0x10700, 0x10800] and blob.end == 0x10910
