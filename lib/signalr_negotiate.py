"""SignalR's negotiation, without I/O: what to ask before the WebSocket, and what the answer means. Only for hubs that want it.

POST `negotiate_url(url)` with an empty body and the headers of the WebSocket request; hand status and body to `negotiated`;
then GET `connect_url(url, token)`. Every connection negotiates anew: a server forgets a token after seconds. All of it
works on whole URLs and on paths alike.
Facts: reference/signalr.md §1.
"""

from micropython import const

from lib.http_response import refusal
from lib.strict_json import loads

MAX_REDIRECTS = const(5)  # for the caller to count; the official clients follow a hundred

_HEX = "0123456789ABCDEF"
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"


class Failed(Exception):
    """The negotiation ended without a connection; the text has the reason, and never a token. `.status` is the HTTP status."""

    def __init__(self, reason, status):
        super().__init__(reason)
        self.status = status


def negotiate_url(url):
    """Return where to POST: `/negotiate` behind the hub's path, its query kept, version 1 asked for unless it names one."""
    url, _, query = url.partition("?")
    if url.endswith("/"):
        url = url[:-1]
    if "&negotiateVersion=" not in "&" + query:
        query = query + "&negotiateVersion=1" if query else "negotiateVersion=1"
    return url + "/negotiate?" + query


def connect_url(url, token):
    """Return where to ask for WebSocket: the hub's path and query, with the connection's `token` as `id`."""
    return url + ("&" if "?" in url else "?") + "id=" + quoted(token)


def quoted(text):
    """Return `text` fit for a query: percent-encoded UTF-8 (RFC 3986 §2.1). For access tokens as well."""
    parts = [chr(byte) if byte in _PLAIN else "%" + _HEX[byte >> 4] + _HEX[byte & 15] for byte in text.encode()]
    return "".join(parts)


def negotiated(status, body):
    """Return (token, None, None): connect with it; or (None, url, access_token or None): negotiate again at that http(s) `url`.

    The access token then replaces one's own until the next connection, which begins at the first address again. The caller
    decides whether the new address may be less safe than the old one (it may not). Raise Failed in all other cases.
    """
    if status != 200:
        raise Failed(refusal(status), status)
    try:
        answer = loads(body)
    except ValueError as fault:
        raise Failed("the negotiation answer is bad: %s" % fault, status)
    if type(answer) is not dict:
        raise Failed("the negotiation answer is no object", status)
    if answer.get("error") is not None:
        raise Failed("the server refused the negotiation: " + str(answer["error"])[:200], status)
    if "ProtocolVersion" in answer:
        raise Failed("an ASP.NET SignalR server: too old, ASP.NET Core is needed", status)
    if answer.get("url") is not None:
        return _redirect(answer, status)
    _need_websockets(answer.get("availableTransports"), status)
    return _token(answer, status), None, None


def _redirect(answer, status):
    url, access_token = answer["url"], answer.get("accessToken")
    if type(url) is not str or not url.startswith(("https://", "http://")):
        raise Failed("the server redirects to something that is no web address", status)
    if access_token is not None and type(access_token) is not str:
        raise Failed("the server redirects with an access token that is no text", status)
    return None, url, access_token


def _need_websockets(transports, status):
    for transport in transports if type(transports) is list else ():
        if type(transport) is dict and transport.get("transport") == "WebSockets":
            formats = transport.get("transferFormats")
            if type(formats) is list and "Text" in formats:
                return
    raise Failed("the hub offers no WebSockets with text", status)


def _token(answer, status):
    """Return what names the connection: `connectionToken` since version 1, the `connectionId` before."""
    version = answer.get("negotiateVersion", 0)
    if type(version) is not int:
        raise Failed("the negotiation answer has a version that is no number", status)
    key = "connectionToken" if version > 0 else "connectionId"
    token = answer.get(key)
    if type(token) is not str or not token:
        raise Failed("the negotiation answer has no " + key, status)
    return token
