"""Whether the running image is on trial, for callers that need no more of the slots (those use lib/ota_slots.py)."""

from esp32 import Partition
from micropython import const

_PENDING = const(1)  # ESP_OTA_IMG_PENDING_VERIFY


def on_trial():
    """Return whether an image is on trial: byte 24 of otadata (ESP-IDF esp_ota_select_entry_t). Raise OSError."""
    entry = bytearray(32)
    found = Partition.find(Partition.TYPE_DATA, label="otadata")
    for sector in range(2 if found else 0):
        found[0].readblocks(sector, entry, 0)
        if entry[24] == _PENDING:
            return True
    return False
