"""The local hub's file and its command line: what is kept, what is refused with one clear line, how it begins and ends."""

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys

import aiohttp
import pytest
from conftest import ROOT
from hub_story import DEVICE, HEADERS, LINK, NOBODY, RED, Caller, known_config

from tools.hub import Config, Hub, config

WINDOWS = sys.platform == "win32"


def test_a_sample_is_ready_to_use():
    sample = Config.sample()
    assert [shocker.model for shocker in sample.shockers] == ["CaiXianlin", "PetTrainer", "WellturnT330"]
    assert re.fullmatch("[A-Za-z0-9]{64}", sample.tokens[0].secret)
    guids = [thing.guid for thing in (*sample.devices, *sample.shockers, *sample.tokens, *sample.shares)]
    assert len(set(guids)) == 6
    for guid in guids:
        assert re.fullmatch("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", guid)
    assert sample.tokens[0].secret not in repr(sample)
    assert Config.sample().tokens[0].secret != sample.tokens[0].secret


def test_a_saved_config_is_the_same_again(tmp_path):
    path = tmp_path / "hub.json"
    whole = known_config(ping_ms=500, pong_ms=0)
    whole.shockers[1].paused = True
    whole.shares[0].expires_on = whole.shares[0].created_on
    config.save(whole, path)
    config.save(whole, path)
    assert os.listdir(tmp_path) == ["hub.json"]
    if not WINDOWS:
        assert path.stat().st_mode & 0o777 == 0o600  # the token is in it
    again = config.load(path)
    assert again.path == str(path)
    again.path = None
    assert again == whole


def test_a_short_config_gets_the_rest(tmp_path):
    path = tmp_path / "hub.json"
    path.write_text('{"shockers":[{"name":"mine","model":"petrainer","rfId":7}]}')
    short = config.load(path)
    assert (short.shockers[0].model, short.shockers[0].rf_id) == ("PetTrainer", 7)
    assert short.shockers[0].device == short.devices[0].guid
    assert len(short.tokens[0].secret) == 64


