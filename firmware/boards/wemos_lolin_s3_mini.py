"""Wemos Lolin S3 Mini: its pixel has red and green swapped. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 4
RF_PIN = None
ESTOP_PIN = None
LED_PIN = None
LED_INVERTED = False
PIXEL_PIN = 47
BOOT_PIN = 0
PIXEL_SWAPPED = True  # its pixel takes green for red
