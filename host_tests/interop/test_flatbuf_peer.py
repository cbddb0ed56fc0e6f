"""lib/flatbuffers.py beside the official FlatBuffers runtime: each reads what the other writes; and a flood of damaged buffers."""

import random
import struct

import flatbuffers
import pytest
from flatbuffers import number_types
from flatbuffers.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.backends.openshock_gateway import Backend
from firmware.command import ACT, NOTE, REFUSE, cut_ms
from host_tests.unit import flatsharp
from lib import flatbuffers as flatbuf
from tools.hub import flat

FLOOD = 100_000
MODELS = ("caixianlin", "petrainer", "petrainer998dr", "wellturnt330")
INT32 = st.integers(-(2**31), 2**31 - 1)
TEXT = st.text(max_size=60)


def backend():
    """A backend of the gateway whose connection is open."""
    made = Backend({"url": "https://api.openshock.app", "token": "t"}, "OpenShock/1.2.3-rc.1+b (MicroPython; x)")
    made.begin(0)
    made.hello(0)
    return made


# our messages, read by the official runtime


def test_the_peer_reads_how_the_device_booted():
    fresh = Backend({"url": "https://a.b", "token": "t"}, "OpenShock/1.2.3-rc.1+b (MicroPython; x)")
    (message,) = fresh.hello(0)
    said = flat.read(message)
    assert (said.name, said.fields) == ("BootStatus", {"boot_type": 0, "version": "1.2.3-rc.1+b", "update_id": 0})


@given(st.integers(0, 2**53), st.integers(-128, 0))
def test_the_peer_reads_a_pong(now, rssi):
    device = backend()
    device.rssi = lambda: rssi
    device.hello(now)
    device.receive(flat.ping(now), now)
    (message,) = device.keepalive(now)
    assert flat.read(message) == flat.Message("Pong", {"uptime": now, "rssi": rssi})


@given(INT32, st.integers(0, 6), st.floats(0, 1, width=32), st.booleans(), TEXT)
def test_the_peer_reads_every_report(update_id, task, part, fatal, why):
    report = backend().report
    (started,) = report(("OtaInstallStarted", update_id, "1.5.1-rc.1"))
    assert flat.read(started) == flat.Message("OtaUpdateStarted", {"update_id": update_id, "version": "1.5.1-rc.1"})
    (progress,) = report(("OtaInstallProgress", update_id, task, part))
    assert flat.read(progress).fields == {"update_id": update_id, "task": task, "progress": part}
    (failed,) = report(("OtaInstallFailed", update_id, fatal, why))
    told = "".join(letter if ord(letter) < 0x10000 else "?" for letter in why)
    assert flat.read(failed).fields == {"update_id": update_id, "message": told, "fatal": fatal}
    for name, number in (("OtaInstallSucceeded", 1), ("OtaRollback", 2)):
        (booted,) = report((name, update_id))
        assert flat.read(booted).fields == {"boot_type": number, "version": "1.2.3-rc.1+b", "update_id": update_id}


# the peer's messages, read by ours


COMMAND = st.tuples(
    st.integers(0, 255), st.integers(0, 65535), st.integers(0, 255), st.integers(0, 255), st.integers(0, 65535)
)


@given(st.lists(COMMAND, max_size=20))
def test_commands_of_three_writers_make_the_same_orders(entries):
    official = backend().receive(flat.commands(entries), 1)
    for writer in (flatsharp.Writer(), flatsharp.Writer(share=False)):
        assert backend().receive(flatsharp.commands(entries, writer), 1) == official
    assert all(order in (ACT, REFUSE) for order, _ in official)
    stopped = {(model, rf_id) for model, rf_id, kind, _, _ in entries if model < 4 and kind == 0}
    assert stopped == {
        (MODELS.index(one.model), one.rf_id) for order, one in official if order == ACT and one.action == 0
    }


@given(st.integers(0, 65535), st.integers(0, 65535), st.integers(0, 65535))
def test_the_peers_triggers_and_updates_are_read(major, minor, patch):
    version = f"{major}.{minor}.{patch}-rc.1+build"
    assert [detail for _, detail in backend().receive(flat.update_request(version), 1)] == [version]
    assert [detail for _, detail in backend().receive(flat.trigger(flat.EMERGENCY_STOP), 1)] == ["gateway"]


# any data at all: three writers, two readers


