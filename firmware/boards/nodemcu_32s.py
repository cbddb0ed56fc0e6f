"""NodeMCU-32S. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32"
FLASH_MB = 4
RF_PIN = None
ESTOP_PIN = None
LED_PIN = 2
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
