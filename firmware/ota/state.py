"""What an update leaves for the next start: order, stage, trial, outcome, and what the hub has still to be told. No clock.

Both versions read this file, the old and the new one: no key of it ever gets another meaning, and what is unknown is kept.
Facts are arguments, so every start can be tried out on a table (`begin`).
"""

from micropython import const

# stages: what the next start finds
_NONE = const(0)
_ORDERED = const(1)  # wanted; nothing of it is here
_WRITING = const(2)  # its manifest was believed; the idle slot is being written
_SWITCHING = const(3)  # the idle slot is whole; otadata may name it
_TRIAL = const(4)  # it runs, and has not proved itself

# what `begin` says is to be done
OPERATE = const(0)
UPDATE = const(1)
PROVE = const(2)

# OtaUpdateProgressTask (reference/openshock-api.md §a.6); 2 and 3 are about a file system, which no update has
FETCHING, PREPARING, WRITING, MARKING, REBOOTING = 0, 1, 4, 5, 6

_VALID = const(2)  # otadata's word for a slot that has proved itself (lib/ota_slots.py)
_MOST_STARTS = const(10)  # of the mode `updating`, for one order
_MOST_POWER_EVENTS = const(3)
LONGEST = const(128)  # characters of a reason (reference/openshock-api.md §d.3)
_STALE_S = const(180 * 86400)
_MOST_TOLD = const(8)  # events that wait for a hub
_BLOCK_BITS = const(10)  # of a mark: the largest slot has 752 blocks, and half an image fits into the other 21 bits
_GIVEN_UP = "it ended before it had proved itself"


class Busy(Exception):
    """There is an update under way: no other one may begin."""


