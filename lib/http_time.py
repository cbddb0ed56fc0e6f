"""The time of day from the `Date` of an HTTP answer, where no time server answers: many networks let only HTTP out."""

from micropython import const

from lib import http_client, http_response
from lib.log import WARNING
from lib.ntp import Failed

_YEARS_S = 631152000  # twenty years: a date beyond that is no date
_WEB = ("http://detectportal.firefox.com/success.txt", "http://www.msftconnecttest.com/connecttest.txt")
_AGREE_US = const(1000000)
_HALF_US = const(500000)  # a date leaves out the fraction of its second


async def ask(url, resolve, oldest_s, now_us, timeout_ms=5000):
    """Return by how many microseconds (int) `now_us()` is behind the date that `url` (http://) tells, give or take a second.

    `resolve` is `async (host) -> address`; `oldest_s` is when this firmware was made. Without the time no certificate can
    be checked, so this is asked without TLS, and no better guarded than a time server. Raise Failed with the reason.
    RFC 9110 §6.6.1.
    """
    asked_us = now_us()
    try:
        stream = await http_client.open(url, [], None, resolve, timeout_ms)
    except http_client.Failed as failed:
        raise Failed("%s: %s" % (url, failed))
    now_s = http_response.date_s(stream.headers.get("date", ""))
    behind_us = (now_s or 0) * 1000000 + _HALF_US - (asked_us + now_us()) // 2
    await stream.close()
    if now_s is None or not oldest_s <= now_s < oldest_s + _YEARS_S:
        raise Failed(url + ": no date that can be believed")
    return behind_us


async def decide(told, resolve, oldest_s, now_us, log):
    """Return (µs that our clock is behind, whether that is certain) where no time server is believed; None for nobody's word.

    `told`: what time servers said who contradict each other. The other arguments as for `ask`.
    """
    why = "the web servers contradict the time servers"
    for url in _WEB:
        try:
            behind_us = await ask(url, resolve, oldest_s, now_us)
        except Failed as failed:
            why = str(failed)
            continue
        if abs(behind_us) <= _AGREE_US:
            return 0, True  # a date is no more exact than that
        for other in told:
            if abs(behind_us - other) <= _AGREE_US:
                return other, True
        if not told:
            return behind_us, False
    log.line(WARNING, "time", why)
    return None
