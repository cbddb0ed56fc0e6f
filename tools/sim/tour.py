"""The scripted tour: what a hub asks, and what a receiver heard that shares no code with the encoders.

A step is a coroutine of STEPS.
"""

import asyncio
import time

import aiohttp

from tools.hub import events, flat
from tools.sim import updates, world
from tools.sim.phone import Phone, Refused

VIBRATE, SOUND = 2, 3
CAP = 60  # the local cap on vibration that the tour sets the device up with

# every order is of a second at least: where this PC stalls, a shorter one may be over before its first frame
_LATE_MS = 1000  # what a busy PC may add; far below what the orders ask for. Figures are the benches' business
_GOODBYE_MS = 300  # from the start of the first stop frame to the end of the last
_HEARD_S = 30.0
_UPDATE_S = (
    240.0  # a new version is watched for a minute before it may stay, one that hangs is bitten after half of one
)


class Wrong(Exception):
    """The receiver heard something else than it should have."""


def expect(true, what):
    """None; raises Wrong with `what` when `true` is not."""
    if not true:
        raise Wrong(what)


class Tour:
    """Walks through STEPS in a `world`. `tell(dict)` gets one event a step: step, what, heard, ok."""

    def __init__(self, world, tell):
        self._world = world
        self._hub = world.hub
        self._at_gateway = world.backend == "openshock_gateway"
        self._tell = tell
        self._mark = 0

    async def walk(self):
        """True when every step went as it must. The first that does not ends the tour."""
        steps = STEPS + (UPDATES if self._world.updates else [])
        for number, (what, step) in enumerate(steps, 1):
            await self._quiet()
            self._mark = len(self._world.air.events)
            try:
                heard, ok = await step(self), True
            except (Wrong, Refused, aiohttp.ClientError) as wrong:
                heard, ok = str(wrong), False
            except asyncio.TimeoutError:
                heard, ok = "nothing, for too long", False
            self._tell({"event": "step", "step": number, "of": len(steps), "what": what, "heard": heard, "ok": ok})
            if not ok:
                return False
        return True

    # what the steps are made of

    async def _quiet(self):
        air = self._world.air
        await air.until(air.quiet, _HEARD_S)

    def _heard(self):
        return self._world.air.events[self._mark :]

    def _shocker(self, name):
        return next(shocker for shocker in self._hub.shockers if shocker.name == name)

    async def _order(self, name, action, intensity, duration_ms):
        shocker = self._shocker(name)
        order = {"id": shocker.guid, "type": action, "intensity": intensity, "duration": duration_ms}
        await self._hub.control([order], name="tour")
        return shocker.rf_id

    async def _whole(self, *ids, bursts=2):
        """The bursts of these receivers, each list from its first frame to the end of its stop frames: so many of them."""

        def done():
            return all(any(_is_stop(burst, rf_id) for burst in self._heard()) for rf_id in ids)

        await self._world.air.until(done, _HEARD_S)
        await self._quiet()
        faults = [burst for burst in self._heard() if burst["event"] != "rf"]
        expect(not faults, f"frames that no receiver understands: {faults}")
        lists = [[burst for burst in self._heard() if burst["rf_id"] == rf_id] for rf_id in ids]
        for heard in lists:
            expect(len(heard) == bursts, f"not {bursts} bursts: {'; '.join(map(words, heard))}")
            last = heard[-1]
            expect(last["intensity"] == 0, f"the last frames were no stop frames: {words(last)}")
            expect(last["last_ms"] - last["first_ms"] >= _GOODBYE_MS, f"too few stop frames: {words(last)}")
        return lists if len(lists) > 1 else lists[0]

    # the steps

    async def set_up(self):
        async with Phone(self._world.portal_port) as phone:
            try:
                await phone.join(world.WIFI["ssid"], "not the key")
                raise Wrong("a wrong key was taken")
            except Refused as refused:
                wrong = str(refused)
            await phone.join(**world.WIFI)
            await phone.post("caps", vibrate=CAP)
            await self._account(phone)
            words = await phone.reach()
            red = self._shocker("red")
            await phone.post(
                "pulse", model="caixianlin", rf_id=red.rf_id, action="vibrate", intensity=20, duration_ms=1000
            )
            await self._whole(red.rf_id)
            await phone.post("done")
        return f"a wrong key: {wrong}; the right one: joined; {words}; the test pulse: felt"

    async def _account(self, phone):
        if self._at_gateway:
            await phone.post("pair", code=self._hub.pairing.new_code(self._hub.device))
        else:
            fields = {"token": self._hub.token, "device_id": self._hub.device.guid}
            await phone.post("account", backend="openshock_user", fields=fields)

    async def connect(self):
        connection = await self._hub.device_connected(timeout_s=_HEARD_S)
        return connection.peer.user_agent

    async def vibrate(self):
        (burst, stop) = await self._whole(await self._order("red", VIBRATE, 40, 1000))
        expect((burst["action"], burst["intensity"]) == ("vibrate", 40), words(burst))
        expect(500 <= _length(burst) <= 1000 + _LATE_MS, f"{_length(burst)} ms instead of 1000: {words(burst)}")
        return f"{words(burst)}; {words(stop)}"

    async def two_at_once(self):
        ids = await self._order("blue", SOUND, 30, 1000), await self._order("green", VIBRATE, 50, 1000)
        (blue, _), (green, _) = await self._whole(*ids)
        expect((blue["action"], green["action"]) == ("sound", "vibrate"), f"{words(blue)}; {words(green)}")
        shared = min(blue["last_ms"], green["last_ms"]) - max(blue["first_ms"], green["first_ms"])
        expect(shared > 0, f"only {shared} ms at once")
        return f"{words(blue)}; {words(green)}; {shared} ms at once"

    async def newest_wins(self):
        rf_id = await self._order("red", VIBRATE, 50, 5000)
        await self._sounding(rf_id)
        await self._order("red", VIBRATE, 20, 1000)
        (first, second, _) = await self._whole(rf_id, bursts=3)
        expect((first["intensity"], second["intensity"]) == (50, 20), f"{words(first)}; {words(second)}")
        expect(_length(first) < 4000 and _length(second) <= 1000 + _LATE_MS, f"{words(first)}; {words(second)}")
        return f"{words(first)}; then {words(second)}"

    async def stop(self):
        rf_id = await self._order("red", VIBRATE, 50, 8000)
        await self._sounding(rf_id)
        asked_ms = self._world.air.now_ms()
        await self._hub.stop_all("tour")
        (burst, stop) = await self._whole(rf_id)
        late_ms = max(burst["last_ms"] - asked_ms, 0)
        expect(late_ms <= _LATE_MS, f"went on for {late_ms} ms")
        return f"{words(burst)}; its last frame ended {late_ms} ms after the stop; {words(stop)}"

    async def unknown(self):
        lines = len(self._world.lines)
        if self._at_gateway:  # it names receivers by model and number: a model that nobody knows
            self._hub.gateway.send(self._hub.device, flat.commands([(99, 1, VIBRATE, 50, 1000)]))
            return await self._refused(lines, "unknown model")
        stranger = {"shocker": {"id": "00000000-0000-4000-8000-000000000000", "name": "stranger"}}
        entry = {**stranger, "type": VIBRATE, "intensity": 50, "duration": 1000, "executedAt": "2026-01-01T00:00:00Z"}
        await self._hub.emit_record(events.log({"name": "tour", "customName": None}, [entry]))
        return await self._refused(lines, "unknown receiver")

    async def _refused(self, lines, words):
        line = await self._line(lines, words)
        await self._quiet()
        expect(not self._heard(), f"something was sent: {self._heard()}")
        return f"nothing; the device's log: {line}"

    async def over_the_cap(self):
        (burst, _) = await self._whole(await self._order("red", VIBRATE, 95, 1000))
        expect(burst["intensity"] == CAP, f"{burst['intensity']} instead of {CAP}")
        return f"{words(burst)} (asked for 95; the local cap is {CAP})"

    async def cut(self):
        rf_id = await self._order("red", VIBRATE, 50, 8000)
        await self._sounding(rf_id)
        asked_ms = self._world.air.now_ms()
        self._lost = self._hub.journal.mark()
        self._hub.faults.cut()
        (burst, stop) = await self._whole(rf_id)
        late_ms = max(burst["last_ms"] - asked_ms, 0)
        expect(late_ms <= 250 + _LATE_MS, f"went on for {late_ms} ms")
        return f"{words(burst)}; its last frame ended {late_ms} ms after the cut; {words(stop)}"

    async def reconnect(self):
        await self._hub.device_connected(since=self._lost, timeout_s=90)
        (burst, _) = await self._whole(await self._order("red", VIBRATE, 30, 1000))
        expect(burst["intensity"] == 30, words(burst))
        return f"connected again; {words(burst)}"

    async def update(self):
        await self._ordered(updates.GOOD)
        told = await self._told("OtaInstallSucceeded")
        line = next(line for line in reversed(self._world.lines) if f"OpenShock/{updates.GOOD} " in line)
        return f"{told}; the device's log: {line}"

    async def bad_update(self):
        await self._ordered(updates.BAD)
        told = await self._told("OtaRollback")
        await self._hub.device_connected(timeout_s=_UPDATE_S)
        line = next(line for line in reversed(self._world.lines) if "][app] OpenShock/" in line)
        expect(f"OpenShock/{updates.GOOD} " in line, f"it runs something else: {line}")
        return f"{told}; the device's log: {line}"

    async def _ordered(self, version):
        await self._hub.device_connected(timeout_s=_HEARD_S)
        self._news = self._hub.journal.mark()
        await self._hub.ota_install(version)

    async def _told(self, what):
        """In words: what the hub has heard of the update, up to the event `what`."""
        journal = self._hub.journal
        await journal.wait("update", lambda event: event.facts["name"] == what, since=self._news, timeout_s=_UPDATE_S)
        told = [(event.facts["name"], *event.facts["rest"][1:]) for event in journal.events("update", self._news)]
        return ", ".join(" ".join(map(str, each)) for each in told)

    async def _sounding(self, rf_id):
        """None as soon as three frames of that receiver were heard."""
        air = self._world.air
        seen = len(air.frames)
        await air.until(lambda: sum(frame.rf_id == rf_id for frame in air.frames[seen:]) >= 3, _HEARD_S)

    async def _line(self, since, text):
        until = time.monotonic() + _HEARD_S
        while time.monotonic() < until:
            for line in self._world.lines[since:]:
                if text in line:
                    return line
            await asyncio.sleep(0.02)
        raise Wrong(f"the device did not say '{text}'")


