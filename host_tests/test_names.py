"""Short names: what is renamed and what never, that a renamed program does the same, and that no build is made that might not."""

import ast
import subprocess
import sys

import pytest
from conftest import ROOT, micropython

from tools import Failure, naming, traceback
from tools.images import content
from tools.naming import foreign, proof

OWN_NAMES = ROOT / "host_tests" / "mp_programs" / "own_names.py"

ROOMS = sorted([*(ROOT / "firmware").rglob("*.py"), *(ROOT / "lib").rglob("*.py")])
PROGRAM = {
    "radio": """
from collections import namedtuple

LOUD = 7
TITLE = "radio"
Wave = namedtuple("Wave", ("height", "length_of_it"))


class Silence(Exception):
    pass


class Sender:
    def __init__(self, power_wanted):
        self.power_wanted = power_wanted
        self._sent = []

    def transmit(self, wave, times_over=1):
        if not wave.height:
            raise Silence(wave.length_of_it)
        for number in range(times_over):
            self._sent.append((number, wave.height * self.power_wanted))

    def history(self):
        def doubled(pair):
            return pair[1] * 2

        return [doubled(pair) for pair in self._sent] + [len(self._sent), TITLE]
""",
    "station": """
import radio
from radio import LOUD, Sender, Wave


class Station(Sender):
    def __init__(self):
        super().__init__(LOUD)
        self.is_open = False

    def history(self):
        return ["station"] + super().history()


def broadcast(station, given):
    for each in given:
        try:
            station.transmit(Wave(each, 1), times_over=radio.LOUD - 5)
        except radio.Silence as fault:
            print("silence", fault.args)
""",
    "main": """
from station import Station, broadcast


def run():
    station = Station()
    broadcast(station, (1, 0, 3))
    station.is_open = True
    print(station.history(), station.is_open, [name for name in (lambda: "x")()])


run()
""",
}


def said(folder, sources):
    """What the program of modules {name: source} prints."""
    folder.mkdir()
    for name, source in sources.items():
        (folder / f"{name}.py").write_text(source)
    done = subprocess.run([sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def short(sources):
    return naming.shortened(sources, doors={}, by_text={"room": ("room",)})


def test_a_renamed_program_says_the_same_and_has_no_name_of_its_own_left(tmp_path):
    made = short(PROGRAM).sources
    assert said(tmp_path / "short", made) == said(tmp_path / "plain", PROGRAM)
    text = "".join(made.values())
    for name in (
        "transmit",
        "power_wanted",
        "_sent",
        "broadcast",
        "is_open",
        "height",
        "length_of_it",
        "doubled",
        "LOUD",
    ):
        assert name not in text
    assert "Silence" in text  # the log tells the names of exceptions
    assert "times_over" in text  # it is passed by its name
    assert "append" in text and "range" in text


def test_without_public_names_only_private_ones_and_parameters_change(tmp_path):
    made = naming.shortened(PROGRAM, public=False, doors={}).sources
    assert said(tmp_path / "short", made) == said(tmp_path / "plain", PROGRAM)
    assert "transmit" in made["radio"] and "LOUD" in made["station"]
    assert "_sent" not in made["radio"]


def test_the_same_sources_give_the_same_names_and_a_new_one_changes_few():
    again, more = short(PROGRAM).sources, dict(PROGRAM)
    assert again == short(PROGRAM).sources
    more["radio"] += "\n\ndef tune(dial):\n    return dial\n"
    changed = short(more).sources
    assert changed["main"] == again["main"]
    assert changed["station"] == again["station"]


def test_one_short_name_never_stands_for_two_things_that_could_meet():
    # every class, module and family of the real firmware: Shortened was proven, or there would be none
    made = content.names()
    for path, table in made.items():
        olds = [old for names in table.values() for old in names]
        assert len(olds) == len(set(olds)), path


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"other": "def f(x, name):\n    return getattr(x, name)\n"}, "a text that nobody knows"),
        ({"room": "def f():\n    return globals()\n"}, "not to be looked up like that"),
        ({"room": "from other import _hidden\n", "other": "_hidden = []\n"}, "which is private"),
        (
            {"room": "import other\n\ndef f(x):\n    return x._hidden\n", "other": "_hidden = []\n"},
            "who defines _hidden",
        ),
        ({"room": "from collections import namedtuple\nT = namedtuple('T', 'a b')\n"}, "to be written out"),
        ({"room": "from other import MANY\nMANY = []\n", "other": "MANY = 3\n"}, "bound anew"),
    ],
)
def test_what_cannot_be_renamed_safely_is_refused_in_words(sources, words):
    with pytest.raises(Failure, match=words):
        short(sources)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "def f(a):\n    return g(a)\ndef g(b): pass\n",
            "def f(g):\n    return g(g)\ndef g(b): pass\n",
            "means something else",
        ),
        ("x = 1\ny = 2\nprint(x, y)\n", "x = 1\nx = 2\nprint(x, x)\n", "became one name"),
        ("x = 1\nprint(x)\n", "y = 1\nprint(x)\n", "means something else"),
        ("print(len(''))\n", "print(min(''))\n", "nobody's"),
        ("def f(a): return a\n", "def f(a): return a + 0\n", "not the same program"),
        ("def f(len): return [min for x in len]\n", "def f(min): return [min for x in min]\n", "means something else"),
    ],
)
def test_the_proof_sees_a_name_that_became_another_thing(old, new, words):
    with pytest.raises(Failure, match=words):
        proof.prove(ast.parse(old), ast.parse(new))


