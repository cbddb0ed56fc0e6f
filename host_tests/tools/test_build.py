"""`tools build`: one image for each board, the same bytes wherever they are made, and a tree that keeps its word."""

import asyncio
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT, micropython, peer_module
from official_images import C3 as C3_IMAGE
from official_images import ESP32 as ESP32_IMAGE
from official_images import NAMES, S2, S3, official

from lib import lms_verify
from tools import Failure, build, keys, sign
from tools.flash import plan
from tools.freeze import verify
from tools.images import image, layout, manifest, modules, romfs, roots, runtime, simulated, targets, tree
from tools.sim import flash
from tools.sim.compiled import interpreter
from tools.sim.device import Device

RELEASE, SPARE = bytes(range(52)), bytes(range(1, 53))
DATE = "2026-11-21"
ESP32, C3, SIMULATED = "generic_esp32", "generic_esp32c3", "simulated"


# one board of each chip and flash map that there is, and the official image for it
KINDS = {
    ESP32: ESP32_IMAGE,
    "generic_esp32s2": S2,
    C3: C3_IMAGE,
    "generic_esp32s3": S3,
    "openshock_core_v2": S3,
    "wemos_lolin_s3": S3,
    SIMULATED: None,
}


TOO_LARGE = ("ESP32_GENERIC_C3-20241129-v1.24.1",)  # too old to run this firmware, and it would leave 10 KB of the slot


def made_for(name):
    """The bytes of the official image for a board of KINDS; None for the simulated one."""
    return KINDS[name] and official(KINDS[name])


@pytest.fixture(scope="module")
def images():
    """{board: bytes} of two boards and the simulated one."""
    return {name: image.image(targets.named(name), made_for(name), (RELEASE, SPARE)) for name in (ESP32, C3, SIMULATED)}


def test_each_kind_of_board_is_among_those_that_are_looked_at():
    every = {(target.chip, target.layout) for target in targets.every().values()}
    assert every == {(targets.named(name).chip, targets.named(name).layout) for name in KINDS}


# --- the image


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_board_has_an_image_that_leaves_room_for_the_next_version(name):
    target = targets.named(name)
    made = image.made(target, made_for(name), (RELEASE, SPARE))
    slot = layout.row(layout.table(target.layout), "ota_0").size
    assert slot - len(made.data) >= image.SPARE_BYTES and made.data[0] == 0xE9
    frozen = modules.compiled(target, (RELEASE, SPARE))
    assert set(made.sizes) == (set(frozen) if target.chip else set())


@pytest.mark.parametrize("name", NAMES)
def test_the_firmware_is_linked_into_each_official_image_and_esptool_reads_it(name, tmp_path, capsys):
    path = tmp_path / f"{name}.bin"
    path.write_bytes(official(name))
    chip = name.partition("GENERIC")[2].partition("-")[0].replace("_", "").lower()
    board = f"generic-esp32{chip}"
    arguments = ["--board", board, "--image", str(path), "--out", str(tmp_path), "--date", DATE]
    if name in TOO_LARGE:
        with pytest.raises(Failure, match="must stay free: take a smaller MicroPython"):
            build.main(arguments)
        return
    assert build.main(arguments) == 0
    told = capsys.readouterr().out
    too_old = name.rpartition("-v")[2] < "1.25"
    assert ("needs 1.25 or newer to run" in told) == too_old, told
    command = [sys.executable, "-m", peer_module("esptool"), "image-info", tmp_path / board / "image.bin"]
    read = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert read.count("(valid)") == 2, read


def test_an_image_that_the_verifier_does_not_confirm_is_refused(monkeypatch):
    def refuse(*_):
        raise Failure("a word differs")

    monkeypatch.setattr(verify, "verify", refuse)
    with pytest.raises(Failure, match="generic-esp32: a word differs"):
        image.made(targets.named(ESP32), made_for(ESP32))


def test_an_image_that_leaves_too_little_of_its_slot_is_refused(monkeypatch):
    monkeypatch.setattr(image, "SPARE_BYTES", 512 * 1024)
    with pytest.raises(
        Failure, match="leaves .* of its slot of 2031616; 524288 must stay free: take a smaller MicroPython"
    ):
        image.made(targets.named(ESP32), made_for(ESP32))


def test_a_build_tells_what_each_package_takes(capsys):
    target = targets.named(ESP32)
    build.report(
        target, image.Made(bytes(1000), {"lib/a.py": 10, "lib/b.py": 5, "firmware/app.py": 20, "boot.py": 1}, "1.28.0")
    )
    told = capsys.readouterr().out
    assert "1.28.0" in told and "1000 of 2031616 bytes, 2030616 left" in told
    assert "firmware 20, lib 15, top level 1" in told


