"""The server of the client bench: the least of a SignalR hub, on aiohttp, in text frames, as fast as it goes.

Flood(count, per_frame) sends Ticks and takes the time until Done comes; Echo(value) answers. One path per client.
"""

import json
import time
import uuid

from aiohttp import WSMsgType, web

TICK = '{"type":1,"target":"Tick","arguments":[12345,"collar"]}\x1e'
_TRANSPORTS = [{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]


class Hub:
    """`seconds[client]`: how long each of its floods took, the oldest first."""

    def __init__(self):
        self.seconds = {}
        self.port = 0
        self._runner = None

    async def start(self):
        """Start to listen on `port` of 127.0.0.1."""
        app = web.Application()
        app.router.add_post("/hub/{client}/negotiate", self._negotiate)
        app.router.add_get("/hub/{client}", self._talk)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self):
        """Stop to listen."""
        await self._runner.cleanup()

    async def _negotiate(self, request):
        version = min(int(request.query.get("negotiateVersion", 0)), 1)
        names = {"connectionId": uuid.uuid4().hex, "connectionToken": uuid.uuid4().hex}
        return web.json_response({"negotiateVersion": version, **names, "availableTransports": _TRANSPORTS})

    async def _talk(self, request):
        socket = web.WebSocketResponse(compress=False, autoping=True)
        await socket.prepare(request)
        client = request.match_info["client"]
        start = 0
        async for message in socket:
            if message.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            data = message.data if message.type == WSMsgType.TEXT else message.data.decode()
            for text in data.split("\x1e")[:-1]:
                record = json.loads(text)
                if "protocol" in record:
                    await socket.send_str("{}\x1e")
                elif record.get("target") == "Echo":
                    answer = {"type": 3, "invocationId": record["invocationId"], "result": record["arguments"][0]}
                    await socket.send_str(json.dumps(answer) + "\x1e")
                elif record.get("target") == "Flood":
                    count, per_frame = record["arguments"]
                    start = time.perf_counter()
                    for _ in range(count // per_frame):
                        await socket.send_str(TICK * per_frame)
                elif record.get("target") == "Done":
                    self.seconds.setdefault(client, []).append(time.perf_counter() - start)
                elif record["type"] == 7:
                    await socket.close()
        return socket
