"""How much memory there is, in figures and in words."""

from lib import heap


def test_the_figures_are_those_of_both_heaps():
    used, free, idf, largest = heap.figures()
    assert used >= 0 and free > 0 and idf > largest > 0


def test_the_words_hold_the_figures():
    words = heap.words()
    _, _, idf, largest = heap.figures()
    assert words.startswith("heap ") and words.endswith("; IDF %d free, largest %d" % (idf, largest))