class Journal:
    """`store` keeps a dict (settings_backup.File); `marks` keeps numbers that change often (lib/nvs.py). Both may raise OSError."""

    def __init__(self, store, marks):
        self._store = store
        self._marks = marks
        self._kept = store.load()

    def _get(self, key, kind, missing):
        value = self._kept.get(key, missing)
        return value if type(value) is kind else missing

    def _put(self, **changes):
        self._kept.update(changes)
        self._store.save(self._kept)

    # --- what it says

    @property
    def stage(self):
        """One of the stages; 0 when there is no update."""
        return self._get("stage", int, _NONE)

    @property
    def busy(self):
        """True while an update is ordered, written or on trial."""
        return self.stage != _NONE

    @property
    def unfinished(self):
        """True while an update is neither switched to nor given up."""
        return self.stage in (_ORDERED, _WRITING)

    @property
    def update_id(self):
        """The number by which the hub knows this update."""
        return self._get("id", int, 0)

    @property
    def wanted(self):
        """The version that was asked for; "" for what the channel offers."""
        return self._get("wanted", str, "")

    @property
    def version(self):
        """The version that is meant, as far as it is known."""
        return self._get("version", str, "") or self.wanted

    @property
    def override(self):
        """True when a person at the device allowed an older version."""
        return self._get("override", bool, False)

    @property
    def before(self):
        """What was not well when the update was ordered (health.py): nobody expects it to be well afterwards."""
        return self._get("before", list, [])

    @property
    def why(self):
        """Why the last update failed, "" when it did not."""
        return self._get("why", str, "")

    def shunned(self, version):
        """Return True for a version that failed here, or was refused: no periodic check installs it again."""
        return version == self._get("bad", str, "")

    # --- an order, until the restart

    def order(self, update_id, wanted, before=(), override=False):
        """Make the next start update to `wanted` ("": what the channel offers). Raise Busy, OSError: then all is as before."""
        if self.busy:
            raise Busy("an update is under way")
        self._marks.put("starts", 0)
        try:
            self._put(
                stage=_ORDERED,
                id=update_id,
                wanted=wanted,
                version="",
                before=list(before),
                override=bool(override),
                task=FETCHING,
                part=0,
                powers=0,
                switches=0,
                why="",
                tell=[["OtaInstallStarted", update_id, wanted], ["OtaInstallProgress", update_id, FETCHING, 0.0]],
            )
        except OSError:
            self._kept["stage"] = _NONE
            raise

    # --- every start

    def begin(self, slots, power_event, went_back=bool):
        """Return OPERATE, UPDATE or PROVE: what this start is for. Write what it finds out; raise OSError when it cannot.

        `slots` is a ota_slots.Slots; `power_event`: this start came from the power having been away, not from a reset.
        `went_back()` is called when the new version has run and the old one is back, before that is written down.
        """
        if slots.pending():
            if self.stage == _SWITCHING:
                self._put(stage=_TRIAL)
            return PROVE
        if self.stage in (_SWITCHING, _TRIAL):
            target = self._get("slot", int, -1)
            if slots.running == target:
                self._end("OtaInstallSucceeded")  # confirmed, and then the power went
            else:
                self._came_back(None if slots.problem else slots.state(target), power_event, went_back)
        if self.stage in (_ORDERED, _WRITING):
            return self._once_more()
        return OPERATE

    def _came_back(self, state, power_event, went_back):
        """Find out why the old slot runs. Otadata says of the other one `state`."""
        powers = self._get("powers", int, 0)
        if self.stage == _SWITCHING and not self._has_started(state):
            self._put(stage=_WRITING)  # the power went before the switch: once more from the check of what is written
            return
        went_back()
        if power_event and powers < _MOST_POWER_EVENTS:
            self._put(stage=_WRITING, powers=powers + 1)  # no fault of the new version's
        elif powers and power_event:
            self.rolled_back("the power failed %d times while it was on trial" % (powers + 1))
        else:
            self.rolled_back(self.why or _GIVEN_UP)

    def _has_started(self, state):
        """Return whether the new slot was tried since the journal said SWITCHING.

        An entry that had been given up before tells nothing: then the switch is made a second time, and no third.
        """
        if state in (None, _VALID):
            return False
        stale = self._get("was", int, -1) == state
        return not stale or self._get("switches", int, 0) > 1

    def _once_more(self):
        starts = self._marks.get("starts", 0) + 1
        if starts > _MOST_STARTS:
            self.failed("it did not come to its end in %d starts" % _MOST_STARTS)
            return OPERATE
        self._marks.put("starts", starts)
        return UPDATE

    # --- the mode `updating`

    def believed(self, version, image, slot):
        """Note that the manifest with the hash `image` is what will be written to `slot`. What is there of another one is void."""
        if self._get("image", str, "") != image or self._get("slot", int, -1) != slot:
            self._kept["image"] = ""
            self.mark(0)
        self._put(stage=_WRITING, version=version, image=image, slot=slot)

    def mark(self, blocks, patch_at=0):
        """Note how far the idle slot is written: so many blocks.

        `patch_at`: the byte of the patch, below 2 MiB, that goes on from there; 0 when they are of the whole image.
        """
        self._marks.put("image", blocks | patch_at << _BLOCK_BITS)  # one number: no cut comes between the two

    def marked(self):
        """Return (blocks, patch_at) as the last `mark`; zeros when nobody knows."""
        kept = self._marks.get("image", 0)
        return kept & (1 << _BLOCK_BITS) - 1, kept >> _BLOCK_BITS

    def means(self, version):
        """Note the version that is looked for now; in memory, as `progress`."""
        self._kept["version"] = version

    def progress(self, task, part):
        """Note how far it is, for the report of the outcome; in memory: what the flash keeps are stages."""
        self._kept.update(task=task, part=part)

    def switching(self, state):
        """Note that from now on otadata may name the new slot, of which it says `state` as yet (None: nothing)."""
        switches = self._get("switches", int, 0) + 1
        was = -1 if state is None else state
        self._put(stage=_SWITCHING, was=was, switches=switches, task=REBOOTING, part=1.0)

    def failed(self, why, bad=False):
        """End the update; the old version stays. `bad`: that version is nothing for us."""
        self._end("OtaInstallFailed", why, False, bad)

    # --- the trial

    def gave_up(self, why):
        """Note why the version on trial goes back."""
        self._put(why=why[:LONGEST])

    def confirmed(self):
        """End the update: the version that ran on trial stays."""
        if self.busy:
            self._end("OtaInstallSucceeded")

    def rolled_back(self, why):
        """End the update: the version that ran on trial is gone."""
        self._end("OtaRollback", why, True, True)

    # --- what the hub is told

    def _end(self, event, why="", fatal=False, bad=False):
        """Keep how it ended until `told`."""
        number = self.update_id
        why = why[:LONGEST]
        told = self.events()[-_MOST_TOLD:]
        told.append(["OtaInstallProgress", number, self._get("task", int, 0), float(self._kept.get("part", 0))])
        if why:
            told.append(["OtaInstallFailed", number, fatal, why])
        if event != "OtaInstallFailed":
            told.append([event, number])
        if bad and self.version:
            self._kept["bad"] = self.version
        elif not why and self.shunned(self.version):
            self._kept["bad"] = ""
        self._put(stage=_NONE, why=why, tell=told)

    def events(self):
        """Return what the hub is to be told, the oldest first: lists with the event's name, the update's number, and the rest.

        OtaInstallStarted version · OtaInstallProgress task fraction · OtaInstallFailed fatal reason · OtaRollback ·
        OtaInstallSucceeded (reference/openshock-api.md §a.4, there with the device's id in front).
        """
        return list(self._get("tell", list, []))

    def told(self, count):
        """Cross off the first `count` of `events`: they have left. OSError: they may be told a second time."""
        self._put(tell=self._get("tell", list, [])[count:])

    # --- what the channel offers

    def offered(self, version, now_s):
        """Return for how many days the channel has offered `version`, a whole number, when that is suspiciously long; else 0.

        A server that is stuck, or that somebody holds back, looks just like this. `now_s`: seconds since 1970.
        """
        seen = self._get("seen", list, [])
        if len(seen) != 2 or seen[0] != version or type(seen[1]) is not int or seen[1] > now_s:
            self._put(seen=[version, now_s])
            return 0
        waited_s = now_s - seen[1]
        return waited_s // 86400 if waited_s >= _STALE_S else 0
