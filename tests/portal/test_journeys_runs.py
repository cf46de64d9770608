"""Journeys of those who have something run, in a real browser."""

from __future__ import annotations

import pytest
from test_journeys import browser, open_page, until
from workshop import opened

__all__ = ["browser", "open_page"]


@pytest.fixture
def workshop(lake, tmp_path):
    with opened(lake, tmp_path) as made:
        yield made


def signed_in(workshop, open_page, address, place, **options):
    workshop.provider.claims = {"email": address, "email_verified": True}
    page = open_page(workshop.origin, **options)
    page.goto(f"{workshop.origin}/sign-in?to={place}")
    return page


def test_run_a_pipeline_and_watch_it_finish(workshop, open_page, name):
    workshop.gate.touch()
    page = signed_in(workshop, open_page, "ada@uni.edu", "/runs")
    page.click("text=Run a pipeline")
    page.click("a:text-is('longest')")
    page.fill("[name=on]", "project=gratings")
    page.click("text=Show what would be run")
    page.wait_for_selector(f"th:text-is('{name}_spans')")
    assert "up to 1 more" in page.locator("section dl").inner_text()
    page.click("text=Start 1 run")
    page.wait_for_url("**/runs/orders/*")
    page.wait_for_selector("#ended td.done")
    page.wait_for_selector("#log >> text=waiting")
    assert page.locator("progress").evaluate("(bar) => [bar.value, bar.max]") == [1, 2]
    assert page.title().startswith("1 of 2")
    page.focus("text=Stop")
    workshop.gate.unlink()
    page.wait_for_selector("#progressed strong.done")
    until(page, "document.querySelectorAll('#ended td.done').length === 2")
    assert page.locator("progress").count() == page.locator("text=Stop").count() == 0
    page.click(f"#ended a:text-is('{name}_spans.longest')")
    page.wait_for_url(f"**/assets/{name}_spans.longest@*")
    assert page.locator("h1").count() == 1
    page.go_back()
    page.click("#ended a:text-is('spans')")
    page.wait_for_selector("text=Repeat it")


def test_stop_it_and_go_on(workshop, open_page):
    workshop.gate.touch()
    page = signed_in(workshop, open_page, "owner@uni.edu", "/runs/plan?pipeline=longest")
    page.click("text=Show what would be run")
    page.click("text=Start 2 runs")
    page.wait_for_selector("#log >> text=waiting")
    others = open_page(workshop.origin, storage_state=page.context.storage_state())
    others.goto(f"{workshop.origin}/runs")
    others.wait_for_selector("#orders progress")
    page.click("button:text-is('Stop')")
    page.wait_for_selector("#progressed strong.stopped")
    others.wait_for_selector("#orders strong.stopped")
    workshop.gate.unlink()
    page.click("button:text-is('Retry')")
    page.wait_for_selector("#progressed strong.done")
    assert "were there before" in page.locator("[role=status]").inner_text()


def test_a_phone_without_scripts_runs_it_too(workshop, open_page):
    options = {"java_script_enabled": False, "viewport": {"width": 375, "height": 740}}
    page = signed_in(workshop, open_page, "ada@uni.edu", "/runs", **options)
    page.click("text=Run a pipeline")
    page.click("a:text-is('breaks')")
    page.click("text=Show what would be run")
    page.click("text=Start 1 run")
    page.wait_for_url("**/runs/orders/*")
    page.wait_for_selector("#progressed strong.failed")
    assert "it breaks" in page.locator("#ended .why").inner_text()
    page.click("#ended td a")
    page.wait_for_selector(".fault")
    watched = signed_in(workshop, open_page, "ada@uni.edu", "/runs", viewport=options["viewport"])
    for place in ("/runs", "/runs/plan", "/runs/plan?step=sort-spikes", page.url):
        watched.goto(place if "://" in place else f"{workshop.origin}{place}")
        assert watched.evaluate("document.documentElement.scrollWidth") <= 375, place
        assert watched.locator("h1").count() == 1
        unnamed = watched.evaluate(
            """[...document.querySelectorAll('a, button, input:not([type=hidden]), select')]
            .filter((one) => !(one.textContent.trim() || one.ariaLabel || one.labels?.length
                || one.hidden)).length"""
        )
        assert unnamed == 0, place
