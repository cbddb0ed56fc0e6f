"""Orders an update where that makes sense, and looks now and then for what the channel offers. In memory only for a moment.

What is ordered begins with the next start, in the mode `updating` (installer.py).
"""

import os

from firmware.ota.state import LONGEST, Busy
from lib.log import WARNING
from lib.semver import is_version, newer


def order(journal, wanted, before=(), override=False):
    """Return "" when the update to `wanted` ("": what the channel offers) is ordered: then a restart is due. Otherwise why not.

    `before` and `override` as for the journal, which tells the hub of it.
    """
    try:
        journal.order(_number(), wanted, before, override)
        return ""
    except Busy as fault:
        return str(fault)
    except OSError as fault:
        return "the storage refuses (%s)" % fault


def refusal(wanted, why):
    """Return the events (Journal.events) that answer an order which cannot be carried out, for `why` in words."""
    number = _number()
    version = wanted if is_version(wanted) else "0.0.0"
    return [["OtaInstallStarted", number, version], ["OtaInstallFailed", number, False, why[:LONGEST]]]


def _number():
    """Return the number by which the hub knows an update: its int32; 0 is no update there."""
    return int.from_bytes(os.urandom(4), "little") % 0x7FFFFFFF + 1


def objection(slots, keys, url, wanted):
    """Return why no update to `wanted` can be ordered, "" where nothing speaks against it.

    `url` is the setting update.url, `keys` those that this image trusts.
    """
    if slots.problem:
        return slots.problem
    if slots.pending():
        return "this version is still on trial"
    if not keys:
        return "this build trusts nobody: it has no key that could sign updates"
    if not url:
        return "nobody has said where updates come from (update.url)"
    if wanted and not is_version(wanted):
        return "there is no version like that"
    return ""


async def look(journal, source, channel, running, now_s, log):
    """Return the version to update to, "" when there is none, or nobody answers. `source` is a download.Source.

    `running`: the version that runs; `now_s`: seconds since 1970, None while nobody knows. What failed here is left alone.
    """
    from firmware.ota.download import Failed

    try:
        data = await source.get("version-%s.txt" % channel, 64)
        version = "".join([chr(byte) for byte in data]).strip()
        if not is_version(version):
            raise Failed("the channel %s names no version" % channel)
        days = journal.offered(version, now_s) if now_s else 0
    except (Failed, OSError) as fault:
        log.line(WARNING, "update", str(fault))
        return ""
    if days:
        log.line(WARNING, "update", "%s has offered %s for %d days: is anybody there?" % (channel, version, days))
    return version if newer(version, running) and not journal.shunned(version) else ""
