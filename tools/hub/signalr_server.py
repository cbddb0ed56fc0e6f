"""SignalR's JSON hub protocol as ASP.NET Core serves it, one connection over aiohttp (reference signalr.md 2, 3)."""

import asyncio
import itertools
import time
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMsgType, web

from tools.hub import calls, tending, wire
from tools.hub.outlet import Outlet

_CLOSE_TIMEOUT_S = 5.0
_MAX_MESSAGE_BYTES = 4 << 20  # aiohttp's limit; the record limit ends a connection long before


class Broken(Exception):
    """The client broke the protocol; its connection ends with a Close record that carries an error."""


@dataclass
class Peer:
    """Who is at the other end, as far as the upgrade request told."""

    user_agent: str
    remote: str
    token: Any = None
    device: Any = None  # the models.Device that this connection is
    link: Any = None  # the models.ShareLink a guest came through
    guest_name: str | None = None
    signed_in: bool = False  # who came through it has a session
    visitor: Any = None  # the models.Device that is a remote there
    refuse: bool = False  # end it right after the handshake, without a reason


class Upgrade(web.WebSocketResponse):
    """A WebSocket whose answer's head can be held back."""

    # The head waits for the first frame: a client that sent its handshake along gets the answer in the 101's segment.
    _send_headers_immediately = False


