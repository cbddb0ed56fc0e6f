"""Decides what a board gets: which board it is, its flash map, MicroPython with the firmware, settings. Touches no device."""

import hashlib
import json
from collections import namedtuple
from pathlib import Path

from tools import Failure
from tools.common.key_file import KeyFile
from tools.flash import chosen, download, official, pieces
from tools.images import image, layout, manifest, micropython, targets

# target: as tools/images/targets.py has it · rows: of its flash map · official: as official.py has it
Plan = namedtuple("Plan", ("target", "rows", "official", "settings"))
_M = 1024 * 1024


def target_of(options, settings, chip=None):
    """Return the Target that the options, the settings or else the chip name; None when none of them names any.

    Raise Failure when they disagree.
    """
    wanted = options.board or settings.get("board")
    if wanted is None:
        return None if chip is None else targets.named("generic-" + chip)
    target = targets.named(wanted)
    if target.name == targets.SIMULATED:
        raise Failure("the simulated board has no flash of its own; `python3 -m tools sim` runs it")
    if options.board and settings.get("board") and targets.named(settings["board"]) != target:
        raise Failure(f"--board says {target.title}, the settings say {settings['board']}")
    return target


def official_image(path, fetched=False, to_look_at=False):
    """Return the Official in the file; print a note when it is none of those that the project has linked and verified.

    Raise Failure in words for a file that is no image, or of a MicroPython that is too old; `to_look_at`: that is only printed, as
    it is not going to run. What was `fetched` and is no image is deleted.
    """
    path = Path(path)
    try:
        data = path.read_bytes()
        found = official.read(data)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror or fault}")
    except ValueError as fault:
        if fetched:
            path.unlink(missing_ok=True)
        raise Failure(f"{path}: {fault}")
    if found.version is not None and found.version < official.OLDEST:
        version, oldest = (micropython.text(one) for one in (found.version, official.OLDEST))
        if not to_look_at:
            raise Failure(f"{path} is MicroPython {version}; the firmware needs {oldest} or newer")
        print(f"{path.name} is MicroPython {version}: the firmware links into it, but needs {oldest} or newer to run.")
    if micropython.entry_of(data) is None and micropython.entry_of(found.data) is None:
        print(
            f"Untried: {path.name} ({described(found.version)}) is none of the images with which this firmware was verified."
        )
    return found


def described(version):
    """Return words for the version (1, 28, 0) of a MicroPython, or None."""
    return f"MicroPython {micropython.text(version)}" if version else "MicroPython of an unknown version"


def fetched_image(chip, version=None):
    """Return the Official for a chip from micropython.org, or from an earlier download: the newest verified one, or `version`."""
    return official_image(download.image(chip, version), fetched=True)


def made(options, settings, given, chip, flash_bytes):
    """Return the Plan for a chip with so much flash. `given` is an Official or None; then it is downloaded.

    Raise Failure when it does not fit.
    """
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
    given = given or fetched_image(chip, options.micropython)
    if given.chip != chip:
        raise Failure(f"the image of MicroPython is for an {given.chip}, but here is an {chip}")
    return Plan(target._replace(layout=name), layout.table(name), given, settings)


def every_piece(plan, options, boot_loader, kept=None):
    """Return the Pieces of a Plan. `kept` is what --keep-settings found. Raise Failure when something does not fit or compile."""
    parts = {
        "boot": boot_loader,
        "ota_0": _app_image(plan, options),
        "vfs": chosen.files(plan.settings, kept.files if kept else None, chosen.certificates(options.ca)),
    }
    if kept and kept.nvs is not None:
        parts["nvs"] = kept.nvs
    return pieces.every(plan.rows, plan.target.chip, layout.flash_size(plan.target.layout), parts)


def _app_image(plan, options):
    """Return the image for the slot: what `build` left in the folder --app, or made now, trusting the keys of --trust."""
    if options.app is not None:
        return built(options.app, plan.target)
    trusted = [KeyFile(name).public() for name in options.trust]
    return image.image(plan.target, plan.official.data, trusted)


def built(folder, target):
    """Return the image (bytes) that `build` left in a folder. Raise Failure when it is for another Target, or is damaged."""
    path = folder / manifest.IMAGE
    try:
        facts = json.loads((folder / manifest.FILE).read_bytes())
        data = path.read_bytes()
        digest, size = facts["sha256"], facts["size"]
    except OSError as fault:
        raise Failure(f"{fault.filename}: {fault.strerror}")
    except (ValueError, KeyError, TypeError):
        raise Failure(f"{folder / manifest.FILE} is no manifest that this version of `build` made")
    for key, own in (("board", target.title), ("chip", target.chip), ("layout", target.layout)):
        if facts.get(key) != own:
            raise Failure(f"{folder} is for the {key} {facts.get(key)}, not {own}")
    if size != len(data) or digest != hashlib.sha256(data).hexdigest():
        raise Failure(f"{path} is not the image that its manifest describes")
    return data
