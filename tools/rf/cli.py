"""The command line of `python3 -m tools rf`: files in and out, words for people. What it knows of radio is next door."""

import argparse
import importlib
import json
import pathlib
import sys

from tools import Failure
from tools.rf import ook, trace, vcd
from tools.rf.bursts import bursts, frame_event
from tools.rf.decode import decode, edges, pulses, train_pulses
from tools.rf.frames import NEAR_US, TOLERANCE_US
from tools.rf.models import BY_NAME, MODELS, find

_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_ACTIONS = ("shock", "vibrate", "sound", "light", "stop")

# suffix → how pulses become the bytes of such a file
_WRITERS = {
    ".trace": lambda train: trace.pack(edges(train)),
    ".ook": lambda train: ook.text(train).encode(),
    ".vcd": lambda train: vcd.text(train).encode(),
}


def load(path, wire=None):
    """The list of Pulse in a .trace, .ook or .vcd file. Failure when it cannot be read, or holds none."""
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
            content = data.decode()
            found = ook.parse(content) if suffix == ".ook" else vcd.parse(content, wire)
    except UnicodeDecodeError:
        raise Failure(f"{path}: this is not text")
    except Failure as failure:
        raise Failure(f"{path}: {failure}")
    if not found:
        raise Failure(f"{path}: no pulse in it")
    return found


def save(path, train, number=1):
    """None; writes pulses as the suffix says. `number` is the frame to draw, from 1, for .png."""
    path = pathlib.Path(path)
    suffix = path.suffix.lower()
    try:
        if suffix == ".png":
            _draw(path, train, number)
        elif suffix in _WRITERS:
            path.write_bytes(_WRITERS[suffix](train))
        else:
            raise Failure(f"{path}: the name must end with {', '.join(_WRITERS)} or .png")
    except OSError as error:
        raise Failure(f"{path}: {error.strerror or error}")


def _draw(path, train, number, title=None):
    from tools.rf import plot

    frames = decode(train)
    if not 1 <= number <= len(frames):
        raise Failure(f"there is no frame {number}; there are {len(frames)}")
    first = sum(frame.n_pulses for frame in frames[: number - 1])
    frame = frames[number - 1]
    plot.draw(frame, train[first : first + frame.n_pulses], path, title)


def _number(text):
    """A whole number, decimal or 0x…, for argparse."""
    try:
        return int(text, 0)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{text}' is no whole number")


def _train(model, options):
    """The pulse train of the firmware's own encoder. It is asked here alone: the decoder must not know it."""
    for folder in ("host_tests/stubs", "host_tests/cpython"):
        if str(_ROOT / folder) not in sys.path:
            sys.path.insert(0, str(_ROOT / folder))
    importlib.import_module("dress")
    command = importlib.import_module("firmware.command")
    action = command.ACTIONS.index(options.action.lower())
    encode = importlib.import_module(f"firmware.shockers.{model.name}").encode
    try:
        return list(encode(options.id, action, options.intensity, channel=options.channel))
    except ValueError as error:
        raise Failure(f"{model.name} cannot send this: {error}")


def _encode(options):
    try:
        model = find(options.model)
    except ValueError as error:
        raise Failure(str(error))
    if options.action.lower() not in _ACTIONS:
        raise Failure(f"there is no action '{options.action}'; there are: {', '.join(_ACTIONS)}")
    if not 1 <= options.repeat <= 10_000:
        raise Failure("--repeat takes 1 to 10000")
    train = _train(model, options) * options.repeat
    if options.output:
        save(options.output, train_pulses(train))
        return 0
    for high, low in zip(train[::2], train[1::2], strict=True):
        print(high, low)
    return 0


def _line(event):
    """One event for people."""
    span = f"{event['first_ms']:>9} - {event['last_ms']:<9} ms  "
    if event["event"] == "rf_fault":
        return span + f"FAULT  {event['model'] or 'unknown'}: " + "; ".join(event["faults"])
    channel = f" channel {event['channel']}" if "channel" in event else ""
    frames = "frame" if event["frames"] == 1 else "frames"
    said = f"{event['model']:14} {event['rf_id']:>5}{channel}  {event['action']} {event['intensity']}"
    return f"{span}{said:40} {event['frames']} {frames}"


def _frame_line(frame, origin_us):
    start = f"{(frame.start_us - origin_us) / 1000:>12.3f} ms  "
    channel = "" if frame.channel is None else f" channel {frame.channel}"
    said = f"{frame.model or 'unknown':14} "
    if frame.rf_id is not None:
        said += f"{frame.rf_id:>5}{channel}  {frame.action} {frame.intensity}  {frame.hex}  worst {frame.worst_us} us"
    return start + said + "".join(f"  FAULT {fault}" for fault in frame.faults)


