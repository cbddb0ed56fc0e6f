"""Orders an update where that makes sense, and looks now and then for what the channel offers. In memory only for a moment.

What is ordered begins with the next start, in the mode `updating` (installer.py).
"""

import os

from firmware.ota.state import Busy
from lib.log import WARNING
from lib.semver import is_version, newer


def order(journal, slots, keys, url, wanted, before=(), override=False):
    """Return "" when the update to `wanted` ("": what the channel offers) is ordered: then a restart is due. Otherwise why not.

    The hub is told in either case (Journal.events). `url` is the setting update.url, `keys` those that this image trusts;
    `before` and `override` as for the journal.
    """
    number = int.from_bytes(os.urandom(4), "little") % 0x7FFFFFFF + 1  # the hub's int32; 0 is no update there
    why = objection(slots, keys, url, wanted)
    try:
        if not why:
            journal.order(number, wanted, before, override)
            return ""
    except Busy as fault:
        why = str(fault)
    except OSError as fault:
        return "the storage refuses (%s)" % fault
    try:
        journal.refuse(number, wanted if is_version(wanted) else "0.0.0", why)
    except OSError:
        pass  # whoever asked is told here, at least
    return why


def objection(slots, keys, url, wanted):
    """Return why no update to `wanted` can be ordered, "" where nothing speaks against it. The arguments as for `order`."""
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
