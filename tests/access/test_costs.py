"""Sums agree to the cent, whatever they are put together by."""

from __future__ import annotations

import csv
import io
from collections import Counter
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panneuro.access.costs import BY, CENT, KINDS, MONTH_PARTS, Costs, Used, apportion
from panneuro.access.prices import TERABYTE, PriceBook
from panneuro.core.errors import InputError

BOOK = PriceBook()
HOUR = 3600 * 10**6
names = st.sampled_from(("", "a", "b", "=SUM(A1)"))
used = st.builds(
    Used,
    st.sampled_from(sorted(KINDS)),
    st.integers(0, 10**15),
    *(st.sampled_from(("", "a", "b")) for _ in range(6)),
)
PUT_DOWN_TO = ("project", "asset", "run", "person", "month", "step")
many = st.lists(used, max_size=30)
groupings = st.lists(st.sampled_from(BY), min_size=1, max_size=3, unique=True)


@given(many, groupings)
def test_every_table_adds_up_to_the_exact_sum_rounded_once(listed, by):
    together = Counter()
    for one in listed:
        together[replace(one, quantity=0, **dict.fromkeys(PUT_DOWN_TO, ""))] += one.quantity
    exact = sum((replace(one, quantity=n).price(BOOK) for one, n in together.items()), Decimal(0))
    costs = Costs.of(listed, BOOK, by)
    assert costs.total == exact.quantize(CENT, rounding=ROUND_HALF_UP)
    assert costs.total == sum((row.total for row in costs.rows), Decimal(0))
    for row in costs.rows:
        assert row.total == sum(row.amounts.values(), Decimal(0))
        assert all(amount == amount.quantize(CENT) >= 0 for amount in row.amounts.values())


@given(many, groupings, st.randoms())
def test_the_order_of_what_was_used_does_not_matter(listed, by, random):
    shuffled = list(listed)
    random.shuffle(shuffled)
    assert Costs.of(shuffled, BOOK, by) == Costs.of(listed, BOOK, by)


@given(many, groupings)
def test_no_row_is_a_cent_off(listed, by):
    costs = Costs.of(listed, BOOK, by)
    for row in costs.rows:
        of_row = [
            one for one in listed if tuple(getattr(one, name) for name in costs.by) == row.names
        ]
        assert abs(row.total - sum(one.price(BOOK) for one in of_row)) < CENT
        for kind, amount in row.amounts.items():
            exact = sum(one.price(BOOK) for one in of_row if one.kind == kind)
            assert abs(amount - exact) < CENT


@given(many)
def test_rows_of_a_finer_table_add_up_to_those_of_the_coarser(listed):
    coarse = Costs.of(listed, BOOK, "project")
    fine = Costs.of(listed, BOOK, ("project", "asset", "month"))
    for row in coarse.rows:
        inside = [one for one in fine.rows if one.names[:1] == row.names]
        assert sum((one.total for one in inside), Decimal(0)) == row.total


@given(st.lists(st.decimals(0, 10**6, places=6), max_size=40))
def test_largest_remainders_go_up_first(exact):
    total = sum(exact, Decimal(0)).quantize(CENT, rounding=ROUND_HALF_UP)
    shares = apportion(exact, total)
    assert sum(shares, Decimal(0)) == total
    up = [one % CENT for one, share in zip(exact, shares, strict=True) if share > one]
    down = [one % CENT for one, share in zip(exact, shares, strict=True) if share < one]
    assert not up or not down or min(up) >= max(down)


def test_things_are_priced_as_the_book_says():
    prices = {
        "storage": (TERABYTE * MONTH_PARTS, BOOK.tier("standard").per_tb_month),
        "compute": (HOUR, Decimal("0.0425")),
        "gpu": (2 * HOUR, Decimal("2.012")),
        "reads": (10**6, Decimal("0.4")),
        "requests": (10**6, Decimal(5)),
        "egress": (2**30, Decimal("0.09")),
    }
    for kind, (quantity, price) in prices.items():
        assert abs(Used(kind, quantity).price(BOOK) - price) < Decimal("1e-9")
    own = PriceBook.from_table({"currency": "EUR", "campus": 10, "kept": "campus"})
    assert Used("storage", TERABYTE * MONTH_PARTS).price(own) == 10
    assert Used("compute", HOUR).price(own) == 0


def test_a_table_goes_to_a_spreadsheet_and_starts_nothing_there():
    one = Used("compute", 100 * HOUR, project="=cmd()", asset="a,b")
    costs = Costs.of([one, replace(one, kind="egress", quantity=1)], BOOK, ("project", "asset"))
    rows = list(csv.reader(io.StringIO(costs.to_csv())))
    assert rows[0] == ["project", "asset", "egress", "compute", "total", "currency"]
    assert rows[1] == ["'=cmd()", "a,b", "0.00", "4.25", "4.25", "USD"]
    assert rows[-1] == ["total", "", "0.00", "4.25", "4.25", "USD"]
    assert costs.to_json()["rows"][0]["total"] == "4.25"
    assert costs.df["total"].sum() == costs.total
    assert costs.row("=cmd()", "a,b").total == Decimal("4.25")
    assert costs.row("nothing").total == 0
    assert repr(costs) == "<Costs by project, asset: 1 rows, 4.25 USD>"


def test_nothing_costs_nothing():
    costs = Costs.of([], BOOK, "month")
    assert (costs.total, costs.rows, costs.kinds) == (Decimal(0), (), ())
    assert costs.to_csv() == "month,total,currency\ntotal,0.00,USD\n"


def test_only_known_groupings():
    with pytest.raises(InputError, match="colour"):
        Costs.of([], BOOK, "colour")
