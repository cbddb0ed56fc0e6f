"""Versions as semver.org (2.0.0) has them: whether a text is one, and which of two comes later. No I/O."""

from micropython import const

_LONGEST = const(40)  # characters taken here; semver.org sets no bound
_DIGITS = "0123456789"
_LETTERS = _DIGITS + "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-"


def is_version(text):
    """Return whether `text`, which may be anything, is a version of at most 40 characters."""
    if not isinstance(text, str) or len(text) > _LONGEST:
        return False
    text, plus, build = text.partition("+")
    numbers, dash, before = text.partition("-")
    numbers = numbers.split(".")
    if len(numbers) != 3 or not all([_is_number(number) for number in numbers]):
        return False
    for mark, words in (dash, before), (plus, build):
        if mark and not all([word and _only(word, _LETTERS) for word in words.split(".")]):
            return False
    return not any([_only(word, _DIGITS) and not _is_number(word) for word in before.split(".") if word])


def newer(one, other):
    """Return whether version `one` comes after version `other` (§11): what stands behind + does not count."""
    ones, others = _precedence(one), _precedence(other)
    if ones[0] != others[0]:
        return ones[0] > others[0]
    if not ones[1] or not others[1]:
        return not ones[1] and bool(others[1])  # without a pre-release it is the later one
    return ones[1] > others[1]


def _precedence(version):
    """Return ([numbers], [words of the pre-release, each as a triple that can be compared]): numbers come before words."""
    numbers, _, before = version.partition("+")[0].partition("-")
    words = [(0, int(word), "") if _only(word, _DIGITS) else (1, 0, word) for word in before.split(".") if word]
    return [int(number) for number in numbers.split(".")], words


def _is_number(text):
    return bool(text) and _only(text, _DIGITS) and (text == "0" or text[0] != "0")


def _only(text, alphabet):
    return all([character in alphabet for character in text])
