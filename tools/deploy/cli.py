"""The command `deploy`: which board it is, what differs, and that it was written."""

import argparse
import hashlib

from tools import Failure, layout
from tools.deploy import scripts, ways
from tools.environment import ROOT
from tools.flash import ports
from tools.images import image as app
from tools.images import targets
from tools.keyfile import KeyFile

OUT = ROOT / "build" / "deploy"
_SUM_BYTES = 8


def main(argv):
    """0. Failure in words when the board does not answer, or has no place for this firmware."""
    options = _parser().parse_args(argv)
    target = targets.named(options.board) if options.board else None
    if options.mount and options.via == "ampy":
        raise Failure("--mount needs mpremote")
    port = ports.chosen(options.port)
    OUT.mkdir(parents=True, exist_ok=True)
    way = ways.WAYS[options.via](port, OUT)
    ways.quiet(port)
    target = target or _asked(way)
    if options.mount:
        return _mounted(way, target)
    image = app.image(target, [KeyFile(name).public() for name in options.trust])
    _written(way, target, image)
    way.reset()
    print("It starts anew; `python3 -m tools console` shows what it says.")
    return 0


def _parser():
    parser = argparse.ArgumentParser(
        prog="python3 -m tools deploy",
        description="Brings the firmware as it is here onto a board that `flash` has written: only the blocks that differ.",
    )
    parser.add_argument("--port", help="the board's port; left out, the only one that there is")
    parser.add_argument("--board", metavar="NAME", help="which board it is; left out, it is asked")
    parser.add_argument(
        "--mount", action="store_true", help="write nothing: run the files of this computer; Ctrl-] ends it"
    )
    parser.add_argument(
        "--via", choices=sorted(ways.WAYS), default="mpremote", help="the program that reaches it; mpremote"
    )
    parser.add_argument(
        "--trust", action="append", default=[], metavar="NAME", help="public key whose updates the firmware takes"
    )
    return parser


def _asked(way):
    """The Target that the board says it is. Failure when it does not know."""
    told = scripts.told(way.run(scripts.WHICH), "board")
    if not told or len(told[0]) != 2:
        raise Failure("the board does not say which one it is; --board NAME does")
    name, its_map = told[0]
    return targets.named(name)._replace(layout=its_map)


def _mounted(way, target):
    """The exit code of the terminal; the firmware runs from this computer's files, and nothing was written."""
    files = app.contents(target)
    folder = OUT / "tree"
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in files:
            path.unlink()
    return way.serve(folder, scripts.RUN)


def _written(way, target, image):
    """None; the image is in the app partition of the running slot. Failure when it is not."""
    blocks = [image[at : at + layout.BLOCK] for at in range(0, len(image), layout.BLOCK)]
    label, size, sums = _there(way, len(blocks))
    room = layout.row(layout.table(target.layout), "app_0").size
    if size != room:
        raise Failure(
            f"{label} has {size} bytes, the map {target.layout} says {room}; --board NAME, or `flash` it anew"
        )
    wanted = [hashlib.sha256(block).digest()[:_SUM_BYTES].hex() for block in blocks]
    changed = [number for number, one in enumerate(wanted) if sums[number] != one]
    print(f"{target.title}, {label}: {len(changed)} of {len(blocks)} blocks differ", flush=True)
    if changed:
        way.write(
            changed,
            [blocks[number] for number in changed],
            scripts.write,
            lambda count: print(f"  {count} of {len(changed)} written", flush=True),
        )
        if _there(way, len(blocks))[2] != wanted:
            raise Failure("the board reads back something else than was written; try again, or `flash` it anew")


def _there(way, count):
    """(label, bytes, sums of the first `count` blocks) of the running slot's app partition. Failure when there is none."""
    text = way.run(scripts.sums(count))
    place = scripts.told(text, "place")
    sums = [words[1] for words in scripts.told(text, "sum") if len(words) == 2]
    if not place or len(sums) != count:
        raise Failure("this board has no place for the firmware; `python3 -m tools flash` makes one")
    return place[0][0], int(place[0][1]), sums