def words(burst):
    """One burst in a person's words."""
    seconds = _length(burst) / 1000
    what = (
        "stop"
        if burst["intensity"] == 0 and burst["action"] == "vibrate"
        else f"{burst['action']} {burst['intensity']}"
    )
    return f"{burst['frames']} × {what} to {burst['model']} {burst['rf_id']} in {seconds:.2f} s"


def _length(burst):
    return burst["last_ms"] - burst["first_ms"]


def _is_stop(burst, rf_id):
    return (
        burst["event"] == "rf" and burst["rf_id"] == rf_id and burst["intensity"] == 0 and burst["action"] == "vibrate"
    )


STEPS = [
    ("a blank device is set up through its page, by a script that plays the phone", Tour.set_up),
    ("the device joins Wi-Fi and connects to the hub over TLS", Tour.connect),
    ("vibrate 40 for 1 s", Tour.vibrate),
    ("two receivers at once for 1 s: sound and vibrate", Tour.two_at_once),
    ("vibrate 50 for 5 s, then vibrate 20 for 1 s: the newest wins", Tour.newest_wins),
    ("vibrate 50 for 8 s, then stop everything", Tour.stop),
    ("an order for a receiver that nobody knows", Tour.unknown),
    (f"vibrate 95, above the local cap of {CAP}", Tour.over_the_cap),
    ("vibrate 50 for 8 s, and the connection is cut in the middle", Tour.cut),
    ("the device comes back, and obeys again", Tour.reconnect),
]

UPDATES = [
    (f"the hub orders version {updates.GOOD}: fetched, verified, swapped, on trial, kept", Tour.update),
    (
        f"the hub orders version {updates.BAD}, which never gets anywhere: the device goes back by itself",
        Tour.bad_update,
    ),
]
