"""What the names of a program are about: which are ours to rename, and where two of them may never become one. No renaming here.

A name that two modules use is one name, wherever it stands: nobody knows what `x` is in `x.name`. So a name is renamed
everywhere or nowhere, and two names may share a short one only where no module, and no object, can have both:

* a module's namespace: what it binds at its outermost level, and every other word in it, which must not be hidden;
* a family's: the attributes of classes that inherit from one another, and whatever class body reads;
* all of them: a name that is stored from outside (`turn.ends = …`), as nobody knows into what.

A private name (`_x`) belongs to its module, and to those that share a family with it.
"""

import ast

from tools import Failure
from tools.naming import foreign, scopes
from tools.naming.families import Families, called
from tools.naming.folding import rooms

_BY_TEXT = {"getattr", "setattr", "hasattr", "delattr"}
_NEVER = {"vars", "globals", "locals", "eval", "exec", "__dict__", "__slots__"}


class Room:
    """One module: `tree`, its `map` of scopes, `fields` of named tuples {class: constants}, `constants` that the compiler folds."""

    def __init__(self, name, tree, modules):
        self.name, self.tree, self.map = name, tree, scopes.Map(tree)
        self.imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        self.rooms = rooms(tree, modules)
        self.attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
        self.keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and node.arg}
        self.constants = {node.targets[0].id for node in tree.body if called(getattr(node, "value", None)) == "const"}
        documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        self.texts = {node.value for node in texts if id(node) not in documents}
        self.tuples = [node for node in ast.walk(tree) if called(node) == Families.TUPLE]
        self._classes_by_self = self._find_selves()

    def _find_selves(self):
        """{id of an attribute of `self`: Scope of the class that it belongs to}."""
        found = {}
        for place in self.map.places:
            home = place.scope.home(place.name)
            if (
                place.name != "self"
                or home.kind != scopes.FUNCTION
                or not home.parent
                or home.parent.kind != scopes.CLASS
            ):
                continue
            arguments = scopes.arguments_of(home.node)
            if arguments and arguments[0].arg == "self":
                found[id(place.node)] = home.parent
        return found

    def class_of(self, attribute):
        """The Scope of the class whose `self` this attribute is stored into or read from; None for any other object."""
        return self._classes_by_self.get(id(attribute.value))

    def classes(self):
        """The Scopes of its classes."""
        return [scope for scope in self.map.scopes if scope.kind == scopes.CLASS]


def is_private(name):
    """Whether it is a module's own."""
    return name[0] == "_" and name[1:2] != "_" and len(name) > 1


def fields(call):
    """The constants that name the fields of a named tuple. Failure when they are not written out."""
    listed = call.args[1] if len(call.args) == 2 else None
    if not isinstance(listed, (ast.Tuple, ast.List)) or not all(isinstance(each, ast.Constant) for each in listed.elts):
        raise Failure(f"line {call.lineno}: the fields of a named tuple are to be written out, as a tuple of texts")
    return listed.elts


def reached(trees, by_text):
    """The set of names that the program {module: tree} reaches by a text, as written there; `by_text` says for a module that
    has the text from elsewhere in the texts of which modules it stands. Failure where nobody knows it, or for `eval` and its like.
    """
    rooms = {name: Room(name, tree, set(trees)) for name, tree in trees.items()}
    found = set()
    for room in rooms.values():
        for node in ast.walk(room.tree):
            verb = called(node)
            if verb in _NEVER or getattr(node, "attr", getattr(node, "id", None)) in _NEVER:
                raise Failure(f"{room.name}, line {node.lineno}: names are not to be looked up like that")
            if verb in _BY_TEXT:
                text = node.args[1]
                if isinstance(text, ast.Constant):
                    found.add(text.value)
                elif room.name not in by_text:
                    raise Failure(
                        f"{room.name}, line {node.lineno}: {verb} by a text that nobody knows when it is built"
                    )
                else:
                    found.update(*(rooms[each].texts for each in by_text[room.name] if each in rooms))
    return found


