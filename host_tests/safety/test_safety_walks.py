"""Random walks of a whole device: orders good and bad, stops, losses, the button, restarts, clocks, time. One watcher."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from firmware.command import EMERGENCY, HALT, LIGHT, RESTART, SHOCK, SOUND, STOP, VIBRATE
from host_tests.safety.hub import DEVICE, GUID, Hub, control, entry
from host_tests.safety.oracle import ACTIONS
from host_tests.safety.watcher import Watcher, wifi
from host_tests.safety.world import WIFI, World, silent

SHOCKERS = (("CaiXianlin", 1), ("PetTrainer", 2), ("D80", 3))
MODELS = {1: "caixianlin", 2: "petrainer", 3: "d80", 4: "petrainer998dr", 5: "wellturnt330"}
CAPS = {"shock": 40, "vibrate": 70, "sound": 0, "light": 100}
OWN = {"model": "petrainer", "rf_id": 2, "shock_allowed": False, "vibrate": 20, "longest_ms": 700}
BUDGET = 150
SETTINGS = {
    **WIFI,
    **{"cap." + name: level for name, level in CAPS.items()},
    "cap.longest_ms": 3000,
    "cap.budget": BUDGET,
    "cap.rest_ms": 1500,
    "cap.own": [OWN, {"model": "d80", "rf_id": 3, "vibrate": 90, "longest_ms": 30000}],  # the second loosens nothing
}
BAD = (None, -1, 101, 1e9, "50", True, [], 30001, 65536)

receivers = st.integers(1, 5)
actions = st.sampled_from((SHOCK, SHOCK, VIBRATE, VIBRATE, SOUND, LIGHT))
levels = st.sampled_from((100, 50, 20, 9, 1, 0))
lengths_ms = st.sampled_from((30000, 5000, 1000, 300, 50, 1))


def caps(model, rf_id, action):
    """(highest level, longest ms) that the settings above allow."""
    if (model, rf_id) == ("petrainer", 2):
        return {"shock": 0, "vibrate": 20}.get(action, CAPS[action]), 700
    return CAPS[action], 3000


class Walk(RuleBasedStateMachine):
    @initialize(start_us=st.sampled_from((5_000_000, (1 << 30) - 10_000_000, (1 << 30) * 1000 - 10_000_000)))
    def begin(self, start_us):
        self.hub = Hub(SHOCKERS)
        self.world = World(SETTINGS, self.hub, start_us)  # some of them shortly before the ticks wrap
        self.watcher = Watcher(self.world, caps, BUDGET)
        self.n_orders = 0
        self.since_us = 0
        self.world.boot(whole=True)
        self._go_on(1500)

    def _go_on(self, delay_ms):
        self.world.pass_ms(delay_ms)
        if self.world.main is None:
            self._dark()
            self.world.boot(whole=True)
        self.watcher.look()

    def _dark(self):
        now_us = self.world.time.now_us
        self.watcher.look()
        self.watcher.dark_us.append(now_us)
        self.watcher.bound(now_us)
        self.watcher.asked.clear()
        self.since_us = now_us

    def _ask(self, number, action, level, ms):
        """A source of its own for an order that may be carried out within the next two seconds."""
        self.n_orders += 1
        source = "order-%d" % self.n_orders
        until_us = self.world.time.now_us + 2_000_000
        self.watcher.asked[source] = MODELS[number], number, ACTIONS[action], level, ms, until_us
        return source

    # --- orders

    @precondition(lambda self: not self.watcher.latched)
    @rule(number=receivers, action=actions, level=levels, ms=lengths_ms, then_ms=st.sampled_from((30, 400, 1500)))
    def somebody_here_asks(self, number, action, level, ms, then_ms):
        source = self._ask(number, action, level, ms)
        self.world.act(model=MODELS[number], rf_id=number, action=action, level=level, ms=ms, source=source)
        self._go_on(then_ms)

    @precondition(lambda self: not self.watcher.latched)
    @rule(first=receivers, n=st.integers(2, 5), level=levels, ms=lengths_ms, then_ms=st.sampled_from((100, 900)))
    def several_are_asked_for(self, first, n, level, ms, then_ms):
        for number in range(first, first + n):
            number = 1 + number % 5
            action = (VIBRATE, SHOCK)[number % 2 if first % 2 else (number + 1) % 2]
            source = self._ask(number, action, level, ms)
            self.world.act(model=MODELS[number], rf_id=number, action=action, level=level, ms=ms, source=source)
        self._go_on(then_ms)

    @precondition(lambda self: self.watcher.latched)
    @rule(number=receivers, action=actions)
    def somebody_asks_in_vain(self, number, action):
        self.world.act(model=MODELS[number], rf_id=number, action=action, level=20, ms=300, source="in-vain")
        self._go_on(100)

    @precondition(lambda self: not self.watcher.latched)
    @rule(number=st.integers(1, 3), action=actions, level=levels, ms=lengths_ms, fresh=st.booleans())
    def the_hub_asks(self, number, action, level, ms, fresh):
        if not self.hub.sockets:
            return
        source = self._ask(number, action, level, ms)
        if fresh:
            self.hub.log(entry(number, action, level, ms), name=source)
        else:
            self.hub.invoke("ControlV2", [control(number, action, level, ms)], source)
        self._go_on(150)

    @rule(
        number=receivers, field=st.sampled_from(("level", "ms", "rf_id", "action", "model")), bad=st.sampled_from(BAD)
    )
    def somebody_asks_for_nonsense(self, number, field, bad):
        good = {"model": MODELS[number], "rf_id": number, "action": VIBRATE, "level": 20, "ms": 300}
        fits = field == "ms" and bad in (101, 65536) and bad <= 30000 or field == "rf_id" and bad in (101, 30001)
        if fits:
            return
        self.world.act(**{**good, field: bad}, source="nonsense")
        self._go_on(10)

    @rule(number=receivers, n=st.integers(2, 30), action=actions)
    def a_flood(self, number, n, action):
        for level in range(n):
            source = self._ask(number, action, 1 + level, 200)
            self.world.act(model=MODELS[number], rf_id=number, action=action, level=1 + level, ms=200, source=source)
        self._go_on(40)

    @rule(number=receivers, far=st.booleans())
    def a_stop(self, number, far):
        running = [e for e in self.watcher.running() if e.what[1] == number]
        if far and number <= 3 and self.hub.sockets and not self.hub.silent:
            self.hub.log({**entry(number, STOP, 0, 0), "shocker": {"id": GUID % number}}, name="stopper")
            self.watcher.bound(self.world.time.now_us + 150_000, running if self._online() else [])
        else:
            since_us = self.world.time.now_us
            self.world.stop(model=MODELS[number], rf_id=number, source="stopper")
            self.watcher.bound(since_us, running)
            self._go_on(200)
            frames = [frame for frame in self.watcher.frames if frame.start_us >= since_us]
            while frames and silent(frames[0]) and frames[0].rf_id != number:
                frames.pop(0)  # others who wait for their first stop frame as well
            assert not frames or silent(frames[0]), "a stop overtakes everything"
        self._go_on(200)

    def _online(self):
        return self.world.lines("link")[-1:] == ["connected"]

    @rule()
    def all_stop(self):
        self.watcher.bound(self.world.time.now_us, self.watcher.running())
        self.world.obey(HALT, "somebody")
        self._go_on(50)

    # --- the emergency stop

    @rule(in_ms=st.integers(0, 120_000), held_ms=st.sampled_from((70, 300, 4000)))
    def the_button(self, in_ms, held_ms):
        in_ms /= 1000
        pressed_us = self.world.time.now_us + round(in_ms * 1000)
        self.watcher.pressed_us.append((pressed_us, self.world.device.latch.latched))
        self.world.press(in_ms, in_ms + held_ms)
        self._go_on(in_ms + 80)
        heard = [e.what[1] for e in self.watcher.running() if e.heard_us > pressed_us - 100_000]
        self.watcher.bound(pressed_us)
        assert self.world.device.latch.latched
        self._go_on(held_ms + 200)
        assert self.world.device.latch.latched
        if held_ms == 4000:  # stop frames go out while it is held
            for number in heard:
                stops = [f for f in self.watcher.frames if f.rf_id == number and pressed_us < f.start_us and silent(f)]
                assert stops and stops[-1].end_us - stops[0].start_us >= 300_000
                assert stops[0].start_us < pressed_us + 1_000_000

    @rule(hub=st.booleans())
    def an_emergency_stop_from_afar(self, hub):
        if hub and self._online() and not self.hub.silent:
            self.hub.invoke("EmergencyStop", DEVICE)
        else:
            self.world.obey(EMERGENCY, "hub")
        self._go_on(250)
        assert self.world.device.latch.latched
        self.watcher.bound(self.world.time.now_us)

    @precondition(lambda self: self.watcher.latched)
    @rule(held_ms=st.sampled_from((5_200, 7_000)))
    def a_deliberate_hold(self, held_ms):
        self._go_on(300)
        self.watcher.may_clear = True
        self.world.press(0, held_ms)
        self._go_on(held_ms + 600)
        self.watcher.may_clear = False

    # --- the surroundings

    @rule(how=st.sampled_from(("end", "reset")), back=st.booleans())
    def the_connection_is_lost(self, how, back):
        if not self._online():
            return
        self.watcher.bound(self.world.time.now_us + 250_000, self.watcher.running())
        self.hub.refusing = not back
        getattr(self.hub.wire, how)()
        self._go_on(400)
        self.hub.refusing = False

    @rule(lasts_ms=st.sampled_from((500, 3500, 9000)))
    def the_hub_falls_silent(self, lasts_ms):
        if self._online():
            self.watcher.bound(self.world.time.now_us + 3_100_000, self.watcher.running() if lasts_ms > 3200 else [])
        self.hub.silent = True
        self._go_on(lasts_ms)
        self.hub.silent = False

    @rule(lasts_ms=st.sampled_from((100, 2000)))
    def the_network_is_gone(self, lasts_ms):
        if self._online() and lasts_ms > 1000:
            self.watcher.bound(self.world.time.now_us + 500_000, self.watcher.running())
        wifi(False)
        self._go_on(lasts_ms)
        wifi(True)

    @rule(whole=st.booleans())
    def a_restart(self, whole):
        if whole:
            self.watcher.bound(self.world.time.now_us, self.watcher.running())
            self.world.obey(RESTART, "hub")
            self._go_on(3500)
        else:
            self.world.cut_power()
            self._dark()
            self.world.boot(whole=True)
            self._go_on(300)

    @rule(jump_us=st.sampled_from((-(10**15), -(10**9), 10**9, 10**15)), known=st.booleans())
    def the_clock_jumps(self, jump_us, known):
        self.world.unix_offset_us += jump_us
        self.world.clock_set = known
        self._go_on(20)

    @rule(stall_ms=st.sampled_from((30, 700, 6000)))
    def nobody_can_look_for_a_while(self, stall_ms):
        self.world.time.sleep(stall_ms * 1000)
        self._go_on(100)

    @rule(delay_ms=st.sampled_from((1, 45, 333, 1000, 5000, 62_000)))
    def time_passes(self, delay_ms):
        self._go_on(delay_ms)

    def teardown(self):
        try:
            if self.world.device:
                self._go_on(4500)
                self.watcher.finish(self.since_us)
        finally:
            World.end()


Walk.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    phases=(Phase.generate,),  # to shrink a walk takes minutes, and thirty steps can be read as they are
    database=None,
    suppress_health_check=list(HealthCheck),
)
TestWalks = pytest.mark.timeout(900)(Walk.TestCase)
