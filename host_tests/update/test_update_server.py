"""An update from servers that misbehave in every way, over real connections: the failure matrix of onboarding-ota-safety.md §C3.

The device is host_tests/unit/update_world.py on CPython, the server `tools/serve_updates`, in a thread of its own.
"""

import asyncio
import datetime
import hashlib
import ssl

import pytest
import trustme
from loopback import Loopback, server_context

from firmware.net.time_sync import Timekeeper
from firmware.ota.download import Source
from host_tests.unit import patches
from host_tests.unit.update_world import OLD, World, image, patched, release
from tools.serve_updates import faults
from tools.serve_updates.server import Server

NEW = image("0.2.0", 16384)
IMAGE = "/0.2.0/board/image.bin"
PATCH = IMAGE + ".from-0.1.0"
MANIFEST = "/0.2.0/board/manifest.json"
AUTHORITY = trustme.CA()


class Network:
    """Always there; a name is at one of `addresses`, another one at each look."""

    def __init__(self, *addresses):
        self.addresses = list(addresses or ["127.0.0.1"])
        self.drops = 0

    async def wait_online(self):
        self.drops += 1

    async def resolve(self, host):
        if len(self.addresses) > 1:
            return self.addresses.pop(0)
        return self.addresses[0]


class Keeper:
    """Knows the time, or never will."""

    def __init__(self, known=True):
        self.known = known
        self.asked = 0
        self.doubts = []
        self._doubted = False

    async def wait_known(self):
        self.asked += 1
        if not self.known:
            await asyncio.Event().wait()

    def doubt(self, why=None):
        self.doubts.append(why)


class Site:
    """A server with a tree, and a device that is told to update from it."""

    def __init__(self, loopback, folder, tree, tls=None, name=None, old=OLD):
        for path, data in tree.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(data)
        self.server = Server(folder, "0.0.0.0", tls=tls)
        self.loopback = loopback
        loopback.run(self.server.start())
        self.faults = self.server.faults
        self.network, self.keeper = Network(), Keeper()
        self.pauses = []
        self.read_ms = 10000
        self.roots = [ssl.PEM_cert_to_DER_cert(AUTHORITY.cert_pem.bytes().decode())]
        self.url = self.server.url_for(name or ("localhost" if tls else "127.0.0.1"))
        self.world = World(tree, old=old)
        self.world.source = self._source

    def _source(self, log):
        async def pause(ms):
            self.pauses.append(ms)
            await asyncio.sleep(0)

        return Source(self.url, self.network, self.keeper, self.roots, "device/1", log, pause, self.read_ms)

    def close(self):
        self.loopback.run(self.server.stop())

    def updated(self):
        """What became of it: "new", or why not. The device is sound in any case, and the hub knows."""
        self.world.live()
        self.world.check()
        last = self.world.said[-1]
        if self.world.version() == "0.2.0":
            assert last == ["OtaInstallSucceeded", 7]
            return "new"
        assert last[0] == "OtaInstallFailed" and last[2] is False
        return last[3]

    def starts(self, path=IMAGE):
        """The bytes from which a file was asked for, in order."""
        return [asked.start for asked in self.server.requests if asked.path == path]


@pytest.fixture(scope="module")
def loopback():
    servers = Loopback()
    yield servers
    servers.close()


@pytest.fixture
def site(loopback, tmp_path):
    """A function that opens a Site on a tree; all are closed in the end."""
    made = []

    def opened(tree=None, **more):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Site(loopback, folder, tree or release("0.2.0", NEW), **more))
        return made[-1]

    yield opened
    for one in made:
        one.close()


def test_a_good_server_is_asked_four_times(site):
    here = site()
    assert here.updated() == "new"
    paths = [asked.path for asked in here.server.requests]
    assert paths == [MANIFEST, MANIFEST + ".sig", PATCH, IMAGE]  # there is no patch, which costs nothing
    here = site(patched())
    here.world.wanted = ""
    assert here.updated() == "new"
    paths = [asked.path for asked in here.server.requests]
    assert paths == ["/version-stable.txt", MANIFEST, MANIFEST + ".sig", PATCH] and here.pauses == []


@pytest.mark.parametrize("size", [0, 1, 8192, len(NEW) - 1])
def test_c3_05_an_image_that_is_too_short_is_refused_before_the_switch(site, size):
    tree = release("0.2.0", NEW)
    tree[IMAGE[1:]] = NEW[:size]
    here = site(tree)
    assert "another size than it should have (%d)" % size in here.updated()
    assert len(here.pauses) == 5
    here = site()
    here.faults.add(IMAGE, faults.truncated(min(size, 4000)), faults.FOREVER)
    assert "the connection ended before the answer did" in here.updated()


