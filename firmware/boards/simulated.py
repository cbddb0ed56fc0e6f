"""The board of `tools/sim`: no chip that is known, so the portable player drives its pins."""

CHIP = ""
FLASH_MB = 4
RF_PIN = 4
ESTOP_PIN = 13
LED_PIN = 2
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
