"""The journal of an update, start by start, on tables of what otadata says; and what the hub is told in the end."""

import os

from firmware.ota.settings_backup import File
from firmware.ota.state import OPERATE, PROVE, UPDATE, Busy, Journal
from lib.ota_slots import ABORTED, INVALID, NEW, PENDING, VALID


class Store:
    """Keeps what was saved last; a full one refuses."""

    def __init__(self):
        self.kept = {}
        self.full = False

    def load(self):
        return dict(self.kept)

    def save(self, content):
        if self.full:
            raise OSError(28)
        self.kept = dict(content)


class Marks(Store):
    """Numbers, as lib/nvs.py keeps them."""

    def get(self, key, missing):
        return self.kept.get(key, missing)

    def put(self, key, value):
        if self.full:
            raise OSError(28)
        self.kept[key] = value


class Slots:
    """What lib/ota_slots.py tells of a board."""

    def __init__(self, running=0, states=(VALID, None), pending=False, problem=""):
        self.running = running
        self.states = states
        self.problem = problem
        self._pending = pending

    def pending(self):
        return self._pending

    def state(self, slot):
        return self.states[slot] if slot in (0, 1) else None


class Device:
    """A journal over restarts; slot 0 runs the old version."""

    def __init__(self):
        self.store, self.marks = Store(), Marks()
        self.journal = Journal(self.store, self.marks)

    def start(self, slots=None, power_event=False):
        self.journal = Journal(self.store, self.marks)
        return self.journal.begin(slots or Slots(), power_event)

    def ordered(self):
        self.journal.order(-5, "0.3.0", ["hub"])
        return self

    def written(self):
        self.ordered()
        assert self.start() == UPDATE
        self.journal.believed("0.3.0", "aa", 1)
        return self

    def switched(self, state=None):
        self.written()
        self.journal.switching(state)
        return self


STARTED = ["OtaInstallStarted", -5, "0.3.0"]
FIRST = ["OtaInstallProgress", -5, 0, 0.0]
LAST = ["OtaInstallProgress", -5, 6, 1.0]


def test_nothing_ordered_nothing_to_do():
    device = Device()
    assert device.start() == OPERATE and device.start(power_event=True) == OPERATE
    assert not device.journal.busy and device.journal.events() == [] and device.store.kept == {}
    assert device.start(Slots(running=None, problem="one only")) == OPERATE


def test_an_order_outlives_a_restart_and_is_told_before_it():
    device = Device().ordered()
    assert device.journal.events() == [STARTED, FIRST]
    device.journal.told(1)
    assert device.start() == UPDATE
    journal = device.journal
    assert journal.busy and journal.unfinished
    assert (journal.update_id, journal.wanted, journal.before, journal.override) == (-5, "0.3.0", ["hub"], False)
    assert journal.events() == [FIRST]


def test_c3_23_a_second_order_is_busy_at_every_stage_until_the_first_has_ended():
    for device in (Device().ordered(), Device().written(), Device().switched()):
        before = dict(device.store.kept)
        try:
            device.journal.order(9, "0.9.0")
            raise AssertionError("two at once")
        except Busy:
            assert device.store.kept == before
    assert device.start(Slots(1, (VALID, PENDING), pending=True)) == PROVE
    try:
        device.journal.order(9, "0.9.0")
        raise AssertionError("two at once")
    except Busy:
        device.journal.confirmed()
    device.journal.order(9, "0.9.0")
    assert device.journal.busy


def test_c3_18_a_storage_that_is_full_refuses_the_order_and_nothing_has_changed():
    for full in ("store", "marks"):
        device = Device()
        getattr(device, full).full = True
        try:
            device.journal.order(1, "0.3.0")
            raise AssertionError("it was taken")
        except OSError:
            assert not device.journal.busy and device.store.kept == {}
        assert device.start() == OPERATE


def test_the_way_of_a_good_update():
    device = Device().switched()
    assert device.start(Slots(1, (VALID, PENDING), pending=True)) == PROVE
    device.journal.confirmed()
    assert device.start(Slots(1, (VALID, VALID))) == OPERATE
    assert device.journal.events() == [STARTED, FIRST, LAST, ["OtaInstallSucceeded", -5]]
    device.journal.told(4)
    assert device.start(Slots(1, (VALID, VALID))) == OPERATE and device.journal.events() == []


