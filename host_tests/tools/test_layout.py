"""Flash maps: they fit, they do not overlap, and another program reads and writes their tables as the same bytes."""

import hashlib
import importlib

import pytest
from conftest import peer_module

from tools.images import layout, targets
from tools.images.layout import Row

K = 1024


@pytest.mark.parametrize("name", layout.NAMES)
def test_a_layout_fits_its_flash_and_has_every_partition_once(name):
    rows, size = layout.table(name), layout.flash_size(name)
    layout.check(rows, size)
    assert [one.label for one in rows] == ["nvs", "otadata", "phy_init", "ota_0", "ota_1", "vfs"]
    assert rows[-1].offset + rows[-1].size == size, "nothing is left over"
    sizes = {one.label: one.size for one in rows}
    assert sizes["ota_0"] == sizes["ota_1"], "a pair is a pair"
    assert sizes["vfs"] >= 64 * K, "settings, journal, logs and what LittleFS itself needs"
    assert layout.parsed(layout.binary(rows)) == rows


def test_the_tables_are_those_of_the_design():
    """DESIGN §3; what lies before the slots is as in MicroPython's own partitions-4MiB-ota.csv."""
    assert layout.csv(layout.table("4MB")).split() == [
        *["#", "Name,", "Type,", "SubType,", "Offset,", "Size,", "Flags"],
        "nvs,data,0x2,0x9000,0x4000,",
        "otadata,data,0x0,0xd000,0x2000,",
        "phy_init,data,0x1,0xf000,0x1000,",
        "ota_0,app,0x10,0x10000,0x1f0000,",
        "ota_1,app,0x11,0x200000,0x1f0000,",
        "vfs,data,0x81,0x3f0000,0x10000,",
    ]
    for name, end in (("8MB", 0x800000), ("16MB", 0x1000000)):
        rows = {one.label: (one.offset, one.size) for one in layout.table(name)}
        assert rows["ota_0"] == (0x10000, 0x2F0000) and rows["ota_1"] == (0x300000, 0x2F0000)
        assert rows["vfs"] == (0x5F0000, end - 0x5F0000)
    simulated = {one.label: one.size for one in layout.table("sim")}
    assert simulated["ota_0"] == 0x80000 and simulated["vfs"] == 0x20000


def test_a_table_is_rows_of_32_bytes_and_their_sum():
    data = layout.binary([Row("ota_0", 0, 0x10, 0x10000, 0x180000)])
    row = bytes.fromhex("aa50 0010 00000100 00001800") + b"ota_0".ljust(16, b"\0") + bytes(4)
    assert data[:32] == row
    assert data[32:64] == b"\xeb\xeb" + 14 * b"\xff" + hashlib.md5(row).digest()
    assert len(data) == 0xC00 and set(data[64:]) == {0xFF}


@pytest.mark.peer("mp_image_tool_esp32")
@pytest.mark.parametrize("name", layout.NAMES)
def test_another_program_makes_the_same_table(name):
    peer = importlib.import_module(peer_module("mp_image_tool_esp32") + ".partition_table")
    data = layout.binary(layout.table(name))
    read = peer.PartitionTable.from_bytes(data.ljust(0x1000, b"\xff"), layout.flash_size(name))
    read.check()
    assert [(one.name, one.type, one.subtype, one.offset, one.size) for one in read] == layout.table(name)
    assert read.to_bytes()[:0xC00] == data


def test_each_board_has_a_layout_of_its_own_flash():
    known = targets.every()
    assert len(known) >= 18
    for target in known.values():
        assert target.layout in layout.NAMES
    assert {known[f"generic_esp32{chip}"].layout for chip in ("", "s2", "s3", "c3")} == {"4MB"}
    assert known["openshock_core_v2"].layout == "8MB" and known["wemos_lolin_s3"].layout == "16MB"
    assert known["simulated"].layout == "sim" and layout.flash_size("sim") < 2048 * K, "it is copied often"
    assert targets.named("OpenShock-Core-V2") == known["openshock_core_v2"]


