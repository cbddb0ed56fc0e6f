"""What of an update is believed: nothing before the signature, and afterwards only what fits this very device."""

import json

from firmware.ota import manifest
from firmware.ota.manifest import Own, Refused
from host_tests.unit.signer import Signer

RELEASE, SPARE, STRANGER = Signer(b"release"), Signer(b"spare"), Signer(b"another product's")
OWN = Own((RELEASE.public, SPARE.public), "generic-esp32", "esp32", "4MB", 3, "0.2.0", 0x1F0000)
HASH = "ab" * 32


def told(**changes):
    """The fields of a good manifest, with these changes; None takes one out."""
    fields = {
        "board": "generic-esp32",
        "chip": "esp32",
        "counter": 3,
        "date": "2026-11-21",
        "layout": "4MB",
        "product": "openshock-micropython",
        "schema": 2,
        "sha256": HASH,
        "size": 1900000,
        "version": "0.3.0",
    }
    fields.update(changes)
    return (json.dumps({key: value for key, value in fields.items() if value is not None}) + "\n").encode()


def checked(data, signer=RELEASE, own=OWN, wanted="", override=False):
    return manifest.check(data, signer.sign(data), own, wanted, override)


def refused(words, *arguments, **more):
    """None; it was refused with those words."""
    try:
        checked(*arguments, **more)
    except Refused as fault:
        assert words in str(fault), fault
        return
    raise AssertionError("it was believed")


def test_a_good_one_says_what_comes():
    assert tuple(checked(told())) == ("0.3.0", "2026-11-21", 1900000, HASH)
    assert checked(told(size=0x1F0000)).size == 0x1F0000
    assert checked(told(), wanted="0.3.0").version == "0.3.0"


def test_manifests_of_the_older_firmware_are_refused_with_words():
    older = told(
        schema=1,
        size=None,
        sha256=None,
        parts=[{"name": "app.lfs", "sha256": HASH, "size": 8192}],
        runtime={"sha256": HASH, "size": 70000},
    )
    for data in (older, told(schema=1), told(parts=[]), told(parts=None, schema=1, version="9.9.9")):
        refused("made for an older firmware, which came in parts: ask for a newer version", data)
        refused("made for an older firmware", data, override=True)


def test_manifests_of_a_newer_firmware_are_refused_with_words():
    refused("made for a newer firmware (form 3, here 2)", told(schema=3))
    for schema in (True, "2", 2.0, 0, -1, None, [2]):
        refused("does not say its form", told(schema=schema))


def test_c3_09_signatures_that_are_not_ours():
    data = told()
    good = RELEASE.sign(data)
    assert manifest.check(data, good, OWN).version == "0.3.0"
    assert manifest.check(data, SPARE.sign(data), OWN).version == "0.3.0"
    replayed = RELEASE.sign(told(version="0.2.9"))
    wrong = [b"", good[:-1], good + b"\0", replayed, STRANGER.sign(data), bytes(len(good)), data]
    for at in (0, 3, 8, 30, 700, len(good) - 1):
        wrong.append(good[:at] + bytes((good[at] ^ 1,)) + good[at + 1 :])
    for signature in wrong:
        try:
            manifest.check(data, signature, OWN)
            raise AssertionError("it was believed")
        except Refused as fault:
            assert str(fault) == "the signature is none of ours"
    for at in range(0, len(data), 7):
        try:
            manifest.check(data[:at] + b"~" + data[at + 1 :], good, OWN)
            raise AssertionError("it was believed")
        except Refused as fault:
            assert str(fault) == "the signature is none of ours"


def test_a_build_without_keys_trusts_nobody():
    refused("this build trusts nobody", told(), own=Own((), *OWN[1:]))


def test_c3_10_another_board_chip_or_flash_is_refused_by_name():
    refused("another board (openshock-core-v2, here generic-esp32)", told(board="openshock-core-v2"))
    refused("another chip (esp32s3, here esp32)", told(chip="esp32s3"))
    refused("another flash map (8MB, here 4MB)", told(layout="8MB"))
    refused("another product", told(product="toaster"))
    for name in ("board", "chip", "layout", "product"):
        refused("(None, here", told(**{name: None}))


def test_c3_11_what_is_older_or_the_same_needs_somebody_here():
    refused("version 0.1.9 is older than 0.2.0", told(version="0.1.9"))
    refused("version 0.2.0-rc.1 is older", told(version="0.2.0-rc.1"))
    refused("version 0.2.0 is running already", told(version="0.2.0"))
    refused("version 0.2.0+other is running already", told(version="0.2.0+other"))
    refused("must not be taken back", told(counter=2))
    for data in (told(version="0.1.9"), told(version="0.2.0"), told(counter=2), told(version="0.1.0", counter=0)):
        assert checked(data, override=True)
    refused("another board", told(version="0.1.9", board="x"), override=True)  # a person can waive the age alone
    refused("none of ours", told(version="0.1.9"), signer=STRANGER, override=True)
    assert checked(told(counter=4))


def test_a_version_that_nobody_asked_for_is_refused():
    refused("version 0.3.1 was asked for, the server gave 0.3.0", told(), wanted="0.3.1")
    for version in ("", "1", "0.3.0\n", None, 3, "0.3.0/../0.1.0"):
        refused("no version", told(version=version))
    for counter in (None, -1, "3", 3.0, True, 1 << 30):
        refused("no rollback counter", told(counter=counter))


def test_c3_08_hashes_that_are_missing_doubled_or_none():
    for digest in ("", HASH[:-1], HASH + "0", "AB" * 32, "zz" * 32, None, 7, [HASH]):
        refused("no hash of the image", told(sha256=digest))
    data = told()[:-2] + b',"sha256":"' + HASH.encode() + b'"}'
    refused("two hashes", data)


def test_c3_06_what_is_larger_than_its_slot_is_refused_before_it_comes():
    for size in (0, -1, "8192", 8192.0, None, True):
        refused("how large the image is", told(size=size))
    refused("the image has 2031617 bytes, this device has room for 2031616", told(size=0x1F0001))
    refused("larger than 2048 bytes", told(note="x" * 2048))


def test_what_is_signed_and_still_no_manifest():
    for data in (b"", b"[]", b"7", b'"x"', b"{", b"\xff\xfe", b"{}"):
        refused("", data)


def test_c3_26_the_signature_does_not_ask_what_time_it_is():
    # nothing of this room takes or asks for a time; a manifest of any date is as good as another
    for date in ("1970-01-01", "2199-12-31", None, 7):
        assert checked(told(date=date)).version == "0.3.0"
