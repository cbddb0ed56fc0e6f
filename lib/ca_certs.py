"""The certificates that TLS trusts: those of the image, and DER files of the owner's; one file in memory at a time."""

import os

_FOLDER = "certs"


class Roots:
    """Iterating gives each certificate (DER, bytes): `built_in` ones first, then the files `certs/*.der`."""

    def __init__(self, built_in=()):
        self._built_in = built_in

    def __iter__(self):
        yield from self._built_in
        try:
            names = sorted(os.listdir(_FOLDER))
        except OSError:
            return
        for name in names:
            if name.endswith(".der"):
                with open(_FOLDER + "/" + name, "rb") as file:
                    yield file.read()
