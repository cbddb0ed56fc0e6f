"""`tools flash` against a board that speaks the boot loader's protocol: what is on its flash afterwards, and what goes wrong.

Most tests write a small image that `build` could have left in a folder (--app); one writes a really linked MicroPython.
"""

import functools
import hashlib
import http.server
import io
import json
import re
import shlex
import ssl
import struct
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import official_images
import pytest
import trustme
from esp_pylib import serial_reset
from esptool import loader as esptool_loader
from fake_rom import ERASE_REGION, FakeBoard
from littlefs import LittleFS, UserContext
from serial.tools import list_ports
from serial.urlhandler import protocol_socket

from tools import Failure, Misuse, keys
from tools.flash import chosen, cli, download, kept, official, pieces, plan, ports, vfs, waiting
from tools.flash.bar import Bar
from tools.flash.cli import main
from tools.flash.device import Device, Facts
from tools.freeze import verify
from tools.images import image, layout, manifest, micropython, modules, runtime, targets
from tools.images.simulated import slot_image

M = 1024 * 1024
CHIPS = ("esp32", "esp32s2", "esp32s3", "esp32c3")
INVITATION = [
    "$SYS$|Response|SetUp|OpenShock-01-02-03",
    "Set-up: join the network OpenShock-01-02-03 with the key bcdf-ghjk, then open http://4.3.2.1/",
    "If the page asks for a code: 1234-5678",
]
SET_UP = {b"$status": ["[812][info][setup] the page is open", *INVITATION]}
TEXT = b"MicroPython v1.28.0 on 2026-04-06; a module with "


@pytest.fixture(autouse=True)
def at_once(monkeypatch, tmp_path):
    """What waits for a chip to wake, or for a server that is slow to take a second connection, need not wait here."""
    for module in (protocol_socket, serial_reset, esptool_loader):
        monkeypatch.setattr(module, "time", SimpleNamespace(sleep=lambda seconds: None, time=time.time))
    monkeypatch.setattr(waiting, "_ASK_FIRST_S", 0.02)
    monkeypatch.setattr(cli, "OUT", tmp_path / "out")


def the_runtime(chip, text=TEXT):
    return slot_image(text + chip.encode() + bytes(range(256)) * 60, chip)


def combined(chip, **wrong):
    """The bytes of an official .bin: boot loader, flash map, runtime, as micropython.org offers them."""
    at = official.BOOT_LOADER_AT[chip]
    loader = slot_image(b"second stage " * 90, chip)
    rows = [layout.Row("nvs", 1, 2, 0x9000, 0x6000), layout.Row("factory", 0, 0, 0x10000, 0x1F0000)]
    runs = wrong.get("runs") or the_runtime(chip)
    return loader.ljust(0x8000 - at, b"\xff") + layout.binary(rows).ljust(0x8000, b"\xff") + runs


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with an official image for each chip (CHIP.bin), and what `build` makes for each generic board."""
    folder = tmp_path_factory.mktemp("given")
    for chip in CHIPS:
        (folder / f"{chip}.bin").write_bytes(combined(chip))
        (folder / f"{chip}.app-bin").write_bytes(the_runtime(chip) + b"behind it")
        target = targets.named("generic-" + chip)
        built(folder / target.title, target)
    return folder


def linked(chip):
    """Return what stands for MicroPython with the firmware in it."""
    return the_runtime(chip, TEXT + b"firmware, for ")


def built(folder, target):
    """Write into the folder what `build` leaves there for a Target."""
    folder.mkdir(exist_ok=True)
    image = linked(target.chip)
    (folder / manifest.IMAGE).write_bytes(image)
    (folder / manifest.FILE).write_bytes(manifest.made(target, "0.2.0", 1, "2026-11-21", image))


def arguments(board, given, *more, image=".bin", wait="6"):
    made = ["--port", board.port, "--app", str(given / f"generic-{board.chip}"), "--wait", wait, *map(str, more)]
    return made if "--image" in more else [*made, "--image", str(given / (board.chip + image))]


def vfs_of(board, name):
    """{path: bytes} of the LittleFS at vfs."""
    row = layout.row(layout.table(name), "vfs")
    context = UserContext(buffer=bytearray(board.flash[row.offset : row.offset + row.size]))
    system = LittleFS(context, mount=False, block_size=4096, block_count=row.size // 4096)
    system.mount()
    found = {}
    for root, _, names in system.walk("/"):
        for each in names:
            path = f"{root}/{each}".lstrip("/")
            with system.open(path, "rb") as file:
                found[path] = file.read()
    return found


def esptool(*words):
    """What the esptool command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "esptool", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# --- a board that is written


@pytest.mark.parametrize(
    ("chip", "more"), [("esp32", []), ("esp32s2", []), ("esp32s3", []), ("esp32c3", []), ("esp32", ["--no-stub"])]
)
def test_a_blank_board_is_written_and_tells_how_to_reach_it(chip, more, given, tmp_path, capsys):
    settings = tmp_path / "settings.json"
    pin = 3 if chip == "esp32c3" else 4
    settings.write_text(json.dumps({"rf.pin": pin, "led.brightness": 20}))
    name = targets.named("generic-" + chip).layout
    with FakeBoard(chip, 4, SET_UP) as board:
        assert main(arguments(board, given, "--settings", settings, "--wifi", "home", "the key of it", *more)) == 0
        told = capsys.readouterr().out
        assert board.bootable()
    assert "network OpenShock-01-02-03 with the key bcdf-ghjk" in told and "code: 1234-5678" in told
    assert "the key of it" not in told
    rows = layout.table(name)
    assert layout.parsed(bytes(board.flash[0x8000:0x8C00])) == rows
    places = {row.label: row for row in rows}
    for label in ("nvs", "otadata", "phy_init", "ota_1"):
        row = places[label]
        assert set(board.flash[row.offset : row.offset + row.size]) == {0xFF}, label
    assert board.flash[places["ota_0"].offset :].startswith((given / f"generic-{chip}" / "image.bin").read_bytes())
    files = vfs_of(board, name)
    assert files.keys() == {"settings.json"}, "code is in the image"
    assert chosen.read(files["settings.json"]) == {
        "rf.pin": pin,
        "led.brightness": 20,
        "wifi": [{"ssid": "home", "key": "the key of it"}],
    }


