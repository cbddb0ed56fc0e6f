"""Command line of `python3 -m tools rf`: files in and out, words for people. What is known of radio is in the modules beside it."""

import argparse
import json

from tools import Failure
from tools.common import arguments
from tools.common.printable import reason
from tools.rf.bursts import bursts, frame_event
from tools.rf.decode import decode, train_pulses
from tools.rf.encoders import encoded
from tools.rf.files import draw, load, save
from tools.rf.frames import NEAR_US, TOLERANCE_US
from tools.rf.models import BY_NAME, MODELS


def _encode(options):
    if not 1 <= options.repeat <= 10_000:
        raise Failure("--repeat takes 1 to 10000")
    train = encoded(options.model, options.id, options.action, options.intensity, options.channel) * options.repeat
    if options.output:
        save(options.output, train_pulses(train))
        return 0
    for high, low in zip(train[::2], train[1::2], strict=True):
        print(high, low)
    return 0


def _line(event):
    """Return one event as a line for people."""
    span = f"{event['first_ms']:>9} - {event['last_ms']:<9} ms  "
    if event["event"] == "rf_fault":
        return span + f"FAULT  {event['model'] or 'unknown'}: " + "; ".join(event["faults"])
    channel = f" channel {event['channel']}" if "channel" in event else ""
    frames = "frame" if event["frames"] == 1 else "frames"
    summary = f"{event['model']:14} {event['rf_id']:>5}{channel}  {event['action']} {event['intensity']}"
    return f"{span}{summary:40} {event['frames']} {frames}"


def _frame_line(frame, origin_us):
    start = f"{(frame.start_us - origin_us) / 1000:>12.3f} ms  "
    channel = "" if frame.channel is None else f" channel {frame.channel}"
    summary = f"{frame.model or 'unknown':14} "
    if frame.rf_id is not None:
        summary += (
            f"{frame.rf_id:>5}{channel}  {frame.action} {frame.intensity}  {frame.hex}  worst {frame.worst_us} us"
        )
    return start + summary + "".join(f"  FAULT {fault}" for fault in frame.faults)


def _decode(options):
    if not 1 <= options.tolerance <= NEAR_US:
        raise Failure(f"--tolerance takes 1 to {NEAR_US} us")
    pulses = load(options.file, options.wire)
    frames = decode(pulses, options.tolerance)
    origin_us = 0 if options.absolute else pulses[0].start_us
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
    if options.output.suffix.lower() != ".png":
        raise Failure(f"{options.output}: the name must end with .png")
    try:
        draw(options.output, load(options.file, options.wire), options.frame, options.title)
    except OSError as error:
        raise Failure(reason(error))
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
        "file",
        type=arguments.path,
        metavar="FILE",
        help="a .trace (simulator), .ook (rtl_433) or .vcd (logic analyser) file",
    )
    parser.add_argument("--wire", type=arguments.text, help="which wire of a .vcd file, when it has several")


def _add_encode(commands):
    parser = commands.add_parser(
        "encode",
        help="make the pulses of a frame with the firmware's encoder",
        description="Prints the pulses as the firmware sends them, 'high low' in us, or writes them to a file.",
        epilog=_models_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="the receiver model, see below")
    parser.add_argument("id", metavar="ID", type=arguments.whole, help="its radio id, 0-65535 or 0x0000-0xffff")
    parser.add_argument("action", metavar="ACTION", help="shock, vibrate, sound or light")
    parser.add_argument("intensity", metavar="INTENSITY", type=arguments.number(0, 100), help="0-100")
    parser.add_argument(
        "--channel", metavar="N", type=arguments.whole, help="the receiver's channel, where the model has some"
    )
    parser.add_argument(
        "--repeat", metavar="N", type=arguments.whole, default=1, help="the same frame N times (default 1)"
    )
    parser.add_argument(
        "-o",
        "--output",
        type=arguments.path,
        metavar="FILE",
        help="write .ook, .vcd, .trace or .png instead of printing",
    )
    parser.set_defaults(run=_encode)


def _add_decode(commands):
    parser = commands.add_parser(
        "decode",
        help="say what a recording holds",
        description="Prints one line a burst (equal frames to one receiver), and one for everything that is no valid frame.",
        epilog="exit code: 0 all frames are valid; 1 something is not, or the file cannot be read.",
    )
    _add_file(parser)
    parser.add_argument("--frames", action="store_true", help="every single frame instead of bursts")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--absolute", action="store_true", help="times as in the file, not from its first edge")
    wrong = f"a width further off is a fault (default {TOLERANCE_US})"
    parser.add_argument("--tolerance", type=arguments.whole, default=TOLERANCE_US, metavar="US", help=wrong)
    parser.set_defaults(run=_decode)


def _add_plot(commands):
    parser = commands.add_parser("plot", help="draw one frame of a recording as a PNG, its bits and fields named")
    _add_file(parser)
    parser.add_argument(
        "-o", "--output", type=arguments.new_file, metavar="FILE", required=True, help="the .png to write"
    )
    parser.add_argument("--frame", type=arguments.whole, default=1, metavar="N", help="which frame, from 1 (default 1)")
    parser.add_argument("--title", type=arguments.text, help="the words above the picture")
    parser.set_defaults(run=_plot)


def _add_export(commands):
    parser = commands.add_parser("export", help="write a recording in another format")
    _add_file(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=arguments.new_file,
        metavar="FILE",
        required=True,
        help="the .ook, .vcd or .trace to write",
    )
    parser.set_defaults(run=_export)


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools rf",
        description="What is on the air: encodes, decodes, draws and exports the radio frames of the five receiver models.",
        epilog="example:  python3 -m tools rf encode caixianlin 46231 vibrate 25 -o frame.png",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_encode, _add_decode, _add_plot, _add_export):
        add(commands)
    return parser


def main(argv):
    """Return the exit code, as `tools.rf.main` does."""
    options = _parser().parse_args(argv)
    return options.run(options)
