"""Holds a renamed program against the one it was made of: every name still means what it meant, or there is no build."""

import ast

from tools import Failure
from tools.naming import scopes


def prove(old, new):
    """None. Failure when a bare name of the module `new` (tree) does not mean the same thing as in the module `old`.

    Bare names are met in the same order in both; two that were bound in one scope or in two must be so still, and none may
    have become another's, or hide it. Nothing here knows how the names were chosen.
    """
    before, after = scopes.Map(old), scopes.Map(new)
    if [type(node) for node in ast.walk(old)] != [type(node) for node in ast.walk(new)]:
        raise Failure("the renamed module is not the same program")
    number = {id(scope): index for map in (before, after) for index, scope in enumerate(map.scopes)}
    there, back = {}, {}
    for one, other in zip(before.places, after.places):
        home, goal = one.scope.home(one.name), other.scope.home(other.name)
        where = number[id(home)]
        bound = one.name in home.bound
        if where != number[id(goal)] or bound != (other.name in goal.bound):
            raise Failure(f"{one.name} became {other.name}, which means something else there")
        if not bound and one.name != other.name:
            raise Failure(f"{one.name} is nobody's, and became {other.name}")
        if there.setdefault((where, one.name), other.name) != other.name:
            raise Failure(f"{one.name} became two names")
        if back.setdefault((where, other.name), one.name) != one.name:
            raise Failure(f"{one.name} and {back[where, other.name]} became one name")


def prove_apart(survey, table):
    """None. Failure when two names of one namespace have the same short one, or it is a word that the namespace keeps."""
    for space, keys in survey.spaces.items():
        seen = set(survey.taken.get(space, ()))
        for key in keys:
            if table[key] in seen:
                raise Failure(f"{key} and another name became {table[key]} in {space}")
            seen.add(table[key])
    for key in survey.everywhere():
        for other, short in table.items():
            if other != key and short == table[key]:
                raise Failure(f"{key} is stored from outside, and {other} has the same short name")
