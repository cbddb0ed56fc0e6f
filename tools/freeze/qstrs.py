"""Interned strings (qstrs): reading the pools of an image, and packing one more pool.

A pool is `{prev*, total_prev_len | is_sorted << 31, alloc, len, hashes*, lengths*, qstrs[len]*}`. Source: MicroPython `py/qstr.h`
(qstr_pool_t), `py/qstr.c` (qstr_compute_hash), `py/makeqstrdata.py`, `tools/mpy-tool.py`. An official image has three: what
every port has in the same order (unsorted, as .mpy files number it), the port's, and that of its frozen modules.
"""

import struct
from collections import namedtuple

from tools import Failure
from tools.freeze.unsupported import only, unsupported

# address: of the last pool · texts: all of them (bytes), by number · ids: {text: number} · hash_bytes: size of a hash, 1 or 2 ·
# sizes: number of texts of each pool, in their order
Qstrs = namedtuple("Qstrs", ("address", "texts", "ids", "hash_bytes", "sizes"))

OFFICIAL_POOLS = 3
MOST_BYTES = 255  # MICROPY_QSTR_BYTES_IN_LEN is 1
_MOST_QSTRS = 0xFFFF  # ids in tables of modules are 16 bits (MICROPY_PERSISTENT_CODE, qstr_short_t)
_ALLOC = 10  # MICROPY_ALLOC_QSTR_ENTRIES_INIT, which is what constant pools hold, too
_SORTED = 1 << 31
_HEAD = 24

_Pool = namedtuple("_Pool", ("address", "previous", "total", "is_sorted", "size", "hashes", "lengths"))


def hash_of(text, hash_bytes):
    """Return qstr_compute_hash: djb2 with exclusive or, cut to its bytes, and never 0."""
    value = 5381
    for byte in text:
        value = value * 33 ^ byte
    return value & (1 << 8 * hash_bytes) - 1 or 1


def read(memory):
    """Return the Qstrs of an image. Raise Failure when its pools are not as expected."""
    pools = {pool.address: pool for pool in _candidates(memory)}
    # What is as short may be something else: only one that follows another is taken for a pool.
    pools = {at: pool for at, pool in pools.items() if pool.size >= _ALLOC or pool.previous in pools}
    last = only(set(pools) - {pool.previous for pool in pools.values()}, "last qstr pool")
    chain = []
    while last:
        if last not in pools or len(chain) > len(pools):
            raise unsupported("a qstr pool is missing")
        chain.insert(0, pools[last])
        last = pools[last].previous
    if len(chain) != len(pools) or len(chain) < OFFICIAL_POOLS:
        raise unsupported(f"{len(chain)} of {len(pools)} qstr pools follow each other; {OFFICIAL_POOLS} should")
    texts, hash_sizes = [], set()
    for pool in chain:
        if pool.total != len(texts) or pool.is_sorted != (pool.previous != 0):
            raise unsupported("the qstr pools do not follow each other")
        texts += _texts(memory, pool)
        hash_sizes.add(_hash_bytes(memory, pool, texts[pool.total :]))
    if len(hash_sizes) != 1:
        raise unsupported("the hashes of qstrs have different sizes")
    ids = {text: number for number, text in enumerate(texts) if number}  # 0 is MP_QSTRnull, without a text
    if len(ids) != len(texts) - 1:
        raise unsupported("a qstr is there twice")
    return Qstrs(chain[-1].address, texts, ids, hash_sizes.pop(), tuple(pool.size for pool in chain))


def _candidates(memory):
    """Yield all that may be a _Pool: pointers where they should be, and a plausible number of strings."""
    words = memory.words
    for i in range(2, len(words) - 4):
        if not 0 < words[i] <= _ALLOC:
            continue
        previous, total, alloc, size, hashes, lengths = words[i - 2 : i + 4]
        if alloc != min(size, _ALLOC) or size > _MOST_QSTRS or i + 4 + size > len(words):
            continue
        if (previous == 0) != (total == 0) or not (previous == 0 or previous in memory):
            continue
        if hashes in memory and lengths in memory and all(map(memory.__contains__, words[i + 4 : i + 4 + size])):
            address = memory.base + 4 * (i - 2)
            yield _Pool(address, previous, total & ~_SORTED, total >= _SORTED, size, hashes, lengths)


def _texts(memory, pool):
    words = struct.unpack(f"<{pool.size}I", memory.read(pool.address + _HEAD, 4 * pool.size))
    texts = [memory.text(at) for at in words]
    if list(memory.read(pool.lengths, pool.size)) != [len(text) for text in texts]:
        raise unsupported("the lengths of qstrs are not one byte each")
    if pool.is_sorted and texts != sorted(texts):
        raise unsupported("a sorted qstr pool is not sorted")
    return texts


def _hash_bytes(memory, pool, texts):
    """Return the size of a hash, for which all hashes of a pool are right. The empty string's hash is 0 in some versions."""
    for size, code in ((2, "H"), (1, "B")):
        hashes = struct.unpack(f"<{pool.size}{code}", memory.read(pool.hashes, size * pool.size))
        if all(found == hash_of(text, size) for found, text in zip(hashes, texts) if text):
            return size
    raise unsupported("the hashes of qstrs are computed in another way")


def extended(qstrs, texts):
    """Return (new texts in the order of their pool, {text: number} of old and new ones). Raise Failure for one too long."""
    new = sorted({text for text in texts if text not in qstrs.ids})
    for text in new:
        if len(text) > MOST_BYTES:
            raise Failure(
                f"the name {text[:20].decode(errors='replace')}… is longer than {MOST_BYTES} bytes; shorten it"
            )
    if len(qstrs.texts) + len(new) > _MOST_QSTRS:
        raise Failure(f"more than {_MOST_QSTRS} different names; freeze fewer modules")
    return new, {**qstrs.ids, **{text: len(qstrs.texts) + i for i, text in enumerate(new)}}


def pool_size(qstrs):
    """Return the bytes of the last pool."""
    return _HEAD + 4 * qstrs.sizes[-1]


def own_bytes(qstrs, text):
    """Return the bytes that a text takes in a pool: itself with NUL, its hash, its length, its address."""
    return len(text) + 1 + qstrs.hash_bytes + 1 + 4


def packed(qstrs, new, blob):
    """Return the bytes of a pool of these new texts behind the last one, its arrays and texts put into a Blob.

    `alloc` above `len` would make qstr_add write behind the texts, and so into flash.
    """
    lengths = blob.put(bytes(map(len, new)))
    size = qstrs.hash_bytes
    hashes = blob.put(b"".join(hash_of(text, size).to_bytes(size, "little") for text in new), size)
    starts = [blob.put(text + b"\0") for text in new]
    head = (qstrs.address, len(qstrs.texts) | _SORTED, min(_ALLOC, len(new)), len(new), hashes, lengths)
    return struct.pack(f"<{6 + len(new)}I", *head, *starts)
