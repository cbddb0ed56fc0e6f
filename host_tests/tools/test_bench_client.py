"""The client bench comes to its end with every client that is installed, and measures what it says."""

import asyncio
import json

from conftest import micropython

from tools.bench import Report, client


def test_each_client_gets_a_figure_in_each_round():
    micropython()
    figures = asyncio.run(client.measure(2, [[20, 1], [200, 1], [200, 10]], 10))
    assert set(figures) >= {"ours (MicroPython)", "pysignalr", "signalrcore", "aiosignalr", "@microsoft/signalr"}
    installed = {name: rounds for name, rounds in figures.items() if rounds}
    assert "ours (MicroPython)" in installed
    for name, rounds in installed.items():
        assert [len(values) for values in rounds.values()] == [2, 2, 2, 2] or "socket" in name
        assert all(value > 0 for values in rounds.values() for value in values), name
        assert all(p50 <= p99 for p50, p99 in zip(rounds["p50"], rounds["p99"], strict=True))


def test_what_is_not_installed_is_a_row_that_says_so(capsys):
    figures = {
        "ours (MicroPython)": None,
        "pysignalr": None,
        "aiosignalr": {"one": [3.0, 1, 2], "ten": [9], "p50": [5], "p99": [7]},
    }
    client.show(Report(as_json=True), figures)
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert rows[0]["value"] == "not installed" and "ours" in rows[0]["name"]
    assert [(row["value"], row["note"]) for row in rows if "aiosignalr" in row["name"]][0] == (2, "[1–3]")
    assert not any("ours to pysignalr" in row["name"] for row in rows)
