"""Wi-Fi networks: what a name and a key may be, which one to try first, why one would not have us. No I/O, no clock.

A scan is what the driver gives: tuples (name in bytes, bssid, channel, rssi in dBm, security as a number, hidden). A known
network is a dict as the setting `wifi` has them. The driver's ways: reference/onboarding-ota-safety.md §A5.
"""

from micropython import const

from lib.strict_utf8 import is_utf8
from lib.tables import find

_IDLE = const(1000)
_CONNECTING = const(1001)
_GOT_IP = const(1010)
_TRY_MS = const(15000)  # so long a network has to give us an address
_STALE_MS = const(
    6000
)  # the driver keeps some old reasons until the next: as long as a failure takes, one proves nothing
_MOST_HEARD = const(24)
_MAX_NAME = const(32)  # bytes
JOINED = const(-1)  # in a record: it took us the last time; 0: never tried; above: so often it did not, in a row
_MOST_FAILURES = const(9)

# by the driver's number (wifi_auth_mode_t of ESP-IDF)
_SECURITIES = (
    "open",
    "wep",
    "wpa",
    "wpa2",
    "wpa/wpa2",
    "enterprise",
    "wpa3",
    "wpa2/wpa3",
    "wapi",
    "owe",
    "enterprise",
    "wpa3",
    "wpa2/wpa3",
    "dpp",
    "enterprise",
    "enterprise",
    "enterprise",
)
_STRENGTHS = (
    ("open", 0),
    ("owe", 1),
    ("wep", 1),
    ("wpa", 2),
    ("wpa/wpa2", 3),
    ("wpa2", 3),
    ("wpa2/wpa3", 3),
    ("wpa3", 4),
)
_DRIVERS_OWN = const(3)  # with a key the driver itself takes nothing below WPA2
_WITH_KEY = const(2)  # who has a key asks for this much at least
_REFUSED = (
    ("enterprise", "wants a user name or a certificate (enterprise): that cannot be done"),
    ("wep", "is protected by WEP, which protects nothing: that cannot be done"),
)
_WEAKER = "is less safe than it was: it may be somebody else's"

NOT_FOUND = "not found (2.4 GHz only)"
# wifi_err_reason_t of ESP-IDF → words (reference/onboarding-ota-safety.md §A5.1)
_REASONS = (
    ((2, 15, 23, 202, 204), "wrong password (or key type)"),
    ((201,), NOT_FOUND),
    ((210, 211), "needs a different security"),
    ((212,), "too weak"),
    ((5,), "the router is full"),
    ((203, 205), "refused by the router"),
    ((200,), "lost, too weak"),
)


def ssid_problem(text):
    """Empty when `text` may be the name of a network, else what is wrong with it (IEEE 802.11 §9.4.2.2: 1–32 bytes)."""
    if not isinstance(text, str) or not 0 < _bytes(text) <= _MAX_NAME:
        return "a name has 1-32 bytes"
    return ""


def key_problem(text):
    """Empty when `text` may be a key, "" for an open network, else what is wrong with it."""
    if isinstance(text, str) and (text == "" or 8 <= _bytes(text) <= 63 or len(text) == 64 and _is_hex(text)):
        return ""
    return "a key has 8-63 characters, or 64 hexadecimal digits; an open network has none"


def address_problem(address):
    """Return "" for None (the network gives one) and for {"ip", "mask", "gateway", "dns"}, else what is wrong with it."""
    if address is None:
        return ""
    from firmware.net import static_address

    return static_address.problem(address)


def _bytes(text):
    try:
        return len(text.encode())
    except ValueError:
        return 99  # half a surrogate pair


def _is_hex(text):
    return all(letter in "0123456789abcdefABCDEF" for letter in text)


def security_of(number):
    """The security of a network in words."""
    return _SECURITIES[number] if 0 <= number < len(_SECURITIES) else "unknown"


def text_of(name):
    """Return the `name` of a scan (bytes) as it is shown and kept; of one that is no UTF-8 each byte becomes a character.

    Bytes above 0xA0 are read as Latin-1; control characters, which no setting takes, as other signs. 32 bytes at most, as a
    setting has them: two long names may look the same.
    """
    text = name.decode() if is_utf8(name) else "".join([chr(byte) for byte in name])
    text = "".join(
        [letter if " " <= letter < "\x7f" or letter > "\x9f" else chr(0x2400 + ord(letter)) for letter in text]
    )
    while len(text.encode()) > _MAX_NAME:
        text = text[:-1]
    return text


