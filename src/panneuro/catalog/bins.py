"""Bins that numbers fall into, so that ranges and orders become a few bitmaps.

Numbers fall into sixteen bins an octave, dates into bins of 32 days. The fine bins of a coarse one
share its bitmap: a wide range is a few coarse bins, some fine ones, and a check of the exact values
in the two bins at its ends.
"""

from __future__ import annotations

import math
import struct
from typing import NamedTuple

from panneuro.core.fields import FIELDS
from panneuro.core.quantities import Range

_DOUBLE = struct.Struct(">d")
_LONG = struct.Struct(">Q")
_SIGN = 1 << 63
_ALL = (1 << 64) - 1
_DATE_BIN = 32 * 86_400.0
_DATE_ZERO = 1 << 18
_COARSE_BITS = 4


class Bin(NamedTuple):
    """The names of a number's bins; names sort as the numbers do."""

    fine: str
    coarse: str


class Cover(NamedTuple):
    """The bins that make up a range: names between two bounds, bounds left out, and its ends."""

    coarse: tuple[str, str] | None
    fine: tuple[tuple[str, str], ...]
    ends: tuple[str, ...]


def bin_of(field: str, value: float) -> Bin:
    """Return the bins of a value of a field."""
    fine = _fine(field, value)
    return Bin(_name(fine), _name(fine >> _COARSE_BITS))


def cover(field: str, span: Range) -> Cover:
    """Return the bins that make up a range.

    Parameters
    ----------
    field : str
        The field, which decides between bins for numbers and for dates.
    span : Range
        The numbers to cover.
    """
    low, high = _fine(field, span.low), _fine(field, span.high)
    ends = (low, high) if low != high else (low,)
    names = tuple(_name(end) for end in ends)
    first, last = low >> _COARSE_BITS, high >> _COARSE_BITS
    if last - first < 2:
        return Cover(None, ((_name(low), _name(high)),), names)
    inner = (_name(low), _name((first + 1) << _COARSE_BITS))
    outer = (_name((last << _COARSE_BITS) - 1), _name(high))
    return Cover((_name(first), _name(last)), (inner, outer), names)


def _fine(field: str, value: float) -> int:
    known = FIELDS.get(field)
    if known is not None and known.kind == "date":
        bounded = max(-1e12, min(1e12, value))
        return max(0, min(2 * _DATE_ZERO, math.floor(bounded / _DATE_BIN) + _DATE_ZERO))
    (bits,) = _LONG.unpack(_DOUBLE.pack(value + 0.0))
    ordered: int = (~bits & _ALL) if bits & _SIGN else bits | _SIGN
    return ordered >> 48


def _name(number: int) -> str:
    return f"{number:05x}"
