"""What is paid for by use: requests, bytes that leave, hours of processors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

_GIBIBYTE = 2**30
_GIGABYTE = 10**9


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of a unit of something.

    Parameters
    ----------
    name : str
        As in ``lake.toml``: ``core_hour``.
    price : Decimal
        Of one unit.
    quantum : int
        How many of what is counted make a unit: 3600 seconds, 1000 requests, 10**9 bytes.
    unit : str
        The unit in words.
    source : str
        Who asks that price.
    as_of : str
        When that was so.
    """

    name: str
    price: Decimal
    quantum: int
    unit: str
    source: str = "lake.toml"
    as_of: str = ""


_LISTED = (
    Rate(
        "core_hour", Decimal("0.0425"), 3600, "an hour of a core",
        "Amazon EC2 c6i, on demand, US East, a virtual core with 2 GiB of memory, "
        "as quoted by hacecuentas.com", "2026-04",
    ),
    Rate(
        "gpu_hour", Decimal("1.006"), 3600, "an hour of a GPU",
        "Amazon EC2 g5.xlarge, on demand, US East, one A10G with four virtual cores, "
        "as quoted by factualminds.com", "2026-06",
    ),
    Rate(
        "egress_gb", Decimal("0.09") * _GIGABYTE / _GIBIBYTE, _GIGABYTE, "10**9 bytes that leave",
        "Amazon S3 to the internet, list price, US East, first 10 TB a month, "
        "as quoted by go-cloud.io", "2025-09",
    ),
    Rate(
        "thousand_reads", Decimal("0.0004"), 1000, "1000 requests that read",
        "Amazon S3 Standard, list price, US East, as quoted by terrapod's price recipes", "2026-07",
    ),
    Rate(
        "thousand_writes", Decimal("0.005"), 1000, "1000 requests that write or list",
        "Amazon S3 Standard, list price, US East, as quoted by terrapod's price recipes", "2026-07",
    ),
)  # fmt: skip

RATES: Mapping[str, Rate] = MappingProxyType({rate.name: rate for rate in _LISTED})
"""The listed prices, by name."""
