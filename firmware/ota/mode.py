"""The mode `updating`, put together: a network, the time, and the idle slot of the flash. Loaded there alone."""

from firmware import build_info
from firmware.ca_bundle import CERTIFICATES
from firmware.net.station import station_of
from firmware.net.time_sync import Timekeeper
from firmware.ota import trusted_keys
from firmware.ota.download import Source
from firmware.ota.installer import Updating
from firmware.ota.manifest import Own
from firmware.ota.settings_backup import keep
from firmware.version import VERSION
from lib.ca_certs import Roots

_SETTINGS = "settings.json"


def put_together(settings, begun, device, feed):
    """Return (Station, Timekeeper, Updating): each has `run()`; the last one's end is the mode's. `begun`: Journal, Slots."""
    kept, slots = begun
    hardware, log = device.hardware, device.log
    station = station_of(settings, device.scheduler.busy, device.clock, log)
    keeper = Timekeeper(station, hardware.set_clock, log, settings.get("time.servers"))
    agent = "OpenShock/%s (MicroPython; %s)" % (VERSION, build_info.BOARD)
    source = Source(settings.get("update.url"), station, keeper, Roots(CERTIFICATES, log), agent, log)
    own = Own(
        trusted_keys.KEYS, build_info.BOARD, hardware.chip(), build_info.LAYOUT, build_info.COUNTER, VERSION, slots.size
    )
    channel = settings.get("update.channel")
    return station, keeper, Updating(kept, slots, source, own, channel, lambda: keep(_SETTINGS), feed, log)
