"""`keys` and `sign` as a person meets them: what they write, what they refuse, and in which words."""

import hashlib
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT, peer_module

from lib import lms_verify
from tools import Failure, keys, sign
from tools.common.key_file import KeyFile

pytestmark = pytest.mark.peer("pyhsslms")


@pytest.fixture
def name(tmp_path):
    """A new key of 32 signatures, as its path without a suffix."""
    peer_module("pyhsslms")
    return keys.make(tmp_path / "release", 5).name


def _index(signature):
    return int.from_bytes(signature[4:8], "big")


def _refused(words, name, message=b"m"):
    before = KeyFile(name).disk.read(name.with_suffix(".prv"))
    with pytest.raises(Failure, match=words):
        sign.sign(name, message, wait_s=0)
    assert KeyFile(name).disk.read(name.with_suffix(".prv")) == before


def test_a_key_for_releases(tmp_path, capsys):
    name = tmp_path / "keys" / "release"
    assert keys.main([str(name)]) == 0
    public = name.with_suffix(".pub").read_bytes()
    assert len(public) == 52
    assert public[:12].hex() == "000000010000000b00000007"  # one level, LMS_SHA256_M24_H10, LMOTS_SHA256_N24_W4
    assert "next index 0, 1024 left" in capsys.readouterr().out
    signature = sign.sign(name, b"manifest")
    assert len(signature) == 1504
    assert lms_verify.verify(public, signature, b"manifest")
    if os.name != "nt":
        assert stat.S_IMODE(name.with_suffix(".prv").stat().st_mode) == 0o600


def test_a_signature_is_good_for_the_peer_too(name):
    from pyhsslms import pyhsslms as peer

    signature = sign.sign(name, b"manifest")
    assert peer.HssPublicKey.deserialize(name.with_suffix(".pub").read_bytes()).verify(b"manifest", signature)


def test_each_signature_has_its_own_index_and_a_line_in_the_log(name):
    signatures = [sign.sign(name, b"same") for _ in range(3)]
    assert [_index(signature) for signature in signatures] == [0, 1, 2]
    head, *lines = name.with_suffix(".used").read_text().splitlines()
    assert head == "key " + name.with_suffix(".pub").read_bytes()[12:28].hex()
    digest = hashlib.sha256(b"same").hexdigest()
    assert [line.split()[:2] for line in lines] == [["0000000", digest], ["0000001", digest], ["0000002", digest]]


def test_the_log_survives_an_editor_that_writes_crlf(name):
    sign.sign(name, b"m")
    log = name.with_suffix(".used")
    log.write_bytes(log.read_bytes().replace(b"\n", b"\r\n"))
    assert _index(sign.sign(name, b"m")) == 1
    assert KeyFile(name).used() == [0, 1]


def test_a_file_is_signed_once_and_again_only_when_told(name, tmp_path, capsys):
    file = tmp_path / "manifest.json"
    file.write_bytes(b"{}\n")
    assert sign.main([str(file), "--key", str(name)]) == 0
    first = (tmp_path / "manifest.json.sig").read_bytes()
    assert capsys.readouterr().out.strip() == str(file) + ".sig"
    assert lms_verify.verify(name.with_suffix(".pub").read_bytes(), first, b"{}\n")
    sign.main([str(file), "--key", str(name)])
    assert (tmp_path / "manifest.json.sig").read_bytes() == first
    assert KeyFile(name).used() == [0]  # nothing was used up for what was signed already
    file.write_bytes(b"{1}\n")
    with pytest.raises(Failure, match="not this key's signature of this file; --force"):
        sign.main([str(file), "--key", str(name)])
    sign.main([str(file), "--key", str(name), "--force"])
    assert _index((tmp_path / "manifest.json.sig").read_bytes()) == 1
    with pytest.raises(Failure, match="No such file"):
        sign.main([str(tmp_path / "none"), "--key", str(name)])


def test_a_key_is_never_replaced(name):
    before = name.with_suffix(".prv").read_bytes()
    with pytest.raises(Failure, match=r"release.prv exists; a key is never replaced"):
        keys.make(name, 5)
    name.with_suffix(".prv").unlink()
    with pytest.raises(Failure, match=r"release.pub exists"):
        keys.make(name, 5)
    assert not name.with_suffix(".prv").exists()
    assert before


def test_a_restored_backup_is_refused_and_goes_on_behind_the_log(name):
    backup = name.with_suffix(".prv").read_bytes()
    given = [_index(sign.sign(name, b"m")) for _ in range(3)]
    name.with_suffix(".prv").write_bytes(backup)
    _refused("older than its log .next index 0, but 2 is used.: a restored backup.*--skip-to 3", name)
    for wrong in (-1, 0, 2, 33):
        with pytest.raises(Failure, match="cannot be the next index: it is 3 to 32"):
            keys.main([str(name), "--skip-to", str(wrong)])
    keys.main([str(name), "--skip-to", "7"])
    given.append(_index(sign.sign(name, b"m")))
    assert given == [0, 1, 2, 7]
    assert KeyFile(name).used() == [0, 1, 2, 6, 7]
    keys.main([str(name), "--skip-to", "8"])  # where it stands already
    assert _index(sign.sign(name, b"m")) == 8


