"""The reconnect campaign, short: each kind of loss once for each backend. The long one is `tools bench reconnect`."""

import asyncio

import pytest

from tools.bench import reconnect
from tools.bench._reconnect import shorter_waits
from tools.sim import compiled

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)


@pytest.mark.parametrize("backend", reconnect.BACKENDS)
def test_it_comes_back_from_every_kind_of_loss_and_obeys(backend):
    one = asyncio.run(reconnect.campaign(backend, len(reconnect.DROPS)))
    assert one.back == one.lost == dict.fromkeys(reconnect.DROPS, 1)
    assert one.starts == 1
    assert not [line for line in one.world.lines if "Traceback" in line]


def test_only_waits_are_made_shorter():
    source = (
        "_WAIT_MS = const(300000)\n_ANSWER_MS = const(15000)\n_MOST = const(300000)\ndef f(ping_ms=15000, size=99):\n"
    )
    short = "_WAIT_MS = const(1000)\n_ANSWER_MS = const(15000)\n_MOST = const(300000)\ndef f(ping_ms=150, size=99):\n"
    assert shorter_waits.shortened(source) == short
    assert [shorter_waits.shorter(ms) for ms in (5, 10, 500, 20_000, 90_000, 300_000)] == [5, 10, 10, 200, 900, 1000]
