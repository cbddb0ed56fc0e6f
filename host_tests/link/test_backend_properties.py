"""Whatever a hub sends, however it is cut: the OpenShock backend makes well-formed orders of it, answers, or leaves."""

import json
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.backends._openshock_shockers import Own, whole_list
from firmware.backends.openshock_user import Backend
from firmware.command import ACT, EMERGENCY, NOTE, PORTAL, REFUSE, RESTART, STOP, UPDATE, Command, Leave
from firmware.control.safety import Safety
from host_tests.unit.openshock_words import BLUE, DEVICE, MAP, NOBODY, RED, TOKEN, greeted, settings_with
from host_tests.unit.rooms import caps
from lib.iso8601 import moment_us

KNOWN = {RED: ("caixianlin", 1234), BLUE: ("petrainer", 65535)}
TARGETS = (
    *("Welcome", "DeviceStatus", "Log", "DeviceUpdate", "Control", "ControlV2", "EmergencyStop", "CaptivePortal"),
    *("OtaInstallStarted", "OtaInstallProgress", "OtaInstallFailed", "OtaRollback", "OtaInstallSucceeded"),
    *("OtaInstall", "Reboot"),
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.sampled_from([0, 1, 2, 3, 100, 500, RED, BLUE, NOBODY, DEVICE, RED.upper(), "2026-03-04T05:06:07.89Z"])
)
NAMES = ("shocker", "id", "type", "intensity", "duration", "executedAt", "name", "customName", "device", "online", "x")
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=15,
)
guids = st.sampled_from([RED, BLUE, NOBODY, RED.upper()])
kinds = st.sampled_from([0, 1, 2, 3]) | scalars
entries = st.fixed_dictionaries(
    {"shocker": st.fixed_dictionaries({"id": guids, "name": st.text(max_size=5)}), "type": kinds},
    optional={"intensity": scalars, "duration": scalars, "executedAt": scalars},
)
logs = st.builds(lambda who, what: ["Log", [who, what]], values, st.lists(entries | values, max_size=5))
controls = st.builds(
    lambda target, what, who: [target, [what, who]],
    st.sampled_from(["Control", "ControlV2"]),
    st.lists(
        st.fixed_dictionaries({"id": guids, "type": kinds, "intensity": scalars, "duration": scalars}) | values,
        max_size=4,
    ),
    scalars,
)
ours = st.builds(lambda target, rest: [target, [DEVICE, *rest]], st.sampled_from(TARGETS), st.lists(values, max_size=4))
anything = st.builds(
    lambda target, rest: [target, rest], st.sampled_from(TARGETS) | st.text(min_size=1), st.lists(values, max_size=5)
)
calls = logs | controls | ours | anything
ids = st.none() | st.text(min_size=1, max_size=5)


def wire(call, call_id):
    message = {"type": 1, "target": call[0], "arguments": call[1]}
    if call_id is not None:
        message["invocationId"] = call_id
    return json.dumps(message).encode() + b"\x1e"


def check(made):
    """Every order is one that the dispatcher knows, with a detail of its own kind."""
    for order, detail in made:
        if order == ACT:
            assert type(detail) is Command and (detail.model, detail.rf_id) in KNOWN.values()
            assert type(detail.source) is str and len(detail.source) <= 32 and detail.channel is None
            assert detail.asked_us is None or type(detail.asked_us) is int
        elif order == REFUSE:
            assert detail[0] in ("unknown", "repeated", "map") and type(detail[1]) is str
        elif order == PORTAL:
            assert type(detail) is bool
        else:
            assert order in (EMERGENCY, UPDATE, RESTART, NOTE) and type(detail) is str
    return made


def safe(call):
    """True when all of a call is JSON that the strict reader takes: numbers of at most 330 digits."""
    return len(json.dumps(call)) < 30000


@settings(deadline=None)
@given(st.lists(st.tuples(calls.filter(safe), ids), max_size=5))
def test_every_call_makes_good_orders_and_every_id_is_answered_once(said):
    backend = greeted()
    for call, call_id in said:
        made = check(list(backend.receive(wire(call, call_id), 1)))
        answers = b"".join(backend.keepalive(1)).split(b"\x1e")[:-1]
        if call_id is None:
            assert answers == []
        else:
            (answer,) = answers
            answer = json.loads(answer)
            assert answer["type"] == 3 and answer["invocationId"] == call_id
        if call[0] in ("CaptivePortal", "OtaInstall", "Reboot") and call[1][:1] != [DEVICE]:
            assert not [order for order, _ in made if order in (PORTAL, UPDATE, RESTART, EMERGENCY)]
        if call[0] == "EmergencyStop":  # another device's id in full is never made up by chance
            assert (EMERGENCY, "hub") in made


