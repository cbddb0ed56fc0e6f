"""The rules of the house (DESIGN §3), read from the source: who may import whom, who opens what, what shape a plug has."""

import ast
import collections
import importlib
from array import array

import pytest
from conftest import ROOT

from firmware import backends, boards, shockers
from firmware.command import ACTIONS, LIGHT, SHOCK, SOUND, STOP, VIBRATE
from firmware.config import settings
from lib import ook_player, websocket

PLUGS = ("shockers", "boards", "backends")
DOORS = {
    "machine": ("boot.py", "firmware/hardware/board_io.py"),
    "neopixel": ("firmware/hardware/board_io.py",),
    "network": ("firmware/net/access_point.py", "firmware/net/station.py", "main.py"),
    "esp32": ("boot.py", "lib/heap.py", "lib/nvs.py", "lib/otadata.py", "lib/ota_slots.py", "lib/rmt_player.py"),
    "socket": ("lib/udp.py",),
    "ssl": ("lib/tls.py",),
}
STREAMS = {
    "open_connection": ("lib/connect.py",),
    "start_server": ("firmware/portal/server.py",),
}
QUESTIONS = {("sys", "platform"), ("sys", "implementation"), ("os", "name"), ("os", "uname")}
MOST_LINES = 300
# public names that no room of the house says, and who does
SAID_ELSEWHERE = {
    "FLASH_MB": "the tools that make images",
    "wrap_socket": "asyncio, of a TLS context",
    "verify_mode": "MicroPython's ssl reads what is stored there",
    "connection_id": "nobody yet; the service's checklist wants it kept (reference/openshock-api.md §j)",
}
# rooms that have grown too large, and may only become smaller: take them out of here as soon as they fit
GROWN = {}


class Room:
    """One product file: its path from the root, its text and its tree."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.tree = ast.parse(text)
        self.name = path[: -len(".py")].replace("/", ".")
        self.doc = ast.get_docstring(self.tree) or ""

    def imports(self):
        """The dotted names that it imports, wherever in the file: `from lib import dial` is lib and lib.connect."""
        names = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add("." * node.level + (node.module or ""))
                names |= {f"{node.module}.{alias.name}" for alias in node.names}
        return names

    def tops(self):
        """The first words of what it imports."""
        return {name.partition(".")[0] for name in self.imports()}

    def without_io(self):
        """Whether it says of itself, and not of some of its functions, that it does no I/O."""
        first = self.doc.partition("\n\n")[0]
        return "without I/O" in first or "no I/O" in first or "No I/O" in self.doc


def house():
    """Every product file."""
    paths = [ROOT / "boot.py", ROOT / "main.py", *(ROOT / "lib").rglob("*.py"), *(ROOT / "firmware").rglob("*.py")]
    return [Room(str(path.relative_to(ROOT).as_posix()), path.read_text()) for path in sorted(paths)]


ROOMS = house()
BY_NAME = {room.name: room for room in ROOMS}


# The rules. Each takes a room and gives what is wrong with it, in words.


def looks_up(room):
    """1: lib/ knows nothing of the firmware; neither knows the desk."""
    forbidden = {"tools", "host_tests"} | ({"firmware"} if room.path.startswith("lib/") else set())
    return [f"imports {name}" for name in room.tops() & forbidden]


def opens_doors(room):
    """2: each door is in one room."""
    wrong = [f"imports {door}" for door in room.tops() & DOORS.keys() if room.path not in DOORS[door]]
    for node in ast.walk(room.tree):
        name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        if name in STREAMS and room.path not in STREAMS[name]:
            wrong.append(f"uses {name}")
    return wrong


def plug_looks_around(room):
    """3: a plugin knows command.py, signalr_service.py, lib/ and the modules that its family shares, and no other plugin.

    The family of `backends/openshock_user.py` is openshock; its modules, `backends/_openshock_*.py`, are as narrow as a plugin.
    """
    parts = room.path[: -len(".py")].split("/")
    if parts[0] != "firmware" or parts[1] not in PLUGS:
        return []
    own = _family(parts[-1])
    shared = {
        name for name in BY_NAME if name.startswith("firmware.backends._") and _family(name.split(".")[-1]) == own
    }
    parents = {"firmware", "firmware.link"} | ({"firmware.backends"} if parts[1] == "backends" else set())
    allowed = {"firmware.command", "firmware.link.signalr_service"} | shared
    imported = {name for name in room.imports() if name.partition(".")[0] == "firmware"} - parents
    return [f"imports {name}" for name in imported if name not in allowed and name.rpartition(".")[0] not in allowed]


def _family(name):
    """openshock, of openshock_user and of _openshock_hub."""
    return name.lstrip("_").partition("_")[0]


def pure_room_has_a_door(room):
    """4: who says that it does no I/O has neither the means nor the time."""
    return [f"says that it does no I/O and reaches {way}" for way in _ways_out(room)] if room.without_io() else []


def _ways_out(room, path=()):
    """How it comes to a clock, a loop or a door: by itself, or by a room that it imports."""
    means = {"asyncio", "time", "select"} | DOORS.keys()
    found = [" → ".join([*path, name]) for name in sorted(room.tops() & means)]
    for name in sorted((room.imports() & BY_NAME.keys()) - {room.name, *path}):
        found += _ways_out(BY_NAME[name], (*path, name))
    return found


def knows_the_roof(room):
    """5: app.py is for main.py alone."""
    return ["imports app.py"] if "firmware.app" in room.imports() and room.path != "main.py" else []


def catches_too_much(room):
    """6: no bare except; Exception in lib/tasks.py and boot.py, ImportError in lib/plugins.py alone."""
    alone = {"Exception": ("lib/tasks.py", "boot.py"), "ImportError": ("lib/plugins.py",), "BaseException": ()}
    wrong = []
    for node in ast.walk(room.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            names = ["" if kind is None else ast.unparse(kind) for kind in kinds]
            wrong += [f"line {node.lineno}: bare except" for name in names if not name]
            wrong += [f"line {node.lineno}: except {n}" for n in names if n in alone and room.path not in alone[n]]
    return wrong


def asks_where_it_is(room):
    """7: the host dresses up; the house does not ask."""
    wrong = [name for name in room.imports() for thing in QUESTIONS if name == ".".join(thing)]
    for node in ast.walk(room.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            wrong += [f"{a}.{b}" for a, b in QUESTIONS if (node.value.id, node.attr) == (a, b)]
    return [f"asks for {name}" for name in wrong] + (["imports platform"] if "platform" in room.tops() else [])


def says_nothing(room):
    """The first line of a file says what lives there."""
    first = room.doc.partition("\n\n")[0]
    return (
        [] if room.text.startswith('"""') and first.endswith((".", "!")) and len(first) >= 20 else ["no first sentence"]
    )


