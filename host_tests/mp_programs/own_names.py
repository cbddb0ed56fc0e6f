"""Prints every name that MicroPython itself defines, as far as it can be asked: modules, their types, builtins; one in a line."""

import asyncio
import builtins
import io
import sys

_MODULES = """
array asyncio binascii builtins collections deflate errno gc hashlib io json math micropython os random re select
socket ssl struct sys time tls vfs
""".split()  # noqa: SIM905


async def _nothing():
    pass


def _samples():
    """One object of each kind that has names of its own and no type that a module names."""
    server = asyncio.start_server and __import__("asyncio.stream", None, None, ("Server",)).Server()
    generator = (each for each in ())
    compiled = __import__("re").compile("a")
    digest = __import__("hashlib").sha256()
    coroutine = _nothing()
    waiting = (asyncio.Event(), asyncio.Lock(), asyncio.Loop, asyncio.current_task, asyncio.StreamReader(io.BytesIO()))
    texts = (
        "",
        b"",
        1,
        1.0,
        {},
        {}.keys(),
        {}.items(),
        [],
        (),
        set(),
        range(1),
        memoryview(b""),
        bytearray(),
    )
    more = (
        None,
        compiled,
        compiled.match("a"),
        digest,
        sys.implementation,
        sys.stdin,
        _nothing,
        type,
        ValueError(1),
        OSError(1),
    )
    return (server, generator, coroutine) + waiting + texts + more


async def _main():
    names = {"errno", "value", "strerror"}
    task = asyncio.create_task(_nothing())
    streams = [task] + list(_samples())
    await task
    for name in _MODULES:
        room = __import__(name)
        names.update(dir(room))
        for inside in dir(room):
            if inside != "__main__":
                streams.append(getattr(room, inside))
    for each in streams:
        names.update(dir(each))
    names.update(dir(builtins))
    for name in sorted(names):
        print(name)


asyncio.run(_main())
