"""Our client on MicroPython against the server of PyPI's aiosignalr, which no one here wrote; it speaks in binary frames.

Judged by what that server saw, and by what our client printed.
"""

import asyncio
import json
import os

import pytest
from conftest import ROOT, micropython, peer_module

READY, INVOCATION, RESULT, ITEM, CLOSED = 1, 2, 3, 4, 5

pytestmark = pytest.mark.peer("aiosignalr")


class Witness:
    """What the server saw, and the server itself. Made inside the test: the package may be missing."""

    def __init__(self):
        peer_module("aiosignalr")
        from aiosignalr import HubException, messages
        from aiosignalr.server import Hub, ServerOptions, SignalRServer

        self.heard = []  # (connection id, the name of the message's class, message)
        self.calls = []
        self.contexts = []
        self.gone = []
        witness = self

        class Desk(Hub):
            async def on_connected(self):
                witness.contexts.append(self.context)

            async def on_disconnected(self, exception):
                witness.gone.append(self.context.connection_id)

            async def Echo(self, value) -> object:
                return value

            async def Nothing(self):
                witness.calls.append("Nothing")

            async def Refuse(self, text) -> object:
                raise HubException(text)

            async def Take(self, text, number) -> None:
                witness.calls.append((text, number))

            async def Never(self) -> object:
                await asyncio.sleep(60)

            async def Counter(self, count):
                for number in range(count):
                    yield number

            async def Shout(self, target, value) -> None:
                await self.clients.all_.send(target, value)

            async def Ask(self, target, value) -> object:
                try:
                    return ["good", await self.clients.caller.invoke(target, value)]
                except HubException as fault:
                    return ["bad", str(fault)]

            async def _say(self, message):
                await witness.server.get_connection(self.context.connection_id).send(message)

            async def Stray(self) -> None:
                await Desk._say(self, messages.StreamItemMessage("stray", {"a": [1]}))
                await Desk._say(self, messages.CompletionMessage("stray", error="stray"))
                await Desk._say(self, messages.CancelInvocationMessage("stray"))

            async def AskStream(self, name) -> None:
                await Desk._say(self, messages.StreamInvocationMessage("Counter", (3,), name))

            async def Leave(self, error, again) -> None:
                await Desk._say(self, messages.CloseMessage(error=error, allow_reconnect=again))

        self.server = SignalRServer(Desk, options=ServerOptions(keep_alive_interval=1, enable_detailed_errors=True))
        route = self.server.dispatcher.dispatch

        async def dispatch(context, message):
            self.heard.append((context.connection_id, type(message).__name__, message))
            await route(context, message)

        self.server.dispatcher.dispatch = dispatch

    def kinds(self, name):
        return [message for _, kind, message in self.heard if kind == name]


