"""Keeps one backend talking: errands, connect, greet, read, keep alive, leave, and once more. Owns no radio and no rule.

A backend never sees a socket; this room never sees a shocker. The contract of a backend is in DESIGN §8:
OPCODE, FRAMES, begin, errand, fetched, request, hello, receive, keepalive, goodbye, and what it has of command.Service.
"""

import asyncio

from micropython import const

from firmware.command import LEAVE, Leave, Unasked
from firmware.link.http_and_websocket import NO_MEMORY, Reach, last_words
from lib import tasks, websocket
from lib.hangup import close
from lib.idle import TIMES

_CHUNK = const(1024)  # bytes a read
_DIGEST_MS = const(20)  # of reading without a turn for others (S26)
_TEND_MS = const(250)  # how often what is due is looked at
_PROBE_MS = const(1000)  # while something is active a WebSocket ping goes out that often (S11)
_SILENT_MS = const(2500)  # active, and no sign of life for so long: lost. Noticed at most _TEND_MS later
_WRITE_MS = const(10000)  # the other side has taken nothing for so long: lost
_PULSE_MS = const(1000)
_STEADY_MS = const(10000)  # up for so long: the back-off starts anew
_ERRANDS = const(8)  # requests before a connection, a negotiation's redirects among them
_FIRST_MS = const(1000)
_CAP_MS = const(60000)
_FAREWELL_MS = const(1000)
_DEAF = "the other side takes nothing"


