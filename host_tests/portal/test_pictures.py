"""The pictures of README.md and docs/: a device is set up, and the hub is used, in Chromium; each page is kept as it looks.

`python3 -m tools docs --pictures` lets this file write them into docs/pictures; otherwise they are only taken and looked at.
"""

import base64
import os
import struct
from pathlib import Path

import pytest
import setup_flow as flow
import zopfli.png
from chromium import tab
from conftest import ROOT
from fake_portal import Network
from hub_story import Caller, hub_story
from test_setup_page import story

SHELF = ROOT / "docs" / "pictures"
MOST_BYTES = 60_000
NAMES = ("set-up-1-board", "set-up-2-test", "set-up-3-stop", "set-up-4-wifi", "set-up-5-account", "set-up-6-done")
HUB, HUB_SCREEN = "hub", (860, 1150)
taken = {}  # name: bytes of the PNG


def size(data):
    """(width, height) of a PNG (its first chunk: PNG specification §11.2.2)."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", data[16:24])


async def take(page, name, screen=None):
    """Keep the page as it is, in light colours: a `screen` (width, height) of it, or all of it at a phone's width."""
    await flow.dark(page, False)
    bottom = await page.run("document.querySelector('main').getBoundingClientRect().bottom + 16")
    width, height = screen or (390, min(int(bottom), 1400))
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
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
    keep(NAMES)


def keep(names):
    """Write these pictures into docs/pictures, where that was asked for."""
    if os.environ.get("DOCS_PICTURES"):
        SHELF.mkdir(exist_ok=True)
        for name in names:
            (SHELF / f"{name}.png").write_bytes(zopfli.png.optimize(taken[name]))


@pytest.mark.peer("chromium")
@hub_story(page_open=True)
async def test_the_page_of_the_hub_is_taken(hub, http):
    for shocker, name in zip(hub.shockers, ("Alex", "Robin"), strict=True):
        shocker.name = name
    device = await Caller.device(http)
    async with tab(hub.url + "/") as page:
        width, height = HUB_SCREEN
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        await page.command("Emulation.setDeviceMetricsOverride", **screen)
        await page.until("document.querySelectorAll('#shockers article').length === 2")
        await page.until("document.getElementById('offline').hidden")
        for number, button in enumerate((".vibrate", ".sound"), start=1):
            await page.click(f"#shockers article:nth-child({number}) {button}")
            await page.until(f"document.querySelectorAll('#log li').length >= {number}")
        await take(page, HUB, HUB_SCREEN)
        assert page.complaints == []
    assert await device.event("Log")  # it was online all the time
    keep([HUB])


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
    assert {path.stem for path in SHELF.glob("*.png")} == {*NAMES, HUB}


def test_the_readme_shows_the_set_up_the_hub_and_a_frame():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for path in (f"pictures/{NAMES[1]}.png", f"pictures/{HUB}.png", "frame.png"):
        assert f"docs/{path}" in text and len((ROOT / "docs" / path).read_bytes()) < 3 * MOST_BYTES
    assert size((SHELF / f"{HUB}.png").read_bytes()) == HUB_SCREEN
