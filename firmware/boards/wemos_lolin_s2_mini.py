"""Wemos Lolin S2 Mini. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s2"
FLASH_MB = 4
RF_PIN = None
ESTOP_PIN = None
LED_PIN = 15
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
