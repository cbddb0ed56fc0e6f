"""Which piece of a new image is like which place of an old one, byte for byte or nearly. No I/O.

Matches of some bytes are found by a table of the old image's pieces, and grow to both sides, as far as most bytes agree: in a
linked image thousands of pointers differ by the same where something before them has grown.
"""

from collections import namedtuple

_SEED = 16  # bytes that two places must share before they are compared further
_MOST_PLACES = 8  # where the same seed is looked at
_BETTER = 8  # so many more bytes must be the same at another place before it is taken
_SHORT = 256  # bytes between two matches with the same shift that are taken for alike
_FAR = 400  # so much worse than at its best, a match grows no further
_LOOK = 64  # bytes that are compared at once

# new[start:end] is, but for differences, old[start + shift:end + shift]; where shift is None it is like nothing
Piece = namedtuple("Piece", ("start", "end", "shift"))


def pieces(old, new):
    """Return the Pieces of the new image, in their order."""
    found = []
    at, shift = 0, None
    for match in [*_matches(old, new), Piece(len(new), len(new), None)]:
        found += _between(old, new, Piece(at, match.start, shift), match.shift)
        found.append(match)
        at, shift = match.end, match.shift
    return _joined(found)


def _matches(old, new):
    """Return Pieces that are the same byte for byte, in their order; a new place only where it is better than the last one's."""
    places = _places(old)
    found = []
    at = end = shift = 0
    while at + _SEED <= len(new):
        seed = new[at : at + _SEED]
        if at + shift >= 0 and old[at + shift : at + shift + _SEED] == seed:
            end = at + _same_ahead(old, new, at, shift)
            found.append(Piece(at, end, shift))
            at = end
            continue
        best = max((_match(old, new, at, place - at, end) for place in places.get(seed, ())), default=None, key=_size)
        if best is None:
            at += 1
            continue
        if _size(best) - _same(old, new, best, shift) >= _BETTER:
            found.append(best)
            shift = best.shift
        at = end = best.end
    return found


def _places(old):
    """Return {seed: its places} of the old image, of every _SEED-th byte. Where all bytes are equal nothing is to be found."""
    places = {}
    for at in range(0, len(old) - _SEED + 1, _SEED):
        seed = old[at : at + _SEED]
        if seed.count(seed[0]) < _SEED:
            found = places.setdefault(seed, [])
            if len(found) < _MOST_PLACES:
                found.append(at)
    return places


def _size(piece):
    return piece.end - piece.start


def _match(old, new, at, shift, least):
    """Return the longest Piece around `at` with that shift that is the same in both, from `least` on."""
    start = at
    while start > least and start + shift > 0 and old[start + shift - 1] == new[start - 1]:
        start -= 1
    return Piece(start, at + _same_ahead(old, new, at, shift), shift)


def _same_ahead(old, new, at, shift):
    """Return how many bytes from `at` on are the same with that shift."""
    most = min(len(new) - at, len(old) - at - shift)
    many = 0
    step = _LOOK
    while many < most:
        step = min(step, most - many)
        here = at + many
        if new[here : here + step] == old[here + shift : here + shift + step]:
            many += step
            step *= 2
        elif step == 1:
            break
        else:
            step = max(1, step // 4)
    return many


def _same(old, new, piece, shift):
    """Return how many bytes of a piece of the new image are the same with that shift."""
    ours = new[piece.start : piece.end]
    there = max(0, piece.start + shift)
    others = old[there : max(0, piece.end + shift)]
    return sum(map(int.__eq__, ours[there - piece.start - shift :], others))


def _between(old, new, gap, shift):
    """Return Pieces for the gap between two matches: like the one before (`gap.shift`), new, like the one behind."""
    most = _size(gap)
    if gap.shift == shift and most <= _SHORT:
        return [gap]
    before = _alike(old, new, gap.start, gap.shift, 1, most)
    behind = _alike(old, new, gap.end - 1, shift, -1, most)
    if before + behind > most:
        before = _cut(old, new, gap, shift, most - behind, before)
        behind = most - before
    middle = gap.start + before, gap.end - behind
    cut = Piece(gap.start, middle[0], gap.shift), Piece(*middle, None), Piece(middle[1], gap.end, shift)
    return [piece for piece in cut if _size(piece)]


def _alike(old, new, at, shift, step, most):
    """Return how many bytes from `at` on, forwards or backwards, are rather the same than not with that shift."""
    if shift is None:
        return 0
    most = min(most, len(old) - at - shift if step > 0 else at + shift + 1)
    score = best = many = 0
    for number in range(most):
        score += 1 if new[at] == old[at + shift] else -1
        at += step
        if score > best:
            best, many = score, number + 1
        elif score < best - _FAR:
            break
    return many


def _cut(old, new, gap, shift, first, last):
    """Return how many bytes of a gap, `first` to `last`, are better aligned with the match before than with the one behind."""
    score = best = 0
    cut = first
    for number in range(first, last):
        at = gap.start + number
        score += (new[at] == old[at + gap.shift]) - (new[at] == old[at + shift])
        if score > best:
            best, cut = score, number + 1
    return cut


def _joined(found):
    """Return the pieces that are not empty; neighbours with the same shift are one."""
    joined = []
    for piece in found:
        if joined and joined[-1].shift == piece.shift:
            joined[-1] = joined[-1]._replace(end=piece.end)
        elif _size(piece):
            joined.append(piece)
    return joined