def _decode(options):
    if not 1 <= options.tolerance <= NEAR_US:
        raise Failure(f"--tolerance takes 1 to {NEAR_US} us")
    heard = load(options.file, options.wire)
    frames = decode(heard, options.tolerance)
    origin_us = 0 if options.absolute else heard[0].start_us
    if options.frames:
        lines = [
            json.dumps(frame_event(frame, origin_us)) if options.json else _frame_line(frame, origin_us)
            for frame in frames
        ]
    else:
        write = json.dumps if options.json else _line
        lines = [write(event) for event in bursts(frames, origin_us=origin_us)]
    print("\n".join(lines))
    return 0 if all(frame.ok for frame in frames) else 1


def _plot(options):
    if pathlib.Path(options.output).suffix.lower() != ".png":
        raise Failure(f"{options.output}: the name must end with .png")
    try:
        _draw(options.output, load(options.file, options.wire), options.frame, options.title)
    except OSError as error:
        raise Failure(f"{options.output}: {error.strerror or error}")
    return 0


def _export(options):
    save(options.output, load(options.file, options.wire))
    return 0


def _models_text():
    lines = []
    for model in MODELS:
        names = [name for name, same in BY_NAME.items() if same is model]
        lines.append("  " + ", ".join(names))
    return "models (upper or lower case):\n" + "\n".join(lines)


def _add_file(parser):
    parser.add_argument(
        "file", metavar="FILE", help="a .trace (simulator), .ook (rtl_433) or .vcd (logic analyser) file"
    )
    parser.add_argument("--wire", help="which wire of a .vcd file, when it has several")


def _parser():
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python3 -m tools rf",
        description="What is on the air: encodes, decodes, draws and exports the radio frames of the five receiver models.",
        epilog="example:  python3 -m tools rf encode caixianlin 46231 vibrate 25 -o frame.png",
        formatter_class=raw,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    one = commands.add_parser(
        "encode",
        help="make the pulses of a frame with the firmware's encoder",
        description="Prints the pulses as the firmware sends them, 'high low' in us, or writes them to a file.",
        epilog=_models_text(),
        formatter_class=raw,
    )
    one.add_argument("model", metavar="MODEL", help="the receiver model, see below")
    one.add_argument("id", metavar="ID", type=_number, help="its radio id, 0-65535 or 0x0000-0xffff")
    one.add_argument("action", metavar="ACTION", help=", ".join(_ACTIONS))
    one.add_argument("intensity", metavar="INTENSITY", type=_number, help="0-100")
    one.add_argument("--channel", type=_number, help="the receiver's channel, where the model has some")
    one.add_argument("--repeat", type=_number, default=1, metavar="N", help="the same frame N times (default 1)")
    one.add_argument("-o", "--output", metavar="FILE", help="write .ook, .vcd, .trace or .png instead of printing")
    one.set_defaults(run=_encode)

    two = commands.add_parser(
        "decode",
        help="say what a recording holds",
        description="Prints one line a burst (equal frames to one receiver), and one for everything that is no valid frame.",
        epilog="exit code: 0 all frames are valid; 1 something is not, or the file cannot be read.",
        formatter_class=raw,
    )
    _add_file(two)
    two.add_argument("--frames", action="store_true", help="every single frame instead of bursts")
    two.add_argument("--json", action="store_true", help="one JSON object a line")
    two.add_argument("--absolute", action="store_true", help="times as in the file, not from its first edge")
    two.add_argument(
        "--tolerance",
        type=_number,
        default=TOLERANCE_US,
        metavar="US",
        help=f"a width further off is a fault (default {TOLERANCE_US})",
    )
    two.set_defaults(run=_decode)

    three = commands.add_parser("plot", help="draw one frame of a recording as a PNG")
    _add_file(three)
    three.add_argument("-o", "--output", metavar="FILE", required=True, help="the .png to write")
    three.add_argument("--frame", type=_number, default=1, metavar="N", help="which frame, from 1 (default 1)")
    three.add_argument("--title", help="the words above the picture")
    three.set_defaults(run=_plot)

    four = commands.add_parser("export", help="write a recording in another format")
    _add_file(four)
    four.add_argument("-o", "--output", metavar="FILE", required=True, help="the .ook, .vcd or .trace to write")
    four.set_defaults(run=_export)
    return parser


def main(argv):
    """The exit code, as `tools.rf.main` says."""
    options = _parser().parse_args(argv)
    return options.run(options)
