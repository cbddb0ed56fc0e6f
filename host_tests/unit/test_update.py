"""The mode `updating` on a simulated flash: what is written, what is refused, and how it goes on after whatever happens."""

from hashlib import sha256

import simflash
from simflash import Faults

from host_tests.unit import patches
from host_tests.unit.update_walk import LONG, LONG_OLD, LONG_PATCHED
from host_tests.unit.update_world import OLD, PATCH, SLOTS, World, image, patched, release

NEW = image("0.2.0", 8192)
IMAGE = "0.2.0/board/image.bin"


def updated(tree, **more):
    """Return a World that was ordered to update to 0.2.0 from that tree, at rest."""
    world = World(tree, **more)
    world.live()
    world.check()
    return world


def test_the_image_is_sent_written_and_runs_and_the_hub_hears_of_it():
    world = updated(release("0.2.0", NEW))
    assert world.version() == "0.2.0" and world.running() == NEW and world.shelf.sent == len(NEW)
    assert world.said[0] == ["OtaInstallStarted", 7, "0.2.0"]
    assert world.said[-2:] == [["OtaInstallProgress", 7, 6, 1.0], ["OtaInstallSucceeded", 7]]
    assert bytes(world.slot(0)[: len(OLD)]) == OLD


def failed(world):
    """Return why the update has failed; the old version runs, and the hub knows."""
    assert world.version() == "0.1.0" and world.said[-1][0] == "OtaInstallFailed" and world.said[-1][2] is False
    return world.said[-1][3]


def test_c3_12_an_image_of_another_version_is_refused():
    mixed = release("0.2.0", NEW)
    mixed[IMAGE] = image("0.1.9", len(NEW))
    assert failed(updated(mixed)) == "image.bin is not what the manifest says"


def test_a_manifest_that_is_refused_costs_no_erase():
    for words, changes in (
        ("another board", {"board": "another"}),
        ("made for an older firmware", {"schema": 1, "parts": [{"name": "app.lfs", "size": 1, "sha256": "ab" * 32}]}),
        ("room for 81920", {"size": 81921}),
    ):
        world = World(release("0.2.0", NEW, **changes))
        slots = memoryview(world.flash.data)[0x10000:0x38000]
        before = sha256(slots).digest()
        world.live()
        assert words in failed(world) and sha256(slots).digest() == before


def test_c3_10_an_image_signed_by_nobody_we_know():
    world = World(release("0.2.0", NEW))
    world.keys = ()
    world.live()
    assert "trusts nobody" in failed(world)


def test_versions_that_are_no_versions_ask_for_nothing():
    for wanted in ("../../secret", "0.2.0/../x", "latest", "0.2"):
        world = World(release("0.2.0", NEW), wanted=wanted)
        world.live()
        assert failed(world) == "there is no version like that" and world.shelf.asked == []
    tree = release("0.2.0", NEW)
    tree["version-stable.txt"] = b"\xff\xfe<html>"
    world = World(tree, wanted="")
    world.live()
    assert failed(world) == "there is no version like that"


def test_without_a_version_it_is_the_channels():
    world = updated(release("0.2.0", NEW), wanted="")
    assert world.version() == "0.2.0" and world.shelf.asked[0] == "version-stable.txt"


def test_c3_07_a_bit_that_flips_on_its_way():
    for at in (0, 4095, 4096, len(NEW) - 1):
        tree = release("0.2.0", NEW)
        tree[IMAGE] = NEW[:at] + bytes((NEW[at] ^ 4,)) + NEW[at + 1 :]
        assert failed(updated(tree)) == "image.bin is not what the manifest says"


def test_c3_18_a_full_storage_or_too_little_memory_is_found_before_anything_is_erased():
    for fault, words in ((OSError(28), "the flash or the storage refuses"), (MemoryError(), "not enough memory")):
        world = World(release("0.2.0", NEW))
        slots = memoryview(world.flash.data)[0x10000:0x38000]
        before = sha256(slots).digest()

        def keep():
            raise fault  # noqa: B023  raised in this turn

        world._keep = keep
        world.live()
        assert words in failed(world) and sha256(slots).digest() == before


def test_an_image_that_the_boot_loader_would_not_start_is_not_switched_to():
    spoilt = NEW[:100] + bytes((NEW[100] ^ 4,)) + NEW[101:]
    words = failed(updated(release("0.2.0", spoilt)))  # signed, hashed, and wrong all the same
    assert words.startswith("the new image would not start (") and "ESP_ERR_OTA_VALIDATE_FAILED" in words


def test_c3_19_a_block_that_keeps_nothing_ends_it_and_one_flip_does_not():
    bad = SLOTS[1] // 4096 + 1
    for faults in (Faults(bad=[bad]), Faults(failing=[bad])):
        world = World(release("0.2.0", NEW))
        world.flash.faults = faults
        world.live()
        assert failed(world) == "block 1 of the flash does not keep what is written"
    for operation in range(1, 50):
        world = World(release("0.2.0", NEW))
        world.flash.faults = Faults(flips=[(operation, 77)])
        world.live()
        world.check()
        # a flip in what is read back at once is mended; one in otadata or a journal may cost the update, never the device
        assert world.version() in ("0.1.0", "0.2.0")


