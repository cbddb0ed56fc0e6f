"""`python3 -m tools build`: makes what a board is flashed with and updates itself from; the same bytes for the same sources.

In DIR (build/images) each board gets a folder: `image.bin` (MicroPython with the firmware in it, one slot of the flash),
`manifest.json` (what it is, and its hash), `partitions.bin` and `partitions.csv` (the flash map); with --key also
`manifest.json.sig`. --publish puts them into a tree that any web server can offer to devices, e.g. `python3 -m tools
serve-updates`. --web makes the page from which a browser writes boards. --frozen writes the modules for an own build of
MicroPython instead (docs/freezing.md).

The date in the manifest is that of the last commit, or SOURCE_DATE_EPOCH, or --date: never today's.
"""

import datetime
import os
import shlex
import subprocess
from collections import namedtuple
from pathlib import Path

from tools import Failure, sign
from tools.common import arguments
from tools.common.environment import ROOT
from tools.common.key_file import KeyFile
from tools.common.printable import one_line
from tools.flash import sources
from tools.images import frozen_sources, image, layout, manifest, modules, targets, tree
from tools.web import flasher

OUT = ROOT / "build" / "images"

# version, date: as the manifest has them · trusted: public keys (bytes) · changes: {path: source} for firmware/ and lib/
Plan = namedtuple("Plan", ("version", "date", "trusted", "changes"))


def plan(version=None, date=None, trusted=(), changes=None):
    """Return a Plan; what is left out is the source tree's own. Raise Failure for a version or a date that is none."""
    changes = dict(changes or {})
    if version is not None:
        if not manifest.is_version(version):
            raise Failure(f"'{one_line(version)}' is no version (major.minor.patch, semver.org)")
        changes = {**modules.versioned(version), **changes}
    return Plan(version or modules.version(), date or released_on(), tuple(trusted), changes)


