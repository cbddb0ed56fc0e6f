"""`tools deploy` and `tools console`, with mpremote and ampy themselves, at a MicroPython on a pseudo-terminal."""

import os
import socket
import subprocess
import sys

import pytest
from conftest import ROOT, micropython

from tools import Failure, console, deploy, layout
from tools.deploy import cli, scripts, ways
from tools.images import app, pack, targets
from tools.sim import flash

if sys.platform == "win32":
    pytest.skip("there are no pseudo-terminals", allow_module_level=True)

import pty  # noqa: E402
import tty  # noqa: E402

ROWS = layout.table("4MB")
BOARD = targets.named("generic-esp32")
SLOT = 1
APP = layout.row(ROWS, "app_1")


class Board:
    """A board with MicroPython at `port`, its flash in a file."""

    def __init__(self, folder, firmware="BOARD, LAYOUT = 'generic-esp32', '4MB'\n"):
        self.folder = folder
        self.data = flash.chip(ROWS, {"ota_0": b"", "app_0": b"the other slot"})
        runs = flash.runtime_image(b"MicroPython")
        for label in ("ota_0", "ota_1"):
            row = layout.row(ROWS, label)
            self.data[row.offset : row.offset + len(runs)] = runs
        (folder / "app" / "firmware").mkdir(parents=True, exist_ok=True)
        (folder / "app" / "firmware" / "image.py").write_text(firmware)
        self.put(0, b"")

    def put(self, offset, data):
        """None; the flash has these bytes there."""
        self.data[offset : offset + len(data)] = data
        (self.folder / "flash.bin").write_bytes(self.data)

    def restart(self):
        """None; as the reset at the end of a deployment does it."""
        self._process.wait(10)
        self._start()

    def __enter__(self):
        self._ours, self._theirs = pty.openpty()  # both stay open, so that the line does not end between two programs
        tty.setraw(self._theirs)
        self.port = os.ttyname(self._theirs)
        self._start()
        return self

    def _start(self):
        self._process = subprocess.Popen(
            [micropython(), "-X", "heapsize=8M", ROOT / "host_tests" / "mp_programs" / "raw_repl.py", "app"],
            cwd=self.folder,
            env=dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:.frozen", SIM_SLOT=str(SLOT)),
            stdin=self._ours,
            stdout=self._ours,
            stderr=subprocess.DEVNULL,
        )

    def __exit__(self, *fault):
        self._process.kill()
        self._process.wait()
        os.close(self._theirs)
        os.close(self._ours)

    def app(self):
        """What is in the running slot's app partition."""
        data = (self.folder / "flash.bin").read_bytes()
        assert data[: APP.offset] == self.data[: APP.offset], "nothing else was touched"
        return data[APP.offset : APP.offset + APP.size]


@pytest.fixture
def board(tmp_path):
    with Board(tmp_path) as made:
        yield made


@pytest.fixture
def image(monkeypatch, tmp_path):
    """A function that says which firmware is deployed from now on; a small one, as compiling is not the point."""
    monkeypatch.setattr(cli, "OUT", tmp_path / "out")

    def use(text):
        made = pack.image({"firmware/app.mpy": text * 2000, "lib/x.mpy": b"x" * 9000, "y.mpy": text}, APP.size)
        monkeypatch.setattr(app, "image", lambda target, trusted: made)
        return made

    return use


def test_only_what_differs_is_written(board, image, capsys):
    first = image(b"one")
    assert deploy.main(["--port", board.port]) == 0
    assert board.app().startswith(first) and set(board.app()[len(first) :]) == {0xFF}
    blocks = len(first) // 4096
    assert f"generic-esp32, app_1: {blocks} of {blocks} blocks differ" in capsys.readouterr().out


def test_the_next_time_there_is_less_to_write(board, image, capsys):
    image(b"one")
    deploy.main(["--port", board.port, "--board", "generic-esp32"])
    board.restart()
    second = image(b"two")
    deploy.main(["--port", board.port, "--board", "generic-esp32"])
    assert board.app().startswith(second)
    board.restart()
    deploy.main(["--port", board.port, "--board", "generic-esp32"])
    told = [line for line in capsys.readouterr().out.splitlines() if "differ" in line]
    count = len(second) // 4096
    assert told[0].endswith(f"{count} of {count} blocks differ") and told[2].endswith(f"0 of {count} blocks differ")
    assert 0 < int(told[1].split()[2]) < count


def test_ampy_does_it_where_mpremote_does_not(tmp_path, image):
    made = image(b"one")
    board = Board(tmp_path / "board")
    board.put(APP.offset, made[:4096] + b"damaged" + made[4103:])
    with board:
        assert deploy.main(["--port", board.port, "--via", "ampy"]) == 0
        assert board.app().startswith(made)
        assert not (board.folder / "deploy.bin").exists()


def test_a_map_that_does_not_fit_is_refused(board, image):
    image(b"one")
    before = board.app()
    with pytest.raises(Failure, match="app_1 has 393216 bytes, the map 4MB-wide says 262144"):
        deploy.main(["--port", board.port, "--board", "generic-esp32c3"])
    assert board.app() == before


