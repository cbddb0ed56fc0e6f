"""Servers on 127.0.0.1 for the tests of the network rooms, in a thread of their own, and a way to run the probe."""

import asyncio
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import threading

from conftest import ROOT, run_micropython

PROBE = ROOT / "host_tests" / "programs" / "dial_probe.py"
INTERPRETERS = ("micropython", "cpython")


def probe(interpreter, tmp_path, *jobs):
    """What the probe says of each of `jobs`, done one after the other by one interpreter."""
    path = tmp_path / "jobs.json"
    path.write_text(json.dumps(jobs))
    if interpreter == "micropython":
        done = run_micropython(PROBE, path, heap="256wK")
    else:
        folders = [ROOT, ROOT / "host_tests" / "cpython", ROOT / "host_tests" / "stubs"]
        start = (
            f"import dress, runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path({str(PROBE)!r}, run_name='__main__')"
        )
        done = subprocess.run(
            [sys.executable, "-c", start, str(PROBE), str(path)],
            cwd=ROOT,
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(map(str, folders))),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(results) == len(jobs), done.stdout + done.stderr
    return results


class Loopback:
    """A running event loop in a thread. Each `start…` gives back a port; `close` ends everything."""

    def __init__(self):
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self._closing = []

    def run(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def start_tcp(self, serve, context=None):
        """The port of a TCP (or TLS) server; `serve` is `async (reader, writer)`."""

        async def guarded(reader, writer):
            try:
                await serve(reader, writer)
            except (OSError, EOFError):
                pass
            finally:
                writer.close()

        server = self.run(asyncio.start_server(guarded, "127.0.0.1", 0, ssl=context))
        self._closing.append(lambda: self.loop.call_soon_threadsafe(server.close))
        return server.sockets[0].getsockname()[1]

    def start_udp(self, answers, port=0):
        """The port of a datagram server; `answers(datagram, reply, reply_from_elsewhere)` is called for each."""

        class Server(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, address):
                def elsewhere(packet):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                        stranger.bind(("127.0.0.1", 0))
                        stranger.sendto(packet, address)

                answers(data, lambda packet: self.transport.sendto(packet, address), elsewhere)

        transport, _ = self.run(self.loop.create_datagram_endpoint(Server, local_addr=("127.0.0.1", port)))
        self._closing.append(lambda: self.loop.call_soon_threadsafe(transport.close))
        return transport.get_extra_info("sockname")[1]

    def start_http(self, app, context=None):
        """The port of an aiohttp application."""
        from aiohttp import web

        async def start():
            runner = web.AppRunner(app, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
            await site.start()
            return runner, site._server.sockets[0].getsockname()[1]

        runner, port = self.run(start())
        self._closing.append(lambda: self.run(runner.cleanup()))
        return port

    def close(self):
        for close in self._closing:
            close()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)


async def echo(reader, writer):
    """Says back what it hears."""
    while data := await reader.read(1000):
        writer.write(data)
        await writer.drain()


def server_context(certificate):
    """A server's TLS context with a certificate of trustme."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def der(authority):
    """The root of a trustme authority as hex of its DER form, for a job."""
    return ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode()).hex()


def dns_answer(query, *records, flags=0x8180, count=None):
    """A DNS answer to `query` with `records` as raw bytes behind its question."""
    head = query[:2] + struct.pack("!HHHHH", flags, 1, len(records) if count is None else count, 0, 0)
    return head + query[12:] + b"".join(records)
