"""Who is on the air, and until when; the stop frames after each command. No I/O, no clock; time is an argument.

One transmission per (model, id, channel); the newest command replaces it at the next frame; nothing queues (S5, S24).
"""

from micropython import const

_GOODBYE_MS = const(300)  # stop frames after each command, so that one lost frame leaves nobody on
_GOODBYE_FRAMES = const(3)  # at least so many, however long the round is
_MOST = const(64)  # receivers on the air at once, and again as many idle ones that are remembered
_STRANGERS = const(12)  # stopped at once though nothing of ours ran on them: a hub of OpenShock has 11 receivers
_KEEP_ALIVE_MS = const(60000)  # an idle receiver hears a stop frame that often, or it falls asleep


class Full(Exception):
    """More receivers are on the air than fit; nothing was changed."""


class Turn:
    """One receiver's place on the air: its frame until `ends`, then its stop frame until goodbye is said."""

    def __init__(self, key, silent, ends_bare=False):
        self.key = key
        self._ends_bare = ends_bare  # no stop frames unless it is stopped
        self.stranger = False  # nothing of ours ran there before it was stopped
        self.silent = silent
        self._silent_ms = sum(silent) // 1000
        self.what = ()  # (action, level) that `frame` was made of
        self.frame = None
        self.ends = 0
        self.hurry = False  # stopped from outside: its first stop frame jumps the round
        self.goodbye_since = None  # when its first stop frame began
        self.goodbye_until = 0  # when its last one ended
        self.goodbyes = 0
        self.repeats = False  # its next frame stands for one that was spoilt
        self.waits = False  # its command has not had a frame yet

    def active(self, now):
        """True while frames other than stop frames are due."""
        return now < self.ends

    def stop(self, now):
        """None; from now on only stop frames, a full goodbye of them, and the next frame on the air is the first."""
        self.ends = min(self.ends, now)
        self.hurry = True
        self.waits = False
        self.goodbye_since = None
        self.goodbyes = 0

    def over(self, now):
        """True when the goodbye was said: nothing more is due."""
        if self.active(now):
            return False
        if self._ends_bare and self.goodbye_since is None and not self.hurry and not self.waits:
            return True
        if self.goodbyes < _GOODBYE_FRAMES:
            return False
        # more than, as the clock counts whole ms: 300 of them may be 299.2 on the air
        return self.goodbye_until - self.goodbye_since > _GOODBYE_MS

    def train(self, now):
        """The pulse train due now; counts a stop frame as said."""
        self.waits = False
        if self.active(now):
            return self.frame
        if self.goodbye_since is None:
            self.goodbye_since = now
        self.goodbye_until = now + self._silent_ms
        self.goodbyes += 1
        self.hurry = False
        return self.silent

    def unsaid(self):
        """None; the last stop frame was spoilt: it counts for nothing, and one more is due."""
        self.goodbyes -= 1
        self.goodbye_until = self.goodbye_since
        if not self.goodbyes:
            self.goodbye_since = None


def _channel(shocker, channel):
    """The channel that a receiver is on the air by: the usual one of its model is one with no channel at all."""
    return shocker.CHANNEL if channel is None else channel


