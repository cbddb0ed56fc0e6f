"""Fetches the official image of MicroPython for a chip by mpflash, a program from PyPI; what was fetched once is used again.

mpflash brings many packages of its own, which is why it lives in an environment beside ours, made when it is first wanted.
"""

import os
import sys

from tools import Failure, quietly
from tools.environment import VENV

MPFLASH = "mpflash==1.29.0"
VERSION = "1.28.0"  # of MicroPython: what the simulator runs, too
FOLDER = VENV / "micropython"
_OWN = VENV / "mpflash"
_TIME_S = 600

# the file of each flash map: only the ESP32 has a build that is small enough for two runtimes in 4 MB
_BOARDS = {
    "esp32": "ESP32_GENERIC",
    "esp32s2": "ESP32_GENERIC_S2",
    "esp32s3": "ESP32_GENERIC_S3",
    "esp32c3": "ESP32_GENERIC_C3",
}
_OTHERWISE = "--image FILE takes one that you have (a .bin from micropython.org/download)"


def name_of(chip, map_name, version=VERSION):
    """The name of the file for a chip with that flash map."""
    variant = "-OTA" if map_name == "4MB" else ""
    return f"{_BOARDS[chip]}{variant}-v{version}.bin"


def image(chip, map_name, version=VERSION, folder=FOLDER, run=None):
    """The path of the official image for a chip with that flash map. Failure, in one line, when it cannot be had.

    `run(words, environment)` runs a program and gives its exit code.
    """
    run = run or _run
    name = name_of(chip, map_name, version)
    path = folder / "esp32" / name
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    program = _OWN / ("Scripts" if os.name == "nt" else "bin") / ("mpflash.exe" if os.name == "nt" else "mpflash")
    if not program.exists() and not _installed(run):
        raise Failure(f"{MPFLASH} cannot be installed, so that {name} cannot be fetched; {_OTHERWISE}")
    print(f"Fetching {name} …", flush=True)
    words = [str(program), "-q", "-x", "download", "--board", _BOARDS[chip], "--version", version]
    run(words, dict(os.environ, MPFLASH_FIRMWARE=str(folder)))  # its exit code is 0 whatever happens
    if not path.exists():
        raise Failure(f"{name} cannot be fetched (is there a network?); {_OTHERWISE}")
    return path


def _installed(run):
    print(f"Installing {MPFLASH} …", flush=True)
    python = _OWN / ("Scripts" if os.name == "nt" else "bin") / ("python.exe" if os.name == "nt" else "python")
    made = run([sys.executable, "-m", "venv", str(_OWN)], None) == 0
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--retries", "1", MPFLASH]
    return made and run(pip, None) == 0


def _run(words, environment):
    return quietly.run(words, _TIME_S, env=environment)
