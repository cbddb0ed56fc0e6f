"""Orders for updates: taken or refused, and told in either case; and what the channel offers."""

import asyncio

from firmware.ota.check import look, objection, order, refusal
from firmware.ota.download import Failed
from firmware.ota.state import UPDATE, Journal
from host_tests.unit.test_journal import Marks, Slots, Store
from lib.log import Log

URL = "https://updates.test/"
KEYS = (b"a key",)


def asked(wanted="0.3.0", journal=None, **more):
    """(what was answered, the journal)."""
    journal = journal or Journal(Store(), Marks())
    return order(journal, wanted, **more), journal


def test_an_order_that_makes_sense_is_for_the_next_start():
    for wanted in ("0.3.0", ""):
        said, journal = asked(wanted, before=["hub"], override=True)
        assert said == "" and journal.wanted == wanted and journal.override and journal.before == ["hub"]
        assert 0 < journal.update_id < 1 << 31
        assert journal.begin(Slots(), False) == UPDATE
    assert asked()[1].update_id != asked()[1].update_id


def test_what_makes_no_sense_is_answered_with_words():
    for words, slots, keys, url in (
        (
            "this board has room for one firmware only",
            Slots(problem="this board has room for one firmware only"),
            KEYS,
            URL,
        ),
        ("this version is still on trial", Slots(1, pending=True), KEYS, URL),
        ("this build trusts nobody: it has no key that could sign updates", Slots(), (), URL),
        ("nobody has said where updates come from (update.url)", Slots(), KEYS, ""),
        ("", Slots(), KEYS, URL),
    ):
        assert objection(slots, keys, url, "0.3.0") == words
    assert objection(Slots(), KEYS, URL, "../x") == "there is no version like that"
    started, failed = refusal("0.3.0", "because")
    assert started[0] == "OtaInstallStarted" and 0 < started[1] < 1 << 31 and started[2] == "0.3.0"
    assert failed == ["OtaInstallFailed", started[1], False, "because"]
    assert refusal("../x", "because")[0][2] == "0.0.0" and refusal("1.0.0", "")[0][1] != started[1]


def test_c3_23_one_at_a_time():
    _, journal = asked()
    first = journal.update_id
    said, _ = asked("0.4.0", journal=journal)
    assert said == "an update is under way" and journal.update_id == first and journal.wanted == "0.3.0"


def test_c3_18_a_full_storage_takes_no_order():
    store = Store()
    store.full = True
    journal = Journal(store, Marks())
    assert asked(journal=journal)[0].startswith("the storage refuses") and not journal.busy


class Channel:
    """A source with one file."""

    def __init__(self, text):
        self.text = text

    async def get(self, path, most):
        assert path == "version-stable.txt"
        if self.text is None:
            raise Failed("the server said 404")
        return self.text


def offered(text, journal=None, now_s=1_800_000_000, lines=None):
    journal = journal or Journal(Store(), Marks())
    log = Log(int, (lines if lines is not None else []).append)
    return asyncio.run(look(journal, Channel(text), "stable", "0.2.0", now_s, log))


def test_what_is_newer_is_offered_and_nothing_else():
    assert offered(b"0.3.0\n") == "0.3.0" and offered(b"0.3.0-rc.1") == "0.3.0-rc.1"
    for text in (b"0.2.0\n", b"0.1.9", b"0.2.0-rc.1", b"", b"<html>", b"\xff\xff", b"../x", None):
        assert offered(text) == ""
    assert offered(b"0.3.0", now_s=None) == "0.3.0"


def test_what_failed_here_is_not_taken_again_by_itself():
    _, journal = asked("0.3.0")
    journal.means("0.3.0")
    journal.failed("made for another runtime", bad=True)
    assert offered(b"0.3.0", journal) == "" and offered(b"0.3.1", journal) == "0.3.1"


def test_c3_13_a_server_that_stands_still_is_told_of_after_half_a_year():
    lines = []
    journal = Journal(Store(), Marks())
    assert offered(b"0.2.0", journal, lines=lines) == "" and lines == []
    assert offered(b"0.2.0", journal, 1_800_000_000 + 200 * 86400, lines) == ""
    assert "stable has offered 0.2.0 for 200 days" in lines[0]
