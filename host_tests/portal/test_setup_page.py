"""The set-up page: what it is made of; and in a real browser, in front of a device that is played, that a person gets through."""

import asyncio
import copy
import functools
import json
import re
from html.parser import HTMLParser

import pytest
import setup_flow as flow
from chromium import tab
from conftest import ROOT
from fake_portal import EMOJI, HIDDEN, KEYS, NAME, Network, Portal

from firmware.config import settings, validators
from tools.images import shrink_page

SOURCE = (ROOT / "firmware" / "www" / "index.html").read_text()
PAGE = shrink_page.shrink(SOURCE)  # as the device has it
PICTURES = ROOT / "build" / "screenshots"
# 13 KiB, and what it takes to set every field of a rule and to tell of its dry run, of five services, of a code that somebody is
# to enter elsewhere, and why shocks to a model are off, in two languages
MOST_BYTES = 14208
GZIP_HEAD = 148  # with the hashes of the content policy in its comment

# what it is made of


class Anatomy(HTMLParser):
    """Every element of the page: (tag, attributes); and whether each that was opened was closed, in order."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self._open = []
        self.feed(page)
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        assert len(attributes) == len(dict(attributes)), (tag, attributes)
        self.elements.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "input"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag, (tag, self.getpos())


def rows():
    """name: (English, German) of the page's table of texts."""
    table = SOURCE.partition("const TEXT = {")[2].partition("\n};")[0]
    found = re.findall(r'^  (\w+): (\[".*?"\]),$', table, re.M | re.S)
    assert len(found) == len(re.findall(r"^  \w+:", table, re.M)) > 100
    return {name: tuple(json.loads(texts)) for name, texts in found}


def test_it_is_small():
    assert len(shrink_page.squeeze(PAGE.encode())) + GZIP_HEAD <= MOST_BYTES


def test_it_is_one_file_that_needs_and_keeps_nothing():
    assert not re.search(r"https?://|\bsrc=|@import|url\(", SOURCE)
    assert not re.search(
        r"localStorage|sessionStorage|indexedDB|cookie|window\.open|_blank|\balert\(|\bconfirm\(", SOURCE
    )
    for tag in ("script", "style"):
        assert len(re.findall(f"<{tag}>", SOURCE)) == len(re.findall(f"<{tag}", SOURCE)) == 1
    for page in (SOURCE, PAGE):
        elements = Anatomy(page).elements
        for tag, attributes in elements:
            assert not [name for name in attributes if name.startswith("on") or name == "style"], (tag, attributes)
        ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
        assert len(ids) == len(set(ids))
        named = {id for _, attributes in elements for id in attributes.get("aria-describedby", "").split()}
        assert named <= set(ids)


def test_no_grammar_that_an_older_phone_does_not_read():
    script = re.sub(r'"(?:[^"\\\n]|\\.)*"', '""', SOURCE.partition("<script>")[2])
    assert not re.search(r"\?\.[a-z(\[]|\?\?|\|\|=|&&=|\.replaceAll|\.at\(|structuredClone|\bstatic\b", script)


def test_every_text_is_there_in_both_languages():
    table = rows()
    for name, texts in table.items():
        assert len(texts) == 2, name
        assert all(texts), name
        english, german = (set(re.findall(r"\{\d\}", text)) for text in texts)
        assert english == german, name
    wanted = set(re.findall(r'data-t="(\w+)"', SOURCE))
    assert wanted <= table.keys()
    code = SOURCE.partition("\n};")[2]
    steps = ("board", "radio", "estop", "wifi", "account")
    said_by_the_device = {"clearing", "release"}  # Button.progress of firmware/control/estop.py
    used = wanted | set(re.findall(r'"(\w+)"', code)) | {step + "Skip" for step in steps} | said_by_the_device
    assert table.keys() - used == set()
    assert set(re.findall(r'\bt\("(\w+)"', code)) <= table.keys()
    visible = re.sub(r"<(script|style|noscript|title)>.*?</\1>|<!--.*?-->|<[^>]*>", "", SOURCE, flags=re.S)
    assert visible.split() == ["OpenShock"]


def test_what_is_translated_is_what_the_device_says():
    table = SOURCE.partition("const SAID = {")[2].partition("\n};")[0]
    words = [json.loads(key) for key in re.findall(r'^  ("(?:[^"\\]|\\.)*"):', table, re.M)]
    device = "".join(path.read_text() for path in (ROOT / "firmware").rglob("*.py"))
    assert len(words) > 5
    assert [each for each in words if each not in device] == []


# in a browser


class Person:
    """A browser in front of a played device: its `page`, the `portal`, and the hand on the button."""

    def __init__(self, page, portal):
        self.page = page
        self.portal = portal

    async def button(self, what):
        """None; the e-stop is moved."""
        {"press": self.portal.press, "release": lambda: self.portal.press(False), "clear": self.portal.clear}[what]()

    async def focused(self):
        """The id, name or text of what has the focus."""
        return await self.page.run("(it => it.id || it.name || it.textContent)(document.activeElement)")


