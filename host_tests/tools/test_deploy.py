"""`tools deploy` and `tools console`, with mpremote and ampy themselves, at a MicroPython on a pseudo-terminal."""

import hashlib
import os
import re
import socket
import subprocess
import sys

import official_images
import pytest
from conftest import ROOT, micropython

from tools import Failure, console, deploy
from tools.common.firmware_modules import load_module
from tools.deploy import blocks, cli, scripts, trial, ways
from tools.flash import official, plan
from tools.images import layout, modules, targets
from tools.images import micropython as known_images
from tools.images.simulated import slot_image
from tools.sim import bootloader, flash
from tools.sim.chip import model

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import pty  # noqa: E402
import termios  # noqa: E402
import tty  # noqa: E402

simflash, simota = model("simflash"), model("simota")
ROWS = layout.table("4MB")
PLACES = {row.label: row for row in ROWS}
BOARD = targets.named("generic-esp32")
AT_WORK = """$SYS$|Response|Status|EStop|clear\r
$SYS$|Response|Status|Radio|ready\r
$SYS$|Response|Status|WiFi|192.168.1.7\r
$SYS$|Response|Status|SetUp|false\r
$SYS$|Response|Status|Radio Frames|12\r
$SYS$|Response|Status|Hub openshock_user|connected\r
"""
OFFLINE = AT_WORK.replace("192.168.1.7", "not connected").replace("|connected", "|waits for the network")
SETTING_UP = AT_WORK.replace("|ready", "|set-up").replace("SetUp|false", "SetUp|true")


