"""Decides what a board gets: which board it is, its flash map, the official image, firmware, settings. Touches no device."""

import hashlib
import json
from collections import namedtuple
from pathlib import Path

from tools import Failure, layout
from tools.flash import chosen, download, official, pieces
from tools.images import image as app
from tools.images import manifest, targets
from tools.keyfile import KeyFile

# target: as tools/images/targets.py has it · rows: of its flash map · official: as official.py has it
Plan = namedtuple("Plan", ("target", "rows", "official", "settings"))
_M = 1024 * 1024


def target_of(options, settings, chip=None):
    """The Target that the options, the settings or else the chip name; None where nobody names any. Failure when they disagree."""
    wanted = options.board or settings.get("board")
    if wanted is None:
        return None if chip is None else targets.named("generic-" + chip)
    target = targets.named(wanted)
    if target.name == targets.SIMULATED:
        raise Failure("the simulated board has no flash of its own; `python3 -m tools sim` runs it")
    if options.board and settings.get("board") and targets.named(settings["board"]) != target:
        raise Failure(f"--board says {target.title}, the settings say {settings['board']}")
    return target


def official_image(path, fetched=False):
    """The Official in the file. Failure in words for one that is none; what was `fetched` and is none is thrown away."""
    try:
        found = official.read(Path(path).read_bytes())
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror or fault}")
    except ValueError as fault:
        if fetched:
            Path(path).unlink(missing_ok=True)
        raise Failure(f"{path}: {fault}")
    if found.version is not None and found.version < official.OLDEST:
        told, oldest = (".".join(map(str, one)) for one in (found.version, official.OLDEST))
        raise Failure(f"{path} is MicroPython {told}; the firmware needs {oldest} or newer")
    return found


def made(options, settings, image, chip, flash_bytes):
    """The Plan for a chip with so much flash. `image` is an Official or None; then it is fetched. Failure when it does not fit."""
    target = target_of(options, settings, chip)
    if target.chip != chip:
        raise Failure(f"{target.title} has an {target.chip}, but here is an {chip}")
    chosen.check_pins(settings, target)
    try:
        smallest = layout.of_chip(chip, flash_bytes)
    except ValueError as fault:
        raise Failure(str(fault))
    name = options.layout or target.layout
    if layout.flash_size(name) > flash_bytes:
        raise Failure(
            f"{target.title} has a map for {layout.flash_size(name) // _M} MB, but here are {flash_bytes // _M} MB of flash; "
            f"--layout {smallest} fits (updates of releases then do not)"
        )
    if image is None:
        image = official_image(download.image(chip, name, options.runtime_version), fetched=True)
    if image.chip != chip:
        raise Failure(f"the image of MicroPython is for an {image.chip}, but here is an {chip}")
    return Plan(target._replace(layout=name), layout.table(name), image, settings)


def every_piece(plan, options, boot_loader, kept=None):
    """The Pieces of a Plan. `kept` is what --keep-settings found. Failure when something does not fit or compile."""
    parts = {
        "boot": boot_loader,
        "ota_0": plan.official.runtime,
        "app_0": _firmware(plan.target, options),
        "vfs": chosen.files(plan.settings, kept.files if kept else None),
    }
    if kept and kept.nvs is not None:
        parts["nvs"] = kept.nvs
    return pieces.every(plan.rows, plan.target.chip, layout.flash_size(plan.target.layout), parts)


def _firmware(target, options):
    """The firmware's image (bytes): what `build` left in the folder --app, or made now, trusting the keys of --trust."""
    if options.app is None:
        return app.image(target, [KeyFile(name).public() for name in options.trust])
    path = options.app / manifest.APP
    try:
        told = json.loads((options.app / manifest.FILE).read_bytes())
        data = path.read_bytes()
        sums = {part["name"]: part["sha256"] for part in told["parts"]}
    except OSError as fault:
        raise Failure(f"{fault.filename}: {fault.strerror}")
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{options.app / manifest.FILE} is no manifest that `build` made")
    for key, own in (("board", target.title), ("chip", target.chip), ("layout", target.layout)):
        if told.get(key) != own:
            raise Failure(f"{options.app} is for the {key} {told.get(key)}, not {own}")
    if sums.get(manifest.APP) != hashlib.sha256(data).hexdigest():
        raise Failure(f"{path} is not what its manifest tells of")
    return data