def test_c3_27_what_could_not_be_told_is_told_at_the_next_meeting():
    device = Device().switched()
    device.start(Slots(1, (VALID, PENDING), pending=True))
    device.journal.confirmed()
    for _ in range(3):  # no hub in all these starts
        device.start(Slots(1, (VALID, VALID)))
        assert device.journal.events()[-1] == ["OtaInstallSucceeded", -5]
    device.journal.told(3)  # the connection went after three of them
    device.start(Slots(1, (VALID, VALID)))
    assert device.journal.events() == [["OtaInstallSucceeded", -5]]


def test_a_version_that_goes_back_says_why_and_is_shunned():
    device = Device().switched()
    assert device.start(Slots(1, (VALID, PENDING), pending=True)) == PROVE
    device.journal.gave_up("hub: not within 5 min")
    assert device.start(Slots(0, (VALID, ABORTED))) == OPERATE
    assert device.journal.events()[2:] == [
        LAST,
        ["OtaInstallFailed", -5, True, "hub: not within 5 min"],
        ["OtaRollback", -5],
    ]
    assert device.journal.shunned("0.3.0") and not device.journal.shunned("0.3.1")
    device.journal.order(6, "0.3.0")  # in person, or by the hub, it may be tried once more
    assert device.start() == UPDATE


def test_a_version_that_crashes_before_it_can_write_is_told_all_the_same():
    device = Device().switched()
    assert device.start(Slots(0, (VALID, ABORTED))) == OPERATE
    assert device.journal.events()[3:] == [
        ["OtaInstallFailed", -5, True, "it ended before it had proved itself"],
        ["OtaRollback", -5],
    ]


def test_c3_03_the_power_goes_around_the_switch():
    # before set_boot: otadata says nothing new, and what is written is used
    for state in (None, VALID):
        device = Device().switched()
        assert device.start(Slots(0, (VALID, state))) == UPDATE and device.journal.events() == [STARTED, FIRST]
    # a trial that nobody confirmed; its new otadata entry was lost while it was being confirmed
    device = Device().switched()
    device.start(Slots(1, (VALID, PENDING), pending=True))
    assert device.start(Slots(0, (VALID, None)), power_event=True) == UPDATE
    # between the confirmation and its note
    device = Device().switched()
    device.start(Slots(1, (VALID, PENDING), pending=True))
    assert device.start(Slots(1, (VALID, VALID))) == OPERATE
    assert device.journal.events()[-1] == ["OtaInstallSucceeded", -5]


def test_an_old_failure_of_the_other_slot_is_not_taken_for_a_new_one():
    device = Device().switched(ABORTED)
    assert device.start(Slots(0, (VALID, ABORTED))) == UPDATE  # nobody knows: the switch is made a second time
    device.journal.switching(ABORTED)
    assert device.start(Slots(0, (VALID, ABORTED))) == OPERATE  # and no third
    assert device.journal.events()[-1] == ["OtaRollback", -5]


def test_an_image_that_the_boot_loader_passes_over_is_a_failure():
    for state in (NEW, PENDING, INVALID):
        device = Device().switched()
        assert device.start(Slots(0, (VALID, state))) == OPERATE
        assert device.journal.events()[-1] == ["OtaRollback", -5]


def test_c3_22_the_power_that_fails_on_trial_is_no_fault_of_the_version_three_times():
    device = Device().switched()
    for _ in range(3):
        assert device.start(Slots(1, (VALID, PENDING), pending=True), power_event=True) == PROVE
        assert device.start(Slots(0, (VALID, ABORTED)), power_event=True) == UPDATE
        assert device.journal.events() == [STARTED, FIRST]
        device.journal.believed("0.3.0", "aa", 1)
        device.journal.switching(ABORTED)
    device.start(Slots(1, (VALID, PENDING), pending=True), power_event=True)
    assert device.start(Slots(0, (VALID, ABORTED)), power_event=True) == OPERATE
    assert device.journal.events()[-2] == [
        "OtaInstallFailed",
        -5,
        True,
        "the power failed 4 times while it was on trial",
    ]