def test_a_spent_key_is_refused(name, capsys):
    keys.main([str(name), "--skip-to", "31"])
    assert "next index 31, 1 left" in capsys.readouterr().out
    assert _index(sign.sign(name, b"m")) == 31
    _refused("has made all its 32 signatures; make a new key", name)
    assert keys.left(name) == 0


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda log: b"", "is the log of another key"),
        (lambda log: b"key " + b"0" * 32 + log[36:], "is the log of another key"),
        (lambda log: log + log.splitlines(keepends=True)[-1], "index 1 was used twice or out of turn"),
        (lambda log: log.replace(b"0000001 ", b"0000000 "), "index 0 was used twice or out of turn"),
        (lambda log: log[:40] + b"\n" + log[40:], "is damaged"),
        (lambda log: log.replace(b"0000000 ", b"       "), "is damaged"),
        (lambda log: log + b"0000009 " + b"a" * 64 + b" 2026-11-21T12:00:00Z\n", "older than its log"),
        (lambda log: log + b"<<<<<<< HEAD\n", "is damaged"),
        (lambda log: None, "is missing: nobody can tell"),
    ],
)
def test_a_log_that_is_not_whole_is_refused(name, spoil, words):
    sign.sign(name, b"m")
    sign.sign(name, b"m")
    log = name.with_suffix(".used")
    spoilt = spoil(log.read_bytes())
    if spoilt is None:
        log.unlink()
    else:
        log.write_bytes(spoilt)
    _refused(words, name)


def test_a_secret_that_is_not_whole_is_refused(name):
    secret = name.with_suffix(".prv")
    whole = secret.read_bytes()
    for spoilt in (
        b"",
        b"{}",
        b"[]",
        whole[:-20],
        whole.replace(b'"next": 0', b'"next": 1'),
        whole.replace(b"a", b"b"),
        b"\xff",
    ):
        secret.write_bytes(spoilt)
        _refused("release.prv is damaged", name)
    secret.unlink()
    _refused("there is no key", name)
    with pytest.raises(Failure, match="there is no key"):
        sign.sign(name.parent / "nowhere" / "key", b"m")


def test_a_public_key_of_another_is_refused(name, tmp_path):
    other = keys.make(tmp_path / "other", 5)
    mixed = other.public()[:28] + b"\0" * 24
    name.with_suffix(".pub").write_bytes(KeyFile(name).public()[:28] + mixed[28:])
    _refused("is not the public key of", name)
    name.with_suffix(".pub").write_bytes(other.public())
    _refused("is the log of another key", name)
    name.with_suffix(".pub").unlink()
    _refused("is missing", name)


def test_whoever_has_the_log_alone_can_check_it(name, capsys):
    sign.sign(name, b"m")
    name.with_suffix(".prv").unlink()
    keys.main([str(name), "--show"])
    out = capsys.readouterr().out
    assert "LMS SHA-256/192 W4, 32 signatures" in out
    assert "log: 1 lines, last index 0" in out
    assert "left" not in out


def test_all_files_put_back_are_refused_by_the_process_that_has_signed(name):
    """Secret and log both old: no file can tell. The process that made the signature still can."""
    before = {suffix: name.with_suffix(suffix).read_bytes() for suffix in (".prv", ".used")}
    sign.sign(name, b"m")
    for suffix, content in before.items():
        name.with_suffix(suffix).write_bytes(content)
    with pytest.raises(Failure, match="index 0 was used by this very process"):
        sign.sign(name, b"other")


def test_a_signature_that_the_device_would_refuse_is_not_given_out(name):
    made = sign._tree(KeyFile(name).secret())
    made._nodes[33] = bytes(24)  # a bit of this machine's memory fell over
    with pytest.raises(Failure, match="does not verify and was thrown away"):
        sign.sign(name, b"m")
    assert KeyFile(name).used() == [0]


def test_one_signs_at_a_time(name):
    with KeyFile(name).alone(0):
        _refused("somebody else holds .*release just now", name)
    assert _index(sign.sign(name, b"m")) == 0


def test_another_process_holds_the_key(name):
    program = (
        "import sys; from tools.common.key_file import KeyFile\n"
        "with KeyFile(sys.argv[1]).alone(0):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.read()\n"
    )
    command = [sys.executable, "-c", program, str(name)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        _refused("somebody else holds", name)
        holder.kill()
    assert _index(sign.sign(name, b"m", wait_s=0)) == 0


def test_many_signers_at_once_wait_for_each_other(name):
    with ThreadPoolExecutor(8) as pool:
        signatures = list(pool.map(lambda number: sign.sign(name, b"%d" % number, wait_s=60), range(24)))
    assert sorted(map(_index, signatures)) == list(range(24))
    public = KeyFile(name).public()
    assert all(lms_verify.verify(public, signature, b"%d" % number) for number, signature in enumerate(signatures))


def test_a_disk_that_refuses_signs_nothing(name):
    class Full(type(KeyFile(name).disk)):
        def append(self, path, content):
            raise OSError(28, "No space left on device")

    with pytest.raises(Failure, match="No space left on device; nothing was signed"):
        sign.sign(name, b"m", disk=Full())
    assert _index(sign.sign(name, b"m")) == 1  # 0 is lost
    assert KeyFile(name).used() == [1]


def test_the_keys_of_the_simulator_are_made_once_and_anew_when_nearly_spent(tmp_path):
    pair = keys.simulators(tmp_path)
    assert pair == (tmp_path / "sim-release", tmp_path / "sim-spare")
    publics = [KeyFile(key).public() for key in pair]
    assert publics[0] != publics[1]
    assert keys.simulators(tmp_path) == pair
    assert [KeyFile(key).public() for key in pair] == publics
    assert lms_verify.verify(publics[1], sign.sign(pair.spare, b"m"), b"m")
    KeyFile(pair.release).skip_to(1000)
    keys.simulators(tmp_path)
    assert KeyFile(pair.release).public() != publics[0]
    assert KeyFile(pair.spare).public() == publics[1]
    assert keys.left(pair.release) == 1024
