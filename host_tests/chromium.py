"""A Chromium without a window, driven by its DevTools protocol: as much of it as the tests of our pages need."""

import asyncio
import contextlib
import itertools
import json
import re
import tempfile

import aiohttp
from conftest import peer_program

_OPTIONS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --remote-debugging-port=0"
)


class Tab:
    """One page. `complaints` collects what its console and its content policy complained about.

    `patience_s` (below 30): how long `until` waits.
    """

    def __init__(self, socket):
        self.complaints = []
        self.patience_s = 10
        self._socket = socket
        self._numbers = itertools.count(1)

    async def command(self, method, **parameters):
        """The result of one DevTools command."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            told = json.loads((await self._socket.receive(30)).data)
            if told.get("id") == number:
                assert "error" not in told, told
                return told["result"]
            if told.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.complaints.append(json.dumps(told["params"]))

    async def run(self, script):
        """The value of a JavaScript expression; a promise is awaited. AssertionError if it throws."""
        more = {"awaitPromise": True, "returnByValue": True, "userGesture": True}
        result = await self.command("Runtime.evaluate", expression=script, **more)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    async def until(self, condition):
        """Return when a JavaScript expression is true; looked at every 20 ms in the page. AssertionError after `patience_s`."""
        script = f"""new Promise((done, late) => {{
            const end = performance.now() + {self.patience_s * 1000};
            const look = () => {{
                if ({condition}) done(true);
                else if (performance.now() > end) late(new Error("late: " + {json.dumps(condition)}));
                else setTimeout(look, 20);
            }};
            look();
        }})"""
        await self.run(script)

    async def click(self, selector):
        """Click it as a script does: wherever it is, and only if it is not disabled."""
        await self.run(f"document.querySelector({json.dumps(selector)}).click()")

    async def mouse(self, what, selector):
        """Press ("mousePressed") or let go ("mouseReleased") the mouse in the middle of something."""
        place = await self.run(
            f"(() => {{ const it = document.querySelector({json.dumps(selector)}); it.scrollIntoView({{block: 'center'}});"
            "const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        at = {"x": place[0], "y": place[1], "button": "left", "clickCount": 1}
        await self.command("Input.dispatchMouseEvent", type=what, **at)

    async def key(self, what, key, code):
        """Press ("keyDown") or let go ("keyUp") a key."""
        await self.command(
            "Input.dispatchKeyEvent", type=what, key=key, code=code, windowsVirtualKeyCode={"Enter": 13}.get(key, 27)
        )


@contextlib.asynccontextmanager
async def tab(url):
    """A Tab that shows `url` on a phone's screen; the browser ends with the block."""
    program = peer_program("chromium")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = (*_OPTIONS.split(), f"--user-data-dir={profile}", "about:blank")
        process = await asyncio.create_subprocess_exec(program, *options, stderr=asyncio.subprocess.PIPE)
        try:
            found = None
            while not found:
                line = await asyncio.wait_for(process.stderr.readline(), 30)
                assert line, "chromium ended"
                found = re.search(rb"ws://127\.0\.0\.1:(\d+)/", line)
            draining = asyncio.create_task(process.stderr.read())
            async with aiohttp.ClientSession(f"http://127.0.0.1:{int(found[1])}") as http:
                pages = await (await http.get("/json")).json(content_type=None)
                address = next(page["webSocketDebuggerUrl"] for page in pages if page["type"] == "page")
                async with http.ws_connect(address, max_msg_size=0) as socket:
                    made = Tab(socket)
                    for domain in ("Page", "Runtime", "Log"):
                        await made.command(f"{domain}.enable")
                    await made.command(
                        "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False
                    )
                    await made.command("Page.navigate", url=url)
                    await made.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
                    yield made
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            draining.cancel()