def test_a_crash_after_a_power_cut_is_still_a_crash():
    device = Device().switched()
    device.start(Slots(1, (VALID, PENDING), pending=True))
    assert device.start(Slots(0, (VALID, ABORTED)), power_event=True) == UPDATE
    device.journal.switching(ABORTED)
    device.start(Slots(1, (VALID, PENDING), pending=True))
    assert device.start(Slots(0, (VALID, ABORTED)), power_event=False) == OPERATE
    assert device.journal.events()[-1] == ["OtaRollback", -5]


def test_an_update_that_never_ends_is_given_up_after_ten_starts():
    device = Device().ordered()
    assert [device.start() for _ in range(10)] == [UPDATE] * 10
    assert device.start() == OPERATE
    assert device.journal.events()[-1] == ["OtaInstallFailed", -5, False, "it did not come to its end in 10 starts"]
    assert device.start() == OPERATE
    device = Device().ordered()
    device.store.full = True  # not even that can be written down
    for _ in range(10):
        device.start()
    for _ in range(3):
        try:
            device.start()
            raise AssertionError("it was kept")
        except OSError:
            assert not device.journal.busy  # in memory it is over: the device goes to work


def test_what_is_written_counts_for_the_same_image_in_the_same_slot_alone():
    device = Device().written()
    device.journal.mark(32, 70000)
    device.start()
    device.journal.believed("0.3.0", "aa", 1)
    assert device.journal.marked() == (32, 70000)
    for image, slot in (("bb", 1), ("bb", 0)):
        device.journal.mark(32)
        device.journal.believed("0.3.0", image, slot)
        assert device.journal.marked() == (0, 0)


def test_a_mark_holds_all_blocks_of_a_slot_and_half_an_image_of_patch_in_one_number():
    journal = Device().journal
    assert journal.marked() == (0, 0)
    for mark in ((1, 0), (752, 0x2F0000 // 2), (1023, (1 << 21) - 1), (0, 44)):
        journal.mark(*mark)
        assert journal.marked() == mark and journal._marks.get("image", -1) < 1 << 31


def test_failures_before_the_switch_are_not_fatal_and_bad_ones_are_remembered():
    device = Device().written()
    device.journal.progress(2, 0.5)
    device.journal.failed("x" * 200)
    assert device.journal.events()[2:] == [
        ["OtaInstallProgress", -5, 2, 0.5],
        ["OtaInstallFailed", -5, False, "x" * 128],
    ]
    assert not device.journal.shunned("0.3.0") and device.start() == OPERATE
    device = Device().ordered()
    device.journal.means("0.3.0")
    device.journal.failed("the signature is none of ours", bad=True)
    assert device.journal.shunned("0.3.0")


def test_a_trial_that_the_journal_knows_nothing_of_is_a_trial():
    device = Device()
    assert device.start(Slots(1, (VALID, PENDING), pending=True)) == PROVE
    device.journal.confirmed()
    assert device.journal.events() == []
    device = Device()
    device.store.kept = {"stage": "2", "slot": [], "tell": 7, "id": None, "wanted": 5, "before": {}, "bad": 1}
    assert device.start() == OPERATE and device.journal.events() == [] and device.journal.before == []


def test_c3_13_a_channel_that_never_changes_is_noticed_after_half_a_year():
    journal = Device().journal
    day_s = 86400
    assert journal.offered("0.2.0", 1_800_000_000) == 0
    assert journal.offered("0.2.0", 1_800_000_000 + 179 * day_s) == 0
    assert journal.offered("0.2.0", 1_800_000_000 + 181 * day_s) == 181
    assert journal.offered("0.2.1", 1_800_000_000 + 182 * day_s) == 0
    assert journal.offered("0.2.1", 1_700_000_000) == 0  # the clock was wrong: from here on, then
    assert journal.offered("0.2.1", 1_700_000_000 + 180 * day_s) == 180


def test_what_an_unknown_version_wrote_stays():
    device = Device()
    device.store.kept = {"later": [1, 2]}
    device.start()
    device.ordered()
    assert device.store.kept["later"] == [1, 2]


def test_the_file_is_whole_and_a_damaged_one_is_empty():
    path = "journal-test.json"
    try:
        File(path).save({"stage": 1})
        assert File(path).load() == {"stage": 1}
        with open(path, "r+b") as file:
            file.write(b'{"stage":4')
        assert File(path).load() == {}
    finally:
        os.remove(path)
    assert File(path).load() == {}
