"""What can be chosen in the set-up: boards by their chip, backends with their fields. In memory only while a menu is made.

To look at each plug would load them all, and their names never leave the memory again. So the build writes down what is in
them (tools/menus.py); where nobody has built anything, the plugs themselves are asked.
"""

import json

from lib import plugs

BOARDS = "firmware.boards"
BACKENDS = "firmware.backends"
FILE = "firmware/menus.json"
_FIRST = ("openshock_gateway", "openshock_user")  # what most people are looking for


def boards(chip):
    """The names of all boards with that chip, as a person sees them, sorted."""
    return [shown(name) for name, of in _written()["boards"] if of == chip]


def backends():
    """[(name, label, fields)] of all backends, in_order; fields: (key, label, whether it is a secret)."""
    return [tuple(entry) for entry in _written()["backends"]]


def shown(name):
    """A board's name as a person sees it."""
    return name.lower().replace("_", "-")


def in_order(names):
    """These names of backends as a menu lists them: OpenShock's own ways first, the others as they come."""
    return [name for name in _FIRST if name in names] + [name for name in names if name not in _FIRST]


def looked():
    """What the plugs themselves say: {"boards": [[name, chip]], "backends": [[name, label, fields]]}."""
    return {
        "boards": [[name, plugs.glance(BOARDS, name, _chip)] for name in plugs.names(BOARDS)],
        "backends": [[name] + plugs.glance(BACKENDS, name, _account) for name in in_order(plugs.names(BACKENDS))],
    }


def _written():
    place = plugs.find(FILE)
    if place is None:
        return looked()
    with open(place) as file:
        return json.load(file)


def _chip(board):
    return board.CHIP


def _account(backend):
    return [getattr(backend, "LABEL", backend.__name__.rpartition(".")[2].replace("_", " ")), backend.FIELDS]