class Connection:
    """One client. `service` has `methods` (lower-case name → calls.Method), `greet(connection)` → records, `heard`, `gone`."""

    def __init__(self, config, journal, service, peer):
        self.id = wire.new_connection_id()
        self.peer = peer
        self.ready = False
        self.out = None
        self._config = config
        self._journal = journal
        self._service = service
        self._socket = None
        self._buffer = b""
        self.began_at_s = self.heard_at_s = time.monotonic()
        self.armed = False
        self.why = "gone"
        self._calls = itertools.count(1)
        self._pending = {}
        self._kinds = {
            1: self._invocation,
            3: self._completion,
            4: self._stream_invocation,
            6: self._ping,
            7: self._close,
        }

    async def serve(self, request, delay_ms=0, eager=False, silent=False) -> web.WebSocketResponse:
        """Upgrade, greet, obey until the end. `eager`: greet together with the 101, before the client said a word."""
        self._socket = Upgrade(
            timeout=_CLOSE_TIMEOUT_S, autoping=False, compress=False, max_msg_size=_MAX_MESSAGE_BYTES
        )
        head = await self._socket.prepare(request)
        self.out = Outlet(request.transport, head, self._config.fragment_bytes, delay_ms, self._config.batch_ms)
        if eager:
            self._greet()
        await self._uncorked(eager)
        if silent:
            self.out.silence()
        keeper = asyncio.create_task(tending.tend(self, self._config))
        try:
            await self._listen(greeted=eager)
        finally:
            keeper.cancel()
            self.out.close()
            self._forget()
        return self._socket

    async def _uncorked(self, eager):
        if eager:
            await self.out.uncork()
        else:
            asyncio.get_running_loop().call_soon(self.out.uncork_empty)

    def _forget(self):
        for future in self._pending.values():
            if not future.done():
                future.set_exception(ConnectionError("the connection ended"))
        if self.ready:
            self.ready = False
            self._service.gone(self)
        self._journal.note("disconnected", self, why=self.why)

    async def _listen(self, greeted):
        try:
            await self._shake_hands(greeted)
            while True:
                await self._dispatch(await self._record())
        except Broken as error:
            self.why = str(error)
            await self.end(tending.CLOSED_WITH_ERROR)
        except EOFError:
            pass

    async def _record(self) -> bytes:
        """The next record without its separator. Broken if it is too long, EOFError at the end."""
        limit = self._config.max_record_bytes
        while True:
            record, separator, rest = self._buffer.partition(wire.RECORD_END)
            if len(record) + len(separator) > limit:
                raise Broken(f"a record of more than {limit} bytes")
            if separator:
                self._buffer = rest
                return record
            self._buffer += await self._data()

    async def _data(self) -> bytes:
        while True:
            message = await self._socket.receive()
            await self.out.audible.wait()
            self.heard_at_s = time.monotonic()
            self._service.heard(self)
            if message.type == WSMsgType.TEXT:
                return message.data.encode()
            if message.type == WSMsgType.BINARY:
                return message.data
            if message.type == WSMsgType.PING:
                self._journal.note("ws_ping", self, payload=message.data)
                self.out.pong(message.data)
            elif message.type != WSMsgType.PONG:
                if message.type == WSMsgType.ERROR:
                    self.why = f"WebSocket: {message.data}"
                raise EOFError

    async def _shake_hands(self, greeted):
        try:
            error = calls.handshake_error(await self._record())
        except Broken:
            error = "An unexpected error occurred during connection handshake."
        if greeted:
            return
        if error is not None:
            self.why = "handshake: " + error
            self.out.message(wire.record({"error": error}))
            await self.finish()
            raise EOFError
        self._greet()
        await self.out.uncork()
        if self.peer.refuse:
            self.why = "refused after the handshake"
            await self.end()
            raise EOFError

    def _greet(self):
        """The handshake's answer, Welcome and what follows it in one WebSocket message, as OnConnectedAsync does it."""
        if self.peer.refuse:
            self.out.message(b"{}" + wire.RECORD_END)
            return
        self.ready = True
        greeting = self._service.greet(self)
        self.out.message(b"".join((b"{}", wire.RECORD_END, *greeting)))
        self._journal.note("connected", self)

    def send(self, *records):
        """Send records, glued into one WebSocket message."""
        if self.ready:
            self.out.message(b"".join(records))

    async def call(self, target, arguments, timeout_s):
        """The result of the client's own method. ConnectionError, asyncio.TimeoutError, or RuntimeError with its error."""
        call_id = str(next(self._calls))
        future = self._pending[call_id] = asyncio.get_running_loop().create_future()
        try:
            self.send(wire.invocation(target, arguments, call_id))
            return await asyncio.wait_for(future, timeout_s)
        finally:
            del self._pending[call_id]

    async def end(self, error=None, allow_reconnect=False):
        """Say goodbye with a Close record, then close the WebSocket and wait a little for the other side."""
        if self.ready or self.peer.refuse:
            self.out.message(wire.close(error, allow_reconnect))
        await self.finish()

    async def finish(self):
        """Close the WebSocket without a record, behind everything that is still under way."""
        if not self.out.audible.is_set():
            self.out.cut()
            return
        await self.out.uncork()
        await self.out.drained()
        await self._socket.close()

    async def _dispatch(self, record):
        try:
            message = wire.loads(record)
        except ValueError:
            raise Broken("a record that is not JSON") from None
        if not isinstance(message, dict) or type(message.get("type")) is not int:
            raise Broken("a record without a type")
        self._journal.note("record", self, record=message)
        serve = self._kinds.get(message["type"])
        if serve:  # types of the future are skipped
            await serve(message)

    def _method(self, message):
        target, arguments, call_id = (message.get(key) for key in ("target", "arguments", "invocationId"))
        if not isinstance(target, str) or not isinstance(arguments, list) or not isinstance(call_id, (str, type(None))):
            raise Broken("an invocation without target or arguments")
        return target, arguments, call_id, self._service.methods.get(target.lower())

    async def _invocation(self, message):
        target, arguments, call_id, method = self._method(message)
        self._answer(call_id, *await calls.outcome(self, method, target, arguments))

    async def _stream_invocation(self, message):
        target, _, call_id, method = self._method(message)
        self._answer(call_id, await calls.stream_outcome(self, method, target))

    def _answer(self, call_id, error, result=None):
        if call_id:  # a call without an id gets no answer, whatever became of it
            self.send(wire.completion(call_id, result, error))

    async def _completion(self, message):
        call_id = message.get("invocationId")
        if not isinstance(call_id, str):
            raise Broken("a completion without an id")
        future = self._pending.get(call_id)
        if future is None or future.done():
            return
        if message.get("error") is not None:
            future.set_exception(RuntimeError(str(message["error"])))
        else:
            future.set_result(message.get("result"))

    async def _ping(self, message):
        self.armed = True

    async def _close(self, message):
        self.why = "closed by the client"
        await self.end()
        raise EOFError
