"""What runs on the board while it is deployed to: texts for MicroPython, which print lines that the other side reads. No I/O.

Each ends well or raises; the board's partition is found as boot.py does it.
"""

MARK = "deploy:"

WHICH = f"""\
from firmware import image
print("{MARK}board", image.BOARD, image.LAYOUT)
"""

_PLACE = """\
from esp32 import Partition
label = Partition(Partition.RUNNING).info()[4].replace("ota", "app")
place = Partition.find(Partition.TYPE_DATA, label=label)[0]
"""

RUN = """\
import os, sys
os.chdir("/")
sys.path.insert(0, "/remote")
from firmware import app
app.run()
"""


def sums(count):
    """Prints the partition's name and size, and the first 8 bytes of the SHA-256 of each of its first `count` blocks."""
    return f"""{_PLACE}import binascii, hashlib
print("{MARK}place", label, place.info()[3])
block = bytearray(4096)
for number in range({count}):
    place.readblocks(number, block)
    print("{MARK}sum", number, binascii.hexlify(hashlib.sha256(block).digest()[:8]).decode())
"""


def write(path, numbers):
    """Writes the blocks `numbers` of the partition, in that order, from the file `path`, and prints each one's number."""
    return f"""{_PLACE}import vfs
try:
    vfs.umount("/app")
except OSError:
    pass
block = bytearray(4096)
with open({path!r}, "rb") as file:
    for number in {list(numbers)!r}:
        if file.readinto(block) != 4096:
            raise OSError("the file is cut short")
        place.writeblocks(number, block)
        print("{MARK}wrote", number)
"""


def told(text, word):
    """The words behind `word` of every line that a script printed: a list of lists."""
    lines = [line.strip().split() for line in text.splitlines() if line.strip().startswith(MARK + word)]
    return [line[1:] for line in lines]
