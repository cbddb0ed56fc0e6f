"""The chain of qstr pools, read as `py/qstr.c` does: texts, hashes, lengths, order, and the interpreter's own search.

A pool (`qstr_pool_t`, `py/qstr.h`): prev*, total_prev_len (upper bit: is_sorted), alloc, len, hashes*, lengths*, then len
pointers to texts. A hash has two bytes, a length one (MICROPY_QSTR_BYTES_IN_HASH 2, _LEN 1).
"""

from collections import namedtuple

from tools import Failure

Pool = namedtuple("Pool", ("address", "prev", "before", "is_sorted", "alloc", "texts", "hashes"))

SIZE = 24  # bytes before the pointers
_SORTED = 1 << 31
_SPECIAL = (0, 0, 10)  # prev, total_prev_len and alloc of the first pool
_MOST_ALLOC = 10  # MICROPY_ALLOC_QSTR_ENTRIES_INIT: a pool with free entries (alloc > len) would be written to
_MOST_IDS = 0x10000  # qstr_short_t
EMPTY = 1  # MP_QSTR_; id 0 is MP_QSTRnull, which has no text either


def qstr_hash(text):
    """Return the hash of a text (`qstr_compute_hash`): djb2 with xor, two bytes, never 0."""
    value = 5381
    for byte in text:
        value = (value * 33 ^ byte) & 0xFFFFFFFF
    return value & 0xFFFF or 1


def looks_like_pool(memory, address):
    """Return whether `address` may be a pool: a chain of plausible ones that ends with the first."""
    at, expected, hops = address, None, 0
    while hops < 8 and memory.holds(at, 4) and at + SIZE <= memory.end:
        prev, total, alloc, count, hashes, lengths = (memory.word_anywhere(at + 4 * index) for index in range(6))
        total &= ~_SORTED
        if expected is not None and total + count != expected:
            return False
        if not (0 < count < _MOST_IDS and alloc <= _MOST_ALLOC and memory.holds(hashes) and memory.holds(lengths)):
            return False
        if (prev, total, alloc) == _SPECIAL:
            return True
        at, expected, hops = prev, total, hops + 1
    return False


class Qstrs:
    """All qstrs from the pool at `address` on backwards. `texts`: by id; `ids`: of each text; `pools`: the oldest first.

    Raise Failure for anything at which the interpreter would read, find or count wrongly.
    """

    def __init__(self, memory, address):
        self.pools = []
        while address:
            if len(self.pools) == 8:
                raise Failure(f"the chain of qstr pools does not end: {address:#x} is the ninth")
            self.pools.insert(0, _pool(memory, address))
            address = self.pools[0].prev
        self.texts = []
        for pool in self.pools:
            if pool.before != len(self.texts):
                raise Failure(
                    f"the qstr pool at {pool.address:#x}: total_prev_len is {pool.before}; {len(self.texts)} come before"
                )
            self.texts += pool.texts
        if len(self.texts) > _MOST_IDS:
            raise Failure(f"{len(self.texts)} qstrs; an id is a 16-bit number")
        self.ids = {}
        for number, text in enumerate(self.texts[1:], 1):
            if self.ids.setdefault(text, number) != number:
                raise Failure(f"the qstr '{text.decode(errors='replace')}' is there twice: {self.ids[text]}, {number}")

    def confirm(self, first_new):
        """Check hashes, order and search of every pool; `alloc` of those from index `first_new` on."""
        for pool in self.pools[first_new:]:
            if pool.alloc != min(_MOST_ALLOC, len(pool.texts)):
                raise Failure(
                    f"the qstr pool at {pool.address:#x}: alloc is {pool.alloc}, not min({_MOST_ALLOC}, {len(pool.texts)});"
                    " the interpreter would write into flash"
                )
            if not pool.is_sorted:
                raise Failure(f"the qstr pool at {pool.address:#x} is not marked as sorted")
        for pool in self.pools:
            _confirm_hashes(pool)
            if pool.is_sorted:
                _confirm_order(pool)


def _pool(memory, address):
    """Return the Pool at `address`. Raise Failure when its parts do not lie in DROM."""
    what = f"the qstr pool at {address:#x}"
    prev, total, alloc, count, hashes, lengths = memory.words(address, 6, what)
    if not 0 < count < _MOST_IDS:
        raise Failure(f"{what} has {count} entries")
    texts = []
    sizes = memory.take(lengths, count, f"{what}: the table of lengths")
    for index, pointer in enumerate(memory.words(address + SIZE, count, what)):
        text = memory.take(pointer, sizes[index] + 1, f"{what}: the text of entry {index}")
        if text[-1] or len(memory.text(pointer, what)) != sizes[index] and b"\0" not in text[:-1]:
            raise Failure(f"{what}: entry {index}, {text!r}, has no NUL behind its {sizes[index]} bytes (wrong length)")
        texts.append(text[:-1])
    codes = memory.halves(hashes, count, f"{what}: the table of hashes")
    return Pool(address, prev, total & ~_SORTED, bool(total & _SORTED), alloc, texts, codes)


def _confirm_hashes(pool):
    for index, (text, code) in enumerate(zip(pool.texts, pool.hashes)):
        if code != qstr_hash(text) and not (pool.before + index == 0 and code == 0):
            raise Failure(
                f"the qstr pool at {pool.address:#x}: the hash of '{text.decode(errors='replace')}' is {code:#06x},"
                f" not {qstr_hash(text):#06x}"
            )


def _confirm_order(pool):
    """Raise Failure when texts are not in the order of bytes, or the search would not find one (`qstr_find_strn`)."""
    for before, text in zip(pool.texts, pool.texts[1:]):
        if before >= text:
            raise Failure(f"the qstr pool at {pool.address:#x} is not sorted: {before!r} comes before {text!r}")
    for index, text in enumerate(pool.texts):
        if index not in _searched(pool.texts, text):
            raise Failure(f"the qstr pool at {pool.address:#x}: the interpreter's search would not find {text!r}")


def _searched(texts, wanted):
    """Return the range of entries that the interpreter compares fully, after its binary search with `strncmp`."""
    low, high, size = 0, len(texts) - 1, len(wanted)
    cut = wanted.split(b"\0")[0]
    while high - low > 1:
        middle = (low + high) // 2
        if cut <= texts[middle].split(b"\0")[0][:size]:
            high = middle
        else:
            low = middle
    return range(low, high + 1)
