"""A whole small world: the local hub, a certificate authority, a name server, one device, and somebody who hears its radio."""

import asyncio
import ssl
import tempfile
from pathlib import Path

import trustme

from tools import Failure
from tools.common.ports import free_port
from tools.common.printable import reason
from tools.hub import Config, Hub
from tools.sim import clock, names
from tools.sim.air import Air
from tools.sim.device import Device
from tools.sim.partner import Partner
from tools.sim.updates import Updates, installed

HUB_NAME = "hub.test"
UPDATES_NAME = "updates.test"
WIFI = {"ssid": "simulated", "key": "simulated"}
# what the device's buttons do where it is a remote; low is pressed
BUTTONS = [
    {"pin": 14, "shocker": "red", "action": "vibrate", "level": 30, "duration_ms": 2000},
    {"pin": 15, "shocker": "blue", "action": "sound", "level": 50, "duration_ms": 500},
    {"pin": 16, "shocker": "red", "action": "stop", "level": 0, "duration_ms": 300},
]

# what the device does when a service says something that names no receiver
RULES = [
    {
        "kind": "alert",
        "severity": "warning",
        "model": "caixianlin",
        "rf_id": 4321,
        "action": "vibrate",
        "level": 40,
        "duration_ms": 1000,
    },
    {"kind": "message", "model": "petrainer", "rf_id": 1234, "action": "sound", "level": 50, "duration_ms": 500},
]


class World:
    """`async with World(...)`: everything runs. `on_event(dict)` gets the device's log lines and the radio's bursts.

    `blank`: nobody has set the device up; its page is at `portal_port`. `settings` are the device's, over what it needs
    here; `config` is the hub's (default: three shockers, faults on demand). `updates`: the device starts from a flash, and
    a server has new versions for it (tools/sim/updates.py). Where it is a mere remote (share links) it has a `partner`,
    another device, whose receivers it controls.
    """

    def __init__(
        self,
        on_event=lambda event: None,
        secure=True,
        port=0,
        host="127.0.0.1",
        on_cpython=False,
        settings=None,
        config=None,
        blank=False,
        updates=False,
    ):
        self._on_event = on_event
        self._secure = secure
        self._port = port
        self._host = host
        self._settings = settings or {}
        self.backend = self._settings.get("backend", "openshock_user")  # the service that the device is set up for
        self._blank = blank
        self._wants_updates = updates
        self.updates = None
        self.tls = None  # the hub's SSLContext, where it is secure
        self.portal_port = 0  # of the set-up page, on this machine
        self._folder = tempfile.TemporaryDirectory(prefix="sim-")
        self.hub = Hub(config or Config.sample(faults=True, page_open=True))
        self.device = Device(Path(self._folder.name), self._line, on_cpython)
        self.hub.fleet.pairing.binds = self.backend == "dsp_fleet"  # somebody enters the code at once
        remote = self.backend == "openshock_share"
        self.partner = Partner(Path(self._folder.name) / "partner", on_event, on_cpython) if remote else None
        self.air = None
        self.lines = []
        self._names = self._clock = None
        self._tasks = []

    def _line(self, text):
        self.lines.append(text)
        self._on_event({"event": "log", "line": text})

    async def __aenter__(self):
        try:
            await self._begin()
        except BaseException:  # a cancellation too: no device goes on without us
            await self.__aexit__()
            raise
        return self

    async def _begin(self):
        try:
            await self.hub.start(self._host, self._port)
        except OSError as fault:
            raise Failure(f"cannot listen on {self._host} port {self._port}: {reason(fault)}")
        url = self.hub.url
        context = der = None
        if self._secure:
            authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(HUB_NAME, UPDATES_NAME, key_type=trustme.KeyType.ECDSA).configure_cert(context)
            url = await self.hub.listen("127.0.0.1", 0, context)
            self.tls = context
            der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
            self.device.write_certificate(der)
        self._names, dns_port = await names.serve({HUB_NAME: "127.0.0.1", UPDATES_NAME: "127.0.0.1"})
        self._clock, time_port = await clock.serve()
        self.portal_port = free_port()
        known = {
            "board": "simulated",
            "dns": [f"127.0.0.1:{dns_port}"],
            "time.servers": [f"127.0.0.1:{time_port}"],
            "portal.port": self.portal_port,
            "portal.dns_port": free_port(),
            "openshock_user.url": url.replace("127.0.0.1", HUB_NAME),
            "openshock_gateway.url": url.replace("127.0.0.1", HUB_NAME),
            "openshock_share.url": url.replace("127.0.0.1", HUB_NAME),
            "valtronics.url": url.replace("127.0.0.1", HUB_NAME) + "/valtronics/ws",
            "dsp_fleet.url": url.replace("127.0.0.1", HUB_NAME),
            "dsp_fleet.latitude": "52.51628",
            "dsp_fleet.longitude": "13.3777",
        }
        if self._wants_updates:
            self.updates = Updates(Path(self._folder.name) / "updates", context)
            await self.updates.server.start()
            known["update.check_h"] = 0  # somebody orders: nothing shall come by itself meanwhile
            known["update.url"] = self.updates.server.url_for(UPDATES_NAME)
            self.device.install(installed())
        said = {
            "wifi": [WIFI],
            "openshock_user.token": self.hub.token,
            "openshock_user.device_id": self.hub.device.guid,
            "openshock_gateway.token": self.hub.device.token,
            "openshock_share.link": self.hub.config.shares[0].guid if self.hub.config.shares else "",
            "openshock_share.name": "simulated guest",
            "valtronics.token": self.hub.token,
            "rules": RULES if self.backend in ("dsp_fleet", "valtronics") else [],
        }
        if self.partner:
            await self.partner.start({**known, **said}, der)
            known["remote.inputs"] = BUTTONS
        self.device.write_settings({**known, **({} if self._blank else said), **self._settings})
        await self.device.start()
        self.air = Air(self.device.trace_path, self._on_event)
        self._tasks.append(asyncio.create_task(self.air.run()))

    async def __aexit__(self, *_):
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.device.stop()
        if self.partner:
            await self.partner.stop()
        for server in (self._names, self._clock):
            if server:
                server.close()
        if self.updates:
            await self.updates.server.stop()
        await self.hub.stop()
        self._folder.cleanup()
