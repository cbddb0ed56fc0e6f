"""The name server of the simulated network: it knows the local hub by name, and nothing else."""

import asyncio
import struct


def answer(packet, known):
    """The answer to a DNS query (RFC 1035), or None for what is no query. `known`: name → "a.b.c.d"."""
    if len(packet) < 17 or packet[2] & 0x80:
        return None
    labels, at = [], 12
    while at < len(packet) and packet[at]:
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode("ascii", "replace"))
        at += 1 + packet[at]
    question = packet[12 : at + 5]
    address = known.get(".".join(labels).lower())
    flags = 0x8180 if address else 0x8183  # no such name
    head = struct.pack("!HHHHHH", struct.unpack("!H", packet[:2])[0], flags, 1, 1 if address else 0, 0, 0)
    if not address:
        return head + question
    record = struct.pack("!HHHIH", 0xC00C, 1, 1, 60, 4) + bytes(map(int, address.split(".")))
    return head + question + record


class _Server(asyncio.DatagramProtocol):
    def __init__(self, known):
        self._known = known

    def connection_made(self, transport):
        self._transport = transport

    def datagram_received(self, data, address):
        reply = answer(data, self._known)
        if reply:
            self._transport.sendto(reply, address)


async def serve(known):
    """(transport to close, port) of a name server on the loopback address."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: _Server(known), local_addr=("127.0.0.1", 0))
    return transport, transport.get_extra_info("sockname")[1]
