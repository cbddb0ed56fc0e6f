"""Folders of images: what `build` leaves for each board, and the tree that devices read, in which nothing published ever changes.

The tree: version-<channel>.txt (a bare version), <version>/<board>/manifest.json, manifest.json.sig, image.bin, and patches,
image.bin.from-<older>, for the last few versions before it. Plain files: any web server can offer them. A device may read at
any moment, so a board's folder appears whole, and the channel's file is replaced last.
"""

import functools
import os
import re
import shutil

from tools import Failure
from tools.common.firmware_modules import load_module
from tools.images import manifest

CHANNELS = ("stable", "beta", "develop")
_PATCHES = 3  # so many older versions get a patch: a device that runs one of them fetches only what is new
_MOST_OF_IMAGE = (
    2  # a patch with more than a half of its image's bytes is not worth its risk; devices take no such patch
)
_RELEASED = (manifest.IMAGE, manifest.FILE, manifest.SIGNATURE)


def write(folder, files):
    """Put {name: bytes} into the folder; a signature of another manifest than theirs goes."""
    folder.mkdir(parents=True, exist_ok=True)
    if _content(folder / manifest.FILE) != files[manifest.FILE]:
        (folder / manifest.SIGNATURE).unlink(missing_ok=True)
    for name, data in files.items():
        _replace(folder / name, data)


def publish(folders, tree, version, channel):
    """Put `folders` {board's title: folder as `write` made it, signed} into the tree; the channel names the version.

    Raise Failure for a folder without a signature, and for a version that was published with other bytes: nothing is changed
    then.
    """
    if channel not in CHANNELS:
        raise Failure(f"there is no channel '{channel}', only {', '.join(CHANNELS)}")
    todo = []
    for title, folder in sorted(folders.items()):
        target = tree / version / title
        if not (folder / manifest.SIGNATURE).exists():
            raise Failure(f"{title} is not signed; --key NAME signs it, and a device takes nothing else")
        if not target.exists():
            todo.append((folder, target))
        elif _content(target / manifest.FILE) != _content(folder / manifest.FILE):
            raise Failure(f"{version} for {title} is published, and differs; a version never changes: make a new one")
    for folder, target in todo:
        whole = target.with_name(target.name + ".new")
        shutil.rmtree(whole, ignore_errors=True)
        whole.mkdir(parents=True)
        for name in _RELEASED:
            shutil.copyfile(folder / name, whole / name)
        _add_patches(whole, _before(tree, version, title))
        os.replace(whole, target)
    _replace(tree / f"version-{channel}.txt", version.encode() + b"\n")


def _add_patches(folder, before):
    """Put patches to the folder's image beside it, from those `before`: (version, image)."""
    from tools.images import patch  # it imports the device's own module, which a mere build does not need

    image = (folder / manifest.IMAGE).read_bytes()
    for version, older in before:
        change = patch.made(older, image)
        if len(change) * _MOST_OF_IMAGE <= len(image):
            (folder / f"{manifest.IMAGE}.from-{version}").write_bytes(change)


def _before(tree, version, title):
    """Return (version, image) of the versions that most devices of that board may run: the last few before this one.

    By their numbers, not by when they were written here: a copy of the tree gives the same.
    """
    newer = load_module("lib.semver").newer
    names = [folder.parent.name for folder in tree.glob(f"*/{title}") if (folder / manifest.IMAGE).exists()]
    older = [name for name in names if manifest.is_version(name) and newer(version, name)]
    older.sort(key=functools.cmp_to_key(lambda one, other: newer(one, other) - newer(other, one)))
    return [(name, (tree / name / title / manifest.IMAGE).read_bytes()) for name in older[-_PATCHES:]]


def published(tree, channel):
    """Return the version that a channel of the tree names; None when it names none."""
    text = (_content(tree / f"version-{channel}.txt") or b"").decode("utf-8", "replace").strip()
    return text if manifest.is_version(text) else None


def is_tree(folder):
    """Return whether the folder looks like a tree for devices."""
    return any(re.fullmatch(r"version-[a-z]+\.txt", path.name) for path in folder.glob("version-*.txt"))


def _content(path):
    return path.read_bytes() if path.exists() else None


def _replace(path, data):
    new = path.with_name(path.name + ".new")
    new.write_bytes(data)
    os.replace(new, path)
