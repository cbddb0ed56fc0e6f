"""Plays a pulse train with everything that a real one needs but the pin: loop, clock, interrupts. Nothing comes out.

For a self-test that must not be on the air: to a receiver it would be a command.
"""

from array import array

from lib import ook_player


def worst_us(train, chip, pin, ticks_us, disable_irq, enable_irq, at=int):
    """Return the worst lateness of an edge in µs (≥ 0), as a player's `play`. The chip's own player where one is known.

    `pin` is the transmitter's number; it is not touched: what would be written to its registers goes to memory. `at` is as
    for `ook_player.wiring`. Raise OSError when the clock stands still, or the player leaves other marks than a player;
    ValueError for what is no train.
    """
    if chip not in ook_player.CHIPS:
        return ook_player.Portable(_nowhere, ticks_us, disable_irq, enable_irq).play(train, heed=False)
    out = ook_player.wiring(chip, pin)[4]
    marks = array("I", (0, 0))  # what sets the pin, what clears it
    player = ook_player.Registers(
        chip, pin, disable_irq, enable_irq, at=lambda address: marks if address == out else at(address)
    )
    try:
        worst = player.play(train, heed=False)
    except ook_player.ClockStopped:
        raise OSError("the chip's clock stands still")
    if not marks[0] or marks[0] != marks[1]:
        raise OSError("the player played something else")
    return worst


def _nowhere(level):
    """Do nothing: no pin is driven."""