def test_a_byte_order_mark_is_an_editors(tmp_path):
    path = tmp_path / "hub.json"
    config.save(known_config(), path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert config.load(path).shockers == known_config().shockers


def test_bad_configs_say_what_is_wrong(tmp_path):
    shocker = {"name": "n", "model": "D80", "rfId": 1}
    table = (
        ("", "Expecting value"),
        ("[]", "must be an object"),
        ('{"shocker":[]}', "must be an object with keys among"),
        ("[" * 100_000, ""),
        ({"shockers": {}}, "'shockers' must be list"),
        ({"shockers": [5]}, "shockers[0]"),
        ({"shockers": [shocker, {**shocker, "rfId": 65536}]}, "shockers[1]: 'rfId' must be 0 to 65535"),
        ({"shockers": [{**shocker, "rfId": True}]}, "'rfId' must be int"),
        ({"shockers": [{**shocker, "model": "Pet"}]}, "not a shocker model"),
        ({"shockers": [{**shocker, "name": ""}]}, "'name' must have 1 to 64"),
        ({"shockers": [{**shocker, "device": NOBODY}]}, "'device' is none of"),
        ({"shockers": [{**shocker, "id": "x"}]}, "not a GUID"),
        ({"shockers": [{**shocker, "id": RED}, {**shocker, "id": RED.upper()}]}, "the same 'id'"),
        ({"shockers": [{**shocker, "createdOn": "yesterday"}]}, "shockers[0]"),
        ({"devices": [{"name": 5}]}, "devices[0]: 'name' must be str"),
        ({"tokens": [{"name": "t", "token": "short"}]}, "'token' must be 16 to 256"),
        ({"tokens": [{"name": "t", "token": "x" * 20 + "\r\n"}]}, "'token' must be"),
        ({"tokens": [{"name": "t", "permissions": ["all"]}]}, "'permissions' are among"),
        ({"tokens": [{"name": "t", "permissions": [{}]}]}, "tokens[0]"),
        ({"shares": [{"name": "s", "shockers": {"x": {}}}]}, "not a GUID"),
        ({"shares": [{"name": "s", "shockers": {RED: {"intensity": 101}}}]}, "'intensity' must be 0 to 100"),
        ({"timing": {"ping": 5}}, "'timing' has keys among"),
        ({"timing": {"ping_ms": 0}}, "'ping_ms' must be 10 to"),
        ({"owner": {"id": 5}}, "not a GUID"),
        ({"owner": {"name": "\ud800"}}, "half a surrogate pair"),
        ({"timing": {"ping_ms": float("inf")}}, "Infinity is not JSON"),
        ("{}".encode("utf-16"), "its text is UTF-16; it has to be UTF-8"),
        (b'{"owner":{"name":"\xe9"}}', "its text is no UTF-8"),
    )
    path = tmp_path / "hub.json"
    for content, words in table:
        data = content if isinstance(content, (str, bytes)) else json.dumps(content)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        with pytest.raises(ValueError) as error:
            config.load(path)
        assert words in str(error.value), content
        assert str(error.value).startswith(str(path))
        assert "\n" not in str(error.value)


def test_changes_are_kept_in_the_file(tmp_path):
    path = tmp_path / "hub.json"
    config.save(known_config(), path)

    async def story():
        hub = Hub(config.load(path))
        await hub.start()
        async with aiohttp.ClientSession(hub.url, headers=HEADERS) as http:
            body = {"name": "third", "model": "D80", "rfId": 3, "device": DEVICE}
            assert (await http.post("/1/shockers", json=body)).status == 201
            assert (await http.delete(f"/1/shockers/{RED}")).status == 200
            kept = config.load(path)
            assert [(each.name, each.model, each.rf_id) for each in kept.shockers] == [
                ("blue", "PetTrainer", 65535),
                ("third", "D80", 3),
            ]
            assert kept.shares[0].shares == {}  # the link forgot it too
            hub.config.path = str(tmp_path / "nowhere" / "hub.json")
            assert (await http.post("/1/shockers", json=body)).status == 201  # done, and said that it is not kept
            assert hub.journal.counts["unsaved"] == 1
        await hub.stop()

    asyncio.run(story())


# the command line


def run(*arguments):
    """A finished `python -m tools hub …`."""
    command = [sys.executable, "-m", "tools", "hub", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_failures_are_one_line(tmp_path):
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        table = (
            (("--config", bad), "bad.json: Expecting"),
            (("--config", tmp_path), str(tmp_path)),
            (("--config", tmp_path / "no" / "where.json"), "No such file"),
            (("--host", "127.0.0.1", "--port", busy.getsockname()[1]), "cannot listen on 127.0.0.1"),
            (("--port", "70000"), "a whole number from 0 to 65535 is needed, not '70000'"),
            (("--tls-key", bad), "--tls-key needs --tls-cert"),
            (("--tls-cert", bad), "no usable certificate"),
            (("--tls-cert", tmp_path / "none.pem"), "no usable certificate"),
        )
        for arguments, words in table:
            done = run(*arguments)
            assert (done.returncode, done.stdout) == (2 if "is needed" in words else 1, "")
            assert words in done.stderr
            assert done.stderr.startswith("python3 -m tools hub: ")
            assert done.stderr.count("\n") == 1, done.stderr
    done = run("--help")
    assert done.returncode == 0
    assert "--tls-cert" in done.stdout


@pytest.mark.skipif(WINDOWS, reason="Windows has no SIGINT for one process")
def test_the_command_runs_until_ctrl_c_and_says_goodbye(tmp_path):
    path = tmp_path / "hub.json"
    known = known_config()
    known.shockers[1].name = "blue\x1b[31m\u202e"  # whoever has the token may give such a name
    config.save(known, path)

    async def story():
        command = (
            sys.executable,
            "-u",
            "-m",
            "tools",
            "hub",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--config",
            str(path),
        )
        out = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=out, stderr=out)
        said = ""
        while "Ctrl-C" not in said:
            line = await asyncio.wait_for(process.stdout.readline(), 30)
            assert line, (await process.stderr.read()).decode()
            said += line.decode()
        url = re.search(r"^Page +(http://127\.0\.0\.1:\d+)/$", said, re.M)[1]
        assert re.search(rf"^Token +{'s' * 64}$", said, re.M)
        assert re.search(r"^Code +[A-Z2-9]{4}-[A-Z2-9]{4} ", said, re.M)
        assert "blue?[31m?: PetTrainer" in said and "\x1b" not in said
        assert DEVICE in said and "red: CaiXianlin, RF id 1234" in said and LINK in said
        async with aiohttp.ClientSession(url, headers=HEADERS) as http:
            remote = await Caller.remote(http)
            order = {"id": RED, "type": 2, "intensity": 40, "duration": 500}
            await remote.call("ControlV2", [order], "a\x1b[31mb")
            assert (await remote.record())["result"] is None
            process.send_signal(signal.SIGINT)
            assert await remote.record() == {"type": 7, "allowReconnect": True}
            await remote.socket.close()
            rest, complaints = await asyncio.wait_for(process.communicate(), 10)
        assert process.returncode == 0
        assert complaints == b""
        assert "a?[31mb: red vibrate 40 % 500 ms" in rest.decode()  # names cannot move the cursor

    asyncio.run(story())
