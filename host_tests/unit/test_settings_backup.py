"""Settings over an update and back: the old version reads what the new one wrote, or finds again what it left."""

import os

from firmware.config.settings import Settings
from firmware.ota import settings_backup
from lib import json_file

FOLDER = "build"  # not the root: a test that breaks off leaves its files
PATH = FOLDER + "/settings-backup-test.json"
COPY = FOLDER + "/settings-backup-test.before.json"
DAMAGED = FOLDER + "/settings-backup-test.damaged.json"


def there(path):
    """Return whether there is such a file."""
    return path.rpartition("/")[2] in os.listdir(FOLDER)


def cleared():
    """Remove the files of these tests."""
    try:
        os.mkdir(FOLDER)
    except OSError:
        pass  # it is there
    for path in (PATH, COPY, PATH + ".new", DAMAGED):
        try:
            os.remove(path)
        except OSError:
            pass


def spoil(path):
    """None; what is in that file cannot be read any more."""
    with open(path, "wb") as file:
        file.write(b"{")


def saved(**more):
    """The settings of the old version, kept before the update; `more` are in the file, too."""
    cleared()
    settings = Settings(PATH)
    settings.set("hostname", "collar")
    settings.set("cap.shock", 20)
    settings.save()
    settings_backup.keep(PATH)
    if more:
        content = json_file.load(PATH)
        content.update(more)
        json_file.save(PATH, content)


def test_c3_24_the_old_version_reads_what_the_new_one_wrote():
    saved(**{"a.key.of.tomorrow": {"deep": [1, 2]}, "backend": "tomorrows_backend", "cap.vibrate": 30})
    assert settings_backup.bring_back(PATH) is False  # nothing is wrong with it
    settings = Settings(PATH)
    assert not settings.damaged
    assert (settings.get("hostname"), settings.get("cap.shock"), settings.get("cap.vibrate")) == ("collar", 20, 30)
    settings.set("hostname", "other")
    settings.save()
    assert json_file.load(PATH)["a.key.of.tomorrow"] == {"deep": [1, 2]}
    cleared()


def test_c3_24_what_the_new_version_left_unreadable_is_as_it_was_before():
    for spoilt in (b"", b"{", b"[1]", b'{"schema":2,"crc32":"00000000"}', b"\xff" * 100, b" " * 9000):
        saved()
        with open(PATH, "wb") as file:
            file.write(spoilt)
        assert Settings(PATH).get("cap.shock") == 0  # as long as nobody knows better
        assert settings_backup.bring_back(PATH) is True
        settings = Settings(PATH)
        assert not settings.damaged and (settings.get("hostname"), settings.get("cap.shock")) == ("collar", 20)
    cleared()


def test_without_a_copy_nothing_is_made_up():
    saved()
    os.remove(COPY)
    with open(PATH, "wb") as file:
        file.write(b"{")
    assert settings_backup.bring_back(PATH) is False and Settings(PATH).damaged
    settings_backup.keep(PATH)  # what is damaged is not worth a copy
    assert not there(COPY)
    with open(COPY, "wb") as file:
        file.write(b"[")
    assert settings_backup.bring_back(PATH) is False
    cleared()


def test_s20_a_cap_that_was_lowered_after_the_update_began_stays_lowered():
    saved()
    settings = Settings(PATH)  # the new version, on trial
    settings.set("cap.shock", 5)
    settings.set("cap.vibrate", 50)
    settings.set("cap.shock_allowed", False)
    settings.set("cap.rest_ms", 9000)
    settings.set("cap.own", [{"model": "d80", "rf_id": 7, "shock": 3}])
    settings.save()
    settings.set("cap.vibrate", 90)  # raised again, in person: not for the old version
    settings.save()
    spoil(PATH)
    assert settings_backup.bring_back(PATH) is True
    back = Settings(PATH)
    assert (back.get("hostname"), back.get("cap.shock"), back.get("cap.vibrate")) == ("collar", 5, 50)
    assert (back.get("cap.shock_allowed"), back.get("cap.rest_ms")) == (False, 9000)
    assert back.get("cap.own") == [{"model": "d80", "rf_id": 7, "shock": 3}]
    cleared()


def test_s20_what_can_be_made_out_in_a_damaged_file_binds_as_well():
    for caps, wanted in (
        ({"cap.shock": 5, "cap.budget": 100}, (5, 100)),
        ({"cap.shock": 90}, (20, 3000)),
        ({"cap.shock": "5"}, (0, 3000)),
        ({"cap.own": [{"model": "d80"}]}, (0, 0)),
    ):
        saved(**caps)
        with open(PATH, "rb") as file:
            text = file.read()
        with open(PATH, "wb") as file:
            file.write(text.replace(b'"schema":1', b'"schema":2'))
        assert Settings(PATH).damaged and settings_backup.bring_back(PATH) is True
        back = Settings(PATH)
        assert (back.get("cap.shock"), back.get("cap.budget")) == wanted and back.get("hostname") == "collar"
    cleared()


def test_s20_a_reset_leaves_no_copy():
    saved()
    Settings(PATH).reset()
    assert not there(COPY)
    spoil(PATH)
    assert settings_backup.bring_back(PATH) is False and Settings(PATH).get("cap.shock") == 0
    cleared()


def test_a_copy_that_cannot_be_bound_is_worth_nothing():
    saved()
    spoil(COPY)
    settings = Settings(PATH)
    settings.set("cap.shock", 5)
    settings.save()
    assert Settings(PATH).get("cap.shock") == 5 and not there(COPY)
    cleared()
