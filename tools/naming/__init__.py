"""Gives the firmware's names short ones when it is compiled: `self._scheduler.wanted` becomes `self.find.rindex`, everywhere.

A device keeps every name that it has ever met, for ever, in tables that double, and every .mpy carries the names it uses.
The short ones are names that every MicroPython has in its ROM. Public and private names, parameters, fields of named tuples;
whole numbers that other modules read are put where they are read. What others call us by keeps its name: DOORS.

A plug that somebody adds is compiled together with all the rest: a .mpy of one build does not fit into another's image.
"""

import ast
from collections import namedtuple

from tools.naming import folding, joining, joinproof, proof, renaming
from tools.naming.choosing import chosen
from tools.naming.survey import Survey, reached

# what is not compiled with the firmware, or one by one for each board: {module: names}
DOORS = {
    "firmware.app": ("run",),  # main.py
    "firmware.image": ("BOARD", "LAYOUT", "COUNTER"),  # tools/images/app.py, tools/deploy/scripts.py
    "firmware.keys": ("KEYS",),
    "firmware.version": ("VERSION",),
}
# attributes reached by a text: {module that does: modules in which the texts stand}
BY_TEXT = {
    "firmware.app": ("firmware.app", "firmware.versions"),  # the mode that an update wants
    "firmware.setup_api": ("firmware.setup_api",),  # ACTS
    "lib.guests": ("lib.guests",),  # names of modules, which stay
    "lib.plugs": ("lib.plugs",),  # the same
    "lib.websock": ("lib.websock",),  # what it offers of wsopen's
}
# rooms that are in memory together, in one module of the image: {its head: the others}
TOGETHER = {
    "firmware.app": (  # in every mode
        "firmware.boot_button",
        "firmware.cable",
        "firmware.command",
        "firmware.core",
        "firmware.dispatcher",
        "firmware.estop",
        "firmware.fingers",
        "firmware.hardware",
        "firmware.ledger",
        "firmware.news",
        "firmware.radio",
        "firmware.safety",
        "firmware.scheduler",
        "firmware.seldom",
        "firmware.status_led",
        "firmware.timekeeper",
        "firmware.wifi",
        "lib.addresses",
        "lib.clock",
        "lib.guests",
        "lib.hangup",
        "lib.heartbeat",
        "lib.jsontext",
        "lib.log",
        "lib.nvs",
        "lib.ook",
        "lib.plugs",
        "lib.pulses",
        "lib.roots",
        "lib.tasks",
        "lib.terminal",
        "lib.utf8",
    ),
    "firmware.link": ("firmware.links",),
    "lib.websock": ("lib.wsframe",),
    "lib.fetch": ("lib.dial", "lib.http1", "lib.resolver", "lib.tls"),
    "firmware.joining": ("firmware.networks",),
    "firmware.console": ("lib.improv",),
    "firmware.talk": ("lib.hubjson", "lib.signalr"),
    "firmware.backends.dsp_fleet": ("firmware.dsp_account",),
    "firmware.backends.openshock_gateway": ("lib.flatbuf",),
    "firmware.backends.valtronics": ("firmware.valtronics",),
    "firmware.setting_up": (
        "firmware.access_point",
        "firmware.guest",
        "firmware.portal",
        "firmware.setup",
        "firmware.setup_account",
        "firmware.setup_api",
        "firmware.setup_board",
        "firmware.setup_wifi",
        "lib.captive_dns",
        "lib.httphead",
    ),
}


# sources: {module: text} · names: {module: {short: list of the names that it stands for there}}
# · unknown: set of attributes that nobody defines, which stay
Shortened = namedtuple("Shortened", ("sources", "names", "unknown"))


def shortened(sources, public=True, doors=None, by_text=None, together=None):
    """A Shortened of {module: source}; modules by their dotted names. Failure when a name cannot be renamed safely.

    Without `public` only private names, parameters and constants change: for a program that calls our rooms by name.
    """
    doors = DOORS if doors is None else doors
    trees = {module: ast.parse(source) for module, source in sources.items()}
    by_texts = reached(trees, by_text or BY_TEXT)
    rooms = {}
    if public:
        folding.folded(trees, doors)
        trees, rooms = _joined(trees, TOGETHER if together is None else together, doors)
    plain = {module: ast.unparse(tree) for module, tree in trees.items()}
    survey = Survey({module: ast.parse(text) for module, text in plain.items()}, doors, by_texts, public)
    table = chosen(survey)
    proof.prove_apart(survey, table)
    renaming.rename(survey, table)
    by_name = {"self"}.union(*(room.keywords for room in survey.rooms.values()))
    result = {}
    for module, room in survey.rooms.items():
        renaming.shorten_locals(room.tree, by_name)
        result[module] = ast.unparse(room.tree)
        proof.prove(ast.parse(plain[module]), ast.parse(result[module]))
    return Shortened(result, _told(survey, table, rooms), survey.unknown)


def _joined(trees, together, doors):
    """({module: tree}, {head: {name: rooms that define it}}): the rooms are joined, and proved against what they were."""
    before = {module: ast.parse(ast.unparse(tree)) for module, tree in trees.items()}
    together = {head: rooms for head, rooms in together.items() if head in trees}
    made, order = joining.joined(trees, together, doors)
    joinproof.prove(before, {module: ast.parse(ast.unparse(tree)) for module, tree in made.items()}, order)
    rooms = {head: {} for head in order}
    for head, others in order.items():
        for room in others:
            for node in ast.walk(before[room]):
                if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
                    rooms[head].setdefault(node.name, set()).add(room.rpartition(".")[2])
    return made, rooms


def _told(survey, table, rooms):
    """{module: {short: sorted list of names}}: what a short name stands for there; `room.name` where several rooms are joined."""
    names = {module: {} for module in survey.rooms}
    for space, keys in survey.spaces.items():
        module = space[1] if isinstance(space, tuple) else space
        for key in keys:
            name = key[1] if isinstance(key, tuple) else key
            defined_in = rooms.get(module, {}).get(name, ())
            of_short = names[module].setdefault(table[key], set())
            of_short.update([f"{room}.{name}" for room in defined_in] or [name])
    return {module: {short: sorted(olds) for short, olds in sorted(of_it.items())} for module, of_it in names.items()}
