"""MicroPython's `micropython` module, as far as the firmware uses it, for CPython: decorators that change nothing."""


def const(value):
    """`value` itself: on MicroPython the compiler folds it away."""
    return value


def native(function):
    """`function` itself."""
    return function


viper = native


def heap_lock():
    """None: CPython's heap cannot be locked."""


def heap_unlock():
    """0: the lock depth."""
    return 0


def kbd_intr(character):
    """None: CPython's console keeps its own interrupt key."""


def mem_info(*_):
    """None: CPython has no such heap."""
