"""The OTA slots: which runs, how the idle one is written and read back, and what switching and confirming do to otadata."""

from hashlib import sha256

import simflash
import simota
from simflash import Faults

from host_tests.unit import flashes
from lib.ota_slots import ABORTED, NEW, PENDING, VALID, NotNow, Slots
from lib.partition_io import BLOCK, BadFlash


def refused(act, kind, words=""):
    """Return what `act` raised: `kind`, saying `words`."""
    try:
        act()
    except kind as fault:
        assert words in str(fault), fault
        return fault
    raise AssertionError("nothing was raised")


def hexed(data):
    return "".join("%02x" % byte for byte in sha256(data).digest())


def test_a_board_with_two_slots_knows_itself():
    flashes.usual()
    slots = Slots()
    assert (slots.problem, slots.running, slots.idle, slots.booting, slots.size) == ("", 0, 1, 0, 0x4000)
    assert slots.state(0) == VALID and slots.state(1) is None
    assert not slots.pending()


def test_a_board_without_slots_says_why_and_touches_nothing():
    simflash.insert(None)
    alone = Slots()
    assert alone.problem == "this board has room for one firmware only"
    flashes.flash({}, rows=flashes.ROWS[:3])
    half = Slots()
    assert half.problem == "this board has room for one firmware only"
    flashes.flash({}, rows=flashes.ROWS[:3] + (("ota_1", 0, 0x11, 0x20000, 0x3000),))
    uneven = Slots()
    assert uneven.problem == "the slots differ in size"
    flashes.flash({}, rows=flashes.ROWS + (("factory", 0, 0x00, 0x30000, 0x3000),), slot=None)
    factory = Slots()
    assert factory.problem == "the running firmware is in no slot"
    for slots in (alone, half, uneven, factory):
        assert (slots.running, slots.idle, slots.booting, slots.size) == (None, None, None, 0)
        assert not slots.pending() and not slots.confirm()
        for act in (slots.writer, slots.switch):
            refused(act, NotNow, slots.problem)


def test_what_is_written_is_in_the_idle_slot_and_hashes_right():
    chip = flashes.usual()
    before = bytes(chip.data)
    slots = Slots()
    image = bytes(range(256)) * 35 + b"the end"
    writer = slots.writer()
    for at in range(0, len(image), BLOCK):
        writer.write(memoryview(image)[at : at + BLOCK])
    assert writer.written == len(image) == 8967
    assert chip.data[0x20000 : 0x20000 + len(image)] == image
    assert chip.data[:0x20000] == before[:0x20000] and chip.data[0x23000:] == before[0x23000:]
    assert flashes.driven(slots.sha256(len(image))) == (hexed(image), 3)
    assert flashes.driven(slots.sha256(7)) == (hexed(image[:7]), 1)
    assert flashes.driven(slots.sha256(0)) == (hexed(b""), 0)


def test_the_running_slot_can_be_read_from_any_byte():
    chip = flashes.usual()
    buffer = bytearray(5000)
    Slots().read(17, buffer)
    assert buffer == chip.data[0x10011 : 0x10011 + 5000]


def test_a_writer_takes_blocks_in_order_and_no_more_than_fit():
    flashes.usual()
    writer = Slots().writer()
    for data in (b"", bytes(BLOCK + 1)):
        refused(lambda: writer.write(data), ValueError, "not the next block")  # noqa: B023  used at once
    for _ in range(4):
        writer.write(bytes(BLOCK))
    refused(lambda: writer.write(b"x"), ValueError, "more than the partition holds")
    writer.resume(5000)
    assert writer.written == 4096
    writer.write(b"the last")
    refused(lambda: writer.write(b"x"), ValueError, "not the next block")
    writer.resume(99999)
    assert writer.written == 0x4000


def test_a_bit_that_flips_once_costs_a_second_try():
    chip = flashes.usual()
    chip.faults = Faults(flips=[(2, 40)])
    writer = Slots().writer()
    writer.write(b"\xaa" * BLOCK)
    assert chip.operations == 4 and chip.data[0x20000:0x21000] == b"\xaa" * BLOCK


