"""What is to come is like what was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.costs import Used
from panneuro.access.forecasts import forecast
from panneuro.access.prices import TERABYTE, PriceBook

BOOK = PriceBook.from_table({"standard": 20, "core_hour": 1})
AHEAD = ["2026-07", "2026-08", "2026-09"]


def test_growth_goes_on_and_use_stays():
    added = {"2026-04": 0, "2026-05": TERABYTE, "2026-06": 2 * TERABYTE}
    used = [Used("compute", 30 * 3600 * 10**6), Used("storage", TERABYTE)]
    months = forecast(10 * TERABYTE, added, used, BOOK, AHEAD)
    assert [month.storage for month in months] == [210, 230, 250]
    assert [month.use for month in months] == [10, 10, 10]
    assert months[0].total == 220


@given(st.integers(0, 10**16), st.dictionaries(st.sampled_from(AHEAD), st.integers(0, 10**14)))
def test_what_is_kept_never_gets_cheaper(kept, added):
    months = forecast(kept, added, [], BOOK, AHEAD)
    assert [month.month for month in months] == AHEAD
    assert months[0].storage <= months[1].storage <= months[2].storage
