"""Holds joined modules against the rooms they were made of: every name still means what it meant, or there is no build.

Nothing here knows how the new names were chosen. The statements of a joined module are those of its rooms, one room behind
the other; imports and `pass` are left out of the comparison, as what they bring is told by what the names mean.
"""

import ast

from tools import Failure
from tools.naming import scopes

_LEFT_OUT = (ast.Import, ast.ImportFrom, ast.Pass)
_OURS, _ROOM, _FOREIGN, _LOCAL, _BUILTIN = "ours", "room", "foreign", "local", "builtin"


def prove(before, after, order):
    """None. Failure when a name of the modules `after` {module: tree} does not mean what it did `before`.

    `order`: {module of `after`: its rooms, in the order of their statements}; any other is the room of its name.
    """
    order = {module: order.get(module, [module]) for module in after}
    if sorted(room for rooms in order.values() for room in rooms) != sorted(before):
        raise Failure("a room is missing from the joined modules, or there twice")
    old, new = Program(before), Program(after)
    comparison = _Comparison(old, new, {room: module for module, rooms in order.items() for room in rooms})
    for module, rooms in order.items():
        was = [(room, node) for room in rooms for node in _statements(before[room].body)]
        now = _statements(after[module].body)
        if len(was) != len(now):
            raise Failure(f"{module} has {len(now)} statements, of {len(was)}")
        for (room, one), other in zip(was, now):
            comparison.nodes(room, one, module, other)
    comparison.judge()


def _statements(body):
    return [node for node in body if not isinstance(node, _LEFT_OUT)]


class Program:
    """All modules {module: tree}, and what each bare name in them means."""

    def __init__(self, trees):
        self._trees = trees
        self._maps = {module: scopes.Map(tree) for module, tree in trees.items()}
        self._imports, self._places = {}, {}
        for module, names in self._maps.items():
            for node, scope in names.imports:
                for alias in node.names:
                    self._import(module, scope, alias.asname or alias.name.partition(".")[0], self._asked(node, alias))
            for place in names.places:
                self._places[id(place.node), place.field, place.index] = module, place
                home = place.scope.home(place.name)
                if (
                    place.name in place.scope.bound
                    and (module, id(home), place.name) in self._imports
                    and _stores(place)
                ):
                    raise Failure(f"{module}: {place.name} is imported, and bound anew")

    def _import(self, module, scope, name, meaning):
        if self._imports.setdefault((module, id(scope), name), meaning) != meaning:
            raise Failure(f"{module}: {name} is imported as two things")

    def _asked(self, node, alias):
        if isinstance(node, ast.Import):
            return _FOREIGN, None, alias.name
        if f"{node.module}.{alias.name}" in self._trees:
            return _ROOM, f"{node.module}.{alias.name}"
        return (_OURS if node.module in self._trees else _FOREIGN), node.module, alias.name

    def place(self, node, field, index):
        """What the name in that field of a node means, as a tuple; None where no name stands."""
        if (id(node), field, index) not in self._places:
            return None
        module, place = self._places[id(node), field, index]
        scope = place.scope.home(place.name)
        if place.name == "const" and scope is self._maps[module].module:
            return _BUILTIN, "const"  # the compiler's own, imported or not
        if (module, id(scope), place.name) in self._imports:
            return self.origin(self._imports[module, id(scope), place.name])
        if scope is not self._maps[module].module:
            return _LOCAL, id(scope.node), place.name
        return (_OURS, module, place.name) if place.name in scope.bound else (_BUILTIN, place.name)

    def origin(self, meaning):
        """Where the thing was defined that a module may only hand on."""
        kind, *where = meaning
        if kind == _OURS:
            further = self._imports.get((where[0], id(self._maps[where[0]].module), where[1]))
            return self.origin(further) if further else meaning
        return meaning


def _stores(place):
    return not isinstance(place.node, ast.Name) or not isinstance(place.node.ctx, ast.Load)


class _Comparison:
    """Two programs, node by node; what their names mean is put side by side, and judged when everything was seen."""

    def __init__(self, old, new, now_in):
        self._old, self._new, self._now_in = old, new, now_in
        self._pairs = []  # (room, meaning before, meaning after)
        self._same = {}  # id of the node of a scope: that of its counterpart

    def nodes(self, room, one, module, other):
        """None; one node and all in it. Failure when they are not the same but for their names."""
        self._same[id(one)] = id(other)
        asked = self._asked(self._old, one)
        if asked:
            self._pairs.append((room, asked, self._asked(self._new, other) or self._new.place(other, "id", None)))
            return
        if type(one) is not type(other):
            raise self._strange(room, one, module)
        if isinstance(one, ast.Call) and getattr(one.func, "id", "") == "Guests":
            names = [each.value for each in one.args[0].elts]
            if {self._now_in.get(name, name) for name in names} != {each.value for each in other.args[0].elts}:
                raise self._strange(room, one, module)
            self.nodes(room, one.func, module, other.func)
            return
        for field in one._fields:
            was, now = _listed(getattr(one, field)), _listed(getattr(other, field))
            if len(was) != len(now):
                raise self._strange(room, one, module)
            for index, (value, new_value) in enumerate(zip(was, now)):
                if isinstance(value, ast.AST):
                    self.nodes(room, value, module, new_value)
                    continue
                at = index if isinstance(getattr(one, field), list) else None
                meaning = self._old.place(one, field, at)
                if meaning:
                    self._pairs.append((room, meaning, self._new.place(other, field, at)))
                elif value != new_value:
                    raise self._strange(room, one, module)

    def _asked(self, program, node):
        """What `room.name` means, where `room` is a module of ours; None for any other node."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            meaning = program.place(node.value, "id", None)
            if meaning and meaning[0] == _ROOM:
                return program.origin((_OURS, meaning[1], node.attr))
        return None

    def _strange(self, room, node, module):
        return Failure(f"{room}, line {getattr(node, 'lineno', 0)}: {module} has something else")

    def judge(self):
        """None. Failure when one thing became two, two became one, or anything became something else."""
        there, back = {}, {}
        for room, was, now in self._pairs:
            if was[0] == _LOCAL:
                was = (_LOCAL, self._same[was[1]], was[2])
            good = now == was if was[0] != _OURS else now is not None and now[0] == _OURS
            if not good or there.setdefault(was, now) != now or back.setdefault(now, was) != was:
                raise Failure(f"{room}: {was[1:]} became {now and now[1:]}, which is something else")


def _listed(value):
    values = value if isinstance(value, list) else [value]
    return [each for each in values if not isinstance(each, _LEFT_OUT)]