def test_a_block_that_does_not_hold_ends_it():
    for faults in (Faults(bad=[0x21]), Faults(failing=[0x21])):
        chip = flashes.usual()
        chip.faults = faults
        writer = Slots().writer()
        writer.write(bytes(BLOCK))
        fault = refused(lambda: writer.write(bytes(BLOCK)), BadFlash)  # noqa: B023  used at once
        assert fault.args == (1,) and writer.written == BLOCK


def test_switching_puts_the_idle_slot_on_trial_at_the_next_start():
    chip = flashes.usual()
    slots = Slots()
    slots.switch()
    assert (slots.running, slots.booting, slots.state(1), slots.state(0)) == (0, 1, NEW, VALID)
    assert not slots.pending() and chip.operations == 2


def test_an_image_that_is_not_whole_cannot_be_switched_to():
    chip = flashes.usual()
    chip.data[0x20100] ^= 1
    fault = refused(Slots().switch, OSError)
    assert fault.args == (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
    assert Slots().booting == 0 and chip.operations == 0


def trial():
    """Return (chip, slots) of a device that has just started slot 1 on trial."""
    chip = flashes.usual()
    simota.put(chip, flashes.OTADATA, 1, 2, PENDING)
    chip.slot = 1
    chip.power_on()
    return chip, Slots()


def test_on_trial_the_other_slot_is_what_a_failure_falls_back_to():
    chip, slots = trial()
    assert slots.pending() and slots.running == slots.booting == 1
    for act in (slots.writer, slots.switch):
        refused(act, NotNow, "not proved itself")
    assert chip.operations == 0


def test_a_confirmed_slot_stays():
    chip, slots = trial()
    assert slots.confirm() is True
    assert not slots.pending() and slots.state(1) == VALID and chip.operations == 2
    assert slots.confirm() is True and chip.operations == 2  # nothing is written twice
    slots.writer().write(b"the next one")


def test_the_slot_that_runs_by_silent_fallback_blesses_nothing():
    chip, _ = trial()
    chip.slot = 0  # the image of slot 1 was bad, so that the boot loader took slot 0 without a word
    slots = Slots()
    assert (slots.running, slots.booting, slots.pending()) == (0, 1, False)
    assert slots.confirm() is False and slots.state(1) == PENDING and chip.operations == 0


def test_before_the_idle_slot_is_touched_otadata_names_ours():
    chip = flashes.usual()
    simota.put(chip, flashes.OTADATA, 1, 2, VALID)  # names slot 1, whose image has gone bad: slot 0 runs
    slots = Slots()
    assert (slots.running, slots.booting) == (0, 1)
    slots.writer()
    assert (slots.booting, slots.state(0), slots.pending()) == (0, VALID, False)
    assert simota.entries(chip, flashes.OTADATA)[0][0] == 3


def test_a_switch_is_taken_back_by_what_writes_before_the_restart():
    flashes.usual()
    slots = Slots()
    slots.switch()
    assert slots.booting == 1
    slots.writer()
    assert (slots.booting, slots.state(0)) == (0, VALID)


def test_where_both_slots_have_failed_the_one_that_runs_can_still_be_confirmed():
    chip = flashes.usual(ABORTED)
    simota.put(chip, flashes.OTADATA, 1, 2, ABORTED)
    slots = Slots()
    assert (slots.running, slots.booting, slots.state(0), slots.state(1)) == (0, 0, ABORTED, ABORTED)
    assert slots.confirm() is True and slots.state(0) == VALID


def test_otadata_that_cannot_be_read_says_nothing():
    for spoilt in (bytes(32), b"\xff" * 32, b"\x01\0\0\0" + b"\xff" * 20 + b"\2\0\0\0\0\0\0\0"):
        chip = flashes.usual()
        chip.data[0xD000:0xD020] = spoilt
        slots = Slots()
        assert slots.state(0) is None and slots.state(1) is None and not slots.pending()
