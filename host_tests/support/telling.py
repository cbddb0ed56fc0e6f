"""Makes a test of a story: the one place that runs a coroutine as pytest wants it, within a time, under the story's name."""

import asyncio


def as_test(story, tell, within_s, prepare=None):
    """The test called as `story`: it runs the coroutine function `tell()`, which sets the scene and has the story told.

    `prepare(monkeypatch)` comes before it, outside of its time. asyncio.TimeoutError when it takes longer than `within_s`.
    """

    def test():
        asyncio.run(asyncio.wait_for(tell(), within_s))

    def prepared(monkeypatch):
        prepare(monkeypatch)
        test()

    made = prepared if prepare else test
    made.__name__, made.__doc__ = story.__name__, story.__doc__
    return made
