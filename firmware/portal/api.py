"""What the set-up page may ask of the device, and what it means: a call and its body in, a status and an answer out. Knows no HTTP.

A new call is a row of ACTS, and a function of one of the acts_ rooms. No answer ever holds a key or a token, but `hello` the
one of this set-up.
"""

import asyncio
import binascii
import os

from micropython import const

from firmware.portal import account_actions, board_actions, rules, wifi_actions
from firmware.portal.account import AccountSetup
from firmware.portal.board import BoardSetup
from firmware.portal.session import Work, Wrong, store
from firmware.portal.wifi import WifiSetup
from firmware.version import VERSION
from lib import tasks

IDLE_MS = const(600000)
_LOOK_MS = const(50)
_PAUSE_MS = const(1000)
LOST = 3  # rounds of all networks that failed: then Wi-Fi is what somebody came for

LOOKS = ("hello", "state", "scan")  # by GET
ACTS = {  # by POST, what changes something
    "scan": wifi_actions.scan,
    "wifi": wifi_actions.ask,
    "wifi/forget": wifi_actions.forget,
    "board": board_actions.change,
    "caps": board_actions.caps,
    "hostname": board_actions.rename,
    "pulse": board_actions.pulse,
    "account": account_actions.change,
    "reach": account_actions.reach,
    "pair": account_actions.pair,
    "rules": rules.change,
    "rules/try": rules.attempt,
    "done": None,
}
_SLOW = ("pair",)  # a coroutine: a server is asked, and the page waits for it


class Setup:
    """One set-up, from the opening of the page to its end. `rooms` is a `session.Rooms`; `name` is the access point's.

    `hands_out`: the access point has a key, so whoever is here may have the token without typing it.
    """

    def __init__(self, rooms, name, hands_out, idle_ms=IDLE_MS):
        self._rooms = rooms
        self._log = rooms.log
        self._name = name
        self._hands_out = hands_out
        self._idle_ms = idle_ms
        self._touched_ms = rooms.clock()
        self._was_latched = rooms.latch.latched
        self._estop_seen = False
        self._work = Work()
        self.board = BoardSetup(rooms)
        self.wifi = WifiSetup(rooms, self._work)
        self.account = AccountSetup(rooms, self._work)
        self.token = binascii.hexlify(os.urandom(8)).decode()  # the console shows it
        self.over = ""  # "done" or "idle" once this set-up has ended

    def admits(self, token):
        """True when `token` is that of this set-up. As long for a wrong one as for the right one."""
        if not isinstance(token, str) or len(token) != len(self.token):
            return False
        difference = 0
        for ours, theirs in zip(self.token, token):
            difference |= ord(ours) ^ ord(theirs)
        return difference == 0

    async def call(self, method, name, body):
        """(HTTP status, answer): a dict that JSON can carry. `body` is a dict."""
        if name not in (LOOKS if method == "GET" else ACTS):
            known = name in LOOKS or name in ACTS
            return (405, {"error": "not so"}) if known else (404, {"error": "no such call"})
        if self.over and (method, name) != ("GET", "state"):
            return 409, {"error": "the set-up is over: the device restarts"}
        if (method, name) not in (("GET", "state"), ("GET", "hello")):
            self.touch()  # a page that lies open asks for the state: that alone keeps nothing open
        if method == "POST":
            await self._work.give_way()
        try:
            answer = await self._carry_out(method, name, body)
            return 200, self._state() if answer is None else answer
        except Wrong as wrong:
            answer = {"error": wrong.words}
            if wrong.field:
                answer["field"] = wrong.field
            return wrong.status, answer

    async def _carry_out(self, method, name, body):
        """The answer, None for the state. Wrong."""
        if name == "done":
            return self._done()
        if method == "GET":
            return self._hello() if name == "hello" else self.wifi.heard() if name == "scan" else None
        answer = ACTS[name](self, body)
        return await answer if name in _SLOW else answer

    def touch(self, idle_ms=0):
        """None; somebody is there: the idle time begins anew, and is `idle_ms` at least."""
        self._idle_ms = max(self._idle_ms, idle_ms)
        self._touched_ms = self._rooms.clock()

    async def run(self):
        """ "done" when somebody has finished, "idle" when nobody has asked for anything for `idle_ms`."""
        await tasks.together(
            self._watch(), tasks.supervise("setup", self._work.run, self._rooms.log, lambda: _PAUSE_MS, lambda *_: None)
        )
        return self.over

    async def _watch(self):
        """None when this set-up is over; looks at the e-stop meanwhile."""
        while not self.over:
            self._look()
            if self._work.busy:
                self.touch()
            elif self._idle_left() <= 0:
                self.over = "idle"
            await asyncio.sleep_ms(_LOOK_MS)

    def _look(self):
        latched = self._rooms.latch.latched
        if self._rooms.pressed() or latched and not self._was_latched:
            self._estop_seen = True
        self._was_latched = latched

    def _idle_left(self):
        return max(0, self._touched_ms + self._idle_ms - self._rooms.clock())

    # --- the calls

    def _hello(self):
        return {"token": self.token if self._hands_out else None, "name": self._name, "version": VERSION}

    def _state(self):
        self._look()
        settings = self._rooms.settings
        return {
            "step": self._step(),
            "board": self.board.state(),
            "models": self.board.models,
            "caps": settings.section("cap"),
            "rules": settings.get("rules"),
            "hostname": settings.get("hostname"),
            "wifi": self.wifi.state(),
            "account": self.account.state(),
            "estop": {
                "latched": self._rooms.latch.latched,
                "pressed": bool(self._rooms.pressed()),
                "seen": self._estop_seen,
                "progress": self._rooms.progress(),
            },
            "idle_ms_left": self._idle_left(),
        }

    def _step(self):
        """What is missing first. Whoever comes back to a device that was set up is not sent through the tests again."""
        saved, account = bool(self._rooms.settings.get("wifi")), self.account.complete()
        fresh = not (saved and account)
        steps = (
            ("board", self.board.rf_pin() is None),
            ("radio", fresh and not self.board.pulsed),
            ("estop", fresh and self.board.has_estop() and not self._estop_seen),
            ("wifi", not saved or self._rooms.wifi.failed_rounds >= LOST and not self._rooms.wifi.online()),
            ("account", not account),
        )
        for step, missing in steps:
            if missing:
                return step
        return "done"

    def _done(self):
        store(self._rooms.settings, [])  # whatever was said is in the file, or the page hears that it is not
        self.over = "done"
        self._log.info("setup", "done")
        return {"restarting": True}
