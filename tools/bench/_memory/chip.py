"""What the objects in a dump would take on a chip, where words have 4 bytes, blocks 16, and the firmware is frozen. No I/O.

An object of pointers takes half there. What a chip does not have in its heap is taken off: the image and what the loader makes
of it (MicroPython's unix port runs it in place, but keeps tables and constants of each module: py/persistentcode.c), interned
names of modules, the stubs of the hardware and the probe. Bytes of texts and buffers, and the bytecode of modules that hold
machine code, are the same there and here.
"""

import bisect
from collections import Counter

from tools.bench._memory.dump import BLOCK

CHIP_BLOCK = 16
STUBS = ("machine", "network", "neopixel", "esp32", "time", "probe", "__main__")  # and whatever begins with "sim"
_PROBE = ("probe", "__main__", "array", "uctypes")
_FUNCTIONS = ("function", "generator function")
_IMAGE = 0x10000  # no other piece is as large
_BYTECODE = 0x020000  # the first three bytes of a mp_raw_code_t (py/emitglue.h)
_NAME = 8  # bytes of an interned name beside its letters: pointer, hash, length, zero (py/qstr.h)


class Account:
    """What each piece of the heap is. `native`: names of the modules that hold machine code, which no chip can freeze.

    `chip`: {owner: bytes on a chip}; an owner is a module, or the class or coroutine whose object it is. `here`: {what no chip
    has: bytes in this heap}. `raw`: bytes of texts and buffers that count whole. `largest`: bytes of the largest piece on a chip.
    """

    def __init__(self, dump, native=()):
        self._dump = dump
        self._native = native
        self._order = sorted(dump.pieces)
        self._apart = {}  # address → what no chip has
        self._whole = {}  # address → bytes that are as many on a chip
        self._owners = {}
        self._names = set(dump.modules.values())
        self._strange = {  # modules that are not in sys.modules are stubs, too
            address for address in dump.pieces if self._is("module", address) and self._stub(self._module(address))
        }
        self._find_names()
        self._find_loader()
        self._find_owners()
        self._add_up()

    # --- what no chip has

    def _find_names(self):
        """Find the pools of interned names (py/qstr.c) and their letters; those in the image are its own."""
        self.names = []  # those that are not in the image
        self._texts = {}  # number of a qstr → its text
        for address, size in self._dump.pieces.items():
            if size < 6 * 8 + 11:
                continue
            _, before, alloc, used, hashes, lengths = self._dump.words(address)[:6]
            if hashes == address + 48 + 8 * alloc and lengths == hashes + 2 * alloc and used <= alloc:
                self._apart[address] = "names"
                for number, at in enumerate(self._dump.words(address)[6 : 6 + used]):
                    self._texts[(before & 0x7FFFFFFF) + number] = self._find_name(at)

    def _find_name(self, at):
        """Return the text of a name; those that lie in the image are its own."""
        home = self._home(at)
        if home is None:
            return ""
        letters = self._dump.bytes_at(at, 256)
        text = letters[: letters.index(0)].decode(errors="replace")
        if self._dump.pieces[home] < _IMAGE:
            self._apart[home] = "names"
            self.names.append(text)
        return text

    def _home(self, at):
        """Return the piece that holds the address `at`, None when none does."""
        number = bisect.bisect_right(self._order, at) - 1
        if number < 0 or at >= self._order[number] + self._dump.pieces[self._order[number]]:
            return None
        return self._order[number]

    def _find_loader(self):
        self._image = next(address for address, size in self._dump.pieces.items() if size >= _IMAGE)
        for address in self._dump.pieces:
            if self._is_frozen(address):
                self._apart[address] = "loader"
        for address in self._dump.pieces:
            if self._is("module", address):
                self._find_tables(address)
            elif self._dump.kind(address) in _FUNCTIONS:
                self._find_code(address)

    def _is_frozen(self, address):
        """Return whether it describes code that lies in the image (mp_raw_code_t), or is a table of such."""
        image = range(self._image, self._image + self._dump.pieces[self._image])
        head, code = self._dump.words(address)[:2]
        if head & 0xFFFFFF == _BYTECODE and code in image:
            return True
        words = [word for word in self._dump.words(address) if word]
        return bool(words) and all(
            word in self._dump.pieces and self._dump.word(word) & 0xFFFFFF == _BYTECODE or word in image
            for word in words
        )

    def _find_tables(self, module):
        """Find the tables of a module's names and constants (mp_module_context_t), with the constants."""
        names, constants = self._dump.word(module, 2), self._dump.word(module, 3)
        if names not in self._dump.pieces:
            return
        what = self._loaded(module)
        self._apart[names] = what
        for value in self._dump.words(names)[(constants - names) // 8 :]:
            self._find_constant(value, what)

    def _find_constant(self, address, what):
        if address not in self._dump.pieces or address in self._apart:
            return
        self._apart[address] = what
        kind = self._dump.kind(address)
        if kind in ("str", "bytes") and self._dump.word(address, 3) in self._dump.pieces:
            self._apart[self._dump.word(address, 3)] = what
        elif kind == "int" and self._dump.word(address, 2) in self._dump.pieces:
            self._apart[self._dump.word(address, 2)] = what
        elif kind == "tuple":
            for value in self._dump.words(address)[2:]:
                self._find_constant(value, what)

    def _find_code(self, function):
        """Find the code of a function and of those inside it (mp_obj_fun_bc_t, mp_raw_code_t)."""
        _, context, children, code = self._dump.words(function)[:4]
        what = self._loaded(context)
        self._find_children(children, what)
        self._keep_code(code, what)

    def _find_children(self, table, what):
        if table not in self._dump.pieces or table in self._apart:
            return
        self._apart[table] = what
        for raw in self._dump.words(table):
            if raw in self._dump.pieces and raw not in self._apart:
                self._apart[raw] = what
                self._keep_code(self._dump.word(raw, 1), what)
                self._find_children(self._dump.word(raw, 2), what)

    def _keep_code(self, code, what):
        if code in self._dump.pieces:
            self._apart[code] = what
            self._whole[code] = self._dump.pieces[code]

    def _loaded(self, module):
        """Return whose the loader's work for that module is: a chip's own for machine code, none of its for others."""
        if self._dump.modules.get(module) in self._native:
            return ""
        return self._stand_in(self._module(module)) if module in self._strange else "loader"

    # --- whose the rest is

    def _is(self, kind, address):
        return self._dump.kind(address) == kind

    def _module(self, address):
        return self._dump.modules.get(address, "probe")

    def _stub(self, name):
        return name in STUBS or name.startswith("sim")

    def _stand_in(self, name):
        return "probe" if name in _PROBE else "stubs"

    def _find_owners(self):
        classes = {at: self._class_module(at) for at in self._dump.pieces if self._is("type", at)}
        for at in self._dump.pieces:
            owner = self._own(at, classes)
            if owner:
                self._owners[at] = owner
        for at in list(self._owners):
            if self._is("module", at):
                self._give_dict(self._dump.word(at, 1), self._owners[at])
            elif at in classes:
                for word in self._dump.words(at):
                    if word in self._dump.pieces and self._is("dict", word):
                        self._give_dict(word, self._owners[at])
            elif self._dump.word(at) in classes:
                self._give(self._dump.word(at, 3), self._owners[at])  # the table of its attributes
        for stubs in (True, False):
            for at in [at for at, owner in self._owners.items() if self._stub(owner) == stubs]:
                self._spread(at)

    def _own(self, at, classes):
        """Return the owner of an object that shows it by itself, "" for others."""
        kind = self._dump.kind(at)
        if kind == "module":
            return self._module(at)
        if kind in _FUNCTIONS:
            return self._module(self._dump.word(at, 1))
        if kind == "generator":
            function = self._dump.word(at, 2)
            module = self._module(self._dump.word(function, 1)) if function in self._dump.pieces else "?"
            return module if self._stub(module) else "coroutines of " + module
        if at in classes:
            return classes[at]
        kind = self._dump.word(at)
        if kind in classes:
            module = classes[kind]
            return module if self._stub(module) else "objects %s.%s" % (module, self._dump.classes.get(kind, "?"))
        return ""

    def _class_module(self, at):
        """Return the module that most functions of a class belong to."""
        votes = Counter()
        for word in self._dump.words(at):
            if word in self._dump.pieces and self._is("dict", word):
                for _, value in self._dump.items(self._dump.word(word, 3)):
                    if value & 7 == 2 and self._texts.get(value >> 3) in self._names:  # its __module__
                        return self._texts[value >> 3]
                    if value in self._dump.pieces and self._dump.kind(value) in _FUNCTIONS:
                        votes[self._module(self._dump.word(value, 1))] += 1
        return votes.most_common(1)[0][0] if votes else "others"

    def _give(self, at, owner):
        if at in self._dump.pieces:
            self._owners.setdefault(at, owner)

    def _give_dict(self, at, owner):
        self._give(at, owner)
        if at in self._dump.pieces:
            self._give(self._dump.word(at, 3), owner)

    def _spread(self, at):
        """Give what only this piece leads to to its owner."""
        waiting = [at]
        while waiting:
            piece = waiting.pop()
            for word in self._dump.words(piece):
                if word in self._dump.pieces and word not in self._owners and word not in self._apart:
                    self._owners[word] = self._owners[at]
                    waiting.append(word)

    # --- sums

    def _find_whole(self):
        for at in self._dump.pieces:
            if self._dump.kind(at) in ("str", "bytes", "bytearray", "array") and at not in self._apart:
                data = self._dump.word(at, 3)
                if data in self._dump.pieces and data not in self._apart:
                    used = self._dump.word(at, 2) + 1 if self._dump.kind(at) in ("str", "bytes") else 0
                    self._whole[data] = used or self._dump.pieces[data]

    def _add_up(self):
        self._find_whole()
        self.chip, self.here, self.raw, self.largest = Counter(), Counter(), 0, 0
        for at, size in self._dump.pieces.items():
            what = self._apart.get(at, "")
            owner = self._owners.get(at, "others")
            if size >= _IMAGE:
                what = "image"
            elif self._stub(owner) and not what:
                what = self._stand_in(owner)
            if what:
                self.here[what] += size
                continue
            whole = self._whole.get(at)
            on_chip = size * CHIP_BLOCK // BLOCK if whole is None else -(-whole // CHIP_BLOCK) * CHIP_BLOCK
            self.raw += 2 * on_chip - size
            self.chip["machine code" if at in self._apart else owner] += on_chip
            self.largest = max(self.largest, on_chip)

    @property
    def live(self):
        """Return the bytes of all that lives, on a chip."""
        return sum(self.chip.values())

    @property
    def beside(self):
        """Return the bytes of this heap that are no object of the firmware, but for the image: what a chip need not have.

        A heap of `beside` + 2 × N bytes (and the image) binds the firmware as N bytes do on a chip.
        """
        return sum(size for what, size in self.here.items() if what != "image") - self.raw
