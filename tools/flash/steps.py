"""Writing a board: erase, write, read back, start; and what a person reads when the board is lost in the middle."""

import hashlib
from pathlib import Path

from tools import Failure
from tools.flash import waiting
from tools.flash.device import Lost
from tools.images import layout


class Work:
    """Everything is known, nothing is written yet.

    `old_vfs`: (offset, bytes) of the file system that is on the board now, None where it has none. `kept_path`: the file with
    what was kept of the board, or None.
    """

    def __init__(self, device, plan, pieces, old_vfs=None, kept_path=None, erase=False):
        self._device = device
        self._plan = plan
        self._pieces = pieces
        self._old_vfs = old_vfs
        self._kept_path = kept_path
        self._erase = erase
        self._done = []

    def run(self):
        """Write every piece, read it back, start the board. Raise Failure in words when the board was lost meanwhile."""
        now = "erasing"
        try:
            self._blank()
            for piece in self._pieces:
                now = piece.name
                self._device.write(piece.offset, piece.data, piece.name)
                self._done.append(piece.name)
            now = "reading back"
            self._verify()
        except Lost as fault:
            raise Failure(self._broken(now, fault))
        except KeyboardInterrupt:
            raise Failure(self._broken(now, "stopped by Ctrl-C"))
        self._device.restart()
        if self._kept_path is not None:
            Path(self._kept_path).unlink(missing_ok=True)

    def _blank(self):
        """Erase where the settings will be, and where another flash map had them: they hold keys."""
        vfs = layout.row(self._plan.rows, "vfs")
        print("  erasing …", flush=True)
        if self._erase:
            self._device.erase_all()
            return
        self._device.erase(vfs.offset, vfs.size)
        if self._old_vfs is not None and self._old_vfs != (vfs.offset, vfs.size):
            self._device.erase(*self._old_vfs)

    def _verify(self):
        """Raise Lost when the chip reads anything else than what was written, after all of it was."""
        for piece in self._pieces:
            data = piece.data + -len(piece.data) % 4 * b"\xff"
            if self._device.md5(piece.offset, len(data)) != hashlib.md5(data, usedforsecurity=False).hexdigest():
                raise Lost(f"{piece.name}: the flash reads back something else")
        total = sum(len(piece.data) for piece in self._pieces)
        print(f"  read back: {len(self._pieces)} pieces, {total // 1024} KB, as they were written")

    def _broken(self, now, fault):
        """Return what the person reads: the fault, what is on the board, what to do."""
        missing = [piece.name for piece in self._pieces if piece.name not in self._done]
        lines = [f"{fault}; it stopped at: {now}"]
        lines.append(
            f"On the board: {', '.join(self._done) or 'nothing new'}. Missing: {', '.join(missing) or 'nothing'}."
        )
        lines.append("It does not start like this, and takes no harm: the chip's own loader cannot be overwritten.")
        again = "the same command again"
        if self._kept_path is not None:
            again += f", with --kept {self._kept_path} instead of --keep-settings (your settings are in that file)"
        lines.append(
            f"Next: plug it in, hold BOOT, press RESET, let BOOT go; then {again}. With a bad cable: --baud 115200."
        )
        return "\n".join(lines)


def greet(port, limit_s):
    """Return 0 once the board has sent how to reach it, or when it is not asked. Raise Failure when it stays silent."""
    if limit_s <= 0:
        print("Written. Press RESET if it does not start by itself.")
        return 0
    print("Written. Waiting for its first words …", flush=True)
    lines, tail = waiting.invited(port, limit_s)
    if lines:
        print("\n".join(line for line in lines if not line.startswith("$")))
        return 0
    heard = "".join(f"\n  | {line}" for line in tail) or "\n  (nothing)"
    raise Failure(
        f"everything is written and read back, but the board named no network within {limit_s:.0f} s. It said:{heard}\n"
        "Next: press RESET and look at `python3 -m tools console`; the same command again changes nothing else."
    )
