"""The console's commands that read and change settings. A change is saved whole or not at all, then the device starts anew.

In memory only while a line is carried out. Secrets are shown as *** unless `--secrets` is asked for: whoever has the cable has the
file as well, but screens are shared and logs are pasted. *** is understood, too: what is stored stays.
"""

from firmware.config.settings import Refused, is_secret, is_setting
from firmware.console.responses import SUCCESS, Wrong, board_of, number, parsed, response, truth
from lib.strict_json import dumps

SECRETS = "--secrets"
_MASK = "***"
_SAVED = SUCCESS + "Saved config"
_RESTARTING = _SAVED + ", restarting..."


def change(desk, changes):
    """The answer to `changes` [(key, value)], what to take care of first: all are saved, and used after a restart.

    Wrong, Refused, OSError, MemoryError: none is made.
    """
    settings = desk.rooms.settings()
    before = []
    try:
        for key, value in changes:
            before.append((key, settings.get(key)))
            settings.set(key, value)
        warnings = _check_pins(settings, [key for key, _ in changes])
        settings.save()
    except (Wrong, Refused, OSError, MemoryError):
        for key, value in before:
            settings.set(key, value)
        raise
    desk.echo = settings.get("console.echo")
    if all(key == "console.echo" for key, _ in changes):
        return (_SAVED,)
    desk.restart_soon()
    return warnings + (_RESTARTING,)


def _flag(key, name):
    """The command that reads or sets a flag."""

    def command(desk, argument):
        if not argument:
            return (response(name, truth(desk.rooms.settings().get(key))),)
        if argument.lower() not in ("true", "false"):
            raise Wrong("true or false")
        return change(desk, [(key, argument.lower() == "true")])

    return command


# --- pins


def _check_pins(settings, keys):
    """Lines with what to know of the pins among `keys`. Wrong when one of them cannot be used on this board, or both are one."""
    if not any(key in ("board", "rf.pin", "estop.pin", "remote.inputs", "remote.dial") for key in keys):
        return ()
    from firmware.control import remote_inputs
    from firmware.hardware import gpio_rules

    board = board_of(settings)
    lines = []
    for key in ("rf.pin", "estop.pin"):
        pin = settings.get(key)
        if pin >= 0 and ("board" in keys or key in keys):
            why = gpio_rules.why_not(board, pin, key == "estop.pin")
            if why:
                raise Wrong(why)
            if gpio_rules.warning(board, pin):
                lines.append("Take care: %s." % gpio_rules.warning(board, pin))
    pin = _pin(settings, "rf.pin", board.RF_PIN)
    if pin >= 0 and pin == _pin(settings, "estop.pin", board.ESTOP_PIN):
        raise Wrong("transmitter and emergency stop cannot share a pin")
    for _, _, why in remote_inputs.looked_at(settings, board):
        if why:
            raise Wrong(why)
    return tuple(lines)


def _pin(settings, key, own):
    """The pin in use, or -1: the setting's, or the board's own."""
    pin = settings.get(key)
    return pin if pin >= 0 else -1 if own is None else own


def _rf_tx_pin(desk, argument):
    settings = desk.rooms.settings()
    if not argument:
        return (response("RmtPin", _pin(settings, "rf.pin", board_of(settings).RF_PIN)),)
    return change(desk, [("rf.pin", number(argument))])


def _estop(desk, argument):
    what, _, value = argument.partition(" ")
    value = value.strip()
    if what.lower() == "enabled":
        return _flag("estop.enabled", "EStopEnabled")(desk, value)
    settings = desk.rooms.settings()
    if not value:
        return (response("EStopPin", _pin(settings, "estop.pin", board_of(settings).ESTOP_PIN)),)
    return change(desk, [("estop.pin", number(value))])


# --- network and account


def mine(settings, name):
    """The setting `name` ("url") of the backend in use; of openshock_user, where that backend has none."""
    key = "%s.%s" % (settings.get("backend"), name)
    return key if is_setting(key) else "openshock_user." + name


def host_of(url):
    """`url` as OpenShock says it: a host alone means https."""
    return url[8:] if url.startswith("https://") else url


def url_of(text):
    """What `host_of` gave, as a URL; anything but a text as it is, for the setting's own check."""
    return text if not isinstance(text, str) or "://" in text else "https://" + text


def _hostname(desk, argument):
    if not argument:
        return (response("Hostname", desk.rooms.settings().get("hostname")),)
    return change(desk, [("hostname", argument)])


