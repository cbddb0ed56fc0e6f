"""The one door from `tools rf` to the firmware's encoders. The decoder must not know it: it is their judge."""

from tools import Failure
from tools.common.firmware_modules import room
from tools.rf.models import find


def encoded(model, rf_id, action, intensity, channel=None):
    """The pulse train of the firmware's own encoder, [high, low, …] in µs.

    `model` and `action` are names, as people write them. Failure when there is no such thing, or the encoder refuses it.
    """
    try:
        name = find(model).name
    except ValueError as error:
        raise Failure(str(error))
    names = room("firmware.command").ACTIONS
    if action.lower() not in names:
        raise Failure(f"there is no action '{action}'; there are: {', '.join(names)}")
    encode = room(f"firmware.shockers.{name}").encode
    try:
        return list(encode(rf_id, names.index(action.lower()), intensity, channel=channel))
    except ValueError as error:
        raise Failure(f"{name} cannot send this: {error}")
