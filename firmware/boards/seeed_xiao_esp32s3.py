"""Seeed Xiao ESP32S3: its lamp is lit by a low level. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 8
RF_PIN = None
ESTOP_PIN = None
LED_PIN = 21
LED_INVERTED = True  # the lamp lies between the pin and 3.3 V: low is on
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