class Link:
    """The connection of one `backend`. `dispatcher` obeys its orders; `network` is as station.Station: `wait_online()`, `rssi()` …

    `keeper` is as time_sync.Timekeeper: no certificate can be checked before the time is known. `roots` are the DER certificates
    that TLS trusts; `beat()` is called at least once a second. `status` says in words how it stands. `news` has what the
    service is still to be told of updates, as state.Journal: `events()`, `told(count)`; None: nothing. `name`: the backend's.
    """

    def __init__(self, backend, dispatcher, network, keeper, roots, clock, log, beat, news=None, name=""):
        self._backend = backend
        backend.rssi = network.rssi
        self._dispatcher = dispatcher
        self._network = network
        self._reach = Reach(network, keeper, roots, clock, backend.wall, dispatcher.compare if backend.TIMED else None)
        self._clock = clock
        self._log = log
        self._beat = beat
        self._news = news
        self._name = name
        self._backoff = tasks.Backoff(_FIRST_MS, _CAP_MS)
        self._reader = self._writer = self._frames = None
        self._writing = asyncio.Lock()  # a drain that another one overtakes would send twice
        self._due = asyncio.Event()  # something may have to be sent
        self._heard_ms = self._probed_ms = 0
        self._asked = b""  # the payload of the ping under way where an answer proves something; b"" for none
        self._write_ms = None  # when the write under way began
        self.status = "starting"

    async def run(self):
        """Never returns: one connection after the other, with growing pauses between those that fail."""
        await tasks.together(self._connect(), self._pulse())

    async def _pulse(self):
        """Never return; the watchdog's sign of life: whatever is awaited here has a time-out of its own."""
        while True:
            self._beat()
            await asyncio.sleep_ms(_PULSE_MS)

    async def _connect(self):
        while True:
            await self._network.wait_online()
            since_ms = self._clock()
            left = None
            try:
                await self._talk()
            except Leave as leave:
                left = leave
            except (OSError, EOFError) as fault:
                left = Leave("connection lost (%s)" % fault)
            finally:
                # whatever ended it, a fault or a cancelled task included: nobody is left to say stop (S10)
                self._lost()
                left = left or Leave("ended")
                await self._hang_up(left)
            if self._clock() - since_ms >= _STEADY_MS:
                self._backoff.good()
            wait_ms = max(left.wait_ms, self._backend.pause_ms(left.status, left.reason))
            wait_ms += self._backoff.first_ms() if left.meant else self._backoff.next_ms()
            self._say("%s; next try in %d ms" % (left.reason, wait_ms))
            if self.shown():
                self._log.info("link", self.shown())
            await asyncio.sleep_ms(wait_ms)

    def connected(self):
        """Return whether the service has been greeted."""
        return self.status == "connected"

    def ask(self, what, detail):
        """Return "" when the service hears of it at once, otherwise why not, in words: nothing is kept for later.

        `what`, `detail`: as command.Service.ask.
        """
        if not self.connected() and what != "pair":
            return "not connected" + (": " + self.shown() if self.shown() else "")
        try:
            self._backend.ask(what, detail, self._clock())
        except (Unasked, MemoryError) as no:  # at an emergency stop nobody may fall over what others cannot be told
            return str(no)
        self._due.set()
        return ""

    def reached_ms(self):
        """Return when the service last said anything, a refusal included; 0: never."""
        return max(self._heard_ms, self._reach.reached_ms)

    def pairs(self):
        """Return whether a pairing code is to be entered elsewhere."""
        return self._backend.pairs()

    def shown(self):
        """Return what the service wants a person to see now, one line of text; "" for nothing."""
        return self._backend.shown()

    def facts(self):
        """Return how the connection stands, and what a person should see: [(group, name, value)], all texts."""
        return [("Hub", self._name, self.status)] + ([("Hub", "Says", self.shown())] if self.shown() else [])

    def _say(self, text):
        self.status = text
        self._log.info("link", text)

    async def _talk(self):
        """Never returns: one connection, from its errands to its end, which is an exception with the reason."""
        backend = self._backend
        backend.begin(self._clock())
        for _ in range(_ERRANDS):
            if not await self._run_errand():
                break
        began_ms = self._clock()
        self._reader, self._writer, rest = await self._reach.knock(*backend.request(), self._say, backend.TLS_FIRST)
        self._say("connected")
        self._frames, self._asked = backend.FRAMES(), b""
        backend.answered(began_ms, 0)  # all that comes was sent later
        self._heard_ms = self._probed_ms = self._clock()
        try:
            await asyncio.wait_for_ms(self._greet(rest), _WRITE_MS)
        except asyncio.TimeoutError:
            raise OSError(_DEAF)
        # everything stops in the very moment in which one of them ends: each turn of the loop may be a frame (S10)
        await tasks.together(self._listen(), self._watch(), self._tend(), self._errands(), at_end=self._lost)

    async def _greet(self, rest):
        await self._tell(self._backend.hello)
        self._take(rest)

    def _lost(self):
        self._dispatcher.halt("link lost")

    # --- on the way up

    async def _run_errand(self):
        """False when the backend wants nothing fetched now."""
        errand = self._backend.errand(self._clock())
        if errand is None:
            return False
        taker = None
        try:
            taker = self._backend.taker()
            status, body, wait_ms, wrong = await self._reach.run(errand, taker)
        except MemoryError:
            if self._frames and not self._dispatcher.busy():
                raise Leave("no memory for a second connection: fetching between two", meant=True)
            status, body, wait_ms, wrong = 0, b"", 0, NO_MEMORY
        if wrong == NO_MEMORY or taker is not None and taker.starved:
            self._dispatcher.halt(NO_MEMORY)  # S13: wherever memory is lacking, everything stops; the connection stays
        backend = self._backend
        async with TIMES:  # a long answer takes a while to read
            now = self._clock()
            self._obey(backend.unfetched(wrong, now) if wrong else backend.fetched(status, body, wait_ms, now))
        return True

    # --- while it is up: one task reads, one watches, one writes, one runs errands

    async def _listen(self):
        """Never return. What has arrived is read on for a while without a turn for others: each of those may be a frame."""
        while True:
            data = await self._reader.read(_CHUNK)
            since_ms = self._clock()
            while data is not None:
                if not data:
                    raise EOFError("closed without a word")
                self._take(data)
                data = self._reader.s.read(_CHUNK) if self._clock() - since_ms < _DIGEST_MS else None

    def _take(self, data):
        """Obey what `data` says, each order before the next is made. Raise Leave when that ended the connection.

        Answers are for `_tend`: who reads never waits for a side that takes nothing, for what comes next may be a stop (S5).
        """
        self._dispatcher.attend()
        now = self._heard_ms = self._clock()
        receive = self._backend.receive
        self._obey(receive(b"", now))  # any byte is a sign of life
        for opcode, payload in self._frames.feed(data):
            # whoever speaks in texts takes bytes for one; whoever speaks in bytes can make nothing of a text
            if opcode == websocket.BINARY or opcode == self._backend.OPCODE:
                self._obey(receive(payload, now))
            elif opcode == websocket.CLOSE:
                raise Leave(self._frames.fault or "closed by the server: %d %s" % payload, status=payload[0])
            elif opcode == websocket.PONG and payload and payload == self._asked:
                self._asked = b""
                self._backend.answered(self._probed_ms, now - self._probed_ms)
        self._due.set()

    def _obey(self, made):
        for order, detail in made:
            if order == LEAVE:
                raise detail  # what came before it has been obeyed
            self._dispatcher.receive(order, detail)

    async def _watch(self):
        """Never returns; OSError when the other side is silent while something is active (S11). Waits for no writing."""
        while True:
            await asyncio.sleep_ms(_TEND_MS)
            now = self._clock()
            if not self._network.online():
                raise OSError("Wi-Fi is gone")
            if self._write_ms is not None and now - self._write_ms >= _WRITE_MS:
                raise OSError(_DEAF)
            if not self._dispatcher.busy():
                self._heard_ms = max(self._heard_ms, now - _PROBE_MS)  # the silence before an action does not count
            elif now - self._heard_ms >= _SILENT_MS:
                raise OSError("silent while something is active")
            self._due.set()

    async def _tend(self):
        """Never return; send what is due: answers and what was asked for at once, and what time makes due."""
        while True:
            await self._due.wait()
            self._due.clear()
            now = self._clock()
            answers = self._frames.take()
            if answers:
                await self._send_bytes(answers)
            await self._tell()
            await self._send(self._backend.keepalive(now))
            pause_ms = _PROBE_MS if self._dispatcher.busy() else self._backend.PROOF_MS
            if pause_ms and not self._asked and now - self._probed_ms >= pause_ms:
                self._probed_ms = now
                self._asked = b"%d" % now if self._backend.PROOF_MS else b""
                await self._send_bytes(self._frames.ping(self._asked))

    async def _errands(self):
        """Never returns; a map that changed is fetched while the connection stays up, where there is memory for both."""
        while True:
            await asyncio.sleep_ms(_TEND_MS)
            await self._run_errand()

    async def _tell(self, hello=None):
        """None; what the service is still to be told of updates was sent, behind what `hello(now)` gives."""
        events = self._news.events() if self._news else ()
        due = []
        for event in events:
            due += self._backend.report(event)  # before the greeting is made: how an update ended may belong there
        await self._send(list(hello(self._clock())) + due if hello else due)
        if events:
            self._news.told(len(events))

    async def _send(self, messages):
        for message in messages:
            await self._send_bytes(self._frames.message(message, self._backend.OPCODE))

    async def _send_bytes(self, data):
        async with self._writing:
            self._write_ms = self._clock()
            try:
                self._writer.write(data)
                await self._writer.drain()
            finally:
                self._write_ms = None

    async def _hang_up(self, left):
        """End the calls under way, say goodbye where there is somebody to hear it, close the socket."""
        writer = self._writer
        try:
            last = last_words(self._frames, self._backend, left.code)
            self._obey(self._backend.lost(left.reason, self._clock()))
            if last:
                await asyncio.wait_for_ms(self._send_bytes(last), _FAREWELL_MS)
        except (OSError, EOFError, asyncio.TimeoutError):
            pass  # it is gone already
        finally:
            self._reader = self._writer = self._frames = None
            if writer:
                await close(writer)
