"""Ten thousand lines of strangers' letters into the log, on MicroPython: prints names and bytes that live, before and after."""

import gc
import sys

import micropython

sys.path.insert(0, ".")

from lib.log import Log  # noqa: E402


def told(what):
    gc.collect()
    print(what, gc.mem_alloc())
    micropython.qstr_info()


def fill(log, count):
    for number in range(count):
        text = "name " + str(bytes((0xE4, 0x80 + number // 64 % 64, 0x80 + number % 64)), "utf-8")
        log.warning("act" if number % 2 else "refused", text)
        if number % 500 == 0:
            for _ in log.last():
                pass


def main():
    log = Log(lambda: 5, lambda line: None)
    fill(log, 10)
    fill(log, 500)
    told("before")
    fill(log, 10_000)
    told("after")


main()
