"""Whether a deployed version runs on trial, and what is left on the board for that. No I/O but a temporary file.

The boot loader starts a new image once; unless the firmware confirms it (firmware/ota/validation.py), the next start takes the old
one. The firmware expects of it what the old version could do, and reads from the journal (firmware/ota/state.py) what that was
not: "before". Where nothing could be proved, in set-up mode or without a running firmware, there is no trial.
"""

import struct
import tempfile
import zlib
from pathlib import Path

from tools.common.firmware_modules import load_module

JOURNAL = "update.json"  # of the board's file system, as firmware/ota/boot_state.py names it
_STATUS = "$SYS$|Response|Status|"
_PENDING, _REFUSED = (
    1,
    (3, 4),
)  # esp_ota_img_states_t (ESP-IDF, esp_flash_partitions.h): PENDING_VERIFY; INVALID, ABORTED


def not_well(text):
    """Return which checks (firmware/ota/health.py) the running firmware does not pass, by its answer to `$status`.

    None when it is being set up, or did not answer as the firmware does: then there is no trial.
    """
    lines = [line.strip().removeprefix(_STATUS) for line in text.splitlines() if line.strip().startswith(_STATUS)]
    facts = [tuple(line.partition("|")[::2]) for line in lines]
    if ("SetUp", "false") not in facts or ("Radio", "set-up") in facts:
        return None
    if ("WiFi", "not connected") in facts:
        return ["network", "hub"]
    hubs = [value for name, value in facts if name.startswith("Hub ")]
    return [] if "connected" in hubs else ["hub"]


def is_pending(entries, slot):
    """Return whether a slot (0, 1) is on trial, by the two entries of otadata (32 bytes each)."""
    found = []
    for entry in entries:
        sequence, _, state, check = struct.unpack("<I20sII", entry)
        if check == zlib.crc32(entry[:4], 0xFFFFFFFF) and state not in _REFUSED and sequence not in (0, 0xFFFFFFFF):
            found.append((sequence, state))
    return bool(found) and max(found)[1] == _PENDING and (max(found)[0] - 1) % 2 == slot


def journal(old, before, pending):
    """Return the bytes of the journal for the deployed version, of the board's `old` one (b"" for none).

    `pending`: the running version is on trial and is confirmed now; any other update that was under way is over.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / JOURNAL
        path.write_bytes(old)
        if not old:
            path.unlink()
        store = load_module("firmware.ota.settings_backup").File(str(path))
        kept = load_module("firmware.ota.state").Journal(store, None)
        if kept.busy and pending:
            kept.confirmed()
        elif kept.busy:
            kept.failed("another version was written by cable")
        store.save({**store.load(), "before": before})
        return path.read_bytes()