def _domain(desk, argument):
    settings = desk.rooms.settings()
    key = mine(settings, "url")
    if not argument:
        return (response("Domain", host_of(settings.get(key))),)
    return change(desk, [(key, url_of(argument))])


def _auth_token(desk, argument):
    settings = desk.rooms.settings()
    key = mine(settings, "token")
    if argument in ("", SECRETS):
        return (response("AuthToken", shown(settings, key, argument == SECRETS)),)
    return change(desk, [(key, kept(settings, key, argument))])


def _networks(desk, argument):
    settings = desk.rooms.settings()
    if argument in ("", SECRETS):
        return (response("Networks", written(shown(settings, "wifi", argument == SECRETS))),)
    return change(desk, [("wifi", kept(settings, "wifi", parsed(argument)))])


def shown(settings, key, secrets):
    """The value of a setting as it may be shown; networks in OpenShock's words."""
    value = settings.get(key)
    if key != "wifi":
        return _MASK if value and not secrets and is_secret(key) else value
    entries = []
    for at, known in enumerate(value):
        entry = known.copy()
        password = entry.pop("key", "")
        entry["id"] = at + 1
        entry["password"] = password if secrets or not password else _MASK
        entries.append(entry)
    return entries


def kept(settings, key, value):
    """`value` as the setting wants it, with what is stored in the place of each mask. Wrong for a mask of nothing."""
    if key == "wifi":
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise Wrong('[{"ssid":"name","password":"key"}] is wanted')
        return [_network(settings, entry) for entry in value]
    if value != _MASK or not is_secret(key):
        return value
    stored = settings.get(key)
    if not stored:
        raise Wrong("*** keeps what is stored, and nothing is")
    return stored


def _network(settings, entry):
    network = {name: entry[name] for name in ("ssid", "hidden", "security", "address") if name in entry}
    if network.get("address") is not None:
        from firmware.net import static_address

        words = static_address.problem(network["address"])
        if words:
            raise Wrong(words)
    network["key"] = entry.get("password", entry.get("key", ""))
    if network["key"] == _MASK:
        keys = [known.get("key", "") for known in settings.get("wifi") if known["ssid"] == network.get("ssid")]
        if not keys:
            raise Wrong("*** keeps the key of a network that is stored, and this one is not")
        network["key"] = keys[0]
    return network


def written(value):
    """`value` as JSON, a text."""
    return dumps(value).decode()


# --- caps, and the rest


def _caps(desk, argument):
    words = argument.split()
    if words and words[0].lower() in ("get", "set"):
        words = words[1:]
    if not words:
        return (response("Caps", written(desk.rooms.settings().section("cap"))),)
    key = "cap." + words[0].lower()
    if not is_setting(key) or len(words) < 2:
        raise Wrong("caps, or caps NAME VALUE with a name that caps shows")
    return change(desk, [(key, parsed(" ".join(words[1:])))])


def _certificates(desk, argument):
    from firmware.net import own_certificates
    from lib.ca_certs import file_names

    what, _, text = argument.partition(" ")
    try:
        if what.lower() == "add" and text:
            return (SUCCESS + "Added " + own_certificates.add(text),)
        if what.lower() == "remove" and text:
            own_certificates.remove(text.strip())
            return (SUCCESS + "Removed",)
    except own_certificates.Refused as fault:
        raise Wrong(str(fault))
    if what:
        raise Wrong("certificates, certificates add BASE64, or certificates remove NAME")
    return tuple([response("Certificate", name) for name in file_names()]) + (
        SUCCESS + "Those of the image are trusted, too",
    )


def _raw_config(desk, argument):
    raise Wrong("there is no binary configuration here; jsonconfig reads and writes everything")


def _factory_reset(desk, argument):
    yield "Resetting to factory defaults..."
    desk.rooms.settings().reset()
    from firmware.net import own_certificates

    own_certificates.remove_all()
    yield "Restarting..."
    desk.restart_soon()


COMMANDS = {
    "echo": _flag("console.echo", "SerialEcho"),
    "keepalive": _flag("rf.keep_alive", "KeepAlive"),
    "rftxpin": _rf_tx_pin,
    "estop": _estop,
    "domain": _domain,
    "authtoken": _auth_token,
    "hostname": _hostname,
    "networks": _networks,
    "caps": _caps,
    "certificates": _certificates,
    "rawconfig": _raw_config,
    "factoryreset": _factory_reset,
}
