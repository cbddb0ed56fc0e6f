"""S20, S23: which start may bring back the settings from before an update. On tables of what the slots say."""

import os

import pytest

from firmware.config.settings import Settings
from firmware.ota import boot_state, settings_backup
from host_tests.unit.rooms import book
from host_tests.unit.test_journal import Marks, Slots
from lib.ota_slots import ABORTED, PENDING, VALID

PATH, COPY = "settings.json", "settings.before.json"


class Device:
    """Files in a folder of its own, and what the flash says of its slots at the next start."""

    def __init__(self, monkeypatch):
        self.slots = Slots()
        self.marks = {"update": Marks(), "boot": Marks()}
        monkeypatch.setattr(boot_state, "Slots", lambda: self.slots)
        monkeypatch.setattr(boot_state, "Nvs", self.marks.get)
        settings = Settings(PATH)
        settings.set("hostname", "old")
        settings.set("cap.shock", 20)
        settings.save()

    def start(self, slots, power_event=False):
        """The name of the mode that this start is for."""
        self.slots = slots
        self.marks["boot"].put("reason", 1 if power_event else 2)
        self.log, self.lines = book()
        return boot_state.begin(self.log)[0]

    def update(self):
        """None; the new image is in slot 1, and runs on trial there."""
        journal = boot_state.open_journal()
        journal.order(1, "2.0.0")
        assert self.start(Slots()) == "updating"
        settings_backup.keep(PATH)
        journal = boot_state.open_journal()
        journal.believed("2.0.0", "hash", 1)
        journal.switching(None)
        assert self.start(Slots(1, (VALID, PENDING), pending=True)) == "proving"

    def spoil(self):
        with open(PATH, "wb") as file:
            file.write(b"\xff" * 50)

    def came_back(self):
        return Slots(0, (VALID, ABORTED))


@pytest.fixture
def device(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Device(monkeypatch)


def test_s20_the_start_that_finds_a_roll_back_brings_the_old_settings_back(device):
    device.update()
    device.spoil()
    assert device.start(device.came_back()) == ""
    assert Settings(PATH).get("hostname") == "old" and Settings(PATH).get("cap.shock") == 20
    assert not os.path.exists(COPY)


def test_s20_no_other_start_does(device):
    device.update()
    boot_state.open_journal().confirmed()
    device.spoil()  # before any restart even
    for _ in range(2):
        assert device.start(Slots(1, (VALID, VALID))) == ""
        assert Settings(PATH).damaged and Settings(PATH).get("cap.shock") == 0
        assert not os.path.exists(COPY)


def test_s20_the_copy_goes_when_the_version_stays(device):
    device.update()
    assert os.path.exists(COPY)
    boot_state.open_journal().confirmed()
    assert device.start(Slots(1, (VALID, VALID))) == "" and not os.path.exists(COPY)


def test_s20_the_copy_goes_when_the_update_fails(device):
    settings_backup.keep(PATH)
    assert device.start(Slots()) == "" and not os.path.exists(COPY)


def test_s20_a_start_on_trial_does_not_bring_them_back(device):
    device.update()
    device.spoil()
    assert device.start(Slots(1, (VALID, PENDING), pending=True)) == "proving"
    assert Settings(PATH).damaged and os.path.exists(COPY)


def test_s20_a_factory_reset_on_trial_and_a_roll_back_behind_it_bring_nobodys_account_back(device):
    device.update()
    Settings(PATH).reset()
    device.spoil()
    assert device.start(device.came_back()) == ""
    assert Settings(PATH).damaged and Settings(PATH).get("hostname") == "OpenShock"


def test_s23_a_power_cut_while_they_are_brought_back_is_made_up_for(device, monkeypatch):
    device.update()
    device.spoil()
    real = settings_backup.json_file.save

    def cut(path, content):
        raise OSError("the power is gone")

    monkeypatch.setattr(settings_backup.json_file, "save", cut)
    device.start(device.came_back())
    monkeypatch.setattr(settings_backup.json_file, "save", real)
    assert Settings(PATH).damaged
    assert device.start(device.came_back()) == "" and Settings(PATH).get("hostname") == "old"


def test_s20_a_trial_that_the_power_ended_brings_them_back_too(device):
    device.update()
    device.spoil()
    assert device.start(device.came_back(), power_event=True) == "updating"  # once more
    assert Settings(PATH).get("hostname") == "old"
