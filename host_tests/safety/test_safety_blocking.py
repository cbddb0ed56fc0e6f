"""S26: while anything is active nothing holds up the interpreter: no handshake, no scan, no write to the flash; a stop comes first.

The world's stubs take as long as the chip: a TLS handshake 0.9 s, a scan 2.2 s, a file 60 ms, a number in the storage 25 ms.
"""

import json
import random

import pytest

from firmware import build_info
from firmware.backends import _openshock_shockers
from firmware.command import KEEP, SHOCK, UPDATE, VIBRATE
from firmware.config.settings import Settings
from firmware.ota import boot_state
from firmware.portal.session import store
from host_tests.safety.hub import DEVICE, GUID, Hub, entry
from host_tests.safety.world import FRAME_MS, WIFI, World, goodbye_ms, order
from host_tests.unit.test_improv import packet
from lib import connect as dial
from lib import json_file, tls
from lib.nvs import Nvs

TLS = {"openshock_user.url": "https://10.0.0.1"}
MANY = tuple(("CaiXianlin", 100 + number) for number in range(4))
SCAN_REQUEST, SETTLED_MS = 4, 5000


class Context:
    """TLS that trusts everybody: what is judged is the time that it takes (virtual.Wire)."""

    def drop(self):
        """Nothing is open."""


@pytest.fixture(autouse=True)
def one_world(monkeypatch):
    monkeypatch.setattr(tls, "context", lambda roots: Context())
    yield
    World.end()


def connected(settings=None, hub=None):
    """(world, hub): greeted over TLS."""
    hub = hub or Hub(MANY)
    world = World({**WIFI, **TLS, "cap.budget": 6000, **(settings or {})}, hub)
    world.boot(whole=True)
    world.pass_ms(SETTLED_MS)
    assert world.lines("note")[-1] == "welcome"
    assert sum(us for _, us, _ in world.time.stalls) > 1_500_000, "two handshakes: the list of shockers, and the hub"
    return world, hub


def stored():
    with open("settings.json") as file:
        return json.load(file)


def smooth(world, since_us, ms):
    """None; the action that began at `since_us` was on the air all the time that it should be, and nothing held it up."""
    active = world.active(since_us)
    assert active[-1].start_us - active[0].start_us >= (ms - 2 * FRAME_MS) * 1000
    gaps_us = [after.start_us - before.end_us for before, after in zip(active, active[1:])]
    assert max(gaps_us) < 70_000, "no more than a stop frame of another receiver lies between"
    assert world.stalls() == []


# a list of shockers is fetched over a second connection


@pytest.mark.parametrize("why", ("device update", "unknown shocker", "both, and live control"))
def test_s26_the_list_of_shockers_is_fetched_when_nothing_is_active(why):
    world, hub = connected()
    world.pass_ms(8000)  # a fetch is not allowed earlier
    asked, since_us = hub.requests, world.time.now_us
    hub.log(entry(1, VIBRATE, 30, 5000))
    world.pass_ms(300)
    if why != "unknown shocker":
        hub.invoke("DeviceUpdate", DEVICE, 2)
    if why != "device update":
        hub.log(dict(entry(1, VIBRATE, 30, 100), shocker={"id": GUID % 9, "name": "?"}))
    for _ in range(22):
        if why == "both, and live control":
            hub.log(entry(2, VIBRATE, 10, 300))
        world.pass_ms(100)
    assert hub.requests == asked, "not while something is active"
    smooth(world, since_us, 2200)
    world.pass_ms(9000)
    assert hub.requests == asked + 1 and world.stalls() == []
    assert len([line for _, line in world.told if "4 shockers known" in line]) == 2


def test_s26_an_order_that_comes_during_a_handshake_is_carried_out_behind_it_and_a_stop_drops_it(monkeypatch):
    real_end = _openshock_shockers.Own.end

    def end(self):
        World._living.time.stall(80_000)
        return real_end(self)

    monkeypatch.setattr(_openshock_shockers.Own, "end", end)
    for stopped in (False, True):
        world, hub = connected()
        world.pass_ms(8000)
        hub.log(dict(entry(1, VIBRATE, 30, 100), shocker={"id": GUID % 9, "name": "?"}))  # the list is fetched anew
        hub.map_s = 0.3
        world.pass_ms(400)
        real, told = world.time.stall, []

        def stall(us, hub=hub, told=told, real=real, stopped=stopped):
            if us == 350_000 and not told:
                told.append(us)
                hub.log(entry(1, SHOCK, 7, 1000))
                if stopped:
                    hub.log(entry(1, 0, 0, 300))
            real(us)

        world.time.stall = stall
        since_us = world.time.now_us
        world.pass_ms(4000)
        assert told and world.stalls() == []
        assert bool(world.active(since_us)) != stopped


# a connection is made while somebody at the console, or another service, has something active


