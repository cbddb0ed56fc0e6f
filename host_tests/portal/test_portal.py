"""firmware/portal/server.py over loopback: the page, every system's question, the bounds, and what strangers may not do."""

import asyncio
import gzip
import json
import pathlib
import socket

import aiohttp
import pytest
from conftest import ROOT
from portal_site import PAGE, Site, milliseconds, story

from firmware.portal.api import ACTS, LOOKS
from firmware.portal.server import Place, Portal
from lib import captive_dns
from tools.images import set_up_page, shrink_page

CALLS = [("GET", name) for name in LOOKS] + [("POST", name) for name in ACTS]

# What operating systems ask: host, path, User-Agent (reference/onboarding-ota-safety.md §A1), and the answer that means "online"

APPLE = "CaptiveNetworkSupport-453.40.2 wispr"
ANDROID = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60.0.3112.32 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
SUCCESS = b"<HTML><HEAD><TITLE>Success</TITLE></HEAD><BODY>Success</BODY></HTML>"
ONLINE = b"NetworkManager is online\n"
PROBES = [
    ("iOS, iPadOS", "captive.apple.com", "/hotspot-detect.html", APPLE, 200, SUCCESS),
    ("older macOS", "www.apple.com", "/library/test/success.html", APPLE, 200, SUCCESS),
    ("Android", "connectivitycheck.gstatic.com", "/generate_204", ANDROID, 204, b""),
    ("Android, second", "www.google.com", "/gen_204", ANDROID, 204, b""),
    ("Android, third", "play.googleapis.com", "/generate_204", ANDROID, 204, b""),
    ("ChromeOS", "clients3.google.com", "/generate_204", "ChromeOS network portal", 204, b""),
    ("Android of a maker", "connect.rom.miui.com", "/generate_204", ANDROID, 204, b""),
    ("Windows", "www.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", 200, b"Microsoft Connect Test"),
    ("Windows, IPv6", "ipv6.msftconnecttest.com", "/connecttest.txt", "Microsoft NCSI", 200, b"Microsoft Connect Test"),
    ("older Windows", "www.msftncsi.com", "/ncsi.txt", "Microsoft NCSI", 200, b"Microsoft NCSI"),
    (
        "Firefox",
        "detectportal.firefox.com",
        "/canonical.html",
        FIREFOX,
        200,
        b'<meta http-equiv="refresh" content="0;url=https://support.mozilla.org/kb/captive-portal"/>',
    ),
    ("Firefox, IPv4", "detectportal.firefox.com", "/success.txt?ipv4", FIREFOX, 200, b"success\n"),
    ("Firefox, IPv6", "detectportal.firefox.com", "/success.txt?ipv6", FIREFOX, 200, b"success\n"),
    ("GNOME", "nmcheck.gnome.org", "/check_network_status.txt", "NetworkManager/1.42.4", 200, ONLINE),
    ("Debian", "network-test.debian.org", "/nm", "NetworkManager/1.42.4", 200, ONLINE),
    ("Arch", "ping.archlinux.org", "/nm-check.txt", "NetworkManager/1.48.10", 200, ONLINE),
    ("Ubuntu", "connectivity-check.ubuntu.com", "/", "NetworkManager/1.46.0", 204, b""),
    ("Fedora", "fedoraproject.org", "/static/hotspot.txt", "NetworkManager/1.46.2", 200, b"OK"),
    ("KDE", "networkcheck.kde.org", "/", "Mozilla/5.0", 200, b"OK\n"),
    ("Kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "Kindle", 200, None),
    ("Nintendo", "conntest.nintendowifi.net", "/", "Nintendo", 200, None),
]


@pytest.mark.parametrize("row", PROBES, ids=[row[0] for row in PROBES])
def test_an_operating_system_is_led_to_the_page_and_hears_success_when_all_is_done(row, tmp_path):
    _, host, path, agent, wanted_status, wanted = row

    async def tell(site):
        status, headers, body = await site.probe(host, path, agent)
        assert status == 302 and headers["location"] == site.portal.url == f"http://{site.host}/"
        assert headers["cache-control"] == "no-store" and headers["connection"] == "close"
        assert len(body) > 4 and site.portal.url.encode() in body and int(headers["content-length"]) == len(body)
        assert (await site.post("done", {}))[1] == {"restarting": True}
        while not site.portal._finished:
            await asyncio.sleep(0.01)
        status, headers, body = await site.probe(host, path, agent)
        assert status == wanted_status and headers["cache-control"] == "no-store" and "location" not in headers
        assert body == wanted if wanted is not None else len(body) > 4
        if agent.startswith("NetworkManager") and host != "fedoraproject.org":
            assert headers["x-networkmanager-status"] == "online"

    story(tmp_path, tell, farewell_ms=20_000)


def test_every_other_host_and_what_windows_opens_lead_to_the_page(tmp_path):
    async def tell(site):
        elsewhere = [
            ("www.msftconnecttest.com", "/redirect"),
            ("example.org", "/a/b?c=" + "d" * 3000),
            ("4.3.2.2", "/"),
        ]
        for host, path in [
            *elsewhere,
            ("127.0.0.1", "/"),
            ("127.0.0.1:1", "/api/state"),
            ("", "/"),
            ("evil.local", "/"),
        ]:
            status, headers, _ = await site.probe(host, path, "x" * 2000)
            assert status == 302 and headers["location"] == site.portal.url
        status, headers, body = await site.probe("example.org", "/", "x", method="HEAD")
        assert status == 302 and body == b"" and int(headers["content-length"]) > 4
        assert (await site.say(b"GET / HTTP/1.0\r\n\r\n")).startswith(
            b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:"
        )
        through_a_proxy = f"GET http://captive.apple.com/ HTTP/1.1\r\nHost: {site.host}\r\n\r\n"
        assert (await site.say(through_a_proxy.encode())).startswith(b"HTTP/1.1 302")

    story(tmp_path, tell)


def test_on_a_device_the_address_needs_no_port():
    class Silent:
        touch = run = None

    portal = Portal(Silent(), Place("4.3.2.1", 80, 53, ("openshock-0001.local",)), milliseconds, None, b"")
    assert portal.url == "http://4.3.2.1/"
    ours = {"4.3.2.1", "4.3.2.1:80", "openshock-0001.local", "openshock-0001.local:80"}
    assert set(portal._hosts) == ours
    assert portal._is_near(("4.3.2.77", 50000)) and portal._is_near(b"\x02\x00\xc3\x50\x04\x03\x02\x4d" + bytes(8))
    assert not portal._is_near(("192.168.0.2", 50000)) and not portal._is_near(None)


def test_rfc_8908_as_far_as_it_goes(tmp_path):
    async def tell(site):
        async with aiohttp.ClientSession() as session, session.get(site.portal.url + "captive-portal/api") as answer:
            assert answer.headers["Content-Type"] == "application/captive+json"
            assert await answer.json(content_type=None) == {"captive": True, "user-portal-url": site.portal.url}

    story(tmp_path, tell)


def test_the_name_server_answers_and_survives_rubbish(tmp_path):
    question = b"\xbe\xef\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x07example\x03com\x00\x00\x01\x00\x01"

    async def tell(site):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.connect(("127.0.0.1", site.dns_port))
            loop = asyncio.get_running_loop()
            for rubbish in (b"", b"\0", bytes(2000), question[:20], question[:2] + b"\x81\x80" + question[4:]):
                sock.send(rubbish)
            sock.send(question)
            answers = []
            while len(answers) < 3:
                answers.append(await loop.sock_recv(sock, 600))
        assert answers[-1] == captive_dns.answer(question, "127.0.0.1")
        assert answers[-1].endswith(b"\x00\x00\x00\x01\x00\x04\x7f\x00\x00\x01")

    story(tmp_path, tell)


@pytest.mark.skipif(not pathlib.Path("/proc/self/net/tcp").exists(), reason="looks for open ports in /proc")
def test_no_other_port_is_open_so_https_is_refused_at_once(tmp_path):
    def listening():
        lines = pathlib.Path("/proc/self/net/tcp").read_text().splitlines()[1:]
        inodes = {line.split()[9]: int(line.split()[1].split(":")[1], 16) for line in lines if line.split()[3] == "0A"}
        ours = {str(fd.readlink()) for fd in pathlib.Path("/proc/self/fd").iterdir() if fd.is_symlink()}
        return {port for inode, port in inodes.items() if f"socket:[{inode}]" in ours}

    before = listening()

    async def tell(site):
        assert listening() - before == {site.port}

    story(tmp_path, tell)


# The page


def test_the_page_comes_packed_with_a_policy_for_its_own_script_alone(tmp_path):
    async def tell(site):
        async with aiohttp.ClientSession() as session, session.get(site.portal.url) as answer:
            assert await answer.read() == PAGE
            headers = answer.headers
        assert headers["Content-Encoding"] == "gzip" and headers["Content-Type"] == "text/html; charset=utf-8"
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
        policy = dict(each.split(" ", 1) for each in headers["Content-Security-Policy"].split("; "))
        assert policy == {
            "default-src": "'none'",
            "frame-ancestors": "'none'",
            "script-src": "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='",
            "style-src": "'sha256-X1RutGBrXCt9KkSaXMK7tHftWiRscFHOhxsS8tv8hBk='",
            "connect-src": "'self'",
            "img-src": "data:",
            "base-uri": "'none'",
            "form-action": "'none'",
        }
        head = await site.say(f"HEAD / HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        assert head.startswith(b"HTTP/1.1 200 OK\r\n") and head.endswith(b"\r\n\r\n")

    story(tmp_path, tell)


def test_the_real_page_is_packed():
    page = (ROOT / "firmware" / "www" / "index.html").read_bytes()
    packed = set_up_page.pack(page)
    page = shrink_page.shrink(page.decode()).encode()
    assert gzip.decompress(packed) == page
    assert b"script-src 'sha256-" in packed[:256] and b"\0" in packed[:256]


def test_an_image_without_the_page_says_so(tmp_path):
    async def tell(site):
        site.portal._page = b""
        answer = await site.say(f"GET / HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 500") and answer.endswith(b"The page is missing in this image.")

    story(tmp_path, tell)


# Who may ask


def test_the_token_comes_with_the_key_of_the_access_point_or_from_the_console(tmp_path):
    async def keyed(site):
        _, told = await site.get("hello", token=None)
        assert told == {"token": site.setup.token, "name": "OpenShock-24:0A:C4:00:00:01", "version": "0.1.0"}
        assert len(told["token"]) == 16 and int(told["token"], 16) >= 0

    async def open_to_all(site):
        _, told = await site.get("hello", token=None)
        assert told["token"] is None
        assert (await site.get("state"))[0] == 200

    story(tmp_path, keyed)
    story(tmp_path, open_to_all, hands_out=False)
    assert Site(tmp_path).setup.token != Site(tmp_path).setup.token


def test_without_the_token_nothing_is_told_and_nothing_changes(tmp_path):
    async def tell(site):
        for name in ("state", "scan", "nothing"):
            for token in (
                None,
                "",
                "0" * 16,
                site.setup.token[:-1],
                site.setup.token + "0",
                site.setup.token.upper() + "x",
            ):
                status, told = await site.get(name, token=token)
                assert (status, told) == (403, {"error": "the token of this set-up is missing"})
        for name in (*LOOKS, *ACTS):
            status, _ = await site.post(name, {}, token=None)
            assert status == 403
        for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await site.ask(method, "/", token=None))[0] == 403
        assert site.house.settings.get("wifi") == [] and not site.setup.over and not site.house.wifi.scans

    story(tmp_path, tell)


def test_no_other_page_may_ask(tmp_path):
    async def tell(site):
        good = "http://" + site.host
        assert (await site.post("caps", {}, Origin=good))[0] == 200
        bad = ["http://evil.example", "null", "", "http://127.0.0.1", good + ".evil.example", "https://" + site.host]
        for origin in bad:
            for path in ("/api/state", "/api/hello", "/"):
                status, told = await site.ask("GET", path, Origin=origin)
                assert (status, told) == (403, {"error": "another page may not ask"})
        assert (await site.post("caps", {"shock": 1}, Origin="http://evil.example"))[0] == 403
        assert site.house.settings.get("cap.shock") == 100

    story(tmp_path, tell)


def test_whoever_is_in_another_network_is_turned_away(tmp_path):
    """The station's network, or any that leads to it, must not reach a page that hands out its token."""

    async def tell(site):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port, local_addr=("127.0.1.5", 0))
        except OSError:
            pytest.skip("this machine has but one loopback address")
        writer.write(f"GET /api/hello HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        try:
            assert (await reader.read()).startswith(b"HTTP/1.1 503")
        except ConnectionResetError:
            pass
        writer.close()
        assert (await site.get("hello"))[0] == 200

    story(tmp_path, tell)


def test_only_post_changes_and_only_get_asks(tmp_path):
    async def tell(site):
        for method, name in CALLS:
            other = "POST" if method == "GET" else "GET"
            if (other, name) not in CALLS:
                assert (await site.ask(other, "/api/" + name, {} if other == "POST" else None))[0] == 405
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
            assert (await site.ask(method, "/api/caps", {"shock": 1}))[0] == 405
        assert (await site.get("nothing"))[0] == 404 and (await site.get("a/b/c"))[0] == 404
        assert site.house.settings.get("cap.shock") == 100

    story(tmp_path, tell)


def test_a_path_leads_to_nothing_but_the_page_and_the_calls(tmp_path):
    (tmp_path / "secret.txt").write_text("correct horse")
    traversals = ["/../secret.txt", "/..%2fsecret.txt", "/%2e%2e/secret.txt", "//secret.txt", "/settings.json"]
    traversals += ["/firmware/www/index.html.gz", "/favicon.ico", "/./", "/\\..\\secret.txt", "/api", "/index.html"]

    async def tell(site):
        for path in traversals:
            answer = await site.say(f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 302") and b"correct horse" not in answer
        for path in ("/api/../../secret.txt", "/api/%2e%2e", "/api/state/../state"):
            request = f"GET {path} HTTP/1.1\r\nHost: {site.host}\r\nX-Token: {site.setup.token}\r\n\r\n"
            assert (await site.say(request.encode())).startswith(b"HTTP/1.1 404")
        long = f"GET /{'a' * 5000} HTTP/1.1\r\nHost: {site.host}\r\n\r\n"
        assert (await site.say(long.encode())).startswith(b"HTTP/1.1 404")

    story(tmp_path, tell)


def test_nothing_that_is_said_becomes_a_header(tmp_path):
    async def tell(site):
        for bad in (b"a\rSet-Cookie: x=1", b"a\x00", b"\xff\xfe"):
            for line in (b"GET /" + bad + b" HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nOrigin: " + bad + b"\r\n"):
                answer = await site.say(line + b"Host: " + site.host.encode() + b"\r\n\r\n")
                assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n") and b"set-cookie" not in answer.lower()
        for path in ("/%0d%0aSet-Cookie:%20x=1", "/?x=%0d%0aSet-Cookie:%20x=1"):
            for host in (site.host, "example.org"):
                answer = await site.say(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
                assert b"set-cookie" not in answer.lower().partition(b"\r\n\r\n")[0]

    story(tmp_path, tell)


# Bounds


def test_a_body_has_4_kb(tmp_path):
    async def tell(site):
        fits = {"ssid": "home", "key": "x" * 100, "pad": ""}
        fits["pad"] = "p" * (4096 - len(json.dumps(fits)))
        assert (await site.post("wifi", fits))[1]["field"] == "key"
        fits["pad"] += "p"
        assert await site.post("wifi", fits) == (413, {"error": "more than 4096 bytes"})
        head = f"POST /api/caps HTTP/1.1\r\nHost: {site.host}\r\nX-Token: {site.setup.token}\r\n"
        for length in (1_000_000, 999_999_999):
            answer = await site.say(f"{head}Content-Length: {length}\r\n\r\n".encode())
            assert answer.startswith(b"HTTP/1.1 413")
        assert (await site.say(f"{head}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n".encode())).startswith(
            b"HTTP/1.1 411"
        )
        assert (await site.say(f"{head}Content-Length: x\r\n\r\n".encode())).startswith(b"HTTP/1.1 400")

    story(tmp_path, tell)


def test_a_head_has_a_bound_but_cookies_may_be_long(tmp_path):
    async def tell(site):
        head = f"GET / HTTP/1.1\r\nHost: {site.host}\r\nCookie: {'c' * 6000}\r\n"
        assert (await site.say((head + "\r\n").encode())).startswith(b"HTTP/1.1 200")
        assert (await site.say((head + "X: y\r\n" * 1000).encode())).startswith(b"HTTP/1.1 431")
        assert (await site.say(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300))).startswith(b"")

    story(tmp_path, tell)


def test_what_is_no_json_or_no_table_is_refused(tmp_path):
    async def tell(site):
        for body in (b"{", b"nonsense", b"\xff", b"{'a': 1}", b'{"a": NaN}', b"[" * 2000, b'{"a": 1} x'):
            assert await site.post("caps", body) == (400, {"error": "not JSON"})
        for body in (b"[]", b"1", b'"text"', b"null", b"true"):
            assert await site.post("caps", body) == (400, {"error": "not a table"})
        assert (await site.post("caps", b""))[0] == 200

    story(tmp_path, tell)


def test_a_fifth_guest_is_turned_away_at_once_and_a_free_place_is_used_again(tmp_path):
    async def tell(site):
        while site.portal.guests():
            await asyncio.sleep(0.005)
        guests = [await asyncio.open_connection("127.0.0.1", site.port) for _ in range(4)]
        for _, writer in guests:
            writer.write(b"GET / HT")
        while site.portal.guests() < 4:
            await asyncio.sleep(0.005)
        assert (await site.say(b"", whole=False)).startswith(b"HTTP/1.1 503 Busy\r\nRetry-After: 1\r\n")
        assert site.portal.guests() == 4
        guests[0][1].close()
        while site.portal.guests() == 4:
            await asyncio.sleep(0.005)
        assert (await site.get("hello"))[0] == 200
        for _, writer in guests:
            writer.close()

    story(tmp_path, tell)


def test_who_says_nothing_or_a_byte_at_a_time_is_cut(tmp_path):
    async def tell(site):
        while site.portal.guests():
            await asyncio.sleep(0.005)
        silent = await asyncio.open_connection("127.0.0.1", site.port)
        half = await asyncio.open_connection("127.0.0.1", site.port)
        half[1].write(b"GET / HTTP/1.1\r\nHost: ")
        body = await asyncio.open_connection("127.0.0.1", site.port)
        head = f"POST /api/caps HTTP/1.1\r\nHost: {site.host}\r\nX-Token: {site.setup.token}\r\nContent-Length: 9\r\n\r\n{{"
        body[1].write(head.encode())
        slow = await asyncio.open_connection("127.0.0.1", site.port)

        async def drip():
            try:
                while True:
                    slow[1].write(b"G")
                    await asyncio.sleep(0.02)
            except OSError:
                pass

        dripping = asyncio.create_task(drip())
        for reader, _ in (silent, half, body, slow):
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                pass
        dripping.cancel()
        while site.portal.guests():
            await asyncio.sleep(0.005)
        assert (await site.get("hello"))[0] == 200
        for _, writer in (silent, half, body, slow):
            writer.close()

    story(tmp_path, tell, timeout_ms=300)


def test_who_asks_and_never_listens_is_cut(tmp_path):
    (tmp_path / "big").write_bytes(bytes(8_000_000))

    async def tell(site):
        site.portal._page = str(tmp_path / "big")
        deaf = socket.socket()
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.connect(("127.0.0.1", site.port))
        deaf.sendall(f"GET / HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode())
        while not site.portal.guests():
            await asyncio.sleep(0.005)
        while site.portal.guests():
            await asyncio.sleep(0.005)
        deaf.close()
        assert (await site.get("hello"))[0] == 200

    story(tmp_path, tell, timeout_ms=150)


def test_who_hangs_up_in_the_middle_harms_nobody(tmp_path):
    async def tell(site):
        for cut in (b"", b"G", b"GET / HTTP/1.1\r\n", f"GET / HTTP/1.1\r\nHost: {site.host}\r\n\r\n".encode()):
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
            writer.write(cut)
            await writer.drain()
            writer.transport.abort()
        while site.portal.guests():
            await asyncio.sleep(0.005)
        assert (await site.get("hello"))[0] == 200
        assert not any("error" in line for line in site.house.lines)

    story(tmp_path, tell)


def test_a_fault_inside_is_an_answer_and_a_line_in_the_log(tmp_path):
    async def tell(site):
        def broken():
            raise ZeroDivisionError("oops")

        site.house.wifi.scan = broken
        status, told = await site.post("scan", {})
        assert (status, told) == (500, {"error": "a fault inside; the log has more"})
        assert any("ZeroDivisionError: oops" in line for line in site.house.lines)
        assert (await site.get("state"))[0] == 200

    story(tmp_path, tell)


# The end


def test_done_is_the_end_and_says_so(tmp_path):
    async def tell(site):
        assert await site.post("done", {}) == (200, {"restarting": True})
        assert (await site.get("state"))[0] == 200
        assert (await site.post("caps", {"shock": 1}))[0] == 409
        assert await site.task == "done"

    story(tmp_path, tell, farewell_ms=200)


def test_a_page_that_lies_open_keeps_nothing_open(tmp_path):
    async def tell(site):
        while not site.task.done():
            try:
                _, state = await site.get("state")
            except aiohttp.ClientError:
                break  # it closed in the middle of the answer
            assert state["idle_ms_left"] <= 300
        assert await site.task == "idle"

    story(tmp_path, tell, idle_ms=300)


def test_whoever_does_something_is_not_idle(tmp_path):
    now_ms = [1000]

    async def tell(site):
        for _ in range(10):
            now_ms[0] += 250
            assert (await site.get("scan"))[0] == 200
        assert not site.task.done()
        now_ms[0] += 301
        assert await site.task == "idle"

    story(tmp_path, tell, idle_ms=300, clock=lambda: now_ms[0])


def test_leaving_cuts_every_guest_and_frees_the_ports(tmp_path):
    async def tell(site):
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(b"GET /")
        while not site.portal.guests():
            await asyncio.sleep(0.005)
        site.task.cancel()
        await asyncio.gather(site.task, return_exceptions=True)
        assert await reader.read() == b""
        writer.close()
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", site.port)
        server.close()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind(("127.0.0.1", site.dns_port))

    story(tmp_path, tell, timeout_ms=100_000)
