"""The table of docs/backends.md: whole, true, and found out when it is not."""

import pytest

from tools import Failure
from tools.pages import checklists

PAGE = f"# Backends\n{checklists.BEGIN}\nold\n{checklists.END}the end\n"


def tree(folder, **files):
    """A checkout with these checklists, {service: source}."""
    (folder / "host_tests").mkdir()
    (folder / "docs").mkdir()
    for service, source in files.items():
        (folder / "host_tests" / f"test_{service}_checklist.py").write_text(source)
    (folder / "docs" / "backends.md").write_text(PAGE)
    return folder


def test_the_page_has_a_row_for_each_test_and_all_of_them_pass():
    assert checklists.is_current(), "python3 -m tools docs --rows writes docs/backends.md"


def test_every_service_of_the_mission_has_a_checklist():
    assert {row.service for row in checklists.rows()} == set(checklists.SERVICES)


def test_a_row_is_what_its_test_says(tmp_path):
    source = '''
def test_other():
    """No row."""
async def test_row_share_welcome(hub):
    """Welcome | 0 is the owner.

    More.
    """
'''
    root = tree(tmp_path, share=source)
    assert checklists.rows(root) == [("share", "test_row_share_welcome", "Welcome | 0 is the owner.")]
    made = checklists.table(checklists.rows(root), {("share", "test_row_share_welcome"): "passes"})
    assert "| Welcome \\| 0 is the owner. | `test_row_share_welcome` | passes |" in made


@pytest.mark.parametrize("name, source", [("share", "def test_row_x():\n    pass\n"), ("sixth", "")])
def test_a_row_without_words_and_a_service_that_nobody_knows_are_refused(tmp_path, name, source):
    with pytest.raises(Failure):
        checklists.rows(tree(tmp_path, **{name: source}))


def test_how_they_ended_is_found_out_the_worst_case_counts(tmp_path):
    source = '''
import pytest
@pytest.mark.parametrize("n", [1, 2, 3])
def test_row_a(n):
    """One of its cases fails."""
    assert n != 2
def test_row_b():
    """Good."""
def test_row_c():
    """Skipped."""
    pytest.skip("no peer")
'''
    root = tree(tmp_path, fleet=source)
    assert checklists.run(root) == {
        ("fleet", "test_row_a"): "fails",
        ("fleet", "test_row_b"): "passes",
        ("fleet", "test_row_c"): "skipped",
    }
    checklists.write(root)
    text = (root / "docs" / "backends.md").read_text()
    assert text.startswith("# Backends\n") and text.endswith("the end\n") and "old" not in text
    assert "| Good. | `test_row_b` | passes |" in text and "| `test_row_a` | fails |" in text
    assert not checklists.is_current(root)


def test_a_page_without_a_place_for_them_is_refused():
    with pytest.raises(Failure, match="no place"):
        checklists.page("# Backends\n", "rows")
