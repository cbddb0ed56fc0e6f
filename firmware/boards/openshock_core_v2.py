"""OpenShock Core, second version. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
FLASH_MB = 8
RF_PIN = 1
ESTOP_PIN = 38
LED_PIN = 13
LED_INVERTED = False
PIXEL_PIN = 14
BOOT_PIN = 0
PIXEL_SWAPPED = False
