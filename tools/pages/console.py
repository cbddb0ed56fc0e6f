"""docs/console.md: every serial command, from the console's own help, and the requests of Improv that it answers."""

from tools.common.firmware_modules import load_module
from tools.pages import table

# The groups in reading order
GROUPS = {
    "Looking": ("help", "version", "sysinfo", "status", "log", "validgpios"),
    "Stopping and sending": ("stop", "estop", "rftransmit", "control"),
    "Settings": (
        *("rftxpin", "keepalive", "caps", "networks", "hostname", "domain", "authtoken", "certificates", "echo"),
        *("jsonconfig", "rawconfig", "factoryreset"),
    ),
    "The services": ("remote", "seen", "respond", "pair", "rules"),
    "The device": ("portal", "update", "ledtest", "restart", "repl"),
}
# what an Improv client may ask: its number, the protocol's name, what the device does
REQUESTS = (
    (1, "send Wi-Fi settings", "The network is tried, and saved when it works; within 28 s the client has its answer."),
    (2, "request current state", "Ready, trying, or set up; then with the address of the device's page."),
    (3, "request device information", "Firmware, version, chip, hostname."),
    (4, "request Wi-Fi networks", "A scan; refused while a receiver is on the air."),
    (5, "get or set hostname", "Without a name it is told, with one it is changed."),
    (6, "get device name", "The name of the set-up network."),
)
_INTRODUCTION = """\
# The serial console

Made by `python3 -m tools docs` from `firmware/console/usage.py`; change it there.

A board on a USB cable has a console: 115200 baud, 8 data bits, no parity, or the chip's own USB. `python3 -m tools console` opens
it; any serial terminal does. One line is one command; capitals do not matter. Ctrl-C leaves to MicroPython's prompt, as `repl`
does: everything stops first, and a restart leads back.

## Commands
"""
_EPILOGUE = """
## For programs

Answers that a program reads are whole lines:

```
$SYS$|Response|<name>|<value>
$SYS$|Success|<text>
$SYS$|Error|<text>
```

They stand between log lines, `[ms][level][place] text`. A line that begins with `$` is carried out without an echo. A command that
cannot be carried out is answered by exactly one error line, which never repeats what was typed. Tools for OpenShock's own firmware
find the same names here; what has no meaning (`rawconfig`) says so.

A change of settings is saved whole or not at all; then the device stops everything and starts anew. Secrets are shown as `***`
unless `--secrets` is asked for; `***` in what is sent back keeps what is stored.

```
> caps shock 30
$SYS$|Success|Saved config, restarting...
> rftransmit {"model":"caixianlin","id":1234,"type":"vibrate","intensity":20,"durationMs":500}
$SYS$|Success|Command sent
> rftxpin 6
$SYS$|Error|GPIO6 of this chip cannot be used: it is not there, or belongs to its flash, console or start
```

## Improv

The same line speaks [Improv Wi-Fi](https://www.improv-wifi.com/serial/), version 1, so that a browser can give the device its
network by cable. Its packets and the console share the line.

"""


def page():
    """Return the text of docs/console.md. A command that is in no group stands under More."""
    known = {}
    for usage, what in load_module("firmware.console.usage")._USAGE:
        known.setdefault(usage.partition(" ")[0], []).append((f"`{usage}`", what.replace("***", "`***`")))
    others = tuple(name for name in known if not any(name in names for names in GROUPS.values()))
    text = _INTRODUCTION
    for title, names in {**GROUPS, **({"More": others} if others else {})}.items():
        rows = [row for name in names for row in known.get(name, ())]
        text += f"\n### {title}\n\n" + table(("command", "what it does"), rows)
    rows = [(str(number), name, what) for number, name, what in REQUESTS]
    return text + _EPILOGUE + table(("request", "its name", "what the device does"), rows)
