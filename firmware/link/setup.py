"""What the settings make for a device that is online: the network, the time, and a connection to each service that is set."""

import gc

from firmware.ca_bundle import CERTIFICATES
from firmware.link.connection import Link
from firmware.net.station import station_of
from firmware.net.time_sync import Timekeeper, unix_us
from firmware.version import VERSION
from lib import plugins
from lib.ca_certs import Roots
from lib.log import ERROR, INFO


def connection(settings, device, feed, news):
    """Return (Station, Timekeeper, Link or Links) for the network and the backends that are set. Raise plugins.NoSuchPlugin."""
    dispatcher, clock, log = device.dispatcher, device.clock, device.log
    station = station_of(
        settings, device.scheduler.busy, clock, log
    )  # a scan holds everything up: never while one is active
    keeper = Timekeeper(station, device.hardware.set_clock, log, settings.get("time.servers"))
    dispatcher.on_stale = keeper.doubt
    keeper.on_step = lambda step_us: dispatcher.compare(dispatcher.ahead_us - step_us)
    _give_rules(settings, dispatcher, log)
    rooms = station, keeper, clock, log
    if settings.get("backend.second"):
        return station, keeper, _both(settings, dispatcher, rooms, feed, news)
    return station, keeper, _link(settings, settings.get("backend"), dispatcher, rooms, feed, news)


def _both(settings, dispatcher, rooms, feed, news):
    """Return the Links of two backends; the second is a Refusal where there is no memory for it."""
    from firmware.control import deduplicate
    from firmware.link.connections import Links, Refusal

    first, second = settings.get("backend"), settings.get("backend.second")
    _, _, clock, log = rooms
    gc.collect()
    why = deduplicate.why_not(settings, first, second, plugins.names("firmware.backends"), gc.mem_free())
    if why:
        log.line(ERROR, "app", "no second backend: " + why)
        return Links((_link(settings, first, dispatcher, rooms, feed, news), Refusal(why, second)))
    near, far = deduplicate.ears(dispatcher, clock)
    # one of them is enough for the watchdog, and one is told of updates
    links = _link(settings, first, near, rooms, feed, news), _link(settings, second, far, rooms, _nobody)
    return Links(links)


def _link(settings, name, dispatcher, rooms, feed, news=None):
    """Return the Link for backend `name`. `rooms`: (Station, Timekeeper, clock, Log). Raise plugins.NoSuchPlugin."""
    station, keeper, clock, log = rooms
    agent = "OpenShock/%s (MicroPython; %s)" % (VERSION, settings.get("board"))
    service = plugins.load("firmware.backends", name).Backend(settings.section(name), agent)
    service.wall = unix_us
    service.wants_shared = bool(settings.get("remote.inputs") or settings.get("remote.dial"))
    log.line(INFO, "app", "%s, backend %s" % (agent, name))
    return Link(service, dispatcher, station, keeper, Roots(CERTIFICATES, log), clock, log, feed, news, name)


def _give_rules(settings, dispatcher, log):
    """Heed what services say that know no receivers, where somebody has said how."""
    rows = settings.get("rules")
    if rows:
        from firmware.control.event_rules import Rules

        dispatcher.follow(Rules(rows))
        for note in dispatcher.rules.notes:
            log.line(ERROR, "rules", note)


def _nobody():
    """Do nothing."""
