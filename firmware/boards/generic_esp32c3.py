"""A bare ESP32-C3 module or development board: the person says where the transmitter is."""

CHIP = "esp32c3"
FLASH_MB = 4
RF_PIN = None
ESTOP_PIN = None
LED_PIN = None
LED_INVERTED = False
PIXEL_PIN = None
BOOT_PIN = 9
PIXEL_SWAPPED = False
