"""`python3 -m tools build`: makes what a board is flashed with and updates itself from; the same bytes for the same sources.

In DIR (build/images) each board gets a folder: `image.bin` (the official MicroPython with the firmware frozen into it),
`manifest.json` (what it is, its size and hash), `partitions.bin` and `partitions.csv` (the flash map); with --key also
`manifest.json.sig`. --publish puts them into a tree that any web server can offer to devices, e.g. `python3 -m tools
serve-updates`. --web makes the page from which a browser writes boards.

The date in the manifest is that of the last commit, or SOURCE_DATE_EPOCH, or --date: never today's.
"""

import argparse
import datetime
import os
import shlex
import subprocess
from collections import namedtuple
from pathlib import Path

from tools import Failure, layout, sign
from tools.environment import ROOT
from tools.flash import plan as flash_plan
from tools.images import image, manifest, micropython, targets, tree
from tools.keyfile import KeyFile
from tools.web import flasher

OUT = ROOT / "build" / "images"

# version, date: as the manifest has them · trusted: public keys (bytes) · officials: {chip: tools.flash.official.Official}
# · changes: {path: source} for firmware/ and lib/
Plan = namedtuple("Plan", ("version", "date", "trusted", "officials", "changes"))


def plan(version=None, date=None, trusted=(), officials=None, changes=None):
    """Return a Plan; what is left out is the source tree's own. Failure for a version or a date that is none."""
    changes = dict(changes or {})
    if version is not None:
        if not manifest.is_version(version):
            raise Failure(f"'{version}' is no version (major.minor.patch, semver.org)")
        changes = {**image.versioned(version), **changes}
    return Plan(version or image.version(), date or released_on(), tuple(trusted), officials or {}, changes)


def released_on():
    """Return the date (YYYY-MM-DD, UTC) of these sources: SOURCE_DATE_EPOCH, else the last commit's. Failure without either."""
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


def files(target, made):
    """Return {name: bytes}: what the folder of a Target holds by the Plan `made`, without a signature. Failure: it does not fit."""
    rows = layout.table(target.layout)
    official = made.officials.get(target.chip)
    data = image.image(target, official and official.data, made.trusted, made.changes)
    try:
        told = manifest.made(target, made.version, image.counter(), made.date, data)
    except ValueError as fault:
        raise Failure(f"{target.title}: {fault}")
    return {
        manifest.IMAGE: data,
        manifest.FILE: told,
        "partitions.bin": layout.binary(rows),
        "partitions.csv": layout.csv(rows).encode(),
    }


def build(wanted, made, out, key=None, signer=sign.sign_file):
    """Return {title: folder} of the Targets `wanted`, in `out`; signed by `signer(path of the manifest, key)` when there is a key.

    A folder whose manifest is the same keeps its signature.
    """
    folders = {}
    for target in wanted:
        folder = Path(out) / target.title
        tree.write(folder, files(target, made))
        if key is not None:
            signer(folder / manifest.FILE, key)
        folders[target.title] = folder
    return folders


def officials(wanted, paths=(), version=None, fetch=None):
    """Return {chip: Official} for the Targets `wanted`: of the files `paths`, or else downloaded (newest verified, or `version`).

    `fetch(chip, version)` returns an Official. Failure in words when one cannot be had, and for two files of one chip.
    """
    found = {}
    for path in paths:
        read = flash_plan.official_image(path)
        if read.chip in found:
            raise Failure(f"{path}: there is another MicroPython for {read.chip} already")
        found[read.chip] = read
    for chip in dict.fromkeys(target.chip for target in wanted if target.chip):
        if chip not in found:
            found[chip] = (fetch or flash_plan.fetched_image)(chip, version)
    return found


def web(wanted, folders, made, folder):
    """Write the web flasher for the Targets `wanted`, built in `folders` by the Plan `made`, into `folder`.

    Failure when a MicroPython holds no boot loader, or something does not fit.
    """
    boards = []
    for target in wanted:
        if target.chip not in flasher.FAMILIES:
            raise Failure(f"{target.title} has no chip that a browser could write")
        data = (folders[target.title] / manifest.IMAGE).read_bytes()
        boards.append(flasher.Board(target, data, made.officials[target.chip]))
    flasher.write(folder, boards, made.version, made.date)


def _version(text):
    try:
        return micropython.parsed(text)
    except ValueError as fault:
        raise argparse.ArgumentTypeError(str(fault))


def add_micropython(parser):
    """Add the options --image and --micropython to an argument parser."""
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="MicroPython's .bin for a chip, one for each; what is not given is downloaded",
    )
    parser.add_argument(
        "--micropython",
        type=_version,
        metavar="VERSION",
        help="which one is downloaded; left out, the newest that the project has linked and verified",
    )


def _parser():
    parser = argparse.ArgumentParser(
        prog="python3 -m tools build", description="Makes images for boards, their manifests, and the tree of updates."
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--board", nargs="+", metavar="NAME", help="these boards")
    which.add_argument("--all", action="store_true", help="all boards but the simulated one (this is the default)")
    parser.add_argument(
        "--out", type=Path, default=OUT, metavar="DIR", help="a folder for each board there; build/images"
    )
    parser.add_argument("--key", metavar="NAME", help="sign with this key, as `keys` made it")
    parser.add_argument(
        "--trust", action="append", metavar="NAME", help="public key in the image, twice at most; the one that signs"
    )
    add_micropython(parser)
    parser.add_argument("--web", type=Path, metavar="DIR", help="make the page there that writes boards from a browser")
    parser.add_argument("--version", metavar="X.Y.Z", help="another version than firmware/version.py says")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="another date than the last commit's")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="put the result into this tree of updates")
    parser.add_argument("--channel", choices=tree.CHANNELS, default="stable", help="with --publish; stable")
    return parser


def wanted(names):
    """Return the Targets of these names; without any, all but the simulated one."""
    if names:
        return [targets.named(name) for name in dict.fromkeys(names)]
    return [target for name, target in sorted(targets.every().items()) if name != targets.SIMULATED]


def _report(target, folder):
    size = (folder / manifest.IMAGE).stat().st_size
    space = layout.row(layout.table(target.layout), "ota_0").size
    signed = "signed" if (folder / manifest.SIGNATURE).exists() else "not signed"
    print(f"{target.title:28} {target.layout:5} {manifest.IMAGE} {size:8} of {space:8} bytes, {signed}")


def main(argv):
    """Return 0. Failure at the first board that cannot be made."""
    options = _parser().parse_args(argv)
    if options.publish and not options.key:
        raise Failure("--publish needs --key: a device takes no update without a signature")
    trust = options.trust or ([options.key] if options.key else [])
    trusted = [KeyFile(name).public() for name in trust]
    boards = wanted(options.board)
    made = plan(options.version, options.date, trusted, officials(boards, options.image, options.micropython))
    folders = build(boards, made, options.out, options.key)
    for target in boards:
        _report(target, folders[target.title])
    if not trusted:
        print("These images trust no key, so that they take no updates; --key or --trust names one.")
    if options.publish:
        tree.publish(folders, options.publish, made.version, options.channel)
        print(f"{options.publish}: {made.version} is what the channel {options.channel} offers now")
    if options.web:
        web(boards, folders, made, options.web)
        folder = shlex.quote(str(options.web))
        print(f"{folder} is made; python3 -m http.server --directory {folder} offers it here")
    return 0
