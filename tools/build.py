"""`python3 -m tools build`: makes what a board is flashed with and updates itself from; the same bytes for the same sources.

In DIR (build/images) each board gets a folder: `app.lfs` (the firmware as a file system, only the blocks in use),
`manifest.json` (what it is, and the hashes), `partitions.bin` and `partitions.csv` (the flash map), `names.txt` (what the
short names in it stand for: `python3 -m tools traceback` reads a board's tracebacks back by it); with --runtime also
`runtime.bin` (MicroPython); with --key also `manifest.json.sig`. --publish puts them into a tree that any web server can
offer to devices, e.g. `python3 -m tools serve-updates`. --web makes the page from which a browser writes boards.

The date in the manifest is that of the last commit, or SOURCE_DATE_EPOCH, or --date: never today's.
"""

import argparse
import datetime
import os
import shlex
import subprocess
from collections import namedtuple
from pathlib import Path

from tools import Failure, layout, sign, traceback
from tools.environment import ROOT
from tools.flash import download
from tools.flash.plan import official_image
from tools.images import app, content, frozen, manifest, targets, tree
from tools.keyfile import KeyFile
from tools.web import flasher

OUT = ROOT / "build" / "images"

# version, date: as the manifest has them · trusted: public keys (bytes) · runtimes: {chip: image} · ship: whether they are parts
# · changes: {path: source} for firmware/ and lib/
Plan = namedtuple("Plan", ("version", "date", "trusted", "runtimes", "ship", "changes"))


def plan(version=None, date=None, trusted=(), runtimes=None, ship=True, changes=None):
    """A Plan; what is left out is the source tree's own. Failure for a version or a date that is none."""
    changes = dict(changes or {})
    if version is not None:
        if not manifest.is_version(version):
            raise Failure(f"'{version}' is no version (major.minor.patch, semver.org)")
        changes = {**app.versioned(version), **changes}
    return Plan(version or app.version(), date or released_on(), tuple(trusted), runtimes or {}, ship, changes)


def released_on():
    """The date (YYYY-MM-DD, UTC) of these sources: SOURCE_DATE_EPOCH, else the last commit's. Failure when there is neither."""
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
    """{name: bytes}: what the folder of a Target holds by the Plan `made`, without a signature. Failure when it does not fit."""
    rows = layout.table(target.layout)
    result = {manifest.APP: app.image(target, made.trusted, made.changes)}
    image = made.runtimes.get(target.chip)
    if image is not None:
        room = layout.row(rows, "ota_0").size
        if len(image) > room:
            raise Failure(
                f"{target.title}: this runtime has {len(image)} bytes, its partition {room}; is there a smaller build?"
            )
        if made.ship:
            result[manifest.RUNTIME] = image
    rollback = app.counter()
    if "firmware/image.py" in made.changes:
        rollback = app.counter_in(made.changes["firmware/image.py"])
    try:
        result[manifest.FILE] = manifest.made(
            target, made.version, rollback, made.date, result[manifest.APP], image, made.ship
        )
    except ValueError as fault:
        raise Failure(f"{target.title}: {fault}")
    result["partitions.bin"] = layout.binary(rows)
    result["partitions.csv"] = layout.csv(rows).encode()
    result["names.txt"] = traceback.text(content.names(made.changes)).encode()
    return result


