"""lib/lms_verify.py: published signatures hold, nothing else does, and how many hashes a release costs."""

import random
from struct import pack

from host_tests.unit.lms_vectors import RELEASE, RFC_8554_1, RFC_8554_2, RFC_9858_1, RFC_9858_4
from lib import lms_verify

ALL = (RFC_8554_1, RFC_8554_2, RFC_9858_1, RFC_9858_4, RELEASE)
KEY, MESSAGE, SIGNATURE = RELEASE


def _holds(vector):
    return lms_verify.verify(vector[0], vector[2], vector[1])


def _hashes(vector):
    """How often SHA-256 is begun while that signature is verified."""
    counted = [0]
    real = lms_verify.sha256

    def counting(data):
        counted[0] += 1
        return real(data)

    lms_verify.sha256 = counting
    try:
        assert _holds(vector)
    finally:
        lms_verify.sha256 = real
    return counted[0]


def _flipped(data, at, bit=0):
    changed = bytearray(data)
    changed[at] ^= 1 << bit
    return bytes(changed)


def _bare(vector):
    """An HSS key and signature of one level without the level's number: LMS."""
    return vector[0][4:], vector[1], vector[2][4:]


def test_the_examples_of_rfc_8554_hold():
    assert _holds(RFC_8554_1)
    assert _holds(RFC_8554_2)


def test_the_examples_of_the_sets_of_sp_800_208_hold():
    assert _holds(RFC_9858_1)
    assert _holds(RFC_9858_4)
    assert _holds(RELEASE)


def test_a_bare_lms_key_is_told_from_an_hss_key():
    for vector in (RFC_9858_1, RFC_9858_4, RELEASE):
        assert _holds(_bare(vector))
        assert not lms_verify.verify(vector[0], vector[2][4:], vector[1])
        assert not lms_verify.verify(vector[0][4:], vector[2], vector[1])


def test_a_level_of_hss_holds_as_lms():
    # level 0 of test case 1: the root signs the key of the level below, whole
    key, _, signature = RFC_8554_1
    end = 4 + 12 + 32 * (1 + 34 + 5)
    below = signature[end : end + 56]
    assert lms_verify.verify(key[4:], signature[4:end], below)
    assert not lms_verify.verify(key[4:], signature[4:end], below[:-1])
    assert not lms_verify.verify(below, signature[4:end], below)


def test_bytearrays_are_as_good_as_bytes():
    for key, message, signature in ALL:
        assert lms_verify.verify(bytearray(key), bytearray(signature), bytearray(message))
        assert not lms_verify.verify(bytearray(key), bytearray(signature), bytearray(message + b"\n"))


def test_what_is_no_bytes_is_no_signature():
    for wrong in (None, "", "text", 0, 1504, [], (1, 2), {}):
        assert lms_verify.verify(wrong, SIGNATURE, MESSAGE) is False
        assert lms_verify.verify(KEY, wrong, MESSAGE) is False
        assert lms_verify.verify(KEY, SIGNATURE, wrong) is False
    assert lms_verify.verify(b"", b"", b"") is False


def test_a_signature_is_for_one_key_and_one_message():
    for one in ALL:
        for other in ALL:
            if one is not other:
                assert not lms_verify.verify(other[0], one[2], one[1])
                assert not lms_verify.verify(one[0], one[2], other[1])
                assert not lms_verify.verify(one[0], other[2], one[1])


