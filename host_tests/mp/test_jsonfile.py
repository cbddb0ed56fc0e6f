"""A dict in a file: what is read, what is damaged, and what is left when power fails at any step of writing."""

from host_tests.mp.rooms import Disk, PowerCut, raised
from lib import jsonfile

OLD = {"a": 1}
NEW = {"a": 2, "b": ["x", None, True, {"c": "é"}]}


def test_what_was_saved_is_loaded():
    with Disk() as disk:
        assert jsonfile.load("s.json") == {}
        jsonfile.save("s.json", NEW)
        assert jsonfile.load("s.json") == NEW
        jsonfile.save("s.json", {})
        assert jsonfile.load("s.json") == {}
        assert sorted(disk.files) == ["s.json"]


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
        b'\xef\xbb\xbf{"a":1}',
        b"\x00" * 100,
        b"\xff" * 4096,
        b'{"a":' + b"[" * 1000 + b"]" * 1000 + b"}",
        b"[" * 8192,
        b'{"a":1e' + b"9" * 1000 + b"}",
    )
    for content in damaged:
        with Disk() as disk:
            disk.files["s.json"] = content
            raised(jsonfile.Damaged, jsonfile.load, "s.json")


def test_what_is_larger_than_8_kib_is_damaged_unread():
    text = b'{"a":"%s"}'
    with Disk() as disk:
        disk.files["s.json"] = text % (b"x" * (8192 - len(text) + 2))
        assert len(disk.files["s.json"]) == 8192 and len(jsonfile.load("s.json")["a"]) == 8184
        disk.files["s.json"] = text % (b"x" * (8193 - len(text) + 2))
        assert str(raised(jsonfile.Damaged, jsonfile.load, "s.json")) == "larger than 8 KiB"


def test_a_file_that_cannot_be_read_is_damaged():
    with Disk() as disk:
        disk.files["s.json"] = b"{}"
        disk.open = None

        def refuses(path, mode="r"):
            raise OSError(5)

        jsonfile.open = refuses
        raised(jsonfile.Damaged, jsonfile.load, "s.json")


def test_more_than_8_kib_is_refused_before_anything_is_touched():
    with Disk() as disk:
        jsonfile.save("s.json", OLD)
        steps = disk.steps
        raised(ValueError, jsonfile.save, "s.json", {"a": "x" * 8192})
        raised(ValueError, jsonfile.save, "s.json", {"a": "é" * 4096})
        assert disk.steps == steps and jsonfile.load("s.json") == OLD


STEPS = 4  # open, write, close, rename


def test_saving_has_four_steps():
    with Disk() as disk:
        jsonfile.save("s.json", NEW)
        assert disk.steps == STEPS


def test_power_may_fail_at_any_step():
    for old in ({}, OLD):
        for late in (False, True):
            for at in range(STEPS):
                disk = Disk(fails_at=at + (STEPS if old else 0), late=late)
                with disk:
                    if old:
                        jsonfile.save("s.json", old)
                    raised(PowerCut, jsonfile.save, "s.json", NEW)
                    last = late and at == STEPS - 1
                    assert jsonfile.load("s.json") == (NEW if last else old), (at, late)
                    jsonfile.save("s.json", NEW)  # what was left behind does not hinder the next time
                    assert jsonfile.load("s.json") == NEW and sorted(disk.files) == ["s.json"]


def test_a_file_system_that_refuses_is_told():
    for at in range(STEPS):
        with Disk(fails_at=STEPS + at, fault=OSError) as disk:
            jsonfile.save("s.json", OLD)
            raised(OSError, jsonfile.save, "s.json", NEW)
            assert jsonfile.load("s.json") == OLD
            assert disk.files["s.json"]
