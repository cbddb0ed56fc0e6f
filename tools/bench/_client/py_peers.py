"""One of the SignalR clients of PyPI under load. Arguments: its name, the URL, a JSON list of floods, how many echoes.

Each counts what the server sends, sends Done, and then times echoes one after the other; prints their times in µs as JSON.
"""

import asyncio
import json
import os
import sys
import threading
import time


class Load:
    """What every client does, whatever its interface: one echo is open at a time."""

    def __init__(self, floods, echoes):
        self.floods = floods
        self.echoes = echoes
        self.left = 0
        self.asked_ns = 0
        self.took_us = []

    def next_flood(self):
        """Return the arguments of the next Flood, or None."""
        if not self.floods:
            return None
        self.left, per_frame = self.floods.pop(0)
        return [self.left, per_frame]

    def tick(self):
        """Count one message; return whether it was the last of a flood."""
        self.left -= 1
        return not self.left

    def asked(self):
        """Note when an echo was requested."""
        self.asked_ns = time.perf_counter_ns()

    def answered(self):
        """Note how long its answer took."""
        self.took_us.append((time.perf_counter_ns() - self.asked_ns) // 1000)


async def pysignalr(url, load):
    """Run the load with pysignalr."""
    from pysignalr.client import SignalRClient

    client = SignalRClient(url)
    opened, drained, answered = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def on_tick(arguments):
        if load.tick():
            drained.set()

    async def on_answer(message):
        load.answered()
        answered.set()

    async def on_open():
        opened.set()

    client.on("Tick", on_tick)
    client.on_open(on_open)
    running = asyncio.create_task(client.run())
    await opened.wait()
    while flood := load.next_flood():
        drained.clear()
        await client.send("Flood", flood)
        await drained.wait()
        await client.send("Done", [])
    for number in range(load.echoes):
        answered.clear()
        load.asked()
        await client.send("Echo", [number], on_answer)
        await answered.wait()
    running.cancel()


async def aiosignalr(url, load):
    """Run the load with aiosignalr."""
    from aiosignalr.client import HubConnection

    client = HubConnection()
    drained = asyncio.Event()

    def on_tick(*arguments):
        if load.tick():
            drained.set()

    client.on("Tick", on_tick)
    await client.start(url, transports={"WebSockets"})
    while flood := load.next_flood():
        drained.clear()
        await client.send("Flood", *flood)
        await drained.wait()
        await client.send("Done")
    for number in range(load.echoes):
        load.asked()
        await client.invoke("Echo", number)
        load.answered()
    await client.stop()


def signalrcore(url, load):
    """Run the load with signalrcore."""
    from signalrcore.hub_connection_builder import HubConnectionBuilder

    client = HubConnectionBuilder().with_url(url).build()
    opened, drained, answered = threading.Event(), threading.Event(), threading.Event()

    def on_tick(arguments):
        if load.tick():
            drained.set()

    def on_answer(message):
        load.answered()
        answered.set()

    client.on("Tick", on_tick)
    client.on_open(opened.set)
    client.start()
    opened.wait()
    while flood := load.next_flood():
        drained.clear()
        client.send("Flood", flood)
        drained.wait()
        client.send("Done", [])
    for number in range(load.echoes):
        answered.clear()
        load.asked()
        client.send("Echo", [number], on_answer)
        answered.wait()


def main(name, url, floods, echoes):
    """Run the client `name`, print the echo times in µs as JSON, and exit."""
    load = Load(json.loads(floods), int(echoes))
    started = globals()[name](url, load)
    if asyncio.iscoroutine(started):
        asyncio.run(started)
    print(json.dumps(load.took_us), flush=True)
    os._exit(0)  # signalrcore's own stop waits for a thread that may read for ever


main(*sys.argv[1:])
