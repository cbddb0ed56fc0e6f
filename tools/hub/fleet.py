"""DSP Fleet: FleetHub, as far as devices and dashboards need it (reference i.1, seeds/002). Its doors are in fleet_api.py.

What the seed leaves open is decided here, and said so: shapes of zones and AuthResponse, how long a code is good, who may come
to FleetHub without a token (anybody: to get a new one, and for nothing else).
"""

import asyncio
import itertools
import secrets
from dataclasses import dataclass, field

from tools.hub import binding, calls, wire
from tools.hub.fleet_pairing import PairingHub
from tools.hub.fleet_tokens import Tokens

NAME = "fleet"  # how the page calls this service
_UNAUTHORIZED = "Failed to invoke '{}' because user is unauthorized"


@dataclass
class Message:
    """One message to a device, sent again until it was received."""

    id: str
    device: int
    body: str
    display_s: int
    received: bool = False
    seen: bool = False
    answers: list = field(default_factory=list)


class Fleet:
    """The fleet of one hub. Its devices are the hub's, numbered from 1 in their order; there is one account.

    `resend_s` lies between two tries of a message. `strict` (nobody without a token) and `camel` (names of events and fields):
    what servers may differ in. `pairing` is the other hub. `samples`: number of a device → its history, as it was sent.
    """

    def __init__(self, hub):
        self.hub = hub
        self.tokens = Tokens()
        self.resend_s = 5.0
        self.strict = self.camel = False
        self.links = []  # the greeted connections to FleetHub, dashboards among them
        self.messages = {}  # id → Message
        self.zones = {}
        self.samples = {}
        self.states = {}  # number of a device → [lat, lon, when, battery, version, language, when]
        self._rescues = {}  # session → (rescuee, rescuer)
        self._numbers = itertools.count(1)
        self.pairing = PairingHub(self)
        self.methods = {
            "requesttokenrefresh": calls.Method((_text,), self._refresh),
            "reportlocation": calls.Method(
                (_number, _number, _maybe(_number), binding.optional_text, binding.optional_text), self._location
            ),
            "reportdeviceinfo": calls.Method(
                (_maybe(_number), binding.optional_text, binding.optional_text), self._info
            ),
            "messagereceived": calls.Method((_text,), self._received),
            "messageseen": calls.Method((_text,), self._seen),
            "messageresponse": calls.Method((_text, _text), self._answered),
        }

    # who is there

    def number_of(self, device) -> int:
        """A models.Device's number in the fleet."""
        return self.hub.devices.index(device) + 1

    def device_of(self, number):
        """The models.Device of that number, None."""
        return self.hub.devices[number - 1] if type(number) is int and 0 < number <= len(self.hub.devices) else None

    def online(self, device) -> bool:
        """Whether that device is connected to FleetHub."""
        return any(each.peer.device is device for each in self.links)

    def used(self) -> bool:
        """Whether anybody was here, or shows a code."""
        return bool(self.links or self.pairing.pending or self.states)

    def told_of(self, event):
        """An event of the journal in words, for the page; None for what nobody needs to read."""
        said = {
            "code": lambda: f"somebody shows the pairing code {event['code']}",
            "DeviceBound": lambda: f"paired as device {event['device']}",
            "ReceiveMessage": lambda: f"message: {event['arguments'][1]}",
            "MessageReceived": lambda: "the message was received",
            "MessageSeen": lambda: "the message was seen",
            "MessageResponse": lambda: f"answer: {event['text']}",
            "ReportLocation": lambda: (
                f"device {event['device']} is at {event['arguments'][0]}, {event['arguments'][1]}"
            ),
            "history": lambda: f"{event['count']} samples of device {event['device']}",
            "RequestTokenRefresh": lambda: "a new token" if event["good"] else "a refresh token that nobody knows",
        }
        words = said.get(event["name"])
        return words() if words else None

    def greet(self, connection):
        """A connection is there: its groups, and for a device its zones."""
        self.links.append(connection)
        device = connection.peer.device
        if not device:
            return ()
        self.hub.journal.note("device", device=device.guid, online=True)
        soon = asyncio.get_running_loop().call_soon  # behind the greeting
        soon(self._tell_state, device)
        for message in self.messages.values():
            if message.device == self.number_of(device) and not message.received:
                soon(self._send_message, message)
        return (self.event("ZoneSync", [[self._shape(zone) for zone in self.zones.values()]]),)

    def heard(self, connection):
        """Something came in."""
        if connection.peer.device:
            connection.peer.device.last_seen = wire.now()

    def gone(self, connection):
        """It ended."""
        self.links.remove(connection)
        if connection.peer.device:
            self.hub.journal.note("device", device=connection.peer.device.guid, online=False)
            self._tell_state(connection.peer.device)

    # what it says

    def _shape(self, value):
        """Objects with their names as this server writes them."""
        if not isinstance(value, dict):
            return value
        return {(key if self.camel else key[:1].upper() + key[1:]): inner for key, inner in value.items()}

    def event(self, target, arguments) -> bytes:
        """The record of an event, with its names as this server writes them."""
        name = target[:1].lower() + target[1:] if self.camel else target
        return wire.invocation(name, [self._shape(value) for value in arguments])

    def tell(self, target, arguments, device=None, account=False) -> int:
        """Send an event to a device's connections (its number), and to the whole account; how many were told."""
        wanted = self.device_of(device)
        told = 0
        for link in list(self.links):
            # an account's group holds its devices as well: whoever is in two groups hears twice
            hears = (account and link.peer.token is not None) + (wanted is not None and link.peer.device is wanted)
            for _ in range(hears):
                link.send(self.event(target, arguments))
            told += hears
        self.hub.journal.note("fleet", None, name=target, arguments=list(arguments), told=told)
        return told

    def _tell_state(self, device):
        number = self.number_of(device)
        state = self.states.get(number, [None] * 7)
        self.tell("DeviceUpdated", [number, self.online(device), *state, "ok"], account=True)

    # what devices say

    def _own(self, connection, method):
        if connection.peer.device is None:
            raise calls.Failing(_UNAUTHORIZED.format(method))
        return self.number_of(connection.peer.device)

    def _note(self, connection, name, **facts):
        self.hub.journal.note("fleet", connection, name=name, **facts)

    async def _refresh(self, connection, refresh):
        made = self.tokens.refreshed(refresh)
        self._note(connection, "RequestTokenRefresh", good=made is not None)
        return made and self._shape(made)

    async def _location(self, connection, lat, lon, battery, version, language):
        number = self._own(connection, "ReportLocation")
        when = wire.iso(wire.now())
        self.states[number] = [lat, lon, when, battery, version, language, when]
        self._note(connection, "ReportLocation", device=number, arguments=[lat, lon, battery, version, language])
        self._tell_state(connection.peer.device)

    async def _info(self, connection, battery, version, language):
        number = self._own(connection, "ReportDeviceInfo")
        connection.peer.device.firmware_version = version
        before = self.states.get(number, [None] * 7)
        self.states[number] = [*before[:3], battery, version, language, wire.iso(wire.now())]
        self._note(connection, "ReportDeviceInfo", device=number, arguments=[battery, version, language])
        self._tell_state(connection.peer.device)

    def _message_of(self, connection, method, name):
        number = self._own(connection, method)
        message = self.messages.get(name)
        return message if message and message.device == number else None

    async def _received(self, connection, name):
        message = self._message_of(connection, "MessageReceived", name)
        self._note(connection, "MessageReceived", id=name)
        if message:
            message.received = True
            for target in ("DeviceMessageReceived", "DeviceMessageAcknowledged"):
                self.tell(target, [message.device, name], account=True)

    async def _seen(self, connection, name):
        message = self._message_of(connection, "MessageSeen", name)
        self._note(connection, "MessageSeen", id=name)
        if message:
            message.seen = True
            self.tell("DeviceMessageSeen", [message.device, name], account=True)

    async def _answered(self, connection, name, text):
        message = self._message_of(connection, "MessageResponse", name)
        self._note(connection, "MessageResponse", id=name, text=text)
        if message:
            message.answers.append(text)
            message.seen = True
            self.tell("DeviceMessageResponse", [message.device, name, text, wire.iso(wire.now())], account=True)
            self.tell("DeviceMessageSeen", [message.device, name], account=True)

    # what dashboards ask for

    def message(self, body, display_s=10, device=1) -> Message:
        """A message to a device, sent now and again until it says that it was received."""
        message = Message(secrets.token_hex(8), device, body, display_s)
        self.messages[message.id] = message
        self._send_message(message)
        return message

    def _send_message(self, message):
        if message.received or self.hub.closing.is_set():
            return
        if self.tell("ReceiveMessage", [message.id, message.body, message.display_s], message.device):
            asyncio.get_running_loop().call_later(self.resend_s, self._send_message, message)

    def add_zone(self, name, **more) -> int:
        """The number of a new zone, which everybody hears of."""
        number = next(self._numbers)
        self.zones[number] = {"id": number, "name": name, **more}
        self.tell("ZoneAdded", [self.zones[number]], account=True)
        return number

    def delete_zone(self, number):
        """The zone is gone."""
        self.zones.pop(number, None)
        self.tell("ZoneDeleted", [number], account=True)

    def start_fast(self, interval_s=1, duration_s=10, device=1) -> int:
        """The device shall tell its place at that pace; how many connections were told."""
        return self.tell("StartFastLocation", [interval_s, duration_s], device)

    def stop_fast(self, device=1) -> int:
        """And no longer."""
        return self.tell("StopFastLocation", [], device)

    def request_history(self, hours=24, device=1) -> int:
        """The device shall send what it has kept."""
        return self.tell("RequestHistorySync", [hours], device)

    def start_rescue(self, rescuee=1, rescuer=2) -> str:
        """The id of a rescue session, which the account and both devices hear of."""
        session = secrets.token_hex(8)
        self._rescues[session] = rescuee, rescuer
        facts = {"sessionId": session, "rescueeDeviceId": rescuee, "rescuerDeviceId": rescuer}
        facts["startedUtc"] = wire.iso(wire.now())
        self.tell("RescueSessionStarted", [facts], account=True)
        for own, peer, role in ((rescuee, rescuer, "rescuee"), (rescuer, rescuee, "rescuer")):
            known = self.device_of(peer)
            more = {
                "yourRole": role,
                "peerDeviceId": peer,
                "peerDisplayName": known.name if known else f"device {peer}",
            }
            self.tell("RescueSessionStarted", [facts | more], own)
        return session

    def peer_location(self, session, lat, lon, to=1):
        """Device `to` hears where the other one of the session is."""
        pair = self._rescues[session]
        facts = {"peerDeviceId": pair[1] if pair[0] == to else pair[0], "lat": lat, "lon": lon}
        self.tell("RescuePeerLocation", [facts | {"atUtc": wire.iso(wire.now())}], to)

    def end_rescue(self, session, reason="completed"):
        """The session is over."""
        facts = {"sessionId": session, "endReason": reason}
        pair = self._rescues.pop(session)
        self.tell("RescueSessionEnded", [facts], account=True)
        for number in pair:
            self.tell("RescueSessionEnded", [facts], number)


def _text(value):
    if not isinstance(value, str):
        raise ValueError("not text")
    return value


def _number(value):
    if type(value) not in (int, float):
        raise ValueError("not a number")
    return value


def _maybe(binder):
    return lambda value: None if value is None else binder(value)
