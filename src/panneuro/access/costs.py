"""Costs: what was used, priced, put together and rounded so that all sums agree to the cent."""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

from panneuro.access.prices import PriceBook
from panneuro.core.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

CENT = Decimal("0.01")

MONTH_PARTS = 377_580 * 86_400
"""Parts of a month such that a second is a whole number of them, whatever month it is of."""

KINDS: Mapping[str, str] = {
    "storage": "",
    "requests": "thousand_writes",
    "reads": "thousand_reads",
    "egress": "egress_gb",
    "compute": "core_hour",
    "gpu": "gpu_hour",
}
"""What is paid for, and the rate that it is paid by; storage has tiers."""

_MICROSECONDS = 10**6

BY = ("project", "asset", "run", "person", "month", "step", "kind")
"""By what costs are put together."""


@dataclass(frozen=True, slots=True)
class Used:
    """Something that was used, and by what.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    quantity : int
        Bytes of storage times parts of a month, of which there are `MONTH_PARTS`; bytes that left;
        requests; or microseconds. Whole, so that sums are exact.
    project, asset, run, person, month, step : str
        What it is put down to; empty where that is not known. A month is ``2026-05``.
    tier : str
        Of storage; that which the lake is kept in, where empty.
    """

    kind: str
    quantity: int
    project: str = ""
    asset: str = ""
    run: str = ""
    person: str = ""
    month: str = ""
    step: str = ""
    tier: str = ""

    def price(self, book: PriceBook) -> Decimal:
        """Return what it costs, to a millionth of a millionth."""
        return _price(book, self.kind, self.tier, self.quantity)


def _price(book: PriceBook, kind: str, tier: str, quantity: int) -> Decimal:
    if kind == "storage":
        return book.of_storage(Decimal(quantity) / MONTH_PARTS, tier)
    timed = kind in ("compute", "gpu")
    return book.of_use(KINDS[kind], Decimal(quantity) / _MICROSECONDS if timed else quantity)


@dataclass(frozen=True, slots=True)
class Row:
    """What one project, asset, month, … costs.

    Parameters
    ----------
    names : tuple of str
        Which, in the order of `Costs.by`.
    amounts : mapping of str to Decimal
        Money by kind, whole cents.
    """

    names: tuple[str, ...]
    amounts: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        """The sum of the amounts."""
        return sum(self.amounts.values(), Decimal("0.00"))