INTEGERS = {"B": 8, "H": 16, "I": 32, "Q": 64}
FLAGS = {
    "B": number_types.Uint8Flags,
    "H": number_types.Uint16Flags,
    "I": number_types.Uint32Flags,
    "Q": number_types.Uint64Flags,
    "i": number_types.Int32Flags,
    "f": number_types.Float32Flags,
}
SCALAR = (
    st.sampled_from(sorted(INTEGERS)).flatmap(
        lambda kind: st.tuples(st.just(kind), st.integers(0, 2 ** INTEGERS[kind] - 1))
    )
    | st.tuples(st.just("i"), INT32)
    | st.tuples(st.just("f"), st.floats(width=32, allow_nan=False))
    | st.tuples(st.just("s"), TEXT)
    | st.none()
)


def tables(fields):
    return st.lists(fields, max_size=6).map(tuple)


NESTED = st.recursive(
    tables(SCALAR),
    lambda table: tables(SCALAR | st.tuples(st.just("t"), table)),
    max_leaves=12,
)


def by_the_peer(builder, fields):
    """The official runtime's offset of a table with these fields."""
    below = {}
    for slot, field in enumerate(fields):
        if field and field[0] in "st":
            below[slot] = builder.CreateString(field[1]) if field[0] == "s" else by_the_peer(builder, field[1])
    builder.StartObject(len(fields))
    for slot, field in enumerate(fields):
        if slot in below:
            builder.PrependUOffsetTRelativeSlot(slot, below[slot], 0)
        elif field:
            builder.PrependSlot(FLAGS[field[0]], slot, field[1], 0)
    return builder.EndObject()


def read_by_ours(table, fields):
    """What lib/flatbuffers.py finds where `fields` say that something is."""
    read = {"s": table.text, "t": table.table}
    found = []
    for slot, field in enumerate(fields):
        value = read[field[0]](slot) if field and field[0] in read else table.number(slot, field[0]) if field else None
        found.append(read_by_ours(value, field[1]) if field and field[0] == "t" else value)
    return found


def read_by_the_peer(table, fields):
    """The same by the official runtime."""
    found = []
    for slot, field in enumerate(fields):
        at = table.Offset(4 + 2 * slot)
        if not field:
            found.append(None)
        elif field[0] == "t":
            found.append(read_by_the_peer(Table(table.Bytes, table.Indirect(table.Pos + at)), field[1]))
        elif field[0] == "s":
            found.append(table.String(table.Pos + at).decode())
        else:
            found.append(table.Get(FLAGS[field[0]], table.Pos + at) if at else 0)
    return found


def wanted(fields):
    """What both must find."""
    return [field and (wanted(field[1]) if field[0] == "t" else field[1]) for field in fields]


@settings(deadline=None, max_examples=400)
@given(NESTED)
def test_any_data_is_read_as_it_was_written(fields):
    builder = flatbuffers.Builder(64)
    builder.Finish(by_the_peer(builder, fields))
    written = [bytes(builder.Output()), flatbuf.message(fields), flatsharp.Writer().message(fields)]
    for data in written:
        if len(data) <= 4096:
            assert read_by_ours(flatbuf.root(data), fields) == wanted(fields)
        start = struct.unpack_from("<I", data)[0]
        assert read_by_the_peer(Table(bytearray(data), start), fields) == wanted(fields)


@settings(deadline=None, max_examples=400)
@given(NESTED)
def test_what_we_write_lies_where_its_width_wants_it(fields):
    def aligned(at, fields):
        table = Table(data, at)
        assert at % 4 == 0
        for slot, field in enumerate(fields):
            place = table.Offset(4 + 2 * slot)
            if place:
                width = 4 if field[0] in "st" else struct.calcsize("<" + field[0])
                assert (at + place) % width == 0
                if field[0] == "t":
                    aligned(table.Indirect(at + place), field[1])

    data = bytearray(flatbuf.message(fields))
    aligned(struct.unpack_from("<I", data)[0], fields)


# the flood


@pytest.fixture
def spied(monkeypatch):
    """Every read of lib/flatbuffers.py, looked at: none may leave the buffer, from either end."""
    seen = []

    def unpack_from(kind, data, at):
        assert at >= 0 and at + struct.calcsize(kind) <= len(data), "a read outside of the buffer"
        seen.append(at)
        return struct.unpack_from(kind, data, at)

    monkeypatch.setattr(flatbuf, "unpack_from", unpack_from)
    return seen


