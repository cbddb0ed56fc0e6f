"""What the page may change of the account: backend and fields, or a pairing code. In memory only while it does.

An act is a function of the Setup (api.py) and the body of the call. It returns the answer, or None for the new state.
"""

from micropython import const

from firmware.portal import check
from firmware.portal.account import PAIRED
from firmware.portal.session import Wrong, store, text_of
from lib.log import INFO

_LONGEST_NAME = const(40)
_LONGEST_PEM = const(4096)
_MINUTE_MS = const(60000)
_MINUTES_MS = const(300000)
_TRIES_A_MINUTE = const(5)
_FLEET = "dsp_fleet"
_OF_ITS_SERVER = ("token", "refresh", "endpoint", "device_guid")  # what a server of DSP Fleet gave
_TRIES = const(10)  # in five minutes; the server's own limit is 10 a minute for everybody behind the same router


def change(setup, body):
    """None; backend and fields are saved. A secret that is not among the fields stays as it is. Wrong: nothing changed."""
    part = setup.account
    name = text_of(body, "backend", _LONGEST_NAME)
    fields = body.get("fields", {})
    known = [entry for entry in part.menu if entry[0] == name]
    if not known:
        raise Wrong(400, "there is no such backend", "backend")
    if not isinstance(fields, dict):
        raise Wrong(400, "a table of fields", "fields")
    keys = [key for key, _, _ in known[0][2]]
    for key in fields:
        if key not in keys and key != "certificate":
            raise Wrong(400, "this backend has no such field", key)
    _trust(text_of(fields, "certificate", _LONGEST_PEM))
    changes = [("backend", name, "backend")]
    changes += [(name + "." + key, value, key) for key, value in fields.items() if key != "certificate"]
    url = part.rooms.settings.get(_FLEET + ".url")
    if name == _FLEET and fields.get("url", url) != url:
        changes += [(_FLEET + "." + key, "", "url") for key in _OF_ITS_SERVER]  # another server pairs anew
    store(part.rooms.settings, changes)
    if name == PAIRED and "token" in fields:
        part.paired = None
    part.changed()
    part.rooms.log.line(INFO, "setup", "account of " + name)


def _trust(text):
    """Trust the certificate authority in `text` from now on, if there is one. Raise Wrong."""
    if not text.strip():
        return
    from firmware.net import own_certificates

    try:
        own_certificates.add(text)
    except own_certificates.Refused as fault:
        raise Wrong(400, str(fault), "certificate")
    except OSError as fault:
        raise Wrong(500, "the certificate could not be written (%s)" % fault, "certificate")


def reach(setup, body):
    """None; whether the hub is reached will be in the state. Wrong while something else is under way."""
    setup.account.ask()


async def pair(setup, body):
    """An answer; the code gave a token, which is saved (reference/openshock-api.md §d.1). Wrong says what was wrong with it.

    A code is good once. Whoever was lost before the answer came, and asks again, hears that it was good.
    """
    part = setup.account
    rooms = part.rooms
    code = text_of(body, "code", 20).replace(" ", "")
    if not code:
        raise Wrong(400, "enter the code that the website shows", "code")
    if len(code) != 6 or not all("0" <= digit <= "9" for digit in code):
        raise Wrong(400, "a code has 6 digits", "code")
    url = rooms.settings.get(PAIRED + ".url")
    changes = []
    if part.paired != (url, code):
        changes.append((PAIRED + ".token", await _redeemed(part, url, code), "code"))
    if any(entry[0] == PAIRED for entry in part.menu):
        changes.append(("backend", PAIRED, "backend"))
    store(rooms.settings, changes)
    part.paired = url, code
    part.changed()
    rooms.log.line(INFO, "setup", "paired")
    return {"ok": True}


async def _redeemed(part, url, code):
    """The token for a code. Wrong."""
    rooms = part.rooms
    if not rooms.wifi.online():
        raise Wrong(409, "not connected to the internet yet: set up Wi-Fi first")
    _count(part, rooms.clock())

    async def redeem():

        return await check.token_of(rooms, url, code)

    return await part.work.alone(redeem)


def _count(part, now):
    """None; one more try. Wrong when there were too many."""
    part.tries = [when for when in part.tries if now - when < _MINUTES_MS]
    wait_ms = 0
    if len(part.tries) >= _TRIES:
        wait_ms = part.tries[-_TRIES] + _MINUTES_MS - now
    if len(part.tries) >= _TRIES_A_MINUTE:
        wait_ms = max(wait_ms, part.tries[-_TRIES_A_MINUTE] + _MINUTE_MS - now)
    if wait_ms > 0:
        raise Wrong(429, "too many tries: wait %d seconds" % (wait_ms // 1000 + 1), "code")
    part.tries.append(now)
