"""A long run that is ended early: Ctrl-C, `kill` and a closed terminal cancel it, so that it puts everything away first."""

import asyncio
import signal

_ALWAYS = ("SIGINT", "SIGTERM")  # SIGINT even where a shell makes its background jobs ignore it
_UNLESS_IGNORED = ("SIGHUP",)  # nohup


def run(work):
    """Return what the coroutine `work` gives. Raise KeyboardInterrupt when it was cancelled by a signal.

    `work` is cancelled once: it may await what it has to put away.
    """
    ended, result = asyncio.run(_heeding(work))
    if ended:
        raise KeyboardInterrupt
    return result


async def _heeding(work):
    """Return (whether a signal ended it, what `work` gave)."""
    ended = []
    task = asyncio.ensure_future(work)

    def end():
        if not ended:
            ended.append(True)
            task.cancel()

    for number in _heeded():
        try:
            asyncio.get_running_loop().add_signal_handler(number, end)
        except (NotImplementedError, RuntimeError, ValueError):
            break  # Windows, where asyncio itself cancels us at Ctrl-C; or a thread that gets no signals
    try:
        return False, await task
    except asyncio.CancelledError:
        if not ended:
            raise
        return True, None


def _heeded():
    """Return the numbers of the signals that end us on this system."""
    wanted = [getattr(signal, name, None) for name in _ALWAYS]
    for name in _UNLESS_IGNORED:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            wanted.append(number)
    return [number for number in wanted if number is not None]
