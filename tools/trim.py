"""Takes out of a library what the firmware does not use: on the device each function costs memory, used or not."""

import ast

from tools import Failure

# microdot 2.7.0, by class ("" for what is in none): forms, cookies, files, its own server and what only they need. The set-up
# page (firmware/portal.py) has connections of its own (guest.py), and sends its page itself.
_MICRODOT = {
    "": "urlencode redirect send_file abort",
    "NoCaseDict": "__delitem__ update",
    "MultiDict": "getlist",
    "AsyncBytesIO": "read readline readexactly readuntil awrite aclose",
    "Request": "_parse_urlencoded json form files",
    "Response": "set_cookie delete_cookie redirect send_file types_map",
    "URLPattern": "register_type __repr__",
    "HTTPException": "__repr__",
    "Microdot": "put patch delete query post before_request mount abort start_server run shutdown",
}
MICRODOT = [(f"{owner}." if owner else "") + name for owner, names in _MICRODOT.items() for name in names.split(" ")]


def trimmed(source, names):
    """The `source` (text) without the functions and values `names` ("Class.method" for what is in a class) and without docstrings.

    Failure when one of them is not there: another version is another library.
    """
    tree = ast.parse(source)
    missing = set(names)
    tree.body = _kept(tree.body, "", missing)
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            node.body = _kept(node.body, node.name + ".", missing)
    if missing:
        raise Failure("the library has changed, it has no " + ", ".join(sorted(missing)))
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree)


def _kept(body, start, missing):
    kept = []
    for node in body:
        names = {start + name for name in _names(node)} & missing
        missing -= names
        if not names:
            kept.append(node)
    return kept


def _names(node):
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return [node.name]
    return [target.id for target in getattr(node, "targets", []) if isinstance(target, ast.Name)]
