"""The pages of docs/: what is made from the firmware is up to date and whole, and links lead somewhere."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import ROOT

from firmware.config import settings
from firmware.console import usage
from firmware.hardware import gpio_rules
from lib import plugins
from tools import Failure, docs, pages
from tools.pages import boards, console, lamp, safety
from tools.pages import settings as settings_page
from tools.pages.setting_descriptions import HELP

PAGES = sorted((ROOT / "docs").glob("*.md"))
TOP = [path for path in sorted(ROOT.glob("*.md")) if path.name != "CHANGELOG.md"]  # made of commits
ALL = [*TOP, *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / ".github").rglob("*.md"))]
# what people do not know who are new here: these words are for nothing else on these pages (reference/layout.md)
PRIVATE = re.compile(
    r"\b(roof|rooms|a room|stairs?|fingers?|twins|seldom|errands?|knock(s|ed)?|wish(es|ed)?|goodbyes?|ledger|keepsake|plugs"
    r"|the house|this house)\b",
    re.I,
)


def cells(text):
    """The rows of the tables in `text`: lists of texts."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_the_pages_are_up_to_date():
    assert docs.main(["--check"]) == 0


def test_the_page_has_a_row_for_each_setting_with_all_that_the_table_knows():
    rows = {}
    for line in settings_page.page().splitlines():
        found = re.fullmatch(r"\| `([^`]+)` \| `(.*?)` \| (.*?) \| (.*) \|", line)
        if found:
            rows[found[1]] = found.groups()[1:]
    assert list(rows) == settings.names()
    assert rows["portal.key"][:2] == ('""', "none, or 8-63 characters") and rows["portal.key"][2].endswith(" Secret.")
    assert rows["cap.rest_ms"][:2] == ("2000", "1000-60000")
    for key, words in rows.items():
        assert HELP[key] in words[2]


def test_each_setting_has_one_line_of_help_and_no_other_has():
    assert list(HELP) == settings.names()
    for key, line in HELP.items():
        assert 15 < len(line) <= 180 and line[-1] == ".", key


def test_every_command_of_the_console_is_told_once_with_its_help():
    told = {row[0]: row[1] for row in cells(console.page()) if row[0].startswith("`")}
    assert len(told) == len(usage._USAGE) == len(usage.lines("")) - 1
    for name, what in usage._USAGE:
        assert told[f"`{name}`".replace("|", "\\|")].replace("`***`", "***") == what
    assert "### More" not in console.page()


def test_improvs_requests_are_those_that_are_answered():
    from firmware.console import improv_provisioning

    assert [number for number, *_ in console.REQUESTS] == sorted(improv_provisioning._ANSWERS)


def test_each_board_and_chip_has_a_row():
    rows = {row[0]: row for row in cells(boards.table_of_boards())}
    assert rows["`openshock-core-v2`"] == ["`openshock-core-v2`", "ESP32-S3", "8 MB", "1", "38", "13", "14", "0"]
    assert rows["`seeed-xiao-esp32s3`"][5] == "21 (low is on)"
    assert (
        len(rows) == 1 + len(list((ROOT / "firmware" / "boards").glob("[!_]*.py"))) - 1
    )  # the head; not the simulated one
    pins = {row[0]: row[1:] for row in cells(boards.table_of_pins())}
    assert pins["ESP32-C3"] == ["0, 1, 3, 10", "2, 8", "0, 1, 3, 10"]
    assert pins["ESP32"][1] == "2, 5, 12, 15"


def test_the_lamps_signals_are_told_as_they_shine():
    rows = cells(lamp.table_of_signals())[1:]
    assert len(rows) == len(lamp.MEANINGS) == 10
    assert rows[3][:2] == ["0.5 s on, 0.5 s off", "red, 0.5 s on, 0.5 s off"] and "Emergency stop" in rows[3][2]
    assert rows[6][:2] == ["1.5 s on, 0.5 s off", "cyan, breathing"]
    assert rows[7][:2] == ["a flash every 10.1 s", "green, a flash every 10.1 s"]
    assert rows[9][:2] == ["3 flashes, 0.7 s dark", "blue, 3 flashes, 0.7 s dark"]


