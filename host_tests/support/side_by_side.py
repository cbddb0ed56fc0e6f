"""Which tests go together to a worker when they run side by side (`-n 2 --dist loadfile`), and in which order.

A file goes as a whole: what its tests share (a module's fixtures, a port, a cache) is made once. The files of APART share
nothing and take long: each of their tests goes alone. What takes longest begins first, so that no worker is left with it.
"""

from xdist.scheduler import LoadScopeScheduling

APART = (
    "test_reconnect.py",
    "test_release.py",
    "test_safety_air.py",
    "test_safety_caps.py",
    "test_safety_device.py",
    "test_safety_estop.py",
    "test_safety_link.py",
    "test_setup_page.py",
    "test_sim.py",
    "test_sim_estop.py",
    "test_sim_fleet.py",
    "test_sim_gateway.py",
    "test_sim_remote.py",
    "test_sim_setup.py",
    "test_sim_share.py",
    "test_sim_twins.py",
    "test_sim_valtronics.py",
)
FIRST = (
    "test_setup_device.py",
    "test_both.py",
    "test_update_power.py",
    "test_sim.py::test_the_tour",
    "test_build.py",
    "test_release.py",
    "test_web_flasher.py",
    "test_safety_walks.py",
    "test_memory.py",
    "test_websock_conformance.py",
    "test_safety_mutations.py",
    "test_reconnect.py",
    "test_safety_estop.py::test_s06",
    "test_safety_device.py::test_s13",
    "test_flash_tool.py",
    "test_wifi_properties.py",
)


def in_order(items):
    """None; the collected tests are put in the order of this file, which is the order in which they are given out."""
    items.sort(key=lambda item: next((at for at, name in enumerate(FIRST) if f"/{name}" in item.nodeid), len(FIRST)))


class Scheduler(LoadScopeScheduling):
    """xdist's, with the units of this file, in the order of the collection."""

    def __init__(self, config, log=None):
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid):
        """The unit of work that a test belongs to."""
        file = nodeid.split("::", 1)[0]
        return nodeid if file.endswith(APART) else file