@pytest.mark.parametrize(
    ("flash_mb", "board_name", "said"), [(8, "openshock-core-v2", "8MB"), (16, "wemos-lolin-s3", "16MB")]
)
def test_esptool_reads_what_is_on_a_larger_flash(flash_mb, board_name, said, given, tmp_path):
    built(tmp_path, targets.named(board_name))
    with FakeBoard("esp32s3", flash_mb, SET_UP) as board:
        assert main(arguments(board, given, "--board", board_name, "--app", tmp_path)) == 0
        assert board.bootable()
    rows = layout.parsed(bytes(board.flash[0x8000:0x8C00]))
    layout.check(rows, flash_mb * M)
    assert rows == layout.table(said)
    loader, runs = tmp_path / "loader.bin", tmp_path / "runs.bin"
    loader.write_bytes(runtime.read(bytes(board.flash[:0x8000])).data)
    runs.write_bytes(board.flash[0x10000:0x300000])
    told = esptool("image-info", loader)
    assert f"Flash size: {said}" in told and told.count("(valid)") == 2
    told = esptool("image-info", runs)
    assert "Chip ID: 9 (ESP32-S3)" in told and told.count("(valid)") == 2


def test_a_larger_flash_keeps_the_map_that_updates_are_built_for(given, capsys):
    with FakeBoard("esp32", 16) as board:
        assert main(arguments(board, given, wait="0")) == 0
        assert layout.parsed(bytes(board.flash[0x8000:0x8C00])) == layout.table("4MB")
        assert "16 MB of flash" in capsys.readouterr().out


def test_an_app_bin_keeps_the_boot_loader_that_is_there(given, capsys):
    with FakeBoard("esp32s3", 8) as board:
        with pytest.raises(
            Failure, match=r"brings no boot loader, and this board has none: --image with MicroPython's \.bin"
        ):
            main(arguments(board, given, image=".app-bin"))
        assert board.written == 0
    with FakeBoard("esp32s3", 8) as board:
        board.put(0, combined("esp32s3"))
        assert main(arguments(board, given, image=".app-bin", wait="0")) == 0
        assert board.bootable()
    assert board.flash[0x10000:].startswith(linked("esp32s3")) and b"behind it" not in board.flash


def test_old_secrets_do_not_stay_behind(given):
    with FakeBoard("esp32c3") as board:
        board.put(layout.row(layout.table("4MB"), "vfs").offset + 0x8000, b"an old key" * 100)
        board.put(0x9000, b"an old key" * 100)
        board.put(0x1C0000, b"an old key" * 100)
        assert main(arguments(board, given, wait="0")) == 0
        assert board.flash.count(b"an old key") == 100 and board.flash.find(b"an old key") == 0x1C0000
    with FakeBoard("esp32c3") as board:
        board.put(0x1C0000, b"an old key" * 100)
        assert main(arguments(board, given, "--erase", wait="0")) == 0
        assert b"an old key" not in board.flash


def test_the_file_system_of_another_map_is_erased_too(given):
    """A plain MicroPython has its files behind its only app; the new map has nothing there, or the second slot."""
    with FakeBoard("esp32", 4) as board:
        board.put(0x1000, combined("esp32"))
        board.put(0x250000, b"an old key" * 100)
        assert main(arguments(board, given, wait="0")) == 0
        assert b"an old key" not in board.flash
    with FakeBoard("esp32", 4) as board:
        board.put(0x8000, layout.binary([layout.Row("vfs", 1, 0x81, 0x3D0000, 0x400000)]))
        board.put(0x3D0000, b"what a map with nonsense in it points at")
        assert main(arguments(board, given, wait="0")) == 0
        assert board.flash[0x3D0000:].startswith(b"what a map"), "a place that ends behind the flash is no place"


def test_a_device_on_the_network_tells_its_address(given, capsys):
    status = [
        "$SYS$|Response|Status|EStop|clear",
        "$SYS$|Response|Status|WiFi|192.168.1.7",
        "$SYS$|Response|Status|SetUp|false",
    ]
    with FakeBoard("esp32", 4, {b"$status": ["[1][info][wifi] joined", *status]}) as board:
        assert main(arguments(board, given)) == 0
        assert "on the network, as 192.168.1.7." in capsys.readouterr().out


def test_who_comes_late_asks_for_the_invitation(given, capsys, monkeypatch):
    monkeypatch.setattr(waiting, "_ASK_EVERY_S", 0.1)
    answers = {b"$status": ["$SYS$|Response|Status|SetUp|true"], b"$portal": INVITATION}
    with FakeBoard("esp32", 4, answers) as board:
        assert main(arguments(board, given)) == 0
    assert "with the key bcdf-ghjk" in capsys.readouterr().out


def test_a_board_that_stays_silent_is_told_of(given, capsys):
    with (
        FakeBoard("esp32", 4, {b"$status": ["MemoryError: nothing left", ">>> "]}) as board,
        pytest.raises(Failure) as fault,
    ):
        main(arguments(board, given, wait="0.5"))
    words = str(fault.value)
    assert "everything is written and read back" in words and "| MemoryError: nothing left" in words
    assert "python3 -m tools console" in words


# --- MicroPython itself