def _talk(tmp_path, *connections):
    """(witness, printed lines) of our client's connections, one after the other."""
    witness = Witness()

    async def run():
        host, port = await witness.server.serve("127.0.0.1", 0, path="/hub")
        script = {"host": host, "port": port, "path": "/hub", "connections": connections}
        (tmp_path / "script.json").write_text(json.dumps(script))
        try:
            child = await asyncio.create_subprocess_exec(
                micropython(), "-X", "heapsize=128wK", "host_tests/interop/mp_signalr_client.py", tmp_path / "script.json",
                cwd=ROOT, env=dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen"),
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            out, err = await asyncio.wait_for(child.communicate(), 60)
            assert child.returncode == 0, out.decode() + err.decode()
            return [json.loads(line) for line in out.decode().splitlines()]
        finally:
            await witness.server.close()

    return witness, asyncio.run(run())


def _results(lines):
    return [tuple(line[2:]) for line in lines if line[0] == RESULT]


def test_calls_end_with_results_and_errors(tmp_path):
    values = [1, -2.5, True, None, 'é😀\x1e\x00"\\', [1514805840000, {"a": {"b": []}}], "x" * 5000]
    steps = [["invoke", "Echo", [value]] for value in values]
    steps += [["invoke", "eCHO", ["any case"]], ["invoke", "Nothing", []], ["invoke", "Take", ["a", 2]]]
    steps += [["invoke", "Refuse", ["no entry"]], ["invoke", "Nope", []], ["invoke", "Take", ["one too few"]]]
    steps += [["invoke", "Counter", [3]], ["invoke", "Never", [], 100], ["bye"]]
    witness, lines = _talk(tmp_path, {"steps": steps})
    assert lines[0] == [READY] and lines[-1] == ["left"]
    results = _results(lines)
    assert results[: len(values)] == [(value, None) for value in values]
    assert results[len(values) : len(values) + 3] == [("any case", None), (None, None), (None, None)]
    errors = [error for result, error in results[len(values) + 3 :] if result is None]
    assert "no entry" in errors[0]
    assert errors[1] == "Unknown hub method 'Nope'"
    assert "Missing required argument 'number'" in errors[2]
    assert "streaming" in errors[3]
    assert errors[4] == "no answer in time"
    assert witness.calls == ["Nothing", ("a", 2)]
    assert [message.invocation_id for message in witness.kinds("InvocationMessage")] == [
        str(number) for number in range(1, len(results) + 1)
    ]


def test_messages_go_both_ways_without_answers(tmp_path):
    steps = [
        ["send", "Take", ["é😀", 1]],
        ["send", "Nope", []],
        ["send", "Shout", ["News", [{"n": 1}, None]]],
    ]
    steps += [["await", "News"], ["invoke", "Echo", [1]]]
    witness, lines = _talk(tmp_path, {"steps": steps})
    assert witness.calls == [("é😀", 1)]
    assert [INVOCATION, "News", [[{"n": 1}, None]], None] in lines
    assert _results(lines) == [(1, None)]
    assert [bool(message.invocation_id) for message in witness.kinds("InvocationMessage")] == [False] * 3 + [True]


def test_the_server_asks_and_is_answered(tmp_path):
    asked = [["Double", 21], ["Double", "ab"], ["Boom", "out of order"], ["Double", [1]], ["Nobody", 1]]
    steps = [["invoke", "Ask", question] for question in asked]
    witness, lines = _talk(tmp_path, {"steps": steps})
    assert [result for result, _ in _results(lines)] == [
        ["good", 42],
        ["good", "abab"],
        ["bad", "out of order"],
        ["good", [1, 1]],
        ["bad", "Client didn't provide a result."],
    ]
    answers = witness.kinds("CompletionMessage")
    assert len(answers) == 5 and len({answer.invocation_id for answer in answers}) == 5


def test_streams_that_nobody_asked_for_do_no_harm(tmp_path):
    steps = [["invoke", "Stray", []], ["invoke", "AskStream", ["s7"]], ["invoke", "Echo", ["still here"]]]
    witness, lines = _talk(tmp_path, {"steps": steps})
    assert [ITEM, "stray", {"a": [1]}] in lines
    assert _results(lines) == [(None, None), (None, None), ("still here", None)]
    refused = witness.kinds("CompletionMessage")
    assert [(answer.invocation_id, answer.error) for answer in refused] == [("s7", "This client has no streams.")]


def test_pings_keep_the_connection_alive(tmp_path):
    # with the server's ping every second, a client that counts silence from 1 500 ms lives on
    times = {"ping_ms": 300, "timeout_ms": 2500}
    witness, lines = _talk(tmp_path, {"times": times, "steps": [["wait_ms", 3300], ["invoke", "Echo", [1]]]})
    assert _results(lines) == [(1, None)]
    assert 5 <= len(witness.kinds("PingMessage")) <= 11


def test_negotiation_gives_the_connection_its_id(tmp_path):
    plan = {"negotiate": True, "steps": [["invoke", "Echo", ["with token"]]]}
    witness, lines = _talk(tmp_path, plan, plan)
    tokens = [line[1] for line in lines if line[0] == "token"]
    assert len(set(tokens)) == 2
    assert [context.query_string.get("id") for context in witness.contexts] == tokens
    assert not {context.connection_id for context in witness.contexts} & set(tokens)  # version 1: the token is secret
    assert _results(lines) == [("with token", None)] * 2


def test_without_negotiation_there_is_no_id(tmp_path):
    witness, _ = _talk(tmp_path, {"steps": [["invoke", "Echo", [1]]]})
    assert [context.query_string for context in witness.contexts] == [{}]
    assert witness.contexts[0].http_headers["user-agent"] == "script"


def test_close_is_told_and_a_new_connection_starts_afresh(tmp_path):
    again = {"steps": [["invoke", "Echo", ["before"]], ["send", "Leave", ["shutting down", True]], ["closed"]]}
    final = {"steps": [["invoke", "Echo", ["again"]], ["send", "Leave", [None, False]], ["closed"]]}
    witness, lines = _talk(tmp_path, again, final, {"steps": [["invoke", "Echo", ["once more"]], ["bye"]]})
    told = [line for line in lines if line[0] in (RESULT, CLOSED)]
    assert told == [
        [RESULT, "1", "before", None],
        [CLOSED, "shutting down", True],
        [RESULT, "1", "again", None],
        [CLOSED, None, False],
        [RESULT, "1", "once more", None],
    ]
    assert len(witness.kinds("CloseMessage")) == 1  # ours: the bye
    assert len({context.connection_id for context in witness.contexts}) == 3
    assert sorted(witness.gone) == sorted(context.connection_id for context in witness.contexts)
