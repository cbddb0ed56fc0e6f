"""What importing a module costs in the simulator, and nothing on a chip that has it frozen: tables, constants, heads of code.

MicroPython's unix port runs bytecode in place from a ROMFS; what its loader makes beside that lies in the heap. Sources, words of
64 bits: py/persistentcode.c, py/emitglue.h (mp_raw_code_t), py/bc.h (mp_module_constants_t), py/obj*.h.
"""

from tools.freeze import bytecode, mpy_file

_BLOCK, _WORD = 32, 8
_TEXT = 4 * _WORD  # type, hash, length, address; the bytes themselves are used where they lie
_SMALL = 1 << 62
_MOST_STATIC = 1000
_CLASS_BODY = bytes(
    (0x11, 0x16)
)  # MP_BC_LOAD_NAME __name__, MP_BC_STORE_NAME __module__: how a class begins (py/compile.c)


def costs(modules):
    """Return {"lib.url": bytes} for {"lib/url.py": .mpy bytes}; those with machine code are left out, as chips load them, too."""
    read = _read(modules)
    known = {name.decode() for module in read for name in module.qstrs}
    return {_dotted(module.name): _cost(module, known) for module in read}


def names(modules):
    """Return the names (texts, sorted) that a chip has in flash with these modules, but those of more than a line."""
    found = {name.decode() for module in _read(modules) for name in module.qstrs}
    return sorted(name for name in found if name.splitlines() == [name])


def _read(modules):
    static = [b""] * _MOST_STATIC  # texts of no interest here
    return [mpy_file.read(path, data, static) for path, data in modules.items() if not mpy_file.is_native(data)]


def _dotted(path):
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _cost(module, known):
    tables = -(-2 * len(module.qstrs) // _WORD) * _WORD + _WORD * len(module.objects)
    constants = sum(_constant(value, known) for value in module.objects)
    return _blocks(tables) + constants + sum(map(_kept, module.function.children))


def _blocks(size):
    return -(-size // _BLOCK) * _BLOCK


def _constant(value, known):
    if isinstance(value, tuple):
        return _blocks((2 + len(value)) * _WORD) + sum(_constant(part, known) for part in value)
    if isinstance(value, (str, bytes)):
        return 0 if value in known else _blocks(_TEXT)
    if isinstance(value, bool) or value is None or value is Ellipsis:
        return 0
    if isinstance(value, int):
        return 0 if abs(value) < _SMALL else 2 * _BLOCK
    return _BLOCK


def _kept(function):
    """Return what the description of a function's inner functions takes; of a class's body only theirs stay."""
    if not function.children:
        return 0
    if _is_class_body(function):
        return sum(map(_kept, function.children))
    described = _blocks(_WORD * len(function.children)) + _BLOCK * len(function.children)
    return described + sum(map(_kept, function.children))


def _is_class_body(function):
    code = bytecode.prelude(function.code, 0).code
    return bytes((function.code[code], function.code[code + 2])) == _CLASS_BODY
