"""The price book: what it costs to keep bytes for a month, and what compression saves.

Money is `decimal.Decimal` throughout. The book's own prices are a provider's public list; a lake
puts its own beside or over them under ``[prices]`` in ``lake.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from panneuro.core.errors import InputError

TERABYTE = 10**12
"""Bytes in a TB."""
_GIBIBYTE = 2**30
_MONTHS = 12
_CORE_HOUR = Decimal("0.0425")
"""Of a virtual core with 2 GiB of memory: Amazon EC2 c6i, list price on demand, US East, 2025."""
_HOUR_S = 3600
_MICRO = Decimal("0.000001")
_NOT_TIERS = ("currency", "core_hour")
_CENT = Decimal("0.01")
_HIGHEST = Decimal(10**9)


@dataclass(frozen=True, slots=True)
class Tier:
    """One way to store bytes, and its price.

    Parameters
    ----------
    name : str
        What a lake calls it: ``standard``, ``archive``, …
    per_tb_month : Decimal
        Price of keeping 10**12 bytes for a month.
    source : str
        Who asks that price, in words.
    as_of : str
        When that was so: a year or a day.
    """

    name: str
    per_tb_month: Decimal
    source: str
    as_of: str


def _amazon(name: str, per_gib_month: str, product: str) -> Tier:
    """Return a tier from a list price, which the provider gives for 2**30 bytes."""
    price = Decimal(per_gib_month) * TERABYTE / _GIBIBYTE
    source = f"Amazon {product}, public list price, US East, first 50 TB"
    return Tier(name, price, source, "2025")


_LISTED = (
    _amazon("standard", "0.023", "S3 Standard"),
    _amazon("infrequent", "0.0125", "S3 Standard-Infrequent Access"),
    _amazon("cold", "0.004", "S3 Glacier Instant Retrieval"),
    _amazon("archive", "0.00099", "S3 Glacier Deep Archive"),
)


@dataclass(frozen=True)
class PriceBook:
    """Prices of storage by tier.

    Parameters
    ----------
    tiers : Mapping
        Name -> tier.
    currency : str
        Three letters, as in ``USD``. Everything is priced in it.
    core_hour : Decimal, optional
        Price of a core for an hour; None where it is not known.

    Examples
    --------
    >>> book = PriceBook()
    >>> book.cost_per_month(10**12)
    Decimal('21.42')
    >>> book.saved_per_year(bytes_in=10 * 10**12, bytes_stored=4 * 10**12)
    Decimal('1542.27')
    """

    tiers: Mapping[str, Tier] = field(
        default_factory=lambda: MappingProxyType({tier.name: tier for tier in _LISTED})
    )
    currency: str = "USD"
    core_hour: Decimal | None = _CORE_HOUR

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> PriceBook:
        """Read the ``[prices]`` table of a ``lake.toml``.

        Parameters
        ----------
        table : Mapping
            ``currency``, ``core_hour``, and for each tier its price per TB-month, or a table with
            ``per_tb_month``, ``source`` and ``as_of``. Tiers in dollars stand beside the listed
            ones; another currency leaves those out.

        Raises
        ------
        InputError
            If a price is not a number from 0 up.

        Examples
        --------
        >>> book = PriceBook.from_table({"campus": 4.5})
        >>> book.cost_per_month(2 * 10**12, "campus")
        Decimal('9.00')
        """
        currency = str(table.get("currency", "USD"))
        listed = cls().tiers if currency == "USD" else {}
        own = {
            str(name): _tier(str(name), entry)
            for name, entry in table.items()
            if name not in _NOT_TIERS
        }
        hour = _CORE_HOUR if currency == "USD" else None
        if "core_hour" in table:
            hour = _price("core_hour", table["core_hour"], "an hour")
        return cls(MappingProxyType({**listed, **own}), currency, hour)

    def tier(self, name: str) -> Tier:
        """Return a tier by name.

        Raises
        ------
        InputError
            If the book has none of that name.
        """
        if name not in self.tiers:
            raise InputError(
                f"looking up a price: there is no tier {name!r}",
                hint=f"tiers are: {', '.join(self.tiers) or 'none'}",
            )
        return self.tiers[name]

    def cost_per_month(self, n_bytes: int, tier: str = "standard") -> Decimal:
        """Return the price of keeping some bytes for a month, to the cent."""
        return _cents(self._per_month(n_bytes, tier))

    def saved_per_year(self, bytes_in: int, bytes_stored: int, tier: str = "standard") -> Decimal:
        """Return what is saved in a year by storing fewer bytes than came in, to the cent.

        Parameters
        ----------
        bytes_in, bytes_stored : int
            Size before and after.
        tier : str
            Where they are kept.

        Returns
        -------
        Decimal
            Negative if more is stored than came in.
        """
        month = self._per_month(bytes_in, tier) - self._per_month(bytes_stored, tier)
        return _cents(month * _MONTHS)

    def cost_of_cores(self, core_seconds: float) -> Decimal | None:
        """Return the price of so many seconds of one core, to a millionth; None if not known.

        Examples
        --------
        >>> PriceBook().cost_of_cores(7200)
        Decimal('0.085000')
        """
        if self.core_hour is None:
            return None
        amount = self.core_hour * Decimal(str(core_seconds)) / _HOUR_S
        return amount.quantize(_MICRO, rounding=ROUND_HALF_UP)

    def _per_month(self, n_bytes: int, tier: str) -> Decimal:
        if n_bytes < 0:
            raise InputError(f"pricing storage: {n_bytes!r} bytes is less than none")
        return self.tier(tier).per_tb_month * n_bytes / TERABYTE


def _cents(amount: Decimal) -> Decimal:
    # Adding nothing makes of -0.00 what people write.
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP) + 0


def _tier(name: str, entry: Any) -> Tier:
    said = entry if isinstance(entry, Mapping) else {"per_tb_month": entry}
    price = _price(name, said.get("per_tb_month"), "per TB-month")
    return Tier(name, price, str(said.get("source", "lake.toml")), str(said.get("as_of", "")))


def _price(name: str, given: Any, unit: str) -> Decimal:
    try:
        price = Decimal(str(given))
    except InvalidOperation:
        price = Decimal("NaN")
    if isinstance(given, bool) or not price.is_finite() or not 0 <= price <= _HIGHEST:
        raise InputError(
            f"reading prices: {name!r} costs {given!r} {unit}",
            hint=f"[prices] with {name} = 4.5, in lake.toml",
        )
    return price
