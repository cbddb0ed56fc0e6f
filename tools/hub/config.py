"""What a hub is started with, from a JSON file or freshly made. The file is checked whole before anything starts."""

import dataclasses
import json
import os
from dataclasses import dataclass, field

from tools.common import strict_json
from tools.hub import models, wire

_LONG_NAME = "ä" * 56 + "\U0001f415" * 3  # of 62 characters, as .NET counts


@dataclass
class Config:
    """All that a hub starts with. Times in ms; their defaults are the real server's (reference b)."""

    devices: list
    shockers: list
    tokens: list
    shares: list = field(default_factory=list)
    owner_guid: str = field(default_factory=wire.new_guid)
    owner_name: str = "owner"
    owner_session: str = field(default_factory=wire.new_token, repr=False)  # of the owner's browser
    ping_ms: int = 15_000  # a Ping record when nothing was sent for this long
    timeout_ms: int = 30_000  # silence of the client; armed by its first Ping
    handshake_ms: int = 15_000
    pong_ms: int = 60_000  # an unsolicited empty WebSocket Pong; 0: never
    negotiated_ms: int = 15_000  # how long a negotiated id waits for its socket
    fragment_bytes: int = 4096
    max_record_bytes: int = 32_768
    gateway_first_ping_ms: int = 5_000  # reference d.3
    gateway_ping_ms: int = 15_000
    gateway_first_pong_ms: int = 65_000  # without a Pong for so long after the upgrade: closed
    gateway_pong_ms: int = 35_000  # or for so long after the last one
    # where the real server differs from a kind one (reference, "Seen on the running backend")
    resets: bool = True  # the older of two connections with one hub token ends by a reset, without its close frame
    # and each of these is off unless it is asked for
    batch_ms: int = 0  # what is said within so long is one WebSocket message
    bare_edits: bool = False  # who edits, pauses or removes a shocker stops nothing by that
    silent_links: bool = False  # nobody who joined a share link hears that it was changed or deleted
    clock_offset_ms: int = 0  # of the server's clock against this PC's
    faults: bool = False  # whether POST /sim/… obeys
    page_open: bool = False  # whether the page logs in by itself; on loopback addresses only
    path: str | None = None  # where changes are saved

    @classmethod
    def sample(cls, **options) -> "Config":
        """One device with three shockers of different models, one token, one share link; everything fresh."""
        device = models.Device("desk hub")
        shockers = [
            models.Shocker("red", "CaiXianlin", 4321, device.guid),
            models.Shocker("blue", "PetTrainer", 1234, device.guid),
            models.Shocker("green", "WellturnT330", 777, device.guid),
        ]
        allowed = models.Share(shock=False, max_intensity=50, max_duration_ms=5000)
        link = models.ShareLink("guests", {shocker.guid: dataclasses.replace(allowed) for shocker in shockers})
        return cls([device], shockers, [models.Token("local")], [link], **options)

    def like_the_real_one(self) -> "Config":
        """Itself, with all that the real server does and a kind one would not, but for a wrong clock."""
        self.batch_ms, self.resets, self.bare_edits, self.silent_links = 20, True, True, True
        return self

    @classmethod
    def largest(cls, **options) -> "Config":
        """The largest account that the real service has: 4 devices with 11 shockers each, names of 64 characters, emoji in them.

        Its list has 22.5 KB, a Log of commands to all of its shockers 12.9 KB; one share link shares all of them.
        """
        devices = [models.Device(f"{number} " + _LONG_NAME) for number in range(models.MAX_DEVICES)]
        shockers = [
            models.Shocker(f"{number:02}" + _LONG_NAME, models.MODELS[number % 4], 1000 + number, device.guid)
            for number, device in enumerate(each for each in devices for _ in range(models.MAX_SHOCKERS))
        ]
        link = models.ShareLink("all", {shocker.guid: models.Share() for shocker in shockers})
        return cls(devices, shockers, [models.Token("local")], [link], **options)


