"""One order in, one effect out. Every order of every source passes here, and leaves a line in the log with its reason (S25)."""

from micropython import const

from firmware import command as orders
from firmware import requests
from firmware.command import ACTIONS, SOUND, STOP, VIBRATE, whole
from firmware.control import safety as rules
from firmware.control.inbox import Inbox
from firmware.control.scheduler import Full
from lib.idle import TIMES
from lib.log import INFO
from lib.plugins import NoSuchPlugin

_NOTE_MS = const(1000)
TEST_LEVEL = const(30)  # what a test pulse may be at most
TEST_MS = const(1000)
_SAME_US = const(1000000)  # two clocks that differ by less are the same: a service tells whole seconds


class Dispatcher:
    """What each order does. `context`: `clock()` in ms that only grow, `wall()` in µs since 1970 or None while nobody has set the
    clock, `log`, and `request(kind, detail)` for what is not the radio's business (requests.py).
    """

    def __init__(self, safety, scheduler, radio, latch, context):
        self._safety = safety
        self._scheduler = scheduler
        self._radio = radio
        self._latch = latch
        self._clock = context.clock
        self._wall = context.wall
        self.ahead_us = 0  # that the clock by which orders are timed is ahead of ours
        self._log = context.log
        self._request = context.request
        self._inbox = Inbox(safety.refuse, self._overtake)
        radio.digest = self.digest
        self._keep_alive = scheduler.keep_alive  # as the settings have it
        scheduler.keep_alive = scheduler.keep_alive and not latch.latched
        radio.latched = latch.latched
        self.locked = ""  # why the radio may send nothing but stop frames; "" when it may
        self._tests = False  # the lock lets test pulses through
        self._remember = None  # keeps what was given lately over a restart
        self._past = ""  # what it was told last …
        self._past_ms = 0  # … and when
        self._booked = True  # it has not been told of the last command
        self.rules = None  # a rules.Rules where somebody has set some
        self.on_stale = None  # called when the age of an order was no good: our clock may be wrong
        self._duties = {
            orders.ACT: self._act,
            orders.REFUSE: self._refuse,
            orders.HALT: self.halt,
            orders.EMERGENCY: self._emergency,
            orders.PORTAL: self._portal,
            orders.UPDATE: lambda version: self._request(requests.UPDATE, version),
            orders.RESTART: lambda who: self._request(requests.RESTART, who),
            orders.KEEP: lambda detail: self._request(requests.STORE, detail),
            orders.NOTE: self._note,
            orders.EVENT: self._event,
        }

    def obey(self, order, detail):
        """None; does what `order` says, at once."""
        self._duties[order](detail)

    def receive(self, order, detail):
        """None; for a connection: a stop is carried out at once, all else as soon as what was received has been read (S27)."""
        if orders.stops((order, detail)):
            self.obey(order, detail)
        else:
            self._inbox.put(order, detail)
            self._radio.wake()

    def _overtake(self, command):
        self._safety.overtake(command, self._clock())

    def attend(self):
        """None; for a connection that has read something: more may be there, and be a stop."""
        self._radio.attend()

    def digest(self):
        """False when nothing waits that was received, or may begin; else the next of it was carried out. For the frame loop."""
        waiting = None if TIMES.held else self._inbox.next()
        if waiting is None:
            return False
        self.obey(*waiting)
        return True

    def refusals(self):
        """How many commands were refused since the start: a reason of safety.py → a number."""
        return self._safety.refused

    def busy(self):
        """True while some receiver has frames other than stop frames due."""
        return self._scheduler.active(self._clock()) > 0

    def follow(self, rules):
        """None; from now on these, a rules.Rules, say what becomes of events."""
        self.rules = rules

    def halt(self, why):
        """None; everything stops, every receiver that was on the air gets its stop frames. Needs no room and no leave (S5)."""
        now = self._clock()
        active = self._scheduler.active(now)
        self._scheduler.stop_all(now)  # before all that needs memory
        self._radio.wake()
        self._inbox.stop_all()
        self._safety.stopped_all(now, self._sender_us())
        if active:
            self._log.info("stop", "all: " + why)

    def recall(self, past, remember):
        """None; `past` is what `remember` was told last before the restart, None where nobody knows (S19)."""
        if not self._safety.recall(past, self._clock()):
            self._log.info(
                "safety", "nobody knows what was given before: all rest first, with half of a minute's budget"
            )
        self._remember = remember
        self.note_past(True)

    def note_past(self, at_once=False):
        """None; what was given lately is remembered where it has changed, once a second at most. For the frame loop."""
        now = self._clock()
        if not self._remember or not at_once and now - self._past_ms < _NOTE_MS:
            return
        self._past_ms = now
        if self._booked or at_once or self._past != rules.NOTHING and not self.busy():
            past = self._safety.past(now)
            if past != self._past:
                self._remember(past)
            self._past, self._booked = past, False

    def stop_first(self):
        """None; nothing is active any more: something is about to hold up the interpreter (lib/idle.py)."""
        if self.busy():
            self.halt("the storage is written")

    def lock(self, why, tests=False):
        """None; stops everything, and lets nothing but stop frames out until the restart (S12); with `tests` test pulses, too."""
        self.halt(why)
        self.note_past(True)  # a restart may follow
        self.locked = why
        self._tests = tests

    def test_pulse(self, asked):
        """Empty when `asked` goes out: the set-up's test, which alone passes a lock that was made for it. Else why not.

        Vibrate or sound, at most 30 % for a second; all other rules bind it as well, the latch first of all.
        """
        gentle = whole(asked.intensity, 0, TEST_LEVEL) and whole(asked.duration_ms, 1, TEST_MS)
        if not (gentle and asked.action in (VIBRATE, SOUND)):
            self._refuse(("test", _words(asked)))
            return "test"
        return self._admit(asked, "" if self._tests else self.locked or "nobody is setting up")

    def foresee(self, asked):
        """(`asked` as it would go out now, "") or (None, a reason of safety.py). Nothing is sent, booked or counted.

        A lock does not count: it is for a while, as the set-up's, in which somebody wants to know what will be behind it.
        """
        refused = self._safety.refused
        self._safety.refused = {}
        try:
            admitted, reason = self._safety.judge(asked, self._clock(), self._sender_us())
        finally:
            self._safety.refused = refused
        return (None, "estop") if admitted and self._latch.latched else (admitted, reason)

    def compare(self, ahead_us):
        """None; a service's clock is so many µs ahead of ours, give or take a second: the age of orders is judged by it (S16)."""
        if abs(ahead_us) <= _SAME_US:
            ahead_us = 0
        if abs(ahead_us - self.ahead_us) > _SAME_US:
            self.ahead_us = ahead_us
            self._log.warning("time", "the clock of the service is %d s ahead of ours" % (ahead_us // 1000000))
            if self.on_stale and ahead_us:
                self.on_stale()

    def _sender_us(self):
        """Return the time of day by the clock of whoever times the orders, None while nobody knows ours."""
        now_us = self._wall()
        return None if now_us is None else now_us + self.ahead_us

    def _act(self, asked):
        self._admit(asked, self.locked)

    def _admit(self, asked, locked):
        """Empty when `asked` passed, otherwise why not; with `locked` nothing but a stop passes."""
        now = self._clock()
        admitted, reason = self._safety.judge(asked, now, self._sender_us())
        repeated = False  # live control: kept in the log, but not written ten times a second
        try:
            if admitted and admitted.action == STOP:
                self._scheduler.stop(admitted.model, admitted.rf_id, admitted.channel, now)
                self._inbox.stop(admitted.model, admitted.rf_id, admitted.channel)
                self._safety.stopped(admitted, now, self._sender_us())
            elif admitted and self._latch.latched:
                admitted, reason = self._safety.refuse("estop")
            elif admitted and locked:
                admitted, reason = self._safety.refuse("locked")
            elif admitted and TIMES.held:
                admitted, reason = self._safety.refuse("busy")
            elif admitted:
                repeated = self._safety.repeats(admitted, now)
                self._scheduler.put(admitted, now)
                self._safety.book(admitted, now)
                self._booked = True
        except NoSuchPlugin:
            admitted, reason = self._safety.refuse("model")
        except ValueError:
            admitted, reason = self._safety.refuse("unsupported")
        except Full:
            admitted, reason = self._safety.refuse("full")
        if admitted:
            self._radio.wake()
            self._log.line(INFO, "act", _words(admitted), repeated)
        else:
            self._log.warning("refused", "%s: %s" % (rules.words(reason), _words(asked)))
            if self.on_stale and reason in ("stale", "future"):
                self.on_stale()
        return reason

    def _refuse(self, detail):
        reason, what = detail
        self._safety.refuse(reason)
        self._log.warning("refused", "%s: %s" % (rules.words(reason), what))

    def emergency(self, who):
        """None; everything stops, and stays stopped over restarts until somebody clears it here, in person (S7, S8).

        For whoever is at the device: the services hear of it behind that, and may stop other devices.
        """
        if self._emergency(who):
            self._request(requests.STOP_OTHERS, who)

    def _emergency(self, who):
        """True when it was not latched before; as `emergency`, and nobody else hears of it."""
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
        return first

    def clear_estop(self, who):
        """True when the latch is cleared, by a deliberate local act alone. No backend may ever call this. Restarts nothing.

        False when the storage refuses: it would be latched again at the next start, and nobody knew why.
        """
        try:
            self._latch.clear()
        except OSError as fault:
            self._log.error("estop", "it stays latched, the storage refuses (%s)" % fault)
            return False
        self._radio.latched = False
        self._scheduler.keep_alive = self._keep_alive
        self._log.warning("estop", "cleared: " + who)
        return True

    def _portal(self, wanted):
        """Ask for the set-up, for a service. Not while the emergency stop is latched: somebody here has to clear it first."""
        if wanted and self._latch.latched:
            self._refuse(("estop", "the set-up, asked for from afar"))
            return
        self._request(requests.OPEN_PORTAL, requests.AFAR if wanted else 0)

    def _event(self, event):
        """None; what the rules make of it passes as any command does. Without rules it is a line in the log."""
        self._log.info("event", "%s %s %s: %s" % event)
        if self.rules:
            for asked in self.rules.commands(event, self._clock()):
                if asked.action in (VIBRATE, SOUND):
                    self._act(asked)
                else:  # whatever the rules say: an event never shocks
                    self._refuse(("event", _words(asked)))
            for note in self.rules.notes:
                self._log.info("rules", note)

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