class Scheduler:
    """The round of all turns. `load(model)` gives the module of a model, with `encode` and `stop`.

    While `keep_alive` is True idle receivers are kept awake by stop frames. Those of the models `bare` hear none unless they are
    stopped: neither then nor at the end of a command.
    """

    def __init__(self, load, keep_alive=True, bare=()):
        self._load = load
        self._bare = bare
        self._turns = []  # in the order of the round; the next to send is first
        self._idle = []  # (key, since when), the longest idle first
        self._sent = None  # the turn whose frame `next` gave last
        self.keep_alive = keep_alive
        self.saying_stop = False  # what `next` gave last is a stop frame
        self.missed = None  # its key, when a command's time was over before its turn came: nobody ever heard that one

    def _find(self, model, rf_id, channel):
        for turn in self._turns:
            if turn.key == (model, rf_id, channel):
                return turn
        return None

    def put(self, command, now):
        """None; `command` is on the air from the next frame on, instead of what its receiver did before.

        ValueError when the model cannot carry it (what ran before runs on); Full when too many are on the air.
        """
        shocker = self._load(command.model)
        key = command.model, command.rf_id, _channel(shocker, command.channel)
        turn = self._find(*key)
        what = command.action, command.intensity
        frame = turn.frame if turn and turn.what == what else None
        if frame is None:
            frame = shocker.encode(command.rf_id, command.action, command.intensity, command.channel)
        if turn is None:
            if len(self._turns) >= _MOST:
                raise Full
            turn = self._enter(key, shocker)
        turn.stranger = False
        turn.what = what
        turn.frame = frame
        turn.ends = now + command.duration_ms
        turn.waits = True
        turn.hurry = False
        turn.goodbye_since = None
        turn.goodbyes = 0

    def stop(self, model, rf_id, channel, now):
        """None; the receiver gets stop frames at once, also when nothing of ours was running: another remote may have started it.

        Without a channel all channels of that receiver that are on the air stop. ValueError for an id or channel that
        the model cannot carry; Full where too many are stopped on which nothing of ours ran: who is on the air comes first.
        """
        found = False
        shocker = self._load(model)
        for turn in self._turns:
            if turn.key[0] == model and turn.key[1] == rf_id and (channel is None or channel == turn.key[2]):
                turn.stop(now)  # nothing is allocated for it
                found = True
        if not found:
            self._stop_other((model, rf_id, _channel(shocker, channel)), shocker, now)

    def _stop_other(self, key, shocker, now):
        """None; a receiver that is not on the air gets stop frames. Full, ValueError as `stop`."""
        is_ours = any([idle == key for idle, _ in self._idle])
        if not is_ours and len([None for turn in self._turns if turn.stranger]) >= _STRANGERS:
            self._make_room(now, True)
        elif len(self._turns) >= _MOST:
            self._make_room(now, False)
        try:
            turn = self._enter(key, shocker)
        except MemoryError:
            raise Full  # who is on the air is not to suffer for it
        turn.stranger = not is_ours
        turn.stop(now)

    def _enter(self, key, shocker):
        """A new turn at the end of the round; its receiver is idle no longer. ValueError as `shocker.stop`."""
        turn = Turn(key, shocker.stop(key[1], key[2]), key[0] in self._bare)
        for at, (idle, _) in enumerate(self._idle):
            if idle == key:
                self._idle.pop(at)
                break
        self._turns.append(turn)
        return turn

    def _leave(self, turn, now):
        """None; its goodbye is said: from now on it is idle. The longest idle one is forgotten when there are too many."""
        if turn.stranger:
            return
        self._idle.append((turn.key, now))
        if len(self._idle) > _MOST:
            self._idle.pop(0)

    def _wake_one(self, now):
        """None; the receiver that has been idle for a minute hears stop frames, one at a time."""
        if self.keep_alive and self._idle and now - self._idle[0][1] >= _KEEP_ALIVE_MS and len(self._turns) < _MOST:
            key = self._idle[0][0]
            if key[0] in self._bare:
                self._idle.append((self._idle.pop(0)[0], now))
                return
            self._enter(key, self._load(key[0]))

    def _make_room(self, now, among_strangers):
        """None; a stop needs no space (S5): the receiver that has heard most of its goodbye goes, never one still to be told.

        Raise Full where it shall be a stranger and each of them has still to be told.
        """
        heard = None
        for turn in self._turns:
            is_over = not turn.active(now) and turn.goodbyes and (turn.stranger or not among_strangers)
            if is_over and (heard is None or turn.goodbyes > heard.goodbyes):
                heard = turn
        if heard:
            self._turns.remove(heard)
        elif among_strangers:
            raise Full

    def stop_all(self, now):
        """None; everything on the air gets stop frames, a full goodbye of them."""
        for turn in self._turns:
            turn.stop(now)

    def active(self, now):
        """How many receivers have frames other than stop frames due."""
        count = 0
        for turn in self._turns:  # sum() would allocate
            if turn.active(now):
                count += 1
        return count

    def stopping(self):
        """True while a first stop frame is due: it is the next on the air."""
        for turn in self._turns:  # noqa: SIM110  (any() would allocate)
            if turn.hurry:
                return True
        return False

    def busy(self):
        """True while anything is due, a stop frame included."""
        return bool(self._turns)

    def next(self, now, only_stops=False):
        """The pulse train to send now, or None when the air is quiet. One frame of each receiver in turn; first stops go first.

        `only_stops`: what is active waits.
        """
        turns = self._turns
        at = 0
        while at < len(turns):
            if turns[at].over(now):
                self._leave(turns.pop(at), now)
            else:
                at += 1
        self._wake_one(now)
        if not turns:
            return None
        at = self._first(now, only_stops)
        if at < 0:
            return None
        chosen = _move(turns, at, len(turns) - 1, 1)
        self._sent = chosen
        self.saying_stop = not chosen.active(now)
        self.missed = chosen.key if chosen.waits and self.saying_stop else None
        return chosen.train(now)

    def _first(self, now, only_stops):
        """The place of the turn that is next, or -1. Who is to stop comes first, and among them those who were ours."""
        turns = self._turns
        found = -1 if only_stops else 0
        stranger = -1
        for at in range(len(turns)):
            if turns[at].hurry:
                if not turns[at].stranger:
                    return at
                stranger = at if stranger < 0 else stranger
            if found < 0 and not turns[at].active(now):
                found = at
        return found if stranger < 0 else stranger

    def again(self, spoilt):
        """None; told after each frame: one that was spoilt is next once more, if its receiver still has anything due then.

        Once: what is spoilt again is not repeated again.
        """
        turn = self._sent
        turn.repeats = spoilt and not turn.repeats
        if turn.repeats and turn in self._turns:
            _move(self._turns, self._turns.index(turn), 0, -1)
            if self.saying_stop:
                turn.unsaid()


def _move(turns, at, to, step):
    """The turn at `at`, which is at `to` now; those between made room by one place. In place: nothing is allocated or freed."""
    turn = turns[at]
    while at != to:
        turns[at] = turns[at + step]
        at += step
    turns[to] = turn
    return turn