def test_nothing_behind_and_nothing_missing():
    for key, message, signature in ALL:
        for size in (0, 1, 3, 4, 5, 8, 11, 12, len(signature) // 2, len(signature) - 24, len(signature) - 1):
            assert not lms_verify.verify(key, signature[:size], message)
        assert not lms_verify.verify(key, signature + b"\0", message)
        assert not lms_verify.verify(key, signature + signature, message)
        for size in range(len(key)):
            assert not lms_verify.verify(key[:size], signature, message)
        assert not lms_verify.verify(key + b"\0", signature, message)
        assert not lms_verify.verify(key + bytes(4), signature, message)


def test_the_leaf_is_one_of_the_tree():
    # 1541 is 517 with the bit of 1024 set: the same path, were it not for the height
    assert SIGNATURE[4:8] == pack("!I", 517)
    for leaf in (516, 518, 517 + 1024, 517 + (1 << 31), 0xFFFFFFFF):
        assert not lms_verify.verify(KEY, SIGNATURE[:4] + pack("!I", leaf) + SIGNATURE[8:], MESSAGE)


def test_types_are_the_keys_own():
    """Another type in the key or in the signature: weaker digits, a lower tree, SHAKE, a type that nobody has."""
    tree_at = 4 + 8 + 24 * 52
    assert SIGNATURE[8:12] == pack("!I", 7) and SIGNATURE[tree_at : tree_at + 4] == pack("!I", 11)
    for number in list(range(32)) + [0x80000007, 0xFFFFFFFF]:
        word = pack("!I", number)
        if number != 7:
            assert not lms_verify.verify(KEY, SIGNATURE[:8] + word + SIGNATURE[12:], MESSAGE)
            assert not lms_verify.verify(KEY[:8] + word + KEY[12:], SIGNATURE, MESSAGE)
            assert not lms_verify.verify(
                KEY[:8] + word + KEY[12:], SIGNATURE[:8] + word + SIGNATURE[12:], MESSAGE
            )  # both agree, and both are wrong
        if number != 11:
            assert not lms_verify.verify(KEY, SIGNATURE[:tree_at] + word + SIGNATURE[tree_at + 4 :], MESSAGE)
            assert not lms_verify.verify(KEY[:4] + word + KEY[8:], SIGNATURE, MESSAGE)


def test_levels_are_the_keys_own():
    for levels in (0, 2, 3, 8, 9, 255, 0xFFFFFFFF):
        word = pack("!I", levels)
        less = pack("!I", levels - 1 & 0xFFFFFFFF)
        assert not lms_verify.verify(word + KEY[4:], SIGNATURE, MESSAGE)
        assert not lms_verify.verify(word + KEY[4:], less + SIGNATURE[4:], MESSAGE)
        assert not lms_verify.verify(KEY, less + SIGNATURE[4:], MESSAGE)


def test_noise_behind_a_true_head_is_no_level():
    key, message, signature = RFC_8554_1
    end = 4 + 12 + 32 * (1 + 34 + 5)
    assert signature[end : end + 4] == pack("!I", 5)
    for kind in (0, 4, 6, 9, 10, 14, 15, 0xFFFFFFFF):
        assert not lms_verify.verify(key, signature[:end] + pack("!I", kind) + signature[end + 4 :], message)
    for size in range(end - 2, end + 60):
        assert not lms_verify.verify(key, signature[:size], message)


def test_every_byte_of_a_release_counts():
    """One bit of each byte of key, signature and message: 1 594 mutations, none accepted."""
    tried = 0
    for at in range(len(SIGNATURE)):
        assert not lms_verify.verify(KEY, _flipped(SIGNATURE, at, at & 7), MESSAGE), at
        tried += 1
    for at in range(len(KEY)):
        assert not lms_verify.verify(_flipped(KEY, at, at & 7), SIGNATURE, MESSAGE), at
        tried += 1
    for at in range(len(MESSAGE)):
        assert not lms_verify.verify(KEY, SIGNATURE, _flipped(MESSAGE, at, at & 7)), at
        tried += 1
    assert tried == 1504 + 52 + 38


def test_a_thousand_spoilt_ones_of_all_kinds():
    """Bits, bytes, cuts, additions, exchanged parts: none accepted, none raises."""
    random.seed(8554)
    for turn in range(1000):
        vector = list(ALL[3 + turn % 2])
        which = turn % 3
        whole = vector[which]
        at = random.randrange(len(whole))
        kind = random.getrandbits(2)
        if kind == 0:
            spoilt = _flipped(whole, at, random.getrandbits(3))
        elif kind == 1:
            spoilt = whole[:at]
        elif kind == 2:
            spoilt = whole[:at] + bytes([random.getrandbits(8)]) + whole[at:]
        else:
            spoilt = whole[at:] + whole[:at]
        if spoilt == whole:
            continue
        vector[which] = spoilt
        assert not _holds(vector), (turn, which, kind, at)


def test_how_many_hashes_a_release_costs():
    """The message, the chains, the one-time key, the leaf, a node a level: literal counts, each at most 600.

    The chains differ with the message: 403 in all on average for a release's set, above 600 once in 3 * 10**10, never
    above 763 (48 digits of 15 steps, and their checksum).
    """
    assert _hashes(RELEASE) == 418
    assert _hashes(RFC_9858_4) == 458
    assert _hashes(RFC_9858_1) == 3068
    assert _hashes(RFC_8554_1) == 8431
