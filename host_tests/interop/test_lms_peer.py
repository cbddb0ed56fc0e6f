"""lib/lms_verify.py against pyhsslms, which no one here wrote: it signs, ours verifies; and whatever is changed, ours refuses."""

import functools
import random

import pytest
from conftest import peer_module
from hypothesis import given, settings
from hypothesis import strategies as st

from host_tests.unit import lms_vectors
from lib import lms_verify

pytestmark = pytest.mark.peer("pyhsslms")

ONE_TIME = [f"lmots_sha256_n{n}_w{w}" for n in (24, 32) for w in (1, 2, 4, 8)]
KEY, MESSAGE, SIGNATURE = lms_vectors.RELEASE


@functools.cache
def _peer():
    peer_module("pyhsslms")
    import pyhsslms.pyhsslms as peer

    return peer


@functools.cache
def _key(one_time, tree, levels=1):
    peer = _peer()
    return peer.HssPrivateKey(levels=levels, lms_type=getattr(peer, tree), lmots_type=getattr(peer, one_time))


def _signed(message, one_time="lmots_sha256_n24_w4", tree="lms_sha256_m24_h5", levels=1):
    """(public key, signature) of the peer; a new key when the old one has signed 32 times."""
    key = _key(one_time, tree, levels)
    if key.is_exhausted():
        _key.cache_clear()
        key = _key(one_time, tree, levels)
    return key.publicKey().serialize(), key.sign(message)


@pytest.mark.parametrize("one_time", ONE_TIME)
def test_what_the_peer_signs_holds_with_every_set(one_time):
    tree = f"lms_sha256_m{one_time[14:16]}_h5"
    key, signature = _signed(b"version 0.2.0", one_time, tree)
    assert lms_verify.verify(key, signature, b"version 0.2.0")
    assert lms_verify.verify(key[4:], signature[4:], b"version 0.2.0")
    assert not lms_verify.verify(key, signature, b"version 0.3.0")


@pytest.mark.parametrize("levels", [2, 3, 8])
def test_what_the_peer_signs_over_several_levels_holds(levels):
    for message in (b"", b"one", bytes(2048)):
        key, signature = _signed(message, levels=levels)
        assert lms_verify.verify(key, signature, message)
        assert not lms_verify.verify(key, signature, message + b"\0")
    # a level below that another key has signed
    other_key, other = _signed(b"one", levels=levels)
    _, signature = _signed(b"one", levels=levels)
    middle = len(signature) // 2
    assert other_key == key
    assert not lms_verify.verify(key, signature[:middle] + bytes(8) + signature[middle + 8 :], b"one")
    assert lms_verify.verify(key, other, b"one")


def test_all_32_leaves_hold_and_none_holds_for_another_message():
    peer = _peer()
    key = peer.HssPrivateKey(levels=1, lms_type=peer.lms_sha256_m24_h5, lmots_type=peer.lmots_sha256_n24_w4)
    public = key.publicKey().serialize()
    signatures = [key.sign(b"message %d" % number) for number in range(32)]
    for number, signature in enumerate(signatures):
        assert signature[4:8] == number.to_bytes(4, "big")
        assert lms_verify.verify(public, signature, b"message %d" % number)
        assert not lms_verify.verify(public, signature, b"message %d" % (number + 1))


def test_shake_is_refused():
    key, signature = _signed(b"m", "lmots_shake_n24_w4", "lms_shake_m24_h5")
    assert not lms_verify.verify(key, signature, b"m")


def test_a_hash_for_leaves_other_than_for_the_tree_is_refused():
    key, signature = _signed(b"m", "lmots_sha256_n32_w4", "lms_sha256_m24_h5")
    assert not lms_verify.verify(key, signature, b"m")


def test_the_vector_of_a_release_is_the_peers(monkeypatch):
    peer = _peer()
    monkeypatch.setattr(peer, "randBytes", lambda size: bytes(range(0x60, 0x60 + size)))
    key = peer.LmsPrivateKey(
        peer.lms_sha256_m24_h10, peer.lmots_sha256_n24_w4, SEED=bytes(range(24)), I=bytes(range(0x30, 0x40)), q=517
    )
    assert b"\0\0\0\1" + key.publicKey().serialize() == KEY
    assert b"\0\0\0\0" + key.sign(MESSAGE) == SIGNATURE


def _peer_holds(key, signature, message):
    """The peer's verdict; its exceptions are a refusal."""
    try:
        return _peer().HssPublicKey.deserialize(key).verify(message, signature)
    except (ValueError, IndexError, TypeError):
        return False


def test_two_thousand_mutations_and_the_peers_verdict():
    """Flips, cuts, insertions, exchanges in signature, key and message: never accepted, never an exception."""
    rng = random.Random(208)
    key, signature = _signed(MESSAGE)
    for turn in range(2500):
        parts = [key, signature, MESSAGE]
        which = rng.choice((0, 1, 1, 1, 2))
        whole = parts[which]
        at = rng.randrange(len(whole))
        parts[which] = rng.choice(
            (
                whole[:at] + bytes([whole[at] ^ 1 << rng.randrange(8)]) + whole[at + 1 :],
                whole[:at],
                whole[:at] + rng.randbytes(rng.randrange(1, 30)) + whole[at:],
                whole + rng.randbytes(rng.randrange(1, 30)),
                whole[:at] + rng.randbytes(len(whole) - at),
                whole[:at] + whole[at + 24 :],
            )
        )
        if parts[which] == whole:
            continue
        assert lms_verify.verify(*parts) is False, turn
        if turn % 25 == 0 and len(parts[0]) == len(key) and len(parts[1]) == len(signature):
            assert _peer_holds(*parts) is False, turn


_WORDS = st.integers(0, 20).map(lambda number: number.to_bytes(4, "big"))
_PIECES = st.lists(
    st.one_of(
        st.binary(max_size=60),
        _WORDS,
        st.sampled_from([KEY, KEY[4:], SIGNATURE, SIGNATURE[:8], SIGNATURE[:1260], SIGNATURE[1260:], MESSAGE]),
        st.sampled_from([lms_vectors.RFC_8554_1[0], lms_vectors.RFC_8554_1[2][:1300], lms_vectors.RFC_9858_1[2]]),
    ),
    max_size=8,
).map(b"".join)


@settings(max_examples=500, deadline=None)
@given(_PIECES, _PIECES, _PIECES)
def test_pieces_of_signatures_in_any_order(key, signature, message):
    held = lms_verify.verify(key, signature, message)
    if held:  # the search may find the one true order
        assert (key, signature) in ((KEY, SIGNATURE), (KEY[4:], SIGNATURE[4:]))
        assert message == MESSAGE


@settings(max_examples=500, deadline=None)
@given(st.integers(0, len(SIGNATURE) - 1), st.binary(min_size=1, max_size=40))
def test_any_bytes_anywhere_in_a_signature(at, noise):
    spoilt = SIGNATURE[:at] + noise + SIGNATURE[at + len(noise) :]
    assert lms_verify.verify(KEY, spoilt, MESSAGE) is (spoilt == SIGNATURE)
    inserted = SIGNATURE[:at] + noise + SIGNATURE[at:]
    assert lms_verify.verify(KEY, inserted, MESSAGE) is False


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([KEY, KEY[4:]]), st.binary(max_size=1600), st.binary(max_size=60))
def test_noise_is_no_signature(key, noise, message):
    assert lms_verify.verify(key, noise, message) is False
    assert lms_verify.verify(noise[:60], SIGNATURE, message) is False
