"""A person with a phone sets a new device up through its own page: Chromium, the firmware on MicroPython, a hub behind TLS.

From the first step to the first order that its receivers hear. The page alone, with every way to go wrong: test_setup_page.py.
"""

import asyncio
import json

import pytest
import setup_flow as flow
from chromium import tab
from conftest import ROOT
from fake_portal import EMOJI, HIDDEN, KEYS
from sim_story import WAIT_S, kinds, order, said, settled
from telling import as_test

from tools.sim.device import RF_PIN, STOP_PIN
from tools.sim.phone import Phone
from tools.sim.world import World

PICTURES = ROOT / "build" / "setup"
PATIENCE_S = 25  # of the page: names are looked up, TLS is spoken, and this PC may have other work
STORY_S = 110
BACKEND = "form[name=account] [name=backend]"
NO_CODE = "nobody knows this code: it is used up, older than 15 minutes, or mistyped"

HOME = {"key": "correct horse", "rssi": -48, "security": "wpa2/wpa3"}
AIR = {
    "Home": [HOME, {**HOME, "rssi": -81, "security": "wpa2", "channel": 11}],
    EMOJI: {"key": KEYS[0], "rssi": -63, "security": "wpa3", "channel": 1},
    HIDDEN: {"key": KEYS[1], "rssi": -77, "channel": 4, "hidden": True},
    "Office": {"key": "a certificate", "rssi": -66, "security": "enterprise", "channel": 9},
    "Café gratuit": {"rssi": -70, "channel": 3},
    "Slow": {"key": "correct horse", "rssi": -72, "joining_ms": 5000},
}


# whether the page says so within eight seconds: the button has to be held for five
_LET_GO = """new Promise((done) => {
    const end = performance.now() + 8000;
    const look = () => {
        if (document.getElementById("lamp").textContent.trim() === "Now let go.") done(true);
        else if (performance.now() > end) done(false);
        else setTimeout(look, 20);
    };
    look();
})"""


class Person:
    """Somebody with a phone that shows `page`, in front of a device in `world`."""

    def __init__(self, page, world):
        self.page = page
        self.world = world

    async def button(self, what):
        """None; the e-stop is pressed ("press"), let go ("release"), or held until it clears, and let go ("clear")."""
        press = self.world.device.set_input
        press(STOP_PIN, 1 if what == "release" else 0)
        if what == "clear":
            while not await self.page.run(_LET_GO):  # this PC was held up, and a stall is no holding: once more
                press(STOP_PIN, 1)
                await asyncio.sleep(0.3)
                press(STOP_PIN, 0)
            press(STOP_PIN, 1)

    async def see(self, name):
        """None; pictures are kept, and axe has nothing to complain about."""
        await flow.look(self.page, PICTURES / name)

    async def away(self, is_away):
        """None; the phone has lost the device's network, or is back in it."""
        reach = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        await self.page.command("Network.emulateNetworkConditions", offline=is_away, **reach)

    async def test_heard(self, model, rf_id):
        """None; a test is sent through the page, and a receiver hears exactly that, and then to be still."""
        await flow.send_test(self.page, model, rf_id)
        frames = await settled(self.world)
        assert kinds(frames) == [("vibrate", 20), ("vibrate", 0)]
        assert {(frame.model, frame.rf_id) for frame in frames} == {(model, rf_id)}

    async def skip_to_wifi(self):
        """None; a board that knows its pins, and somebody who has no receiver at hand."""
        for step in ("radio", "estop"):
            await flow.at(self.page, step)
            await self.page.click("#skip")
        await flow.at(self.page, "wifi")

    async def pair(self):
        """None; a wrong code and the right one, as the website gives it."""
        hub, page = self.world.hub, self.page
        await flow.at(page, "account")
        assert await page.run("document.forms.account.backend.value") == "openshock_gateway"
        code = hub.pairing.new_code(hub.device)
        wrong = str(100_000 + (int(code) - 99_999) % 900_000)
        assert await flow.pair(page, wrong) == (False, NO_CODE)
        assert await flow.pair(page, code) == (True, "reaches the hub")
        assert hub.device.token not in await page.run("document.documentElement.outerHTML")
        await page.click("#next")

    async def finish(self):
        """None; the device has started anew, is at its hub, and obeys an order; what the page asked for is what it keeps."""
        world = self.world
        since = world.hub.journal.mark()
        await flow.finish(self.page)
        await world.hub.device_connected(since=since, timeout_s=WAIT_S)
        heard = len(world.air.frames)
        await order(world, "red", 35, 400)
        assert kinds(await settled(world, heard)) == [("vibrate", 35), ("vibrate", 0)]
        assert world.device.starts == 2

    def kept(self):
        """What the device has in its file of settings."""
        return json.loads((self.world.device.folder / "settings.json").read_text())