def test_c3_06_a_body_that_is_too_long_is_read_no_further(site):
    tree = release("0.2.0", NEW)
    tree[IMAGE[1:]] = NEW + b"x"
    assert "another size" in site(tree).updated()
    for fault in (faults.endless(), faults.endless(chunks=500)):
        here = site()
        here.faults.add(IMAGE, fault, faults.FOREVER)
        assert here.updated() == "0.2.0/board/image.bin: more than 16384 bytes"
        for path in (MANIFEST, MANIFEST + ".sig"):
            here = site()
            here.faults.add(path, fault, faults.FOREVER)
            assert "bytes" in here.updated() and here.starts() == []
    tree = release("0.2.0", image("0.2.0", 0x14010))
    assert "this device has room for 81920" in site(tree).updated()


def test_c3_07_a_bit_that_is_wrong_in_any_block_of_the_file(site):
    for at in (0, 5000, len(NEW) - 1):
        here = site()
        here.faults.add(IMAGE, faults.flipped(at), faults.FOREVER)
        assert here.updated() == "image.bin is not what the manifest says"
    for path in (MANIFEST, MANIFEST + ".sig"):
        here = site()
        here.faults.add(path, faults.flipped(100), faults.FOREVER)
        assert here.updated() == "the signature is none of ours" and here.starts() == []


def test_c3_13_a_server_that_holds_an_old_version_back_is_no_more_than_refused(site):
    here = site(release("0.1.0", NEW))
    here.world.wanted = ""
    assert here.updated() == "version 0.1.0 is running already"


