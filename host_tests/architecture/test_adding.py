"""The examples of docs/adding-a-….md, taken from the pages as they stand there: each is a plug that works where it says."""

import ast
import asyncio
import importlib
import json
import re
import sys

import pytest
import test_house as house
from conftest import ROOT
from link_story import TOKEN, Server, Story, hurry, text

from firmware import backends, boards
from firmware import command as orders
from firmware.command import ACTIONS, SHOCK, STOP, VIBRATE, Command
from firmware.config import settings
from firmware.hardware import gpio_rules
from lib import plugins
from tools.images import modules, targets

MOST_LINES = 60


def page(name):
    return (ROOT / "docs" / f"adding-a-{name}.md").read_text(encoding="utf-8")


def block(name, kind="python"):
    """(path, code) of the first block of that kind on a page; the path stands in front of it."""
    path, code = re.search(rf"(?:`(firmware/\w+/\w+\.py)`:\n\n)?```{kind}\n(.*?)```", page(name), re.S).groups()
    return path, code


def example(name, tmp_path, monkeypatch):
    """(room, module) of the page's example, as a file beside the real ones."""
    path, code = block(name)
    assert code.count("\n") <= MOST_LINES
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    folder, plug = path[: -len(".py")].replace("/", ".").rsplit(".", 1)
    package = importlib.import_module(folder)
    monkeypatch.setattr(package, "__path__", [str((tmp_path / path).parent), *package.__path__])
    monkeypatch.setattr(package, "NAMES", (*package.NAMES, plug))
    module = plugins.load(folder, plug)
    room = house.Room(path, code)
    assert [words for rule in house.RULES for words in rule(room)] == []
    return room, module


