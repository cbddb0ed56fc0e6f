"""The local hub: OpenShock's API as far as a device and a remote need it, for tests, the simulator and the LAN.

    hub = Hub(Config.sample())
    url = await hub.start("127.0.0.1", 0)
    ...
    await hub.stop()

Kinds of events in `hub.journal`: connected, disconnected (why), device (device, online), record (record; from a client),
heard (name, fields; from a device at the gateway), ws_ping (payload), log (sender, logs), declined (reason …),
invoked (target, arguments, connections), changed (device), update (name, device, rest; of a device's own update),
refused (status, path), fault (name …), unsaved (error), subscribed (channel; at Valtronics), fleet (name …; at DSP Fleet).
"""

from tools.hub.config import Config
from tools.hub.control import Refused
from tools.hub.hub import Hub
from tools.hub.models import Device, Share, ShareLink, Shocker, Token


def main(argv):
    """The command `python3 -m tools hub`; its exit code."""
    from tools.hub import cli

    return cli.main(argv)


__all__ = ["Config", "Device", "Hub", "Refused", "Share", "ShareLink", "Shocker", "Token", "main"]
