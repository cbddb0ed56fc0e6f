"""An owner's client by pysignalr. Arguments: URL, token, file of the root certificate or "". Prints when each Log came.

A line "ready" first, then one line for each Log: the time of CLOCK_MONOTONIC in ns, read as the handler is called.
"""

import asyncio
import ssl
import sys
import time
from pathlib import Path

from pysignalr.client import SignalRClient


async def _receive(url, token, root):
    context = None
    if root:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False  # the hub is on this machine, under another name
        context.load_verify_locations(cadata=Path(root).read_bytes())
    client = SignalRClient(url, headers={"Open-Shock-Token": token, "User-Agent": "bench/1"}, ssl=context)

    async def on_log(arguments):
        print(time.monotonic_ns(), flush=True)

    async def on_open():
        print("ready", flush=True)

    client.on("Log", on_log)
    client.on_open(on_open)
    await client.run()


asyncio.run(_receive(*sys.argv[1:]))
