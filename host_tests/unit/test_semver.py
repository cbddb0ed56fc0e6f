"""Versions: what is one, and which comes later. The order is the example of semver.org §11."""

from lib.semver import is_version, newer

ORDER = (
    "0.9.10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.10",
    "1.2.0",
    "10.0.0",
)


def test_each_is_newer_than_all_before_it():
    for place, version in enumerate(ORDER):
        assert is_version(version)
        for other_place, other in enumerate(ORDER):
            assert newer(version, other) is (place > other_place), (version, other)


def test_what_stands_behind_plus_makes_nothing_newer():
    assert is_version("1.0.0+build.5") and is_version("1.0.0-rc.1+0017")
    assert not newer("1.0.0+2", "1.0.0+1") and not newer("1.0.0+1", "1.0.0")


def test_what_is_no_version():
    for text in (
        "",
        "1",
        "1.2",
        "1.2.3.4",
        "01.2.3",
        "1.2.x",
        "v1.2.3",
        " 1.2.3",
        "1.2.3\n",
        "1.2.3-",
        "1.2.3-a..b",
        "1.2.3-01",
        "1.2.3+",
        "1.2.3-ä",
        "../../x",
        "1.2.3-" + "a" * 40,
        None,
        7,
    ):
        assert not is_version(text), text