@settings(deadline=None)
@given(values, st.lists(entries | values, max_size=6), st.integers(0, 6))
def test_a_stop_is_always_heard_and_has_the_last_word(who, others, at):
    stop = {"shocker": {"id": RED, "name": "red"}, "type": 0, "intensity": 0, "duration": 300}
    batch = [*others[:at], stop, *others[at:]]
    made = check(list(greeted().receive(wire(["Log", [who, batch]], None), 1)))
    red = [detail.action for order, detail in made if order == ACT and detail.rf_id == 1234]
    assert STOP in red and type(red[-1]) is int and red[-1] == STOP


@settings(deadline=None)
@given(st.lists(st.tuples(calls.filter(safe), st.booleans()), max_size=4), st.lists(st.integers(0, 3000), max_size=10))
def test_however_it_is_cut_the_orders_are_the_same(said, cuts):
    stream = b"".join(wire(call, str(number) if asks else None) for number, (call, asks) in enumerate(said))
    bounds = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]

    def hear(pieces):
        backend, made = greeted(), []
        for piece in pieces:
            made += list(backend.receive(piece, 1))
        return made, b"".join(backend.keepalive(1)), backend.online, backend.updates

    whole = hear([stream])
    assert hear([stream[a:b] for a, b in zip(bounds, bounds[1:])]) == whole


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80) | st.builds(wire, calls, ids), max_size=5), st.booleans())
def test_whatever_comes_it_is_orders_or_a_leave(messages, ready):
    backend = greeted() if ready else Backend(settings_with(), "a/1")
    if not ready:
        backend.begin(0)
        backend.hello(0)
    try:
        for message in messages:
            check(list(backend.receive(message, 1)))
            assert all(type(answer) is bytes for answer in backend.keepalive(1))
    except Leave as leave:
        assert leave.reason and TOKEN not in leave.reason
        assert leave.code in (1000, 1007, 1009) and leave.wait_ms in (0, 60000)
        assert list(backend.goodbye()) == []
        return
    assert list(backend.goodbye()) == [b'{"type":7}\x1e']


@settings(deadline=None)
@given(st.lists(calls, max_size=5))
def test_what_the_backend_lets_through_the_judge_can_judge(said):
    backend = greeted()
    safety = Safety(caps(shock=50, vibrate=50, sound=50, light=50, longest_ms=1000), {}, 6000, 2000)
    for call in said:
        for order, detail in backend.receive(wire(call, None), 1):
            if order == ACT:
                admitted, reason = safety.judge(detail, 1, None)
                assert bool(admitted) is not bool(reason)
                if admitted and admitted.action != STOP:
                    assert 0 <= admitted.intensity <= 50 and 1 <= admitted.duration_ms <= 1000


@settings(deadline=None)
@given(st.binary(max_size=200) | st.builds(lambda tree: json.dumps(tree).encode(), values))
def test_whatever_comes_as_the_map(body):
    found = whole_list(Own(""), body)
    assert found.fault or all(type(guid) is str and 0 <= rf_id <= 65535 for guid, (_, rf_id) in found.items())
    backend = greeted()
    backend.begin(20000)
    assert backend.errand(20000)[0] == "GET"
    ((order, words),) = backend.fetched(200, body, 0, 20000)
    assert order == NOTE and words


@settings(deadline=None)
@given(st.integers(0, len(MAP)), st.binary(max_size=3), st.integers(0, 4))
def test_a_damaged_map_names_no_receiver_that_is_not_in_it(at, noise, cut):
    body = MAP.encode()[:at] + noise + MAP.encode()[at + cut :]
    for _, (model, rf_id) in whole_list(Own(DEVICE), body).items():
        assert model in ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330", "d80") and 0 <= rf_id <= 65535


@given(st.datetimes(datetime(1970, 1, 1), datetime(2199, 12, 31)), st.integers(0, 7))
def test_a_moment_is_read_as_python_reads_it(moment, digits):
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    fraction = f"{moment.microsecond:06}0"[:digits]
    read = moment_us(text + ("." + fraction if digits else "") + "Z")
    whole = moment.replace(microsecond=0) - datetime(1970, 1, 1)
    assert read == (whole.days * 86400 + whole.seconds) * 1000000 + int((fraction + "000000")[:6])


@given(
    st.text(max_size=40)
    | st.text("0123456789-:TZ. +", max_size=40)
    | st.none()
    | st.integers()
    | st.lists(st.integers())
)
def test_what_is_no_moment_is_none_or_a_number(text):
    read = moment_us(text)
    assert read is None or type(read) is int
