"""`python3 -m tools sim`: a device on the real MicroPython, in a simulated board, against a local hub. A page drives it."""

import asyncio
import json
import sys

from tools import Failure
from tools.common import arguments, cancellation
from tools.common.printable import printable
from tools.hub import config
from tools.sim import hand, tour, visits
from tools.sim.world import WIFI, World

# those that the local hub speaks to
BACKENDS = ("openshock_user", "openshock_gateway", "openshock_share", "valtronics", "dsp_fleet")


def _arguments(argv):
    parser = arguments.Parser(
        prog="python3 -m tools sim",
        description="Starts a local hub and a simulated device that runs the real firmware. Open the page it prints and drive it.",
    )
    parser.add_argument("--demo", action="store_true", help="walk through a scripted tour, check it, exit 0 or 1")
    parser.add_argument("--ready", action="store_true", help="a device that is set up already (default: a blank one)")
    parser.add_argument("--short", action="store_true", help="the tour without its updates, which take three minutes")
    parser.add_argument("--json", action="store_true", help="print events, one JSON object a line")
    parser.add_argument(
        "--port", type=arguments.port, default=0, help="the port of the page (default: any that is free)"
    )
    parser.add_argument(
        "--host", type=arguments.host, default="127.0.0.1", help="where the page listens (default: this machine only)"
    )
    parser.add_argument("--plain", action="store_true", help="without TLS between device and hub")
    parser.add_argument(
        "--backend", choices=BACKENDS, default=BACKENDS[0], help="the service that the device speaks to"
    )
    parser.add_argument("--cpython", action="store_true", help="run the firmware on CPython, not on MicroPython")
    config.add_manners(parser)
    return parser.parse_args(argv)


class Teller:
    """Prints events: as JSON, or the ones a person cares for in words."""

    def __init__(self, options):
        self._json = options.json
        self._logs = not options.demo

    def event(self, event):
        """None; prints one event."""
        if self._json:
            print(json.dumps(event), flush=True)
            return
        kind = event["event"]
        if kind == "step":
            mark = "ok  " if event["ok"] else "FAIL"
            print(f"{mark} {event['step']}/{event['of']} {event['what']}", flush=True)
            print(f"       heard: {printable(event['heard'])}", flush=True)
        elif kind == "rf" and self._logs:
            print(f"  air: {tour.words(event)}", flush=True)
        elif kind == "log" and self._logs:
            print(printable(event["line"]), flush=True)  # a device repeats names that it was told
        elif kind == "say":
            print(event["text"], flush=True)

    def say(self, text):
        """None; a line for people, an event for programs."""
        self.event({"event": "say", "text": text})


def _invitation(world):
    """What a person needs to set the device up."""
    yield f"Nobody has set it up yet. Its own page (the phone would find it in the device's network): http://127.0.0.1:{world.portal_port}/"
    yield f"There: the Wi-Fi is '{WIFI['ssid']}', its key '{WIFI['key']}'; the API token is {world.hub.token}"
    yield f"Or, as a hub of its own, by a pairing code: {world.hub.pairing.new_code(world.hub.device)} (good for 15 minutes)"
    if world.partner:
        yield f"Or, as a remote of another simulated device, by this share link: {world.hub.config.shares[0].guid}"


async def _run(options):
    teller = Teller(options)
    if options.demo and options.backend not in BACKENDS[:2]:
        return await _visits(options, teller, visits.of(options.backend))
    blank = options.demo or not options.ready
    world = World(
        teller.event,
        not options.plain,
        options.port,
        options.host,
        on_cpython=options.cpython,
        settings={"backend": options.backend},
        config=config.made(options, faults=True, page_open=True),
        blank=blank,
        updates=options.demo and not (options.short or options.cpython),
    )
    if world.device.ground == "CPython":
        why = "as asked" if options.cpython else "there is no MicroPython with viper for this machine"
        teller.say(f"The firmware runs on CPython ({why}).")
    async with world:
        teller.say(f"A simulated device runs the firmware on {world.device.ground}; its hub's page: {world.hub.url}/")
        if options.demo:
            good = await tour.Tour(world, teller.event).walk()
            if not good:
                for line in world.lines[-30:]:
                    print(line, file=sys.stderr)
                return 1
        else:
            await _stay(world, teller, blank)
    return await _visits(options, teller, visits.VISITS)


async def _stay(world, teller, blank):
    """Never returns but by a Failure: the device ended by itself."""
    if blank:
        for line in _invitation(world):
            teller.say(line)
    typing = None
    if hand.is_there():
        teller.say(hand.HINT)
        typing = asyncio.create_task(hand.Hand(world.device, teller.say).run())
    teller.say("Ctrl-C ends it.")
    await world.device.ended.wait()
    if typing:
        typing.cancel()
    raise Failure(f"the device ended with exit code {world.device.exit_code}")


async def _visits(options, teller, them):
    """0 when each of these visits to a service went well, 1 behind the first that did not."""
    teller.say("The other services, each with a device that is set up for it:")
    for number, visit in enumerate(them, 1):
        heard, ok = await visits.make(visit, lambda event: None, secure=not options.plain, on_cpython=options.cpython)
        step = {"step": number, "of": len(them), "what": f"{visit.backend}: {visit.what}", "heard": heard, "ok": ok}
        teller.event({"event": "step", **step})
        if not ok:
            return 1
    return 0


def main(argv):
    """0; 1 when the tour found something wrong. Raises Failure when the device ends by itself, or nobody can listen there."""
    return cancellation.run(_run(_arguments(argv)))
