"""A signing key on disk: the secret with its next index, the log of used ones, and the order in which both are written.

An LMS key may use each of its indices once: two signatures of one index let others forge signatures. So `claim`
writes first the secret with the index behind it, then the log, both down to the disk, and only then returns the index.
Whatever fails in between loses an index and never gives one twice. Nothing here signs; `tools/sign.py` does.
"""

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
from collections import namedtuple
from pathlib import Path

from tools import Failure
from tools.common.printable import reason

# tree, one_time: types of RFC 8554 and SP 800-208 · ident: I, 16 bytes · next: the lowest index that may still be used
Secret = namedtuple("Secret", ("tree", "one_time", "seed", "ident", "next"))

ONE_TIME = 7  # LMOTS_SHA256_N24_W4
TREES = {5: 10, 10: 11, 15: 12, 20: 13}  # height: LMS_SHA256_M24_H…
_LINE = re.compile(r"(\d{7}) ([0-9a-f]{64}|skipped) \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CUT_SHORT = " cut short"


class Disk:
    """The few things that are done to files, each at once or not at all; a test's Disk fails between any two of them."""

    def read(self, path):
        """Return the content (bytes); None when there is no such file."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path, content, mode=0o666):
        """Write the whole file anew. `mode` is for a new one, where the system knows owners, less the umask."""
        self._put(path, content, os.O_TRUNC, mode)

    def append(self, path, content):
        """Append `content` to the file."""
        self._put(path, content, os.O_APPEND)

    def _put(self, path, content, how, mode=0o666):
        flags = os.O_WRONLY | os.O_CREAT | how | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            file.write(content)

    def sync(self, path):
        """Sync what was written to the file to the disk."""
        with open(path, "r+b") as file:
            os.fsync(file.fileno())

    def rename(self, old, new):
        """Rename in one step; a file called `new` is replaced."""
        os.replace(old, new)

    def sync_folder(self, folder):
        """Sync the names in the folder to the disk. Windows has no such call: its file system's own log does it."""
        if os.name != "nt":
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


@contextlib.contextmanager
def alone(path, wait_s):
    """Yield while no other process holds `path`; raise Failure after `wait_s` seconds. The system frees it when its holder dies.

    SQLite's lock is the one of Python's library that every system has; the file stays, empty.
    """
    connection = None
    try:
        connection = sqlite3.connect(path, timeout=wait_s, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as fault:
        if connection:
            connection.close()
        if "locked" in str(fault):
            raise Failure(
                f"somebody else holds {path.with_suffix('')} just now: one signs at a time; try again after it"
            )
        raise Failure(f"{path} cannot be locked: {fault}")
    try:
        yield
    finally:
        connection.close()


class KeyFile:
    """NAME.prv (the secret), NAME.pub (52 bytes, HSS of one level), NAME.used (the log), NAME.lock."""

    def __init__(self, name, disk=None):
        """Raise Failure when `name` names no file."""
        if str(name)[-1:] in ("", os.sep, os.altsep) or Path(name).name in ("", ".."):
            raise Failure(f"a key has the name of a file, without its suffix; '{name}' is none")
        name = Path(name)
        if name.suffix in (".prv", ".pub", ".used"):
            name = name.with_suffix("")
        self.name = name.absolute()
        self.disk = disk or Disk()

    def path(self, suffix):
        """Return the path of the file with that suffix; a dot in the name stays."""
        return self.name.with_name(self.name.name + suffix)

    def _read(self, suffix):
        """Return what is in the file with that suffix, None when there is none. Raise Failure when it cannot be read."""
        try:
            return self.disk.read(self.path(suffix))
        except OSError as fault:
            raise Failure(reason(fault))

    def alone(self, wait_s):
        """Return a context in which no other process uses this key."""
        return alone(self.path(".lock"), wait_s)

    def make(self, secret, public):
        """Write all files of a new key, the secret last. Raise Failure when one of them exists."""
        taken = [suffix for suffix in (".prv", ".pub", ".used") if self.disk.read(self.path(suffix)) is not None]
        if taken:
            raise Failure(f"{self.path(taken[0])} exists; a key is never replaced: choose another name")
        self._replace(".pub", public)
        self._replace(".used", f"key {secret.ident.hex()}\n".encode())
        self._replace(".prv", _packed(secret))

    def exists(self):
        """Return whether its secret is there, damaged or not."""
        return self._read(".prv") is not None

    def secret(self):
        """Return the Secret. Raise Failure when it is missing or damaged."""
        content = self._read(".prv")
        if content is None:
            raise Failure(f"there is no key {self.path('.prv')}; `python3 -m tools keys {self.name.name}` makes one")
        secret = _unpacked(content)
        if secret is None:
            raise Failure(f"{self.path('.prv')} is damaged; restore it, then see `keys --skip-to`")
        return secret

    def public(self):
        """Return the public key (bytes). Raise Failure when it is missing."""
        content = self._read(".pub")
        if content is None:
            raise Failure(f"{self.path('.pub')} is missing")
        return content

    def used(self):
        """Return the used indices, rising. Raise Failure when the log is missing, damaged, another key's, or has an index twice."""
        path = self.path(".used")
        content = self._read(".used")
        if content is None:
            raise Failure(f"{path} is missing: nobody can tell which indices were used; bring it back")
        head, *lines = content.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        if head != f"key {self.public()[12:28].hex()}":
            raise Failure(f"{path} is the log of another key")
        indices = []
        for line in lines[:-1]:  # the last has no end: it is empty, or was cut short before anything was signed
            found = _LINE.fullmatch(line)
            if found:
                indices.append(int(found[1]))
            elif not line.endswith(_CUT_SHORT):
                raise Failure(f"{path} is damaged: '{line[:40]}'; bring it back from where it is kept")
        for before, after in zip(indices, indices[1:]):
            if after <= before:
                raise Failure(
                    f"{path}: index {after} was used twice or out of turn. Sign nothing more with this key, and take it"
                    " out of the firmware: two signers had it"
                )
        return indices

    def check(self):
        """Return (Secret, used indices) of a key that can sign. Raise Failure when it is spent, or older than its log."""
        secret, used = self.secret(), self.used()
        if used and used[-1] >= secret.next:
            raise Failure(
                f"{self.path('.prv')} is older than its log (next index {secret.next}, but {used[-1]} is used): a restored"
                f" backup? If the log is complete, `python3 -m tools keys {self.name.name} --skip-to {used[-1] + 1}`"
                " goes on behind it"
            )
        if secret.next >= capacity(secret.tree):
            raise Failure(f"{self.name} has made all its {capacity(secret.tree)} signatures; make a new key")
        return secret, used

    def claim(self, what):
        """Return (Secret, index): the index counts as used on the disk, whatever happens next. `what` is logged: 64 hex digits."""
        secret, _ = self.check()
        self._advance(secret, secret.next + 1, secret.next, what)
        return secret, secret.next

    def skip_to(self, index):
        """Count the indices before `index` as used. Raise Failure unless it is behind all that are known to be used."""
        secret, used = self.secret(), self.used()
        least = max([secret.next, *(number + 1 for number in used)])
        if not least <= index <= capacity(secret.tree):
            raise Failure(f"{index} cannot be the next index: it is {least} to {capacity(secret.tree)} for this key")
        if index > 0:
            logged = index - 1 if not used or used[-1] < index - 1 else None
            self._advance(secret, index, logged, "skipped")

    def _advance(self, secret, following, index, what):
        self._replace(".prv", _packed(secret._replace(next=following)))
        if index is None:
            return
        path = self.path(".used")
        torn = not self.disk.read(path).endswith(b"\n")
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.disk.append(path, f"{_CUT_SHORT}\n".encode() * torn + f"{index:07} {what} {stamp}\n".encode())
        self.disk.sync(path)

    def _replace(self, suffix, content):
        new = self.path(suffix + ".new")
        self.disk.write(new, content, 0o600 if suffix == ".prv" else 0o666)
        self.disk.sync(new)
        self.disk.rename(new, self.path(suffix))
        self.disk.sync_folder(self.name.parent)


def capacity(tree):
    """Return how many signatures a key of that type can make."""
    return 1 << next(height for height, number in TREES.items() if number == tree)


def _packed(secret):
    fields = dict(secret._asdict(), seed=secret.seed.hex(), ident=secret.ident.hex())
    text = json.dumps(fields, sort_keys=True)
    return json.dumps({"key": fields, "sha256": hashlib.sha256(text.encode()).hexdigest()}, indent=1).encode() + b"\n"


def _unpacked(content):
    """Return the Secret; None when the bytes are not whole."""
    try:
        stored = json.loads(content)
        fields = stored["key"]
        text = json.dumps(fields, sort_keys=True)
        if hashlib.sha256(text.encode()).hexdigest() != stored["sha256"]:
            return None
        return Secret(**dict(fields, seed=bytes.fromhex(fields["seed"]), ident=bytes.fromhex(fields["ident"])))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
