"""A simulated device with a flash, on the real MicroPython: what boot.py does with what the boot loader chose."""

import asyncio
import functools
import json
import random
from hashlib import sha256

import pytest
from conftest import micropython

from tools import Failure, layout
from tools.sim import compiled
from tools.sim.chip import model
from tools.sim.device import AT_PROMPT, NO_IMAGE, Device
from tools.sim.flash import app_image, chip, runtime_image

simota = model("simota")
ROWS = layout.table("sim")
SIZE = layout.row(ROWS, "app_0").size
OTADATA = layout.row(ROWS, "otadata").offset
RUNTIME = runtime_image(b"the runtime")
NEW, VALID = 0, 2

WAITS = "import time\ndef run():\n    print('alive', NAME)\n    time.sleep(100)\n"
RESETS = "import machine\ndef run():\n    print('alive', NAME)\n    machine.reset()\n"
TELLS = """
import os, sys, machine, simboard
from esp32 import NVS
def run():
    print('path', sys.path[0], __file__)
    print('pins', [number for number, pin in machine.Pin._routed.items() if simboard.levels.get(number, 0) == 0])
    store = NVS('boot')
    print('record', store.get_i32('starts'), store.get_i32('reason'), store.get_i32('bites'))
    try:
        open('/app/firmware/x', 'w')
    except OSError as fault:
        print('read only', fault.args[0])
    machine.reset()
"""


def app(code, name="one", **more):
    """An app image whose firmware/app.py is `code`; its NAME is `name`."""
    files = {"firmware/app.py": f"NAME = {name!r}\n{code}".encode(), **more}
    return app_image(files, SIZE)


def made(app_0, app_1=b"", state_of_1=None, rows=ROWS):
    """The bytes of a flash with two runtimes and these apps; slot 1 is named with that state, or slot 0 runs."""
    labels = {row.label for row in rows}
    contents = {"ota_0": RUNTIME, "ota_1": RUNTIME, "app_0": app_0, "app_1": app_1}
    data = chip(rows, {label: content for label, content in contents.items() if label in labels})
    flash = model("simflash").Flash(data)
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
        """None once so many lines with those words were printed, or the device has ended."""
        while sum(words in line for line in self.lines) < times:
            self.changed.clear()
            await asyncio.wait_for(self.changed.wait(), 30)

    def nvs(self, namespace="boot"):
        return json.loads((self.folder / f"nvs-{namespace}.json").read_text())


def story(tell):
    """A test that gets a device, runs on its own loop, and leaves no process behind."""

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
async def test_the_app_of_the_running_slot_is_mounted_read_only_and_on_the_path(device):
    device.install(made(app(TELLS), app(TELLS), state_of_1=VALID))
    (device.folder / "nvs-boot.json").write_text('{"rf_pin": 4, "boot_pin": 0}')
    await device.start()
    await device.said("read only", times=2)
    assert "path /app /app/firmware/app.py" in device.lines
    assert "read only 30" in device.lines  # EROFS
    assert any(line.startswith("pins") and "4" in line for line in device.lines)
    assert [line for line in device.lines if line.startswith("record")][:2] == ["record 1 1 0", "record 2 2 0"]


@story
async def test_every_file_of_an_image_is_read_back_as_it_was_whatever_the_size_of_its_blocks(device):
    sums = """
import os, sys
from hashlib import sha256
def walk(folder):
    for name, kind, *_ in os.ilistdir(folder):
        path = folder + '/' + name
        if kind == 0x4000:
            walk(path)
        else:
            with open(path, 'rb') as file:
                print(sha256(file.read()).digest().hex(), path)
def run():
    walk('/app')
    print('read')
    while True: pass
"""
    noise = random.Random(5)
    files = {
        f"lib/room_{size}.mpy": noise.randbytes(size)
        for size in (0, 1, 50, 127, 128, 129, 511, 512, 513, 4096, 4097, 30000)
    }
    files["firmware/www/index.html.gz"] = noise.randbytes(14000)
    files["firmware/app.py"] = sums.encode()
    for block in (4096, 512, 256, 1024, 2048):
        device.lines.clear()
        image = app_image(files, SIZE, block=block)
        assert image == app_image(files, SIZE, block=block) and len(image) <= SIZE
        device.install(made(image))
        await device.start()
        await device.said("read")
        assert sorted(device.lines[:-1]) == sorted(
            f"{sha256(files[name]).hexdigest()} /app/{name}" for name in files
        ), block
        await device.stop()


