"""A SignalR server on ASP.NET Core for the tests: finds a .NET SDK, builds hub.cs once, runs it. Its orders are in hub.cs."""

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import platform
import shutil
import subprocess
import tarfile
from pathlib import Path

import aiohttp
import pytest

try:
    import fcntl
except ImportError:  # Windows, where tests do not run side by side
    fcntl = None

ROOT = Path(__file__).resolve().parents[3]
SOURCE = Path(__file__).with_name("hub.cs")
_ARCHIVE = ROOT.parent / "shared" / "dotnet" / "sdk.tar.xz"  # for linux-x64
_UNPACKED = ROOT / "build" / "dotnet"
_BUILT = ROOT / "build" / "aspnetcore"
_OLDEST = 10  # major version: the first that builds a single file
_BUILD_S = 180  # for an empty cache on a busy machine; 8 s are usual
_PATIENCE_S = 20


def _variables(dotnet):
    """Return the environment for `dotnet`: no telemetry, no greeting, and nothing written outside of build/."""
    told = {"DOTNET_ROOT": str(Path(dotnet).resolve().parent), "DOTNET_CLI_HOME": str(_BUILT / "home")}
    for name in ("DOTNET_CLI_TELEMETRY_OPTOUT", "DOTNET_NOLOGO", "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT"):
        told[name] = "1"
    return {**os.environ, **told}


def _is_new_enough(dotnet):
    done = subprocess.run(
        [dotnet, "--version"], env=_variables(dotnet), capture_output=True, text=True, timeout=_BUILD_S
    )
    major = done.stdout.partition(".")[0]
    return done.returncode == 0 and major.isdigit() and int(major) >= _OLDEST


def _unpacked():
    """Return the path of `dotnet` out of the shared archive, unpacked once; None where there is no archive for this machine."""
    if not _ARCHIVE.exists() or (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        return None
    if not (_UNPACKED / "dotnet").exists():
        new = _UNPACKED.with_name("dotnet.new")
        shutil.rmtree(new, ignore_errors=True)
        with tarfile.open(_ARCHIVE) as archive:
            archive.extractall(new, filter="tar")
        new.rename(_UNPACKED)
    return str(_UNPACKED / "dotnet")


def _dotnet():
    """Return the path of a .NET SDK's `dotnet`: on PATH, in the project's .dotnet/, or from the shared archive; else None."""
    for candidate in (shutil.which("dotnet"), str(ROOT / ".dotnet" / "dotnet")):
        if candidate and Path(candidate).exists() and _is_new_enough(candidate):
            return candidate
    return _unpacked()


@functools.cache
def command():
    """Return (words, environment) that run the server, built when hub.cs has changed. Skip the test without a .NET SDK."""
    folder = _BUILT / hashlib.sha256(SOURCE.read_bytes()).hexdigest()[:16]
    _BUILT.mkdir(parents=True, exist_ok=True)
    with open(_BUILT / "one-at-a-time", "w") as lock:
        if fcntl:
            fcntl.flock(
                lock, fcntl.LOCK_EX
            )  # who holds it is bounded in time; it ends with the process, however that ends
        dotnet = _dotnet()
        if dotnet is None:
            pytest.skip(
                f"there is no .NET {_OLDEST} SDK: `dotnet` is neither on PATH nor in .dotnet/ nor in the archive"
            )
        if not (folder / "hub.dll").exists():
            words = [dotnet, "build", str(SOURCE), "--output", str(folder)]
            done = subprocess.run(words, env=_variables(dotnet), capture_output=True, text=True, timeout=_BUILD_S)
            if done.returncode:
                shutil.rmtree(folder, ignore_errors=True)
                pytest.fail(f"hub.cs does not build:\n{done.stdout[-3000:]}{done.stderr[-1000:]}")
    return [dotnet, str(folder / "hub.dll")], _variables(dotnet)


class Server:
    """`async with Server()`: it listens at `url`, and with a certificate and its key (PEM paths) at `secure_url`, too."""

    def __init__(self, port=0, certificate=()):
        self._arguments = [str(port), *map(str, certificate)]
        self._told = []  # [what, detail] of hub.cs's Tell, the oldest first
        self._news = asyncio.Condition()
        self._process = self._reading = None
        self._ended = False
        self.url = self.secure_url = ""

    async def __aenter__(self):
        words, environment = command()
        self._process = await asyncio.create_subprocess_exec(
            *words, *self._arguments, env=environment, stdout=asyncio.subprocess.PIPE
        )
        self._reading = asyncio.create_task(self._read())
        (urls,) = await self.seen("listening")
        self.url, *more = urls
        self.secure_url = more[0] if more else ""
        self._http = aiohttp.ClientSession(self.url)
        return self

    async def __aexit__(self, *_):
        await self._http.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await self._reading

    @property
    def port(self):
        """Return the number of the plain port."""
        return int(self.url.rpartition(":")[2])

    async def stop(self):
        """Shut down as on SIGTERM: it says goodbye to whoever is connected. Return when it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        await asyncio.wait_for(self._process.wait(), 3 * _PATIENCE_S)

    async def _read(self):
        async for line in self._process.stdout:
            told = json.loads(line)
            async with self._news:
                self._told.append((told["seen"], told["detail"]))
                self._news.notify_all()
        self._ended = True
        async with self._news:
            self._news.notify_all()

    def all(self, what):
        """Return the details of everything told under that name so far."""
        return [detail for name, detail in self._told if name == what]

    async def seen(self, what, count=1):
        """Return the detail of the `count`-th that is told under that name. Raise asyncio.TimeoutError."""

        async def wait():
            async with self._news:
                await self._news.wait_for(lambda: len(self.all(what)) >= count or self._ended)

        await asyncio.wait_for(wait(), _PATIENCE_S)
        assert len(self.all(what)) >= count, "the server has ended"
        return self.all(what)[count - 1]

    async def do(self, name, body=None, **more):
        """Order something of everybody who is connected (hub.cs, Doors.Do); return when it was done."""
        async with self._http.post(f"/do/{name}", json=more if body is None else body) as answer:
            assert answer.status == 200, await answer.text()