class Survey:
    """The whole program {module: tree}. `doors`: {module: names that others call it by}; `reached`: names that are reached by
    a text; without `public` only private names are ours to rename. Failure for whatever could not be renamed safely."""

    def __init__(self, trees, doors, reached, public=True):
        self.rooms = {name: Room(name, tree, set(trees)) for name, tree in trees.items()}
        self._families = Families(self.rooms)
        self._public = public
        self.fixed = set(foreign.known()) | {"self"} | reached
        for names in doors.values():
            self.fixed.update(names)
        for room in self.rooms.values():
            self.fixed |= room.keywords | set(room.name.split("."))
            self.fixed.update(
                name for name in room.constants if not is_private(name)
            )  # the compiler puts them in by name
            self.fixed |= set(_strangers(room, self.rooms))
        for family in self._families.every():
            if family.is_error:
                self.fixed.update(name for _, scope in family.classes for name in [scope.node.name])  # the log tells it
        self._look_at_all()
        self.unknown = set(self._unknown())
        if self.unknown:  # they stay as they are
            self.fixed |= self.unknown
            self._look_at_all()
        self._check()

    def _look_at_all(self):
        self.spaces = {}  # namespace: set of keys of names in it
        self.taken = {}  # namespace: words in it that stay
        self._defined, self._everywhere = set(), set()
        for room in self.rooms.values():
            self._look(room)

    def _unknown(self):
        """Public names that are read of an object, and that nobody defines: neither we nor MicroPython."""
        for room in self.rooms.values():
            for node in room.attributes:
                key = self.key(room, node.attr)
                if isinstance(key, str) and key not in self._defined:
                    yield key

    def key(self, room, name):
        """What stands for a name in a Room: the name, or (group of modules, name) for a private one. None for one that stays."""
        if name in self.fixed or name in room.constants or name[:2] == "__" or len(name) < 2:
            return None
        if not self._public and not is_private(name):
            return None
        return (self._families.group(room.name), name) if is_private(name) else name

    def everywhere(self):
        """The keys of names that are stored from outside."""
        return {key for key in self._everywhere if key is not None}

    def is_global(self, room, place):
        """Whether a bare name is one that its module binds at its outermost level."""
        home = place.scope.home(place.name)
        return home.kind == scopes.MODULE and place.name in home.bound

    def is_ours(self, room, place):
        """Whether a bare name may be renamed here: bound by its module or in the body of a class."""
        return place.scope.home(place.name).kind == scopes.CLASS or self.is_global(room, place)

    def _add(self, space, room, name):
        key = self.key(room, name)
        if key is None:
            self.taken.setdefault(space, set()).add(name)
        else:
            self.spaces.setdefault(space, set()).add(key)

    def _look(self, room):
        for place in room.map.places:
            home = place.scope.home(place.name)
            if self.is_global(room, place):
                self._add(room.name, room, place.name)
            elif home.kind != scopes.CLASS:
                self.taken.setdefault(room.name, set()).add(place.name)
            if place.scope.kind == scopes.CLASS:
                self._add(self._families.of(room.name, place.scope).number, room, place.name)
        for scope in room.map.scopes:
            if scope.kind == scopes.FUNCTION:
                self.taken.setdefault(room.name, set()).update(scope.bound)
        for name in room.map.module.bound:
            self._add(room.name, room, name)
            if name not in room.rooms:
                self._defined.add(self.key(room, name))
        for scope in room.classes():
            family = self._families.of(room.name, scope)
            self.taken.setdefault(family.number, set()).update(family.inherited)
            for name in scope.bound:
                self._define(family, room, name)
        self._look_at_attributes(room)

    def _define(self, family, room, name):
        self._add(family.number, room, name)
        self._defined.add(self.key(room, name))

    def _look_at_attributes(self, room):
        for node in room.attributes:
            scope = room.class_of(node)
            if scope:
                self._add(self._families.of(room.name, scope).number, room, node.attr)
            if not isinstance(node.ctx, ast.Load):
                self._defined.add(self.key(room, node.attr))
                if not scope:
                    self._everywhere.add(self.key(room, node.attr))
        for call in room.tuples:
            family = self._families.of_tuple(room.name, call)
            self.taken.setdefault(family.number, set()).update(family.inherited)
            for field in fields(call):
                self._define(family, room, field.value)

    def _check(self):
        """None. Failure for a private name that its module does not define."""
        for room in self.rooms.values():
            for node in room.attributes:
                if node.attr in room.constants:
                    raise Failure(f"{room.name}, line {node.lineno}: {node.attr} is a constant of the module, too")
                key = self.key(room, node.attr)
                if key is not None and key not in self._defined:
                    raise Failure(f"{room.name}, line {node.lineno}: who defines {node.attr}?")
            for node in room.imports:
                for alias in node.names:
                    if is_private(alias.name):
                        raise Failure(f"{room.name} imports {alias.name}, which is private")


def _strangers(room, modules):
    """Names under which a Room imports what is not ours."""
    for node in ast.walk(room.tree):
        if isinstance(node, ast.Import) or isinstance(node, ast.ImportFrom) and node.module not in modules:
            for alias in node.names:
                yield from {alias.name, alias.asname or alias.name}
