"""A static web server for a tree of updates: GET and HEAD, one Range, ETag; and, for tests, faults on demand."""

import asyncio
import hashlib
import re
import socket
from collections import namedtuple

from aiohttp import web

from tools.common import http_log
from tools.serve_updates.faults import Faults, play

# one request: start is the first byte that was asked for · status: of the answer (as it was before a fault spoilt it)
Asked = namedtuple("Asked", ("method", "path", "start", "status", "remote"))
# what is to be sent: start: of `body` in the file · whole: the file, None when there is none
Answer = namedtuple("Answer", ("status", "headers", "body", "start", "whole"), defaults=(0, None))

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_TYPES = {".json": "application/json", ".txt": "text/plain; charset=utf-8"}
_SHUTDOWN_S = 0.1


class Server:
    """Serves `folder` from `start` to `stop`; or `async with Server(folder) as server`. `tls` is an SSLContext.

    `url` is where it is, `requests` the list of what was Asked, `faults` what it does wrong.
    """

    def __init__(self, folder, host="127.0.0.1", port=0, tls=None, on_request=None):
        self.requests = []
        self.faults = Faults()
        self._folder = folder.resolve()
        self._host, self._port, self._tls = host, port, tls
        self._on_request = on_request
        self._runner = None

    @property
    def url(self):
        """Return the URL as seen from this machine, with a slash at its end."""
        return self.url_for("localhost" if self._tls else "127.0.0.1")

    @property
    def port(self):
        """Return the TCP port that it listens on."""
        return self._runner.addresses[0][1]

    def url_for(self, name):
        """Return the URL for a host that is called `name`."""
        return f"{'https' if self._tls else 'http'}://{f'[{name}]' if ':' in name else name}:{self.port}/"

    async def start(self):
        """Start to listen. Raise OSError when the port is taken."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, logger=http_log.LOGGER, shutdown_timeout=_SHUTDOWN_S)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, ssl_context=self._tls).start()

    async def stop(self):
        """Stop serving, also the clients that wait in a stall."""
        self.faults.end()
        await self._runner.cleanup()

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop()

    async def _handle(self, request):
        answer = await asyncio.to_thread(self._answer, request.method, request.path, request.headers)
        self._note(request, answer)
        fault = self.faults.take(request.path)
        if fault is None:
            return _plain(answer, request.method)
        return _Spoilt(lambda transport: play(fault, answer, transport, self.faults))

    def _note(self, request, answer):
        asked = Asked(request.method, request.path, _first(request.headers), answer.status, request.remote)
        self.requests.append(asked)
        if self._on_request:
            self._on_request(asked)

    def _answer(self, method, path, headers):
        if method not in ("GET", "HEAD"):
            return Answer(405, {"Allow": "GET, HEAD"}, b"only GET and HEAD\n")
        file = self._file(path)
        if file is None:
            return Answer(404, {"Content-Type": "text/plain; charset=utf-8"}, b"not found\n")
        data = file.read_bytes()
        tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
        own_headers = {
            "ETag": tag,
            "Accept-Ranges": "bytes",
            "Content-Type": _TYPES.get(file.suffix, "application/octet-stream"),
            "Cache-Control": "no-cache" if file.parent == self._folder else "public, max-age=31536000, immutable",
        }
        if headers.get("If-None-Match") == tag:
            return Answer(304, own_headers, b"", 0, data)
        return _ranged(data, headers, tag, own_headers)

    def _file(self, path):
        """Return the file of a path of a URL; None when it is none of the tree, or hidden."""
        parts = path.strip("/").split("/")
        if any(not part or part.startswith(".") or set(part) & set("\\:\0") for part in parts):
            return None
        try:
            file = self._folder.joinpath(*parts).resolve()
            return file if file.is_relative_to(self._folder) and file.is_file() else None
        except (OSError, ValueError, RuntimeError):  # longer than a file system takes; a link that leads to itself
            return None


def _plain(answer, method):
    """Return the answer by aiohttp. To HEAD it has the length that the body would have."""
    if method == "HEAD":
        return web.Response(status=answer.status, headers={**answer.headers, "Content-Length": str(len(answer.body))})
    return web.Response(status=answer.status, headers=answer.headers, body=answer.body)


def _ranged(data, headers, tag, own_headers):
    """Return the Answer with what a Range asks for (RFC 9110 §14.2): one range, otherwise everything."""
    found = _RANGE.fullmatch(headers.get("Range", "").strip())
    if found is None or found[0] == "bytes=-" or headers.get("If-Range", tag) != tag:
        return Answer(200, own_headers, data, 0, data)
    if found[1]:
        start, end = int(found[1]), min(int(found[2] or len(data)), len(data) - 1)
        if found[2] and int(found[2]) < start:
            return Answer(200, own_headers, data, 0, data)
    else:
        start, end = max(0, len(data) - int(found[2])), len(data) - 1
    if start > end:
        return Answer(416, {**own_headers, "Content-Range": f"bytes */{len(data)}"}, b"", 0, data)
    part = {**own_headers, "Content-Range": f"bytes {start}-{end}/{len(data)}"}
    return Answer(206, part, data[start : end + 1], start, data)


def _first(headers):
    found = _RANGE.fullmatch(headers.get("Range", "").strip())
    return int(found[1]) if found and found[1] else 0


class _Spoilt(web.StreamResponse):
    """An answer whose every byte is written by faults.play: aiohttp would mend what is meant to be wrong."""

    def __init__(self, write):
        super().__init__()
        self.force_close()
        self._write = write

    async def prepare(self, request):
        transport = request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await self._write(transport)

    async def write_eof(self, data=b""):
        return
