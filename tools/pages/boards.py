"""The tables of boards and of pins in docs/wiring.md, from firmware/boards and firmware/hardware/gpio_rules.py."""

from tools.common.firmware_modules import load_module
from tools.pages import table

_SIMULATED = "simulated"
# how people write the chips, in reading order
CHIPS = {"esp32": "ESP32", "esp32s2": "ESP32-S2", "esp32s3": "ESP32-S3", "esp32c3": "ESP32-C3"}


def _boards():
    plugins = load_module("lib.plugins")
    for name in sorted(plugins.names("firmware.boards")):
        if name != _SIMULATED:
            yield name.replace("_", "-"), plugins.load("firmware.boards", name)


def table_of_boards():
    """Return the table of every board with what its file gives of its pins."""
    rows = []
    for name, board in _boards():
        lamp = _pin(board.LED_PIN, " (low is on)" if board.LED_INVERTED else "")
        pixel = _pin(board.PIXEL_PIN, " (red and green swapped)" if board.PIXEL_SWAPPED else "")
        facts = (CHIPS[board.CHIP], f"{board.FLASH_MB} MB", _pin(board.RF_PIN, none="choose"))
        rows.append((f"`{name}`", *facts, _pin(board.ESTOP_PIN, none="choose"), lamp, pixel, _pin(board.BOOT_PIN)))
    head = ("board", "chip", "flash", "transmitter", "e-stop", "lamp", "coloured pixel", "BOOT button")
    return table(head, rows)


def _pin(number, more="", none="–"):
    return none if number is None else f"{number}{more}"


def table_of_pins():
    """Return the table of every chip with the pins that may be chosen on a bare board."""
    chips, plugins = load_module("firmware.hardware.gpio_rules"), load_module("lib.plugins")
    rows = []
    for chip, title in CHIPS.items():
        board = plugins.load("firmware.boards", "generic_" + chip)
        pins = chips.transmitter_pins(board)
        careful = [pin for pin in pins if chips.warning(board, pin)]
        free = [pin for pin in pins if pin not in careful]
        rows.append((title, _list(free), _list(careful), _list(chips.estop_pins(board))))
    return table(("chip", "transmitter", "transmitter, with care", "e-stop"), rows)


def _list(pins):
    """Return pins as a person writes them: 1, 2, 4–7."""
    runs = []
    for pin in pins:
        if runs and pin == runs[-1][1] + 1:
            runs[-1][1] = pin
        else:
            runs.append([pin, pin])
    parts = [str(a) if a == b else f"{a}, {b}" if b == a + 1 else f"{a}–{b}" for a, b in runs]
    return ", ".join(parts) or "–"