@pytest.mark.parametrize("chip", ["esp32", "esp32c3"])
def test_an_official_image_is_linked_and_written(chip, tmp_path, capsys):
    """From end to end, with the image that is taken by default: what a person's board gets, byte for byte."""
    entry = micropython.newest(chip)
    data = official_images.official(entry.file.removesuffix(".bin"))
    (tmp_path / entry.file).write_bytes(data)
    found = official.read(data)
    with FakeBoard(chip, 4, SET_UP) as board:
        assert main(["--port", board.port, "--image", str(tmp_path / entry.file), "--wait", "6"]) == 0
        assert board.bootable()
    told = capsys.readouterr().out
    assert f"MicroPython {micropython.text(entry.version)}" in told and "Untried" not in told
    rows = {row.label: row for row in layout.table("4MB")}
    at = official.BOOT_LOADER_AT[chip]
    assert board.flash[at : at + len(found.boot_loader) - 32] == found.boot_loader[:-32], "it is for 4 MB as it is"
    slot = bytes(board.flash[rows["ota_0"].offset :][: rows["ota_0"].size])
    written = runtime.read(slot).data
    target = targets.named("generic-" + chip)
    heap_kb = image.HEAP_KB.get(chip)
    verify.verify(found.data, written, modules.compiled(target), heap_kb)
    assert official.version(written) == entry.version
    assert rows["ota_0"].size - len(written) >= image.SPARE_BYTES and set(slot[len(written) :]) == {0xFF}
    assert target.title.encode() in written and vfs_of(board, "4MB") == {}
    path = tmp_path / "image.bin"
    path.write_bytes(written)
    told = esptool("image-info", path)
    assert told.count("(valid)") == 2 and "Detected image type" in told


# --- what is kept


def set_up(board, name, files, nvs=b"numbers" * 100):
    """The board has a firmware of ours, with these files on vfs."""
    rows = layout.table(name)
    at = official.BOOT_LOADER_AT[board.chip]
    loader = official.for_flash(slot_image(b"old", board.chip), layout.flash_size(name))
    parts = {"boot": loader, "vfs": files, "nvs": nvs}
    for piece in pieces.every(rows, board.chip, layout.flash_size(name), parts):
        board.put(piece.offset, piece.data)
    assert official.boot_loader(bytes(board.flash[at:0x8000])).chip == board.chip


@pytest.mark.parametrize("more", [[], ["--no-stub"]])
def test_settings_are_kept(more, given, tmp_path, capsys):
    old = {"settings.json": chosen._sealed({"rf.pin": 15, "openshock_user.token": "secret"}), "certs/mine.der": b"root"}
    with FakeBoard("esp32", 4) as board:
        code = {path: b"old" for path in ("boot.py", "main.py", "firmware/app.mpy", "lib/url.py")}
        set_up(board, "4MB", {**old, **code, "note.txt": b"\0" * 9000})
        assert main(arguments(board, given, "--keep-settings", "--wifi", "home", "12345678", *more, wait="0")) == 0
        nvs = layout.row(layout.table("4MB"), "nvs")
        assert board.flash[nvs.offset : nvs.offset + nvs.size] == (b"numbers" * 100).ljust(nvs.size, b"\xff")
        files = vfs_of(board, "4MB")
    assert files.keys() == {"settings.json", "certs/mine.der", "note.txt"}, "no code survives"
    assert files["note.txt"] == b"\0" * 9000
    wifi = [{"ssid": "home", "key": "12345678"}]
    assert chosen.read(files["settings.json"]) == {"rf.pin": 15, "openshock_user.token": "secret", "wifi": wifi}
    told = capsys.readouterr().out
    assert "kept: 3 files" in told and "secret" not in told
    assert list((tmp_path / "out").iterdir()) == [], "nothing is left when all is well"


def test_authorities_of_ones_own_are_put_on_the_board(given, tmp_path, capsys):
    first, second = trustme.CA(), trustme.CA()
    ders = [ssl.PEM_cert_to_DER_cert(one.cert_pem.bytes().decode()) for one in (first, second)]
    (tmp_path / "own.pem").write_bytes(first.cert_pem.bytes())
    (tmp_path / "other.cer").write_bytes(ders[1])
    (tmp_path / "none.pem").write_text("-----BEGIN PRIVATE KEY-----")
    (tmp_path / "spoilt.der").write_bytes(ders[1][:-20])
    with FakeBoard("esp32", 4) as board:
        for name in ("none.pem", "spoilt.der", "missing.pem"):
            with pytest.raises(Failure, match=name):
                main(arguments(board, given, "--ca", tmp_path / name, wait="0"))
        assert set(board.flash) == {0xFF}, "nothing was written"
        both = "--ca", tmp_path / "own.pem", "--ca", tmp_path / "other.cer"
        assert main(arguments(board, given, *both, wait="0")) == 0
        files = vfs_of(board, "4MB")
    assert sorted(files.values()) == sorted(ders)
    assert all(path.startswith("certs/") and path.endswith(".der") for path in files)


def test_settings_of_a_plain_micropython_are_kept(given, capsys):
    """Its table has no vfs: the port puts it behind the last partition."""
    with FakeBoard("esp32s3", 8) as board:
        board.put(0, combined("esp32s3"))
        board.put(0x200000, vfs.image({"settings.json": b'{"rf.pin": 7}', "lib/x.py": b"old"}, 6 * M))
        assert main(arguments(board, given, "--keep-settings", wait="0")) == 0
        assert vfs_of(board, "4MB") == {"settings.json": b'{"rf.pin": 7}'}
    assert "kept: 1 files, no NVS" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda board: None, "there is no partition table on this board"),
        (
            lambda board: board.put(0, combined("esp32s3")),
            "the files of this board cannot be read, nothing was changed",
        ),
    ],
)
def test_what_cannot_be_kept_is_not_thrown_away(spoil, words, given):
    with FakeBoard("esp32s3", 8) as board:
        spoil(board)
        before = bytes(board.flash)
        with pytest.raises(Failure, match=words):
            main(arguments(board, given, "--keep-settings"))
        assert board.flash == before


