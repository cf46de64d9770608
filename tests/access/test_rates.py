"""Every listed price says whose it is and from when."""

from __future__ import annotations

from decimal import Decimal

import pytest

from panneuro.access.costs import KINDS
from panneuro.access.prices import PriceBook
from panneuro.access.rates import RATES
from panneuro.core.errors import InputError


def test_listed_prices_have_a_source_and_a_date():
    for name, rate in RATES.items():
        assert rate.name == name
        assert rate.source
        assert rate.as_of
        assert rate.price > 0
    assert set(KINDS.values()) - {""} == RATES.keys()


def test_a_terabyte_that_leaves_is_about_ninety_dollars():
    assert 80 < PriceBook().of_use("egress_gb", 10**12) < 95


def test_a_lake_has_rates_of_its_own():
    said = {"core_hour": 0.02, "gpu_hour": {"price": 0.5, "source": "campus", "as_of": "2026"}}
    book = PriceBook.from_table(said)
    assert book.cost_of_computing(3600) == Decimal("0.02")
    assert book.cost_of_computing(3600, 7200) == Decimal("1.02")
    assert (book.rates["gpu_hour"].source, book.rates["gpu_hour"].as_of) == ("campus", "2026")
    assert book.rates["egress_gb"] == RATES["egress_gb"]
    assert list(book.tiers) == list(PriceBook().tiers)
    assert PriceBook.from_table({"currency": "EUR"}).cost_of_computing(3600) is None


@pytest.mark.parametrize("price", [None, "free", -1, float("nan"), True, {"per_hour": 3}])
def test_a_rate_is_a_number_from_zero_up(price):
    with pytest.raises(InputError, match="for an hour of a core"):
        PriceBook.from_table({"core_hour": price})
