"""What this image was built for. `python3 -m tools build` writes the first two anew into each image; here they are empty.

BOARD is the name of the folder that its updates come from, LAYOUT the flash map (tools/images/layout.py). COUNTER counts versions
that must not come back: raise it by one when all older ones are unsafe, and no device goes back behind it.
"""

BOARD = ""
LAYOUT = ""
COUNTER = 1