def test_s26_no_handshake_of_a_second_service_while_the_first_has_something_active():
    settings = {"backend.second": "openshock_gateway", "openshock_gateway.url": "https://10.0.0.2"}
    settings["openshock_gateway.token"] = "t"
    world, hub = connected(settings)
    chance = random.Random(1)
    for _ in range(6):
        world.pass_ms(chance.randrange(2000, 9000))
        since_us = world.time.now_us
        hub.log(entry(1, VIBRATE, 30, 9000))
        world.pass_ms(9500)
        smooth(world, world.active(since_us)[0].start_us, 9000)
    tries = len([line for _, line in world.told if "connecting to 10.0.0.2" in line or "gateway" in line])
    assert tries, "and in between it tries"


def test_s26_the_time_of_a_handshake_does_not_begin_while_it_waits():
    world, hub = connected()
    made = []

    async def resolve(host):
        return host

    async def connect():
        made.append(await dial.dial("10.0.0.3", 443, (), resolve, b"GET / HTTP/1.1\r\n\r\n"))

    hub.log(entry(1, VIBRATE, 10, 500))
    world.pass_ms(100)
    task = world.loop.create_task(connect())
    for _ in range(700):
        hub.log(entry(1, VIBRATE, 10, 500))
        world.pass_ms(45)
    assert not made and not task.done() and world.stalls() == []
    world.pass_ms(3000)
    assert made and world.stalls() == []


def test_s26_a_console_order_during_a_reconnect_waits_for_nothing_or_is_refused():
    begun = refused = 0
    for at_ms in range(0, 4000, 130):
        world, hub = connected()
        hub.wire.end()
        world.pass_ms(at_ms)
        world.line.type(b"control caixianlin 100 vibrate 20 2500\r\n")
        world.pass_ms(7000)
        assert world.stalls() == [], at_ms
        refused += world.device.refused().get("busy", 0)
        begun += bool(world.active())
    assert begun + refused == len(range(0, 4000, 130)) and begun > 10


# writes to the flash


def test_s26_what_a_service_gives_is_kept_when_nothing_is_active():
    world, hub = connected()
    since_us = world.time.now_us
    hub.log(entry(1, VIBRATE, 30, 3000))
    world.pass_ms(300)
    world.obey(KEEP, ("openshock_user", {"token": "new"}))
    world.pass_ms(2000)
    assert stored().get("openshock_user.token") != "new"
    smooth(world, since_us, 2000)
    world.pass_ms(2500)
    assert stored()["openshock_user.token"] == "new" and world.stalls() == []


def test_s26_what_the_hub_was_told_is_crossed_off_when_nothing_is_active(monkeypatch):
    crossed = []

    class Journal:
        def told(self, count):
            Settings("settings.json").save()
            crossed.append(count)

    monkeypatch.setattr(boot_state, "open_journal", Journal)
    world, hub = connected()
    since_us = world.time.now_us
    hub.log(entry(1, VIBRATE, 30, 3000))
    world.pass_ms(300)
    world.device.modes._news._events = [["OtaInstallSucceeded", 7]]
    world.pass_ms(2000)
    assert [record for record in hub.records if record.get("target") == "OtaInstallSucceeded"], "told at once"
    assert not crossed
    smooth(world, since_us, 2000)
    world.pass_ms(2500)
    assert crossed == [1] and world.stalls() == []


def test_s26_an_update_that_cannot_be_stops_nobody_and_is_answered_at_once(monkeypatch):
    monkeypatch.setattr(build_info, "BOARD", "simulated")
    world, hub = connected({"openshock_user.device_id": DEVICE})
    since_us = world.time.now_us
    hub.log(entry(1, VIBRATE, 30, 3000))
    world.pass_ms(300)
    hub.invoke("OtaInstall", DEVICE, "1.2.3")
    world.pass_ms(2000)
    assert [record for record in hub.records if record.get("target") == "OtaInstallFailed"]
    smooth(world, since_us, 2000)
    world.pass_ms(3000)
    assert world.stalls() == []


def test_s26_an_update_that_can_be_stops_first(monkeypatch):
    monkeypatch.setattr(boot_state, "_objection", lambda *_: "")
    monkeypatch.setattr(boot_state.check, "order", lambda *_: Settings("settings.json").save() or "")
    world, hub = connected()
    hub.log(entry(1, VIBRATE, 30, 9000))
    world.pass_ms(300)
    since_us = world.time.now_us
    world.obey(UPDATE, "1.2.3")
    world.pass_ms(3000)
    assert world.restarts == 1 and world.stalls() == [] and len(world.active(since_us)) == 0


