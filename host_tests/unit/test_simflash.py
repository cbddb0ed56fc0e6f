"""The simulated flash is as hard to write as a real one, and fails as one does: otherwise no test over it is worth a thing."""

import simflash
import simota
from esp32 import NVS, Partition
from simflash import Faults, Flash, PowerCut

from host_tests.unit import flashes


def blank(faults=None):
    return Flash(bytearray(b"\xff" * 0x3000), faults=faults)


def power_goes(chip, act):
    """None; `act` ended with the power."""
    try:
        act()
    except PowerCut:
        assert chip.dead
        return
    raise AssertionError("the power stayed")


def test_writing_turns_ones_to_zeros_and_never_back():
    chip = blank()
    chip.write(0x10, b"\xf0\x0f")
    chip.write(0x10, b"\x3c\x3c")
    assert chip.read(0xF, 4) == b"\xff\x30\x0c\xff"
    chip.write(0x10, b"\xff\xff")
    assert chip.read(0x10, 2) == b"\x30\x0c"


def test_what_is_longer_than_a_piece_is_written_whole_over_blank_and_over_old():
    chip = blank()
    data = bytes(range(256)) * 5
    chip.write(0x1001, data)
    assert chip.read(0x1001, len(data)) == data and chip.read(0x1000, 1) == b"\xff"
    chip.write(0x1001, b"\x0f" * len(data))
    assert chip.read(0x1001, len(data)) == bytes(byte & 0x0F for byte in data)


def test_a_sector_is_erased_as_a_whole_and_nothing_beside_it():
    chip = blank()
    for at in (0xFFF, 0x1000, 0x1FFF, 0x2000):
        chip.write(at, b"\0")
    chip.erase(0x1000)
    assert [chip.read(at, 1) for at in (0xFFF, 0x1000, 0x1FFF, 0x2000)] == [b"\0", b"\xff", b"\xff", b"\0"]
    for at in (0x1001, 0x7FF):
        try:
            chip.erase(at)
        except OSError as fault:
            assert fault.args[1] == "ESP_ERR_INVALID_ARG"
        else:
            raise AssertionError("half a sector was erased")


def test_every_erase_every_write_and_every_commit_is_one_operation():
    chip = blank()
    simflash.insert(chip)
    chip.erase(0)
    chip.write(0, bytes(4096))
    store = NVS("boot")
    store.set_i32("a", 1)
    store.set_i32("b", 2)
    assert chip.operations == 2
    store.commit()
    chip.read(0, 4096)
    assert chip.operations == 3 and chip.nvs == {"boot": {"a": 1, "b": 2}}


def test_the_power_goes_before_the_operation_or_after_it():
    for when, there in (("before", b"\xff" * 4), ("after", b"\1\2\3\4")):
        chip = blank(Faults(cuts=[(2, when)]))
        chip.erase(0)
        power_goes(chip, lambda: chip.write(0, b"\1\2\3\4"))  # noqa: B023  used at once
        chip.power_on()
        assert chip.read(0, 4) == there


def test_in_the_middle_half_is_done():
    chip = blank(Faults(cuts=[(1, "middle"), (1, "middle")]))
    power_goes(chip, lambda: chip.write(0, bytes(4096)))
    chip.power_on()
    assert chip.read(2047, 2) == b"\0\xff"
    power_goes(chip, lambda: chip.erase(0))
    chip.power_on()
    assert chip.read(2047, 2) == b"\xff\xff" and chip.read(0, 1) == b"\xff"


def test_torn_means_that_bits_have_moved_one_way_only():
    chip = blank(Faults(cuts=[(1, "torn"), (1, "torn")]))
    power_goes(chip, lambda: chip.write(0, b"\x55" * 4096))
    chip.power_on()
    written = chip.read(0, 4096)
    assert all(byte & 0x55 == 0x55 for byte in written) and len(set(written)) > 5
    power_goes(chip, lambda: chip.erase(0))
    chip.power_on()
    erased = chip.read(0, 4096)
    assert all(new & old == old for new, old in zip(erased, written)) and erased != written
    assert erased != b"\xff" * 4096


def test_without_power_nothing_works_until_it_is_there_again():
    chip = blank(Faults(cuts=[(1, "after")]))
    power_goes(chip, lambda: chip.erase(0))
    for act in (lambda: chip.erase(0), lambda: chip.write(0, b"\0"), lambda: chip.read(0, 1)):
        power_goes(chip, act)
    chip.power_on()
    chip.write(0, b"\0")
    assert chip.read(0, 1) == b"\0" and chip.operations == 1


