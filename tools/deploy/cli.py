"""The command `deploy`: which board it is, what differs, that it was written, and what comes next."""

import contextlib
import hashlib
from collections import namedtuple
from pathlib import Path

from tools import Failure
from tools.common import arguments
from tools.common.environment import ROOT
from tools.common.key_file import KeyFile
from tools.deploy import blocks, scripts, trial, ways
from tools.flash import plan, ports, sources
from tools.images import image, layout, micropython, targets

OUT = ROOT / "build" / "deploy"
_FOLDERS = ("firmware", "lib")
# what `build` writes anew into each image: only the frozen ones are of this board
_GENERATED = ("firmware/build_info.py", "firmware/ota/trusted_keys.py", "firmware/ca_bundle.py", "firmware/www/page.py")

# A slot as the board describes it. label: "ota_1" · size: bytes · sums: of its first blocks
Slot = namedtuple("Slot", ("label", "size", "sums"))


def main(argv):
    """Return 0. Raise Failure in words when the board does not answer, or has no place for this firmware."""
    options = _parser().parse_args(argv)
    modules = None if options.mount is None else served(options.mount)
    if modules and options.via == "ampy":
        raise Failure("--mount needs mpremote")
    target = targets.named(options.board) if options.board else None
    trusted = [KeyFile(name).public() for name in options.trust]
    port = ports.chosen(options.port)
    OUT.mkdir(parents=True, exist_ok=True)
    way = ways.WAYS[options.via](port, OUT)
    status = ways.quiet(port)
    if modules:
        return way.serve(ROOT, scripts.run(modules))
    try:
        _deployed(way, target, options, trusted, status)
    except Failure:
        # what ran before goes on, where the board can still be asked for that
        with contextlib.suppress(Failure):
            way.reset()
        raise
    way.reset()
    return 0


def _deployed(way, target, options, trusted, status):
    """Link the image for the board that is there, and write it. Raise Failure when that does not work."""
    target, version = _asked(way, target)
    official = _official(target, options, version)
    made = image.image(target, official.data, trusted)
    if not trusted:
        print("This firmware trusts no key, so that it takes no updates by itself; --trust NAME names one.")
    _written(way, target, made, trial.not_well(status))


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools deploy",
        description="Brings the firmware as it is here onto a board that `flash` has written: only the blocks that differ, "
        "into the slot that does not run.",
    )
    parser.add_argument("--port", type=arguments.text, help="the board's port; left out, the only one that there is")
    parser.add_argument("--board", type=arguments.text, metavar="NAME", help="which board it is; left out, it is asked")
    parser.add_argument(
        "--mount",
        nargs="*",
        type=arguments.path,
        metavar="FILE",
        help="write nothing: run these files of firmware/ and lib/ from this computer, the others as they are on the board; "
        "without a FILE all of them (that needs PSRAM); Ctrl-] ends it",
    )
    parser.add_argument(
        "--via", choices=sorted(ways.WAYS), default="mpremote", help="the program that connects to it; mpremote"
    )
    parser.add_argument(
        "--trust",
        type=arguments.key,
        action="append",
        default=[],
        metavar="NAME",
        help="public key whose updates the firmware takes",
    )
    sources.add_options(parser)
    return parser


def served(files, root=ROOT):
    """Return the names of the modules in these files, or of all of firmware/ and lib/. Raise Failure for a file that is none."""
    if not files:
        paths = [path.relative_to(root).as_posix() for folder in _FOLDERS for path in (root / folder).rglob("*.py")]
        paths = [path for path in paths if path not in _GENERATED]
    else:
        paths = [_served(file, root) for file in files]
    return sorted(path.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for path in paths)


def _served(file, root):
    place = Path(file)
    place = place if place.is_absolute() else root / place
    path = (
        place.resolve().relative_to(root.resolve()).as_posix() if place.resolve().is_relative_to(root.resolve()) else ""
    )
    if not place.is_file() or not path.startswith(tuple(folder + "/" for folder in _FOLDERS)) or place.suffix != ".py":
        raise Failure(f"{file} is no module of {' or '.join(f'{folder}/' for folder in _FOLDERS)}")
    if path in _GENERATED:
        raise Failure(f"{file} is made anew for each image; only the one on the board is of that board")
    return path


