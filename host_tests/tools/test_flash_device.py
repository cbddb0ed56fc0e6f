"""A simulated device with a flash, on the real MicroPython: what boot.py and main.py do in the image that the boot loader chose."""

import asyncio
import functools
import json

import pytest
from conftest import ROOT, micropython

from tools import Failure
from tools.freeze import compiler, machine_code
from tools.images import layout, romfs, targets
from tools.images.simulated import slot_image
from tools.sim.chip import model
from tools.sim.device import AT_PROMPT, NO_IMAGE, Device
from tools.sim.flash import chip

simota = model("simota")
ROWS = layout.table("sim")
OTADATA = layout.row(ROWS, "otadata").offset
ARCHITECTURE = targets.named(targets.SIMULATED).architecture
NEW, VALID = 0, 2

WAITS = "import time\ndef run():\n    print('alive', NAME)\n    time.sleep(100)\n"
RESETS = "import machine\ndef run():\n    print('alive', NAME)\n    machine.reset()\n"
TELLS = """
import sys, machine, simboard
from esp32 import NVS
def run():
    print('path', sys.path[0], 'machine code' if LOADED else '')
    print('pins', [number for number, pin in machine.Pin._routed.items() if simboard.levels.get(number, 0) == 0])
    store = NVS('boot')
    print('record', store.get_i32('starts'), store.get_i32('reason'), store.get_i32('bites'))
    print('told')
    machine.reset()
"""


def image(code, name="one", **more):
    """Return an image whose firmware/app.py is `code`, its NAME `name`; boot.py and main.py are the real ones."""
    texts = {path: (ROOT / path).read_text() for path in ("boot.py", "main.py")}
    texts[machine_code.MODULE] = "import builtins\nbuiltins.LOADED = True\n"
    texts |= {"firmware/app.py": f"NAME = {name!r}\n{code}", **more}
    made = {path: _compiled(path, text) for path, text in texts.items() if text is not None}
    return slot_image(romfs.made(made))


@functools.cache
def _compiled(path, text):
    return compiler.compiled(path, text, ARCHITECTURE)


def made(ota_0, ota_1=b"", state_of_1=None):
    """Return the bytes of a flash with these images; otadata names slot 1 with that state, or slot 0."""
    flash = model("simflash").Flash(chip(ROWS, {"ota_0": ota_0, "ota_1": ota_1}))
    simota.put(flash, OTADATA, 0, 1, VALID)
    if state_of_1 is not None:
        simota.put(flash, OTADATA, 1, 2, state_of_1)
    return flash.data


class Told(Device):
    """A device whose lines can be awaited."""

    def __init__(self, folder):
        self.lines = []
        self.changed = asyncio.Event()
        super().__init__(folder, self._heard)

    def _heard(self, line):
        self.lines.append(line)
        self.changed.set()

    async def said(self, words, times=1):
        """Wait until so many lines with those words were printed."""
        while sum(words in line for line in self.lines) < times:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)

    def nvs(self, namespace="boot"):
        return json.loads((self.folder / f"nvs-{namespace}.json").read_text())


def story(tell):
    """Return a test that gets a device, runs on its own loop, and leaves no process behind."""

    @functools.wraps(tell)
    def test(tmp_path):
        async def run():
            device = Told(tmp_path)
            try:
                await tell(device)
            finally:
                await device.stop()

        micropython()
        asyncio.run(asyncio.wait_for(run(), 60))

    del test.__wrapped__  # pytest asks for the arguments of what it finds there
    return test


@story
async def test_the_image_of_the_running_slot_runs(device):
    device.install(made(image(TELLS), image(TELLS), state_of_1=VALID))
    (device.folder / "nvs-boot.json").write_text('{"rf_pin": 4, "boot_pin": 0}')
    await device.start()
    await device.said("told", times=2)
    assert "path .frozen machine code" in device.lines
    assert any(line.startswith("pins") and "4" in line for line in device.lines)
    assert [line for line in device.lines if line.startswith("record")][:2] == ["record 1 1 0", "record 2 2 0"]


@story
async def test_a_storage_that_is_full_unreadable_or_gone_keeps_nobody_from_starting(device):
    device.install(made(image(RESETS), b""))
    for refusal in ("full", "unreadable", "gone"):
        device.lines.clear()
        (device.folder / f"nvs.{refusal}").touch()
        await device.start()
        await device.said("alive one", times=3)
        assert not [line for line in device.lines if "Error" in line or "rescue" in line]
        await device.stop()
        (device.folder / f"nvs.{refusal}").unlink()


