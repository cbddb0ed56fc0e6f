"""A signing key and a disk that fails: cut at every step, in four ways, no index is ever given twice, and the key goes on."""

import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from conftest import ROOT, peer_module

from tools import Failure, keys, sign
from tools.common.key_file import Disk, KeyFile

pytestmark = pytest.mark.peer("pyhsslms")

STEPS = 6  # of one signature: new secret, down, renamed, folder down; log, down


class Cut(BaseException):
    """The power."""


class Shaky(Disk):
    """A disk in memory that knows what is down on it and what only the system remembers; cut at a step."""

    def __init__(self):
        self.names, self.names_down = {}, {}  # path → [content, content down on the disk]
        self.cut_at = None  # the step before, or in the middle of, which the power fails
        self.half = False
        self.honest = True  # does as told when it is told to sync
        self.steps = 0

    def _step(self, do, do_half):
        """Does the step, unless the power fails: before it, or when half of it is done."""
        self.steps += 1
        if self.steps != self.cut_at:
            do()
            return
        if self.half:
            do_half()
        raise Cut

    def read(self, path):
        return self.names[path][0] if path in self.names else None

    def write(self, path, content, mode=0o666):
        def put(what):
            self.names[path] = [what, b""]

        self._step(lambda: put(content), lambda: put(content[: len(content) // 2]))

    def append(self, path, content):
        def put(what):
            self.names[path][0] += what

        self._step(lambda: put(content), lambda: put(content[: len(content) // 2]))

    def sync(self, path):
        def down():
            if self.honest:
                self.names[path][1] = self.names[path][0]

        self._step(down, down)

    def rename(self, old, new):
        def move():
            self.names[new] = self.names.pop(old)

        self._step(move, move)

    def sync_folder(self, folder):
        def down():
            if self.honest:
                self.names_down = dict(self.names)

        self._step(down, down)

    def fail(self, way):
        """The process dies ("kill"), or the power fails: what is not down is "lost", or its names alone are there."""
        if way == "lost":
            self.names = dict(self.names_down)
        if way != "kill":
            for content in self.names.values():
                content[0] = content[1]
        self.names_down = dict(self.names)
        self.cut_at = None
        sign._tree.cache_clear()  # what the process knew has died with it


def _index(signature):
    return int.from_bytes(signature[4:8], "big")


def _new_key(folder):
    disk = Shaky()
    keys.make(folder / "release", 5, disk)
    return disk, folder / "release"


def _cut_story(folder, cut_at, half, way, honest=True):
    """The indices given out around a signature that is cut at that step."""
    disk, name = _new_key(folder)
    given = [_index(sign.sign(name, b"first", disk=disk))]
    disk.honest = honest
    disk.cut_at, disk.half = disk.steps + cut_at, half
    try:
        given.append(_index(sign.sign(name, b"second", disk=disk)))
    except Cut:
        pass
    disk.fail(way)
    disk.honest = True
    given += [_index(sign.sign(name, b"third %d" % turn, disk=disk)) for turn in range(3)]
    return given, disk, name


@pytest.mark.parametrize("way", ["kill", "lost", "names"])
def test_a_cut_at_every_step_gives_no_index_twice_and_leaves_a_key_that_signs(tmp_path, way):
    stories = 0
    for cut_at in range(1, STEPS + 2):  # the last is behind all steps: right after the signature was given
        for half in (False, True):
            given, disk, name = _cut_story(tmp_path / f"{cut_at}{half}", cut_at, half, way)
            assert max(Counter(given).values()) == 1, (cut_at, half, given)
            assert len(given) == (5 if cut_at > STEPS else 4)
            used = KeyFile(name, disk).used()
            assert set(given) <= set(used)
            stories += 1
    assert stories == 14


def test_two_cuts_in_a_row(tmp_path):
    for first in range(1, STEPS + 1):
        for second in range(1, STEPS + 1):
            disk, name = _new_key(tmp_path / f"{first}-{second}")
            given = [_index(sign.sign(name, b"0", disk=disk))]
            for turn, cut_at in enumerate((first, second)):
                disk.cut_at, disk.half = disk.steps + cut_at, True
                with pytest.raises(Cut):
                    sign.sign(name, b"cut", disk=disk)
                disk.fail(("lost", "kill")[turn])
                given.append(_index(sign.sign(name, b"between", disk=disk)))
            assert max(Counter(given).values()) == 1


def test_one_signature_has_six_steps(tmp_path):
    disk, name = _new_key(tmp_path)
    before = disk.steps
    sign.sign(name, b"m", disk=disk)
    assert disk.steps - before == STEPS


def test_the_disk_of_these_tests_can_show_a_reuse(tmp_path):
    """On a disk that lies about syncing the same story does give an index twice: what above is asserted can fail."""
    given, _, _ = _cut_story(tmp_path, STEPS + 1, False, "lost", honest=False)
    assert max(Counter(given).values()) == 2


def test_a_lost_rename_alone_is_refused(tmp_path):
    """Where a folder cannot be synced (Windows): the log is ahead of the secret, and says so."""
    disk, name = _new_key(tmp_path)
    old = disk.read(name.with_suffix(".prv"))
    sign.sign(name, b"m", disk=disk)
    disk.names[name.with_suffix(".prv")] = [old, old]
    with pytest.raises(Failure, match="older than its log .*--skip-to 1"):
        sign.sign(name, b"m", disk=disk)


_KILLED = """
import os, signal, sys
from tools import sign
from tools.common.key_file import Disk

class Killed(Disk):
    steps = 0
    def step(self):
        Killed.steps += 1
        if Killed.steps == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

def counted(name):
    real = getattr(Disk, name)
    def told(self, *arguments):
        self.step()
        return real(self, *arguments)
    return told

for name in ("write", "append", "sync", "rename", "sync_folder"):
    setattr(Killed, name, counted(name))
print(sign.sign(sys.argv[1], b"killed", disk=Killed())[4:8].hex(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no kill -9 there")
def test_kill_9_at_every_step_of_a_real_signer(tmp_path):
    peer_module("pyhsslms")
    name = tmp_path / "release"
    keys.make(name, 5)
    given = []
    for step in range(1, STEPS + 2):
        command = [sys.executable, "-c", _KILLED, str(name), str(step)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == -signal.SIGKILL, done.stderr
        given += [int(word, 16) for word in done.stdout.split()]
        given.append(_index(sign.sign(name, b"after", wait_s=0)))  # the lock has died with its holder
    assert len(given) == STEPS + 2
    assert max(Counter(given).values()) == 1
