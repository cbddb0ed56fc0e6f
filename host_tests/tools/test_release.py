"""`tools release`: from a clean commit to what devices, browsers and other projects take; the same bytes wherever it is made."""

import asyncio
import hashlib
import http.server
import json
import lzma
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import ROOT, micropython, peer_npm, peer_program
from sim_story import WAIT_S, said

from tools import Failure, keys
from tools.flash import download
from tools.images import tree
from tools.release import changelog, cli, mip
from tools.release.history import History
from tools.serve_updates.server import Server
from tools.sim import updates, world
from tools.sim.compiled import interpreter
from tools.web import borrowed

NEEDED = ("firmware", "lib", "tools", "host_tests/stubs", "host_tests/cpython")
WHEN = {"GIT_AUTHOR_DATE": "2026-11-20T23:30:00+00:00", "GIT_COMMITTER_DATE": "2026-11-20T23:30:00+00:00"}
WHO = ("-c", "user.name=a tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false")


def git(folder, *words):
    done = subprocess.run(
        [peer_program("git"), "-C", folder, *WHO, *words],
        env={**os.environ, **WHEN}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def commit(folder, subject, name="file.txt"):
    with (folder / name).open("a") as file:
        file.write(subject + "\n")
    git(folder, "add", name)
    git(folder, "commit", "-q", "-m", subject)
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path):
    """An empty folder under git."""
    folder = tmp_path / "repository"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    return folder


# --- the changelog


def test_an_entry_has_the_commits_by_their_places():
    subjects = [
        "wifi: Joins.",
        "radio: It is *quick*.",
        "wifi: Leaves `a_b` alone.",
        "Merge of things",
        "docs, www: <b> words.",
    ]
    assert changelog.entry("0.2.0", "2026-11-21", "0123456789abcdef", subjects) == (
        "## 0.2.0 (2026-11-21)\n\nMade of commit 0123456789ab.\n\n"
        "### docs, www\n\n- \\<b> words.\n\n### radio\n\n- It is \\*quick\\*.\n\n"
        "### wifi\n\n- Joins.\n- Leaves `a_b` alone.\n\n### other\n\n- Merge of things\n"
    )


def test_the_newest_entry_stands_first_and_the_others_stay():
    first = changelog.with_entry("", changelog.entry("0.1.0", "2026-11-20", "a" * 12, ["a: One."]))
    both = changelog.with_entry(first, changelog.entry("0.2.0", "2026-11-21", "b" * 12, ["b: Two."]))
    assert both.startswith("# What is new\n") and both.index("## 0.2.0") < both.index("## 0.1.0")
    assert changelog.entry_of(both, "0.1.0") == changelog.entry_of(first, "0.1.0")
    assert changelog.entry_of(both, "0.3.0") is None and changelog.last_commit(both) == "b" * 12
    own = "# Mine\n\nOwn words.\n"
    assert changelog.with_entry(own, "## 1.0.0\n").startswith("# Mine\n\nOwn words.\n\n## 1.0.0\n")


# --- what may be released


def wants(history, version, out, channel="stable"):
    options = cli._parser().parse_args([version, "--key", "k", "--out", str(out), "--channel", channel])
    state = history.state()
    cli._may_be(options, history.tagged(), state.commit)
    return state


def test_only_a_clean_commit_is_released(repository, tmp_path):
    history = History(repository)
    head = commit(repository, "a: One.")
    state = history.state()
    assert (state.commit, state.date) == (head, "2026-11-20")
    (repository / "CHANGELOG.md").write_text("a person writes here meanwhile")
    assert history.state() == state
    (repository / "new file.py").write_text("import os")
    with pytest.raises(Failure, match=r"not committed: new file\.py; a release is made of one commit"):
        history.state()
    (repository / "new file.py").unlink()
    (repository / "file.txt").write_text("another")
    with pytest.raises(Failure, match=r"not committed: file\.txt"):
        history.state()
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match="git status: .*not a git repository"):
        History(tmp_path / "empty").state()


