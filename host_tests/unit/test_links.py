"""One connection or two, asked as one."""

from firmware.link.connections import Links, Refusal


class Line:
    """A Link that is asked."""

    def __init__(self, why="", status="connected"):
        self.why, self.status, self.asked = why, status, []

    def ask(self, what, detail):
        self.asked.append((what, detail))
        return self.why

    def connected(self):
        return self.status == "connected"

    def facts(self):
        return [("Hub", "name", self.status)]


def test_the_first_that_takes_it_gets_it():
    deaf, good, spare = Line("this service takes no such thing"), Line(), Line()
    links = Links((deaf, good, spare))
    assert links.ask("seen", None) == ""
    assert (deaf.asked, good.asked, spare.asked) == ([("seen", None)], [("seen", None)], [])


def test_an_emergency_is_for_all_of_them():
    lines = [Line("not connected"), Line(), Line()]
    assert Links(lines).ask("emergency", None) == ""
    assert [line.asked for line in lines] == [[("emergency", None)]] * 3


def test_why_nobody_takes_it_is_told():
    assert Links([Line("not connected")]).ask("pair", None) == "not connected"
    assert Links([]).ask("pair", None) == "there is no service"


def test_how_they_stand_is_told_one_behind_the_other():
    links = Links((Line(), Line(status="starting"), Refusal("no memory", "valtronics")))
    assert links.facts() == [
        ("Hub", "name", "connected"),
        ("Hub", "name", "starting"),
        ("Hub", "valtronics", "no memory"),
    ]
    assert links.connected() and not Links([Line(status="starting")]).connected()
