"""The roof: one hub with its rooms, and the Python API that the simulator, the page and tests use."""

import asyncio
import datetime
import email.utils
import secrets

from aiohttp import web

from tools.common import http_log
from tools.hub import binding, control, doors, events, faults, journal, models, wire
from tools.hub import config as configuration
from tools.hub.api import Api
from tools.hub.fleet import NAME as FLEET
from tools.hub.fleet import Fleet
from tools.hub.fleet_api import FleetApi
from tools.hub.gateway import Gateway
from tools.hub.gateway_api import GatewayApi
from tools.hub.page import Page
from tools.hub.sharehub import SHARE_LINK, ShareHub
from tools.hub.userhub import UserHub
from tools.hub.valtronics import NAME as VALTRONICS
from tools.hub.valtronics import Valtronics
from tools.hub.waiting import Waiting

_GOODBYE_S = 2.0
_CODE_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class Hub(Waiting):
    """A local hub. Everything is awaited on the loop that called `start`; state lives in memory (and in config.path)."""

    def __init__(self, config=None):
        self.config = config or configuration.Config.sample()
        self.journal = journal.Journal()
        self.faults = faults.Faults(self)
        self.sockets = []  # all upgraded connections, oldest first
        self.connections = []  # those of them that have been greeted, by SignalR
        self.gateway = Gateway(self)
        self.pairing = GatewayApi(self)
        self.valtronics = Valtronics(self)
        self.fleet = Fleet(self)
        self.url = None
        self.loopback_only = False
        self.closing = asyncio.Event()
        code = "".join(secrets.choice(_CODE_LETTERS) for _ in range(8))
        self.page_code = f"{code[:4]}-{code[4:]}"
        self._runner = None

    def now(self):
        """This moment by the server's clock, which may be wrong (config.clock_offset_ms); a datetime in UTC."""
        return wire.now() + datetime.timedelta(milliseconds=self.config.clock_offset_ms)

    async def _dated(self, request, response):
        response.headers["Date"] = email.utils.format_datetime(self.now(), usegmt=True)

    @property
    def devices(self) -> list:
        """All models.Device."""
        return self.config.devices

    @property
    def device(self):
        """The first models.Device: `.guid`, `.name`, `.firmware_version`, `.last_seen`."""
        return self.config.devices[0]

    @property
    def shockers(self) -> list:
        """All models.Shocker: `.guid`, `.name`, `.model` (REST's name), `.rf_id`, `.paused`, `.device` (a guid)."""
        return self.config.shockers

    @property
    def token(self) -> str:
        """The first API token."""
        return self.config.tokens[0].secret

    @property
    def hub_url(self) -> str:
        """The WebSocket URL of the user hub: ws://… or wss://…"""
        return self.url.replace("http", "ws", 1) + "/1/hubs/user"

    async def start(self, host="127.0.0.1", port=0, ssl_context=None) -> str:
        """Listen; the base URL, `http(s)://host:port` (this machine, when listening everywhere). OSError, OverflowError."""
        app = web.Application(middlewares=[doors.guard(self)], client_max_size=64 * 1024)
        app.on_response_prepare.append(self._dated)
        self.closing.clear()
        users = doors.Doors(self, UserHub(self), ShareHub(self))
        for room in (users, Api(self), self.pairing, self.gateway, self.valtronics, FleetApi(self), Page(self)):
            app.add_routes(room.routes())
        self._runner = web.AppRunner(app, access_log=None, logger=http_log.LOGGER, shutdown_timeout=_GOODBYE_S)
        await self._runner.setup()
        try:
            self.url = await self.listen(host, port, ssl_context)
        except (OSError, OverflowError):
            runner, self._runner = self._runner, None
            await runner.cleanup()
            raise
        self.loopback_only = host in _LOOPBACK
        return self.url

    async def listen(self, host="127.0.0.1", port=0, ssl_context=None) -> str:
        """One more door of a hub that has started, say with TLS; its base URL. OSError, OverflowError."""
        await web.TCPSite(self._runner, host, port, ssl_context=ssl_context).start()
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
        return f"http{'s' if ssl_context else ''}://{shown}:{self._runner.addresses[-1][1]}"

    async def stop(self):
        """Tell every client that it may come back (Close with allowReconnect), then close everything."""
        if self._runner is None:
            return
        self.closing.set()
        links = [*self.gateway.links, *self.valtronics.links, *self.fleet.links]
        there = [*self.connections, *(link for link in links if link.ready)]
        goodbyes = [asyncio.ensure_future(each.end(allow_reconnect=True)) for each in there]
        if goodbyes:
            await asyncio.wait(goodbyes, timeout=_GOODBYE_S)
        for connection in list(self.sockets):
            connection.out.cut()
        runner, self._runner = self._runner, None
        await runner.cleanup()

    # who is there

    def arrived(self, connection):
        """Called by a hub's service: a connection is greeted and counts."""
        first = connection.peer.device and not self.online(connection.peer.device)
        self.connections.append(connection)
        if first:
            self._device_changed(connection.peer.device, True, but=connection)

    def left(self, connection):
        """Called by a hub's service: a connection that counted is gone."""
        self.connections.remove(connection)
        if connection.peer.device:
            self.device_left(connection.peer.device)

    def device_came(self, device):
        """Called by the gateway: a device has answered there."""
        self._device_changed(device, True)

    def device_left(self, device):
        """A device has ended one of its connections."""
        if not self.online(device):
            self._device_changed(device, False)

    def _device_changed(self, device, online, but=None):
        self._to_owner(events.device_status([events.online_state(device, online)]), but)
        self.journal.note("device", device=device.guid, online=online)

    def online(self, device) -> bool:
        """Whether a connection is there over which orders reach that device; one that is a mere remote is none."""
        return bool(set(self.services(device)) - {SHARE_LINK, VALTRONICS, FLEET})

    def services(self, device) -> list:
        """The names of the services at which that device is online."""
        there = {
            "user hub": bool(self.device_connections(device)),
            "gateway": self.gateway.online(device),
            SHARE_LINK: any(each.peer.visitor is device for each in self.connections),
            VALTRONICS: self.valtronics.online(device),
            FLEET: self.fleet.online(device),
        }
        return [name for name, online in there.items() if online]

    def device_connections(self, device=None) -> list:
        """The connections to the user hub that are this device (any, when left out)."""
        devices = [each for each in self.connections if each.peer.device]
        return [each for each in devices if device is None or each.peer.device is device]

    def _to_owner(self, record, but=None):
        for connection in list(self.connections):
            if connection.peer.link is None and connection is not but:
                connection.send(record)

    # orders

    def admit(self, controls, sender, link=None) -> list:
        """Admit a batch of binding.Control and tell the owner's connections by `Log`. Returns its entries. Refused."""
        try:
            logs = control.admit(self.shockers, controls, link, self.now())
        except control.Refused as refusal:
            self.journal.note("declined", reason=refusal.reason, shocker=refusal.shocker, sender=sender)
            raise
        if logs:
            self._log(sender, logs)
        return logs

    def _log(self, sender, logs):
        known = {each.guid: each for each in self.shockers}
        orders = [(entry["shocker"]["id"], entry["type"], entry["intensity"], entry["duration"]) for entry in logs]
        self.gateway.command([(known[guid], *rest) for guid, *rest in orders])
        self._to_owner(events.log(sender, logs))
        self.journal.note("log", sender=sender, logs=logs)

    async def control(self, orders, name=None) -> list:
        """As the owner, order [{id, type (number or name), intensity, duration ms}]; the Log entries. Refused, ValueError."""
        controls = binding.named_controls([dict(order) for order in orders])
        return self.admit(controls, control.owner_sender(self.config, "hub", custom_name=name))

    async def stop_all(self, name="stop everything") -> list:
        """A Stop to every shocker, paused ones too, as one `Log`; its entries."""
        return self._stop(self.shockers, name)

    def _stop(self, shockers, name) -> list:
        logs = control.stops(shockers, self.now())
        if logs:
            self._log(control.owner_sender(self.config, "hub", custom_name=name), logs)
        return logs

    def _stop_first(self, shocker, why):
        if not self.config.bare_edits:
            self._stop([shocker], why)

    async def invoke(self, target, arguments, device=None, wait=False, timeout_s=5.0):
        """Call `target(*arguments)` on the device's connections (all devices' when left out).

        Without `wait`: no id, no answer; returns how many were called. With it: a list of results, one a connection; a
        result that did not come is its exception (RuntimeError: the device's error, TimeoutError, ConnectionError).
        """
        connections = self.device_connections(device)
        if not wait:
            return self._call(connections, target, arguments)
        self.journal.note("invoked", target=target, arguments=arguments, connections=len(connections))
        calls = [connection.call(target, arguments, timeout_s) for connection in connections]
        return await asyncio.gather(*calls, return_exceptions=True)

    def _call(self, connections, target, arguments, told=0) -> int:
        """How many were told, `told` of them already."""
        told += len(connections)
        self.journal.note("invoked", target=target, arguments=arguments, connections=told)
        for connection in connections:
            connection.send(wire.invocation(target, arguments))
        return told

    def relay(self, target, device, rest=()) -> int:
        """Pass an order about a device (a guid) on to its connections; how many. 0 if it is not ours or not there."""
        known = next((each for each in self.devices if each.guid == device), None)
        if known is None:
            self.journal.note("declined", reason="not our device", device=device)
            return 0
        told = self.gateway.order(target, known, rest)
        return self._call(self.device_connections(known), target, [device, *rest], told)

    async def emergency_stop(self, device=None) -> int:
        """Latch the device's emergency stop; how many connections were told."""
        return self.relay("EmergencyStop", (device or self.device).guid)

    async def captive_portal(self, enabled, device=None) -> int:
        """Open or close the device's set-up portal; how many connections were told."""
        return self.relay("CaptivePortal", (device or self.device).guid, [enabled])

    async def ota_install(self, version, device=None) -> int:
        """Ask the device to install a version; how many connections were told. ValueError for no version."""
        return self.relay("OtaInstall", (device or self.device).guid, [binding.version(version)])

    async def reboot(self, device=None) -> int:
        """Restart the device; how many connections were told."""
        return self.relay("Reboot", (device or self.device).guid)

    async def emit(self, target, arguments):
        """Send any event to the owner's connections; tools/hub/events.py and `emit_record` for the known ones."""
        self._to_owner(wire.invocation(target, arguments))

    async def tell_update(self, record, name, device, *rest):
        """A device tells of its update: noted, and the owner's connections get `record` (tools/hub/events.py)."""
        self.journal.note("update", name=name, device=device, rest=list(rest))
        self._to_owner(record)

    async def emit_record(self, record):
        """Send bytes made by tools/hub/events.py to the owner's connections."""
        self._to_owner(record)

    # changes

    def changed(self, device=None, what=events.SHOCKER_UPDATED):
        """Something was edited: save it where there is a file, tell the owner (DeviceUpdate) and the page."""
        if self.config.path:
            try:
                configuration.save(self.config, self.config.path)
            except (OSError, ValueError) as error:  # what is in memory may be more than a file can keep
                self.journal.note("unsaved", error=str(error))
        if device is not None:
            self._to_owner(events.device_update(device, what))
        self.journal.note("changed", device=device)

    def add_shocker(self, name, model, rf_id, device=None, **more):
        """A new models.Shocker, told to everyone."""
        shocker = models.Shocker(name, models.model_name(model), rf_id, (device or self.device).guid, **more)
        self.config.shockers.append(shocker)
        self.changed(shocker.device)
        return shocker

    def edit_shocker(self, shocker, name, model, rf_id, device):
        """Change a shocker; a new receiver is not obeyed to before the old one was stopped."""
        if (shocker.model, shocker.rf_id) != (model, rf_id):
            self._stop_first(shocker, "edited")
        before = shocker.device
        shocker.name, shocker.model, shocker.rf_id, shocker.device = name, model, rf_id, device.guid
        if before != device.guid:
            self.changed(before)
        self.changed(device.guid)

    def edit_share(self, link, shocker=None, **changes):
        """Change what a link (or its part for a shocker) says; whoever joined it hears `Updated`, as the real one never says.

        For a link: `expires_on`, `name`; for a part: the fields of models.Share. A part that ends does not stop anything.
        """
        target = link if shocker is None else link.shares[shocker.guid]
        for name, value in changes.items():
            if not hasattr(target, name):
                raise ValueError(f"a share link has no '{name}'")
            setattr(target, name, value)
        self._tell_visitors(link)

    def remove_share(self, link):
        """Delete a link. Who joined it stays connected, as at the real server: what they order is dropped in silence."""
        self.config.shares.remove(link)
        self._tell_visitors(link)

    def _tell_visitors(self, link):
        if not self.config.silent_links:
            for connection in [each for each in self.connections if each.peer.link is link]:
                connection.send(wire.invocation("Updated", []))
        self.changed()

    def pause_shocker(self, shocker, paused):
        """Pause it (and stop it: the real server lets it run to its end) or let it obey again."""
        if paused and not shocker.paused:
            self._stop_first(shocker, "paused")
        shocker.paused = paused
        self.changed(shocker.device)

    def remove_shocker(self, shocker):
        """Stop it, then forget it, on share links too."""
        self._stop_first(shocker, "removed")
        self.config.shockers.remove(shocker)
        for link in self.config.shares:
            link.shares.pop(shocker.guid, None)
        self.changed(shocker.device)
