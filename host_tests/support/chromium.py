"""One Chromium without a window for all tests of our pages, driven by its DevTools protocol: as much as they need of it."""

import atexit
import contextlib
import itertools
import json
import subprocess
import tempfile
import time
from pathlib import Path

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


class Browser:
    """The one Chromium of this process, without a window. It is started for the first tab, and ends with the process."""

    _running = None

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        options = (*_OPTIONS.split(), f"--user-data-dir={self._profile.name}", "about:blank")
        self._process = subprocess.Popen(
            [peer_program("chromium"), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        atexit.register(self.end)
        self.address = f"127.0.0.1:{self._told()}"

    @classmethod
    def running(cls):
        """The Browser; another one when the last has crashed."""
        if cls._running is None or cls._running._process.poll() is not None:
            cls._running = cls()
        return cls._running

    def _told(self):
        """PORT/PATH of its own DevTools socket, which it writes into its profile as soon as it listens."""
        path = Path(self._profile.name) / "DevToolsActivePort"
        end = time.monotonic() + 60
        while True:
            lines = path.read_text().split("\n") if path.exists() else []
            if len(lines) == 2:
                return lines[0] + lines[1]
            assert self._process.poll() is None, "chromium ended"
            assert time.monotonic() < end, "chromium does not listen"
            time.sleep(0.01)  # another process writes a file: there is nothing to await

    def end(self):
        """None; it is gone, and its profile too."""
        self._process.kill()
        self._process.wait()
        self._profile.cleanup()


@contextlib.asynccontextmanager
async def tab(url):
    """A Tab that shows `url` on a phone's screen, with storage, cookies and a cache of its own, which end with the block."""
    address = Browser.running().address
    async with aiohttp.ClientSession() as http, http.ws_connect(f"ws://{address}", max_msg_size=0) as socket:
        browser = Tab(socket)
        context = await browser.command("Target.createBrowserContext")
        try:
            page = await browser.command("Target.createTarget", url="about:blank", **context)
            host = address.partition("/")[0]
            async with http.ws_connect(f"ws://{host}/devtools/page/{page['targetId']}", max_msg_size=0) as socket:
                made = Tab(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await made.command(f"{domain}.enable")
                await made.command(
                    "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=1, mobile=False
                )
                await made.command("Emulation.setScrollbarsHidden", hidden=True)
                await made.command("Page.bringToFront")
                await made.command("Page.navigate", url=url)
                await made.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")
                yield made
        finally:
            await browser.command("Target.disposeBrowserContext", **context)
