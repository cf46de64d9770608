from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.prices import TERABYTE, PriceBook
from panneuro.core.errors import InputError

BOOK = PriceBook()
sizes = st.integers(0, 10**18)
tiers = st.sampled_from(sorted(BOOK.tiers))


def test_list_prices_are_those_of_the_provider():
    gibibytes = 2**30 * 10**6
    assert BOOK.cost_per_month(gibibytes) == Decimal("23000.00")
    assert BOOK.cost_per_month(gibibytes, "archive") == Decimal("990.00")
    for tier in BOOK.tiers.values():
        assert tier.source
        assert tier.as_of


@given(sizes, sizes, tiers)
def test_savings_are_twelve_months_of_the_difference(bytes_in, stored, tier):
    price = BOOK.tier(tier).per_tb_month
    exact = price * (bytes_in - stored) * 12 / TERABYTE
    assert abs(BOOK.saved_per_year(bytes_in, stored, tier) - exact) <= Decimal("0.01")


@given(sizes, sizes, tiers)
def test_what_one_way_saves_the_other_way_costs(a, b, tier):
    assert BOOK.saved_per_year(a, b, tier) == -BOOK.saved_per_year(b, a, tier)


def test_a_lake_has_prices_of_its_own():
    campus = {"per_tb_month": "4.50", "source": "campus IT", "as_of": "2026-01"}
    book = PriceBook.from_table({"campus": campus, "standard": 20})
    assert book.saved_per_year(2 * TERABYTE, TERABYTE, "campus") == Decimal("54.00")
    assert book.cost_per_month(TERABYTE) == Decimal("20.00")
    assert "archive" in book.tiers
    assert book.tier("campus").source == "campus IT"
    assert book.tier("standard").source == "lake.toml"


def test_another_currency_leaves_out_prices_in_dollars():
    book = PriceBook.from_table({"currency": "EUR", "disk": 3})
    assert (book.currency, list(book.tiers)) == ("EUR", ["disk"])


@pytest.mark.parametrize("price", [None, "free", -1, float("nan"), float("inf"), True, "1e99", []])
def test_a_price_is_a_number_from_zero_up(price):
    for entry in (price, {"per_tb_month": price}):
        with pytest.raises(InputError, match="per TB-month"):
            PriceBook.from_table({"campus": entry})


def test_what_is_wrong_is_told():
    with pytest.raises(InputError, match="no tier 'tape'") as caught:
        BOOK.cost_per_month(1, "tape")
    assert "archive" in caught.value.hint
    with pytest.raises(InputError, match="less than none"):
        BOOK.saved_per_year(-1, 0)


def test_less_than_a_cent_has_no_sign():
    assert str(PriceBook().saved_per_year(1000, 1001)) == "0.00"
