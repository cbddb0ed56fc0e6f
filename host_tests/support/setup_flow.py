"""A person at the set-up page: each step as fingers and keys do it, on a `chromium.Tab`. Any device may be behind it."""

import base64
import json

from conftest import peer_npm

_KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "End": 35, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}


def _text(value):
    return json.dumps(value)


async def shown(page, selector):
    """Return when it can be seen."""
    await page.until(f"document.querySelector({_text(selector)})?.offsetParent")


async def words(page, selector):
    """The text of it, as it is read."""
    return await page.run(f"document.querySelector({_text(selector)}).textContent.trim()")


async def at(page, step):
    """Return when that step (board, radio, estop, wifi, account, done, bye) is the one that is shown."""
    await page.until(f"!document.getElementById({_text(step)}).hidden")


async def type_into(page, selector, text):
    """None; the field holds `text` and nothing else, typed at the place of the cursor."""
    await shown(page, selector)
    await page.run(f"(it => {{ it.focus(); it.select(); }})(document.querySelector({_text(selector)}))")
    if text:
        await page.command("Input.insertText", text=text)
    else:
        await press(page, "Delete")
    assert await page.run(f"document.querySelector({_text(selector)}).value") == text


async def choose(page, selector, value):
    """None; the menu shows the option with that value."""
    await shown(page, selector)
    await page.run(
        f"(it => {{ it.value = {_text(str(value))}; it.dispatchEvent(new Event('input', {{bubbles: true}}));"
        f"it.dispatchEvent(new Event('change', {{bubbles: true}})); }})(document.querySelector({_text(selector)}))"
    )
    assert await page.run(f"document.querySelector({_text(selector)}).value") == str(value)


async def press(page, key, shift=False):
    """None; that key was pressed and let go, where the focus is."""
    what = {"key": key, "code": "Space" if key == " " else key, "modifiers": 8 if shift else 0}
    what["windowsVirtualKeyCode"] = _KEYS.get(key, 46)
    text = {"Enter": "\r", " ": " "}.get(key)
    await page.command("Input.dispatchKeyEvent", type="keyDown", **what, **({"text": text} if text else {}))
    await page.command("Input.dispatchKeyEvent", type="keyUp", **what)


async def submit(page, form):
    """None; its button was pressed, and what was sent has been answered."""
    button = f"form[name={form}] .main"
    await shown(page, button)
    await page.click(button)
    await page.until(f"!document.querySelector('{button}').classList.contains('spin')")


async def error(page, form):
    """(the field, the words) of what is said to be wrong in a form; the field is None when it is not about one."""
    await page.until(f"document.querySelector('form[name={form}] .error')")
    return await page.run(
        f"(error => {{ const field = document.querySelector('[aria-describedby~=' + (error.id || 'none') + ']');"
        f"return [field && field.name, error.textContent]; }})(document.querySelector('form[name={form}] .error'))"
    )


# the steps


async def set_board(page, rf_pin, estop_pin=None, normally_closed=False):
    """None; the pins are saved, and the page has gone on."""
    await at(page, "board")
    await choose(page, "[name=rf_pin]", rf_pin)
    await choose(page, "[name=estop_pin]", "" if estop_pin is None else estop_pin)
    if normally_closed:
        await page.click("[name=estop_normally_closed]")
    await submit(page, "board")


async def send_test(page, model, rf_id, action="vibrate"):
    """None; a test was sent, and its receiver reacted."""
    await at(page, "radio")
    await choose(page, "[name=model]", model)
    await type_into(page, "[name=rf_id]", str(rf_id))
    await page.click(f"[name=action][value={action}]")
    await submit(page, "radio")
    await shown(page, "#reacted")
    await page.click("#yes")


