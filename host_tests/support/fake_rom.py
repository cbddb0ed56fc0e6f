"""The boot loader of an ESP32, S2, S3 or C3 on a TCP port, for esptool's `socket://`: its ROM, its stub, a flash, later a console.

The protocol is Espressif's (esptool's documentation, "Serial Protocol"): SLIP frames; a request is 00, command, length, sum,
data; an answer 01, command, length, value, data, two bytes of status (four from the ROM). The flash behaves as NOR: writing
only clears bits, so what was not erased stays damaged.
"""

import hashlib
import socket
import struct
import threading
import zlib

from tools.flash import official
from tools.images import layout, runtime

MAGIC_REGISTER = 0x40001000
MAGIC = {"esp32": 0x00F01D83, "esp32s2": 0x000007C6}
CHIP_IDS = {"esp32s3": 9, "esp32c3": 5, "esp32c6": 13}
# where the SPI controller of each chip begins: (base, W0, USR2)
SPI = {"esp32": (0x3FF42000, 0x80, 0x24), "esp32s2": (0x3F402000, 0x58, 0x20)}
SPI_NEW = (0x60002000, 0x58, 0x20)
# {register: value} of fuses by which a chip's revision is found: v0.4 of a C3, the others are v0.0
REVISIONS = {"esp32c3": {0x60008850: 4 << 18}}
SIZE_CODES = {1: 0x14, 2: 0x15, 4: 0x16, 8: 0x17, 16: 0x18}
M = 1024 * 1024

SECURITY, MD5, ERASE_REGION, READ = 0x14, 0x13, 0xD1, 0xD2
STUB_ONLY = {0xD0, ERASE_REGION, READ}


def unslipped(line):
    """Yields the frames that come over a socket, until it ends. C0 stands before and behind each; between two, nothing."""
    rest = b""
    while data := line.recv(65536):
        *frames, rest = (rest + data).split(b"\xc0")
        for frame in filter(None, frames):
            yield frame.replace(b"\xdb\xdc", b"\xc0").replace(b"\xdb\xdd", b"\xdb")


def slipped(frame):
    """The bytes of a frame on the line."""
    return b"\xc0" + frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0"


