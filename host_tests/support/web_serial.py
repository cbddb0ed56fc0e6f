"""A browser's Web Serial whose ports are FakeBoards: a script for the page, and the wire from it (a WebSocket) to the board (TCP).

`site(folder, boards)` serves the folder of a web flasher and the wires. What the page calls is all that there is: a port is
opened, read, written, its signals set (by which a board is reset, into its loader or not), closed, and opened again.
"""

import asyncio
import contextlib
import json

import aiohttp
from aiohttp import web

from lib import improv_messages
from lib.improv import FAULT, Improv

SCRIPT = """
class Port extends EventTarget {
  constructor(number) { super(); this.number = number; this.signals = []; this.connected = true; }
  async open({baudRate}) {
    if (this.socket) throw new DOMException("The port is already open.", "InvalidStateError");
    this.baudRate = baudRate;
    const socket = this.socket = new WebSocket(`ws://${location.host}/wire/${this.number}`);
    socket.binaryType = "arraybuffer";
    await new Promise((done, late) => { socket.onopen = done; socket.onerror = () => late(new Error("no wire")); });
    this.gone = new Promise((done) => { socket.onclose = done; });
    this.readable = new ReadableStream({start: (out) => {
      socket.onmessage = (event) => { try { out.enqueue(new Uint8Array(event.data)); } catch {} };
      socket.addEventListener("close", () => { try { out.error(new DOMException("lost", "NetworkError")); } catch {} });
    }, cancel: () => this.renew()});
    this.writable = new WritableStream({write: (piece) => socket.send(piece.slice())});
  }
  renew() {  // a reader that ends does not end the port: the next one reads on
    const socket = this.socket;
    if (socket && socket.readyState === WebSocket.OPEN) {
      this.readable = new ReadableStream({start: (out) => {
        socket.onmessage = (event) => { try { out.enqueue(new Uint8Array(event.data)); } catch {} };
      }, cancel: () => this.renew()});
    }
  }
  async setSignals(signals) {
    this.signals.push(signals);
    if (this.socket) this.socket.send(JSON.stringify(signals));
  }
  async getSignals() { return {dataCarrierDetect: false, clearToSend: false, ringIndicator: false, dataSetReady: false}; }
  getInfo() { return {usbVendorId: 0x10c4, usbProductId: 0xea60}; }
  async close() {
    const socket = this.socket;
    this.socket = this.readable = this.writable = null;
    if (socket) { socket.close(); await this.gone; }
  }
  async forget() {}
}
const port = new Port(0);
const serial = new EventTarget();
serial.asked = 0;
serial.requestPort = async () => { serial.asked += 1; return port; };
serial.getPorts = async () => [port];
Object.defineProperty(Navigator.prototype, "serial", {get: () => serial, configurable: true});
window.thePort = port;
"""

_CABLES = web.AppKey("cables", list)
NO_SERIAL = "delete Navigator.prototype.serial;"


class Speaker:
    """A firmware's Improv, as much as a client's first questions need, until the device shall join a network."""

    def __init__(self, name, version, chip):
        self._find = Improv()
        self._facts = (name, version, chip, "bench", "MicroPython")

    def feed(self, data):
        """The bytes that answer `data`."""
        told = b""
        for byte in data:
            for one in self._find.feed(byte, 0):
                if isinstance(one, tuple) and one[0] != FAULT:
                    told += self._answer(one[0])
        return told

    def _answer(self, command):
        if command == improv_messages.STATE:
            return improv_messages.state(improv_messages.READY)
        if command == improv_messages.INFO:
            return improv_messages.result(improv_messages.INFO, self._facts)
        return improv_messages.result(command)


class Cable:
    """What a board is connected by. The usual circuit: let go by RTS it starts, by DTR held meanwhile into its loader.

    `speaker` is the firmware that the flasher writes, `before` the one that runs until then; without it the board is blank,
    and its loader waits. `opened` gets "loader" or "firmware" for each time that a port was opened, or a reset led elsewhere.
    """

    def __init__(self, opened, board, speaker=None, before=None):
        self._opened = opened
        self._board, self._speaker, self._before = board, speaker, before
        self._loading = before is None
        self._signals = {}
        self._socket = self._writer = self._task = None

    def _firmware(self):
        """The Speaker that the board runs now, None while it is in its loader."""
        if self._loading:
            return None
        return self._speaker if self._board.written else self._before

    async def carry(self, socket):
        """None; everything between a page and the board, until the page closes its port."""
        self._socket = socket
        self._opened.append("firmware" if self._firmware() else "loader")
        try:
            async for message in socket:
                if message.type == aiohttp.WSMsgType.TEXT:
                    await self._signal(json.loads(message.data))
                elif message.type == aiohttp.WSMsgType.BINARY:
                    await self._say(message.data)
        finally:
            await self._leave_loader()

    async def _signal(self, told):
        held, was = self._signals.get("requestToSend"), self._firmware()
        self._signals.update(told)
        if held and not self._signals["requestToSend"]:
            self._loading = bool(self._signals.get("dataTerminalReady"))
            if self._firmware():
                await self._leave_loader()
            if self._firmware() is not was:
                self._opened.append("firmware" if self._firmware() else "loader")

    async def _say(self, data):
        if speaker := self._firmware():
            if answer := speaker.feed(data):
                await self._socket.send_bytes(answer)
            return
        if self._writer is None:
            host, port = self._board.port.removeprefix("socket://").split(":")
            reader, self._writer = await asyncio.open_connection(host, int(port))
            self._task = asyncio.create_task(self._upwards(reader))
        self._writer.write(data)

    async def _upwards(self, reader):
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await self._socket.send_bytes(data)
        if self._writer is not None:  # it was not we who ended it
            await self._socket.close()

    async def _leave_loader(self):
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
            await asyncio.gather(self._task, return_exceptions=True)


async def _wire(request):
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    await request.app[_CABLES][int(request.match_info["number"])].carry(socket)
    return socket


@contextlib.asynccontextmanager
async def site(folder, boards=()):
    """(address of the page, list of what was opened, in order). `boards`: of each, what `Cable` takes behind that list."""
    app, opened = web.Application(), []
    app[_CABLES] = [Cable(opened, *board) for board in boards]

    async def front(request):
        return web.FileResponse(folder / "index.html")

    app.router.add_get("/", front)
    app.router.add_get("/wire/{number}", _wire)
    app.router.add_static("/", folder)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        listens = web.TCPSite(runner, "127.0.0.1", 0)
        await listens.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", opened
    finally:
        await runner.cleanup()
