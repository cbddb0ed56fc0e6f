"""The web flasher: its files are what esptool and MicroPython take, and a browser writes a board with them."""

import asyncio
import base64
import hashlib
import json
import struct
import subprocess
import sys

import official_images
import pytest
import web_serial
from chromium import tab
from conftest import peer_module, peer_npm, peer_program
from fake_rom import MAGIC_REGISTER, FakeBoard
from littlefs import LittleFS, UserContext

from tools import Failure, build
from tools.flash import official
from tools.freeze import verify
from tools.images import image, layout, manifest, micropython, modules, targets
from tools.images.simulated import slot_image
from tools.web import borrowed, flasher

CHIPS = ("esp32", "esp32s2", "esp32s3", "esp32c3")
BOARDS = (*[f"generic-{chip}" for chip in CHIPS], "openshock-core-v2", "wemos-lolin-s3")
FAMILY = {"esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3"}
M = 1024 * 1024


def the_app(chip):
    """Return what stands for the official MicroPython."""
    return slot_image(b"MicroPython v1.28.0 on 2026-04-06; " + bytes(range(256)) * 40, chip)


def linked(title):
    """Return what stands for MicroPython with the firmware of that board in it."""
    target = targets.named(title)
    return slot_image(b"MicroPython v1.28.0 on 2026-04-06; the firmware of " + title.encode() * 500, target.chip)


def combined(chip):
    """The bytes of an official .bin, as micropython.org offers them."""
    at = official.BOOT_LOADER_AT[chip]
    rows = [layout.Row("nvs", 1, 2, 0x9000, 0x6000), layout.Row("factory", 0, 0, 0x10000, 0x1F0000)]
    loader = slot_image(b"second stage " * 90, chip)
    return (loader.ljust(0x8000 - at, b"\xff") + layout.binary(rows)).ljust(0x10000 - at, b"\xff") + the_app(chip)


def board(title):
    target = targets.named(title)
    return flasher.Board(target, linked(title), official.read(combined(target.chip)))