def test_each_rule_of_safety_names_tests_that_are_there():
    assert len(safety.RULES) == 27 and set(safety.tests()) == set(range(1, 28))
    page = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_s\d\d_\w+)`", page))
    there = {name for held in safety.tests().values() for _, name in held}
    assert named == there and len(named) > 80


def test_what_is_out_of_date_is_found_out_and_written_anew(tmp_path):
    shutil.copytree(ROOT / "docs", tmp_path / "docs", ignore=shutil.ignore_patterns("pictures"))
    assert docs.main(["--check"], tmp_path) == 0
    for name in ("settings.md", "wiring.md", "wiring-estop.svg"):
        page = tmp_path / "docs" / name
        text = page.read_text(encoding="utf-8")
        page.write_text(
            text.replace("4 MB", "5 MB").replace("whole", "hole").replace("safer", "better"), encoding="utf-8"
        )
        with pytest.raises(Failure, match=f"docs/{name} is not up to date: python3 -m tools docs"):
            docs.main(["--check"], tmp_path)
        assert docs.main([], tmp_path) == 0 and page.read_text(encoding="utf-8") == text


def test_a_place_for_nothing_is_refused():
    assert pages.filled("a\n<!-- made: x -->\nold\n<!-- end -->\nb", {"x": lambda: "new\n"}) == (
        "a\n<!-- made: x -->\nnew\n<!-- end -->\nb"
    )
    with pytest.raises(Failure, match="nobody makes the part 'y', only x"):
        pages.filled("<!-- made: y -->\n<!-- end -->", {"x": str})


def prose(path):
    """The text of a page without its code blocks and code spans."""
    return re.sub(r"```.*?```|`[^`\n]+`", "", path.read_text(encoding="utf-8"), flags=re.S)


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_a_page_has_no_private_words(path):
    assert [found[0] for found in PRIVATE.finditer(prose(path))] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_the_files_that_a_page_names_are_there(path):
    """Those of the examples of docs/adding-a-….md are made by whoever follows them."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    examples = set(re.findall(r"^`(firmware/\w+/\w+\.py)`:$", text, re.M))
    named = set(
        re.findall(r"`((?:firmware|lib|tools|host_tests|docs|\.github|\.ci)/[\w./*-]+|(?:boot|main)\.py)`", text)
    )
    assert [name for name in sorted(named - examples) if not any(ROOT.glob(name))] == []


@pytest.mark.parametrize("path", ALL, ids=lambda path: path.name)
def test_links_lead_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.S)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if not link.startswith(("http://", "https://")):
            name, _, place = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            assert target.exists(), f"{path.name}: {link}"
            if place:
                titles = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), re.M)
                assert place in [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles], link


def test_settings_that_a_page_shows_are_taken_as_they_stand():
    shown = []
    for path in [ROOT / "README.md", *PAGES, ROOT / "docs" / "wokwi" / "settings.json"]:
        text = path.read_text(encoding="utf-8")
        blocks = [text] if path.suffix == ".json" else re.findall(r"```json\n(.*?)```", text, re.S)
        shown += [json.loads(block) for block in blocks]
    assert len(shown) >= 2
    for table in shown:
        for key, value in table.items():
            assert key in settings.names() and settings.fits(key, value), f"{key}: {settings.wanted(key)}"
        board = plugins.load("firmware.boards", table["board"].replace("-", "_"))
        assert gpio_rules.refused(board, table["rf.pin"], table.get("estop.pin")) == ""


def test_every_page_is_in_the_table_of_contents():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [path.name for path in PAGES if f"](docs/{path.name})" not in readme] == []


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.svg")), ids=lambda path: path.name)
def test_a_drawing_is_whole_and_its_words_are_on_the_sheet(path):
    sheet = ElementTree.parse(path).getroot()
    width, height = int(sheet.get("width")), int(sheet.get("height"))
    words = [it for it in sheet.iter() if it.tag.endswith("}text")]
    assert len(words) >= 8 and sheet.find("{http://www.w3.org/2000/svg}title").text
    for it in words:
        assert 0 < float(it.get("x")) < width and 0 < float(it.get("y")) < height
