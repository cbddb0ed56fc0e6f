"""The mode `updating` on a simulated flash: what is written, what is refused, and how it goes on after whatever happens."""

from hashlib import sha256

import simflash
from simflash import Faults

from host_tests.mp.update_world import OLD, RUNTIMES, World, app, release, steps

NEW = app("0.2.0", 8192)


def updated(tree, **more):
    """A World that was ordered to update to 0.2.0 from that tree, at rest."""
    world = World(tree, **more)
    world.live()
    world.check()
    return world


def test_an_app_only_update_copies_the_runtime_and_sends_nothing_else():
    world = updated(release("0.2.0", NEW))
    assert world.version() == "0.2.0" and world.shelf.sent == len(NEW)
    assert bytes(world._slot("ota")[: len(RUNTIMES[0])]) == RUNTIMES[0]
    assert world.said[0] == ["OtaInstallStarted", 7, "0.2.0"]
    assert world.said[-2:] == [["OtaInstallProgress", 7, 6, 1.0], ["OtaInstallSucceeded", 7]]


def test_a_runtime_that_is_new_comes_with_the_app():
    world = updated(release("0.2.0", NEW, RUNTIMES[1]))
    assert world.version() == "0.2.0" and world.shelf.sent == len(NEW) + len(RUNTIMES[1])
    assert bytes(world._slot("ota")[: len(RUNTIMES[1])]) == RUNTIMES[1]


def test_a_runtime_that_runs_already_is_copied_and_not_fetched():
    world = updated(release("0.2.0", NEW, RUNTIMES[0]))
    assert world.version() == "0.2.0" and world.shelf.sent == len(NEW)


def failed(world):
    """Why the update has failed; the old version runs, and the hub knows."""
    assert world.version() == "0.1.0" and world.said[-1][0] == "OtaInstallFailed" and world.said[-1][2] is False
    return world.said[-1][3]


def test_c3_12_an_app_for_another_runtime_and_mixed_parts_are_refused():
    world = updated(release("0.2.0", NEW, RUNTIMES[1], ship=False))
    assert "made for another runtime" in failed(world) and world.shelf.sent == 0
    mixed = release("0.2.0", NEW)
    mixed["0.2.0/board/app.lfs"] = app("0.1.9", len(NEW))
    world = updated(mixed)
    assert failed(world) == "app.lfs is not what the manifest says"
    mixed = release("0.2.0", NEW, RUNTIMES[1])
    mixed["0.2.0/board/runtime.bin"] = RUNTIMES[1][:-1] + b"x"
    assert failed(updated(mixed)) == "runtime.bin is not what the manifest says"


def test_a_manifest_that_is_refused_costs_no_erase():
    world = World(release("0.2.0", NEW, board="another"))
    slots = memoryview(world.flash.data)[0x10000:0x4B000]
    before = sha256(slots).digest()
    world.live()
    assert "another board" in failed(world) and sha256(slots).digest() == before


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


def test_c3_07_a_bit_that_flips_on_its_way_or_in_the_flash():
    for at in (0, 4095, 4096, len(NEW) - 1):
        tree = release("0.2.0", NEW)
        tree["0.2.0/board/app.lfs"] = NEW[:at] + bytes((NEW[at] ^ 4,)) + NEW[at + 1 :]
        assert failed(updated(tree)) == "app.lfs is not what the manifest says"


def test_c3_19_a_block_that_keeps_nothing_ends_it_and_one_flip_does_not():
    for faults in (Faults(bad=[0x38]), Faults(failing=[0x38])):
        world = World(release("0.2.0", NEW))
        world.flash.faults = faults
        world.live()
        assert failed(world) == "block 1 of the flash does not keep what is written"
    for operation in range(1, 60):
        world = World(release("0.2.0", NEW))
        world.flash.faults = Faults(flips=[(operation, 77)])
        world.live()
        world.check()
        # a flip in what is read back at once is mended; one in otadata or a journal may cost the update, never the device
        assert world.version() in ("0.1.0", "0.2.0")


