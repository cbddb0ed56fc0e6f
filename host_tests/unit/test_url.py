"""URLs taken apart, and redirects followed."""

from lib.url import authority, follow, may_know, parse_url


def _refused(act, *arguments):
    try:
        result = act(*arguments)
    except ValueError:
        return True
    raise AssertionError("accepted: %r -> %r" % (arguments, result))


def test_the_parts_of_a_url():
    assert parse_url("wss://api.openshock.app/1/hubs/user") == ("wss", "api.openshock.app", 443, "/1/hubs/user")
    assert parse_url("http://127.0.0.1:8080") == ("http", "127.0.0.1", 8080, "/")
    assert parse_url("WS://HOST.example:/a?b=c#d") == ("ws", "host.example", 80, "/a?b=c")
    assert parse_url("https://h?q=/x") == ("https", "h", 443, "/?q=/x")
    assert parse_url("https://[::1]:8443/x") == ("https", "::1", 8443, "/x")
    assert parse_url("https://[2001:DB8::7]") == ("https", "2001:db8::7", 443, "/")
    assert parse_url("ws://h/?u=http://x:99999/") == ("ws", "h", 80, "/?u=http://x:99999/")


def test_rubbish_is_no_url():
    for url in (
        "",
        "api.openshock.app",
        "ftp://host/",
        "://host/",
        "http:/host/",
        "http:///path",
        "http://?q",
        "http://host:0/",
        "http://host:65536/",
        "http://host:port/",
        "http://host:1234567890/",
        "http://host:-1/",
        "http://me:secret@host/",
        "http://ho st/",
        "http://host/a b",
        "http://host/\r\nX: y",
        "http://host/\x00",
        "http://höst/",
        "http://host/ä",
        "http://[::1/",
        "http://[]/",
        "http://[::1]x/",
        "http://[host]/",
        "http://" + "a" * 254 + "/",
    ):
        _refused(parse_url, url)


def test_the_port_is_named_when_it_is_not_the_usual_one():
    assert authority("h", 443, True) == "h"
    assert authority("h", 80, True) == "h:80"
    assert authority("h", 80, False) == "h"
    assert authority("::1", 8080, False) == "[::1]:8080"
    _refused(authority, "h\r\nX: y", 80, False)
    _refused(authority, "", 80, False)


def test_a_redirect_is_followed_from_where_it_was_found():
    base = "wss://h:8443/a/b?x=1"
    assert follow(base, "https://other/c?d") == "https://other/c?d"
    assert follow(base, "//other/c") == "wss://other/c"
    assert follow(base, "/c?d") == "wss://h:8443/c?d"
    assert follow(base, "c") == "wss://h:8443/a/c"
    assert follow(base, "?y=2") == "wss://h:8443/a/b?y=2"
    assert follow(base, "../../../c/./d/..") == "wss://h:8443/c/"
    assert follow(base, "/login?back=http://h/") == "wss://h:8443/login?back=http://h/"
    assert follow(base, "c#frag/../..") == "wss://h:8443/a/c"
    assert follow("http://h/", "https://h/") == "https://h/"
    assert follow("http://[::1]/a", "b") == "http://[::1]/b"


def test_a_redirect_neither_leaves_tls_nor_leads_to_rubbish():
    _refused(follow, "https://h/", "http://h/")
    _refused(follow, "wss://h/", "ws://h/")
    _refused(follow, "https://h/", "")
    _refused(follow, "https://h/", "#only")
    _refused(follow, "https://h/", "javascript://x")
    _refused(follow, "https://h/", "/a\r\nb")
    _refused(follow, "http://h/", "http://")


def test_a_secret_stays_with_its_server_or_follows_into_tls():
    for url, target, may in (
        ("http://a.test/x", "http://a.test/y", True),
        ("http://a.test/", "https://a.test/", True),
        ("http://a.test:8080/", "https://A.test:8443/", True),
        ("ws://a.test/", "wss://a.test/", True),
        ("http://a.test/", "https://b.a.test/", False),
        ("https://a.test/", "http://a.test/", False),
        ("https://a.test/", "https://a.test:8443/", False),
        ("http://a.test/", "http://a.test:8080/", False),
    ):
        assert may_know(url, target) == may, (url, target)
