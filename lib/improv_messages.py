"""Messages of a device in Improv Wi-Fi over serial, version 1, and how its client packs texts. No I/O.

Facts: reference/onboarding-ota-safety.md §B; what a client reads and drops: improv-wifi/sdk-serial-js.
"""

from micropython import const

# further requests; WIFI and SCAN are in improv.py
STATE = const(2)
INFO = const(3)
HOSTNAME = const(5)
DEVICE_NAME = const(6)

# states
READY = const(2)
PROVISIONING = const(3)
PROVISIONED = const(4)

# errors
INVALID_RPC = const(1)
UNKNOWN_RPC = const(2)
UNABLE_TO_CONNECT = const(3)
BAD_HOSTNAME = const(5)
UNKNOWN_ERROR = const(255)

_HEADER = b"IMPROV\x01"
_STATE_PACKET = const(1)
_ERROR_PACKET = const(2)
_RESULT_PACKET = const(4)
_NEWLINE = const(10)
_MOST_TEXT = const(253)  # 255 bytes of data, less the command and their length


def texts(payload):
    """Return the texts (bytes) in `payload`, each behind its length; None when the lengths do not add up."""
    found = []
    at = 0
    while at < len(payload):
        end = at + 1 + payload[at]
        if end > len(payload):
            return None
        found.append(payload[at + 1 : end])
        at = end
    return found


def _packet(kind, data):
    """Return the bytes of one packet between two line feeds: a client drops everything up to a line feed that is no packet."""
    packet = _HEADER + bytes((kind, len(data))) + data
    return b"\n" + packet + bytes((sum(packet) & 0xFF, _NEWLINE))


def state(code):
    """Return the packet that reports the state."""
    return _packet(_STATE_PACKET, bytes((code,)))


def error(code):
    """Return the packet that reports an error; 0: there is none."""
    return _packet(_ERROR_PACKET, bytes((code,)))


def result(command, answers=()):
    """Return the packet that answers `command` with texts. Raise ValueError above 253 bytes of them, their lengths counted."""
    body = b""
    for answer in answers:
        answer = answer.encode()
        if len(body) + len(answer) >= _MOST_TEXT:
            raise ValueError("too long for one packet")
        body += bytes((len(answer),)) + answer
    if len(body) + 2 == _NEWLINE:
        body += (
            b"\0"  # a length of 10 is a line feed to the client, who then never sees this packet: one empty text more
        )
    return _packet(_RESULT_PACKET, bytes((command, len(body))) + body)
