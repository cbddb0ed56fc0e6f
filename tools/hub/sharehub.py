"""/1/hubs/share/link/{id}: guests with a name, and the owner by session; one method, two events, no Log (reference a.5)."""

from tools.hub import binding, calls, control, wire

AUTHENTICATED, GUEST = 0, 1
SHARE_LINK = "share link"  # how the page calls this service
MAX_GUEST_NAME = 32  # in UTF-16, as .NET counts


def session_of(request):
    """The session that a request carries, by header or cookie; None for a guest's."""
    for found in (request.headers, request.cookies):
        for name, value in found.items():
            if name.lower() == "openshocksession":
                return value
    return None


def refuses(config, link, session, guest_name) -> bool:
    """Whether somebody is sent away right after the handshake: link unknown or expired, bad session, no name, a long one."""
    if link is None or link.expired():
        return True
    if session is not None:
        return not wire.is_secret(config.owner_session, session)
    return guest_name is None or len(guest_name.encode("utf-16-le", "surrogatepass")) // 2 > MAX_GUEST_NAME


class ShareHub:
    """The service behind the share links' connections."""

    def __init__(self, hub):
        self._hub = hub
        self.methods = {"control": calls.Method((binding.controls,), self._control)}

    def greet(self, connection):
        """Welcome alone."""
        self._hub.arrived(connection)
        return (wire.invocation("Welcome", [AUTHENTICATED if connection.peer.signed_in else GUEST]),)

    def heard(self, connection):
        """Something came in."""
        if connection.peer.visitor:
            connection.peer.visitor.last_seen = wire.now()

    def gone(self, connection):
        """It ended."""
        self._hub.left(connection)

    async def _control(self, connection, controls):
        link = connection.peer.link
        if link.expired() or link not in self._hub.config.shares:
            return
        if connection.peer.signed_in:
            sender = control.visitor_sender(self._hub.config, link, connection.id)
        else:
            sender = control.guest_sender(link, connection.id, connection.peer.guest_name)
        try:
            self._hub.admit(controls, sender, link)
        except control.Refused as refusal:  # silent, as the real server is
            if refusal.reason == control.BAD_TYPE:
                raise calls.Failing


def shown(hub, link) -> dict:
    """What `GET /1/public/shares/links/{id}` tells of a link: its devices and what a guest may do with their shockers."""
    devices = []
    for device in hub.devices:
        shockers = [each for each in hub.shockers if each.device == device.guid and each.guid in link.shares]
        shown = [_shared_shocker(each, link.shares[each.guid]) for each in shockers]
        if shown:
            devices.append({"id": device.guid, "name": device.name, "shockers": shown})
    return {
        "id": link.guid,
        "name": link.name,
        "createdOn": wire.iso(link.created_on),
        "expiresOn": wire.iso(link.expires_on) if link.expires_on else None,
        "author": {"id": hub.config.owner_guid, "name": hub.config.owner_name, "image": None},
        "devices": devices,
    }


def _shared_shocker(shocker, share) -> dict:
    allowed = {"vibrate": share.vibrate, "sound": share.sound, "shock": share.shock, "live": False}
    return {
        "id": shocker.guid,
        "name": shocker.name,
        "permissions": allowed,
        "limits": {"intensity": share.max_intensity, "duration": share.max_duration_ms},
        "paused": (1 if shocker.paused else 0) | (4 if share.paused else 0),  # PauseReason
    }
