"""JSON of strangers: what is taken, what is refused, and what can be written. RFC 8259."""

from lib import strict_json


def _refused(text):
    try:
        value = strict_json.loads(text)
    except ValueError as fault:
        return str(fault)
    raise AssertionError((text, value))


def test_every_kind_of_value_is_read():
    text = b' { "a" : [ 1 , -2.5e+3 , true , false , null , "x" ] , "b" : { } , "c" : [ ] , "" : 0 } \r\n\t'
    assert strict_json.loads(text) == {"a": [1, -2500.0, True, False, None, "x"], "b": {}, "c": [], "": 0}
    for text, value in ((b"0", 0), (b"-0", 0), (b'""', ""), (b"[[[]]]", [[[]]]), (b"1E5", 1e5), (b"0.5", 0.5)):
        assert strict_json.loads(text) == value


def test_big_ints_are_kept():
    assert strict_json.loads(b"[1514805840000]") == [1514805840000]
    assert strict_json.loads(b"[-123456789012345678901234567890]") == [-123456789012345678901234567890]


def test_escapes():
    assert strict_json.loads(b'"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC"') == '"\\/\b\f\n\r\tA\xe9\u20ac'
    assert strict_json.loads('"\xe9\u20ac\U0001f600"'.encode()) == "\xe9\u20ac\U0001f600"


def test_surrogate_pairs_are_one_character():
    smile = "\U0001f600"
    assert strict_json.loads(b'"\\ud83d\\ude00"') == smile
    assert strict_json.loads(b'{"\\uD83D\\uDE00":["a\\ud83d\\ude00b\\uD83D\\uDE00"]}') == {
        smile: ["a" + smile + "b" + smile]
    }
    assert strict_json.loads(b'"\\ud83d\\ude00"').encode() == b"\xf0\x9f\x98\x80"
    assert strict_json.loads(b'"\\udbff\\udfff"').encode() == b"\xf4\x8f\xbf\xbf"


def test_half_a_pair_becomes_the_replacement_character():
    for text in (b'"\\ud83d"', b'"\\ude00"', b'"\\uDBFF"'):
        assert strict_json.loads(text) == "\ufffd"
    assert strict_json.loads(b'"\\ud83d\\ud83d\\ude00"') == "\ufffd\U0001f600"
    assert strict_json.loads(b'"\\ude00\\ud83d"') == "\ufffd\ufffd"
    assert strict_json.loads(b'"\\ud83dx\\ude00"') == "\ufffdx\ufffd"
    assert strict_json.loads(b'"\\ud83d\\n"') == "\ufffd\n"


def test_an_escaped_backslash_is_no_escape():
    assert strict_json.loads(b'"\\\\ud83d\\\\ude00"') == "\\ud83d\\ude00"
    assert strict_json.loads(b'"\\\\\\ud83d\\ude00"') == "\\\U0001f600"
    assert strict_json.loads(b'"\\u005cud83d"') == "\\ud83d"


def test_what_is_almost_json_is_refused():
    almost = (
        b"", b" ", b"[", b"]", b"{", b"}", b"[1", b"[1}", b'{"a":1]', b"[1 2]", b"[1,]", b"[,1]", b"[,]", b"1 2",
        b"[]]", b"{}{}", b'{"a"}', b'{"a":}', b'{"a" 1}', b'{"a"::1}', b'{"a":1,}', b"{,}", b'{"a":1 "b":2}',
        b'{"a":"b":1}', b'["a":1]', b"{1:2}", b"{null:1}", b"{[1]:2}", b"{{}:2}", b"{'a':1}", b":", b",", b"[:]",
        b'"', b'"a', b'"\\"', b'"\\', b'"\\x"', b'"\\u12"', b'"\\u12G4"', b'"\\u 00e9"', b'"\\u+123"', b'"\\ud83d\\u12"',
        b'"\\ud83d\\uZZZZ"',
        b'"\\U0041"', b'"\\a"', b'"a\nb"', b'"\x00"', b'"\x1f"', b"\x00", b"[\x001]", b"01", b"-01", b"00", b"-",
        b"+1", b".5", b"5.", b"5.e1", b"1e", b"1e+", b"1.5.5", b"1e5.5", b"1ee5", b"--1", b"1-1", b"0x10", b"1_0",
        b"tru", b"truex", b"True", b"nul", b"nan", b"NaN", b"inf", b"Infinity", b"-Infinity", b"-inf", b"undefined",
        b"n", b"//", b"[1]//", b"\xef\xbb\xbf{}", b"~", b"{}\x1e", b"[\x0b]", b"[\x0c]", b"[\xc2\xa0]",
        b"[\xc3\xa9]",
    )  # fmt: skip
    for text in almost:
        assert _refused(text)


