"""An official image in which something is not as the verifier knows it is refused: nothing is guessed."""

import re
import struct

import pytest

from host_tests.support import linked_images
from host_tests.support.linked_edit import Edit, Linked, app
from tools import Failure
from tools.freeze import verify as verifier

each_image = pytest.mark.parametrize("image", (linked_images.XTENSA, linked_images.RISCV), ids=("xtensa", "riscv"))


class Official(Edit):
    """An official image to change, and where in it things lie."""

    def __init__(self, name):
        super().__init__(app(name))
        self.linked = Linked(name)
        self.pool, self.contents, self.names = (self._old(what) for what in ("qstr pool", "table of", "names of"))
        self.ram = next(
            start + 16 for start, _, _ in self.segments if start + 0x100000 >= 0x3FB00000 and start >= 0x3FC90000
        )
        self.drom, self.size, self._at = self.segments[0]

    def _old(self, what):
        return next(patch.old for patch in self.linked.patched if patch.what.startswith(what))

    def find(self, data):
        """Return the address of these bytes in DROM, which are there once."""
        rom = bytes(self.data[self._at : self._at + self.size])
        assert rom.count(data) == 1
        return self.drom + rom.index(data)

    def float_of_pi(self):
        """Return the address of math.pi's bits: a number of 32 bits that more than one table may refer to."""
        rom, at = bytes(self.data[self._at : self._at + self.size]), -1
        bits = struct.pack("<f", 3.141592653589793)
        found = []
        while (at := rom.find(bits, at + 1)) >= 0:
            found.append(self.drom + at)
        return found


def _pi(edit):
    for address in edit.float_of_pi():
        edit.flip(address)


def _table_of(edit, module):
    """Return the address of a built-in module's table: its first row is (__name__, the module's name)."""
    ids = {text: number for number, text in enumerate(_texts(edit))}
    return edit.find(struct.pack("<II", ids[b"__name__"] << 3 | 2, ids[module] << 3 | 2))


def _texts(edit):
    """Return all qstrs of the image, by number."""
    pools, at = [], edit.pool
    while at:
        pools.insert(0, at)
        at = edit.word(at)
    texts = []
    for pool in pools:
        count, lengths = edit.word(pool + 12), edit.word(pool + 20)
        texts += [edit.bytes(edit.word(pool + 24 + 4 * i), edit.bytes(lengths + i, 1)[0]) for i in range(count)]
    return texts


def _member(edit, module, name):
    """Return the address of the word that is a built-in module's member."""
    at, key = _table_of(edit, module), _texts(edit).index(name) << 3 | 2
    while edit.word(at) != key:
        at += 8
    return at + 4


def _object(edit, module, name):
    return edit.word(_member(edit, module, name))


USES = (
    (
        "data that knows the pool",
        lambda e: e.put_word(e.ram, e.pool),
        "is the address of its qstr pool, but no code loads it",
    ),
    (
        "data that knows the names",
        lambda e: e.put_word(e.ram, e.names),
        "names of frozen modules, but no code loads it",
    ),
    (
        "data that knows the contents",
        lambda e: e.put_word(e.drom + 0x200, e.contents),
        "table of frozen modules, but no code",
    ),
    ("no use of the pool", lambda e: _nowhere(e, "qstr pool"), "the last qstr pool: 0 candidates"),
    ("no use of the contents", lambda e: _nowhere(e, "table of"), "the tables of frozen modules: 0 candidates"),
    ("no use of the names", lambda e: _nowhere(e, "names of"), "the tables of frozen modules: 0 candidates"),
    ("no use of the end", lambda e: _nowhere(e, "end of"), "not seen to tell the MMU's driver where DROM ends"),
    (
        "a module that calls itself otherwise",
        lambda e: e.flip(e.names + 1),
        "the tables of frozen modules: 0 candidates",
    ),
)
LAYOUT = (
    ("no version of ESP-IDF", lambda e: e.put(e.drom + 112, b"none"), "version of ESP-IDF"),
    ("math.pi, another number", _pi, "math.pi is not kept as"),
    (
        "sys.maxsize, another number",
        lambda e: e.flip(e.word(_object(e, b"sys", b"maxsize") + 12)),
        "sys.maxsize is not kept as",
    ),
    (
        "sys.version, another text",
        lambda e: e.flip(e.word(_object(e, b"sys", b"version") + 12) + 7),
        "sys.version is no text of",
    ),
    (
        "another .mpy version",
        lambda e: e.flip(_object(e, b"sys", b"implementation") + 20, 2),
        "does not run .mpy files",
    ),
    (
        "a type of another name",
        lambda e: e.flip(_object(e, b"builtins", b"float") + 6),
        "the builtin 'float' .* is no type",
    ),
    (
        "a type that is none",
        lambda e: e.flip(_object(e, b"builtins", b"str"), 4),
        "the builtin 'str' .* is no type of that",
    ),
    ("no complex", lambda e: e.flip(_member(e, b"builtins", b"complex") - 4, 8), "'builtins' has no 'complex'"),
    ("no builtins", lambda e: e.flip(_table_of(e, b"builtins") + 4, 8), "0 tables of the built-in module 'builtins'"),
    ("a hash of a qstr", lambda e: e.flip(e.word(e.pool + 16) + 8), "the hash of"),
)


