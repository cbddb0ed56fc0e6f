"""The heap of the device (DESIGN §4): what lives at work over TLS, drift over 10 000 commands, holes of 4 KB and no larger."""

import asyncio

import pytest

from tools.bench import memory
from tools.sim import compiled

# words of 8 bytes counted as 4. DESIGN §4 wants 60; this is what is reached, and it may only become less: lower it with each diet
LIVE_KIB = 79  # a ratchet: the goal is 60 (DESIGN §4)
# the same for the other services; DSP Fleet's right behind its pairing, the names of which stay until the next start
AT_KIB = {"openshock_gateway": 72, "openshock_share": 76, "dsp_fleet": 87, "valtronics": 74}
SETTING_UP_KIB = 83
DRIFT_BYTES = 256
PIECE_BYTES = 4096

pytestmark = pytest.mark.skipif(
    compiled.interpreter() is None, reason="there is no MicroPython with viper for this machine"
)


def test_what_lives_while_connected_over_tls():
    async def story():
        bench = memory.Bench()
        async with bench.world:
            await bench.connected()
            await bench.quiet()
            return await bench.live()

    live, largest = asyncio.run(story())
    assert live / 2 <= LIVE_KIB * 1024
    assert largest >= 16 * 1024, "the heap is in pieces"


@pytest.mark.parametrize("backend", AT_KIB)
def test_what_lives_at_each_other_service(backend):
    live, _ = asyncio.run(memory.at_work(backend))
    assert live / 2 <= AT_KIB[backend] * 1024


def test_no_service_is_left_out():
    assert set(memory.READY) == {"openshock_user", *AT_KIB}


def test_what_lives_while_somebody_sets_the_device_up():
    assert asyncio.run(memory.setting_up()) / 2 <= SETTING_UP_KIB * 1024


def test_ten_thousand_commands_leave_nothing_behind():
    told = asyncio.run(memory.drift(10_000))
    assert told["acted"] == 10_000
    assert told["frames"] > 1000
    assert told["after"] - told["before"] <= DRIFT_BYTES


def test_a_heap_in_pieces_of_4_kilobytes_is_enough_for_commands_a_new_map_and_a_reconnect():
    assert asyncio.run(memory.story("256wK", PIECE_BYTES)) is None
