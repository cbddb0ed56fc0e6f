"""Every command, called wrongly: one line says why, nothing was written, and nothing that was typed moves the cursor.

A new command gets its rows in ROWS; that its options have checked types is found out by itself.
"""

import argparse
import errno
import io
import os
import pathlib
import socket

import pytest

from tools import console
from tools.__main__ import COMMANDS
from tools.__main__ import main as tools
from tools.common import arguments
from tools.common.printable import one_line, printable, printable_lines, reason
from tools.sim import Teller

ESCAPE = "a\x1b[31mb"
LONG = "n" * 5000
HUGE = "9" * 5000
WITHOUT_A_PARSER = {"test"}  # its arguments are pytest's

# what may stand where a file is read, a folder is written into, a key is named, …: nothing of it is one
NO_FILES = ("", ESCAPE, "a\nb", LONG, "FOLDER", "missing", "FILE/below")
NO_FOLDERS = ("", ESCAPE, LONG, "FILE", "FILE/below")
NO_KEYS = ("", ".", "..", "/", "FOLDER/", ESCAPE, LONG, "missing", "FILE/below")
NO_NUMBERS = ("", "x", "-1", "1e3", "1.5", "nan", "0x", "²", "٣", HUGE, ESCAPE, "1_0", " 1")
NO_PORTS = (*NO_NUMBERS, "65536", "99999")
NO_HOSTS = ("", ESCAPE, "a\udcff", "a b\t", "..", "x" * 64, LONG, "é" * 70)
NO_VERSIONS = ("", "1", "1.2", "1.2.3-01", "01.2.3", "1.2.3-", "1.2.3+", "1.2.3\n", "v1.2.3", "1.2.3.4", ESCAPE, LONG)

BOARD = ("build", "--board", "simulated")
DRY = ("flash", "--dry-run", "--board", "generic-esp32", "--image", "FILE")

