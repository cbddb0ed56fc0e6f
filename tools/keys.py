"""`python3 -m tools keys NAME`: makes a signing key for releases, reports how much of it is left, and mends a restored one.

The key is LMS with SHA-256/192, height 10, W4 (a parameter set of SP 800-208): 1 024 signatures. What its files are:

NAME.prv   the secret. One copy, on one machine: it changes with each signature, so a copy of it is not a backup but a
           second signer. To have a spare, make a second key and put both public keys into the firmware.
NAME.pub   the public key, 52 bytes, for the firmware; `hsslms` and other programs read it as well.
NAME.used  the log: a line for each index used. Keep it under version control, apart from the secret: together with an
           old secret it reveals a restored backup. Restoring both to an old state defeats it.
NAME.lock  empty; locked while a process signs.

The secret is not in the format of pyhsslms: that program advances it after the signature, and this must not happen here.
"""

import contextlib
import secrets
from collections import namedtuple
from pathlib import Path

from tools import Failure
from tools.common import arguments
from tools.common.environment import ROOT
from tools.common.key_file import ONE_TIME, TREES, KeyFile, Secret, alone, capacity

SIMULATORS = ROOT / "build" / "keys"
_LEAST_LEFT = 64  # a simulator's key with less is made anew: its firmware is built each time
_WAIT_S = 60

# release, spare: names of keys (paths without a suffix), as `sign` takes them
Pair = namedtuple("Pair", ("release", "spare"))


def peer():
    """Return the module of pyhsslms that makes trees and signatures. Raise Failure when it is not installed."""
    try:
        from pyhsslms import pyhsslms
    except ImportError:
        raise Failure("pyhsslms is missing; delete .venv and try again")
    return pyhsslms


def tree(secret):
    """Return the key of pyhsslms with all its leaves: 0.6 s for height 10, twice as long for each step more."""
    types = secret.tree.to_bytes(4, "big"), secret.one_time.to_bytes(4, "big")
    return peer().LmsPrivateKey(*types, SEED=secret.seed, I=secret.ident)


def public(made):
    """Return the public key (bytes) of a `tree`: HSS of one level, as RFC 8554 §6.1 writes it."""
    return b"\0\0\0\1" + made.publicKey().serialize()


def make(name, height=10, disk=None):
    """Return the KeyFile of a new key. Raise Failure when the name is taken or the folder cannot be written."""
    key = KeyFile(name, disk)
    if key.name.is_dir():
        raise Failure(f"{key.name} is a folder; {key.name / 'release'} would be a key in it")
    secret = Secret(TREES[height], ONE_TIME, secrets.token_bytes(24), secrets.token_bytes(16), 0)
    try:
        key.name.parent.mkdir(parents=True, exist_ok=True)
        with key.alone(0):
            key.make(secret, public(tree(secret)))
    except OSError as fault:
        raise Failure(f"{key.name}: {fault.strerror or fault}")
    return key


def simulators(folder=SIMULATORS):
    """Return the Pair of keys of the simulator and of tests, made at first use: for nothing that a person wears.

    Both are made anew when they are nearly spent, or were left half made: ask each time, and build with the result.
    """
    pair = Pair(folder / "sim-release", folder / "sim-spare")
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder / "sim.lock", _WAIT_S):
        for name in pair:
            if left(name) < _LEAST_LEFT:
                for suffix in (".prv", ".pub", ".used"):
                    with contextlib.suppress(FileNotFoundError):
                        Path(f"{name}{suffix}").unlink()
                make(name)
    return pair


def left(name):
    """Return how many signatures the key can still make; 0 also for one that is missing, damaged or refused."""
    try:
        secret, _ = KeyFile(name).check()
    except Failure:
        return 0
    return capacity(secret.tree) - secret.next


def _show(key):
    """Print the state of the key; the secret is not needed, so the log alone can be checked."""
    words, used = key.public(), key.used()
    tree_type = int.from_bytes(words[4:8], "big")
    if tree_type not in TREES.values():
        raise Failure(f"{key.path('.pub')} is not a key of this tool")
    print(f"key {words[12:28].hex()}: LMS SHA-256/192 W4, {capacity(tree_type)} signatures")
    print(f"log: {len(used)} lines, last index {used[-1] if used else 'none'}")
    if key.exists():
        secret, _ = key.check()
        print(f"next index {secret.next}, {capacity(tree_type) - secret.next} left")


def main(argv):
    """Return 0. Raise Failure when the key is refused."""
    parser = arguments.Parser(prog="python3 -m tools keys", description="Makes a key that signs releases.")
    parser.add_argument("name", type=arguments.key, metavar="NAME", help="path of the key, without a suffix")
    parser.add_argument(
        "--height", type=arguments.number(0, 99), choices=sorted(TREES), default=10, help="2^HEIGHT signatures; 10"
    )
    parser.add_argument("--show", action="store_true", help="tell what is left, and check the log")
    parser.add_argument(
        "--skip-to",
        type=arguments.whole,
        metavar="INDEX",
        help="go on at INDEX, after a backup was restored",
    )
    options = parser.parse_args(argv)
    key = KeyFile(options.name)
    if options.skip_to is not None:
        try:
            with key.alone(0):
                key.skip_to(options.skip_to)
        except OSError as fault:
            raise Failure(f"{key.name}: {fault.strerror or fault}")
    elif not options.show:
        key = make(options.name, options.height)
        print(
            f"{key.path('.prv')} is the secret: keep it on this machine alone. {key.path('.used')} belongs into the repository."
        )
    _show(key)
    return 0
