"""Improv and the console against whatever hypothesis thinks of: nothing is lost, nothing is raised, nothing senseless is stored."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware.config.settings import fits
from firmware.config.settings import names as setting_names
from host_tests.unit.console_story import PATH, Desk
from lib.improv import FAULT, Improv

calm = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def packet(command, payload):
    data = bytes([command, len(payload)]) + payload
    head = b"IMPROV\x01\x03" + bytes([len(data)]) + data
    return head + bytes([sum(head) & 0xFF])


requests = st.tuples(st.integers(0, 255), st.binary(max_size=126))
typed = st.binary(max_size=40).map(lambda data: data.replace(b"I", b"i"))


@calm
@given(st.lists(typed | requests, max_size=12))
def test_requests_and_what_is_typed_between_them_come_out_in_their_order(pieces):
    improv = Improv()
    wanted, found = [], []
    for piece in pieces:
        data = packet(*piece) if isinstance(piece, tuple) else piece
        wanted += [piece] if isinstance(piece, tuple) else list(piece)
        for byte in data:
            found += improv.feed(byte, 0)
    assert found == wanted


broken = st.binary(max_size=60) | requests.map(lambda request: packet(*request)[:-3])
pieces = st.tuples(broken | st.sampled_from([b"IMPROV\x01\x03", b"IMPROV", b"IMPROV\x01"]), st.integers(0, 150))


@calm
@given(st.lists(pieces, max_size=20), requests)
def test_after_any_noise_and_a_silence_a_request_is_heard(noise, request):
    improv = Improv()
    now = 0
    sent, handed_on = b"", []
    for data, gap_ms in noise:
        sent += data
        for byte in data:
            handed_on += [event for event in improv.feed(byte, now) if isinstance(event, int)]
        now += gap_ms
        handed_on += [event for event in improv.due(now) if isinstance(event, int)]
    left = iter(sent)
    assert all(byte in left for byte in handed_on), "what is handed on was sent, in this order"
    now += 100
    events = []
    for byte in packet(*request):
        events += improv.feed(byte, now)
    assert [event for event in events if isinstance(event, tuple)] == [request] and request[0] != FAULT


WORDS = """
help version sysinfo echo validgpios rftxpin domain authtoken hostname networks keepalive jsonconfig rawconfig rftransmit
ledtest status log caps control portal estop stop HELP $echo nonsense
"""
TWO_WORDS = ["estop pin", "estop enabled", "estop clear", "caps set", "caps shock", "caps own"]
names = st.sampled_from(WORDS.split() + TWO_WORDS)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70) | st.just("***"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=10) | st.sampled_from(sorted(setting_names())), inner)
    ),
    max_leaves=8,
)
network = st.fixed_dictionaries(
    {"ssid": st.text(max_size=34) | values}, optional={"password": values, "address": values, "hidden": values}
)
document = st.dictionaries(
    st.sampled_from(["rf", "wifi", "backend", "estop", "serialInput", "settings", "other"]),
    st.dictionaries(
        st.sampled_from(
            ["txPin", "hostname", "credentials", "domain", "authToken", "gpioPin", "enabled", *sorted(setting_names())]
        ),
        values | st.lists(network, max_size=3),
    ),
)
order = st.fixed_dictionaries(
    {
        "model": st.sampled_from(["caixianlin", "T330", "", "../app"]) | values,
        "id": values,
        "type": st.sampled_from(["vibrate", "SHOCK", ""]) | values,
    },
    optional={"intensity": values, "durationMs": values},
)
arguments = (
    st.text(max_size=80)
    | st.integers(-5, 60).map(str)
    | st.sampled_from(["true", "FALSE", "--secrets", "***"])
    | (values | document | order | st.lists(network, max_size=9)).map(json.dumps)
)
lines = st.tuples(names, arguments).map(
    lambda pair: " ".join(pair).replace("\r", "").replace("\n", "").encode(errors="surrogatepass")
)
noise = st.binary(max_size=60).map(lambda data: data.replace(b"\x03", b""))


@settings(parent=calm, max_examples=50)
@given(st.lists(lines | noise, min_size=1, max_size=12))
def test_whatever_is_typed_the_console_lives_and_the_settings_make_sense(typed_lines):
    with Desk(b'{"board":"simulated","wifi":[{"ssid":"home","key":"very secret"}]}') as desk:
        heard = desk.hears(b"\n".join(typed_lines) + b"\n", 200, b"\n$estop\n")
        assert heard.endswith((b"|EStop|clear\r\n", b"|EStop|latched\r\n"))
        stored = json.loads(desk.disk.files[PATH])
        for key, value in stored.items():
            assert key in ("schema", "crc32") or fits(key, value), key
        assert desk.left == 0


@settings(parent=calm, max_examples=50)
@given(names, arguments)
def test_each_line_has_one_end(name, argument):
    """A program waits for a Response, a Success or an Error, or for the words of a plain answer: one of them always comes."""
    with Desk() as desk:
        text = f"{name} {argument}".encode(errors="surrogatepass")
        text = bytes(
            byte for byte in text if byte not in b"\r\n\x03\x08\x7f"
        )  # the keys that end a line or take it back
        heard = desk.hears(b"$" + text + b"\n").decode(errors="replace").split("\r\n")[:-1]
        assert heard, text
        errors = [line for line in heard if line.startswith("$SYS$|Error|")]
        assert len(errors) <= 1 and (not errors or heard[-1] == errors[0])
