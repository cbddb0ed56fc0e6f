"""What the modules may ask the application for: `request(kind, detail)`. A new kind is a name here and a handler in app.py."""

from micropython import const

OPEN_PORTAL = const(0)  # why, of those below, 0 to end it
UPDATE = const(1)  # the version, "" for the newest of the channel
RESTART = const(2)  # who or what wants it, in words
FACTORY_RESET = const(3)  # who wants it, in words
PROVISIONED = const(4)  # the name of the network that the device was given
STORE = const(5)  # (name of a backend, {key: value}): settings that its service gave
STOP_OTHERS = const(6)  # who has stopped this device: the account's other devices are to stop, too

# why the set-up opens
ASKED = const(1)  # somebody at the device
LOST = const(2)  # no known network takes the device any more
AFAR = const(3)  # a service
