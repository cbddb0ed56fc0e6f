"""Makes the set-up page small for the device: no comments, no spare blanks, short names for its own functions; packed by zopfli.

It knows what that page is written in, not all of HTML: one <style> and one <script>, every statement ended by a semicolon, no
template within a template, a slash of a regular expression only behind an opening bracket, a comma, = or an operator.
"""

import itertools
import json
import re
import string
import zlib

import zopfli.zlib

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/                      # comments
    |"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`       # texts
    |(?<=[(=,!&|?:])\s*/(?![/*])(?:[^/\\\n\[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+/\w*
    |[\w$]+|\s+|.""",
    re.S | re.X,
)
_OWN = re.compile(r"^ *(?:const|let|function|async function) ([\w$]+)", re.M)
_HOLE = re.compile(r"\$\{([^{}]*)\}")  # in a template
_SHORTER = {"const": "let", "true": "!0", "false": "!1"}  # the same to the browser
_VALUE = re.compile(r'="([\w.:/,-]+)"(?=[ >])')  # HTML asks for quotes only around what has others than these
_TABLE = re.compile(r"^const (\w+) = \{\n((?:  \w+: \[[^\]]*\],\n|\n)+)\};$", re.M)  # rows of as many texts each
_ROW = re.compile(r"  (\w+): (\[[^\]]*\]),\n")
_NO_BREAK_AFTER = "{;,(|&:?=>"
_NO_BREAK_BEFORE = "});.?:|&="


def shrink(page):
    """Return the same page (str) in fewer characters. Raise ValueError when it is not built as it has to be."""
    parts = {}
    for tag, less in (("style", _css), ("script", _script)):
        found = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        if len(found) != 1:
            raise ValueError(f"one <{tag}> is needed, not {len(found)}")
        parts[f"<{tag}></{tag}>"] = f"<{tag}>{less(found[0])}</{tag}>"
        page = page.replace(f"<{tag}>{found[0]}</{tag}>", f"<{tag}></{tag}>")
    page = re.sub(r"<!--.*?-->", "", page, flags=re.S)
    page = re.sub(r"\s*\n\s*", "\n", page)
    page = re.sub(r">\n<", "><", page)
    page = _VALUE.sub(r"=\1", page)
    for empty, full in parts.items():
        page = page.replace(empty, full)
    return page


def squeeze(data):
    """Return the raw DEFLATE stream of `data` (RFC 1951), some 4 % smaller than zlib's best."""
    packed = zopfli.zlib.compress(data)[2:-4]
    assert zlib.decompress(packed, -15) == data
    return packed


def _css(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"\s+", " ", text)
    text = re.sub(r" ?([{};,>]) ?", r"\1", text).replace(": ", ":")
    return text.replace(";}", "}").strip()


def _columns(match):
    """Return the same table by columns: all names, all first texts, all second ones. Equal things stand together, unquoted."""
    rows = [[name, *json.loads(texts)] for name, texts in _ROW.findall(match[2])]
    if len({len(row) for row in rows}) > 1 or re.search(r"[|`\\\n]|\$\{", "".join(map("".join, rows))):
        raise ValueError(f"texts of {match[1]} that do not go into columns")
    columns = "\n".join(map("|".join, zip(*rows)))
    return f"""const {match[1]} = {{}};
(([names, ...texts]) => names.forEach((name, i) => {{ {match[1]}[name] = texts.map((column) => column[i]); }}))(`{columns}`
  .split("\\n").map((line) => line.split("|")));"""


def _script(text):
    text = _TABLE.sub(_columns, text)
    tokens = []
    for token in (match[0] for match in _TOKEN.finditer(text)):
        if token.isspace() or token.startswith(("//", "/*")):
            blank = "\n" if "\n" in token or tokens and tokens[-1] == "\n" else " "
            if tokens and tokens[-1] in " \n":
                tokens.pop()
            tokens.append(blank)
        else:
            tokens.append(_SHORTER.get(token, token.strip()))
    return "".join(_renamed(_tight(tokens), _OWN.findall(text)))


def _tight(tokens):
    """Return the tokens without the blanks that nothing needs."""
    kept = []
    for i, token in enumerate(tokens):
        if token in " \n":
            before = tokens[i - 1][-1] if i else "{"
            after = tokens[i + 1][0] if i + 1 < len(tokens) else "}"
            if token == " " and not (_in_word(before) and _in_word(after)):
                continue
            if token == "\n" and (before in _NO_BREAK_AFTER or after in _NO_BREAK_BEFORE):
                continue
        kept.append(token)
    return kept


def _in_word(letter):
    return letter.isalnum() or letter in "_$"


def _renamed(tokens, own):
    """Return the tokens with names of one and two letters for what the script itself declares at its outermost level.

    A name that is also a property somewhere, or might be one, is left alone.
    """
    properties = set()
    for before, token, after in zip([""] + tokens, tokens, tokens[1:] + [""]):
        if before == "." or before in ("{", ",") and after in (":", ",", "}"):
            properties.add(token)
    inside = [re.findall(r"[\w$]+", hole) for token in tokens if token[0] == "`" for hole in _HOLE.findall(token)]
    taken = set(tokens).union(*inside)
    letters = string.ascii_letters
    free = (n for n in itertools.chain(letters, map("".join, itertools.product(letters, repeat=2))) if n not in taken)
    names = {name: next(free) for name in own if name not in properties and len(name) > 2}

    def rename(match):
        return names.get(match[0], match[0])

    def fill(match):
        return re.sub(r'"[^"]*"|(?<![.\w$])[\w$]+', rename, match[0])

    return [_HOLE.sub(fill, token) if token[0] == "`" else names.get(token, token) for token in tokens]
