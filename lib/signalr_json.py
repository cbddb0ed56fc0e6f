"""The records of SignalR's JSON hub protocol v1: their shapes, checked when read, and kept when written. No I/O.

One JSON object each, ended by 0x1E (reference/signalr.md §3). What a record means for the talk is lib/signalr.py's.
"""

from micropython import const

from lib.strict_json import dumps, loads

INVOCATION = const(1)
STREAM_ITEM = const(2)
COMPLETION = const(3)
STREAM_INVOCATION = const(4)
CANCEL_INVOCATION = const(5)
PING = const(6)
CLOSE = const(7)

HELLO_RECORD = b'{"protocol":"json","version":1}\x1e'  # version 1 always (§2)
PING_RECORD = b'{"type":6}\x1e'
CLOSE_RECORD = b'{"type":7}\x1e'

_MAX_SENT = const(32768)  # bytes that ASP.NET Core takes by default; it closes the connection beyond (§0.10)
_MAX_ID = const(256)  # characters; what servers use has 1 to 50
_MAX_KNOWN = const(16)  # targets
_MAX_KNOWN_SIZE = const(40)  # bytes of one

_CALL = b'{"type":1,"target":"'  # so begins, to the letter, most of what ASP.NET Core sends
_ARGUMENTS = b'","arguments":'
_known = {}  # targets in such records that were read before: the bytes → the text


def _object(record):
    message = loads(record)
    if type(message) is not dict:
        raise ValueError("no object")
    return message


def _need_text(message, key):
    text = message.get(key)
    if type(text) is not str or not text:
        raise ValueError(key + " is no text, or empty")


def _check_id(message):
    _need_text(message, "invocationId")
    if len(message["invocationId"]) > _MAX_ID:
        raise ValueError("invocationId is too long")


def _check_invocation(message):
    _need_text(message, "target")
    if type(message.get("arguments")) is not list:
        raise ValueError("arguments are no list")
    if "invocationId" in message:
        _check_id(message)


def _check_stream_item(message):
    _check_id(message)
    if "item" not in message:
        raise ValueError("a stream item without item")


def _check_completion(message):
    _check_id(message)
    error = message.get("error")  # null and "" are taken, as the JavaScript client does
    if error is not None:
        if type(error) is not str:
            raise ValueError("error is no text")
        if message.get("result") is not None:
            raise ValueError("both a result and an error")


_CHECKS = {
    INVOCATION: _check_invocation,
    STREAM_ITEM: _check_stream_item,
    COMPLETION: _check_completion,
    STREAM_INVOCATION: _check_id,
    CANCEL_INVOCATION: _check_id,
}


def read(record):
    """The record's dict. ValueError with the fault in words, and nothing of the content.

    `type` is an int, perhaps one of the future. What a known type requires is there and of the right kind; keys that
    nobody knows, and headers, are as they came.
    """
    message = _object(record)
    kind = message.get("type")
    if type(kind) is not int:
        raise ValueError("no type")
    check = _CHECKS.get(kind)
    if check:
        check(message)
        if kind == INVOCATION:
            _know(message["target"])
    return message


def _know(target):
    """None; `read_call` will know that target, unless JSON has to escape it."""
    raw = target.encode()
    if (
        raw not in _known
        and len(_known) < _MAX_KNOWN
        and len(raw) <= _MAX_KNOWN_SIZE
        and dumps(target) == b'"%s"' % raw
    ):
        _known[raw] = target


def read_call(record):
    """(target, arguments) of a record in its commonest form, an invocation without an id; None for all others: `read` them.

    The short way takes half the time: all but the arguments was read and checked before, letter by letter the same.
    """
    if not record.startswith(_CALL) or not record.endswith(b"}"):
        return None
    end = record.find(b'"', len(_CALL))
    start = end + len(_ARGUMENTS)
    target = _known.get(record[len(_CALL) : end])
    if target is None or record[end:start] != _ARGUMENTS:
        return None
    try:
        arguments = loads(record[start:-1])
    except ValueError:
        return None  # more keys, perhaps; if it is bad, `read` says why
    return (target, arguments) if type(arguments) is list else None


def read_greeting(record):
    """None when the record accepts our handshake, else the server's reason, a text. ValueError for any other record."""
    message = _object(record)
    if "type" in message:
        raise ValueError("a handshake answer was expected")
    error = message.get("error")
    return None if error is None else str(error)


def _sized(*parts):
    record = b"".join(parts)
    if len(record) > _MAX_SENT:
        raise ValueError("a record of %d bytes; servers take %d" % (len(record), _MAX_SENT))
    return record


def invocation(target, arguments, call_id=None):
    """The record that calls `target` with the list `arguments`; with a `call_id` (text) it asks for an answer.

    ValueError for what JSON cannot say (NaN, objects), and for more than 32 KiB, which servers refuse.
    """
    head = b'{"type":1,"target":' if call_id is None else b'{"type":1,"invocationId":%s,"target":' % dumps(call_id)
    return _sized(head, dumps(target), b',"arguments":', dumps(list(arguments)), b"}\x1e")


def completion(invocation_id, result=None, error=None):
    """The record that answers an invocation: with `error` when there is one, otherwise with `result`. Raises as `invocation`.

    ValueError also for an `error` that is no text: the server would close the connection.
    """
    if error is not None and type(error) is not str:
        raise ValueError("an error is a text")
    key, value = (b',"result":', result) if error is None else (b',"error":', error)
    return _sized(b'{"type":3,"invocationId":', dumps(invocation_id), key, dumps(value), b"}\x1e")
