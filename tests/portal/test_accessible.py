"""Every page, light and dark: text stands out, headings are in order, targets can be hit."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_journeys import browser, open_page

__all__ = ["browser", "open_page"]
FAULTS = (Path(__file__).parent / "accessible.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_can_be_read(open_page, origin, name, described, scheme):
    unit = f"{name}/units/100"
    page = open_page(origin, color_scheme=scheme)
    for place in (
        "/assets",
        f"/assets/{name}",
        f"/assets/{name}/signals/units/units/100",
        f"/compare?asset={name}&asset={described}",
        f"/compare?unit={unit}&unit={name}/units/101",
        "/compare",
        "/status",
        "/runs",
        "/views",
        "/cost",
        "/cost/rules",
        "/access",
        "/audit",
    ):
        page.goto(f"{origin}{place}")
        page.wait_for_load_state("networkidle")
        for summary in page.locator("main summary").all():
            summary.click()
        assert page.evaluate(FAULTS) == [], (place, scheme)
