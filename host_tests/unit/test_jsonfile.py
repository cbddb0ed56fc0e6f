"""A dict in a file: what is read, what is damaged, and what is left when power fails at any step of writing."""

import binascii

from host_tests.unit.rooms import INFINITY, NAN, Disk, PowerCut, raised
from lib import json_file
from lib.strict_json import NoMemory

OLD = {"a": 1}
NEW = {"a": 2, "b": ["x", None, True, {"c": "é"}]}


def test_what_was_saved_is_loaded():
    with Disk() as disk:
        assert json_file.load("s.json") == {}
        json_file.save("s.json", NEW)
        assert json_file.load("s.json") == NEW
        json_file.save("s.json", {})
        assert json_file.load("s.json") == {}
        assert sorted(disk.files) == ["s.json"]


def test_a_lack_of_memory_is_no_damage():
    """Whoever took it for one would save the defaults over everything."""

    def loads(text):
        raise NoMemory("JSON of 20 bytes needs more memory than there is")

    with Disk() as disk:
        json_file.save("s.json", NEW)
        real, json_file.loads = json_file.loads, loads
        try:
            raised(MemoryError, json_file.load, "s.json")
        finally:
            json_file.loads = real
        assert json_file.load("s.json") == NEW and sorted(disk.files) == ["s.json"]


def test_what_is_no_table_is_damaged():
    damaged = (
        b"",
        b" ",
        b"{",
        b'{"a":1',
        b'{"a":1}}',
        b'{"a":1} x',
        b"[]",
        b"[1,2]",
        b"null",
        b"true",
        b"7",
        b'"text"',
        b'{"cap.shock":0 "cap.vibrate":100}',  # MicroPython's json reads these as tables
        b'{"cap.shock" 0}',
        b'{"cap.shock":}',
        b"{,}",
        b"{1:2}",
        b'{"a":01}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":"\xff"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":"\x01"}',
        b'\xef\xbb\xbf\xef\xbb\xbf{"a":1}',  # one mark is an editor's, two are damage
        b'\xef\xbb{"a":1}',
        b"\xef\xbb\xbf",
        b'\xff\xfe{\x00"\x00a\x00"\x00:\x001\x00}\x00',  # UTF-16
        b"\x00" * 100,
        b"\xff" * 4096,
        b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b"[" * 8192,
        b'{"a":1e' + b"9" * 1000 + b"}",
    )
    for content in damaged:
        with Disk() as disk:
            disk.files["s.json"] = content
            raised(json_file.Damaged, json_file.load, "s.json")


def test_a_byte_order_mark_is_an_editors_and_says_nothing():
    with Disk() as disk:
        json_file.save("s.json", NEW)
        sealed = disk.files["s.json"]
        for content, there in ((b'{"a":1}\r\n', OLD), (b"{}", {}), (sealed, NEW)):
            disk.files["s.json"] = b"\xef\xbb\xbf" + content
            assert json_file.load("s.json") == there
        disk.files["s.json"] = b"\xef\xbb\xbf" + sealed.replace(b'"b"', b'"B"')
        raised(json_file.Damaged, json_file.load, "s.json")


def test_what_is_larger_than_8_kib_is_damaged_unread():
    text = b'{"a":"%s"}'
    with Disk() as disk:
        disk.files["s.json"] = text % (b"x" * (8192 - len(text) + 2))
        assert len(disk.files["s.json"]) == 8192 and len(json_file.load("s.json")["a"]) == 8184
        disk.files["s.json"] = text % (b"x" * (8193 - len(text) + 2))
        assert str(raised(json_file.Damaged, json_file.load, "s.json")) == "larger than 8 KiB"


def test_a_file_that_cannot_be_read_is_damaged():
    with Disk() as disk:
        disk.files["s.json"] = b"{}"
        disk.open = None

        def refuses(path, mode="r"):
            raise OSError(5)

        json_file.open = refuses
        raised(json_file.Damaged, json_file.load, "s.json")


