"""The mode `updating`: manifest, checks, the idle pair written block by block, hashes read back from the flash, the switch.

The radio is locked meanwhile, and there is no link to the hub: one TLS connection fits into the memory. What happened is in
the journal, and the hub is told after the restart. Nothing here touches what runs: whatever fails, the old version stays.
"""

import asyncio
import gc
from binascii import hexlify
from hashlib import sha256

from micropython import const

from firmware.download import Failed
from firmware.journal import FETCHING, MARKING, PREPARING, REBOOTING, VERIFYING, WRITING_APP, WRITING_RUNTIME
from lib import tasks
from lib.flashcopy import BadFlash
from lib.partitions import NotNow
from lib.patch import Patch

_BLOCK = const(4096)
_MARK_BLOCKS = const(16)  # so often it is noted how far we are: what a power cut costs at most
_WHOLE_MS = const(600000)
_PULSE_MS = const(1000)
_TASKS = ("fetching", "preparing", "writing the app", "verifying", "writing the runtime", "marking", "restarting")


class Updating:
    """One run of the mode. `slots` is a partitions.Slots, `source` a download.Source, `own` as manifest.Own, a tuple.

    `read_app(at, buffer)` reads the running app's partition: then a patch is asked for first. None: it cannot be read.
    `channel` is the name in version-<channel>.txt; `keep()` puts aside what the old version wants to find again;
    `beat()` is called at least once a second.
    """

    def __init__(self, journal, slots, source, own, channel, keep, beat, log, read_app=None, whole_ms=_WHOLE_MS):
        self._journal = journal
        self._slots = slots
        self._source = source
        self._own = own
        self._channel = channel
        self._keep = keep
        self._beat = beat
        self._log = log
        self._read_app = read_app
        self._whole_ms = whole_ms
        self._said = (-1, 0)

    async def run(self):
        """None when it is over, well or not: a restart is due. Raises nothing but CancelledError, and what together raises."""
        await tasks.together(self._pulse(), self._update())

    async def _pulse(self):
        """Never returns; whatever is awaited here has a time-out of its own."""
        while True:
            self._beat()
            await asyncio.sleep_ms(_PULSE_MS)

    async def _update(self):
        await tasks.guarded("update", self._bounded(), self._log)
        if self._journal.unfinished:
            self._fail("a fault that nobody expected")

    async def _bounded(self):
        """None; the update ended well, or the journal says why not."""
        bad = False
        try:
            # not `wait_for`: it can lose the moment when a read ends, and `together` says it again (lib/tasks.py)
            await tasks.together(self._all(), self._deadline())
            return
        except _Refused as fault:
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
        """Failed, when all of it takes too long."""
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
        """None; how far it is, for the journal and for the log, there in quarters."""
        self._journal.progress(task, part)
        quarter = task, int(part * 4)
        if quarter != self._said:
            self._said = quarter
            self._log.info("update", "%s, %d %%" % (_TASKS[task], quarter[1] * 25))

    async def _all(self):
        slots = self._slots
        if slots.problem:
            raise Failed(slots.problem)
        app, runtime, how = await self._plan()
        self._tell(PREPARING)
        self._keep()
        await self._put_app(app)
        self._tell(WRITING_RUNTIME)
        await how(runtime)
        self._tell(MARKING)
        self._journal.switching(slots.state(slots.idle))
        try:
            slots.switch()
        except OSError as fault:
            raise Failed("the new runtime would not start (%s)" % fault)
        self._tell(REBOOTING, 1.0)

    # --- what is to be done

    async def _plan(self):
        """(app, runtime, how the runtime comes). Whatever speaks against the update is found before anything is erased."""
        self._tell(FETCHING)
        version = self._journal.wanted or await self._offered()
        folder = "%s/%s/" % (version, self._own[1])
        from firmware.manifest import MOST_BYTES, SIGNATURE_BYTES
        from lib.semver import is_version

        if not is_version(version):
            raise Failed("there is no version like that")
        self._journal.means(version)
        data = await self._source.get(folder + "manifest.json", MOST_BYTES)
        signature = await self._source.get(folder + "manifest.json.sig", SIGNATURE_BYTES)
        app, shipped, needs = self._checked(data, signature, version)
        gc.collect()
        how = await self._runtime_plan(needs, shipped)
        self._journal.believed(version, hexlify(sha256(data).digest()).decode(), self._slots.idle)
        return app, needs, how

    async def _offered(self):
        data = await self._source.get("version-%s.txt" % self._channel, 64)
        return "".join([chr(byte) for byte in data]).strip()

    def _checked(self, data, signature, version):
        """(app, shipped runtime, needed runtime) of a manifest that is believed; for use inside of `with _CHECKS`."""
        from firmware import manifest

        own = manifest.Own(*self._own)
        try:
            told = manifest.check(data, signature, own, version, self._journal.override)
        except manifest.Refused as fault:
            raise _Refused(str(fault))  # a class that stays: the room of the other one is about to go
        self._log.info("update", "to version %s of %s" % (told.version, told.date))
        return told.app, told.runtime, told.needs

    async def _runtime_plan(self, needs, shipped):
        """How the idle slot comes to its runtime: a coroutine function. _Refused when there is no way."""
        slots = self._slots
        if needs is None:
            same = await self._steps(slots.same_runtime())
            return self._leave_runtime if same else self._copy_runtime
        if await self._holds("runtime", needs, slots.idle):
            return self._leave_runtime
        if await self._holds("runtime", needs, slots.running):
            return self._copy_runtime
        if not shipped:
            raise _Refused("it is made for another runtime, which is not there to be had")
        return self._fetch_runtime

    # --- writing

    async def _put_app(self, part):
        if self._journal.marked("app.lfs") and await self._holds("app", part, self._slots.idle):
            return
        if self._read_app and not self._journal.marked("app.lfs") and await self._patched(part):
            return
        await self._fetch("app", "app.lfs", part, WRITING_APP)

    async def _patched(self, part):
        """True when the idle partition holds the app, made out of the running one and a file of what differs."""
        size = part[0]
        writer = self._slots.writer("app")
        self._mark("app.lfs", writer)
        patch = Patch(self._read_app, self._slots.app_size, writer.write, size)
        path = "%s/%s/app.lfs.from-%s" % (self._journal.version, self._own[1], self._own[5])
        try:
            await self._source.patch(path, size, patch, self._follower("", writer, size, WRITING_APP))
        except Failed as fault:
            self._log.info("update", "%s; so all of it" % fault)
            return False
        self._tell(VERIFYING)
        if not await self._holds("app", part, self._slots.idle):
            self._log.warning("update", "the patch made something else; so all of it")
            return False
        self._mark("app.lfs", writer)
        return True

    async def _leave_runtime(self, part):
        """None: it is there."""

    async def _copy_runtime(self, part):
        await self._steps(self._slots.copy_runtime())
        if not await self._steps(self._slots.same_runtime()):
            raise Failed("the copy of the runtime differs")

    async def _fetch_runtime(self, part):
        await self._fetch("runtime", "runtime.bin", part, WRITING_RUNTIME)

    async def _fetch(self, kind, name, part, task):
        """None when the idle partition holds that part. From where it stopped; when that turns out wrong, once from its start."""
        size = part[0]
        path = "%s/%s/%s" % (self._journal.version, self._own[1], name)
        resumed = self._journal.marked(name)
        while True:
            writer = self._slots.writer(kind)
            writer.resume(resumed * _BLOCK)
            await self._source.part(path, size, writer, self._follower(name, writer, size, task))
            self._mark(name, writer)
            if task == WRITING_APP:
                self._tell(VERIFYING)
            if await self._holds(kind, part, self._slots.idle):
                return
            self._journal.mark(name, 0)
            if not resumed:
                raise Failed("%s is not what the manifest says" % name)
            self._log.warning("update", name + ": what was there is of something else; once more from its beginning")
            resumed = 0

    def _follower(self, name, writer, size, task):
        """A function to call behind each block: it tells how far the writer is, and notes it when there is a `name`."""

        def follow():
            self._beat()
            self._tell(task, writer.written / size)
            if name and writer.written // _BLOCK % _MARK_BLOCKS == 0:
                self._mark(name, writer)

        return follow

    def _mark(self, name, writer):
        self._journal.mark(name, writer.written // _BLOCK)

    async def _holds(self, kind, part, slot):
        """Whether a slot's partition begins with a part, by its hash as the flash gives it back."""
        size, digest = part
        return await self._steps(self._slots.sha256(kind, size, slot)) == digest

    async def _steps(self, steps):
        """What the generator returns; each of its steps is a turn of the loop."""
        while True:
            try:
                next(steps)
            except StopIteration as end:
                return end.value
            self._beat()
            await asyncio.sleep_ms(0)


class _Refused(Exception):
    """The update is nothing for this device, today and tomorrow."""
