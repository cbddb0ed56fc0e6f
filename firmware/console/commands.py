"""The console's commands: OpenShock's serial grammar and ours. What looks, sends and stops is here; settings: settings_commands.py,
the services: service_commands.py.

In memory only while a line is carried out. A command is a function of the desk (the Console) and its argument that gives the
lines of its answer, or raises Wrong; and a row in usage.py. Grammar: reference/openshock-firmware.md §i.
"""

import gc

from firmware import requests, shockers
from firmware.command import ACT, ACTIONS, Command, means_stop
from firmware.config.settings import Refused
from firmware.console.responses import ERROR, SUCCESS, Wrong, board_of, number, parsed, response, truth
from firmware.version import VERSION
from lib import heap

# what is in service_commands.py, and in settings_commands.py
_ASKING = ("remote", "seen", "respond", "pair")
_CONFIGURING = (
    "echo",
    "keepalive",
    "rftxpin",
    "estop",
    "domain",
    "authtoken",
    "hostname",
    "networks",
    "caps",
    "certificates",
    "rawconfig",
    "factoryreset",
)
_LEVELS = ("debug", "info", "warning", "error")
# the states of hardware/status_led.py, in their order
_LAMP = "error,e-stop to be released,e-stop clearing,e-stop latched,command sent,updating,set-up,connected,no hub,no Wi-Fi,pairing"


def answer(desk, name, argument):
    """Yields the lines of the answer to `name` (lower case); exactly one error line when it cannot be carried out."""
    try:
        yield from _command(name, argument)(desk, argument)
    except (Wrong, Refused) as fault:
        yield ERROR + str(fault)
    except OSError as fault:
        yield ERROR + "the storage or the radio refuses (%s)" % fault


def _command(name, argument):
    """Return the function that is called so; what few ever type is imported when they do. Raise Wrong when there is none."""
    if name in _HERE and (name != "estop" or argument.split(" ", 1)[0].lower() not in ("enabled", "pin")):
        return _HERE[name]
    if name == "jsonconfig":
        from firmware.console.json_config import json_config

        return json_config
    if name == "rules":
        from firmware.control.rule_editor import rules

        return rules
    if name in _ASKING:
        from firmware.console import service_commands

        return service_commands.COMMANDS[name]
    found = None
    if name in _CONFIGURING:
        from firmware.console import settings_commands

        found = settings_commands.COMMANDS.get(name)
    if not found:
        raise Wrong("there is no such command; help lists them")
    return found


# --- looking


def _help(desk, argument):
    from firmware.console.usage import lines

    found = lines(argument.lower())
    if not found:
        raise Wrong("there is no such command; help lists them")
    return found


def _version(desk, argument):
    settings = desk.rooms.settings()
    yield "Version: " + VERSION
    yield "Board: " + settings.get("board")
    yield "Chip: " + (board_of(settings).CHIP or "simulated")


def _sysinfo(desk, argument):
    uptime_ms = desk.clock()
    seconds = uptime_ms // 1000
    gc.collect()
    used, free, idf, largest = heap.figures()
    yield response("RTOSInfo", "Free Heap|%d" % free)
    yield response("RTOSInfo", "UptimeMS|%d" % uptime_ms)
    days = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60
    yield response("RTOSInfo", "Uptime|%dd %dh %dm %ds" % days)
    yield response("RTOSInfo", "Used Heap|%d" % used)
    yield response("RTOSInfo", "Free IDF|%d" % idf)
    yield response("RTOSInfo", "Largest IDF|%d" % largest)
    wifi = desk.rooms.wifi
    online = wifi.online()
    yield response("WiFiInfo", "Connected|" + truth(online))
    if online:
        yield response("WiFiInfo", "IPv4|" + wifi.address())
        yield response("WiFiInfo", "RSSI|%d" % wifi.rssi())
    for fact in desk.rooms.facts():
        yield response(fact[0], "%s|%s" % (fact[1], fact[2]))


def _status(desk, argument):
    rooms = desk.rooms
    yield response("Status", "EStop|" + ("latched" if rooms.latch.latched else "clear"))
    yield response("Status", "Radio|" + (rooms.dispatcher.locked or "ready"))
    yield response("Status", "OnAir|" + truth(rooms.dispatcher.busy()))
    yield response("Status", "WiFi|" + (rooms.wifi.address() if rooms.wifi.online() else "not connected"))
    yield response("Status", "SetUp|" + truth(rooms.access()))
    for fact in rooms.facts():
        yield response("Status", "%s %s|%s" % fact)


