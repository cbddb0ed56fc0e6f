"""The time of day from the `Date` of an HTTP answer, where no time server answers: many networks let only HTTP out."""

from lib import http_client, http_response
from lib.ntp import Failed

_YEARS_S = 631152000  # twenty years: a date beyond that is no date


async def fetch_time(urls, resolve, oldest_s, timeout_ms=5000):
    """Return seconds since 1970 (int) from the first of `urls` (http://) with a credible time. RFC 9110 §6.6.1.

    `resolve` is `async (host) -> address`; `oldest_s` is when this firmware was made. Without the time no certificate can
    be checked, so this is asked without TLS, and no better guarded than a time server. Raise Failed with the last
    reason.
    """
    why = "no web server is known"
    for url in urls:
        try:
            stream = await http_client.open(url, [], None, resolve, timeout_ms)
            try:
                now_s = http_response.date_s(stream.headers.get("date", ""))
            finally:
                await stream.close()
        except http_client.Failed as failed:
            why = "%s: %s" % (url, failed)
            continue
        if now_s is None or not oldest_s <= now_s < oldest_s + _YEARS_S:
            why = url + ": no date that can be believed"
            continue
        return now_s
    raise Failed(why)