def test_more_than_8_kib_is_refused_before_anything_is_touched():
    with Disk() as disk:
        json_file.save("s.json", OLD)
        steps = disk.steps
        raised(ValueError, json_file.save, "s.json", {"a": "x" * 8192})
        raised(ValueError, json_file.save, "s.json", {"a": "é" * 4096})
        assert disk.steps == steps and json_file.load("s.json") == OLD


STEPS = 5  # open, write the table, write the seal, close, rename


def test_saving_has_five_steps():
    with Disk() as disk:
        json_file.save("s.json", NEW)
        assert disk.steps == STEPS


def test_power_may_fail_at_any_step():
    for old in ({}, OLD):
        for late in (False, True):
            for at in range(STEPS):
                disk = Disk(fails_at=at + (STEPS if old else 0), late=late)
                with disk:
                    if old:
                        json_file.save("s.json", old)
                    raised(PowerCut, json_file.save, "s.json", NEW)
                    last = late and at == STEPS - 1
                    assert json_file.load("s.json") == (NEW if last else old), (at, late)
                    json_file.save("s.json", NEW)  # what was left behind does not hinder the next time
                    assert json_file.load("s.json") == NEW and sorted(disk.files) == ["s.json"]


def test_a_file_system_that_refuses_is_told():
    for at in range(STEPS):
        with Disk(fails_at=STEPS + at, fault=OSError) as disk:
            json_file.save("s.json", OLD)
            raised(OSError, json_file.save, "s.json", NEW)
            assert json_file.load("s.json") == OLD
            assert disk.files["s.json"]


def test_the_file_is_json_with_its_schema_and_its_checksum_at_the_end():
    with Disk() as disk:
        json_file.save("s.json", OLD)
        assert disk.files["s.json"] == b'{"a":1,"schema":1,"crc32":"%08x"}' % binascii.crc32(b'{"a":1,"schema":1')
        json_file.save("s.json", {})
        assert disk.files["s.json"] == b'{"schema":1,"crc32":"27801cc2"}'  # as Python's zlib counts it


def test_what_was_not_written_so_is_damaged():
    good = b'{"schema":1,"crc32":"27801cc2"}'
    for content in (
        b'{"schema":1}',
        b'{"crc32":"27801cc2"}',
        b'{"schema":1,"crc32":"27801cc3"}',
        b'{"schema":1,"crc32":"27801CC2"}',
        b'{"schema":2,"crc32":"27801cc2"}',
        b'{"schema":1, "crc32":"27801cc2"}',
        b'{"schema":1,"crc32":"27801cc2","a":1}',
        b'{"a":1,"schema":1,"crc32":"27801cc2"}',
        b'{"crc32":"27801cc2","schema":1}',
        b'{"schema":1,"crc32":662707394}',
        b'{"schema":1,"crc32":null}',
        good + b"\n",
        b" " + good,
    ):
        with Disk() as disk:
            disk.files["s.json"] = content
            assert str(raised(json_file.Damaged, json_file.load, "s.json")) == "not as it was written", content
    with Disk() as disk:
        disk.files["s.json"] = good
        assert json_file.load("s.json") == {}


def test_what_json_cannot_say_is_refused_before_anything_is_touched():
    with Disk() as disk:
        for value in (NAN, INFINITY, object()):
            raised(ValueError, json_file.save, "s.json", {"a": value})
        assert disk.steps == 0 and disk.files == {}


def test_the_largest_file_that_is_written_can_be_read():
    for size in range(8130, 8180):
        with Disk() as disk:
            try:
                json_file.save("s.json", {"a": "x" * size})
            except ValueError:
                assert disk.files == {} and size > 8140
                continue
            assert len(disk.files["s.json"]) <= 8192
            assert json_file.load("s.json") == {"a": "x" * size}


def test_a_copy_for_a_look_has_an_end():
    with Disk() as disk:
        disk.files["s.json"] = b"\x00x" * 5000
        json_file.set_aside("s.json")
        assert disk.files["s.damaged.json"] == b"\x00x" * 4096
        json_file.forget_aside("s.json")
        json_file.forget_aside("s.json")
        assert sorted(disk.files) == ["s.json"]
        json_file.set_aside("gone.json")
        assert sorted(disk.files) == ["s.json"]
