"""The gateway's messages (reference d.4) by the official FlatBuffers runtime: plain values ↔ bytes. Knows no socket.

Nothing here is shared with the firmware's own room for FlatBuffers: each is the other's peer.
"""

import struct
from dataclasses import dataclass

import flatbuffers
from flatbuffers import number_types
from flatbuffers.table import Table

PING, TRIGGER, COMMANDS, UPDATE_REQUEST = 1, 2, 3, 4
PONG, BOOT_STATUS, UPDATE_STARTED, UPDATE_PROGRESS, UPDATE_FAILED = 1, 2, 3, 4, 5
RESTART, EMERGENCY_STOP, PORTAL_ON, PORTAL_OFF = range(4)
NORMAL, NEW_FIRMWARE, ROLLBACK = range(3)

_SCALARS = {
    "u8": number_types.Uint8Flags,
    "bool": number_types.BoolFlags,
    "u16": number_types.Uint16Flags,
    "i32": number_types.Int32Flags,
    "u64": number_types.Uint64Flags,
    "f32": number_types.Float32Flags,
}
_SEMVER = (("major", "u16"), ("minor", "u16"), ("patch", "u16"), ("prerelease", "text"), ("build", "text"))
# number in the union → (name, fields by slot) of what a hub may send
_FROM_HUB = {
    PONG: ("Pong", (("uptime", "u64"), ("rssi", "i32"))),
    BOOT_STATUS: ("BootStatus", (("boot_type", "u8"), ("version", "semver"), ("update_id", "i32"))),
    UPDATE_STARTED: ("OtaUpdateStarted", (("update_id", "i32"), ("version", "semver"))),
    UPDATE_PROGRESS: ("OtaUpdateProgress", (("update_id", "i32"), ("task", "u8"), ("progress", "f32"))),
    UPDATE_FAILED: ("OtaUpdateFailed", (("update_id", "i32"), ("message", "text"), ("fatal", "bool"))),
}


@dataclass(frozen=True)
class Message:
    """What a hub said: the name of its table, and its fields; `version` is a text such as 1.5.0-rc.1."""

    name: str
    fields: dict

    def __getitem__(self, field):
        return self.fields[field]


# from the gateway


def _root(builder, kind, payload) -> bytes:
    builder.StartObject(2)
    builder.PrependUint8Slot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(1, payload, 0)
    builder.Finish(builder.EndObject())
    return bytes(builder.Output())


def ping(unix_ms) -> bytes:
    """A Ping; `unix_ms` is the time of day."""
    builder = flatbuffers.Builder(64)
    builder.StartObject(1)
    builder.PrependUint64Slot(0, unix_ms, 0)
    return _root(builder, PING, builder.EndObject())


def trigger(number) -> bytes:
    """A Trigger."""
    builder = flatbuffers.Builder(64)
    builder.StartObject(1)
    builder.PrependUint8Slot(0, number, 0)
    return _root(builder, TRIGGER, builder.EndObject())


def commands(entries) -> bytes:
    """A ShockerCommandList of (model, RF id, type, intensity, duration in ms), numbers all."""
    builder = flatbuffers.Builder(256)
    made = []
    for model, rf_id, kind, intensity, duration in entries:
        builder.StartObject(5)
        builder.PrependUint16Slot(4, duration, 0)
        builder.PrependUint16Slot(1, rf_id, 0)
        builder.PrependUint8Slot(3, intensity, 0)
        builder.PrependUint8Slot(2, kind, 0)
        builder.PrependUint8Slot(0, model, 0)
        made.append(builder.EndObject())
    builder.StartVector(4, len(made), 4)
    for entry in reversed(made):
        builder.PrependUOffsetTRelative(entry)
    vector = builder.EndVector()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, vector, 0)
    return _root(builder, COMMANDS, builder.EndObject())


def update_request(version) -> bytes:
    """An OtaUpdateRequest for a version such as 1.5.0-rc.1+abc."""
    builder = flatbuffers.Builder(128)
    text, _, build = version.partition("+")
    text, _, before = text.partition("-")
    texts = [(slot, builder.CreateString(part)) for slot, part in ((3, before), (4, build)) if part]
    builder.StartObject(5)
    for slot, part in texts:
        builder.PrependUOffsetTRelativeSlot(slot, part, 0)
    for slot, part in enumerate(text.split(".")):
        builder.PrependUint16Slot(slot, int(part), 0)
    semver = builder.EndObject()
    builder.StartObject(1)
    builder.PrependUOffsetTRelativeSlot(0, semver, 0)
    return _root(builder, UPDATE_REQUEST, builder.EndObject())


# from a hub


def read(data) -> Message | None:
    """What a hub sent; None for an empty or unknown payload. ValueError for what cannot be decoded."""
    try:
        root = Table(bytearray(data), flatbuffers.encode.Get(number_types.UOffsetTFlags.packer_type, data, 0))
        known = _FROM_HUB.get(_field(root, 0, "u8"))
        at = root.Offset(6)
        if known is None or not at:
            return None
        payload = Table(root.Bytes, root.Indirect(root.Pos + at))
        return Message(known[0], _fields(payload, known[1]))
    except (struct.error, IndexError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"no message of a hub: {error}") from None


def _fields(table, layout) -> dict:
    return {name: _field(table, slot, kind) for slot, (name, kind) in enumerate(layout)}


def _field(table, slot, kind):
    at = table.Offset(4 + 2 * slot)
    if kind in _SCALARS:
        return table.Get(_SCALARS[kind], table.Pos + at) if at else _SCALARS[kind].py_type(0)
    if not at:
        return None
    if kind == "text":
        return table.String(table.Pos + at).decode()
    return _version(_fields(Table(table.Bytes, table.Indirect(table.Pos + at)), _SEMVER))


def _version(fields) -> str:
    text = "{major}.{minor}.{patch}".format(**fields)
    if fields["prerelease"]:
        text += "-" + fields["prerelease"]
    return text + ("+" + fields["build"] if fields["build"] else "")
