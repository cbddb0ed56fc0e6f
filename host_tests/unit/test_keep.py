"""What a service gives is stored among its own settings, and nowhere else."""

from firmware.config import build
from host_tests.unit.rooms import Disk, Hand, book
from lib import json_file

PATH = "settings.json"
GATEWAY = "openshock_gateway"


def _kept(name, table, fails_at=-1):
    """(what is stored, the log's lines) after `table` was to be kept for backend `name`."""
    log, lines = book(Hand())
    with Disk() as disk:
        json_file.save(PATH, {"hostname": "desk", "backend": GATEWAY, "backend.second": "dsp_fleet"})
        disk.steps, disk._fails_at, disk._fault = 0, fails_at, OSError
        build.keep(PATH, name, table, log)
        stored = json_file.load(PATH)
        assert (stored.pop("backend"), stored.pop("backend.second")) == (GATEWAY, "dsp_fleet")
        return stored, lines


def test_it_is_stored_beside_what_was_there():
    stored, lines = _kept(GATEWAY, {"token": "t" * 256, "url": "https://hub.example"})
    assert stored == {"hostname": "desk", GATEWAY + ".token": "t" * 256, GATEWAY + ".url": "https://hub.example"}
    assert lines == []


def test_nothing_is_stored_when_some_of_it_does_not_fit_or_is_none_of_its_business():
    for table in ({"token": "t", "url": "no url"}, {"token": 7}, {"token": "t", "shock": 100}, {"x.token": "t"}):
        stored, lines = _kept(GATEWAY, table)
        assert stored == {"hostname": "desk"} and "not kept" in lines[0], table


def test_only_a_service_in_use_has_anything_kept_and_nobody_raises_a_cap_that_way():
    for name, table in (
        ("cap", {"shock": 100}),
        ("estop", {"enabled": False}),
        ("valtronics", {"token": "t"}),
        ("", {}),
    ):
        stored, lines = _kept(name, table)
        assert stored == {"hostname": "desk"} and "none of the services in use" in lines[0], name
    assert _kept("dsp_fleet", {"token": "t"})[0] == {"hostname": "desk", "dsp_fleet.token": "t"}


def test_a_storage_that_refuses_is_told_and_harms_nothing():
    stored, lines = _kept(GATEWAY, {"token": "t"}, fails_at=0)
    assert stored == {"hostname": "desk"} and "not kept" in lines[0]
