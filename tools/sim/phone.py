"""A phone that sets a blank device up through its page: what the page asks of the device, asked by a script."""

import asyncio
import time

import aiohttp

_LONG_S = 30.0  # what a busy PC may need
_LOOK_S = 0.1


class Refused(Exception):
    """The device says no; the text says why."""


class Phone:
    """`async with Phone(port)`: somebody who has joined the access point and opened the page.

    OSError (aiohttp.ClientConnectorError) when nobody serves it within `patience_s`.
    """

    def __init__(self, port, patience_s=_LONG_S):
        self._patience_s = patience_s
        self.url = f"http://127.0.0.1:{port}"
        self.session = None  # an aiohttp.ClientSession, inside
        self._token = None

    async def __aenter__(self):
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_LONG_S), auto_decompress=False)
        until = time.monotonic() + self._patience_s
        while self._token is None:
            try:
                self._token = (await self._call("GET", "hello"))["token"]
            except aiohttp.ClientError:
                if time.monotonic() > until:
                    await self.session.close()
                    raise
                await asyncio.sleep(_LOOK_S)  # it has not started yet: there is no event for that
        return self

    async def __aexit__(self, *_):
        await self.session.close()

    async def _call(self, method, name, body=None):
        headers = {"X-Token": self._token} if self._token else {}
        async with self.session.request(method, f"{self.url}/api/{name}", headers=headers, json=body) as response:
            answer = await response.json()
        if response.status != 200:
            raise Refused(f"{name}: {answer.get('error', response.status)}")
        return answer

    async def page(self):
        """The page as it comes over the air, bytes (packed)."""
        async with self.session.get(self.url) as response:
            return await response.read()

    async def state(self):
        """What the page shows: a dict."""
        return await self._call("GET", "state")

    async def post(self, name, **body):
        """The answer to one change. Refused."""
        return await self._call("POST", name, body)

    async def join(self, ssid, key):
        """Our address in that network. Refused, with the device's words, when it does not take us."""
        await self.post("wifi", ssid=ssid, key=key)
        result = (await self._until(lambda state: state["wifi"]["result"]))["wifi"]["result"]
        if not result["ok"]:
            raise Refused(result["reason"])
        return result["address"]

    async def reach(self):
        """In words: the hub is reached. Refused when it is not."""
        await self.post("reach")
        reach = (await self._until(lambda state: state["account"]["reach"]["ok"] is not None))["account"]["reach"]
        if not reach["ok"]:
            raise Refused(reach["text"])
        return reach["text"]

    async def _until(self, true):
        until = time.monotonic() + _LONG_S
        while not true(state := await self.state()):
            if time.monotonic() > until:
                raise Refused("nothing, for too long")
            await asyncio.sleep(_LOOK_S)
        return state
