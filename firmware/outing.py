"""Which rooms only the way to a server needs. A room of lib/ that talks to name servers or opens connections is named here."""

from lib.guests import Guests

# `with OUTING:` whoever uses one of them; a connection that is up needs none
OUTING = Guests(
    (
        "firmware.reach",
        "lib.dial",
        "lib.fetch",
        "lib.http1",
        "lib.httphead",
        "lib.ntp",
        "lib.resolver",
        "lib.tls",
        "lib.udp",
        "lib.url",
        "lib.wsopen",
    )
)
