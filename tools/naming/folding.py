"""Puts whole numbers in the place of the names that stand for them in other modules: `command.STOP` becomes 0. No renaming here.

A public constant costs its module a name and an entry, and each reader a name, an import and the code that looks it up.
"""

import ast

from tools import Failure


def folded(trees, kept):
    """None; in {module: tree} the public whole numbers of modules that are not in `kept` are put where they are used.

    A number that is reached in another way than by its module or by an import stays: as an attribute of whatever plug was
    loaded, or by a text. Failure when a module binds a name anew that it has imported as a number.
    """
    by_other_ways = set().union(*(_by_other_ways(module, tree, set(trees)) for module, tree in trees.items()))
    numbers = {
        (module, name): value
        for module, tree in trees.items()
        if module not in kept
        for name, value in _own(tree)
        if name not in by_other_ways
    }
    _handed_on(trees, numbers)
    for tree in trees.values():
        _drop_const(tree)
    for module, tree in trees.items():
        _Folding(module, tree, numbers, set(trees)).visit(tree)
        ast.fix_missing_locations(tree)


def _drop_const(tree):
    """None; `from micropython import const` goes where the compiler finds every `const(…)` by itself: it never asks who that is."""
    calls = [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "const"
    ]
    assigned_to = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    named = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == "const"]
    known = {node.targets[0].id for node in tree.body if isinstance(node, ast.Assign) and node.value in calls}
    if any(call not in assigned_to or not _is_literal(call.args[0], known) for call in calls) or len(named) != len(
        calls
    ):
        return
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "micropython":
            node.names = [alias for alias in node.names if alias.name != "const"]
    tree.body[:] = [node for node in tree.body if not isinstance(node, ast.ImportFrom) or node.names]


def _is_literal(value, known):
    """Whether the compiler can compute it: numbers, texts, tuples of them, sums, and the constants that it knows."""
    kinds = (ast.Constant, ast.Tuple, ast.BinOp, ast.UnaryOp, ast.operator, ast.unaryop, ast.expr_context)
    for node in ast.walk(value):
        if not isinstance(node, kinds) and not (isinstance(node, ast.Name) and node.id in known):
            return False
    return True


def _handed_on(trees, numbers):
    """None; a number that a module has imported is also that module's own."""
    before = -1
    while before != len(numbers):
        before = len(numbers)
        for module, tree in trees.items():
            for node in tree.body:
                for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                    if (node.module, alias.name) in numbers:
                        numbers[module, alias.asname or alias.name] = numbers[node.module, alias.name]


def rooms(tree, modules):
    """{name: module}: what a module's tree imports of our `modules`, by the names it gives them."""
    return {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if f"{node.module}.{alias.name}" in modules
    }


def _by_other_ways(module, tree, modules):
    imported = rooms(tree, modules)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) not in imported:
            yield node.attr
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _own(tree):
    """(name, number) of each public name that the module binds once, at its outermost level, to a whole number."""
    bound = _bound(tree)
    for node in tree.body:
        name, value = assigned(node)
        if name and name.isupper() and name[0] != "_" and bound.count(name) == 1:
            yield name, value


def _bound(tree):
    """The names that are stored to anywhere in a module: variables, parameters, attributes."""
    names = [node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)]
    for node in ast.walk(tree):
        if isinstance(node, (ast.Name, ast.Attribute)) and not isinstance(node.ctx, ast.Load):
            names.append(node.id if isinstance(node, ast.Name) else node.attr)
    return names


def assigned(node):
    """(name, number) when `node` is `NAME = 1` or `NAME = const(1)`; (None, None) otherwise."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        return None, None
    value = node.value
    if isinstance(value, ast.Call) and getattr(value.func, "id", None) == "const":
        value = value.args[0]
    try:
        value = ast.literal_eval(value)
    except ValueError:
        return None, None
    return (node.targets[0].id, value) if type(value) is int else (None, None)


class _Folding(ast.NodeTransformer):
    def __init__(self, module, tree, numbers, modules):
        self._numbers, self._rooms = numbers, rooms(tree, modules)
        self._here = {name: value for (home, name), value in numbers.items() if home == module}
        bound = _bound(tree)
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                if (node.module, alias.name) in numbers:
                    name = alias.asname or alias.name
                    if name in bound:
                        raise Failure(f"{module}: {name} is imported, and bound anew")
                    self._here[name] = numbers[node.module, alias.name]

    def visit_ImportFrom(self, node):
        node.names = [alias for alias in node.names if (node.module, alias.name) not in self._numbers]
        return node if node.names else ast.Pass()

    def visit_Assign(self, node):
        name, value = assigned(node)
        if name in self._here and self._here[name] == value:
            return ast.Pass()
        return self.generic_visit(node)

    def visit_Name(self, node):
        if isinstance(node.ctx, ast.Load) and node.id in self._here:
            return ast.Constant(self._here[node.id])
        return node

    def visit_Attribute(self, node):
        whole = self._rooms.get(getattr(node.value, "id", None))
        if isinstance(node.ctx, ast.Load) and (whole, node.attr) in self._numbers:
            return ast.Constant(self._numbers[whole, node.attr])
        return self.generic_visit(node)
