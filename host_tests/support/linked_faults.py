"""Faults for a good linked image: a table of changes, each with the words by which a verifier has to name it.

Written for tests: it trusts the image that it begins with, and finds its way by the tables that the verifier confirmed.
"""

from host_tests.support import linked_images
from host_tests.support.linked_edit import CONSTANTS, FUNCTIONS
from tools.freeze.verify import bytecode, mpy_file

_LEFT, _REAL, _TOP = "sample/inner/left.py", "sample/inner/real.py", "sample_top.py"
_LONG = "another text that is longer than any qstr may be"
_NESTED = (1, -1, 0x3FFFFFFF, (2.5, (None, True, False, ..., "short"), b"in a tuple"), 1 << 40)
_BIG, _NEGATIVE = 123456789012345678901234567890, -98765432109876543210
_DATA = b"\x00\x01bytes that are longer than any qstr\xff", b"", b"short"


def _swap(edit, one, other, size):
    first, second = edit.bytes(one, size), edit.bytes(other, size)
    edit.put(one, second)
    edit.put(other, first)


def _exchange_texts(edit):
    _swap(edit, edit.pool + 24, edit.pool + 28, 4)
    _swap(edit, edit.hashes, edit.hashes + 2, 2)
    if edit.bytes(edit.lengths, 1) != edit.bytes(edit.lengths + 1, 1):
        _swap(edit, edit.lengths, edit.lengths + 1, 1)


def _text_twice(edit):
    """The first new text is one of its length that the official pools have, with the right hash."""
    old, length = edit.word(edit.pool), edit.bytes(edit.lengths, 1)
    count, hashes, lengths = (edit.word(old + at) for at in (12, 16, 20))
    which = edit.bytes(lengths, count).index(length)
    edit.put_word(edit.pool + 24, edit.word(old + 24 + 4 * which))
    edit.put(edit.hashes, edit.bytes(hashes + 2 * which, 2))


