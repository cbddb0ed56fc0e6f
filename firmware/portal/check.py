"""Who asks which server in the set-up. What asks one kind of server is imported when it is asked: a set-up asks one."""

import asyncio

from micropython import const

_SHARE = "openshock_share"
_BY_HTTP = ("openshock_gateway", "openshock_user")
_FLEET = "dsp_fleet"
_BY_KNOCKING = (_SHARE, _FLEET, "valtronics")
_CLOSED = "the share link refuses this name or session"  # as check_connection.share says it
_NO_MEMORY = "not enough memory"  # as lib/tls.py says it
_TRIES = const(3)
_PAUSE_MS = const(1000)
_UNKNOWN = "nobody can be asked from here: the lamp tells after the restart"


async def token_of(rooms, url, code):
    """The token that the server at `url` gives for a pairing `code`. Wrong says why none."""
    from firmware.portal import check_http

    return await check_http.token_of(rooms, url, code)


async def reached(rooms, name, work, tell):
    """(whether the service `name` lets this device in, in words). Wrong when there is no answer at all.

    A device without an account at DSP Fleet is paired: `tell(text)` hears the code, `work` of who wants something else.
    The page asks for its state meanwhile, and may have had the memory that was wanted: then once more, a little later.
    """
    for _ in range(_TRIES):
        try:
            if name == _FLEET and not rooms.settings.get(_FLEET + ".token"):
                let_in, words = await _paired(rooms, work, tell)
            else:
                let_in, words = await _once(rooms, name)
            if let_in or not words.endswith(_NO_MEMORY):
                return let_in, words
        except MemoryError:
            pass  # as below
        await asyncio.sleep_ms(_PAUSE_MS)
    return False, _UNKNOWN


async def _paired(rooms, work, tell):
    from firmware.portal import pairing

    work.patient = True
    return await pairing.paired(rooms, work, tell)


async def _once(rooms, name):
    if name in _BY_HTTP:
        return await _listed(rooms, name)
    if name not in _BY_KNOCKING:
        return False, _UNKNOWN
    let_in, words = await _knocked(rooms, name)
    if name == _SHARE and words == _CLOSED:
        there, why = await _listed(rooms, name)  # the door does not say why it is closed, the list may
        return False, words if there else why
    return let_in, words


async def _listed(rooms, name):
    from firmware.portal import check_http

    return await check_http.reached(rooms, name)


async def _knocked(rooms, name):
    from firmware.portal import check_connection

    return await check_connection.reached(rooms, name)
