"""A SignalR client that follows a script, for either interpreter: lib/websocket and lib/signalr over asyncio streams.

The script is a JSON file: host, port, path, and connections, a list of {negotiate, times, steps}. A step is
["invoke", target, [arguments]], ["send", target, [arguments]], ["await", target], ["wait_ms", n], ["bye"], ["closed"].
It serves Double(n) with an id, Boom(text) with an error, and nothing else. Prints a JSON line per event.
"""

import asyncio
import json
import sys

sys.path.insert(0, ".")

from lib import (  # noqa: E402
    connect,
    http_client,
    http_response,
    signalr,
    signalr_negotiate,
    strict_json,
    websocket,
    websocket_handshake,
)
from lib.monotonic import Clock  # noqa: E402

HEADERS = [("User-Agent", "script")]


async def _resolve(host):
    return host


def _say(*line):
    print(json.dumps(line))


class Connection:
    def __init__(self, script, plan, clock):
        self._script = script
        self._plan = plan
        self._clock = clock
        self._heard = []  # targets of invocations, ids of calls that ended, "closed"
        self._news = asyncio.Event()

    async def run(self):
        script = self._script
        path = await self._negotiate() if self._plan.get("negotiate") else script["path"]
        key = websocket_handshake.new_key()
        knock = websocket_handshake.upgrade(script["host"], script["port"], False, path, HEADERS, key)
        self._reader, self._writer = await connect.dial(script["host"], script["port"], None, _resolve, opening=knock)
        answer = http_response.Answer()
        while answer.status is None:
            answer.feed(await self._reader.read(1024))
        websocket_handshake.check(answer.status, answer.headers, key)
        self._frames = websocket.Pieces()
        self.session = signalr.Session(self._clock.now(), **self._plan.get("times", {}))
        self._write(self.session.hello())
        self._take(answer.rest)
        tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._tend())]
        try:
            await self._play()
        finally:
            for task in tasks:
                task.cancel()
            for event in self.session.lost("the script is over"):
                _say(*event)
            self._writer.write(self._frames.close(self.session.code))
            await self._writer.drain()
            await connect.close(self._writer)

    async def _negotiate(self):
        script = self._script
        url = "http://%s:%d%s" % (script["host"], script["port"], script["path"])
        answer = await http_client.post(signalr_negotiate.negotiate_url(url), b"", HEADERS, None, _resolve)
        token, _, _ = signalr_negotiate.negotiated(answer.status, answer.body)
        _say("token", token)
        return signalr_negotiate.connect_url(script["path"], token)

    def _write(self, records):
        if records:
            self._writer.write(self._frames.message(records))

    async def _listen(self):
        data = b"."
        while data:
            data = await self._reader.read(1024)
            self._take(data)
        _say("eof")

    def _take(self, data):
        now = self._clock.now()
        for opcode, payload in self._frames.feed(data):
            if opcode in (websocket.TEXT, websocket.BINARY):
                for event in self.session.feed(payload, now):
                    self._on(event)
        self._write(self.session.take())
        self._writer.write(self._frames.take())

    async def _tend(self):
        while True:
            await asyncio.sleep_ms(20)
            for event in self.session.expired(self._clock.now()):
                self._on(event)
            self._write(self.session.due(self._clock.now()))

    def _on(self, event):
        _say(*event)
        if event[0] == signalr.INVOCATION:
            self._serve(*event[1:])
        self._heard.append("closed" if event[0] == signalr.CLOSED else event[1] if len(event) > 1 else "ready")
        self._news.set()

    def _serve(self, target, arguments, invocation_id):
        if target == "Double":
            self.session.complete(invocation_id, arguments[0] * 2)
        elif target == "Boom":
            self.session.complete(invocation_id, error=arguments[0])

    async def _until(self, what):
        while what not in self._heard:
            self._news.clear()
            await asyncio.wait_for_ms(self._news.wait(), 10000)
        self._heard.remove(what)

    async def _play(self):
        await self._until("ready")
        for verb, *rest in self._plan["steps"]:
            if verb == "invoke":
                call_id, record = self.session.invoke(rest[0], rest[1], self._clock.now(), *rest[2:])
                self._write(record)
                await self._until(call_id)
            elif verb == "send":
                self._write(self.session.send(*rest))
            elif verb == "await":
                await self._until(rest[0])
            elif verb == "wait_ms":
                await asyncio.sleep_ms(rest[0])
            elif verb == "bye":
                self._write(self.session.bye())
            else:
                await self._until("closed")


async def main(path):
    with open(path, "rb") as file:
        script = strict_json.loads(file.read())
    clock = Clock()
    for plan in script["connections"]:
        await Connection(script, plan, clock).run()
        _say("left")


asyncio.run(main(sys.argv[1]))
