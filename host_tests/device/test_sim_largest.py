"""A simulated device, with the heap of a chip, and the largest account that OpenShock has: its list, its Log, its share link."""

from sim_story import WAIT_S, said, settled
from telling import as_test

from tools.hub import Config, wire
from tools.sim.world import World

VIBRATE = 2


def told(first, **settings):
    """Makes a test of `async def story(world)`: a device at the largest account, which has said `first`."""

    def dress(story):
        async def tell():
            config = Config.largest(faults=True).like_the_real_one()
            async with World(settings=settings, config=config) as world:
                await said(world, first)
                await story(world)
                assert world.device.starts == 1 and not [line for line in world.lines if "Traceback" in line]
                assert not [line for line in world.lines if "next try" in line or "no memory" in line], "the link stays"

        return as_test(story, tell, 150)

    return dress


def test_the_largest_account_has_the_real_ones_sizes():
    config = Config.largest()
    assert len(config.devices) == 4 and len(config.shockers) == 44
    assert {len(each.name.encode("utf-16-le")) // 2 for each in [*config.devices, *config.shockers]} == {64}
    assert 22_000 < len(wire.escaped(wire.dumps([each.rest() for each in config.shockers]))) < 24_000


async def commanded(world, shockers, level):
    """None; one Log tells of a command to each of these."""
    orders = [{"id": each.guid, "type": VIBRATE, "intensity": level, "duration": 300} for each in shockers]
    logs = await world.hub.control(orders, name="story")
    assert len(logs) == len(shockers)
    return len(wire.dumps(logs))


def acted(world, since):
    """The ids of the receivers for which the device obeyed an order, since that line."""
    return [int(line.rpartition(" ")[2]) for line in world.lines[since:] if "][act]" in line]


@told("44 shockers known", **{"openshock_user.device_id": ""})
async def test_where_all_44_are_ours_as_many_are_obeyed_for_as_have_room(world):
    since = len(world.lines)
    assert await commanded(world, world.hub.shockers, 5) > 12_500
    await said(world, " 1011", since)
    await settled(world)
    assert acted(world, since)[:12] == list(range(1000, 1012))


@told("11 shockers known")
async def test_a_log_to_the_shockers_of_all_four_hubs_is_read_and_the_link_stays(world):
    for level in range(5, 9):
        since = len(world.lines)
        await commanded(world, world.hub.shockers[: 44 if level == 5 else 11], level)
        await said(world, " 1010", since)
        await settled(world)
        assert acted(world, since) == list(range(1000, 1011))


@told("11 shockers known")
async def test_an_edited_shocker_is_obeyed_for_by_its_new_id(world):
    shocker = world.hub.shockers[3]
    for rf_id in (2001, 2002, 2003):
        since = len(world.lines)
        world.hub.edit_shocker(shocker, shocker.name, shocker.model, rf_id, world.hub.device)
        await said(world, "11 shockers known", since)
        await commanded(world, [shocker], 9)
        await said(world, f" {rf_id}", since)
        await settled(world)


@told("joined the share link", backend="openshock_share")
async def test_a_share_link_with_44_shockers(world):
    await said(world, "44 shockers in the share link")
    names = [world.hub.shockers[number].guid for number in (0, 43)]
    for guid in names:
        mark = world.hub.journal.mark()
        world.device.type(f"remote {guid} vibrate 20 400")
        event = await world.hub.journal.wait("log", since=mark, timeout_s=WAIT_S)
        assert event["logs"][0]["shocker"]["id"] == guid
