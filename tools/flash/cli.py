"""Command `flash`: its options, the order of its steps, and what a person reads when one of them fails."""

import argparse
import os
import shlex

from tools import Failure
from tools.common import arguments
from tools.common.environment import ROOT
from tools.flash import chosen, kept, official, pieces, plan, ports, sources, steps
from tools.flash.device import Device, Lost
from tools.images import layout

_M = 1024 * 1024
OUT = ROOT / "build" / "flash"


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools flash",
        description="Puts MicroPython and the firmware on a board. Everything on it is lost, but for what --keep-settings keeps.",
    )
    parser.add_argument("--port", type=arguments.text, help="the board's port; left out, the only one that there is")
    parser.add_argument(
        "--board", type=arguments.text, metavar="NAME", help="which board it is; left out, a generic one with that chip"
    )
    sources.add_options(parser)
    parser.add_argument(
        "--settings", type=arguments.path, metavar="FILE", help="settings for the board (JSON, see docs/settings.md)"
    )
    parser.add_argument(
        "--wifi", nargs="+", metavar=("SSID", "KEY"), help="a network for the board; without the key, it is asked for"
    )
    saved = parser.add_mutually_exclusive_group()
    saved.add_argument(
        "--keep-settings", action="store_true", help="read settings and NVS from the board, write them back"
    )
    saved.add_argument(
        "--kept", type=arguments.path, metavar="FILE", help="the same, from the file that a broken try left"
    )
    parser.add_argument(
        "--backup", type=arguments.new_file, metavar="FILE", help="first read the whole flash into FILE"
    )
    parser.add_argument("--erase", action="store_true", help="first erase the whole flash")
    parser.add_argument(
        "--app", type=arguments.path, metavar="DIR", help="the image from this folder that `build` made"
    )
    parser.add_argument(
        "--trust",
        type=arguments.key,
        action="append",
        default=[],
        metavar="NAME",
        help="public key whose updates the firmware takes",
    )
    parser.add_argument(
        "--ca",
        type=arguments.path,
        action="append",
        default=[],
        metavar="FILE",
        help="certificate authority of a server of your own (PEM or DER)",
    )
    parser.add_argument("--layout", choices=[one for one in layout.NAMES if one != "sim"], help="another flash map")
    parser.add_argument(
        "--dry-run", action="store_true", help="only print the map and the commands, and leave the pieces"
    )
    parser.add_argument(
        "--out", type=arguments.folder, default=OUT, metavar="DIR", help="where --dry-run leaves them; build/flash"
    )
    parser.add_argument("--chip", choices=sorted(official.BOOT_LOADER_AT), help="which chip must be there")
    parser.add_argument("--flash-size", type=_size, metavar="4MB", help="how much flash there is, if it does not tell")
    parser.add_argument(
        "--baud", type=arguments.number(300, 12_000_000), default=460800, help="speed of the port; 460800"
    )
    parser.add_argument("--no-stub", action="store_true", help="use the chip's ROM loader; slower")
    parser.add_argument(
        "--wait", type=arguments.seconds, default=60.0, metavar="SECONDS", help="for its first words; 60, 0: do not"
    )
    return parser


def _size(text):
    number = text.upper().removesuffix("B").removesuffix("M")
    if not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 128:
        raise argparse.ArgumentTypeError("a size is 4MB, 8MB, 16MB …")
    return int(number) * _M


def _checked(parser, arguments):
    options = parser.parse_args(arguments)
    if options.wifi and len(options.wifi) > 2:
        parser.error("--wifi SSID [KEY]; a name with spaces stands in quotes")
    if len(options.trust) > 2:
        parser.error("--trust: two at most, the one that signs and a spare one")
    if options.trust and options.app:
        parser.error("--trust: the image of --app is made already, with its keys")
    return options


def main(argv):
    """Return 0 when the board runs, or with --dry-run. Raise Failure with what is on the board and what to do next."""
    options = _checked(_parser(), argv)
    settings = chosen.settings(options.settings, options.wifi)
    chosen.certificates(options.ca)
    image = plan.official_image(options.image) if options.image else None
    named = plan.target_of(options, settings)
    chips = {one for one in (options.chip, image and image.chip, named and named.chip) if one}
    if len(chips) > 1:
        raise Failure(f"the board, the image and --chip do not belong together: {', '.join(sorted(chips))}")
    saved = kept.load(options.kept) if options.kept else None
    if options.dry_run:
        return _dry_run(options, settings, image, chips, saved)
    port = ports.chosen(options.port)
    try:
        # before anything is asked of the board: what it must be, and whether there is an image for it
        if named and image is None:
            image = plan.fetched_image(named.chip, options.micropython)
        with Device(port, options.baud, options.no_stub) as device:
            work = _prepared(device, options, settings, image, chips, saved)
            work.run()
    except Lost as fault:
        raise Failure(f"{fault} ({port})\n{_ADVICE}")
    return steps.greet(port, options.wait)


_ADVICE = (
    "Nothing was written. Is another program at the port? Hold BOOT, press RESET, let BOOT go, and try again; "
    "--baud 115200 helps with a bad cable."
)


