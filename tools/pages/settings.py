"""docs/settings.md: every setting, from its table and its help."""

import json

from tools.common.firmware_modules import load_module
from tools.pages.setting_descriptions import HELP

_INTRODUCTION = """\
# Settings

Made by `python3 -m tools docs` from `firmware/config/settings.py`; change it there.

The set-up page shows what most people need. The console reads and writes everything: `jsonconfig` shows it, with ours below
`"settings"`; `jsonconfig {"settings":{"led.brightness":20}}` changes it. All changes of one line are saved, or none.

| setting | default | what fits | what it is for |
|---|---|---|---|
"""
_EPILOGUE = """
A secret is never shown by the page, and by the console only with `--secrets`. Characters are counted in bytes of UTF-8: é counts
as two, an emoji as four. Caps bind every source of commands. From afar they can be lowered; only who is at the device can raise
them.

## The file

`settings.json` holds what differs from the defaults, as one JSON object. Its last two members are `"schema"`, the number of its
form (1), and `"crc32"`, a checksum of all that stands in front of it. To edit the file by hand, take both out: a file without
them is read as it is, and gets them with the next change.

* The old file or the new one is there, whenever power fails.
* A file that was damaged is not believed: all settings are their defaults, and the caps their strictest, so that nothing is sent
  until somebody raises them. The console says so. With the next change the damaged file is kept as `settings.damaged.json`, the
  newest one only. It may hold keys and tokens. A factory reset deletes it.
* A single value that does not fit reads as its default; a cap reads as its strictest. When `cap.own` does not fit, all caps do.
* A name that looks like a cap and is none (`cap.shock_allowd`, `caps`, `longest_ms`) makes all caps their strictest, and the log
  says which: a cap that binds nobody would be worse. It goes with the next change; the caps stay until somebody raises them.
* Other names that this version does not know stay in the file.
* In `cap.own` a model may be spelt as a service does (`"CaiXianlin"`, `"PetTrainer"`, `"T330"`). Of several rows for one receiver
  each binds. A model that this firmware cannot drive is refused.
* An update keeps a copy, `settings.before.json`, for the one case that it goes back and has left settings that the old version
  cannot read. It is used in that start alone, its caps are lowered with every change, and it goes when the version stays, with
  a failed update, and with a factory reset.
"""


def page():
    """Return the text of docs/settings.md."""
    settings = load_module("firmware.config.settings")
    return _INTRODUCTION + "".join(_row(settings, key) for key in settings.names()) + _EPILOGUE


def _row(settings, key):
    value = settings.default(key)
    secret = " Secret." if settings.is_secret(key) else ""
    cells = (f"`{key}`", f"`{json.dumps(value)}`", settings.wanted(key), HELP[key] + secret)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"
