"""Files of pulses, by their suffix: .trace, .ook and .vcd are read and written, .png is drawn. A new format is a line here."""

import pathlib

from tools import Failure
from tools.rf import ook, trace, vcd
from tools.rf.decode import decode, edges, pulses

# suffix → how pulses become the bytes of such a file
_WRITERS = {
    ".trace": lambda train: trace.pack(edges(train)),
    ".ook": lambda train: ook.text(train).encode(),
    ".vcd": lambda train: vcd.text(train).encode(),
}


def load(path, wire=None):
    """Return the list of Pulse in a .trace, .ook or .vcd file. Raise Failure when it cannot be read, or holds none."""
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise Failure(f"{path}: the name must end with {', '.join(_WRITERS)}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}")
    try:
        if suffix == ".trace":
            found = pulses(trace.unpack(data))
        else:
            content = data.decode("utf-8-sig")
            found = ook.parse(content) if suffix == ".ook" else vcd.parse(content, wire)
    except UnicodeDecodeError:
        raise Failure(f"{path}: this is not text")
    except Failure as failure:
        raise Failure(f"{path}: {failure}")
    if not found:
        raise Failure(f"{path}: no pulse in it")
    return found


def save(path, train, number=1):
    """Write pulses in the format of the suffix. `number` is the frame to draw, from 1, for .png."""
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".png":
            draw(path, train, number)
        elif suffix in _WRITERS:
            path.write_bytes(_WRITERS[suffix](train))
        else:
            raise Failure(f"{path}: the name must end with {', '.join(_WRITERS)} or .png")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}")


def draw(path, train, number=1, title=None):
    """Draw the frame `number` (from 1) of these pulses. Raise Failure when there is none, or it is not whole."""
    from tools.rf import plot  # matplotlib is slow to load

    frames = decode(train)
    if not 1 <= number <= len(frames):
        raise Failure(f"there is no frame {number}; there are {len(frames)}")
    first = sum(frame.n_pulses for frame in frames[: number - 1])
    frame = frames[number - 1]
    plot.draw(frame, train[first : first + frame.n_pulses], path, title)
