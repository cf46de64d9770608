"""Journeys in a real browser: comparing what was found, labelling units, taking it along."""

from __future__ import annotations

from test_journeys import MS, PAINTED, browser, open_page

__all__ = ["browser", "open_page"]


def test_found_assets_are_compared(open_page, origin, name, described):
    page = open_page(origin)
    page.goto(f"{origin}/assets")
    assert not page.locator("text=Compare").first.is_visible()
    for one in (name, described):
        page.check(f"input[value='{one}']")
    page.click("button:has-text('Compare')")
    page.wait_for_url("**/compare?asset=*&asset=*")
    assert page.locator("table.compare thead th").count() == 2
    assert page.locator("tr.differs:has-text('subject.id')").inner_text().count("mouse-") == 2
    page.click("summary:has-text('rows are the same for all')")
    assert page.locator("dd:has-text('Mus musculus')").is_visible()
    page.click("summary:has-text('Use this')")
    assert name in page.locator("#use-python").inner_text()
    page.locator("a:has-text('leave out')").first.click()
    page.wait_for_url(lambda url: url.count("asset=") == 1)


def test_units_are_chosen_compared_and_sent_on(open_page, origin, name):
    page = open_page(origin)
    page.goto(f"{origin}/assets/{name}")
    page.check("#units [aria-label='Choose unit 100']")
    page.check("#units [aria-label='Choose unit 103']")
    page.click("#units button:has-text('Compare')")
    page.wait_for_selector("h1:has-text('2 units side by side')")
    assert page.url.count("unit=") == page.url.count("=")
    assert page.locator("table.compare svg.chart").count() == 4
    sent = open_page(origin, viewport={"width": 375, "height": 740})
    sent.goto(page.url)
    assert sent.locator("h1").inner_text() == page.locator("h1").inner_text()
    assert sent.evaluate("document.documentElement.scrollWidth") <= 375


def test_comparing_takes_no_scripts(open_page, origin, name, described):
    page = open_page(origin, java_script_enabled=False)
    page.goto(f"{origin}/assets")
    for one in (name, described):
        page.check(f"input[value='{one}']")
    page.click("button:has-text('Compare')")
    assert page.locator("h1").inner_text() == "2 assets side by side"


def test_units_are_labelled_in_the_table_and_on_their_page(shared, open_page, described):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = open_page(shared.origin)
    page.goto(f"{shared.origin}/sign-in?to=/assets/{described}")
    page.check("#units [data-all]")
    page.uncheck("#units [aria-label='Choose unit 100']")
    page.fill("#units [name=reason]", "one by one")
    page.click("#units button[value=good]")
    page.wait_for_selector("#units header:has-text('7 good')")
    assert page.locator("#units .called").count() == 7
    page.click("#units th a:text-is('100')")
    page.fill(".labels [name=reason]", "an artefact")
    page.click(".labels button[value=noise]")
    page.wait_for_selector("h1:has-text('noise')")
    assert page.locator(".labels [aria-pressed=true]").inner_text() == "noise"
    said = page.locator("#labels tbody tr").inner_text()
    assert "an artefact" in said
    assert "owner@uni.edu" in said
    page.click("text=unit 101 →")
    page.wait_for_selector("#labels >> text=one by one")
    assert shared.lake[described].units.table["curation"].tolist() == ["noise"] + ["good"] * 7


def test_units_are_labelled_with_keys(shared, open_page, described):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = open_page(shared.origin)
    page.goto(f"{shared.origin}/sign-in?to=/assets/{described}/signals/units/units/100")
    for key, label in (("g", "good"), ("m", "mua")):
        page.keyboard.press(key)
        page.wait_for_selector(f"h1 .called.{label}")
    page.keyboard.press("j")
    page.wait_for_selector("h1:has-text('Unit 101')")
    page.keyboard.press("n")
    page.wait_for_selector("h1 .called.noise")
    assert shared.lake[described].units.table["curation"].tolist()[:2] == ["mua", "noise"]


def test_who_comes_second_is_told(shared, browser, described):
    shared.provider.claims = {"email": "owner@uni.edu", "email_verified": True}
    page = browser.new_page()
    page.set_default_timeout(MS)
    page.goto(f"{shared.origin}/sign-in?to=/assets/{described}/signals/units/units/100")
    shared.lake.judge(described, "units", "mua", units=["100"], by="ada@uni.edu")
    with page.expect_response(lambda got: got.request.method == "POST") as answer:
        page.click(".labels button[value=noise]")
    assert answer.value.status == 409
    page.wait_for_selector("text=ada@uni.edu judged unit 100: mua")
    page.close()


def test_the_notebook_has_the_seconds_on_the_screen(open_page, origin, name):
    page = open_page(origin)
    page.goto(f"{origin}/assets/{name}?t0=1&t1=3")
    page.wait_for_selector(PAINTED)
    page.click("summary:has-text('Use this')")
    with page.expect_download() as download:
        page.click("a:text-is('notebook')")
    text = download.value.path().read_text()
    assert "start_s, stop_s = 1.0, 3.0" in text
    assert download.value.suggested_filename == f"{name}.ipynb"


def test_a_phone_fits(open_page, origin, name, described):
    page = open_page(origin, viewport={"width": 375, "height": 740}, has_touch=True)
    unit = f"{name}/units/100"
    for place in ("/status", f"/compare?asset={name}&asset={described}", f"/compare?unit={unit}"):
        page.goto(f"{origin}{place}")
        page.wait_for_load_state("networkidle")
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, place
        assert page.locator("h1").count() == 1


def test_status_is_read(open_page, origin):
    page = open_page(origin)
    page.goto(f"{origin}/assets")
    page.click("footer >> text=Status")
    page.wait_for_selector("h1:has-text('Status')")
    assert page.locator(".figures strong").first.inner_text() == "2"