def grows(room):
    """A room that needs more wants to be two."""
    lines = room.text.count("\n")
    return [f"{lines} lines"] if lines > GROWN.get(room.path, MOST_LINES) else []


def defined(room):
    """(name, node) of each public name: functions, classes, methods, what is assigned to outermost or as an attribute."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    inner = [each for node in room.tree.body if isinstance(node, ast.ClassDef) for each in node.body]
    found = [(node.name, node) for node in room.tree.body + inner if isinstance(node, kinds)]
    for node in room.tree.body + inner:
        found += [(each.id, node) for each in getattr(node, "targets", ()) if isinstance(each, ast.Name)]
    for node in ast.walk(room.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.append((node.attr, node))
    return [(name, node) for name, node in found if name[0] != "_"]


def said(tree):
    """Every name that is read there, how often: bare, as an attribute, by an import, and as a text (getattr, plugs)."""
    names = collections.Counter()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load):
            names[node.id if isinstance(node, ast.Name) else node.attr] += 1
        elif isinstance(node, ast.alias):
            names[node.name] += 1
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names[node.value] += 1
    return names


IN_THE_HOUSE = sum([said(room.tree) for room in ROOMS], collections.Counter())


def keeps_what_nobody_calls(room):
    """Each byte lives in the device's memory: what is defined is read somewhere in the house outside of its own definition."""
    return [
        f"nobody reads {name}"
        for name, node in defined(room)
        if name not in SAID_ELSEWHERE and IN_THE_HOUSE[name] <= said(node)[name]
    ]


RULES = [
    looks_up,
    opens_doors,
    plug_looks_around,
    pure_room_has_a_door,
    knows_the_roof,
    catches_too_much,
    asks_where_it_is,
    says_nothing,
    grows,
    keeps_what_nobody_calls,
]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_every_room_keeps_the_rule(rule):
    wrong = [f"{room.path}: {words}" for room in ROOMS for words in rule(room)]
    assert not wrong, "\n".join(wrong)


def test_the_house_was_read():
    paths = {room.path for room in ROOMS}
    assert {"boot.py", "main.py", "lib/ook_player.py", "firmware/app.py", "firmware/shockers/d80.py"} <= paths
    assert sum(room.without_io() for room in ROOMS) >= 10


def test_there_is_no_loop_of_imports():
    def walk(name, path):
        assert name not in path, " → ".join([*path, name])
        if name not in seen:
            for wanted in sorted(BY_NAME[name].imports() & BY_NAME.keys()):
                walk(wanted, [*path, name])
            seen.add(name)

    seen = set()
    for name in BY_NAME:
        walk(name, [])
    assert len(seen) == len(ROOMS)