def no_scripts():
    return {"esp-web-tools/install-button.js": b"", "LICENCES.txt": b"none"}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder with the page for BOARDS; without ESP Web Tools."""
    folder = tmp_path_factory.mktemp("site")
    flasher.write(folder, [board(title) for title in BOARDS], "0.2.0", "2026-11-21", no_scripts)
    return folder


@pytest.fixture(scope="module")
def whole(site):
    """The same folder, with ESP Web Tools: needs npm, and a network the first time."""
    try:
        foreign = borrowed.files()
    except Failure as fault:
        peer_npm(f"esp-web-tools ({fault})")
    flasher.write(site, [board(title) for title in BOARDS], "0.2.0", "2026-11-21", lambda: foreign)
    return site


def index(folder):
    return {one["title"]: one for one in json.loads((folder / "boards.json").read_bytes())["boards"]}


# --- the files


@pytest.mark.parametrize("title", BOARDS)
def test_a_manifest_names_parts_that_are_there_with_the_right_sizes_and_beginnings(title, site):
    target = targets.named(title)
    rows = {row.label: row for row in layout.table(target.layout)}
    told = json.loads((site / title / "manifest.json").read_bytes())
    assert told["new_install_prompt_erase"] is True and told["new_install_improv_wait_time"] == 20
    assert told["version"] == "0.2.0" and told["name"] != "OpenShock", "an update must not lose settings unasked"
    (only,) = told["builds"]
    assert only["chipFamily"] == FAMILY[target.chip]
    parts = {part["offset"]: (site / title / part["path"]).resolve().read_bytes() for part in only["parts"]}
    assert all((site / title / part["path"]).resolve().is_relative_to(site.resolve()) for part in only["parts"])
    loader = parts[{"esp32": 0x1000, "esp32s2": 0x1000, "esp32s3": 0, "esp32c3": 0}[target.chip]]
    assert loader[0] == 0xE9 and official.flash_bytes(loader) == layout.flash_size(target.layout)
    assert parts[0x8000] == layout.binary(layout.table(target.layout))
    assert parts[rows["otadata"].offset] == b"\xff" * 0x2000 and parts[rows["nvs"].offset] == b"\xff" * 0x4000
    assert parts[0x10000] == linked(title) and parts[rows["vfs"].offset][8:16] == b"littlefs"
    ends = sorted((offset, offset + len(data)) for offset, data in parts.items())
    assert all(one[1] <= other[0] for one, other in zip(ends, ends[1:])), "nothing overlaps"
    assert ends[-1][1] <= layout.flash_size(target.layout) and all(offset % 4096 == 0 for offset, _ in ends)


def test_what_keeps_settings_writes_neither_them_nor_the_small_numbers(site):
    for title in BOARDS:
        rows = {row.label: row.offset for row in layout.table(targets.named(title).layout)}
        told = json.loads((site / title / "manifest-keep.json").read_bytes())
        places = {part["offset"] for part in told["builds"][0]["parts"]}
        assert not places & {rows["nvs"], rows["vfs"], rows["phy_init"]}
        assert {0x8000, rows["otadata"], rows["ota_0"]} <= places
        assert told["name"] == "OpenShock", "the firmware's own name: what calls itself so by Improv is updated"


def test_equal_parts_are_there_once(site):
    assert len(list((site / "parts").glob("image-*.bin"))) == len(BOARDS), "each image has its board's facts in it"
    assert len(list((site / "parts").glob("otadata-*.bin"))) == 1
    for path in (site / "parts").iterdir():
        assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == path.stem.rpartition("-")[2]


def esptool(*words):
    done = subprocess.run(
        [sys.executable, "-m", peer_module("esptool"), *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.peer("esptool")
@pytest.mark.parametrize("title", BOARDS)
def test_esptool_reads_the_merged_image_and_makes_the_same_bytes(title, site, tmp_path):
    told = index(site)[title]
    path, chip = site / told["merged"]["path"], told["chip"]
    data = path.read_bytes()
    seen = esptool("--chip", chip, "image-info", path)
    assert f"Flash size: {told['flash_mb']}MB" in seen and seen.count("(valid)") == 2, seen
    at = told["merged"]["offset"]
    places = [word for part in told["parts"] for word in (hex(part["offset"]), site / part["path"])]
    peer = tmp_path / "merged.bin"
    esptool("--chip", chip, "merge-bin", "--flash-size", "keep", "--target-offset", hex(at), "-o", peer, *places)
    assert peer.read_bytes() == data
    (tmp_path / "image.bin").write_bytes(data[0x10000 - at :][: len(linked(title))])
    assert esptool("--chip", chip, "image-info", tmp_path / "image.bin").count("(valid)") == 2
    assert layout.parsed(data[0x8000 - at :][:0xC00]) == layout.table(targets.named(title).layout)
    found = official.read(data)
    assert (found.chip, found.data) == (chip, linked(title)), "our own reader takes it as well"


@pytest.mark.parametrize("title", BOARDS)
def test_the_file_system_of_a_merged_image_is_there_and_empty(title, site):
    told = index(site)[title]
    data = (site / told["merged"]["path"]).read_bytes()
    row = layout.row(layout.table(targets.named(title).layout), "vfs")
    context = UserContext(row.size)
    piece = data[row.offset - told["merged"]["offset"] :][: row.size]
    context.buffer[: len(piece)] = piece
    system = LittleFS(context, mount=False, block_size=4096, block_count=row.size // 4096)
    system.mount()
    assert system.listdir("/") == [], "code is in the image, settings come later"


def test_the_sums_hold_for_every_file(site):
    program = peer_program("sha256sum")
    done = subprocess.run([program, "-c", "SHA256SUMS"], cwd=site, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    listed = {line.partition("  ")[2] for line in (site / "SHA256SUMS").read_text().splitlines()}
    there = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    assert there == listed | {"SHA256SUMS"}


def test_nothing_of_an_older_page_is_left_and_nobody_elses_folder_is_touched(tmp_path):
    folder = tmp_path / "page"
    flasher.write(folder, [board("generic-esp32"), board("generic-esp32c3")], "0.1.0", "2026-11-20", no_scripts)
    (folder / "CNAME").write_text("flash.example")
    flasher.write(folder, [board("generic-esp32c3")], "0.2.0", "2026-11-21", no_scripts)
    assert list(index(folder)) == ["generic-esp32c3"] and not (folder / "generic-esp32").exists()
    assert [path.name for path in folder.rglob("*-0.*.bin")] == ["generic-esp32c3-0.2.0.bin"]
    assert (folder / "CNAME").exists(), "what it did not write it does not take away"
    assert [*flasher.files([board("generic-esp32c3")], "0.2.0", "2026-11-21")].count("index.html") == 1
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("mine")
    with pytest.raises(Failure, match="holds something else than a web flasher"):
        flasher.write(home, [board("generic-esp32")], "0.2.0", "2026-11-21", no_scripts)
    assert [path.name for path in home.iterdir()] == ["letter.txt"]


def test_an_image_without_its_boot_loader_or_too_large_is_refused_in_words():
    one = board("generic-esp32")
    with pytest.raises(Failure, match=r"generic-esp32: an \.app-bin brings no boot loader; --image with"):
        flasher.board_pieces(one._replace(official=official.read(the_app("esp32"))))
    with pytest.raises(Failure, match="generic-esp32: MicroPython and firmware: 2097152 bytes, its place has 2031616"):
        flasher.board_pieces(one._replace(image=bytes(0x200000)))


def test_the_command_makes_the_page(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(image, "made", lambda target, *_: image.Made(linked(target.title), {}, "1.28.0"))
    monkeypatch.setattr(flasher.borrowed, "files", no_scripts)
    monkeypatch.setattr(flasher.write, "__defaults__", (no_scripts,))
    (tmp_path / "c3.bin").write_bytes(combined("esp32c3"))
    common = ["--date", "2026-11-21", "--out", str(tmp_path / "out"), "--board", "seeed-xiao-esp32c3"]
    assert build.main([*common, "--web", str(tmp_path / "a page"), "--image", str(tmp_path / "c3.bin")]) == 0
    assert f"python3 -m http.server --directory '{tmp_path / 'a page'}'" in capsys.readouterr().out
    (only,) = index(tmp_path / "a page").values()
    assert (only["title"], only["name"], only["micropython"]) == ("seeed-xiao-esp32c3", "Seeed Xiao ESP32C3", "1.28.0")


def test_a_page_with_an_official_image_linked(tmp_path, monkeypatch, capsys):
    """From end to end, but for ESP Web Tools: what `build --web` makes of MicroPython as it is offered."""
    monkeypatch.setattr(flasher.write, "__defaults__", (no_scripts,))
    entry = micropython.newest("esp32")
    data = official_images.official(entry.file.removesuffix(".bin"))
    (tmp_path / entry.file).write_bytes(data)
    page = tmp_path / "page"
    arguments = ["--date", "2026-11-21", "--out", str(tmp_path / "out"), "--board", "nodemcu-32s", "--web", str(page)]
    assert build.main([*arguments, "--image", str(tmp_path / entry.file)]) == 0
    assert "Untried" not in capsys.readouterr().out
    (only,) = index(page).values()
    assert only["micropython"] == micropython.text(entry.version)
    parts = {part["offset"]: (page / part["path"]).read_bytes() for part in only["parts"]}
    target = targets.named("nodemcu-32s")
    verify.verify(data, parts[0x10000], modules.compiled(target), image.HEAP_KB["esp32"])
    assert parts[0x10000] == (tmp_path / "out" / "nodemcu-32s" / manifest.IMAGE).read_bytes()
    merged = (page / only["merged"]["path"]).read_bytes()
    assert official.read(merged) == official.Official("esp32", parts[0x1000], parts[0x10000], entry.version)
    assert parts[0x1000] == official.read(data).boot_loader


def test_the_page_is_made_of_what_was_built(tmp_path, monkeypatch):
    monkeypatch.setattr(flasher.write, "__defaults__", (no_scripts,))
    wanted, folders = [targets.named("generic-esp32"), targets.named("nodemcu-32s")], {}
    for target in wanted:
        folders[target.title] = tmp_path / target.title
        folders[target.title].mkdir()
        (folders[target.title] / manifest.IMAGE).write_bytes(linked(target.title))
    officials = dict.fromkeys(folders, official.read(combined("esp32")))
    build.web(wanted, folders, build.plan("0.2.0", "2026-11-21"), tmp_path / "page", officials)
    assert list(index(tmp_path / "page")) == ["generic-esp32", "nodemcu-32s"]
    for title, one in index(tmp_path / "page").items():
        part = next(part for part in one["parts"] if part["offset"] == 0x10000)
        assert (tmp_path / "page" / part["path"]).read_bytes() == linked(title)


# --- what it borrows


def test_what_is_borrowed_is_fetched_once_and_pinned(tmp_path):
    calls = []

    def npm(words, folder):
        calls.append(words[1:] if len(words) == 4 else words[-3:])
        scripts = folder / "node_modules" / "esp-web-tools" / "dist" / "web"
        scripts.mkdir(parents=True)
        (scripts / "install-button.js").write_text("1")
        (folder / "node_modules" / "esp-web-tools" / "LICENSE").write_text("Apache, as it stands there")
        return 0

    made = borrowed.files(tmp_path / "kept", npm)
    assert made["esp-web-tools/install-button.js"] == b"1"
    assert b"esp-web-tools 10.4.0 (Apache-2.0)\n\nApache, as it stands there" in made["LICENCES.txt"]
    assert borrowed.files(tmp_path / "kept", npm) == made and calls == [["ci", "--ignore-scripts", "--silent"]]
    with pytest.raises(Failure, match="npm cannot fetch ESP Web Tools"):
        borrowed.files(tmp_path / "none", lambda words, folder: 1)


def test_no_script_of_it_comes_from_elsewhere(whole):
    licences = (whole / "LICENCES.txt").read_text()
    for name in ("esp-web-tools", "esptool-js", "improv-wifi-serial-sdk", "lit", "@material/web", "pako"):
        assert f"\n{name} " in licences
    assert licences.count("Apache License") >= 4 and "@types" not in licences
    page = (whole / "index.html").read_text()
    assert 'src="http' not in page and 'href="http' not in page
    for path in (whole / "esp-web-tools").glob("*.js"):
        text = path.read_text(encoding="utf-8")
        assert 'import("http' not in text and 'from"http' not in text, path.name


# --- in a browser


def story(folder, tell, script, boards=(), place=""):
    """tell(page, opened) on a Chromium whose Web Serial is that of the script."""

    async def run():
        async with web_serial.site(folder, boards) as (address, opened), tab("about:blank") as page:
            await page.command("Page.addScriptToEvaluateOnNewDocument", source=script)
            await page.command("Page.navigate", url=address + place)
            await page.until("document.querySelectorAll('[name=board]').length")
            await tell(page, opened)

    asyncio.run(run())


async def choose(page, name, value):
    await page.click(f"[name={name}][value={value}]")


def test_a_board_is_chosen_its_files_are_looked_at_and_the_button_is_active(whole):
    async def tell(page, opened):
        assert await page.run("document.querySelectorAll('[name=board]').length") == len(BOARDS)
        assert await page.run("document.getElementById('go').disabled")
        assert await page.run("document.getElementById('unsupported').hidden")
        for title in ("generic-esp32", "wemos-lolin-s3"):
            await choose(page, "board", title)
            await page.until("!document.getElementById('go').disabled")
            address = await page.run("document.getElementById('install').manifest")
            assert address == f"{title}/manifest.json"
            sizes = await page.run(
                f"fetch('{address}').then(it => it.json()).then(told => Promise.all(told.builds[0].parts.map(part => "
                f"fetch(new URL(part.path, new URL('{address}', location))).then(it => it.arrayBuffer())"
                ".then(it => it.byteLength))))"
            )
            assert sizes == [part["size"] for part in index(whole)[title]["parts"]]
        await choose(page, "how", "keep")
        await page.until("document.getElementById('install').manifest === 'wemos-lolin-s3/manifest-keep.json'")
        assert await page.run("location.hash") == "#wemos-lolin-s3"
        told = await page.run("document.getElementById('command').textContent")
        assert told == "esptool --chip esp32s3 write-flash 0x0 wemos-lolin-s3-0.2.0.bin"
        assert page.complaints == []

    story(whole, tell, web_serial.SCRIPT)


def test_a_browser_without_web_serial_is_told_so_and_gets_another_way(whole):
    async def tell(page, opened):
        assert "no Web Serial" in await page.run("document.getElementById('unsupported').innerText")
        assert await page.run("document.getElementById('go') === null")
        assert await page.run("document.getElementById('without').open")
        assert "0x1000 generic-esp32-0.2.0.bin" in await page.run("document.getElementById('command').innerText")
        link = await page.run("document.getElementById('merged').href")
        assert link.endswith("/generic-esp32/generic-esp32-0.2.0.bin") and page.complaints == []

    story(whole, tell, web_serial.NO_SERIAL, place="#generic-esp32")


def test_a_damaged_file_is_not_offered(whole, tmp_path):
    """A part whose bytes are others than those that were built; the board is not touched."""
    path = whole / next(one["path"] for one in index(whole)["generic-esp32c3"]["parts"] if "image" in one["path"])
    before = path.read_bytes()
    path.write_bytes(before[:-1] + bytes((before[-1] ^ 1,)))

    async def tell(page, opened):
        await choose(page, "board", "generic-esp32c3")
        await page.until("document.getElementById('state').classList.contains('bad')")
        assert "parts/image-" in await page.run("document.getElementById('state').textContent")
        assert await page.run("document.getElementById('go').disabled")
        await choose(page, "board", "generic-esp32s2")
        await page.until("!document.getElementById('go').disabled")
        assert opened == []

    try:
        story(whole, tell, web_serial.SCRIPT)
    finally:
        path.write_bytes(before)


def test_one_board_given_is_the_one_that_is_chosen(whole, tmp_path):
    foreign = {
        path.relative_to(whole).as_posix(): path.read_bytes() for path in (whole / "esp-web-tools").iterdir()
    } | no_scripts()
    foreign["esp-web-tools/install-button.js"] = (whole / "esp-web-tools" / "install-button.js").read_bytes()
    flasher.write(tmp_path, [board("generic-esp32")], "0.2.0", "2026-11-21", lambda: foreign)

    async def tell(page, opened):
        await page.until("!document.getElementById('go').disabled")
        assert await page.run("document.getElementById('go').textContent") == (
            "Install on a bare ESP32 module or development board"
        )

    story(tmp_path, tell, web_serial.SCRIPT)


@pytest.mark.parametrize("width", [390, 1200])
def test_everybody_can_use_the_page_by_day_and_by_night(whole, width, tmp_path):
    axe = (peer_npm("axe-core") / "axe.min.js").read_text()

    async def tell(page, opened):
        await page.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=844, deviceScaleFactor=1, mobile=False
        )
        await choose(page, "board", "generic-esp32")
        await page.until("!document.getElementById('go').disabled")
        await page.run("document.querySelectorAll('details').forEach(it => { it.open = true; })")
        await page.run(axe + "; undefined")
        for scheme in ("light", "dark"):
            features = [{"name": "prefers-color-scheme", "value": scheme}]
            await page.command("Emulation.setEmulatedMedia", features=features)
            assert await page.run("document.documentElement.scrollWidth") == width, "nothing sticks out"
            height = await page.run("document.documentElement.scrollHeight")
            clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
            picture = await page.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
            (tmp_path / f"{width}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
            found = await page.run(
                "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.flatMap("
                "it => it.nodes.map(node => [it.id, node.target.join(' '), node.failureSummary])))"
            )
            assert found == [], scheme

    story(whole, tell, web_serial.SCRIPT)


# what a chip has at MAGIC_REGISTER: esptool-js, older in this than esptool, asks every chip for it
_MAGIC = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6, "esp32s3": 0x9, "esp32c3": 0x1B31506F}

# what a person sees of ESP Web Tools' window, through all its shadows
_SEE = """(() => { const deep = (root) => [...root.childNodes].map((it) => it.nodeType === 3 ? it.data
    : it.localName === 'style' || it.localName === 'script' || it.hidden ? '' : (it.shadowRoot ? deep(it.shadowRoot) : '')
      + deep(it)).join(' ');
    const it = document.querySelector('ewt-install-dialog')?.shadowRoot; return it ? deep(it).replace(/\\s+/g, ' ') : ''; })()"""
_PRESS = """(() => { const all = (root) => [...root.querySelectorAll('*')].flatMap((it) => [it, ...(it.shadowRoot ?
    all(it.shadowRoot) : [])]); const it = all(document.querySelector('ewt-install-dialog')?.shadowRoot ?? document).find((it) =>
    /^ew-(text-button|list-item)$/.test(it.localName) && it.textContent.replace(/\\s+/g, ' ').trim() === %s);
    if (it) it.click(); return Boolean(it); })()"""


async def press(page, words):
    """Press that button or line of the window, once it is there."""
    await page.until(_PRESS % json.dumps(words))


async def see(page, words):
    await page.until(f"{_SEE}.includes({json.dumps(words)})")


@pytest.mark.parametrize("chip", CHIPS)
def test_esp_web_tools_write_a_board_that_then_offers_the_wifi(chip, whole):
    title = f"generic-{chip}"
    speaker = web_serial.Speaker("OpenShock", "0.2.0", FAMILY[chip])

    async def tell(page, opened):
        page.patience_s = 28
        await choose(page, "board", title)
        await page.until("!document.getElementById('go').disabled")
        await page.click("#go")
        await press(page, f"Install OpenShock for {index(whole)[title]['name']}")
        await see(page, "erase")
        await press(page, "Next")
        await press(page, "Install")
        await see(page, "Installation complete!")
        assert opened[-1] == "firmware"
        await press(page, "Next")
        await see(page, "Connect to Wi-Fi")

    with FakeBoard(chip, 4) as fake:
        rows = layout.table(targets.named(title).layout)
        vfs = layout.row(rows, "vfs").offset
        fake.registers[MAGIC_REGISTER] = _MAGIC[chip]
        story(whole, tell, web_serial.SCRIPT, [(fake, speaker)])
        assert fake.bootable() and layout.parsed(bytes(fake.flash[0x8000:0x8C00])) == rows
        for part in index(whole)[title]["parts"]:
            written = bytes(fake.flash[part["offset"] : part["offset"] + part["size"]])
            assert hashlib.sha256(written).hexdigest() == part["sha256"], part["path"]
        assert struct.unpack_from("<8s", fake.flash, vfs + 8)[0] == b"littlefs"


async def begin_and_keep(page, target):
    """Do as a person who chooses that board, wants what is on it to stay, and connects to it."""
    page.patience_s = 28
    await choose(page, "board", target.title)
    await choose(page, "how", "keep")
    await page.until("!document.getElementById('go').disabled")
    await page.click("#go")


def test_settings_are_kept_when_a_person_says_so(whole):
    target = targets.named("generic-esp32s3")
    rows = {row.label: row.offset for row in layout.table(target.layout)}

    async def tell(page, opened):
        await begin_and_keep(page, target)
        await press(page, "Install OpenShock")
        await see(page, "erase")
        await press(page, "Next")
        await press(page, "Install")
        await see(page, "Installation complete!")

    with FakeBoard("esp32s3", 4) as fake:
        fake.registers[MAGIC_REGISTER] = _MAGIC["esp32s3"]
        for label in ("nvs", "phy_init", "otadata", "vfs"):
            fake.put(rows[label], b"what was there before")
        story(whole, tell, web_serial.SCRIPT, [(fake, web_serial.Speaker("OpenShock", "0.2.0", "ESP32-S3"))])
        assert fake.bootable()
        for label in ("nvs", "phy_init", "vfs"):
            assert fake.flash[rows[label] :].startswith(b"what was there before"), label
        assert fake.flash[rows["otadata"] :].startswith(b"\xff" * 0x2000), "the first slot starts, which was written"


def test_a_board_that_runs_our_firmware_is_updated_and_keeps_its_settings(whole):
    """By Improv it says who it is: no question whether to erase, nothing asked of the loader before a person said yes."""
    target = targets.named("generic-esp32s3")
    rows = {row.label: row.offset for row in layout.table(target.layout)}
    old = web_serial.Speaker("OpenShock", "0.1.0", "ESP32-S3")
    new = web_serial.Speaker("OpenShock", "0.2.0", "ESP32-S3")

    async def tell(page, opened):
        await begin_and_keep(page, target)
        await see(page, "OpenShock 0.1.0 ( ESP32-S3 )")
        await press(page, "Update OpenShock")
        await see(page, "Your device is running OpenShock 0.1.0")
        await see(page, "Do you want to update to OpenShock 0.2.0 ?")
        assert "erase" not in await page.run(_SEE) and opened == ["firmware"] and fake.log == []
        await press(page, "Install")
        await see(page, "Installation complete!")
        assert opened == ["firmware", "firmware", "loader", "firmware", "firmware"], (
            "closed, reset, written, reset, closed"
        )
        await press(page, "Next")
        await see(page, "OpenShock 0.2.0 ( ESP32-S3 )")
        assert "Update OpenShock" not in await page.run(_SEE), "it has the newest"

    with FakeBoard("esp32s3", 4) as fake:
        fake.registers[MAGIC_REGISTER] = _MAGIC["esp32s3"]
        for label in ("nvs", "phy_init", "otadata", "vfs"):
            fake.put(rows[label], b"what was there before")
        story(whole, tell, web_serial.SCRIPT, [(fake, new, old)])
        assert fake.bootable()
        for label in ("nvs", "phy_init", "vfs"):
            assert fake.flash[rows[label] :].startswith(b"what was there before"), label
        assert fake.flash[rows["otadata"] :].startswith(b"\xff" * 0x2000), "the first slot starts, which was written"


def test_a_page_for_a_new_board_never_updates_one_unasked(whole):
    """Who chose to begin anew is asked whether to erase, though the board runs an older version of the same firmware."""

    async def tell(page, opened):
        page.patience_s = 28
        await choose(page, "board", "generic-esp32s3")
        await page.until("!document.getElementById('go').disabled")
        await page.click("#go")
        await see(page, "OpenShock 0.1.0 ( ESP32-S3 )")
        await press(page, f"Install OpenShock for {index(whole)['generic-esp32s3']['name']}")
        await see(page, "erase")
        assert opened == ["firmware"] and fake.log == []

    with FakeBoard("esp32s3", 4) as fake:
        story(whole, tell, web_serial.SCRIPT, [(fake, None, web_serial.Speaker("OpenShock", "0.1.0", "ESP32-S3"))])
