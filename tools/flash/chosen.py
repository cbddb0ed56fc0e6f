"""The files of vfs: the settings that the person chose, each checked as the device itself checks it. Code is in the image.

No secret is ever repeated in a message: it could be a key on the wrong line.
"""

import getpass
import hashlib
import io
import ssl
import sys
import tempfile
import warnings
from pathlib import Path

from tools import Failure
from tools.common import strict_json
from tools.common.firmware_modules import load_module
from tools.common.printable import printable

SETTINGS = "settings.json"


def settings(path=None, network=None, ask=getpass.getpass):
    """Return the settings (a dict) of the file `path`, with a network ([name] or [name, key]) in front of its networks.

    `ask(prompt)` gives the key where only the name is there. Raise Failure for a file or a value that the device would refuse.
    """
    made = _from_file(path) if path else {}
    if network:
        ssid, key = network if len(network) == 2 else (network[0], _asked(ask, network[0]))
        entry = {"ssid": ssid, "key": key} if key else {"ssid": ssid}
        made = merged(made, {"wifi": [entry]})
    _check(made, path or "--wifi")
    return made


def merged(old, new):
    """Return the settings `old` with those of `new` over them. Networks are added, in front; one of the same name is replaced."""
    result = {**old, **new}
    if "wifi" in old and "wifi" in new:
        names = [one.get("ssid") for one in new["wifi"] if isinstance(one, dict)]
        others = [one for one in old["wifi"] if isinstance(one, dict) and one.get("ssid") not in names]
        result["wifi"] = (new["wifi"] + others)[:8]
    return result


def certificates(paths):
    """Return {path on the device: DER} of the certificate authorities in these files, PEM or DER. Failure for what is none."""
    made = {}
    for path in paths:
        try:
            data = path.read_bytes()
            found = list(load_module("lib.ca_certs").certificates(io.BytesIO(data)))
            for der in found:
                ssl.create_default_context(cadata=der)
        except OSError as fault:
            raise Failure(f"{path}: {fault.strerror or fault}")
        except ValueError as fault:
            raise Failure(f"{path} holds no certificate (PEM or DER): {fault}")
        made |= {f"certs/{hashlib.sha256(der).hexdigest()[:8]}.der": der for der in found}
    return made


def files(chosen, kept=None, more=None):
    """Return {path: bytes} of a new vfs: the settings, what was kept of an old one ({path: bytes}), and `more` of the kind.

    Raise Failure when the kept settings cannot be read, and others shall be added.
    """
    made = {**(kept or {}), **(more or {})}
    if chosen:
        made[SETTINGS] = _sealed(merged(read(made[SETTINGS]), chosen) if SETTINGS in made else chosen)
    return made


def read(data):
    """Return the settings (a dict) in the bytes of a settings.json. Raise Failure when it is damaged."""
    json_file = load_module("lib.json_file")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SETTINGS
        path.write_bytes(data)
        try:
            return json_file.load(str(path))
        except json_file.Damaged as fault:
            raise Failure(f"the settings on the board are damaged ({fault}); without --keep-settings they are replaced")


def _sealed(content):
    """Return the bytes of a settings.json, with the checksum that the device gives it. Raise Failure when it is too large."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / SETTINGS
        try:
            load_module("lib.json_file").save(str(path), content)
        except ValueError as fault:
            raise Failure(f"all settings together: {fault}")
        return path.read_bytes()


def _asked(ask, ssid):
    try:
        with warnings.catch_warnings():
            if not sys.stdin.isatty():  # getpass warns that it cannot hide the input
                warnings.simplefilter("ignore", getpass.GetPassWarning)
            return ask(f"The key of {printable(ssid)} (none: Enter): ")
    except EOFError:
        raise Failure("--wifi without a key asks for it, and there is nobody to answer: --wifi SSID KEY")


def _from_file(path):
    try:
        content = strict_json.load(path)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror or fault}")
    except ValueError as fault:
        raise Failure(f"{path} is no JSON: {fault}")
    if not isinstance(content, dict):
        raise Failure(f"{path} holds no table of settings")
    return {key: value for key, value in content.items() if key not in ("schema", "crc32")}


def _check(content, where):
    """Raise Failure for an unknown setting, and for a value that does not fit."""
    table = load_module("firmware.config.settings")
    for key, value in content.items():
        if key not in table.names():
            raise Failure(f"{where}: there is no setting '{key}' (docs/settings.md lists them)")
        if not table.fits(key, value):
            raise Failure(f"{where}: {key}: {table.wanted(key)}")


def check_pins(content, target):
    """Raise Failure for pins in the settings `content` that cannot be used on that board; print what to take care of."""
    chips, board = (
        load_module("firmware.hardware.gpio_rules"),
        load_module("lib.plugins").load("firmware.boards", target.name),
    )
    pins = [content.get(key, -1) for key in ("rf.pin", "estop.pin")]
    pins = [own if pin < 0 else pin for pin, own in zip(pins, (board.RF_PIN, board.ESTOP_PIN))]
    if not content.get("estop.enabled", True):
        pins[1] = None
    why = chips.refused(board, *pins)
    if why:
        raise Failure(f"{target.title}: {why}")
    for words in filter(None, [chips.warning(board, pin) for pin in pins]):
        print(f"Take care: {words}.")