def test_c3_20_a_version_that_crashes_is_left_after_one_start():
    world = updated(release("0.2.0", app("0.2.0", nature="crash")))
    assert world.version() == "0.1.0" and world.said[-1] == ["OtaRollback", 7]
    assert world.said[-2] == ["OtaInstallFailed", 7, True, "it ended before it had proved itself"]
    assert world.starts <= 5


def test_c3_21_a_version_that_cannot_do_what_the_old_one_could_goes_back_and_says_why():
    for nature in ("settings", "radio", "estop", "network", "hub"):
        world = updated(release("0.2.0", app("0.2.0", nature=nature)))
        assert world.version() == "0.1.0"
        assert world.said[-2] == ["OtaInstallFailed", 7, True, "not within 5 min: " + nature]
        assert world.said[-1] == ["OtaRollback", 7]


def test_a_hub_that_was_away_before_is_not_waited_for():
    world = World(release("0.2.0", app("0.2.0", nature="hub")))
    world.before = ("hub",)
    world.live()
    assert world.version() == "0.2.0"


def test_c3_11_downgrades_need_an_override():
    older = app("0.0.9", nature="good")
    world = World(release("0.0.9", older), wanted="0.0.9")
    world.live()
    assert "is older than 0.1.0" in failed(world)
    world = updated(release("0.0.9", older), wanted="0.0.9", override=True)
    assert world.version() == "0.0.9" and world.said[-1] == ["OtaInstallSucceeded", 7]


def test_what_was_written_and_noted_before_a_failure_is_not_sent_again():
    image = app("0.2.0", 18 * 4096)
    for blocks, noted in ((17, 16), (16, 16), (15, 0)):
        world = World(release("0.2.0", image))
        world.shelf.break_after = blocks
        world.live()
        assert failed(world) == "0.2.0/board/app.lfs: no answer" and world.shelf.sent == blocks * 4096
        world.shelf.break_after = None
        world.order_due = True
        world.live()
        world.check()
        assert world.version() == "0.2.0" and world.running() == image
        assert world.shelf.sent == (18 - noted + blocks) * 4096


def test_what_is_noted_and_is_not_there_costs_a_second_reading():
    image = app("0.2.0", 18 * 4096)
    world = World(release("0.2.0", image))
    world.shelf.break_after = 17
    world.live()
    world.flash.data[0x37000 + 5000] ^= 1
    world.shelf.break_after = None
    world.order_due = True
    world.live()
    world.check()
    assert world.version() == "0.2.0" and world.shelf.sent == (17 + 2 + 18) * 4096
    assert any("once more from its beginning" in line for line in world.lines)


PATCHED = b"0.2.0 good|" + OLD[:4085] + OLD[300:4000] + b"new" * 20
PATCH = steps(b"0.2.0 good|", (4085, 0), (3700, 300), b"new" * 20)


def patched(patch, image=PATCHED):
    """A World that had this patch beside the image."""
    tree = release("0.2.0", image)
    tree["0.2.0/board/app.lfs.from-0.1.0"] = patch
    return updated(tree)


def test_a_patch_is_taken_and_the_image_is_not_sent():
    world = patched(PATCH)
    assert world.version() == "0.2.0" and world.running() == PATCHED
    assert world.shelf.sent == len(PATCH) < 120 and world.shelf.asked[-1] == "0.2.0/board/app.lfs.from-0.1.0"


def test_a_patch_that_makes_something_else_costs_its_own_bytes_and_no_more():
    world = patched(PATCH[:-1] + b"x")
    assert world.version() == "0.2.0" and world.shelf.sent == len(PATCH) + len(PATCHED)
    world = patched(steps(PATCHED[:4096], PATCHED[4096:]))  # larger than what it makes: nobody reads it
    assert world.version() == "0.2.0" and world.shelf.sent == len(PATCHED)


def test_the_simulated_board_is_put_back():
    world = World(release("0.2.0", NEW))
    assert simflash.current() is world.flash and world.running() == OLD