def test_a_board_gets_the_boards_of_its_chip_its_keys_and_its_name():
    files = modules.sources(targets.named("openshock-core-v2"), (RELEASE,))
    boards = {Path(path).stem for path in files if path.startswith("firmware/boards/")}
    assert {"openshock_core_v2", "generic_esp32s3", "generic_esp32", "__init__"} <= boards
    assert not boards & {"generic_esp32c3", "pishock_2023", "simulated"}
    assert {"boot.py", "main.py", "firmware/app.py", "lib/ook_player.py"} <= files.keys()
    assert not [path for path in files if path.startswith(("stubs", "host_tests", "tools"))]
    told = {}
    for path in ("ota/trusted_keys", "build_info", "ca_bundle", "www/page"):
        exec(files[f"firmware/{path}.py"], told)  # noqa: S102
    assert told["KEYS"] == (RELEASE,) and (told["BOARD"], told["LAYOUT"]) == ("openshock-core-v2", "8MB")
    assert told["CERTIFICATES"] == tuple(roots.files().values()) and told["GZIPPED"][:2] == b"\x1f\x8b"
    with pytest.raises(Failure, match="2 keys at most"):
        modules.sources(targets.named(ESP32), (RELEASE, SPARE, RELEASE))


def test_the_source_tree_trusts_nobody():
    told = {}
    for name in ("ota/trusted_keys", "build_info", "ca_bundle"):
        exec((ROOT / "firmware" / f"{name}.py").read_text(), told)  # noqa: S102
    assert told["KEYS"] == told["CERTIFICATES"] == () and told["BOARD"] == told["LAYOUT"] == ""
    assert told["COUNTER"] == modules.counter() >= 1


def test_another_version_is_another_image():
    target = targets.named(SIMULATED)
    other = modules.sources(target, changes=modules.versioned("9.8.7", 12))
    assert other["firmware/version.py"] == "VERSION = '9.8.7'\n"
    assert other["firmware/build_info.py"] == "BOARD = 'simulated'\nLAYOUT = 'sim'\nCOUNTER = 12\n"
    plain, changed = modules.compiled(target), modules.compiled(target, changes=modules.versioned("9.8.7", 12))
    assert {path for path in plain if plain[path] != changed[path]} == {"firmware/version.py", "firmware/build_info.py"}


def test_what_does_not_compile_is_refused_in_words():
    target = targets.named(ESP32)
    with pytest.raises(
        Failure, match=r"firmware/console/usage.py does not compile: line 2: SyntaxError: invalid syntax$"
    ):
        modules.compiled(target, changes={"firmware/console/usage.py": "import os\nos = = 1\n"})
    viper = "import micropython\n@micropython.viper\ndef f(p: ptr32):\n    p[0] = 1 << 30\n"
    with pytest.raises(Failure, match=r"firmware/console/usage.py does not compile: .*ViperTypeError"):
        modules.compiled(target, changes={"firmware/console/usage.py": viper})
    with pytest.raises(Failure, match="there is no board 'esp8266', only dfrobot-firebeetle2-esp32e, generic-esp32,"):
        targets.named("esp8266")


@pytest.mark.parametrize("size", [0, 1, 4095, 4096, 70_001, 300_003])
def test_the_image_of_the_simulated_board_gives_back_what_is_in_it(size):
    inside = bytes(number * 7 & 0xFF for number in range(size))
    made = simulated.slot_image(inside)
    assert runtime.read(made) == ("esp32", made)
    assert simulated.content(made)[:size] == inside and len(simulated.content(made)) - size < 4
    assert simulated.content(made + b"\xff" * 5000) == simulated.content(made)


def test_a_romfs_is_the_same_for_the_same_modules():
    files = {f"lib/deep{number % 3}/module{number}.py": bytes([number]) * (number * 37 % 900) for number in range(60)}
    assert romfs.made(dict(reversed(files.items()))) == romfs.made(files)


