"""docs/wokwi: parts and pins that Wokwi knows by these names, the pins of the settings, the pieces where the flash map has them.

Names: docs.wokwi.com (parts), wokwi/wokwi-boards (boards/esp32-devkit-c-v4/board.json). Nobody has run the circuit here.
"""

import json
import shutil

from conftest import ROOT
from test_flash_tool import given  # noqa: F401  (a fixture)

from firmware.config import settings
from firmware.hardware import gpio_rules
from lib import plugins
from tools.flash import cli
from tools.images import layout

FOLDER = ROOT / "docs" / "wokwi"
DIAGRAM = json.loads((FOLDER / "diagram.json").read_text())
SETTINGS = json.loads((FOLDER / "settings.json").read_text())
BOARD = plugins.load("firmware.boards", SETTINGS["board"].replace("-", "_"))
LEFT = "3V3 EN VP VN 34 35 32 33 25 26 27 14 12 GND.1 13 D2 D3 CMD 5V"
RIGHT = "GND.2 23 22 TX RX 21 GND.3 19 18 5 17 16 4 0 2 15 D1 D0 CLK"
PINS = {
    "board-esp32-devkit-c-v4": set(f"{LEFT} {RIGHT}".split()),
    "wokwi-pushbutton": {"1.l", "1.r", "2.l", "2.r"},
    "wokwi-led": {"A", "C"},
    "wokwi-resistor": {"1", "2"},
    "wokwi-logic-analyzer": {*(f"D{number}" for number in range(8)), "GND"},
    "$serialMonitor": {"TX", "RX"},
}
ATTRIBUTES = {
    "board-esp32-devkit-c-v4": {"flashSize"},
    "wokwi-pushbutton": {"color", "label", "key"},
    "wokwi-led": {"color", "label"},
    "wokwi-resistor": {"value"},
    "wokwi-logic-analyzer": {"bufferSize", "filename"},
}


def wires():
    """{end of a wire: all that it is connected with, straight}, both ways."""
    found = {}
    for one, other, *_ in DIAGRAM["connections"]:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


def test_every_part_and_pin_is_one_that_wokwi_knows():
    assert DIAGRAM["version"] == 1
    types = {part["id"]: part["type"] for part in DIAGRAM["parts"]}
    assert len(types) == len(DIAGRAM["parts"])
    for part in DIAGRAM["parts"]:
        assert set(part["attrs"]) <= ATTRIBUTES[part["type"]]
        assert all(type(value) is str for value in part["attrs"].values())
    for one, other, colour, path in DIAGRAM["connections"]:
        for end in (one, other):
            part, _, pin = end.partition(":")
            assert pin in PINS[types.get(part, part)], end
        assert type(colour) is str and type(path) is list


def test_the_wires_are_those_of_the_settings_and_the_board():
    assert settings.fits("rf.pin", SETTINGS["rf.pin"]) and set(SETTINGS) <= set(settings.names())
    assert all(settings.fits(key, value) for key, value in SETTINGS.items())
    assert gpio_rules.refused(BOARD, SETTINGS["rf.pin"], SETTINGS["estop.pin"]) == ""
    assert not gpio_rules.warning(BOARD, SETTINGS["rf.pin"])
    joined = wires()
    assert joined[f"esp:{SETTINGS['rf.pin']}"] == {"air:D0"}
    assert "stop:1.r" in joined[f"esp:{SETTINGS['estop.pin']}"] and joined["stop:2.r"] == {"esp:GND.1"}
    assert joined[f"esp:{BOARD.BOOT_PIN}"] == {"boot:1.l"} and joined["boot:2.l"] == {"esp:GND.3"}
    assert "r1:1" in joined[f"esp:{BOARD.LED_PIN}"] and joined["r1:2"] == {"lamp:A"}
    assert joined["air:GND"] == {"esp:GND.2"} and "esp:GND.2" in joined["lamp:C"]


def test_the_pieces_are_those_of_a_dry_run(given, tmp_path, monkeypatch):  # noqa: F811
    told = json.loads((FOLDER / "flasher_args.json").read_text())
    shutil.copytree(FOLDER, tmp_path / "docs" / "wokwi", ignore=shutil.ignore_patterns("build"))
    monkeypatch.chdir(tmp_path)
    app = given / "nodemcu-32s"
    if not app.exists():
        shutil.copytree(given / "generic-esp32", app)
        manifest = json.loads((app / "manifest.json").read_text())
        (app / "manifest.json").write_text(json.dumps({**manifest, "board": "nodemcu-32s"}))
    dry = ["--dry-run", "--settings", "docs/wokwi/settings.json", "--out", "docs/wokwi/build"]
    assert cli.main([*dry, "--image", str(given / "esp32.bin"), "--app", str(app)]) == 0
    made = {f"build/{path.name}" for path in (tmp_path / "docs" / "wokwi" / "build").iterdir()}
    assert made == set(told["flash_files"].values())
    rows = {row.label: row.offset for row in layout.table("4MB")}
    for offset, file in told["flash_files"].items():
        name = file[len("build/") : -len(".bin")]
        assert int(offset, 16) == {"bootloader": 0x1000, "partitions": 0x8000, "image": rows["ota_0"], **rows}[name]
    config = (FOLDER / "wokwi.toml").read_text()
    assert told["app"] == {"offset": "0x10000", "file": "build/image.bin", "encrypted": "false"}
    assert config.startswith('[wokwi]\nversion = 1\nfirmware = "flasher_args.json"\n')
