"""What comes first at a start, for the heap's sake: often collected garbage, Wi-Fi's driver, then the firmware's modules."""

import os
import subprocess

import pytest
from sim_story import WAIT_S

from tools.sim import compiled
from tools.sim.device import HEAP

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)
GARBAGE_BYTES = 4096

_WIFI = """
import gc, sys, network
class Radio(network.WLAN):
    def active(self, wanted=None):
        print("active", wanted, "firmware.app" in sys.modules, gc.threshold())
        raise SystemExit
network.WLAN = Radio
simstart.start()
"""
_MACHINE_CODE = """
import builtins, gc
imported = builtins.__import__
def watched(name, *rest):
    if name == "_machine_code":
        print("machine code", gc.threshold())
        raise SystemExit
    return imported(name, *rest)
builtins.__import__ = watched
__import__("boot")
"""


def told(program, folder):
    words, where = compiled.command(program, HEAP, compiled.image())
    done = subprocess.run(
        words, cwd=folder, env={**os.environ, **where}, capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    return done.stdout + done.stderr


def test_wifi_starts_before_the_firmware_is_imported(tmp_path):
    assert told(_WIFI, tmp_path) == f"active True False {GARBAGE_BYTES}\n"


def test_garbage_is_collected_often_before_anything_is_imported(tmp_path):
    assert told(_MACHINE_CODE, tmp_path) == f"machine code {GARBAGE_BYTES}\n"
