"""A bare ESP32 module or development board: the person says where the transmitter is."""

CHIP = "esp32"
FLASH_MB = 4
RF_PIN = None
ESTOP_PIN = None
LED_PIN = None
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