@dataclass(frozen=True)
class Costs:
    """A table of costs whose cells are whole cents, and add up to its total.

    Whatever it is put together by, the total is the same: the exact sum, rounded once.

    Parameters
    ----------
    by : tuple of str
        What a row is.
    rows : tuple of Row
        The dearest first.
    currency : str
        Of the amounts.
    """

    by: tuple[str, ...]
    rows: tuple[Row, ...]
    currency: str

    @classmethod
    def of(cls, used: Iterable[Used], book: PriceBook, by: str | Sequence[str]) -> Costs:
        """Price what was used, and put it together.

        Parameters
        ----------
        used : iterable of Used
            In any order.
        book : PriceBook
            What things cost.
        by : str or sequence of str
            One or more of `BY`: rows of ``("project", "asset")`` add up to those of ``"project"``.

        Examples
        --------
        >>> served = [Used("egress", 10**11, project) for project in ("retina", "cortex")]
        >>> costs = Costs.of(served, PriceBook(), "project")
        >>> [(row.names, str(row.total)) for row in costs.rows], str(costs.total)
        ([(('cortex',), '8.38'), (('retina',), '8.38')], '16.76')
        """
        named = (by,) if isinstance(by, str) else tuple(by)
        for name in named:
            if name not in BY:
                raise InputError(f"costs by {name!r}", hint=f"by one of: {', '.join(BY)}")
        quantities: dict[tuple[str, ...], int] = defaultdict(int)
        for one in used:
            quantities[(*(getattr(one, name) for name in named), one.kind, one.tier)] += (
                one.quantity
            )
        exact: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        together: dict[tuple[str, str], int] = defaultdict(int)
        for (*names, kind, tier), quantity in quantities.items():
            exact[(*names, kind)] += _price(book, kind, tier, quantity)
            together[kind, tier] += quantity
        # From the same whole numbers whatever they are put together by.
        total = sum(
            (_price(book, *what, quantity) for what, quantity in together.items()), Decimal(0)
        )
        cells = _rounded(exact, total, len(named) + 1)
        rows: dict[tuple[str, ...], dict[str, Decimal]] = defaultdict(dict)
        for (*names, kind), amount in cells.items():
            rows[tuple(names)][kind] = amount
        ordered = sorted(rows, key=lambda names: (-sum(rows[names].values()), names))
        return cls(named, tuple(Row(names, rows[names]) for names in ordered), book.currency)

    @property
    def total(self) -> Decimal:
        """The sum of all rows."""
        return sum((row.total for row in self.rows), Decimal("0.00"))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of which there is something."""
        return tuple(kind for kind in KINDS if any(kind in row.amounts for row in self.rows))

    def row(self, *names: str) -> Row:
        """Return the row of some names, with nothing in it where there is none."""
        return next((row for row in self.rows if row.names == names), Row(names, {}))

    def records(self) -> list[dict[str, Any]]:
        """Return the rows, each by column: names, kinds, ``total``."""
        zero = Decimal("0.00")
        return [
            {
                **dict(zip(self.by, row.names, strict=True)),
                **{kind: row.amounts.get(kind, zero) for kind in self.kinds},
                "total": row.total,
            }
            for row in self.rows
        ]

    @property
    def df(self) -> pd.DataFrame:
        """The table as pandas has it; money is `decimal.Decimal`, so that sums stay exact."""
        import pandas as pd

        return pd.DataFrame(self.records(), columns=[*self.by, *self.kinds, "total"])

    def __repr__(self) -> str:
        by = ", ".join(self.by)
        return f"<Costs by {by}: {len(self.rows)} rows, {self.total} {self.currency}>"

    def to_json(self) -> dict[str, Any]:
        """Return the table as JSON values; money is text, as ``"12.30"``."""
        rows = [{name: str(value) for name, value in record.items()} for record in self.records()]
        return {
            "by": list(self.by),
            "currency": self.currency,
            "total": str(self.total),
            "rows": rows,
        }

    def to_csv(self) -> str:
        """Return the table for a spreadsheet, with a last row that is the sum.

        A name that begins as a formula does is given an apostrophe, so that it stays text there.
        """
        columns = [*self.by, *self.kinds, "total", "currency"]
        sink = io.StringIO()
        writer = csv.writer(sink, lineterminator="\n")
        writer.writerow(columns)
        for record in self.records():
            texts = [_plain(record[name]) for name in self.by]
            numbers = [record[name] for name in (*self.kinds, "total")]
            writer.writerow([*texts, *numbers, self.currency])
        sums = [sum((r.amounts.get(kind, Decimal(0)) for r in self.rows), Decimal("0.00"))
                for kind in self.kinds]  # fmt: skip
        labels = ["total", *[""] * (len(self.by) - 1)]
        writer.writerow([*labels, *sums, self.total, self.currency])
        return sink.getvalue()


def apportion(exact: Sequence[Decimal], total: Decimal) -> list[Decimal]:
    """Round amounts to whole cents that add up to a total, by largest remainders.

    Parameters
    ----------
    exact : sequence of Decimal
        None below 0.
    total : Decimal
        Whole cents: their sum, rounded down or up.

    Returns
    -------
    list of Decimal
        Each is the exact one, rounded down or up; of equal remainders the first goes up first.

    Examples
    --------
    >>> apportion([Decimal("1.004"), Decimal("1.004"), Decimal("1.004")], Decimal("3.01"))
    [Decimal('1.01'), Decimal('1.00'), Decimal('1.00')]
    """
    floors = [amount.quantize(CENT, rounding=ROUND_FLOOR) for amount in exact]
    missing = int((total - sum(floors, Decimal(0))) / CENT)
    order = sorted(range(len(exact)), key=lambda at: floors[at] - exact[at])
    for at in order[:missing]:
        floors[at] += CENT
    return floors


def _rounded(
    exact: Mapping[tuple[str, ...], Decimal], total: Decimal, depth: int
) -> dict[tuple[str, ...], Decimal]:
    """Round sums at every level of the names, each level within the one above."""
    whole: dict[tuple[str, ...], Decimal] = {(): total.quantize(CENT, rounding=ROUND_HALF_UP)}
    for level in range(1, depth + 1):
        sums: dict[tuple[str, ...], Decimal] = defaultdict(Decimal)
        for names, amount in sorted(exact.items()):
            sums[names[:level]] += amount
        parts: dict[tuple[str, ...], list[tuple[str, ...]]] = defaultdict(list)
        for names in sums:
            parts[names[:-1]].append(names)
        rounded: dict[tuple[str, ...], Decimal] = {}
        for above, below in parts.items():
            shares = apportion([sums[names] for names in below], whole[above])
            rounded.update(zip(below, shares, strict=True))
        whole = rounded
    return whole


def _plain(text: str) -> str:
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text