def build(wanted, made, out, key=None, signer=sign.sign_file):
    """{title: folder} of the Targets `wanted`, in `out`; signed by `signer(path of the manifest, key)` when there is a key.

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


def read_runtimes(paths):
    """{chip: tools.flash.official.Official} of these files. Failure in words for one that is none, and for two of one chip."""
    found = {}
    for path in paths:
        read = official_image(path)
        if read.chip in found:
            raise Failure(f"{path}: there is another runtime for {read.chip} already")
        found[read.chip] = read
    return found


def officials(wanted, images, fetch=download.image):
    """{title: tools.flash.official.Official} for the Targets `wanted`: of `images` ({chip: Official}), or else fetched.

    Failure when one cannot be had, and when nobody made one for that chip.
    """
    found, fetched = {}, {}
    for target in wanted:
        image = images.get(target.chip)
        if target.chip not in flasher.FAMILIES:
            raise Failure(f"{target.title} has no chip that a browser could write")
        if image is None:
            path = fetch(target.chip, target.layout)
            image = fetched[path] = fetched.get(path) or official_image(path, fetched=True)
            if image.chip != target.chip:
                raise Failure(f"{path} is for an {image.chip}, not an {target.chip}")
        found[target.title] = image
    return found


def web(wanted, folders, made, folder, images):
    """None; the web flasher for the Targets `wanted`, built in `folders` by the Plan `made`, is in `folder`.

    `images`: {title: Official}. Failure when one holds no boot loader, or does not fit.
    """
    boards = []
    for target in wanted:
        app_image = (folders[target.title] / manifest.APP).read_bytes()
        boards.append(flasher.Board(target, app_image, images[target.title]))
    flasher.write(folder, boards, made.version, made.date)


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
    parser.add_argument(
        "--runtime",
        action="append",
        default=[],
        metavar="FILE",
        help="MicroPython for a chip (.bin or .app-bin); one for each chip",
    )
    parser.add_argument("--web", type=Path, metavar="DIR", help="make the page there that writes boards from a browser")
    parser.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE",
        help="MicroPython's .bin for that page, one for each chip; what is not given is fetched",
    )
    parser.add_argument(
        "--frozen", type=Path, metavar="DIR", help="only the files that frozen firmware reads (docs/frozen.md)"
    )
    parser.add_argument("--app-only", action="store_true", help="name the runtime in the manifest, but do not ship it")
    parser.add_argument("--version", metavar="X.Y.Z", help="another version than firmware/version.py says")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="another date than the last commit's")
    parser.add_argument("--publish", type=Path, metavar="DIR", help="put the result into this tree of updates")
    parser.add_argument("--channel", choices=tree.CHANNELS, default="stable", help="with --publish; stable")
    return parser


def wanted(names):
    """The Targets of these names; without any, all but the simulated one."""
    if names:
        return [targets.named(name) for name in dict.fromkeys(names)]
    return [target for name, target in sorted(targets.every().items()) if name != targets.SIMULATED]


def _tell(target, folder):
    size = (folder / manifest.APP).stat().st_size
    room = layout.row(layout.table(target.layout), "app_0").size
    signed = "signed" if (folder / manifest.SIGNATURE).exists() else "not signed"
    print(f"{target.title:28} {target.layout:9} app.lfs {size:7} of {room:7} bytes, {signed}")


def main(argv):
    """0; Failure at the first board that cannot be made."""
    options = _parser().parse_args(argv)
    if options.publish and not options.key:
        raise Failure("--publish needs --key: a device takes no update without a signature")
    if options.image and not options.web:
        raise Failure("--image is for the page of --web; --runtime ships one in updates")
    if options.frozen:
        for path, data in frozen.files().items():
            (options.frozen / path).parent.mkdir(parents=True, exist_ok=True)
            (options.frozen / path).write_bytes(data)
        print(f"{options.frozen}: for the board's own file system, beside firmware that is frozen (docs/frozen.md)")
        return 0
    trust = options.trust or ([options.key] if options.key else [])
    trusted = [KeyFile(name).public() for name in trust]
    boards = wanted(options.board)
    shipped, images = read_runtimes(options.runtime), read_runtimes(options.image)
    runtimes = {chip: one.runtime for chip, one in shipped.items()}
    made = plan(options.version, options.date, trusted, runtimes, not options.app_only)
    folders = build(boards, made, options.out, options.key)
    for target in boards:
        _tell(target, folders[target.title])
    if not trusted:
        print("These images trust no key, so that they take no updates; --key or --trust names one.")
    if options.publish:
        tree.publish(folders, options.publish, made.version, options.channel)
        print(f"{options.publish}: {made.version} is what the channel {options.channel} offers now")
    if options.web:
        web(boards, folders, made, options.web, officials(boards, {**shipped, **images}))
        folder = shlex.quote(str(options.web))
        print(f"{folder} is made; python3 -m http.server --directory {folder} offers it here")
    return 0
