"""Every command line that README and docs print: each has a row here that says how it is run, and is run so.

A line of a block marked sh, console or powershell without a row fails, and so does a row without a line.
"""

import argparse
import json
import re
import shlex
import shutil
import subprocess
from collections import namedtuple

import pytest
import test_flash_tool as bench
from conftest import ROOT
from fake_rom import FakeBoard
from test_flash_tool import at_once, given  # noqa: F401  (fixtures)

from tools import Misuse, docs
from tools import test as runner
from tools.__main__ import COMMANDS
from tools.__main__ import main as tools
from tools.flash import chosen, download
from tools.images import layout, targets

TOP = [path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"]  # made of commits
PAGES = [*TOP, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
SHELLS = ("sh", "console", "powershell")

# How a line is run. Real: as it stands, in a scratch folder. Shorter: with these arguments behind it. Scratch: on a copy of docs/.
# Flashed: on a board that speaks the boot loader's protocol. Parsed: read by the tool's own parser, and no further, because
# of `why`. Foreign: not ours, because of `why`.
Real = namedtuple("Real", ())
Shorter = namedtuple("Shorter", ("arguments",))
Scratch = namedtuple("Scratch", ())
Flashed = namedtuple("Flashed", ())
Parsed = namedtuple("Parsed", ("why",))
Foreign = namedtuple("Foreign", ("why",))

_BOARD = "needs a board; test_deploy.py drives it against one that is played"
_COLLECT = Shorter(("--collect-only", "-q"))

# what stands behind `python3 -m tools`, or the whole line of another program
ROWS = {
    "sim": Parsed("lasts until somebody ends it; test_sim.py"),
    "sim --demo --short": Parsed("takes a minute and a half; test_sim.py"),
    "test": Parsed("that is this very run"),
    "test host_tests/architecture/test_house.py": _COLLECT,
    "test host_tests/architecture/test_house.py host_tests/tools/test_boards.py": _COLLECT,
    "test -k safety": Parsed("takes minutes; that is a part of this very run"),
    "check": Parsed("it would run all tests"),
    "check --no-tests": Parsed("takes a minute; .ci/run begins with it"),
    "bench --help": Real(),
    "bench radio": Parsed("takes a minute; the names are looked at below"),
    "bench memory": Parsed("takes minutes; test_memory.py"),
    "bench latency --json": Parsed("takes a minute; the names are looked at below"),
    "rf encode caixianlin 46231 vibrate 25 -o build/frame.png": Real(),
    "rf encode caixianlin 46231 vibrate 25 -o build/frame.ook": Real(),
    "rf decode build/frame.ook": Real(),
    "rf decode air.vcd --wire D0": Real(),
    "docs": Scratch(),
    "docs --check": Real(),
    "docs --pictures": Parsed("needs Chromium, and writes into docs; test_pictures.py takes them"),
    "build --board openshock-core-v2": Parsed("it fetches MicroPython; test_build.py builds for every kind of board"),
    "build --board generic-esp32 --image ESP32_GENERIC-20260406-v1.28.0.bin": Parsed(
        "needs that official image; test_build.py builds with every one"
    ),
    "build --web build/web": Parsed(
        "npm fetches ESP Web Tools for it; test_web_flasher.py makes it and opens it in Chromium"
    ),
    "python3 -m http.server --directory build/web 8000": Foreign(
        "Python's own web server, which lasts until somebody ends it"
    ),
    "build --board generic-esp32s3 --frozen build/frozen": Real(),
    "make BOARD=ESP32_GENERIC_S3 FROZEN_MANIFEST=/path/to/build/frozen/generic-esp32s3/manifest.py "
    "CFLAGS_EXTRA=-DMICROPY_GC_INITIAL_HEAP_SIZE=65536": Foreign("needs ESP-IDF"),
    "make BOARD=ESP32_GENERIC_S3 PORT=/dev/ttyUSB0 deploy": Foreign("needs ESP-IDF, and a board"),
    "freeze ESP32_GENERIC-20260406-v1.28.0.bin out.bin src": Parsed("needs an official image; test_freeze_cli.py"),
    "freeze --list out.bin": Parsed("needs a linked image; test_freeze_cli.py"),
    "esptool --chip esp32 write-flash 0x1000 out.bin": Foreign("needs a board"),
    "flash": Flashed(),
    "flash --port COM5": Flashed(),
    "flash --port /dev/cu.usbserial-0001": Flashed(),
    "flash --port /dev/ttyUSB0": Flashed(),
    "flash --board openshock-core-v2": Flashed(),
    'flash --wifi "my network" "its password"': Flashed(),
    "flash --settings settings.json": Flashed(),
    "flash --keep-settings": Flashed(),
    "flash --backup before.bin": Parsed("reads 4 MB through esptool, 40 s over a socket; test_flash_tool.py"),
    "flash --micropython 1.27.0": Flashed(),
    "flash --app build/images/generic-esp32": Flashed(),
    "flash --dry-run --chip esp32 --image ESP32_GENERIC.bin": Flashed(),
    "flash --dry-run --settings docs/wokwi/settings.json --out docs/wokwi/build": Flashed(),
    "deploy": Parsed(_BOARD),
    "deploy --mount lib/url.py": Parsed(_BOARD),
    "console": Parsed(_BOARD),
    'sudo usermod -a -G dialout "$USER"': Foreign("it changes the machine"),
}


def lines(text):
    """The command lines in the blocks of a page, in their order; ours without `python3 -m tools`."""
    found = []
    for kind, block in re.findall(r"^ *```(\w+)\n(.*?)^ *```", text, re.S | re.M):
        if kind in SHELLS:
            for line in block.splitlines():
                line = re.sub(r"^\$ ", "", line.strip())
                if line and not line.startswith("#"):
                    found.append(re.sub(r"^(python3|py) -m tools ?", "", line))
    return found


def spans(text):
    """What stands behind `python3 -m tools` in the running text, where it is whole."""
    return [span for span in re.findall(r"`(?:python3|py) -m tools ([^`]+)`", text) if "…" not in span]


class Read(Exception):
    """The parser took the arguments."""


@pytest.fixture
def only_parsed(monkeypatch):
    """A function of a line: None when the tool's own parser takes it; AssertionError with its words when not."""

    def stopped(parse):
        def stop(self, *arguments, **more):
            parse(self, *arguments, **more)
            raise Read

        return stop

    def read(line, capsys, may_be_cut=False):
        command, *rest = shlex.split(line)
        assert command in COMMANDS, command
        if command == "test":
            return  # its arguments are pytest's
        with monkeypatch.context() as patch:
            for name in ("parse_args", "parse_intermixed_args"):
                patch.setattr(argparse.ArgumentParser, name, stopped(getattr(argparse.ArgumentParser, name)))
            try:
                code = tools([command, *rest])
            except Read:
                return
            except SystemExit as end:  # --help
                assert end.code == 0
                return
        words = capsys.readouterr().err
        assert code == Misuse.code and may_be_cut and "required" in words, words or f"{line}: read by no parser"

    return read


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A scratch folder to stand in, with what a person who follows the pages would have there."""
    (tmp_path / "build").mkdir()
    (tmp_path / "settings.json").write_text('{"rf.pin": 4, "led.brightness": 20}')
    (tmp_path / "ESP32_GENERIC.bin").write_bytes(bench.combined("esp32"))
    monkeypatch.setattr(download, "image", lambda chip, version: tmp_path / "ESP32_GENERIC.bin")
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("pictures", "build"))
    images = tmp_path / "build" / "images" / "generic-esp32"
    images.mkdir(parents=True)
    bench.built(images, targets.named("generic-esp32"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runner, "_become", lambda words, env: subprocess.call(words, cwd=ROOT, env=env))
    assert tools(["rf", "encode", "caixianlin", "46231", "vibrate", "25", "-o", "air.vcd"]) == 0
    recorded = (tmp_path / "air.vcd").read_text()
    (tmp_path / "air.vcd").write_text(re.sub(r"(\$var wire 1 \S+ )\S+( \$end)", r"\1D0\2", recorded))
    return tmp_path


def flashed(words, desk):
    """The exit code of `flash` with these arguments, on a board of the right kind that has settings already."""
    values = dict(zip(words, words[1:], strict=False))
    named = values.get("--board") or json.loads((desk / values.get("--settings", "settings.json")).read_text()).get(
        "board"
    )
    target = targets.named(named or "generic-esp32")
    bench.built(desk / "app", target)
    (desk / "official.bin").write_bytes(bench.combined(target.chip))
    more = [] if "--app" in words else ["--app", str(desk / "app")]
    more += [] if "--image" in words or "--micropython" in words else ["--image", "official.bin"]
    if "--dry-run" in words:
        return tools(["flash", *words, *more])
    with FakeBoard(target.chip, layout.flash_size(target.layout) >> 20, bench.SET_UP) as board:
        bench.set_up(board, target.layout, {"settings.json": chosen._sealed({"hostname": "mine"})})
        if "--port" in values:
            words[words.index("--port") + 1] = board.port
        else:
            more += ["--port", board.port]
        code = tools(["flash", *words, *more, "--wait", "6"])
        assert code == 0 and board.bootable()
        return code


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_line_of_a_page_is_run(path, desk, given, only_parsed, capsys):  # noqa: F811
    for line in lines(path.read_text(encoding="utf-8")):
        assert line in ROWS, f"{path.name}: how is this run? A row for it is missing: {line}"
        how = ROWS[line]
        if isinstance(how, Foreign):
            continue
        words = shlex.split(line)
        if isinstance(how, Parsed):
            only_parsed(line, capsys)
        elif isinstance(how, Flashed):
            assert flashed(words[1:], desk) == 0, line
        elif isinstance(how, Scratch):
            assert docs.main(words[1:], desk) == 0
        else:
            try:
                code = tools([*words, *(how.arguments if isinstance(how, Shorter) else ())])
            except SystemExit as end:  # --help
                code = end.code
            assert code == 0, line
    if path.name == "developing.md":
        assert (desk / "build" / "frame.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_the_text_names_is_there(path, only_parsed, capsys):
    for span in spans(path.read_text(encoding="utf-8")):
        only_parsed(span, capsys, may_be_cut=True)


def test_every_row_is_a_line_and_every_reason_is_a_reason():
    printed = {line for path in PAGES for line in lines(path.read_text(encoding="utf-8"))}
    assert set(ROWS) - printed == set(), "rows of lines that nobody prints any more"
    assert all(len(how.why) > 10 for how in ROWS.values() if isinstance(how, Parsed | Foreign))
    named = {name for line in printed if line.startswith("bench ") for name in line.split()[1:] if name[0] != "-"}
    assert {name for name in named if not (ROOT / "tools" / "bench" / f"{name}.py").exists()} == set()


def test_a_line_that_is_wrong_is_found_out(only_parsed, capsys):
    page = "```sh\n# a remark\n$ python3 -m tools sim --demon\n```\n   ```powershell\n   py -m tools flash --prot COM5\n   ```\n"
    assert lines(page) == ["sim --demon", "flash --prot COM5"]
    for line in lines(page):
        assert line not in ROWS
        with pytest.raises(AssertionError, match="unrecognized arguments"):
            only_parsed(line, capsys)
    with pytest.raises(AssertionError, match="fly"):
        only_parsed("fly", capsys)
    assert spans("see `python3 -m tools sim --json`, or `python3 -m tools rf …`") == ["sim --json"]