def test_an_attribute_that_nobody_defines_stays_and_the_firmware_has_none():
    made = short({"room": "def f(x):\n    return x.who_knows\n"})
    assert ".who_knows" in made.sources["room"] and made.unknown == {"who_knows"}
    sources = {path.relative_to(ROOT).with_suffix("").as_posix().replace("/", "."): path.read_text() for path in ROOMS}
    assert naming.shortened(sources).unknown == set(), "a slip, or a name of MicroPython's: tools/naming/foreign.txt"


def test_a_text_that_reaches_an_attribute_keeps_its_name():
    source = (
        "class T:\n    def ready(self): pass\n\ndef f(x):\n    return getattr(x, 'ready')(), x.other\n\nother = 1\n"
    )
    made = short({"room": source}).sources["room"]
    assert "def ready" in made and "other" not in made


def test_numbers_are_put_where_they_are_read_unless_whoever_reads_does_not_know_which_module():
    board = "PIN_OF_IT = 4\nLAMP_OF_IT = 5\n"
    user = (
        "from board import LAMP_OF_IT\nimport board\n\ndef f(any_board):\n    return any_board.PIN_OF_IT + LAMP_OF_IT\n"
    )
    made = short({"board": board, "user": user}).sources
    assert "5" in made["user"] and "5" not in made["board"]
    assert "4" in made["board"]  # some board's pin


def test_const_is_imported_only_where_the_compiler_does_not_put_the_value_in_by_itself():
    tidy = "from micropython import const\n_A = const(2)\n_B = const((_A * 3, -1))\n\ndef f():\n    return _A + _B[0]\n"
    odd = "from micropython import const\n_A = const(len('x'))\n\ndef f():\n    return _A\n"
    made = short({"tidy": tidy, "odd": odd}).sources
    assert "import" not in made["tidy"] and "import const" in made["odd"]


def test_micropython_itself_says_no_name_that_the_list_does_not_have():
    done = subprocess.run(
        [micropython(), OWN_NAMES], env={"MICROPYPATH": ".frozen"}, capture_output=True, text=True, check=True
    )
    names = {name for name in done.stdout.split() if name.isidentifier() and name[:2] != "__"}
    assert len(names) > 400
    assert names - foreign.known() == set()


def test_the_free_names_cost_a_compiled_file_no_text():
    source = "".join(f"x.{name}\n" for name in foreign.FREE)
    made = content.compiled("free.py", source, "xtensawin")
    left = [name for name in foreign.FREE if len(name) > 3 and name.encode() + b"\0" in made]
    assert left == []


def test_a_traceback_of_a_board_is_read_back():
    table = {"firmware/app.py": {"find": ["App", "live"], "rindex": ["run"]}}
    lines = ['  File "firmware.app", line 1, in find\n', '  File "main.py", line 12, in find\n', "OSError: find\n"]
    assert traceback.read_back(lines, table) == [
        '  File "firmware.app", line 1, in App or live\n',
        '  File "main.py", line 12, in find\n',
        "OSError: find\n",
    ]


def test_the_names_of_a_build_are_written_and_read_again():
    names = content.names()
    assert traceback.parsed(traceback.text(names)) == names


def test_of_joined_rooms_a_traceback_says_in_which_one_it_was():
    table = content.names()["firmware/app.py"]
    short = next(short for short, olds in table.items() if "core._forget_all" in olds)
    (line,) = traceback.read_back([f'  File "firmware.app", line 1, in {short}\n'], content.names())
    assert "core._forget_all" in line
