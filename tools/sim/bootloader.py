"""The ESP32's boot loader with roll-back, over a simulated flash: which slot starts, and what it writes to otadata for that.

The rules are those of bootloader_utility.c of ESP-IDF with CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE, which every official
MicroPython has (reference/micropython-esp32.md §c).
"""

from tools.sim.chip import model

simflash = model("simflash")
simota = model("simota")


def start(flash):
    """Return the slot that runs from now on, 0 or 1, also in `flash.slot`; None when no image is whole: it resets for ever.

    Raise PowerCut when the flash's faults take the power meanwhile.
    """
    rows = {row[0]: row for row in simflash.table(flash)}
    otadata = rows["otadata"][3]
    slots = [rows["ota_0"], rows["ota_1"]]
    flash.slot = None
    wanted, blank = _selected(flash, otadata)
    # an image that is not whole is passed over in silence: first down to ota_0, then up (there is no factory app)
    for slot in [*range(wanted, -1, -1), *range(wanted + 1, len(slots))]:
        if simota.whole(flash, *slots[slot][3:]):
            if blank:
                simota.put(flash, otadata, 0, slot + 1, simota.VALID)
            flash.slot = slot
            break
    return flash.slot


def _selected(flash, otadata):
    """Return (slot that otadata names, whether otadata is blank). Whoever was on trial and is here again has failed."""
    both = simota.entries(flash, otadata)
    for sector, (sequence, state, _) in enumerate(both):
        if state == simota.PENDING:
            simota.put(flash, otadata, sector, sequence, simota.ABORTED)
            both[sector] = sequence, simota.ABORTED, simota.check_of(sequence)
    now = simota.active(both)
    if now is None:
        # neither counts: ota_0 (or, with a broken checksum, whatever is whole), and "blank" is noted once it was found so
        unreadable = all(entry[0] == simota.UNDEFINED or entry[2] != simota.check_of(entry[0]) for entry in both)
        return 0, unreadable and all(map(simota.refused, both))
    sequence, state, _ = both[now]
    if state == simota.NEW:
        simota.put(flash, otadata, now, sequence, simota.PENDING)
    return (sequence - 1) % 2, False
