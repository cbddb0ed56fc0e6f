"""The real page, from the real server, in a real browser: its policy lets it work, and lets nothing else in."""

import asyncio

from chromium import tab
from conftest import ROOT
from portal_site import opened

PAGE = (ROOT / "firmware" / "www" / "index.html").read_bytes()


def story(tmp_path, tell, **options):
    async def run():
        async with opened(tmp_path, page=PAGE, **options) as site, tab(site.portal.url) as browser:
            await tell(site, browser)

    asyncio.run(run())


def test_the_page_works_under_its_policy_and_no_complaint_is_made(tmp_path):
    async def tell(site, browser):
        await browser.until("document.title === 'OpenShock-24:0A:C4:00:00:01'")  # its script ran, and was answered
        await browser.until("getComputedStyle(document.body).maxWidth !== 'none'")  # and so was its style
        ask = """fetch('/api/board', {method: 'POST', headers: {'X-Token': '%s'}, body: '{"rf_pin": 14}'})
            .then((answer) => answer.json()).then((told) => told.board.rf_pin)"""
        assert await browser.run(ask % site.setup.token) == 14
        assert site.house.settings.get("rf.pin") == 14
        assert browser.complaints == []

    story(tmp_path, tell)


def test_a_script_that_is_not_of_the_page_does_not_run(tmp_path):
    async def tell(site, browser):
        await browser.until("document.title === 'OpenShock-24:0A:C4:00:00:01'")
        inject = """(() => { const it = document.createElement('script'); it.textContent = 'window.stolen = 1';
            document.body.append(it); const picture = document.createElement('div');
            picture.innerHTML = '<img src=x onerror="window.stolen = 2">'; document.body.append(picture); })()"""
        await browser.run(inject)
        assert await browser.run("fetch('http://127.0.0.1:9/').then(() => 'sent', () => 'kept')") == "kept"
        assert await browser.run("window.stolen === undefined")
        assert any("Content Security Policy" in text for text in browser.complaints)

    story(tmp_path, tell)