async def try_stop(page, button):
    """None; the e-stop was seen and cleared. `await button("press")`, "release" and "clear" move it."""
    await at(page, "estop")
    await button("press")
    await page.until("document.getElementById('lamp').className.includes('down')")
    await button("release")
    await shown(page, "#latched")
    assert await page.run("document.getElementById('next').hidden")  # not before it is cleared
    await button("clear")
    await shown(page, "#next")
    await page.click("#next")


async def pick(page, ssid, hidden=False):
    """None; that network is chosen from the list, or its name typed."""
    await at(page, "wifi")
    value = "" if hidden else ssid
    row = f"Array.from(document.querySelectorAll('[name=pick]')).find(radio => radio.value === {_text(value)})"
    await page.until(row)
    await page.run(f"({row}).click()")
    if hidden:
        await type_into(page, "[name=ssid]", ssid)


async def try_network(page, ssid, key, hidden=False):
    """None; the network is being tried with that key."""
    await pick(page, ssid, hidden)
    if key:
        await type_into(page, "[name=key]", key)
    await submit(page, "wifi")


async def join(page, ssid, key, hidden=False):
    """ "" when it was joined, otherwise what the page says."""
    await try_network(page, ssid, key, hidden)
    hidden_of = "document.getElementById('{}').hidden".format
    await page.until(f"{hidden_of('trying')} && !({hidden_of('next')} && {hidden_of('outcome')})")
    return "" if await page.run("document.getElementById('outcome').hidden") else await words(page, "#outcome")


async def pair(page, code):
    """(whether the hub is reached, what the page says): after a pairing code, or its error."""
    await at(page, "account")
    await type_into(page, "[name=code]", code)
    await submit(page, "account")
    if await page.run("document.querySelector('form[name=account] .error')?.textContent"):
        return False, (await error(page, "account"))[1]
    await page.until("/good|bad/.test(document.getElementById('reach').className)")
    return await page.run("document.getElementById('reach').classList.contains('good')"), await words(page, "#reach")


async def finish(page):
    """None; the device has been told to start."""
    await at(page, "done")
    await submit(page, "done")
    await at(page, "bye")


async def guided(page, board, receiver, stop_button, networks, codes):
    """None; the whole flow from the first step to the last.

    `board`: arguments of set_board, None when the board has its own pins; `receiver`: of send_test; `stop_button`: as for
    try_stop; `networks`: arguments of join, each but the last is refused; `codes`: likewise.
    """
    if board is not None:
        await set_board(page, *board)
    await send_test(page, *receiver)
    await try_stop(page, stop_button)
    for network in networks[:-1]:
        assert await join(page, *network)
        assert await page.run("document.getElementById('next').hidden")
    assert await join(page, *networks[-1]) == ""
    await page.click("#next")
    for code in codes[:-1]:
        assert not (await pair(page, code))[0]
    assert (await pair(page, codes[-1]))[0]
    await page.click("#next")
    await finish(page)


# how it looks, and how it is for those who do not see it


async def bring_axe(page):
    """None; axe is in the page, for `look`."""
    await page.run((peer_npm("axe-core") / "axe.min.js").read_text() + "; undefined")


async def dark(page, dark):
    """None; the phone is set to that."""
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    await page.command("Emulation.setEmulatedMedia", features=features)


async def look(page, path):
    """None; pictures are kept at a phone's width, PATH-light.png and PATH-dark.png, and axe finds nothing to complain about."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for scheme in ("light", "dark"):
        await dark(page, scheme == "dark")
        height = max(844, await page.run("document.documentElement.scrollHeight"))
        assert await page.run("document.documentElement.scrollWidth") == 390, (path.name, scheme)  # nothing sticks out
        clip = {"x": 0, "y": 0, "width": 390, "height": height, "scale": 1}
        picture = await page.command("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.with_name(f"{path.name}-{scheme}.png").write_bytes(base64.b64decode(picture["data"]))
        found = await page.run(
            "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.flatMap("
            "it => it.nodes.map(node => [it.id, node.target.join(' '), node.failureSummary])))"
        )
        assert found == [], (path.name, scheme)
