"""Which classes inherit from one another, and so share their attributes: named tuples among them. No renaming here."""

import ast

from tools.naming import foreign


def called(node):
    """The bare name of what a node calls; None for any other node."""
    return getattr(node.func, "id", None) if isinstance(node, ast.Call) else None


class Family:
    """Classes that inherit from one another: `number`, `classes` (module, Scope), what they have `inherited` from others."""

    def __init__(self, number):
        self.number, self.classes, self.inherited, self.is_error = number, [], set(), False


class Families:
    """All families, and the groups of modules that share one. `rooms`: {module: survey.Room}."""

    TUPLE = "namedtuple"

    def __init__(self, rooms):
        self._of, self._rooms = {}, rooms
        self._groups = {name: name for name in rooms}
        named = {}
        for room in rooms.values():
            for scope in room.classes():
                family = self._of[id(scope)] = Family(("family", room.name, len(self._of)))
                family.classes.append((room.name, scope))
                named[room.name, scope.node.name] = scope
            for call in room.tuples:
                family = self._of[id(call)] = Family(("tuple", room.name, len(self._of)))
                family.inherited |= foreign.OF_TUPLES
        for room in rooms.values():
            for scope in room.classes():
                for base in scope.node.bases:
                    self._inherit(room, scope, base, named)

    def _inherit(self, room, scope, base, named):
        if called(base) == self.TUPLE:
            self._merge(self._of[id(scope)], self._of[id(base)])
            return
        home, name = self._home(room, base)
        family = self._of[id(scope)]
        if (home, name) in named:
            self._merge(family, self._of[id(named[home, name])])
            self._join(room.name, home)
        elif name.endswith(("Exception", "Error")):
            family.is_error = True
            family.inherited |= foreign.OF_EXCEPTIONS
        elif name != "object":
            family.inherited |= foreign.known()

    def _home(self, room, base):
        """(module, name) of a class that is inherited from."""
        if isinstance(base, ast.Attribute):
            return room.rooms.get(getattr(base.value, "id", None)), base.attr
        for node in room.imports:
            for alias in node.names:
                if (alias.asname or alias.name) == base.id:
                    return node.module, alias.name
        return room.name, base.id

    def _merge(self, one, other):
        if one is not other:
            one.classes += other.classes
            one.inherited |= other.inherited
            one.is_error |= other.is_error
            for key, family in self._of.items():
                if family is other:
                    self._of[key] = one

    def _join(self, one, other):
        old, new = sorted((self._groups[one], self._groups[other]), reverse=True)
        for name, group in self._groups.items():
            if group == old:
                self._groups[name] = new

    def every(self):
        """The Families, each once."""
        return list({id(family): family for family in self._of.values()}.values())

    def of(self, _, scope):
        """The Family of a class."""
        return self._of[id(scope)]

    def of_tuple(self, _, call):
        """The Family of a named tuple."""
        return self._of[id(call)]

    def group(self, module):
        """The name of the group of modules that share private names."""
        return self._groups[module]
