"""What coding saves: of a signal in bits, of assets in bytes and money."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from panneuro.access.prices import TERABYTE, PriceBook
from panneuro.core.manifest import Manifest


@dataclass(frozen=True)
class Coded:
    """One signal, before and after it was coded.

    Parameters
    ----------
    name : str
        Of the signal.
    codec : str
        How it is coded.
    raw_bytes, stored_bytes : int
        Size of its samples before and after.
    n_samples : int
        How many numbers they are.
    noise_floor_bits : float, optional
        Of a sample: the least that any lossless coding is estimated to need.

    Examples
    --------
    >>> ap = Coded("ap", "pcodec", 8000, 2000, 4000, 3.75)
    >>> ap.ratio, ap.bits_per_sample, round(ap.above_floor, 3)
    (4.0, 4.0, 0.067)
    """

    name: str
    codec: str
    raw_bytes: int
    stored_bytes: int
    n_samples: int
    noise_floor_bits: float | None = None

    @property
    def ratio(self) -> float:
        """How many times smaller."""
        return self.raw_bytes / max(1, self.stored_bytes)

    @property
    def bits_per_sample(self) -> float:
        """Bits that a sample takes in the store."""
        return 8 * self.stored_bytes / max(1, self.n_samples)

    @property
    def above_floor(self) -> float | None:
        """How far above the floor it is, as a part of it; None where that says nothing."""
        return self.bits_per_sample / self.noise_floor_bits - 1 if self.noise_floor_bits else None

    def to_json(self) -> dict[str, Any]:
        """Return what programs are told; without a floor where none is known."""
        known = {"noise_floor_bits": self.noise_floor_bits, "above_floor": _short(self.above_floor)}
        return {
            "name": self.name,
            "codec": self.codec,
            "raw_bytes": self.raw_bytes,
            "stored_bytes": self.stored_bytes,
            "ratio": _short(self.ratio),
            "bits_per_sample": _short(self.bits_per_sample),
            **{key: value for key, value in known.items() if value is not None},
        }


@dataclass(frozen=True)
class Savings:
    """What some assets would take and what they do take.

    Parameters
    ----------
    source_bytes, stored_bytes : int
        Of the files that they were made from, and of all that is stored for them, what they share
        with older versions too.
    signals : tuple of Coded
        Those whose samples are coded.
    book : PriceBook
        What bytes cost.
    """

    source_bytes: int
    stored_bytes: int
    signals: tuple[Coded, ...]
    book: PriceBook

    @classmethod
    def of(cls, manifests: Iterable[Manifest], book: PriceBook) -> Savings:
        """Return the savings of some assets together."""
        manifests = tuple(manifests)
        return cls(
            sum(one.source_bytes for one in manifests),
            sum(file.size for one in manifests for file in one.files),
            tuple(found for one in manifests for found in coded(one)),
            book,
        )

    @property
    def ratio(self) -> float:
        """Source bytes to stored ones, of which pyramids and tables are some."""
        return self.source_bytes / max(1, self.stored_bytes)

    @cached_property
    def raw_bytes(self) -> int:
        """Bytes of all samples before they were coded."""
        return sum(one.raw_bytes for one in self.signals)

    @cached_property
    def coded_bytes(self) -> int:
        """Bytes of all samples after they were coded."""
        return sum(one.stored_bytes for one in self.signals)

    @property
    def signal_ratio(self) -> float | None:
        """How many times smaller the samples are; None where there are none."""
        return self.raw_bytes / max(1, self.coded_bytes) if self.raw_bytes else None

    @property
    def per_year(self) -> Decimal:
        """Money saved in a year by storing these assets and not their sources."""
        return self.book.saved_per_year(self.source_bytes, self.stored_bytes)

    @property
    def per_terabyte_year(self) -> Decimal:
        """Money that this ratio of samples saves in a year for each terabyte of them."""
        left = TERABYTE * self.coded_bytes // max(1, self.raw_bytes)
        return self.book.saved_per_year(TERABYTE, left)

    def to_json(self) -> dict[str, Any]:
        """Return what programs are told."""
        return {
            "source_bytes": self.source_bytes,
            "stored_bytes": self.stored_bytes,
            "ratio": _short(self.ratio),
            "signal_ratio": _short(self.signal_ratio),
            "saved_per_year": float(self.per_year),
            "currency": self.book.currency,
            "coding": [one.to_json() for one in self.signals],
        }


def coded(manifest: Manifest) -> tuple[Coded, ...]:
    """Return what coding made of each signal of an asset whose samples are coded."""
    return tuple(_coded(said) for said in manifest.signals if "codec" in said)


def _coded(said: Mapping[str, Any]) -> Coded:
    return Coded(
        said["name"],
        said["codec"],
        said["raw_bytes"],
        said["stored_bytes"],
        _n_samples(said),
        said.get("noise_floor_bits"),
    )


def _n_samples(said: Mapping[str, Any]) -> int:
    if said["kind"] == "events":
        return int(said["events"])
    frames = said["frames"] if said["kind"] == "frames" else 1
    return int(frames * math.prod(said["shape"]))


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, 3)
