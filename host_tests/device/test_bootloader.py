"""The boot loader's rules, row by row; images that esptool understands; and the power cut at every point of a switch."""

import subprocess
import sys

import pytest
import simflash
import simota
from esp32 import NVS
from simflash import Faults, Flash, PowerCut

from host_tests.unit import flashes
from lib.ota_slots import Slots
from tools.images import layout
from tools.images.simulated import slot_image
from tools.sim import bootloader
from tools.sim.flash import chip

ROWS = layout.table("sim")
GOOD = slot_image(b"an image of some length, of three letters: abc" * 300)
SPOILT = GOOD[:5000] + bytes((GOOD[5000] ^ 8,)) + GOOD[5001:]
NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
BLANK = None


def flash(first, second, images=(GOOD, GOOD)):
    """A chip whose otadata has these two entries, (sequence, state) or BLANK; a third part is a wrong checksum."""
    made = Flash(chip(ROWS, {"ota_0": images[0], "ota_1": images[1]}))
    otadata = layout.row(ROWS, "otadata").offset
    for sector, entry in enumerate((first, second)):
        if entry is not BLANK:
            simota.put(made, otadata, sector, *entry[:2])
            if len(entry) == 3:
                made.data[otadata + 4096 * sector + 28] ^= 1
    made.power_on()
    return made


def otadata_of(made):
    """The two entries as `flash` takes them."""
    entries = simota.entries(made, layout.row(ROWS, "otadata").offset)
    return [BLANK if entry[0] == UNDEFINED else entry[:2] for entry in entries]


RULES = [
    # what it is, otadata before, slot, otadata after
    ("blank: ota_0, which is noted as valid", BLANK, BLANK, 0, (1, VALID), BLANK),
    ("the valid one starts, and nothing is written", (1, VALID), BLANK, 0, (1, VALID), BLANK),
    ("the higher sequence number counts", (1, VALID), (2, VALID), 1, (1, VALID), (2, VALID)),
    ("in either sector", (3, VALID), (2, VALID), 0, (3, VALID), (2, VALID)),
    ("a new one is on trial from now on", (1, VALID), (2, NEW), 1, (1, VALID), (2, PENDING)),
    ("on trial and here again: given up", (1, VALID), (2, PENDING), 0, (1, VALID), (2, ABORTED)),
    ("given up stays given up", (1, VALID), (2, ABORTED), 0, (1, VALID), (2, ABORTED)),
    ("called invalid: not taken", (1, VALID), (2, INVALID), 0, (1, VALID), (2, INVALID)),
    ("a state that nobody knows is taken as good", (1, VALID), (2, UNDEFINED), 1, (1, VALID), (2, UNDEFINED)),
    (
        "both given up: ota_0 all the same, and nothing is noted",
        (1, ABORTED),
        (2, ABORTED),
        0,
        (1, ABORTED),
        (2, ABORTED),
    ),
    ("the only one on trial: ota_0 all the same", (2, PENDING), BLANK, 0, (2, ABORTED), BLANK),
    ("a wrong checksum does not count", (1, VALID), (2, VALID, "wrong"), 0, (1, VALID), (2, VALID)),
    (
        "two wrong checksums: ota_0, and nothing is noted",
        (2, VALID, "wrong"),
        (4, VALID, "wrong"),
        0,
        (2, VALID),
        (4, VALID),
    ),
    ("new, with the other on trial: the other is given up", (3, NEW), (2, PENDING), 0, (3, PENDING), (2, ABORTED)),
]


@pytest.mark.parametrize(("words", "first", "second", "slot", "then", "and_then"), RULES, ids=[row[0] for row in RULES])
def test_the_boot_loader_keeps_its_rules(words, first, second, slot, then, and_then):
    made = flash(first, second)
    assert bootloader.start(made) == made.slot == slot
    assert otadata_of(made) == [then, and_then]


def test_a_bad_image_is_passed_over_in_silence_and_otadata_still_names_it():
    made = flash((1, VALID), (2, VALID), images=(GOOD, SPOILT))
    assert bootloader.start(made) == 0
    assert otadata_of(made) == [(1, VALID), (2, VALID)] and made.operations == 0
    made = flash((1, VALID), BLANK, images=(SPOILT, GOOD))
    assert bootloader.start(made) == 1 and made.operations == 0


def test_a_bad_image_on_trial_is_given_up_at_the_start_after_next():
    made = flash((1, VALID), (2, NEW), images=(GOOD, SPOILT))
    assert bootloader.start(made) == 0 and otadata_of(made) == [(1, VALID), (2, PENDING)]
    assert bootloader.start(made) == 0 and otadata_of(made) == [(1, VALID), (2, ABORTED)]


def test_with_a_blank_otadata_and_a_bad_ota_0_the_other_slot_is_noted():
    made = flash(BLANK, BLANK, images=(SPOILT, GOOD))
    assert bootloader.start(made) == 1 and otadata_of(made) == [(2, VALID), BLANK]


def test_without_a_whole_image_nothing_starts():
    made = flash((1, VALID), BLANK, images=(SPOILT, b""))
    assert bootloader.start(made) is None and made.slot is None


# the images


