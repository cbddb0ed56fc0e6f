"""One connection or two, asked as one."""

from firmware.links import Links


class Line:
    """A Link that is asked."""

    def __init__(self, why="", status="connected", shown=""):
        self.why, self.status, self.says, self.asked = why, status, shown, []

    def ask(self, what, detail):
        self.asked.append((what, detail))
        return self.why

    def connected(self):
        return self.status == "connected"

    def shown(self):
        return self.says


def test_the_first_that_takes_it_gets_it():
    deaf, good, spare = Line("this service takes no such thing"), Line(), Line()
    links = Links([("a", deaf), ("b", good), ("c", spare)])
    assert links.ask("seen", None) == ""
    assert (deaf.asked, good.asked, spare.asked) == ([("seen", None)], [("seen", None)], [])


def test_an_emergency_is_for_all_of_them():
    lines = [Line("not connected"), Line(), Line()]
    assert Links([("x", line) for line in lines]).ask("emergency", None) == ""
    assert [line.asked for line in lines] == [[("emergency", None)]] * 3


def test_why_nobody_takes_it_is_told():
    assert Links([("a", Line("not connected"))]).ask("pair", None) == "not connected"
    assert Links([]).ask("pair", None) == "there is no service"


def test_how_they_stand_is_told_with_what_a_person_should_see():
    links = Links([("dsp_fleet", Line(shown="pairing code 4F7KQ2")), ("valtronics", Line(status="starting"))])
    assert links.facts() == [
        ("Hub", "dsp_fleet", "connected"),
        ("Hub", "Says", "pairing code 4F7KQ2"),
        ("Hub", "valtronics", "starting"),
    ]
    assert links.connected() and not Links([("a", Line(status="starting"))]).connected()
