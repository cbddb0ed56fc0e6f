"""`python3 -m tools freeze`: what it writes, what it refuses, and that it writes nothing that was not confirmed."""

import struct
import sys
import types

import pytest
from official_images import C3, ESP32, NAMES, architecture, official

from tools import Failure, Misuse
from tools.__main__ import COMMANDS
from tools.freeze import app_image, cli, compiler, full_image, linker, machine_code
from tools.freeze import official as officials

VIPER = "import micropython\n\n\n@micropython.viper\ndef f(x: int) -> int:\n    return x + 1\n"


class Verifier(types.ModuleType):
    """Stands for tools.freeze.verify, which has tests of its own: keeps what it was asked, and confirms or does not."""

    def __init__(self):
        super().__init__("tools.freeze.verify")
        self.calls, self.fault = [], None

    def verify(self, *arguments):
        self.calls.append(arguments)
        if self.fault:
            raise Failure(self.fault)


@pytest.fixture
def verifier(monkeypatch):
    made = Verifier()
    monkeypatch.setitem(sys.modules, "tools.freeze.verify", made)
    return made


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "src"
    (folder / "pkg").mkdir(parents=True)
    (folder / "main.py").write_text("import pkg.thing\n")
    (folder / "pkg" / "thing.py").write_text("def f():\n    return 'thing'\n")
    (folder / "notes.txt").write_text("no module")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "old.py").write_text("x = 1\n")
    return folder


def put(tmp_path, name=ESP32, as_app=False):
    path = tmp_path / "official.bin"
    path.write_bytes(app_image.app_of(official(name)) if as_app else official(name))
    return path


def compiled(project, name=ESP32):
    return {
        module: compiler.compiled(module, (project / module).read_text(), architecture(name))
        for module in ("main.py", "pkg/thing.py")
    }


def test_it_is_a_command():
    assert "freeze" in COMMANDS


