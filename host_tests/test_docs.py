"""The pages that are made from the firmware: up to date, whole, and found out when they are not."""

import re

import pytest

from firmware import settings, settings_help
from tools import Failure, docs


def test_the_page_of_the_settings_is_up_to_date():
    docs.main(["--check"])


def test_the_page_has_a_row_for_each_setting_with_all_that_the_table_knows():
    rows = {}
    for line in docs.settings_page().splitlines():
        found = re.fullmatch(r"\| `([^`]+)` \| `(.*?)` \| (.*?) \| (.*) \|", line)
        if found:
            rows[found[1]] = found.groups()[1:]
    assert list(rows) == settings.names()
    assert rows["portal.key"][:2] == ('""', "none, or 8-63 characters") and rows["portal.key"][2].endswith(" Secret.")
    assert rows["cap.rest_ms"][:2] == ("2000", "1000-60000")
    for key, cells in rows.items():
        assert settings_help.help_of(key) in cells[2]


def test_a_page_that_is_out_of_date_is_found_out_and_written_anew(tmp_path, monkeypatch):
    page = tmp_path / "docs" / "settings.md"
    monkeypatch.setattr(docs, "SETTINGS", page)
    with pytest.raises(Failure, match="python3 -m tools docs"):
        docs.main(["--check"])
    assert docs.main([]) == 0 and docs.main(["--check"]) == 0
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    with pytest.raises(Failure):
        docs.main(["--check"])
