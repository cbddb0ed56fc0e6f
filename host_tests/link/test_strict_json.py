"""JSON as the desk tools read it: all that is taken can be written again, all else is refused in words."""

import json

import pytest

from tools.common import strict_json

TAKEN = [
    (b'{"a":[1,-2.5e3,true,null,"\\u00e9"]}', {"a": [1, -2500.0, True, None, "é"]}),
    ('"é🏠"'.encode(), "é🏠"),
    (b'"\\ud83c\\udfe0"', "🏠"),
    (b"\xef\xbb\xbf{}", {}),  # an editor's mark
    ('{"a":"é"}', {"a": "é"}),
    (b"1e300", 1e300),
]
REFUSED = [
    (b"", "Expecting"),
    (b"{", "Expecting"),
    (b"[truefalse]", "delimiter"),
    (b"NaN", "NaN is not JSON"),
    (b"[-Infinity]", "-Infinity is not JSON"),
    (b"1e400", "too large"),
    (b"[" * 100_000, "nested too deeply"),
    (b"9" * 5000, "4300"),
    (b'"\\ud800"', "half a surrogate pair"),
    (b'{"\\udc00":1}', "half a surrogate pair"),
    (b'[{"a":["\\ud83c\\ud83c\\udfe0"]}]', "half a surrogate pair"),
    ('"\ud800"', "half a surrogate pair"),
    (b'"\xed\xa0\x80"', "no UTF-8"),
    (b'"\xff"', "no UTF-8"),
    ('{"a":1}'.encode("utf-16"), "UTF-16"),
    ('{"a":1}'.encode("utf-16-le"), ""),
    (b"\xef\xbb\xbf\xef\xbb\xbf{}", ""),
]


@pytest.mark.parametrize(("data", "value"), TAKEN)
def test_what_is_taken_can_be_written_again(data, value, tmp_path):
    assert strict_json.loads(data) == value
    path = tmp_path / "x.json"
    path.write_text(json.dumps(strict_json.loads(data), ensure_ascii=False, allow_nan=False), encoding="utf-8")
    assert strict_json.load(path) == value


@pytest.mark.parametrize(("data", "words"), REFUSED, ids=lambda it: str(it)[:20])
def test_what_is_refused_is_a_value_error_of_one_line(data, words):
    with pytest.raises(ValueError) as caught:
        strict_json.loads(data)
    assert words in str(caught.value) and "\n" not in str(caught.value)
