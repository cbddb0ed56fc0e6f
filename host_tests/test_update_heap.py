"""What an update costs: heap on MicroPython, over TLS, with the real app as it is built; bytes that a server sends for it."""

import os
import ssl
import subprocess

import pytest
import simflash
import simota
import trustme
from conftest import ROOT
from loopback import Loopback, server_context

from host_tests.mp.signer import Signer
from tools import layout
from tools.images import app, manifest, patch, targets
from tools.serve_updates.server import Server
from tools.sim import compiled
from tools.sim.flash import chip, runtime_image

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)

SIGNER = Signer(b"heap")
ROWS = layout.table("sim")
RUNTIME = runtime_image(b"a runtime" * 3000)
MOST_LIVE_BYTES = 60 * 1024  # on a chip: half of what lives here, where a word has 8 bytes
MOST_SENT_BYTES = 120 * 1024
PROGRAM = ROOT / "host_tests" / "mp_programs" / "update_heap.py"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(the old image, the tree with a new one, the folder of it): a version with a room more, another number, and a patch."""
    target = targets.named("simulated")
    changes = app.versioned("0.2.0")
    changes["lib/one_room_more.py"] = (ROOT / "lib" / "lms.py").read_text()
    old = app.image(target, (SIGNER.public,), app.versioned("0.1.0"))
    new = app.image(target, (SIGNER.public,), changes)
    folder = tmp_path_factory.mktemp("tree")
    place = folder / "0.2.0" / "simulated"
    place.mkdir(parents=True)
    line = manifest.made(target, "0.2.0", 1, "2026-11-21", new, RUNTIME, ship_runtime=False)
    for name, data in (
        ("manifest.json", line),
        ("manifest.json.sig", SIGNER.sign(line)),
        ("app.lfs", new),
        ("app.lfs.from-0.1.0", patch.made(old, new)),
    ):
        (place / name).write_bytes(data)
    return old, new, folder


def updated(made, tmp_path, *more):
    """({what: number} that the program told, the server's requests, the flash afterwards)."""
    old, _, folder = made
    authority = trustme.CA()
    (tmp_path / "root.der").write_bytes(ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()))
    flash = simflash.Flash(chip(ROWS, {"ota_0": RUNTIME, "app_0": old}), 0)
    simota.put(flash, layout.row(ROWS, "otadata").offset, 0, 1, simota.VALID)
    (tmp_path / "flash.bin").write_bytes(flash.data)
    path, architecture = compiled.interpreter()
    rooms = compiled.firmware(architecture, public=False)
    servers = Loopback()
    server = Server(folder, tls=server_context(authority.issue_cert("localhost")))
    servers.run(server.start())
    try:
        done = subprocess.run(
            [path, "-X", "heapsize=128wK", PROGRAM, server.url, "root.der", SIGNER.public.hex(), "0.2.0", *more],
            cwd=tmp_path,
            env=dict(os.environ, MICROPYPATH=f"{rooms / compiled.STUBS}:{rooms}:.frozen", SIM_SLOT="0"),
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
    return {what: int(number) for what, number in told.items()}, server.requests, (tmp_path / "flash.bin").read_bytes()


def sent(requests, folder):
    """Bytes of the bodies that were asked for."""
    return sum((folder / asked.path[1:]).stat().st_size for asked in requests if asked.status == 200)


@pytest.mark.parametrize("more", [(), ("whole",)], ids=["by a patch", "whole"])
def test_an_update_lives_in_sixty_kilobytes(made, tmp_path, more):
    told, _, flash = updated(made, tmp_path, *more)
    assert told["stage"] == 3  # it was switched to
    row = layout.row(ROWS, "app_1")
    assert flash[row.offset : row.offset + len(made[1])] == made[1]
    assert (told["peak"] - told["stubs"]) / 2 <= MOST_LIVE_BYTES


def test_an_app_only_update_sends_little(made, tmp_path):
    _, requests, _ = updated(made, tmp_path)
    assert 2000 < sent(requests, made[2]) <= MOST_SENT_BYTES
    assert [asked.path.rpartition("/")[2] for asked in requests] == [
        "manifest.json",
        "manifest.json.sig",
        "app.lfs.from-0.1.0",
    ]
