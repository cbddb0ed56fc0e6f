"""What OpenShock is told when somebody at this device controls a shocker: which one is meant, and the entry of Control. No I/O.

In memory from the first such wish on. Facts: reference/openshock-api.md §a.6, §e.
"""

from micropython import const

from firmware.backends._openshock_shockers import spelt
from firmware.command import ACTIONS, SOUND, STOP, Unasked, whole

_LEAST_MS = const(300)  # what is shorter the server makes longer
_MOST_MS = const(65535)


class NoSuchShocker(Unasked):
    """Nobody knows the shocker that was meant."""


def guid_of(names, wanted, shared=()):
    """The guid of the shocker that `wanted` names, by guid or by a name that no other has. Unasked when there is none.

    `names`: an _openshock_shockers.Table; None while nobody knows. `shared`: the same, of what others share; what is in both goes
    by its name in `names`. Small and capital letters are the same; beyond ASCII they are not.
    """
    if names is None:
        raise Unasked("the list of shockers has not come yet")
    wanted = wanted.strip().lower()
    if wanted in names or wanted in shared:
        return spelt(wanted)
    found = names.named(wanted) if wanted else []
    if wanted and shared:
        found += [guid for guid in shared.named(wanted) if guid not in names]
    if len(found) > 1:
        raise Unasked("%d shockers have that name: use the id" % len(found))
    if not found:
        raise NoSuchShocker("the service has no such shocker")
    return found[0]


def words(wish):
    """Return what a Wish is, in words, for the log: "vibrate of red"."""
    return "%s of %s" % (ACTIONS[int(wish.action)], wish.shocker)  # a stop may be 0.0, or False


def entry(names, wish, most_level=100, most_ms=_MOST_MS, shared=()):
    """The entry of Control for a Wish, within these bounds. Unasked for what no server takes.

    `names`, `shared`: as for `guid_of`.
    """
    guid = guid_of(names, wish.shocker, shared)
    if wish.action == STOP:
        return control_entry(guid, STOP, 0, _LEAST_MS)
    if not whole(wish.action, STOP, SOUND):
        raise Unasked("OpenShock knows stop, shock, vibrate and sound")
    if not whole(wish.intensity, 0, 100):
        raise Unasked("a level is 0-100")
    if not whole(wish.duration_ms, _LEAST_MS, _MOST_MS):
        raise Unasked("a duration is %d-%d ms" % (_LEAST_MS, _MOST_MS))
    return control_entry(guid, wish.action, min(wish.intensity, most_level), min(wish.duration_ms, most_ms))


def control_entry(guid, action, intensity, duration_ms, exclusive=False):
    """A dict as Control wants it: enums as numbers, intensity 0–100, duration 300–65 535 ms. ValueError for anything else."""
    if not (whole(action, STOP, SOUND) and whole(intensity, 0, 100) and whole(duration_ms, 300, 65535)):
        raise ValueError("no such control")
    return {"id": guid, "type": action, "intensity": intensity, "duration": duration_ms, "exclusive": exclusive}
