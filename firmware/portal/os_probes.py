"""What operating systems ask for to learn whether they are online, and what they want to hear then. Plain data; no I/O.

While somebody sets the device up, each of these questions leads to the page instead. One row a question; the facts and their
sources are in reference/onboarding-ota-safety.md §A1.
"""

from micropython import const

from lib.tables import find

_HTML = const("text/html")
_TEXT = const("text/plain")
_APPLE = const((200, _HTML, "<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>", ""))
_NO_CONTENT = const((204, "", "", ""))
_NETWORK_MANAGER = const((200, _TEXT, "NetworkManager is online\n", "X-NetworkManager-Status: online\r\n"))
_FIREFOX = const('<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>')

# path: (status, type, body, further header line). The host says nothing: makers of phones use the same paths on their own.
_BY_PATH = (
    ("/hotspot-detect.html", _APPLE),
    ("/library/test/success.html", _APPLE),
    ("/generate_204", _NO_CONTENT),
    ("/gen_204", _NO_CONTENT),
    ("/connecttest.txt", (200, _TEXT, "Microsoft Connect Test", "")),
    ("/ncsi.txt", (200, _TEXT, "Microsoft NCSI", "")),
    ("/canonical.html", (200, _HTML, _FIREFOX, "")),
    ("/success.txt", (200, _TEXT, "success\n", "")),
    ("/check_network_status.txt", _NETWORK_MANAGER),
    ("/nm", _NETWORK_MANAGER),
    ("/nm-check.txt", _NETWORK_MANAGER),
    ("/static/hotspot.txt", (200, _TEXT, "OK", "")),
    ("/kindle-wifi/wifistub.html", (200, _HTML, "<html><!--81ce4465-7167-4dcb-835b-dcc9e44c112a--></html>", "")),
)

# those that ask for "/"
_BY_HOST = (
    ("connectivity-check.ubuntu.com", (204, "", "", "X-NetworkManager-Status: online\r\n")),
    ("networkcheck.kde.org", (200, _TEXT, "OK\n", "")),
    (
        "conntest.nintendowifi.net",
        (200, _HTML, "<html><body>This is test.html page</body></html>", "X-Organization: Nintendo\r\n"),
    ),
)


def success(host, path):
    """(status, type, body, header lines) that mean "you are online" to whoever asks `host` for `path`; None: nobody's question."""
    return find(_BY_PATH, path) or (find(_BY_HOST, host) if path == "/" else None)
