"""A portal at work on 127.0.0.1, for the tests of the set-up page, with real rooms behind it and a Wi-Fi made of a table."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import aiohttp

from firmware.portal.server import Place, Portal
from host_tests.unit.setup_rooms import House
from tools.common.ports import free_port
from tools.images import set_up_page

PAGE = b"<!doctype html><style>a{}</style><script>1</script>" + b"<p>the page</p>" * 200
SECRETS = ("correct horse", "saved key of home", "token-of-the-user-hub", "token-from-the-code")


def milliseconds():
    return time.monotonic_ns() // 1_000_000


class Site:
    """A portal at work, and what a test needs to speak with it."""

    def __init__(
        self,
        tmp_path,
        hands_out=True,
        timeout_ms=5000,
        farewell_ms=0,
        idle_ms=600_000,
        heard=(),
        page=PAGE,
        clock=milliseconds,
        **settings,
    ):
        self.house = House(str(tmp_path / "settings.json"), clock, **settings)
        self.setup = self.house.setup(hands_out, heard, idle_ms)
        self.port, self.dns_port = free_port(), free_port()
        place = Place("127.0.0.1", self.port, self.dns_port, ("openshock-0001.local",))
        self.portal = Portal(
            self.setup,
            place,
            clock,
            self.house.log,
            set_up_page.pack(page),
            timeout_ms=timeout_ms,
            farewell_ms=farewell_ms,
        )
        self.host = f"127.0.0.1:{self.port}"

    async def ask(self, method, path, body=None, token=True, **headers):
        """(status, what the JSON of the answer says)."""
        if token:
            headers["X-Token"] = self.setup.token if token is True else token
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body)
        async with aiohttp.ClientSession() as session:
            url = f"http://{self.host}{path}"
            async with session.request(method, url, data=data, headers=headers, allow_redirects=False) as answer:
                text = await answer.text()
                for secret in SECRETS:
                    assert secret not in text + str(answer.headers)
                return answer.status, json.loads(text) if text else None

    async def get(self, name, **more):
        return await self.ask("GET", "/api/" + name, **more)

    async def post(self, name, body, **more):
        return await self.ask("POST", "/api/" + name, body, **more)

    async def say(self, data, whole=True):
        """All bytes that come back to `data`; `whole`: we have no more to say."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(data)
            if whole:
                writer.write_eof()
            return await reader.read()
        except ConnectionResetError:
            return b""
        finally:
            writer.close()

    async def probe(self, host, path, agent, method="GET"):
        """(status, headers, body) of an operating system's question."""
        head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nConnection: close\r\n\r\n"
        answer = await self.say(head.encode(), whole=False)
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return int(first.split()[1]), headers, body

    async def until(self, what):
        """The state, as soon as `what(state)` is true."""
        while True:
            _, state = await self.get("state")
            if what(state):
                return state
            await asyncio.sleep(0.01)


@asynccontextmanager
async def opened(tmp_path, **options):
    site = Site(tmp_path, **options)
    task = asyncio.create_task(site.portal.run())
    site.task = task
    while True:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        except OSError:
            assert not task.done(), task
            await asyncio.sleep(0.005)
        else:
            writer.close()
            break
    try:
        yield site
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def story(tmp_path, tell, **options):
    """Runs `tell(site)` beside a portal."""

    async def run():
        async with opened(tmp_path, **options) as site:
            await asyncio.wait_for(tell(site), 30)

    asyncio.run(run())
