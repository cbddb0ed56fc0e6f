"""Wemos D1 Mini ESP32. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32"
FLASH_MB = 4
RF_PIN = 15
ESTOP_PIN = None
LED_PIN = 2
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
