"""Which boards there are, and what each needs: chip, the compiler's architecture, flash map. A chip is a row in _ARCHITECTURES."""

from collections import namedtuple

from tools import Failure
from tools.common.environment import ROOT
from tools.common.firmware_modules import load_module
from tools.images import layout, modules

# name: of the module in firmware/boards · title: as people and manifests write it · layout: of tools/images/layout.py
Target = namedtuple("Target", ("name", "title", "chip", "architecture", "layout"))

SIMULATED = "simulated"
_ARCHITECTURES = {
    "esp32": "xtensawin",
    "esp32s2": "xtensawin",
    "esp32s3": "xtensawin",
    "esp32c3": "rv32imc",
    "": "x64",  # the simulated board: this machine's MicroPython
}


def every():
    """Return all Targets, by name. Raise Failure when a board's chip is not known here."""
    made = {}
    for name, chip in load_module("firmware.boards").BOARDS:
        if chip not in _ARCHITECTURES:
            raise Failure(f"firmware/boards/{name}.py: nothing is known of the chip '{chip}'")
        title = name.replace("_", "-")
        flash_mb = modules.value(ROOT / "firmware" / "boards" / f"{name}.py", "FLASH_MB")
        made[name] = Target(name, title, chip, _ARCHITECTURES[chip], layout.of_board(chip, flash_mb))
    return made


def named(name):
    """Return the Target of that name, hyphens and capitals welcome. Raise Failure with the names that there are."""
    known = every()
    target = known.get(name.lower().replace("-", "_"))
    if target is None:
        raise Failure(f"there is no board '{name}', only {', '.join(sorted(one.title for one in known.values()))}")
    return target
