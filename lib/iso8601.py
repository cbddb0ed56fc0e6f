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
