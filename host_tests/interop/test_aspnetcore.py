"""Calls, events and bursts at ASP.NET Core: our SignalR client beside Microsoft's own (host_tests/interop/aspnetcore)."""

from firmware.command import HALT
from host_tests.interop.aspnetcore.beside import DEVICE, RED, USER, both, log


@both
async def test_both_call_methods_and_hear_events(server, client):
    await client.open(server.url, **USER)
    order = {"id": RED, "type": 2, "intensity": 40, "duration": 500}
    told = [await client.invoke("ControlV2", [order], "desk")]
    sender, entries = await client.event("Log")
    told += [sender["customName"], [(entry["type"], entry["intensity"]) for entry in entries]]
    told += [await client.invoke(target, *given) for target, *given in (
        ["Echo", [1, None, "é😀", {"a": []}]],
        ["eCHO", 1514805840000],
        ["Reboot", DEVICE],
        ["Reboot"],
        ["Reboot", "no guid"],
        ["Nothing"],
        ["Refuse", "no entry"],
        ["Fail"],
        ["Counter", 3],
    )]  # fmt: skip
    return told


# bursts, with a heap as on the chip


def burst(count, size):
    """Make a test: so many events of that size in quick succession, none lost, none out of order, on one connection."""

    async def case(server, client):
        await client.open(server.url, **USER)
        await client.load()
        await server.do("burst", count=count, size=size)
        told = await client.ticks(count)
        return told, await client.invoke("Echo", "still here"), len(server.all("connected"))

    return both(case)


test_ten_thousand_events_of_20_bytes = burst(10_000, 20)
test_a_thousand_events_of_200_bytes = burst(1000, 200)
test_three_hundred_events_of_60_bytes = burst(300, 60)


@both
async def test_45_events_at_the_greeting(server, client):
    await client.open(server.url, reconnect=[0, 0], **USER)
    await client.load()
    await server.do("greet", times=45, target="Log", arguments=log(2, customName="x" * 200))
    await server.do("close", again=True)
    await client.until(lambda _: client.count("Log") == 45)
    await server.do("say", target="Reboot", arguments=[DEVICE])
    await client.event("Reboot")
    return client.count("Log"), len(server.all("connected"))


@both
async def test_a_stop_in_the_middle_of_a_burst_arrives(server, client):
    await client.open(server.url, **USER)
    await client.load()
    await server.do("burst", count=1000, size=200, at=500, target="Log", arguments=log(0))
    told = await client.ticks(1000)
    return told, client.count("Log"), len(server.all("connected"))


# records of every kind


@both
async def test_a_record_above_16_kb(server, client):
    """Microsoft's client takes any size. Ours skips it: what it holds may have been a stop, so everything stops."""
    await client.open(server.url, **USER)
    await server.do("record", target="Big", size=15_000)
    await server.do("record", target="Big", size=20_000)
    await server.do("record", target="Big", size=300_000)
    await server.do("say", target="Reboot", arguments=[DEVICE])
    await client.event("Reboot")
    sizes = [len(line["arguments"][0]) for line in client.told if line.get("event") == "Big"]
    halts = [line["order"] for line in client.told if line.get("order") == HALT]
    assert (sizes, halts) == (([15_000, 20_000, 300_000], []) if client.name == "official" else ([15_000], [HALT] * 2))
    return await client.invoke("Echo", "still here"), len(server.all("connected"))


@both
async def test_what_servers_take_at_most(server, client):
    """Microsoft's client sends 40 KB and is cut off; ours refuses to. Both say that the call failed."""
    await client.open(server.url, **USER)
    assert list(await client.invoke("Echo", fill=12_000)) == ["result"]
    return list(await client.invoke("Echo", fill=40_000))


@both
async def test_results_that_the_server_asks_for(server, client):
    await client.open(server.url, results={"Reboot": None}, missing=["OtaInstall"], **USER)
    for target in ("Reboot", "OtaInstall", "NobodyKnowsThis"):
        await server.do("ask", target=target, arguments=[DEVICE], within_ms=5000)
    answers = [await server.seen("answer", number) for number in (1, 2, 3)]
    return sorted(answers, key=str), await client.invoke("Echo", 1)


@both
async def test_a_thousand_results_in_quick_succession(server, client):
    await client.open(server.url, results={"Reboot": None}, **USER)
    await client.load()
    await server.do("ask", target="Reboot", arguments=[DEVICE], times=1000)
    await server.seen("answer", 1000)
    return server.all("answer")[-1], await client.invoke("Echo", 1), len(server.all("connected"))


@both
async def test_every_event_of_the_user_hub(server, client):
    await client.open(server.url, **USER)
    events = (
        ("DeviceStatus", [[{"device": DEVICE, "online": True, "firmwareVersion": "1.5.1"}]]),
        ("DeviceUpdate", [DEVICE, 4]),
        ("Log", log(2, customName="é😀\u2028\x1e\x00")),
        ("Log", [{"name": None}, []]),
        ("Log", "no arguments"),
        ("Log", [1]),
    )
    for target, arguments in events:
        await server.do("say", target=target, arguments=arguments if isinstance(arguments, list) else [arguments])
    await server.do("say", target="Reboot", arguments=[DEVICE])
    await client.event("Reboot")
    return [
        (line["event"], line["arguments"]) for line in client.told if "event" in line and line["event"] != "Welcome"
    ]
