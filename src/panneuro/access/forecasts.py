"""What the next months will cost, if they are like the last ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from panneuro.access.costs import CENT, Used
from panneuro.access.prices import PriceBook

_LOOKED_BACK = 3


@dataclass(frozen=True, slots=True)
class Month:
    """A month to come.

    Parameters
    ----------
    month : str
        ``2026-07``.
    storage, use : Decimal
        Money, whole cents: for what is kept, and for all else.
    """

    month: str
    storage: Decimal
    use: Decimal

    @property
    def total(self) -> Decimal:
        """Both together."""
        return self.storage + self.use


def forecast(
    kept_bytes: int,
    added_bytes: Mapping[str, int],
    used: Iterable[Used],
    book: PriceBook,
    months: Sequence[str],
) -> tuple[Month, ...]:
    """Return what months to come will cost.

    What is kept grows by as much a month as it did in the mean of the last three whole months, and
    all else costs what it did in their mean.

    Parameters
    ----------
    kept_bytes : int
        Now.
    added_bytes : mapping of str to int
        By month, up to the three last whole ones.
    used : iterable of Used
        In those months.
    book : PriceBook
        What things cost.
    months : sequence of str
        Those to come.

    Examples
    --------
    >>> months = forecast(10**12, {"2026-05": 10**12}, [], PriceBook(), ["2026-07", "2026-08"])
    >>> [str(month.total) for month in months]
    ['32.13', '53.55']
    """
    over = max(1, min(_LOOKED_BACK, len(added_bytes)))
    growth = Decimal(sum(added_bytes.values())) / over
    spent = sum((one.price(book) for one in used if one.kind != "storage"), Decimal(0)) / over
    found = []
    for at, month in enumerate(months):
        # What comes in during a month is kept for half of it, in the mean.
        kept = Decimal(kept_bytes) + growth * at + growth / 2
        found.append(Month(month, _cents(book.of_storage(kept)), _cents(spent)))
    return tuple(found)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)
