"""The price book: what it costs to keep bytes, to move them and to compute.

Money is `decimal.Decimal` throughout. The book's own prices are a provider's public list, as others
quoted it at the date that stands beside each: to begin with, not to rely on. A lake puts its own
beside or over them under ``[prices]`` in ``lake.toml``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any

from panneuro.access.rates import RATES, Rate
from panneuro.core.errors import InputError

TERABYTE = 10**12
"""Bytes in a TB."""
_GIBIBYTE = 2**30
_MONTHS = 12
_MICRO = Decimal("0.000001")
_FINEST = Decimal("1e-12")
_NOT_TIERS = frozenset({"currency", "kept", *RATES})
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
    storage_class : str
        What the provider calls it, where objects can be moved to it.
    """

    name: str
    per_tb_month: Decimal
    source: str
    as_of: str
    storage_class: str = ""


def _amazon(name: str, per_gib_month: str, product: str, storage_class: str) -> Tier:
    """Return a tier from a list price, which the provider gives for 2**30 bytes."""
    price = Decimal(per_gib_month) * TERABYTE / _GIBIBYTE
    source = f"Amazon {product}, list price, US East, first 50 TB, as quoted by costnimbus.com"
    return Tier(name, price, source, "2026-03", storage_class)


_LISTED = (
    _amazon("standard", "0.023", "S3 Standard", "STANDARD"),
    _amazon("infrequent", "0.0125", "S3 Standard-Infrequent Access", "STANDARD_IA"),
    _amazon("cold", "0.004", "S3 Glacier Instant Retrieval", "GLACIER_IR"),
    _amazon("archive", "0.00099", "S3 Glacier Deep Archive", "DEEP_ARCHIVE"),
)


@dataclass(frozen=True)
class PriceBook:
    """Prices of storage by tier, and of what is paid for by use.

    Parameters
    ----------
    tiers : Mapping
        Name -> tier.
    currency : str
        Three letters, as in ``USD``. Everything is priced in it.
    rates : Mapping
        Name -> what is paid for by use; what is not in it is not known.
    kept : str
        The tier that the lake is kept in.

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
    rates: Mapping[str, Rate] = RATES
    kept: str = "standard"

    @classmethod
    def from_table(cls, table: Mapping[str, Any]) -> PriceBook:
        """Read the ``[prices]`` table of a ``lake.toml``.

        Parameters
        ----------
        table : Mapping
            ``currency``; ``kept``, the tier that the lake is kept in; ``core_hour``,
            ``gpu_hour``, ``egress_gb``, ``thousand_reads`` and ``thousand_writes``; and for each
            tier its price per TB-month. A price is a number, or a table with ``price`` (of a tier
            ``per_tb_month``), ``source`` and ``as_of``; of a tier also ``storage_class``, to which
            the lake's objects can be moved. What is in dollars stands beside the listed prices;
            another currency leaves those out.

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
        used = {name: _rate(name, table[name]) for name in RATES if name in table}
        rates = MappingProxyType({**(RATES if currency == "USD" else {}), **used})
        kept = str(table.get("kept", "standard"))
        return cls(MappingProxyType({**listed, **own}), currency, rates, kept)

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

    def cost_of_computing(self, core_seconds: float, gpu_seconds: float = 0.0) -> Decimal | None:
        """Return the price of seconds of a core and of a GPU, to a millionth; None if not known.

        Examples
        --------
        >>> PriceBook().cost_of_computing(7200)
        Decimal('0.085000')
        """
        if "core_hour" not in self.rates or (gpu_seconds and "gpu_hour" not in self.rates):
            return None
        amount = self.of_use("core_hour", Decimal(str(core_seconds)))
        amount += self.of_use("gpu_hour", Decimal(str(gpu_seconds)))
        return amount.quantize(_MICRO, rounding=ROUND_HALF_UP)

    def of_use(self, rate: str, quantity: Decimal | int) -> Decimal:
        """Return the exact price of what is paid for by use; 0 where its price is not known.

        Parameters
        ----------
        rate : str
            ``"egress_gb"``, …: see `panneuro.access.rates.RATES`.
        quantity : Decimal or int
            Bytes, requests or seconds.
        """
        known = self.rates.get(rate)
        return _finest(known.price * quantity / known.quantum) if known else Decimal(0)

    def of_storage(self, byte_months: Decimal, tier: str = "") -> Decimal:
        """Return the exact price of bytes kept for parts of a month.

        Parameters
        ----------
        byte_months : Decimal
            A byte for a month, or two for half of one.
        tier : str
            Where; the tier that the lake is kept in, where empty.
        """
        return _finest(self.tier(tier or self.kept).per_tb_month * byte_months / TERABYTE)

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
    texts = (str(said.get(key, "")) for key in ("as_of", "storage_class"))
    return Tier(name, price, str(said.get("source", "lake.toml")), *texts)


def _rate(name: str, entry: Any) -> Rate:
    said = entry if isinstance(entry, Mapping) else {"price": entry}
    listed = RATES[name]
    price = _price(name, said.get("price"), f"for {listed.unit}")
    source, as_of = str(said.get("source", "lake.toml")), str(said.get("as_of", ""))
    return Rate(name, price, listed.quantum, listed.unit, source, as_of)


def _finest(amount: Decimal) -> Decimal:
    """Return an amount so rounded that sums of such amounts are exact, in whatever order."""
    return amount.quantize(_FINEST, rounding=ROUND_HALF_UP)


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