def _log(desk, argument):
    count = 0
    for at_ms, level, place, text in desk.rooms.log.last():
        yield response("Log", "[%d][%s][%s] %s" % (at_ms, _LEVELS[level], place, text))
        count += 1
    yield SUCCESS + "%d lines" % count


def _valid_gpios(desk, argument):
    from firmware.hardware import gpio_rules

    pins = gpio_rules.transmitter_pins(board_of(desk.rooms.settings()))
    yield response("ValidGPIOs", ",".join([str(pin) for pin in pins]))


# --- sending and stopping


def _rf_transmit(desk, argument):
    asked = parsed(argument)
    if not isinstance(asked, dict) or "model" not in asked or "id" not in asked or "type" not in asked:
        raise Wrong('rftransmit {"model":"caixianlin","id":1234,"type":"vibrate","intensity":20,"durationMs":500}')
    return _send(desk, asked["model"], asked["id"], asked["type"], asked.get("intensity"), asked.get("durationMs"))


def _control(desk, argument):
    words = argument.split()
    if len(words) != 5:
        raise Wrong("control MODEL ID ACTION LEVEL MILLISECONDS")
    return _send(desk, words[0], number(words[1]), words[2], number(words[3]), number(words[4]))


def _send(desk, model, rf_id, action, level, duration_ms):
    """The answer to one order, which passes the dispatcher as those of any other source; its reason is in the log (S25)."""
    action = "stop" if means_stop(action) else action
    if not isinstance(model, str) or not isinstance(action, str) or action.lower() not in ACTIONS:
        raise Wrong("a model's name, and one of " + " ".join(ACTIONS))
    model = shockers.called(model) or model
    rooms = desk.rooms
    order = Command(model, rf_id, ACTIONS.index(action.lower()), level, duration_ms, None, "console", None)
    before = rooms.log.written
    rooms.dispatcher.obey(ACT, order)
    for _, _, place, text in rooms.log.last(before):
        if place == "refused":
            raise Wrong(text.partition(":")[0])
    return (SUCCESS + "Command sent",)


def _estop(desk, argument):
    rooms = desk.rooms
    argument = argument.lower()
    if argument == "clear":
        if rooms.latch.latched:
            if not rooms.dispatcher.clear_estop("console"):
                raise Wrong("The storage refuses: it stays latched")
            return (SUCCESS + "The emergency stop is cleared",)
        return (SUCCESS + "It was not latched",)
    if argument:
        raise Wrong("estop, estop trip, estop clear, estop enabled [true|false], estop pin [NUMBER]")
    return (response("EStop", "latched" if rooms.latch.latched else "clear"),)


# --- the device itself


def _restart(desk, argument):
    yield "Restarting..."
    desk.rooms.request(requests.RESTART, "console")


def _portal(desk, argument):
    if desk.rooms.access():
        from firmware.net.access_point import invitation  # here it is in memory already

        return invitation(*desk.rooms.access())
    desk.rooms.request(requests.OPEN_PORTAL, requests.ASKED)
    return (SUCCESS + "The set-up page opens",)


def _update(desk, argument):
    desk.rooms.request(requests.UPDATE, argument)
    yield SUCCESS + "If nothing speaks against it the update begins; the log tells"


def _led_test(desk, argument):
    if desk.rooms.lamp is None:
        raise Wrong("this board has no lamp")
    desk.rooms.lamp.test()
    yield response("LedTest", _LAMP)
    yield SUCCESS + "The lamp shows them one after the other"


def _repl(desk, argument):
    desk.leaving = True
    yield SUCCESS + "Everything stops; the REPL is next, a restart leads back"


_HERE = {
    "help": _help,
    "version": _version,
    "restart": _restart,
    "sysinfo": _sysinfo,
    "status": _status,
    "log": _log,
    "validgpios": _valid_gpios,
    "rftransmit": _rf_transmit,
    "control": _control,
    "estop": _estop,
    "portal": _portal,
    "update": _update,
    "ledtest": _led_test,
    "repl": _repl,
}
