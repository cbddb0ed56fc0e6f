"""What the flash's versions and the journal mean for this start: to work, to update, to prove itself; and orders to update.

In memory only while it is asked. What the hub is still to be told of an update lives in a News.
"""

from micropython import const

from firmware import build_info, ca_bundle
from firmware.ota import check, settings_backup, state, trusted_keys
from lib.ca_certs import Roots
from lib.log import ERROR, WARNING
from lib.nvs import Nvs
from lib.ota_slots import Slots

_JOURNAL = "update.json"
_SETTINGS = "settings.json"
_POWER_ON = const(1)  # machine.PWRON_RESET, brown-outs included (reference/onboarding-ota-safety.md §C1)


def open_journal():
    """Return the Journal of this device."""
    return state.Journal(settings_backup.File(_JOURNAL), Nvs("update"))


def begin(log):
    """Return (name of the App's mode, "" for the usual one; the Journal; the Slots): what this start is for."""
    kept, slots = open_journal(), Slots()
    try:
        way = kept.begin(slots, Nvs("boot").get("reason", 0) == _POWER_ON, lambda: _bring_back(log))
        if way == state.OPERATE:
            settings_backup.forget(_SETTINGS)
    except OSError as fault:
        log.line(ERROR, "update", "the storage refuses (%s)" % fault)
        way = state.OPERATE
    return {state.UPDATE: "updating", state.PROVE: "proving"}.get(way, ""), kept, slots


def _bring_back(log):
    if settings_backup.bring_back(_SETTINGS):
        log.line(
            WARNING,
            "settings",
            "unreadable after a roll-back: those from before the update are back, the caps no looser",
        )


def asked(version, url, before, news, log):
    """Return True when the next start is for that update ("": what the channel offers). The hub is told in either case.

    What runs is stopped for it (lib/idle.py). An order that cannot be carried out stops nobody, and writes nothing.
    `url`: where updates come from. `before`: names of health.CHECKS that are not well as it is.
    """
    why = _objection(version, url) or check.order(open_journal(), version, before)
    if why:
        log.line(WARNING, "update", "%s: %s" % (version or "the newest", why))
        news.answer(check.refusal(version, why))
    else:
        news.look()
    return not why


def _objection(version, url):
    if not build_info.BOARD:
        return "this firmware was not built for a board"
    if open_journal().busy:
        return "an update is under way"
    return check.objection(Slots(), trusted_keys.KEYS, url, version)


def forget(why, log):
    """End an update that was ordered, or is being written, for `why` in words."""
    try:
        kept = open_journal()
        if kept.unfinished:
            kept.failed(why)
    except OSError as fault:
        log.line(ERROR, "update", "the storage refuses (%s)" % fault)


async def offered(settings, station, keeper, now_s, log):
    """Return the newer version that the channel offers, "" when there is none; the check is noted, due again in update.check_h."""
    url, every_s = settings.get("update.url"), settings.get("update.check_h") * 3600
    if not (url and every_s and trusted_keys.KEYS and now_s):
        return ""
    marks = Nvs("update")
    try:
        checked_s = marks.get("checked", 0)
        if checked_s <= now_s < checked_s + every_s:
            return ""
        marks.put("checked", now_s)
    except OSError as fault:
        log.line(WARNING, "update", "the storage refuses (%s): nobody is asked" % fault)
        return ""
    from firmware.ota.download import Source
    from firmware.version import VERSION

    source = Source(
        url,
        station,
        keeper,
        Roots(ca_bundle.CERTIFICATES, log),
        "OpenShock/%s (MicroPython; %s)" % (VERSION, build_info.BOARD),
        log,
    )
    return await check.look(open_journal(), source, settings.get("update.channel"), VERSION, now_s, log)