@pytest.mark.parametrize("text", [b"x", b"", bytes(range(256)) * 200])
@pytest.mark.parametrize("of_chip", ["esp32", "esp32s3"])
def test_the_simulated_image_is_an_image_to_esptool(tmp_path, text, of_chip):
    path = tmp_path / "image.bin"
    path.write_bytes(slot_image(text, of_chip))
    command = [sys.executable, "-m", "esptool", "image-info", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("(valid)") == 2, done.stdout  # its checksum and its SHA-256
    assert f"Detected image type: {of_chip.upper()}".replace("ESP32S3", "ESP32-S3") in done.stdout


def test_every_byte_of_an_image_counts():
    good = slot_image(b"some text")
    for at in range(len(good)):
        bad = good[:at] + bytes((good[at] ^ 0x10,)) + good[at + 1 :]
        made = flash(BLANK, BLANK, images=(bad, b""))
        assert bootloader.start(made) is None, f"byte {at}"


# every point where the power can go


def switched(made):
    """The slot that runs, confirmed, after a switch from slot 0; the power may go."""
    bootloader.start(made)
    Slots().switch()
    bootloader.start(made)
    assert Slots().confirm() is True
    return made.slot


def at_every_cut(act, make):
    """[(what, chip after the cut)]: every operation of `act` (chip → None), cut in every way; and how many there are."""
    whole = make()
    simflash.insert(whole)
    act(whole)
    many = whole.operations
    for number in range(1, many + 1):
        for when in ("before", "middle", "torn", "after"):
            for seed in range(5 if when == "torn" else 1):
                made = make()
                made.faults = Faults(cuts=[(number, when)], seed=seed)
                simflash.insert(made)
                with pytest.raises(PowerCut):
                    act(made)
                made.power_on()
                yield f"{when} operation {number} of {many}, seed {seed}", made


def test_a_switch_and_a_confirmation_survive_every_power_cut():
    seen = set()
    for what, made in at_every_cut(switched, lambda: flash((1, VALID), BLANK)):
        slot = bootloader.start(made)
        assert slot in (0, 1), what
        seen.add(slot)
        slots = Slots()
        # whatever runs can be made to stay, and then it stays
        if slots.pending() or slots.booting != slots.running:
            if not slots.pending():
                slots.writer()  # names ours again
            bootloader.start(made)
            slots = Slots()
        assert slots.confirm() is True, what
        kept = made.slot
        for _ in range(2):
            assert bootloader.start(made) == kept, what
        assert not Slots().pending(), what
    assert seen == {0, 1}


def test_a_second_update_survives_every_power_cut_too():
    def back(made):
        bootloader.start(made)
        Slots().switch()
        bootloader.start(made)
        Slots().confirm()

    for what, made in at_every_cut(back, lambda: flash((1, VALID), (2, VALID))):
        assert bootloader.start(made) in (0, 1), what
        for _ in range(3):
            assert bootloader.start(made) is not None, what


def test_before_the_idle_slot_is_written_no_cut_leads_to_it_any_more():
    # otadata names the slot whose image is bad, so the other one runs; then the bad one is made whole, and nobody has switched
    ways = [
        (0, ((1, VALID), (2, VALID)), (GOOD, SPOILT)),
        (0, ((1, VALID), (2, NEW)), (GOOD, SPOILT)),
        (0, (BLANK, (2, VALID)), (GOOD, SPOILT)),
        (1, ((3, VALID), (2, VALID)), (SPOILT, GOOD)),
        (1, ((3, NEW), (2, VALID)), (SPOILT, GOOD)),
        (1, ((3, VALID), BLANK), (SPOILT, GOOD)),
    ]

    def written(made):
        bootloader.start(made)
        slots = Slots()
        if slots.state(slots.booting) == PENDING:
            bootloader.start(made)  # the image on trial was bad: it is given up first
            slots = Slots()
        writer = slots.writer()
        for at in range(0, len(GOOD), 4096):
            writer.write(GOOD[at : at + 4096])

    for slot, entries, images in ways:
        for what, made in at_every_cut(written, lambda: flash(*entries, images)):  # noqa: B023  used at once
            for _ in range(3):
                assert bootloader.start(made) == slot, (what, slot, entries)


def test_a_trial_that_nobody_confirms_goes_back_and_the_next_switch_works():
    made = flash((1, VALID), BLANK)
    simflash.insert(made)
    bootloader.start(made)
    Slots().switch()
    assert bootloader.start(made) == 1 and Slots().pending()
    assert bootloader.start(made) == 0 and not Slots().pending() and Slots().state(1) == ABORTED
    assert switched(made) == 1 and bootloader.start(made) == 1


def test_a_cut_in_the_boot_loader_itself_loses_no_start():
    for before in (((1, VALID), (2, NEW)), ((1, VALID), (2, PENDING)), (BLANK, BLANK)):
        for what, made in at_every_cut(bootloader.start, lambda: flash(*before)):  # noqa: B023  used at once
            assert bootloader.start(made) in (0, 1), what


def test_the_nvs_is_there_after_a_cut():
    made = flash((1, VALID), BLANK)
    simflash.insert(made)
    made.faults = Faults(cuts=[(2, "middle")])
    store = NVS("boot")
    store.set_i32("starts", 1)
    store.commit()
    store.set_i32("starts", 2)
    with pytest.raises(PowerCut):
        store.commit()
    made.power_on()
    assert NVS("boot").get_i32("starts") == 1


def test_the_small_flashes_of_the_other_tests_start_too():
    made = flashes.usual()
    assert bootloader.start(made) == 0 and made.operations == 0
