"""A client of ESP Web Tools, as far as it reads and writes bytes: its rules, written anew from its behaviour, on a pseudo-terminal.

It looks at lines: a line that has nine bytes and does not begin with IMPROV is thrown away up to its line feed; whatever comes
behind those nine bytes belongs to the packet, line feeds included. A line feed among the nine begins a new line.
"""

import contextlib
import os
import select
import subprocess
import threading
import time

from conftest import ROOT, micropython


class Reader:
    """Bytes in, packets (type, data) out."""

    def __init__(self):
        self._line = bytearray()
        self._missing = None  # bytes until the packet is whole; None: it is not known whether it is one
        self._deaf = False  # until the next line feed

    def feed(self, data):
        """The packets that `data` completes. AssertionError for a wrong sum: the device never makes one."""
        found = []
        for byte in data:
            if self._deaf:
                self._deaf = byte != 10
            elif self._missing is not None:
                self._line.append(byte)
                self._missing -= 1
                if self._missing == 0:
                    found.append(self._packet())
            elif byte == 10:
                self._line.clear()
            else:
                self._line.append(byte)
                if len(self._line) == 9:
                    self._look()
        return found

    def _look(self):
        if self._line.startswith(b"IMPROV"):
            self._missing = self._line[8] + 1
        else:
            self._deaf = True
            self._line.clear()

    def _packet(self):
        line = bytes(self._line)
        self._line.clear()
        self._missing = None
        assert line[6] == 1 and sum(line[:-1]) & 0xFF == line[-1]
        return line[7], line[9:-1]


class Refused(Exception):
    """The device answered with an error: its code."""


class Client:
    """One command at a time; `read()` gives what arrived in a moment, `write(bytes)` sends."""

    def __init__(self, read, write):
        self._read = read
        self._write = write
        self._reader = Reader()
        self._waiting = []
        self.states = []

    def send(self, command, payload=b""):
        """None; a request is on its way, with the line feed that the client appends."""
        data = bytes([command, len(payload)]) + payload
        packet = b"IMPROV\x01\x03" + bytes([len(data)]) + data
        self._write(packet + bytes([sum(packet) & 0xFF, 10]))

    def packet(self, timeout_s):
        """The next packet. TimeoutError."""
        until = time.monotonic() + timeout_s
        while not self._waiting:
            if time.monotonic() > until:
                raise TimeoutError("Improv Wi-Fi Serial not detected")
            self._waiting += self._reader.feed(self._read())
        return self._waiting.pop(0)

    def answer(self, command, timeout_s=30):
        """The texts of the next answer to `command`; states on the way are kept. Refused for an error."""
        while True:
            kind, data = self.packet(timeout_s)
            if kind == 1:
                self.states.append(data[0])
            elif kind == 2 and data[0]:
                raise Refused(data[0])
            elif kind == 4 and data[0] == command:
                return _texts(data)

    def call(self, command, payload=b""):
        """As `answer`, to a request that is sent."""
        self.send(command, payload)
        return self.answer(command)

    def state(self, timeout_s=1):
        """(state, URLs): the first contact. The client gives up after a second, once the device has booted."""
        self.send(2)
        while True:
            kind, data = self.packet(timeout_s)
            if kind == 1:
                break
        return data[0], self.answer(2) if data[0] == 4 else []

    def provision(self, ssid, key):
        """The URLs that the device tells once it has joined. Refused."""
        return self.call(1, b"".join(bytes([len(text.encode())]) + text.encode() for text in (ssid, key)))

    def scan(self):
        """[(name, rssi, secured)], up to the empty answer at the end."""
        self.send(4)
        found = []
        while texts := self.answer(4):
            found.append((texts[0], int(texts[1]), texts[2] != "NO"))
        return found


def _texts(data):
    texts = []
    at = 2
    while at < 2 + data[1]:
        texts.append(data[at + 1 : at + 1 + data[at]].decode())
        at += 1 + data[at]
    return texts


def _line():
    """Both ends of a pseudo-terminal that leaves every byte as it is."""
    import pty  # Windows has none
    import tty

    near, far = pty.openpty()
    tty.setraw(far)
    return near, far


class Cable:
    """`with Cable(settings) as cable`: host_tests/programs/console_child.py on MicroPython, at one end of a pseudo-terminal."""

    def __init__(self, settings="{}"):
        self._settings = settings
        self._near, self._far = _line()

    def __enter__(self):
        environment = dict(os.environ, MICROPYPATH=f"{ROOT / 'host_tests' / 'stubs'}:{ROOT}:.frozen")
        program = "host_tests/programs/console_child.py"
        self.process = subprocess.Popen(
            [micropython(), "-X", "heapsize=512wK", "-i", program, self._settings],
            stdin=self._far,
            stdout=self._far,
            stderr=self._far,
            cwd=ROOT,
            env=environment,
            start_new_session=True,
        )
        self.until(b"nothing to do\r\n")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        os.close(self._near)
        os.close(self._far)

    def read(self, timeout_s=0.05):
        """What the device said; nothing, when it says nothing for a moment."""
        ready, _, _ = select.select([self._near], [], [], timeout_s)
        return os.read(self._near, 4096) if ready else b""

    def hear(self, seconds):
        """What the device says in that time: silence is what a broken packet ends with."""
        heard = b""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            heard += self.read()
        return heard

    def write(self, data):
        """None; to the device, which reads no faster than it reads."""
        while data:
            data = data[os.write(self._near, data[:64]) :]

    def until(self, wanted, timeout_s=20):
        """Everything up to `wanted`. AssertionError when it does not come."""
        heard = b""
        end = time.monotonic() + timeout_s
        while wanted not in heard:
            assert time.monotonic() < end, heard[-2000:]
            heard += self.read()
        return heard

    @contextlib.contextmanager
    def port(self):
        """The name of a serial port that leads to the device, for a program of somebody else."""
        near, far = _line()
        stop = threading.Event()
        carrier = threading.Thread(target=self._carry, args=(near, stop))
        carrier.start()
        try:
            yield os.ttyname(far)
        finally:
            stop.set()
            carrier.join()
            os.close(near)
            os.close(far)

    def _carry(self, near, stop):
        while not stop.is_set():
            for end in select.select([near, self._near], [], [], 0.05)[0]:
                os.write(self._near if end == near else near, os.read(end, 4096))