@pytest.mark.parametrize(
    "typed",
    (
        b"hostname kitchen",
        b"echo off",
        b"echo false",
        b"caps vibrate 20",
        b"estop pin 14",
        b'jsonconfig {"rf":{"keepAliveEnabled":false}}',
        b"factoryreset",
        b"networks []",
        packet(3, bytes((5, 7)) + b"kitchen"),
    ),
)
def test_s26_somebody_at_the_console_who_changes_settings_stops_first(typed):
    world, hub = connected()
    hub.log(entry(1, VIBRATE, 30, 9000))
    world.pass_ms(600)
    world.line.type(b"\n")
    world.pass_ms(100)
    writes = len(world.time.stalls)
    since_us = world.time.now_us
    world.line.type(typed + b"\r\n")
    world.pass_ms(900)
    assert world.stalls() == []
    if len(world.time.stalls) > writes:
        assert world.active()[-1].end_us <= since_us + (FRAME_MS + 60) * 1000
        assert goodbye_ms(world.frames(since_us)) >= 300
    else:
        assert typed == b"echo off", "nothing was written"


def test_s26_whatever_else_is_written_stops_first():
    for write in (
        lambda: Nvs("other").put("key", 7),
        lambda: json_file.save("x.json", {}),
        lambda: json_file.set_aside("x.json"),
    ):
        world, hub = connected()
        hub.log(entry(1, VIBRATE, 30, 9000))
        world.pass_ms(500)
        since_us = world.time.now_us
        write()
        world.pass_ms(1000)
        assert world.stalls() == [] and world.active(since_us) == []
        assert "all: the storage is written" in world.lines("stop")
        assert goodbye_ms(world.frames(since_us)) >= 300


def test_s26_the_set_up_page_stops_its_test_before_it_saves():
    world = World()
    world.boot()
    world.device.dispatcher.lock("set-up", tests=True)
    assert world.device.dispatcher.test_pulse(order(level=20, ms=1000)) == ""
    world.pass_ms(200)
    assert len(world.active()) >= 2
    store(world.device._settings, [("hostname", "kitchen", "hostname")])
    since_us = world.time.now_us
    world.pass_ms(1000)
    assert world.stalls() == [] and world.active(since_us) == [] and goodbye_ms(world.frames()) >= 300


def test_s26_a_version_on_trial_is_confirmed_when_nothing_is_active():
    from firmware.ota import health

    world, hub = connected()
    confirmed = []

    class Slots:
        def confirm(self):
            world.time.stall(50_000)
            confirmed.append(world.time.now_us)
            return True

    class Journal:
        def confirmed(self):
            world.time.stall(60_000)

    class Gate:
        def judge(self, now):
            return health.STAY

    since_us = world.time.now_us
    hub.log(entry(1, VIBRATE, 30, 3000))
    world.pass_ms(300)
    device = world.device
    proof = health.prove(Gate(), Journal(), Slots(), device.clock, device.log)
    world.loop.create_task(proof)
    world.pass_ms(2000)
    assert not confirmed
    smooth(world, since_us, 2000)
    world.pass_ms(2500)
    assert len(confirmed) == 1 and world.stalls() == []


# scans


def test_s26_no_scan_while_anything_is_active_whoever_asks():
    world, hub = connected()
    hub.log(entry(1, VIBRATE, 30, 3000))
    world.pass_ms(300)
    since_us = world.time.now_us
    world.line.type(packet(3, bytes((SCAN_REQUEST, 0))) + b"\n")
    with pytest.raises(OSError):
        world.device.modes._station.scan()
    world.pass_ms(2000)
    smooth(world, since_us, 2000)
    world.pass_ms(3000)
    world.device.modes._station.scan()
    assert [us for _, us, _ in world.time.stalls if us > 2_000_000], "idle, it takes its time"
    assert world.stalls() == []


def test_s26_a_network_that_is_lost_is_looked_for_when_nothing_is_active():
    settings = {"wifi": [{"ssid": "simulated", "key": "simulated"}, {"ssid": "other", "key": "password1"}]}
    world, hub = connected(settings)
    import simboard

    world.pins[simboard.WIFI_BYTE] = 0
    hub.silent = True
    world.pass_ms(1000)
    for _ in range(30):
        if world.main is None:
            break  # three rounds: the set-up opens
        world.line.type(b"control caixianlin 100 vibrate 20 1900\r\n")
        world.pass_ms(2300)
    assert len(world.active()) > 50 and world.stalls() == []
    assert [us for _, us, _ in world.time.stalls if us > 2_000_000]


def test_s26_the_latch_is_the_one_thing_that_is_written_and_behind_the_halt():
    world, hub = connected()
    hub.log(entry(1, VIBRATE, 30, 9000))
    world.pass_ms(500)
    since_us = world.time.now_us
    writes = len(world.time.stalls)
    world.press(10, 60)
    world.pass_ms(1000)
    assert len(world.time.stalls) == writes + 1 and world.stalls() == []
    assert world.frames(since_us + 12_000)[0].start_us < since_us + 70_000, "the stop frames are not late for it"
