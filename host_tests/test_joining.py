"""Joined rooms: that a program of fewer modules does the same, what cannot be joined, and that no build is made that might not."""

import ast
import subprocess
import sys

import pytest

from tools import Failure, naming
from tools.images import content
from tools.naming import joining, joinproof

# names meet in every way that they can: two rooms' own, a builtin, a parameter, a local, a handed-on import
PROGRAM = {
    "lib.words": """
import time
from math import floor as down

_LEAST = 1
TITLE = "words"


class Closed(Exception):
    pass


def sum(values):
    return "sum of %d" % len(values)


def keep(value):
    return (_LEAST, value, down(1.5), time is not None)
""",
    "lib.radio": """
import time
from math import ceil as down
from lib import words
from lib.words import Closed, keep

_LEAST = 2
COUNT = 0


def send(values, keep=words.keep):
    global COUNT
    COUNT += 1
    TITLE = sum(values)
    if not values:
        raise Closed(TITLE)
    return [keep(value) for value in values], TITLE, _LEAST, down(1.5), time.__name__


def sent():
    words = "not the room"
    return COUNT, words
""",
    "firmware.head": """
from lib import radio
from lib import words as texts
from lib.radio import send


def run():
    from lib.words import TITLE as title

    try:
        send([])
    except texts.Closed as fault:
        print("closed", fault.args)
    print(send([1, 2]), radio.sent(), title, texts.sum([1, 2]), __name__)
""",
    "main": """
from lib import radio, words as spoken
from lib.words import TITLE, keep
from firmware.head import run

run()
print(radio.sent(), spoken.TITLE, TITLE, spoken.keep(3), keep(4), radio.words.sum([1]))
""",
}
TOGETHER = {"firmware.head": ("lib.radio", "lib.words")}


def trees(program):
    return {module: ast.parse(text) for module, text in program.items()}


def joined(program, together=None, doors=None):
    return joining.joined(trees(program), TOGETHER if together is None else together, doors or {})