def heard(scan):
    """[(ssid, rssi, security in words, channel)], the strongest of each name, strongest first. Hidden ones have no name."""
    best = {}
    for name, _, channel, rssi, number, _ in scan:
        if not name or not name[0]:
            continue
        ssid = text_of(name)
        if ssid not in best or rssi > best[ssid][1]:
            best[ssid] = ssid, rssi, security_of(number), channel
    return sorted(best.values(), key=lambda found: (-found[1], found[0]))[:_MOST_HEARD]


def strongest(scan, found):
    """Return {ssid: (bssid, name in bytes, None where it is the text)} of the access points of which `heard` made `found`."""
    points = {}
    for ssid, rssi, _, channel in found:
        for name, bssid, its_channel, its_rssi, _, _ in scan:
            if (its_rssi, its_channel) == (rssi, channel) and text_of(name or b"") == ssid:
                points[ssid] = bssid, None if name == ssid.encode() else name
    return points


def refusal(security):
    """Empty when a network of this security can be joined, else why not."""
    return find(_REFUSED, security, "")


def needs_scan(known):
    """True for a network whose saved security is more than the driver insists on by itself."""
    return _strength(known.get("security")) > _DRIVERS_OWN


def _strength(security):
    return find(_STRENGTHS, security, 0) if isinstance(security, str) else 0


def access_point(scan, known, failures=0):
    """(rssi, channel, bssid, why not) of the strongest access point of a known network that is as safe as the saved one.

    After each of its `failures` it is the next weaker one. rssi is None when there is none; then `why not` says what is wrong
    with those that were heard, "" when there were none.
    """
    wanted = max(_strength(known.get("security")), _WITH_KEY if known.get("key") else 0)
    found, words = [], ""
    for name, bssid, channel, rssi, number, _ in scan:
        if text_of(name or b"") != known["ssid"]:
            continue
        security = security_of(number)
        if refusal(security):
            words = refusal(security)
        elif find(_STRENGTHS, security, _DRIVERS_OWN) < wanted:
            words = words or _WEAKER
        else:
            found.append((rssi, channel, bssid, ""))
    found.sort(key=lambda point: -point[0])
    return found[max(failures, 0) % len(found)] if found else (None, None, None, words)


def names(scan, ssid):
    """Return the names (bytes) of the access points that are shown as `ssid`, one for each."""
    return [point[0] for point in scan if text_of(point[0] or b"") == ssid]


def ranked(networks, strengths, record):
    """The known networks in the order in which to try them: who took us the last time, then by signal; failures go down.

    `strengths`: ssid → rssi of those that were heard, None without a scan. One that was not heard is last, unless it hides.
    """

    def place(at):
        known = networks[at]
        ssid = known["ssid"]
        absent = strengths is not None and ssid not in strengths and not known.get("hidden")
        return absent, record.get(ssid, 0), -(strengths or {}).get(ssid, -100), at

    return [networks[at] for at in sorted(range(len(networks)), key=place)]


def note(record, ssid, joined):
    """None; `record` knows how the last attempt at that network ended."""
    record[ssid] = JOINED if joined else min(max(record.get(ssid, 0), 0) + 1, _MOST_FAILURES)


def reason(status, seconds):
    """Why an attempt of so many seconds did not end in a connection, in plain words."""
    for numbers, words in _REASONS:
        if status in numbers:
            return words
    if status in (_IDLE, _CONNECTING):
        return "joined, but got no address in %d s (DHCP)" % seconds
    return "refused (reason %d)" % status


class Attempt:
    """One attempt, watched. `before` is the driver's status just before it began at `now` (ms)."""

    def __init__(self, before, now):
        self._before = before
        self._since = now

    def look(self, status, now):
        """None while it is undecided; "" once there is an address; else why it failed."""
        waited_ms = now - self._since
        if status == _GOT_IP:
            return ""
        if status != self._before:
            self._before = None  # from now on every reason is this attempt's
        # idle shows behind a disconnect, and for a moment before the address
        if status not in (_IDLE, _CONNECTING) and (self._before is None or waited_ms >= _STALE_MS):
            return reason(status, waited_ms // 1000)
        return reason(status, waited_ms // 1000) if waited_ms >= _TRY_MS else None
