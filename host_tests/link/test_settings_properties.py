"""Whatever stands in the settings file, and whatever is typed: nothing raises, nothing is out of bounds, no cap is looser."""

import json
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from firmware.config import settings as room
from firmware.config.settings import Refused, Settings, default, fits
from lib import json_file

CAPS = ("cap.shock", "cap.vibrate", "cap.sound", "cap.light", "cap.longest_ms", "cap.budget")
STRICTEST = dict.fromkeys(CAPS, 0) | {"cap.longest_ms": 1, "cap.shock_allowed": False, "cap.rest_ms": 60000}

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=70)
    | st.sampled_from([0, 1, 50, 100, 101, 30000, 30001, "viper", "rmt", "http://a", "12345678", "1.1.1.1:53"])
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["ssid", "key", "hidden", "security", "address", "ip", "model", "rf_id", "shock", "x"])
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)
KEYS = room.names()
keys = st.sampled_from(KEYS) | st.text(max_size=12)
tables = st.dictionaries(keys, values, max_size=8)


class File:
    """A settings file in a folder of its own."""

    def __enter__(self):
        self._folder = tempfile.TemporaryDirectory()
        self.path = Path(self._folder.name) / "settings.json"
        return self

    def __exit__(self, *_):
        self._folder.cleanup()

    def read(self):
        return Settings(str(self.path))


def check(found):
    """Every value fits its setting; caps are within their bounds and never looser than they could be."""
    for key in KEYS:
        value = found.get(key)
        assert fits(key, value), (key, value)
        assert type(value) is type(default(key)), (key, value)
    for name in {key.partition(".")[0] for key in KEYS if "." in key}:
        assert found.section(name) == {
            key.partition(".")[2]: found.get(key) for key in KEYS if key.startswith(name + ".")
        }


@settings(deadline=None)
@given(
    st.binary(max_size=300) | st.text('{}[]":,0123456789.-+eE\\u dtypenulltrue cap.shock', max_size=200).map(str.encode)
)
def test_whatever_bytes_stand_in_the_file(content):
    with File() as file:
        file.path.write_bytes(content)
        found = file.read()
        check(found)
        try:
            good = (
                isinstance(json.loads(content.decode()), dict) and b"NaN" not in content and b"Infinity" not in content
            )
        except (ValueError, RecursionError):
            good = False
        assert found.damaged or good
        if found.damaged:
            assert all(found.get(key) == STRICTEST[key] for key in STRICTEST)


@settings(deadline=None)
@given(tables)
def test_whatever_table_stands_in_the_file(table):
    with File() as file:
        file.path.write_text(json.dumps(table))
        found = file.read()
        check(found)
        for key, value in table.items():
            if key in STRICTEST and not fits(key, value):
                assert found.get(key) == STRICTEST[key]
            elif key in KEYS and fits(key, value) and not found.damaged and key not in STRICTEST:
                assert found.get(key) == value


@settings(deadline=None)
@given(tables, st.lists(st.tuples(keys, values), max_size=8))
def test_whatever_is_typed(before, typed):
    with File() as file:
        file.path.write_text(json.dumps(before))
        found = file.read()
        for key, value in typed:
            was = found.get(key) if key in KEYS else None
            try:
                found.set(key, value)
            except Refused as refused:
                assert str(refused)
                assert key not in KEYS or repr(found.get(key)) == repr(was)
            else:
                assert fits(key, value) and found.get(key) == value
        shown = {key: found.get(key) for key in KEYS}
        try:
            found.save()
        except Refused:
            return
        again = file.read()
        assert not again.damaged
        assert {key: again.get(key) for key in KEYS} == shown
        check(again)
        stored = json_file.load(str(file.path))
        assert not [key for key in stored if key in KEYS and default(key) == stored[key] and key not in before]


@settings(deadline=None)
@given(tables, st.lists(st.tuples(keys, values), max_size=12))
def test_from_afar_nothing_gets_looser(before, asked):
    with File() as file:
        file.path.write_text(json.dumps(before))
        found = file.read()
        for key, value in asked:
            was = {key: found.get(key) for key in KEYS}
            try:
                found.lower(key, value)
            except Refused:
                assert {key: found.get(key) for key in KEYS} == was
                continue
            for other in KEYS:
                if other != key:
                    assert found.get(other) == was[other]
            if key in CAPS:
                assert found.get(key) <= was[key]
            elif key == "cap.shock_allowed":
                assert found.get(key) is False or was[key] is True
            else:
                assert found.get(key) == was[key]


@settings(deadline=None, max_examples=8)
@given(st.binary(max_size=200))
def test_a_file_cut_anywhere_reads_as_itself_or_as_damaged(noise):
    with File() as file:
        found = file.read()
        found.set("cap.shock", 20)
        found.set("hostname", "desk é")
        found.set("wifi", [{"ssid": "home", "key": "12345678"}])
        found.save()
        whole = file.path.read_bytes()
        for size in range(len(whole)):
            file.path.write_bytes(whole[:size])
            assert file.read().get("cap.shock") == 0
            file.path.write_bytes(whole[:size] + noise)
            cut = file.read()
            check(cut)
            assert cut.get("cap.shock") in (0, 20) or not cut.damaged
