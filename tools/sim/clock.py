"""The time server of the simulated network: it tells this PC's time (RFC 4330)."""

import asyncio
import struct
import time

_UNIX_EPOCH_S = 2208988800  # 1970 in seconds since 1900, where NTP begins


def answer(packet, unix_ns):
    """The answer to a client's question at `unix_ns`, or None for what is none."""
    if len(packet) < 48 or packet[0] & 7 != 3:
        return None
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    told = (seconds + _UNIX_EPOCH_S & 0xFFFFFFFF) << 32 | (rest_ns << 32) // 1_000_000_000
    return struct.pack("!BBbbII4sQ8sQQ", 0x24, 2, 6, -20, 0, 0, b"SIM\0", told, packet[40:48], told, told)


class _Server(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        reply = answer(data, time.time_ns())
        if reply:
            self._transport.sendto(reply, address)


async def serve():
    """(transport to close, port) of a time server on the loopback address."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(_Server, local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")[1]
