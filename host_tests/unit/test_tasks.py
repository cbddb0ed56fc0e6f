"""Tasks that live and die together, tasks that are kept alive, pauses that grow: told with a real event loop, without waiting."""

import asyncio

from host_tests.unit.rooms import book, run
from lib import tasks


class Wrong(Exception):
    """What the tasks of these stories die of."""


class Life:
    """Coroutines that write down what happens to them."""

    def __init__(self):
        self.said = []

    async def forever(self, name="forever"):
        try:
            while True:
                await asyncio.sleep_ms(1)
        except asyncio.CancelledError:
            self.said.append(name + " cancelled")
            raise
        finally:
            self.said.append(name + " closed")

    async def ends(self):
        await asyncio.sleep_ms(1)
        self.said.append("ended")

    async def faults(self, text="fault"):
        await asyncio.sleep_ms(1)
        raise Wrong(text)

    async def slow_to_leave(self):
        try:
            await self.forever("slow")
        finally:
            await asyncio.sleep_ms(5)
            self.said.append("slow left")

    async def faults_when_cancelled(self):
        try:
            await self.forever("bad loser")
        except asyncio.CancelledError:
            raise Wrong("second")


async def _fate(*coroutines):
    try:
        return await tasks.together(*coroutines)
    except Wrong as wrong:
        return str(wrong)


# together


def test_when_one_ends_the_others_are_cancelled_and_waited_for():
    life = Life()
    assert run(_fate(life.forever("a"), life.ends(), life.slow_to_leave())) is None
    assert life.said[0] == "ended"
    assert sorted(life.said[1:]) == ["a cancelled", "a closed", "slow cancelled", "slow closed", "slow left"]


def test_a_fault_comes_out_and_the_others_are_gone():
    life = Life()
    assert run(_fate(life.forever("a"), life.faults())) == "fault"
    assert life.said == ["a cancelled", "a closed"]


def test_the_first_fault_is_the_one_that_comes_out():
    life = Life()
    assert run(_fate(life.faults("first"), life.faults_when_cancelled())) == "first"


def test_one_alone_may_end_or_fault():
    life = Life()
    assert run(_fate(life.ends())) is None
    assert run(_fate(life.faults())) == "fault"


def test_when_the_whole_is_cancelled_so_are_its_tasks():
    life = Life()

    async def story():
        whole = asyncio.create_task(tasks.together(life.forever("a"), life.forever("b")))
        await asyncio.sleep_ms(5)
        whole.cancel()
        try:
            await whole
        except asyncio.CancelledError:
            return "cancelled"

    assert run(story()) == "cancelled"
    assert sorted(life.said) == ["a cancelled", "a closed", "b cancelled", "b closed"]


def test_a_cancellation_while_the_others_are_leaving_is_not_lost():
    life = Life()

    async def story():
        whole = asyncio.create_task(tasks.together(life.faults(), life.slow_to_leave()))
        while not life.said:
            await asyncio.sleep_ms(1)
        assert life.said == ["slow cancelled", "slow closed"]  # the first has ended, the other has not left yet
        whole.cancel()
        try:
            await whole
        except asyncio.CancelledError:
            return "cancelled"
        except Wrong:
            return "the cancellation was lost"

    assert run(story()) == "cancelled"
    assert life.said[-1] == "slow left"  # it was waited for all the same


def test_one_that_did_not_hear_it_is_told_again():
    life = Life()

    async def deaf():
        try:
            await life.forever("deaf")
        except asyncio.CancelledError:
            await life.forever("still here")

    assert run(_fate(life.ends(), deaf())) is None
    assert life.said[-1] == "still here closed"


def test_one_that_hears_nothing_is_told_again_however_deep_it_is():
    """Each level tells its own again after the same time; so that the inner one's time is never over, it becomes shorter."""
    life = Life()

    async def deaf():
        try:
            await life.forever("deaf")
        except asyncio.CancelledError:
            await life.forever("still here")

    assert (
        run(_fate(life.ends(), tasks.together(tasks.together(deaf(), life.forever("beside")), life.forever("in"))))
        is None
    )
    assert "still here closed" in life.said


def test_one_that_is_cancelled_before_it_began_is_not_waited_for():
    life = Life()

    async def story():
        whole = asyncio.create_task(tasks.together(life.forever("a"), life.forever("b")))
        await asyncio.sleep_ms(0)
        whole.cancel()
        try:
            await whole
        except asyncio.CancelledError:
            return "cancelled"

    assert run(story()) == "cancelled"