def test_the_date_is_that_of_the_sources_not_of_the_changelogs_commit(repository, monkeypatch):
    commit(repository, "a: One.")
    monkeypatch.setitem(WHEN, "GIT_COMMITTER_DATE", "2026-12-24T10:00:00+00:00")
    commit(repository, "changelog: 0.2.0.", "CHANGELOG.md")
    assert History(repository).state().date == "2026-11-20"
    assert History(repository).since(None) == ["a: One."]


@pytest.mark.parametrize("version", ["1.2", "v1.2.3", "1.2.3\n", "01.2.3", "../1.2.3", ""])
def test_what_is_no_version_is_refused(version, repository, tmp_path):
    commit(repository, "a: One.")
    with pytest.raises(Failure, match="is no version"):
        wants(History(repository), version, tmp_path)


def test_a_version_comes_after_the_last_and_is_made_once(repository, tmp_path):
    history = History(repository)
    commit(repository, "a: One.")
    git(repository, "tag", "v0.9.0")
    git(repository, "tag", "-a", "v1.0.0-rc.1", "-m", "a candidate")
    git(repository, "tag", "nonsense")
    commit(repository, "a: Two.")
    assert wants(history, "0.10.0", tmp_path), "a candidate does not hold stable ones up"
    for version in ("0.8.0", "0.9.0", "0.9.0-rc.1"):
        with pytest.raises(Failure, match="does not come after 0.9.0|is on another commit|is a pre-release"):
            wants(history, version, tmp_path)
    with pytest.raises(Failure, match=r"1\.0\.0-beta\.3 does not come after 1\.0\.0-rc\.1"):
        wants(history, "1.0.0-beta.3", tmp_path, "beta")
    with pytest.raises(Failure, match=r"1\.0\.0-rc\.2 is a pre-release; --channel beta"):
        wants(history, "1.0.0-rc.2", tmp_path)
    assert wants(history, "1.0.0-rc.2", tmp_path, "beta")
    (tmp_path / "updates").mkdir()
    (tmp_path / "updates" / "version-stable.txt").write_text("1.1.0\n")
    with pytest.raises(Failure, match="1.0.5 does not come after 1.1.0"):
        wants(history, "1.0.5", tmp_path)
    (tmp_path / "updates" / "1.2.0").mkdir()
    with pytest.raises(Failure, match="1.2.0 is published in .*: a version never changes"):
        wants(history, "1.2.0", tmp_path)


def test_an_entry_begins_after_the_last_version_and_is_a_persons_from_then_on(repository):
    history = History(repository)
    commit(repository, "a: Zero.")
    git(repository, "tag", "v0.1.0")
    commit(repository, "a: One.")
    state = history.state()
    words = cli._changelog(repository, history, "0.2.0", state)
    assert "- One." in words and "Zero" not in words
    path = repository / "CHANGELOG.md"
    path.write_text(path.read_text().replace("- One.", "- It is quicker now."))
    assert "- It is quicker now." in cli._changelog(repository, history, "0.2.0", state)
    commit(repository, "b: Three.")
    third = cli._changelog(repository, history, "0.3.0", history.state())
    assert "Three" in third and "One" not in third, "without a tag, the commit that the last entry names"
    assert "- It is quicker now." in path.read_text()


# --- mip


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words):
        pass


@pytest.fixture
def packed(tmp_path):
    """(folder of the package, its address on a server of this machine)."""
    for path, data in mip.files(ROOT, "0.2.0").items():
        (tmp_path / "offered" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "offered" / path).write_bytes(data)

    def handler(*words):
        return Quiet(*words, directory=tmp_path / "offered")

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield tmp_path / "offered", f"http://127.0.0.1:{server.server_address[1]}/package.json"
        server.shutdown()


