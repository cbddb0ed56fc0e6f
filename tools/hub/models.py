"""What the hub knows: its owner, devices, shockers, tokens and share links. Plain values and the names the API gives them."""

from dataclasses import dataclass, field
from datetime import datetime

from tools.hub import wire

STOP, SHOCK, VIBRATE, SOUND = 0, 1, 2, 3
CONTROL_TYPES = ("Stop", "Shock", "Vibrate", "Sound")
# REST's names (a.6). D80 is known to receivers and firmware but not to the official API: this hub serves it as well.
MODELS = ("CaiXianlin", "PetTrainer", "Petrainer998DR", "WellturnT330", "D80")
PERMISSIONS = (
    "shockers.use",
    "shockers.edit",
    "shockers.pause",
    "devices.edit",
    "devices.auth",
    "usershares.edit",
    "usershares.pause",
    "publicshares.pause",
    "publicshares.edit",
)
MAX_DEVICES = 4  # an account
MAX_SHOCKERS = 11  # a device
MAX_NAME = 64
_MODEL_BY_NAME = {name.lower(): name for name in MODELS} | {"petrainer": "PetTrainer"}
_TYPE_BY_NAME = {name.lower(): number for number, name in enumerate(CONTROL_TYPES)}


def model_name(value) -> str:
    """REST's name of a model given by name (FlatBuffers' spelling too) or number. ValueError if there is none."""
    if isinstance(value, str) and value.lower() in _MODEL_BY_NAME:
        return _MODEL_BY_NAME[value.lower()]
    if type(value) is int and 0 <= value < len(MODELS):
        return MODELS[value]
    raise ValueError(f"not a shocker model (one of {', '.join(MODELS)})")


def control_type(value) -> int:
    """The number of a control type given by name or number. ValueError if there is none."""
    if isinstance(value, str) and value.lower() in _TYPE_BY_NAME:
        return _TYPE_BY_NAME[value.lower()]
    if type(value) is int and 0 <= value < len(CONTROL_TYPES):
        return value
    raise ValueError(f"not a control type (one of {', '.join(CONTROL_TYPES)})")


@dataclass
class Shocker:
    """One collar receiver; `guid` is its name on the wire, `rf_id` (0–65535) and `model` its name on the air."""

    name: str
    model: str
    rf_id: int
    device: str
    guid: str = field(default_factory=wire.new_guid)
    paused: bool = False
    created_on: datetime = field(default_factory=wire.now)

    def rest(self) -> dict:
        """As `GET /1/shockers/own` shows it; key order as the real server's (section c)."""
        return {
            "name": self.name,
            "isPaused": self.paused,
            "createdOn": wire.iso(self.created_on),
            "id": self.guid,
            "rfId": self.rf_id,
            "model": self.model,
        }


@dataclass
class Device:
    """One board (OpenShock's users say hub); `token` is its own, for the gateway.

    What it runs and when it spoke is learned from its connections; `unfinished` holds the ids of its updates under way.
    """

    name: str
    guid: str = field(default_factory=wire.new_guid)
    created_on: datetime = field(default_factory=wire.now)
    token: str = field(default_factory=wire.new_hub_token, repr=False)
    unfinished: set = field(default_factory=set)
    firmware_version: str | None = None
    board: str | None = None
    last_seen: datetime | None = None

    def rest(self) -> dict:
        """As `GET /1/devices` shows it."""
        return {"id": self.guid, "name": self.name, "createdOn": wire.iso(self.created_on)}


@dataclass
class Token:
    """One API token and what it may do; any token, even without a permission, may listen and read (section b)."""

    name: str
    secret: str = field(default_factory=wire.new_token, repr=False)
    guid: str = field(default_factory=wire.new_guid)
    permissions: tuple = PERMISSIONS
    created_on: datetime = field(default_factory=wire.now)


@dataclass
class Share:
    """One shocker within a share link: what a guest may do with it, and how much."""

    shock: bool = True
    vibrate: bool = True
    sound: bool = True
    max_intensity: int | None = None
    max_duration_ms: int | None = None
    paused: bool = False

    def allows(self, control) -> bool:
        """Whether a control of this number may pass; Stop passes if anything may (section e)."""
        if control == STOP:
            return self.shock or self.vibrate or self.sound
        return {SHOCK: self.shock, VIBRATE: self.vibrate, SOUND: self.sound}.get(control, False)


@dataclass
class ShareLink:
    """A public link: guests with a name may control the shockers in `shares` (shocker guid → Share)."""

    name: str
    shares: dict
    guid: str = field(default_factory=wire.new_guid)
    created_on: datetime = field(default_factory=wire.now)
    expires_on: datetime | None = None

    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires_on is not None and self.expires_on <= wire.now()
