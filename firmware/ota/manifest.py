"""Whether an update may be installed here: the signature first, then everything that its manifest says. No I/O.

The manifest is one line of JSON, signed as those bytes (`python3 -m tools build` makes it). Nothing of it is believed before
its signature holds, and nothing is erased before all of it was believed. The time of day plays no part.
"""

from collections import namedtuple

from micropython import const

from lib import lms_verify, strict_json
from lib.semver import is_version, newer

MOST_BYTES = const(2048)
SIGNATURE_BYTES = const(4096)  # the longest signature that is read at all
_SCHEMA = const(2)  # 1 had two parts, a runtime and a file system with the firmware
_PRODUCT = "openshock-micropython"
_LONGEST = const(40)  # characters of a stranger's word that are shown
_HEXADECIMAL = "0123456789abcdef"

# What may be installed: `size` bytes of the image, `sha256` of them in hex
Manifest = namedtuple("Manifest", ("version", "date", "size", "sha256"))

# This device: BOARD, LAYOUT, COUNTER of build_info.py, KEYS of trusted_keys.py, the board's CHIP, VERSION; bytes of the idle slot
Own = namedtuple("Own", ("keys", "board", "chip", "layout", "counter", "version", "slot_size"))


class Refused(Exception):
    """This update is not for this device; the text says why."""


def check(data, signature, own, wanted="", override=False):
    """Return the Manifest in the bytes `data`, which may be installed on the device `own` (an Own). Raise Refused in words.

    `wanted`: the version that was asked for, "" for any. `override`: a person at the device said that an older version, the
    same one, or one with an older rollback counter may come; nothing else gives way to it.
    """
    _require_signature(data, signature, own.keys)
    try:
        told = strict_json.loads(data)
    except ValueError as fault:
        raise Refused("the manifest cannot be read (%s)" % fault)
    if not isinstance(told, dict):
        raise Refused("the manifest is no table")
    _require_schema(told)
    _require_same(told, "product", _PRODUCT, "product")
    _require_same(told, "board", own.board, "board")
    _require_same(told, "chip", own.chip, "chip")
    _require_same(told, "layout", own.layout, "flash map")
    version = told.get("version")
    if not is_version(version):
        raise Refused("the manifest has no version")
    if wanted and version != wanted:
        raise Refused("version %s was asked for, the server gave %s" % (wanted, version))
    _require_fresh(version, told.get("counter"), own, override)
    if data.count(b'"sha256"') > 1:
        raise Refused("the manifest has two hashes")
    size, digest = _image(told.get("size"), told.get("sha256"), own.slot_size)
    return Manifest(version, str(told.get("date"))[:10], size, digest)


def _require_signature(data, signature, keys):
    """Raise Refused unless one of `keys` signed `data`."""
    if not keys:
        raise Refused("this build trusts nobody: it has no key that could sign updates")
    if len(data) > MOST_BYTES:
        raise Refused("the manifest is larger than %d bytes" % MOST_BYTES)
    for key in keys:
        if lms_verify.verify(key, signature, data):
            return
    raise Refused("the signature is none of ours")


def _require_schema(told):
    """Raise Refused unless the manifest is of the form that is read here."""
    schema = told.get("schema")
    if type(schema) is not int or schema < 1:
        raise Refused("the manifest does not say its form")
    if schema < _SCHEMA or "parts" in told:
        raise Refused("it is made for an older firmware, which came in parts: ask for a newer version")
    if schema > _SCHEMA:
        raise Refused("it is made for a newer firmware (form %d, here %d)" % (schema, _SCHEMA))


def _require_same(told, name, ours, words):
    """Raise Refused unless the manifest says `ours` under `name`."""
    theirs = told.get(name)
    if type(theirs) is not type(ours) or theirs != ours:
        raise Refused("it is for another %s (%s, here %s)" % (words, str(theirs)[:_LONGEST], ours))


def _require_fresh(version, counter, own, override):
    """Raise Refused for what is not newer than what runs, unless somebody here said that it may be."""
    if type(counter) is not int or not 0 <= counter < 1 << 30:
        raise Refused("the manifest has no rollback counter")
    if override:
        return
    if not newer(version, own.version):
        same = not newer(own.version, version)
        raise Refused("version %s is %s" % (version, "running already" if same else "older than " + own.version))
    if counter < own.counter:
        raise Refused("version %s is from before a change that must not be taken back" % version)


def _image(size, digest, slot_size):
    """Return (bytes, SHA-256 in hex) of the image. Raise Refused for what is none, and for what does not fit."""
    if type(size) is not int or size < 1:
        raise Refused("the manifest does not say how large the image is")
    if not isinstance(digest, str) or len(digest) != 64 or not all([one in _HEXADECIMAL for one in digest]):
        raise Refused("the manifest has no hash of the image")
    if size > slot_size:
        raise Refused("the image has %d bytes, this device has room for %d" % (size, slot_size))
    return size, digest
