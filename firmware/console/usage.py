"""What the console's help says: a row for each command, in reading order. In memory only while it is asked for. No I/O."""

_USAGE = (
    ("help [COMMAND]", "this list"),
    ("version", "what runs here"),
    ("sysinfo", "memory, uptime, Wi-Fi"),
    ("status", "emergency stop, radio, connection"),
    ("log", "the last lines, some twenty-five"),
    ("restart", "start anew"),
    ("stop", "stop everything"),
    ("estop [trip|clear]", "the emergency stop: look, latch, clear"),
    ("estop enabled [true|false]", "whether there is a button"),
    ("estop pin [NUMBER]", "where; -1 is the board's own"),
    ("rftransmit JSON", "model, id, type, intensity, durationMs"),
    ("control MODEL ID ACTION LEVEL MS", "the same for fingers"),
    ("caps [NAME VALUE]", "what nobody may exceed; here they may be raised"),
    ("rules [add JSON|remove N]", "what to do when a service says something: vibrate or sound"),
    ("rules try BACKEND KIND SEVERITY TEXT", "what would come of that; nothing is sent"),
    ("validgpios", "pins for the transmitter"),
    ("rftxpin [NUMBER]", "the transmitter's pin; -1 is the board's own"),
    ("keepalive [true|false]", "keep idle receivers awake"),
    ("networks [JSON]", "Wi-Fi: all of them anew; *** keeps a key"),
    ("hostname [NAME]", "the name in the network"),
    ("domain [HOST]", "the server"),
    ("authtoken [TOKEN]", "what opens it"),
    ("certificates [add BASE64|remove NAME]", "authorities of your own, for a server of your own"),
    ("echo [true|false]", "whether the console shows what is typed"),
    ("jsonconfig [JSON]", "all settings"),
    ("rawconfig", "not here: use jsonconfig"),
    ("factoryreset", "forget all settings"),
    ("remote SHOCKER ACTION LEVEL MS", "send that to a shocker of the service"),
    ("seen [ID]", "tell the sender of the last message that it was read"),
    ("respond TEXT", "answer the last message"),
    ("pair", "a new code, to give this device to an account"),
    ("portal", "open the set-up page, or say how to reach it"),
    ("update [VERSION]", "take in a new version; without one what update.channel offers"),
    ("ledtest", "the lamp shows all it knows"),
    ("repl", "leave to MicroPython, as Ctrl-C does"),
)


def lines(name):
    """The lines about the command `name`, or about all of them when it is empty; an empty list when there is none."""
    found = ["%-36s %s" % row for row in _USAGE if not name or row[0].partition(" ")[0] == name]
    if not name:
        found.append(
            "A line that begins with $ is not echoed. --secrets behind networks, authtoken or jsonconfig shows them."
        )
    return found
