"""DFRobot Firebeetle 2 ESP32-E. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32"
FLASH_MB = 4
RF_PIN = 13
ESTOP_PIN = None
LED_PIN = 2
LED_INVERTED = False
PIXEL_PIN = 5
BOOT_PIN = 0
PIXEL_SWAPPED = False
