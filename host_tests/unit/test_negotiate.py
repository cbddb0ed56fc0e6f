"""Negotiation: the paths asked for, and what the answers mean (reference/signalr.md §1)."""

from lib import signalr_negotiate

TRANSPORTS = b'"availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]}]'


def _fails(status, body):
    try:
        got = signalr_negotiate.negotiated(status, body)
    except signalr_negotiate.Failed as fault:
        assert fault.status == status
        return str(fault)
    raise AssertionError(got)


def test_where_to_negotiate():
    for hub, wanted in (
        ("/1/hubs/user", "/1/hubs/user/negotiate?negotiateVersion=1"),
        ("/1/hubs/user/", "/1/hubs/user/negotiate?negotiateVersion=1"),
        ("/", "/negotiate?negotiateVersion=1"),
        ("/hub?name=a&x=%20", "/hub/negotiate?name=a&x=%20&negotiateVersion=1"),
        ("/hub/?name=a", "/hub/negotiate?name=a&negotiateVersion=1"),
        ("/hub?negotiateVersion=0", "/hub/negotiate?negotiateVersion=0"),
        ("/hub?a=1&negotiateVersion=1", "/hub/negotiate?a=1&negotiateVersion=1"),
        ("/hub?xnegotiateVersion=1", "/hub/negotiate?xnegotiateVersion=1&negotiateVersion=1"),
        ("https://hub.example:8443/a/hub/?x=1", "https://hub.example:8443/a/hub/negotiate?x=1&negotiateVersion=1"),
        ("/hub?", "/hub/negotiate?negotiateVersion=1"),
    ):
        assert signalr_negotiate.negotiate_url(hub) == wanted


def test_where_to_connect():
    assert signalr_negotiate.connect_url("/hub", "aB-_.~9") == "/hub?id=aB-_.~9"
    assert signalr_negotiate.connect_url("/hub?name=a", "a+b/c==&\xe9") == "/hub?name=a&id=a%2Bb%2Fc%3D%3D%26%C3%A9"


def test_version_1_connects_with_its_token():
    body = b'{"negotiateVersion":1,"connectionId":"public","connectionToken":"secret",' + TRANSPORTS + b"}"
    assert signalr_negotiate.negotiated(200, body) == ("secret", None, None)


def test_version_0_connects_with_its_id():
    assert signalr_negotiate.negotiated(200, b'{"connectionId":"id",' + TRANSPORTS + b"}") == ("id", None, None)
    stray = b'{"negotiateVersion":0,"connectionId":"id","connectionToken":"stray",' + TRANSPORTS + b"}"
    assert signalr_negotiate.negotiated(200, stray) == ("id", None, None)


def test_unknown_keys_and_transports_are_skipped():
    body = (
        b'{"x":{},"negotiateVersion":1,"connectionId":"i","connectionToken":"t","useStatefulReconnect":false,"error":null,"url":null,'
        b'"availableTransports":[5,{"transport":"Pigeons"},{"transport":"WebSockets","transferFormats":["Text"],"z":1}]}'
    )
    assert signalr_negotiate.negotiated(200, body) == ("t", None, None)


def test_a_redirect():
    body = b'{"url":"https://other.example/hub?x=1","accessToken":"jwt"}'
    assert signalr_negotiate.negotiated(200, body) == (None, "https://other.example/hub?x=1", "jwt")
    assert signalr_negotiate.negotiated(200, b'{"url":"http://other.example/"}') == (
        None,
        "http://other.example/",
        None,
    )


def test_a_bad_redirect_fails():
    assert "no web address" in _fails(200, b'{"url":"ftp://x/"}')
    assert "no web address" in _fails(200, b'{"url":5}')
    assert "no web address" in _fails(200, b'{"url":""}')
    assert "no text" in _fails(200, b'{"url":"https://x/","accessToken":5}')


def test_failures_are_told_in_words():
    assert _fails(401, b"") == "the server answered 401: the token was refused"
    assert _fails(404, b"<html>") == "the server answered 404: nothing is there"
    assert _fails(429, b"") == "the server answered 429: too many requests"
    assert _fails(503, b"") == "the server answered 503: it is busy, or down"
    assert _fails(302, b"") == "the server answered 302"
    assert _fails(200, b'{"error":"full house"}') == "the server refused the negotiation: full house"
    assert "ASP.NET SignalR" in _fails(200, b'{"ProtocolVersion":"1.5","ConnectionId":"x"}')


def test_bad_answers_fail():
    assert "not JSON" in _fails(200, b"<html>")
    assert "no object" in _fails(200, b"[]")
    assert "no WebSockets" in _fails(200, b'{"connectionId":"i"}')
    for transports in (
        b"5",
        b"[]",
        b'[{"transport":"LongPolling","transferFormats":["Text"]}]',
        b'[{"transport":"WebSockets"}]',
    ):
        assert "no WebSockets" in _fails(200, b'{"connectionId":"i","availableTransports":' + transports + b"}")
    binary = b'[{"transport":"WebSockets","transferFormats":["Binary"]}]'
    assert "no WebSockets" in _fails(200, b'{"connectionId":"i","availableTransports":' + binary + b"}")
    for head in (b'"negotiateVersion":1,"connectionId":"i"', b'"negotiateVersion":1,"connectionToken":""'):
        assert _fails(200, b"{" + head + b"," + TRANSPORTS + b"}") == "the negotiation answer has no connectionToken"
    assert _fails(200, b"{" + TRANSPORTS + b"}") == "the negotiation answer has no connectionId"
    assert _fails(200, b'{"connectionId":"",' + TRANSPORTS + b"}") == "the negotiation answer has no connectionId"
    assert "no number" in _fails(200, b'{"negotiateVersion":"1","connectionId":"i",' + TRANSPORTS + b"}")


def test_a_failure_holds_no_token():
    assert "hush" not in _fails(200, b'{"negotiateVersion":1,"connectionToken":"hush","availableTransports":[]}')
    assert "hush" not in _fails(200, b'{"url":"x","accessToken":"hush"}')