def test_micropythons_own_mip_installs_the_package_and_its_modules_work(packed, tmp_path):
    folder, url = packed
    told = json.loads((folder / "package.json").read_text())
    assert told["version"] == "0.2.0" and told["deps"] == [] and len(told["urls"]) > 30
    target = tmp_path / "board"
    target.mkdir()
    program = (
        f"import mip, sys\nmip.install({url!r}, target={str(target)!r}, mpy=False)\n"
        f"sys.path.insert(0, {str(target)!r})\nfrom lib import semver, websocket\n"
        "print(semver.newer('0.2.0', '0.1.9'), websocket.__file__)\n"
    )
    done = subprocess.run(
        [micropython(), "-X", "heapsize=4M", "-c", program], cwd=tmp_path,
        env={**os.environ, "MICROPYPATH": ".frozen"}, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == [f"True {target}/lib/websocket.py"], done.stdout + done.stderr
    there = {path.relative_to(target).as_posix() for path in target.rglob("*.py")}
    assert there == {path for path, _ in told["urls"]}
    assert (target / "lib" / "websocket.py").read_bytes() == (ROOT / "lib" / "websocket.py").read_bytes()


# --- the whole

_STRANGE = """
import os, time
_time, _time_ns, _listdir, _scandir = time.time, time.time_ns, os.listdir, os.scandir
time.time = lambda: _time() + 3e8
time.time_ns = lambda: _time_ns() + 3 * 10**17
os.listdir = lambda *where: sorted(_listdir(*where), reverse=True)
class _Scan(list):
    def __enter__(self): return self
    def __exit__(self, *fault): pass
    def close(self): pass
os.scandir = lambda *where: _Scan(sorted(_scandir(*where), key=lambda it: it.name, reverse=True))
"""


def checked_out(folder):
    """None; `folder` is a repository with one commit: these sources."""
    for name in NEEDED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("boot.py", "main.py"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "requirements-dev.txt").touch()
    (folder / ".gitignore").write_text("__pycache__/\nbuild/\n.venv/\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all: It is there.")


def started(folder, version, out, key, *more, umask="022", **environment):
    """A release in a process of its own, from the sources in `folder`."""
    call = (
        "import os, sys; os.umask(int(sys.argv[1], 8)); from tools import release; sys.exit(release.main(sys.argv[2:]))"
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        [sys.executable, "-c", call, umask, version, "--out", out, "--key", key, *more],
        cwd=folder.parent,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process):
    """What it told, when it went well."""
    told = process.communicate(timeout=200)[0]
    assert process.returncode == 0, told
    return told


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


OFFICIAL = ROOT.parent / "shared" / "images" / "ESP32_GENERIC_S2-20251209-v1.27.0.bin.xz"


def official_image(folder):
    """Return arguments: an official MicroPython for the chip of the board below. Skip the test where none is at hand."""
    if not OFFICIAL.exists():
        pytest.skip(f"{OFFICIAL.name} is not at hand")
    path = folder / OFFICIAL.stem
    path.write_bytes(lzma.decompress(OFFICIAL.read_bytes()))
    return ["--image", str(path)]


@pytest.mark.timeout(240)
def test_two_releases_from_two_folders_in_two_worlds_are_the_same_bytes(tmp_path):
    """Two machines, as far as one can play two: folder, umask, time zone, locale, seed of hashes, order of files, clock."""
    one, other = tmp_path / "one", tmp_path / "far" / "away from here" / "other"
    try:
        borrowed.files()
    except Failure as fault:
        peer_npm(f"esp-web-tools ({fault})")
    for folder in (one, other):
        folder.mkdir(parents=True)
        checked_out(folder)
        shutil.copytree(borrowed.FOLDER, folder / ".venv" / borrowed.FOLDER.name)
    strange = other.parent / "strange"
    strange.mkdir()
    (strange / "sitecustomize.py").write_text(_STRANGE)
    more = [*official_image(tmp_path), "--board", "wemos-lolin-s2-mini"]
    outs = [tmp_path / "first", other.parent / "second"]
    key = str(keys.make(tmp_path / "key", 5).name)
    plain = {"PYTHONHASHSEED": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    odd = {
        "PYTHONHASHSEED": "77", "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONUTF8": "0", "COLUMNS": "20",
        "PYTHONPATH": f"{strange}{os.pathsep}{other}",
    }  # fmt: skip
    processes = [
        started(one, "0.2.0", outs[0], key, *more, **plain),
        started(other, "0.2.0", outs[1], key, *more, umask="077", **odd),
    ]
    told = [ended(process) for process in processes]
    assert "built and signed: wemos-lolin-s2-mini" in told[0] and "git tag v0.2.0" in told[0]
    assert "Untried" not in told[0]
    found = [contents(out) for out in outs]
    assert found[0].keys() == found[1].keys()
    differs = [path for path in found[0] if found[0][path] != found[1][path]]
    signed = [path for path in found[0] if path.endswith(".sig")]
    assert sorted(differs) == sorted([*signed, "SHA256SUMS-0.2.0"]), "each signature is made once, and is its own"
    assert {path.split("/")[0] for path in found[0]} == {
        "boards", "mip", "notes-0.2.0.md", "SHA256SUMS-0.2.0", "updates", "web",
    }  # fmt: skip
    for out in outs:
        command = [peer_program("sha256sum"), "--quiet", "-c", "SHA256SUMS-0.2.0"]
        assert subprocess.run(command, cwd=out, check=False).returncode == 0
    assert (one / "CHANGELOG.md").read_bytes() == (other / "CHANGELOG.md").read_bytes()
    again = started(one, "0.2.0", outs[0], key, *more)
    assert "0.2.0 is published in" in again.communicate(timeout=60)[0] and again.returncode == 1
    assert contents(outs[0]) == found[0]


def test_without_a_boot_loader_the_web_flasher_is_left_out_in_words(tmp_path, monkeypatch, capsys):
    options = cli._parser().parse_args(["0.2.0", "--key", "k", "--out", str(tmp_path)])

    def nothing(*arguments):
        raise Failure("generic-esp32: an .app-bin brings no boot loader")

    monkeypatch.setattr(cli.build, "web", nothing)
    cli._web(options, [], {}, None, {})
    assert "The web flasher is left out: generic-esp32: an .app-bin brings no" in capsys.readouterr().out
    options.without_web = True
    cli._web(options, [], {}, None, {})
    assert "left out, as you asked" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_without_a_micropython_nothing_is_released_and_no_entry_is_begun(repository, tmp_path, monkeypatch):
    commit(repository, "a: One.")
    key = keys.make(tmp_path / "key", 5)
    monkeypatch.setattr(download, "FOLDER", tmp_path / "kept")

    def offline(url):
        raise OSError("Name or service not known")

    monkeypatch.setattr(download, "_fetch", offline)
    with pytest.raises(Failure, match="cannot be downloaded.*--image FILE"):
        cli.main(["0.2.0", "--key", str(key.name), "--out", str(tmp_path / "out")], repository)
    assert not (repository / "CHANGELOG.md").exists() and not (tmp_path / "out").exists()


@pytest.mark.timeout(240)
@pytest.mark.skipif(interpreter() is None, reason="there is no MicroPython with viper for this machine")
def test_the_simulated_device_takes_a_released_version(tmp_path, monkeypatch):
    sources = tmp_path / "sources"
    sources.mkdir()
    checked_out(sources)
    release, _ = keys.simulators()
    out = tmp_path / "out"
    told = ended(started(sources, updates.GOOD, out, release, "--board", "simulated", "--without-web"))
    assert f"{updates.GOOD} is what the channel stable offers now" in told
    assert tree.published(out / "updates", "stable") == updates.GOOD

    class Released:
        """In the place of tools/sim/updates.py: what was released, served as `tools serve-updates` does."""

        def __init__(self, folder, tls=None):
            self.server = Server(out / "updates", tls=tls)

    monkeypatch.setattr(world, "Updates", Released)

    async def story():
        async with world.World(updates=True) as there:
            await there.hub.device_connected(timeout_s=WAIT_S)
            assert await there.hub.ota_install(updates.GOOD) == 1
            await said(there, f"OpenShock/{updates.GOOD} ")

    asyncio.run(story())


def test_the_sums_are_those_of_the_files(tmp_path):
    (tmp_path / "mip" / "1.0.0").mkdir(parents=True)
    (tmp_path / "mip" / "1.0.0" / "package.json").write_bytes(b"{}")
    (tmp_path / "notes-1.0.0.md").write_bytes(b"news")
    assert cli._sums(tmp_path, "1.0.0").read_text() == (
        f"{hashlib.sha256(b'{}').hexdigest()}  mip/1.0.0/package.json\n"
        f"{hashlib.sha256(b'news').hexdigest()}  notes-1.0.0.md\n"
    )
