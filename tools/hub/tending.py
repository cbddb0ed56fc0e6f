"""What a server does by the clock for one connection: Pings, unsolicited Pongs, and its two time-outs (reference b, Timing)."""

import asyncio
import time

from tools.hub import wire

CLOSED_WITH_ERROR = "Connection closed with an error."
_PING = wire.record({"type": 6})
_NEVER_S = 1e6


async def tend(connection, config):
    """Look after a signalr_server.Connection until it is gone, once a second as the real server does (times in ms)."""
    ponged_at_s = connection.began_at_s
    pong_s = config.pong_ms / 1000 or _NEVER_S
    step_s = min(1.0, config.ping_ms / 4000, config.timeout_ms / 4000, config.handshake_ms / 4000, pong_s / 4)
    while not connection.out.gone():
        now_s = time.monotonic()
        if not connection.out.audible.is_set():
            ponged_at_s = now_s  # in a silence nothing is sent, and nobody is sent away
        elif await _overdue(connection, config, now_s):
            return
        else:
            if connection.ready and now_s - connection.out.sent_at_s >= config.ping_ms / 1000:
                connection.send(_PING)
            if now_s - ponged_at_s >= pong_s:
                ponged_at_s = now_s
                connection.out.pong()
        await asyncio.sleep(step_s)
    connection.out.close()  # a silenced connection hears of its end here


async def _overdue(connection, config, now_s) -> bool:
    if not connection.ready and now_s - connection.began_at_s >= config.handshake_ms / 1000:
        connection.why = "no handshake in time"
        connection.out.message(wire.record({"error": "Handshake was canceled."}))
        await connection.finish()
        return True
    if connection.armed and now_s - connection.heard_at_s >= config.timeout_ms / 1000:
        connection.why = "the client fell silent"
        await connection.end(CLOSED_WITH_ERROR, allow_reconnect=True)
        return True
    return False
