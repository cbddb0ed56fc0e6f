"""Modules with machine code, imported from constants by the real MicroPython: what they import, what stays behind, what fails."""

import json
import subprocess

import pytest

from tools import Failure
from tools.freeze import compiler, machine_code
from tools.sim.compiled import interpreter

VIPER = """
import micropython

@micropython.viper
def {name}(x: int) -> int:
    return x + {add}
"""
PLAIN = "VALUE = 40\n"
# Imports a module with machine code and one that is frozen bytecode, both of its own package, in both ways.
USER = """
import micropython
from pkg.first import first
from pkg import first as module, plain
from pkg.plain import VALUE

@micropython.native
def user(x):
    return first(x) + module.first(x) + VALUE + plain.VALUE
"""
NATIVE = {
    "pkg/first.py": VIPER.format(name="first", add=1),
    "pkg/user.py": USER
    + "# large\n"
    + "\n".join(f"@micropython.native\ndef f{i}():\n    return {i}\n" for i in range(99)),
    "pkg/deep/inner.py": VIPER.format(name="inner", add=2),
    "alone/second.py": VIPER.format(name="second", add=3),
    "top.py": VIPER.format(name="top", add=4),
}
ASK = """
import gc, json, os, sys
import pkg
path = list(sys.path)
gc.collect()
before = gc.mem_alloc()
caught = None
try:
    import _machine_code
except Exception as fault:
    caught = type(fault).__name__
gc.collect()
told = {"caught": caught, "grown": gc.mem_alloc() - before, "path": sys.path == path, "root": "rom" in os.listdir("/")}
told["pkg"] = pkg.__path__
told["modules"] = sorted(name for name in sys.modules if name.split(".")[0] in ("pkg", "alone", "top"))
if not caught:
    import pkg.user, pkg.deep.inner, alone.second, top
    told["values"] = [pkg.user.user(1), pkg.deep.inner.inner(1), alone.second.second(1), top.top(1)]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def machine():
    path = interpreter()
    if path is None:
        pytest.skip("there is no MicroPython here that compiles viper")
    return path, "x64"


def compiled(native, architecture):
    return {name: compiler.compiled(name, source, architecture) for name, source in native.items()}


def asked(machine, folder, native, as_files=False):
    """Return what ASK tells, with these modules with machine code, and frozen ones in a folder that stands for ".frozen".

    `as_files`: the modules with machine code are files in that folder, too.
    """
    path, architecture = machine
    files = compiled(native, architecture)
    source = machine_code.module_source(files)
    if as_files:
        names = [line.split("'")[1] for line in source.splitlines() if line.startswith("    ('/")]
        source = "".join(f"import {name[1:-4].replace('/', '.')}\n" for name in names)
    frozen = {machine_code.MODULE: source, "pkg/plain.py": PLAIN, "pkg/deep/plain.py": PLAIN}
    for name, mpy in {**compiled(frozen, architecture), **(files if as_files else {})}.items():
        target = (folder / name).with_suffix(".mpy")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(mpy)
    program = f"import sys; sys.path[:] = [{str(folder)!r}]\n{ASK}"
    done = subprocess.run([path, "-c", program], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), files


def test_all_are_imported_and_nothing_else_stays(machine, tmp_path):
    told, files = asked(machine, tmp_path, NATIVE)
    assert told["caught"] is None and told["values"] == [1 + 1 + 1 + 1 + 40 + 40, 3, 4, 5]
    assert told["path"] and not told["root"] and told["pkg"] == str(tmp_path / "pkg")
    assert {"pkg.first", "pkg.user", "pkg.deep.inner", "alone.second", "top"} <= set(told["modules"])
    # The constants are on the heap here, as nothing is frozen. Another copy of the largest file would not pass.
    control, _ = asked(machine, tmp_path / "control", NATIVE, as_files=True)
    assert control["values"] == told["values"]
    sizes = [len(mpy) for mpy in files.values()]
    assert told["grown"] - control["grown"] < sum(sizes) + max(sizes) // 2


def test_a_failing_import_leaves_everything_as_it_was(machine, tmp_path):
    broken = {"pkg/broken.py": VIPER.format(name="broken", add=1) + "\nimport pkg.missing\n"}
    told, _ = asked(machine, tmp_path, broken)
    assert told["caught"] == "ImportError"
    assert told["path"] and not told["root"] and told["pkg"] == str(tmp_path / "pkg")


def test_the_largest_comes_first_but_none_before_what_it_imports():
    files = {
        "lib/big.py": "from lib import small\n" + VIPER.format(name="f", add=1) * 9,
        "lib/small.py": VIPER.format(name="f", add=1),
        "lib/middle.py": VIPER.format(name="f", add=1) * 3,
        "lib/one.py": "import lib.two\n" + VIPER.format(name="f", add=1),
        "lib/two.py": "import lib.one\n" + VIPER.format(name="f", add=1) * 2,
    }
    source = machine_code.module_source(
        {name: compiler.compiled(name, text, "xtensawin") for name, text in files.items()}
    )
    order = [line.split("'")[1] for line in source.splitlines() if line.startswith("    ('/")]
    assert order == [f"/lib/{name}.mpy" for name in ("middle", "small", "big", "two", "one")]


@pytest.mark.parametrize("architecture", ["xtensawin", "rv32imc"])
def test_the_files_are_one_constant_of_bytecode(architecture):
    files = {"lib/ook_player.py": compiler.compiled("lib/ook_player.py", VIPER.format(name="f", add=1), architecture)}
    assert compiler.is_native(files["lib/ook_player.py"])
    made = compiler.compiled(machine_code.MODULE, machine_code.module_source(files), architecture)
    assert not compiler.is_native(made) and files["lib/ook_player.py"] in made


def test_what_cannot_be_imported_so_is_refused():
    with pytest.raises(Failure, match="no machine code"):
        machine_code.module_source({"a.py": compiler.compiled("a.py", PLAIN, "xtensawin")})
    with pytest.raises(Failure, match="which a package itself cannot"):
        machine_code.module_source({"a/__init__.py": compiler.compiled("a/__init__.py", USER, "xtensawin")})