class FakeBoard:
    """One board. `flash` is its content, `log` the commands it got; `unplug_at`, an address, pulls the cable there.

    Used as a context manager; `port` is what esptool takes. The first connection is its boot loader; once something was
    written and the line was closed, the next one finds what the flash starts: `answers` ({bytes typed: lines}) when that is
    bootable. Whatever a real board says by itself may be said before somebody listens, so this one only answers.
    """

    def __init__(self, chip="esp32", flash_mb=4, answers=None):
        self.chip, self.answers = chip, dict(answers or {})
        self.flash = bytearray(b"\xff" * flash_mb * M)
        self.flash_id = SIZE_CODES[flash_mb] << 16 | 0x40EF
        self.log, self.typed = [], b""
        self.written = 0
        self.unplug_at = None
        self.flips, self.flips_after = None, 0  # an address that reads back wrong, after so many sums
        self.registers = {MAGIC_REGISTER: MAGIC.get(chip, 0), **REVISIONS.get(chip, {})}
        self._stub = False
        self._server = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.port = f"socket://127.0.0.1:{self._server.getsockname()[1]}"

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *fault):
        self._server.close()

    def put(self, offset, data):
        """None; the flash has these bytes there."""
        self.flash[offset : offset + len(data)] = data

    def bootable(self):
        """Whether the chip would start what is on the flash: boot loader, flash map, and the first runtime are whole."""
        at = official.BOOT_LOADER_AT[self.chip]
        try:
            loader = official.boot_loader(bytes(self.flash[at : layout.TABLE_OFFSET]))
            rows = layout.parsed(bytes(self.flash[layout.TABLE_OFFSET :][: layout.TABLE_SIZE]))
            first = next(row for row in rows if row.type == layout.APP)
            runs = runtime.read(bytes(self.flash[first.offset : first.offset + first.size]))
        except (ValueError, StopIteration):
            return False
        ends = max(row.offset + row.size for row in rows)
        return loader.chip == runs.chip == self.chip and ends <= (official.flash_bytes(loader.data) or 0)

    def _serve(self):
        while True:
            try:
                line, _ = self._server.accept()
            except OSError:
                return
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with line:
                try:
                    if self.written:
                        self._talk(line)
                    else:
                        self._load(line)
                except (ConnectionError, _Unplugged):
                    self._stub = False

    def _talk(self, line):
        """The firmware's console, or the boot loader's lament."""
        runs = self.bootable()
        while data := line.recv(1000):
            self.typed += data
            for question, answer in self.answers.items():
                if question in data:
                    told = answer if runs else ["invalid header: 0xffffffff"]
                    line.sendall("".join(text + "\r\n" for text in told).encode())

    def _load(self, line):
        self._line = line
        for frame in unslipped(line):
            if len(frame) == 4:  # how much of a reading has come; nobody answers that
                continue
            direction, command, length, check = struct.unpack_from("<BBHI", frame)
            data = frame[8:]
            assert direction == 0 and length == len(data), frame
            self.log.append(command)
            self._obey(command, data, check)

    def _obey(self, command, data, check):
        handler = _COMMANDS.get(command)
        if handler is None or command in STUB_ONLY and not self._stub:
            self._answer(command, status=b"\x01\x05")
        else:
            handler(self, command, data, check)

    def _answer(self, command, value=0, data=b"", status=b"\0\0"):
        data += status + (b"" if self._stub else b"\0\0")
        self._line.sendall(slipped(struct.pack("<BBHI", 1, command, len(data), value) + data))

    # --- what both know

    def _sync(self, command, data, check):
        assert data == b"\x07\x07\x12\x20" + 32 * b"\x55"
        for _ in range(8):
            self._answer(command, value=0 if self._stub else 0x20120707)

    def _security(self, command, data, check):
        number = CHIP_IDS.get(self.chip)
        if self.chip == "esp32" or number is None and self.chip != "esp32s2":
            return self._answer(command, status=b"\x01\x05")
        told = struct.pack("<IB7s", 0, 0, bytes(7))
        return self._answer(command, data=told + (struct.pack("<II", number, 0) if number else b""))

    def _read_register(self, command, data, check):
        self._answer(command, value=self.registers.get(struct.unpack("<I", data)[0], 0))

    def _write_register(self, command, data, check):
        base, words, usr2 = SPI.get(self.chip, SPI_NEW)
        for at in range(0, len(data), 16):
            address, value = struct.unpack_from("<II", data, at)
            if address == base and value & 1 << 18:  # the SPI command runs, and is over at once
                code = self.registers.get(base + usr2, 0) & 0xFF
                self.registers[base + words] = self.flash_id if code == 0x9F else 0
            else:
                self.registers[address] = value
        self._answer(command)

    def _fine(self, command, data, check):
        self._answer(command)

    def _begin(self, command, data, check):
        size, _, _, offset = struct.unpack_from("<IIII", data)
        if offset + size > len(self.flash):
            return self._answer(command, status=b"\x01\x06")
        self._at, self._left = offset, size
        self._unpack = zlib.decompressobj() if command == 0x10 else None
        if not self._stub:
            self._blank(offset, size)
        return self._answer(command)

    def _data(self, command, data, check):
        length = struct.unpack_from("<I", data)[0]
        piece = data[16:]
        total = 0xEF
        for byte in piece:
            total ^= byte
        if length != len(piece) or total != check:
            return self._answer(command, status=b"\x01\x07")
        piece = self._unpack.decompress(piece) if self._unpack else piece
        if self._stub:  # it erases as it goes, and knows how long the whole is
            piece = piece[: self._left]
            self._left -= len(piece)
            begin, end = -(-self._at // 4096) * 4096, -(-(self._at + len(piece)) // 4096) * 4096
            self._blank(begin, end - begin)
        self._program(piece)
        return self._answer(command)

    def _blank(self, offset, size):
        begin, end = offset // 4096 * 4096, -(-(offset + size) // 4096) * 4096
        self.flash[begin:end] = b"\xff" * (end - begin)

    def _program(self, piece):
        unplugged = self.unplug_at is not None and self._at <= self.unplug_at < self._at + len(piece)
        piece = piece[: self.unplug_at - self._at] if unplugged else piece
        before = int.from_bytes(self.flash[self._at : self._at + len(piece)], "little")
        after = before & int.from_bytes(piece, "little")
        self.flash[self._at : self._at + len(piece)] = after.to_bytes(len(piece), "little")
        self._at += len(piece)
        self.written += len(piece)
        if unplugged:
            self._line.shutdown(socket.SHUT_RDWR)
            raise _Unplugged

    def _sum(self, command, data, check):
        offset, size = struct.unpack_from("<II", data)
        seen = bytearray(self.flash[offset : offset + size])
        if self.flips is not None and offset <= self.flips < offset + size and self.log.count(MD5) > self.flips_after:
            seen[self.flips - offset] ^= 1
        made = hashlib.md5(seen)
        self._answer(command, data=made.digest() if self._stub else made.hexdigest().encode())

    # --- the ROM alone

    def _read_slowly(self, command, data, check):
        offset, size = struct.unpack("<II", data)
        self._answer(command, data=bytes(self.flash[offset : offset + size]).ljust(64, b"\0"))

    def _run(self, command, data, check):
        self._answer(command)
        self._stub = True
        self._line.sendall(slipped(b"OHAI"))

    # --- the stub alone

    def _erase(self, command, data, check):
        offset, size = struct.unpack("<II", data) if data else (0, len(self.flash))
        self._blank(offset, size)
        self._answer(command)

    def _read(self, command, data, check):
        offset, size, block, _ = struct.unpack("<IIII", data)
        seen = bytes(self.flash[offset : offset + size])
        self._answer(command)
        frames = [slipped(seen[at : at + block]) for at in range(0, size, block)]
        self._line.sendall(b"".join(frames) + slipped(hashlib.md5(seen).digest()))


class _Unplugged(Exception):
    """The cable was pulled."""


_COMMANDS = {
    0x02: FakeBoard._begin,
    0x03: FakeBoard._data,
    0x04: FakeBoard._fine,
    0x05: FakeBoard._fine,
    0x06: FakeBoard._run,
    0x07: FakeBoard._fine,
    0x08: FakeBoard._sync,
    0x09: FakeBoard._write_register,
    0x0A: FakeBoard._read_register,
    0x0B: FakeBoard._fine,
    0x0D: FakeBoard._fine,
    0x0E: FakeBoard._read_slowly,
    0x0F: FakeBoard._fine,
    0x10: FakeBoard._begin,
    0x11: FakeBoard._data,
    0x12: FakeBoard._fine,
    MD5: FakeBoard._sum,
    SECURITY: FakeBoard._security,
    0xD0: FakeBoard._erase,
    ERASE_REGION: FakeBoard._erase,
    READ: FakeBoard._read,
}
