"""Many files in one: what tools/images/archive.py packs is found and unpacked, and nothing else is. Both interpreters."""

import os
from binascii import crc32
from struct import pack

from lib.packed import Packed

# zlib's raw stream of b"spam " * 20, window of 1 KB: 100 bytes that were packed elsewhere
SPAM = b"\x2b\x2e\x48\xcc\x55\x28\xa6\x2d\x01\x00"


def archive(rows):
    """The bytes of an archive of (path, kind, data)."""
    head, data = b"ROOMS" + pack("<H", len(rows)), b""
    places = []
    for path, kind, body in rows:
        places.append((crc32(path.encode()), len(head) + 8 * len(rows) + len(data)))
        data += bytes((len(path), kind)) + path.encode() + body
    return head + b"".join([pack("<II", *row) for row in sorted(places)]) + data


def mounted(content):
    """A Packed of a file with that content."""
    with open("packed.tmp", "wb") as file:
        file.write(content)
    try:
        return Packed("packed.tmp")
    finally:
        os.remove("packed.tmp")


ROWS = (
    ("/lib", 0, b""),
    ("/lib/spam.mpy", 1, SPAM),
    ("/lib/deep", 0, b""),
    ("/lib/deep/egg.mpy", 1, SPAM),
    ("/a", 1, SPAM),
)


def refused(call, *arguments):
    """The number of the OSError that this raises."""
    try:
        call(*arguments)
    except OSError as fault:
        return fault.args[0]
    raise AssertionError("it was taken")


def test_files_and_folders_are_found_and_others_are_not():
    packed = mounted(archive(ROWS))
    assert packed.stat("/lib/spam.mpy")[0] == 0x8000 and packed.stat("/lib")[0] == packed.stat("/lib/deep")[0] == 0x4000
    for path in ("/lib/spam", "/lib/spam.py", "/", "", "/lib/", "/x", "/lib/spam.mpy/x"):
        assert refused(packed.stat, path) == 2


def test_a_folder_lists_what_lies_in_it_and_no_deeper():
    packed = mounted(archive(ROWS))
    assert sorted(packed.ilistdir("/lib")) == [("deep", 0x4000, 0), ("spam.mpy", 0x8000, 0)]
    assert sorted(packed.ilistdir("/")) == [("a", 0x8000, 0), ("lib", 0x4000, 0)]
    assert refused(lambda: list(packed.ilistdir("/nowhere"))) == 2


def test_nothing_can_be_written_and_no_folder_opened():
    packed = mounted(archive(ROWS))
    for path, mode in (("/a", "w"), ("/a", "r+"), ("/a", "ab"), ("/lib", "rb")):
        assert refused(packed.open, path, mode) == 30


def test_another_path_with_the_same_sum_is_not_found():
    content = archive((("/a", 1, SPAM),))
    packed = mounted(content.replace(b"\x01/a", b"\x01/b"))  # a path whose sum is another one's
    assert refused(packed.stat, "/a") == 2


def test_a_file_that_is_no_archive_is_refused():
    for content in (b"", b"ROOM", b"BOOKS\x01\x00" + bytes(20)):
        try:
            mounted(content)
        except ValueError:
            continue
        raise AssertionError(content)


def test_a_damaged_table_raises_what_an_import_can_survive():
    whole = archive(ROWS)
    for cut in range(7, len(whole)):
        try:
            packed = mounted(whole[:cut])
            packed.stat("/lib/spam.mpy")
        except (OSError, ValueError, IndexError):
            pass


def test_a_file_is_unpacked_while_it_is_read():
    path = "packed-open.tmp"
    with open(path, "wb") as file:
        file.write(archive(ROWS))
    try:
        packed = Packed(path)
        for name in ("/lib/spam.mpy", "/a", "/lib/deep/egg.mpy"):
            stream = packed.open(name, "rb")
            assert stream.read(7) + stream.read() == b"spam " * 20
            stream.close()
    finally:
        os.remove(path)