def _prepared(device, options, settings, image, chips, saved):
    """Return the steps.Work for the board that is there. Nothing is written yet. Raise Failure when anything does not fit."""
    facts = device.facts
    size = options.flash_size or facts.flash_bytes
    print(f"{facts.name}, {size // _M if size else '?'} MB of flash, {facts.mac}")
    if chips and facts.chip not in chips:
        raise Failure(f"here is an {facts.chip}, but an {min(chips)} is wanted; nothing was written")
    if size is None:
        raise Failure("the flash does not tell how large it is; --flash-size 4MB says it")
    if facts.flash_bytes and size > facts.flash_bytes:
        raise Failure(f"--flash-size says {size // _M} MB, the flash {facts.flash_bytes // _M} MB")
    made = plan.made(options, settings, image, facts.chip, size)
    loader = made.official.boot_loader or _boot_loader_of(device, facts.chip)
    _check_revision(facts, loader)
    rows, why = _rows_of(device)
    kept_path = options.kept
    if options.keep_settings:
        kept_path = OUT / f"kept-{facts.mac.replace(':', '')}.json"
        if kept_path.exists():
            raise Failure(
                f"a broken try left this board's settings; --kept {kept_path} takes them (or delete that file)"
            )
        if rows is None:
            raise Failure(f"{why} on this board, so that it has no settings; without --keep-settings it begins blank")
        saved = kept.read(rows, size, layout.row(made.rows, "nvs"), device.read)
    todo = plan.every_piece(made, options, loader, saved)
    if options.backup:
        backup(device, options.backup, size, facts)
    if options.keep_settings:
        kept.write(kept_path, saved)
        print(f"kept: {len(saved.files)} files{'' if saved.nvs else ', no NVS (this board had another map)'}")
    print(f"board {made.target.title}, map {made.target.layout}, {_version_of(todo)}")
    if not options.app and not options.trust:
        print("This firmware trusts no key, so that it takes no updates by itself; --trust NAME names one.")
    return steps.Work(device, made, todo, _old_vfs(rows, size), kept_path, options.erase)


def _check_revision(facts, loader):
    """Raise Failure for a chip whose revision the boot loader is not built for: esptool would refuse it, but after the erasing."""
    least, most = official.revisions(loader)
    if facts.revision < least or most is not None and facts.revision > most:
        own, needed = (f"v{one // 100}.{one % 100}" for one in (facts.revision, least))
        raise Failure(
            f"this chip has revision {own}, and this MicroPython is for {needed}"
            + (f" to v{most // 100}.{most % 100}" if most is not None else " or newer")
            + "; nothing was written"
        )


def _rows_of(device):
    """Return (rows, "") of the flash map that is on the board; (None, why) when there is none."""
    try:
        return layout.parsed(device.read(layout.TABLE_OFFSET, layout.TABLE_SIZE)), ""
    except ValueError as fault:
        return None, str(fault)


def _old_vfs(rows, flash_bytes):
    """Return (offset, bytes) of the file system by the board's own rows, None where they leave no sensible place for one."""
    if not rows:
        return None
    offset, size = kept.vfs_place(rows, flash_bytes)
    sensible = offset % layout.BLOCK == size % layout.BLOCK == 0 and size > 0 and offset + size <= flash_bytes
    return (offset, size) if sensible and offset > layout.TABLE_OFFSET else None


def _boot_loader_of(device, chip):
    """Return the boot loader that is on the board, for an image that brings none. Raise Failure when there is none."""
    at = official.BOOT_LOADER_AT[chip]
    try:
        found = official.boot_loader(device.read(at, layout.TABLE_OFFSET - at, "boot loader, reading"))
    except ValueError:
        found = None
    if found is None or found.chip != chip:
        raise Failure("an .app-bin brings no boot loader, and this board has none: --image with MicroPython's .bin")
    return found.data


def backup(device, path, size, facts):
    """Read the whole flash into the file `path`, for its owner alone: it holds keys. Raise Failure when it cannot be written."""
    if path.exists():
        raise Failure(f"{path} exists; a backup replaces no file")  # it may be the only copy
    data = device.read(0, size, "backup")
    try:
        with open(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "wb"
        ) as file:
            file.write(data)
    except OSError as fault:
        raise Failure(f"{path}: {fault.strerror or fault}")
    print(f"  back with: esptool --chip {facts.chip} write-flash --flash-size keep 0 {shlex.quote(str(path))}")


def _version_of(made):
    """Return words for the MicroPython in the image among these Pieces."""
    image = next(piece for piece in made if piece.file == pieces.IMAGE_FILE)
    return plan.described(official.version(image.data))


def _dry_run(options, settings, image, chips, saved):
    """Print the map and the commands, and write the pieces into the folder --out. Return 0. No device is asked."""
    if not chips:
        raise Failure("--dry-run asks no device: --chip, --board or --image says what it is for")
    chip = min(chips)
    target = plan.target_of(options, settings, chip)
    size = options.flash_size or layout.flash_size(options.layout or target.layout)
    made = plan.made(options, settings, image, chip, size)
    if made.official.boot_loader is None:
        raise Failure(
            "an .app-bin brings no boot loader, which only the board could give: --image with MicroPython's .bin"
        )
    todo = plan.every_piece(made, options, made.official.boot_loader, saved)
    options.out.mkdir(parents=True, exist_ok=True)
    for piece in todo:
        (options.out / piece.file).write_bytes(piece.data)
    print(
        f"{chip}, {size // _M} MB of flash, board {made.target.title}, map {made.target.layout}, {_version_of(todo)}\n"
    )
    print("\n".join(pieces.map_lines(made.rows, todo)))
    port = options.port or "PORT"
    print("\nThe pieces are there, and these commands write them:\n")
    for command in pieces.commands(made.rows, chip, todo, port, options.baud, options.out.as_posix(), options.no_stub):
        print(shlex.join(command))
    return 0
