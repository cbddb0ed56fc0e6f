"""`python3 -m tools hub`: the local hub alone, for the LAN. Prints where the page is and how to point a device at it."""

import asyncio
import socket
import ssl
import time

from tools import Failure
from tools.common import arguments, cancellation
from tools.common.printable import printable, printable_lines, reason
from tools.hub import config as configuration
from tools.hub import models
from tools.hub.hub import Hub


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools hub",
        description="A local hub with OpenShock's API and a page to drive it. Ctrl-C ends it.",
        epilog="Without --config everything is made fresh and forgotten at the end. With it, the file is read, made where "
        "there is none, and kept up to date (it holds the API token: keep it to yourself).",
    )
    everywhere, path = "0.0.0.0", arguments.path
    parser.add_argument(
        "--host", type=arguments.host, default=everywhere, help="address to listen on (default: all of this machine)"
    )
    parser.add_argument("--port", type=arguments.port, default=8080, help="TCP port (default 8080; 0: any free one)")
    parser.add_argument(
        "--tls-cert", type=path, metavar="PEM", help="certificate chain: the hub then speaks https and wss"
    )
    parser.add_argument("--tls-key", type=path, metavar="PEM", help="its private key")
    parser.add_argument(
        "--config", type=path, metavar="FILE", help="owner, devices, shockers, tokens, share links and timing as JSON"
    )
    configuration.add_manners(parser)
    parser.add_argument(
        "--faults", action="store_true", help="let POST /sim/… cut, silence or garble connections (tests)"
    )
    return parser


def _config(path, options):
    if path is None:
        return configuration.made(options)
    try:
        if path.exists():
            return configuration.load(path)
        config = configuration.made(options, path=path)
        configuration.save(config, path)
        return config
    except ValueError as error:
        raise Failure(str(error))
    except OSError as error:
        raise Failure(reason(error))


def _tls(certificate, key):
    if certificate is None and key is None:
        return None
    if certificate is None:
        raise Failure("--tls-key needs --tls-cert")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise Failure(f"{certificate}: no usable certificate and key ({error.strerror or error})")
    return context


def _lan_address():
    """This machine's address on the network, by the route outwards; no packet is sent. None without a network."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return probe.getsockname()[0]


def _welcome(hub, host) -> str:
    base = hub.url
    if host in ("0.0.0.0", "::"):
        base = base.replace("127.0.0.1", _lan_address() or "127.0.0.1").replace("[::1]", _lan_address() or "[::1]")
    lines = [
        f"Page     {base}/",
        f"Code     {hub.page_code}      (the page asks for it once)",
        f"Token    {hub.token}",
        "",
        "To point a device here, these settings:",
        f"  openshock_user.url        {base}",
        f"  openshock_user.token      {hub.token}",
        f"  openshock_user.device_id  {hub.device.guid}",
        "or, as a hub of its own (a pairing code comes from the page, or GET /1/devices/{id}/pair):",
        f"  openshock_gateway.url     {base}",
        f"  openshock_gateway.token   {hub.device.token}",
        "or, to hear alerts (POST /valtronics/alerts and the page raise them; /valtronics/public/ws is the other dialect):",
        f"  valtronics.url            {base.replace('http', 'ws', 1)}/valtronics/ws",
        f"  valtronics.token          {hub.token}",
        "or, as a device of a fleet (it shows a pairing code; the page takes it, and sends messages):",
        f"  dsp_fleet.url             {base}",
        "or, as a remote for the shockers of a share link (a guest has a name; the owner may come by session instead):",
        f"  openshock_share.url       {base}",
        "  openshock_share.link      one of the links below",
        "  openshock_share.name      whatever you like",
        f"  openshock_share.session   {hub.config.owner_session}",
        "",
    ]
    lines += [f"Shocker  {each.name}: {each.model}, RF id {each.rf_id}, {each.guid}" for each in hub.shockers]
    lines += [f"Link     {base}/1/hubs/share/link/{link.guid}?name=… ({link.name})" for link in hub.config.shares]
    if base.startswith("http:") and host not in ("127.0.0.1", "::1", "localhost"):
        lines += ["", "Without TLS everyone on this network can read the token. --tls-cert and --tls-key change that."]
    return "\n".join([*lines, "", "Ctrl-C ends it.", ""])


def _line(event):
    """What the terminal says of an event, or None."""
    if event.kind in ("connected", "disconnected"):
        peer = event.connection.peer
        visitor = "owner, by a share link," if peer.signed_in else f"guest '{peer.guest_name}'"
        who = f"device '{peer.device.name}'" if peer.device else visitor if peer.link else "remote"
        more = f" ({event['why']})" if event.kind == "disconnected" else f" ({peer.user_agent[:60]})"
        return f"{who} from {peer.remote} {event.kind}{more}"
    if event.kind == "log":
        sender = event["sender"]["customName"] or event["sender"]["name"]
        orders = (
            f"{entry['shocker']['name']} {models.CONTROL_TYPES[entry['type']].lower()} "
            f"{entry['intensity']} % {entry['duration']} ms"
            for entry in event["logs"]
        )
        return f"{sender}: {'; '.join(orders)}"
    if event.kind in ("invoked", "declined", "refused", "unsaved", "fault"):
        facts = ", ".join(f"{key} {value}" for key, value in event.facts.items() if key != "sender")
        return f"{event.kind}: {facts}"
    return None


def _print(event):
    line = _line(event)
    if line:
        print(time.strftime("%H:%M:%S"), printable(line), flush=True)


async def _run(hub, host, port, context):
    """Never returns; it is cancelled when somebody ends us."""
    try:
        await hub.start(host, port, context)
    except OSError as error:
        raise Failure(f"cannot listen on {host} port {port}: {reason(error)}")
    print(printable_lines(_welcome(hub, host)), flush=True)
    hub.journal.follow(_print)
    try:
        await asyncio.Event().wait()
    finally:
        print("\nClosing; every client is told that it may come back.", flush=True)
        await hub.stop()


def main(argv):
    """Run until Ctrl-C; 0 then. Failure where it cannot start."""
    options = _parser().parse_args(argv)
    context = _tls(options.tls_cert, options.tls_key)
    config = _config(options.config, options)  # last: it makes the file where there is none
    config.faults = options.faults
    configuration.behave(config, options)
    try:
        cancellation.run(_run(Hub(config), options.host, options.port, context))
    except KeyboardInterrupt:
        pass
    return 0
