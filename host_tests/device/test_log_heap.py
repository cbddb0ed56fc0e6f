"""What the log takes of a heap, on the real MicroPython: one piece from the start, and not a name or byte more with its lines."""

from conftest import run_micropython


def test_no_line_adds_a_byte_or_a_name():
    done = run_micropython("host_tests/programs/log_heap.py", heap="256wK")
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    (before, names_before, after, names_after) = lines
    assert before.startswith("before ") and after.startswith("after ") and "n_qstr=" in names_after
    assert names_before == names_after
    assert abs(int(after.split()[1]) - int(before.split()[1])) <= 64