def test_a_chip_gets_the_layout_that_its_flash_has_room_for():
    sizes = [4, 8, 16, 32]
    for chip in ("esp32", "esp32s2", "esp32s3", "esp32c3"):
        assert [layout.of_chip(chip, size * K * K) for size in sizes] == ["4MB", "8MB", "16MB", "16MB"]
    assert layout.of_chip("", 0) == "sim"
    with pytest.raises(ValueError, match="2048 KB of flash are too few"):
        layout.of_chip("esp32", 2 * K * K)


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3"])
@pytest.mark.parametrize("flash_mb", [4, 8, 16])
def test_the_map_of_each_chip_and_size_is_one_that_the_boot_loader_takes(chip, flash_mb):
    """Told anew from Espressif's rules, without layout.check: nothing overlaps, all is aligned, the size is used up and no more."""
    rows = layout.table(layout.of_board(chip, flash_mb))
    loader = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0x0, "esp32c3": 0x0}[chip]
    used = [(loader, 0x8000), (0x8000, 0x9000), *[(row.offset, row.offset + row.size) for row in rows]]
    assert all(one[1] <= other[0] for one, other in zip(used, used[1:])), "in order, and nothing overlaps"
    assert used[-1][1] == flash_mb * K * K
    assert all(begin % 0x1000 == end % 0x1000 == 0 for begin, end in used[1:])
    assert all(row.offset % 0x10000 == 0 for row in rows if row.type == 0), "a runtime begins at a page of the MMU"
    sizes = {row.label: row.size for row in rows}
    assert sizes["otadata"] == 0x2000 and sizes["nvs"] >= 0x3000 and sizes["vfs"] >= 0x10000
    assert sizes["ota_0"] == sizes["ota_1"] >= 1_980_560 + 16 * K, (
        "MicroPython 1.28.0 with the firmware in it, and some more"
    )
    assert len({row.label for row in rows}) == len(rows) and all(len(row.label) < 16 for row in rows)


WRONG = [
    ("overlaps", lambda rows: [*rows, Row("more", 1, 0x83, 0x300000, 0x1000)]),
    ("overlaps", lambda rows: [Row("early", 1, 2, 0x8000, 0x1000), *rows]),
    ("two rows", lambda rows: [*rows[:-1], rows[-1]._replace(label="nvs")]),
    ("not aligned", lambda rows: [*rows[:-1], rows[-1]._replace(size=0x1800)]),
    ("not aligned", lambda rows: [*rows[:-1], rows[-1]._replace(size=0)]),
    ("not aligned", lambda rows: [*rows[:3], Row("ota_0", 0, 0x10, 0x18000, 0x10000)]),
    ("must have 0x2000", lambda rows: [rows[0], rows[1]._replace(size=0x1000)]),
    ("the rows end at", lambda rows: [*rows[:-1], rows[-1]._replace(size=rows[-1].size + 0x1000)]),
    ("1 to 15 bytes", lambda rows: [rows[0]._replace(label="a name of 16 byt")]),
    ("too many", lambda rows: [Row(f"row{n}", 1, 0x83, 0x9000 + n * 0x1000, 0x1000) for n in range(96)]),
]


@pytest.mark.parametrize(("words", "spoil"), WRONG)
def test_a_wrong_map_is_refused_in_words(words, spoil):
    with pytest.raises(ValueError, match=words):
        layout.check(spoil(layout.table("4MB")), layout.flash_size("4MB"))


def test_a_damaged_table_is_not_believed():
    data = bytearray(layout.binary(layout.table("8MB")))
    data[5] ^= 1
    with pytest.raises(ValueError, match="damaged"):
        layout.parsed(bytes(data))
    for nothing in (b"", b"\xff" * 0xC00, bytes(0xC00), layout.binary(layout.table("8MB"))[:70]):
        with pytest.raises(ValueError, match="no partition table"):
            layout.parsed(nothing)


def test_a_layout_that_nobody_knows_is_refused():
    for ask in (layout.table, layout.flash_size):
        with pytest.raises(ValueError, match="there is no layout '2MB', only 4MB, 8MB, 16MB, sim"):
            ask("2MB")