def image(text, size=60000):
    """Return what stands for MicroPython with the firmware in it: much of it is the same in each, as in the linked images."""
    rest = b"".join(bytes((number & 0xFF, number >> 8)) * 2048 for number in range(size // 4096))
    return slot_image(rest + text * 2000, "esp32")


class Board:
    """A board with MicroPython at `port`, its flash in a file; it runs `runs` from ota_1, and ota_0 holds `idles`."""

    def __init__(
        self, folder, runs=b"", idles=b"", status=AT_WORK, firmware="BOARD, LAYOUT = 'generic-esp32', '4MB'\n"
    ):
        self.folder = folder
        folder.mkdir(exist_ok=True)
        data = flash.chip(ROWS, {"ota_0": idles or image(b"older"), "ota_1": runs or image(b"old")})
        self._start_of = simflash.Flash(data)
        simota.put(self._start_of, PLACES["otadata"].offset, 0, 2, simota.VALID)
        self.slot = bootloader.start(self._start_of)
        (folder / "flash.bin").write_bytes(data)
        (folder / "app" / "firmware").mkdir(parents=True, exist_ok=True)
        (folder / "app" / "firmware" / "build_info.py").write_text(firmware)
        if status:
            (folder / "status.txt").write_text(status, newline="")

    def put(self, offset, data):
        """Write these bytes to the flash."""
        whole = bytearray((self.folder / "flash.bin").read_bytes())
        whole[offset : offset + len(data)] = data
        (self.folder / "flash.bin").write_bytes(whole)

    def restart(self):
        """Start what the boot loader chooses, as the reset at the end of a deployment does it; return the slot."""
        self._process.wait(10)
        termios.tcflush(self._theirs, termios.TCIOFLUSH)  # what was typed behind the reset is lost on a board
        self.boot()
        self._start()
        return self.slot

    def boot(self):
        """Return the slot that the boot loader chooses."""
        chip = simflash.Flash(bytearray((self.folder / "flash.bin").read_bytes()))
        self.slot = bootloader.start(chip)
        (self.folder / "flash.bin").write_bytes(chip.data)
        return self.slot

    def states(self):
        """Return {slot: state} of otadata's entries."""
        chip = simflash.Flash((self.folder / "flash.bin").read_bytes())
        found = simota.entries(chip, PLACES["otadata"].offset)
        return {
            (sequence - 1) % 2: state for sequence, state, _ in sorted(found, key=lambda one: one[0] + 1 & 0xFFFFFFFF)
        }

    def holds(self, label):
        """Return what is in a partition."""
        row = PLACES[label]
        return (self.folder / "flash.bin").read_bytes()[row.offset : row.offset + row.size]

    def __enter__(self):
        self._ours, self._theirs = pty.openpty()  # both stay open, so that the line does not end between two programs
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self._start()
        return self

    def _start(self):
        self._process = subprocess.Popen(
            [micropython(), "-X", "heapsize=8M", ROOT / "host_tests" / "programs" / "raw_repl.py", "app"],
            cwd=self.folder,
            env=dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:.frozen", SIM_SLOT=str(self.slot)),
            stdin=self._ours,
            stdout=self._ours,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(self, *fault):
        self._process.kill()
        self._process.wait()
        os.close(self._theirs)
        os.close(self._ours)


@pytest.fixture
def board(tmp_path):
    with Board(tmp_path / "board") as made:
        yield made


@pytest.fixture
def linked(monkeypatch, tmp_path):
    """A function that says which image is deployed from now on; a small one, as linking is not the point."""
    monkeypatch.setattr(cli, "OUT", tmp_path / "out")
    asked = []

    def fetched(chip, version):
        asked.append((chip, version))
        return official.Official(chip, None, b"MicroPython", (1, 28, 0))

    monkeypatch.setattr(plan, "fetched_image", fetched)

    def use(text, size=60000):
        made = image(text, size)
        monkeypatch.setattr(cli.image, "image", lambda target, data, trusted: made)
        return made

    use.asked = asked
    return use


def count_of(data):
    return -(-len(data) // 4096)


# --- what is written


def test_the_slot_that_does_not_run_gets_the_image_and_the_next_start_is_a_trial(board, linked, capsys):
    before = board.holds("ota_1")
    made = linked(b"new")
    assert deploy.main(["--port", board.port]) == 0
    told = capsys.readouterr().out
    assert board.holds("ota_0").startswith(made) and board.holds("ota_1") == before
    assert board.states() == {0: simota.NEW, 1: simota.VALID}
    assert "generic-esp32, ota_0: " in told and "It is on trial, as after an update" in told
    assert board.restart() == 0 and board.states()[0] == simota.PENDING
    assert board.boot() == 1, "nobody confirmed it"
    assert linked.asked[0][0] == "esp32"


def test_only_what_differs_is_sent_and_what_the_board_has_is_copied(tmp_path, linked, capsys):
    old, new = image(b"old"), linked(b"new", 70000)
    sent = [one for one in blocks.sums(blocks.split(new)) if one not in blocks.sums(blocks.split(old))]
    assert 0 < len(sent) < 12
    with Board(tmp_path / "board", runs=old, idles=bytes(70000)) as board:
        deploy.main(["--port", board.port])
        assert board.holds("ota_0").startswith(new)
        told = capsys.readouterr().out
        total = count_of(new)
        assert f"{total} of {total} blocks differ; {total - len(sent)} are on the board already" in told
        assert f"{len(sent)} of {len(sent)} sent" in told


def test_what_is_in_the_idle_slot_is_not_sent_again(tmp_path, linked, capsys):
    made = linked(b"new")
    with Board(tmp_path / "board", idles=made) as board:
        before = board.holds("ota_0")
        deploy.main(["--port", board.port])
        assert f"0 of {count_of(made)} blocks differ; 0 are on the board" in capsys.readouterr().out
        assert board.holds("ota_0") == before and board.restart() == 0


def test_what_runs_already_is_not_written(tmp_path, linked, capsys):
    made = linked(b"same")
    with Board(tmp_path / "board", runs=made) as board:
        before = (board.folder / "flash.bin").read_bytes()
        assert deploy.main(["--port", board.port]) == 0
        assert "ota_1, which runs, is this image already; nothing was written" in capsys.readouterr().out
        assert (board.folder / "flash.bin").read_bytes() == before
        assert board.restart() == 1, "the firmware goes on"


def test_ampy_does_it_where_mpremote_does_not(tmp_path, linked):
    made = linked(b"new")
    with Board(tmp_path / "board", idles=made[:4096] + b"damaged" + made[4103:]) as board:
        assert deploy.main(["--port", board.port, "--via", "ampy"]) == 0
        assert board.holds("ota_0").startswith(made) and board.states()[0] == simota.NEW
        assert not (board.folder / "deploy.bin").exists()


def test_a_changed_version_of_the_firmware_is_few_blocks(tmp_path, monkeypatch, capsys):
    """From end to end, with an official MicroPython: the slot runs the same firmware as an older version."""
    monkeypatch.setattr(cli, "OUT", tmp_path / "out")
    entry = known_images.newest("esp32")
    path = tmp_path / entry.file
    path.write_bytes(official_images.official(entry.file.removesuffix(".bin")))
    data = official.read(path.read_bytes()).data
    old = cli.image.image(BOARD, data, (), modules.versioned("0.0.1"))
    new = cli.image.image(BOARD, data)
    with Board(tmp_path / "board", runs=old, idles=b"\xff") as board:
        assert deploy.main(["--port", board.port, "--image", str(path)]) == 0
        assert board.holds("ota_0").startswith(new) and board.states()[0] == simota.NEW
        assert board.restart() == 0
    told = capsys.readouterr().out
    total, copied = map(int, re.search(r"(\d+) of \d+ blocks differ; (\d+) are on the board", told).groups())
    assert total == count_of(new) and total - copied < total // 4, "most of it is MicroPython itself"


# --- the trial


def left(board):
    """Return what the firmware finds in the journal."""
    return load_module("firmware.ota.settings_backup").File(str(board.folder / "update.json")).load()


@pytest.mark.parametrize(
    ("status", "before"),
    [
        (AT_WORK, []),
        (OFFLINE, ["network", "hub"]),
        (AT_WORK.replace("|connected", "|waits 20 s"), ["hub"]),
        (AT_WORK.replace("|Radio|ready", "|Radio|the emergency stop is latched"), []),
    ],
)
def test_a_trial_asks_for_what_the_old_version_could_do(status, before, tmp_path, linked):
    linked(b"new")
    with Board(tmp_path / "board", status=status) as board:
        (board.folder / "settings.json").write_text('{"rf.pin": 4}')
        deploy.main(["--port", board.port])
        assert left(board) == {"before": before}
        assert (board.folder / "settings.before.json").read_text() == '{"rf.pin": 4}'
        assert board.states()[0] == simota.NEW


@pytest.mark.parametrize("status", [SETTING_UP, ""])
def test_where_nothing_can_be_proved_there_is_no_trial(status, tmp_path, linked, capsys):
    linked(b"new")
    with Board(tmp_path / "board", status=status) as board:
        deploy.main(["--port", board.port])
        assert "No trial: the firmware was not at work before" in capsys.readouterr().out
        assert board.states() == {0: simota.VALID, 1: simota.VALID}
        assert not (board.folder / "update.json").exists()
        assert [board.restart(), board.boot()] == [0, 0]


def test_a_version_on_trial_stays_as_the_one_to_go_back_to(board, linked, capsys):
    """Who deploys again within five minutes overwrites the version that was there before."""
    linked(b"second")
    deploy.main(["--port", board.port])
    assert board.restart() == 0 and board.states()[0] == simota.PENDING
    linked(b"third")
    deploy.main(["--port", board.port])
    assert "was on trial itself; it stays now" in capsys.readouterr().out
    assert board.states() == {0: simota.VALID, 1: simota.NEW}
    assert [board.restart(), board.boot()] == [1, 0]
    assert board.holds("ota_0").startswith(image(b"second"))


@pytest.mark.parametrize(
    ("pending", "events"),
    [
        (True, [["OtaInstallProgress", 5, 0, 0.0], ["OtaInstallSucceeded", 5]]),
        (
            False,
            [["OtaInstallProgress", 5, 0, 0.0], ["OtaInstallFailed", 5, False, "another version was written by cable"]],
        ),
    ],
)
def test_an_update_under_way_is_over(pending, events, tmp_path):
    store = load_module("firmware.ota.settings_backup").File(str(tmp_path / "update.json"))
    store.save({"stage": 4 if pending else 1, "id": 5, "version": "0.9.0", "mine": "stays", "before": ["radio"]})
    (tmp_path / "update.json").write_bytes(trial.journal((tmp_path / "update.json").read_bytes(), ["hub"], pending))
    found = store.load()
    kept = load_module("firmware.ota.state").Journal(store, None)
    assert not kept.busy and kept.before == ["hub"] and kept.events() == events and found["mine"] == "stays"


class Slots:
    """What the firmware asks lib/ota_slots.py for, of a slot on trial."""

    problem = ""

    def pending(self):
        return True


def test_the_firmware_proves_a_deployed_version(tmp_path):
    """As firmware/ota/boot_state.py begins: a slot on trial, and a journal that knows of no update."""
    journal = load_module("firmware.ota.state")
    path = tmp_path / "update.json"
    path.write_bytes(trial.journal(b"", ["network", "hub"], False))
    kept = journal.Journal(load_module("firmware.ota.settings_backup").File(str(path)), None)
    assert kept.begin(Slots(), False) == journal.PROVE
    health = load_module("firmware.ota.health")
    gate = health.Gate(kept.before, 0)
    for check in (health.SETTINGS, health.RADIO, health.ESTOP):
        assert gate.judge(100_000) == health.WAIT
        gate.well(check)
    assert gate.judge(100_000) == health.STAY, "what was not well before is not asked for"


def entry(sequence, state):
    chip = simflash.Flash(bytearray(b"\xff" * 8192))
    simota.put(chip, 0, 0, sequence, state)
    return bytes(chip.data[:32])


@pytest.mark.parametrize(
    ("entries", "slot", "pending"),
    [
        ([b"\xff" * 32, b"\xff" * 32], 0, False),
        ([entry(1, simota.VALID), b"\xff" * 32], 0, False),
        ([entry(1, simota.PENDING), b"\xff" * 32], 0, True),
        ([entry(1, simota.VALID), entry(2, simota.PENDING)], 1, True),
        ([entry(1, simota.VALID), entry(2, simota.PENDING)], 0, False),
        ([entry(3, simota.VALID), entry(2, simota.PENDING)], 1, False),
        ([entry(3, simota.ABORTED), entry(2, simota.PENDING)], 1, True),
        ([entry(1, simota.VALID), entry(2, simota.PENDING)[:28] + b"sum?"], 1, False),
        ([], 0, False),
    ],
)
def test_whether_a_slot_is_on_trial(entries, slot, pending):
    assert trial.is_pending(entries, slot) is pending


def runs(script, chip, monkeypatch, folder):
    """Run a script on a chip in memory, as a board would; return what it prints."""
    lines = []
    monkeypatch.chdir(folder)
    simflash.insert(chip)
    try:
        exec(script, {"print": lambda *words: lines.append(" ".join(map(str, words)))})  # noqa: S102
    finally:
        simflash.insert(None)
    return "\n".join(lines)


def test_whenever_the_power_goes_a_whole_version_starts(tmp_path, monkeypatch):
    """At each operation of the flash, in the middle of it, before and behind it."""
    old, new = image(b"old", 8192), image(b"new", 12288)
    parts = blocks.split(new)
    rows = flash.chip(ROWS, {"ota_0": old[:5000], "ota_1": old})
    ends = set()
    for when in ("before", "middle", "torn", "after"):
        number = 0
        while True:
            number += 1
            chip = simflash.Flash(bytearray(rows), slot=1)
            simota.put(chip, PLACES["otadata"].offset, 0, 2, simota.VALID)
            chip.power_on()
            chip.faults = simflash.Faults(cuts=[(number, when)])
            try:
                for script in (
                    scripts.copy([(0, 0, 1)]),
                    write_script(tmp_path, parts),
                    scripts.finish(len(parts), digest_of(parts), {}, {}, True),
                ):
                    runs(script, chip, monkeypatch, tmp_path)
            except simflash.PowerCut:
                pass
            cut = chip.dead
            chip.power_on()
            slot = bootloader.start(chip)
            row = PLACES[f"ota_{slot}"]
            assert chip.data[row.offset :].startswith((new, old)[slot]), (number, when)
            ends.add(slot)
            if not cut:
                break
        assert number > 8
    assert ends == {0, 1}


def write_script(folder, parts):
    (folder / "blocks").write_bytes(b"".join(parts))
    return scripts.write("blocks", list(range(len(parts))))


def digest_of(parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()


def test_what_reads_back_wrong_does_not_start(tmp_path, monkeypatch):
    parts = blocks.split(image(b"new", 8192))
    chip = simflash.Flash(bytearray(flash.chip(ROWS, {"ota_1": image(b"old", 8192)})), slot=1)
    simota.put(chip, PLACES["otadata"].offset, 0, 2, simota.VALID)
    chip.faults = simflash.Faults(bad=[PLACES["ota_0"].offset // 4096 + 1])
    runs(write_script(tmp_path, parts), chip, monkeypatch, tmp_path)
    with pytest.raises(OSError, match="reads back something else than was written"):
        runs(scripts.finish(len(parts), digest_of(parts), {}, {}, True), chip, monkeypatch, tmp_path)
    assert bootloader.start(chip) == 1


def test_an_image_that_the_chip_refuses_is_told_of(board, linked, monkeypatch):
    linked(b"new")
    monkeypatch.setattr(cli.image, "image", lambda target, data, trusted: b"no image at all" * 1000)
    with pytest.raises(Failure, match="mpremote: OSError: .*ESP_ERR_OTA_VALIDATE_FAILED"):
        deploy.main(["--port", board.port])
    assert board.boot() == 1


# --- which blocks


def test_blocks_are_copied_in_runs_and_from_anywhere():
    made = blocks.transfer(list("abcdef"), list("a....."), list(".bcd"))
    assert made == ([(1, 1, 3)], [4, 5])
    assert blocks.transfer(list("xyz"), [], list("..xyz")) == ([(2, 0, 3)], [])
    assert blocks.transfer(list("xyxy"), list("...."), list("yx")) == ([(1, 0, 1), (0, 1, 2), (0, 3, 1)], [])
    assert blocks.transfer(list("ab"), list("abc"), []) == ([], [])
    assert blocks.split(b"x" * 4097) == [b"x" * 4096, b"x" + b"\xff" * 4095]
    assert blocks.sums([b"x" * 4096]) == [hashlib.sha256(b"x" * 4096).hexdigest()[:16]]


# --- what cannot be


def test_a_map_that_does_not_fit_is_refused(board, linked):
    linked(b"new")
    before = (board.folder / "flash.bin").read_bytes()
    with pytest.raises(Failure, match="ota_1 has 2031616 bytes, the map 8MB says 3080192; --board NAME"):
        deploy.main(["--port", board.port, "--board", "openshock-core-v2"])
    assert (board.folder / "flash.bin").read_bytes() == before


def test_a_board_that_was_never_flashed_is_told_of(tmp_path, linked):
    linked(b"new")
    board = Board(tmp_path / "board", firmware="raise ImportError('no module named firmware')\n")
    with (
        board,
        pytest.raises(Failure, match="mpremote: ImportError: no module named firmware; press RESET.*--via ampy"),
    ):
        deploy.main(["--port", board.port])
    plain = Board(tmp_path / "plain", status="")
    plain.put(layout.TABLE_OFFSET, layout.binary([*ROWS[:3], layout.Row("factory", 0, 0, 0x10000, 0x1F0000)]))
    plain.slot = ""
    with plain, pytest.raises(Failure, match="this board has no two slots for firmware; `python3 -m tools flash`"):
        deploy.main(["--port", plain.port, "--board", "generic-esp32"])


def test_the_source_tree_itself_does_not_know_its_board(tmp_path, linked):
    """Firmware that nobody built: the module that the script asks is the real one."""
    nameless = Board(tmp_path / "board", firmware=(ROOT / modules.INFO_FILE).read_text())
    with nameless as board, pytest.raises(Failure, match="does not say which one it is; --board NAME does"):
        deploy.main(["--port", board.port])


def test_what_cannot_work_is_refused_at_once(linked, tmp_path):
    with pytest.raises(Failure, match="--mount needs mpremote"):
        deploy.main(["--port", "none", "--mount", "--via", "ampy"])
    with pytest.raises(Failure, match="there is no board 'esp8266'"):
        deploy.main(["--port", "none", "--board", "esp8266"])
    for tool in (deploy, console):
        with pytest.raises(
            Failure, match="/dev/none cannot be opened .*is (another program|`tools console` still) at it"
        ):
            tool.main(["--port", "/dev/none"])


def test_the_micropython_of_the_board_stays_where_it_is_known(monkeypatch):
    asked = []
    monkeypatch.setattr(plan, "fetched_image", lambda chip, version: asked.append(version))
    for options in ([], ["--micropython", "1.29.0"]):
        for version in ((1, 27, 0), (1, 99, 0), None):
            cli._official(BOARD, cli._parser().parse_args(options), version)
    assert asked == [(1, 27, 0), None, None, (1, 29, 0), (1, 29, 0), (1, 29, 0)]


# --- mounted files


class Person:
    """Somebody at a terminal in which a program runs."""

    def __init__(self, *words):
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = b""

    def sees(self, text):
        """Wait until the program has written that. What it wrote instead is in the failure."""
        while text not in self.seen:
            try:
                data = os.read(self._ours, 1000)
            except OSError:  # the terminal's other side is closed
                data = b""
            assert data, self.seen
            self.seen += data

    def types(self, keys):
        os.write(self._ours, keys)

    def ends(self):
        """Return the exit code."""
        code = self._process.wait(20)
        os.close(self._ours)
        return code


def test_mounted_files_run_among_the_frozen_ones_and_nothing_is_written(board, tmp_path):
    """One module of each package comes from this computer; each says from where."""
    says = "print(__name__, __file__[:8])\n"
    sources = {
        "firmware/app.py": "from firmware import one, two\nimport lib.three as three, lib.four\n"
        "from firmware.inner import five\ndef run():\n    import os\n    print('runs in', os.getcwd(), two.WHERE)\n",
        "firmware/one.py": says,
        "firmware/two.py": says + "from firmware import one\nfrom lib import four\nWHERE = 'frozen'\n",
        "firmware/inner/__init__.py": says,
        "firmware/inner/five.py": says + "import firmware.inner.six\n",
        "firmware/inner/six.py": says,
        "lib/three.py": says,
        "lib/four.py": says,
    }
    for path, source in sources.items():
        for top in (board.folder / "app", tmp_path / "tree"):
            (top / path).parent.mkdir(parents=True, exist_ok=True)
            (top / path).write_text(source)
    (tmp_path / "tree" / "firmware" / "two.py").write_text(sources["firmware/two.py"].replace("frozen", "mounted"))
    before = (board.folder / "flash.bin").read_bytes()
    call = (
        "import sys; from tools.deploy import scripts, ways;"
        "way = ways.Mpremote(*sys.argv[1:3]); way.serve(sys.argv[3], scripts.run(sys.argv[4:]))"
    )
    served = ["firmware.two", "lib.four", "firmware.inner.six"]
    person = Person(sys.executable, "-c", call, board.port, str(tmp_path), str(tmp_path / "tree"), *served)
    person.sees(b"runs in / mounted")
    person.types(b"\x1d")
    assert person.ends() == 0 and (board.folder / "flash.bin").read_bytes() == before
    found = dict(line.split() for line in person.seen.decode().splitlines() if line.startswith(("firmware.", "lib.")))
    places = {name: place == "/remote/" for name, place in found.items()}
    assert places == {
        "firmware.one": False, "firmware.two": True, "firmware.inner": False, "firmware.inner.five": False,
        "firmware.inner.six": True, "lib.three": False, "lib.four": True,
    }  # fmt: skip


def test_what_is_mounted():
    every = cli.served([])
    assert {"firmware.app", "firmware.boards", "firmware.boards.simulated", "lib.ook_player"} <= set(every)
    written = {path for path in modules._written(BOARD, (), 1, ROOT)}
    assert set(cli._GENERATED) == written, "what belongs to one image is never taken from here"
    assert not {path.removesuffix(".py").replace("/", ".") for path in written} & set(every)
    assert cli.served([str(ROOT / "lib" / "url.py"), "firmware/app.py", "firmware/boards/__init__.py"]) == [
        "firmware.app", "firmware.boards", "lib.url",
    ]  # fmt: skip
    for wrong in ("tools/build.py", "lib/none.py", "firmware", "/etc/hosts", "firmware/../boot.py"):
        with pytest.raises(Failure, match="is no module of firmware/ or lib/"):
            cli.served([wrong])
    with pytest.raises(Failure, match="is made anew for each image"):
        cli.served(["firmware/ota/trusted_keys.py"])


def test_the_command_mounts_the_source_tree(monkeypatch, linked):
    calls = []

    class Way:
        def __init__(self, port, folder):
            pass

        def serve(self, tree, script):
            calls.append((tree, script))
            return 0

    monkeypatch.setitem(ways.WAYS, "mpremote", Way)
    monkeypatch.setattr(ways, "quiet", lambda port: "")
    assert deploy.main(["--port", "x", "--mount", "lib/url.py"]) == 0
    assert calls == [(ROOT, scripts.run(["lib.url"]))]


# --- console


def test_a_person_at_the_console(board):
    person = Person(sys.executable, "-m", "tools", "console", "--port", board.port)
    person.sees(b"Ctrl-] leaves")
    person.types(b"$repl\r")
    person.sees(b"$SYS$|Success|Everything stops")
    person.types(b"\x1d")
    assert person.ends() == 0


def test_the_console_waits_for_a_board_that_restarts():
    with socket.create_server(("127.0.0.1", 0)) as server:
        person = Person(
            sys.executable, "-m", "tools", "console", "--port", f"socket://127.0.0.1:{server.getsockname()[1]}"
        )
        for number, told in enumerate((b"Ctrl-] leaves", b"there again")):
            line, _ = server.accept()
            with line:
                person.sees(told)
                person.types(b"x")
                assert line.recv(10) == b"x"
                line.sendall(f"start {number}\r\n".encode())
                person.sees(f"start {number}".encode())
                if number:
                    person.types(b"\x1d")
                    assert person.ends() == 0
        assert b"gone; waiting for it" in person.seen


def test_lines_from_a_file_are_sent_and_answered(board):
    done = subprocess.run(
        [sys.executable, "-m", "tools", "console", "--port", board.port],
        cwd=ROOT, input="$repl\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "$SYS$|Success|Everything stops\n>>> ")


def test_the_firmware_is_asked_to_leave(board):
    ways.quiet(board.port)
    with console.opened(board.port) as line:
        line.write(b"\x01")
        assert line.read_until(b">").endswith(b"raw REPL; CTRL-B to exit\r\n>")
