"""The frozen variant: the manifest names every room once, and frozen code finds its plugs, menus, page and roots."""

import json
import os
import subprocess

import pytest
from conftest import ROOT, micropython

from tools import build, menus
from tools.images import content, frozen

PLACES = [path for folder in ("lib", "firmware") for path in (ROOT / folder).rglob("*.py")]


class Options:
    """MicroPython's IncludeOptions: what include() was given, else the manifest's own defaults, else None."""

    def __init__(self, **given):
        self._given, self._defaults = given, {}

    def defaults(self, **values):
        self._defaults = values

    def __getattr__(self, name):
        return self._given.get(name, self._defaults.get(name))


def ran(monkeypatch, **given):
    """[(target on the board, source, opt)] of the manifest, run as MicroPython's build does: in its folder, without a __file__."""
    found = []

    def package(package_path, files=None, base_path=".", opt=None):
        assert files is not None
        for file in files:
            name = os.path.join(package_path, file)
            found.append((name, os.path.join(os.path.abspath(base_path), name), opt))

    def module(module_path, base_path=".", opt=None):
        found.append((module_path, os.path.join(os.path.abspath(base_path), module_path), opt))

    monkeypatch.chdir(ROOT / "tools")
    text = (ROOT / "tools" / "manifest.py").read_text(encoding="utf-8")
    exec(text, {"package": package, "module": module, "options": Options(**given)})  # noqa: S102
    return found


def test_every_room_is_frozen_once(monkeypatch):
    found = ran(monkeypatch)
    names = [name for name, _, _ in found]
    wanted = {path.relative_to(ROOT).as_posix() for path in PLACES} - {"lib/packed.py"}
    assert len(names) == len(set(names)) and set(names) == wanted | {"boot.py", "main.py"}
    sources = {name: source for name, source, _ in found}
    assert all(os.path.isfile(source) for source in sources.values()) and {opt for *_, opt in found} == {3}
    assert sources["main.py"] == str(ROOT / "tools" / "frozen" / "main.py")
    assert sources["lib/ook.py"] == str(ROOT / "lib" / "ook.py")


@pytest.mark.parametrize("chip", ["esp32", "esp32s2", "esp32s3", "esp32c3"])
def test_a_chip_gets_its_own_boards(chip, monkeypatch):
    names = {name for name, _, _ in ran(monkeypatch, chip=chip)}
    boards = {name.rpartition("/")[2][:-3] for name in names if name.startswith("firmware/boards/")}
    known = json.loads(menus.made())["boards"]
    assert boards == {name for name, of in known if of == chip} | {"generic_esp32"}


def test_the_frozen_main_does_what_main_does_with_frozen_code_first():
    plain = (ROOT / "main.py").read_text().partition('if "rescue"')[2]
    frozen_one = (ROOT / "tools" / "frozen" / "main.py").read_text()
    before, _, after = frozen_one.partition('if "rescue"')
    assert after == plain and before.rstrip().endswith('sys.path.insert(0, ".frozen")')


@pytest.mark.parametrize("architecture", ["xtensawin", "rv32imc"])
def test_both_starters_compile(architecture):
    for path in (ROOT / "boot.py", ROOT / "tools" / "frozen" / "main.py"):
        assert content.compiled(path.name, path.read_text(), architecture)[:1] == b"M"


# On a board, code is in ".frozen", which can be imported from and not be listed. Here it is a file system of that kind.
_PROGRAM = """
import os, sys, vfs

class Unlisted:
    def __init__(self, top): self._under = vfs.VfsPosix(top)
    def mount(self, readonly, mkfs): pass
    def umount(self): pass
    def chdir(self, path): pass
    def getcwd(self): return "/"
    def stat(self, path): return self._under.stat(path)
    def open(self, path, mode): return self._under.open(path, mode)
    def ilistdir(self, path): raise OSError(2)

vfs.mount(Unlisted(sys.argv[1]), "/code")
sys.path[:] = ["/code", "", ".frozen", sys.argv[2]]
from firmware import app, fitting, menus
from firmware.settings import Settings
from lib import plugs
from lib.roots import Roots

settings = Settings("settings.json")
settings.set("wifi", [{"ssid": "home", "key": "12345678"}])
page = plugs.find("firmware/www/index.html.gz")
print([
    app.__file__, plugs.names("firmware.shockers"), plugs.names("firmware.backends"), fitting.missing(settings),
    menus.boards("esp32c3"), len(menus.backends()), page, len(list(Roots())), fitting.board(settings).__file__,
    plugs.load("firmware.shockers", "d80").__file__,
])
"""


@pytest.mark.parametrize("with_data", [True, False])
def test_code_that_cannot_be_listed_finds_its_plugs_menus_page_and_roots(with_data, tmp_path, capsys):
    code, board = tmp_path / "code", tmp_path / "board"
    board.mkdir()
    for path in PLACES:
        target = code / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    if with_data:
        assert build.main(["--frozen", str(board)]) == 0
        assert "beside firmware that is frozen" in capsys.readouterr().out
        (board / "lib").mkdir()
        (board / "lib" / "tasks.py").write_text("raise RuntimeError('what mip put there')\n")
    (tmp_path / "look.py").write_text(_PROGRAM)
    done = subprocess.run(
        [micropython(), "-X", "heapsize=4M", tmp_path / "look.py", code, ROOT / "host_tests" / "stubs"], cwd=board,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    told = eval(done.stdout.splitlines()[-1])  # noqa: S307
    own, shockers, backends, missing, boards, count, page, roots, default, loaded = told
    assert (
        own == "/code/firmware/app.py" and default.startswith("/code/") and loaded == "/code/firmware/shockers/d80.py"
    )
    assert missing == "", "a device with settings is at work either way"
    if with_data:
        assert {"caixianlin", "d80", "petrainer"} <= set(shockers) and "openshock_user" in backends
        assert "seeed-xiao-esp32c3" in boards and count == len(backends) and roots == 5
        assert page == "firmware/www/index.html.gz"
    else:
        assert (shockers, backends, boards, count, page, roots) == ([], [], [], 0, None, 0)


def test_the_data_is_small_and_its_names_are_empty_files():
    files = frozen.files()
    assert sum(map(len, files.values())) < 30_000
    assert files["firmware/shockers/d80.py"] == b"" and files["firmware/menus.json"] == menus.made()
    assert not [path for path, data in files.items() if path.endswith(".py") and data]
