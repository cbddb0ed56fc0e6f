"""SignalR clients that no one here wrote drive the local hub: @microsoft/signalr on node, pysignalr, signalrcore."""

import asyncio
import contextlib
import json

import aiohttp
import pytest
from conftest import PEERS, peer_module, peer_npm, peer_program
from hub_story import BLUE, DEVICE, HEADERS, LINK, RED, Caller, hub_story

ORDER = {"id": RED, "type": 2, "intensity": 140, "duration": 100}
LONG_NAME = "é😀x" * 6000  # 42 KB of UTF-8, far beyond one fragment
UNKNOWN = "Failed to invoke 'Nothing' due to an error on the server. HubException: Method does not exist."


def the_log(hub, arguments, name):
    """Whether these are the arguments of the `Log` that ORDER makes."""
    sender, (entry,) = arguments
    assert (entry["shocker"], entry["type"]) == ({"id": RED, "name": "red"}, 2)
    assert (entry["intensity"], entry["duration"]) == (100, 300)
    return sender["customName"] == name and sender["name"] == "sample"


# @microsoft/signalr


class Node:
    """remote.mjs, spoken to by JSON lines."""

    def __init__(self, process):
        self._process = process
        self._unasked = []

    @classmethod
    @contextlib.asynccontextmanager
    async def run(cls):
        """A node process that ends with the block."""
        peer_npm("@microsoft/signalr")
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        command = (peer_program("node"), str(PEERS / "remote.mjs"))
        process = await asyncio.create_subprocess_exec(*command, **pipes, limit=1 << 20)
        try:
            yield cls(process)
        finally:
            process.stdin.close()
            try:
                await asyncio.wait_for(process.wait(), 5)
            except asyncio.TimeoutError:
                process.kill()
                await process.wait()

    async def _line(self):
        line = await asyncio.wait_for(self._process.stdout.readline(), 20)
        assert line, "node ended"
        return json.loads(line)

    async def order(self, do, **more):
        """Order something; its outcome. What comes unasked before it is kept."""
        self._process.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        while True:
            line = await self._line()
            if line.keys() & {"opened", "failed", "result", "error", "sent", "stopped"}:
                return line
            self._unasked.append(line)

    async def unasked(self):
        """The next thing that happened by itself."""
        return self._unasked.pop(0) if self._unasked else await self._line()

    async def event(self, name):
        """The arguments of the next event, which must have that name."""
        told = await self.unasked()
        assert told.get("event") == name, told
        return told["arguments"]

    async def open(self, url, skip=False, headers=HEADERS, **more):
        """Open a connection; the outcome."""
        return await self.order("open", url=url, skip=skip, headers=headers, **more)

    async def invoke(self, target, *arguments):
        """Call a method; {"result"} or {"error"}."""
        return await self.order("invoke", target=target, arguments=arguments)


@pytest.mark.peer("@microsoft/signalr")
@pytest.mark.parametrize("skip", [False, True])
def test_microsofts_client_remote_controls(skip):
    @hub_story(pong_ms=20)
    async def story(hub, http):
        async with Node.run() as node:
            opened = await node.open(hub.url + "/1/hubs/user", skip)
            assert "opened" in opened, opened
            (connection_id,) = await node.event("Welcome")
            assert connection_id == hub.connections[0].id
            assert opened["opened"] == (None if skip else opened["opened"])
            assert await node.event("DeviceStatus") == [[]]

            assert await node.invoke("ControlV2", [ORDER], "desk") == {"result": None}
            assert the_log(hub, await node.event("Log"), "desk")
            assert await node.order("send", target="Control", arguments=[[ORDER]]) == {"sent": True}
            assert the_log(hub, await node.event("Log"), None)
            assert (await node.invoke("Nothing"))["error"] == UNKNOWN
            wrong = "Failed to invoke 'Control' due to an error on the server."
            for arguments in ([], [[{**ORDER, "type": "Vibrate"}]], [[ORDER], None]):
                assert await node.invoke("Control", *arguments) == {"error": wrong}
            assert await node.invoke("EmergencyStop", DEVICE) == {"result": None}
            assert await node.invoke("ControlV2", [ORDER], LONG_NAME[:8000]) == {"result": None}  # 25 KB out
            assert the_log(hub, await node.event("Log"), LONG_NAME[:8000])

            await hub.control([ORDER], name=LONG_NAME)  # and 52 KB in, in fragments
            assert the_log(hub, await node.event("Log"), LONG_NAME)
            await hub.control([ORDER, {**ORDER, "id": BLUE, "type": 0}])
            assert [entry["type"] for entry in (await node.event("Log"))[1]] == [2, 0]
            assert await node.order("stop") == {"stopped": True}
            assert await node.unasked() == {"closed": None}
            await hub.disconnected()

    story()