def peers_commands(data):
    """[(model, RF id, type, level, ms)] by the official reader, or None where that one stumbles."""
    try:
        root = Table(bytearray(data), struct.unpack_from("<I", data)[0])
        payload = Table(root.Bytes, root.Indirect(root.Pos + root.Offset(6)))
        at = payload.Offset(4)
        found = []
        for number in range(payload.VectorLen(at) if at else 0):
            entry = Table(root.Bytes, payload.Indirect(payload.Vector(at) + 4 * number))
            found.append(tuple(_peers_number(entry, slot, kind) for slot, kind in enumerate("BHBBH")))
        return found
    except (struct.error, IndexError, TypeError, ValueError, OverflowError):
        return None


def _peers_number(table, slot, kind):
    at = table.Offset(4 + 2 * slot)
    return table.Get(FLAGS[kind], table.Pos + at) if at else 0


def look(data, device):
    """How many commands the buffer made: each as the official reader reads it, and nothing but orders and notes."""
    made = device.receive(data, 1)
    acted = [detail for order, detail in made if order == ACT]
    if acted:
        theirs = peers_commands(data)
        assert theirs is not None
        allowed = [(*entry[:4], cut_ms(entry[4])) for entry in theirs]
        for one in acted:
            assert (MODELS.index(one.model), one.rf_id, one.action, one.intensity, one.duration_ms) in allowed
    assert all(type(detail) is str for order, detail in made if order == NOTE)
    return len(acted)


def corpus():
    """Good messages of three writers."""
    entries = [(0, 1, 2, 10, 500), (3, 65535, 1, 100, 65535), (2, 7, 0, 0, 300), (9, 7, 9, 0, 300)]
    good = [flat.ping(1767225600000), flat.trigger(3), flat.update_request("1.5.1-rc.1+b"), flat.commands(entries)]
    good += [flat.commands(entries[:1] * 11), flatsharp.commands(entries), flatsharp.commands(entries[1:2] * 11)]
    good += [flatsharp.ping(1767225600000), flatsharp.trigger(1), flatsharp.update_request(1, 2, 3, "rc.1", "b")]
    return good + [flatsharp.commands(entries, flatsharp.Writer(share=False))]


NUMBERS = [0, 1, 2, 3, 4, 5, 6, 8, 12, 63, 64, 65, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x10000]
NUMBERS += [0x7FFFFFFF, 0x80000000, 0xFFFFFF00, 0xFFFFFFFC, 0xFFFFFFFF]


def mutated(data, chance):
    """`data` with one to four changes of the kinds that break offsets."""
    data = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(6)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at : at + 4] = chance.choice(NUMBERS).to_bytes(4, "little")
        elif kind == 2:
            data[at : at + 2] = (chance.choice(NUMBERS) & 0xFFFF).to_bytes(2, "little")
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            del data[at : at + chance.randint(1, 4)]
        else:
            data[at:at] = chance.randbytes(chance.randint(1, 8))
    return bytes(data)


def test_a_hundred_thousand_mutated_messages(spied):
    chance, device, good = random.Random(6), backend(), corpus()
    acted = 0
    for _ in range(FLOOD):
        acted += look(mutated(chance.choice(good), chance), device)
        device.keepalive(1)
    assert acted > 1000 and len(spied) > FLOOD  # many changes leave a message whole


def test_a_hundred_thousand_random_buffers(spied):
    chance, device = random.Random(7), backend()
    for _ in range(FLOOD):
        size = chance.randrange(80)
        data = chance.randbytes(size)
        if chance.random() < 0.7:  # small numbers lead further into the reader than large ones
            data = bytes(chance.choice((0, 0, 0, 4, 8, 1, 3, chance.randrange(256))) for _ in range(size))
        look(data, device)
        device.keepalive(1)
    assert len(spied) > FLOOD // 2  # many are too short for a single read


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_a_reader_that_asks_for_anything_gets_it_or_bad(data):
    def walk(table, depth):
        for slot in (0, 1, 2, 5, 40000):
            for ask in (lambda slot=slot: table.number(slot, "Q"), lambda slot=slot: table.text(slot)):
                try:
                    value = ask()
                    assert value is None or type(value) in (int, str)
                except flatbuf.Bad:
                    pass
            try:
                below = table.tables(slot, 4) + [table.table(slot)]
            except flatbuf.Bad:
                below = []
            for one in below:
                if one and depth:
                    walk(one, depth - 1)

    try:
        walk(flatbuf.root(data), 2)
    except flatbuf.Bad:
        pass
