"""`python3 -m tools sign FILE … --key NAME`: writes FILE.sig, which the device checks before it believes FILE.

The index is used up on disk before the signature exists (`tools/common/key_file.py`); the signature is made by pyhsslms, and
given out only after the device's own `lib/lms_verify.py` has found it good. It is of HSS with one level: 1 504 bytes.
"""

import functools
import hashlib
from pathlib import Path

from lib import lms_verify
from tools import Failure, keys
from tools.common import arguments
from tools.common.key_file import Disk, KeyFile

_WAIT_S = 10  # for another signer


@functools.lru_cache(maxsize=4)
def _tree(secret):
    """Return the tree of a Secret whose index is 0: made once a process, however many files are signed."""
    return keys.tree(secret)


def sign(name, message, wait_s=_WAIT_S, disk=None):
    """Return the signature (bytes) for `message` (bytes) with the key NAME.

    Raise Failure, and sign nothing: another signer holds the key for longer than `wait_s`; the key is spent, older than
    its log, damaged or not that of NAME.pub; its log is missing or wrong; the disk refuses.
    """
    key = KeyFile(name, disk)
    try:
        if not key.exists():
            raise Failure(f"there is no key {key.path('.prv')}")  # before its lock is made
        with key.alone(wait_s):
            return _signed(key, message)
    except OSError as fault:
        raise Failure(f"{key.name}: {fault.strerror or fault}; nothing was signed")


def _signed(key, message):
    secret, _ = key.check()
    made = _tree(secret._replace(next=0))
    if keys.public(made) != key.public():
        raise Failure(f"{key.path('.pub')} is not the public key of {key.path('.prv')}")
    _, made.q = key.claim(hashlib.sha256(message).hexdigest())
    try:
        signature = bytes(4) + made.sign(message)
    except ValueError:  # pyhsslms remembers too, as long as this process lives
        raise Failure(
            f"{key.name}: index {made.q} was used by this very process: its files were put back to an old state"
        )
    if not lms_verify.verify(key.public(), signature, message):
        raise Failure("the signature does not verify and was thrown away; is this machine's memory sound?")
    return signature


def sign_file(path, name, anew=False):
    """Return the path of PATH.sig. One that holds already is kept (no index is used); another is replaced only with `anew`."""
    path = Path(path)
    if not path.name:
        raise Failure(f"{path} is a folder; files are signed")
    target = path.with_name(path.name + ".sig")
    try:
        message = path.read_bytes()
        if target.exists() and not anew:
            if lms_verify.verify(KeyFile(name).public(), target.read_bytes(), message):
                return target
            raise Failure(f"{target} exists, and is not this key's signature of this file; --force replaces it")
        signature = sign(name, message)
        disk, new = Disk(), target.with_name(target.name + ".new")
        disk.write(new, signature)
        disk.sync(new)
        disk.rename(new, target)
    except OSError as fault:
        raise Failure(f"{fault.filename or path}: {fault.strerror or fault}")
    return target


def main(argv):
    """Return 0. Raise Failure at the first file that cannot be signed."""
    parser = arguments.Parser(prog="python3 -m tools sign", description="Signs files; each use counts.")
    parser.add_argument("files", type=arguments.path, nargs="+", metavar="FILE", help="what to sign")
    parser.add_argument(
        "--key", type=arguments.key, required=True, metavar="NAME", help="path of the key, as `keys` made it"
    )
    parser.add_argument("--force", action="store_true", help="replace a FILE.sig that is not this file's")
    options = parser.parse_args(argv)
    for path in options.files:
        print(sign_file(path, options.key, options.force))
    return 0
