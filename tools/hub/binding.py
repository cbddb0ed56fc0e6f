"""Arguments from outside → values: what .NET's JSON binding takes and refuses (reference a.2, a.6, e). ValueError refuses."""

import re
from dataclasses import dataclass

from tools.hub import models, wire

_SEMVER = re.compile(
    r"(0|[1-9]\d*)(?:\.(0|[1-9]\d*))?(?:\.(0|[1-9]\d*))?(-[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)


@dataclass(frozen=True)
class Control:
    """One order to one shocker, as it came: not clamped. Duration in ms."""

    id: str
    type: int
    intensity: int
    duration: int
    exclusive: bool = False


def _integer(value, most):
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"not a number from 0 to {most}")
    return value


def lower_keys(item) -> dict:
    """The object with its property names in lower case: reading ignores case."""
    if not isinstance(item, dict):
        raise ValueError("not an object")
    return {key.lower(): value for key, value in item.items()}


def _required(item, name):
    if name not in item:
        raise ValueError(f"'{name}' is missing")
    return item[name]


def control(value, named_types=False) -> Control:
    """One Control DTO. SignalR takes the type as a number only, REST (`named_types`) as a name too."""
    item = lower_keys(value)
    kind = _required(item, "type")
    kind = models.control_type(kind) if named_types else _integer(kind, 255)
    exclusive = item.get("exclusive", False)
    if not isinstance(exclusive, bool):
        raise ValueError("'exclusive' is not true or false")
    return Control(
        wire.guid(_required(item, "id")),
        kind,
        _integer(_required(item, "intensity"), 0xFF),
        _integer(_required(item, "duration"), 0xFFFF),
        exclusive,
    )


def controls(value) -> list:
    """A list of Control DTOs with numbers as types (SignalR)."""
    if not isinstance(value, list):
        raise ValueError("not a list")
    return [control(item) for item in value]


def named_controls(value) -> list:
    """A list of Control DTOs whose types may be names (REST)."""
    if not isinstance(value, list):
        raise ValueError("not a list")
    return [control(item, named_types=True) for item in value]


def optional_text(value):
    """Text or None."""
    if value is not None and not isinstance(value, str):
        raise ValueError("not text")
    return value


def flag(value) -> bool:
    """True or false; nothing else counts."""
    if not isinstance(value, bool):
        raise ValueError("not true or false")
    return value


def version(value) -> str:
    """A semantic version in full, MAJOR.MINOR.PATCH[-pre][+build]; missing parts are 0 (a.2)."""
    match = _SEMVER.fullmatch(value) if isinstance(value, str) and len(value) <= 1024 else None
    if not match:
        raise ValueError("not a version")
    numbers = [int(part or 0) for part in match.groups()[:3]]
    if max(numbers) > 0xFFFF:
        raise ValueError("not a version")
    return "{}.{}.{}".format(*numbers) + (match[4] or "") + (match[5] or "")
