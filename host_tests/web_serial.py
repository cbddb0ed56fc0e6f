"""A browser's Web Serial whose ports are FakeBoards: a script for the page, and the wire from it (a WebSocket) to the board (TCP).

`site(folder, boards)` serves the folder of a web flasher and the wires. What the page calls is all that there is: a port is
opened, read, written, its signals set, closed, and opened again.
"""

import asyncio
import contextlib

import aiohttp
from aiohttp import web

from lib import improv_words
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
  async setSignals(signals) { this.signals.push(signals); }
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

_BOARDS, _OPENED = web.AppKey("boards", list), web.AppKey("opened", list)
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
        if command == improv_words.STATE:
            return improv_words.state(improv_words.READY)
        if command == improv_words.INFO:
            return improv_words.result(improv_words.INFO, self._facts)
        return improv_words.result(command)


async def _wire(request):
    """One opened port: a connection to the board's loader, or what its firmware says once it was written."""
    socket = web.WebSocketResponse(max_msg_size=0)
    await socket.prepare(request)
    board, speaker = request.app[_BOARDS][int(request.match_info["number"])]
    request.app[_OPENED].append("firmware" if board.written else "loader")
    if board.written and speaker is not None:
        async for message in socket:
            answer = speaker.feed(message.data)
            if answer:
                await socket.send_bytes(answer)
        return socket
    host, port = board.port.removeprefix("socket://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))

    async def upwards():
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(65536):
                await socket.send_bytes(data)
        await socket.close()

    task = asyncio.create_task(upwards())
    try:
        async for message in socket:
            if message.type == aiohttp.WSMsgType.BINARY:
                writer.write(message.data)
    finally:
        writer.close()
        await asyncio.gather(task, return_exceptions=True)
    return socket


@contextlib.asynccontextmanager
async def site(folder, boards=()):
    """(address of the page, list of what was opened, in order). `boards`: pairs of FakeBoard and Speaker or None."""
    app = web.Application()
    app[_BOARDS], app[_OPENED] = list(boards), []

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
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/", app[_OPENED]
    finally:
        await runner.cleanup()