# words with one place, @, for what is bad there · the bad ones
ROWS = [
    (("sim", "--port=@"), NO_PORTS),
    (("sim", "--host=@"), NO_HOSTS),
    (("sim", "--backend=@"), ("", "x", ESCAPE)),
    (("hub", "--port=@"), NO_PORTS),
    (("hub", "--host=@"), NO_HOSTS),
    (("hub", "--config=@", "--tls-key", "FILE"), (*NO_FILES, "FILE", "DAMAGED", "UTF16")),
    (("hub", "--tls-cert=@"), (*NO_FILES, "FILE")),
    (("hub", "--tls-cert", "FILE", "--tls-key=@"), NO_FILES),
    (("hub", "--tls-key=@"), ("FILE",)),
    (("serve-updates", "@"), (*NO_FILES[:4], "missing", "FILE", "FILE/below")),
    (("serve-updates", "FOLDER", "--port=@"), NO_PORTS),
    (("serve-updates", "FOLDER", "--host=@"), NO_HOSTS),
    (("serve-updates", "FOLDER", "--tls-cert=@"), (*NO_FILES, "FILE")),
    (("serve-updates", "FOLDER", "--tls-cert", "FILE", "--tls-key=@"), NO_FILES),
    (("serve-updates", "FOLDER", "--tls", "--tls-cert=@"), ("FILE",)),
    (("ws-echo", "@"), ("", "x", "http://x/", "ws://", "ws://h:99999/", "ws://h:-1/", "ws://a b/", ESCAPE, LONG)),
    (("ws-echo", "wss://127.0.0.1:1/", "--ca=@"), ("", ESCAPE, LONG, "missing", "FILE/below")),
    (("ws-echo", "ws://127.0.0.1:1/", "--max-size=@"), (*NO_NUMBERS, "0")),
    (("rf", "@"), ("", "x", ESCAPE)),
    (("rf", "decode", "@"), (*NO_FILES, "FILE", "DAMAGED.ook", "DAMAGED.vcd", "DAMAGED.trace", "HUGE.ook", "HUGE.vcd")),
    (("rf", "decode", "GOOD.vcd", "--wire=@"), ("", "x", ESCAPE, LONG)),
    (("rf", "decode", "GOOD.vcd", "--tolerance=@"), (*NO_NUMBERS, "0", "301")),
    (("rf", "plot", "GOOD.vcd", "-o", "@"), ("", ESCAPE, "x.gif", "FOLDER", "FILE/below.png", LONG + ".png")),
    (("rf", "plot", "GOOD.vcd", "-o", "out.png", "--frame=@"), (*NO_NUMBERS, "0", "9")),
    (("rf", "plot", "GOOD.vcd", "-o", "out.png", "--title=@"), ("", ESCAPE, "a\udcff")),
    (("rf", "export", "GOOD.vcd", "-o", "@"), ("", ESCAPE, "x.gif", "FOLDER", "FILE/below.ook", LONG + ".vcd")),
    (("rf", "encode", "@", "1", "shock", "5"), ("", "x", ESCAPE, LONG)),
    (("rf", "encode", "d80", "@", "shock", "5"), (*NO_NUMBERS, "65536")),
    (("rf", "encode", "d80", "1", "@", "5"), ("", "x", ESCAPE, LONG)),
    (("rf", "encode", "d80", "1", "shock", "@"), (*NO_NUMBERS, "101")),
    (("rf", "encode", "d80", "1", "shock", "5", "--channel=@"), (*NO_NUMBERS, "9")),
    (("rf", "encode", "d80", "1", "shock", "5", "--repeat=@"), (*NO_NUMBERS, "0", "10001")),
    (("rf", "encode", "d80", "1", "shock", "5", "-o", "@"), ("", ESCAPE, "x.gif", "FOLDER", "FILE/below.ook")),
    ((*BOARD, "--out=@"), NO_FOLDERS),
    ((*BOARD, "--frozen=@"), NO_FOLDERS),
    ((*BOARD, "--web=@"), (*NO_FOLDERS, "new")),  # the simulated board has no flash to write
    ((*BOARD, "--publish=@", "--key", "GOOD"), NO_FOLDERS),
    ((*BOARD, "--publish=@"), ("new",)),  # without a key
    ((*BOARD, "--key=@"), NO_KEYS),
    ((*BOARD, "--trust=@"), NO_KEYS),
    ((*BOARD, "--version=@"), NO_VERSIONS),
    (
        (*BOARD, "--date=@"),
        ("", "today", "2026-13-01", "2026-02-30", "2026-1-1", "20260101", "٢٠٢٦-01-01", ESCAPE, LONG),
    ),
    (("build", "--board", "@"), ("", "x", "../x", ESCAPE, LONG)),
    (("build", "--board", "generic-esp32", "--image=@"), (*NO_FILES, "FILE")),
    (("build", "--micropython=@"), ("", "x", "newest", ESCAPE)),
    (("build", "--channel=@"), ("", "x", ESCAPE)),
    (("release", "@", "--key", "GOOD"), NO_VERSIONS),
    (("release", "1.2.3", "--key=@"), NO_KEYS[:7]),
    (("release", "1.2.3", "--key", "GOOD", "--trust=@"), NO_KEYS[5:7]),
    (("release", "1.2.3", "--key", "GOOD", "--out=@"), NO_FOLDERS),
    ((*DRY[:-1], "@"), (*NO_FILES, "FILE")),
    ((*DRY, "--settings=@"), (*NO_FILES, "FILE", "UTF16")),
    ((*DRY, "--wifi", "@", "12345678"), ("", "a\udcff", LONG)),
    ((*DRY, "--wifi", "x", "@"), ("1234567", ESCAPE, LONG)),
    ((*DRY, "--kept=@"), (*NO_FILES, "FILE")),
    ((*DRY, "--backup=@"), ("", ".", "FOLDER", ESCAPE)),
    ((*DRY, "--app=@"), (*NO_FILES, "FILE")),
    ((*DRY, "--trust=@"), NO_KEYS),
    ((*DRY, "--layout=@"), ("", "sim", ESCAPE)),
    ((*DRY, "--chip=@"), ("", "esp8266", ESCAPE)),
    ((*DRY, "--out=@"), NO_FOLDERS),
    ((*DRY, "--baud=@"), (*NO_NUMBERS, "0")),
    ((*DRY, "--flash-size=@"), (*NO_NUMBERS, "0", "999MB")),
    ((*DRY, "--wait=@"), ("", "x", "-1", "nan", "inf", "1e400", HUGE, ESCAPE)),
    (("flash", "--board", "@", "--image", "FILE"), ("", "x", ESCAPE, LONG)),
    (("console", "--port=@"), ("", ESCAPE, LONG, "FILE", "FOLDER", "missing", "socket://h:99999")),
    (("deploy", "--port=@"), ("", ESCAPE, LONG, "FILE", "FOLDER", "missing")),
    (("deploy", "--board=@"), ("", "x", ESCAPE)),
    (("deploy", "--trust=@"), NO_KEYS),
    (("deploy", "--mount", "@"), ("", ESCAPE, LONG, "FILE", "FOLDER", "missing")),
    (("deploy", "--via=@"), ("", "x", ESCAPE)),
    (("keys", "@"), ("", ".", "..", "/", "FOLDER", "FOLDER/", ESCAPE, LONG, "FILE/below", "GOOD")),
    (("keys", "new", "--height=@"), (*NO_NUMBERS, "0", "6")),
    (("keys", "GOOD", "--skip-to=@"), (*NO_NUMBERS, "33")),
    (("keys", "--show", "@"), (*NO_KEYS, "DAMAGED")),
    (("sign", "@", "--key", "GOOD"), (*NO_FILES, ".", "/")),
    (("sign", "FILE", "--key=@"), (*NO_KEYS, "DAMAGED")),
    (("freeze", "@", "out.bin", "FOLDER"), (*NO_FILES, "FILE")),
    (("freeze", "FILE", "@", "FOLDER"), ("", ".", "..", "/", "FOLDER", ESCAPE)),
    (("freeze", "FILE", "out.bin", "FOLDER", "--heap=@"), NO_NUMBERS),
    (("freeze", "FILE", "out.bin", "FOLDER", "-O", "@"), (*NO_NUMBERS[:2], "4", ESCAPE)),
    (("bench", "@"), ("", "x", ESCAPE, LONG)),
    (("docs", "@"), ("", "x", ESCAPE, LONG)),
    (("check", "@"), ("", "x", ESCAPE, LONG)),
    (("@",), ("", "x", ESCAPE, LONG)),
]
LOCKS = {"GOOD.lock", "DAMAGED.lock"}  # of keys that are there; they stay, empty


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A folder with the things that the words in capitals name; nothing in it changes."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "FOLDER").mkdir()
    (folder / "FILE").write_text("x\n")
    for name in (
        "DAMAGED",
        "DAMAGED.ook",
        "DAMAGED.vcd",
        "DAMAGED.trace",
        "DAMAGED.prv",
        "DAMAGED.pub",
        "DAMAGED.used",
    ):
        (folder / name).write_bytes(b"\xff\x00{[\x1b[31m")
    (folder / "UTF16").write_bytes("{}".encode("utf-16"))
    (folder / "HUGE.ook").write_text(f"{HUGE} {HUGE}\n")
    (folder / "HUGE.vcd").write_text(f"$timescale 1us $end $var wire 1 ! RF_TX $end $enddefinitions $end #{HUGE} 1!\n")
    before = os.getcwd()
    os.chdir(folder)
    try:
        assert tools(["rf", "encode", "caixianlin", "1", "shock", "5", "-o", "GOOD.vcd"]) == 0
        assert tools(["keys", "GOOD", "--height", "5"]) == 0
        yield folder
    finally:
        os.chdir(before)