# What the rules are worth: each finds the fault that it is there for.

FAULTY = [
    (looks_up, "lib/x.py", "from firmware import command"),
    (looks_up, "firmware/x.py", "def f():\n    import tools.rf"),
    (opens_doors, "firmware/link/connection.py", "import machine"),
    (opens_doors, "firmware/link/connection.py", "from network import WLAN"),
    (opens_doors, "lib/monotonic.py", "from esp32 import NVS"),
    (opens_doors, "lib/http_client.py", "import asyncio\nasyncio.open_connection('a', 1)"),
    (opens_doors, "firmware/link/connection.py", "from asyncio import start_server\nstart_server(1)"),
    (plug_looks_around, "firmware/backends/x.py", "from firmware.control import scheduler"),
    (plug_looks_around, "firmware/shockers/x.py", "from firmware.shockers.d80 import encode"),
    (plug_looks_around, "firmware/boards/x.py", "import firmware.boards.simulated"),
    (plug_looks_around, "firmware/boards/x.py", "from firmware.openshock import shockers_of"),
    (plug_looks_around, "firmware/backends/_openshock_x.py", "from firmware.config.settings import TABLE"),
    (plug_looks_around, "firmware/backends/_openshock_x.py", "from firmware.backends import openshock_user"),
    (pure_room_has_a_door, "lib/x.py", '"""Pure, without I/O."""\nimport asyncio'),
    (pure_room_has_a_door, "lib/x.py", '"""Pure.\n\nNo I/O."""\nfrom time import ticks_ms'),
    (pure_room_has_a_door, "firmware/x.py", '"""Pure; no I/O."""\nfrom lib import http_client'),
    (knows_the_roof, "firmware/link/connection.py", "from firmware.app import App"),
    (knows_the_roof, "boot.py", "from firmware import app"),
    (catches_too_much, "lib/x.py", "try:\n    pass\nexcept:\n    pass"),
    (catches_too_much, "lib/x.py", "try:\n    pass\nexcept (OSError, Exception):\n    pass"),
    (catches_too_much, "lib/tasks.py", "try:\n    pass\nexcept ImportError:\n    pass"),
    (catches_too_much, "lib/tasks.py", "try:\n    pass\nexcept BaseException:\n    pass"),
    (asks_where_it_is, "lib/x.py", "import sys\nif sys.platform == 'esp32': pass"),
    (asks_where_it_is, "lib/x.py", "import sys\nsys.implementation.name"),
    (asks_where_it_is, "lib/x.py", "from os import uname"),
    (says_nothing, "lib/x.py", "import os"),
    (says_nothing, "lib/x.py", '# (c) somebody\n"""A room for everything that is."""'),
    (grows, "lib/x.py", "a = 1\n" * 301),
    (keeps_what_nobody_calls, "lib/x.py", "def lonely(left):\n    return lonely(left - 1)"),
    (keeps_what_nobody_calls, "lib/x.py", "class Guest:\n    async def waves_goodbye(self):\n        pass"),
    (keeps_what_nobody_calls, "lib/x.py", "LONELY = const(3)"),
    (keeps_what_nobody_calls, "lib/x.py", "def _f(x):\n    x.lonely = 1"),
]


@pytest.mark.parametrize(("rule", "path", "text"), FAULTY)
def test_the_rule_finds_the_fault(rule, path, text):
    assert rule(Room(path, text))


def test_what_is_excused_is_defined_and_said_nowhere_in_the_house():
    names = {name for room in ROOMS for name, node in defined(room) if IN_THE_HOUSE[name] <= said(node)[name]}
    assert names == set(SAID_ELSEWHERE)


def test_a_loop_would_be_found():
    assert "lib.b" in Room("lib/a.py", "def f():\n    from lib import b").imports()


# The shape of plugs: adding one is adding one file, and its row in the package.


def plugs(folder):
    """The modules of a folder, each imported."""
    names = sorted(path.stem for path in (ROOT / "firmware" / folder).glob("[!_]*.py"))
    assert names
    return [pytest.param(importlib.import_module(f"firmware.{folder}.{name}"), id=name) for name in names]


def test_every_plug_has_its_row_and_every_row_its_plug():
    for package in (shockers, boards, backends):
        folder = package.__name__.rpartition(".")[2]
        assert sorted(package.NAMES) == [module.values[0].__name__.rpartition(".")[2] for module in plugs(folder)]
    chips = {module.values[0].__name__.rpartition(".")[2]: module.values[0].CHIP for module in plugs("boards")}
    assert dict(boards.BOARDS) == chips


