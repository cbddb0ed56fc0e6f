"""What a person has set to join a share link of OpenShock, as an id, a query and a header. In memory at the start alone. No I/O.

Facts: reference/openshock-api.md §a.5.
"""

from micropython import const

from lib.url import quoted

_NAME = const(32)  # characters of a guest's name, as the server counts them
_GUID = "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh"
_HEXADECIMAL = "0123456789abcdef"
_COOKIE = "openshocksession="


def read(settings):
    """(what is missing, in words, or "", the link's id, the query with the name or "", the headers of a session)."""
    name, session = settings["name"].strip(), settings["session"].strip()
    if session.lower().startswith(_COOKIE):
        session = session[len(_COOKIE) :].partition(";")[0]
    link = guid_in(settings["link"])
    headers = [("OpenShockSession", session)] if session else []
    return _missing(settings["link"], link, name, session), link, "?name=" + quoted(name) if name else "", headers


def _missing(text, link, name, session):
    if not link:
        return "there is no id in the share link that was set" if text else "no share link yet"
    if not name and not session:
        return "a guest of a share link needs a name"
    # the server counts in UTF-16, where what is above U+FFFF counts twice
    if len(name) + len([letter for letter in name if letter > "\uffff"]) > _NAME:
        return "a guest's name has at most %d characters; an emoji counts as two" % _NAME
    return ""


def guid_in(text):
    """The first id (36 characters, in lower case) within `text`; "" when there is none."""
    text = "-" + text.lower() + " "
    for at in range(1, len(text) - len(_GUID)):
        if text[at - 1] not in _HEXADECIMAL and text[at + len(_GUID)] not in _HEXADECIMAL + "-":
            guid = text[at : at + len(_GUID)]
            if "".join(["h" if letter in _HEXADECIMAL else letter for letter in guid]) == _GUID:
                return guid
    return ""
