"""Cookies of a client that goes back to a server a few times, as a balancer in front of it wants. No I/O. RFC 6265."""

from micropython import const

_MOST = const(8)


def returned(headers):
    """Return what goes back as Cookie to the server that gave these headers (of http_response.Answer); "" for nothing.

    For requests to that very host, at once: neither paths nor times count, but that a cookie is taken back (Max-Age) does. RFC
    6265 §5.2, §5.4.
    """
    kept = []
    for line in headers.get("set-cookie", "").split("\n"):
        pair, _, attributes = line.partition(";")
        name, mark, _ = pair.partition("=")
        is_over = "max-age=0" in attributes.lower() or "max-age=-" in attributes.lower()
        if mark and name.strip() and not is_over and len(kept) < _MOST:
            kept.append(pair.strip())
    return "; ".join(kept)
