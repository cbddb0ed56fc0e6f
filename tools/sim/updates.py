"""Versions for the simulated device: one on its flash, a good next one, a bad one after that, and a server that offers them."""

import functools
from pathlib import Path

from tools import build, keys
from tools.common.environment import ROOT
from tools.images import image, layout, modules, targets, tree
from tools.serve_updates.server import Server
from tools.sim import flash

FIRST, GOOD, BAD = "1.0.0", "1.1.0", "1.2.0"
_MODULE = "firmware/net/time_sync.py"  # needed from the start
_FAULT = '\n\nraise RuntimeError("a version that never gets anywhere")\n'  # behind it
_DATE = "2026-11-21"


def _target():
    return targets.named(targets.SIMULATED)


@functools.cache
def installed():
    """Return the bytes of a flash that runs version FIRST."""
    rows = layout.table("sim")
    release, _ = keys.simulators()
    first = image.image(_target(), None, (_public(release),), modules.versioned(FIRST))
    return bytes(flash.chip(rows, {"ota_0": first}))


class Updates:
    """FIRST, GOOD and BAD, made in `folder`; `server` (tools/serve_updates) offers them. `tls`: an SSLContext, or None."""

    def __init__(self, folder, tls=None):
        release, _ = keys.simulators()
        for version in (FIRST, GOOD, BAD):
            changes = modules.versioned(version)
            if version == BAD:
                changes[_MODULE] = (ROOT / _MODULE).read_text(encoding="utf-8") + _FAULT
            made = build.plan(version=version, date=_DATE, trusted=(_public(release),), changes=changes)
            folders = build.build([_target()], made, Path(folder) / "out" / version, key=release)
            tree.publish(folders, Path(folder) / "tree", version, "stable")
        self.server = Server(Path(folder) / "tree", tls=tls)


def _public(name):
    return Path(f"{name}.pub").read_bytes()
