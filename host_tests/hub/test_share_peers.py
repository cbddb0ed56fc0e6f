"""@microsoft/signalr and pysignalr in the same share link as the device: three guests, one hub, nobody disturbs the others."""

import asyncio

import pytest
from conftest import peer_module
from hub_story import LINK, RED, Caller, hub_story
from link_story import Story, hurry
from test_hub_peers import Node

from firmware.backends.openshock_share import Backend
from firmware.command import Wish

AGENT = {"User-Agent": "guest/1"}
ORDER = {"id": RED, "type": 2, "intensity": 11, "duration": 400}


async def heard(owner, name, intensity):
    """None when the owner's next Log is an order of that guest."""
    sender, (entry,) = await owner.event("Log")
    assert (sender["name"], sender["customName"], entry["intensity"]) == ("Guest", name, intensity)
    assert sender["additionalItems"] == {"shareLinkId": LINK}


def device(hub, monkeypatch):
    """A link of the device, which joins as Zoë."""
    hurry(monkeypatch)
    settings = {"url": hub.url, "link": LINK, "name": "Zoë", "session": ""}
    return Story(hub.url, Backend(settings, "OpenShock/0.1.0 (MicroPython; esp32)"))


async def joined(one):
    """None as soon as the device is a guest."""
    await one.dispatcher.until(lambda: any("as a guest" in str(detail) for _, detail in one.dispatcher.orders))


async def presses(one, intensity):
    """None; a button of the device was pressed."""
    assert one.link.ask("control", Wish("red", 2, intensity, 400)) == ""


@pytest.mark.peer("@microsoft/signalr")
@pytest.mark.parametrize("skip", [False, True])
def test_microsofts_client_and_the_device_in_one_link(skip, monkeypatch):
    @hub_story()
    async def story(hub, http):
        owner = await Caller.remote(http)
        share = f"{hub.url}/1/hubs/share/link/{LINK}?name=node"
        async with Node.run() as node, device(hub, monkeypatch) as one:
            assert "opened" in await node.open(share, skip=skip, headers=AGENT)
            assert await node.event("Welcome") == [1]
            await joined(one)
            for level in range(1, 4):
                assert await node.invoke("Control", [{**ORDER, "intensity": level}]) == {"result": None}
                await heard(owner, "node", level)
                await presses(one, level + 10)
                await heard(owner, "Zoë", level + 10)
            hub.edit_share(hub.config.shares[0], hub.shockers[0], max_intensity=7)
            assert await node.event("Updated") == []
            await node.invoke("Control", [ORDER])
            await heard(owner, "node", 7)
            hub.faults.cut([each for each in hub.connections if each.peer.guest_name == "node"])
            await presses(one, 5)
            await heard(owner, "Zoë", 5)

    story()


@pytest.mark.peer("pysignalr")
def test_pysignalr_and_the_device_in_one_link(monkeypatch):
    @hub_story(pong_ms=20)
    async def story(hub, http):
        peer_module("pysignalr")
        from pysignalr.client import SignalRClient

        owner = await Caller.remote(http)
        client = SignalRClient(f"{hub.url}/1/hubs/share/link/{LINK}?name=python", headers=dict(AGENT))
        happened = asyncio.Queue()

        def tell(name):
            async def told(what):
                happened.put_nowait((name, what))

            return told

        for event in ("Welcome", "Updated"):
            client.on(event, tell(event))

        async def result(message):
            happened.put_nowait(("result", message.error))

        running = asyncio.create_task(client.run())
        try:
            async with device(hub, monkeypatch) as one:
                assert await asyncio.wait_for(happened.get(), 20) == ("Welcome", [1])
                await joined(one)
                for level in range(1, 4):
                    await client.send("Control", [[{**ORDER, "intensity": level}]], on_invocation=result)
                    await heard(owner, "python", level)
                    assert await happened.get() == ("result", None)
                    await presses(one, level + 10)
                    await heard(owner, "Zoë", level + 10)
                hub.edit_share(hub.config.shares[0], hub.shockers[0], paused=True)
                assert await happened.get() == ("Updated", [])
                await client.send("Control", [[ORDER]], on_invocation=result)  # refused in silence
                assert await happened.get() == ("result", None)
                assert await owner.quiet()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    story()
