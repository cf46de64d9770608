"""Rules say what they would do, and a wrong one is told."""

from __future__ import annotations

from decimal import Decimal

import pytest

from panneuro.access.lifecycle import rules_of
from panneuro.access.prices import TERABYTE, PriceBook
from panneuro.core.errors import InputError

BOOK = PriceBook.from_table({"standard": 20, "cold": 4})
RULE = {"on": "kind=raw", "idle_days": 180, "do": "tier", "tier": "cold"}


def test_a_tier_saves_the_difference_and_expiry_all():
    tier, expire = rules_of([RULE, {"on": "kind=derived", "idle_days": 0, "do": "expire"}], BOOK)
    assert tier.saved_per_month(TERABYTE, BOOK) == Decimal(16)
    assert expire.saved_per_month(TERABYTE, BOOK) == Decimal(20)


@pytest.mark.parametrize(
    "table",
    [
        {}, ["kind=raw"], [{**RULE, "do": "burn"}], [{**RULE, "idle_days": -1}],
        [{**RULE, "idle_days": 10**9}],
        [{**RULE, "idle_days": True}], [{**RULE, "idle_days": "1"}], [{**RULE, "tier": "tape"}],
        [{**RULE, "tier": ""}], [{**RULE, "do": "expire"}], [{**RULE, "on": "nonsense=5"}],
        [{**RULE, "after": 3}], [{}],
    ],
)  # fmt: skip
def test_what_is_no_rule_is_told(table):
    with pytest.raises(InputError):
        rules_of(table, BOOK)
