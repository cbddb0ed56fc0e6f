"""The command `serve-updates`: prints what to set on a device, then a line for each request, until Ctrl-C."""

import asyncio
import os

from tools import Failure
from tools.common import arguments, cancellation
from tools.common.environment import ROOT
from tools.common.printable import printable, printable_lines, reason
from tools.images import tree
from tools.serve_updates import tls
from tools.serve_updates.server import Server

_OWN_TLS = ROOT / "build" / "serve-updates"


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools serve-updates", description="Offers a tree of updates to devices on this network."
    )
    everywhere, path = "0.0.0.0", arguments.path
    parser.add_argument("folder", type=path, metavar="DIR", help="the tree, as `build --publish DIR` made it")
    parser.add_argument(
        "--host", type=arguments.host, default=everywhere, help="address to listen on (default: all of this machine)"
    )
    parser.add_argument("--port", type=arguments.port, default=8070, help="TCP port (default 8070; 0: any free one)")
    parser.add_argument("--tls", action="store_true", help="https, by an authority made here at first use")
    parser.add_argument("--tls-cert", type=path, metavar="PEM", help="https by this certificate chain")
    parser.add_argument("--tls-key", type=path, metavar="PEM", help="its private key")
    return parser


def _secured(options, name):
    """Return (SSLContext or None, the root that a device needs as a file, or None)."""
    if options.tls_cert or options.tls_key:
        if options.tls:
            raise Failure("--tls makes its own certificate: either that or --tls-cert")
        return tls.given(options.tls_cert, options.tls_key), None
    if options.tls:
        return tls.own(_OWN_TLS, [name])
    return None, None


def _welcome(folder, url, root):
    lines = [f"  {name:8} {version}" for name in tree.CHANNELS if (version := tree.published(folder, name))]
    lines = ["This tree offers:", *lines] if lines else ["No channel of this tree names a version yet."]
    lines += ["", "To have a device take its updates from here, this setting:", f"  update.url  {url}", ""]
    if root is not None:
        lines += [f"and this file, copied into its folder certs/: {root}", ""]
    return "\n".join([*lines, "Ctrl-C ends it.", ""])


def _line(asked):
    more = f" from byte {asked.start}" if asked.start else ""
    return printable(f"{asked.remote} {asked.method} {asked.path}{more}: {asked.status}")


async def _run(options):
    address = tls.lan_address() or "127.0.0.1"
    name = address if options.host in ("0.0.0.0", "::") else options.host
    context, root = _secured(options, name)
    server = Server(
        options.folder, options.host, options.port, context, on_request=lambda asked: print(_line(asked), flush=True)
    )
    try:
        await server.start()
    except OSError as fault:
        raise Failure(f"port {options.port} of {options.host} cannot be used: {reason(fault)}")
    try:
        print(printable_lines(_welcome(options.folder, server.url_for(name), root)), flush=True)
        await asyncio.Event().wait()
    finally:
        await server.stop()


def main(argv):
    """Return 0 after Ctrl-C. Raise Failure when it cannot serve."""
    options = _parser().parse_args(argv)
    if not os.path.isdir(options.folder):
        raise Failure(f"there is no folder {options.folder}; `python3 -m tools build --publish DIR` makes one")
    try:
        cancellation.run(_run(options))
    except KeyboardInterrupt:
        pass
    return 0