def test_words_are_exactly_three():
    for word in (b"true", b"false", b"null"):
        parts = [word[:n] for n in range(1, len(word))] + [word[n:] for n in range(1, len(word))]
        for wrong in parts + [
            word + word[-1:],
            word + b"x",
            word + b"1",
            word.upper(),
            word[:-1] + b"\x00",
            word + b"_",
        ]:
            for text in (wrong, b"[%s]" % wrong, b"[1,%s]" % wrong, b'{"a":%s}' % wrong, b'{"a":%s,"b":1}' % wrong):
                assert _refused(text)


def test_values_that_run_together_are_refused():
    values = (b"true", b"false", b"null", b"1", b"-1", b"1.5", b"1e5", b'"a"', b"[]", b"{}")
    digits = (b"1", b"1.5", b"1e5")
    for one in values:
        for other in values:
            if one.lstrip(b"-") in digits and other in digits:
                continue  # together they may be a number
            for form in (b"%s%s", b"[%s%s]", b'{"a":%s%s}', b'{"a":%s"b":%s}', b"[0,%s%s,0]", b"[%s %s]", b"%s\n%s"):
                assert _refused(form % (one, other))


def test_what_is_not_utf8_is_refused():
    for text in (b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'"\xe2\x82"', b'"\x80"'):
        assert _refused(text) == "not UTF-8"


def test_the_fault_names_the_place_and_nothing_of_the_content():
    assert _refused(b'{"token":"secret",}') == "not JSON at byte 18 of 19"
    assert "secret" not in _refused(b'["secret"')


def test_depth_is_bounded():
    assert strict_json.loads(b"[" * 64 + b"]" * 64)
    _refused(b"[" * 65 + b"]" * 65)
    _refused(b"[" * 30000)
    _refused(b'{"a":' * 65 + b"1" + b"}" * 65)


def test_numbers_are_bounded():
    assert strict_json.loads(b"9" * 330) == int("9" * 330)
    _refused(b"9" * 331)
    _refused(b"0." + b"1" * 30000)


def test_values_are_written_compactly():
    assert strict_json.dumps([1, -2.5, True, False, None, "x\n", (3,)]) == b'[1,-2.5,true,false,null,"x\\n",[3]]'
    assert strict_json.dumps({"a": {}}) == b'{"a":{}}'
    assert strict_json.dumps(1514805840000) == b"1514805840000"
    assert strict_json.loads(strict_json.dumps('\xe9\u2028\U0001f600\x1e\x00\\"')) == '\xe9\u2028\U0001f600\x1e\x00\\"'
    assert b"\x1e" not in strict_json.dumps("\x1e")


def test_what_json_cannot_say_is_never_written():
    for value in (
        float("nan"),
        float("inf"),
        -float("inf"),
        object(),
        {1, 2},
        test_numbers_are_bounded,
        bytearray(b"x"),
    ):
        for content in (value, [value], {"a": value}, [[1, {"b": [value]}]]):
            try:
                text = strict_json.dumps(content)
            except ValueError:
                continue
            raise AssertionError(text)
