"""Values as ASP.NET Core writes them: JSON text, ids, times, SignalR records. Nothing here knows a hub or a socket."""

import hmac
import json
import os
import re
import secrets
import string
import time
import unicodedata
from datetime import datetime, timezone

from tools.common import strict_json

RECORD_END = b"\x1e"
ZERO_GUID = "00000000-0000-0000-0000-000000000000"

_GUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_SHORT = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
# What System.Text.Json's relaxed encoder leaves alone within the BMP is everything but these categories.
_ESCAPED = {"Cc", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"}
_LETTERS = string.ascii_letters + string.digits


def _escaped(character):
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code > 0xFFFF:  # as two escapes: small JSON parsers often do not join them, so a client must meet it here
        code -= 0x10000
        return f"\\u{0xD800 + (code >> 10):04X}\\u{0xDC00 + (code & 0x3FF):04X}"
    if character != " " and unicodedata.category(character) in _ESCAPED:
        return f"\\u{code:04X}"
    return character


def _rewritten(match):
    return '"' + "".join(map(_escaped, json.loads(match.group()))) + '"'


def dumps(value) -> bytes:
    """`value` as compact JSON in UTF-8, key order kept, escapes as .NET's (reference a.2). ValueError for NaN."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    if not text.isascii() or "\\u" in text or "\x7f" in text:
        text = _STRING.sub(_rewritten, text)
    return text.encode()


def escaped(data) -> bytes:
    """JSON of `dumps` as the REST API writes it: everything beyond ASCII is an escape."""
    return data if data.isascii() else re.sub(r"[^\x00-\x7f]", _unit, data.decode()).encode()


def _unit(match):
    return f"\\u{ord(match.group()):04X}"


def loads(data):
    """The value of strict JSON, bytes of UTF-8 or a str. ValueError for anything else (tools/common/strict_json.py)."""
    return strict_json.loads(data)


def is_secret(known, given) -> bool:
    """Whether the text `given` is the secret `known`; whatever is in it, and as slow for all that are not."""
    return hmac.compare_digest(known.encode(), given.encode("utf-8", "surrogatepass"))


def record(message) -> bytes:
    """One SignalR record: JSON and the separator."""
    return dumps(message) + RECORD_END


def invocation(target, arguments, invocation_id=None) -> bytes:
    """A call to the other side; the server's key order is type, invocationId, target, arguments (a.1)."""
    head = {"type": 1} if invocation_id is None else {"type": 1, "invocationId": invocation_id}
    return record({**head, "target": target, "arguments": list(arguments)})


def completion(invocation_id, result=None, error=None) -> bytes:
    """The end of a call from the other side: `error` text, or a result (null for void)."""
    outcome = {"error": error} if error is not None else {"result": result}
    return record({"type": 3, "invocationId": invocation_id, **outcome})


def close(error=None, allow_reconnect=False) -> bytes:
    """The last record of a connection; what is not said is left out."""
    message = {"type": 7}
    if error is not None:
        message["error"] = error
    if allow_reconnect:
        message["allowReconnect"] = True
    return record(message)


def number(value):
    """A float in .NET's shortest form: whole ones without a point."""
    return int(value) if float(value).is_integer() else float(value)


def now() -> datetime:
    """This moment, UTC."""
    return datetime.now(timezone.utc)


def iso(moment) -> str:
    """ISO 8601 with Z, 0–6 fraction digits, trailing zeros dropped (a.2)."""
    text = moment.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def parse_time(text) -> datetime:
    """The moment that `iso` wrote. ValueError for anything else."""
    form = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
    return datetime.strptime(text, form).replace(tzinfo=timezone.utc)


def guid(value) -> str:
    """`value` as a lower-case GUID. ValueError unless it is text of 36 characters with hyphens."""
    if not isinstance(value, str) or not _GUID.fullmatch(value):
        raise ValueError("not a GUID")
    return value.lower()


def new_guid() -> str:
    """A fresh GUID of version 7: ordered by time, as the real server makes them."""
    digits = f"{time.time_ns() // 1_000_000:012x}7{os.urandom(2).hex()[1:]}{os.urandom(8).hex()}"
    digits = digits[:16] + "89ab"[secrets.randbelow(4)] + digits[17:]
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))


def new_token() -> str:
    """A fresh API token: 64 letters and digits (section b)."""
    return "".join(secrets.choice(_LETTERS) for _ in range(64))


def new_hub_token() -> str:
    """A fresh token of a device: 256 letters and digits (section b)."""
    return "".join(secrets.choice(_LETTERS) for _ in range(256))


def new_connection_id() -> str:
    """A fresh SignalR connection id: 22 characters of base64url."""
    return secrets.token_urlsafe(16)
