"""How a simulated board with a flash starts: boot.py, then main.py unless boot.py failed, then the prompt. MicroPython only.

At the prompt nobody is there: it ends with AT_PROMPT when boot.py stays there and feeds the watchdog, and with BITTEN when
nobody does, without the wait until the watchdog bites.
"""

import sys

AT_PROMPT, BITTEN = 43, 44


def _run(name, code):
    try:
        __import__(name)
    except Exception as fault:
        sys.print_exception(fault)
        sys.exit(code)


_run("boot", AT_PROMPT)
_run("main", BITTEN)
sys.exit(BITTEN)
