"""FlatBuffers as a gateway writes them, as flatc writes them, and as nobody should."""

import struct

from host_tests.unit import flatsharp
from host_tests.unit.rooms import raised
from lib.flatbuffers import Bad, message, root

# Ping{unix_utc_time 0x0000018f_12345678}, laid out by hand. First as flatc does it: every vtable before its table
BEFORE = bytes.fromhex(
    "10000000"  # the root table is at 16
    "00000000"  # padding
    "0800 0c00 0700 0800"  # vtable at 8: 8 bytes, of a table of 12; slot 0 at 7, slot 1 at 8
    "08000000 000000 01 0c000000"  # table at 16: vtable 8 before; type 1 at 23; payload at 24 + 12
    "0600 0c00 0400 0000"  # vtable at 28
    "08000000 78563412 8f010000"  # table at 36: vtable 8 before, the time at 40
)
# and as FlatSharp does it: every vtable behind its table, dirt between
BEHIND = bytes.fromhex(
    "08000000"  # the root table is at 8
    "a5a5a5a5"
    "f4ffffff 01 a5a5a5 0c000000"  # table at 8: vtable 12 behind; type at 12, payload at 16 + 12
    "0800 0c00 0400 0800"  # vtable at 20
    "f4ffffff 78563412 8f010000"  # table at 28: vtable 12 behind
    "0600 0c00 0400"  # vtable at 40; no multiple of 4 at the end
)
TIME = 0x18F12345678


def test_a_vtable_may_lie_before_its_table_or_behind_it():
    for data in (BEFORE, BEHIND):
        table = root(data)
        assert table.number(0, "B") == 1
        assert table.table(1).number(0, "Q") == TIME


def test_what_is_absent_reads_as_its_default():
    table = root(flatsharp.commands([(0, 0, 0, 0, 0)])).table(1).tables(0, 1)[0]
    assert [table.number(slot, "H") for slot in range(7)] == [0] * 7
    assert table.table(3) is None and table.text(3) is None and table.tables(3, 9) == []
    assert table.table(30000) is None


def test_equal_tables_share_a_vtable_wherever_it_lies():
    entries = [(1, 1000 + number, 2, 10 + number, 500) for number in range(11)]
    shared = flatsharp.commands(entries)
    apart = flatsharp.commands(entries, flatsharp.Writer(share=False))
    assert len(apart) - len(shared) >= 10 * 14
    for data in (shared, apart):
        tables = root(data).table(1).tables(0, 64)
        assert [tuple([table.number(slot, kind) for slot, kind in enumerate("BHBBH")]) for table in tables] == entries


def test_a_buffer_may_end_anywhere_and_may_be_any_kind_of_bytes():
    data = flatsharp.update_request(1, 5, 0, "rc.1", "abcd")
    assert len(data) % 2 == 1
    for kind in (bytes, bytearray, memoryview):
        version = root(kind(data)).table(1).table(0)
        assert [version.number(slot, "H") for slot in range(3)] == [1, 5, 0]
        assert (version.text(3), version.text(4)) == ("rc.1", "abcd")


