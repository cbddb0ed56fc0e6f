"""The patches of a tree: from which versions, and only where they are worth it. The rest of the tree is in test_build.py."""

import random

import pytest
from test_patch import Applied

from tools.images import tree

BASE = random.Random(1).randbytes(20000)


@pytest.fixture
def published(tmp_path):
    """Return a function that publishes an image as a version of a board, and returns the names and bytes of its patches."""

    def publish(version, image, board="board"):
        folder = tmp_path / "out" / version / board
        tree.write(folder, {"image.bin": image, "manifest.json": version.encode()})
        (folder / "manifest.json.sig").write_bytes(b"s")
        tree.publish({board: folder}, tmp_path / "tree", version, "stable")
        place = tmp_path / "tree" / version / board
        return {path.name.rpartition("from-")[2]: path.read_bytes() for path in place.glob("image.bin.from-*")}

    return publish


def image(text):
    """Return an image that differs from the others in that text alone."""
    return BASE[:10000] + text + BASE[10000:]


def test_whoever_runs_one_of_the_last_three_versions_is_offered_only_what_is_new(published):
    versions = ("0.9.0", "0.10.0-rc.1", "0.10.0", "1.0.0", "1.0.1")
    for number, version in enumerate(versions):
        patches = published(version, image(version.encode()))
        assert sorted(patches) == sorted(versions[max(0, number - 3) : number])
        for older, patch in patches.items():
            new = image(version.encode())
            assert len(patch) < 200 and Applied(image(older.encode()), len(new), patch).data == new


def test_a_version_between_others_is_for_those_before_it(published):
    for version in ("1.0.0", "2.0.0"):
        published(version, image(version.encode()))
    assert list(published("1.0.1", image(b"late"))) == ["1.0.0"]


def test_another_boards_images_and_what_is_no_version_are_left_alone(published, tmp_path):
    published("1.0.0", image(b"x"), "another")
    old = tmp_path / "tree" / "not-a-version" / "board"
    old.mkdir(parents=True)
    (old / "image.bin").write_bytes(BASE)
    older = tmp_path / "tree" / "0.1.0" / "board"  # of a firmware that came in parts
    older.mkdir(parents=True)
    (older / "app.lfs").write_bytes(BASE)
    assert published("1.0.1", image(b"y")) == {}


def test_a_patch_of_more_than_half_the_image_is_not_published(published):
    published("1.0.0", random.Random(2).randbytes(20000))
    assert published("1.1.0", BASE) == {}
    half = BASE[:11000] + random.Random(3).randbytes(9000)
    patches = published("1.2.0", half)
    assert list(patches) == ["1.1.0"] and 9000 < len(patches["1.1.0"]) <= 10000


def test_the_same_tree_gives_the_same_patches(published, tmp_path):
    published("1.0.0", image(b"old"))
    first = published("1.1.0", image(b"new"))
    (tmp_path / "tree").rename(tmp_path / "before")
    published("1.0.0", image(b"old"))
    assert published("1.1.0", image(b"new")) == first
