"""The owner's certificate authorities, for servers of their own: files in `certs`, added and taken out by page or console.

In memory only while somebody does. lib/ca_certs.py reads them at each connection: nothing starts anew.
"""

import binascii
import hashlib
import os

from micropython import const

from lib import ca_certs, tls
from lib.idle import TIMES

_MOST = const(4)
_LARGEST = const(3000)  # bytes of DER: what a line of the console, or a call of the page, can carry
_BEGIN = "-----BEGIN CERTIFICATE-----"


class Refused(Exception):
    """That is no certificate that can be kept; the text says why."""


def add(text):
    """Return the name of the file that keeps the certificate in `text`: PEM, also in one line, or the base64 of DER.

    Raise Refused, or OSError when the file system refuses.
    """
    der = _der(text)
    name = binascii.hexlify(hashlib.sha256(der).digest()[:4]).decode() + ".der"
    kept = ca_certs.file_names()
    if name in kept:
        return name
    if len(kept) >= _MOST:
        raise Refused("there are %d certificates already: take one out first" % _MOST)
    TIMES.stop_first()
    try:
        os.mkdir(ca_certs.FOLDER)
    except OSError:
        pass  # it is there
    path = ca_certs.FOLDER + "/" + name
    with open(path + ".new", "wb") as file:
        file.write(der)
    os.rename(path + ".new", path)
    return name


def _der(text):
    text = text.strip()
    if text.startswith(_BEGIN):
        text = text[len(_BEGIN) :].partition("-----END")[0]
        if _BEGIN in text:
            raise Refused("one certificate at a time")
    try:
        der = binascii.a2b_base64("".join(text.split()))
    except ValueError:
        der = b""
    if len(der) > _LARGEST:
        raise Refused("a certificate has at most %d bytes" % _LARGEST)
    try:
        tls.context([der])
    except ValueError:
        raise Refused("not a certificate: PEM (-----BEGIN CERTIFICATE-----), or the base64 of DER, is wanted")
    return der


def remove(name):
    """Take out the file of that name. Raise Refused where there is none, OSError when the file system refuses."""
    if name not in ca_certs.file_names():
        raise Refused("there is no such certificate")
    TIMES.stop_first()
    os.remove(ca_certs.FOLDER + "/" + name)


def remove_all():
    """Take out all of them. Raise OSError when the file system refuses."""
    for name in ca_certs.file_names():
        remove(name)
