"""Whatever a server sends, the OpenShock backend makes orders of it, or leaves."""

from firmware.command import ACT, EMERGENCY, HALT, NOTE, PORTAL, REFUSE, RESTART, UPDATE, Command, Leave
from host_tests.unit.openshock_words import (
    BLUE,
    CLOSE,
    DEVICE,
    MAP,
    RED,
    STATUS,
    TOKEN,
    WELCOME,
    control_of,
    entry_of,
    greeted,
    log_of,
    record_of,
)
from host_tests.unit.rooms import Dice


def _seeds():
    return [
        WELCOME,
        STATUS,
        CLOSE,
        b'{"type":6}\x1e',
        log_of(entry_of(RED), entry_of(BLUE, 0)),
        log_of(entry_of(RED, executedAt="2026-03-04T05:06:07.89Z"), customName="x"),
        record_of("Control", [control_of(RED)], call="1"),
        record_of("ControlV2", [control_of(RED)], "name"),
        record_of("EmergencyStop", DEVICE),
        record_of("CaptivePortal", DEVICE, True),
        record_of("OtaInstall", DEVICE, "1.6.0"),
        record_of("Reboot", DEVICE, call="2"),
        record_of("DeviceUpdate", DEVICE, 2),
        record_of("OtaInstallProgress", DEVICE, -5, 4, 0.25),
        b'{"type":3,"invocationId":"1","result":null}\x1e',
    ]


def _mutated(dice, seeds):
    """A message with a few bytes changed, cut, doubled, or glued to another."""
    data = bytearray(seeds[dice.below(len(seeds))])
    for _ in range(dice.below(4)):
        at = dice.below(len(data) + 1)
        kind = dice.below(5)
        if kind == 0 and at < len(data):
            data[at] = dice.below(256)
        elif kind == 1:
            data = data[:at] + b'{}[]":,0-.eE\\\x1enul'[dice.below(18) : dice.below(18)] + data[at:]
        elif kind == 2:
            data = data[:at]
        elif kind == 3:
            data = data[:at] + data[max(0, at - dice.below(20)) :]
        else:
            data = data + seeds[dice.below(len(seeds))]
        data = bytearray(data) or bytearray(b" ")
    return bytes(data)


def test_ten_thousand_mutated_messages_make_orders_or_a_leave():
    dice, seeds = Dice(7), _seeds()
    backend, left, counts = greeted(), 0, {}
    for number in range(10000):
        now = number
        message = _mutated(dice, seeds)
        try:
            made = list(backend.receive(message, now))
            answers = backend.keepalive(now)
        except Leave as leave:
            assert leave.reason and leave.code in (1000, 1007, 1009) and TOKEN not in leave.reason
            left += 1
            backend = greeted(now)
            continue
        assert all(type(answer) is bytes for answer in answers)
        for order, detail in made:
            counts[order] = counts.get(order, 0) + 1
            if order == ACT:
                assert type(detail) is Command and (detail.model, detail.rf_id) in (
                    ("caixianlin", 1234),
                    ("petrainer", 65535),
                )
                assert len(detail.source) <= 32
            elif order == REFUSE:
                assert detail[0] in ("unknown", "repeated", "map") and len(detail[1]) < 400
            elif order == PORTAL:
                assert type(detail) is bool
            else:
                assert order in (EMERGENCY, UPDATE, RESTART, NOTE) and type(detail) is str
        if backend.errand(now):
            backend.fetched(200, MAP.encode(), 0, now)
    # the walk went through everything that matters
    assert left > 500
    assert all(counts.get(order, 0) > 20 for order in (ACT, REFUSE, EMERGENCY, PORTAL, UPDATE, RESTART, NOTE)), counts
    assert HALT not in counts
