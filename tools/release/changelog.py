"""CHANGELOG.md: an entry for each version, made of the commits since the last one, and a person's own from then on. No I/O."""

import re

NAME = "CHANGELOG.md"
_HEAD = """# What is new

Newest first. `python3 -m tools release` begins an entry with the commits since the last version, by place; from then on it is
for people to write: what stands under a version is never replaced.
"""
_TITLE = re.compile(r"^## (\S+)(.*)$", re.MULTILINE)
_COMMIT = re.compile(r"^Made of commit ([0-9a-f]{7,64})\.$", re.MULTILINE)
_PLACE = re.compile(r"([\w./, -]{1,40}): (\S.*)", re.DOTALL)
_OTHER = "other"


def entry(version, date, commit, subjects):
    """Return the text of a new entry: `subjects` are first lines of commits, "place: Sentence."; those without a place are last."""
    places = {}
    for subject in subjects:
        found = _PLACE.fullmatch(subject)
        place, words = found.groups() if found else (_OTHER, subject)
        places.setdefault(place, []).append(words)
    lines = [f"## {version} ({date})", "", f"Made of commit {commit[:12]}."]
    for place in sorted(places, key=lambda place: (place == _OTHER, place)):
        lines += ["", f"### {place}", ""]
        lines += [f"- {_plain(words)}" for words in places[place]]
    return "\n".join(lines) + "\n"


def _plain(words):
    """Return the words as Markdown shows them: text of a commit is no mark-up, but for `code`."""
    pieces = words.split("`")
    if len(pieces) % 2 == 0:
        pieces = ["'".join(pieces)]
    for number in range(0, len(pieces), 2):
        pieces[number] = re.sub(r"([\\*_<\[])", r"\\\1", pieces[number])
    return "`".join(pieces)


def with_entry(text, new):
    """Return the whole file `text` (may be empty) with the entry `new` in front of the others."""
    text = text or _HEAD
    first = _TITLE.search(text)
    at = first.start() if first else len(text)
    head = text[:at].rstrip("\n") + "\n\n"
    rest = text[at:]
    return head + new + ("\n" + rest if rest else "")


def entry_of(text, version):
    """Return the entry of that version, without empty lines behind it; None when the file has none."""
    titles = list(_TITLE.finditer(text))
    for number, title in enumerate(titles):
        if title[1] == version:
            end = titles[number + 1].start() if number + 1 < len(titles) else len(text)
            return text[title.start() : end].rstrip() + "\n"
    return None


def last_commit(text):
    """Return the commit that the newest entry was made of; None when it names none."""
    title = _TITLE.search(text)
    found = _COMMIT.search(entry_of(text, title[1])) if title else None
    return found[1] if found else None