@pytest.fixture(autouse=True)
def forgotten(monkeypatch):
    """What was loaded from a scratch folder is not there for the next test."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if name.startswith(("firmware.backends.", "firmware.boards.", "firmware.shockers.")):
            del sys.modules[name]


# a receiver


def bits(train):
    """The bits of an EV1527 frame by its pulses, none of ours: longer high than low is a one."""
    assert (train[0], train[1]) == (350, 31 * 350)
    pairs = list(zip(train[2::2], train[3::2], strict=True))
    assert set(pairs) <= {(1050, 350), (350, 1050)}
    return "".join("1" if high > low else "0" for high, low in pairs)


def test_the_receiver_is_one_like_the_others(tmp_path, monkeypatch):
    _, module = example("receiver", tmp_path, monkeypatch)
    house.test_a_receiver_model_is_two_functions_and_its_actions(module)
    house.test_a_receiver_model_refuses_what_it_cannot_say(module)
    assert sum(module.stop(7)) == 44_800


def test_the_receivers_frames_are_those_of_the_page(tmp_path, monkeypatch):
    _, module = example("receiver", tmp_path, monkeypatch)
    rows = [row for row in block("receiver", "text")[1].splitlines() if row]
    assert len(rows) == 4
    for row in rows:
        words, _, wanted = row.partition("   ")
        rf_id, action, *level = words.split()
        number = ACTIONS.index(action)
        train = module.stop(int(rf_id)) if number == STOP else module.encode(int(rf_id), number, int(level[0]))
        assert bits(train) == wanted.replace(" ", "")


# a board


def test_the_board_is_one_like_the_others(tmp_path, monkeypatch):
    room, board = example("board", tmp_path, monkeypatch)
    named = {node.targets[0].id for node in room.tree.body[1:]}
    assert named == set(house._assigned("firmware.boards.simulated"))
    assert set(re.findall(r"^\| `(\w+)`(?:, `(\w+)`)?", page("board"), re.M)) and all(
        f"`{name}`" in page("board") for name in named
    )
    pins = gpio_rules.transmitter_pins(board)
    assert (
        len(pins) > 20 and 38 not in pins and 0 not in pins and gpio_rules.why_not(board, 38).endswith("lamp or button")
    )


def test_the_build_finds_the_board_by_its_row(tmp_path, monkeypatch):
    path, code = block("board")
    rows = (*boards.BOARDS, ast.literal_eval(block("board", "text")[1].strip().rstrip(",")))
    monkeypatch.setattr(boards, "BOARDS", rows)
    monkeypatch.setattr(targets, "ROOT", tmp_path)
    for name, _ in boards.BOARDS[:-1]:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"firmware/boards/{name}.py").write_text((ROOT / f"firmware/boards/{name}.py").read_text("utf-8"))
    (tmp_path / path).write_text(code, encoding="utf-8")
    target = targets.named("ESP32-S3-DevKitC-1")
    assert (target.chip, target.layout) == ("esp32s3", "8MB")
    assert path in modules.sources(target, changes={path: code}, root=ROOT)
    assert path not in modules.sources(targets.named("generic-esp32"), changes={path: code}, root=ROOT)


# a backend


def with_its_settings(monkeypatch):
    """None; the two rows that the page asks for are in the table."""
    rows = block("backend", "text")[1]
    assert rows.count("\n") == 2
    monkeypatch.setattr(settings, "TABLE", settings.TABLE + ast.literal_eval(f"({rows})"))
    row = re.findall(r"```text\n(.*?)```", page("backend"), re.S)[1].strip().rstrip(",")
    monkeypatch.setattr(backends, "BACKENDS", (*backends.BACKENDS, ast.literal_eval(row)))


def test_the_backend_is_one_like_the_others(tmp_path, monkeypatch):
    with_its_settings(monkeypatch)
    _, module = example("backend", tmp_path, monkeypatch)
    house.test_a_backend_speaks_for_one_service(module)
    assert settings.default("relay.url") == "http://192.168.0.2:8080" and settings.is_secret("relay.token")


def test_the_backend_drives_the_device_through_the_link(tmp_path, monkeypatch):
    with_its_settings(monkeypatch)
    _, module = example("backend", tmp_path, monkeypatch)
    hurry(monkeypatch)

    async def tell():
        async with Server() as server:
            url = f"http://127.0.0.1:{server.port}"
            backend = module.Backend({"url": url, "token": TOKEN}, "agent/1")
            async with Story(url, backend) as story:
                peer = await server.knock()
                assert peer.path == "/relay" and peer.headers["Authorization"] == "Bearer " + TOKEN
                peer.accept()
                assert await peer.frame() == (1, b'{"hello":"device"}')
                told = {"id": 7, "action": "vibrate", "model": "caixianlin", "rf_id": 4321, "level": 20, "ms": 500}
                peer.say(text(json.dumps(told).encode()))
                assert await peer.frame() == (1, b'{"taken":7}')
                made = Command("caixianlin", 4321, VIBRATE, 20, 500, None, "relay", None)
                assert story.dispatcher.orders == [(orders.ACT, made)]
                peer.say(text(b'{"action":"stop"}') + text(b'{"action":"zap"') + text(b"[]"))
                await story.dispatcher.until(lambda: len(story.dispatcher.orders) == 4)
                kinds = [order for order, _ in story.dispatcher.orders[1:]]
                assert kinds == [orders.HALT, orders.NOTE, orders.NOTE]
                peer.say(text(b'{"bye":true}'))
                assert await story.next_try_ms("the relay sends us away") >= 300_000
                assert story.dispatcher.halts == ["link lost"] * len(story.dispatcher.halts) != []

    asyncio.run(asyncio.wait_for(tell(), 40))


def test_what_makes_no_sense_to_the_backend_is_never_a_command(tmp_path, monkeypatch):
    _, module = example("backend", tmp_path, monkeypatch)
    backend = module.Backend({"url": "http://x", "token": ""}, "agent/1")
    good = {"id": 1, "action": "shock", "model": "d80", "rf_id": 1, "level": 5, "ms": 300}
    assert backend.receive(json.dumps(good).encode(), 0)[0][1].action == SHOCK
    for missing in good:
        broken = {key: value for key, value in good.items() if key != missing}
        assert [order for order, _ in backend.receive(json.dumps(broken).encode(), 0)] == [orders.NOTE], missing
    for message in (
        b"x",
        b"7",
        b"null",
        b'"a"',
        b"{}",
        b"\xff",
        b"{" * 2000,
        b" " * 5000,
        json.dumps({**good, "action": []}).encode(),
    ):
        assert [order for order, _ in backend.receive(message, 0)] == [orders.NOTE], message[:20]
