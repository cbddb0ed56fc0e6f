"""OpenShock Core, first version. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 8
RF_PIN = 15
ESTOP_PIN = 13
LED_PIN = 35
LED_INVERTED = False
PIXEL_PIN = 48
BOOT_PIN = 0
PIXEL_SWAPPED = False