@pytest.mark.parametrize("name", [ESP32, C3])
def test_a_whole_flash_stays_one(name, tmp_path, project, verifier, capsys):
    image, out = put(tmp_path, name), tmp_path / "out.bin"
    assert cli.main([str(image), str(out), str(project)]) == 0
    given, data = compiled(project, name), official(name)
    expected = linker.link(data, given)
    at = len(data) - len(app_image.app_of(data))
    assert out.read_bytes() == data[:at] + expected.data
    assert verifier.calls == [(data[at:], expected.data, given, None)]
    told, noted = capsys.readouterr()
    assert (
        noted == "" and expected.version in told and "2 modules linked in" in told and str(len(expected.data)) in told
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["official.bin", "out.bin", "src"]


def test_an_app_image_stays_one_and_options_may_stand_anywhere(tmp_path, project, verifier):
    image, out = put(tmp_path, as_app=True), tmp_path / "out.bin"
    assert cli.main([str(image), str(out), "--heap", "64", str(project), "-O", "3"]) == 0
    given = {
        name: compiler.compiled(name, (project / name).read_text(), "xtensawin", 3)
        for name in ("main.py", "pkg/thing.py")
    }
    assert out.read_bytes() == linker.link(official(ESP32), given, 64).data
    assert verifier.calls[0][2:] == (given, 64)


def test_the_app_alone_can_be_written(tmp_path, project, verifier):
    image, out = put(tmp_path), tmp_path / "out.bin"
    assert cli.main([str(image), str(out), str(project), "--app-only"]) == 0
    assert out.read_bytes() == verifier.calls[0][1]


def test_single_files_and_compiled_ones(tmp_path, verifier):
    (tmp_path / "boot.py").write_text("x = 1\n")
    (tmp_path / "other.mpy").write_bytes(compiler.compiled("other.py", "y = 1\n", "xtensawin"))
    files = [str(tmp_path / name) for name in ("boot.py", "other.mpy")]
    assert cli.main([str(put(tmp_path)), str(tmp_path / "out.bin"), *files]) == 0
    assert sorted(verifier.calls[0][2]) == ["boot.py", "other.py"]


def listed(path, capsys):
    capsys.readouterr()
    assert cli.main(["--list", str(path)]) == 0
    head, *names = capsys.readouterr().out.splitlines()
    assert head == f"MicroPython 1.28.0 for esp32c3: {len(names)} frozen modules"
    return [name.strip() for name in names]


def test_what_is_frozen_is_listed(tmp_path, project, verifier, capsys):
    image, out = put(tmp_path, C3), tmp_path / "out.bin"
    before = listed(image, capsys)
    assert len(before) == 28 and "asyncio/core.py" in before
    cli.main([str(image), str(out), str(project)])
    assert listed(out, capsys) == [*before, "main.py", "pkg/thing.py"]


def test_nothing_is_written_that_is_not_confirmed(tmp_path, project, verifier):
    image, out = put(tmp_path), tmp_path / "out.bin"
    out.write_bytes(b"before")
    verifier.fault = "a word differs"
    with pytest.raises(Failure, match="a word differs"):
        cli.main([str(image), str(out), str(project)])
    assert out.read_bytes() == b"before" and len(list(tmp_path.iterdir())) == 3


def test_an_image_is_confirmed_later(tmp_path, project, verifier, capsys):
    image, out = put(tmp_path), tmp_path / "out.bin"
    cli.main([str(image), str(out), str(project), "--heap", "72"])
    before = out.read_bytes()
    assert cli.main(["--verify", str(image), str(out), str(project), "--heap", "72"]) == 0
    assert verifier.calls[0] == verifier.calls[1] and out.read_bytes() == before
    verifier.fault = "module main.py differs"
    with pytest.raises(Failure, match="main.py differs"):
        cli.main(["--verify", str(image), str(out), str(project)])


def test_machine_code_gets_a_module_of_its_own(tmp_path, project, verifier, capsys):
    (project / "pkg" / "fast.py").write_text(VIPER)
    assert cli.main([str(put(tmp_path)), str(tmp_path / "out.bin"), str(project)]) == 0
    given = verifier.calls[0][2]
    assert sorted(given) == [machine_code.MODULE, "main.py", "pkg/thing.py"]
    assert compiler.compiled("pkg/fast.py", VIPER, "xtensawin") in given[machine_code.MODULE]
    assert "`import _machine_code` first" in capsys.readouterr().out


def refused(*arguments):
    with pytest.raises(Failure) as caught:
        cli.main([str(argument) for argument in arguments])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_machine_code_that_the_image_does_not_run(tmp_path, project, verifier):
    out = tmp_path / "out.bin"
    (project / "fast.mpy").write_bytes(compiler.compiled("fast.py", VIPER, "x64"))
    image = put(tmp_path)
    assert "for x64, the image runs xtensawin" in refused(image, out, project)
    (project / "fast.mpy").write_bytes(compiler.compiled("fast.py", VIPER, "rv32imc"))
    assert "for rv32imc, the image runs xtensawin" in refused(image, out, project)
    old = bytearray(compiler.compiled("fast.py", VIPER, "xtensawin"))
    old[2] &= ~3
    (project / "fast.mpy").write_bytes(old)
    assert "another version of MicroPython" in refused(image, out, project)
    (project / "fast.mpy").write_bytes(compiler.compiled("fast.py", VIPER, "rv32imc"))
    image = put(tmp_path, next(name for name in NAMES if "_C3" in name and "1.23" in name))
    assert "this image runs none" in refused(image, out, project)
    assert not out.exists() and not verifier.calls


def test_modules_that_cannot_be_had(tmp_path, project, verifier):
    image, out = put(tmp_path), tmp_path / "out.bin"
    other = tmp_path / "other"
    other.mkdir()
    assert "holds no .py" in refused(image, out, other)
    assert "is no folder" in refused(image, out, tmp_path / "missing")
    assert "is no folder" in refused(image, out, project / "notes.txt")
    (other / "main.py").write_text("x = 2\n")
    assert "main.py is there twice" in refused(image, out, project, other)
    (other / "main.py").write_text("x = 1\ndef f(:\n")
    assert refused(image, out, other) == "main.py does not compile: line 2: SyntaxError: invalid syntax"
    (other / "main.py").write_bytes(b"x = '\xff'\n")
    assert "is not UTF-8" in refused(image, out, other)
    (other / "main.py").unlink()
    (other / "neopixel.py").write_text("x = 2\n")
    assert "neopixel.py is frozen in the official image already" in refused(image, out, other)
    assert not out.exists()


def test_files_that_cannot_be_had(tmp_path, project, verifier):
    image, out = put(tmp_path), tmp_path / "out.bin"
    assert "cannot be read" in refused(tmp_path / "missing.bin", out, project)
    assert "no app image" in refused(project / "main.py", out, project)
    assert "official image itself" in refused(image, image, project)
    assert "cannot be written" in refused(image, tmp_path / "no" / "out.bin", project)
    cli.main([str(image), str(out), str(project)])
    assert "linked into this image already" in refused(out, tmp_path / "again.bin", project)
    assert image.read_bytes() == official(ESP32)


def test_more_than_the_partition_holds(tmp_path, project, verifier):
    data = bytearray(official(ESP32))
    slot = full_image.partitions(data)[2]
    assert (slot.label, slot.offset, slot.size) == ("factory", 0xF000, 0x1F0000)
    size = len(app_image.app_of(data))
    struct.pack_into("<I", data, 0x7000 + 2 * 32 + 8, size)  # the smallest that holds the official image
    image, out = tmp_path / "official.bin", tmp_path / "out.bin"
    image.write_bytes(data)
    text = refused(image, out, project)
    assert f"the partition factory of this .bin holds {size}" in text and "--app-only" in text and not out.exists()
    assert cli.main([str(image), str(out), str(project), "--app-only"]) == 0
    struct.pack_into("<I", data, 0x7000 + 2 * 32 + 4, 0x20000)  # no partition where the app is
    image.write_bytes(data)
    assert "no entry for the app" in refused(image, out, project)


def test_what_lies_behind_the_partition_stays(tmp_path, project, verifier):
    data = official(ESP32).ljust(0xF000 + 0x1F0000, b"\xff") + b"a file system"
    image, out = tmp_path / "dump.bin", tmp_path / "out.bin"
    image.write_bytes(data)
    assert cli.main([str(image), str(out), str(project)]) == 0
    made = out.read_bytes()
    assert len(made) == len(data) and made.endswith(b"a file system")
    assert app_image.app_of(made) == verifier.calls[0][1]
    assert officials.read(app_image.app_of(made)).frozen.names[-2:] == ("main.py", "pkg/thing.py")


@pytest.mark.parametrize("arguments", [[], ["image"], ["image", "out", "--list"], ["image", "out", "--heap", "x"]])
def test_a_wrong_call(arguments):
    with pytest.raises(Misuse, match="tools freeze --help tells more"):
        cli.main(arguments)


def test_a_call_with_nothing_to_do(tmp_path):
    with pytest.raises(Misuse, match="nothing to do"):
        cli.main([str(put(tmp_path)), str(tmp_path / "out.bin")])
