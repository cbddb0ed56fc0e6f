"""Command `release`: check that the version may be released, build everything, publish last, print what a person does next."""

import hashlib

from tools import Failure, build
from tools.common import arguments
from tools.common.environment import ROOT
from tools.common.firmware_modules import load_module
from tools.common.key_file import KeyFile
from tools.common.printable import one_line
from tools.flash import sources
from tools.images import manifest, tree
from tools.release import changelog, mip
from tools.release.history import History
from tools.web import flasher

OUT = ROOT / "build" / "release"


def _parser():
    parser = arguments.Parser(
        prog="python3 -m tools release",
        description="Makes a version for all boards from the commit that is checked out: images, signatures, the tree of "
        "updates, the web flasher, a package for mip, checksums, the changelog's entry.",
    )
    parser.add_argument("version", metavar="VERSION", help="major.minor.patch, as semver.org has it")
    parser.add_argument(
        "--key", type=arguments.key, required=True, metavar="NAME", help="sign with this key, as `keys` made it"
    )
    parser.add_argument(
        "--trust", type=arguments.key, metavar="NAME", help="public key of a second, spare key for the images"
    )
    parser.add_argument("--channel", choices=tree.CHANNELS, default="stable", help="which devices get it; stable")
    parser.add_argument(
        "--out", type=arguments.folder, default=OUT, metavar="DIR", help="where all versions are; build/release"
    )
    sources.add_options(parser, several=True)
    parser.add_argument("--without-web", action="store_true", help="leave the web flasher out")
    parser.add_argument("--board", nargs="+", metavar="NAME", help="these boards only; for a try")
    return parser


def main(argv, root=ROOT):
    """Return 0. Raise Failure in words before anything is published."""
    options = _parser().parse_args(argv)
    history = History(root)
    state = history.state()
    _may_be(options, history.tagged(), state.commit)
    trusted = [KeyFile(name).public() for name in (options.key, options.trust) if name]
    wanted = build.wanted(options.board)
    officials = build.officials(wanted, options.image, options.micropython)
    made = build.plan(options.version, state.date, trusted)
    folders = build.build(wanted, made, options.out / "boards" / options.version, officials, options.key)
    print(f"built and signed: {', '.join(sorted(folders))}")
    _web(options, wanted, folders, made, officials)
    words = _changelog(root, history, options.version, state)
    packed = options.out / "mip" / options.version
    _write(packed, mip.files(root, options.version))
    _write(options.out, {f"notes-{options.version}.md": words.encode()})
    tree.publish(folders, options.out / "updates", options.version, options.channel)
    sums = _sums(options.out, options.version)
    print(f"{options.out / 'updates'}: {options.version} is what the channel {options.channel} offers now")
    print(f"{packed / mip.FILE}: lib/ for mip")
    print(f"{sums}: the checksums")
    print(f"Next: look at {changelog.NAME}, commit it, then: git tag v{options.version}")
    return 0


def _may_be(options, tagged, commit):
    """Raise Failure for a version that is none, is there already, or comes before what the channel has."""
    version, semver = options.version, load_module("lib.semver")
    if not manifest.is_version(version):
        raise Failure(f"'{one_line(version)}' is no version (major.minor.patch, semver.org)")
    if options.channel == "stable" and "-" in version.partition("+")[0]:
        raise Failure(f"{version} is a pre-release; --channel beta or develop takes it")
    if tagged.get(version, commit) != commit:
        raise Failure(f"the tag v{version} is on another commit: a version never changes, take a new one")
    if (options.out / "updates" / version).exists():
        raise Failure(f"{version} is published in {options.out / 'updates'}: a version never changes, take a new one")
    offered = tree.published(options.out / "updates", options.channel)
    for other in [*tagged, *([offered] if offered else [])]:
        counts = options.channel != "stable" or "-" not in other.partition("+")[0]
        if other != version and counts and not semver.newer(version, other):
            raise Failure(f"{version} does not come after {other}, which is released")


def _changelog(root, history, version, state):
    """Return the version's entry of the changelog, begun now if there was none."""
    path = root / changelog.NAME
    text = path.read_bytes().decode().replace("\r\n", "\n") if path.exists() else ""
    words = changelog.entry_of(text, version)
    if words is None:
        tags = [commit for commit in history.tagged().values() if commit != state.commit and history.reaches(commit)]
        since = _nearest(history, [*tags, changelog.last_commit(text)])
        words = changelog.entry(version, state.date, state.commit, history.since(since))
        path.write_bytes(changelog.with_entry(text, words).encode())
        print(f"{changelog.NAME} has an entry for {version} now; it is yours to edit")
    return words


def _nearest(history, commits):
    """Return the one of these commits after which the fewest came; None when none of them is behind us."""
    there = [commit for commit in commits if commit and history.reaches(commit)]
    return min(there, key=lambda commit: len(history.since(commit)), default=None)


def _web(options, wanted, folders, made, officials):
    """Write the web flasher, or print why not."""
    if options.without_web:
        print("The web flasher is left out, as you asked.")
        return
    try:
        build.web(wanted, folders, made, options.out / "web", officials)
    except Failure as fault:
        print(f"The web flasher is left out: {fault}")
        return
    print(f"{options.out / 'web'}: the web flasher, with {flasher.SUMS} of its own")


def _write(folder, files):
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)


def _sums(out, version):
    """Return the path of the file with the SHA-256 of each file of this version, as `sha256sum -c` takes it in `out`."""
    folders = [out / "updates" / version, out / "boards" / version, out / "mip" / version]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    paths.append(out / f"notes-{version}.md")
    lines = sorted(
        f"{path.relative_to(out).as_posix()}\n{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths
    )
    sums = "".join("{1}  {0}\n".format(*line.split("\n")) for line in lines)
    target = out / f"{flasher.SUMS}-{version}"
    target.write_bytes(sums.encode())
    return target
