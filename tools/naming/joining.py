"""Joins rooms that are in memory together into one module, when images are built. Whoever else imports them follows.

A module costs a device some 400 bytes: its tables, the imports of its neighbours, and four names that are kept for ever. What
one room asks of another in the same module becomes a name of that module: `tasks.keep(…)` becomes `keep(…)`.
"""

import ast

from tools import Failure
from tools.naming import scopes

_CONST = "const"  # the compiler knows it by that name alone, imported or not


def joined(trees, together, doors):
    """({module: tree}, {head: its rooms in order}) of `trees`: the rooms of each `together` {head: modules} are one module.

    `doors`: {module: names that keep theirs}. Failure for what has no equal in a joined module: a room that is passed on as a
    value, two that need one another, guests that are only a part of their module.
    """
    heads = {room: head for head, rooms in together.items() for room in (*rooms, head)}
    rooms = {module: Room(module, tree, set(trees), heads) for module, tree in trees.items()}
    groups = {head: _in_order([rooms[each] for each in (*others, head)]) for head, others in together.items()}
    names = {}
    for head, group in groups.items():
        names.update(_names(group, {(head, name) for name in doors.get(head, ())}))
    for room in rooms.values():
        room.check(rooms)
        room.rewrite(names)
        _guests(room, heads)
    made = {module: room.tree for module, room in rooms.items() if module not in heads}
    for head, group in groups.items():
        made[head] = ast.Module([statement for room in group for statement in room.tree.body], [])
    order = {head: [room.module for room in group] for head, group in groups.items()}
    return {module: _tidy(tree) for module, tree in made.items()}, order


def _in_order(rooms):
    """The Rooms of one module, each behind those that it needs."""
    waiting, done = list(rooms), []
    while waiting:
        ready = [room for room in waiting if not room.needs() & {each.module for each in waiting}]
        if not ready:
            raise Failure(f"{', '.join(room.module for room in waiting)}: they need one another, and cannot be joined")
        done += ready
        waiting = [room for room in waiting if room not in ready]
    return done


def _names(group, kept):
    """{(module, name): new name} for what would meet a name of the same spelling in the joined module, of another meaning."""
    words = {room.module: room.meanings() for room in group}
    every = set().union(*words.values())
    names = {}
    for room in group:
        for name in room.own():
            mine = room.meaning(room.map.module, name)
            others = set().union(*(words[other.module].get(name, ()) for other in group if other is not room))
            if others - {mine} and (room.module, name) not in kept:
                new = names[room.module, name] = f"{name}_{room.module.replace('.', '_')}"
                if new in every:
                    raise Failure(f"{room.module}: {name} cannot become {new}, which there is")
                every.add(new)
    return names


class Room:
    """One module on its way: its `tree`, and what each name in it means."""

    def __init__(self, module, tree, modules, heads):
        self.module, self.tree = module, _Single().visit(tree)
        self.map = scopes.Map(self.tree)
        self._heads = heads
        # what binds a name: {(id of a scope, name): (node, module, name of one of ours or None for the module itself)}
        self._imports = {
            (id(scope), bound_by(node)): (node, *_asked(node, modules, heads)) for node, scope in self.map.imports
        }

    def needs(self):
        """The modules of ours that must have run before this one."""
        return {module for (scope, _), (_, module, _) in self._imports.items() if scope == id(self.map.module)}

    def meanings(self):
        """{name: set of what it means somewhere in here}, without the names of what will be in the same module."""
        words = [(place.scope.home(place.name), place.name) for place in self.map.places]
        words += [(scope, name) for scope in self.map.scopes for name in scope.bound]
        found = {}
        for scope, name in words:
            if not self._is_near(scope, name):
                found.setdefault(name, set()).add(self.meaning(scope, name))
        return found

    def own(self):
        """The names that it brings into the module that it will be in, sorted."""
        return sorted(name for name in self.map.module.bound if not self._is_near(self.map.module, name))

    def meaning(self, scope, name):
        """What `name` means in that scope: a tuple, equal for what is the same thing in two modules."""
        if scope is not self.map.module:
            return ("local",)
        if name not in scope.bound or name == _CONST:
            return ("builtin",)
        if (id(scope), name) in self._imports:
            node = self._imports[id(scope), name][0]
            return "import", getattr(node, "module", None), node.names[0].name
        return "own", self.module

    def check(self, rooms):
        """None. Failure when it imports from a joined room of {module: Room} what that does not have."""
        for _, module, name in self._imports.values():
            if name and module in self._heads and name not in rooms[module].map.module.bound:
                raise Failure(f"{self.module} imports {name}, which {module} does not have")

    def _is_near(self, scope, name):
        module = self._imports.get((id(scope), name), (None, None))[1]
        return module in self._heads and self._heads[module] == self._heads.get(self.module)

    def rewrite(self, names):
        """None; in its tree everything has its name of `names` {(module, name): name}, and is imported from where it is now."""
        parents = {id(child): node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        goes = {}
        for place in self.map.places:
            scope, old = place.scope.home(place.name), place.name
            _, module, name = self._imports.get((id(scope), old), (None, None, None))
            near = self._is_near(scope, old)
            if scope is self.map.module and old in scope.bound:
                place.short = names.get((self.module, old))
            if module in self._heads and name is not None and near:
                place.short = names.get((module, name), name)
            if module in self._heads and name is None:
                attribute = self._attribute(parents[id(place.node)], old)
                attribute.attr = names.get((module, attribute.attr), attribute.attr)
                if near:
                    goes[id(attribute)] = attribute.attr
        for (scope, bound), (node, module, name) in self._imports.items():
            new = names.get((self.module, bound), bound) if scope == id(self.map.module) else bound
            self._import(node, module, name, new, names)
        for place in self.map.places:
            if place.short:
                place.name, place.short = place.short, None
        self.tree = _Attributes(goes).visit(self.tree)

    def _attribute(self, node, room):
        if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Load):
            raise Failure(f"{self.module}, line {node.lineno}: {room} is used as a value, and cannot be joined")
        return node

    def _import(self, node, module, name, bound, names):
        """None; the import asks the module where the thing is now, or is empty where that is the same one."""
        asked = node.names[0].name
        if module in self._heads:
            head = self._heads[module]
            if head == self._heads.get(self.module):
                node.names = []
                return
            node.module, asked = (head, names.get((module, name), name)) if name else head.rpartition(".")[::2]
        node.names = [ast.alias(asked, None if bound == asked else bound)]