@pytest.mark.peer("@microsoft/signalr")
@hub_story()
async def test_microsofts_client_obeys_close(hub, http):
    async with Node.run() as node:
        await node.open(hub.url + "/1/hubs/user", reconnect=[0, 0])
        await node.event("Welcome")
        await node.event("DeviceStatus")
        await hub.faults.close(allow_reconnect=True)
        assert "reconnecting" in await node.unasked()
        told = [await node.unasked() for _ in range(3)]  # greeting and news of it, in the client's order
        assert {line.get("event", "reconnected") for line in told} == {"Welcome", "DeviceStatus", "reconnected"}
        hub.faults.cut()
        assert "reconnecting" in await node.unasked()
        await hub.connected(count=3)
        for _ in range(3):
            await node.unasked()
        await hub.faults.close(error="enough")
        told = await node.unasked()
        assert "enough" in told["closed"]


@pytest.mark.peer("@microsoft/signalr")
@hub_story()
async def test_microsofts_client_is_refused_at_the_doors(hub, http):
    user = hub.url + "/1/hubs/user"
    async with Node.run() as node:
        wrong = {**HEADERS, "Open-Shock-Token": "wrong"}
        assert "401" in (await node.open(user, headers=wrong))["failed"]
        hub.faults.refuse(503)
        assert "503" in (await node.open(user))["failed"]
        negotiated = await (await http.post("/1/hubs/user/negotiate?negotiateVersion=1")).json()
        door = f"{user}?id={negotiated['connectionToken']}"
        assert "opened" in await node.open(door, skip=True)
        async with Node.run() as second:
            assert "failed" in await second.open(door, skip=True)
            assert "failed" in await second.open(f"{user}?id=unknown", skip=True)
    assert [event["status"] for event in hub.journal.events("refused")] == [401, 503, 409, 404]


@pytest.mark.peer("@microsoft/signalr")
@hub_story()
async def test_microsofts_client_may_not_send_more_than_32_kib(hub, http):
    async with Node.run() as node:
        await node.open(hub.url + "/1/hubs/user")
        assert "error" in await node.invoke("ControlV2", [ORDER], "x" * 33_000)
        event = await hub.journal.wait("disconnected")
        assert event["why"] == "a record of more than 32768 bytes"
        await node.event("Welcome")
        await node.event("DeviceStatus")
        assert "Connection closed with an error." in (await node.unasked())["closed"]


@pytest.mark.peer("@microsoft/signalr")
@hub_story()
async def test_microsofts_client_as_a_guest(hub, http):
    owner = await Caller.remote(http)
    share = f"{hub.url}/1/hubs/share/link/{LINK}"
    agent = {"User-Agent": "guest/1"}
    async with Node.run() as node:
        assert "opened" in await node.open(f"{share}?name=J%C3%B6rg", headers=agent)
        assert await node.event("Welcome") == [1]
        assert await node.invoke("Control", [ORDER]) == {"result": None}
        sender, (entry,) = await owner.event("Log")
        assert (sender["customName"], entry["intensity"]) == ("Jörg", 30)
        assert (await node.invoke("ControlV2", [ORDER], None))["error"].endswith("Method does not exist.")
    async with Node.run() as node:
        outcome = await node.open(share, headers=agent)  # without a name: through the door, and out again at once
        assert "failed" in outcome or "closed" in await node.unasked()
        assert (await hub.journal.wait("disconnected", count=2))["why"] == "refused after the handshake"


@pytest.mark.peer("@microsoft/signalr")
@hub_story()
async def test_microsofts_client_as_a_device_answers_the_hub(hub, http):
    headers = {**HEADERS, "User-Agent": "OpenShock/1.2.3 (MicroPython; node)"}
    async with Node.run() as node:
        await node.open(hub.url + "/1/hubs/user", skip=True, headers=headers, results={"Reboot": "soon"})
        await hub.device_connected()
        assert hub.device.firmware_version == "1.2.3"
        assert await hub.invoke("Reboot", [DEVICE], wait=True) == ["soon"]
        (error,) = await hub.invoke("OtaInstall", [DEVICE, "1.0.0"], wait=True)
        assert str(error) == "Client didn't provide a result."
        await hub.emergency_stop()
        await node.event("Welcome")
        await node.event("DeviceStatus")
        assert await node.event("EmergencyStop") == [DEVICE]


# pysignalr