def test_the_roots_are_those_and_micropython_reads_them(tmp_path):
    files = roots.files()
    assert {path: hashlib.sha256(data).hexdigest()[:16] for path, data in files.items()} == {
        "certs/isrg-root-x1.der": "96bcec06264976f3",
        "certs/isrg-root-x2.der": "69729b8e15a86efc",
        "certs/gts-root-r4.der": "349dfa4058c5e263",
        "certs/ssl-com-tls-ecc-root-ca-2022.der": "c32ffd9f46f936d1",
        "certs/usertrust-ecc-certification-authority.der": "4ff460d54b9c86da",
    }
    assert sum(map(len, files.values())) < 4000, "a board has them all in memory while it connects"
    lines = ["import ssl", "made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)", "made.verify_mode = ssl.CERT_REQUIRED"]
    for data in files.values():
        lines.append(f"made.load_verify_locations(cadata={data!r})")
    program = tmp_path / "load.py"
    program.write_text("\n".join([*lines, "print('loaded')"]))
    done = subprocess.run([micropython(), program], capture_output=True, text=True, check=False)
    assert done.stdout == "loaded\n", done.stderr


def test_a_root_that_certifi_no_longer_has_is_noticed(monkeypatch):
    monkeypatch.setattr(roots, "NAMES", ("ISRG Root X1", "Honest Achmed"))
    with pytest.raises(Failure, match="certifi no longer has Honest Achmed"):
        roots.files()


# --- the same bytes, wherever

_STRANGE = """
import time
_time, _time_ns = time.time, time.time_ns
time.time = lambda: _time() + 3e8
time.time_ns = lambda: _time_ns() + 3 * 10**17
"""


