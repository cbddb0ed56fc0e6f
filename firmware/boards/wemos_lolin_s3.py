"""Wemos Lolin S3. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 16
RF_PIN = None
ESTOP_PIN = None
LED_PIN = None
LED_INVERTED = False
PIXEL_PIN = 38
BOOT_PIN = 0
PIXEL_SWAPPED = False
