"""The table of docs/safety.md: what is always true, in plain words, and the tests that fail when it is not."""

import re

from tools import Failure
from tools.common.environment import ROOT
from tools.pages import table

# DESIGN §7, a row each, for people who do not read code
RULES = (
    "The transmitter is never on for longer than the longest pulse of the receiver's own signal; after each signal it is off.",
    "Everything that goes over the air is a whole signal to a receiver, with an action and a level that were admitted.",
    "A command ends when its time is over, give or take one signal (36 to 68 ms).",
    "Every command has bounds. What is not whole, not a number or out of range is refused, never rounded up.",
    "Stop needs no place in a queue, overtakes everything, and is taken from anybody who may send. A receiver that leaves the "
    "account's list of this device is stopped, and a stop by its old place there is still obeyed.",
    "The emergency stop cuts the pulse that is on the air within a millisecond; then every receiver that was active hears stop "
    "for at least 0.3 s.",
    "A latched emergency stop stays latched over restart, update and loss of power. Only somebody at the device clears it: "
    "button held 5 s and let go, or the console. Clearing starts nothing again.",
    "An emergency stop from afar works without any button on the device, and cannot be cleared from afar.",
    "A normally closed button also stops when its wire breaks.",
    "When the connection closes or the Wi-Fi is lost, everything stops within a quarter of a second of noticing.",
    "While something is active, a connection that falls silent is noticed within 3 s, and everything stops.",
    "Before an update, a change of pins, the set-up page and a restart everything stops, and the radio is locked.",
    "A fault in any part of the firmware, a lack of memory too, stops everything first; then that part starts anew.",
    "A part that hangs is noticed: the chip resets itself after 8 s.",
    "Starting up never sends anything but silence.",
    "Commands older than 2 s by the clock of the service (5 s where it tells no time), all from before a reconnect, and all "
    "between the news that the list of receivers has changed and the new list, are refused.",
    "The same message twice is one command.",
    "More than ten commands a second to one receiver are refused.",
    "Level × time of a minute is bounded for each receiver. Shocks closer together than the rest are one, whatever comes between "
    "them, and one of full length is followed by that rest. Both hold over a restart.",
    "Your caps bind every service, the page and the console. From afar they can only be lowered. One that cannot be understood is "
    "refused, or lets nothing out; none that is older and looser comes back by itself.",
    "An unknown receiver, model or action makes no signal.",
    "A clock that jumps or overflows makes no command longer, and brings none back.",
    "Power may fail at any moment: settings are the old or the new ones; damaged caps mean that nothing is sent.",
    "With several services the newest command to a receiver wins, and a stop from any of them wins.",
    "Everything that was sent or refused is in the log, with its reason.",
    "While something is active nothing holds the device up: console output waits, and is dropped where it cannot leave.",
    "A flood of commands delays a stop by one signal at most: what was received is read to its end, stops first.",
)
_TEST = re.compile(r"^(?:async )?def (test_s(\d\d)_\w+)\(", re.M)


def tests(root=ROOT):
    """Return {number of the rule: [(file, test)]}, as host_tests/ has them."""
    found = {}
    for path in sorted(path for path in (root / "host_tests").rglob("test_*.py") if path.parent.name != "unit"):
        for name, number in _TEST.findall(path.read_text(encoding="utf-8")):
            found.setdefault(int(number), []).append((path.name, name))
    return found


def table_of_rules():
    """Return a row for each rule: its number, what is true, and its tests. Raise Failure when one has none."""
    held = tests()
    rows = []
    for number, words in enumerate(RULES, 1):
        if not held.get(number):
            raise Failure(f"no test holds the rule S{number}")
        names = "<br>".join(f"`{name}`" for _, name in held[number])
        rows.append((f"S{number}", words, f"<details><summary>{len(held[number])}</summary>{names}</details>"))
    return table(("", "what is true", "tests"), rows)
