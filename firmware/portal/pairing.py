"""A device gets its account at DSP Fleet while somebody sets it up: the page shows the code. In memory only meanwhile.

A closed page ends nothing: its owner may be at the website, with the same phone. Whoever asks for something else ends it.
"""

import asyncio

from micropython import const

from firmware.backends import _dsp_messages
from firmware.command import Leave
from firmware.link.http_and_websocket import Reach
from firmware.portal.check_connection import HELLO, SEPARATOR, Door, call, heard, opened, refused, table, why
from firmware.portal.check_way import OFFLINE, agent, timed
from firmware.portal.session import Wrong, store
from lib import tasks
from lib.log import INFO
from lib.websocket_frame import TEXT, frame

_NAME = "dsp_fleet"
_WHOLE_MS = const(600000)  # a person goes to a computer, and logs in there
_CODE_MS = const(60000)  # until there is a code
_SILENT_MS = const(30000)
_PING_MS = const(15000)
_LOOK_MS = const(100)
_MINUTE_MS = const(60000)
_LONGEST = const(16)  # characters of a code
_MOST = const(8192)  # bytes of a record

_TRIES = const(3)  # where there is no memory: the page may have it at that moment
_PAUSE_MS = const(1000)
_NO_MEMORY = "not enough memory"  # as lib/tls.py says it


async def paired(rooms, work, tell):
    """(whether this device has an account now, in words). `tell(text)` hears the code. Wrong says what has ended it."""
    if not rooms.wifi.online():
        return False, OFFLINE
    pairing = _Pairing(rooms, tell)
    for left in range(_TRIES - 1, -1, -1):
        try:
            await tasks.together(pairing.watch(work), pairing.run())
            break
        except MemoryError:
            if not left:
                raise
        except (Leave, OSError, EOFError) as fault:
            words = why(fault)
            if not left or not words.endswith(_NO_MEMORY):
                return False, words
        await asyncio.sleep_ms(_PAUSE_MS)
    return pairing.outcome if pairing.bound is None else (True, _kept(rooms, pairing.bound))


class _Pairing:
    """`bound`: what DeviceBound gives, None before; `outcome`: how it ended otherwise, (False, in words)."""

    def __init__(self, rooms, tell):
        self._rooms = rooms
        self._clock = rooms.clock
        self._tell = tell
        self._base = rooms.settings.get(_NAME + ".url").rstrip("/")
        self._agent = agent(rooms)
        self._begun = None  # (guid, code, s that it is good) of a pairing that was begun by HTTP
        self._given = True  # the hub gives codes, as far as anybody knows
        self._code = False  # the page has one
        self._part = b""  # of a record
        self._writer = None
        self._until = self._clock() + _CODE_MS
        self._heard = self._said = 0  # when, in ms
        self.outcome = False, ""
        self.bound = None

    async def watch(self, work):
        """Wrong, as soon as this has to end. The server is told meanwhile that we are there."""
        while True:
            now = self._clock()
            if work.wanted:
                raise Wrong(409, "the pairing has ended: something else was asked for")
            if self._rooms.dispatcher.busy():
                raise Wrong(409, "the pairing has ended: something is on the air")
            if not self._rooms.wifi.online():
                raise Wrong(409, "not connected to the internet any more")
            if now >= self._until:
                no = "nobody has entered the code: ask for a new one"
                raise Wrong(504, no if self._code else "no whole answer within %d s" % (_CODE_MS // 1000))
            if self._code and now - self._heard >= _SILENT_MS:
                raise Wrong(504, "nothing received for %d s" % (_SILENT_MS // 1000))
            if self._code and self._writer and now - self._said >= _PING_MS:
                self._said = now
                _ping(self._writer)
            await asyncio.sleep_ms(_LOOK_MS)

    async def run(self):
        """None; the server has said how it ends. Leave, OSError, EOFError, Wrong."""
        await timed(self._rooms, self._base)
        if self._given:
            await self._visit("RequestPairingCode", [])
        if not self._given:
            if not self._begun:
                await self._begin()
            await self._visit("RegisterConnectionForPairing", [self._begun[0]])

    async def _begin(self):
        rooms = self._rooms

        errand = "POST", self._base + "/api/device/init", [self._agent, ("Content-Type", "application/json")], b"{}"
        status, body, _, wrong = await Reach(rooms.wifi, rooms.keeper, rooms.roots).run(errand)

        self._begun = _dsp_messages.begun(body) if 200 <= status < 300 else None
        if not self._begun or not self._begun[1]:
            raise Wrong(502, wrong or "the server begins no pairing (%d)" % status)

    async def _visit(self, target, arguments):
        messages = HELLO, call(target, arguments)
        door = Door(self._base + "/hubs/pairing", [self._agent], messages, self._judge, "")
        self._part = b""
        reader, self._writer, data = await opened(self._rooms, door)
        try:
            self.outcome = await heard(door, reader, self._writer, data)
        finally:
            self._writer = None

    def _judge(self, text):
        """As of a Door: what ends the connection, None as long as nothing does."""
        self._heard = self._clock()
        records = (self._part + text).split(SEPARATOR.encode())
        self._part = records.pop()
        if len(self._part) > _MOST:
            return False, "the server broke the protocol"
        for record in records:
            record = table(record)
            kind = record.get("type")
            wrong = refused(record)
            if wrong or kind == 7:
                return False, wrong or "closed by the server"
            if kind == 3 and record.get("invocationId") == "1":
                wrong = self._answered(record.get("result"))
                if wrong:
                    return False, wrong
            elif kind == 1 and str(record.get("target")).lower() == "devicebound":
                arguments = record.get("arguments")
                self.bound = arguments[0] if isinstance(arguments, list) and arguments else ()
                return True, ""
        return None

    def _answered(self, result):
        """What is wrong with the answer, in words; "" when the page has the code now."""
        code, good_ms = result, _WHOLE_MS
        if self._begun:
            if result is not True:
                return "the server does not know any more that it began a pairing"
            code, good_s = self._begun[1:]
            if good_s > 0:
                good_ms = min(good_s * 1000, _WHOLE_MS)
        elif type(code) is not str or not 0 < len(code.strip()) <= _LONGEST:
            self._given = False
            return "the hub gives no code"
        self._code, self._said, self._until = True, self._heard, self._heard + good_ms
        shown = "pairing code " + code.strip()
        minutes = max((good_ms + _MINUTE_MS // 2) // _MINUTE_MS, 1)
        self._tell("%s: enter it on the website; it is good for %d minutes" % (shown, minutes))
        self._rooms.log.line(INFO, "setup", shown)
        return ""


def _ping(writer):

    writer.write(frame(TEXT, b'{"type":6}\x1e'))


def _kept(rooms, bound):
    """As whom the device is paired, in words; the settings have the account. Wrong when it makes no sense, or cannot be written."""
    try:
        account = _dsp_messages.bound(bound, rooms.settings.get(_NAME + ".url").rstrip("/"))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise Wrong(502, "the server's answer makes no sense")
    store(rooms.settings, [(_NAME + "." + key, value, "") for key, value in account.items()])
    rooms.log.line(INFO, "setup", "paired")
    return "paired as " + (account["name"] or account["device_id"] or "somebody")
