"""JSON in pieces, larger than the memory: objects in its lists are given away as soon as they are whole. No I/O."""

from lib.json_check import bracket
from lib.strict_json import NoMemory, loads

_DEEPEST = 64  # brackets, as in lib/strict_json.py


class Parts:
    """One text. `depths`: what is given away are objects that are elements of a list and stand so many brackets deep, 1 the first.

    Where one was, null stands in what `rest` gives. `most`: bytes that may wait for an end. `size`: bytes that came. `first`: its
    reader's own.
    """

    def __init__(self, depths, most):
        self.size = 0
        self.first = None
        self._depths = depths
        self._most = most
        self._text = bytearray()  # what is left of all that came
        self._open = bytearray(_DEEPEST)  # 123 or 91 for each open bracket
        self._depth = 0
        self._starts = []  # in the text, of the objects that will be given away
        self._state = bytearray(1)

    def feed(self, piece):
        """Yield (depth, its value) for each object that `piece` (bytes) ends, the inner one first.

        Raise ValueError as soon as it is no JSON, or more waits than may; NoMemory, which is one, where memory is short.
        """
        at, done, size = 0, 0, len(piece)
        self.size += size
        try:
            while at := bracket(piece, at, size, self._state):
                if piece[at - 1] | 32 == 123:
                    self._opens(piece[at - 1], len(self._text) + at - 1 - done)
                elif self._closes(piece[at - 1]):
                    self._keep(piece, done, at)
                    done = at
                    yield self._depth + 1, self._cut(self._starts.pop())
            self._keep(piece, done, size)
        except MemoryError:
            raise NoMemory("no memory for a part of JSON")

    def rest(self):
        """Return the value of what is left, once all has come. Raise as `feed`."""
        if self._depth:
            raise ValueError("JSON that does not end")
        return loads(bytes(self._text))

    def _opens(self, byte, start):
        if self._depth == _DEEPEST:
            raise ValueError("JSON that is too deep")
        if byte == 123 and self._depth and self._open[self._depth - 1] == 91 and self._depth + 1 in self._depths:
            self._starts.append(start)
        self._open[self._depth] = byte
        self._depth += 1

    def _closes(self, byte):
        """Return whether an object ends here that is given away."""
        self._depth -= 1
        if self._depth < 0 or self._open[self._depth] != byte - 2:
            raise ValueError("JSON with a wrong bracket")
        in_list = self._depth and self._open[self._depth - 1] == 91
        return byte == 125 and in_list and self._depth + 1 in self._depths

    def _keep(self, piece, start, end):
        if len(self._text) + end - start > self._most:
            raise ValueError("a part of JSON above %d bytes" % self._most)
        self._text.extend(memoryview(piece)[start:end])

    def _cut(self, start):
        value = loads(bytes(memoryview(self._text)[start:]))
        self._text = self._text[:start] + b"null"
        return value
