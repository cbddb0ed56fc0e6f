"""What an own build of MicroPython freezes: the modules of an image as sources, with a manifest that names each once."""

import subprocess

import pytest
from conftest import ROOT

from tools.freeze import compiler, machine_code
from tools.images import frozen_sources, modules, targets
from tools.sim import compiled


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return frozen_sources.write(tmp_path_factory.mktemp("frozen"), targets.named("generic-esp32s3"))


def frozen_by(manifest):
    """Return ({path: opt}, included manifests), as MicroPython's tools/manifestfile.py would read the file."""
    found, included = {}, []

    def module(path, opt=None):
        assert path not in found
        found[path] = opt

    def package(name, opt=None):
        for path in sorted((manifest.parent / name).rglob("*.py")):
            module(path.relative_to(manifest.parent).as_posix(), opt)

    names = {"module": module, "package": package, "include": included.append}
    exec(compile(manifest.read_text(), str(manifest), "exec"), names)
    return found, included


def test_the_manifest_freezes_what_an_image_of_ours_holds(folder):
    found, included = frozen_by(folder / frozen_sources.MANIFEST)
    assert included == ["$(PORT_DIR)/boards/manifest.py"]
    assert set(found) == set(modules.compiled(targets.named("generic-esp32s3"))) and set(found.values()) == {2}
    assert {"boot.py", "main.py", machine_code.MODULE} <= set(found)


def test_no_machine_code_is_frozen_itself(folder):
    for path in frozen_by(folder / frozen_sources.MANIFEST)[0]:
        made = compiler.compiled(path, (folder / path).read_text(encoding="utf-8"), "xtensawin")
        assert not compiler.is_native(made), path


def test_boards_of_other_chips_are_left_out(folder):
    names = {path.stem for path in (folder / "firmware" / "boards").glob("*.py")}
    assert "generic_esp32s3" in names and "generic_esp32" in names and "pishock_2023" not in names


@pytest.mark.skipif(compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine")
def test_the_real_micropython_imports_them(tmp_path):
    place = frozen_sources.write(tmp_path, targets.named(targets.SIMULATED))
    program = (
        f"import sys; sys.path[:] = [{str(place)!r}, {str(ROOT / 'host_tests' / 'stubs')!r}, '.frozen']\n"
        "import _machine_code\nfrom firmware import app\nfrom firmware.www.page import GZIPPED\n"
        "from lib import ook_loops, strict_utf8\nprint(len(GZIPPED) > 9000, strict_utf8.is_utf8(b'\\xc3\\xa4'), ook_loops.__name__)"
    )
    words = [compiled.interpreter(), "-X", "heapsize=4M", "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "True True lib.ook_loops\n", done.stdout + done.stderr