@pytest.mark.peer("pysignalr")
@hub_story(pong_ms=20)
async def test_pysignalr_remote_controls(hub, http):
    peer_module("pysignalr")
    from pysignalr.client import SignalRClient

    client = SignalRClient(hub.url + "/1/hubs/user", headers=dict(HEADERS))
    happened = asyncio.Queue()

    def tell(name):
        async def heard(what):
            happened.put_nowait((name, what))

        return heard

    for event in ("Welcome", "DeviceStatus", "Log", "EmergencyStop"):
        client.on(event, tell(event))

    async def result(message):
        if message.error is None:  # an error goes to both handlers
            happened.put_nowait(("result", message.result))

    running = asyncio.create_task(client.run())
    try:
        assert await happened.get() == ("Welcome", [hub.connections[0].id])
        assert await happened.get() == ("DeviceStatus", [[]])
        await hub.connected()
        await client.send("ControlV2", [[ORDER], "desk"], on_invocation=result)
        name, arguments = await happened.get()
        assert name == "Log" and the_log(hub, arguments, "desk")
        assert await happened.get() == ("result", None)
        await client.send("Control", [[ORDER]])  # no id, no answer
        name, arguments = await happened.get()
        assert name == "Log" and the_log(hub, arguments, None)
        await hub.control([ORDER], name=LONG_NAME)
        name, arguments = await happened.get()
        assert name == "Log" and the_log(hub, arguments, LONG_NAME)
        # Its own keep-alive on the WebSocket level is answered: the same connection goes on.
        client.on_error(tell("error"))
        await client.send("Nothing", [], on_invocation=result)
        name, message = await happened.get()
        assert (name, message.error) == ("error", UNKNOWN)
        await client.send("EmergencyStop", [DEVICE], on_invocation=result)
        assert await happened.get() == ("result", None)
        await hub.faults.close(allow_reconnect=True)
        assert (await happened.get())[0] == "Welcome"  # it comes back by itself
    finally:
        running.cancel()
        await asyncio.wait({running})


@pytest.mark.peer("pysignalr")
@hub_story()
async def test_pysignalr_with_a_bearer_token_only_is_refused(hub, http):
    peer_module("pysignalr")
    from pysignalr.client import SignalRClient
    from pysignalr.exceptions import AuthorizationError

    headers = {"User-Agent": "test/1"}
    client = SignalRClient(hub.url + "/1/hubs/user", headers=headers, access_token_factory=lambda: "s" * 64)
    with pytest.raises((AuthorizationError, aiohttp.ClientResponseError)):
        await asyncio.wait_for(client.run(), 10)


# signalrcore


@pytest.mark.peer("signalrcore")
@pytest.mark.parametrize("skip", [False, True])
def test_signalrcore_remote_controls(skip):
    @hub_story(ping_ms=200)  # its stop() returns with the next byte from the server: a ping
    async def story(hub, http):
        peer_module("signalrcore")
        from signalrcore.hub_connection_builder import HubConnectionBuilder

        loop = asyncio.get_running_loop()
        happened = asyncio.Queue()

        def tell(name):
            return lambda what=None: loop.call_soon_threadsafe(happened.put_nowait, (name, what))

        options = {"headers": dict(HEADERS), "skip_negotiation": skip}
        url = hub.hub_url if skip else hub.url + "/1/hubs/user"
        client = HubConnectionBuilder().with_url(url, options=options).build()
        for event in ("Welcome", "DeviceStatus", "Log"):
            client.on(event, tell(event))
        client.on_open(tell("open"))
        client.on_error(tell("error"))
        result = tell("result")

        async def next_of(name):
            told = await asyncio.wait_for(happened.get(), 20)
            assert told[0] == name, told
            return told[1]

        await asyncio.to_thread(client.start)
        greeting = {}
        for _ in range(3):  # the order of its threads is its own affair
            name, what = await asyncio.wait_for(happened.get(), 20)
            greeting[name] = what
        assert greeting == {"open": None, "Welcome": [hub.connections[0].id], "DeviceStatus": [[]]}

        await asyncio.to_thread(client.send, "ControlV2", [[ORDER], "desk"], result)
        assert the_log(hub, await next_of("Log"), "desk")
        assert (await next_of("result")).error is None
        await asyncio.to_thread(client.send, "Nothing", [], result)
        assert (await next_of("error")).error == UNKNOWN
        await hub.control([ORDER], name=LONG_NAME)
        assert the_log(hub, await next_of("Log"), LONG_NAME)
        await asyncio.to_thread(client.stop)
        await hub.disconnected()

    story()
