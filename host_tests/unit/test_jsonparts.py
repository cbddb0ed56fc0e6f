"""JSON in pieces: whatever the cuts, the same objects come out, and what is no JSON is found out."""

import json

from lib.jsonparts import Parts
from lib.strict_json import loads

LIST = (
    '{"message":"","data":['
    '{"shockers":[{"name":"r\\u00e9d } ] \\" \\\\","id":"a","rfId":1},{"name":"\\ud83d\\udc15","id":"b"}],"id":"x"},'
    '{"shockers":[],"id":"y","more":{"deep":[{"not":"ours"}]}}, {"id":"z","shockers":[ { } ] }]}'
).encode()
WANTED = [(5, {"name": 'réd } ] " \\', "id": "a", "rfId": 1}), (5, {"name": "🐕", "id": "b"})]
WANTED += [(3, {"shockers": [None, None], "id": "x"})]
WANTED += [(3, {"shockers": [], "id": "y", "more": {"deep": [{"not": "ours"}]}}), (5, {})]
WANTED += [(3, {"id": "z", "shockers": [None]})]


def taken(text, step, depths=(3, 5), most=4096):
    """(what was given away, what is left) of a text that comes `step` bytes at a time; ValueError."""
    parts = Parts(depths, most)
    found = []
    for at in range(0, len(text), step):
        for each in parts.feed(text[at : at + step]):
            found.append(each)
    return found, parts.rest()


def fails(text, step=7, **more):
    """True when it is found out."""
    try:
        taken(text, step, **more)
    except ValueError:
        return True
    return False


def test_whatever_the_cuts_the_same_comes_out():
    for step in (1, 2, 3, 5, 7, 11, 64, 1000):
        assert taken(LIST, step) == (WANTED, {"message": "", "data": [None, None, None]}), step


def test_only_elements_of_lists_at_these_depths_are_given_away():
    text = b'{"a":{"b":{}},"c":[{"d":[{}]},1,[{}]]}'
    assert taken(text, 1, (3,)) == ([(3, {"d": [{}]})], {"a": {"b": {}}, "c": [None, 1, [{}]]})
    assert taken(text, 1, (4,)) == ([(4, {})], {"a": {"b": {}}, "c": [{"d": [{}]}, 1, [None]]})
    assert taken(text, 1, ()) == ([], loads(text))
    assert taken(b"[{}]", 1, (2,)) == ([(2, {})], [None]) and taken(b"{}", 1, (1,)) == ([], {})


def test_what_is_no_json_is_found_out_wherever_it_is_cut():
    for text in (
        b"", b"[", b"]", b"[{]}", b"[{}", b"{}}", b'[{"a":1} {"b":2}]', b"[{}{}]", b"[1{}]", b"[{}1]", b"[{}.5]",
        b'[{"a"}]', b'[{"a":tru}]', b'[{"a":"\xff"}]', b'["\xc3"]', b'[{"a":"', b'["\\', b'[{"a":"x\n"}]', b"[null{}]",
        b"[{}null]", b"[" * 65 + b"]" * 65, b"{" * 65 + b"}" * 65, b"[{},]", b"[{}]x", b"nul",
    ):  # fmt: skip
        for step in (1, 2, 1000):
            assert fails(text, step, depths=(2, 3, 4, 5)), text


def test_every_cut_text_is_found_out():
    for end in range(len(LIST)):
        assert fails(LIST[:end], 13), end


def test_what_waits_is_bounded():
    text = json.dumps([{"a": "x" * 90}] * 100).encode()
    assert len(taken(text, 10, (2,), 1000)[0]) == 100
    assert fails(text, 10, depths=(), most=1000)
    assert fails(b'[{"a":"' + b"x" * 2000 + b'"}]', 10, depths=(2,), most=1000)
