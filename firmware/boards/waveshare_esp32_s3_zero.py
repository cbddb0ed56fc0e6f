"""Waveshare ESP32-S3 Zero: its pixel has red and green swapped. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 4
RF_PIN = 1
ESTOP_PIN = None
LED_PIN = None
LED_INVERTED = False
PIXEL_PIN = 21
BOOT_PIN = 0
PIXEL_SWAPPED = True  # its pixel takes green for red
