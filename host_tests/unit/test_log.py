"""What the log keeps and prints: the last lines, each one line, whatever strangers put into them."""

import micropython

from host_tests.unit.rooms import Dice, Hand
from lib.log import DEBUG, ERROR, INFO, WARNING, Log

_AT_WORK = "hub vibrate 50 for 300 ms to caixianlin 1234"
_LETTERS = "az09 ~\u0000\u001b\u007f\u0080\u009b\u009f\u00a0\u00a9\u00c2é\u07ff\u0800튀\ud7ff"
_LETTERS += "\ud800\udbff\udc00\udfff\ue000猫\uffff🐈\U0010ffff"


def _log(level=INFO):
    clock, lines = Hand(), []
    return Log(clock, lines.append, level), clock, lines


def _texts(ring):
    return [entry[3] for entry in ring.last()]


def test_a_line_says_when_how_bad_and_where():
    ring, clock, lines = _log()
    ring.info("link", "connected")
    clock.ms = 1500
    ring.warning("wifi", "lost")
    ring.error("radio", "stuck")
    assert lines == ["[0][info][link] connected", "[1500][warning][wifi] lost", "[1500][error][radio] stuck"]
    assert list(ring.last()) == [
        (0, INFO, "link", "connected"),
        (1500, WARNING, "wifi", "lost"),
        (1500, ERROR, "radio", "stuck"),
    ]


def test_what_is_below_the_level_is_not_kept():
    ring, _, lines = _log()
    ring.line(DEBUG, "a", "quiet")
    assert lines == [] and list(ring.last()) == []
    ring.level = DEBUG
    ring.line(DEBUG, "a", "heard")
    assert lines == ["[0][debug][a] heard"]
    ring.level = ERROR
    ring.warning("a", "not now")
    assert len(lines) == 1 and len(list(ring.last())) == 1


def test_twenty_four_lines_of_a_device_at_work_are_kept_in_their_order():
    ring, clock, lines = _log()
    for number in range(24):
        ring.info("act", "%s %d" % (_AT_WORK, number))
    assert _texts(ring) == ["%s %d" % (_AT_WORK, number) for number in range(24)]
    for number in range(24, 1000):
        clock.ms = number
        ring.info("act", "%s %d" % (_AT_WORK, number))
    kept = list(ring.last())
    assert len(kept) >= 24
    first = 1000 - len(kept)
    assert kept == [(number, INFO, "act", "%s %d" % (_AT_WORK, number)) for number in range(first, 1000)]
    assert len(lines) == 1000


def test_whole_lines_leave_for_a_long_one_and_as_few_as_possible():
    ring, _, _ = _log()
    for number in range(300):
        ring.info("n", str(number))
    before = _texts(ring)
    ring.info("n", "🐈" * 300)
    after = _texts(ring)
    assert after[-1] == "🐈" * 200
    left = len(before) + 1 - len(after)
    assert after[:-1] == before[left:]
    assert 800 // 16 <= left <= 800 // 16 + 1  # a short line takes 16 bytes here
    for _ in range(10):
        ring.info("n", "🐈" * 300)
    assert _texts(ring) == ["🐈" * 200]


def test_random_lines_are_the_last_of_what_was_said():
    dice = Dice(7)
    ring, clock, lines = _log()
    said = []
    for _ in range(600):
        clock.ms += dice.below(1 << 23) * 64
        level, place = 1 + dice.below(3), "placebo"[: dice.below(8)]
        text = _AT_WORK[: dice.below(45)] + "é猫🐈"[dice.below(3)] * dice.below(180)
        ring.line(level, place, text)
        said = said[-250:] + [(clock.ms, level, place, text[:200])]
        del lines[:]
        kept = list(ring.last())
        assert kept == said[-len(kept) :] and len(kept) >= 1
    assert clock.ms > 1 << 36


def test_a_clock_of_many_years():
    ring, clock, lines = _log()
    for ms in (1 << 30, (1 << 32) - 1, 1 << 32, (1 << 48) + 7, (1 << 63) - 1):
        clock.ms = ms
        ring.info("n", "")
        assert lines[-1] == "[%d][info][n] " % ms
        assert list(ring.last())[-1] == (ms, INFO, "n", "")


def test_what_came_after_a_mark_and_what_comes_while_somebody_reads():
    ring, clock, _ = _log()
    ring.info("n", "before")
    mark = ring.written
    assert list(ring.last(mark)) == []
    ring.info("n", "one")
    ring.info("n", "two")
    assert [entry[3] for entry in ring.last(mark)] == ["one", "two"]
    reading = ring.last()
    assert next(reading)[3] == "before"
    ring.info("n", "meanwhile")
    assert [entry[3] for entry in reading] == ["one", "two"]
    reading = ring.last()
    assert next(reading)[3] == "before"
    for number in range(500):  # those that were to be read have left
        ring.info("n", str(number))
    assert list(reading) == []
    assert [entry[3] for entry in ring.last(mark)] == _texts(ring)


def test_a_long_line_is_cut_at_200_characters():
    ring, _, lines = _log()
    ring.info("n", "x" * 200)
    ring.info("n", "x" * 201)
    ring.info("n", "é" * 30000)
    assert [len(text) for text in _texts(ring)] == [200, 200, 200]
    assert lines[2] == "[0][info][n] " + "é" * 200


def test_a_line_stays_one_line_and_moves_no_cursor():
    ring, _, lines = _log()
    evil = "".join([chr(code) for code in list(range(0x20)) + list(range(0x7F, 0xA0))])
    ring.info("n", "name" + evil + "end")
    assert lines == ["[0][info][n] name" + "?" * 65 + "end"]
    for letter in evil:
        ring.info("n", "a" + letter + "b")
        assert _texts(ring)[-1] == "a?b"


def test_letters_of_all_people_stay():
    ring, _, lines = _log()
    ring.info("n", "Zoë 猫 🐈 \u00a0~ © 튀\ud7ff\ue000")
    assert lines == ["[0][info][n] Zoë 猫 🐈 \u00a0~ © 튀\ud7ff\ue000"]
    assert _texts(ring) == ["Zoë 猫 🐈 \u00a0~ © 튀\ud7ff\ue000"]


def test_whatever_letters_meet_a_line_is_printed_and_kept():
    dice = Dice(11)
    ring, _, lines = _log()
    for _ in range(400):
        text = "".join([_LETTERS[dice.below(len(_LETTERS))] for _ in range(dice.below(220))])
        ring.info("n", text)
        want = "".join([letter if _may_stand(ord(letter)) else "?" for letter in text[:200]])
        assert lines.pop() == "[0][info][n] " + want and _texts(ring)[-1] == want
    ring.info("a place with a name of more than thirty letters", "x")
    assert list(ring.last())[-1] == (0, INFO, "a place with a name of more th", "x")


def _may_stand(code):
    return code >= 0x20 and not 0x7F <= code <= 0x9F and not 0xD800 <= code <= 0xDFFF


def test_without_memory_a_line_is_lost_and_no_other():
    ring, _, _ = _log()
    for number in range(300):
        ring.info("n", str(number))
    before = _texts(ring)
    micropython.heap_lock()
    try:
        ring.info("n", "lost")
    except MemoryError:
        pass
    finally:
        micropython.heap_unlock()
    after = _texts(ring)
    assert after in (before, before[1 - len(after) :] + ["lost"])  # CPython knows no such lock
    assert len(after) >= len(before) - 1
