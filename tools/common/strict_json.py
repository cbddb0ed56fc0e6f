"""JSON from outside and from files edited by hand: everything that is read can be written again.

Python's own `json` takes NaN, halves of surrogate pairs, numbers that become infinite, and UTF-16 (RFC 8259 §6, §7, §8.1). A
byte order mark is no fault.
"""

import json
from pathlib import Path

_BOM = "\ufeff"
_BOMS_OF_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def loads(data):
    """Return the value of JSON, bytes of UTF-8 or a str. Raise ValueError, in words, for anything else."""
    source = data if isinstance(data, str) else _text(data)
    try:
        value = json.loads(source.removeprefix(_BOM), parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if "\\u" in source or isinstance(data, str):
        _writable(value)
    return value


def load(path):
    """Return the value of the JSON in the file `path`. Raise ValueError, in words; OSError."""
    return loads(Path(path).read_bytes())


def _text(data):
    try:
        return data.decode()
    except UnicodeDecodeError:
        kind = "UTF-16" if data[:2] in _BOMS_OF_UTF16 else "no UTF-8"
        raise ValueError(f"its text is {kind}; it has to be UTF-8") from None


def _no_constant(name):
    raise ValueError(f"{name} is not JSON")


def _finite(digits):
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return value


def _writable(value):
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair is no character") from None
