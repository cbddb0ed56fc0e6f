"""The heap of the device, in bytes as a chip has them (DESIGN §3): what lives, what suffices, the largest piece, the drift.

DESIGN asks for 48 KB that live and a peak of 56. What is reached stands in LIVE_KIB and ENOUGH_KIB, which may only become less:
lower them with each diet.
"""

import asyncio

import pytest

from tools.bench import memory
from tools.images import modules, targets
from tools.sim import compiled, loader

LIVE_KIB = {
    "set-up, page open": 57,
    "connected, plain": 60,
    "connected, TLS": 62,
    "at work, TLS, ten receivers of three models": 70,
    "updating, TLS": 66,
}
ENOUGH_KIB = {"set-up, page open": 70, "connected, plain": 68, "connected, TLS": 68}
AT_KIB = {"openshock_gateway": 61, "openshock_share": 63, "dsp_fleet": 69, "valtronics": 61}
ROOMY = 90 * 1024  # bytes of a heap in which nothing is short
AMPLE = 112 * 1024  # and one that may be in pieces besides
DRIFT_BYTES = 256
PIECE_BYTES = 4096
APART_BYTES = 4096  # the simulated heap is that exact; bytes of it, so half on a chip

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)
MODES = {mode.name: mode for mode in memory.MODES}


def test_each_mode_is_bounded():
    assert LIVE_KIB.keys() == MODES.keys() and ENOUGH_KIB.keys() <= MODES.keys()
    assert set(memory.READY) == {"openshock_user", *AT_KIB}


@pytest.mark.parametrize("name", LIVE_KIB)
def test_what_lives_in_a_mode(name):
    account = asyncio.run(memory.live(MODES[name].story, ROOMY))
    assert 40 * 1024 < account.live <= LIVE_KIB[name] * 1024, account.chip.most_common(20)
    assert account.largest <= PIECE_BYTES
    simulated = sum(compiled._loaded()[0].values()) + compiled._BESIDE
    assert abs(account.beside - account.here["probe"] - simulated) <= APART_BYTES, "tools/sim/compiled.py: _BESIDE"


@pytest.mark.parametrize("name", ENOUGH_KIB)
def test_a_heap_that_suffices(name):
    assert asyncio.run(memory.lives(MODES[name].story, ENOUGH_KIB[name] * 1024))


def test_a_heap_that_is_too_small_is_found_out():
    assert not asyncio.run(memory.lives(MODES["connected, TLS"].story, 44 * 1024))


@pytest.mark.parametrize("backend", AT_KIB)
def test_what_lives_at_each_other_service(backend):
    account = asyncio.run(memory.live(lambda heap: memory.operating(heap, backend), ROOMY))
    assert account.live <= AT_KIB[backend] * 1024, account.chip.most_common(20)


def test_ten_thousand_commands_leave_nothing_behind():
    told = asyncio.run(memory.drift(10_000))
    assert told["acted"] == 10_000
    assert told["frames"] > 1000
    assert told["after"] - told["before"] <= DRIFT_BYTES


def test_free_memory_in_pieces_of_4_kilobytes_is_enough_for_commands_a_new_map_and_a_reconnect():
    assert asyncio.run(memory.in_pieces(PIECE_BYTES, AMPLE)) is None


def test_what_the_loader_costs_is_known_for_every_module():
    made = modules.compiled(targets.named(targets.SIMULATED))
    costs = loader.costs(made)
    assert len(costs) == len(made) and min(costs.values()) >= 32
    assert costs["firmware.config.settings"] > costs["lib.tables"]  # a large table of constants, and one function
