"""The pictures of docs/set-up.md: somebody sets a device up in Chromium, and each step is kept as it looks on a phone.

`python3 -m tools docs --pictures` lets this file write them into docs/pictures; otherwise they are only taken and looked at.
"""

import base64
import os
import struct
from pathlib import Path

import setup_flow as flow
import zopfli.png
from conftest import ROOT
from fake_portal import Network
from test_setup_page import story

SHELF = ROOT / "docs" / "pictures"
MOST_BYTES = 60_000
NAMES = ("set-up-1-board", "set-up-2-test", "set-up-3-stop", "set-up-4-wifi", "set-up-5-account", "set-up-6-done")
taken = {}  # name: bytes of the PNG


def size(data):
    """(width, height) of a PNG (its first chunk: PNG specification §11.2.2)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


async def take(page, name):
    """None; the page as it is, at a phone's width, in light colours."""
    await flow.dark(page, False)
    height = await page.run("document.querySelector('main').getBoundingClientRect().bottom + 16")
    clip = {"x": 0, "y": 0, "width": 390, "height": min(int(height), 1400), "scale": 1}
    picture = await page.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
    taken[name] = base64.b64decode(picture["data"])


AIR = [
    Network("Home", "correct horse", -48, "wpa2/wpa3", 6),
    Network("Guests", "welcome home", -64, "wpa2", 1),
    Network("Café", "", -71, "open", 3),
    Network("Office", "", -78, "enterprise", 9),
]


@story({"networks": AIR})
async def test_each_step_of_the_set_up_is_taken(person):
    page, portal = person.page, person.portal
    await flow.at(page, "board")
    await flow.choose(page, "[name=rf_pin]", 14)
    await flow.choose(page, "[name=estop_pin]", 13)
    await page.click("[name=estop_normally_closed]")
    await take(page, NAMES[0])
    await flow.submit(page, "board")
    await flow.at(page, "radio")
    await flow.type_into(page, "[name=rf_id]", "4321")
    await take(page, NAMES[1])
    await flow.send_test(page, "caixianlin", 4321)
    await flow.at(page, "estop")
    portal.press()
    await page.until("document.getElementById('lamp').className.includes('down')")
    portal.press(False)
    await flow.shown(page, "#latched")
    await take(page, NAMES[2])
    portal.clear()
    await flow.shown(page, "#next")
    await page.click("#next")
    await page.until("document.querySelector('#list .bars')")
    await flow.pick(page, "Home")
    await flow.type_into(page, "[name=key]", "correct horse")
    await take(page, NAMES[3])
    assert await flow.join(page, "Home", "correct horse") == ""
    await page.click("#next")
    await flow.at(page, "account")
    await flow.type_into(page, "[name=code]", "123 456")
    await take(page, NAMES[4])
    await flow.pair(page, "123 456")
    await page.click("#next")
    await flow.at(page, "done")
    await take(page, NAMES[5])
    assert "correct horse" not in await page.run("document.documentElement.outerHTML")
    if os.environ.get("DOCS_PICTURES"):
        SHELF.mkdir(exist_ok=True)
        for name, data in taken.items():
            (SHELF / f"{name}.png").write_bytes(zopfli.png.optimize(data))


def test_the_pictures_of_the_page_are_there_small_and_of_that_size():
    text = (ROOT / "docs" / "set-up.md").read_text(encoding="utf-8")
    for name in NAMES:
        path = Path(SHELF / f"{name}.png")
        data = path.read_bytes()
        assert len(data) < MOST_BYTES, name
        assert size(data)[0] == 390 and 300 <= size(data)[1] <= 1400
        assert f"](pictures/{name}.png)" in text
        if name in taken:  # the page has grown or shrunk by a row or two since: `python3 -m tools docs --pictures`
            assert abs(size(taken[name])[1] - size(data)[1]) < 60, name
    assert {path.stem for path in SHELF.glob("set-up-*.png")} == set(NAMES)
