"""Which rooms are seldom used, and leave the memory behind their use: the way to a server, the settings, the time."""

from lib.guests import Guests

# `with SELDOM:` around whatever uses one of them; a device at work, connected and obeying, needs none
SELDOM = Guests(
    (
        "firmware.chips",
        "firmware.fitting",
        "firmware.inputs",
        "firmware.openshock_map",
        "firmware.openshock_ticket",
        "firmware.reach",
        "firmware.settings",
        "firmware.settings_lists",
        "lib.dial",
        "lib.fetch",
        "lib.http1",
        "lib.httpdate",
        "lib.jsonfile",
        "lib.ntp",
        "lib.resolver",
        "lib.tls",
        "lib.udp",
        "lib.url",
        "lib.wsopen",
    )
)
