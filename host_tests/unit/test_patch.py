"""A new image out of an old one and what differs: in pieces of any size, over cuts, and from files that lie."""

from struct import pack

from host_tests.unit import patches
from host_tests.unit.patches import add, copy, move, step, unit
from lib.binary_patch import UNIT, Damaged, Patch

OLD = bytes([(at * 7 + at // 251) & 0xFF for at in range(9000)])
NEW = OLD[100:4000] + b"something new" + OLD[:183] + OLD[8000:9000] + b"!" * 3096 + b"end"
SIZE = len(NEW)
FILE = (
    patches.head(OLD, NEW)
    + unit(move(100, 3900, b"something new"), move(-4013, 183))
    + unit(move(3904, 1000, b"!" * 996))
    + unit(copy(0, b"!" * 1000))
    + unit(copy(0, b"!" * 1000))
    + unit(copy(0, b"!" * 100), copy(0, b"end"))
)


class Made:
    """What a patch has written."""

    def __init__(self, size=SIZE, old=OLD):
        self.blocks = []
        self.old = old
        self.patch = Patch(self.read, len(old), self.write, size)

    def read(self, at, buffer):
        assert at >= 0 and at + len(buffer) <= len(self.old)
        buffer[:] = self.old[at : at + len(buffer)]

    def write(self, block):
        self.blocks.append(bytes(block))

    def feed(self, data):
        """Return how many blocks were written."""
        many = 0
        for _ in self.patch.feed(data):
            many += 1
        return many

    def whole(self):
        return b"".join(self.blocks)


def test_pieces_of_any_size_make_the_new_image():
    for size in (1, 2, 3, 43, 44, 45, 46, 1000, len(FILE)):
        made = Made()
        blocks = 0
        for at in range(0, len(FILE), size):
            blocks += made.feed(FILE[at : at + size])
        assert made.whole() == NEW and made.patch.done and made.patch.start == len(FILE)
        assert [len(block) for block in made.blocks] == [4096, 4096, 3] and blocks == 3
        assert made.patch.point == (len(NEW), len(FILE))


def test_after_a_cut_anywhere_it_goes_on_with_the_unit_that_was_cut():
    for cut in range(0, len(FILE), 17):
        made = Made()
        made.feed(FILE[:cut])
        made.patch.begin()
        assert made.patch.start <= cut
        made.feed(FILE[made.patch.start :])
        assert made.whole() == NEW


def test_after_the_power_was_away_another_one_goes_on_from_the_point():
    seen = []
    for cut in list(range(0, len(FILE), 7)) + [len(FILE)]:
        first = Made()
        first.feed(FILE[:cut])
        written, start = first.patch.point
        assert written % 4096 == 0 or written == len(NEW)
        seen.append((written, start))
        second = Made()
        second.patch.resume(written, start)
        second.feed(FILE[start:])
        assert first.whole()[:written] + second.whole() == NEW and second.patch.done
    assert len(set(seen)) == 4  # at the beginning, behind the head, behind the first block, at the end


def applied(*units, new=None, old=OLD, size=None):
    """Return the image that these units make."""
    made = Made(size or len(new), old)
    made.feed(patches.head(old, new or bytes(size)) + b"".join(units))
    return made.whole()


def test_a_copy_goes_over_many_blocks():
    old = bytes([at >> 4 & 0xFF for at in range(50000)])
    assert applied(unit(copy(50000)), new=old, old=old) == old
    made = Made(50000, old)
    assert made.feed(patches.head(old, old) + unit(copy(50000))) == 13
    assert applied(unit(move(3, 49997), copy(0, b"abc")), new=old, old=old) == old[3:] + b"abc"


def test_differences_are_added_to_pairs_of_bytes_and_wrap():
    old = pack("<5H", 0, 1, 0x00FF, 0xFFFF, 0x1234) + bytes(40)
    new = applied(unit(step(0, 1), add(0), add(0), add(0), step(0, -0x1235), copy(40)), new=old, old=old)
    assert new == pack("<5H", 1, 2, 0x0100, 0, 0xFFFF) + bytes(40)
    new = applied(unit(step(3, 0x0102), copy(45)), new=old, old=old)
    assert new[3:5] == b"\x02\x00" and new[:3] == old[:3] and new[5:] == old[5:]
    new = applied(unit(step(0, 0x7FFFFFF), copy(48)), new=old, old=old)
    assert new[:2] == b"\xff\xff"


def test_each_unit_begins_at_equal_places_with_no_difference():
    old = bytes(range(64))
    new = applied(unit(move(8, 8), step(0, 5)), unit(add(0), copy(44)), size=56, old=old)
    assert new == old[8:16] + bytes((16 + 5, 17)) + old[10:12] + old[12:56]


def test_an_old_image_that_is_shorter_or_longer_than_the_new_one():
    old = bytes([at * 3 & 0xFF for at in range(5000)])
    assert applied(unit(copy(5000)), unit(copy(0, b"z" * 500)), size=5500, old=old) == old + b"z" * 500
    assert applied(unit(copy(40)), size=40, old=old) == old[:40]


def damaged(file, size=SIZE, old=OLD):
    made = Made(size, old)
    try:
        made.feed(file)
    except Damaged as fault:
        assert len(made.whole()) <= size
        return str(fault)
    raise AssertionError("nobody noticed")


START = patches.head(OLD, NEW)


def test_patches_for_something_else():
    assert damaged(b"PAT1" + FILE[4:]) == "it is for other images"
    assert damaged(FILE, size=len(NEW) + 1) == "it is for other images"
    assert damaged(FILE, old=OLD[:8999]) == "it is for other images"
    assert damaged(b"PAT2" + pack("<II", 31, len(NEW)) + FILE[12:]) == "it is for other images"
    assert damaged(FILE, old=OLD[:-1] + b"!") == "it is for another image than the one that is here"


def test_units_that_are_none():
    for length in (0, UNIT + 1, 0xFFFF):
        assert damaged(START + pack("<H", length) + bytes(3000)) == "a unit of %d bytes" % length
    for garbage in (b"\x07", b"\xff" * 60, b"\x05\xe0\x81\x08\x00", b"\x01\x05\x00\xfb\xff12345"):
        assert damaged(START + pack("<H", len(garbage)) + garbage)
    assert damaged(START + pack("<H", 4) + b"\x01\x05\x00\xfa") != ""


def test_steps_that_lead_astray():
    assert "does nothing" in damaged(START + unit(copy(0)))
    assert "does nothing" in damaged(START + unit(move(5, 0)))
    assert "outside" in damaged(START + unit(move(-1, 5)))
    assert "outside" in damaged(START + unit(move(4905, 4096)))
    assert "outside" in damaged(patches.head(OLD, bytes(9001)) + unit(copy(9001)), size=9001)
    assert "outside" in damaged(START + unit(move(1 << 24, 1)))
    assert "over the end" in damaged(START + unit(step(4095, 1)))
    assert "within a step" in damaged(START + unit(patches.number(0) + patches.number(9) + b"short"))
    assert "number that does not end" in damaged(START + unit(b"\xff" * 9))
    assert "number that does not end" in damaged(START + unit(b"\x80"))
    assert "number that does not end" in damaged(START + unit(patches.number(5 << 2)))
    assert "more than" in damaged(FILE + unit(copy(1)))
    assert "more than" in damaged(FILE + unit(add(0)))
    assert "more than" in damaged(FILE + unit(copy(0, b"x")))


def test_any_damage_is_found_or_harmless():
    for at in range(len(FILE)):
        made = Made()
        try:
            made.feed(FILE[:at] + bytes((FILE[at] ^ 0x41,)) + FILE[at + 1 :])
        except Damaged:
            pass
        assert len(made.whole()) <= len(NEW)


def test_a_patch_made_by_hand_makes_what_it_is_made_for():
    old = bytes([(at * 7 + at // 251) & 0xFF for at in range(20000)])
    new = bytearray(old + b"more" * 40)
    for at in (0, 4095, 4096, 9000, 19999):
        new[at] ^= 1
    made = Made(len(new), old)
    made.feed(patches.made(old, new))
    assert made.whole() == new and made.patch.done