def _asked(way, target):
    """Return (Target, version of MicroPython): the given one and None, else what the board reports. Raise Failure."""
    if target is not None:
        return target, None
    found = scripts.lines(way.run(scripts.WHICH), "board")
    if not found or len(found[0]) != 3:
        raise Failure("the board does not say which one it is; --board NAME does")
    name, its_map, version = found[0]
    return targets.named(name)._replace(layout=its_map), micropython.parsed(version)


def _official(target, options, version):
    """Return the Official to link into: what the options name, else the board's own version where it is known, else the newest."""
    if options.image:
        found = plan.official_image(options.image)
        if found.chip != target.chip:
            raise Failure(f"{options.image} is for an {found.chip}, {target.title} has an {target.chip}")
        return found
    if target.chip not in micropython.BOARDS:
        raise Failure(f"{target.title} has no chip to which MicroPython could be deployed")
    wanted = options.micropython
    if wanted is None and version:
        entry = micropython.of_version(target.chip, version)
        wanted = entry and entry.version
    return plan.fetched_image(target.chip, wanted)


def _written(way, target, made, not_well):
    """Write the image into the slot that does not run, for the next start. Raise Failure when it is not there then.

    `not_well`: what a trial does not ask for, None where there is none.
    """
    parts = blocks.split(made)
    wanted = blocks.sums(parts)
    running, idle, entries = _slots(way, target, len(parts))
    if running.sums == wanted:
        print(f"{target.title}: {running.label}, which runs, is this image already; nothing was written")
        return
    todo = blocks.transfer(wanted, idle.sums, running.sums)
    copied, sent = sum(run[2] for run in todo.copies), len(todo.writes)
    print(
        f"{target.title}, {idle.label}: {copied + sent} of {len(parts)} blocks differ; {copied} are on the board already",
        flush=True,
    )
    pending = trial.is_pending(entries, int(running.label[-1]))
    if pending:
        print("The version that runs was on trial itself; it stays now, as the one to go back to.")
    way.run(scripts.copy(todo.copies))
    if sent:
        data = [parts[number] for number in todo.writes]
        way.write(todo.writes, data, scripts.write, lambda count: print(f"  {count} of {sent} sent", flush=True))
    _finished(way, parts, not_well, pending)


def _finished(way, parts, not_well, pending):
    """Let the next start take what was written, on trial or for good."""
    files, copies = {}, {}
    if not_well is not None:
        old = b"".join(bytes.fromhex(words[0]) for words in scripts.lines(way.run(scripts.read(trial.JOURNAL)), "file"))
        files[trial.JOURNAL] = trial.journal(old, not_well, pending)
        copies["settings.json"] = "settings.before.json"  # for the old version, if it cannot read the new one's
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    done = way.run(scripts.finish(len(parts), digest, files, copies, not_well is not None))
    if not scripts.lines(done, "ready"):
        raise Failure("the board did not say that the new version starts next; the old one does; try again")
    print("Read back, as it was made. It starts anew; `python3 -m tools console` shows what it says.")
    if not_well is None:
        print("No trial: the firmware was not at work before, so that there is nothing to go back to.")
    else:
        print(
            "It is on trial, as after an update: when it has shown within five minutes that it works as the old one did, it "
            "stays; any restart before that brings the old one back."
        )


def _slots(way, target, count):
    """Return (running Slot, idle Slot, otadata's entries); sums of the first `count` blocks. Raise Failure without slots."""
    text = way.run(scripts.sums(count, blocks.SUM_BYTES))
    found = {}
    for words in scripts.lines(text, "slot"):
        sums = [one for line in scripts.lines(text, "sums") if line[:1] == words[:1] for one in line[1:]]
        found[words[0]] = Slot(words[1], int(words[2]), sums)
    running, idle = found.get("running"), found.get("idle")
    if not running or not idle or running.label == idle.label or not running.label.startswith("ota_"):
        raise Failure("this board has no two slots for firmware; `python3 -m tools flash` makes them")
    size = layout.row(layout.table(target.layout), "ota_0").size
    for slot in (running, idle):
        if slot.size != size:
            raise Failure(
                f"{slot.label} has {slot.size} bytes, the map {target.layout} says {size}; --board NAME, or `flash` it anew"
            )
    if count * layout.BLOCK > size:
        raise Failure(f"the image has {count * layout.BLOCK} bytes, the slot {size}")
    if len(running.sums) != count or len(idle.sums) != count:
        raise Failure("the board's answer was cut short; try again")
    return running, idle, [bytes.fromhex(words[0]) for words in scripts.lines(text, "otadata")]
