"""The certificates that TLS trusts, as files: one at a time in memory, and only while a connection is made."""

import os
import sys

_FOLDER = "certs"


class Roots:
    """Iterating gives each certificate (DER, bytes): those in the folder `certs` here, and in one beside the code."""

    def __iter__(self):
        for start in [""] + [start for start in sys.path if start and start[0] != "."]:
            folder = start + "/" + _FOLDER if start else _FOLDER
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            for name in names:
                if name.endswith(".der"):
                    with open(folder + "/" + name, "rb") as file:
                        yield file.read()
