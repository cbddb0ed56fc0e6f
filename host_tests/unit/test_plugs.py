"""A plug is found by its name, and by nothing else that looks like one."""

import firmware.command
from host_tests.unit.rooms import raised
from lib import plugins

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
    module = plugins.load("firmware.shockers", "caixianlin")
    assert module.__name__ == "firmware.shockers.caixianlin"
    assert len(module.encode(1, firmware.command.VIBRATE, 1)) == 88
    assert plugins.load("firmware.shockers", "caixianlin") is module
    assert plugins.load("firmware.boards", "generic_esp32c3").CHIP == "esp32c3"
    assert plugins.load("firmware.shockers", "petrainer998dr").ACTIONS


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
        raised(plugins.NoSuchPlugin, plugins.load, "firmware.shockers", name)


def test_a_name_that_is_no_plain_word_is_never_imported():
    for name in HOSTILE:
        fault = raised(plugins.NoSuchPlugin, plugins.load, "firmware.shockers", name)
        assert fault.args == (name,), name


def test_a_folder_that_is_not_there_has_no_plugs():
    raised(plugins.NoSuchPlugin, plugins.load, "firmware.nosuch", "caixianlin")
    raised(ImportError, plugins.names, "firmware.nothing")


def test_a_long_name_is_no_plug():
    raised(plugins.NoSuchPlugin, plugins.load, "firmware.shockers", "x" * 100)


def test_the_plugs_of_a_folder_have_names():
    assert plugins.names("firmware.shockers") == ["caixianlin", "d80", "petrainer", "petrainer998dr", "wellturnt330"]
    assert "generic_esp32" in plugins.names("firmware.boards")
