"""Host name to IPv4 address over UDP (RFC 1035) without blocking: `getaddrinfo` stops the whole interpreter.

`query` and `answer` are without I/O; `resolve` asks; `Memory` is for a router that forgets its name server.
"""

from os import urandom
from struct import unpack_from

from micropython import const

from lib import dns_cache, udp
from lib.dns_cache import Memory  # noqa: F401  (offered from here, too)
from lib.tables import find

_TYPE_A = const(1)
_TYPE_CNAME = const(5)
_CLASS_IN = const(1)
_MAX_NAME = const(253)
_MAX_LABEL = const(63)
_MAX_RECORDS = const(40)  # the shortest takes 12 bytes, and 500 bytes hold no more
_MAX_ALIASES = const(8)
_TRIES = const(2)
_MOST = const(4)  # addresses of one name that are kept
_MDNS = ("224.0.0.251", 5353)  # RFC 6762 §3
_UNICAST = const(0x80)  # the top bit of a question's class: answer to me alone (RFC 6762 §5.4)
_NXDOMAIN = const(3)
_CODES = ((1, "cannot read the question"), (2, "failed"), (4, "cannot do that"), (5, "refuses to answer"))


class NotFound(Exception):
    """The name has no address that we could learn: `.host`, `.why` in words, `.final` when asking again is no use."""

    def __init__(self, host, why, final=False):
        super().__init__("no address for " + host + ": " + why)
        self.host = host
        self.why = why
        self.final = final


def query(number, host):
    """The bytes that ask for the IPv4 addresses of `host`, with the id `number` (RFC 1035 §4.1). Raises NotFound."""
    packet = number.to_bytes(2, "big") + b"\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"  # recursion desired, 1 question
    for label in _labels(host):
        packet += bytes((len(label),)) + label.encode()
    return packet + b"\x00\x00\x01\x00\x01"


def answer(number, host, packet, every=False):
    """(address, seconds it may be kept) out of `packet`; None when it does not answer our question at all.

    With `every` the addresses are all that it has, "a.b.c.d e.f.g.h", four at most.
    Raises NotFound: final when the server says that the name or its address does not exist, else another may know.
    """
    asked = query(number, host)
    if len(packet) < len(asked) or packet[:2] != asked[:2] or packet[2] & 0xF8 != 0x80:
        return None
    if packet[4:6] != b"\x00\x01" or bytes(packet[12 : len(asked)]).lower() != asked[12:].lower():
        return None
    code = packet[3] & 15
    if code == _NXDOMAIN:
        raise NotFound(host, "there is no such name", True)
    if code:
        raise NotFound(host, "the name server " + find(_CODES, code, "says error %d" % code))
    try:
        records = _records(packet, len(asked))
    except (IndexError, ValueError):
        raise NotFound(host, "the name server's answer is damaged")
    several, ttl_s = _follow(host, records, packet[2] & 2)
    return several if every else several.split(" ")[0], ttl_s


def local_answers(host, packet):
    """As `answer` with `every`, out of what a neighbour says by multicast DNS: it need not repeat our question (RFC 6762 §6)."""
    if len(packet) < 12 or packet[2] & 0xF8 != 0x80 or packet[3] & 15:
        return None
    try:
        at = 12
        for _ in range(unpack_from("!H", packet, 4)[0]):
            at = _name(packet, at)[1] + 4
        return _follow(host, _records(packet, at), 0)
    except (IndexError, ValueError, NotFound):
        return None  # it speaks of something else


async def resolve(host, servers, timeout_ms=2000, memory=None, now=0):
    """The address of `host` as "a.b.c.d"; an address comes back at once.

    Of several it is the first that has not failed (lib/dns_cache.py). Each of `servers`, a list of (a.b.c.d, port), is asked
    twice in turn, `timeout_ms` each; before them, for a name in ".local", the local network (RFC 6762 §3). With a `memory`, at
    the time `now`, a fresh address is not asked for, and a stale one serves when nobody answers. Raises NotFound.
    """
    if udp.is_ipv4(host):
        return host
    known = memory and memory.fresh(host, now)
    if known:
        return known
    why = "no name server is known"
    servers = list(servers)
    if _is_local(host):
        servers = [_MDNS] + servers
    for server in servers * _TRIES:
        try:
            several, ttl_s = await _asked(host, server, timeout_ms)
        except NotFound as fault:
            if fault.final:
                raise
            why = fault.why
        except udp.Silent:
            why = "nobody in the local network has that name" if server == _MDNS else "no name server answers"
        except (OSError, ValueError) as fault:
            why = "the name server cannot be asked (" + str(fault) + ")"
        else:
            if memory:
                memory.put(host, several, ttl_s, now)
            return dns_cache.first(several, again=True)
    known = memory and memory.stale(host)
    if known:
        return known
    raise NotFound(host, why)


