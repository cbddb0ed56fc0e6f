"""The menus of the set-up: the same from the build as from the plugs, OpenShock's own ways first."""

import json

from firmware import menus as device
from tools import menus


def test_what_the_build_writes_is_what_the_plugs_say():
    assert json.loads(menus.made()) == json.loads(json.dumps(device.looked()))


def test_a_code_is_offered_before_a_token_and_both_before_the_other_services():
    names = [entry[0] for entry in json.loads(menus.made())["backends"]]
    assert names[:2] == ["openshock_gateway", "openshock_user"]
    assert names[2:] == sorted(names[2:]) and {"dsp_fleet", "openshock_share", "valtronics"} <= set(names)


def test_every_backend_has_a_label_for_people():
    for name, label, _ in json.loads(menus.made())["backends"]:
        assert label and label != name.replace("_", " "), name
