"""What the console's help says: a row for each command, in reading order. In memory only while it is asked for. No I/O."""

_USAGE = (
    ("help [COMMAND]", "this list"),
    ("version", "the version of this firmware"),
    ("sysinfo", "memory, uptime, Wi-Fi"),
    ("status", "emergency stop, radio, connection"),
    ("log", "the last lines of the log, about 25"),
    ("restart", "stop everything, then restart"),
    ("stop", "stop everything"),
    ("estop [trip|clear]", "the emergency stop: show its state, latch it, clear it"),
    ("estop enabled [true|false]", "whether there is a button"),
    ("estop pin [NUMBER]", "the pin of that button; -1 is the board's own"),
    ("rftransmit JSON", "model, id, type, intensity, durationMs"),
    ("control MODEL ID ACTION LEVEL MS", "the same, easier to type"),
    ("caps [NAME VALUE]", "the limits for everybody; they can be raised here, not from afar"),
    ("rules [add JSON|remove N]", "what events of a service do: vibrate or sound"),
    ("rules try BACKEND KIND SEVERITY TEXT", "what such an event would do; nothing is sent"),
    ("validgpios", "pins for the transmitter"),
    ("rftxpin [NUMBER]", "the transmitter's pin; -1 is the board's own"),
    ("keepalive [true|false]", "keep idle receivers awake"),
    ("networks [JSON]", "the Wi-Fi networks: replaces all of them; *** keeps a key"),
    ("hostname [NAME]", "the name in the network"),
    ("domain [HOST]", "the server of the service"),
    ("authtoken [TOKEN]", "the token for that server"),
    ("certificates [add BASE64|remove NAME]", "authorities of your own, for a server of your own"),
    ("echo [true|false]", "whether the console shows what is typed"),
    ("jsonconfig [JSON]", "all settings"),
    ("rawconfig", "not supported: use jsonconfig"),
    ("factoryreset", "delete all settings"),
    ("remote SHOCKER ACTION LEVEL MS", "command a shocker of the service"),
    ("seen [ID]", "tell the sender of the last message that it was read"),
    ("respond TEXT", "answer the last message"),
    ("pair", "a new pairing code, for another account"),
    ("portal", "open the set-up page, or say how to reach it"),
    ("update [VERSION]", "install that version, or what update.channel offers"),
    ("ledtest", "the lamp shows all its signals"),
    ("repl", "leave to MicroPython's prompt, as Ctrl-C does"),
)


def lines(name):
    """The lines about the command `name`, or about all of them when it is empty; an empty list when there is none."""
    found = ["%-36s %s" % row for row in _USAGE if not name or row[0].partition(" ")[0] == name]
    if not name:
        found.append(
            "A line that begins with $ is not echoed. --secrets behind networks, authtoken or jsonconfig shows them."
        )
    return found
