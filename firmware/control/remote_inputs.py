"""Makes the remote of the settings: which pins its buttons are on, and why they cannot be there. Seldom in memory."""

from firmware.hardware import gpio_rules
from lib.log import ERROR


def remote(settings, board, hardware, ask, blocked, clock, log):
    """A Remote for `remote.inputs` and `remote.dial`; None when none of them can be used: why, is in the log.

    `board`: a module of firmware/boards. `ask`, `blocked`, `clock`, `log`: as for Remote.
    """
    from firmware.control.remote_control import Input, Remote  # it stays; who only looks at pins does not need it

    made = []
    for entry, pins, why in looked_at(settings, board):
        if why:
            log.line(ERROR, "remote", "not used: " + why)
            continue
        level = 1 if entry.get("pressed") == "high" else 0
        try:
            readers = [hardware.input(pin, level) for pin in pins]
        except ValueError as fault:  # the chip knows better: that must not keep the device from its work
            log.line(ERROR, "remote", "not used: %s" % fault)
            continue
        made.append(Input(entry, readers[-1], tuple(readers[:2]) if len(readers) == 3 else None))
    return Remote(made, ask, blocked, clock, log) if made else None


def looked_at(settings, board):
    """[(table, its pins, why they cannot be used, in words, or "")] of all inputs that are set; a dial's last pin is its press."""
    taken = {_pin(settings.get("rf.pin"), board.RF_PIN): "the transmitter"}
    if settings.get("estop.enabled"):
        taken[_pin(settings.get("estop.pin"), board.ESTOP_PIN)] = "the emergency stop"
    found = []
    for number, entry in enumerate(settings.get("remote.inputs")):
        name = "button %d" % (number + 1)
        found.append((entry, (entry["pin"],), _why_not(board, (entry["pin"],), taken, name)))
    dial = settings.get("remote.dial")
    if dial:
        pins = dial["a"], dial["b"], dial["press"]
        found.append((dial, pins, _why_not(board, pins, taken, "the dial")))
    return found


def _why_not(board, pins, taken, name):
    """Why `pins` cannot be used for the input `name`, in words; "" when they can: then they are taken."""
    for pin in pins:
        # what is wired to them is as an emergency stop: it needs a pull-up, and is pressed while the chip starts
        why = gpio_rules.why_not(board, pin, estop=True)
        if pin in taken:
            why = "GPIO%d is that of %s" % (pin, taken[pin])
        if not why and pins.count(pin) > 1:
            why = "it needs a pin for each contact"
        if why:
            return "%s: %s" % (name, why)
    for pin in pins:
        taken[pin] = name
    return ""


def _pin(chosen, own):
    """The pin in use: the setting's, or the board's own (None: it has none)."""
    return own if chosen < 0 else chosen
