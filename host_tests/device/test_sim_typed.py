"""What somebody types at `tools sim`: buttons are pressed, lines go to the device's console."""

import asyncio
import json
import sys

import pytest
from conftest import ROOT

from tools.sim.hand import Hand

WAIT_S = 60  # for each step; a first start compiles the firmware
ANSWERS = ("Version: ", "|there is not enough memory", "[console] MemoryError")


class Device:
    """A device that writes down what was done to it."""

    def __init__(self):
        self.done = []

    def set_input(self, pin, level):
        self.done.append((pin, level))

    def type(self, line):
        self.done.append(line)


def test_a_press_is_down_and_up_and_all_else_is_for_the_console():
    device, said = Device(), []

    async def typed():
        hand = Hand(device, said.append)
        for line in (
            "press 14 1\n",
            " PRESS 15 1 high \r\n",
            "status\n",
            "\n",
            "press\n",
            "press x",
            "press 63",
            "press 14 1 low",
        ):
            await hand.types(line)

    asyncio.run(typed())
    assert device.done == [(14, 0), (14, 1), (15, 1), (15, 0), "status"]
    assert said == ["press PIN [MS] [high], such as: press 14 500"] * 4


@pytest.mark.timeout(4 * WAIT_S)
def test_a_button_that_is_pressed_at_the_terminal_moves_the_others_receiver():
    async def story():
        command = (sys.executable, "-m", "tools", "sim", "--ready", "--json", "--backend", "openshock_share")
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, **pipes)

        events = []

        async def heard(true):
            while True:
                line = await process.stdout.readline()
                assert line, f"it ended by itself: {events[-20:]}"
                events.append(json.loads(line))
                if true(events[-1]):
                    return events[-1]

        async def until(true):
            try:
                return await asyncio.wait_for(heard(true), WAIT_S)
            except asyncio.TimeoutError:
                raise AssertionError(f"it did not say so: {events[-20:]}") from None

        try:
            await until(lambda event: "joined the share link as a guest" in event.get("line", ""))
            await asyncio.sleep(0.2)  # the buttons were seen released
            process.stdin.write(b"press 14 400\n")
            burst = await until(lambda event: event["event"] == "rf")
            assert (burst["device"], burst["action"], burst["intensity"]) == ("partner", "vibrate", 30)
            answered = ""
            while "Version: " not in answered:  # it may have no memory for the console just now, and says so
                process.stdin.write(b"version\n")
                answered = (await until(lambda event: any(words in event.get("line", "") for words in ANSWERS)))["line"]
        finally:
            process.terminate()
            code = await process.wait()
        assert code == 130, "ended as by Ctrl-C: both devices with it"

    asyncio.run(story())
