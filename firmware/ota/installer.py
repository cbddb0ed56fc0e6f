"""The mode `updating`: manifest, checks, the idle slot written block by block, its hash read back from the flash, the switch.

The radio is locked meanwhile, and there is no link to the hub: one TLS connection fits into the memory. What happened is in
the journal, and the hub is told after the restart. Nothing here touches what runs: whatever fails, the old version stays.
"""

import asyncio
import gc
from binascii import hexlify
from hashlib import sha256

from micropython import const

from firmware.ota.download import Failed
from firmware.ota.manifest import MOST_BYTES, SIGNATURE_BYTES, Refused, check
from firmware.ota.state import FETCHING, MARKING, PREPARING, REBOOTING, WRITING
from lib import tasks
from lib.binary_patch import Patch
from lib.ota_slots import NotNow
from lib.partition_io import BLOCK, BadFlash
from lib.semver import is_version

_MARK_BLOCKS = const(16)  # so often it is noted how far we are: what a power cut costs at most
_MOST_OF_IMAGE = const(2)  # a patch has at most a half of its bytes: tools/images/tree.py publishes no larger one
_WHOLE_MS = const(600000)
_PULSE_MS = const(1000)
_TASKS = {
    FETCHING: "fetching",
    PREPARING: "preparing",
    WRITING: "writing",
    MARKING: "marking",
    REBOOTING: "restarting",
}