def test_c3_20_a_version_that_crashes_is_left_after_one_start():
    world = updated(release("0.2.0", image("0.2.0", nature="crash")))
    assert world.version() == "0.1.0" and world.said[-1] == ["OtaRollback", 7]
    assert world.said[-2] == ["OtaInstallFailed", 7, True, "it ended before it had proved itself"]
    assert world.starts <= 5


def test_c3_21_a_version_that_cannot_do_what_the_old_one_could_goes_back_and_says_why():
    for nature in ("settings", "radio", "estop", "network", "hub"):
        world = updated(release("0.2.0", image("0.2.0", nature=nature)))
        assert world.version() == "0.1.0"
        assert world.said[-2] == ["OtaInstallFailed", 7, True, "not within 5 min: " + nature]
        assert world.said[-1] == ["OtaRollback", 7]


def test_a_hub_that_was_away_before_is_not_waited_for():
    world = World(release("0.2.0", image("0.2.0", nature="hub")))
    world.before = ("hub",)
    world.live()
    assert world.version() == "0.2.0"


def test_c3_11_downgrades_need_an_override():
    older = image("0.0.9")
    world = World(release("0.0.9", older), wanted="0.0.9")
    world.live()
    assert "is older than 0.1.0" in failed(world)
    world = updated(release("0.0.9", older), wanted="0.0.9", override=True)
    assert world.version() == "0.0.9" and world.said[-1] == ["OtaInstallSucceeded", 7]


def again(world):
    """The network is back, and the same update is ordered once more."""
    world.shelf.break_after = None
    world.order_due = True
    world.live()
    world.check()
    assert world.version() == "0.2.0"


def test_what_was_written_and_noted_before_a_failure_is_not_sent_again():
    tree = LONG
    size = len(tree[IMAGE])
    for blocks, noted in ((17, 17), (16, 1), (1, 1), (0, 0)):
        world = World(tree)
        world.shelf.break_after = blocks
        world.live()
        assert failed(world) == IMAGE + ": no answer" and world.shelf.sent == blocks * 4096
        again(world)
        assert world.running() == tree[IMAGE]
        assert world.shelf.sent == size - noted * 4096 + blocks * 4096


def test_what_is_noted_and_is_not_there_costs_a_second_reading():
    tree = LONG
    world = World(tree)
    world.shelf.break_after = 17
    world.live()
    world.flash.data[SLOTS[1] + 5000] ^= 1
    again(world)
    assert world.shelf.sent == 17 * 4096 + 16 + len(tree[IMAGE])
    assert any("once more from its beginning" in line for line in world.lines)


def test_what_is_whole_already_is_not_sent_at_all():
    world = World(release("0.2.0", NEW))
    world.live()
    sent = world.shelf.sent
    world.flash.slot = 0
    world.flash.data[0xE000:0xF000] = b"\xff" * 4096  # as if otadata had never named the new one
    world.order_due = True
    world.live()
    world.check()
    assert world.version() == "0.2.0" and world.shelf.sent == sent


def test_a_patch_is_taken_and_the_image_is_not_sent():
    tree = patched()
    world = updated(tree)
    assert world.version() == "0.2.0" and world.running() == tree[IMAGE]
    assert world.shelf.sent == len(tree[PATCH]) < 250 and world.shelf.asked[-1] == PATCH


def test_a_patch_that_is_cut_goes_on_where_its_last_note_was():
    tree, old = LONG_PATCHED, LONG_OLD
    for blocks in (1, 5, 17):
        world = World(tree, old=old)
        world.shelf.break_after = blocks
        world.live()
        assert failed(world) == IMAGE + ": no answer" and 0 < world.shelf.sent < len(tree[PATCH])
        before = world.shelf.sent
        again(world)
        assert world.running() == tree[IMAGE]
        assert world.shelf.sent - before < len(tree[PATCH]) and world.shelf.asked[-1] == PATCH


def test_a_patch_that_is_none_costs_its_own_bytes_and_no_more():
    tree = patched()
    for spoilt in (tree[PATCH][:-1] + b"x", tree[PATCH][:-1], b"PAT1" + tree[PATCH][4:], b""):
        tree[PATCH] = spoilt
        world = updated(tree)
        assert world.version() == "0.2.0" and world.running() == tree[IMAGE]
        assert len(tree[IMAGE]) <= world.shelf.sent <= len(spoilt) + len(tree[IMAGE])
        assert any("so all of it" in line for line in world.lines)


def test_a_patch_of_more_than_half_the_image_is_not_read():
    tree = patched()
    tree[PATCH] = patches.head(OLD, tree[IMAGE]) + patches.unit(patches.copy(0, bytes(900))) * 6
    world = updated(tree)
    assert world.version() == "0.2.0" and world.shelf.sent == len(tree[IMAGE])


def test_a_patch_for_another_image_of_the_same_version_is_left_after_its_head():
    tree = patched()
    world = updated(tree, old=image("0.1.0", like="an own build"))
    assert world.version() == "0.2.0" and any("another image than the one that is here" in line for line in world.lines)


def test_no_memory_for_a_patch_is_no_reason_to_stay_behind():
    tree = patched()
    world = World(tree)

    async def no_memory(*_):
        raise MemoryError

    world.shelf.patch = no_memory
    world.live()
    world.check()
    assert world.version() == "0.2.0" and world.shelf.sent == len(tree[IMAGE])


def test_the_simulated_board_is_put_back():
    world = World(release("0.2.0", NEW))
    assert simflash.current() is world.flash and world.running() == OLD