async def _asked(host, server, timeout_ms):
    number = unpack_from("!H", urandom(2))[0]
    question = query(number, host)
    if server == _MDNS:
        question = question[:-2] + bytes((_UNICAST, _CLASS_IN))
        return await udp.ask(server, question, lambda packet: local_answers(host, packet), timeout_ms, True)
    return await udp.ask(server, question, lambda packet: answer(number, host, packet, True), timeout_ms)


def _is_local(host):
    return (host[:-1] if host.endswith(".") else host).lower().endswith(".local")


def _labels(host):
    """The labels of a host name of letters, digits, hyphens and underscores. Raises NotFound for any other text."""
    name = host[:-1] if host.endswith(".") else host
    labels = name.split(".")
    good = 0 < len(name) <= _MAX_NAME and not all("0" <= digit <= "9" for digit in labels[-1])
    for label in labels:
        good = good and 0 < len(label) <= _MAX_LABEL and all(_is_host_character(letter) for letter in label)
    if not good:
        raise NotFound(host, "not a host name", True)
    return labels


def _is_host_character(letter):
    return "a" <= letter <= "z" or "A" <= letter <= "Z" or "0" <= letter <= "9" or letter in "-_"


def _records(packet, at):
    """The answer section, which begins at `at`: a list of (name, type, address or target name, seconds).

    Raises IndexError or ValueError when lengths or pointers lead astray.
    """
    records = []
    for _ in range(min(unpack_from("!H", packet, 6)[0], _MAX_RECORDS)):
        name, at = _name(packet, at)
        if at + 10 > len(packet):
            raise IndexError
        kind, net, ttl_s, size = unpack_from("!HHIH", packet, at)
        at += 10
        if at + size > len(packet):
            raise IndexError
        net &= 0x7FFF  # the top bit tells caches of multicast DNS to forget what they have
        if net == _CLASS_IN and kind == _TYPE_A:
            if size != 4:
                raise ValueError
            records.append((name, kind, "%d.%d.%d.%d" % tuple(packet[at : at + 4]), ttl_s))
        elif net == _CLASS_IN and kind == _TYPE_CNAME:
            records.append((name, kind, _name(packet, at)[0], ttl_s))
        at += size
    return records


def _name(packet, at):
    """(the name at `at` in lower case as bytes, where the next field begins), RFC 1035 §4.1.4.

    A pointer must lead to before where it was met: so there are no loops. Raises IndexError or ValueError.
    """
    name = b""
    start, after = at, 0
    while packet[at]:
        size = packet[at]
        if size >= 0xC0:
            after = after or at + 2
            target = (size & 0x3F) << 8 | packet[at + 1]
            if target >= start:
                raise ValueError
            start = at = target
        elif size > _MAX_LABEL or at + size >= len(packet) or len(name) + size > _MAX_NAME:
            raise ValueError
        else:
            name += bytes(packet[at + 1 : at + 1 + size]).lower() + b"."
            at += 1 + size
    return name, after or at + 1


def _follow(host, records, truncated):
    """("a.b.c.d e.f.g.h", seconds) of `host` through its aliases. Raises NotFound."""
    name = (host if host.endswith(".") else host + ".").lower().encode()
    shortest_s = 0x7FFFFFFF
    for _ in range(_MAX_ALIASES):
        found = [record for record in records if record[0] == name and record[1] == _TYPE_A]
        if found:
            several = [record[2] for record in found if record[2] != "0.0.0.0"][:_MOST]
            if not several:
                raise NotFound(host, "the name server blocks it (0.0.0.0)", True)
            return " ".join(several), min(shortest_s, min([record[3] for record in found]))
        aliases = [record for record in records if record[0] == name]
        if not aliases:
            break
        name = aliases[-1][2]
        shortest_s = min(shortest_s, aliases[-1][3])
    if truncated:
        raise NotFound(host, "the name server's answer is cut short")
    raise NotFound(host, "the name has no IPv4 address", True)
