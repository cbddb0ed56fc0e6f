"""Long runs end when somebody ends them: started as a shell starts a job in the background, and at any moment of their start."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from conftest import ROOT

from tools import Failure
from tools.common import cancellation
from tools.sim.world import World

WAIT_S = 60  # a first start compiles the firmware

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")

SIMULATOR = ("sim", "--ready", "--plain")
HUB = ("hub", "--host", "127.0.0.1", "--port", "0")
UPDATES = ("serve-updates", ".", "--host", "127.0.0.1", "--port", "0")
# what says that it is at work: nothing of it is before, and something is there to be put away
AT_WORK = {SIMULATOR: "Ctrl-C ends it.", HUB: "Ctrl-C ends it.", UPDATES: "Ctrl-C ends it."}


class Job:
    """`with Job(words, ignored)`: that command in a session of its own, with these signals ignored. It is at work."""

    def __init__(self, words, ignored, folder):
        def as_shells_do():
            for number in ignored:
                signal.signal(number, signal.SIG_IGN)

        self._words = words
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tools", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=as_shells_do,
        )

    def __enter__(self):
        for line in self.process.stdout:
            if AT_WORK[self._words] in line:
                return self
        raise AssertionError(f"it ended by itself: {self.process.wait(WAIT_S)}")

    def __exit__(self, *_):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # nobody is left: as it should be
        self.process.communicate()

    def ends_by(self, number):
        """Its exit code after that signal."""
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def left(self):
        """True while any process of its session runs: the simulator's devices are in it."""
        try:
            os.killpg(self.process.pid, 0)
        except ProcessLookupError:
            return False
        return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=str)
@pytest.mark.parametrize(
    ("words", "code"),
    [(SIMULATOR, 130), (HUB, 0), (UPDATES, 0)],
    ids=lambda it: str(it).split("'")[1] if isinstance(it, tuple) else it,
)
def test_a_job_in_the_background_ends(words, code, number, tmp_path):
    """A shell without job control has it ignore Ctrl-C, which is meant for the job in front."""
    with Job(words, [signal.SIGINT], tmp_path) as job:
        assert job.ends_by(number) == code
        assert not job.left()


def test_a_closed_terminal_ends_it_and_nohup_does_not(tmp_path):
    with Job(HUB, [], tmp_path) as job:
        assert job.ends_by(signal.SIGHUP) == 0
    with Job(HUB, [signal.SIGHUP], tmp_path) as job:
        job.process.send_signal(signal.SIGHUP)
        assert job.ends_by(signal.SIGTERM) == 0
        assert "Closing" in job.process.stdout.read(), "the second signal found it at work"


def killed(number):
    """None; this very process gets the signal, in a moment at which the loop runs."""
    asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)


def test_what_is_put_away_may_take_its_time_and_is_not_cut_off():
    done = []

    async def work():
        killed(signal.SIGTERM)
        try:
            await asyncio.Event().wait()
        finally:
            killed(signal.SIGTERM)  # somebody is impatient
            killed(signal.SIGINT)
            for _ in range(5):
                await asyncio.sleep(0.01)  # so that both have arrived
            done.append(True)

    with pytest.raises(KeyboardInterrupt):
        cancellation.run(work())
    assert done == [True]


def test_without_a_signal_nothing_is_different():
    async def gives():
        return 7

    async def fails():
        raise Failure("no")

    async def cancels():
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    assert cancellation.run(gives()) == 7
    with pytest.raises(Failure, match="no"):
        cancellation.run(fails())
    with pytest.raises(asyncio.CancelledError):
        cancellation.run(cancels())


@pytest.mark.timeout(2 * WAIT_S)
def test_a_world_that_is_ended_while_it_begins_leaves_no_device():
    async def story():
        world = World(secure=False)
        start, begun = world.device.start, asyncio.Event()

        async def started(**environment):
            await start(**environment)
            begun.set()
            await asyncio.Event().wait()  # in the middle of its beginning

        world.device.start = started
        entering = asyncio.create_task(world.__aenter__())
        await begun.wait()
        process = world.device._process
        assert process.returncode is None
        entering.cancel()
        with pytest.raises(asyncio.CancelledError):
            await entering
        assert process.returncode is not None and world.hub._runner is None

    asyncio.run(story())


def test_a_world_whose_port_is_taken_says_so_and_is_gone():
    async def story():
        async with World(secure=False) as first:
            port = int(first.hub.url.rpartition(":")[2])
            second = World(secure=False, port=port)
            with pytest.raises(Failure, match=f"cannot listen on 127.0.0.1 port {port}: "):
                await second.__aenter__()
            assert second.device.starts == 0 and not second.device.folder.exists()

    asyncio.run(story())