@story
async def test_a_new_slot_runs_on_trial_and_is_left_at_the_next_restart(device):
    device.install(made(image(WAITS, "old"), image(RESETS, "new"), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert [line for line in device.lines if "alive" in line] == ["alive new", "alive old"]


@story
async def test_a_slot_that_is_not_whole_is_passed_over(device):
    whole = image(WAITS, "new")
    for spoilt in (b"", bytes(8192), whole[:-1], whole[:-40] + bytes(40), b"\xff" + whole[1:]):
        device.lines.clear()
        device.install(made(image(WAITS, "old"), spoilt, state_of_1=NEW))
        await device.start()
        await device.said("alive old")
        assert device.lines == ["alive old"]
        await device.stop()


@story
async def test_an_image_without_its_machine_code_goes_back_by_itself_on_trial(device):
    for spoilt in ("1 / 0\n", None):
        device.lines.clear()
        device.install(made(image(WAITS, "old"), image(WAITS, "new", **{machine_code.MODULE: spoilt}), state_of_1=NEW))
        await device.start()
        await device.said("alive old")
        assert device.starts == 2 and "rescue" not in "".join(device.lines)
        await device.stop()
        device.starts = 0


@story
async def test_an_image_without_its_machine_code_that_is_confirmed_ends_at_the_prompt_and_not_in_a_loop(device):
    device.install(made(image(WAITS, "old"), image(WAITS, "new", **{machine_code.MODULE: "1 / 0\n"}), state_of_1=VALID))
    await device.start()
    await asyncio.wait_for(device.ended.wait(), 30)
    assert device.exit_code == AT_PROMPT and device.starts == 1
    assert device.lines[-1].startswith("RuntimeError: rescue: the machine code cannot be loaded, ZeroDivisionError(")


@story
async def test_an_app_that_fails_at_import_on_trial_goes_back(device):
    device.install(made(image(WAITS, "old"), image("1 / 0\n"), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert "ZeroDivisionError: divide by zero" in device.lines and device.starts == 2


@story
async def test_an_app_that_always_fails_ends_at_the_prompt_after_five_bites(device):
    device.install(made(image("1 / 0\n"), image("1 / 0\n"), state_of_1=VALID))
    await device.start()
    await asyncio.wait_for(device.ended.wait(), 30)
    assert device.exit_code == AT_PROMPT and device.starts == 6
    assert device.lines[-1] == "RuntimeError: rescue: the watchdog has bitten five times in a row"
    assert device.lines.count("ZeroDivisionError: divide by zero") == 5
    device.lines.clear()
    await device.start()  # somebody pulls the plug: it tries again
    await device.said("ZeroDivisionError")


@story
async def test_an_app_that_hangs_is_bitten_and_on_trial_that_means_back(device):
    hangs = "import machine\ndef run():\n    machine.WDT(timeout=300)\n    print('hangs')\n    while True: pass\n"
    device.install(made(image(WAITS, "old"), image(hangs), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert device.lines == ["hangs", "alive old"]
    assert device.nvs()["reason"] == 3 and device.nvs()["bites"] == 1


@story
async def test_boot_held_for_three_seconds_gives_the_prompt_without_firmware(device):
    device.install(made(image(WAITS)))
    (device.folder / "nvs-boot.json").write_text('{"boot_pin": 0}')
    device.levels[0] = 0
    await device.start()
    await asyncio.wait_for(device.ended.wait(), 30)
    assert device.exit_code == AT_PROMPT
    assert device.lines[-1] == "RuntimeError: rescue: safe mode, as BOOT was held for 3 s"
    assert not any("alive" in line for line in device.lines)
    device.levels[0] = 1
    await device.start()
    await device.said("alive one")


@story
async def test_boot_let_go_too_early_is_no_safe_mode(device):
    device.install(made(image(WAITS)))
    (device.folder / "nvs-boot.json").write_text('{"boot_pin": 0}')
    device.levels[0] = 0
    await device.start()
    await asyncio.sleep(1)
    device.set_input(0, 1)
    await device.said("alive one")


@story
async def test_without_a_whole_image_nothing_starts(device):
    data = made(image(WAITS), image(WAITS))
    for label in ("ota_0", "ota_1"):
        data[layout.row(ROWS, label).offset + 60] ^= 1
    device.install(data)
    await device.start()
    assert device.ended.is_set() and device.exit_code == NO_IMAGE


@story
async def test_the_power_goes_in_the_boot_record_and_in_the_boot_loader(device):
    device.install(made(image(WAITS, "old"), image(WAITS, "new"), state_of_1=NEW))
    device.write_faults(cuts=[(3, "middle"), (1, "after"), (1, "middle")])
    await device.start()
    await device.said("alive old")
    # on trial, cut in the boot record: it is to be given up; cut while the boot loader does that; cut in the record again
    assert device.lines == ["alive old"] and device.starts == 3
    assert device.nvs()["reason"] == 1 and device.nvs()["starts"] == 1
    faults = json.loads((device.folder / "flash.faults").read_text())
    assert faults["cuts"] == []


@story
async def test_a_slot_that_confirms_itself_stays(device):
    swaps = """
import machine
from esp32 import Partition
def run():
    running = Partition(Partition.RUNNING)
    print(NAME, running.info()[4])
    if NAME == 'a':
        running.get_next_update().set_boot()
        machine.reset()
    entry = bytearray(32)
    states = []
    for sector in (0, 1):
        Partition('otadata').readblocks(sector, entry, 0)
        states.append(entry[24])
    if 1 in states:
        Partition.mark_app_valid_cancel_rollback()
        print('confirmed')
        machine.reset()
    print('done')
    while True: pass
"""
    device.install(made(image(swaps, "a"), image(swaps, "b")))
    await device.start()
    await device.said("done")
    assert device.lines == ["a ota_0", "b ota_1", "confirmed", "b ota_1", "done"]


def test_a_flash_needs_micropython(tmp_path):
    with pytest.raises(Failure, match="needs MicroPython"):
        Device(tmp_path, print, on_cpython=True).install(b"")