def test_damaged_settings_are_not_mixed_with_others(given):
    with FakeBoard("esp32", 4) as board:
        set_up(board, "4MB", {"settings.json": b'{"rf.pin":15,"schema":1,"crc32":"00000000"}'})
        before = bytes(board.flash)
        with pytest.raises(Failure, match="settings on the board are damaged"):
            main(arguments(board, given, "--keep-settings", "--wifi", "home", "12345678"))
        assert board.flash == before
        assert main(arguments(board, given, "--keep-settings", wait="0")) == 0
        assert b"00000000" in vfs_of(board, "4MB")["settings.json"], "it stays for the device to judge"


class Quick:
    """A device that is read at once: over a socket, esptool takes 40 seconds for a whole flash."""

    def __init__(self, data):
        self.data = data

    def read(self, offset, size, what=""):
        return self.data[offset : offset + size]


def test_a_backup_is_the_whole_flash(tmp_path, capsys):
    path = tmp_path / "old flash.bin"
    facts = Facts("esp32c3", "", "", 4 * M, 3)
    cli.backup(Quick(b"precious" * (M // 2)), path, 4 * M, facts)
    assert path.read_bytes() == b"precious" * (M // 2)
    assert f"esptool --chip esp32c3 write-flash --flash-size keep 0 '{path}'" in capsys.readouterr().out
    if sys.platform != "win32":
        assert path.stat().st_mode & 0o77 == 0, "it holds keys"
    with pytest.raises(Failure, match="exists; a backup replaces no file"):
        cli.backup(Quick(bytes(4 * M)), path, 4 * M, facts)
    assert path.read_bytes() == b"precious" * (M // 2)


def test_without_its_backup_nothing_is_written(given, tmp_path):
    path = tmp_path / "there.bin"
    path.touch()
    with FakeBoard("esp32c3", 4) as board:
        with pytest.raises(Failure, match="exists; a backup replaces no file"):
            main(arguments(board, given, "--backup", path))
        assert board.written == 0


# --- what goes wrong


@pytest.mark.parametrize(
    ("unplug_at", "on_it", "missing"),
    [
        (0x1100, "nothing new", "boot loader, flash map, "),
        (0xA000, "boot loader, flash map", "small numbers (NVS), which slot starts"),
        (0x10000, "which slot starts, radio calibration", "MicroPython and firmware, settings"),
        (0x3F0000, "MicroPython and firmware", "settings"),
    ],
)
def test_unplugged_in_the_middle(unplug_at, on_it, missing, given):
    with FakeBoard("esp32", 4) as board:
        board.unplug_at = unplug_at
        with pytest.raises(Failure) as fault:
            main(arguments(board, given))
    words = str(fault.value)
    on_board, lacks = re.search(r"On the board: (.*)\. Missing: (.*)\.\n", words).groups()
    assert on_board.endswith(on_it) and lacks.startswith(missing)
    assert "Next: plug it in, hold BOOT, press RESET, let BOOT go; then the same command again" in words


def test_unplugged_settings_are_in_a_file(given, tmp_path):
    with FakeBoard("esp32", 4) as board:
        set_up(board, "4MB", {"settings.json": b'{"rf.pin": 15}'})
        board.unplug_at = 0x11000
        with pytest.raises(Failure) as fault:
            main(arguments(board, given, "--keep-settings"))
        path = re.search(r"with --kept (\S+) instead", str(fault.value))[1]
        board.written = 0  # plugged in again, in its boot loader
        assert path == str(tmp_path / "out" / "kept-000000000000.json")
        with pytest.raises(Failure, match="a broken try left this board's settings; --kept .*kept-000000000000.json"):
            main(arguments(board, given, "--keep-settings"))
    assert kept.load(path).files == {"settings.json": b'{"rf.pin": 15}'}
    with FakeBoard("esp32", 4, SET_UP) as board:
        assert main(arguments(board, given, "--kept", path)) == 0
        assert vfs_of(board, "4MB")["settings.json"] == b'{"rf.pin": 15}' and board.flash[0x9000:].startswith(
            b"numbers"
        )
    with pytest.raises(Failure, match="No such file"):
        kept.load(path)


def test_a_flash_that_reads_back_wrong_is_noticed(given):
    with FakeBoard("esp32", 4) as board:
        board.flips, board.flips_after = 0x10020, 7
        with pytest.raises(
            Failure, match="MicroPython and firmware: the flash reads back something else; it stopped at: reading back"
        ):
            main(arguments(board, given))
    with FakeBoard("esp32", 4) as board:
        board.flips = 0x10020
        with pytest.raises(Failure, match="does not match data in flash!?; it stopped at: MicroPython"):
            main(arguments(board, given))


@pytest.mark.parametrize(
    ("chip", "flash_mb", "more", "words"),
    [
        (
            "esp32s3",
            4,
            ["--board", "nodemcu-32s", "--image", "esp32.bin"],
            "here is an esp32s3, but an esp32 is wanted",
        ),
        ("esp32c3", 4, ["--image", "esp32.bin"], "here is an esp32c3, but an esp32 is wanted; nothing was written"),
        ("esp32", 4, ["--chip", "esp32s2", "--image", "esp32s2.bin"], "here is an esp32, but an esp32s2 is wanted"),
        ("esp32c6", 4, ["--image", "esp32.bin"], "there is an ESP32-C6 .*; the firmware runs on ESP32, S2, S3 and C3"),
        ("esp32", 2, ["--image", "esp32.bin"], "2048 KB of flash are too few: updates need 4 MB"),
        (
            "esp32s3",
            4,
            ["--board", "openshock-core-v2", "--image", "esp32s3.bin"],
            "8 MB, but here are 4 MB.*--layout 4MB fits",
        ),
        ("esp32", 4, ["--flash-size", "8MB", "--image", "esp32.bin"], "--flash-size says 8 MB, the flash 4 MB"),
    ],
)
def test_the_wrong_board_is_refused_before_anything_is_written(chip, flash_mb, more, words, given):
    more = [given / one if one.endswith(".bin") else one for one in more]
    with FakeBoard(chip, flash_mb) as board:
        with pytest.raises(Failure, match=words):
            main(["--port", board.port, *map(str, more)])
        assert board.written == 0 and ERASE_REGION not in board.log


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ('{"rf.pin": 6}', "generic-esp32: GPIO6 of this chip cannot be used"),
        ('{"rf.pin": 36}', "GPIO36 can be read, and not driven"),
        ('{"rf.pin": 4, "estop.pin": 15}', "GPIO15 decides how the chip starts: a button held there"),
        ('{"rf.pin": 13, "estop.pin": 13}', "transmitter and emergency stop cannot share GPIO13"),
        ('{"rf.pin": 49}', "rf.pin: a pin, or -1 for the board's own"),
    ],
)
def test_pins_that_cannot_be_used_are_refused_before_anything_is_written(settings, words, given, tmp_path):
    (tmp_path / "settings.json").write_text(settings)
    with FakeBoard("esp32", 4) as board:
        with pytest.raises(Failure, match=words):
            main(arguments(board, given, "--settings", tmp_path / "settings.json"))
        assert board.written == 0 and ERASE_REGION not in board.log


def test_a_pin_that_decides_how_the_chip_starts_is_warned_about_and_written(given, tmp_path, capsys):
    (tmp_path / "settings.json").write_text('{"rf.pin": 15, "estop.pin": 36, "estop.enabled": false}')
    with FakeBoard("esp32", 4, SET_UP) as board:
        assert main(arguments(board, given, "--settings", tmp_path / "settings.json")) == 0
    assert "Take care: GPIO15 decides how the chip starts" in capsys.readouterr().out


def test_a_flash_that_does_not_tell_its_size_must_be_told(given):
    with FakeBoard("esp32", 4) as board:
        board.flash_id = 0
        with pytest.raises(Failure, match="does not tell how large it is; --flash-size 4MB says it"):
            main(arguments(board, given))
    with FakeBoard("esp32", 4) as board:
        board.flash_id = 0x0040EF
        assert main(arguments(board, given, "--flash-size", "4MB", wait="0")) == 0
        assert board.bootable()


def test_a_chip_that_is_too_old_for_the_boot_loader_is_left_alone(given, tmp_path):
    """MicroPython's own boot loaders for the C3 want v0.3: the chips before it were samples."""
    loader = bytearray(official.read(combined("esp32c3")).boot_loader[:-32])
    for least, most, words in (
        (5, 199, r"revision v0\.4, and this MicroPython is for v0\.5 to v1\.99; nothing was written"),
        (101, 0xFFFF, r"revision v0\.4, and this MicroPython is for v1\.1 or newer"),
        (0, 3, r"revision v0\.4, and this MicroPython is for v0\.0 to v0\.3"),
    ):
        loader[15:19] = struct.pack("<HH", least, most)
        sealed = bytes(loader) + hashlib.sha256(loader).digest()
        (tmp_path / "c3.bin").write_bytes(sealed.ljust(0x8000, b"\xff") + combined("esp32c3")[0x8000:])
        with FakeBoard("esp32c3", 4) as board:
            with pytest.raises(Failure, match=words):
                main(arguments(board, given, "--image", tmp_path / "c3.bin"))
            assert board.written == 0 and ERASE_REGION not in board.log
    assert official.revisions(sealed) == (0, 3) and official.revisions(linked("esp32c3")) == (0, 99)


def test_a_locked_chip_is_left_alone(given):
    with FakeBoard("esp32", 4) as board:
        board.registers[0x3FF5A000] = 1 << 20  # FLASH_CRYPT_CNT is odd
        with pytest.raises(Failure, match="this chip is locked"):
            main(arguments(board, given))
        assert board.written == 0 and ERASE_REGION not in board.log


def test_stopped_by_hand(given, monkeypatch):
    with FakeBoard("esp32", 4) as board:
        write = Device.write

        def stopped(self, offset, data, what):
            if what == "settings":
                raise KeyboardInterrupt
            write(self, offset, data, what)

        monkeypatch.setattr(Device, "write", stopped)
        with pytest.raises(Failure, match=r"stopped by Ctrl-C; it stopped at: settings(?s:.*)Missing: settings\."):
            main(arguments(board, given))


def test_a_bar_is_drawn_on_a_terminal():
    class Screen(io.StringIO):
        def isatty(self):
            return True

    screen = Screen()
    bar = Bar(screen)
    bar.show("firmware", 0.5)
    bar.broken()
    bar.show("firmware", 1)
    name = "\r  firmware                     "
    assert screen.getvalue() == f"{name}[{15 * '#'}{15 * ' '}]  50 %\n{name}[{30 * '#'}] 100 %\n"


def test_nobody_answers_at_the_port(given):
    with pytest.raises(Failure, match=r"Could not open socket://127.0.0.1:1(?s:.*)Nothing was written"):
        main(["--port", "socket://127.0.0.1:1", "--image", str(given / "esp32.bin")])


def test_the_options_must_belong_together(given, tmp_path, capsys):
    image = str(given / "esp32.bin")
    with pytest.raises(Failure, match="do not belong together: esp32, esp32s3"):
        main(["--port", "none", "--image", image, "--board", "openshock-core-v2"])
    with pytest.raises(Failure, match="there is no board 'esp8266'"):
        main(["--port", "none", "--image", image, "--board", "esp8266"])
    settings = tmp_path / "settings.json"
    for text, words in (
        ('{"board": "openshock-core-v2"}', "--board says generic-esp32, the settings say openshock-core-v2"),
        ('{"rf.pin": 99}', "rf.pin: a pin, or -1"),
        ('{"rf_pin": 4}', "there is no setting 'rf_pin'"),
        ('{"openshock_user.token": 12345}', r"openshock_user\.token: none, or 1-256 characters$"),
        ("[]", "holds no table"),
        ("{", "is no JSON"),
    ):
        settings.write_text(text)
        with pytest.raises(Failure, match=words):
            main(["--port", "none", "--image", image, "--board", "generic-esp32", "--settings", str(settings)])
    for wrong in (
        ["--wifi", "a", "b", "c"],
        ["--flash-size", "4 KB"],
        ["--trust", "a", "--trust", "b", "--trust", "c"],
        ["--trust", "a", "--app", str(tmp_path)],
        ["--micropython", "newest"],
        ["--micropython", "1.28.0", "--image", image],
    ):
        with pytest.raises(Misuse):
            main(wrong)


def test_a_firmware_for_another_board_is_refused(given, tmp_path):
    with (
        FakeBoard("esp32", 4) as board,
        pytest.raises(Failure, match="is for the board generic-esp32c3, not generic-esp32"),
    ):
        main([*arguments(board, given), "--app", str(given / "generic-esp32c3")])
    for name in (manifest.IMAGE, manifest.FILE):
        (tmp_path / name).write_bytes((given / "generic-esp32" / name).read_bytes())
    whole = (tmp_path / manifest.IMAGE).read_bytes()
    for spoilt in (b"another", whole[:-1], whole[:-1] + b"\0", whole + b"\0"):
        (tmp_path / manifest.IMAGE).write_bytes(spoilt)
        with FakeBoard("esp32", 4) as board:
            with pytest.raises(Failure, match="is not the image that its manifest describes"):
                main([*arguments(board, given), "--app", str(tmp_path)])
            assert board.written == 0
    (tmp_path / manifest.FILE).write_text('{"parts": []}')
    with (
        FakeBoard("esp32", 4) as board,
        pytest.raises(Failure, match="is no manifest that this version of `build` made"),
    ):
        main([*arguments(board, given), "--app", str(tmp_path)])


# --- without a device


def test_a_dry_run_prints_the_map_and_commands_that_work(given, tmp_path, capsys):
    out = tmp_path / "a folder"
    dry = ["--dry-run", "--image", str(given / "esp32s3.bin"), "--flash-size", "8MB", "--out", str(out)]
    with FakeBoard("esp32s3", 8) as board:
        assert main([*dry, "--app", str(given / "generic-esp32s3"), "--port", board.port, "--no-stub"]) == 0
        told = capsys.readouterr().out
        assert board.log == []
        assert "\n  0x10000  0x1f0000  ota_0        MicroPython and firmware, " in told
        assert "\n   0x9000    0x4000  nvs          blank" in told and "ota_1        nothing, it stays as it is" in told
        commands = [shlex.split(line) for line in told.splitlines() if line.startswith("esptool ")]
        assert len(commands) == 2
        for command in commands:
            board.written = 0
            esptool(*command[1:])
        assert board.bootable() and vfs_of(board, "4MB") == {}
        assert layout.parsed(bytes(board.flash[0x8000:0x8C00])) == layout.table("4MB")


def test_a_dry_run_says_what_it_needs(given, tmp_path):
    with pytest.raises(Failure, match="asks no device: --chip, --board or --image says"):
        main(["--dry-run"])
    with pytest.raises(Failure, match="brings no boot loader, which only the board could give"):
        main(["--dry-run", "--image", str(given / "esp32.app-bin"), "--out", str(tmp_path)])


def test_an_image_that_is_too_large_is_told_of(given, tmp_path, monkeypatch):
    monkeypatch.setattr(plan.image, "image", lambda target, official, trusted: bytes(0x1F0001))
    words = "MicroPython and firmware: 2031617 bytes, its place has 2031616; a smaller MicroPython may fit"
    for chip, hint in (("esp32", r" \(--image with ESP32_GENERIC-OTA\)"), ("esp32s2", "")):
        with pytest.raises(Failure, match=words + hint + "$"):
            main(["--dry-run", "--image", str(given / f"{chip}.bin"), "--out", str(tmp_path)])


def test_the_firmware_is_linked_for_that_board_map_and_key(tmp_path, given, monkeypatch):
    asked = []

    def image(target, data, trusted):
        asked.append((target, data, trusted))
        return b"linked"

    monkeypatch.setattr(plan.image, "image", image)
    key = keys.make(tmp_path / "key", 5)
    dry = ["--dry-run", "--image", str(given / "esp32c3.bin"), "--out", str(tmp_path), "--trust", str(key.name)]
    assert main([*dry, "--board", "seeed-xiao-esp32c3"]) == 0
    assert main([*dry, "--layout", "8MB"]) == 0
    board = targets.named("seeed-xiao-esp32c3")
    generic = targets.named("generic-esp32c3")._replace(layout="8MB")
    app = the_runtime("esp32c3")
    assert asked == [(board, app, [key.public()]), (generic, app, [key.public()])]
    assert (tmp_path / "image.bin").read_bytes() == b"linked"


# --- the official image


def test_an_official_image_is_taken_apart():
    for chip in CHIPS:
        found = official.read(combined(chip))
        assert (found.chip, found.data, found.version) == (chip, the_runtime(chip), (1, 28, 0))
        assert official.flash_bytes(found.boot_loader) == 4 * M
        assert official.read(the_runtime(chip)).boot_loader is None
    whole = b"\xff" * 0x1000 + combined("esp32")  # a dump of the flash, from 0
    assert official.read(whole) == official.read(combined("esp32"))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "no image of a runtime"),
        (b"<html>404</html>" * 100, "no image of a runtime"),
        (combined("esp32")[:0xF100], "at 0x10000, where its flash map has the app: it is cut short"),
        (combined("esp32")[:0x7C00], "at 0x10000, where"),
        (combined("esp32", runs=the_runtime("esp32s2")), "its boot loader is for esp32, its app for esp32s2"),
        (combined("esp32s3").replace(b"second", b"SECOND"), "the boot loader: its (checksum|SHA-256) is wrong"),
        (the_runtime("esp32")[:-1], "it is cut short"),
    ],
)
def test_a_wrong_image_is_refused_in_words(data, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        official.read(data)
    path = tmp_path / "image.bin"
    path.write_bytes(data)
    with pytest.raises(Failure, match=f"image.bin: .*{words}"):
        main(["--port", "none", "--image", str(path)])


def test_an_old_micropython_is_refused(tmp_path):
    path = tmp_path / "old.bin"
    path.write_bytes(combined("esp32", runs=the_runtime("esp32", b"v1.24.1 on 2024-11-29")))
    with pytest.raises(Failure, match="is MicroPython 1.24.1; the firmware needs 1.25 or newer"):
        main(["--port", "none", "--image", str(path)])
    path.write_bytes(combined("esp32", runs=the_runtime("esp32", b"v1.25.0 on 2025-04-15")))
    assert plan.official_image(path).version == (1, 25, 0)
    with pytest.raises(Failure, match="No such file"):
        main(["--port", "none", "--image", str(tmp_path / "none.bin")])


@pytest.mark.parametrize(("mb", "code"), [(4, 2), (8, 3), (16, 4)])
def test_the_boot_loader_learns_how_large_the_flash_is(mb, code, tmp_path):
    loader = slot_image(b"second stage", "esp32c3")
    made = official.for_flash(loader, mb * M)
    assert made[3] == code << 4 | loader[3] & 15 and official.flash_bytes(made) == mb * M
    assert made[4:-32] == loader[4:-32] and made[-32:] == hashlib.sha256(made[:-32]).digest()
    assert official.boot_loader(made).data == made
    path, merged = tmp_path / "loader.bin", tmp_path / "merged.bin"
    path.write_bytes(loader)
    esptool("--chip", "esp32c3", "merge-bin", "-o", merged, "--flash-size", f"{mb}MB", "0x0", path)
    assert merged.read_bytes() == made, "esptool patches the same bytes"
    with pytest.raises(ValueError, match="none that a boot loader knows"):
        official.for_flash(loader, 3 * M)


# --- where the image comes from


class Site:
    """What stands for micropython.org: {address: bytes}; `asked` are the addresses that were fetched."""

    def __init__(self, **files):
        self.asked = []
        self.files = files

    def __call__(self, url):
        self.asked.append(url)
        name = url.removeprefix(download.SITE + "/")
        if name not in self.files:
            raise OSError(f"HTTP Error 404: {name}")
        return self.files[name]


def known(monkeypatch, chip, version, verified=True):
    """Return the bytes of an image that the table knows from now on as that version, verified or not."""
    data = combined(chip)
    board = micropython.BOARDS[chip]
    file = f"{board}-20260406-v{micropython.text(version)}.bin"
    entry = micropython.Entry(file, board, version, len(data), hashlib.sha256(data).hexdigest())
    monkeypatch.setattr(micropython, "_rows", lambda: [(entry, "", verified)])
    return data


def test_the_newest_verified_image_is_downloaded_once(tmp_path, monkeypatch, capsys):
    data = known(monkeypatch, "esp32c3", (1, 28, 0))
    site = Site(**{"resources/firmware/ESP32_GENERIC_C3-20260406-v1.28.0.bin": data})
    path = download.image("esp32c3", None, tmp_path, site)
    assert path == tmp_path / "ESP32_GENERIC_C3-20260406-v1.28.0.bin" and path.read_bytes() == data
    assert site.asked == ["https://micropython.org/resources/firmware/ESP32_GENERIC_C3-20260406-v1.28.0.bin"]
    assert download.image("esp32c3", (1, 28, 0), tmp_path, site) == path and len(site.asked) == 1
    assert plan.official_image(path, fetched=True).chip == "esp32c3"
    assert "Untried" not in capsys.readouterr().out
    path.write_bytes(data[:-1] + b"?")
    assert download.image("esp32c3", None, tmp_path, site).read_bytes() == data, "a damaged copy is fetched anew"
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


def test_another_file_than_the_one_that_was_verified_is_refused(tmp_path, monkeypatch):
    data = known(monkeypatch, "esp32", (1, 28, 0))
    for other in (data[:-1] + b"?", data[:-1], b"<html>"):
        site = Site(**{"resources/firmware/ESP32_GENERIC-20260406-v1.28.0.bin": other})
        with pytest.raises(
            Failure, match="arrived damaged, or is another file than the one that was tried; --image FILE"
        ):
            download.image("esp32", None, tmp_path, site)
    assert not list(tmp_path.iterdir())


def test_a_version_that_is_known_and_untried_is_taken_and_told_of(tmp_path, monkeypatch, capsys):
    data = known(monkeypatch, "esp32", (1, 29, 0), verified=False)
    site = Site(**{"resources/firmware/ESP32_GENERIC-20260406-v1.29.0.bin": data})
    path = download.image("esp32", (1, 29, 0), tmp_path, site)
    assert plan.official_image(path, fetched=True).data == the_runtime("esp32")
    told = capsys.readouterr().out
    assert "Untried: ESP32_GENERIC-20260406-v1.29.0.bin (MicroPython 1.28.0) is none of the images" in told


def test_a_version_that_nobody_knows_is_looked_up_on_the_boards_page(tmp_path, monkeypatch):
    known(monkeypatch, "esp32", (1, 28, 0))
    name = "ESP32_GENERIC-20270115-v1.30.0.bin"
    page = f"""<a href="/resources/firmware/ESP32_GENERIC-20270114-v1.30.0.app-bin">x</a>
        <a href="/resources/firmware/ESP32_GENERIC-OTA-20270115-v1.30.0.bin">x</a>
        <a href="/resources/firmware/{name}">x</a><a href="/resources/firmware/ESP32_GENERIC-20260901-v1.29.1.bin">"""
    data = combined("esp32")
    site = Site(**{"download/ESP32_GENERIC/": page.encode(), "resources/firmware/" + name: data})
    path = download.image("esp32", (1, 30, 0), tmp_path, site)
    assert path == tmp_path / name and path.read_bytes() == data and len(site.asked) == 2
    assert download.image("esp32", (1, 30, 0), tmp_path, site) == path and len(site.asked) == 2
    with pytest.raises(Failure, match="micropython.org offers no ESP32_GENERIC 1.31.0; --image FILE"):
        download.image("esp32", (1, 31, 0), tmp_path, site)


def test_without_a_network_one_line_names_the_option(tmp_path, monkeypatch):
    def offline(url):
        raise OSError("Name or service not known\nand more")

    for version, words in (
        (None, r"ESP32_GENERIC_S3-\S+ cannot be downloaded \(Name or service not known\); --image FILE"),
        ((1, 40, 0), r"micropython.org cannot be asked for ESP32_GENERIC_S3 1.40.0 \(Name .*; --image FILE"),
    ):
        with pytest.raises(Failure, match=words) as fault:
            download.image("esp32s3", version, tmp_path, offline)
        assert "\n" not in str(fault.value)
    monkeypatch.setattr(download, "_fetch", offline)
    monkeypatch.setattr(download, "FOLDER", tmp_path)
    with FakeBoard("esp32s3", 4) as board:
        with pytest.raises(Failure, match="cannot be downloaded.*--image FILE"):
            main(["--port", board.port, "--board", "generic-esp32s3"])
        assert board.log == [], "nobody disturbed the board for that"


def test_what_a_server_offers_is_read(tmp_path, monkeypatch):
    """The function that asks, against a server of this machine."""
    data = known(monkeypatch, "esp32", (1, 28, 0))
    folder = tmp_path / "resources" / "firmware"
    folder.mkdir(parents=True)
    (folder / "ESP32_GENERIC-20260406-v1.28.0.bin").write_bytes(data)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *words):
            pass

    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        site = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setattr(download, "_FILES", site + "/resources/firmware/")
        monkeypatch.setattr(download, "_PAGES", site + "/download/")
        assert download.image("esp32", None, tmp_path / "kept").read_bytes() == data
        with pytest.raises(Failure, match=r"cannot be asked for ESP32_GENERIC 1\.30\.0 \(.*\); --image FILE"):
            download.image("esp32", (1, 30, 0), tmp_path / "kept")
        monkeypatch.setattr(download, "_MOST_BYTES", len(data) - 1)
        with pytest.raises(Failure, match="cannot be downloaded .it is larger than any image"):
            download.image("esp32", None, tmp_path / "another")
        server.shutdown()


