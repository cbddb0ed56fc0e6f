"""What ESP-IDF's boot loader and its OTA calls share: otadata's entries, and the check of an app image. Both interpreters.

Written from what esp_ota_ops.c, bootloader_utility.c and esp_image_format.c do (reference/micropython-esp32.md §c).
"""

from binascii import crc32
from hashlib import sha256
from struct import pack, unpack, unpack_from

import simflash

NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
_NONE = 0xFFFFFFFF
_DIGEST = 32
_CHUNK = 512


def entries(flash, otadata):
    """[(sequence, state, checksum), …]: both sectors of otadata, at that address, as they are."""
    found = []
    for sector in (0, 1):
        sequence, _, state, check = unpack("<I20sII", flash.read(otadata + sector * simflash.SECTOR, 32))
        found.append((sequence, state, check))
    return found


def check_of(sequence):
    """The checksum of an entry: it covers the sequence number alone."""
    return crc32(pack("<I", sequence), 0xFFFFFFFF)


def refused(entry):
    """True for an entry that is blank or was given up, whatever its checksum."""
    return entry[0] == _NONE or entry[1] in (INVALID, ABORTED)


def active(both):
    """Which sector counts: 0 or 1; None when neither does."""
    good = [i for i in (0, 1) if not refused(both[i]) and both[i][2] == check_of(both[i][0])]
    return max(good, key=lambda i: (both[i][0], -i)) if good else None


def put(flash, otadata, sector, sequence, state):
    """None; two operations: that sector of otadata is erased, and holds this entry."""
    at = otadata + sector * simflash.SECTOR
    flash.erase(at)
    flash.write(at, pack("<I20sII", sequence, b"\xff" * 20, state, check_of(sequence)))


def take(flash, otadata, slot, slots=2):
    """None; the next start takes that slot, on trial."""
    both = entries(flash, otadata)
    now = active(both)
    if now is None:
        put(flash, otadata, 0, slot + 1, NEW)
        return
    sequence = slot + 1
    while sequence < both[now][0]:
        sequence += slots
    put(flash, otadata, 1 - now, sequence, NEW)


def bless(flash, otadata):
    """True; the entry that counts is valid. False when none counts."""
    both = entries(flash, otadata)
    now = active(both)
    if now is None:
        return False
    if both[now][1] != VALID:
        put(flash, otadata, now, both[now][0], VALID)
    return True


def whole(flash, at, size, chip=None):
    """True when an app image begins at `at` that the boot loader would start: segments, checksum, SHA-256, chip."""
    head = flash.read(at, 24)
    if head[0] != 0xE9 or not 0 < head[1] <= 16:
        return False
    if chip is not None and unpack_from("<H", head, 12)[0] != chip:
        return False
    digest = sha256(head)
    folded = 0
    end = 24
    for _ in range(head[1]):
        segment = flash.read(at + end, 8)
        digest.update(segment)
        end += 8
        stop = end + unpack("<II", segment)[1]
        if stop + 16 + _DIGEST > size:
            return False
        while end < stop:
            piece = flash.read(at + end, min(_CHUNK, stop - end))
            digest.update(piece)
            folded ^= int.from_bytes(piece, "little")
            end += len(piece)
    tail = flash.read(at + end, 16 - end % 16)
    digest.update(tail)
    if tail[-1] != _fold(folded):
        return False
    return not head[23] or flash.read(at + end + len(tail), _DIGEST) == digest.digest()


def _fold(number):
    """The exclusive or of all bytes of a number, and of the seed that ESP-IDF begins with."""
    bits = _CHUNK * 8
    while bits > 8:
        bits //= 2
        number ^= number >> bits
    return number & 0xFF ^ 0xEF