def _nowhere(edit, what):
    for patch in edit.linked.patched:
        if patch.what.startswith(what):
            edit.put_word(patch.address, edit.word(patch.address) ^ 0x1000000)


@pytest.mark.parametrize(
    ("image", "change", "words"),
    [
        pytest.param(image, change, words, id=f"{name.replace(' ', '-')}-{family}")
        for image, family, faults in (
            (linked_images.XTENSA, "xtensa", USES + LAYOUT),
            (linked_images.RISCV, "riscv", USES),  # the layout is the same for both
        )
        for name, change, words in faults
    ],
)
def test_an_official_image_that_is_not_understood_is_refused(image, change, words):
    linked_images.official(image)
    edit = Official(image)
    change(edit)
    with pytest.raises(Failure) as refused:
        verifier.verify(edit.sealed(), linked_images.linked(image), linked_images.samples())
    assert re.search(words, str(refused.value)), str(refused.value)


def test_a_place_inside_a_table_that_code_knows_is_refused():
    """The end's use becomes a second use of the contents, behind their start."""
    linked_images.official(linked_images.XTENSA)
    edit = Official(linked_images.XTENSA)
    edit.put_word(edit.linked.patch("end of"), edit.contents + 4)
    with pytest.raises(Failure, match="inside its table of frozen modules"):
        verifier.verify(edit.sealed(), linked_images.linked(linked_images.XTENSA), linked_images.samples())


def test_a_lui_that_nothing_completes_is_refused():
    """It may be the upper part of a table's address: the names', where another number is put into the register now."""
    official = linked_images.official(linked_images.RISCV)
    edit = Official(linked_images.RISCV)
    last = edit.linked.patch("names of", -1)
    register = edit.word(last) >> 7 & 31
    for reference in verifier._official(official).reading.code.of(edit.names):
        if reference.held_at == last:
            assert edit.half(reference.by[1]) & 3 == 3
            edit.put_word(reference.by[1], register << 7 | 0x13)  # li register, 0
    with pytest.raises(
        Failure, match=f"the instruction at {last:#x} .* may be a part of the address of its (names|table)"
    ):
        verifier.verify(edit.sealed(), linked_images.linked(linked_images.RISCV), linked_images.samples())


@each_image
def test_an_initial_heap_that_is_not_found_is_refused(image):
    linked_images.official(image)
    edit = Official(image)
    edit.flip(edit.find(b"mp_task_heap allocation failed!"))
    with pytest.raises(Failure, match="the function that makes it .* is not found"):
        verifier.verify(edit.sealed(), linked_images.linked(image), linked_images.samples(), 96)


def test_an_initial_heap_of_another_size_is_refused():
    """What the published image holds at its literal, 56 KB, is how mp_task's number is known."""
    linked_images.official(linked_images.XTENSA)
    edit, literal = Official(linked_images.XTENSA), 0x400D0E90
    assert edit.word(literal) == 56 * 1024
    edit.put_word(literal, 52 * 1024)
    with pytest.raises(Failure, match="the initial heap: mp_task at .* makes no number 0xe000"):
        verifier.verify(edit.sealed(), linked_images.linked(linked_images.XTENSA), linked_images.samples(), 96)
