"""Import of the firmware's encoders for `tools rf`, nowhere else: the decoder must not depend on what it checks."""

from tools import Failure
from tools.common.firmware_modules import load_module
from tools.rf.models import find


def encoded(model, rf_id, action, intensity, channel=None):
    """Return the pulse train of the firmware's own encoder, [high, low, …] in µs.

    `model` and `action` are names, as people write them. Raise Failure when there is no such thing, or the encoder refuses it.
    """
    try:
        name = find(model).name
    except ValueError as error:
        raise Failure(str(error))
    names = load_module("firmware.command").ACTIONS
    if action.lower() not in names:
        raise Failure(f"there is no action '{action}'; there are: {', '.join(names)}")
    encode = load_module(f"firmware.shockers.{name}").encode
    try:
        return list(encode(rf_id, names.index(action.lower()), intensity, channel=channel))
    except ValueError as error:
        raise Failure(f"{name} cannot send this: {error}")