def test_what_never_waits_counts_as_well():
    async def at_once():
        return

    async def faults_at_once():
        raise Wrong("at once")

    life = Life()
    assert run(_fate(at_once(), life.forever())) is None
    assert run(_fate(faults_at_once(), life.forever())) == "at once"


def test_they_can_be_nested():
    life = Life()
    assert run(_fate(tasks.together(life.forever("in"), life.faults("deep")), life.forever("out"))) == "deep"
    assert sorted(life.said) == ["in cancelled", "in closed", "out cancelled", "out closed"]


# keep


def test_a_kept_task_is_started_again_and_its_faults_are_told():
    log, lines = book()
    faults, pauses, starts = [], [], []

    def pause():
        pauses.append(len(starts))
        return 1

    async def start():
        starts.append(len(starts))
        if len(starts) == 1:
            raise Wrong("no luck")
        if len(starts) == 2:
            return
        if len(starts) == 3:
            raise MemoryError
        enough.set()
        await asyncio.sleep_ms(60000)

    async def story():
        radio = tasks.supervise(
            "radio", start, log, pause, lambda name, fault: faults.append((name, type(fault).__name__))
        )
        kept = asyncio.create_task(tasks.together(radio))
        await enough.wait()
        kept.cancel()
        try:
            await kept
        except asyncio.CancelledError:
            return "cancelled"

    enough = asyncio.Event()
    assert run(story()) == "cancelled"
    assert faults == [("radio", "Wrong"), ("radio", "MemoryError")]
    assert lines[0] == "[0][error][radio] Wrong: no luck"
    assert lines[1] == "[0][warning][radio] ended"
    assert lines[2][:30] == "[0][error][radio] MemoryError:"
    assert pauses == [1, 2, 3] and len(starts) == 4


def test_a_kept_task_that_is_cancelled_is_not_started_again():
    log, lines = book()
    life = Life()

    async def story():
        kept = asyncio.create_task(
            tasks.together(tasks.supervise("a", life.forever, log, lambda: 0, lambda name, fault: None))
        )
        await asyncio.sleep_ms(3)
        kept.cancel()
        try:
            await kept
        except asyncio.CancelledError:
            pass
        await asyncio.sleep_ms(3)

    run(story())
    assert life.said == ["forever cancelled", "forever closed"] and lines == []


# pauses


def test_the_bound_doubles_up_to_the_cap():
    backoff = tasks.Backoff(1000, 60000, chance=lambda: 0.999999)
    pauses = [backoff.next_ms() for _ in range(40)]
    assert pauses[:8] == [999, 1999, 3999, 7999, 15999, 31999, 59999, 59999]
    assert set(pauses[6:]) == {59999} and backoff.failures == 40


def test_after_a_good_while_it_begins_anew():
    backoff = tasks.Backoff(1000, 60000, chance=lambda: 0.5)
    assert [backoff.next_ms() for _ in range(3)] == [500, 1000, 2000]
    backoff.good()
    assert backoff.failures == 0 and backoff.next_ms() == 500


def test_behind_what_was_no_failure_the_first_pause_comes_and_nothing_is_forgotten():
    backoff = tasks.Backoff(1000, 60000, chance=lambda: 0.5)
    assert [backoff.next_ms(), backoff.next_ms(), backoff.first_ms(), backoff.first_ms()] == [500, 1000, 500, 500]
    assert backoff.next_ms() == 2000
    assert tasks.Backoff(1000, 300, chance=lambda: 0.5).first_ms() == 150


def test_the_jitter_is_full():
    assert tasks.Backoff(1000, 60000, chance=lambda: 0.0).next_ms() == 0
    backoff = tasks.Backoff(1000, 60000)
    pauses = []
    for _ in range(300):
        backoff.good()
        pauses.append(backoff.next_ms())
    assert all(type(pause) is int and 0 <= pause < 1000 for pause in pauses)
    assert min(pauses) < 200 and max(pauses) > 800 and len(set(pauses)) > 100


def test_a_cap_below_the_first_bound_holds():
    backoff = tasks.Backoff(1000, 300, chance=lambda: 0.999999)
    assert [backoff.next_ms() for _ in range(3)] == [299, 299, 299]


def test_the_fault_of_one_guest_is_a_line_in_the_log():
    async def break_down():
        raise ZeroDivisionError("oops")

    async def be_well():
        ran.append(1)

    ran = []
    log, lines = book()
    assert run(tasks.guarded("portal", break_down(), log)) is None
    assert run(tasks.guarded("portal", be_well(), log)) is None
    assert ran == [1] and lines == ["[0][error][portal] ZeroDivisionError: oops"]