def story(portal=None, language="en-GB", before="", page=PAGE):
    """Makes a test of `async def tell(person)`. `portal`: attributes of the Portal; `before`: a script to run first."""

    def dress(tell):
        async def whole():
            device = Portal(page)
            for name, value in (portal or {}).items():
                setattr(device, name, copy.deepcopy(value))
            async with device.open() as url, tab("about:blank") as browser:
                agent = await browser.run("navigator.userAgent")
                await browser.command("Emulation.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
                if before:
                    await browser.command("Page.addScriptToEvaluateOnNewDocument", source=before)
                await browser.command("Page.navigate", url=url)
                await browser.until("location.href !== 'about:blank' && document.readyState === 'complete'")
                await tell(Person(browser, device))
                # An error that is shown is also one for the browser's console; no other complaint may be there.
                assert [text for text in browser.complaints if "Failed to load resource" not in text] == []

        @functools.wraps(tell)
        def test():
            asyncio.run(asyncio.wait_for(whole(), 100))

        del test.__wrapped__  # pytest would look for a fixture
        return pytest.mark.peer("chromium")(test)

    return dress


NOW = {"pulsed": True, "estop": {"latched": False, "pressed": False, "seen": True}}  # at the step Wi-Fi
ONLINE = {**NOW, "online": True, "saved": [("Home", False)]}  # at the step account


def with_pins(attributes):
    """The attributes, and a board whose pins are set."""
    return {**attributes, "board": {**Portal("").board, "rf_pin": 14, "estop_pin": 13}}


async def through(person):
    await flow.guided(
        person.page,
        board=(14, 13),
        receiver=("d80", 1234),
        stop_button=person.button,
        networks=(("Home", "wrong horse"), ("Home", "correct horse")),
        codes=("654321", "123456"),
    )
    assert person.portal.over
    assert person.portal.heard == [
        (
            "board",
            {
                "board": "generic-esp32",
                "rf_pin": 14,
                "estop_enabled": True,
                "estop_pin": 13,
                "estop_normally_closed": False,
            },
        ),
        ("pulse", {"model": "d80", "rf_id": 1234, "action": "vibrate", "intensity": 20, "duration_ms": 1000}),
        ("wifi", {"ssid": "Home", "hidden": False, "key": "wrong horse"}),
        ("wifi", {"ssid": "Home", "hidden": False, "key": "correct horse"}),
        ("account", {"backend": "openshock_gateway", "fields": {"url": "https://api.openshock.app"}}),
        ("pair", {"code": "654321"}),
        ("account", {"backend": "openshock_gateway", "fields": {"url": "https://api.openshock.app"}}),
        ("pair", {"code": "123456"}),
        ("reach", {}),
        ("done", {}),
    ]


test_from_blank_to_connected = story()(through)
test_from_blank_to_connected_with_the_readable_page = story(page=SOURCE)(through)


@story(with_pins(NOW))
async def test_networks_of_every_kind(person):
    page, portal = person.page, person.portal
    await flow.at(page, "wifi")
    await page.until("document.querySelectorAll('[name=pick]').length === 6")
    seen = await page.run("Array.from(document.querySelectorAll('#list label'), label => label.textContent)")
    assert seen == [
        "HomeWPA2/WPA3 · channel 6signal 4/4",  # the stronger one of two
        f"{EMOJI}WPA3 · channel 1signal 3/4",
        "OfficeENTERPRISE · not supported · channel 9signal 3/4",
        "Café gratuitopen · channel 3signal 2/4",
        'quo"te \\ & <i>WPA2 · channel 13signal 1/4',
        "Hidden or other network…",
    ]
    assert await page.run("document.querySelector('[value=Office]').disabled")
    trials = ((EMOJI, KEYS[0]), ('quo"te \\ & <i>', KEYS[1]), ("Café gratuit", ""), (HIDDEN, "under the stairs", True))
    for trial in trials:
        portal.online = False
        await page.until("document.getElementById('next').hidden")
        assert await flow.join(page, *trial) == ""
        body = portal.heard[-1][1]
        key = {"key": trial[1]} if trial[1] else {}
        assert body == {"ssid": trial[0], "hidden": len(trial) == 3, **key}
        assert await flow.words(page, "#online") == f"Connected – {trial[0]}, 192.168.1.20"
    assert [ssid for ssid, _ in portal.saved] == [trial[0] for trial in trials]
    await flow.pick(page, "Café gratuit")
    await flow.shown(page, "#unsafe")


@story(with_pins({**NOW, "saved": [("Old", False)]}))
async def test_a_wrong_password_is_said_and_changes_nothing(person):
    page, portal = person.page, person.portal
    await flow.at(page, "account")
    await page.click("#back")
    portal.trial.clear()
    await flow.try_network(page, "Home", "wrong horse")
    await flow.shown(page, "#trying")
    assert (await flow.words(page, "#trying")).startswith("Trying Home, for up to 20 s.")
    assert await page.run("document.getElementById('connect').getAttribute('aria-disabled')") == "true"
    await page.click("#connect")  # once is enough
    portal.trial.set()
    await flow.shown(page, "#outcome")
    assert [call for call, _ in portal.heard] == ["wifi"]
    assert not await page.run("document.getElementById('connect').hasAttribute('aria-disabled')")
    assert await flow.words(page, "#outcome") == "Home: wrong password (or key type). Nothing was changed."
    await page.until("document.activeElement.name === 'key'")
    assert await page.run("document.activeElement.getAttribute('aria-describedby')") == "outcome"
    assert await page.run("document.activeElement.getAttribute('aria-invalid')") == "true"
    assert await page.run("document.activeElement.value") == "wrong horse"  # to mend, not to type anew
    assert await flow.words(page, "#live") == await flow.words(page, "#outcome")
    assert portal.saved == [("Old", False)]
    assert await page.run("document.querySelector('[name=key]').type") == "password"
    await page.click("[name=reveal]")
    assert await page.run("document.querySelector('[name=key]').type") == "text"
    await flow.pick(page, EMOJI)
    assert await page.run("document.querySelector('[name=key]').value") == ""  # not one network's key for another


@story(with_pins(NOW))
async def test_the_phone_is_lost_during_the_trial(person):
    page, portal = person.page, person.portal
    portal.trial.clear()
    await flow.try_network(page, "Home", "correct horse")
    portal.leave()
    await page.until("!document.getElementById('lost').hidden")
    assert NAME in await flow.words(page, "#lost")
    await flow.shown(page, "#trying")
    portal.trial.set()
    portal.come_back()
    await flow.shown(page, "#online")
    assert await flow.words(page, "#online") == "Connected – Home, 192.168.1.20"
    assert await page.run("document.getElementById('lost').hidden")
    assert await page.run("document.activeElement.id") == "next"
    assert [call for call, _ in portal.heard] == ["wifi"]


@story(with_pins(NOW))
async def test_the_trial_that_nobody_heard_of(person):
    """The phone is gone before the request arrives; the result of an earlier trial is not taken for this one's."""
    page, portal = person.page, person.portal
    assert "wrong password" in await flow.join(page, "Home", "wrong horse")
    portal.leave()
    await flow.type_into(page, "[name=key]", "correct horse")
    await page.click("form[name=wifi] .main")
    await page.until("!document.getElementById('lost').hidden")
    portal.come_back()
    await page.until("/no result/.test(document.getElementById('outcome').textContent)")
    assert await flow.join(page, "Home", "correct horse") == ""


@story(with_pins(NOW))
async def test_searching_again_keeps_the_form(person):
    page, portal = person.page, person.portal
    await flow.pick(page, "Home")
    await flow.type_into(page, "[name=key]", "correct ho")
    portal.networks = [Network("New", "12345678", -40)]
    await page.click("#rescan")
    await page.until("document.querySelector('[value=New]')")
    assert await page.run(
        "[document.querySelector('[name=pick]:checked').value, document.querySelector('[name=key]').value]"
    ) == [
        "Home",
        "correct ho",
    ]
    assert await page.run("document.activeElement.name") == "key"
    assert await flow.words(page, "#live") == "Search again (1 found)"
    assert portal.heard == [("scan", {})]


@story(with_pins(ONLINE))
async def test_accounts(person):
    page, portal = person.page, person.portal
    token = "t" * 64
    await flow.at(page, "account")
    assert not await page.run("document.querySelector('form[name=account] details').open")
    await flow.choose(page, "form[name=account] [name=backend]", "openshock_user")
    assert await page.run("document.getElementById('pairing').hidden")
    assert await page.run("document.querySelector('#fields [name=token]').type") == "password"
    await flow.type_into(page, "#fields [name=url]", "ftp://here")
    await flow.type_into(page, "#fields [name=token]", "refused")
    await flow.submit(page, "account")
    assert await flow.error(page, "account") == ["url", "http:// or https://, a host, perhaps a path"]
    await flow.type_into(page, "#fields [name=url]", "http://10.0.0.2:8080")
    await flow.submit(page, "account")
    await page.until("document.getElementById('reach').className.includes('bad')")
    assert await flow.words(page, "#reach") == "the server refuses this token (401)"
    assert await page.run("document.querySelector('#fields [name=token]').value") == ""  # never shown back
    await flow.type_into(page, "#fields [name=token]", token)
    await flow.submit(page, "account")
    await page.until("document.getElementById('reach').className.includes('good')")
    assert portal.fields["openshock_user"] == {"url": "http://10.0.0.2:8080", "token": token, "device_id": ""}
    await flow.submit(page, "account")  # what is not typed stays
    assert portal.heard[-2][1]["fields"] == {"url": "http://10.0.0.2:8080", "device_id": ""}
    assert portal.fields["openshock_user"]["token"] == token
    assert token not in await page.run("document.documentElement.outerHTML")


@story(with_pins(ONLINE))
async def test_what_is_being_typed_is_kept(person):
    """The device changes meanwhile, by the console or another phone: what nobody has touched here follows, the rest stays."""
    page, portal = person.page, person.portal
    await flow.at(page, "account")
    await page.click("#view")
    await flow.type_into(page, "[name=shock]", "35")
    await flow.choose(page, "form[name=account] [name=backend]", "openshock_user")
    await flow.type_into(page, "#fields [name=device_id]", "half")
    await flow.choose(page, "[name=rf_pin]", 25)
    portal.caps["vibrate"] = 50
    portal.board["estop_pin"] = 26
    portal.fields["openshock_gateway"]["token"] = "p"
    portal.hostname = "other"
    await page.until("document.querySelector('[name=hostname]').value === 'other'")
    names = ("[name=shock]", "[name=backend]", "[name=device_id]", "[name=rf_pin]")
    kept = [await page.run(f"document.querySelector('{name}').value") for name in names]
    assert kept == ["35", "openshock_user", "half", "25"]


@story(with_pins(ONLINE))
async def test_an_old_state_does_not_outrun_a_new_one(person):
    page, portal = person.page, person.portal
    await flow.at(page, "account")
    await page.click("#view")
    await flow.shown(page, "[name=hostname]")
    portal.quick.clear()
    await asked(portal)
    await flow.type_into(page, "[name=hostname]", "desk")
    await flow.submit(page, "naming")
    portal.quick.set()  # the state of before is on its way
    portal.quick.clear()
    await answered(portal)
    await asked(portal)  # the next one: that one has been looked at
    assert await page.run("document.querySelector('[name=hostname]').value") == "desk"
    portal.quick.set()


async def asked(portal):
    """Return when the page waits for a state."""
    while not portal.waiting:
        await asyncio.sleep(0.01)


async def answered(portal):
    """Return when it waits for none."""
    while portal.waiting:
        await asyncio.sleep(0.01)


@story(with_pins(ONLINE))
async def test_pairing_codes(person):
    page, portal = person.page, person.portal
    assert await page.run("document.querySelector('[name=code]').inputMode") == "numeric"
    for code in ("", "12345", "12a456"):
        assert await flow.pair(page, code) == (False, "The code has 6 digits.")
    assert portal.heard == []
    words = "nobody knows this code: it is used up, older than 15 minutes, or mistyped"
    assert await flow.pair(page, "111111") == (False, words)
    assert await flow.error(page, "account") == ["code", words]
    assert await flow.pair(page, "123 456") == (True, "reaches the hub: 2 shockers")
    assert await page.run("document.querySelector('[name=code]').value") == ""


@story()
async def test_a_pin_that_decides_how_the_chip_starts_is_warned_about_and_taken(person):
    page, portal = person.page, person.portal
    await flow.at(page, "board")
    assert await page.run("document.getElementById('strap').hidden")
    await flow.choose(page, "[name=rf_pin]", 12)
    await flow.shown(page, "#strap")
    assert await flow.words(page, "#strap") == "Nothing may pull at this pin while the chip starts."
    await flow.choose(page, "[name=rf_pin]", 13)
    assert await page.run("document.getElementById('strap').hidden")
    await flow.set_board(page, 12)
    assert portal.board["rf_pin"] == 12


@story()
async def test_what_is_wrong_is_said_beside_its_field(person):
    page, portal = person.page, person.portal
    await flow.at(page, "board")
    await flow.submit(page, "board")
    assert await flow.error(page, "board") == ["rf_pin", "Without a pin for the transmitter nothing can be sent."]
    await flow.choose(page, "[name=rf_pin]", 14)
    await flow.choose(page, "[name=estop_pin]", 14)
    await flow.submit(page, "board")
    assert await flow.error(page, "board") == ["rf_pin", "transmitter and emergency stop cannot share GPIO14"]
    await flow.set_board(page, 14, 13, normally_closed=True)
    assert portal.board["estop_normally_closed"]
    await flow.at(page, "radio")
    for number, words in (("", "A whole number, please."), ("1.5", "A whole number, please."), ("70000", "0-65535")):
        await flow.type_into(page, "[name=rf_id]", number)
        await flow.submit(page, "radio")
        assert await flow.error(page, "radio") == ["rf_id", words]
        assert await page.run("document.activeElement.name") == "rf_id"
    portal.press()
    await flow.type_into(page, "[name=rf_id]", "7")
    await flow.submit(page, "radio")
    assert await flow.error(page, "radio") == [None, "the emergency stop is latched"]
    portal.clear()
    await flow.submit(page, "radio")
    await flow.shown(page, "#reacted")
    assert await page.run("document.querySelectorAll('.error').length") == 0
    await page.click("#no")
    await flow.shown(page, "#hints")
    for _ in range(2):
        await page.click("#skip")
    await flow.pick(page, "n" * 33, hidden=True)
    await flow.submit(page, "wifi")
    assert await flow.error(page, "wifi") == ["ssid", "A name has 1–32 bytes; this one has 33."]
    await flow.pick(page, "Home")
    for key in ("", "7 chars", "x" * 64, "ü" * 32):
        await flow.type_into(page, "[name=key]", key)
        await flow.submit(page, "wifi")
        assert await flow.error(page, "wifi") == ["key", "8–63 characters, or 64 hexadecimal digits."]
    assert [call for call, _ in portal.heard].count("wifi") == 0


@story()
async def test_skipping_is_possible_and_its_price_is_said(person):
    page = person.page
    prices = []
    for step in ("board", "radio", "estop", "wifi", "account"):
        await flow.at(page, step)
        prices.append(await flow.words(page, "#unless"))
        await page.click("#skip")
    assert prices == [
        "Without a pin for the transmitter nothing can be sent.",
        "Without a test nobody knows whether the receiver obeys.",
        "Without a button, only the app or pulling the plug stops it.",
        "Without Wi-Fi nobody can reach the device.",
        "Without an account nobody can control the device.",
    ]
    await flow.at(page, "done")
    told = await page.run("Array.from(document.querySelectorAll('#summary small'), it => it.textContent)")
    assert told == prices
    await page.click("#summary li:nth-child(4) button")
    await flow.at(page, "wifi")
    assert await page.run("document.activeElement.textContent") == "Wi-Fi"


URL = {"url": "https://api.openshock.app"}
DONE = {"openshock_gateway": {**URL, "token": "p" * 256}, "openshock_user": {**URL, "token": "", "device_id": ""}}


@story(with_pins({**ONLINE, "online": False, "fields": DONE}))
async def test_whoever_comes_back_sees_what_is_there(person):
    page = person.page
    await flow.at(page, "done")
    told = await page.run(
        "Array.from(document.querySelectorAll('#summary li'), it => it.querySelector('span').textContent)"
    )
    assert told == [
        "Board generic-esp32, Pin 14",
        "Test Without a test nobody knows whether the receiver obeys.",
        "Emergency stop done",
        "Wi-Fi saved",
        "Account saved",
    ]


@story({**with_pins(NOW), "board": Portal("", fixed=True).board, "pulsed": False})
async def test_a_board_that_knows_its_pins_is_not_asked(person):
    page = person.page
    await flow.at(page, "radio")
    assert await page.run("document.querySelectorAll('#steps button').length") == 5
    assert await page.run("document.getElementById('back').hidden")


@story(with_pins({"pulsed": True, "estop": {"latched": True, "pressed": False, "seen": False}}))
async def test_the_stop_is_seen_live(person):
    page, portal = person.page, person.portal

    async def told(words):
        await page.until(f"document.querySelector('#lamp p').textContent === {json.dumps(words)}")
        assert await flow.words(page, "#live") == words

    await flow.at(page, "estop")
    await told("Everything is stopped.")  # since before this page
    await flow.shown(page, "#latched")
    portal.clear()
    await told("Press the button")
    assert await page.run("document.getElementById('next').hidden")
    portal.press()
    await told("Everything is stopped.")
    portal.estop["progress"] = "clearing"
    await told("Keep holding…")
    portal.estop["progress"] = "release"
    await told("Now let go.")
    portal.estop["progress"] = ""
    portal.clear()
    await told("The button works.")
    await flow.shown(page, "#next")


@story({**with_pins(NOW), "hands_out": False})
async def test_an_open_network_asks_for_the_code(person):
    page, portal = person.page, person.portal
    await flow.at(page, "gate")
    await page.until("document.activeElement.name === 'token'")
    for wrong in ("", "fedcba9876543210"):
        await flow.type_into(page, "[name=token]", wrong)
        await flow.submit(page, "gate")
        assert await flow.error(page, "gate") == ["token", "That is not the code."]
        await flow.shown(page, "#gate .error")
    assert portal.polls == 0
    await flow.type_into(page, "[name=token]", " 01234567-89ABCDEF")
    await flow.submit(page, "gate")
    await flow.at(page, "wifi")
    assert await flow.join(page, "Home", "correct horse") == ""


@story(with_pins(NOW))
async def test_the_device_has_started_anew(person):
    """Its token is another one then: the page gets it and goes on, with what was typed."""
    page, portal = person.page, person.portal
    await flow.pick(page, "Home")
    await flow.type_into(page, "[name=key]", "correct horse")
    portal.token = "f" * 16
    await flow.submit(page, "wifi")
    await flow.shown(page, "#online")
    assert [call for call, _ in portal.heard] == ["wifi"]


@story(with_pins(NOW), language="de-AT")
async def test_german_and_english(person):
    page = person.page
    await flow.at(page, "wifi")
    assert await page.run("[document.documentElement.lang, document.querySelector('#wifi h2').textContent]") == [
        "de",
        "WLAN",
    ]
    assert (
        await flow.join(page, "Home", "wrong horse")
        == "Home: falsches Passwort (oder Schlüsseltyp). Nichts wurde geändert."
    )
    await flow.type_into(page, "[name=key]", "half a k")
    await page.click("#tongue")
    assert await page.run("[document.documentElement.lang, document.querySelector('#wifi h2').textContent]") == [
        "en",
        "Wi-Fi",
    ]
    assert await flow.words(page, "#outcome") == "Home: wrong password (or key type). Nothing was changed."
    kept = "[document.querySelector('[name=pick]:checked').value, document.querySelector('[name=key]').value]"
    assert await page.run(kept) == ["Home", "half a k"]
    assert await page.run(
        "[document.getElementById('tongue').textContent, document.getElementById('tongue').lang]"
    ) == ["Deutsch", "de"]
    await page.click("#tongue")
    visible = await page.run("document.querySelector('main').innerText")
    english = {
        texts[0] for texts in rows().values() if texts[0] != texts[1] and len(texts[0]) > 4 and "{" not in texts[0]
    }
    assert [text for text in english if text in visible] == []


THROWS = """
for (const name of ["localStorage", "sessionStorage", "indexedDB", "caches"])
  Object.defineProperty(window, name, { get() { throw new DOMException("no storage here", "SecurityError"); } });
Object.defineProperty(document, "cookie", { get() { throw new Error("no cookies"); }, set() { throw new Error("no cookies"); } });
window.open = window.alert = window.confirm = window.prompt = () => { throw new Error("no windows"); };
delete window.Notification;
"""
test_without_any_storage = story(before=THROWS)(through)


@story()
async def test_with_the_keyboard_alone(person):
    """Tab, arrows, Enter and blanks, from the first step to the last; the focus is always where one is, and can be seen."""
    page, portal = person.page, person.portal

    async def tab_to(name):
        for _ in range(40):
            if await person.focused() == name:
                break
            await flow.press(page, "Tab")
            ring = await page.run("getComputedStyle(document.activeElement).outlineStyle")
            assert ring == "solid" or await person.focused() == "", await person.focused()
        assert await person.focused() == name

    async def enter(name, text):
        await tab_to(name)
        await page.command("Input.insertText", text=text)

    async def title(words):
        await page.until(
            f"document.activeElement.tagName === 'H2' && document.activeElement.textContent === {json.dumps(words)}"
        )

    await flow.at(page, "board")
    await tab_to("rf_pin")
    for _ in range(4):  # –, 4, 12, 13, 14
        await flow.press(page, "ArrowDown")
    await tab_to("estop_pin")
    for _ in range(2):
        await flow.press(page, "ArrowDown")
    await tab_to("Save")
    await flow.press(page, "Enter")
    await title("Test")
    assert (portal.board["rf_pin"], portal.board["estop_pin"]) == (14, 13)
    await enter("rf_id", "1234")
    await tab_to("action")
    await flow.press(page, "ArrowDown")
    await tab_to("intensity")
    await flow.press(page, "ArrowRight")
    await flow.press(page, "Enter")  # as everywhere in a form
    await page.until("document.activeElement.id === 'reacted'")
    assert portal.heard[-1][1] == {
        "model": "caixianlin",
        "rf_id": 1234,
        "action": "sound",
        "intensity": 21,
        "duration_ms": 1000,
    }
    await tab_to("yes")
    await flow.press(page, " ")
    await title("Emergency stop")
    portal.press()
    await flow.shown(page, "#latched")
    portal.clear()
    await flow.shown(page, "#next")
    await tab_to("next")
    await flow.press(page, "Enter")
    await title("Wi-Fi")
    await page.until("document.querySelector('[value=Home]')")
    await tab_to("pick")
    await flow.press(page, " ")
    await enter("key", "correct horse")
    await flow.press(page, "Enter")
    await page.until("document.activeElement.id === 'next'")
    await flow.press(page, "Enter")
    await title("Account")
    await enter("code", "123456")
    await flow.press(page, "Enter")
    await page.until("document.activeElement.id === 'next'")
    await flow.press(page, "Enter")
    await title("Ready?")
    await tab_to("Finish and restart")
    await flow.press(page, "Enter")
    await title("Restarting")
    assert portal.over


@story(with_pins(ONLINE))
async def test_everything_on_one_page(person):
    page, portal = person.page, person.portal
    await flow.at(page, "account")
    await page.click("#view")
    for section in ("board", "radio", "estop", "wifi", "account", "caps", "rules", "naming", "done"):
        await flow.shown(page, f"#{section}")
    assert await page.run("document.getElementById('way').hidden && document.getElementById('steps').hidden")
    await flow.type_into(page, "[name=shock]", "101")
    await flow.submit(page, "caps")
    assert await flow.error(page, "caps") == ["shock", "0-100"]
    await flow.type_into(page, "[name=shock]", "35")
    await page.click("[name=shock_allowed]")
    await flow.submit(page, "caps")
    caps = {
        "shock_allowed": False,
        "unverified_shock": False,
        "shock": 35,
        "vibrate": 100,
        "sound": 100,
        "light": 100,
        "longest_ms": 10000,
        "budget": 3000,
    }
    assert portal.heard[-1] == ("caps", {**caps, "rest_ms": 2000})
    await flow.type_into(page, "[name=hostname]", "")
    await flow.submit(page, "naming")
    assert await flow.error(page, "naming") == ["hostname", "1-32 characters"]
    await flow.type_into(page, "[name=hostname]", "desk")
    await flow.submit(page, "naming")
    assert portal.hostname == "desk"
    await flow.pick(page, "Café gratuit")
    await page.run("document.getElementById('address').open = true")
    for name, value in (("ip", "192.168.0.20"), ("mask", "255.255.255.0"), ("gateway", "192.168"), ("dns", "1.1.1.1")):
        await flow.type_into(page, f"[name={name}]", value)
    await flow.submit(page, "wifi")
    assert await flow.error(page, "wifi") == ["ip", "four numbers from 0 to 255 each, such as 192.168.0.20"]
    await flow.type_into(page, "[name=gateway]", "192.168.0.1")
    await flow.submit(page, "wifi")
    address = {"ip": "192.168.0.20", "mask": "255.255.255.0", "gateway": "192.168.0.1", "dns": "1.1.1.1"}
    assert portal.heard[-1] == ("wifi", {"ssid": "Café gratuit", "hidden": False, "address": address})
    await page.until("document.querySelectorAll('#saved li').length === 2")
    await page.click("#saved li:last-child button")
    assert await flow.words(page, "#saved li:last-child button") == "Really forget"
    await page.click("#saved li:last-child button")
    await page.until("document.querySelectorAll('#saved li').length === 1")
    assert portal.heard[-1] == ("wifi/forget", {"ssid": "Café gratuit"})
    await page.click("#view")
    await flow.at(page, "account")
    assert await page.run("document.getElementById('caps').hidden")


FORM = "form[name=rules]"
ALARM = {
    "backend": "valtronics",
    "kind": "alert",
    "severity": "warning",
    "text": "hot",
    "model": "d80",
    "rf_id": 1234,
    "channel": 2,
    "action": "sound",
    "level": 30,
    "duration_ms": 700,
    "once_in_s": 60,
}


async def to_the_rules(person):
    """None; all settings are on one page."""
    await flow.at(person.page, "account")
    await person.page.click("#view")
    await flow.shown(person.page, "#rules")


async def fill_in(page, **fields):
    """None; these fields of the rule's form have these values."""
    for name, value in fields.items():
        if name in ("backend", "kind", "severity", "model", "action"):
            await flow.choose(page, f"{FORM} [name={name}]", value)
        else:
            await flow.type_into(page, f"{FORM} [name={name}]", str(value))


async def in_the_form(page):
    """{name: what stands there} of every field of the rule's form."""
    return await page.run(
        "Object.fromEntries(Array.from(document.forms.rules.elements).filter(it => it.name).map(it => [it.name, it.value]))"
    )


@story(with_pins(ONLINE))
async def test_every_field_of_a_rule_is_set_and_the_rule_tried_and_forgotten(person):
    page, portal = person.page, person.portal
    await to_the_rules(person)
    assert (await in_the_form(page)).keys() == set(settings_lists_fields())
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == ["rf_id", "A whole number, please."]
    await fill_in(page, **{**ALARM, "level": 101})
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == ["level", "0-100"]
    await fill_in(page, level=30)
    await flow.submit(page, "rules")
    await page.until("document.querySelector('#rules li')")
    assert portal.rules == [ALARM]
    words = (
        "Valtronics · alert · warning · hotSound 30 %, 700 ms, d80 1234, channel 2, at most once in 60 sChangeForget"
    )
    assert await flow.words(page, "#rules li") == words
    portal.foreseen = [{"rule": 1, "rests_s": 0, "refused": "", **{name: ALARM[name] for name in list(ALARM)[4:]}}]
    await page.click("#attempt")
    await page.until("!document.getElementById('told').hidden")
    assert await flow.words(page, "#told") == "Rule 1: Sound 30 %, 700 ms, d80 1234, channel 2"
    event = {"backend": "valtronics", "kind": "alert", "severity": "warning", "text": "hot"}
    assert portal.heard[-1] == ("rules/try", event)
    await page.click("#rules li .stack button:last-child")
    await page.until("!document.querySelector('#rules li')")
    assert portal.rules == []


def settings_lists_fields():
    """The names of all fields that a rule may have, as the device has them."""
    rule = {"model": "d80", "rf_id": 1, "action": "sound", "level": 1, "duration_ms": 1}
    further = ("backend", "kind", "severity", "text", "channel", "once_in_s")
    for name in (*rule, *further):
        wrong = validators.misfit({**rule, name: []}, settings.is_text)
        assert wrong[0] == name, name  # the device knows it
    assert validators.misfit({**rule, "seventh": 1}, settings.is_text) == ("seventh", "a rule has no such field")
    return *rule, *further


@story(
    {
        **with_pins(ONLINE),
        "rules": [{**ALARM, "severity": "high", "kind": "odd", "channel": None}, {**ALARM, "text": "2"}],
    }
)
async def test_a_rule_is_changed_and_what_the_page_does_not_know_of_it_stays(person):
    page, portal = person.page, person.portal
    await to_the_rules(person)
    await page.click("#rules li:first-child .stack button")
    assert await person.focused() == "backend"
    told = {name: str(value) for name, value in ALARM.items()}
    assert await in_the_form(page) == {**told, "severity": "high", "kind": "odd", "channel": ""}
    await page.click("#tongue")
    assert await in_the_form(page) == {**told, "severity": "high", "kind": "odd", "channel": ""}
    await fill_in(page, once_in_s=5, channel=256)
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == ["channel", "0-255"]
    await fill_in(page, channel="")
    await flow.submit(page, "rules")
    await page.until("document.forms.rules.rf_id.value === ''")
    changed = {**ALARM, "severity": "high", "kind": "odd", "channel": None, "once_in_s": 5}
    assert portal.rules == [changed, {**ALARM, "text": "2"}]
    await page.click("#rules li:last-child .stack button")
    portal.rules = [{**ALARM, "text": "2"}]  # somebody at the console forgets the first one meanwhile
    await fill_in(page, level=5)
    await flow.submit(page, "rules")
    await page.until("document.forms.rules.rf_id.value === ''")
    assert portal.rules[-1] == {**ALARM, "text": "2", "level": 5}
    await page.click("#rules li:last-child .stack button")
    await page.click(f"{FORM} [type=reset]")  # not that one after all
    assert (await in_the_form(page))["rf_id"] == ""
    await fill_in(page, rf_id=7)
    before = len(portal.rules)
    await flow.submit(page, "rules")
    await page.until(f"document.querySelectorAll('#rules li').length === {before + 1}")
    assert portal.rules[-1]["rf_id"] == 7


@story({**with_pins(ONLINE), "rules": [ALARM] * 8}, language="de")
async def test_a_dry_run_and_mistakes_in_german(person):
    page, portal = person.page, person.portal
    await to_the_rules(person)
    words = (
        "Valtronics · Alarm · Warnung · hotTon 30 %, 700 ms, d80 1234, Kanal 2, höchstens einmal in 60 sÄndernVergessen"
    )
    assert await flow.words(page, "#rules li") == words
    known = {"rests_s": 0, "refused": ""}
    effect = {"action": "vibrate", "level": 25, "duration_ms": 400, "model": "d80", "rf_id": 7, "channel": None}
    for foreseen, told in (
        ([], "Dafür gibt es keine Regel."),
        ([{**known, "rule": 2, **effect}], "Regel 2: Vibration 25 %, 400 ms, d80 7"),
        ([{**known, "rule": 1, "refused": "the local cap is 0"}], "Regel 1: die Grenze hier ist 0"),
        (
            [{**known, "rule": 1, "rests_s": 9}, {**known, "rule": 3, "refused": "the emergency stop is latched"}],
            "Regel 1: ruht noch 9 s; Regel 3: der Not-Aus ist gedrückt",
        ),
    ):
        portal.foreseen = foreseen
        await page.click("#attempt")
        await page.until(f"document.getElementById('told').textContent === {json.dumps(told)}")
        await flow.shown(page, "#told")
    await page.click("#tongue")
    assert await page.run("document.getElementById('told').hidden")  # nothing stays in the other language
    await page.click("#tongue")
    await fill_in(page, rf_id="x")
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == ["rf_id", "Bitte eine ganze Zahl."]
    await fill_in(page, rf_id=7, text="ü" * 31)
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == ["text", "0-60 Bytes ohne Steuerzeichen"]
    await fill_in(page, text="")
    await flow.submit(page, "rules")
    assert await flow.error(page, "rules") == [None, "kein Platz mehr: vergiss erst eine Regel"]


@story(with_pins({**ONLINE, "saved": [("Old", False)], "networks": [Network("Old", "old key 1")]}))
async def test_a_known_network_needs_no_key(person):
    page, portal = person.page, person.portal
    await flow.at(page, "account")
    await page.click("#back")
    await flow.pick(page, "Old")
    await flow.submit(page, "wifi")
    assert portal.heard[-1] == ("wifi", {"ssid": "Old", "hidden": False})


EVIL = '<img src=x onerror="document.title=1">'


@story(
    {
        **with_pins(ONLINE),
        "saved": [(EVIL[:32], False)],
        "networks": [Network(EVIL[:32], "12345678")],
        "hostname": EVIL[:32],
    }
)
async def test_names_of_strangers_are_text(person):
    page = person.page
    await flow.at(page, "account")
    await page.click("#view")
    await page.until("document.querySelector('#list .bars')")
    assert await page.run("document.querySelectorAll('img').length") == 0
    assert await flow.words(page, "#saved li span") == EVIL[:32]


@story(with_pins({**NOW, "idle_ms_left": 61000}))
async def test_it_says_when_it_is_about_to_close(person):
    page, portal = person.page, person.portal
    await flow.shown(page, "#idle")
    assert await flow.words(page, "#idle p") == "Set-up closes in 61 s."
    portal.idle_ms_left = 600000
    await page.click("#stay")
    await page.until("document.getElementById('idle').hidden")


# how it looks, and how it is for those who do not see it


async def every_step(person):
    page, portal = person.page, person.portal
    await flow.bring_axe(page)

    async def see(name):
        await flow.look(page, PICTURES / f"setup-{name}-{await page.run('document.documentElement.lang')}")

    await flow.at(page, "board")
    await see("1-board")
    await flow.submit(page, "board")
    await see("1-board-wrong")
    await flow.set_board(page, 14, 13)
    await flow.at(page, "radio")
    await see("2-test")
    await flow.type_into(page, "[name=rf_id]", "1234")
    await flow.submit(page, "radio")
    await page.click("#no")
    await see("2-test-sent")
    await page.click("#yes")
    await flow.at(page, "estop")
    await see("3-stop")
    portal.press()
    await flow.shown(page, "#latched")
    await see("3-stop-pressed")
    portal.clear()
    await flow.shown(page, "#next")
    await see("3-stop-works")
    await page.click("#next")
    await page.until("document.querySelector('#list .bars')")
    await see("4-wifi")
    await flow.pick(page, "Café gratuit")
    await see("4-wifi-open")
    portal.trial.clear()
    await flow.try_network(page, "Home", "wrong horse")
    await flow.shown(page, "#trying")
    await see("4-wifi-trying")
    portal.leave()
    await page.until("!document.getElementById('lost').hidden")
    await see("4-wifi-phone-lost")
    portal.trial.set()
    portal.come_back()
    await flow.shown(page, "#outcome")
    await page.until("document.getElementById('lost').hidden")
    await see("4-wifi-wrong")
    await flow.pick(page, HIDDEN, hidden=True)
    await flow.type_into(page, "[name=key]", "under the stairs")
    await page.click("[name=reveal]")
    await see("4-wifi-hidden")
    await flow.submit(page, "wifi")
    await flow.shown(page, "#next")
    await see("4-wifi-joined")
    await page.click("#next")
    await flow.at(page, "account")
    await see("5-account")
    await flow.pair(page, "654321")
    await see("5-account-wrong")
    await flow.pair(page, "123456")
    await flow.shown(page, "#next")
    await see("5-account-reached")
    await page.click("#view")
    await flow.shown(page, "#caps")
    await page.run("document.querySelectorAll('details').forEach(it => { it.open = true; })")
    await see("all")
    await page.click("#view")
    portal.idle_ms_left = 60000
    await page.click("#next")
    await flow.at(page, "done")
    await flow.shown(page, "#idle")
    await see("6-ready")
    await flow.finish(page)
    await see("7-bye")


test_every_step_light_and_dark = story()(every_step)
test_every_step_in_german = story(language="de")(every_step)


@story({"hands_out": False})
async def test_the_gate_light_and_dark(person):
    page = person.page
    await flow.bring_axe(page)
    await flow.at(page, "gate")
    await flow.submit(page, "gate")
    await flow.look(page, PICTURES / "setup-0-gate-en")
