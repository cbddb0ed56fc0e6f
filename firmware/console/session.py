"""The serial console: edits a line, hands it to the commands, finds Improv's packets in between, leaves to the REPL on Ctrl-C.

Imported when somebody types first (listener.py).
"""

import asyncio
from collections import namedtuple

from micropython import const

from firmware import requests
from firmware.console import commands
from lib import tasks
from lib.improv import FAULT, SCAN, WIFI, Improv
from lib.strict_utf8 import is_utf8

_LONGEST = const(4096)  # bytes of a line
_PIECE = const(256)  # bytes of an answer at once
_TURN = const(32)  # bytes before the others have their turn
_IDLE_MS = const(20)  # at 115200 baud 230 bytes, and the chip keeps 260
_AWAY_MS = const(20000)  # nobody went on with a line for so long: it is lost
_DONE_MS = const(5000)  # behind a whole line nobody typed for so long: somebody else may have the memory
_CALM_MS = const(100)  # Ctrl-C among noise is noise
# so long after the last byte the changes are put to use: whoever sends five lines needs no five restarts
_REST_MS = const(1000)

_ENTER = const(1)
_LEAVE = const(2)

_BUSY = const(255)  # Improv's "unknown error"

# What the console is given. `settings()` gives the Settings, for each line anew. `request(kind, detail)`: requests.py.
# `lamp`: a Lamp, or None.
# `access()`: (name, key, code) of the open access point, or None; `urls()`: texts, where the device's own page is found;
# `facts()`: [(group, name, value)], all texts, for sysinfo and status. `await leave()`: everything is quiet, and the watchdog
# will let a person work in the REPL. `ask(what, detail)`: as connection.Link.ask.
Rooms = namedtuple(
    "Rooms",
    ("settings", "dispatcher", "latch", "log", "wifi", "request", "lamp", "access", "urls", "facts", "leave", "ask"),
)


