"""Brings files of an update tree here: small ones whole, large ones block by block into a writer, on from where it stopped.

The tree (`python3 -m tools build --publish`): version-<channel>.txt, <version>/<board>/manifest.json and so on. What comes
is believed by nobody here: sizes are bounds, hashes are checked by installer.py.
"""

import asyncio

from micropython import const

from lib import http_client, http_response
from lib.binary_patch import Damaged

_BLOCK = const(4096)  # of the flash
_READ_MS = const(10000)  # a read may take so long
_TRIES = const(6)  # in a row without one more block
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
_AGAIN = (408, 425, 429)  # of the statuses below 500: another time it may be different


class Failed(Exception):
    """The file did not come; the text says why. `final`: to ask again would change nothing."""

    def __init__(self, why, final=False, wait_ms=0):
        super().__init__(why)
        self.final = final
        self.wait_ms = wait_ms  # how long the server wants to be left alone


class Source:
    """An update tree at the URL `base`. `network`, `keeper` and `roots` as in link/connection.py; `agent` is the User-Agent header.

    `pause(ms)` is awaited between two tries.
    """

    def __init__(self, base, network, keeper, roots, agent, log, pause=None, read_ms=_READ_MS):
        self._base = base.rstrip("/") + "/"
        self._network = network
        self._keeper = keeper
        self._roots = roots
        self._headers = (("User-Agent", agent),)
        self._log = log
        self._pause = pause or asyncio.sleep_ms
        self._read_ms = read_ms

    async def get(self, path, most):
        """Return the bytes of a file of at most `most` bytes. Raise Failed."""
        taken = _Bytes(most)
        await self._insist(path, lambda: self._take(path, taken), int)
        return bytes(taken.data)

    async def part(self, path, size, writer, on_block):
        """Return when `writer` has `size` bytes of a file, from `writer.written` on. Raise Failed, and what the writer raises.

        `on_block()` is called behind each block; every block is a turn of the loop of its own.
        """
        if writer.written < size:
            blocks = _Blocks(size, writer, on_block)
            await self._insist(path, lambda: self._take(path, blocks), lambda: writer.written)

    async def patch(self, path, most, patch, on_block):
        """Return when a binary_patch.Patch has made its image out of a file of at most `most` bytes. Raise as `part`.

        `on_block()` as for `part`.
        """
        units = _Units(most, patch, on_block)
        await self._insist(path, lambda: self._take(path, units), lambda: patch.start)

    async def _insist(self, path, once, how_far):
        """Return when `once()` has ended well; a failure is tried again, with growing pauses. Raise Failed."""
        tries, far = 0, how_far()
        while True:
            await self._network.wait_online()
            if self._base.startswith("https"):
                await self._keeper.wait_known()
            try:
                return await once()
            except http_client.Failed as fault:
                failed = Failed(str(fault))
                self._keeper.doubt(str(fault))
            except Failed as fault:
                failed = fault
            if how_far() > far:
                tries, far = 0, how_far()
            tries += 1
            if failed.final or tries >= _TRIES:
                raise Failed("%s: %s" % (path, failed), failed.final)
            wait_ms = min(_CAP_MS, max(failed.wait_ms, _FIRST_MS << (tries - 1)))
            self._log.warning("update", "%s: %s; once more in %d s" % (path, failed, wait_ms // 1000))
            await self._pause(wait_ms)

    async def _take(self, path, taker):
        """Return when the taker has all that it wants of a file. Raise Failed, http_client.Failed."""
        taker.begin()
        url = self._base + path
        hosts = (http_response.parse_url(url)[1],)
        stream = await http_client.open(
            url, self._headers, self._roots, self._network.resolve, self._read_ms, taker.start, hosts
        )
        try:
            if stream.status == 416 and taker.start:
                taker.restart()
                raise Failed("the server has less than we have")
            if stream.status not in (200, 206):
                final = stream.status < 500 and stream.status not in _AGAIN
                wait_ms = (http_response.retry_after_s(stream.headers) or 0) * 1000
                raise Failed("the server said %d" % stream.status, final, wait_ms)
            if stream.length is not None and not taker.fits(stream.start + stream.length):
                raise Failed("another size than it should have (%d)" % (stream.start + stream.length))
            skip = taker.start - stream.start  # a server that does not know ranges begins anew
            while piece := await stream.read():
                if skip >= len(piece):
                    skip -= len(piece)
                    continue
                await taker.take(memoryview(piece)[skip:])
                skip = 0
            taker.end()
        finally:
            await stream.close()


class _Bytes:
    """Takes a small file into memory."""

    start = 0

    def __init__(self, most):
        self._most = most
        self.data = bytearray()

    def begin(self):
        self.data = bytearray()

    def fits(self, size):
        return size <= self._most

    async def take(self, piece):
        if len(self.data) + len(piece) > self._most:
            raise Failed("more than %d bytes" % self._most, True)
        self.data += piece

    def end(self):
        """Do nothing: the answer said itself that it is whole."""


class _Units:
    """Takes a patch of `most` bytes at most."""

    def __init__(self, most, patch, on_block):
        self._most = most
        self._patch = patch
        self._on_block = on_block

    @property
    def start(self):
        return self._patch.start

    def begin(self):
        self._patch.begin()

    def restart(self):
        raise Failed("the patch has become shorter", True)

    def fits(self, size):
        return size <= self._most

    async def take(self, piece):
        try:
            for _ in self._patch.feed(piece):  # a small piece may stand for many blocks: a turn of the loop for each
                self._on_block()
                await asyncio.sleep_ms(0)
        except Damaged as fault:
            raise Failed("the patch is none (%s)" % fault, True)
        if self._patch.start > self._most:
            raise Failed("more than %d bytes" % self._most, True)

    def end(self):
        if not self._patch.done:
            raise Failed("the patch ends too early", True)


class _Blocks:
    """Takes a file of `size` bytes into a writer, a block at a time. One buffer serves all."""

    def __init__(self, size, writer, on_block):
        self._size = size
        self._writer = writer
        self._on_block = on_block
        self._block = bytearray(_BLOCK)
        self._view = memoryview(self._block)
        self._filled = 0

    @property
    def start(self):
        return self._writer.written

    def begin(self):
        self._filled = 0  # of a block that was cut nothing is left

    def restart(self):
        self._writer.resume(0)

    def fits(self, size):
        return size == self._size

    async def take(self, piece):
        if self._writer.written + self._filled + len(piece) > self._size:
            raise Failed("more than %d bytes" % self._size, True)
        while piece:
            many = min(len(piece), _BLOCK - self._filled)
            self._view[self._filled : self._filled + many] = piece[:many]
            self._filled += many
            piece = piece[many:]
            if self._filled == _BLOCK or self._writer.written + self._filled == self._size:
                self._writer.write(self._view[: self._filled])
                self._filled = 0
                self._on_block()
                await asyncio.sleep_ms(0)

    def end(self):
        if self._writer.written < self._size:
            raise Failed("the file ended too early")
