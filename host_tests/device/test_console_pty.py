"""The console on a real pseudo-terminal, on MicroPython: an Improv client provisions it, tools speak to it, mpremote gets in."""

import json
import random
import subprocess
import sys

import pytest
from conftest import ROOT, peer_module, run_micropython
from improv_client import Cable, Client, Reader, Refused

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")

SETTINGS = '{"board":"generic-esp32s3","hostname":"kitchen"}'


def noise(seed, size):
    """Bytes that may be anything, the same ones each time."""
    return random.Random(seed).randbytes(size)


def test_the_reader_reads_as_the_client_does():
    state = b"IMPROV\x01\x01\x01\x02\xe2"
    assert Reader().feed(b"\n" + state + b"\n") == [(1, b"\x02")]
    assert Reader().feed(b"a log line" + state + b"\n") == []
    assert Reader().feed(b"short\n" + state + b"\n") == [(1, b"\x02")]
    assert Reader().feed(b"short" + state + b"\n" + state) == [(1, b"\x02")]
    ten = b"IMPROV\x01\x04\x0a\x05\x08\x07kitchen"
    assert Reader().feed(ten + bytes([sum(ten) & 0xFF]) + b"\n") == []


def test_a_client_provisions_the_device_with_noise_before_and_after():
    with Cable(SETTINGS) as cable:
        cable.write(noise(1, 300))
        cable.hear(0.3)
        client = Client(cable.read, cable.write)
        assert client.state() == (2, [])
        assert client.call(3)[2:4] == ["ESP32-S3", "kitchen"]
        assert client.call(5)[0] == "kitchen"
        assert client.scan() == [("cabin", -40, True), ("Füchse 🦊", -71, True), ("café", -9, False)]
        with pytest.raises(Refused, match="3"):
            client.provision("cabin", "wrong password")
        assert client.states.pop() == 3 and client.packet(1) == (1, b"\x02")
        assert client.provision("cabin", "12345678") == ["http://192.168.0.20/"]
        assert client.states == [3, 4]
        assert client.state() == (4, ["http://192.168.0.20/"])
        cable.write(noise(2, 300))
        cable.hear(0.3)
        cable.write(b"\n$networks\n")
        heard = cable.until(b"}]\r\n")
        assert b"|Networks|[{" in heard and b'"ssid":"cabin"' in heard and b"12345678" not in heard


def test_a_client_that_meets_a_booting_device_is_answered_when_it_is_up():
    with Cable(SETTINGS) as cable:
        client = Client(cable.read, cable.write)
        cable.write(b"IMPROV\x01\x03\x02\x02")  # the reset came in between
        cable.hear(0.3)
        for _ in range(3):
            client.send(2)
        assert [client.packet(1) for _ in range(3)] == [(1, b"\x02")] * 3
        with pytest.raises(Refused, match="2"):
            client.call(77)
        cable.write(b"IMPROV\x01\x03\x02\x02\x00\x00\n")
        with pytest.raises(Refused, match="1"):
            client.answer(2)


def test_openshocks_tools_are_answered_among_log_lines():
    with Cable(SETTINGS) as cable:
        cable.write(b"$sysinfo\n")
        assert b"$SYS$|Response|WiFiInfo|Connected|false\r\n" in cable.until(b"|Connected|true\r\n")
        cable.write(b"\njsonconfig\n")
        line = cable.until(b"}}\r\n").rpartition(b"|JsonConfig|")[2].partition(b"\r\n")[0]
        assert json.loads(line)["wifi"]["hostname"] == "kitchen"
        order = '{"model":"caixianlin","id":7,"type":"sound","intensity":0,"durationMs":1000}'
        cable.write(f"$rftransmit {order}\n".encode())
        cable.until(b"$SYS$|Success|Command sent\r\n")
        cable.write(b"\x03")
        cable.until(b">>> ")


@pytest.mark.peer("mpremote")
def test_mpremote_gets_into_the_repl_of_the_running_program():
    peer_module("mpremote")
    with Cable(SETTINGS) as cable, cable.port() as port:
        # without `resume` it asks for a soft reset as well, at which this port of MicroPython ends its process
        command = [sys.executable, "-m", "mpremote", "connect", port, "resume", "exec", "print(6 * 7)"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert (done.returncode, done.stdout) == (0, "42\n"), done.stderr


def test_what_mpremote_sends_without_a_pause_leads_into_the_raw_repl():
    with Cable(SETTINGS) as cable:
        cable.write(b"help\r\x03\r\x01")
        cable.until(b"raw REPL; CTRL-B to exit\r\n>")
        cable.write(b"print(2 + 2)\x04")
        assert b"OK4" in cable.until(b"\x04\x04>")


def test_a_million_bytes_of_noise_leave_nothing_behind():
    done = run_micropython("host_tests/programs/garbage.py", 1 << 20, heap="256wK", timeout_s=110)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["answer"] == "$SYS$|Response|EStop|clear" and told["left"] == 0
    assert told["after"] - told["before"] < 1024
    assert told["said"] > 100_000


def test_on_cpython_a_pipe_is_a_line_too():
    stubs, dress = ROOT / "host_tests" / "stubs", ROOT / "host_tests" / "cpython"
    child = ROOT / "host_tests" / "programs" / "console_child.py"
    code = (
        f"import sys; sys.path[:0] = {[str(dress), str(stubs), str(ROOT)]!r}; sys.argv = ['-', {SETTINGS!r}];"
        f"import dress, keyboard; keyboard.put_on(); exec(open({str(child)!r}).read())"
    )
    process = subprocess.Popen(
        [sys.executable, "-u", "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        process.stdin.write("$hostname\n")
        process.stdin.flush()
        lines = iter(process.stdout.readline, "")
        assert next(line for line in lines if "$SYS$" in line).strip() == "$SYS$|Response|Hostname|kitchen"
        process.stdin.close()
        assert "nothing to do" in next(lines), "it lives on without anybody at the other end"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
