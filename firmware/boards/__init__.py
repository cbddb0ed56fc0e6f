"""The boards that the firmware knows: one module each, and its row here, as frozen packages cannot be listed.

A new board is a module of this folder and a row of BOARDS (docs/adding-a-board.md).
"""

# (module, chip), sorted; the chip as in the module
BOARDS = (
    ("dfrobot_firebeetle2_esp32e", "esp32"),
    ("generic_esp32", "esp32"),
    ("generic_esp32c3", "esp32c3"),
    ("generic_esp32s2", "esp32s2"),
    ("generic_esp32s3", "esp32s3"),
    ("nodemcu_32s", "esp32"),
    ("openshock_core_v1", "esp32s3"),
    ("openshock_core_v2", "esp32s3"),
    ("pishock_2023", "esp32"),
    ("pishock_lite_2021", "esp32"),
    ("seeed_xiao_esp32c3", "esp32c3"),
    ("seeed_xiao_esp32s3", "esp32s3"),
    ("simulated", ""),
    ("waveshare_esp32_s3_zero", "esp32s3"),
    ("wemos_d1_mini_esp32", "esp32"),
    ("wemos_lolin_s2_mini", "esp32s2"),
    ("wemos_lolin_s3", "esp32s3"),
    ("wemos_lolin_s3_mini", "esp32s3"),
)
NAMES = tuple([name for name, _ in BOARDS])


def of_chip(chip):
    """Return the names of the boards with that chip ("esp32", "esp32s3" …), sorted."""
    return [name for name, of in BOARDS if of == chip]
