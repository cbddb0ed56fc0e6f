"""`python3 -m tools freeze`: links the modules of any MicroPython project into an official image."""

import os
import sys
from pathlib import Path

from tools import Failure
from tools.common import arguments
from tools.freeze import app_image, full_image, heap, linker, machine_code, official, sources, tried

_DESCRIPTION = """Link modules into an official MicroPython image (1.23 or newer) for ESP32, S2, S3 or C3. Their code then stays in
flash and takes no memory. IMAGE is the .bin or .app-bin of a release; OUT is of the same kind."""

_HEAPS = f"{heap.LEAST_KB} to {heap.MOST_KB} KB"


def main(argv):
    """Run the command; return its exit code."""
    parser = _parser()
    options = parser.parse_intermixed_args(argv)
    if options.list:
        if options.out is not None:
            parser.error("--list takes IMAGE alone")
        return _list(options.image)
    if options.out is None:
        parser.error("OUT is missing")
    data = _read(options.image)
    app = app_image.app_of(data)
    found = official.read(app)
    modules = sources.modules(options.dirs, found.memory.chip.architecture, options.optimise, found.types.mpy)
    if not modules and options.heap is None:
        parser.error("nothing to do: name a folder of modules, or --heap")
    if options.verify:
        _verify(app, app_image.app_of(_read(options.out)), modules, options.heap)
        print(f"{options.out} is {options.image} with {_counted(modules)}, and nothing else")
        return 0
    return _link(options, data, modules)


def _parser():
    parser = arguments.Parser("python3 -m tools freeze", description=_DESCRIPTION)
    add = parser.add_argument
    add("image", type=arguments.path, metavar="IMAGE", help="an official .bin or .app-bin")
    add("out", type=arguments.new_file, metavar="OUT", nargs="?", help="the file to write")
    add(
        "dirs",
        type=arguments.path,
        metavar="DIR",
        nargs="*",
        help="a folder of .py or .mpy files, named from there on; or one such file",
    )
    add(
        "--heap",
        type=arguments.whole,
        metavar="KB",
        help=f"Python's initial heap: {_HEAPS}, as far as the image allows",
    )
    add(
        "-O",
        dest="optimise",
        type=arguments.whole,
        choices=range(4),
        default=2,
        help="as of mpy-cross; 2 keeps line numbers",
    )
    add("--app-only", action="store_true", help="write the app image alone, for an update or another flash map")
    add("--list", action="store_true", help="print what is frozen in IMAGE, linked or not, and end")
    add("--verify", action="store_true", help="write nothing: confirm that OUT is IMAGE with these modules and heap")
    return parser


def _link(options, data, modules):
    out = Path(options.out)
    if out.exists() and out.samefile(options.image):
        raise Failure(f"{out} is the official image itself; name another file")
    if not tried.was_tried(app_image.app_of(data)):
        print("note: this image is not one of those that were tried; it is built like them", file=sys.stderr)
    linked = linker.link(data, modules, options.heap)
    _verify(app_image.app_of(data), linked.data, modules, options.heap)
    whole = full_image.is_full(data) and not options.app_only
    _write(out, full_image.with_app(data, linked.data) if whole else linked.data)
    print(f"{out}: MicroPython {linked.version} for {linked.chip} with {_counted(modules)}")
    print(f"app image: {len(linked.data)} bytes, {linked.blob_bytes} of them new")
    if machine_code.MODULE in modules:
        print(f"some hold machine code: write `import {machine_code.MODULE[:-3]}` first in boot.py or main.py")
    return 0


def _verify(app, linked, modules, heap_kb):
    """Raise Failure unless a linked image is confirmed by a reader that shares no code with the linker."""
    from tools.freeze.verify import verify

    verify(app, linked, modules, heap_kb)


def _list(path):
    found = official.read(app_image.app_of(_read(path)))
    print(f"MicroPython {found.types.version} for {found.memory.chip.name}: {len(found.frozen.names)} frozen modules")
    for name in found.frozen.names:
        print(f"  {name}")
    return 0


def _counted(modules):
    return f"{len(modules)} module{'s' if len(modules) != 1 else ''} linked in"


def _read(path):
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise Failure(f"{path} cannot be read: {fault.strerror}")


def _write(path, data):
    """Write a file in one step, so that a failure leaves what was there."""
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        new.write_bytes(data)
        os.replace(new, path)
    except OSError as fault:
        new.unlink(missing_ok=True)
        raise Failure(f"{path} cannot be written: {fault.strerror}")
