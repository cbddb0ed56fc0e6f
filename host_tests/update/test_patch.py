"""Patches between images, made by tools/images/patch.py, applied by lib/binary_patch.py on both interpreters; damage does no harm.

The images of the properties are small and like linked ones: words that point into themselves, code, texts. Sizes of patches
between real linked images are in test_patch_sizes.py.
"""

import hashlib
import random
import struct

import pytest
from conftest import ROOT, micropython, run_micropython
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.binary_patch import BLOCK, HEAD, UNIT, Damaged, Patch
from tools.images import patch

PROGRAM = ROOT / "host_tests" / "programs" / "apply_patches.py"
BASE = 0x3F400000  # where pointers of an image point


def linked(seed, blocks=6, changed=()):
    """Return an image of functions and tables of pointers to them; the functions with the numbers `changed` are longer."""
    chance = random.Random(seed)
    functions = [bytes(chance.choices(range(64), k=chance.randrange(20, 300))) for _ in range(blocks * 12)]
    for number in changed:
        functions[number] += b"a little more code"
    out = bytearray(b"\xe9" + bytes(31))
    places = []
    for function in functions:
        places.append(BASE + len(out))
        out += function + bytes(-len(function) % 4)
        if chance.random() < 0.3:
            out += struct.pack(f"<{len(places)}I", *places)[-200:]
    return bytes(out + hashlib.sha256(out).digest())


class Applied:
    """A patch that was applied, in pieces of `size` bytes."""

    def __init__(self, old, new_size, file, size=1000):
        self.old = old
        self.blocks = []
        self.patch = Patch(self.read, len(old), self.write, new_size)
        for at in range(0, len(file), size):
            for _ in self.patch.feed(file[at : at + size]):
                pass

    def read(self, at, buffer):
        assert at >= 0 and at + len(buffer) <= len(self.old) and len(buffer) <= BLOCK
        buffer[:] = self.old[at : at + len(buffer)]

    def write(self, block):
        assert 0 < len(block) <= BLOCK
        self.blocks.append(bytes(block))

    @property
    def data(self):
        return b"".join(self.blocks)


def agrees(old, new):
    """Return the patch between the two, which makes the new one."""
    file = patch.made(old, new)
    applied = Applied(old, len(new), file)
    assert applied.data == new and applied.patch.done and applied.patch.point == (len(new), len(file))
    return file


images = st.one_of(
    st.binary(min_size=32, max_size=9000),
    st.builds(linked, st.integers(0, 5), st.integers(1, 4)),
    st.builds(lambda piece, many: (piece * many)[:20000], st.binary(min_size=1, max_size=70), st.integers(32, 600)),
)


@st.composite
def edits(draw):
    """Draw (old, new): the new one is the old one with some changes, or another one."""
    old = draw(images)
    new = bytearray(old)
    for _ in range(draw(st.integers(0, 8))):
        at = draw(st.integers(0, len(new)))
        many = draw(st.integers(0, 300))
        kind = draw(st.sampled_from(("insert", "delete", "replace", "move", "words", "ids")))
        if kind == "insert":
            new[at:at] = draw(st.binary(max_size=300))
        elif kind == "delete":
            del new[at : at + many]
        elif kind == "replace":
            new[at : at + many] = draw(st.binary(min_size=many, max_size=many))
        elif kind == "move":
            piece = bytes(new[at : at + many])
            del new[at : at + many]
            place = draw(st.integers(0, len(new)))
            new[place:place] = piece
        else:
            form, size = ("<I", 4) if kind == "words" else ("<H", 2)
            by = draw(st.integers(-70000, 70000))
            for word in range(at, min(len(new) - size, at + 10 * many), size * draw(st.integers(1, 4))):
                value = struct.unpack_from(form, new, word)[0] + by
                struct.pack_into(form, new, word, value % (1 << 8 * size))
    return old, bytes(new)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(edits())
def test_whatever_has_changed_the_patch_makes_it(pair):
    agrees(*pair)


@settings(max_examples=60, deadline=None)
@given(images, images)
def test_from_any_image_to_any_other(old, new):
    agrees(old, new)


def test_the_same_images_give_the_same_patch():
    old, new = linked(1), linked(1, changed=(20,))
    assert patch.made(old, new) == patch.made(bytes(old), bytes(new))


