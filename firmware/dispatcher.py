"""One order in, one effect out. Every order of every source passes here, and leaves a line in the log with its reason (S25)."""

from firmware import command as orders
from firmware import safety as rules
from firmware.command import ACTIONS, STOP
from firmware.scheduler import Full
from lib.plugs import NoSuchPlug


class Dispatcher:
    """`wishes` takes what needs another mode: ("portal", bool), ("update", version), ("restart", who).

    `clock()` gives ms that only grow, `wall()` µs since 1970, or None while nobody has set the clock.
    """

    def __init__(self, safety, scheduler, radio, latch, clock, wall, log, wishes):
        self._safety = safety
        self._scheduler = scheduler
        self._radio = radio
        self._latch = latch
        self._clock = clock
        self._wall = wall
        self._log = log
        self._wishes = wishes
        self._keep_alive = scheduler.keep_alive  # as the settings have it
        scheduler.keep_alive = scheduler.keep_alive and not latch.latched
        radio.latched = latch.latched
        self.locked = ""  # why the radio may send nothing but stop frames; "" when it may
        self._duties = {
            orders.ACT: self._act,
            orders.REFUSE: self._refuse,
            orders.HALT: self.halt,
            orders.EMERGENCY: self.emergency,
            orders.PORTAL: self._portal,
            orders.UPDATE: self._update,
            orders.RESTART: self._restart,
            orders.NOTE: self._note,
        }

    def obey(self, order, detail):
        """None; does what `order` says, at once."""
        self._duties[order](detail)

    def busy(self):
        """True while some receiver has frames other than stop frames due."""
        return self._scheduler.active(self._clock()) > 0

    def halt(self, why):
        """None; everything stops, every receiver that was on the air gets its stop frames. Needs no room and no leave (S5)."""
        now = self._clock()
        active = self._scheduler.active(now)
        self._scheduler.stop_all(now)
        self._safety.stopped_all(now, self._wall())
        self._radio.wake()
        if active:
            self._log.info("stop", "all: " + why)

    def lock(self, why):
        """None; stops everything, and lets nothing but stop frames out until `unlock` (S12)."""
        self.halt(why)
        self.locked = why

    def unlock(self):
        """None; commands pass again."""
        self.locked = ""

    def _act(self, asked):
        now = self._clock()
        admitted, reason = self._safety.judge(asked, now, self._wall())
        try:
            if admitted and admitted.action == STOP:
                self._scheduler.stop(admitted.model, admitted.rf_id, admitted.channel, now)
                self._safety.stopped(admitted, now, self._wall())
            elif admitted and self._latch.latched:
                admitted, reason = self._safety.refuse("estop")
            elif admitted and self.locked:
                admitted, reason = self._safety.refuse("locked")
            elif admitted:
                self._scheduler.put(admitted, now)
                self._safety.book(admitted, now)
        except NoSuchPlug:
            admitted, reason = self._safety.refuse("model")
        except ValueError:
            admitted, reason = self._safety.refuse("unsupported")
        except Full:
            admitted, reason = self._safety.refuse("full")
        if admitted:
            self._radio.wake()
            self._log.info("act", _words(admitted))
        else:
            self._log.warning("refused", "%s: %s" % (rules.REASONS[reason], _words(asked)))

    def _refuse(self, detail):
        reason, what = detail
        self._safety.refuse(reason)
        self._log.warning("refused", "%s: %s" % (rules.REASONS[reason], what))

    def emergency(self, who):
        """None; everything stops, and stays stopped over restarts until somebody clears it here, in person (S7, S8)."""
        first = not self._latch.latched
        self._latch.close()  # before all that could fail
        self._radio.latched = True
        self._scheduler.keep_alive = False
        self.halt("emergency stop, " + who)
        if first:
            self._log.warning("estop", "latched: " + who)
        try:
            self._latch.trip()
        except OSError as fault:
            self._log.error("estop", "latched, but the storage does not keep it (%s)" % fault)

    def clear_estop(self, who):
        """None; the latch is cleared, by a deliberate local act alone. No backend may ever call this. Restarts nothing."""
        self._latch.clear()
        self._radio.latched = False
        self._scheduler.keep_alive = self._keep_alive
        self._log.warning("estop", "cleared: " + who)

    def _portal(self, wanted):
        self._wishes("portal", wanted)

    def _update(self, version):
        self._wishes("update", version)

    def _restart(self, who):
        self._wishes("restart", who)

    def _note(self, text):
        self._log.info("note", text)


def _words(command):
    model, rf_id, action, level, duration_ms, channel, source, _ = command
    name = ACTIONS[action] if type(action) is int and 0 <= action < len(ACTIONS) else "?"
    return "%s %s %s for %s ms to %s %s%s" % (
        source,
        name,
        level,
        duration_ms,
        model,
        rf_id,
        "" if channel is None else " channel %s" % channel,
    )
