"""Whether an update may be installed here: the signature first, then everything that its manifest says. No I/O.

The manifest is one line of JSON, signed as those bytes (`python3 -m tools build` makes it). Nothing of it is believed before
its signature holds, and nothing is erased before all of it was believed. The time of day plays no part.
"""

from collections import namedtuple

from micropython import const

from lib import jsontext, lms
from lib.semver import is_version, newer

APP = "app.lfs"
RUNTIME = "runtime.bin"
MOST_BYTES = const(2048)
SIGNATURE_BYTES = const(4096)  # the longest signature that is read at all
_SCHEMA = const(1)
_PRODUCT = "openshock-micropython"
_LONGEST = const(40)  # characters of a stranger's word that are shown
_HEXADECIMAL = "0123456789abcdef"

# A part is (bytes, SHA-256 in hex). `runtime` is None when it is not shipped; `needs`: the runtime that the app was built
# for, a part as well, or None when any will do.
Manifest = namedtuple("Manifest", ("version", "date", "app", "runtime", "needs"))

# What this device is: BOARD, LAYOUT, COUNTER of image.py, KEYS of keys.py, the board's CHIP, VERSION; bytes of the idle slot
Own = namedtuple("Own", ("keys", "board", "chip", "layout", "counter", "version", "app_size", "runtime_size"))


class Refused(Exception):
    """This update is not for this device; the text says why."""


def check(data, signature, own, wanted="", override=False):
    """The Manifest in the bytes `data`, which may be installed on the device `own` (an Own). Refused in words.

    `wanted`: the version that was asked for, "" for any. `override`: a person at the device said that an older version, the
    same one, or one with an older rollback counter may come; nothing else gives way to it.
    """
    _signed(data, signature, own.keys)
    try:
        told = jsontext.loads(data)
    except ValueError as fault:
        raise Refused("the manifest cannot be read (%s)" % fault)
    if not isinstance(told, dict):
        raise Refused("the manifest is no table")
    _same(told, "schema", _SCHEMA, "form")
    _same(told, "product", _PRODUCT, "product")
    _same(told, "board", own.board, "board")
    _same(told, "chip", own.chip, "chip")
    _same(told, "layout", own.layout, "flash map")
    version = told.get("version")
    if not is_version(version):
        raise Refused("the manifest has no version")
    if wanted and version != wanted:
        raise Refused("version %s was asked for, the server gave %s" % (wanted, version))
    _fresh(version, told.get("counter"), own, override)
    parts = _parts(told.get("parts"), own)
    needs = told.get("runtime")
    if needs is not None:
        needs = _part(needs, "runtime", own.runtime_size)
    if RUNTIME in parts and parts[RUNTIME] != needs:
        raise Refused("the manifest contradicts itself about the runtime")
    return Manifest(version, str(told.get("date"))[:10], parts[APP], parts.get(RUNTIME), needs)


def _signed(data, signature, keys):
    """None. Refused unless one of `keys` signed `data`."""
    if not keys:
        raise Refused("this build trusts nobody: it has no key that could sign updates")
    if len(data) > MOST_BYTES:
        raise Refused("the manifest is larger than %d bytes" % MOST_BYTES)
    for key in keys:
        if lms.verify(key, signature, data):
            return
    raise Refused("the signature is none of ours")


def _same(told, name, ours, words):
    """None. Refused unless the manifest says `ours` under `name`."""
    theirs = told.get(name)
    if type(theirs) is not type(ours) or theirs != ours:
        raise Refused("it is for another %s (%s, here %s)" % (words, str(theirs)[:_LONGEST], ours))


def _fresh(version, counter, own, override):
    """None. Refused for what is not newer than what runs, unless somebody here said that it may be."""
    if type(counter) is not int or not 0 <= counter < 1 << 30:
        raise Refused("the manifest has no rollback counter")
    if override:
        return
    if not newer(version, own.version):
        same = not newer(own.version, version)
        raise Refused("version %s is %s" % (version, "running already" if same else "older than " + own.version))
    if counter < own.counter:
        raise Refused("version %s is from before a change that must not be taken back" % version)


def _parts(listed, own):
    """{name: (bytes, SHA-256)} of the list in a manifest. Refused."""
    sizes = {APP: own.app_size, RUNTIME: own.runtime_size}
    parts = {}
    for entry in listed if isinstance(listed, list) else ():
        name = entry.get("name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or name not in sizes or name in parts:
            raise Refused("a part that nobody knows, or twice the same")
        parts[name] = _part(entry, name, sizes[name])
    if APP not in parts:
        raise Refused("the manifest has no " + APP)
    return parts


def _part(entry, name, room):
    """(bytes, SHA-256 in hex) of an entry. Refused for what is none, and for what does not fit."""
    size, digest = (entry.get("size"), entry.get("sha256")) if isinstance(entry, dict) else (None, None)
    if type(size) is not int or size < 1 or not isinstance(digest, str) or len(digest) != 64:
        raise Refused("%s has no size or no hash" % name)
    if not all([character in _HEXADECIMAL for character in digest]):
        raise Refused("%s has no hash" % name)
    if size > room:
        raise Refused("%s has %d bytes, this device has room for %d" % (name, size, room))
    return size, digest
