"""What runs on the board while it is deployed to: texts for MicroPython, which print lines that the other side reads. No I/O.

Each ends well or raises. They stand on `esp32.Partition` alone, so that firmware which is broken can be replaced, too.
"""

MARK = "deploy:"

WHICH = f"""\
import sys
from firmware import build_info as image
print("{MARK}board", image.BOARD, image.LAYOUT, ".".join([str(part) for part in sys.implementation[1][:3]]))
"""

_SLOTS = """\
from binascii import hexlify
from hashlib import sha256
from esp32 import Partition
import machine
dog = machine.WDT(timeout=600000)
running = Partition(Partition.RUNNING)
try:
    idle = running.get_next_update()
except OSError:  # there are no slots
    idle = running
block = bytearray(4096)
"""


def sums(count, sum_bytes):
    """Return a script that prints of both slots label, size and the sums of the first `count` blocks; then otadata's entries."""
    return f"""{_SLOTS}
for name, slot in (("running", running), ("idle", idle)):
    size, label = slot.info()[3:5]
    print("{MARK}slot", name, label, size)
    for first in range(0, min({count}, size // 4096), 16):
        found = []
        for number in range(first, min({count}, size // 4096, first + 16)):
            slot.readblocks(number, block)
            found.append(hexlify(sha256(block).digest()[:{sum_bytes}]).decode())
        print("{MARK}sums", name, *found)
        dog.feed()
entry = bytearray(32)
for sector in (0, 1):
    for otadata in Partition.find(Partition.TYPE_DATA, label="otadata"):
        otadata.readblocks(sector, entry, 0)
        print("{MARK}otadata", hexlify(entry).decode())
"""


def copy(runs):
    """Return a script that confirms the running slot and copies `runs` of its blocks: [(from, to, how many)].

    Until the new image is whole, the next start takes the running slot, and a failed trial comes back to it.
    """
    return f"""{_SLOTS}
if Partition(Partition.BOOT).info()[2] != running.info()[2]:
    running.set_boot()
try:
    Partition.mark_app_valid_cancel_rollback()
except OSError:
    running.set_boot()
    Partition.mark_app_valid_cancel_rollback()
for source, target, count in {list(runs)!r}:
    for number in range(count):
        running.readblocks(source + number, block)
        idle.writeblocks(target + number, block)
        dog.feed()
    print("{MARK}copied", target)
"""


def write(path, numbers):
    """Return a script that writes the blocks `numbers` of the idle slot, in that order, from the file `path`."""
    return f"""{_SLOTS}
with open({path!r}, "rb") as file:
    for number in {list(numbers)!r}:
        if file.readinto(block) != 4096:
            raise OSError("the file is cut short")
        idle.writeblocks(number, block)
        dog.feed()
        print("{MARK}wrote", number)
"""


def read(path):
    """Return a script that prints the file `path` in hexadecimal, and nothing when there is none."""
    return f"""\
from binascii import hexlify
try:
    with open({path!r}, "rb") as file:
        while piece := file.read(64):
            print("{MARK}file", hexlify(piece).decode())
except OSError:
    pass
"""


def finish(count, digest, files, copies, trial):
    """Return a script that reads `count` blocks of the idle slot back and lets the next start take it.

    `digest`: their SHA-256 in hexadecimal. `files`: {path: bytes} and `copies`: {from: to}, written before. Without `trial`
    the new version is confirmed at once.
    """
    return f"""{_SLOTS}
import os
digest = sha256()
for number in range({count}):
    idle.readblocks(number, block)
    digest.update(block)
    if number % 64 == 0:
        dog.feed()
        print("{MARK}read", number)
if hexlify(digest.digest()).decode() != {digest!r}:
    raise OSError("the flash reads back something else than was written")
found = {dict(files)!r}
for old, new in {dict(copies)!r}.items():
    try:
        with open(old, "rb") as file:
            found[new] = file.read()
    except OSError:
        pass
for path, data in found.items():
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.rename(path + ".new", path)
idle.set_boot()
if not {bool(trial)}:
    Partition.mark_app_valid_cancel_rollback()
print("{MARK}ready")
"""


def run(modules):
    """Return a script that starts the firmware with these modules (["firmware.app", …]) from /remote, the others frozen.

    A package has one __path__, and MicroPython looks for a module there alone: it is set for each import. What boot.py has
    imported already, the machine code, is forgotten.
    """
    return f"""\
import builtins, os, sys
os.chdir("/")
sys.path.insert(0, ".frozen")
plain, paths, served = builtins.__import__, {{}}, {set(modules)!r}
def imported(name, names=None, scope=None, wanted=None, level=0):
    above = ""
    parts = name.split(".")
    for part in parts if parts[0] in ("firmware", "lib") else ():
        full = above + "." + part if above else part
        if above and full not in sys.modules:
            package = sys.modules[above]
            frozen = paths.setdefault(above, package.__path__)
            package.__path__ = "/remote/" + above.replace(".", "/") if full in served else frozen
        plain(full)
        above = full
    return plain(name, names, scope, wanted, level)
builtins.__import__ = imported
for name in served & set(sys.modules):
    above, _, last = name.rpartition(".")
    sys.modules.pop(name)
    if above in sys.modules and hasattr(sys.modules[above], last):
        delattr(sys.modules[above], last)
from firmware import app
app.run()
"""


def lines(text, word):
    """Return the words behind `word` of every line that a script printed: a list of lists."""
    found = [line.strip().split() for line in text.splitlines() if line.strip().startswith(MARK + word)]
    return [line[1:] for line in found]
