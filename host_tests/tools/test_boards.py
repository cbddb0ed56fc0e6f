"""firmware/boards against the table of OpenShock's builds (reference/openshock-firmware.md §j), row by row, and the bare chips."""

import pytest

from firmware.config import build
from tools.images import layout, targets

# name as OpenShock writes it: chip, transmitter, e-stop, plain lamp, pixel, red and green swapped, megabytes of flash
OPENSHOCK = {
    "Wemos-D1-Mini-ESP32": ("esp32", 15, None, 2, None, False, 4),
    "Wemos-Lolin-S2-Mini": ("esp32s2", None, None, 15, None, False, 4),
    "Wemos-Lolin-S3": ("esp32s3", None, None, None, 38, False, 16),
    "Wemos-Lolin-S3-Mini": ("esp32s3", None, None, None, 47, True, 4),
    "Waveshare_esp32_s3_zero": ("esp32s3", 1, None, None, 21, True, 4),
    "Pishock-2023": ("esp32", 12, None, 2, None, False, 4),
    "Pishock-Lite-2021": ("esp32", 15, None, 2, None, False, 4),
    "Seeed-Xiao-ESP32C3": ("esp32c3", None, None, None, None, False, 4),
    "Seeed-Xiao-ESP32S3": ("esp32s3", None, None, 21, None, False, 8),
    "DFRobot-Firebeetle2-ESP32E": ("esp32", 13, None, 2, 5, False, 4),
    "OpenShock-Core-V1": ("esp32s3", 15, 13, 35, 48, False, 8),
    "OpenShock-Core-V2": ("esp32s3", 1, 38, 13, 14, False, 8),
    "NodeMCU-32S": ("esp32", None, None, 2, None, False, 4),
}
BARE = {
    f"Generic-{chip}": (chip.lower(), None, None, None, None, False, 4)
    for chip in ("ESP32", "ESP32S2", "ESP32S3", "ESP32C3")
}
LAYOUTS = {4: "4MB", 8: "8MB", 16: "16MB"}


class Named:
    """Settings that name a board."""

    def __init__(self, name):
        self._name = name

    def get(self, key):
        return {"board": self._name}[key]


@pytest.mark.parametrize("name", [*OPENSHOCK, *BARE])
def test_a_board_of_that_name_has_these_pins(name):
    board = build.board(Named(name))
    assert board.__name__ == "firmware.boards." + name.lower().replace("-", "_")
    told = (
        board.CHIP,
        board.RF_PIN,
        board.ESTOP_PIN,
        board.LED_PIN,
        board.PIXEL_PIN,
        board.PIXEL_SWAPPED,
        board.FLASH_MB,
    )
    assert told == {**OPENSHOCK, **BARE}[name]
    boot = 9 if board.CHIP == "esp32c3" else 0
    assert boot == board.BOOT_PIN
    target = targets.named(name)
    assert target.chip == board.CHIP
    assert target.layout == LAYOUTS[board.FLASH_MB]
    assert layout.flash_size(target.layout) == board.FLASH_MB << 20


def test_there_is_no_other_board():
    assert {name.lower().replace("-", "_") for name in [*OPENSHOCK, *BARE]} == set(targets.every()) - {"simulated"}


def test_one_plain_lamp_is_lit_by_a_low_level():
    boards = [build.board(Named(name)) for name in OPENSHOCK]
    assert [board.__name__.rpartition(".")[2] for board in boards if board.LED_INVERTED] == ["seeed_xiao_esp32s3"]
