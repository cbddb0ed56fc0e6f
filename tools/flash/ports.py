"""Which serial port the board is at: the one that there is, or the one that the person names."""

from serial.tools import list_ports

from tools import Failure

# A board, its bridge to USB, or the chip's own USB; Bluetooth and the mainboard's ports have no vendor number.
_CABLE = (
    "no board is there: is it plugged in, with a cable that carries data, and its driver installed (CP210x, CH340)?"
)


def found():
    """Return the ports at USB: a list of (name, description), in the order of their names."""
    there = [port for port in list_ports.comports() if port.vid is not None]
    return sorted((port.device, _described(port)) for port in there)


def _described(port):
    words = [port.product or port.description or "", port.manufacturer or ""]
    label = ", ".join(dict.fromkeys(word for word in words if word and word != "n/a"))
    return f"{label or 'no name'} ({port.vid:04x}:{port.pid:04x})"


def chosen(wanted=None, there=None):
    """Return the port to use. Raise Failure in words when there is none, and with a list when there are several.

    `there` is what `found` gives; a URL of pyserial (socket://, rfc2217://) is a port, too.
    """
    if wanted:
        return wanted
    there = found() if there is None else there
    if not there:
        raise Failure(f"{_CABLE} --port NAME names one that is not listed")
    if len(there) > 1:
        lines = "".join(f"\n  --port {name:24} {what}" for name, what in there)
        raise Failure(f"several boards could be meant; say which:{lines}")
    return there[0][0]
