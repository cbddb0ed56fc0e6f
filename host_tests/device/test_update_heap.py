"""What an update costs: heap on MicroPython, over TLS, with real images of the simulated board; bytes that a server sends."""

import os
import ssl
import subprocess

import pytest
import simflash
import simota
import trustme
from conftest import ROOT
from loopback import Loopback, server_context

from host_tests.unit.signer import Signer
from tools.images import image, layout, manifest, modules, patch, targets
from tools.serve_updates.server import Server
from tools.sim import compiled, loader
from tools.sim.flash import chip

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)

SIGNER = Signer(b"heap")
ROWS = layout.table("sim")
HEAP = (
    2 * 112 * 1024
)  # bytes, the image not counted, and the stubs are in it: of words of 8 bytes, where a chip's have 4
BROKEN_HEAP = 2 * 160 * 1024  # half of it is taken, so that the rest is in pieces
MOST_LIVE_BYTES = 36 * 1024  # on a chip: half of what lives here; names, which a chip has in its flash, are in it
MOST_MORE_FOR_PATCH_BYTES = 12 * 1024
MOST_SENT_BYTES = 80 * 1024
PATCHED, WHOLE = "by a patch", "whole"
PROGRAM = ROOT / "host_tests" / "programs"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the old image, the new one, {how: a tree with it}): a version with one more module and another number."""
    target = targets.named("simulated")
    changes = modules.versioned("0.2.0")
    changes["lib/one_module_more.py"] = (ROOT / "lib" / "lms_verify.py").read_text()
    old = image.image(target, None, (SIGNER.public,), modules.versioned("0.1.0"))
    new = image.image(target, None, (SIGNER.public,), changes)
    line = manifest.made(target, "0.2.0", 1, "2026-11-21", new)
    files = {"manifest.json": line, "manifest.json.sig": SIGNER.sign(line), "image.bin": new}
    trees = {PATCHED: {**files, "image.bin.from-0.1.0": patch.made(old, new)}, WHOLE: files}
    folders = {how: tmp_path_factory.mktemp("tree") for how in trees}
    for how, folder in folders.items():
        place = folder / "0.2.0" / "simulated"
        place.mkdir(parents=True)
        for name, data in trees[how].items():
            (place / name).write_bytes(data)
    return old, new, folders


def updated(made, how, tmp_path, heap=HEAP, is_broken=False):
    """Return ({what: words} that the program told, the server's requests); the flash holds the new image."""
    old, new, folders = made
    authority = trustme.CA()
    (tmp_path / "root.der").write_bytes(ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()))
    flash = simflash.Flash(chip(ROWS, {"ota_0": old}), 0)
    simota.put(flash, layout.row(ROWS, "otadata").offset, 0, 1, simota.VALID)
    (tmp_path / "flash.bin").write_bytes(flash.data)
    servers = Loopback()
    server = Server(folders[how], tls=server_context(authority.issue_cert("localhost")))
    servers.run(server.start())
    asked = server.url, "root.der", SIGNER.public.hex(), "0.2.0", is_broken
    program = f"simstart.load_machine_code(); import update_heap; update_heap.run{asked!r}"
    words, where = compiled.command(program, heap, compiled.image(), [PROGRAM])
    try:
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env={**os.environ, **where, "SIM_SLOT": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        servers.run(server.stop())
        servers.close()
    assert done.returncode == 0, done.stdout + done.stderr
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines() if not line.startswith("["))
    row = layout.row(ROWS, "ota_1")
    there = (tmp_path / "flash.bin").read_bytes()[row.offset : row.offset + len(new)]
    assert told["stage"] == "3" and there == new, done.stdout
    return told, server.requests


def names(requests):
    """Return the names of the files that were asked for and were there."""
    return [asked.path.rpartition("/")[2] for asked in requests if asked.status == 200]


def live(told):
    """Return the bytes that lived at most, on a chip: words are half as long, and what an import makes lies in its flash."""
    costs = loader.costs(modules.compiled(targets.named("simulated")))
    imported = sum(costs.get(name, 0) for name in told["modules"].split())
    return (int(told["peak"]) - int(told["stubs"]) - imported) // 2


def test_an_update_needs_little_memory_and_a_patch_little_more(made, tmp_path):
    lives = {}
    for how in (PATCHED, WHOLE):
        folder = tmp_path / how
        folder.mkdir()
        told, _ = updated(made, how, folder)
        lives[how] = live(told)
        assert lives[how] <= MOST_LIVE_BYTES, lives
    assert lives[PATCHED] - lives[WHOLE] <= MOST_MORE_FOR_PATCH_BYTES, lives


@pytest.mark.parametrize("how", [PATCHED, WHOLE])
def test_a_heap_in_pieces_of_4_kilobytes_is_enough(made, tmp_path, how):
    _, requests = updated(made, how, tmp_path, BROKEN_HEAP, True)
    assert names(requests)[-1] == ("image.bin" if how == WHOLE else "image.bin.from-0.1.0")


def test_an_update_of_the_firmware_sends_little(made, tmp_path):
    _, requests = updated(made, PATCHED, tmp_path)
    assert names(requests) == ["manifest.json", "manifest.json.sig", "image.bin.from-0.1.0"]
    place = made[2][PATCHED] / "0.2.0" / "simulated"
    assert 1000 < sum((place / name).stat().st_size for name in names(requests)) <= MOST_SENT_BYTES
