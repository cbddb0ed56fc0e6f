"""rtl_433's pulse text (.ook): pulses written for `rtl_433 -r`, and read back from what it or this module wrote.

Format and pitfalls: reference/onboarding-ota-safety.md §G1 and §G3. One line a pulse: `mark_us space_us`.
"""

import re

from tools import Failure
from tools.rf.decode import Pulse, decode

PACKAGE_PULSES = 1188  # rtl_433 cuts a package at 1200 pulses; 27 frames of 44 pulses are 1188
_END_SPACE_US = 10_000  # the silence that ends a package; longer than any low of a frame
_NEW_PACKAGE_US = 100_000  # after so much silence a new package begins
_MAX_US = 10_000_000  # rtl_433 counts samples in 32 bits
_LENGTH = re.compile("[0-9]{1,12}")  # µs: days, which no pulse lasts
_TIME = re.compile("[0-9]{1,18}")  # µs: more than Python converts would be an attack
_START = ";start_us"  # of this project: when the package began. rtl_433 ignores lines it does not know


def _packages(pulses):
    """Return the pulses in lists that rtl_433 can hold, cut between frames, never inside one."""
    packages = [[]]
    at = 0
    for frame in decode(pulses):
        group = pulses[at : at + frame.n_pulses]
        at += frame.n_pulses
        before = packages[-1][-1] if packages[-1] else None
        quiet = before is not None and before.low_us >= _NEW_PACKAGE_US
        if quiet or len(packages[-1]) + len(group) > PACKAGE_PULSES:
            packages.append([])
        for start in range(0, len(group), PACKAGE_PULSES):  # noise may be longer than a package
            if start:
                packages.append([])
            packages[-1] += group[start : start + PACKAGE_PULSES]
    return [package for package in packages if package]


def text(pulses):
    """Return the text of an .ook file. Silence at a package's end is written as at least 10 ms: rtl_433 waits for it."""
    lines = []
    whole = [Pulse(start, high, _MAX_US if low is None else min(low, _MAX_US)) for start, high, low in pulses]
    for package in _packages(whole):
        lines += [
            ";pulse data",
            ";version 1",
            ";timescale 1us",
            f"{_START} {package[0].start_us}",
            f";ook {len(package)} pulses",
            ";freq1 433920000",
        ]
        lines += [f"{high} {low}" for _, high, low in package[:-1]]
        last = package[-1]
        lines += [f"{last.high_us} {min(max(last.low_us, _END_SPACE_US), _NEW_PACKAGE_US)}", ";end"]
    return "\n".join(lines) + "\n"


def _number_pair(line, number):
    """Return (mark, space) in µs of one data line. Raise Failure with its number when it is none."""
    parts = line.split()
    if len(parts) != 2 or not all(_LENGTH.fullmatch(part) for part in parts):
        raise Failure(f"line {number}: wanted two numbers of us, found '{line[:40]}'")
    return int(parts[0]), int(parts[1])


def parse(content):
    """Return the list of Pulse of an .ook text, the time of our own packages kept, others one behind the other.

    Raise Failure with the line that is wrong. The last pulse's low is None: nothing is known of what follows.
    """
    pulses = []
    now_us = 0
    for number, line in enumerate(content.splitlines(), 1):
        line = line.strip()
        if line.startswith(";fsk"):
            raise Failure(f"line {number}: this is FSK, not on-off keying")
        if line.startswith(_START):
            start = line[len(_START) :].strip()
            if not _TIME.fullmatch(start):
                raise Failure(f"line {number}: wanted a time in us, found '{start[:40]}'")
            now_us = max(int(start), pulses[-1].start_us + pulses[-1].high_us if pulses else 0)
            if pulses:  # the silence was cut or stretched in the file; now it is known again
                last = pulses[-1]
                pulses[-1] = last._replace(low_us=now_us - last.start_us - last.high_us)
        elif line and not line.startswith(";"):
            high_us, low_us = _number_pair(line, number)
            pulses.append(Pulse(now_us, high_us, low_us))
            now_us += high_us + low_us
    if pulses:
        pulses[-1] = pulses[-1]._replace(low_us=None)
    return pulses
