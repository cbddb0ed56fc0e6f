"""The modules of one board as sources for those who build MicroPython with ESP-IDF, and the manifest that freezes them.

They are the same as in an image of ours: what holds machine code is in one module of bytes, as it would run from flash
otherwise (DESIGN §3).
"""

from tools.freeze import compiler, machine_code
from tools.images import modules

MANIFEST = "manifest.py"
_OPTIMISE = 2  # no asserts; docstrings go, line numbers stay


def write(folder, target, trusted=(), changes=None):
    """Write the sources for a Target and MANIFEST into `folder`, in a folder of the board's name. Return that folder."""
    place = folder / target.title
    texts = modules.sources(target, trusted, changes)
    made = modules.compiled(target, trusted, changes)
    kept = {path: text for path, text in texts.items() if path in made}
    if machine_code.MODULE in made:
        native = {}
        for path in sorted(set(texts) - set(kept)):
            native[path] = compiler.compiled(path, texts[path], target.architecture)
        kept[machine_code.MODULE] = machine_code.module_source(native)
    lines = [f"module({path!r}, opt={_OPTIMISE})" for path in sorted(kept) if "/" not in path]
    lines += [
        f"package({top!r}, opt={_OPTIMISE})" for top in sorted({path.split("/")[0] for path in kept if "/" in path})
    ]
    kept[MANIFEST] = "\n".join(['include("$(PORT_DIR)/boards/manifest.py")', *lines]) + "\n"
    for path, text in kept.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text, encoding="utf-8", newline="\n")
    return place
