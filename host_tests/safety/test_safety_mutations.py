"""Each invariant of DESIGN §7 is held by a guard, and a test that goes red without it (host_tests/safety/mutations.py)."""

import functools

import mutations
import pytest

HERE = mutations.ROOT / "host_tests"
NUMBERS = ["S%02d" % number for number in range(1, 28)]


@functools.cache
def results():
    """All mutations, two at a time, once."""
    return mutations.run_all(mutations.MUTATIONS)


def test_every_invariant_has_its_tests_and_its_mutations():
    assert sorted({mutation.number for mutation in mutations.MUTATIONS}) == NUMBERS
    stories = [*(HERE / "safety").glob("test_safety_*.py"), *(HERE / "unit").glob("test_*.py")]
    tests = "".join(path.read_text() for path in stories)
    for number in NUMBERS:
        assert f"def test_{number.lower()}_" in tests, number
    for mutation in mutations.MUTATIONS:
        start = mutation.test.partition("::")[2].partition("[")[0]
        assert f"def {start}" in tests and start.startswith(f"test_{mutation.number.lower()}"), mutation


def test_the_text_of_every_mutation_is_in_the_source():
    moved = []
    for mutation in mutations.MUTATIONS:
        try:
            assert mutations.mutated(mutation, (mutations.ROOT / mutation.path).read_text())
        except mutations.Moved as fault:
            moved.append(str(fault))
    assert not moved, "a guard moved, and its row has to follow:\n" + "\n".join(moved)


def test_the_copy_is_what_is_judged_and_whole_it_is_good():
    with mutations.Copy() as copy:
        code, output = copy.run("safety/test_safety_air.py::test_s24")
        assert code == 0 and " passed" in output, output
        copy.write(copy.folder / "firmware" / "control" / "scheduler.py", "raise ZeroDivisionError\n")
        code, output = copy.run("safety/test_safety_air.py::test_s24")
        assert code != 0 and "ZeroDivisionError" in output, output


@pytest.mark.timeout(900)
def test_every_mutation_is_caught():
    missed = [(mutation, output[-2000:]) for mutation, caught, output in results() if not caught]
    n_caught = len(NUMBERS) - len({mutation.number for mutation, _ in missed})
    print(f"{n_caught} of {len(NUMBERS)} caught, {len(results())} mutations")
    assert not missed, "\n".join(f"{mutation}\n{output}" for mutation, output in missed)