def test_a_commit_of_the_nvs_is_whole_or_old():
    for when, kept in (("before", 1), ("middle", 1), ("torn", 1), ("after", 2)):
        chip = blank(Faults(cuts=[(2, when)]))
        simflash.insert(chip)
        store = NVS("boot")
        store.set_i32("n", 1)
        store.commit()
        store.set_i32("n", 2)
        power_goes(chip, store.commit)
        chip.power_on()
        assert NVS("boot").get_i32("n") == kept


def test_a_bad_sector_a_failing_one_and_a_flipped_bit():
    chip = blank(Faults(bad=[1], failing=[2], flips=[(3, 9)]))
    chip.write(0x1000, b"\xaa" * 64)
    assert chip.read(0x1000, 64) == b"\xaa" * 17 + b"\xab" + b"\xaa" * 46
    for act in (lambda: chip.erase(0x2000), lambda: chip.write(0x2004, b"\0")):
        try:
            act()
        except OSError as fault:
            assert fault.args[1] == "ESP_ERR_FLASH_OP_FAIL"
        else:
            raise AssertionError("it was not refused")
    chip = blank(Faults(flips=[(1, 9)]))
    chip.write(0, b"\xff\xff\xff")
    assert chip.read(0, 3) == b"\xff\xfd\xff"
    chip.write(8, b"\xff\xff\xff")
    assert chip.read(8, 3) == b"\xff\xff\xff"


def test_partitions_are_found_by_type_subtype_and_label():
    flashes.usual()
    assert [part.info()[4] for part in Partition.find(Partition.TYPE_APP)] == ["ota_0", "ota_1"]
    assert [part.info()[4] for part in Partition.find(Partition.TYPE_DATA, subtype=0x02)] == ["nvs"]
    assert Partition.find(Partition.TYPE_DATA, label="ota_0") == []
    assert Partition("ota_1").info() == (0, 0x11, 0x20000, 0x4000, "ota_1", False)
    assert Partition(Partition.RUNNING).info()[4] == Partition(Partition.BOOT).info()[4] == "ota_0"
    assert Partition(Partition.RUNNING).get_next_update().info()[4] == "ota_1"
    try:
        Partition("ota_2")
    except OSError as fault:
        assert fault.args[0] == 2
    else:
        raise AssertionError("there is no ota_2")


def test_blocks_are_read_and_written_as_the_port_does_it():
    flashes.usual()
    part = Partition("ota_1")
    assert (part.ioctl(4, 0), part.ioctl(5, 0)) == (4, 4096)
    part.writeblocks(1, bytes(4096))  # erases first
    part.writeblocks(1, b"\xff\x01", 4)  # does not
    back = bytearray(7)
    part.readblocks(1, back, 3)
    assert back == bytes(7)
    part.ioctl(6, 1)
    part.readblocks(1, back)
    assert back == b"\xff" * 7
    for act in (
        lambda: part.writeblocks(1, bytes(100)),
        lambda: part.writeblocks(3, bytes(2), 4095),
        lambda: part.readblocks(4, bytearray(1)),
        lambda: part.ioctl(6, 4),
    ):
        try:
            act()
        except OSError as fault:
            assert fault.args[1] == "ESP_ERR_INVALID_SIZE"
        else:
            raise AssertionError("outside of the partition")


def test_set_boot_takes_whole_images_only():
    good = flashes.image(b"first")
    spoilt = [
        good[:40] + b"\x99" + good[41:],
        good[:-1] + b"\0",
        good[:-40],
        b"\0" + good[1:],
        b"",
        good[:1] + b"\0" + good[2:],
    ]
    for content in spoilt:
        flashes.flash({"ota_0": good, "ota_1": content})
        try:
            Partition("ota_1").set_boot()
        except OSError as fault:
            assert fault.args == (-5379, "ESP_ERR_OTA_VALIDATE_FAILED")
        else:
            raise AssertionError("a spoilt image was taken")
    chip = flashes.flash({"ota_0": good, "ota_1": good})
    Partition("ota_1").set_boot()
    assert simota.entries(chip, flashes.OTADATA)[0] == (2, simota.NEW, simota.check_of(2))


def test_the_checksum_of_an_entry_is_the_chip_s():
    assert simota.check_of(1) == 0x4743989A  # read from a chip: reference/micropython-esp32.md §c


def test_a_board_without_a_flash_has_one_app():
    simflash.insert(None)
    assert [part.info()[4] for part in Partition.find(Partition.TYPE_APP)] == ["factory"]
    assert Partition(Partition.RUNNING).info() == (0, 0, 0x10000, 0x1F0000, "factory", False)
    assert Partition(Partition.BOOT).info()[4] == "factory"
    Partition.mark_app_valid_cancel_rollback()