def test_texts_are_utf_8():
    for text in ("", "x", "grün", "日本", "😀"):
        assert root(message((("s", text),))).text(0) == text
        assert root(flatsharp.Writer().message((("s", text),))).text(0) == text
    for wrong in (b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xc3"):
        data = message((("s", "?" * len(wrong)),)).replace(b"?" * len(wrong), wrong)
        raised(Bad, root(data).text, 0)


def test_every_piece_of_a_buffer_is_bad_or_says_the_same():
    for data in (BEFORE, BEHIND, flatsharp.commands([(1, 2, 3, 4, 5)] * 3)):
        for size in range(len(data)):
            try:
                table = root(data[:size])
                payload = table.table(1)
                if table.number(0, "B") == 3:
                    for entry in payload.tables(0, 3):
                        entry.number(4, "H")
                else:
                    assert payload.number(0, "Q") in (TIME, 0)
            except Bad:
                pass


def poked(data, *changes):
    """`data` with (kind, offset, value) written over it."""
    data = bytearray(data)
    for kind, at, value in changes:
        struct.pack_into("<" + kind, data, at, value)
    return bytes(data)


def walked(data):
    """The time that a Ping says. Bad."""
    return root(data).table(1).number(0, "Q")


def test_an_offset_that_leads_astray_is_bad():
    end = len(BEHIND)
    for target in (0, end, end - 1, end - 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        raised(Bad, walked, poked(BEHIND, ("I", 0, target)))  # the root
        raised(Bad, walked, poked(BEHIND, ("I", 16, target)))  # the payload
    for step in (-0x80000000, -1000, -end, 9, 100, 0x7FFFFFFF):
        raised(Bad, walked, poked(BEHIND, ("i", 28, step)))  # the vtable of the payload
    for field in (1, 2, 3, 5, 9, 12, 0xFFFF):
        raised(Bad, walked, poked(BEHIND, ("H", 44, field)))  # the time, outside of its table
    assert walked(poked(BEHIND, ("H", 44, 0))) == 0


def test_a_table_or_a_vtable_of_a_wrong_size_is_bad():
    for size in (0, 1, 2, 3, 5, 7, 8, 0xFFFF):
        raised(Bad, walked, poked(BEHIND, ("H", 40, size)))
    for size in (0, 1, 2, 3, 19, 0xFFFF):
        raised(Bad, walked, poked(BEHIND, ("H", 42, size)))
    for size in (0, 3, 5):  # of a table without any field
        raised(Bad, root, poked(message(()), ("H", 6, size)))


def test_a_list_is_as_long_as_it_may_be():
    data = flatsharp.commands([(1, 2, 3, 4, 5)] * 64)
    payload = root(data).table(1)
    assert len(payload.tables(0, 64)) == 64
    assert "more than 63" in str(raised(Bad, payload.tables, 0, 63))
    count = data.index(struct.pack("<I", 64))
    for wrong in (0x7FFFFFFF, 0x80000000, 0xFFFFFFFF):
        raised(Bad, root(poked(data, ("I", count, wrong))).table(1).tables, 0, 64)
    raised(Bad, root(data[: count + 4 + 4 * 63]).table(1).tables, 0, 64)


def test_a_text_ends_within_the_buffer():
    data = message((("s", "abcd"),))
    at = data.index(b"\x04\x00\x00\x00abcd")
    for size in (6, 1000, 0x7FFFFFFF, 0xFFFFFFFF):
        raised(Bad, root(poked(data, ("I", at, size))).text, 0)


def test_an_offset_never_leads_to_itself():
    data = message((("s", ""), ("t", ())))
    for slot, read in ((0, root(data).text), (1, root(data).table)):
        read(slot)
        at = root(data)._field(slot, 4)
        wrong = root(poked(data, ("I", at, 0)))
        raised(Bad, wrong.text if slot == 0 else wrong.table, slot)


def test_what_is_above_4_kb_is_refused_before_it_is_read():
    assert root(BEHIND + bytes(4096 - len(BEHIND))).number(0, "B") == 1
    assert "4 KB" in str(raised(Bad, root, BEHIND + bytes(4097 - len(BEHIND))))


def test_rubbish_is_bad():
    for data in (b"", b"\0", b"\0" * 3, b"\0" * 100, b"\xff" * 100, b"\x01" * 64, bytes(range(256)), b"hello gateway"):
        raised(Bad, lambda data: root(data).table(1).number(0, "Q"), data)


# what we write


def test_a_message_has_the_bytes_that_the_format_wants():
    assert message((("B", 1), ("t", (("Q", 0x18F12345678), ("i", -67))))) == bytes.fromhex(
        "0c000000"  # the root table is at 12
        "0800 0900 0800 0400"  # vtable at 4: slot 0 at 8, slot 1 at 4
        "08000000 14000000 01"  # table at 12: vtable 8 before, payload at 16 + 20
        "00"
        "0800 1000 0400 0c00"  # vtable at 22
        "000000000000"
        "0e000000 78563412 8f010000 bdffffff"  # table at 36: vtable 14 before; the time at 40, a multiple of 8
    )


def test_defaults_and_nothing_are_left_out():
    assert message(()) == message((("B", 0), None, ("s", None), ("i", 0), ("f", 0.0)))
    assert message(()) == bytes.fromhex("08000000 0400 0400 04000000")


def test_everything_lies_where_its_width_wants_it():
    kinds = "BbHhIiQqfd"
    for first in range(len(kinds)):
        for second in range(len(kinds)):
            fields = tuple([(kind, 1) for kind in kinds[first:] + kinds[: second + 1]]) + (("s", "x"), ("t", ()))
            data = message((("B", 1), ("t", fields), ("s", "abc")))
            table = root(data).table(1)
            for slot, (kind, _) in enumerate(fields[:-2]):
                assert table.number(slot, kind) == 1
                at = table._field(slot, struct.calcsize("<" + kind))
                assert at % struct.calcsize("<" + kind) == 0
            assert table.text(len(fields) - 2) == "x" and table.table(len(fields) - 1) is not None


def test_what_was_written_is_read():
    version = ("H", 65535), ("H", 0), ("H", 7), ("s", "rc.1"), None
    data = message((("B", 2), ("t", (("B", 2), ("t", version), ("i", -2147483648)))))
    status = root(data).table(1)
    assert (status.number(0, "B"), status.number(2, "i")) == (2, -2147483648)
    read = status.table(1)
    assert [read.number(slot, "H") for slot in range(3)] == [65535, 0, 7]
    assert (read.text(3), read.text(4)) == ("rc.1", None)
