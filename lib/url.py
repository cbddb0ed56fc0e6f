"""URLs of http, https, ws and wss, taken apart strictly; no I/O. RFC 3986."""

from lib.tables import find

_PORTS = (("http", 80), ("ws", 80), ("https", 443), ("wss", 443))
_SECURE = ("https", "wss")
_HOST = "abcdefghijklmnopqrstuvwxyz0123456789-._"
_ADDRESS = "0123456789abcdef:."
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"  # RFC 3986 §2.3


def only(text, alphabet):
    """Return whether each character of `text` is in `alphabet`."""
    return all(character in alphabet for character in text)


def quoted(text):
    """Return `text` as a part of a query: what is not plain as %XX, byte by byte of its UTF-8. RFC 3986 §2.1."""
    return "".join([chr(byte) if chr(byte) in _PLAIN else "%%%02X" % byte for byte in text.encode()])


def parse_url(url):
    """Return (scheme, host, port, path) of an absolute http, https, ws or wss URL. Raise ValueError for anything else.

    Scheme and host come in lower case, IPv6 without brackets; the path begins with "/" and carries the query. The
    fragment is dropped. User names are refused: a password does not belong in a URL.
    """
    if not all(33 <= byte < 127 for byte in url.encode()):
        raise ValueError("a URL has no blanks, control characters or letters beyond ASCII")
    scheme, mark, rest = url.partition("://")
    scheme = scheme.lower()
    port = find(_PORTS, scheme)
    if not mark or port is None:
        raise ValueError("a URL begins with http://, https://, ws:// or wss://")
    rest = rest.partition("#")[0]
    where = rest.partition("/")[0].partition("?")[0]
    host, port = _host_port(where.lower(), port)
    path = rest[len(where) :]
    return scheme, host, port, path if path[:1] == "/" else "/" + path


def _host_port(where, port):
    if where[:1] == "[":
        host, bracket, rest = where[1:].partition("]")
        good = bracket and ":" in host and only(host, _ADDRESS) and rest[:1] in ("", ":")
        digits = rest[1:]
    else:
        host, _, digits = where.partition(":")
        good = host and len(host) < 254 and only(host, _HOST)
    if not good:
        raise ValueError("a URL needs a plain host name or address")
    if digits:
        if len(digits) > 5 or not only(digits, "0123456789") or not 0 < int(digits) < 65536:
            raise ValueError("a port is a number from 1 to 65535")
        port = int(digits)
    return host, port


def authority(host, port, secure):
    """Return `host` or `host:port`, as the Host header wants it. Raise ValueError for what is no host name or address."""
    name = "[" + host + "]" if ":" in host else host
    _host_port(name.lower(), port)
    return name if port == (443 if secure else 80) else "%s:%d" % (name, port)


def follow(url, location):
    """Return the absolute URL of a redirect from `url` to its header `location`. RFC 3986 §5.

    Raise ValueError for rubbish, and for a redirect that would leave TLS.
    """
    scheme, host, port, path = parse_url(url)
    location = location.partition("#")[0]
    before, mark, _ = location.partition("://")
    if mark and only(before.lower(), "abcdefghijklmnopqrstuvwxyz"):
        target = location
    elif location[:2] == "//":
        target = scheme + ":" + location
    elif location:
        base = path.partition("?")[0]
        if location[0] == "?":
            location = base + location
        elif location[0] != "/":
            location = base[: base.rfind("/") + 1] + location
        target = "%s://%s%s" % (scheme, authority(host, port, scheme in _SECURE), _without_dots(location))
    else:
        raise ValueError("a redirect to nowhere")
    if parse_url(target)[0] not in _SECURE and scheme in _SECURE:
        raise ValueError("a redirect that leaves TLS")
    return target


def may_know(url, target):
    """Return whether the server at `target` may learn what was said to the one at `url`: it is the same, or its host by TLS.

    Whoever gives an address with http:// of a server that wants https:// has shown the secret to its host already; never back.
    """
    scheme, host, port, _ = parse_url(url)
    other_scheme, other_host, other_port, _ = parse_url(target)
    upgraded = host == other_host and scheme not in _SECURE and other_scheme in _SECURE
    return upgraded or (scheme, host, port) == (other_scheme, other_host, other_port)


def _without_dots(path):
    """Return `path` without its "." and ".." steps (RFC 3986 §5.2.4); the query stays as it is."""
    path, mark, query = path.partition("?")
    steps = path.split("/")[1:]
    kept = []
    for step in steps:
        if step == "..":
            if kept:
                kept.pop()
        elif step != ".":
            kept.append(step)
    if steps[-1] in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept) + mark + query