def _started(folder, out, **environment):
    """A build in a process of its own, from a copy of the sources in `folder`."""
    for name in ("firmware", "lib", "tools", "host_tests/stubs", "host_tests/cpython"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements-dev.txt").touch()
    call = "import os, sys; os.umask(int(sys.argv[1], 8)); from tools import build; sys.exit(build.main(sys.argv[2:]))"
    Path(f"{out}.bin").write_bytes(official(ESP32_IMAGE))
    arguments = [
        environment.pop("umask"),
        "--board",
        ESP32,
        "--date",
        DATE,
        "--out",
        str(out),
        "--image",
        str(out) + ".bin",
    ]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-c", call, *arguments],
        cwd=out.parent,
        env={**os.environ, "PATH": path, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_two_builds_on_two_machines_are_the_same_bytes(tmp_path):
    one, other = tmp_path / "one", tmp_path / "far" / "away from here" / "other"
    for folder in (one, other):
        folder.mkdir(parents=True)
    (other / "sitecustomize.py").write_text(_STRANGE)
    plain = {"PYTHONPATH": str(one), "PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "umask": "022"}
    strange = {
        "PYTHONPATH": str(other), "PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland", "LC_ALL": "C", "umask": "077",
        "HOME": "/nowhere", "COLUMNS": "20", "PYTHONUTF8": "0",
    }  # fmt: skip
    processes = [_started(one, tmp_path / "first", **plain), _started(other, other.parent / "second", **strange)]
    for process in processes:
        told = process.communicate(timeout=100)[0]
        assert process.returncode == 0, told
    made = [
        {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
        for folder in (tmp_path / "first", other.parent / "second")
    ]
    assert made[0].keys() == made[1].keys() and len(made[0]) == 4
    assert [name for name in made[0] if made[0][name] != made[1][name]] == []


def test_the_date_is_never_todays(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert build.released_on() == "2023-11-14"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "yesterday")
    with pytest.raises(Failure, match="nobody knows the date"):
        build.released_on()


# --- the manifest


def test_the_manifest_is_one_line_that_says_all():
    line = manifest.made(targets.named("openshock-core-v2"), "0.2.0", 3, DATE, b"app")
    assert line == (
        b'{"board":"openshock-core-v2","chip":"esp32s3","counter":3,"date":"2026-11-21","layout":"8MB",'
        b'"product":"openshock-micropython","schema":2,'
        b'"sha256":"a172cedcae47474b615c54d510a5d84a8dea3032e958587430b413538be3f333","size":3,"version":"0.2.0"}\n'
    )
    assert len(line) <= manifest.MOST_BYTES


@pytest.mark.parametrize(
    "version", ["1.2", "01.2.3", "1.2.3-", "v1.2.3", "1.2.3\n", "", "1.2.3+" + "x" * 40, "../1.2.3"]
)
def test_what_is_no_version_is_refused(version):
    with pytest.raises(ValueError, match="no version"):
        manifest.made(targets.named(ESP32), version, 1, DATE, b"")
    with pytest.raises(Failure, match="no version"):
        build.plan(version, DATE) if version else build.plan("x", DATE)


@pytest.mark.parametrize(("counter", "date"), [(-1, DATE), (1 << 30, DATE), (1, "21.11.2026"), (1, "2026-13-01")])
def test_a_manifest_with_rubbish_is_refused(counter, date):
    with pytest.raises(ValueError):
        manifest.made(targets.named(ESP32), "1.2.3", counter, date, b"")


# --- the runtime


def test_a_runtime_is_known_by_its_head_and_is_whole():
    for chip in ("esp32", "esp32s2", "esp32s3", "esp32c3"):
        image = simulated.slot_image(b"MicroPython" * 999, chip)
        assert runtime.read(image) == (chip, image)
        assert runtime.read(image + b"\xff" * 100) == (chip, image), "padding is cut off"


@pytest.mark.peer("esptool")
def test_esptool_finds_the_same_runtime_whole(tmp_path):
    path = tmp_path / "runtime.bin"
    image = simulated.slot_image(b"MicroPython" * 999, "esp32s3")
    path.write_bytes(image)
    command = [sys.executable, "-m", peer_module("esptool"), "--chip", "esp32s3", "image-info", path]
    told = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    assert told.count("(valid)") == 2, told
    assert runtime.read(image).chip == "esp32s3"


def test_a_damaged_runtime_is_refused_in_words(tmp_path):
    image = simulated.slot_image(b"MicroPython" * 999)
    for at in range(24, len(image), 97):
        spoilt = bytearray(image)
        spoilt[at] ^= 4
        with pytest.raises(ValueError):
            runtime.read(bytes(spoilt))
    for length in (0, 1, 23, 24, 30, 5000, len(image) - 33, len(image) - 1):
        with pytest.raises(ValueError):
            runtime.read(image[:length])
    stranger = image[:12] + b"\x0d" + image[13:]
    with pytest.raises(ValueError, match="number 13"):
        runtime.read(stranger)
    (tmp_path / "a").write_bytes(image)
    with pytest.raises(Failure, match="another MicroPython for esp32"):
        build.officials([targets.named(ESP32)], [tmp_path / "a", tmp_path / "a"])
    with pytest.raises(Failure, match="none: No such file"):
        build.officials([targets.named(ESP32)], [tmp_path / "none"])


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3"])
def test_the_runtime_of_a_combined_image_is_not_its_boot_loader(chip, tmp_path):
    """In an ESP32's file, which begins at 0x1000 of the flash, the map lies at 0x7000 and the runtime at 0xF000."""
    at = {"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0}[chip]
    loader, runs = simulated.slot_image(b"second stage" * 99, chip), simulated.slot_image(b"MicroPython" * 999, chip)
    rows = [layout.Row("nvs", 1, 2, 0x9000, 0x6000), layout.Row("factory", 0, 0, 0x10000, 0x1F0000)]
    combined = (loader.ljust(0x8000 - at, b"\xff") + layout.binary(rows)).ljust(0x10000 - at, b"\xff") + runs
    paths = [tmp_path / f"{name}.bin" for name in ("combined", "dump", "runtime")]
    for path, data in zip(paths, (combined, b"\xff" * at + combined, runs + b"\xff" * 5000)):
        path.write_bytes(data)
        found = plan.official_image(path)
        assert (found.chip, found.data) == (chip, runs), path.name
        assert found.boot_loader == (None if path.name == "runtime.bin" else loader)


# --- folders and the tree


def contents(folder):
    """{path: bytes} of everything below."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class Signer:
    """Signs by writing who was asked; counts, as each signature of the real one is spent."""

    def __init__(self):
        self.count = 0

    def __call__(self, path, key):
        target = Path(f"{path}.sig")
        if not target.exists():
            self.count += 1
            target.write_bytes(f"{key} {self.count}".encode())


@pytest.fixture
def site(tmp_path, images, monkeypatch):
    """A function that builds and publishes a version; `.signer` counts, `.tree` is where it goes."""
    monkeypatch.setattr(image, "made", lambda target, *_: image.Made(images[target.name], {}, "1.28.0"))

    class Site:
        signer, tree = Signer(), tmp_path / "tree"

        def build(self, version="0.2.0", date=DATE, key="k"):
            wanted = [targets.named(ESP32), targets.named(C3)]
            return build.build(wanted, build.plan(version, date), tmp_path / "out", None, key, self.signer)

        def publish(self, version="0.2.0", channel="stable", **how):
            tree.publish(self.build(version, **how), self.tree, version, channel)

    return Site()


def test_the_tree_is_what_devices_read(site, images):
    site.publish()
    found = contents(site.tree)
    assert sorted(found) == [
        *[f"0.2.0/generic-esp32/{name}" for name in ("image.bin", "manifest.json", "manifest.json.sig")],
        *[f"0.2.0/generic-esp32c3/{name}" for name in ("image.bin", "manifest.json", "manifest.json.sig")],
        "version-stable.txt",
    ]
    assert found["version-stable.txt"] == b"0.2.0\n" and found["0.2.0/generic-esp32c3/image.bin"] == images[C3]
    told = json.loads(found["0.2.0/generic-esp32/manifest.json"])
    assert told["sha256"] == hashlib.sha256(images[ESP32]).hexdigest()
    assert tree.is_tree(site.tree) and tree.published(site.tree, "stable") == "0.2.0"


def test_a_signature_is_spent_once_for_the_same_manifest(site):
    site.publish()
    before = contents(site.tree)
    site.publish()
    assert site.signer.count == 2 and contents(site.tree) == before
    site.publish("0.2.1", channel="beta")
    assert site.signer.count == 4 and tree.published(site.tree, "beta") == "0.2.1"
    assert tree.published(site.tree, "stable") == "0.2.0" and tree.published(site.tree, "develop") is None


def test_a_published_version_never_changes(site):
    site.publish()
    before = contents(site.tree)
    with pytest.raises(Failure, match="0.2.0 for generic-esp32 is published, and differs"):
        site.publish(date="2026-11-22")
    assert contents(site.tree) == before


def test_nothing_unsigned_is_published(site):
    with pytest.raises(Failure, match="generic-esp32 is not signed"):
        site.publish(key=None)
    assert not site.tree.exists()
    with pytest.raises(Failure, match="there is no channel 'nightly'"):
        site.publish(channel="nightly")


def test_a_real_signature_is_one_that_the_device_takes(images, monkeypatch, tmp_path):
    monkeypatch.setattr(image, "made", lambda target, *_: image.Made(images[target.name], {}, "1.28.0"))
    key = keys.make(tmp_path / "key", 5)
    folder = build.build([targets.named(C3)], build.plan("0.2.0", DATE), tmp_path, None, key.name, sign.sign_file)[
        "generic-esp32c3"
    ]
    line, signature = (folder / "manifest.json").read_bytes(), (folder / "manifest.json.sig").read_bytes()
    assert lms_verify.verify(key.public(), signature, line) and not lms_verify.verify(
        key.public(), signature, line + b" "
    )


def test_the_command_tells_what_it_made(images, monkeypatch, tmp_path, capsys):
    trusted = []
    fake = image.Made(images[ESP32], {}, "1.28.0")
    monkeypatch.setattr(image, "made", lambda target, given, keys, *_: trusted.append(keys) or fake)
    (tmp_path / "given.bin").write_bytes(official(ESP32_IMAGE))
    arguments = ["--board", "generic-esp32", "--date", DATE, "--out", str(tmp_path / "out")]
    arguments += ["--image", str(tmp_path / "given.bin")]
    assert build.main(arguments) == 0
    told = capsys.readouterr().out
    assert "generic-esp32 " in told and "trust no key" in told
    made = keys.make(tmp_path / "key", 5)
    assert (
        build.main([*arguments, "--key", str(made.name), "--publish", str(tmp_path / "tree"), "--channel", "beta"]) == 0
    )
    told = capsys.readouterr().out
    assert "is what the channel beta offers now" in told
    assert trusted == [(), (made.public(),)], "who signs is trusted"
    assert (tmp_path / "tree" / "version-beta.txt").exists()
    with pytest.raises(Failure, match="--publish needs --key"):
        build.main([*arguments, "--publish", str(tmp_path / "tree")])
    with pytest.raises(Failure, match=r"nobody.pub is missing"):
        build.main([*arguments, "--trust", str(tmp_path / "nobody")])


@pytest.mark.skipif(interpreter() is None, reason="there is no MicroPython with viper for this machine")
def test_a_simulated_device_starts_from_the_image(images, tmp_path):
    rows = layout.table("sim")
    told = []

    async def story():
        started = asyncio.Event()

        def heard(line):
            told.append(line)
            if "[setup]" in line or "[app]" in line:  # the firmware's own log: boot.py and main.py write none
                started.set()

        device = Device(tmp_path, heard)
        device.install(flash.chip(rows, {"ota_0": images[SIMULATED]}))
        try:
            await device.start()
            await asyncio.wait_for(started.wait(), 30)
        finally:
            await device.stop()

    asyncio.run(story())
    assert not [line for line in told if "rescue" in line or "Traceback" in line], told
