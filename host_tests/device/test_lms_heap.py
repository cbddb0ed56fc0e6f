"""What a verify needs of the heap: the real MicroPython, with nearly all of it taken. DESIGN allows 40 KB, it needs one."""

from conftest import run_micropython

# words of 8 bytes here, of 4 on a board; key, signature and message (1 594 bytes) are the caller's
ENOUGH_BYTES = 2048
TOO_LITTLE_BYTES = 256
MOST_CHURN_BYTES = 110_000


def _told(left_bytes):
    done = run_micropython("host_tests/programs/lms_heap.py", left_bytes, heap="128wK")
    assert done.returncode == 0, done.stdout + done.stderr
    return dict(line.split(" ", 1) if " " in line else (line, "") for line in done.stdout.splitlines())


def test_two_kilobytes_are_enough_for_a_release():
    told = _told(ENOUGH_BYTES)
    assert int(told["left"]) < 2 * ENOUGH_BYTES
    assert told["holds"] == "True"


def test_the_measure_measures():
    assert "full" in _told(TOO_LITTLE_BYTES)


def test_all_that_is_allocated_without_a_collection():
    assert int(_told(4096)["churn"]) <= MOST_CHURN_BYTES  # 418 hashes; a hash and its digest are 240 bytes here
