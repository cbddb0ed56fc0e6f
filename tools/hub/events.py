"""The events that the user hub sends, one function each → one SignalR record (reference a.4)."""

from tools.hub import wire

CREATED, UPDATED, SHOCKER_UPDATED, DELETED, PAIRED = range(5)
# OtaUpdateProgressTask
TASKS = (
    "FetchingMetadata",
    "PreparingForUpdate",
    "FlashingFilesystem",
    "VerifyingFilesystem",
    "FlashingApplication",
    "MarkingApplicationBootable",
    "Rebooting",
)


def welcome(connection_id) -> bytes:
    """The first event, to the caller alone."""
    return wire.invocation("Welcome", [connection_id])


def online_state(device, online) -> dict:
    """A DeviceOnlineState."""
    return {"device": device.guid, "online": online, "firmwareVersion": device.firmware_version}


def device_status(states) -> bytes:
    """Which devices are online: all that are right after Welcome, one on each change."""
    return wire.invocation("DeviceStatus", [list(states)])


def log(sender, logs) -> bytes:
    """An admitted batch: the control feed of section c."""
    return wire.invocation("Log", [sender, logs])


def device_update(device, what) -> bytes:
    """Something about a device or its shockers changed (a DeviceUpdateType of this room)."""
    return wire.invocation("DeviceUpdate", [device, what])


def ota_started(device, update_id, version) -> bytes:
    """A device began an update."""
    return wire.invocation("OtaInstallStarted", [device, update_id, version])


def ota_progress(device, update_id, task, progress) -> bytes:
    """How far (0.0–1.0) an update's task (index into TASKS) is."""
    return wire.invocation("OtaInstallProgress", [device, update_id, task, wire.number(progress)])


def ota_failed(device, update_id, fatal, message) -> bytes:
    """An update failed."""
    return wire.invocation("OtaInstallFailed", [device, update_id, fatal, message])


def ota_rollback(device, update_id) -> bytes:
    """A device went back to its old firmware."""
    return wire.invocation("OtaRollback", [device, update_id])


def ota_succeeded(device, update_id) -> bytes:
    """A device runs its new firmware."""
    return wire.invocation("OtaInstallSucceeded", [device, update_id])
