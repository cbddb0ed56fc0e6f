"""Does the jobs of a JSON file with the network rooms of lib/, on either interpreter: one JSON line out for each job.

A heart beats beside each job; its count shows whether the event loop was ever held. `sockets` says how many files more
were open after the job than before (0 where the system does not tell).
"""

import asyncio
import gc
import json
import os
import sys

sys.path.insert(0, ".")

from lib import connect, http_client, ntp, resolver  # noqa: E402


async def _beat(heart):
    while True:
        await asyncio.sleep_ms(5)
        heart[0] += 1


def _open_files():
    gc.collect()
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def _resolve(job, memory=None):
    """The look-up a job wishes: by its name servers, or out of its table."""
    if "mdns" in job:
        resolver._MDNS = tuple(job["mdns"])
    if "name_servers" in job:
        servers = [tuple(server) for server in job["name_servers"]]
        return lambda host: resolver.resolve(host, servers, job.get("each_ms", 1000), memory, job.get("now", 0))

    async def look_up(host):
        address = job["names"].get(host)
        if address is None:
            raise resolver.NotFound(host, "there is no such name", True)
        return address

    return look_up


def _roots(job):
    return None if job.get("roots") is None else [bytes.fromhex(root) for root in job["roots"]]


async def _dial(job):
    opening = job["opening"].encode()
    reader, writer = await connect.dial(
        job["host"], job["port"], _roots(job), _resolve(job), opening, job.get("timeout_ms", 5000)
    )
    heard = b""
    while len(heard) < len(opening):
        heard += await reader.read(100)
    await connect.close(writer)
    return heard.decode()


async def _cancel(job):
    """A dial that is cancelled in its middle: "cancelled"."""
    dialling = asyncio.create_task(_dial(job))
    await asyncio.sleep_ms(job["after_ms"])
    dialling.cancel()
    try:
        await dialling
    except asyncio.CancelledError:
        return "cancelled"


async def _resolve_job(job):
    memory = resolver.Memory()
    for host, address in job.get("remembered", ()):
        memory.put(host, address, 60, 0)
    return await _resolve(job, memory)(job["host"])


async def _time(job):
    """What the server tells, in µs since 1970: a clock that stands at 0 is behind by that."""
    server = "%s:%d" % (job["server"], job["port"])
    return await ntp.ask(server, _resolve(job), job["oldest_s"], int, job.get("each_ms", 1000))


async def _get(job):
    answer = await http_client.get(
        job["url"], job["headers"], _roots(job), _resolve(job), job.get("max_body", 16384), job.get("timeout_ms", 5000)
    )
    return [answer.status, answer.body.decode(), answer.retry_after_s]


async def _post(job):
    answer = await http_client.post(job["url"], job["body"].encode(), job["headers"], _roots(job), _resolve(job))
    return [answer.status, answer.body.decode(), answer.retry_after_s]


async def _stream(job):
    stream = await http_client.open(
        job["url"], job["headers"], _roots(job), _resolve(job), start=job.get("start", 0), hosts=job.get("hosts")
    )
    size = largest = 0
    while piece := await stream.read():
        size += len(piece)
        largest = max(largest, len(piece))
    await stream.close()
    return [stream.status, size, largest, stream.start]


_DOES = {
    "dial": _dial,
    "cancel": _cancel,
    "resolve": _resolve_job,
    "time": _time,
    "get": _get,
    "post": _post,
    "stream": _stream,
}


async def _one(job):
    result = {}
    try:
        result["gave"] = await _DOES[job["do"]](job)
    except (connect.Failed, http_client.Failed, ntp.Failed, resolver.NotFound) as fault:
        result["failed"] = str(fault)
    return result


async def main(path):
    with open(path) as file:
        jobs = json.load(file)
    for job in jobs:
        heart = [0]
        before = _open_files()
        beating = asyncio.create_task(_beat(heart))
        result = await _one(job)
        beating.cancel()
        await asyncio.sleep_ms(0)
        result["beats"] = heart[0]
        result["sockets"] = _open_files() - before
        print(json.dumps(result))


asyncio.run(main(sys.argv[1]))
