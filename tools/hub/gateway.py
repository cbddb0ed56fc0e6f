"""/2/ws/hub: the gateway. Commands, triggers and update requests go out as FlatBuffers; pongs and reports come in (d.2, d.3)."""

import asyncio
import time

from aiohttp import WSMsgType, web

from tools.hub import events, flat, gateway_api, problems, wire
from tools.hub.binding import version as checked_version
from tools.hub.live import Live
from tools.hub.outlet import Outlet
from tools.hub.signalr_server import Peer, Upgrade
from tools.hub.userhub import DEVICE_AGENT

FRAGMENT_BYTES = 1024
ELSEWHERE = "Hub is connecting from a different location"
_INVALID, _NORMAL, _LATE = (
    (1007, "Invalid flatbuffers message"),
    (1000, "Normal closure"),
    (1002, "Keep alive timeout reached"),
)
_MOST_MESSAGE = 128  # characters of the message of a failed update; with more the database refuses
_MOST_VERSION = 64
_MOST_AGENT = 256
_BORN_S = 1_704_067_200  # 2024-01-01: no hub has been up since before
_CLOSE_TIMEOUT_S = 5.0
_MOST_BYTES = 512_000


class Dropped(Exception):
    """An exception within the server: the socket ends without a close frame."""


class Link:
    """One device's WebSocket. `ready` once it is upgraded, `online` once it has answered a Ping."""

    def __init__(self, hub, peer):
        self.id = wire.new_connection_id()
        self.peer = peer
        self.ready = False
        self.online = False
        self.out = None
        self.why = "gone"
        self.updates = set()  # ids of updates that were started
        self._hub = hub
        self._times = hub.config
        self._socket = None
        self._pings = 0
        self._owed = 1  # one early Pong is tolerated
        self._began_s = time.monotonic()
        self._ponged_s = None
        self._served = {
            "Pong": self._pong,
            "BootStatus": self._boot_status,
            "OtaUpdateStarted": self._started,
            "OtaUpdateProgress": self._progress,
            "OtaUpdateFailed": self._failed,
        }

    async def serve(self, request, delay_ms=0, silent=False) -> web.WebSocketResponse:
        """Upgrade, and obey until the end."""
        self._socket = Upgrade(timeout=_CLOSE_TIMEOUT_S, autoping=False, compress=False, max_msg_size=_MOST_BYTES)
        head = await self._socket.prepare(request)
        self.out = Outlet(request.transport, head, FRAGMENT_BYTES, delay_ms)
        asyncio.get_running_loop().call_soon(self.out.uncork_empty)
        if silent:
            self.out.silence()
        self.ready = True
        self._hub.journal.note("connected", self)
        keeper = asyncio.create_task(self._tend())
        try:
            await self._listen()
        except Dropped as error:
            self.why = str(error)
            self.out.cut()
        finally:
            keeper.cancel()
            self.out.close()
            self.ready = False
            self._hub.journal.note("disconnected", self, why=self.why)
        return self._socket

    async def _listen(self):
        while True:
            message = await self._socket.receive()
            await self.out.audible.wait()
            self.peer.device.last_seen = wire.now()
            if message.type == WSMsgType.BINARY:
                if not await self._heard(message.data):
                    break
            elif message.type == WSMsgType.PING:
                self._hub.journal.note("ws_ping", self, payload=message.data)
                self.out.pong(message.data)
            elif message.type == WSMsgType.TEXT:
                await self.close(*_INVALID)
                break
            elif message.type != WSMsgType.PONG:
                break

    async def _heard(self, data) -> bool:
        """Whether the connection goes on."""
        try:
            said = flat.read(data)
        except ValueError:
            await self.close(*_INVALID)
            return False
        if said is None:
            await self.close(*_NORMAL)
            return False
        self._hub.journal.note("heard", self, name=said.name, fields=said.fields)
        return await self._served[said.name](said) is not False

    # what comes

    async def _pong(self, said):
        if not self._owed:
            await self.close(*_NORMAL)
            return False
        self._owed -= 1
        if said["uptime"] / 1000 > time.time() - _BORN_S:
            await self.close(*_NORMAL)
            return False
        self._ponged_s = time.monotonic()
        if not self.online:
            self.online = True
            self._hub.gateway.came(self)
        return True

    async def _boot_status(self, said):
        if len(said["version"] or "") > _MOST_VERSION:
            raise Dropped("a version too long for the database")
        device, update_id = self.peer.device, said["update_id"]
        if said["boot_type"] == flat.NEW_FIRMWARE:
            record = events.ota_succeeded(device.guid, update_id)
            await self._hub.tell_update(record, "OtaInstallSucceeded", device, update_id)
        elif said["boot_type"] == flat.ROLLBACK or update_id in device.unfinished:
            await self._hub.tell_update(events.ota_rollback(device.guid, update_id), "OtaRollback", device, update_id)
        device.unfinished.discard(update_id)

    async def _started(self, said):
        device, update_id = self.peer.device, said["update_id"]
        if update_id in device.unfinished or len(said["version"] or "") > _MOST_VERSION:
            raise Dropped("an update id twice, or a version too long for the database")
        device.unfinished.add(update_id)
        record = events.ota_started(device.guid, update_id, said["version"])
        await self._hub.tell_update(record, "OtaInstallStarted", device, update_id, said["version"])

    async def _progress(self, said):
        told = said["update_id"], said["task"], said["progress"]
        record = events.ota_progress(self.peer.device.guid, *told)
        await self._hub.tell_update(record, "OtaInstallProgress", self.peer.device, *told)

    async def _failed(self, said):
        if len((said["message"] or "").encode("utf-16-le")) > 2 * _MOST_MESSAGE:
            raise Dropped("a message too long for the database")
        self.peer.device.unfinished.discard(said["update_id"])
        told = said["update_id"], said["fatal"], said["message"] or ""
        record = events.ota_failed(self.peer.device.guid, *told)
        await self._hub.tell_update(record, "OtaInstallFailed", self.peer.device, *told)

    # what goes

    def message(self, data):
        """Send one FlatBuffer."""
        if self.ready:
            self.out.message(data, opcode=2)

    async def _tend(self):
        """Ping by the clock, and end the connection when no Pong came for too long."""
        times = self._times
        ping_s = self._began_s + times.gateway_first_ping_ms / 1000
        while True:
            now_s = time.monotonic()
            if now_s >= ping_s:
                ping_s = now_s + times.gateway_ping_ms / 1000
                self._owed = 1 if self._pings == 0 else self._owed + 1
                self._pings += 1
                self.message(flat.ping(int(self._hub.now().timestamp() * 1000)))
            late_s = self._began_s + times.gateway_first_pong_ms / 1000
            if self._ponged_s is not None:
                late_s = self._ponged_s + times.gateway_pong_ms / 1000
            if self.out.audible.is_set() and now_s >= late_s:
                await self.close(*_LATE)
                break
            await asyncio.sleep(max(0.01, min(ping_s, late_s) - now_s) if self.out.audible.is_set() else 0.1)

    async def close(self, code, reason):
        """Close the WebSocket, behind everything that is still under way."""
        self.why = reason
        await self.out.farewell(self._socket, code, reason)

    def reset(self, why):
        """End the TCP connection without a close frame, as the real gateway does where it means to say `why`."""
        self.why = why
        self.out.cut()

    async def end(self, error=None, allow_reconnect=False):
        """As a SignalR connection's: the gateway knows a close frame alone."""
        await self.close(1000, error or "Normal closure")


