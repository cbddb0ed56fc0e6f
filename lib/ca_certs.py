"""The certificates that TLS trusts: those of the image, and files of the owner's; one certificate in memory at a time."""

import binascii
import os

from micropython import const

from lib.log import WARNING

FOLDER = "certs"
_ENDINGS = (".der", ".pem", ".crt", ".cer")
_LARGEST = const(4096)  # bytes of one certificate
_LINE = const(256)  # of PEM: 64 (RFC 7468 §2)
_SEQUENCE = const(0x30)


class Roots:
    """Iterating gives each certificate (DER, bytes): `built_in` ones first, then those in the files in `certs`, DER or PEM.

    A file that is none or cannot be read is left out, and `log` hears of it once: the others still prove servers.
    """

    def __init__(self, built_in=(), log=None):
        self._built_in = built_in
        self._log = log
        self._told = ()
        self._at = ""  # where the certificate is from that was given last

    def __iter__(self):
        self._at = ""
        yield from self._built_in
        for name in file_names():
            self._at = name
            try:
                with open(FOLDER + "/" + name, "rb") as file:
                    yield from certificates(file)
            except (OSError, ValueError) as fault:
                self.leave_out(str(fault))

    def leave_out(self, why):
        """Return True when the certificate that was given last may be left out, as lib/tls.py could not read it: it is a file's."""
        words = "%s/%s is left out (%s)" % (FOLDER, self._at, why)
        if self._at and self._log and words not in self._told:
            self._told += (words,)
            self._log.line(WARNING, "tls", words)
        return bool(self._at)


def file_names():
    """Return the names of the files in `certs` that may hold certificates, in their order."""
    try:
        return sorted([name for name in os.listdir(FOLDER) if name[-4:].lower() in _ENDINGS])
    except OSError:
        return []


def certificates(file):
    """Yield each certificate (DER, bytes) in a file that is open for bytes. Raise ValueError for what holds none."""
    size = file.seek(0, 2)
    file.seek(0)
    first = file.read(1)
    file.seek(0)
    if first == bytes((_SEQUENCE,)):
        if size > _LARGEST:
            raise ValueError("too large")
        yield file.read(size)  # its own size: more than 4 KB in one piece there may not be
        return
    der, found = None, False
    while line := file.readline(_LINE):
        if b"-----BEGIN CERTIFICATE-----" in line:
            der = bytearray()
        elif der is not None and b"-----END" in line:
            if der[:1] != bytes((_SEQUENCE,)):
                raise ValueError("no certificate between BEGIN and END")
            yield bytes(der)
            der, found = None, True
        elif der is not None:
            der += binascii.a2b_base64(line.strip())
            if len(der) > _LARGEST:
                raise ValueError("too large")
    if not found:
        raise ValueError("neither DER nor PEM")