def bound_by(node):
    """The name that an import of a single thing binds."""
    alias = node.names[0]
    return alias.asname or alias.name.partition(".")[0]


def _asked(node, modules, heads):
    """(module, name) of ours that an import asks for, the name None for the module itself; (None, None) for a stranger."""
    if isinstance(node, ast.Import):
        if node.names[0].name in heads:
            raise Failure(f"line {node.lineno}: import {node.names[0].name}: rooms are imported from their package")
        return None, None
    whole = f"{node.module}.{node.names[0].name}"
    if whole in modules:
        return whole, None
    return (node.module, node.names[0].name) if node.module in modules else (None, None)


def _guests(room, heads):
    """None; who names guests names the modules that they are in now. Failure when only a part of a module is a guest."""
    for node in ast.walk(room.tree):
        if not isinstance(node, ast.Call) or getattr(node.func, "id", "") != "Guests":
            continue
        listed = {each.value for each in node.args[0].elts}
        for head in {heads[each] for each in listed if each in heads}:
            missing = {each for each, its_head in heads.items() if its_head == head} - listed
            if missing:
                raise Failure(f"{room.module}: {missing} are in one module with its guests, and are none")
        named = sorted({heads.get(each, each) for each in listed})
        node.args[0].elts = [ast.Constant(each) for each in named]


class _Single(ast.NodeTransformer):
    """Every import asks for one thing."""

    def visit_ImportFrom(self, node):
        """As many imports as there are names in this one."""
        return [ast.copy_location(ast.ImportFrom(node.module, [alias], 0), node) for alias in node.names]

    def visit_Import(self, node):
        """The same."""
        return [ast.copy_location(ast.Import([alias]), node) for alias in node.names]


class _Attributes(ast.NodeTransformer):
    """`room.name` becomes `name`, for the attributes of {id: name}."""

    def __init__(self, names):
        self._names = names

    def visit_Attribute(self, node):
        """The bare name, or what it was."""
        if id(node) in self._names:
            return ast.copy_location(ast.Name(self._names[id(node)], ast.Load()), node)
        return self.generic_visit(node)


def _tidy(tree):
    """The tree, without empty imports and, at its outermost level, without those that were made before."""
    seen = set()
    for node in list(ast.walk(tree)):
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if isinstance(body, list):
                kept = list(_each_once(body, seen if node is tree else set()))
                setattr(node, field, kept or [ast.Pass()] if body else body)
    return ast.fix_missing_locations(tree)


def _each_once(body, seen):
    """The statements of a body: imports of one module that follow one another are one."""
    last = None
    for node in body:
        if not isinstance(node, (ast.Import, ast.ImportFrom)):
            last = None
            yield node
            continue
        node.names = [alias for alias in node.names if _key(node, alias) not in seen]
        seen.update(_key(node, alias) for alias in node.names)
        if not node.names:
            continue
        if isinstance(node, ast.ImportFrom) and last is not None and last.module == node.module:
            last.names += node.names
            continue
        last = node if isinstance(node, ast.ImportFrom) else None
        yield node


def _key(node, alias):
    return getattr(node, "module", None), alias.name, alias.asname
