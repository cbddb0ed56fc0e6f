"""What somebody types at `python3 -m tools sim`: a press of a button, or a line for the device's console."""

import asyncio
import os
import re
import sys
import threading

HINT = "What you type here goes to the device's console; `press 14` presses the button on a pin, `press 14 1500` for so many ms."
_PRESS = re.compile(r"press\s+(\d{1,2})(?:\s+(\d{1,5}))?(\s+high)?", re.I)
_SHORT_MS = 200
_PINS = range(63)


class Hand:
    """The hand at a simulated `device`; `say(text)` tells the person what was not understood."""

    def __init__(self, device, say):
        self._device = device
        self._say = say

    async def types(self, line):
        """None once the line was carried out. A button that closes to 3.3 V is pressed by `press PIN MS high`."""
        words = line.strip()
        if not words.lower().startswith("press"):
            if words:
                self._device.type(words)
            return
        match = _PRESS.fullmatch(words)
        if not match or int(match[1]) not in _PINS:
            self._say("press PIN [MS] [high], such as: press 14 500")
            return
        pin, pressed = int(match[1]), 1 if match[3] else 0
        self._device.set_input(pin, pressed)
        try:
            await asyncio.sleep(int(match[2] or _SHORT_MS) / 1000)
        finally:
            self._device.set_input(pin, 1 - pressed)

    async def run(self):
        """None at the end of what is typed: one line after the other."""
        lines = asyncio.Queue()
        _listen(asyncio.get_running_loop(), lines)
        while (line := await lines.get()) is not None:
            await self.types(line)


def is_there():
    """Whether somebody can type here: there is an input, and this is no job in the background (reading would stop it)."""
    try:
        number = sys.stdin.fileno()
        return not os.isatty(number) or not hasattr(os, "tcgetpgrp") or os.tcgetpgrp(number) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return False


def _listen(loop, lines):
    """None; each line goes to the queue, None behind the last. A thread, as no other way works on all three systems."""

    def read():
        try:
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            loop.call_soon_threadsafe(lines.put_nowait, None)
        except (OSError, ValueError, RuntimeError):
            pass  # the input, or the loop, is gone

    threading.Thread(target=read, daemon=True).start()
