"""The signature of a release on MicroPython: hashes, time, and the heap that verifying it needs."""

import json
import os
import statistics
import subprocess

from tools import Failure
from tools.bench._signature import examples
from tools.common.environment import ROOT, program

_CHILD = ROOT / "tools" / "bench" / "_signature" / "mp_verify.py"
_TIMEOUT_S = 120
_LARGEST_HEAP = 4096  # more than enough
_STEP = 128


def run(report):
    """Measure. Raise Failure where there is no MicroPython, or no pyhsslms to sign."""
    micropython = program("micropython")
    if not micropython:
        raise Failure("this bench needs MicroPython, and there is no wheel of it for this machine")
    rows = [_figures(micropython, parts) for parts in examples.signed(20)]
    hashes = [row["hashes"] for row in rows]
    size = f"{len(examples.signed(1)[0][1]):,} bytes"
    report.row("SHA-256 of a release's signature, mean of 20", statistics.mean(hashes), "", "≤ 600", size)
    report.row("the most of them", max(hashes), "", "≤ 600", "never above 763")
    report.row("verifying it", statistics.median(row["ms"] for row in rows), "ms", note="on this machine")
    note = "words of 8 bytes"
    report.row("heap that must be free for it", _least_heap(micropython), "bytes", "≤ 40,960", note)
    report.row("allocated in all, without a collection", max(row["allocated"] for row in rows), "bytes", None, note)


def _child(micropython, parts, *more):
    variables = dict(os.environ, MICROPYPATH=f"{ROOT}:.frozen")
    command = [micropython, "-X", "heapsize=1M", str(_CHILD), *map(str, more)]
    lines = "".join(part.hex() + "\n" for part in parts)
    return subprocess.run(
        command, env=variables, input=lines, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
    )


def _figures(micropython, parts):
    done = _child(micropython, parts)
    if done.returncode:
        raise Failure(f"the bench on MicroPython failed: {done.stderr.strip()} {done.stdout.strip()[-300:]}")
    return dict(json.loads(line) for line in done.stdout.splitlines())


def _least_heap(micropython):
    """Return the bytes, in steps of 128: the least heap with which a verify gets through."""
    (parts,) = examples.signed(1)
    left = _LARGEST_HEAP
    while left and _child(micropython, parts, left - _STEP).stdout == "True\n":
        left -= _STEP
    return left
