"""lib/ as a package for `mip`, MicroPython's installer: package.json, and the modules beside it as they are in the sources. No I/O.

An installation has them as `lib.websocket` and so on, below MicroPython's own folder for modules.
"""

import json

FILE = "package.json"


def files(root, version):
    """Return {path: bytes} of the package: package.json names each module by a path of its own server. It needs no other one."""
    modules = {
        path.relative_to(root).as_posix(): path.read_bytes().replace(b"\r\n", b"\n")
        for path in sorted((root / "lib").rglob("*.py"))
    }
    package = {"urls": [[path, path] for path in modules], "deps": [], "version": version}
    return {FILE: json.dumps(package, indent=1).encode() + b"\n", **modules}