_TIMES = (
    "ping_ms",
    "timeout_ms",
    "handshake_ms",
    "pong_ms",
    "negotiated_ms",
    "fragment_bytes",
    "max_record_bytes",
    "gateway_first_ping_ms",
    "gateway_ping_ms",
    "gateway_first_pong_ms",
    "gateway_pong_ms",
)
_LEAST = {"pong_ms": 0, "fragment_bytes": 1, "max_record_bytes": 256}
_KEYS = {"owner", "devices", "shockers", "tokens", "shares", "timing"}


def _take(item, name, kind, default=dataclasses.MISSING):
    if name not in item and default is not dataclasses.MISSING:
        return default
    value = item.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"'{name}' must be {kind.__name__}")
    return value


def _bounded(item, name, low, high, default=dataclasses.MISSING):
    value = _take(item, name, int, default)
    if value is not None and not low <= value <= high:
        raise ValueError(f"'{name}' must be {low} to {high}")
    return value


def _moment(item, name, default):
    text = _take(item, name, str, None)
    return wire.parse_time(text) if text else default()


def _named(item) -> dict:
    name = _take(item, "name", str)
    if not 1 <= len(name) <= models.MAX_NAME:
        raise ValueError(f"'name' must have 1 to {models.MAX_NAME} characters")
    return {
        "name": name,
        "guid": wire.guid(item["id"]) if "id" in item else wire.new_guid(),
        "created_on": _moment(item, "createdOn", wire.now),
    }


def _device(item, devices):
    return models.Device(token=_secret(item, wire.new_hub_token), **_named(item))


def _shocker(item, devices):
    known = [device.guid for device in devices]
    device = wire.guid(item["device"]) if "device" in item else known[0]
    if device not in known:
        raise ValueError("'device' is none of 'devices'")
    return models.Shocker(
        model=models.model_name(item.get("model")),
        rf_id=_bounded(item, "rfId", 0, 0xFFFF),
        device=device,
        paused=_take(item, "isPaused", bool, False),
        **_named(item),
    )


def _secret(item, make):
    """The item's token, or a fresh one."""
    secret = _take(item, "token", str, None) or make()
    if not 16 <= len(secret) <= 256 or not secret.isascii() or not secret.isprintable() or " " in secret:
        raise ValueError("'token' must be 16 to 256 printable ASCII characters without blanks")
    return secret


def _token(item, devices):
    secret = _secret(item, wire.new_token)
    permissions = tuple(_take(item, "permissions", list, models.PERMISSIONS))
    if not set(permissions) <= set(models.PERMISSIONS):
        raise ValueError(f"'permissions' are among {', '.join(models.PERMISSIONS)}")
    return models.Token(secret=secret, permissions=permissions, **_named(item))


def _link(item, devices):
    shares = {}
    for guid, part in _take(item, "shockers", dict).items():
        shares[wire.guid(guid)] = models.Share(
            *(_take(part, name, bool, True) for name in ("shock", "vibrate", "sound")),
            max_intensity=_bounded(part, "intensity", 0, 100, None),
            max_duration_ms=_bounded(part, "duration", 300, 65_535, None),
            paused=_take(part, "paused", bool, False),
        )
    return models.ShareLink(shares=shares, expires_on=_moment(item, "expiresOn", lambda: None), **_named(item))


def _list(tree, name, make, devices=()):
    made = []
    for number, item in enumerate(_take(tree, name, list, [])):
        try:
            made.append(make(item, devices))
        except (ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"{name}[{number}]: {error}")
    return made


