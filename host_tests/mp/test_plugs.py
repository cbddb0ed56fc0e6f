"""A plug is found by its name, and by nothing else that looks like one."""

import sys

import firmware.command
from host_tests.mp.rooms import raised
from lib import plugs

HOSTILE = (
    "",
    ".",
    "..",
    "../command",
    "..command",
    "../../lib/os",
    "a.b",
    "caixianlin.encode",
    "firmware.shockers.caixianlin",
    "/etc/passwd",
    "C:\\x",
    "caixianlin\x00",
    "caixianlin\n",
    " caixianlin",
    "caixianlin ",
    "caixianlin;d80",
    "*",
    "-",
    "caixianlin.py",
    "%63",
)


def test_a_plug_is_loaded_by_name():
    module = plugs.load("firmware.shockers", "caixianlin")
    assert module.__name__ == "firmware.shockers.caixianlin"
    assert len(module.encode(1, firmware.command.VIBRATE, 1)) == 88
    assert plugs.load("firmware.shockers", "caixianlin") is module
    assert plugs.load("firmware.boards", "generic_esp32c3").CHIP == "esp32c3"
    assert plugs.load("firmware.shockers", "petrainer998dr").ACTIONS


def test_what_has_no_file_is_no_plug():
    # the last ones are modules elsewhere: only the folder counts
    for name in (
        "nosuch",
        "caixianlin2",
        "_",
        "0",
        "CaiXianlin9",
        "os",
        "sys",
        "command",
        "app",
        "asyncio",
        "__name__",
    ):
        raised(plugs.NoSuchPlug, plugs.load, "firmware.shockers", name)


def test_a_name_that_is_no_plain_word_is_never_imported():
    for name in HOSTILE:
        fault = raised(plugs.NoSuchPlug, plugs.load, "firmware.shockers", name)
        assert fault.args == (name,), name


def test_a_folder_that_is_not_there_has_no_plugs():
    raised(plugs.NoSuchPlug, plugs.load, "firmware.nosuch", "caixianlin")


def test_a_long_name_is_no_plug():
    raised(plugs.NoSuchPlug, plugs.load, "firmware.shockers", "x" * 100)


def test_the_plugs_of_a_folder_have_names():
    assert plugs.names("firmware.shockers") == ["caixianlin", "d80", "petrainer", "petrainer998dr", "wellturnt330"]
    assert "generic_esp32" in plugs.names("firmware.boards")
    assert plugs.names("firmware.nothing") == [] and plugs.names("") == plugs.names("")


def test_a_plug_that_was_glanced_at_is_forgotten_and_one_in_use_is_not():
    for loaded in [name for name in sys.modules if name.startswith("firmware.boards.pishock")]:
        del sys.modules[loaded]
    assert plugs.glance("firmware.boards", "pishock_2023", lambda board: (board.CHIP, board.RF_PIN)) == ("esp32", 12)
    assert "firmware.boards.pishock_2023" not in sys.modules
    assert not hasattr(sys.modules["firmware.boards"], "pishock_2023")
    board = plugs.load("firmware.boards", "pishock_2023")
    assert plugs.glance("firmware.boards", "pishock_2023", lambda board: board) is board
    assert sys.modules["firmware.boards.pishock_2023"] is board
    assert isinstance(raised(plugs.NoSuchPlug, plugs.glance, "firmware.boards", "nobody", repr), plugs.NoSuchPlug)


def test_a_file_beside_the_code_is_found():
    assert plugs.find("firmware/boards/generic_esp32.py").endswith("firmware/boards/generic_esp32.py")
    assert plugs.find("firmware/www/nothing.gz") is None