class Console:
    """`terminal`: lib/repl_stdio.py's face. `rooms`: a Rooms. `clock()` gives ms. Commands get this object as their desk."""

    def __init__(self, terminal, rooms, clock):
        self.rooms = rooms
        self.clock = clock
        self.echo = True
        self.joining = False  # a network is being tried
        self.leaving = False  # somebody asked for the REPL
        self._terminal = terminal
        self._improv = Improv()
        self._line = bytearray()
        self._fault = ""  # why the line that is being typed cannot be taken
        self._noise_ms = -_CALM_MS
        self._job = None  # the request that takes seconds
        self._wanted = None  # the event that there is one
        self._restart_ms = None

    async def run(self):
        """None when nobody has typed for a while. KeyboardInterrupt comes out, with all quiet, when somebody wants the REPL."""
        self._job, self._wanted = None, asyncio.Event()
        self.echo = self.rooms.settings().get("console.echo")
        await tasks.together(self._listen(), self._toil())

    def say(self, line):
        """None; one line of text to whoever is at the other end."""
        self._terminal.write((line + "\r\n").encode())

    async def _tell(self, line):
        """None; one line of any length, a text or its pieces, as fast as the other end takes it. Where nobody does, the rest is
        left out."""
        try:
            for part in (line,) if isinstance(line, str) else line:
                data = part.encode()
                for at in range(0, len(data), _PIECE):
                    await asyncio.sleep_ms(0)
                    while not self._terminal.takes(_PIECE):
                        await asyncio.sleep_ms(_IDLE_MS)
                    self._terminal.write(data[at : at + _PIECE], True)
        finally:
            self._terminal.write(b"\r\n")

    def send(self, packet):
        """None; bytes, as they are."""
        self._terminal.write(packet)

    def restart_soon(self):
        """None; nothing is sent any more, and after a second without input the device starts anew, to use its settings (S12)."""
        self.rooms.dispatcher.lock("settings changed")
        self._restart_ms = self.clock() + _REST_MS

    async def _listen(self):
        left = _TURN
        heard_ms = self.clock()
        while not self._is_left(heard_ms):
            now = self.clock()
            byte = self._terminal.get()
            heard_ms = heard_ms if byte < 0 else now
            for event in self._improv.due(now) if byte < 0 else self._improv.feed(byte, now):
                if type(event) is tuple:
                    await self._asked(event)
                else:
                    asked = self._key(event, now)
                    if asked == _ENTER:
                        await self._enter()
                    if asked == _LEAVE or self.leaving:
                        await self._leave()
            left -= 1
            if byte < 0:
                self._use_changes(now)
                await asyncio.sleep_ms(_IDLE_MS)
                left = _TURN
            elif self._restart_ms is not None:
                self._restart_ms = self.clock() + _REST_MS
            if not left:
                await asyncio.sleep_ms(0)
                left = _TURN

    def _is_left(self, heard_ms):
        """True when nobody has typed for a while, and nothing is under way."""
        patience_ms = _AWAY_MS if self._line or self._fault else _DONE_MS
        return self.clock() - heard_ms >= patience_ms and not self._job and self._restart_ms is None

    def _use_changes(self, now):
        if self._restart_ms is not None and now >= self._restart_ms:
            self._restart_ms = None
            self.rooms.request(requests.RESTART, "new settings, by the console")

    # --- what a person types

    def _key(self, byte, now):
        """_ENTER, _LEAVE, or None while the line is edited."""
        line = self._line
        if byte == 13 or byte == 10:
            return _ENTER
        if byte == 3:
            if not line and not self._fault:
                return _LEAVE if now - self._noise_ms >= _CALM_MS else None
            self._show(b"^C\r\n")
            self._line, self._fault = bytearray(), ""
            return None
        if byte == 8 or byte == 127:
            self._rub_out()
            return None
        if byte >= 0x80 or byte < 32 and byte > 4 and byte != 9 or byte == 0:
            self._noise_ms = now  # or a name with an umlaut: then Ctrl-C waits for a moment
        if byte >= 32 and not self._fault:
            self._append(byte)
        return None

    def _append(self, byte):
        line = self._line
        if len(line) >= _LONGEST:
            self._fault = "a line has at most %d bytes" % _LONGEST
            return
        try:
            line.append(byte)
        except MemoryError:
            self._fault = "there is no memory for such a line"
            self._line = bytearray()
            return
        if len(line) == 1:
            self._show(b"> ")
        self._show(bytes((byte,)))

    def _rub_out(self):
        end = len(self._line) - 1
        while end > 0 and self._line[end] & 0xC0 == 0x80:
            end -= 1  # the rest of a character
        if end >= 0:
            self._show(b"\b \b")
            self._line = self._line[:end]

    def _show(self, data):
        if self.echo and self._line[:1] != b"$":  # a program does not want to read itself
            self._terminal.write(data)

    async def _enter(self):
        line, fault = self._line, self._fault
        if line or fault:
            self._show(b"\r\n")
            self._line, self._fault = bytearray(), ""
        if fault or not is_utf8(line):
            self.say("$SYS$|Error|" + (fault or "not a line of UTF-8"))
            return
        end = line.find(b" ")
        if len(line) > _PIECE and bytes(line[:end]).lower() in (b"jsonconfig", b"$jsonconfig"):
            line[: end + 1] = b""
            boxed, line = [line], None
            await self._carry_out("jsonconfig", boxed)  # kilobytes: read in place, and then let go
            return
        name, _, argument = str(line, "utf-8").strip().partition(" ")
        line = None
        if name[:1] == "$":
            name = name[1:]
        if name:
            await self._carry_out(name.lower(), argument.strip())

    async def _carry_out(self, name, argument):
        """None; the command was answered. The two that stop come first, and need no memory."""
        if name == "stop":
            self.rooms.dispatcher.halt("console")
            self.say("$SYS$|Success|Everything stops")
        elif name == "estop" and argument.lower() == "trip":
            self.rooms.dispatcher.emergency("console")
            self.say("$SYS$|Success|Everything stops, and stays so until somebody clears it")
        else:
            try:
                for line in commands.answer(self, name, argument):
                    await self._tell(line)
            except MemoryError:
                self.say("$SYS$|Error|there is not enough memory for that just now")

    async def _leave(self):
        self.rooms.dispatcher.lock("console")
        await self.rooms.leave()
        self._terminal.release()
        raise KeyboardInterrupt

    # --- what an Improv client asks

    async def _asked(self, request):
        """None; what takes seconds goes to `_toil`: whoever wants to stop must not wait for it."""
        slow = request[0] == WIFI or request[0] == SCAN
        if not slow:
            await self._provide(request)
        elif self._job:
            await self._provide((FAULT, _BUSY))
        else:
            self._job = request
            self._wanted.set()

    async def _toil(self):
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            try:
                await self._provide(self._job)
            finally:
                self._job = None

    async def _provide(self, request):
        from firmware.console import improv_provisioning

        try:
            await improv_provisioning.answer(self, *request)
        except MemoryError:
            self.say("$SYS$|Error|there is not enough memory for that just now")
