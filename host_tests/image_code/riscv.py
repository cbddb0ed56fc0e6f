"""RISC-V functions of an image, executed by unicorn; calls into the ROM are answered from outside."""

import unicorn
from unicorn import riscv_const

from host_tests.image_code import DONE, RAM, RAM_SIZE, rom
from tools import Failure

_ROM, _ROM_SIZE, _PAGE = 0x40000000, 0x10000, 0x1000
_RETURN = b"\x82\x80"  # c.jr ra
_ARGUMENTS = tuple(getattr(riscv_const, f"UC_RISCV_REG_A{number}") for number in range(4))
_RA, _SP = riscv_const.UC_RISCV_REG_RA, riscv_const.UC_RISCV_REG_SP
_MOST_STEPS = 2_000_000


class Processor:
    """Runs functions of the image whose memory is `regions`, [(start, bytes)]. `steps`: instructions executed so far."""

    def __init__(self, chip, regions):
        self.steps = 0
        self._chip, self._fault = chip, None
        self._emulator = emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        pages = set()
        for start, size in [(start, len(data)) for start, data in regions] + [(RAM, RAM_SIZE), (_ROM, _ROM_SIZE)]:
            pages.update(range(start // _PAGE, (start + size - 1) // _PAGE + 1))
        for page in sorted(pages):
            emulator.mem_map(page * _PAGE, _PAGE)
        for start, data in regions:
            emulator.mem_write(start, data)
        emulator.mem_write(_ROM, _RETURN * (_ROM_SIZE // 2))
        emulator.hook_add(unicorn.UC_HOOK_CODE, self._step)

    def read(self, address, size):
        """Return `size` bytes."""
        return bytes(self._emulator.mem_read(address, size))

    def write(self, address, data):
        """Put bytes into memory."""
        self._emulator.mem_write(address, data)

    def call(self, function, arguments):
        """Return what the function returns, as a word. Raise Failure when it does what this processor cannot."""
        for register, word in zip(_ARGUMENTS, arguments):
            self._emulator.reg_write(register, word)
        self._emulator.reg_write(_SP, RAM + RAM_SIZE - 64)
        self._emulator.reg_write(_RA, DONE)
        self._fault = None
        before = self.steps
        self._emulator.emu_start(function, DONE, count=_MOST_STEPS)
        if self._fault:
            raise self._fault
        if self.steps - before >= _MOST_STEPS:
            raise Failure("the function does not end")
        return self._emulator.reg_read(_ARGUMENTS[0])

    def _step(self, emulator, address, size, _):
        self.steps += 1
        if _ROM <= address < _ROM + _ROM_SIZE:
            try:
                arguments = [emulator.reg_read(register) for register in _ARGUMENTS]
                emulator.reg_write(_ARGUMENTS[0], rom.answer(self._chip, address, self.read, arguments))
            except Failure as fault:  # lost in a hook: kept, and raised after the run
                self._fault = fault
                emulator.emu_stop()
