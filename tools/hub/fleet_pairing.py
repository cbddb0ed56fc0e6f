"""DSP Fleet's PairingHub: codes for devices without an account, and the account for who shows the right one (reference i.1)."""

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from tools.hub import calls

ACCOUNT = 1
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass
class Pending:
    """A device that shows a code: its connection (None so far), and the guid of `/api/device/init`, if it began by that."""

    code: str
    connection: object = None
    guid: str | None = None
    made_s: float = field(default_factory=time.monotonic)


class PairingHub:
    """The service behind PairingHub's connections: anybody's. `pending`: code → Pending.

    `code_s`: how long a code is good. `gives_codes`, `gives_refresh`: what servers may differ in. `binds`: whoever shows a code
    is paired at once, with the first device.
    """

    def __init__(self, fleet):
        self._fleet = fleet
        self.pending = {}
        self.code_s = 900.0
        self.gives_codes = self.gives_refresh = True
        self.binds = False
        self._code = calls.Method((), self._request)
        self._register = calls.Method((_guid,), self._registered)

    @property
    def methods(self) -> dict:
        """By name; a server may not know the first."""
        codes = {"requestpairingcode": self._code} if self.gives_codes else {}
        return {**codes, "registerconnectionforpairing": self._register}

    def greet(self, connection):
        """Nothing is said at first."""
        return ()

    def heard(self, connection):
        """Something came in."""

    def gone(self, connection):
        """Its code ends with it; a device that began by `/api/device/init` may register again."""
        for code, pending in list(self.pending.items()):
            if pending.connection is connection and pending.guid:
                pending.connection = None
            elif pending.connection is connection:
                del self.pending[code]

    async def _request(self, connection):
        return self.code(connection)

    async def _registered(self, connection, guid):
        return self.register(connection, guid)

    def code(self, connection=None, guid=None) -> str:
        """A new code of six characters for a device that shows it."""
        self._forget_old()
        code = "".join(secrets.choice(_LETTERS) for _ in range(6))
        self.pending[code] = Pending(code, connection, guid)
        self._fleet.hub.journal.note("fleet", connection, name="code", code=code)
        if self.binds and connection:
            asyncio.get_running_loop().call_soon(self.bind, code)
        return code

    def _forget_old(self):
        now_s = time.monotonic()
        self.pending = {code: each for code, each in self.pending.items() if now_s - each.made_s < self.code_s}

    def register(self, connection, guid) -> bool:
        """A connection says which pending device it is; whether there is one."""
        self._forget_old()
        for pending in self.pending.values():
            if pending.guid and pending.guid.replace("-", "") == guid.replace("-", "").lower():
                pending.connection = connection
                if self.binds:
                    asyncio.get_running_loop().call_soon(self.bind, pending.code)
                return True
        return False

    def bind(self, code, device=1) -> bool:
        """Pair who shows that code with the device of that number; whether somebody does, and hears it."""
        self._forget_old()
        pending = self.pending.get(code.strip().upper())
        known = self._fleet.device_of(device)
        if pending is None or pending.connection is None or not pending.connection.ready or known is None:
            return False
        del self.pending[pending.code]
        pending.connection.send(self._fleet.event("DeviceBound", [self._account_of(device, known)]))
        self._fleet.hub.journal.note("fleet", pending.connection, name="DeviceBound", device=device)
        return True

    def _account_of(self, number, device) -> dict:
        """What DeviceBound tells. The refresh token is an addition: the seed names none."""
        more = {"refreshToken": self._fleet.tokens.refresh_for(ACCOUNT, number)} if self.gives_refresh else {}
        return {
            "deviceId": number,
            "accountId": ACCOUNT,
            "signalREndpoint": "/hubs/fleet",
            "name": device.name,
            "identifier": device.guid,
            "accessToken": self._fleet.tokens.make(ACCOUNT, number),
            "speedUnit": "km/h",
            "country": "DE",
            "accountTimezone": "Europe/Berlin",
            "periodicAirplaneModeOff": False,
            **more,
        }


def _guid(value):
    digits = value.replace("-", "") if isinstance(value, str) else ""
    if len(digits) != 32 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise ValueError("not a guid")
    return value
