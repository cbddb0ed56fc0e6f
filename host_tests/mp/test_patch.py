"""A new image out of an old one and what differs: in pieces of any size, over cuts, and from files that lie."""

from struct import pack

from lib.patch import Damaged, Patch

OLD = bytes([(at * 7 + at // 251) & 0xFF for at in range(9000)])
HEAD = b"PAT1\x28\x23\x00\x00"  # made for 9000 bytes


def step(count, place=0, data=b""):
    return pack("<HHB", count, place & 0xFFFF, place >> 16) + data


NEW = OLD[100:4000] + b"something new" + OLD[:183] + OLD[8000:9000] + b"!" * 3096 + b"end"
SIZE = len(NEW)
FILE = (
    HEAD
    + pack("<I", len(NEW))
    + step(3900, 100)
    + step(0x8000 | 13, data=b"something new")
    + step(183, 0)
    + step(1000, 8000)
    + step(0x8000 | 3096, data=b"!" * 3096)
    + step(0x8000 | 3, data=b"end")
)


class Made:
    """What a patch has written."""

    def __init__(self, size=SIZE, old=OLD):
        self.blocks = []
        self.old = old
        self.patch = Patch(self.read, len(old), self.write, size)

    def read(self, at, buffer):
        assert at + len(buffer) <= len(self.old)
        buffer[:] = self.old[at : at + len(buffer)]

    def write(self, block):
        self.blocks.append(bytes(block))

    def whole(self):
        return b"".join(self.blocks)


def test_pieces_of_any_size_make_the_new_image():
    for size in (1, 2, 3, 4, 5, 11, 12, 13, 1000, len(FILE)):
        made = Made()
        for at in range(0, len(FILE), size):
            made.patch.feed(FILE[at : at + size])
        assert made.whole() == NEW and made.patch.written == len(NEW)
        assert [len(block) for block in made.blocks] == [4096, 4096, 3]


def test_after_a_cut_anywhere_it_goes_on_from_the_last_block():
    for cut in range(0, len(FILE), 17):
        made = Made()
        made.patch.feed(FILE[:cut])
        made.patch.begin()
        assert made.patch.start <= cut
        made.patch.feed(FILE[made.patch.start :])
        assert made.whole() == NEW


def damaged(file, size=SIZE, old=OLD):
    made = Made(size, old)
    try:
        made.patch.feed(file)
    except Damaged as fault:
        assert len(made.whole()) <= size
        return str(fault)
    raise AssertionError("nobody noticed")


def test_patches_for_something_else():
    assert damaged(b"PAT2" + FILE[4:]) == "it is for other images"
    assert damaged(FILE, size=SIZE + 1) == "it is for other images"
    assert damaged(FILE, old=OLD[:8999]) == "it is for other images"


def test_steps_that_lead_astray():
    start = HEAD + pack("<I", len(NEW))
    assert "over the end" in damaged(start + step(0, 5))
    assert "over the end" in damaged(start + step(4097, 5))
    assert "over the end" in damaged(start + step(0xFFFF))
    assert "over the end" in damaged(start + step(4000, 5) + step(97, 5))
    assert "behind the end" in damaged(start + step(4000, 5001))
    assert "behind the end" in damaged(start + step(1, 0xFFFFFF))
    assert "over the end" in damaged(FILE + step(1, 0))
    assert "over the end" in damaged(FILE + bytes(5))


def test_any_damage_is_found_or_harmless():
    for at in range(len(FILE)):
        made = Made()
        try:
            made.patch.feed(FILE[:at] + bytes((FILE[at] ^ 0x41,)) + FILE[at + 1 :])
        except Damaged:
            pass
        assert len(made.whole()) <= len(NEW)