def story(**settings):
    """Makes a test of `async def tell(person)`. `settings`: what the blank device knows all the same."""

    def dress(tell):
        async def whole():
            world = World(blank=True, settings=settings)
            world.device.networks = AIR
            async with world:
                async with Phone(world.portal_port):
                    pass  # the page is there
                try:
                    async with tab(f"http://127.0.0.1:{world.portal_port}/") as page:
                        page.patience_s = PATIENCE_S
                        await page.command("Network.enable")
                        await page.until("document.title !== 'OpenShock'")
                        await tell(Person(page, world))
                        # An error that is shown is also one for the browser's console; no other complaint may be there.
                        assert [text for text in page.complaints if "Failed to load resource" not in text] == []
                    assert [line for line in world.lines if "MemoryError" in line or "Traceback" in line] == []
                finally:
                    print("\n".join(world.lines))

        return pytest.mark.peer("chromium")(as_test(tell, whole, STORY_S))

    return dress


# The pulse generator sends: the other player of this chip writes into its registers, which a PC has not.
@story(**{"board": "generic-esp32", "rf.player": "rmt"})
async def test_a_board_without_pins_a_wrong_password_and_the_right_one(person):
    page, world = person.page, person.world
    await flow.bring_axe(page)
    await flow.at(page, "board")
    await person.see("1-board")
    await flow.set_board(page, RF_PIN, STOP_PIN)
    await flow.at(page, "radio")
    await person.see("2-test")
    await person.test_heard("caixianlin", 4321)
    await person.see("3-stop")
    await flow.try_stop(page, person.button)
    await said(world, "latched: button")
    await page.until("document.querySelectorAll('[name=pick]').length === 6")
    seen = await page.run("Array.from(document.querySelectorAll('#list label'), label => label.textContent)")
    assert seen == [
        "HomeWPA2/WPA3 · channel 6signal 4/4",  # the stronger one of two
        f"{EMOJI}WPA3 · channel 1signal 3/4",
        "OfficeENTERPRISE · not supported · channel 9signal 3/4",
        "Café gratuitopen · channel 3signal 2/4",
        "SlowWPA2 · channel 6signal 2/4",
        "Hidden or other network…",
    ]
    await person.see("4-wifi")
    assert await flow.join(page, "Home", "wrong horse") == "Home: wrong password (or key type). Nothing was changed."
    assert "wifi" not in person.kept()
    await person.see("4-wifi-wrong")
    assert await flow.join(page, "Home", "correct horse") == ""
    assert await flow.words(page, "#online") == "Connected – Home, 127.0.0.1"
    await person.see("4-wifi-joined")
    await page.click("#next")
    await person.see("5-account")
    await person.pair()
    await flow.at(page, "done")
    await person.see("6-ready")
    await person.finish()
    await person.see("7-bye")
    kept = person.kept()
    assert (kept["board"], kept["rf.pin"], kept["estop.pin"]) == ("generic-esp32", RF_PIN, STOP_PIN)


@story()
async def test_a_hidden_network_whose_key_has_every_sign_and_a_token_by_hand(person):
    page, world = person.page, person.world
    await person.test_heard("petrainer", 65535)
    await page.click("#skip")
    assert await flow.join(page, HIDDEN, KEYS[1], hidden=True) == ""
    (known,) = person.kept()["wifi"]
    assert (known["ssid"], known["key"], known["hidden"]) == (HIDDEN, KEYS[1], True)
    await page.click("#next")
    await flow.at(page, "account")
    await flow.choose(page, BACKEND, "openshock_user")
    for token, words in (
        ("t" * 64, "the server refuses this token (401)"),
        (world.hub.token, "reaches the hub: 3 shockers"),
    ):
        await flow.type_into(page, "#fields [name=token]", token)
        await flow.submit(page, "account")
        await page.until(f"document.getElementById('reach').textContent === {json.dumps(words)}")
    await page.click("#next")
    await person.finish()


@story()
async def test_a_name_of_emoji_and_a_key_of_the_other_signs(person):
    page = person.page
    await person.skip_to_wifi()
    assert await flow.join(page, EMOJI, KEYS[0]) == ""
    (known,) = person.kept()["wifi"]
    assert (known["ssid"], known["key"]) == (EMOJI, KEYS[0]) and len(EMOJI.encode()) == 32
    assert set(KEYS[0] + KEYS[1]) == {chr(code) for code in range(32, 127)}
    await page.click("#next")
    await person.pair()
    await person.finish()


@story()
async def test_the_phone_is_lost_while_the_network_is_tried(person):
    page, world = person.page, person.world
    await flow.bring_axe(page)
    await person.skip_to_wifi()
    await flow.try_network(page, "Slow", "correct horse")
    await flow.shown(page, "#trying")
    await person.away(True)
    await flow.shown(page, "#lost")
    await person.see("4-wifi-phone-lost")
    await said(world, "Slow: joined and saved")
    assert await page.run("document.getElementById('online').hidden")  # nobody could tell it so far
    await person.away(False)
    await flow.shown(page, "#online")
    assert await flow.words(page, "#online") == "Connected – Slow, 127.0.0.1"
    await page.until("document.getElementById('lost').hidden")
    assert await page.run("document.activeElement.id") == "next"
    await page.click("#next")
    await person.pair()
    await person.finish()
