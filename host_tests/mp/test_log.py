"""What the log keeps and prints: fifty lines, each one line, whatever strangers put into them."""

from host_tests.mp.rooms import Hand
from lib.log import DEBUG, ERROR, INFO, WARNING, Log


def _log(level=INFO):
    clock, lines = Hand(), []
    return Log(clock, lines.append, level), clock, lines


def test_a_line_says_when_how_bad_and_where():
    ring, clock, lines = _log()
    ring.info("link", "connected")
    clock.ms = 1500
    ring.warning("wifi", "lost")
    ring.error("radio", "stuck")
    assert lines == ["[0][info][link] connected", "[1500][warning][wifi] lost", "[1500][error][radio] stuck"]
    assert ring.last() == [
        (0, INFO, "link", "connected"),
        (1500, WARNING, "wifi", "lost"),
        (1500, ERROR, "radio", "stuck"),
    ]


def test_what_is_below_the_level_is_not_kept():
    ring, _, lines = _log()
    ring.line(DEBUG, "a", "quiet")
    assert lines == [] and ring.last() == []
    ring.level = DEBUG
    ring.line(DEBUG, "a", "heard")
    assert lines == ["[0][debug][a] heard"]
    ring.level = ERROR
    ring.warning("a", "not now")
    assert len(lines) == 1 and len(ring.last()) == 1


def test_the_last_fifty_are_kept_in_their_order():
    ring, clock, lines = _log()
    for number in range(49):
        ring.info("n", str(number))
    assert [entry[3] for entry in ring.last()] == [str(number) for number in range(49)]
    for number in range(49, 173):
        clock.ms = number
        ring.info("n", str(number))
    assert [entry[3] for entry in ring.last()] == [str(number) for number in range(123, 173)]
    assert ring.last()[0] == (123, INFO, "n", "123")
    assert len(lines) == 173


def test_a_long_line_is_cut_at_200_characters():
    ring, _, lines = _log()
    ring.info("n", "x" * 200)
    ring.info("n", "x" * 201)
    ring.info("n", "é" * 30000)
    assert [len(entry[3]) for entry in ring.last()] == [200, 200, 200]
    assert lines[2] == "[0][info][n] " + "é" * 200


def test_a_line_stays_one_line_and_moves_no_cursor():
    ring, _, lines = _log()
    evil = "".join([chr(code) for code in list(range(0x20)) + list(range(0x7F, 0xA0))])
    ring.info("n", "name" + evil + "end")
    assert lines == ["[0][info][n] name" + "?" * 65 + "end"]
    for letter in evil:
        ring.info("n", "a" + letter + "b")
        assert ring.last()[-1][3] == "a?b"


def test_letters_of_all_people_stay():
    ring, _, lines = _log()
    ring.info("n", "Zoë 猫 🐈 \u00a0~")
    assert lines == ["[0][info][n] Zoë 猫 🐈 \u00a0~"]
