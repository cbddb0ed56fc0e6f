"""What the settings make: the board, the bounds of safety. What they make for a device that is online is in link/setup.py."""

from firmware.command import LIGHT, SHOCK, SOUND, VIBRATE
from firmware.config.settings import Refused, Settings
from firmware.control.safety import Caps, Safety
from firmware.hardware import board_io
from firmware.shockers import called
from lib import plugins
from lib.log import ERROR
from lib.nvs import Nvs


def read(path):
    """The Settings in the file `path`."""
    return Settings(path)


def board(settings):
    """The module of the board that is set, or of the default one where nobody knows it; capitals and hyphens are welcome."""
    try:
        return plugins.load("firmware.boards", settings.get("board").lower().replace("-", "_"))
    except plugins.NoSuchPlugin:
        return plugins.load(
            "firmware.boards", "generic_esp32"
        )  # without pins of its own: it can be set up, and no more


def missing(settings):
    """Why a device with these settings cannot be at work, in words; "" when it can."""
    name = settings.get("backend")
    if not settings.get("wifi"):
        return "no network is known"
    for folder, file in (("boards", settings.get("board").lower().replace("-", "_")), ("backends", name)):
        if file not in plugins.names("firmware." + folder):
            return "there is no '%s' among the %s" % (file, folder)
    return ""


def tell_boot(pins, log):
    """None; boot.py, which has no settings, knows from now on which pins (Hardware.pins) are the transmitter's and BOOT's."""
    try:
        kept = Nvs("boot")
        for key, pin in zip(("rf_pin", "boot_pin"), pins):
            if kept.get(key, -1) != pin:
                kept.put(key, pin)
    except OSError as fault:
        log.line(ERROR, "app", "the storage does not keep the pins (%s)" % fault)


def why_portal():
    """Return why the set-up opens in this start (requests.py; 0: it does not), once: one that ends badly does not come back."""
    noted = board_io.noted()
    if noted:
        board_io.note(0)
        return noted
    try:
        kept = Nvs("app")
        found = kept.get("set-up", 0)
        if found:
            kept.put("set-up", 0)
        return found
    except OSError:
        return 0  # what cannot be crossed off would come back at each start


def keep_why_portal(number, log):
    """Let the next start find why the set-up opens (0-255), also where the storage refuses."""
    try:
        kept = Nvs("app")
        kept.put("set-up", number)
        kept.get("set-up", 0)  # as the next start will
    except OSError as fault:
        log.line(ERROR, "app", "the storage refuses (%s)" % fault)
        board_io.note(number)


def safety(settings):
    """A Safety with the caps that are set, and those of single receivers."""
    cap = settings.section("cap")
    own = {}
    for further in cap["own"]:
        bounds = cap.copy()
        bounds.update(further)
        key = called(further["model"]), further["rf_id"]
        caps = _caps(bounds)
        own[key] = caps.and_also(own[key]) if key in own else caps  # of two rows for one receiver each binds
    unverified = None if cap["unverified_shock"] else _is_unverified
    return Safety(_caps(cap), own, cap["budget"], cap["rest_ms"], unverified)


def _is_unverified(model):
    """Return whether nobody knows how strong a shock of that model is: its module says so."""
    try:
        return SHOCK in getattr(plugins.load("firmware.shockers", model), "UNVERIFIED", ())
    except plugins.NoSuchPlugin:
        return False


def _caps(cap):
    levels = {SHOCK: cap["shock"], VIBRATE: cap["vibrate"], SOUND: cap["sound"], LIGHT: cap["light"]}
    return Caps(cap["shock_allowed"], levels, cap["longest_ms"])


def keep(path, name, table, log):
    """None; what a service gave (`table`: key → value) is stored among the settings of backend `name`, or the log says why not."""
    settings = Settings(path)
    try:
        if name not in (settings.get("backend"), settings.get("backend.second")):
            raise Refused(name + " is none of the services in use")
        for key, value in table.items():
            settings.set(name + "." + key, value)
        settings.save()
    except (Refused, OSError) as fault:
        log.line(ERROR, "settings", "what the service gave is not kept (%s)" % fault)
