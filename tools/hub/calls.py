"""What a client may ask of a hub and how the answer reads: methods, their arguments, the texts of errors (reference b)."""

from dataclasses import dataclass
from typing import Callable

from tools.hub import wire

_MAX_VERSION = 2  # of the JSON hub protocol, since .NET 8


class Failing(Exception):
    """A hub method failed: the caller learns the text, or nothing in detail where there is none."""


@dataclass(frozen=True)
class Method:
    """A hub method: its arguments' binders, and `serve(connection, *arguments)`, a coroutine function."""

    binders: tuple
    serve: Callable


async def outcome(connection, method, target, arguments):
    """Call the method; (the error text of the call, or None when it went well; its result)."""
    failed = f"Failed to invoke '{target}' due to an error on the server."
    if method is None:
        return f"{failed} HubException: Method does not exist.", None
    if len(arguments) != len(method.binders):
        return failed, None
    try:
        bound = [bind(value) for bind, value in zip(method.binders, arguments, strict=True)]
    except ValueError:
        return failed, None
    try:
        return None, await method.serve(connection, *bound)
    except Failing as failing:
        return str(failing) or f"An unexpected error occurred invoking '{target}' on the server.", None


async def stream_outcome(connection, method, target):
    """The error text of a stream invocation: no method of these hubs streams."""
    if method is None:
        return (await outcome(connection, None, target, ()))[0]
    return f"The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."


def handshake_error(record):
    """What is wrong with the client's first record; None when it is good (signalr.md 2)."""
    try:
        hello = wire.loads(record)
    except ValueError:
        hello = None
    if (
        not isinstance(hello, dict)
        or not isinstance(hello.get("protocol"), str)
        or type(hello.get("version")) is not int
    ):
        return "An unexpected error occurred during connection handshake."
    if hello["protocol"] != "json":
        return f"The protocol '{hello['protocol']}' is not supported."
    if hello["version"] > _MAX_VERSION:  # 0 is what signalrcore says, and the real server takes it
        return f"The server does not support version {hello['version']} of the 'json' protocol."
    return None
