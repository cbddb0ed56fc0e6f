"""What the tests of the OpenShock backend share: a greeted backend, and records as the real server writes them."""

import json

from firmware.backends.openshock_user import Backend
from firmware.command import ACT, Command, Leave

DEVICE = "01960000-bbbb-7000-8000-000000000001"
OTHER = "01960000-bbbb-7000-8000-000000000002"
RED = "01960000-aaaa-7000-8000-000000000001"
BLUE = "01960000-aaaa-7000-8000-000000000002"
FAR = "01960000-aaaa-7000-8000-000000000003"
NOBODY = "01960000-ffff-7000-8000-00000000000f"
TOKEN = "t0ken"
HEADERS = [("Open-Shock-Token", TOKEN), ("User-Agent", "OpenShock/0.1.0 (MicroPython; esp32)")]
OWN = "https://api.openshock.app/1/shockers/own"
# as the real server writes it (reference/openshock-api.md §c)
MAP = (
    '{"message":"","data":['
    '{"shockers":[{"name":"red","isPaused":false,"createdOn":"2025-01-02T03:04:05.678901Z","id":"%s","rfId":1234,"model":"CaiXianlin"},'
    '{"name":"blue","isPaused":false,"createdOn":"2025-01-02T03:04:05Z","id":"%s","rfId":65535,"model":"PetTrainer"}],'
    '"id":"%s","name":"desk hub","createdOn":"2025-01-01T00:00:00Z"},'
    '{"shockers":[{"name":"far","id":"%s","rfId":7,"model":"WellturnT330"}],"id":"%s","name":"other hub"}]}'
) % (RED, BLUE, DEVICE, FAR, OTHER)
WELCOME = b'{"type":1,"target":"Welcome","arguments":["mY-c0nnect10n_id012345"]}\x1e'
STATUS = (
    b'{"type":1,"target":"DeviceStatus","arguments":[[{"device":"%s","online":true,"firmwareVersion":"1.5.1"}]]}\x1e'
)
STATUS = STATUS % DEVICE.encode()
CLOSE = b'{"type":7}\x1e'


def settings_with(**changed):
    """The section of the settings that the backend gets."""
    settings = {"url": "https://api.openshock.app", "token": TOKEN, "device_id": DEVICE, "negotiate": False}
    settings.update(changed)
    return settings


def greeted(now=0, known=MAP, **changed):
    """A backend that has its map and was greeted, at `now`."""
    backend = Backend(settings_with(**changed), "OpenShock/0.1.0 (MicroPython; esp32)")
    backend.begin(now)
    if known is not None:
        assert backend.errand(now)[0] == "GET"
        backend.fetched(200, known.encode(), 0, now)
    backend.hello(now)
    assert list(backend.receive(b"{}\x1e", now)) == []
    return backend


def hear(backend, message, now=0):
    """(orders, the Leave or None, what was answered) of one message."""
    made, left, answers = [], None, b""
    try:
        for order in backend.receive(message, now):
            made.append(order)
        answers = b"".join(backend.keepalive(now))
    except Leave as leave:
        left = leave
    return made, left, answers


def record_of(target, *arguments, **more):
    """A record that calls `target`; `call` is its invocation id."""
    message = {"type": 1, "target": target, "arguments": list(arguments)}
    if "call" in more:
        message["invocationId"] = more["call"]
    return json.dumps(message).encode() + b"\x1e"


def entry_of(guid, kind=2, intensity=40, duration=500, **more):
    """One entry of a Log."""
    entry = {"shocker": {"id": guid, "name": "x"}, "type": kind, "intensity": intensity, "duration": duration}
    entry.update(more)
    return entry


def log_of(*entries, **sender):
    """The record of a Log; what is not said of its sender is as usual."""
    who = {"connectionId": "c", "additionalItems": {}, "id": NOBODY, "name": "sample", "image": "", "customName": None}
    who.update(sender)
    return record_of("Log", who, list(entries))


def acted(model, rf_id, action, level, ms, source="sample", asked_us=None):
    """The order that a good entry becomes."""
    return (ACT, Command(model, rf_id, action, level, ms, None, source, asked_us))


RED_40 = acted("caixianlin", 1234, 2, 40, 500)


def kinds_of(made):
    """The orders of a list, without their details."""
    return [order for order, _ in made]


def control_of(guid, kind=2, intensity=40, duration=500):
    """One entry of Control, as a hub invokes it."""
    return {"id": guid, "type": kind, "intensity": intensity, "duration": duration, "exclusive": False}
