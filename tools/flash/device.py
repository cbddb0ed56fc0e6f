"""A board in its boot loader, by esptool: what it is, and reading, erasing, writing and verifying its flash.

Espressif's flasher stub runs on the chip meanwhile; without it (`no_stub`) the ROM does the same, slower.
"""

from collections import namedtuple

import esptool
from esptool.util import FatalError, flash_size_bytes

from tools import Failure
from tools.flash.bar import Quiet
from tools.images import runtime

# chip: "esp32s3" · name: as its maker writes it · mac: "aa:bb:…" · flash_bytes: None where the flash does not report it
# · revision: of the chip, 100 for v1.0
Facts = namedtuple("Facts", ("chip", "name", "mac", "flash_bytes", "revision"))

_ROM_BAUD = 115200
FAULTS = (FatalError, OSError, EOFError)  # pyserial's exceptions are OSErrors


class Lost(Exception):
    """The board does not answer any more, or not as it should; the message is the reason."""


class Device:
    """The board at `port`, as a context manager. Lost when it does not answer, here and in every method."""

    def __init__(self, port, baud, no_stub=False, bar=None):
        self._port, self._baud, self._no_stub = port, baud, no_stub
        self._quiet = Quiet(bar)
        self._esp = None
        self.written = False  # whether anything was: then only a whole writing leads back

    def __enter__(self):
        self._quiet.listen()
        try:
            self._esp = esptool.detect_chip(self._port, _ROM_BAUD)
            self.facts = self._look()
            self._prepare()
        except FAULTS as fault:
            self.close()
            raise Lost(_words(fault))
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind, fault, trace):
        if not self.written:
            self.restart()  # it goes on as before
        self.close()

    def close(self):
        """Close the port."""
        if self._esp is not None:
            self._esp._port.close()
            self._esp = None

    def _look(self):
        """Return the Facts. Raise Failure for a chip that no firmware here is for, and for one that is locked."""
        esp = self._esp
        chip = esp.CHIP_NAME.lower().replace("-", "")
        if chip not in runtime.CHIPS.values():
            raise Failure(f"there is an {esp.CHIP_NAME} at {self._port}; the firmware runs on ESP32, S2, S3 and C3")
        if esp.secure_download_mode or esp.get_flash_encryption_enabled() or esp.get_secure_boot_enabled():
            raise Failure("this chip is locked (secure boot or encrypted flash): it takes only what its owner signed")
        mac = ":".join(f"{byte:02x}" for byte in esp.read_mac())
        return Facts(chip, esp.get_chip_description(), mac, None, esp.get_chip_revision())

    def _prepare(self):
        """Make the flash answer."""
        if not self._no_stub:
            self._esp = esptool.run_stub(self._esp)
        if self._baud > _ROM_BAUD:
            self._esp.change_baud(self._baud)
        esptool.attach_flash(self._esp)
        # no second attempt: after a broken cable the user has to be told what is on the board
        self._esp.WRITE_FLASH_ATTEMPTS = 1
        size = esptool.detect_flash_size(self._esp)
        self.facts = self.facts._replace(flash_bytes=flash_size_bytes(size) if size else None)

    def read(self, offset, size, what=""):
        """Return `size` bytes of the flash; show a bar where `what` names them."""
        self._quiet.name = what
        return self._asked(esptool.read_flash, self._esp, offset, size, no_progress=not what)

    def erase(self, offset, size):
        """Erase a part of the flash."""
        self.written = True
        self._asked(esptool.erase_region, self._esp, offset, size)

    def erase_all(self):
        """Erase the whole flash."""
        self.written = True
        if self._no_stub:
            self._asked(esptool.erase_region, self._esp, 0, self.facts.flash_bytes)
        else:
            self._asked(esptool.erase_flash, self._esp)

    def write(self, offset, data, what):
        """Write the data; esptool compares what is on the flash then."""
        self.written = True
        self._quiet.name = what
        self._asked(esptool.write_flash, self._esp, [(offset, data)], flash_size="keep")

    def md5(self, offset, size):
        """Return the MD5 of a part of the flash as the chip reads it back, in hexadecimal."""
        return self._asked(self._esp.flash_md5sum, offset, size)

    def restart(self):
        """Reset the board, if the cable can do that. Raise nothing: it may be gone."""
        try:
            esptool.reset_chip(self._esp, "hard-reset")
        except FAULTS:
            pass

    def _asked(self, function, *arguments, **options):
        try:
            return function(*arguments, **options)
        except FAULTS as fault:
            self._quiet.broken()
            raise Lost(_words(fault))


def _words(fault):
    """Return the first sentence of the message of esptool or pyserial."""
    lines = [line.strip() for line in str(fault).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(fault).__name__