def test_a_change_in_the_middle_costs_little_though_every_pointer_behind_it_differs():
    old, new = linked(1, 40), linked(1, 40, changed=(200,))
    assert sum(one != other for one, other in zip(old, new)) > len(old) // 3
    assert len(agrees(old, new)) < len(new) // 30
    assert len(agrees(old, old)) < 150


def test_units_are_small_and_each_is_read_by_itself():
    old, new = linked(2, 40), linked(3, 40)
    file = agrees(old, new)
    at, points = HEAD, []
    while at < len(file):
        length = struct.unpack_from("<H", file, at)[0]
        assert 0 < length <= UNIT
        at += 2 + length
        points.append(at)
    for cut in points[::5]:
        first = Applied(old, len(new), file[:cut])
        written, start = first.patch.point
        second = Applied(old, len(new), b"")
        second.patch.resume(written, start)
        for _ in second.patch.feed(file[start:]):
            pass
        assert first.data[:written] + second.data == new


def test_long_unchanged_runs_are_cut_into_units_so_that_a_power_cut_costs_few_blocks():
    old = random.Random(1).randbytes(100 * BLOCK)
    file = patch.made(old, old)
    made = Applied(old, len(old), b"")
    points = set()
    for at in range(len(file)):
        for _ in made.patch.feed(file[at : at + 1]):
            pass
        points.add(made.patch.point[0])
    assert made.data == old and len(file) < 200
    assert max(after - before for before, after in zip(sorted(points), sorted(points)[1:])) <= 32 * BLOCK


def test_what_no_patch_can_be_made_for():
    with pytest.raises(ValueError, match="32 bytes"):
        patch.made(bytes(31), bytes(100))
    with pytest.raises(ValueError, match="16 MiB"):
        patch.made(bytes(100), bytes((1 << 24) + 1))


def spoilt(file, chance):
    """Return a patch with some damage."""
    file = bytearray(file)
    kind = chance.randrange(5)
    at = chance.randrange(len(file))
    if kind == 0:
        file[at] ^= 1 << chance.randrange(8)
    elif kind == 1:
        file[at] = chance.randrange(256)
    elif kind == 2:
        del file[at:]
    elif kind == 3:
        del file[at : at + chance.randrange(1, 40)]
    else:
        file[at:at] = chance.randbytes(chance.randrange(1, 40))
    return bytes(file)


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 1 << 30))
def test_a_damaged_patch_is_refused_or_makes_an_image_of_the_right_size_that_its_hash_tells(seed):
    chance = random.Random(seed)
    old = linked(seed % 3, 3)
    new = linked(seed % 3, 3, changed=(seed % 36,))
    file = spoilt(patch.made(old, new), chance)
    try:
        applied = Applied(old, len(new), file, chance.choice((1, 7, 1000)))
    except Damaged:
        return
    assert applied.patch.written == len(applied.data) <= len(new)
    assert applied.patch.done == (len(applied.data) == len(new))


def test_on_micropython_the_same_patches_make_the_same_images_and_damage_harms_nobody(tmp_path):
    micropython()
    chance = random.Random(5)
    pairs = [(linked(seed, 4), linked(seed, 4, changed=(seed, 9))) for seed in range(4)]
    pairs += [(linked(1, 3), linked(2, 3)), (bytes(5000), bytes(9000)), (linked(1, 3), chance.randbytes(9000))]
    cases = []
    for old, new in pairs:
        file = patch.made(old, new)
        cases.append((old, new, file, True))
        cases += [(old, new, spoilt(file, chance), False) for _ in range(150)]
    for number, (old, new, file, _) in enumerate(cases):
        for name, data in (("old", old), ("new", new), ("patch", file)):
            (tmp_path / f"{number}.{name}").write_bytes(data)
    done = run_micropython(PROGRAM, tmp_path, len(cases), heap="256wK", timeout_s=110)
    assert done.returncode == 0, done.stdout + done.stderr
    verdicts = done.stdout.split()
    assert len(verdicts) == len(cases)
    for verdict, (_, _, _, good) in zip(verdicts, cases):
        assert verdict in (("same",) if good else ("same", "other", "short", "damaged"))
    assert verdicts.count("damaged") > 100 and verdicts.count("other") > 10
