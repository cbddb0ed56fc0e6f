"""How a simulated board with a flash starts: boot.py, then main.py, then the prompt. MicroPython only.

main.py runs after a boot.py that failed, too: some versions of the ESP32's port do that, so main.py must see it by itself.
At the prompt nobody is there: it ends with AT_PROMPT when boot.py stays there and feeds the watchdog, and with BITTEN when
nobody does, without the wait until the watchdog bites.
"""

import sys

AT_PROMPT, BITTEN = 43, 44


def _failed(name):
    """True when it ended with an exception, which the prompt shows."""
    try:
        __import__(name)
    except Exception as fault:
        sys.print_exception(fault)
        return True
    return False


code = AT_PROMPT if _failed("boot") else BITTEN
_failed("main")
sys.exit(code)
