"""Gives private names and parameters short ones when the firmware is compiled: `self._scheduler` becomes `self._a`, in each
module anew, and `def add(shocker)` becomes `def add(a)`.

A device keeps every name that it has ever met, for ever, in tables that double; private names were half of them. What is
renamed begins with one underscore, and is defined in the module that uses it. Modules whose classes inherit from one another
share their names. A parameter keeps its name when anybody passes it by name. Constants (`_X = const(1)`) are left alone: the
compiler leaves nothing of them.
"""

import ast
import itertools
import string

from tools import Failure

_BY_NAME = {"self"}


def shortened(sources):
    """{module: source} with short names, for {module: source}; modules by their dotted names.

    Failure when one of them uses a private name of another one's.
    """
    rooms = {module: _Room(ast.parse(source)) for module, source in sources.items()}
    _lend(rooms)
    by_name = _BY_NAME.union(*(room.keywords for room in rooms.values()))
    result = {}
    for group in _families(rooms):
        own = set().union(*(rooms[module].defined for module in group))
        taken = set().union(*(rooms[module].words for module in group))
        short = dict(zip(sorted(own), (name for name in _short() if name not in taken)))
        for module in group:
            tree = _Renaming(short).visit(rooms[module].tree)
            result[module] = ast.unparse(_Parameters(by_name).visit(tree))
    return result


class _Room:
    """One module: its `tree`, the private names `defined` and `used` in it, all `words` in it, the modules it inherits from."""

    def __init__(self, tree):
        self.tree = tree
        self.defined, self.used, self.words, self.ancestors = set(), set(), set(), set()
        imported = {}
        self.keywords = {node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword)}
        for node in ast.walk(tree):
            name, stores = _named(node)
            if name:
                self.words.add(name)
            if name and _is_private(name):
                self.used.add(name)
                if stores:
                    self.defined.add(name)
            if isinstance(node, ast.ImportFrom):
                imported.update({alias.asname or alias.name: node.module for alias in node.names})
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                self.ancestors |= {imported[base.id] for base in node.bases if getattr(base, "id", None) in imported}
        self.defined -= _constants(tree)
        self.used -= _constants(tree)


def _lend(rooms):
    """None; Failure when a module uses a private name of another one's."""
    for module, room in rooms.items():
        family = [rooms[other] for group in _families(rooms) if module in group for other in group]
        strangers = room.used - set().union(*(each.defined for each in family))
        if strangers:
            raise Failure(f"{module} uses private names of another module: {', '.join(sorted(strangers))}")


def _families(rooms):
    """Lists of modules; those with heirs and ancestors among them are in one."""
    groups = {module: [module] for module in rooms}
    for module, room in rooms.items():
        for ancestor in room.ancestors & set(rooms):
            if groups[ancestor] is not groups[module]:
                groups[ancestor].extend(groups[module])
                for each in groups[module]:
                    groups[each] = groups[ancestor]
    return [group for module, group in groups.items() if group[0] == module]


def _named(node):
    """(the name that `node` is about or None, whether it comes into being here)."""
    if isinstance(node, ast.Name):
        return node.id, isinstance(node.ctx, ast.Store)
    if isinstance(node, ast.Attribute):
        return node.attr, isinstance(node.ctx, ast.Store)
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name, True
    if isinstance(node, ast.arg):
        return node.arg, True
    if isinstance(node, ast.keyword):
        return node.arg, False
    return None, False


def _is_private(name):
    return name[0] == "_" and len(name) > 1 and name[1] != "_"


def _constants(tree):
    """The names that are `const(...)` in the module."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(getattr(node.value, "func", None), "id", "") == "const":
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _short():
    """_a, _b … _z, _A …, then with two letters."""
    for size in itertools.count(1):
        for letters in itertools.product(string.ascii_letters, repeat=size):
            yield "_" + "".join(letters)


class _Renaming(ast.NodeTransformer):
    """Renames by the table `short`; takes annotations and docstrings along as they are."""

    def __init__(self, short):
        self._table = short

    def visit(self, node):
        """`node`, renamed."""
        for field in ("id", "attr", "name", "arg"):
            name = getattr(node, field, None)
            if isinstance(name, str) and not isinstance(node, (ast.alias, ast.ExceptHandler)) and name in self._table:
                setattr(node, field, self._table[name])
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            node.names = [self._table.get(name, name) for name in node.names]
        return self.generic_visit(node)


class _Parameters(ast.NodeTransformer):
    """Renames the parameters of each function, and what means them in it; those in `by_name` stay."""

    def __init__(self, by_name):
        self._by_name = by_name

    def _visit_function(self, node):
        words, fixed = set(), set(self._by_name)
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                words.add(each.id)
            elif isinstance(each, ast.arg):
                words.add(each.arg)
            elif isinstance(each, (ast.Global, ast.Nonlocal)):
                fixed |= set(each.names)
            elif isinstance(each, (ast.ExceptHandler, ast.alias, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                fixed |= {each.name, getattr(each, "asname", None)}
        free = (letter for letter in string.ascii_letters if letter not in words and letter not in fixed)
        table = {}
        for argument in _arguments(node.args):
            if argument.arg not in fixed and len(argument.arg) > 1 and argument.arg[0] != "_":
                table[argument.arg] = next(free)
        for each in ast.walk(node):
            if isinstance(each, ast.Name):
                each.id = table.get(each.id, each.id)
            elif isinstance(each, ast.arg):
                each.arg = table.get(each.arg, each.arg)
        return self.generic_visit(node)

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = _visit_function


def _arguments(arguments):
    extra = [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *extra]
