"""The time of day from web servers, of which none is the internet's: what is believed, and what is not."""

import asyncio

import pytest
from aiohttp import web

from lib import http_time, ntp

MADE_S = 1792000000
NOW = "Sat, 21 Nov 2026 06:30:00 GMT"
NOW_S = 1795242600


def asked(date):
    """What `ask` gives when the server tells that date, by a clock that stands at 0."""

    async def story():
        async def tell(request):
            response = web.Response(text="success")
            response.headers["Date"] = date
            return response

        place = web.Application()
        place.router.add_get("/", tell)
        runner = web.AppRunner(place)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        try:
            return await http_time.ask(f"http://web.test:{port}/", resolve, MADE_S, int)
        finally:
            await runner.cleanup()

    return asyncio.run(story())


async def resolve(host):
    assert host == "web.test"
    return "127.0.0.1"


def test_the_date_of_an_answer_is_the_time_in_the_middle_of_its_second():
    assert asked(NOW) == NOW_S * 1_000_000 + 500_000


@pytest.mark.parametrize(
    "date",
    ["Thu, 01 Jan 1970 00:00:00 GMT", "Wed, 14 Oct 2026 00:00:00 GMT", "Sat, 21 Nov 2096 06:30:00 GMT", "now", ""],
)
def test_what_cannot_be_is_not_believed(date):
    with pytest.raises(ntp.Failed, match="no date that can be believed"):
        asked(date)


def test_nobody_answers():
    async def nobody(host):
        return "127.0.0.1"

    with pytest.raises(ntp.Failed, match="http://web.test:9/: "):
        asyncio.run(http_time.ask("http://web.test:9/", nobody, MADE_S, int))
