"""Seeed Xiao ESP32S3. Pins: reference/openshock-firmware.md §j."""

CHIP = "esp32s3"
RF_PIN = None
ESTOP_PIN = None
LED_PIN = 21
PIXEL_PIN = None
BOOT_PIN = 0
PIXEL_SWAPPED = False
