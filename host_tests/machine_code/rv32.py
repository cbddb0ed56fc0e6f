"""RISC-V machine code (ESP32-C3, C6) executed by unicorn, one instruction at a time, so that each costs its time."""

import unicorn
from unicorn import riscv_const

from host_tests.machine_code.machine import CODE, DONE, HELPERS, RAM, RAM_SIZE, Machine

_RETURN = b"\x82\x80"  # c.jr ra
_PAGE = 0x1000
_REGISTERS = (riscv_const.UC_RISCV_REG_A0, riscv_const.UC_RISCV_REG_A1, riscv_const.UC_RISCV_REG_A2)
_A0, _A1, _A2 = _REGISTERS
_A3, _SP, _RA = riscv_const.UC_RISCV_REG_A3, riscv_const.UC_RISCV_REG_SP, riscv_const.UC_RISCV_REG_RA


class Rv32(Machine):
    """`call` runs a function that mpy-cross made for `rv32imc`."""

    def _run(self, code, arguments, stack):
        emulator = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV32)
        emulator.mem_map(CODE, 0x10000)
        emulator.mem_write(CODE, code)
        emulator.mem_map(HELPERS, _PAGE)
        emulator.mem_write(HELPERS, _RETURN * (_PAGE // 2))
        emulator.mem_map(RAM, RAM_SIZE)
        emulator.mem_write(RAM, bytes(self.ram))
        for page in sorted({address & ~(_PAGE - 1) for address in self._addresses()}):
            emulator.mmio_map(page, _PAGE, self._read, page, self._write, page)
        emulator.hook_add(unicorn.UC_HOOK_CODE, self._step)
        for register, word in zip((_A0, _A1, _A2, _A3, _SP, _RA), arguments + (stack, DONE)):
            emulator.reg_write(register, word)
        self._fault = None
        emulator.emu_start(CODE, DONE)
        if self._fault:
            raise self._fault
        self.ram[:] = emulator.mem_read(RAM, RAM_SIZE)

    def _addresses(self):
        chip = self.chip.silicon
        return chip.set + chip.clear + chip.input + (chip.update, chip.value)

    def _step(self, emulator, address, size, _):
        if HELPERS <= address < HELPERS + _PAGE:
            self._guard(emulator, self._answer, emulator, address)
            return
        self.instructions += 1
        self.chip.ns += self.instruction_ns

    def _answer(self, emulator, address):
        emulator.reg_write(_A0, self._help(address, emulator.reg_read(_A0)))

    def _read(self, emulator, offset, size, page):
        return self._guard(emulator, self.chip.read, page + offset) or 0

    def _write(self, emulator, offset, size, word, page):
        self._guard(emulator, self.chip.write, page + offset, word)

    def _guard(self, emulator, act, *arguments):
        """A fault in a hook is lost in unicorn: kept, and raised after the run."""
        try:
            return act(*arguments)
        except (AssertionError, KeyError, IndexError, RuntimeError) as fault:
            self._fault = fault
            emulator.emu_stop()