@pytest.mark.parametrize("module", plugs("shockers"))
def test_a_receiver_model_is_two_functions_and_its_actions(module):
    assert set(module.ACTIONS) <= {SHOCK, VIBRATE, SOUND, LIGHT} and {SHOCK, VIBRATE} <= set(module.ACTIONS)
    assert module.encode.__code__.co_varnames[:4] == ("rf_id", "action", "intensity", "channel")
    assert module.stop.__code__.co_varnames[:2] == ("rf_id", "channel")
    for rf_id in (0, 1, 65535):
        trains = [module.encode(rf_id, action, level) for action in module.ACTIONS for level in (0, 1, 99, 100)]
        trains.append(module.stop(rf_id))
        for train in trains:
            assert type(train) is array and train.typecode == "H"
            assert len(train) % 2 == 0 and min(train) > 0 and 0 < sum(train) <= 100_000
    assert module.encode(7, VIBRATE, 150) == module.encode(7, VIBRATE, 100)
    assert module.encode(7, VIBRATE, -1) == module.encode(7, VIBRATE, 0)
    assert module.stop(7) is not module.stop(7)


@pytest.mark.parametrize("module", plugs("shockers"))
def test_a_receiver_model_refuses_what_it_cannot_say(module):
    bad = [(rf_id, VIBRATE, 50, None) for rf_id in (-1, 65536, 1.0, "1", None, True)]
    bad += [(1, action, 50, None) for action in (STOP, 5, -1, "vibrate", None) if action not in module.ACTIONS]
    bad += [(1, action, 50, None) for action in (LIGHT, SOUND) if action not in module.ACTIONS]
    bad += [(1, VIBRATE, level, None) for level in (50.0, float("nan"), "50", None, True)]
    bad += [(1, VIBRATE, 50, channel) for channel in (-1, 99, "1", 1.5)]
    for arguments in bad:
        with pytest.raises(ValueError):
            module.encode(*arguments)
    for rf_id, channel in ((-1, None), (65536, None), (1, 99), (1, -1)):
        with pytest.raises(ValueError):
            module.stop(rf_id, channel)


def _assigned(name):
    """name → literal of a file that holds nothing else."""
    assigned = {}
    for node in BY_NAME[name].tree.body[1:]:
        assert isinstance(node, ast.Assign) and len(node.targets) == 1, ast.unparse(node)
        assigned[node.targets[0].id] = ast.literal_eval(node.value)
    return assigned


@pytest.mark.parametrize("module", plugs("boards"))
def test_a_board_is_plain_data(module):
    names = _assigned(module.__name__)
    assert {"CHIP", "RF_PIN", "ESTOP_PIN", "LED_PIN", "PIXEL_PIN"} <= set(names)
    assert set(names) == set(_assigned("firmware.boards.simulated")), "every board says the same things"
    chip = names.pop("CHIP")
    assert names.pop("FLASH_MB") in (4, 8, 16)
    assert type(names.pop("PIXEL_SWAPPED")) is bool and type(names.pop("LED_INVERTED")) is bool
    assert chip in ook_player.CHIPS or module.__name__.endswith(".simulated")
    assert all(name.endswith("_PIN") for name in names)
    used = [pin for pin in names.values() if pin is not None]
    pins = ook_player.CHIPS[chip][0] if chip in ook_player.CHIPS else 49
    assert all(type(pin) is int and 0 <= pin < pins for pin in used)
    assert len(set(used)) == len(used)


@pytest.mark.parametrize("module", plugs("backends"))
def test_a_backend_speaks_for_one_service(module):
    verbs = ("begin", "errand", "fetched", "request", "hello", "receive", "keepalive", "goodbye")
    assert all(callable(getattr(module.Backend, verb)) for verb in verbs)
    assert module.Backend.OPCODE in (websocket.TEXT, websocket.BINARY)
    service = module.__name__.rpartition(".")[2]
    fields = {name: fields for name, _, fields in backends.BACKENDS}
    for key, label, secret in fields.get(service, ()):
        assert label and secret is settings.is_secret(f"{service}.{key}")
    defaults = {
        key.partition(".")[2]: settings.default(key) for key in settings.names() if key.startswith(service + ".")
    }
    backend = module.Backend(defaults, "agent/1")
    backend.begin(0)
    url, headers = backend.request()
    assert "://" in url and ("User-Agent", "agent/1") in headers
    assert backend.hello(0) and not list(backend.receive(b"", 0))


def test_actions_have_their_names_in_the_order_of_their_numbers():
    assert ACTIONS == ("stop", "shock", "vibrate", "sound", "light")
    assert (STOP, SHOCK, VIBRATE, SOUND, LIGHT) == (0, 1, 2, 3, 4)