def said(folder, sources):
    """What the program of modules {dotted name: source} prints."""
    for name, source in sources.items():
        path = folder / (name.replace(".", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    done = subprocess.run([sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_joined_program_says_the_same_and_is_fewer_modules(tmp_path):
    program = {**PROGRAM, "main": PROGRAM["main"].replace("radio.words.sum([1])", "spoken.sum([1])")}
    made, order = joined(program)
    assert set(made) == {"firmware.head", "main"}
    assert order == {"firmware.head": ["lib.words", "lib.radio", "firmware.head"]}
    plain = said(tmp_path / "plain", program)
    assert said(tmp_path / "joined", {module: ast.unparse(tree) for module, tree in made.items()}) == plain
    joinproof.prove(trees(program), made, order)
    short = naming.shortened(program, doors={}, by_text={}, together=TOGETHER).sources
    assert said(tmp_path / "short", short) == plain.replace("COUNT", "COUNT")


def test_only_names_that_would_meet_another_are_changed_and_doors_never():
    made, _ = joined({**PROGRAM, "main": "from firmware.head import run\n"})
    text = ast.unparse(made["firmware.head"])
    for name in (
        "class Closed",
        "def send",
        "def run",
        "def sum_lib_words",
        "_LEAST_lib_words = 1",
        "_LEAST_lib_radio = 2",
    ):
        assert name in text
    assert text.count("import time") == 1
    clash = {
        "lib.a": "def run():\n    return 1\n",
        "firmware.head": "from lib import a\n\n\ndef run():\n    return a.run()\n",
    }
    made, _ = joined(clash, {"firmware.head": ("lib.a",)}, {"firmware.head": ("run",)})
    text = ast.unparse(made["firmware.head"])
    assert "def run_lib_a" in text and "def run()" in text and "return run_lib_a()" in text


def test_const_keeps_its_name_as_the_compiler_knows_no_other():
    imported = "from micropython import const\n_X = const(1)\nY = (const(2), _X)\n"
    program = {"lib.a": "_X = const(3)\nZ = _X\n", "firmware.head": "from lib.a import Z\n" + imported}
    made, order = joined(program, {"firmware.head": ("lib.a",)})
    text = ast.unparse(made["firmware.head"])
    assert "_X_lib_a = const(3)" in text and "_X_firmware_head = const(1)" in text and "import const\n" in text
    joinproof.prove(trees(program), made, order)


REFUSED = {
    "as a value": ({"firmware.head": "from lib import a\nprint(a)\n"}, "a is used as a value"),
    "stored into": ({"firmware.head": "from lib import a\na.x = 1\n"}, "a is used as a value"),
    "each other": (
        {"firmware.head": "from lib import a\n", "lib.a": "from firmware import head\n"},
        "need one another",
    ),
    "imported whole": ({"firmware.head": "import lib.a\n"}, "imported from their package"),
    "nobody has it": ({"firmware.head": "from lib.a import y\n"}, "imports y, which lib.a does not have"),
    "half a guest": ({"firmware.head": "", "main": "Guests(('lib.a', 'lib.b'))\n"}, "are none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_has_no_equal_in_a_joined_module_is_refused_in_words(case):
    change, words = REFUSED[case]
    with pytest.raises(Failure, match=words):
        joined({"lib.a": "x = 0\n", "lib.b": "", **change}, {"firmware.head": ("lib.a",)})


def test_guests_are_named_by_the_module_that_they_are_in():
    program = {
        "lib.a": "x = 0\n",
        "firmware.head": "from lib.a import x\n",
        "main": "G = Guests(('firmware.head', 'lib.a', 'os'))\n",
    }
    made, order = joined(program, {"firmware.head": ("lib.a",)})
    assert ast.unparse(made["main"]) == "G = Guests(('firmware.head', 'os'))"
    joinproof.prove(trees(program), made, order)


# what a slip of the joining might do to its result: (module, text, what stands in its place)
SLIPS = {
    "two things are one": ("firmware.head", "_LEAST_lib_radio", "_LEAST_lib_words"),
    "a builtin is ours": ("firmware.head", "TITLE = sum(values)", "TITLE = sum_lib_words(values)"),
    "ours is a builtin": ("firmware.head", "sum_lib_words([1, 2])", "sum([1, 2])"),
    "another function": ("firmware.head", "print(send([1, 2])", "print(sent([1, 2])"),
    "a parameter is ours": ("firmware.head", "[keep(value)", "[keep_lib_words(value)"),
    "another import": ("main", "import run", "import sent as run"),
    "another stranger": ("firmware.head", "import ceil as", "import floor as"),
    "a number": ("firmware.head", "_LEAST_lib_radio = 2", "_LEAST_lib_radio = 3"),
    "a statement is gone": ("firmware.head", "COUNT = 0\n", "pass\n"),
    "a statement more": ("firmware.head", "COUNT = 0\n", "COUNT = 0\nCOUNT = 0\n"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_found_and_there_is_no_build(slip):
    program = {**PROGRAM, "main": "from firmware.head import run\nrun()\n"}
    made, order = joined(program)
    joinproof.prove(trees(program), made, order)
    module, text, instead = SLIPS[slip]
    source = ast.unparse(made[module])
    assert text in source
    with pytest.raises(Failure):
        joinproof.prove(trees(program), {**made, module: ast.parse(source.replace(text, instead))}, order)


def test_a_room_that_got_lost_is_missed():
    made, order = joined(PROGRAM)
    with pytest.raises(Failure, match="missing"):
        joinproof.prove({**trees(PROGRAM), "lib.more": ast.parse("")}, made, order)


def test_the_firmware_has_one_module_for_what_is_in_memory_together():
    rooms = content.rooms()
    for head, others in naming.TOGETHER.items():
        assert list(others) == sorted(others)
        assert head.replace(".", "/") + ".py" in rooms
        assert not [other for other in others if other.replace(".", "/") + ".py" in rooms]
    assert "lib/log.py" in content.rooms(public=False)  # a program that calls rooms by their names finds them