def content(folder):
    return {path.relative_to(folder).as_posix(): path.is_file() and path.read_bytes() for path in folder.rglob("*")}


def wrong(words, capsys):
    """The line on stderr of a call that is refused; and no word on stdout."""
    capsys.readouterr()
    code = tools(list(words))
    told = capsys.readouterr()
    assert code in (1, 2) and told.out == "", (code, told)
    return told.err


@pytest.mark.parametrize(("row", "bad"), ROWS, ids=[" ".join(words) for words, _ in ROWS])
def test_what_is_typed_wrongly_is_one_line(row, bad, desk, capsys, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    monkeypatch.setattr(os, "execve", None)  # no program begins
    there = content(desk)
    for each in bad:
        words = [word.replace("@", each) for word in row]
        told = wrong(words, capsys)
        lines = told.split("\n")[:-1]
        assert told.endswith("\n") and lines, words
        assert lines[0].startswith("python3 -m tools" if row == ("@",) else f"python3 -m tools {row[0]}: "), lines
        assert len(lines) == 1 or row[0] == "@", lines
        for line in lines:
            assert line.isprintable() and len(line) < 1200, line
            assert "Traceback" not in line and "Errno" not in line.partition("cannot be opened")[0], line
    now = content(desk)
    assert now.keys() - LOCKS == there.keys() - LOCKS and now["GOOD.prv"] == there["GOOD.prv"]


def nobody_knows(host, *_, **__):
    """As a name server that knows no names."""
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


@pytest.mark.parametrize("command", [("sim", "--plain"), ("hub",), ("serve-updates", "FOLDER")], ids=lambda it: it[0])
def test_where_nobody_can_listen_is_said(command, desk, capsys, monkeypatch):
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = str(busy.getsockname()[1])
        assert "address already in use" in wrong((*command, "--host", "127.0.0.1", "--port", port), capsys)
    assert "192.0.2.1" in wrong((*command, "--host", "192.0.2.1", "--port", "0"), capsys)  # RFC 5737: of no machine
    monkeypatch.setattr(socket, "getaddrinfo", nobody_knows)
    told = wrong((*command, "--host", "256.1.1.1", "--port", "0"), capsys)
    assert "256.1.1.1" in told and "not known" in told and told.count("\n") == 1


def test_a_place_that_is_not_ours_to_write_in_is_found_out_before_the_work(desk, capsys, monkeypatch):
    monkeypatch.setattr(os, "access", lambda place, how: False)
    told = wrong((*BOARD, "--out", "new"), capsys)
    assert "argument --out: nothing can be written into " in told and told.count("\n") == 1
    assert not (desk / "new").exists()


@pytest.mark.parametrize(
    "fault",
    [OSError(errno.ENOSPC, "No space left on device"), PermissionError(errno.EACCES, "Permission denied", "/a\x1b/b")],
)
def test_what_the_disk_says_is_one_line(fault, desk, capsys, monkeypatch):
    def write(*_):
        raise fault

    monkeypatch.setattr("tools.docs.main", write)
    assert wrong(("docs",), capsys) == f"python3 -m tools docs: {reason(fault)}\n"
    assert "\x1b" not in reason(fault)


def test_a_fault_of_ours_keeps_its_traceback(capsys, monkeypatch):
    def broken(*_):
        raise ConnectionResetError(errno.ECONNRESET, "Connection reset by peer")

    monkeypatch.setattr("tools.docs.main", broken)
    with pytest.raises(ConnectionResetError):
        tools(["docs"])


class Seen(Exception):
    """The parser is known."""


def options(command, monkeypatch):
    """[(how it is called, argparse's action)] of all that takes a value at that command."""
    parsers = []

    def parse(self, *_, **__):
        parsers.append(self)
        raise Seen

    with monkeypatch.context() as patch:
        for name in ("parse_args", "parse_intermixed_args"):
            patch.setattr(argparse.ArgumentParser, name, parse)
        with pytest.raises(Seen):
            tools([command])
    found = []
    while parsers:
        parser = parsers.pop()
        assert isinstance(parser, arguments.Parser), f"{parser.prog}: not tools.common.arguments.Parser"
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers += list({id(one): one for one in action.choices.values()}.values())
            elif action.nargs != 0:
                found.append((f"{parser.prog} {action.option_strings or action.dest}", action))
    return found


# their own rules, each with rows above
CHECKED_LATER = (
    "sim",
    "flash ['--wifi']",
    "release version",
    "build ['--version']",
    "bench names",
    "rf encode model",
    "rf encode action",
    "build ['--board']",
    "release ['--board']",
)


@pytest.mark.parametrize("command", sorted(set(COMMANDS) - WITHOUT_A_PARSER))
def test_every_option_has_a_type_that_refuses(command, monkeypatch):
    assert any(row[0][0] == command for row in ROWS)
    for called, action in options(command, monkeypatch):
        if action.choices is not None or called.removeprefix("python3 -m tools ") in CHECKED_LATER:
            continue
        for typed in ("", ESCAPE, "a\nb\x07"):
            with pytest.raises((argparse.ArgumentTypeError, ValueError)):
                (action.type or str)(typed)
                raise AssertionError(f"{called} takes {typed!r}")


def test_what_is_right_is_taken(desk):
    assert [arguments.port(each) for each in ("0", "1", "65535", "0x50")] == [0, 1, 65535, 80]
    assert [arguments.number(-3, 3)(each) for each in ("-3", "+3", "0")] == [-3, 3, 0]
    for host in ("127.0.0.1", "0.0.0.0", "::", "::1", "localhost", "my-pc.local", "bücher.example"):
        assert arguments.host(host) == host
    for path in ("a", "/", ".", "..", "a b", "ü", "a\udcff", "C:\\x"):
        assert arguments.path(path) == pathlib.Path(path)
    assert arguments.new_file("new/it") == pathlib.Path("new/it")
    assert arguments.folder("new/below/it") == pathlib.Path("new/below/it") and not os.path.exists("new")
    assert arguments.seconds("0.25") == 0.25 and arguments.date("2028-02-29") == "2028-02-29"


def test_what_a_device_says_moves_no_cursor(capsys, monkeypatch):
    """A device repeats names that came by the network: in the simulator, and where the console is asked by a script."""
    teller = Teller(argparse.Namespace(json=False, demo=False))
    teller.event({"event": "log", "line": "a\x1b[2Jb"})
    teller.event({"event": "step", "ok": True, "step": 1, "of": 1, "what": "w", "heard": "\x9b31m"})
    assert capsys.readouterr().out == "a?[2Jb\nok   1/1 w\n       heard: ?31m\n"
    monkeypatch.setattr(console, "_QUIET_S", 0.1)
    said = []
    console._answers("loop://", ["\x1b[2Jé\x07\u202e", "\udcff".encode("utf-8", "replace").decode()], said.append)
    assert "".join(said) == "?[2Jé??\n?\n"


def test_a_key_without_a_name_is_written_nowhere(tmp_path, monkeypatch, capsys):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("", ".", "..", "./", "../"):
        assert wrong(("keys", name), capsys)
    assert list(tmp_path.rglob("*")) == [tmp_path / "here"]


def test_only_what_is_to_be_seen_is_printed():
    for nasty in ("\x1b[2J", "\x07", "\x9b31m", "\r", "\x00", "\x7f", "\u202e", "\u2066", "\ud800", "\u2028", "\ufeff"):
        assert printable(f"a{nasty}b").isprintable() and printable(f"a{nasty}b")[0] == "a"
    assert printable("Grüße, 世界 🏠 – 5 %") == "Grüße, 世界 🏠 – 5 %"
    assert printable_lines("a\r\nb\tc\x1b\n") == "a\nb c?\n"
    assert one_line("x" * 9000).startswith("xxx") and len(one_line("x" * 9000)) < 1100 and " … " in one_line("x" * 9000)
    assert reason(OSError("a\nb")) == "a?b"
