"""The smallest lossless coding of an array, found by trying what there is on samples of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from panneuro.codecs.native import kernels
from panneuro.core.errors import InputError

Codecs = tuple[Mapping[str, Any], ...]
"""Zarr v3 codecs in order, as they stand in ``zarr.json``."""

NEAR = 1.02
"""Of codings within this factor of the smallest, the one that is listed first is taken."""


@dataclass(frozen=True)
class Trial:
    """What one coding made of the samples.

    Parameters
    ----------
    name : str
        Of the coding, as ``--codec`` takes it.
    codecs : tuple of mapping
        What stands in ``zarr.json``.
    raw_bytes, coded_bytes : int
        Size of the samples before and after.
    """

    name: str
    codecs: Codecs
    raw_bytes: int
    coded_bytes: int

    @property
    def ratio(self) -> float:
        """How many times smaller."""
        return self.raw_bytes / max(1, self.coded_bytes)


def candidates(n_dims: int, dtype: np.dtype[Any]) -> dict[str, Codecs]:
    """Return the codings that may suit an array, by name, the one to prefer first.

    Codings that are about as small are told apart by this order and not by a stop-watch, so that
    the same recording is always coded the same.

    Parameters
    ----------
    n_dims : int
        Number of axes. Time × channel arrays are turned so that each channel's samples adjoin; but
        for ``"blosc-rows"``, which finds what channels repeat of each other.
    dtype : dtype
        Of the elements.

    Notes
    -----
    ``"lattice-lpc"`` is not offered where its kernels are not compiled: it would take minutes.

    Examples
    --------
    >>> list(candidates(2, np.dtype("int16")))[:4]
    ['lattice-lpc', 'lattice-lpc-fast', 'pcodec', 'pcodec-auto']
    >>> list(candidates(3, np.dtype("uint8")))
    ['blosc', 'zstd']
    """
    turned = ({"name": "transpose", "configuration": {"order": [1, 0]}},) if n_dims == 2 else ()
    found: dict[str, Codecs] = {}
    if n_dims <= 2 and dtype.name in _OURS and kernels():
        found["lattice-lpc"] = (_LATTICE_LPC,)
        found["lattice-lpc-fast"] = ({**_LATTICE_LPC, "configuration": {"effort": "fast"}},)
    if dtype.kind in "iuf" and dtype.itemsize > 1:
        if dtype.kind != "f":
            found["pcodec"] = (*turned, _pcodec("classic", "try_consecutive", 1))
        found["pcodec-auto"] = (*turned, _pcodec("auto", "auto", None))
    if dtype.kind in "iu" and dtype.itemsize > 1:
        found["delta-blosc"] = (*turned, _delta(dtype), _bytes(dtype), _blosc(dtype, 1, 0))
    # In blocks of its own choice, zstd needs level 5 for the ratio of level 1 in these, at a third
    # of the speed.
    found["blosc"] = (*turned, _bytes(dtype), _blosc(dtype, 1, 1 << 18))
    if turned:
        found["blosc-rows"] = (_bytes(dtype), _blosc(dtype, 5, 0))
    if dtype.itemsize == 1:
        found["zstd"] = (_bytes(dtype), _ZSTD)
    ours = _LATTICE_LPC["name"]
    return {
        name: codecs if codecs[0]["name"] == ours else (*codecs, _CRC)
        for name, codecs in found.items()
    }


def every_name() -> tuple[str, ...]:
    """Return the name of every coding there is, for arrays of any kind."""
    kinds = ((2, "int16"), (2, "int8"), (2, "float32"))
    found = (name for n_dims, kind in kinds for name in candidates(n_dims, np.dtype(kind)))
    return tuple(dict.fromkeys(found))


PORTABLE = ("blosc", "blosc-rows", "zstd")
"""The codings that every Zarr v3 implementation ships."""

ON_REQUEST = ("lattice-lpc-fast",)
"""The codings that are tried where they are asked for alone: never the smallest."""

_LATTICE_LPC: Mapping[str, Any] = {"name": "panneuro.lattice-lpc"}
_OURS = ("int16", "uint16", "int32", "uint32", "float32", "float64")
_CRC: Mapping[str, Any] = {"name": "crc32c"}
_ZSTD: Mapping[str, Any] = {"name": "zstd", "configuration": {"level": 5, "checksum": False}}


def choose(
    n_dims: int,
    dtype: np.dtype[Any],
    measure: Callable[[str, Codecs], Trial | None],
    names: Iterable[str] | None = None,
) -> tuple[Trial, tuple[Trial, ...]]:
    """Return the trial of the coding to use, and all trials.

    Parameters
    ----------
    n_dims, dtype
        Of the array.
    measure : callable
        ``measure(name, codecs)`` codes the samples; None where they cannot be coded so.
    names : iterable of str, optional
        Only these codings: `PORTABLE`, or the one that the user wants. An array that none of them
        suits is coded by any.

    Raises
    ------
    InputError
        If one of `names` is no coding.
    """
    known = candidates(n_dims, dtype)
    asked = set(known).difference(ON_REQUEST) if names is None else set(names)
    if strange := asked - {*every_name(), *known}:
        raise InputError(
            f"there is no coding {min(strange)!r}", hint=f"use one of: {', '.join(every_name())}"
        )
    wanted = [name for name in known if name in asked] or [
        name for name in known if name not in ON_REQUEST
    ]
    trials = tuple(trial for name in wanted if (trial := measure(name, known[name])))
    if not trials:
        raise InputError(f"none of the codings {', '.join(wanted)} takes {dtype} data")
    smallest = min(trial.coded_bytes for trial in trials)
    return next(trial for trial in trials if trial.coded_bytes <= NEAR * smallest), trials


def _pcodec(mode: str, delta: str, order: int | None) -> Mapping[str, Any]:
    settings = {"level": 8, "mode_spec": mode, "delta_spec": delta, "delta_encoding_order": order}
    return {"name": "numcodecs.pcodec", "configuration": settings}


def _delta(dtype: np.dtype[Any]) -> Mapping[str, Any]:
    name = dtype.newbyteorder("<").str
    return {"name": "numcodecs.delta", "configuration": {"dtype": name, "astype": name}}


def _bytes(dtype: np.dtype[Any]) -> Mapping[str, Any]:
    if dtype.itemsize == 1:
        return {"name": "bytes"}
    return {"name": "bytes", "configuration": {"endian": "little"}}


def _blosc(dtype: np.dtype[Any], level: int, block_bytes: int) -> Mapping[str, Any]:
    settings = {
        "cname": "zstd",
        "clevel": level,
        "shuffle": "bitshuffle",
        "blocksize": block_bytes,
        "typesize": dtype.itemsize,
    }
    return {"name": "blosc", "configuration": settings}
