from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.documents.ages import age_days, is_age


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P90D", 90),
        ("P12W", 84),
        ("P1Y2M3DT12H", 365.25 + 2 * 365.25 / 12 + 3.5),
        ("P90D/", 90),
        ("PT30M", None),
        ("P", None),
        ("P٣D", None),
        ("90", None),
        (f"P{'9' * 400}D", None),
    ],
)
def test_an_age_in_days(text: str, days: float | None):
    assert age_days(text) == pytest.approx(days)


@given(st.text(max_size=20) | st.from_regex(r"P[0-9YMWDTHS./P]*", fullmatch=True))
def test_what_has_days_is_an_age(text: str):
    days = age_days(text)
    assert days is None or (is_age(text) and days >= 0)
