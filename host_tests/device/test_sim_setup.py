"""When the set-up opens and when it closes, on the whole simulated device: real MicroPython, real sockets, the page's own API."""

import asyncio

import aiohttp
from sim_story import WAIT_S, order, said, settled

from tools.sim.phone import Phone, Refused
from tools.sim.world import WIFI, World

PAGE = "its page is"


def test_a_blank_device_is_set_up_and_obeys():
    async def story():
        async with World(blank=True) as world:
            await said(world, "to be set up: no network is known")
            async with Phone(world.portal_port) as phone:
                assert (await phone.page())[:2] == b"\x1f\x8b"
                assert (await phone.state())["step"] == "radio"
                await phone.join(**WIFI)
                await phone.post("account", backend="openshock_user", fields={"token": world.hub.token})
                assert "3 shockers" in await phone.reach()
                await phone.post("done")
            await world.hub.device_connected(timeout_s=WAIT_S)
            await order(world, "red", 30, 400)
            assert {frame.intensity for frame in await settled(world)} == {30, 0}

    asyncio.run(story())


def test_the_page_is_found_by_the_name_that_the_network_has_for_the_device():
    async def story():
        async with World(blank=True, settings={"hostname": "Red Room"}) as world, Phone(world.portal_port) as phone:
            answers = {}
            for host in ("red-room.local", "red room.local", "openshock.local"):
                there = phone.session.get(
                    phone.url, headers={"Host": f"{host}:{world.portal_port}"}, allow_redirects=False
                )
                async with there as answer:
                    answers[host] = answer.status
            assert answers == {"red-room.local": 200, "red room.local": 302, "openshock.local": 302}

    asyncio.run(story())


async def reached(phone):
    """What the check says at last, asked for as often as the page asks, and as patiently: TLS may have the memory meanwhile."""
    await phone.post("reach")
    while True:
        await asyncio.sleep(1)
        try:
            reach = (await phone.state())["account"]["reach"]
        except (Refused, aiohttp.ClientError):
            continue
        if reach["ok"] is not None:
            return reach["text"]


def test_each_service_is_asked_whether_it_lets_the_device_in():
    """Over TLS, one after the other (DSP Fleet: test_sim_fleet.py), in a device's heap: what the check needs has left it."""

    async def story():
        async with World(blank=True) as world:
            hub = world.hub
            services = (
                ("openshock_gateway", {"token": hub.device.token}, "reaches the hub"),
                (
                    "openshock_share",
                    {"link": hub.config.shares[0].guid, "name": "guest"},
                    "reaches the hub: as a guest",
                ),
                ("valtronics", {"token": hub.token}, "reaches the hub: logged in"),
                ("openshock_user", {"token": hub.token}, "reaches the hub: 3 shockers"),
            )
            async with Phone(world.portal_port) as phone:
                await phone.join(**WIFI)
                for backend, fields, words in services:
                    await phone.post("account", backend=backend, fields=fields)
                    assert (await reached(phone)).startswith(words), backend
            assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]

    asyncio.run(story())


def test_when_no_known_network_is_there_the_set_up_opens_and_keeps_what_was_known():
    async def story():
        away = [{"ssid": "elsewhere", "key": "correct horse"}]
        async with World(settings={"wifi": away}) as world:
            await said(world, "in a row: 3")
            await said(world, PAGE)
            async with Phone(world.portal_port) as phone:
                state = await phone.state()
                assert state["step"] == "wifi" and state["wifi"]["saved"] == [{"ssid": "elsewhere", "hidden": False}]
                await phone.join(**WIFI)
                assert len((await phone.state())["wifi"]["saved"]) == 2
                await phone.post("done")
            await world.hub.device_connected(timeout_s=WAIT_S)

    asyncio.run(story())


async def _closed(world, since):
    """None; the device is at work again, and nobody serves a page any more."""
    await world.hub.device_connected(since=since, timeout_s=WAIT_S)
    try:
        async with Phone(world.portal_port, patience_s=0):
            raise AssertionError("the page is still there")
    except OSError:
        pass