def released_on():
    """Return the date (YYYY-MM-DD, UTC) of these sources: SOURCE_DATE_EPOCH, else the last commit's.

    Raise Failure when there is neither.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        command = ["git", "-C", str(ROOT), "log", "-1", "--format=%ct"]
        try:
            epoch = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
        except OSError:
            epoch = ""
    try:
        return datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        raise Failure(
            "nobody knows the date of these sources (no commit, no SOURCE_DATE_EPOCH); --date YYYY-MM-DD says it"
        )


def files(target, made, official=None):
    """Return ({name: bytes}, image.Made): what the folder of a Target holds by the Plan `made`, without a signature.

    `official`: the bytes of an official MicroPython image; None for the simulated board. Raise Failure when it does not fit.
    """
    linked = image.made(target, official, made.trusted, made.changes)
    rollback = modules.counter()
    if modules.INFO_FILE in made.changes:
        rollback = modules.counter_in(made.changes[modules.INFO_FILE])
    try:
        description = manifest.made(target, made.version, rollback, made.date, linked.data)
    except ValueError as fault:
        raise Failure(f"{target.title}: {fault}")
    rows = layout.table(target.layout)
    result = {
        manifest.IMAGE: linked.data,
        manifest.FILE: description,
        "partitions.bin": layout.binary(rows),
        "partitions.csv": layout.csv(rows).encode(),
    }
    return result, linked


def build(wanted, made, out, officials=None, key=None, signer=sign.sign_file, report=lambda target, linked: None):
    """Return {title: folder} of the Targets `wanted`, in `out`; signed by `signer(path of the manifest, key)` when there is a key.

    `officials`: {title: tools.flash.official.Official}. `report(target, image.Made)` is called for each. A folder whose manifest
    is the same keeps its signature.
    """
    folders = {}
    for target in wanted:
        folder = Path(out) / target.title
        official = (officials or {}).get(target.title)
        content, linked = files(target, made, official and official.data)
        tree.write(folder, content)
        if key is not None:
            signer(folder / manifest.FILE, key)
        folders[target.title] = folder
        report(target, linked)
    return folders


def officials(wanted, paths=(), version=None, fetch=None, to_look_at=False):
    """Return {title: Official} for the Targets `wanted` that have a chip; the other arguments as sources.officials.

    Raise Failure when one cannot be had.
    """
    boards = [target for target in wanted if target.chip]
    found = sources.officials([target.chip for target in boards], paths, version, fetch, to_look_at)
    return {target.title: found[target.chip] for target in boards}


def web(wanted, folders, made, folder, images):
    """Write the web flasher for the Targets `wanted`, built in `folders` by the Plan `made`, into `folder`.

    `images`: {title: Official}. Raise Failure when one holds no boot loader, or does not fit.
    """
    boards = []
    for target in wanted:
        data = (folders[target.title] / manifest.IMAGE).read_bytes()
        boards.append(flasher.Board(target, data, images[target.title]))
    flasher.write(folder, boards, made.version, made.date)


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools build", description="Makes images for boards, their manifests, and the tree of updates."
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--board", nargs="+", metavar="NAME", help="these boards")
    which.add_argument("--all", action="store_true", help="all boards but the simulated one (this is the default)")
    sources.add_options(parser, several=True)
    parser.add_argument(
        "--out", type=arguments.folder, default=OUT, metavar="DIR", help="a folder for each board there; build/images"
    )
    parser.add_argument("--key", type=arguments.key, metavar="NAME", help="sign with this key, as `keys` made it")
    parser.add_argument(
        "--trust",
        type=arguments.key,
        action="append",
        metavar="NAME",
        help="public key in the image, twice at most; the one that signs",
    )
    parser.add_argument(
        "--web", type=arguments.folder, metavar="DIR", help="make the page there that writes boards from a browser"
    )
    parser.add_argument(
        "--frozen",
        type=arguments.folder,
        metavar="DIR",
        help="only write the modules and the manifest for an own build of MicroPython (docs/freezing.md)",
    )
    parser.add_argument("--version", metavar="X.Y.Z", help="another version than firmware/version.py says")
    parser.add_argument("--date", type=arguments.date, metavar="YYYY-MM-DD", help="another date than the last commit's")
    parser.add_argument(
        "--publish", type=arguments.folder, metavar="DIR", help="put the result into this tree of updates"
    )
    parser.add_argument("--channel", choices=tree.CHANNELS, default="stable", help="with --publish; stable")
    return parser


def wanted(names):
    """Return the Targets of these names; without any, all but the simulated one."""
    if names:
        return [targets.named(name) for name in dict.fromkeys(names)]
    return [target for name, target in sorted(targets.every().items()) if name != targets.SIMULATED]


def report(target, linked):
    """Print what became of a board: its image, what is left of the slot, and how much each package takes of it."""
    slot = layout.row(layout.table(target.layout), "ota_0").size
    size = len(linked.data)
    print(f"{target.title:28} {linked.micropython or 'simulated':8} {size:8} of {slot} bytes, {slot - size} left")
    packages = {}
    for name, taken in linked.sizes.items():
        package = name.rpartition("/")[0] or "top level"
        packages[package] = packages.get(package, 0) + taken
    rows = sorted(packages.items(), key=lambda row: -row[1])
    if rows:
        print("   " + ", ".join(f"{package} {taken}" for package, taken in rows))


def main(argv):
    """Return 0. Raise Failure at the first board that cannot be made."""
    options = _parser().parse_args(argv)
    if options.publish and not options.key:
        raise Failure("--publish needs --key: a device takes no update without a signature")
    boards = wanted(options.board)
    if options.web and not all(target.chip for target in boards):
        raise Failure("--web writes real boards, the simulated one is none")
    trust = options.trust or ([options.key] if options.key else [])
    trusted = [KeyFile(name).public() for name in trust]
    made = plan(options.version, options.date, trusted)
    if options.frozen:
        for target in boards:
            folder = frozen_sources.write(options.frozen, target, made.trusted, made.changes)
            print(f"{folder / frozen_sources.MANIFEST}: FROZEN_MANIFEST for MicroPython's own build")
        return 0
    to_look_at = not (options.key or options.publish or options.web)
    images = officials(boards, options.image, options.micropython, to_look_at=to_look_at)
    folders = build(boards, made, options.out, images, options.key, report=report)
    if not trusted:
        print("These images trust no key, so that they take no updates; --key or --trust names one.")
    if options.publish:
        tree.publish(folders, options.publish, made.version, options.channel)
        print(f"{options.publish}: {made.version} is what the channel {options.channel} offers now")
    if options.web:
        web(boards, folders, made, options.web, images)
        folder = shlex.quote(str(options.web))
        print(f"{folder} is made; python3 -m http.server --directory {folder} offers it here")
    return 0
