"""The mode `updating`, put together: a network, the time, and the idle slot of the flash. Loaded there alone."""

from firmware import image, keys
from firmware.ca_bundle import CERTIFICATES
from firmware.download import Source
from firmware.keepsake import keep
from firmware.manifest import Own
from firmware.timekeeper import Timekeeper
from firmware.update import Updating
from firmware.version import VERSION
from firmware.wifi import station_of
from lib.roots import Roots

_SETTINGS = "settings.json"


def put_together(settings, begun, hardware, busy, beat, clock, log):
    """Return (Station, Timekeeper, Updating): each has `run()`; the last one's end is the mode's. `begun`: Journal, Slots."""
    kept, slots = begun
    station = station_of(settings, busy, clock, log)
    keeper = Timekeeper(station, hardware.set_clock, log)
    agent = "OpenShock/%s (MicroPython; %s)" % (VERSION, image.BOARD)
    source = Source(settings.get("update.url"), station, keeper, Roots(CERTIFICATES), agent, log)
    own = Own(keys.KEYS, image.BOARD, hardware.chip(), image.LAYOUT, image.COUNTER, VERSION, slots.size)
    channel = settings.get("update.channel")
    return station, keeper, Updating(kept, slots, source, own, channel, lambda: keep(_SETTINGS), beat, log)
