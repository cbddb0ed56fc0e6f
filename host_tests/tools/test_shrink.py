"""The page is made smaller, and stays the same page. test_setup_page.py drives the small one, to see that it still works."""

import subprocess
import zlib

import pytest
from conftest import ROOT, peer_program

from tools.images import shrink_page

PAGE = """<!doctype html>
<!-- a remark -->
<style>
/* another */
a > b , i { color: red; margin: 0 calc(1px + 2px); }
@media (x: y) { a { content: "▾"; } }
</style>
<p id="a-1" title="one, two" lang="">
  <b>one</b> <b>two</b>
</p>
<script>
"use strict";
// a remark
const table = { first: ["a // no remark", "it's"], };
let counter = 1; /* one more */
counter.sure = true;
const unused = /^https?:\\/\\/[/"`]/i;
function increase(by) {
  counter += by;   // the end of the line
  return `${counter} of ${table.first} counter "${by ? word("counter") : by}"`;
}
const word = (counted) => counted
  .trim();
const first = 4 / 2 / increase(1);
</script>
"""


def test_what_is_left():
    """Own names get short; names that are properties too, and texts, do not."""
    assert shrink_page.shrink(PAGE) == (
        '<!doctype html><style>a>b,i{color:red;margin:0 calc(1px + 2px)}@media (x:y){a{content:"▾"}}</style>'
        '<p id=a-1 title="one, two" lang=""><b>one</b> <b>two</b></p><script>'
        '"use strict";let a={first:["a // no remark","it\'s"],};let b=1;b.sure=!0;let c=/^https?:\\/\\/[/"`]/i;'
        "function d(by){b+=by;"
        'return`${b} of ${a.first} counter "${by ? e("counter") : by}"`;}\nlet e=(counted)=>counted.trim();'
        "let first=4/2/d(1);"
        "</script>\n"
    )


def test_a_table_of_texts_goes_into_columns_and_is_the_same_table():
    page = PAGE.replace(
        'const table = { first: ["a // no remark", "it\'s"], };',
        'const table = {\n  first: ["a // no remark", "it\'s"],\n\n  second: ["\\"b\\"",\n    "ß {0}"],\n};',
    )
    small = shrink_page.shrink(page)
    assert '`first|second\na // no remark|"b"\nit\'s|ß {0}`.split("\\n")' in small
    with pytest.raises(ValueError, match="do not go into columns"):
        shrink_page.shrink(page.replace("ß", "a|b"))


def test_a_page_of_another_kind_is_refused():
    for page in ("<p>", "<style></style>", PAGE + "<script></script>"):
        with pytest.raises(ValueError, match="one <"):
            shrink_page.shrink(page)


def test_squeezed_is_deflate():
    data = PAGE.encode() * 3
    assert zlib.decompress(shrink_page.squeeze(data), -15) == data
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    assert len(shrink_page.squeeze(data)) <= len(squeeze.compress(data) + squeeze.flush())


@pytest.mark.peer("node")
def test_both_pages_are_javascript():
    node = peer_program("node")
    page = (ROOT / "firmware" / "www" / "index.html").read_text()
    for text in (page, shrink_page.shrink(page)):
        script = text.partition("<script>")[2].partition("</script>")[0]
        command = [node, "--check", "--input-type=commonjs"]
        done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, done.stderr
