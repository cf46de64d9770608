"""Journeys through the pages in a real browser: no error, nothing asked of other places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import pytest

import panneuro
from panneuro.signals.table import Intervals

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PAINTED = ".viewer[data-state=painted]"
MS = 60_000


@panneuro.step(takes=("trials",), gives="spans")
def spans(trials: Intervals) -> pd.DataFrame:
    """Measure trials."""
    return pd.DataFrame({"span": trials.durations_s})


@pytest.fixture(scope="module")
def browser(need):
    need("chromium", CHROMIUM, "no Chromium is installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, request) -> Iterator[Callable]:
    """Return what opens a page that is watched: whatever goes wrong there fails the test."""
    faults, contexts = [], []

    def opened(origin, **options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        context.set_default_timeout(MS)
        contexts.append(context)
        page = context.new_page()
        host = urlsplit(origin).netloc

        def check(asked):
            if urlsplit(asked.url).netloc not in ("", host) and "/authorize" not in asked.url:
                faults.append(f"asked of another place: {asked.url}")

        page.on("request", check)
        page.on(
            "response", lambda got: got.status >= 400 and faults.append(f"{got.status} {got.url}")
        )
        page.on("console", lambda said: said.type == "error" and faults.append(said.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        return page

    yield opened
    kept = os.environ.get("PANNEURO_TEST_SCREENSHOTS")
    for number, context in enumerate(contexts):
        if kept:
            path = Path(kept) / f"{request.node.name}-{number}.png"
            context.pages[0].screenshot(path=path)
        context.close()
    assert not faults, faults


def pixels(page):
    """Return what every panel shows."""
    return page.evaluate(
        "[...document.querySelectorAll('.panel canvas')].map((canvas) => canvas.toDataURL())"
    )


def until(page, expression):
    """Wait until an expression holds; the page itself may not evaluate text."""
    for _ in range(MS // 50):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} never held")


def settled(page):
    page.wait_for_selector(PAINTED)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(50)
    page.wait_for_selector(PAINTED)


def test_search_look_pan_and_share(open_page, origin, name):
    page = open_page(origin)
    page.goto(f"{origin}/")
    page.keyboard.press("/")
    page.keyboard.type("project=gratings")
    page.wait_for_url("**/assets?q=project%3Dgratings*")
    until(page, "document.querySelectorAll('.results tbody tr').length === 1")
    assert page.title().startswith("1 asset")
    page.click(".results .what a")
    settled(page)
    before = pixels(page)
    page.focus(".viewer")
    page.keyboard.press("+")
    page.keyboard.press("ArrowRight")
    page.wait_for_url("**t0=*")
    settled(page)
    after = pixels(page)
    assert before != after
    shared = open_page(origin)
    shared.goto(page.url)
    settled(shared)
    assert shared.locator("output").inner_text() == page.locator("output").inner_text()
    assert pixels(shared) == after
    page.reload()
    settled(page)
    assert pixels(page) == after


def test_pointer_pans_zooms_and_chooses(open_page, origin, name):
    page = open_page(origin)
    page.goto(f"{origin}/assets/{name}?t0=1&t1=3&show=ap,units")
    settled(page)
    box = page.locator(".stage").bounding_box()
    page.mouse.move(box["x"] + 600, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 300, box["y"] + 100, steps=4)
    page.mouse.up()
    until(page, "new URLSearchParams(location.search).get('t0') > 1.2")
    page.mouse.wheel(0, 0)
    raster = page.locator(".panel canvas").last.bounding_box()
    page.mouse.click(raster["x"] + 400, raster["y"] + 4)
    page.wait_for_url("**unit=100*")
    page.mouse.click(box["x"] + 400, box["y"] + 4)
    page.wait_for_url("**channel=0*")
    assert page.locator(".probe rect.chosen").count() == 1
    page.click(".to-unit")
    page.wait_for_selector("svg.chart")
    page.keyboard.press("j")
    page.wait_for_url("**/units/101*")
    page.click("text=← unit 100")
    page.wait_for_url("**/units/100*")


def test_panels_are_hidden_and_shown_again(open_page, origin, name):
    page = open_page(origin)
    page.goto(f"{origin}/assets/{name}")
    settled(page)
    page.click(".toggles label:has-text('running_speed')")
    page.wait_for_url("**show=*")
    assert page.locator(".panel:visible").count() == page.locator(".panel").count() - 1
    page.click(".toggles label:has-text('running_speed')")
    until(page, "!location.search.includes('show=')")


def test_a_phone_fits_and_pans(open_page, origin, name):
    page = open_page(origin, viewport={"width": 375, "height": 740}, has_touch=True)
    for place in (
        "/assets",
        f"/assets/{name}",
        f"/assets/{name}/signals/units/units/101",
        "/access",
    ):
        page.goto(f"{origin}{place}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, place


def test_without_scripts_everything_is_there(open_page, origin, name):
    page = open_page(origin, java_script_enabled=False)
    page.goto(f"{origin}/assets")
    page.fill("#search", "project=gratings")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=project*")
    page.click(".results .what a")
    assert page.locator(".stills img").count() >= 5
    page.locator("text=later →").first.click()
    page.wait_for_url("**t0=*")
    assert page.locator("#documents dt").count() > 5


def test_light_and_dark_are_kept(open_page, origin, name):
    page = open_page(origin, color_scheme="light")
    page.goto(f"{origin}/assets/{name}")
    settled(page)
    light = pixels(page)
    page.click("#theme")
    until(page, "document.documentElement.dataset.theme === 'dark'")
    page.wait_for_timeout(100)
    assert pixels(page) != light
    page.goto(f"{origin}/assets")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


def test_keys_are_told_and_results_walked(open_page, origin):
    page = open_page(origin)
    page.goto(f"{origin}/assets")
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    focused = page.evaluate("document.activeElement.getAttribute('href')")
    assert focused == page.locator(".results .what a").nth(1).get_attribute("href")


def test_a_reader_of_screens_finds_its_way(open_page, origin, name):
    page = open_page(origin)
    for place in ("/assets", f"/assets/{name}", "/access"):
        page.goto(f"{origin}{place}")
        assert page.locator("main").count() == 1
        assert page.locator("h1").count() == 1
        unnamed = page.evaluate(
            """[...document.querySelectorAll('a, button, input:not([type=hidden]), select, img')]
            .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length
                || one.hasAttribute('alt') || one.hidden)).length"""
        )
        assert unnamed == 0, place


def test_a_run_shows_as_it_ends(shared, open_page, monkeypatch):
    monkeypatch.setattr("panneuro.portal.happening._PERIOD_S", 0.1)
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = open_page(shared.origin)
    page.goto(f"{shared.origin}/sign-in?to=/runs")
    assert page.locator("#live tbody tr").count() == 3
    page.wait_for_timeout(500)
    panneuro.run(shared.lake, spans, on="project=gratings", executor="inline")
    until(page, "document.querySelectorAll('#live tbody tr').length === 4")
    page.click("#live a:has-text('spans')")
    page.wait_for_selector("text=Repeat it")


def test_quality_is_judged(shared, open_page, described):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = open_page(shared.origin)
    page.goto(f"{shared.origin}/sign-in?to=/assets/{described}")
    page.fill("#quality .judge [name=name]", "drift")
    page.select_option("#quality .judge [name=status]", "fail")
    page.fill("#quality .judge [name=reason]", "it moves")
    page.click("#quality >> text=Judge")
    page.wait_for_selector("#quality td.fail")
    assert "it moves" in page.locator("#quality").inner_text()


def test_sign_in_grant_and_review(shared, open_page, described):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = open_page(shared.origin)
    page.goto(f"{shared.origin}/assets")
    assert page.locator(".results tbody tr").count() == 1
    page.click("text=Sign in")
    page.wait_for_selector("text=Sign out")
    assert page.locator(".results tbody tr").count() == 2
    page.click("nav >> text=Access")
    page.fill("form[action='/access/links'] [name=on]", described)
    page.fill("form[action='/access/links'] [name=until]", "2027-01-31")
    page.click("text=Make a link")
    link = page.locator("#secret").inner_text()
    reviewer = open_page(shared.origin)
    reviewer.goto(link)
    assert reviewer.locator(".results tbody tr").count() == 2
    reviewer.goto(f"{shared.origin}/assets/{described}")
    settled(reviewer)
    page.click("button[aria-label^='Take back the link']")
    page.wait_for_url("**/access")
    page.click("text=Sign out")
    page.wait_for_selector("text=Sign in")
