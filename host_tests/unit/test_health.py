"""The trial of a new version: what it must show, by when, and what is not asked for."""

import asyncio

from firmware.ota import health
from firmware.ota.health import CHECKS, ESTOP, HUB, LEAVE, NETWORK, RADIO, SETTINGS, STAY, WAIT, Gate
from lib.log import Log

MINUTE_MS = 60000


def gate(*before, but=()):
    """A Gate since 1000 ms, with all passed that `before` and `but` do not name."""
    made = Gate(before, 1000)
    for name in CHECKS:
        if name not in but:
            made.well(name)
    return made


def test_it_stays_after_a_quiet_minute_and_not_before():
    made = gate()
    assert made.judge(1000) == WAIT and made.judge(1000 + MINUTE_MS - 1) == WAIT
    assert made.judge(1000 + MINUTE_MS) == STAY


def test_c3_21_whatever_is_missing_after_five_minutes_sends_it_back():
    for name in (SETTINGS, RADIO, ESTOP, NETWORK, HUB):
        made = gate(but=(name,))
        assert made.judge(1000 + 5 * MINUTE_MS - 1) == WAIT
        assert made.judge(1000 + 5 * MINUTE_MS) == LEAVE
        assert made.why == "not within 5 min: " + name


def test_what_was_not_well_before_is_not_asked_for():
    for name in CHECKS:
        assert gate(name, but=(name,)).judge(1000 + MINUTE_MS) == STAY
        broken = gate(name, but=(name,))
        broken.unwell(name, "as before")
        assert broken.judge(1000 + MINUTE_MS) == STAY
    assert Gate(["a name of tomorrow"], 0).judge(5 * MINUTE_MS) == LEAVE


def test_what_has_failed_for_good_needs_no_five_minutes():
    made = gate(but=(RADIO,))
    made.unwell(RADIO, "no frame can be played")
    assert made.judge(1001) == LEAVE and made.why == "radio: no frame can be played"


def test_a_fault_begins_the_minute_anew_and_faults_without_end_are_a_failure():
    made = gate()
    made.fault("link", 50000)
    assert made.judge(1000 + MINUTE_MS) == WAIT and made.judge(50000 + MINUTE_MS) == STAY
    made = gate()
    for now in range(1000, 1000 + 5 * MINUTE_MS, 30000):
        made.fault("radio", now)
        assert made.judge(now) == WAIT
    assert made.judge(1000 + 5 * MINUTE_MS) == LEAVE and made.why == "faults in radio"


def test_a_hub_that_comes_in_the_last_moment_is_enough():
    made = gate(but=(HUB,))
    assert made.judge(1000 + 5 * MINUTE_MS - 2) == WAIT
    made.well(HUB)
    assert made.judge(1000 + 5 * MINUTE_MS - 1) == STAY


class Told:
    """A journal, and slots, that write down what they were told."""

    def __init__(self, confirms=True, full=False):
        self.words = []
        self._confirms = confirms
        self._full = full

    def confirm(self):
        self.words.append("confirm")
        return self._confirms

    def confirmed(self):
        self._take("confirmed")

    def gave_up(self, why):
        self._take("gave up: " + why)

    def _take(self, words):
        if self._full:
            raise OSError(28)
        self.words.append(words)


def proved(told, made):
    """What `prove` says, with a clock that is 30 s further at each look."""
    now = [1000]

    def clock():
        now[0] += 30000
        return now[0]

    log = Log(int, write=lambda line: None)
    return asyncio.run(health.prove(made, told, told, clock, log))


def test_what_stays_is_confirmed_and_what_goes_back_says_why():
    told = Told()
    assert proved(told, gate()) is True and told.words == ["confirm", "confirmed"]
    told = Told()
    made = gate()
    made.unwell(SETTINGS, "x")  # passed before: a later word does not count
    assert proved(told, made) is True
    told = Told()
    made = gate(but=(SETTINGS,))
    made.unwell(SETTINGS, "the file cannot be read")
    assert proved(told, made) is False and told.words == ["gave up: settings: the file cannot be read"]


def test_a_boot_loader_that_means_another_version_is_not_blessed():
    told = Told(confirms=False)
    assert proved(told, gate()) is False
    assert told.words == ["confirm", "gave up: the boot loader means another version"]


def test_a_full_storage_changes_no_verdict():
    assert proved(Told(full=True), gate()) is True
    assert proved(Told(full=True, confirms=False), gate()) is False
