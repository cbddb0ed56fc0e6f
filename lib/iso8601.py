"""Moments as ISO 8601 writes them. No I/O, no clock."""


def iso(seconds):
    """Return seconds since 1970 as "2024-01-01T12:00:00Z"."""
    days, rest = divmod(seconds, 86400)
    days += 719468  # since 0000-03-01: a year that begins in March has its leap day last
    era, days = divmod(days, 146097)
    year = (days - days // 1460 + days // 36524 - days // 146096) // 365
    days -= 365 * year + year // 4 - year // 100
    month = (5 * days + 2) // 153
    day = days - (153 * month + 2) // 5 + 1
    month = month + 3 if month < 10 else month - 9
    year += era * 400 + (month < 3)
    return "%04d-%02d-%02dT%02d:%02d:%02dZ" % (year, month, day, rest // 3600, rest // 60 % 60, rest % 60)


def moment_us(text):
    """Microseconds since 1970 of "2026-03-04T05:06:07.89Z" (0–7 digits of a second), or None for what is no such text."""
    if not isinstance(text, str) or len(text) < 20 or text[4] + text[7] + text[10] + text[13] + text[16] != "--T::":
        return None
    try:
        year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
        second = (int(text[11:13]) * 60 + int(text[14:16])) * 60 + int(text[17:19])
        micro = int((text[20:-1] + "000000")[:6]) if text[19] == "." else 0
    except ValueError:
        return None
    if text[-1] != "Z" or not 1 <= month <= 12:
        return None
    # days since 1970 by the Gregorian rule, the year beginning in March so that the leap day is its last
    year -= month < 3
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * ((month + 9) % 12) + 2) // 5 + day - 719469
    return (days * 86400 + second) * 1000000 + micro
