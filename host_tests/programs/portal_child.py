"""The set-up page's server on MicroPython, for host_tests/portal/test_portal_micropython.py. `what` is the first argument.

serve FOLDER PORT DNS_PORT: a portal at work until it is done; each scan collects, and tells the heap in the name of its network.
fuzz FOLDER SEED: thousands of damaged requests and questions, in memory; tells how they were answered, as JSON.
squeeze FOLDER BYTES: requests of one guest, each with no more than that much heap left; tells how they were answered.
"""

import asyncio
import gc
import json
import random
import sys
from time import ticks_ms

from firmware.portal.api import ACTS, LOOKS
from firmware.portal.server import Place, Portal
from host_tests.unit.setup_rooms import House
from lib import captive_dns

CALLS = [("GET", name) for name in LOOKS] + [("POST", name) for name in sorted(ACTS)]

REQUESTS = 5000
QUESTIONS = 10000
_PIECE = 512


def _heap():
    gc.collect()
    return [("%d" % gc.mem_alloc(), 0, "open", 1)]


def _page(folder):
    with open(folder + "/index.html.gz", "rb") as file:
        return file.read()


def _portal(folder, port, dns_port):
    house = House(folder + "/settings.json", ticks_ms, rf__pin=4)
    house.wifi.scan = _heap
    place = Place("127.0.0.1", port, dns_port, ())
    setup = house.setup()
    portal = Portal(setup, place, ticks_ms, house.log, _page(folder), 5000, 100)
    return house, setup, portal


async def _serve(folder, port, dns_port):
    _, _, portal = _portal(folder, int(port), int(dns_port))
    print("ready")
    print(await portal.run())


class Stream:
    """Reader and writer in memory: what is said in pieces, and what came back."""

    def __init__(self, data):
        self._data = data
        self.said = b""
        self.closed = False

    async def read(self, size):
        piece, self._data = self._data[:size], self._data[size:]
        return piece

    async def readexactly(self, size):
        if len(self._data) < size:
            raise EOFError
        return await self.read(size)

    def write(self, data):
        self.said = self.said or bytes(data[:16])

    async def drain(self):
        pass

    def close(self):
        self.closed = True

    async def wait_closed(self):
        pass

    def get_extra_info(self, name):
        return ("127.0.0.1", 50000)


VALUES = (
    None,
    True,
    False,
    0,
    1,
    -1,
    1.5,
    1e300,
    10**40,
    "",
    "x",
    "x" * 300,
    "\u00e9\n",
    [],
    [[]],
    {},
    {"ssid": "home"},
    ["a"] * 50,
)
FIELDS = (
    "board", "rf_pin", "estop_pin", "estop_enabled", "estop_normally_closed", "model", "rf_id", "action", "intensity",
    "duration_ms", "ssid", "key", "hidden", "address", "backend", "fields", "code", "shock", "own", "budget", "hostname",
)  # fmt: skip


def _body():
    body = {random.choice(FIELDS): random.choice(VALUES) for _ in range(random.randint(0, 5))}
    if random.getrandbits(3) == 0:
        body = random.choice(VALUES)
    return json.dumps(body).encode()


def _request(setup, port):
    method, name = random.choice(CALLS)
    if name == "done":
        name = "caps"
    host = "127.0.0.1:%d" % port if random.getrandbits(3) else random.choice(("captive.apple.com", "", "4.3.2.1"))
    path = (
        "/api/" + name
        if random.getrandbits(3)
        else random.choice(("/", "/generate_204", "/captive-portal/api", "/../x"))
    )
    body = _body() if method == "POST" else b""
    head = "%s %s HTTP/1.1\r\nHost: %s\r\nX-Token: %s\r\nContent-Length: %d\r\n\r\n"
    data = bytearray((head % (method, path, host, setup.token, len(body))).encode() + body)
    if random.getrandbits(1):
        for _ in range(random.randint(1, 5)):
            data[random.randrange(len(data))] = random.getrandbits(8)
    if random.getrandbits(2) == 0:
        data = data[: random.randint(0, len(data))]
    return bytes(data)


async def _fuzz(folder, seed):
    random.seed(int(seed))
    port = 8080
    house, setup, portal = _portal(folder, port, 8053)
    working = asyncio.create_task(setup.run())
    tally = {}
    begun = 0
    for turn in range(REQUESTS):
        stream = Stream(_request(setup, port))
        await portal.serve(stream, stream)
        assert stream.closed and not portal.guests()
        status = stream.said[9:12].decode() if stream.said[:5] == b"HTTP/" else "none"
        tally[status] = tally.get(status, 0) + 1
        if turn % 20 == 0:
            await asyncio.sleep_ms(0)
        if turn == 500:
            gc.collect()
            begun = gc.mem_alloc()
    working.cancel()
    gc.collect()
    tally["grown"] = gc.mem_alloc() - begun
    tally["faults"] = [line for line in house.lines if "[error]" in line]
    house.lines.clear()
    tally["dns"] = _fuzz_names()
    print(json.dumps(tally))


def _fuzz_names():
    question = b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"
    answered = 0
    for _ in range(QUESTIONS):
        packet = bytearray(question)
        for _ in range(random.randint(0, 5)):
            packet[random.randrange(len(packet))] = random.getrandbits(8)
        packet = bytes(packet[: random.randint(0, len(packet))]) if random.getrandbits(1) else bytes(packet)
        answered += captive_dns.answer(packet, "4.3.2.1") is not None
    return answered


async def _squeeze(folder, room):
    """The largest state, and the largest body; BYTES are for words of 4 bytes."""
    pieces = int(room) * (2 if sys.maxsize > 1 << 32 else 1) // _PIECE
    house, setup, portal = _portal(folder, 8080, 8053)
    house.settings.set("wifi", [{"ssid": "%032d" % number, "key": ""} for number in range(8)])
    house.settings.set(
        "cap.own", [{"model": "caixianlin", "rf_id": 60000 + number, "shock": 10} for number in range(16)]
    )
    setup.wifi.networks = [("%032d" % number, -50, "wpa2", 1) for number in range(20)]
    head = "%s /api/%s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nX-Token: " + setup.token + "\r\nContent-Length: %d\r\n\r\n"
    large = b'{"ssid":"x","key":"' + b"k" * 4000 + b'"}'
    requests = [(head % ("GET", "state", 0)).encode(), (head % ("GET", "scan", 0)).encode()]
    requests.append((head % ("POST", "wifi", len(large))).encode() + large)
    requests.append(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n")
    said = []
    for request in requests:
        stream = Stream(request)
        gc.collect()
        ballast = [None] * 700
        filled = 0
        try:
            while True:
                ballast[filled] = bytearray(_PIECE - 32)
                filled += 1
        except MemoryError:
            pass
        for piece in range(pieces):
            ballast[filled - 1 - piece] = None
        try:
            await portal.serve(stream, stream)
        except MemoryError:
            stream.said = b""
        ballast = None
        gc.collect()
        said.append(stream.said[:12].decode())
    print(json.dumps(said))


asyncio.run({"serve": _serve, "fuzz": _fuzz, "squeeze": _squeeze}[sys.argv[1]](*sys.argv[2:]))