@story
async def test_a_new_slot_runs_on_trial_and_is_left_at_the_next_restart(device):
    device.install(made(app(WAITS, "old"), app(RESETS, "new"), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert [line for line in device.lines if "alive" in line] == ["alive new", "alive old"]


@story
async def test_an_app_that_cannot_be_mounted_on_trial_goes_back_by_itself(device):
    for spoilt in (
        b"",
        bytes(8192),
        app_image({"lib/x.py": b""}, SIZE),
        app_image({"firmware/app.py": b""}, SIZE - 4096),
    ):
        device.lines.clear()
        device.install(made(app(WAITS, "old"), spoilt, state_of_1=NEW))
        await device.start()
        await device.said("alive old")
        assert device.starts == 2 and "rescue" not in "".join(device.lines)
        await device.stop()
        device.starts = 0


@story
async def test_an_app_that_cannot_be_mounted_and_is_confirmed_ends_at_the_prompt_and_not_in_a_loop(device):
    device.install(made(app(WAITS, "old"), bytes(8192), state_of_1=VALID))
    await device.start()
    await asyncio.wait_for(device.ended.wait(), 30)
    assert device.exit_code == AT_PROMPT and device.starts == 1
    assert device.lines[-1].startswith("RuntimeError: rescue: the app cannot be mounted, OSError(")


@story
async def test_an_app_that_fails_at_import_on_trial_goes_back(device):
    device.install(made(app(WAITS, "old"), app("1 / 0\n"), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert "ZeroDivisionError: divide by zero" in device.lines and device.starts == 2


@story
async def test_an_app_that_always_fails_ends_at_the_prompt_after_five_bites(device):
    device.install(made(app("1 / 0\n"), app("1 / 0\n"), state_of_1=VALID))
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
    device.install(made(app(WAITS, "old"), app(hangs), state_of_1=NEW))
    await device.start()
    await device.said("alive old")
    assert device.lines == ["hangs", "alive old"]
    assert device.nvs()["reason"] == 3 and device.nvs()["bites"] == 1


@story
async def test_boot_held_for_three_seconds_gives_the_prompt_without_firmware(device):
    device.install(made(app(WAITS)))
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
    device.install(made(app(WAITS)))
    (device.folder / "nvs-boot.json").write_text('{"boot_pin": 0}')
    device.levels[0] = 0
    await device.start()
    await asyncio.sleep(1)
    device.set_input(0, 1)
    await device.said("alive one")


@story
async def test_without_app_partitions_the_files_beside_boot_py_run(device):
    device.install(made(b"", rows=[row for row in ROWS if not row.label.startswith("app_")]))
    (device.folder / "firmware").mkdir()
    (device.folder / "firmware" / "app.py").write_text("NAME = 'of the folder'\n" + WAITS)
    await device.start()
    await device.said("alive of the folder")


@story
async def test_without_a_whole_runtime_nothing_starts(device):
    data = made(app(WAITS))
    for label in ("ota_0", "ota_1"):
        data[layout.row(ROWS, label).offset + 60] ^= 1
    device.install(data)
    await device.start()
    assert device.ended.is_set() and device.exit_code == NO_IMAGE


@story
async def test_the_power_goes_in_the_boot_record_and_in_the_boot_loader(device):
    device.install(made(app(WAITS, "old"), app(WAITS, "new"), state_of_1=NEW))
    device.write_faults(cuts=[(3, "middle"), (1, "after"), (1, "middle")])
    await device.start()
    await device.said("alive old")
    # on trial, cut in the boot record: it is to be given up; cut while the boot loader does that; cut in the record again
    assert device.lines == ["alive old"] and device.starts == 3
    assert device.nvs()["reason"] == 1 and device.nvs()["starts"] == 1
    faults = json.loads((device.folder / "flash.faults").read_text())
    assert faults["cuts"] == []


@story
async def test_the_slots_of_a_whole_device_switch_and_confirm(device):
    swaps = """
import machine
from lib.partitions import Slots
def run():
    slots = Slots()
    print(NAME, slots.running, slots.pending())
    if slots.pending():
        print('confirmed', slots.confirm())
        machine.reset()
    if slots.running == 0:
        for _ in slots.copy_runtime():
            pass
        slots.switch()
        machine.reset()
    print('done')
    while True: pass
"""
    rooms = {
        f"lib/{name}.py": (compiled.ROOT / "lib" / f"{name}.py").read_bytes() for name in ("partitions", "flashcopy")
    }
    device.install(made(app(swaps, "a", **rooms), app(swaps, "b", **rooms)))
    await device.start()
    await device.said("done")
    assert device.lines == ["a 0 False", "b 1 True", "confirmed True", "b 1 False", "done"]


def test_a_flash_needs_micropython(tmp_path):
    with pytest.raises(Failure, match="needs MicroPython"):
        Device(tmp_path, print, on_cpython=True).install(b"")


def test_boot_py_stays_small():
    assert (compiled.ROOT / "boot.py").read_text().count("\n") <= 60  # nobody can roll it back