def from_tree(tree) -> Config:
    """The Config that a JSON object describes; what is not said gets its default. ValueError says what is wrong."""
    if not isinstance(tree, dict) or not set(tree) <= _KEYS:
        raise ValueError(f"must be an object with keys among {', '.join(sorted(_KEYS))}")
    devices = _list(tree, "devices", _device) or [models.Device("desk hub")]
    config = Config(
        devices,
        _list(tree, "shockers", _shocker, devices),
        _list(tree, "tokens", _token) or [models.Token("local")],
        _list(tree, "shares", _link),
    )
    guids = [
        thing.guid for things in (config.devices, config.shockers, config.tokens, config.shares) for thing in things
    ]
    if len(set(guids)) != len(guids):
        raise ValueError("two things have the same 'id'")
    owner = _take(tree, "owner", dict, {})
    config.owner_guid = wire.guid(owner["id"]) if "id" in owner else wire.new_guid()
    config.owner_name = _take(owner, "name", str, "owner")
    config.owner_session = _take(owner, "session", str, None) or wire.new_token()
    timing = _take(tree, "timing", dict, {})
    if not set(timing) <= set(_TIMES):
        raise ValueError(f"'timing' has keys among {', '.join(_TIMES)}")
    for name in timing:
        setattr(config, name, _bounded(timing, name, _LEAST.get(name, 10), 86_400_000))
    return config


def _named_tree(thing) -> dict:
    return {"id": thing.guid, "name": thing.name, "createdOn": wire.iso(thing.created_on)}


def _share_tree(share) -> dict:
    tree = {"shock": share.shock, "vibrate": share.vibrate, "sound": share.sound, "paused": share.paused}
    limits = {"intensity": share.max_intensity, "duration": share.max_duration_ms}
    return tree | {name: limit for name, limit in limits.items() if limit is not None}


def to_tree(config) -> dict:
    """The JSON object that `from_tree` makes this Config of."""
    default = Config([], [], [])
    timing = {name: getattr(config, name) for name in _TIMES if getattr(config, name) != getattr(default, name)}
    links = []
    for link in config.shares:
        parts = {guid: _share_tree(share) for guid, share in link.shares.items()}
        expiry = {"expiresOn": wire.iso(link.expires_on)} if link.expires_on else {}
        links.append(_named_tree(link) | {"shockers": parts} | expiry)
    return {
        "owner": {"id": config.owner_guid, "name": config.owner_name, "session": config.owner_session},
        "devices": [_named_tree(device) | {"token": device.token} for device in config.devices],
        "shockers": [
            {"device": each.device, "model": each.model, "rfId": each.rf_id, "isPaused": each.paused}
            | _named_tree(each)
            for each in config.shockers
        ],
        "tokens": [
            _named_tree(token) | {"token": token.secret, "permissions": list(token.permissions)}
            for token in config.tokens
        ],
        "shares": links,
        "timing": timing,
    }


def load(path) -> Config:
    """The Config in the file at `path`. ValueError says in one line what is wrong with it; OSError as ever."""
    try:
        config = from_tree(strict_json.load(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}")
    config.path = os.fspath(path)
    return config


def save(config, path) -> None:
    """Replace the file at `path` in one step, readable by its owner only: it holds the tokens.

    OSError; ValueError (UnicodeEncodeError) for what UTF-8 cannot say. The old file stays then.
    """
    data = (json.dumps(to_tree(config), indent=2, ensure_ascii=False) + "\n").encode()
    fresh = f"{path}.new"
    if os.path.exists(fresh):
        os.remove(fresh)
    with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(data)
    os.replace(fresh, path)


def add_manners(parser):
    """Give a parser the switches of a hub in the real one's manner."""
    parser.add_argument(
        "--like-real",
        action="store_true",
        help="do what OpenShock's server does and a kind one would not: many records in one message, resets, silent links",
    )
    parser.add_argument(
        "--largest", action="store_true", help="the largest account there is: 4 devices with 11 shockers each"
    )
    parser.add_argument(
        "--clock-offset",
        type=int,
        default=0,
        metavar="MS",
        help="the server's clock is so many ms ahead (or, negative, behind)",
    )


def made(options, **more) -> Config:
    """A fresh Config as the switches of `add_manners` ask for it."""
    return behave((Config.largest if options.largest else Config.sample)(**more), options)


def behave(config, options) -> Config:
    """`config`, which behaves from now on as those switches ask for."""
    config.clock_offset_ms = options.clock_offset
    return config.like_the_real_one() if options.like_real else config