def _code(edit):
    """Return an address in the middle of the code in flash."""
    start, size, _ = next(part for part in edit.segments if 0x400D0000 <= part[0] < 0x43000000 and part[1] > 0x80000)
    return start + (size // 2 & ~3)


def _raw(edit, *path):
    """Return the address of a function that has functions inside it. AssertionError for one without."""
    at = edit.function(*path)
    assert edit.half(at) == 0
    return at


def _shift(edit, what, by, nth=0):
    address = edit.patch(what, nth)
    edit.put_word(address, edit.word(address) + by)


def _shift_all(edit, what, by):
    for patch in edit.patched:
        if patch.what.startswith(what):
            edit.put_word(patch.address, edit.word(patch.address) + by)


def _bump(edit, module, field, by):
    at = edit.word(edit.pointer(module)) + 4 * field
    edit.put_word(at, edit.word(at) + by)


def _part(edit, part, *path):
    """Return the address of a part of a function's bytecode: its "names", "lines" or "start" (of instructions)."""
    function = mpy_file.read(linked_images.samples()[FUNCTIONS], FUNCTIONS).function
    for index in path:
        function = function.children[index]
    start, prelude = edit.bytecode(*path), bytecode.prelude(function.code)
    assert edit.bytes(start, len(function.code)) == function.code
    return start + (prelude.lines - 1 if part == "names" else getattr(prelude, part))


def _aimed_elsewhere(edit):
    """Change the instruction that has the table of modules: an l32r gets another literal, a lui another register."""
    literal = edit.patch("table of")
    if edit.riscv:
        edit.flip(literal, 0x80)
        return
    for start, size, offset in edit.segments:
        for at in range(size - 2):
            here, code = start + at, edit.data[offset + at : offset + at + 3]
            if code[0] & 15 == 1 and (here + 3 & ~3) - 0x40000 + (code[1] << 2 | code[2] << 10) == literal:
                edit.flip(here + 1)
                return
    raise AssertionError("no instruction loads it")


def _ram(edit):
    """Return the address of a byte of initialised data in RAM."""
    return next(
        start
        for start, size, _ in edit.segments
        if 0x3FC80000 <= start < 0x40000000 or 0x3FFB0000 <= start < 0x40000000
    )


# what is changed: (name, change, words that the refusal must have)
MEMORY = (
    ("a word of code", lambda e: e.flip(_code(e)), r"the byte at 0x4\w+ \(code or data\) differs from the official"),
    ("a byte of official DROM", lambda e: e.flip(e.drom + 0x1234), r"the byte at 0x3c?f?\w+ \(DROM\) differs"),
    ("a byte of data in RAM", lambda e: e.flip(_ram(e)), r"the byte at 0x3f\w+ \(code or data\) differs"),
    ("the use of the contents, elsewhere", _aimed_elsewhere, r"\(code or data\) differs|is used no more"),
    ("the app's version", lambda e: e.flip(e.drom + 16), r"\(DROM\) differs"),
    (
        "the pool's use, not patched",
        lambda e: e.restore("qstr pool"),
        "the qstr pool: the word at .* still has the official",
    ),
    (
        "the contents' use, not patched",
        lambda e: e.restore("table of"),
        "the table of frozen modules: .* still has the official",
    ),
    (
        "the names' use, not patched",
        lambda e: e.restore("names of"),
        "the names of frozen modules: .* still has the official",
    ),
    (
        "the end's use, not patched",
        lambda e: e.restore("end of"),
        "the end of DROM: .* as in the official image; it should be",
    ),
    ("the end, a page early", lambda e: _shift(e, "end of", -0x10000), "the end of DROM: .* it should be"),
    ("the end, a page late", lambda e: _shift(e, "end of", 0x10000), "the end of DROM: .* it should be"),
    ("the last of the names' uses, elsewhere", lambda e: _shift(e, "names of", 0x1000, -1), "names of frozen modules"),
    ("one more segment", lambda e: e.add_segment(0x3FFFE000, bytes(16)), "loads something at 0x3fffe000"),
    ("DROM in two segments", lambda e: e.add_segment(e.drom + 0x80000, bytes(16)), "2 DROM segments"),
    ("two segments for the same bytes", lambda e: e.add_segment(_ram(e), bytes(16)), "two segments have bytes for"),
    ("the pool, a page on", lambda e: _shift_all(e, "qstr pool", 0x10000), "qstr pool"),
    ("the contents in official DROM", lambda e: _shift_all(e, "table of", -0x20000), "table of frozen modules"),
)
POOL = (
    ("a hash", lambda e: e.flip(e.hashes + 4), r"the qstr pool at 0x\w+: the hash of '.*' is 0x"),
    ("a hash of 0", lambda e: e.put(e.hashes + 2, b"\0\0"), "the hash of"),
    ("a length, too short", lambda e: e.put(e.lengths + 3, bytes((e.bytes(e.lengths + 3, 1)[0] - 1,))), "wrong length"),
    ("a length, too long", lambda e: e.put(e.lengths + 3, bytes((e.bytes(e.lengths + 3, 1)[0] + 1,))), "wrong length"),
    ("a letter of a text", lambda e: e.flip(e.text(5), 0x40), r"hash of|not sorted"),
    ("a text outside DROM", lambda e: e.put_word(e.pool + 24, 0x3FFB0000), "entry 0.*does not lie in DROM"),
    ("the order", _exchange_texts, "is not sorted"),
    ("a text that is there already", _text_twice, "is there twice"),
    ("alloc above 10", lambda e: e.put_word(e.pool + 8, e.count), "alloc is .*would write into flash"),
    ("alloc, too small", lambda e: e.put_word(e.pool + 8, 9), "alloc is 9"),
    ("not marked as sorted", lambda e: e.flip(e.pool + 7, 0x80), "is not marked as sorted"),
    ("total_prev_len", lambda e: e.put_word(e.pool + 4, e.word(e.pool + 4) + 1), "total_prev_len is"),
    ("prev, one pool too far back", lambda e: e.put_word(e.pool, e.word(e.word(e.pool))), "total_prev_len is|prev is"),
    ("prev, nothing", lambda e: e.put_word(e.pool, 0), "total_prev_len is"),
    ("prev, itself", lambda e: e.put_word(e.pool, e.pool), "does not end"),
    ("prev, misaligned", lambda e: e.put_word(e.pool, e.word(e.pool) + 2), "not aligned"),
    ("len, one less", lambda e: e.put_word(e.pool + 12, e.count - 1), "qstr|nothing reads it"),
    ("len, far more", lambda e: e.put_word(e.pool + 12, 0x4000), "qstr pool"),
    ("len 0", lambda e: e.put_word(e.pool + 12, 0), "has 0 entries"),
    ("hashes misaligned", lambda e: e.put_word(e.pool + 16, e.hashes + 1), "table of hashes.*not aligned"),
)
TABLES = (
    (
        "an official module's pointer",
        lambda e: _swap(e, e.contents, e.contents + 4, 4),
        "the official module '.*' at .* is taken",
    ),
    ("an official module's name", lambda e: e.flip(e.names), "the official module '.*' is called"),
    ("a new module's name", lambda e: e.flip(e.name(_TOP)), "'sample_top.py' is not in the linked image"),
    (
        "a name twice",
        lambda e: e.put(e.name(_REAL), _LEFT.encode()),
        f"'{_LEFT}' is .* twice",
    ),
    ("an end of the names too early", lambda e: e.put(e.name(_TOP), b"\0"), "is not in the linked image"),
    (
        "the wrong module's pointer",
        lambda e: _swap(e, e.pointer(_LEFT), e.pointer(_REAL), 4),
        "qstr",
    ),
    ("a pointer to nothing", lambda e: e.put_word(e.pointer(CONSTANTS), 0), "does not lie in DROM"),
    (
        "a pointer, misaligned",
        lambda e: e.put_word(e.pointer(CONSTANTS), e.word(e.pointer(CONSTANTS)) + 2),
        "not aligned",
    ),
    ("a module as directory", lambda e: e.put(e.name(_TOP), b"sample/top.py"), "not in the linked image"),
)
MODULES = (
    ("a qstr of a module", lambda e: e.flip(e.module(FUNCTIONS, 0) + 20), "sample/functions.py: qstr 10 is"),
    ("a qstr beyond all", lambda e: e.put(e.module(FUNCTIONS, 0) + 20, b"\xff\xff"), r"qstr 10 is 65535; there are"),
    ("the table of qstrs, misaligned", lambda e: _bump(e, FUNCTIONS, 0, 1), "table of qstrs.*not aligned"),
    ("the table of constants, misaligned", lambda e: _bump(e, CONSTANTS, 1, 2), "table of constants.*not aligned"),
    ("no constants", lambda e: e.put_word(e.word(e.pointer(CONSTANTS)) + 4, 0), "table of constants"),
    ("constants where there are none", lambda e: e.put_word(e.word(e.pointer(_LEFT)) + 4, e.drom), "its .mpy has none"),
    ("n_state", lambda e: e.flip(e.bytecode(0), 8), "'outer': its bytecode differs in the prelude at byte 0"),
    ("a name of an argument", lambda e: e.flip(_part(e, "names", 4)), "'many': its bytecode differs in the prelude"),
    ("a line number", lambda e: e.flip(_part(e, "lines", 1)), "'numbers': its bytecode differs in the line numbers"),
    ("an instruction", lambda e: e.flip(_part(e, "start", 1)), "'numbers': its bytecode differs in the instructions"),
    ("a generator that is none", lambda e: e.put(_raw(e, 0) + 3, b"\1"), "'outer' .* flag for a generator is 1"),
    ("a kind of raw code", lambda e: e.put(_raw(e, 0) + 2, b"\3"), "'outer' .* is raw code of kind 3"),
    ("bytecode of another", lambda e: e.put_word(_raw(e, 0) + 4, e.bytecode(0, 0)), "'outer': its bytecode differs"),
    ("functions inside, exchanged", lambda e: _swap(e, e.word(_raw(e) + 8), e.word(_raw(e) + 8) + 4, 4), "'outer'"),
    ("functions inside, none", lambda e: e.put_word(_raw(e) + 8, 0), "table of functions inside it"),
    (
        "a function that lost its raw code",
        lambda e: e.put_word(e.word(_raw(e) + 8), e.bytecode(0)),
        "functions inside it, but no",
    ),
)
CONSTANT_FAULTS = (
    ("a float", lambda e: e.flip(e.object(3.25) + 6), "is not the float 3.25"),
    ("a complex", lambda e: e.flip(e.object(4j) + 11), "is not the complex 4j"),
    ("a float's type", lambda e: e.put_word(e.object(3.25), e.word(e.object(_BIG))), r"type at 0x\w+, not 'float'"),
    ("a big int's digit", lambda e: e.flip(e.word(e.object(_BIG) + 12)), f"is the int .*, not {_BIG}"),
    ("a big int's sign", lambda e: e.flip(e.object(_NEGATIVE) + 4), f"not {_NEGATIVE}"),
    ("a big int that may be freed", lambda e: e.flip(e.object(_BIG) + 4, 2), "no constant int: its flags"),
    ("a big int's length", lambda e: e.put_word(e.object(_BIG) + 8, 3), "is the int"),
    ("a long text's letter", lambda e: e.flip(e.word(e.object(_LONG) + 12)), "holds other bytes"),
    ("a long text's length", lambda e: e.put_word(e.object(_LONG) + 8, len(_LONG) - 1), "bytes long, not"),
    ("a long text's hash", lambda e: e.flip(e.object(_LONG) + 4), "has the hash 0x"),
    ("a long text as bytes", lambda e: e.put_word(e.object(_LONG), e.word(e.object(_DATA, 0))), "not 'str'"),
    ("a long text's data, elsewhere", lambda e: e.put_word(e.object(_LONG) + 12, 0x40000000), "does not lie in DROM"),
    (
        "bytes without a NUL behind",
        lambda e: e.put(e.word(e.object(_DATA, 0) + 12) + len(_DATA[0]), b"x"),
        "no NUL behind its data",
    ),
    ("a byte of bytes", lambda e: e.flip(e.word(e.object(_DATA, 0) + 12) + 9), r"\[0\] at 0x\w+ holds other bytes"),
    ("a tuple's length", lambda e: e.put_word(e.object(_NESTED) + 4, 4), "has 4 items, not 5"),
    ("a small int", lambda e: e.flip(e.constant(_NESTED, 0), 2), r"\[0\] is the object 0x1, not the small int 1"),
    ("a negative small int", lambda e: e.flip(e.constant(_NESTED, 1) + 3, 0x80), r"\[1\].*not the small int -1"),
    ("an int in a tuple", lambda e: e.flip(e.word(e.object(_NESTED, 4) + 12)), r"\[4\] at 0x\w+ is the int"),
    ("None", lambda e: e.put_word(e.constant(_NESTED, 3, 1, 0), 0x0E), r"\[3\]\[1\]\[0\] is the object 0xe, not None"),
    ("True", lambda e: e.put_word(e.constant(_NESTED, 3, 1, 1), 0x0E), r"\[3\]\[1\]\[1\] is the object 0xe, not True"),
    (
        "False",
        lambda e: e.put_word(e.constant(_NESTED, 3, 1, 2), 0x1E),
        r"\[3\]\[1\]\[2\] is the object 0x1e, not False",
    ),
    (
        "Ellipsis",
        lambda e: e.put_word(e.constant(_NESTED, 3, 1, 3), 0x06),
        r"\[3\]\[1\]\[3\] is the object 0x6, not Ellipsis",
    ),
    ("a short text", lambda e: e.flip(e.constant(_NESTED, 3, 1, 4), 8), r"\[3\]\[1\]\[4\] is the qstr"),
    (
        "a short text as bytes",
        lambda e: e.put_word(e.constant(_NESTED, 3, 1, 4), e.object(_DATA, 2)),
        "is no qstr, though shorter",
    ),
    ("a pointer, misaligned", lambda e: e.flip(e.constant(3.25), 2), "no pointer to a float|is the object"),
)
FAULTS = MEMORY + POOL + TABLES + MODULES + CONSTANT_FAULTS