class Gateway:
    """The gateway of one hub: its door, its devices, and what is sent to them."""

    def __init__(self, hub):
        self._hub = hub
        self.links = []  # oldest first; one a device
        self.live = Live(hub, self)

    def routes(self):
        """For the application's router."""
        return [web.get("/2/ws/hub", self._door), *self.live.routes()]

    async def _door(self, request):
        device, present = gateway_api.device_of(self._hub, request)
        if device is None:
            return gateway_api.refused(present)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return problems.problem(400, "Websocket.NonWebsocketRequest", "This is a WebSocket endpoint")
        try:
            device.firmware_version = checked_version(request.headers.get("Firmware-Version"))
        except ValueError:
            return problems.problem(400, "Websocket.Hub.FirmwareVersionInvalid", "The firmware version is invalid")
        agent = DEVICE_AGENT.match(request.headers.get("User-Agent", ""))
        device.board = agent and agent[2]
        peer = Peer(request.headers.get("User-Agent", "")[:_MOST_AGENT], request.remote or "", device=device)
        link = Link(self._hub, peer)
        before = [each for each in self.links if each.peer.device is device]
        self.links.append(link)
        self._hub.sockets.append(link)
        for each in before:
            if self._hub.config.resets:
                each.reset(ELSEWHERE)
            else:
                asyncio.ensure_future(each.close(1000, ELSEWHERE))
        ordered = self._hub.faults
        try:
            return await link.serve(request, ordered.delay_ms, ordered.silent)
        finally:
            self.links.remove(link)
            self._hub.sockets.remove(link)
            if link.online:
                self._hub.device_left(device)

    def came(self, link):
        """Called by a Link: its first Pong, from which on it counts."""
        self._hub.device_came(link.peer.device)

    def online(self, device) -> bool:
        """Whether that device has answered a Ping here."""
        return any(link.online for link in self.links if link.peer.device is device)

    def link_of(self, device):
        """The newest Link of that device, or None."""
        return next((link for link in reversed(self.links) if link.peer.device is device and link.ready), None)

    def send(self, device, data) -> int:
        """Send a FlatBuffer to that device; how many were told, 0 or 1."""
        link = self.link_of(device)
        if link:
            link.message(data)
        return 1 if link else 0

    def command(self, entries):
        """Send admitted orders, [(models.Shocker, type, intensity, duration in ms)]: a list for each device that is here."""
        for device in self._hub.devices:
            told = []
            for shocker, kind, intensity, duration_ms in entries:
                number = gateway_api.number_of(shocker)
                if shocker.device == device.guid and number is not None:
                    told.append((number, shocker.rf_id, kind, intensity, duration_ms))
            if told:
                self.send(device, flat.commands(told))

    def order(self, target, device, rest) -> int:
        """Send what the user hub's method `target` asks of a device; how many were told."""
        if target == "OtaInstall":
            return self.send(device, flat.update_request(*rest))
        numbers = {"Reboot": flat.RESTART, "EmergencyStop": flat.EMERGENCY_STOP}
        number = (flat.PORTAL_ON if rest[0] else flat.PORTAL_OFF) if target == "CaptivePortal" else numbers[target]
        return self.send(device, flat.trigger(number))