def test_the_console_opens_it_and_meanwhile_nothing_but_a_test_goes_out():
    async def story():
        async with World() as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            world.device.type("portal")
            await said(world, PAGE)
            mark = len(world.lines)
            world.device.type("control caixianlin 4321 vibrate 20 500")
            assert "locked" in await said(world, "$SYS$|Error|", mark)
            since = world.hub.journal.mark()
            async with Phone(world.portal_port) as phone:
                assert (await phone.state())["step"] == "done"
                await phone.post(
                    "pulse", model="caixianlin", rf_id=4321, action="vibrate", intensity=9, duration_ms=200
                )
                heard = {(frame.action, frame.intensity) for frame in await settled(world)}
                assert heard == {("vibrate", 9), ("vibrate", 0)}
                try:
                    await phone.post(
                        "pulse", model="caixianlin", rf_id=4321, action="shock", intensity=10, duration_ms=200
                    )
                    raise AssertionError("a shock went out")
                except Refused as refused:
                    assert "vibrate or sound" in str(refused)
                await phone.post("done")
            await _closed(world, since)

    asyncio.run(story())


def test_an_order_from_afar_opens_it_and_the_latch_outlives_it():
    async def story():
        async with World() as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await world.hub.captive_portal(True)
            await said(world, PAGE)
            world.device.type("estop trip")
            await said(world, "latched: console")
            since, mark = world.hub.journal.mark(), len(world.lines)
            async with Phone(world.portal_port) as phone:
                assert (await phone.state())["estop"]["latched"] is True
                await phone.post("done")
            await _closed(world, since)
            await said(world, "latched since before this start", mark)

    asyncio.run(story())


def test_a_transmitter_on_no_pin_of_the_chip_opens_it_instead_of_a_restart_for_ever():
    async def story():
        async with World(settings={"board": "generic-esp32c3"}) as world:
            await said(world, "to be set up: no transmitter")
            async with Phone(world.portal_port) as phone:
                state = await phone.state()
                assert state["step"] == "board" and state["board"]["rf_pin"] is None
                try:
                    await phone.post("pulse", model="d80", rf_id=1, action="sound", intensity=10, duration_ms=200)
                    raise AssertionError("sent, but where?")
                except Refused as refused:
                    assert "which pin" in str(refused)
            assert world.device.starts == 1

    asyncio.run(story())


def test_a_pin_that_cannot_be_used_in_a_file_written_by_hand_opens_it_and_is_said():
    async def story():
        async with World(settings={"board": "generic-esp32", "rf.pin": 6, "rf.player": "rmt"}) as world:
            line = await said(world, "to be set up: no transmitter")
            assert "GPIO6 of this chip cannot be used" in line
            async with Phone(world.portal_port) as phone:
                state = await phone.state()
                assert 6 not in state["board"]["pins"]["out"]
                assert state["step"] == "board" and state["board"]["rf_pin"] is None
            assert world.device.starts == 1 and world.air.frames == []

    asyncio.run(story())


BOOT_PIN = 0


def test_boot_held_for_five_seconds_opens_it():
    async def story():
        async with World() as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            since = world.hub.journal.mark()
            world.device.set_input(BOOT_PIN, 0)
            await asyncio.sleep(8)  # a finger's time; a busy PC may stall the device, and then it counts anew
            assert world.device.starts == 1
            world.device.set_input(BOOT_PIN, 1)
            await said(world, PAGE)
            async with Phone(world.portal_port) as phone:
                await phone.post("done")
            await _closed(world, since)

    asyncio.run(story())


def test_boot_held_for_ten_seconds_forgets_everything_but_the_latch():
    async def story():
        async with World(settings={"estop.pin": 14}) as world:
            await world.hub.device_connected(timeout_s=WAIT_S)
            await world.hub.emergency_stop()
            await said(world, "latched: ")
            mark = len(world.lines)
            world.device.set_input(BOOT_PIN, 0)
            await said(world, "restart: BOOT was held", mark)
            assert (
                world.device.settings() == {} and world.device.starts == 1
            )  # a start with the finger on it is safe mode
            world.device.set_input(BOOT_PIN, 1)
            await said(world, "latched since before this start", mark)

    asyncio.run(story())