class Updating:
    """One run of the mode. `slots` is a ota_slots.Slots, `source` a download.Source, `own` a manifest.Own.

    `channel` is the name in version-<channel>.txt; `keep()` puts aside what the old version wants to find again;
    `beat()` is called at least once a second.
    """

    def __init__(self, journal, slots, source, own, channel, keep, beat, log, whole_ms=_WHOLE_MS):
        self._journal = journal
        self._slots = slots
        self._source = source
        self._own = own
        self._channel = channel
        self._keep = keep
        self._beat = beat
        self._log = log
        self._whole_ms = whole_ms
        self._logged = (-1, 0)

    async def run(self):
        """Update, well or not; a restart is due then. Raise nothing but CancelledError, and what `together` raises."""
        await tasks.together(self._pulse(), self._update())

    async def _pulse(self):
        """Never return; whatever is awaited here has a time-out of its own."""
        while True:
            self._beat()
            await asyncio.sleep_ms(_PULSE_MS)

    async def _update(self):
        await tasks.guarded("update", self._bounded(), self._log)
        if self._journal.unfinished:
            self._fail("a fault that nobody expected")

    async def _bounded(self):
        """Update, or let the journal say why not."""
        bad = False
        try:
            # not `wait_for`: it can lose the moment when a read ends, and `together` says it again (lib/tasks.py)
            await tasks.together(self._all(), self._deadline())
            return
        except Refused as fault:
            why, bad = str(fault), True
        except (Failed, NotNow) as fault:
            why = str(fault)
        except BadFlash as fault:
            why = "block %d of the flash does not keep what is written" % fault.args[0]
        except MemoryError:
            why = "not enough memory"
        except OSError as fault:
            why = "the flash or the storage refuses (%s)" % fault
        self._fail(why, bad)

    async def _deadline(self):
        """Raise Failed when all of it takes too long."""
        await asyncio.sleep_ms(self._whole_ms)
        raise Failed("not done within %d min" % (self._whole_ms // 60000))

    def _fail(self, why, bad=False):
        gc.collect()
        self._log.error("update", why)
        try:
            self._journal.failed(why, bad)
        except OSError as fault:
            self._log.error(
                "update", "nor can that be kept (%s)" % fault
            )  # the starts are counted: it ends all the same

    def _tell(self, task, part=0.0):
        """Tell the journal how far it is, and the log in quarters."""
        self._journal.progress(task, part)
        quarter = task, int(part * 4)
        if quarter != self._logged:
            self._logged = quarter
            self._log.info("update", "%s, %d %%" % (_TASKS[task], quarter[1] * 25))

    async def _all(self):
        slots = self._slots
        if slots.problem:
            raise Failed(slots.problem)
        wanted = await self._plan()
        self._tell(PREPARING)
        self._keep()
        await self._put(wanted)
        self._tell(MARKING)
        self._journal.switching(slots.state(slots.idle))
        try:
            slots.switch()
        except OSError as fault:
            raise Failed("the new image would not start (%s)" % fault)
        self._tell(REBOOTING, 1.0)

    # --- what is to be done

    async def _plan(self):
        """Return the manifest.Manifest. Whatever speaks against the update is found before anything is erased."""
        self._tell(FETCHING)
        version = self._journal.wanted or await self._offered()
        if not is_version(version):
            raise Failed("there is no version like that")
        self._journal.means(version)
        folder = "%s/%s/" % (version, self._own.board)
        data = await self._source.get(folder + "manifest.json", MOST_BYTES)
        signature = await self._source.get(folder + "manifest.json.sig", SIGNATURE_BYTES)
        wanted = check(data, signature, self._own, version, self._journal.override)
        self._log.info("update", "to version %s of %s" % (wanted.version, wanted.date))
        self._journal.believed(version, hexlify(sha256(data).digest()).decode(), self._slots.idle)
        gc.collect()
        return wanted

    async def _offered(self):
        data = await self._source.get("version-%s.txt" % self._channel, 64)
        return "".join([chr(byte) for byte in data]).strip()

    def _path(self, wanted, ending=""):
        return "%s/%s/image.bin%s" % (wanted.version, self._own.board, ending)

    # --- writing

    async def _put(self, wanted):
        """Make the idle slot hold the image: what is there already is used, then a patch is tried, then comes all of it."""
        blocks, patch_at = self._journal.marked()
        if blocks * BLOCK >= wanted.size and await self._holds(wanted):
            return
        if (patch_at or not blocks) and await self._patched(wanted, blocks, patch_at):
            return
        gc.collect()
        await self._fetched(wanted, 0 if patch_at else blocks)

    async def _patched(self, wanted, blocks, patch_at):
        """Return True when the idle slot holds the image, made out of the running one and a file of what differs.

        It goes on behind `blocks` blocks with byte `patch_at` of that file.
        """
        writer = self._slots.writer()
        patch = Patch(self._slots.read, self._slots.size, writer.write, wanted.size)
        if patch_at:
            writer.resume(blocks * BLOCK)
            patch.resume(writer.written, patch_at)
        path = self._path(wanted, ".from-" + self._own.version)
        follow = self._follower(wanted, writer, lambda: patch.point)
        try:
            await self._source.patch(path, wanted.size // _MOST_OF_IMAGE, patch, follow)
            if await self._holds(wanted):
                self._mark_whole(wanted)
                return True
            why = "the patch made something else"
        except Failed as fault:
            why = str(fault)
        except MemoryError:
            why = "not enough memory for a patch"
        self._log.info("update", why + "; so all of it")
        return False

    async def _fetched(self, wanted, blocks):
        """Make the idle slot hold the image, behind `blocks` blocks; when those turn out wrong, once from its beginning."""
        while True:
            writer = self._slots.writer()
            writer.resume(blocks * BLOCK)
            follow = self._follower(wanted, writer, lambda: (writer.written, 0))  # noqa: B023  used in this turn alone
            await self._source.part(self._path(wanted), wanted.size, writer, follow)
            if await self._holds(wanted):
                self._mark_whole(wanted)
                return
            self._journal.mark(0)
            if not blocks:
                raise Failed("image.bin is not what the manifest says")
            self._log.warning("update", "what was there is of something else; once more from its beginning")
            blocks = 0

    def _follower(self, wanted, writer, point):
        """Return a function to call behind each block: it tells how far the writer is, and notes where it can go on.

        `point()` says that: (bytes written, byte of the patch). The first block is noted at once: another way's are void then.
        """
        noted = [-_MARK_BLOCKS]

        def follow():
            self._beat()
            self._tell(WRITING, writer.written / wanted.size)
            written, patch_at = point()
            blocks = written // BLOCK
            if written < wanted.size and blocks - noted[0] >= _MARK_BLOCKS:
                noted[0] = blocks
                self._journal.mark(blocks, patch_at)

        return follow

    def _mark_whole(self, wanted):
        """Note that nothing has to be written any more."""
        self._journal.mark((wanted.size + BLOCK - 1) // BLOCK)

    async def _holds(self, wanted):
        """Return whether the idle slot begins with the image, by its hash as the flash gives it back."""
        steps = self._slots.sha256(wanted.size)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value == wanted.sha256
            self._beat()
            await asyncio.sleep_ms(0)
