"""How tests and the simulator wait for a hub: each coroutine ends the moment its thing happens. All raise asyncio.TimeoutError."""


class Waiting:
    """For whoever has a `journal`. A mark (`journal.mark()`) as `since` leaves out what was before it."""

    async def connected(self, count=1, since=0, timeout_s=10.0):
        """The Connection that was the `count`-th to be greeted since the mark."""
        return (await self.journal.wait("connected", count=count, since=since, timeout_s=timeout_s)).connection

    async def device_connected(self, count=1, since=0, timeout_s=10.0):
        """As `connected`, counting devices only."""
        event = await self.journal.wait("connected", lambda e: e.connection.peer.device, count, since, timeout_s)
        return event.connection

    async def disconnected(self, count=1, since=0, timeout_s=10.0):
        """The Connection that was the `count`-th to end since the mark."""
        return (await self.journal.wait("disconnected", count=count, since=since, timeout_s=timeout_s)).connection

    async def received(self, target, count=1, since=0, timeout_s=10.0) -> dict:
        """The `count`-th record from a client since the mark that calls `target`, or for which `target(record)` is true."""
        match = target if callable(target) else lambda record: record.get("target") == target
        event = await self.journal.wait("record", lambda e: match(e["record"]), count, since, timeout_s)
        return event["record"]
