"""What git knows of the sources: whether they are clean, which commit they are, what is released, what came since."""

import datetime
import re
import subprocess
from collections import namedtuple

from tools import Failure
from tools.images import manifest
from tools.release.changelog import NAME

# commit: its number · date: YYYY-MM-DD, UTC, of the last commit but those that touch the changelog alone
State = namedtuple("State", ("commit", "date"))


class History:
    """The repository at `root`."""

    def __init__(self, root):
        self._root = root

    def state(self):
        """Return the checked out State. Raise Failure without a repository, and when more than the changelog is uncommitted."""
        lines = self._git("status", "--porcelain", "--untracked-files=all", "-z").split("\0")
        dirty = [line[3:] for line in lines if line and line[3:] != NAME]
        if dirty:
            more = f" and {len(dirty) - 3} more" if len(dirty) > 3 else ""
            raise Failure(
                f"not committed: {', '.join(dirty[:3])}{more}; a release is made of one commit, and of nothing else"
            )
        commit = self._git("rev-parse", "HEAD").strip()
        seconds = self._git("log", "-1", "--format=%ct", "--", ".", f":(exclude){NAME}").strip()
        date = datetime.datetime.fromtimestamp(int(seconds), datetime.timezone.utc).strftime("%Y-%m-%d")
        return State(commit, date)

    def tagged(self):
        """Return {version: commit} of the tags v1.2.3."""
        found = {}
        for line in self._git(
            "for-each-ref", "--format=%(refname:strip=2) %(*objectname) %(objectname)", "refs/tags"
        ).splitlines():
            name, commit = line.split()[:2]
            if name[:1] == "v" and manifest.is_version(name[1:]):
                found[name[1:]] = commit
        return found

    def since(self, commit):
        """Return [first line] of the commits after `commit` (None: of all), oldest first, without merges, the changelog's own."""
        span = ["HEAD"] if commit is None else [f"{commit}..HEAD"]
        output = self._git("log", "--reverse", "--no-merges", "--format=%s", *span, "--", ".", f":(exclude){NAME}")
        return output.splitlines()

    def reaches(self, commit):
        """Return whether the commit is there, and behind the one that is checked out."""
        if not re.fullmatch("[0-9a-f]{7,64}", commit):
            return False
        return self._run("merge-base", "--is-ancestor", commit, "HEAD").returncode == 0

    def _git(self, *words):
        done = self._run(*words)
        if done.returncode:
            raise Failure(f"git {words[0]}: {done.stderr.strip().partition(chr(10))[0] or 'it failed'}")
        return done.stdout

    def _run(self, *words):
        command = ["git", "-C", str(self._root), "-c", "core.quotePath=false", *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        except OSError as fault:
            raise Failure(f"git cannot be run ({fault.strerror}); a release is made of a commit")