def test_c3_14_stalls_cost_a_read_and_no_block(site):
    for at in (faults.HEAD, 0, 8192 + 100, len(NEW) * 99 // 100):
        here = site()
        here.read_ms = 300
        here.faults.add(IMAGE, faults.stall(at))
        assert here.updated() == "new"
        got = at // 4096 * 4096 if isinstance(at, int) else 0
        assert here.starts() == [0, got] and here.pauses == [1000]


def test_c3_14_a_server_that_trickles_or_never_answers_is_left_in_the_end(site):
    here = site()
    here.world.whole_ms = 1500
    here.faults.add(IMAGE, faults.slow(50), faults.FOREVER)
    assert here.updated() == "not done within 0 min"  # of 1.5 s; a device allows ten minutes
    here = site()
    here.read_ms = 100
    here.faults.add("*", faults.stall(), faults.FOREVER)
    assert "no answer within" in here.updated()
    assert here.pauses == [1000, 2000, 4000, 8000, 16000]
    here = site()
    here.network.addresses = ["127.255.255.254"]  # nobody listens there as far as this machine is concerned
    here.url = "http://127.255.255.254:9/"
    assert "connection refused" in here.updated()


def test_c3_15_redirects(site):
    here = site()
    here.faults.add(IMAGE, faults.redirect(IMAGE + "?again"))
    assert here.updated() == "new"
    here = site()
    here.faults.add(IMAGE, faults.redirect(IMAGE), faults.FOREVER)
    assert "more than 3 redirects" in here.updated() and len(here.starts()) == 6 * 4
    for target in ("http://192.168.0.1/image.bin", "http://127.0.0.2:1/", "ftp://127.0.0.1/", "//elsewhere.test/x"):
        here = site()
        here.faults.add("*", faults.redirect(target), faults.FOREVER)
        words = here.updated()
        assert "redirect to another host" in words or "URL" in words
    tls = server_context(AUTHORITY.issue_cert("localhost"))
    here = site(tls=tls)
    here.faults.add(IMAGE, faults.redirect("http://localhost:1" + IMAGE), faults.FOREVER)
    assert "a redirect that leaves TLS" in here.updated()


@pytest.mark.parametrize("status", [404, 403, 410])
def test_c3_16_a_no_is_final(site, status):
    here = site()
    here.faults.add(MANIFEST, faults.refused(status), faults.FOREVER)
    assert here.updated() == "0.2.0/board/manifest.json: the server said %d" % status
    assert here.pauses == [] and here.starts() == []


def test_c3_16_a_not_now_is_waited_for_as_long_as_the_server_asks(site):
    for status in (500, 503, 429):
        here = site()
        here.faults.add(IMAGE, faults.refused(status, 7))
        here.faults.add(IMAGE, faults.refused(status))
        assert here.updated() == "new" and here.pauses == [7000, 2000]
    here = site()
    here.faults.add(IMAGE, faults.refused(503, 3600), faults.FOREVER)
    assert "the server said 503" in here.updated() and here.pauses == [60000] * 5


def test_c3_16_other_ways_to_say_the_same(site):
    here = site()
    here.faults.add(IMAGE, faults.chunked(777), faults.FOREVER)
    assert here.updated() == "new"
    here = site()
    here.faults.add(IMAGE, faults.lying(-1), faults.FOREVER)
    assert here.updated() == "new"
    here = site()
    here.faults.add(IMAGE, faults.gzipped(), faults.FOREVER)
    assert "a content coding that nobody asked for" in here.updated()
    for length in (len(NEW) - 1, len(NEW) + 1):
        here = site()
        here.faults.add(IMAGE, faults.lying(length), faults.FOREVER)
        assert "another size than it should have" in here.updated()


def test_c3_16_a_server_that_has_less_than_we_is_read_from_the_beginning(site):
    here = site()
    here.faults.add(IMAGE, faults.truncated(9000))
    here.faults.add(IMAGE, faults.refused(416))
    assert here.updated() == "new" and here.starts() == [0, 8192, 0]


def test_c3_17_a_network_that_goes_and_comes_back_with_another_address(site):
    for reset in (False, True):
        here = site()
        here.url = "http://updates.test:%d/" % here.server.port
        here.network.addresses = ["127.0.0.%d" % number for number in range(1, 8)]
        for at in (5000, 4096, 4100):
            here.faults.add(IMAGE, faults.truncated(at, reset))
        assert here.updated() == "new"
        if not reset:  # a reset takes along what has not been read yet
            assert here.starts() == [0, 4096, 8192, 12288]
        assert len(here.network.addresses) == 1  # every connection looked for the server anew


def large_patch():
    """Return (the old image, a tree with a patch of 6 KB, the bytes of the patch at which it can go on)."""
    old = image("0.1.0", 16384)
    new = bytearray(image("0.2.0", 16384, like="0.1.0"))
    for block in range(0, 16384, 4096):
        for at in range(block + 200, block + 1700):  # an even number: the checksum stays
            new[at] ^= 0x5A
    new[-32:] = hashlib.sha256(new[:-32]).digest()
    tree = release("0.2.0", bytes(new))
    tree[PATCH[1:]] = patch = patches.made(old, new)
    bounds = [0, 44]
    while bounds[-1] < len(patch):
        bounds.append(bounds[-1] + 2 + int.from_bytes(patch[bounds[-1] : bounds[-1] + 2], "little"))
    assert len(bounds) > 5 and bounds[-1] == len(patch) < len(new) / 2
    return old, tree, bounds


def test_a_patch_that_is_cut_goes_on_from_its_last_unit(site):
    old, tree, bounds = large_patch()
    for at in (5000, bounds[2], bounds[2] + 1, 30):
        here = site(tree, old=old)
        here.faults.add(PATCH, faults.truncated(at))
        assert here.updated() == "new" and here.starts() == []
        assert here.starts(PATCH) == [0, max(bound for bound in bounds if bound <= at)]
    here = site(tree, old=old)
    here.faults.add(PATCH, faults.truncated(5000))
    here.faults.add(PATCH, faults.deaf())
    assert here.updated() == "new" and here.starts() == []


def test_a_patch_that_is_bad_is_left_for_the_whole_image(site):
    old, tree, bounds = large_patch()
    size = bounds[-1]
    for fault in (
        faults.flipped(0),
        faults.flipped(50),
        faults.flipped(3000),
        faults.flipped(size - 1),
        faults.endless(500),
    ):
        here = site(tree, old=old)
        here.faults.add(PATCH, fault, faults.FOREVER)
        assert here.updated() == "new" and here.starts() == [0]
    short = dict(tree, **{PATCH[1:]: tree[PATCH[1:]][: bounds[3]]})
    here = site(short, old=old)
    assert here.updated() == "new" and here.starts(PATCH) == [0] and here.starts() == [0]


def test_a_patch_that_cannot_be_had_is_left_for_the_whole_image(site):
    old, tree, _ = large_patch()
    here = site(tree, old=old)
    here.faults.add(PATCH, faults.refused(503), faults.FOREVER)
    assert here.updated() == "new" and here.starts() == [0]


def test_c3_17_a_server_that_knows_no_ranges_sends_all_again(site):
    here = site()
    here.faults.add(IMAGE, faults.truncated(9000))
    here.faults.add(IMAGE, faults.deaf(), faults.FOREVER)
    assert here.updated() == "new" and here.starts() == [0, 8192]


def test_c3_26_without_the_time_plain_http_works_and_tls_waits(site):
    here = site()
    here.keeper = Keeper(known=False)
    assert here.updated() == "new" and here.keeper.asked == 0
    here = site(tls=server_context(AUTHORITY.issue_cert("localhost")))
    here.keeper = Keeper(known=False)
    here.world.whole_ms = 300
    assert here.updated() == "not done within 0 min" and here.server.requests == []


def _certificate(kind):
    """(server's context, what the device says of it)."""
    if kind == "good":
        return server_context(AUTHORITY.issue_cert("localhost")), "new"
    if kind == "another authority":
        return server_context(trustme.CA().issue_cert("localhost")), "certificate not trusted"
    if kind == "another host":
        return server_context(AUTHORITY.issue_cert("elsewhere.test")), "certificate is for another host"
    if kind == "expired":
        then = datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone.utc)
        return server_context(AUTHORITY.issue_cert("localhost", not_before=then, not_after=then)), "has expired"
    alone = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with alone.cert_pem.tempfile() as certificate, alone.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context, "certificate not trusted"


@pytest.mark.parametrize("kind", ["good", "another authority", "another host", "expired", "signed by itself"])
def test_certificates(site, kind):
    context, words = _certificate(kind)
    here = site(tls=context)
    assert words in here.updated()
    keeper = Keeper()
    Timekeeper.doubt(keeper, *here.keeper.doubts[:1] or [""])
    assert keeper._doubted is (kind == "expired")  # our clock may be wrong: the time is asked for
