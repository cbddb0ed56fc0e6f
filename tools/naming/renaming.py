"""Writes the chosen names into the trees of a program; then gives parameters and functions inside of functions short ones, too."""

import ast
import itertools

from tools.naming import scopes
from tools.naming.choosing import letters
from tools.naming.foreign import FREE
from tools.naming.survey import fields


def rename(survey, table):
    """None; every Room of the Survey has the names of `table` {key: short name}."""
    for room in survey.rooms.values():

        def short(name, room=room):
            return table.get(survey.key(room, name), name)

        for place in [each for each in room.map.places if survey.is_ours(room, each)]:
            place.short = short(place.name)  # first look, then write: a name means what it meant
        for place in room.map.places:
            if place.short:
                place.name = place.short
        for node in room.attributes:
            node.attr = short(node.attr)
        for call in room.tuples:
            for field in fields(call):
                field.value = short(field.value)
        for node in room.imports:
            if node.module in survey.rooms:
                for alias in node.names:
                    _import(alias, short, node in room.tree.body)


def _import(alias, short, is_global):
    """None; the import takes the short name; inside of a function the old one is what it is called there."""
    bound = alias.asname or alias.name
    alias.name = short(alias.name)
    bound = short(bound) if is_global else bound
    alias.asname = None if bound == alias.name else bound


def shorten_locals(tree, by_name):
    """None; parameters, and functions inside of functions, have names that their module has anyway; those in `by_name` stay."""
    there = _there(tree)
    names = scopes.Map(tree)
    for scope in names.scopes:
        if scope.kind != scopes.FUNCTION:
            continue
        inside = [place for place in names.places if _within(place.scope, scope)]
        words = {place.name for place in inside}.union(*(each.bound for each in names.scopes if _within(each, scope)))
        free = (name for name in itertools.chain(there, FREE, letters()) if name not in words and name not in by_name)
        for old in _candidates(scope, by_name):
            new = next(free)
            for place in inside:
                if place.name == old and place.scope.home(old) is scope:
                    place.short = new
            for place in inside:
                if place.short:
                    place.name, place.short = place.short, None
            scope.bound = (scope.bound - {old}) | {new}


def _within(scope, outer):
    while scope and scope is not outer:
        scope = scope.parent
    return scope is outer


def _candidates(scope, by_name):
    """The names bound in a function that a .mpy has to have: its parameters, and the functions inside of it."""
    names = []
    if hasattr(scope.node, "args"):
        names = [argument.arg for argument in scopes.arguments_of(scope.node)]
        body = scope.node.body if isinstance(scope.node.body, list) else []
        names += [node.name for node in body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    imported = {
        alias.asname or alias.name
        for node in ast.walk(scope.node)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return [name for name in names if name not in by_name and name not in imported and name not in scope.outside]


def _there(tree):
    """The names that the module has anyway, the cheapest first."""
    counts = {}
    for node in ast.walk(tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if isinstance(name, str) and name in _FREE:
            counts[name] = counts.get(name, 0) + 1
    return sorted(counts, key=lambda name: (-counts[name], name))


_FREE = set(FREE)