def test_a_board_that_was_never_flashed_is_told_of(tmp_path, image):
    image(b"one")
    board = Board(tmp_path / "board", firmware="raise ImportError('no module named firmware')\n")
    board.put(layout.TABLE_OFFSET, layout.binary(ROWS[:3]))
    with board:
        with pytest.raises(Failure, match="mpremote: ImportError: no module named firmware; press RESET.*--via ampy"):
            deploy.main(["--port", board.port])
        with pytest.raises(Failure, match="mpremote: .*press RESET and try again"):
            deploy.main(["--port", board.port, "--board", "generic-esp32"])


def test_a_board_that_does_not_know_its_name_is_asked_for(tmp_path, image):
    nameless = Board(tmp_path / "board", firmware="BOARD = LAYOUT = ''\n")
    with nameless as board, pytest.raises(Failure, match="does not say which one it is; --board NAME does"):
        deploy.main(["--port", board.port])


def test_what_cannot_work_is_refused_at_once(image):
    with pytest.raises(Failure, match="--mount needs mpremote"):
        deploy.main(["--port", "none", "--mount", "--via", "ampy"])
    with pytest.raises(Failure, match="there is no board 'esp8266'"):
        deploy.main(["--port", "none", "--board", "esp8266"])
    for tool in (deploy, console):
        with pytest.raises(
            Failure, match="/dev/none cannot be opened .*is (another program|`tools console` still) at it"
        ):
            tool.main(["--port", "/dev/none"])


class Person:
    """Somebody at a terminal in which a program runs."""

    def __init__(self, *words):
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.seen = b""

    def sees(self, text):
        """None once the program has written that. What it wrote instead is in the failure."""
        while text not in self.seen:
            try:
                data = os.read(self._ours, 1000)
            except OSError:  # the terminal's other side is closed
                data = b""
            assert data, self.seen
            self.seen += data

    def types(self, keys):
        os.write(self._ours, keys)

    def ends(self):
        """The exit code."""
        code = self._process.wait(20)
        os.close(self._ours)
        return code


def test_mounted_files_run_and_nothing_is_written(board, tmp_path):
    """What `deploy --mount` does once the files are compiled: the board imports them from this computer."""
    tree = tmp_path / "tree" / "firmware"
    tree.mkdir(parents=True)
    (tree / "app.py").write_text("import os\ndef run():\n    print('served from', __file__, 'in', os.getcwd())\n")
    before = board.app()
    call = "import sys; from tools.deploy import scripts, ways; ways.Mpremote(*sys.argv[1:3]).serve(sys.argv[3], scripts.RUN)"
    person = Person(sys.executable, "-c", call, board.port, str(tmp_path), str(tree.parent))
    person.sees(b"served from /remote/firmware/app.py in /")
    person.types(b"\x1d")
    assert person.ends() == 0 and board.app() == before


def test_the_tree_that_is_mounted_is_the_firmware(tmp_path, monkeypatch):
    served = []

    class Way:
        def serve(self, tree, script):
            served.append((sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*.mpy")), script))
            return 0

    monkeypatch.setattr(cli, "OUT", tmp_path)
    monkeypatch.setattr(app, "contents", lambda target: {"firmware/app.mpy": b"M", "lib/ook.mpy": b"M"})
    (tmp_path / "tree" / "lib").mkdir(parents=True)
    (tmp_path / "tree" / "lib" / "gone.mpy").write_bytes(b"of an earlier day")
    assert cli._mounted(Way(), BOARD) == 0
    assert served == [(["firmware/app.mpy", "lib/ook.mpy"], scripts.RUN)]


# --- console


def test_a_person_at_the_console(board):
    person = Person(sys.executable, "-m", "tools", "console", "--port", board.port)
    person.sees(b"Ctrl-] leaves")
    person.types(b"$repl\r")
    person.sees(b"$SYS$|Success|Everything stops")
    person.types(b"\x1d")
    assert person.ends() == 0


def test_the_console_waits_for_a_board_that_restarts():
    with socket.create_server(("127.0.0.1", 0)) as server:
        person = Person(
            sys.executable, "-m", "tools", "console", "--port", f"socket://127.0.0.1:{server.getsockname()[1]}"
        )
        for number, told in enumerate((b"Ctrl-] leaves", b"there again")):
            line, _ = server.accept()
            with line:
                person.sees(told)
                person.types(b"x")
                assert line.recv(10) == b"x"
                line.sendall(f"start {number}\r\n".encode())
                person.sees(f"start {number}".encode())
                if number:
                    person.types(b"\x1d")
                    assert person.ends() == 0
        assert b"gone; waiting for it" in person.seen


def test_lines_from_a_file_are_sent_and_answered(board):
    done = subprocess.run(
        [sys.executable, "-m", "tools", "console", "--port", board.port],
        cwd=ROOT, input="$repl\n", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "$SYS$|Success|Everything stops\n>>> ")


def test_the_firmware_is_asked_to_leave(board):
    ways.quiet(board.port)
    with console.opened(board.port) as line:
        line.write(b"\x01")
        assert line.read_until(b">").endswith(b"raw REPL; CTRL-B to exit\r\n>")