def test_the_version_that_is_asked_for_is_the_one_that_is_written(given, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(download, "image", lambda *what: asked.append(what) or given / "esp32.bin")
    dry = ["--dry-run", "--chip", "esp32", "--app", str(given / "generic-esp32"), "--out", str(given / "out")]
    assert main([*dry, "--micropython", "1.29"]) == 0
    assert main(dry) == 0
    assert asked == [("esp32", (1, 29, 0)), ("esp32", None)]
    assert "map 4MB, MicroPython 1.28.0" in capsys.readouterr().out, "of the image that is written"


def test_what_was_fetched_and_is_no_image_is_thrown_away(tmp_path):
    path = tmp_path / "page.bin"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(Failure, match="no image of a runtime"):
        plan.official_image(path, fetched=True)
    assert not path.exists()


# --- ports


class Port:
    """What pyserial tells of a port."""

    def __init__(self, device, vid=None, pid=0, product=None, manufacturer=None):
        self.device, self.vid, self.pid, self.product, self.manufacturer = device, vid, pid, product, manufacturer
        self.description = "n/a"


def test_the_only_board_is_taken_and_several_are_listed(monkeypatch):
    there = [Port("/dev/ttyS0"), Port("COM7", 0x10C4, 0xEA60, "CP2102 USB to UART", "Silicon Labs")]
    monkeypatch.setattr(list_ports, "comports", lambda: there)
    assert ports.chosen() == "COM7" and ports.chosen("COM9") == "COM9"
    there.append(Port("/dev/ttyACM0", 0x303A, 0x1001))
    with pytest.raises(Failure) as fault:
        ports.chosen()
    assert [line.split() for line in str(fault.value).splitlines()[1:]] == [
        ["--port", "/dev/ttyACM0", "no", "name", "(303a:1001)"],
        ["--port", "COM7", "CP2102", "USB", "to", "UART,", "Silicon", "Labs", "(10c4:ea60)"],
    ]
    del there[1:]
    with pytest.raises(Failure, match="no board is there: is it plugged in, with a cable that carries data"):
        ports.chosen()


def test_networks_are_added_in_front():
    old = {"wifi": [{"ssid": "a", "key": "oldoldold"}, {"ssid": "b"}], "rf.pin": 4}
    new = {"wifi": [{"ssid": "a", "key": "newnewnew"}]}
    assert chosen.merged(old, new) == {"wifi": [{"ssid": "a", "key": "newnewnew"}, {"ssid": "b"}], "rf.pin": 4}
    assert chosen.settings(None, ["home"], ask=lambda prompt: "12345678") == {
        "wifi": [{"ssid": "home", "key": "12345678"}]
    }
    assert chosen.settings(None, ["home"], ask=lambda prompt: "") == {"wifi": [{"ssid": "home"}]}
    with pytest.raises(Failure, match="^--wifi: wifi: up to 8 networks") as fault:
        chosen.settings(None, ["home", "short"])
    assert "short" not in str(fault.value)


def test_a_kept_file_that_is_none_is_refused(tmp_path):
    path = tmp_path / "kept.json"
    kept.write(path, kept.Kept(b"\x01", {"a/b": b"\xff"}))
    assert kept.load(path) == kept.Kept(b"\x01", {"a/b": b"\xff"})
    for text in ("{}", "[]", json.dumps({"nvs": "*", "files": {}}), "x", '{"nvs":null,"files":[]}'):
        path.write_text(text)
        with pytest.raises(Failure, match="no file that --keep-settings left"):
            kept.load(path)
