"""Which 4 KB blocks of an image have to be copied or sent to a slot, by the first bytes of their SHA-256. No I/O."""

import hashlib
from collections import namedtuple

from tools.images.layout import BLOCK

SUM_BYTES = 8

# copies: [(first block of the running slot, first block of the idle one, how many)] · writes: numbers of the blocks to send
Transfer = namedtuple("Transfer", ("copies", "writes"))


def split(image):
    """Return the blocks of an image, the last one filled up as blank flash is."""
    image += -len(image) % BLOCK * b"\xff"
    return [image[at : at + BLOCK] for at in range(0, len(image), BLOCK)]


def sums(blocks):
    """Return what a board is asked for: the first SUM_BYTES of the SHA-256 of each block, in hexadecimal."""
    return [hashlib.sha256(block).digest()[:SUM_BYTES].hex() for block in blocks]


def transfer(wanted, idle, running):
    """Return the Transfer that makes the idle slot's blocks the `wanted` ones; all three are lists of sums.

    What the running slot holds anywhere is copied on the board, which takes no time on the line.
    """
    there = {one: number for number, one in reversed(list(enumerate(running)))}
    copies, writes = [], []
    for number, one in enumerate(wanted):
        if number < len(idle) and idle[number] == one:
            continue
        source = number if number < len(running) and running[number] == one else there.get(one)
        if source is None:
            writes.append(number)
        elif copies and [sum(pair) for pair in zip(copies[-1], (copies[-1][2],) * 2)] == [source, number]:
            copies[-1] = (*copies[-1][:2], copies[-1][2] + 1)
        else:
            copies.append((source, number, 1))
    return Transfer(copies, writes)
