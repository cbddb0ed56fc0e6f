"""/1/hubs/user: the owner's hub. Its methods, its greeting, and which of its connections is a device (reference a.3, a.4)."""

import re

from tools.hub import binding, calls, control, events, wire

# The firmware says `User-Agent: OpenShock/<version> (MicroPython; <board>)`.
DEVICE_AGENT = re.compile(r"OpenShock/([0-9A-Za-z.+-]+)(?: \(MicroPython; ([^)]*)\))?")


def device_of(devices, user_agent, wanted):
    """The models.Device that a connection is, and what it runs; (None, None, None) for a remote.

    `?device={guid}` names one of our devices and decides alone. Without it, a User-Agent that begins with `OpenShock/`
    is the device where there is only one: a hub cannot know which of several it would be.
    """
    match = DEVICE_AGENT.match(user_agent)
    version, board = match.groups() if match else (None, None)
    if wanted is not None:
        device = next((each for each in devices if each.guid == wanted.lower()), None)
    else:
        device = devices[0] if match and len(devices) == 1 else None
    if device is None:
        return None, None, None
    try:
        version = binding.version(version)
    except ValueError:
        version = None
    return device, version, board


def _any(value):
    return value


_NEWS = {
    "OtaInstallStarted": (_any, _any),
    "OtaInstallProgress": (_any, _any, _any),
    "OtaInstallFailed": (_any, _any, _any),
    "OtaRollback": (_any,),
    "OtaInstallSucceeded": (_any,),
}


class UserHub:
    """The service behind the user hub's connections."""

    def __init__(self, hub):
        self._hub = hub
        self.methods = {
            "control": calls.Method((binding.controls,), self._control),
            "controlv2": calls.Method((binding.controls, binding.optional_text), self._control),
            "captiveportal": calls.Method((wire.guid, binding.flag), self._relay("CaptivePortal")),
            "emergencystop": calls.Method((wire.guid,), self._relay("EmergencyStop")),
            "otainstall": calls.Method((wire.guid, binding.version), self._relay("OtaInstall")),
            "reboot": calls.Method((wire.guid,), self._relay("Reboot")),
            # what a device of ours tells of its own update; the real server knows these as events only
            **{name.lower(): calls.Method((wire.guid, *rest), self._news(name)) for name, rest in _NEWS.items()},
        }

    def greet(self, connection):
        """Welcome, and the online devices; the connection counts from here on."""
        self._hub.arrived(connection)
        online = [events.online_state(device, True) for device in self._hub.devices if self._hub.online(device)]
        return events.welcome(connection.id), events.device_status(online)

    def heard(self, connection):
        """Something came in."""
        if connection.peer.device:
            connection.peer.device.last_seen = wire.now()

    def gone(self, connection):
        """It ended."""
        self._hub.left(connection)

    async def _control(self, connection, controls, custom_name=None):
        config = self._hub.config
        sender = control.owner_sender(config, connection.id, connection.peer.token, custom_name)
        try:
            self._hub.admit(controls, sender)
        except control.Refused as refusal:  # silent, as the real server is
            if refusal.reason == control.BAD_TYPE:
                raise calls.Failing

    def _news(self, target):
        async def news(connection, device, *rest):
            for own in self._hub.devices:
                if own.guid == device:
                    record = wire.invocation(target, [device, *rest])
                    await self._hub.tell_update(record, target, own, *rest)

        return news

    def _relay(self, target):
        async def relay(connection, device, *rest):
            self._hub.relay(target, device, rest)

        return relay
