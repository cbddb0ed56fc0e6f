"""What waits for the console leaves as fast as a UART takes it and never faster; what finds no room is counted."""

from host_tests.unit.rooms import Hand
from lib.output import Output

_FIFO = 128
_BYTE_US = 87


class Port:
    """A port at 115200 baud whose FIFO must never be full; or, once `deaf`, one that holds up whoever writes for 500 ms."""

    def __init__(self):
        self.clock = Hand(1000)
        self.out = b""
        self.writes = 0
        self.deaf = False
        self._until_us = 0
        self.output = Output(self._write, self.clock)

    def _write(self, data):
        self.writes += 1
        if self.deaf:
            self.clock.ms += 500
            return
        now_us = self.clock.ms * 1000
        self._until_us = max(self._until_us, now_us) + len(data) * _BYTE_US
        assert self._until_us - now_us <= _FIFO * _BYTE_US, "that write would have waited"
        self.out += bytes(data)

    def pass_ms(self, ms, step=5):
        for _ in range(0, ms, step):
            self.clock.ms += step
            self.output.pump()


def test_s26_it_leaves_no_faster_than_a_uart_takes_it_however_seldom_it_is_looked_at():
    for step in (1, 5, 20, 60, 700):
        port = Port()
        lines = ["line %d" % number for number in range(50)]
        for line in lines:
            port.output.line(line)
        port.pass_ms(7000, step)
        assert port.out == "".join([line + "\r\n" for line in lines]).encode(), step
        assert not port.output.waits()


def test_s27_what_finds_no_room_is_left_out_whole_and_counted():
    port = Port()
    for number in range(500):
        port.output.line("[%d][info][act] hub vibrate 50 for 300 ms to caixianlin 1234" % number)
    port.pass_ms(1000)
    port.output.line("later")
    port.pass_ms(1000)
    said = port.out.decode().split("\r\n")
    assert 6 < len(said) < 12 and said[0].startswith("[0]") and said[-2] == "later" and said[-1] == ""
    assert said[-3] == "(%d lines or packets were left out here)" % (500 - len(said) + 3)


def test_a_packet_leaves_whole_or_not_at_all():
    port = Port()
    port.output.put(b"a" * 450)
    port.output.put(b"IMPROV" + b"b" * 100)
    port.output.put(b"c" * 50)
    port.pass_ms(300)
    assert port.out == b"a" * 450 + b"c" * 50


def test_s26_a_port_that_nobody_reads_is_left_alone_until_somebody_says_something():
    port = Port()
    port.deaf = True
    for _ in range(400):
        port.output.line("a line of the log that nobody ever reads")
        port.pass_ms(100)
    assert port.writes == 1 and not port.output.flows(), "once, and then never again for a minute"
    port.pass_ms(60_000)
    assert port.writes == 2
    port.deaf = False
    port.output.input_came()
    assert port.output.flows()
    port.output.line("now")
    port.pass_ms(1000)
    assert b"a line of the log" in port.out and b"lines or packets were left out" in port.out


def test_s26_nothing_leaves_while_it_is_held_and_what_waited_leaves_behind_that():
    port = Port()
    port.output.held = True
    port.output.line("first")
    port.pass_ms(5000)
    assert not port.writes and not port.output.flows()
    port.output.held = False
    port.pass_ms(10)
    assert port.out == b"first\r\n"


def test_a_line_in_pieces_is_not_cut_in_two_by_another():
    port = Port()
    port.output.put(b"{" * 200, True)
    port.output.line("of the log")
    port.output.put(b"}" * 200, True)
    port.output.put(b"\r\n")
    port.output.line("of the log again")
    port.pass_ms(1000)
    assert port.out.startswith(b"{" * 200 + b"}" * 200 + b"\r\n(1 lines or packets")
    assert port.out.endswith(b"\r\nof the log again\r\n")


def test_at_the_very_end_it_all_leaves_at_once():
    said = []
    output = Output(lambda data: said.append(bytes(data)), Hand())
    output.line("the last words")
    output.flush()
    assert said == [b"the last words\r\n"] and not output.waits()
